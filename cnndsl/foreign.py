"""What other tools call our operators, for messages that translate."""

from __future__ import annotations

FOREIGN = {
    "Conv2d": "conv", "Conv2D": "conv", "Convolution": "conv", "conv2d": "conv",
    "DepthwiseConv2D": "dwconv", "SeparableConv2D": "dwconv",
    "ConvTranspose2d": "deconv", "Conv2DTranspose": "deconv", "Deconvolution": "deconv",
    "Linear": "fc", "Dense": "fc", "InnerProduct": "fc", "dense": "fc",
    "BatchNorm2d": "bn", "BatchNormalization": "bn", "BatchNorm": "bn", "batchnorm": "bn",
    "LayerNorm": "ln", "LayerNormalization": "ln", "GroupNorm": "gn",
    "LocalResponseNorm": "lrn", "LRN": "lrn",
    "MaxPool2d": "maxpool", "MaxPooling2D": "maxpool", "max_pool": "maxpool",
    "AvgPool2d": "avgpool", "AveragePooling2D": "avgpool", "avg_pool": "avgpool",
    "AdaptiveAvgPool2d": "globalavgpool", "GlobalAveragePooling2D": "globalavgpool",
    "gap": "globalavgpool", "GlobalMaxPooling2D": "globalmaxpool",
    "ReLU": "relu", "Relu": "relu", "ReLU6": "relu6", "LeakyReLU": "leakyrelu",
    "SiLU": "silu", "swish": "silu", "Swish": "silu", "Hardswish": "hswish",
    "Hardsigmoid": "hsigmoid", "GELU": "gelu", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "Softmax": "softmax", "Dropout": "dropout", "StochasticDepth": "droppath",
    "DropPath": "droppath", "Flatten": "flatten", "Reshape": "flatten",
    "ZeroPad2d": "pad", "ZeroPadding2D": "pad", "Cropping2D": "crop",
    "Upsample": "upsample", "UpSampling2D": "upsample", "interpolate": "upsample",
    "Concatenate": "concat", "Concat": "concat", "cat": "concat", "Add": "add",
    "Eltwise": "add", "Multiply": "mul", "ChannelShuffle": "shuffle", "Identity": "identity",
}
"""Names of PyTorch, Keras, Caffe and papers, and ours."""
