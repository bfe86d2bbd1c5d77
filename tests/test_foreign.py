"""Names of other tools: the table has every layer that has a counterpart, and translates it."""

from __future__ import annotations

import inspect
import os
import re
from types import ModuleType

import pytest

from cnndsl.foreign import LAYERS, call_at, translated
from cnndsl.ops import OPS

# What a reader of the lists decided: these have no counterpart. Whatever is not for images, and
# what is no layer of a convolutional network.
NOT_FOR_IMAGES = re.compile(r".*(?:1d|3d|1D|3D|1DTranspose|3DTranspose|Loss|Loss2d)")
NO_COUNTERPART = {
    "torch": """
        AlphaDropout Bilinear CELU CircularPad2d Container CosineSimilarity DataParallel Dropout2d
        ELU Embedding EmbeddingBag FeatureAlphaDropout Fold FractionalMaxPool2d GLU GRU GRUCell
        Hardshrink Hardtanh InstanceNorm2d LPPool2d LSTM LSTMCell LazyInstanceNorm2d LogSigmoid
        LogSoftmax MaxUnpool2d Mish Module ModuleDict ModuleList MultiheadAttention PReLU
        PairwiseDistance ParameterDict ParameterList RMSNorm RNN RNNBase RNNCell RNNCellBase RReLU
        ReflectionPad2d ReplicationPad2d SELU Sequential Softmin Softplus Softshrink Softsign
        Tanhshrink Threshold Transformer TransformerDecoder TransformerDecoderLayer
        TransformerEncoder TransformerEncoderLayer Unflatten Unfold
    """,
    "keras": """
        Activation ActivityRegularization AdditiveAttention AlphaDropout Attention AugMix
        AutoContrast Average Bidirectional CategoryEncoding CenterCrop
        ContrastLimitedAdaptiveHistogramEqualization ConvLSTM2D CutMix Discretization Dot ELU
        EinsumDense Embedding Equalization FlaxLayer GRU GRUCell GaussianDropout GaussianNoise
        GroupQueryAttention HashedCrossing Hashing InputLayer IntegerLookup JaxLayer LSTM LSTMCell
        Lambda Layer Masking MaxNumBoundingBoxes Maximum MelSpectrogram Minimum MixUp
        MultiHeadAttention Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
        RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
        RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
        RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
        RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom RepeatVector
        Rescaling ReversibleEmbedding STFTSpectrogram SimpleRNN SimpleRNNCell Solarization
        SpatialDropout2D SpectralNormalization StackedRNNCells StringLookup TFSMLayer
        TextVectorization TimeDistributed TorchModuleWrapper UnitNormalization Wrapper
    """,
}


def layers(module: ModuleType, base: type) -> set[str]:
    """The layers that a module exports."""
    found = vars(module).items()
    return {name for name, value in found if inspect.isclass(value) and issubclass(value, base)}


def unknown(names: set[str], tool: str) -> set[str]:
    reviewed = set(NO_COUNTERPART[tool].split())
    return {n for n in names - reviewed - set(LAYERS) if not NOT_FOR_IMAGES.fullmatch(n)}


def test_every_layer_of_torch() -> None:
    nn = pytest.importorskip("torch.nn")
    names = layers(nn, nn.Module)
    assert not unknown(names, "torch")
    assert not set(NO_COUNTERPART["torch"].split()) & set(LAYERS)


def test_every_layer_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "jax"))
    found = pytest.importorskip("keras.layers")
    names = layers(found, found.Layer)
    assert not unknown(names, "keras")
    assert not set(NO_COUNTERPART["keras"].split()) & set(LAYERS)


