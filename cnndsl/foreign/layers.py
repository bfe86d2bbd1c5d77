"""Layers of PyTorch, Keras, Flax, Caffe and papers, and the operators that they are here.

A layer has the names of its arguments in the order of its tool, so that `Conv2d(3, 64, 7)` can be
read. A test compares the table with the classes of `torch.nn` and `keras.layers`.
"""

from __future__ import annotations

from ..record import Record

TORCH, KERAS, FLAX, CAFFE, PAPERS = "PyTorch", "Keras", "Flax", "Caffe", "papers"


class Layer(Record):
    """A layer of another tool.

    Arguments:
        word: our operator.
        tool: whose name it is.
        arguments: their names there, in order; empty where they cannot be translated.
        given: what it says by its name, as arguments of ours.
    """

    word: str
    tool: str
    arguments: tuple[str, ...] = ()
    given: str = ""


def _layers(tool: str, *rows: tuple[str, str, str] | tuple[str, str, str, str]) -> dict[str, Layer]:
    return {
        name: Layer(row[0], tool, tuple(row[1].split()), row[2] if len(row) > 2 else "")
        for names, *row in rows
        for name in names.split()
    }


_CONV = "in_channels out_channels kernel_size stride padding"
_TORCH = _layers(
    TORCH,
    ("Conv2d", "conv", f"{_CONV} dilation groups bias padding_mode"),
    ("LazyConv2d", "conv", "out_channels kernel_size stride padding dilation groups bias"),
    ("ConvTranspose2d", "deconv", f"{_CONV} output_padding groups bias dilation"),
    ("LazyConvTranspose2d", "deconv", "out_channels kernel_size stride padding output_padding"),
    ("Linear", "fc", "in_features out_features bias"),
    ("LazyLinear", "fc", "out_features bias"),
    ("BatchNorm2d SyncBatchNorm", "bn", "num_features eps momentum"),
    ("LazyBatchNorm2d", "bn", "eps momentum"),
    ("LayerNorm", "ln", "normalized_shape eps"),
    ("GroupNorm", "gn", "num_groups num_channels eps"),
    ("LocalResponseNorm CrossMapLRN2d", "lrn", "lrn_size alpha beta lrn_k"),
    ("MaxPool2d", "maxpool", "pool_size stride padding dilation return_indices ceil_mode"),
    ("AvgPool2d", "avgpool", "pool_size stride padding ceil_mode count_include_pad"),
    ("AdaptiveAvgPool2d", "globalavgpool", "output_size"),
    ("AdaptiveMaxPool2d", "globalmaxpool", "output_size"),
    ("ReLU", "relu", "inplace"),
    ("ReLU6", "relu6", "inplace"),
    ("LeakyReLU", "leakyrelu", "negative_slope inplace"),
    ("SiLU", "silu", "inplace"),
    ("Hardswish", "hswish", "inplace"),
    ("Hardsigmoid", "hsigmoid", "inplace"),
    ("GELU", "gelu", ""),
    ("Sigmoid", "sigmoid", ""),
    ("Tanh", "tanh", ""),
    ("Softmax Softmax2d", "softmax", "dim"),
    ("Dropout", "dropout", "p inplace"),
    ("Flatten", "flatten", ""),
    ("ZeroPad2d", "pad", "pad_amount"),
    ("ConstantPad2d", "pad", "pad_amount value"),
    ("Upsample", "upsample", "upsample_size scale_factor mode align_corners"),
    ("UpsamplingNearest2d", "upsample", "upsample_size scale_factor"),
    ("UpsamplingBilinear2d", "upsample", "upsample_size scale_factor",
     "mode=bilinear, align_corners=true"),
    ("PixelShuffle", "depth_to_space", "upscale_factor"),
    ("PixelUnshuffle", "space_to_depth", "downscale_factor"),
    ("ChannelShuffle", "shuffle", "shuffle_groups"),
    ("Identity", "identity", ""),
)  # fmt: skip

