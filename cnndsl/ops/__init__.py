"""The operators, one class each, by family. Importing this package fills `OPS`.

conv        conv, dwconv, deconv, local
linear      fc
pool        maxpool, avgpool, globalavgpool, globalmaxpool
norm        bn, ln, gn, lrn, layerscale
activation  relu, relu6, leakyrelu, silu, hswish, hsigmoid, gelu, abs, times, sigmoid,
            tanh, softmax
merge       concat, add, sub, mul
reshape     flatten, pad, pad_channels, crop, upsample, depth_to_space, space_to_depth, shuffle,
            split, identity
regular     dropout, droppath
"""

from __future__ import annotations

from ..op import OPS as OPS
from . import activation, conv, linear, merge, norm, pool, regular, reshape

__all__ = [
    "OPS", "activation", "conv", "linear", "merge", "norm", "pool", "regular", "reshape",
]  # fmt: skip