def test_words_are_operators() -> None:
    assert {layer.word for layer in LAYERS.values()} <= set(OPS)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Conv2d(3, 64, kernel_size=7, stride=2, padding=3)", "conv 7x7/2, 64, pad=3"),
        ("nn.Conv2d(64, 64, 3, 1, 1, bias=False)", "conv 3x3, 64, pad=1, bias=false"),
        ("nn.Conv2d(64, 64, 1)", "conv 1x1, 64"),
        ("Conv2d(c, n, (1, 7), padding=(0, 3), groups=g)", "conv 1x7, n, pad=0x3, groups=g"),
        ('Conv2D(64, (3, 3), padding="same", activation="relu")', "conv 3x3, 64, pad=same, relu"),
        ("layers.Conv2D(filters=64, kernel_size=3)", "conv 3x3, 64, pad=valid"),
        ("DepthwiseConv2D(3, strides=2, use_bias=False)", "dwconv 3x3/2, bias=false, pad=valid"),
        ("ConvTranspose2d(64, 32, 2, stride=2)", "deconv 2x2/2, 32"),
        ("MaxPool2d(2)", "maxpool 2x2/2"),
        ("MaxPool2d(3, stride=2, padding=1, ceil_mode=True)", "maxpool 3x3/2, ceil, pad=1"),
        ("AveragePooling2D((2, 2), strides=1)", "avgpool 2x2"),
        ("Linear(512, 10)", "fc 10"),
        ('Dense(units=10, activation="softmax")', "fc 10, softmax"),
        ("BatchNorm2d(64, eps=0.001)", "bn eps=0.001"),
        ("BatchNormalization(momentum=0.9)", "bn momentum=0.1"),
        ("AdaptiveAvgPool2d((1, 1))", "globalavgpool"),
        ("GlobalAveragePooling2D()", "globalavgpool"),
        ("GroupNorm(32, 256)", "gn 32"),
        ("LocalResponseNorm(size=5, k=2)", "lrn size=5, k=2"),
        ("ReLU(inplace=True)", "relu"),
        ("LeakyReLU(0.2)", "leakyrelu slope=0.2"),
        ("Dropout(p=0.5)", "dropout 0.5"),
        ("ZeroPad2d((1, 2, 3, 4))", "pad [3, 4, 1, 2]"),
        ("ZeroPadding2D(((1, 2), (3, 4)))", "pad [1, 2, 3, 4]"),
        ("UpSampling2D(2)", "upsample 2"),
        ('Upsample(scale_factor=2, mode="bilinear")', "upsample 2, mode=bilinear"),
        ("PixelShuffle(2)", "depth_to_space 2"),
        ("Conv(64, (3, 3))", "conv 3x3, 64, pad=same"),
        ("Softmax(dim=1)", "softmax"),
        # What has no counterpart is not guessed.
        ("AdaptiveAvgPool2d(7)", None),
        ('Conv2d(3, 64, 3, padding_mode="reflect")', None),
        ("Conv2d(3, 64, k, padding=k // 2)", None),
        ("Conv2D(64, 3, kernel_initializer=init)", None),
    ],
)
def test_translation(theirs: str, ours: str | None) -> None:
    call = call_at(theirs, 0)
    assert call is not None and call[2] == len(theirs)
    assert translated(*call[:2]) == ours


@pytest.mark.parametrize("text", ["conv(3x3, 64)", "Conv2d 3x3, 64", "Conv2d(3, 64", "x"])
def test_what_is_no_call_of_a_layer(text: str) -> None:
    assert call_at(text, 0) is None


def test_translations_compile() -> None:
    """Where arguments are numbers, what is written is a statement of the language."""
    from cnndsl import driver
    from cnndsl.source import Source

    calls = [
        "Conv2d(3, 64, 3, padding=1)", "BatchNorm2d(64)", "ReLU()", "MaxPool2d(2)",
        "GroupNorm(8, 64)", "Dropout(0.5)", "PixelShuffle(2)", "ZeroPad2d(1)", "Conv2D(8, (3, 3))",
        "UpSampling2D(2)",
        "LocalResponseNorm(5)", "LeakyReLU(0.1)", "GlobalAveragePooling2D()", "Linear(16, 10)",
    ]  # fmt: skip
    statements = [translated(*(call_at(text, 0) or ("", "", 0))[:2]) for text in calls]
    body = "\n  ".join(["input 32x32x3", *map(str, statements)])
    assert driver.check(Source("net.cnn", f"model net {{\n  {body}\n}}\n"))
