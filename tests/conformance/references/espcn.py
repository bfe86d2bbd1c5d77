"""ESPCN in PyTorch.

Shi et al., Real-Time Single Image and Video Super-Resolution, 2016, section 3.
"""

from __future__ import annotations

from torch import nn


def espcn(factor: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, padding=2),
        nn.Tanh(),
        nn.Conv2d(64, 32, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(32, factor**2, 3, padding=1),
        nn.PixelShuffle(factor),
    )
