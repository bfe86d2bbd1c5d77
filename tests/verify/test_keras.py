"""Keras models as references: what they are, and where they differ from a spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")
keras = pytest.importorskip("keras")

from cnndsl import driver  # noqa: E402
from cnndsl.diagnostics import CnnError, Diagnostic  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.source import Source  # noqa: E402
from cnndsl.verify import Verdict, open_reference, problem, verify  # noqa: E402
from cnndsl.verify.references.keras import KerasReference  # noqa: E402

layers = keras.layers


def module(*rows: str, input: str = "input 12x12x3") -> Module:
    text = "use std\nmodel net {\n" + "\n".join((input, *rows)) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


def chain(*parts: Any, shape: tuple[int, ...] = (12, 12, 3)) -> KerasReference:
    """A model of layers, one after the other; a function takes and gives a tensor."""
    x = start = keras.Input(shape)
    for part in parts:
        x = part(x)
    return KerasReference("keras:test", keras.Model(start, x))


def compared(spec: Module, reference: KerasReference) -> Verdict:
    verdict = verify(spec, reference)
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
    return verdict


def branches(join: Callable[[list[Any]], Any], *parts: Callable[[Any], Any]) -> Any:
    return lambda x: join([part(x) for part in parts])


EQUAL: dict[str, tuple[Module, Callable[[], KerasReference]]] = {
    "convolutions": (
        module("conv 5x3/2x1, 8, pad=same, relu", "conv 3x3, 4, groups=2, dilation=2, pad=same"),
        lambda: chain(
            layers.Conv2D(8, (5, 3), (2, 1), "same", activation="relu"),
            layers.Conv2D(4, 3, padding="same", groups=2, dilation_rate=2),
        ),
    ),
    "depthwise and separable": (
        module("dwconv 3x3/2, 2, pad=same", "dwconv 3x3, bias=false", "conv 1x1, 5, relu"),
        lambda: chain(
            layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2),
            layers.SeparableConv2D(5, 3, padding="same", activation="relu"),
        ),
    ),
    "transposed": (
        module("conv 1x1, 4", "deconv 2x2/2, 6"),
        lambda: chain(layers.Conv2D(4, 1), layers.Conv2DTranspose(6, 2, 2)),
    ),
    "norms": (
        module("conv 1x1, 4", "bn eps=1e-3, scale=false", "ln eps=1e-3", "gn 2, eps=1e-3"),
        lambda: chain(
            layers.Conv2D(4, 1, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.LayerNormalization(),
            layers.GroupNormalization(2),
        ),
    ),
    "a map, flattened": (
        module("conv 3x3, 4, pad=0", "maxpool 2x2/2", "flatten", "fc 7, relu", "fc 3", "softmax"),
        lambda: chain(
            layers.Conv2D(4, 3),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(7, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ),
    ),
    "branches in another order": (
        module("residual { conv 3x3, 3; relu; conv 3x3, 3 }",
               "concat { | conv 1x1, 4 | conv 1x1, 4 | identity }", "conv 1x1, 2"),
        lambda: chain(
            branches(
                lambda parts: layers.Add()(parts[::-1]),
                lambda x: layers.Conv2D(3, 3, padding="same")(
                    layers.Conv2D(3, 3, padding="same", activation="relu")(x)
                ),
                lambda x: x,
            ),
            lambda x: layers.Concatenate()(
                [layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x), x][::1]
            ),
            layers.Conv2D(2, 1),
        ),
    ),
    "squeeze and excitation by full connections": (
        module("conv 1x1, 8", "se(2)", "conv 1x1, 2"),
        lambda: chain(
            layers.Conv2D(8, 1),
            lambda x: layers.Multiply()([
                layers.Reshape((1, 1, 8))(
                    layers.Dense(8, activation="sigmoid")(
                        layers.Dense(2, activation="relu")(layers.GlobalAveragePooling2D()(x))
                    )
                ),
                x,
            ]),
            layers.Conv2D(2, 1),
        ),
    ),
    "a model in a model": (
        module("conv 3x3, 4", "bn eps=1e-3", "relu", "conv 1x1, 2"),
        lambda: chain(
            keras.Sequential([
                layers.Conv2D(4, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
            ]),
            layers.Conv2D(2, 1),
        ),
    ),
    "pixels": (
        module("conv 3x3, 4"),
        lambda: chain(layers.Rescaling(1 / 255), layers.Conv2D(4, 3, padding="same")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EQUAL)
def test_equal(case: str) -> None:
    spec, reference = EQUAL[case]
    verdict = compared(spec, reference())
    assert verdict.equal, problem(verdict).diagnostics


def test_two_inputs_and_shared_weights() -> None:
    left, right = keras.Input((12, 12, 3)), keras.Input((12, 12, 3))
    conv = layers.Conv2D(4, 3, padding="same")
    joined = layers.Subtract()([conv(left), conv(right)])
    theirs = KerasReference("keras:pair", keras.Model([left, right], joined))
    spec = module("from left", "a: conv 3x3, 4", "from right", "b: share a", "sub(a, b)",
                  input="left: input 12x12x3; right: input 12x12x3")  # fmt: skip
    verdict = verify(spec, theirs)
    assert verdict.equal and verdict.layers == 2
    assert verdict.parameters == (112, 112)


UNLIKE: dict[str, tuple[Module, Callable[[], KerasReference], str, str]] = {
    "padding": (
        module("conv 3x3, 4", "conv 3x3/2, 4", "relu"),
        lambda: chain(
            layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, 2, "same"), layers.ReLU()
        ),
        "conv 3x3/2, 4",
        "theirs is `conv2d_1`: Conv2D filters=4, kernel_size=(3, 3), strides=(2, 2), padding=same",
    ),
    "what an average counts": (
        module("conv 3x3, 4", "avgpool 3x3/1, pad=1", "conv 1x1, 4"),
        lambda: chain(
            layers.Conv2D(4, 3, padding="same"),
            layers.AveragePooling2D(3, 1, "same"),
            layers.Conv2D(4, 1),
        ),
        "avgpool 3x3/1, pad=1",
        "theirs is `average_pooling2d`",
    ),
    "epsilon": (
        module("conv 3x3, 4, bn, relu", "conv 1x1, 2"),
        lambda: chain(
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(epsilon=1e-3),
            layers.ReLU(),
            layers.Conv2D(2, 1),
        ),
        "conv 3x3, 4, bn, relu",
        "theirs is `batch_normalization`: BatchNormalization epsilon=0.001",
    ),
    "activation": (
        module("conv 3x3, 4", "silu", "conv 1x1, 2"),
        lambda: chain(layers.Conv2D(4, 3, padding="same"), layers.ReLU(), layers.Conv2D(2, 1)),
        "silu",
        "theirs is `re_lu`: ReLU",
    ),
}


@pytest.fixture(autouse=True)
def _names_from_the_start() -> None:
    keras.backend.clear_session()


@pytest.mark.parametrize("case", UNLIKE)
def test_the_first_tensor_that_differs(case: str) -> None:
    spec, reference, statement, theirs = UNLIKE[case]
    verdict = verify(spec, reference())
    assert not verdict.equal
    diagnostic = only(problem(verdict))
    assert diagnostic.code == "E0903" and diagnostic.place is not None
    assert diagnostic.place.text == statement
    assert any(note.startswith(theirs) for note in diagnostic.notes), diagnostic.notes


def test_another_structure() -> None:
    with pytest.raises(CnnError) as found:
        verify(module("conv 3x3, 4", "conv 1x1, 2"),
               chain(layers.Conv2D(4, 3, padding="same"), layers.Conv2D(3, 1)))  # fmt: skip
    diagnostic = only(found.value)
    assert diagnostic.code == "E0902" and diagnostic.place is not None
    assert diagnostic.place.text == "conv 1x1, 2"
    assert "kernel 1x1x4x3" in diagnostic.notes[0]


def test_a_wrong_weight_is_noticed() -> None:
    """The comparison can fail: one statistic of the reference, a thousandth more."""
    spec = module("conv 3x3, 4, bn", "relu")
    theirs = chain(layers.Conv2D(4, 3, padding="same", use_bias=False),
                   layers.BatchNormalization(epsilon=1e-5), layers.ReLU())  # fmt: skip
    assert verify(spec, theirs).equal
    write = theirs.write

    def falsified(weights: dict[Any, np.ndarray]) -> None:
        key = next(k for k, v in theirs.variables.items() if v[1].name == "moving_variance")
        write({**weights, key: weights[key] * 1.001})

    theirs.write = falsified  # type: ignore[method-assign]
    assert not verify(spec, theirs).equal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ResNet50", "names no network"),
        ("keras:", "names no network"),
        ("kears:ResNet50", "names no network"),
        ("keras:ResNet51", "keras.applications has no `ResNet51`"),
        ("keras:MobileNet(alpha=)", "arguments that are no Python literals"),
        ("keras:MobileNet(alpha=__import__('os'))", "arguments that are no Python literals"),
        ("keras:nowhere:net", "there is no module `nowhere`"),
        ("keras:json:net", "`json` has no `net`"),
        ("keras:MobileNet(alpha='wide')", "cannot be built"),
        ("keras:keras.layers:Dense(3)", "it is no functional Keras model"),
    ],
)
def test_references_that_cannot_be_built(text: str, message: str) -> None:
    with pytest.raises(CnnError) as found:
        open_reference(text, [(32, 32, 3)])
    assert only(found.value).code == "E0901" and message in only(found.value).message


def only(problem: CnnError) -> Diagnostic:
    (diagnostic,) = problem.diagnostics
    return diagnostic