_STRIDED = "kernel_size strides padding data_format"
_POOL = "pool_size strides padding"
_KERAS = _layers(
    KERAS,
    ("Conv2D Convolution2D", "conv",
     f"filters {_STRIDED} dilation_rate groups activation use_bias"),
    ("DepthwiseConv2D", "dwconv",
     "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias"),
    ("SeparableConv2D SeparableConvolution2D", "dwconv", ""),
    ("LocallyConnected2D", "local", f"filters {_STRIDED} activation use_bias"),
    ("Conv2DTranspose Convolution2DTranspose", "deconv",
     f"filters {_STRIDED} output_padding dilation_rate activation use_bias"),
    ("Dense", "fc", "units activation use_bias"),
    ("BatchNormalization", "bn", "axis old_momentum epsilon"),
    ("LayerNormalization", "ln", "axis epsilon"),
    ("GroupNormalization", "gn", "num_groups axis epsilon"),
    ("MaxPooling2D MaxPool2D", "maxpool", _POOL),
    ("AveragePooling2D AvgPool2D", "avgpool", _POOL),
    ("GlobalAveragePooling2D GlobalAvgPool2D", "globalavgpool", "data_format keepdims"),
    ("GlobalMaxPooling2D GlobalMaxPool2D", "globalmaxpool", "data_format keepdims"),
    ("AdaptiveAveragePooling2D", "globalavgpool", "output_size"),
    ("AdaptiveMaxPooling2D", "globalmaxpool", "output_size"),
    ("ReLU", "relu", ""),
    ("LeakyReLU", "leakyrelu", "negative_slope"),
    ("Softmax", "softmax", "axis"),
    ("Dropout", "dropout", "p"),
    ("Flatten Reshape", "flatten", ""),
    ("ZeroPadding2D", "pad", "keras_amount"),
    ("Cropping2D", "crop", "keras_amount"),
    ("UpSampling2D", "upsample", "scale_factor data_format mode"),
    ("Resizing", "upsample", ""),
    ("Concatenate", "concat", ""),
    ("Add", "add", ""),
    ("Subtract", "sub", ""),
    ("Multiply", "mul", ""),
)  # fmt: skip

_FLAX = _layers(
    FLAX,
    ("Conv", "conv", "filters kernel_size strides padding"),
    ("ConvLocal", "local", "filters kernel_size strides padding"),
    ("ConvTranspose", "deconv", "filters kernel_size strides padding"),
    ("BatchNorm", "bn", ""),
    ("max_pool", "maxpool", ""),
    ("avg_pool", "avgpool", ""),
)
_CAFFE = _layers(
    CAFFE,
    ("Convolution", "conv", ""),
    ("Deconvolution", "deconv", ""),
    ("InnerProduct", "fc", ""),
    ("Pooling", "maxpool", ""),
    ("LRN", "lrn", ""),
    ("Eltwise", "add", ""),
    ("Concat", "concat", ""),
    ("AbsVal", "abs", ""),
    ("TanH", "tanh", ""),
    ("Split", "identity", ""),
)
_PAPERS = _layers(
    PAPERS,
    ("conv2d convolution", "conv", ""),
    ("depthwise DepthwiseConv depthwise_conv", "dwconv", ""),
    ("dense linear_layer fully_connected FC", "fc", ""),
    ("batchnorm batch_norm BN", "bn", ""),
    ("layernorm layer_norm LN", "ln", ""),
    ("maxpooling max_pooling", "maxpool", ""),
    ("averagepool avgpooling average_pool mean_pool", "avgpool", ""),
    ("gap GAP global_average_pooling", "globalavgpool", ""),
    ("swish Swish", "silu", ""),
    ("HardSwish hardswish", "hswish", ""),
    ("HardSigmoid hardsigmoid", "hsigmoid", ""),
    ("LeakyRelu leaky_relu", "leakyrelu", ""),
    ("Relu", "relu", ""),
    ("Abs", "abs", ""),
    ("StochasticDepth DropPath stochastic_depth", "droppath", ""),
    ("interpolate Interpolate", "upsample", ""),
    ("cat", "concat", ""),
    ("DepthToSpace pixel_shuffle", "depth_to_space", ""),
    ("SpaceToDepth", "space_to_depth", ""),
    ("skip_connection", "identity", ""),
)

LAYERS = {**_PAPERS, **_CAFFE, **_FLAX, **_KERAS, **_TORCH}
"""By name; where tools share one, its PyTorch meaning."""
