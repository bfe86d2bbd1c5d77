"""Flax modules as references: our own, modules written by hand, and where they differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")
pytest.importorskip("safetensors")

import jax
import jax.numpy as jnp
from flax import linen, nnx

from cnndsl import driver
from cnndsl.backend import backend, weighted_backend
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.graph import Module
from cnndsl.source import Source
from cnndsl.verify import Verdict, open_reference, problem, verify
from cnndsl.verify.checkpoints import save
from cnndsl.verify.ours import trace_of
from cnndsl.verify.references.flax import FlaxReference
from cnndsl.verify.verdict import pair, weights_of

HERE = "a_module_of_a_test"


@pytest.fixture(autouse=True)
def here() -> Iterator[ModuleType]:
    """A module that references can be imported from."""
    module = sys.modules[HERE] = ModuleType(HERE)
    yield module
    del sys.modules[HERE]


def spec(*rows: str, input: str = "input 12x12x3") -> Module:
    text = "use std\nmodel net {\n" + "\n".join((input, *rows)) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


def theirs(make: Any, *shapes: tuple[int, ...]) -> FlaxReference:
    sys.modules[HERE].make = make  # type: ignore[attr-defined]
    return opened("make", shapes or ((12, 12, 3),))


def opened(name: str, shapes: Any) -> FlaxReference:
    found = open_reference(f"flax:{HERE}:{name}", shapes)
    assert isinstance(found, FlaxReference)
    return found


def emitted(module: Module, shapes: Any, change: tuple[str, str] = ("", "")) -> FlaxReference:
    """The emitted code as a reference, with one text in it replaced."""
    code = backend("flax").emit(module)
    assert change[0] in code
    code = code.replace(*change) if change[0] else code
    exec(compile(code, HERE, "exec"), sys.modules[HERE].__dict__)
    return opened("create", shapes)


def equal(module: Module, reference: FlaxReference) -> Verdict:
    verdict = verify(module, reference)
    assert verdict.equal, problem(verdict).diagnostics
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
    return verdict


def only(problem: CnnError) -> Diagnostic:
    (diagnostic,) = problem.diagnostics
    return diagnostic


# ---------------------------------------------------------------- the emitted code

ALL = spec(
    "conv 3x3, 8, bn, relu",
    "residual { conv 3x3, 8; ln; gelu }",
    "se(2)",
    "deconv 2x2/2, 6",
    "deconv 3x3/2, 6, groups=3, pad=1",
    "gn 2",
    "silu",
    "layerscale",
    "hswish",
    "dwconv 3x3, 2, dilation=2",
    "concat { | conv 1x1, 4 | maxpool 3x3/1, pad=1 | conv 3x3, 4; tanh }",
    "shuffle 2",
    "lrn",
    "avgpool 3x3/2",
    "flatten order=chw",
    "dropout 50%",
    "fc 5",
    "softmax",
)


def test_what_we_emit_is_what_it_says() -> None:
    """Every weight of the reference is the one that `weight_map` names."""
    reference = emitted(ALL, [(12, 12, 3)])
    assert equal(ALL, reference).layers == 14
    _, pairing = pair(ALL, reference)
    places = weighted_backend().weight_map(ALL)
    assert {key: ".".join(map(str, place.path)) for key, place in places.items()} == dict(
        pairing.weights
    )


def test_two_inputs_two_outputs_and_shared_weights() -> None:
    module = spec(
        "from left", "a: conv 3x3, 4", "from right", "b: share a",
        "z: sub(a, b)", "conv 1x1, 2", "output first", "from z", "globalavgpool", "output second",
        input="left: input 12x12x3; right: input 12x12x3",
    )  # fmt: skip
    verdict = equal(module, emitted(module, [(12, 12, 3)] * 2))
    assert verdict.layers == 3 and len(verdict.compared) == 2


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        (("epsilon=1e-5", "epsilon=1e-4"), "bn"),
        (("padding=((0, 1), (0, 1))", "padding=((1, 0), (1, 0))"), "maxpool"),
        (("approximate=False", "approximate=True"), "gelu"),
        (("alpha=", "alpha=2 * "), "lrn"),
    ],
)
def test_the_first_tensor_that_differs(change: tuple[str, str], layer: str) -> None:
    """The comparison can fail, and says where."""
    module = spec("conv 3x3, 8, bn, relu", "maxpool 3x3/2, pad=same", "gelu", "lrn", "conv 1x1, 3")
    verdict = verify(module, emitted(module, [(12, 12, 3)], change))
    assert not verdict.equal
    assert verdict.parting is not None and verdict.parting.ours.kind == layer


def test_a_part_that_is_missing() -> None:
    module = spec("conv 3x3, 8, bn, relu", "conv 3x3, 4, bn")
    reference = emitted(module, [(12, 12, 3)], ("self.bn2(self.conv2(x))", "self.conv2(x)"))
    with pytest.raises(CnnError) as found:
        verify(module, reference)
    diagnostic = only(found.value)
    assert diagnostic.code == "E0902" and diagnostic.place is not None
    assert diagnostic.place.text == "conv 3x3, 4, bn"


# ------------------------------------------------------------ modules written by hand


class Hand(nnx.Module):
    """Layers of Flax, a convolution without a layer, a factor and an offset by hand."""

    def __init__(self, width: int = 4, *, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, width, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.gamma = nnx.Param(jnp.ones(width))
        self.kernel = nnx.Param(jnp.ones((3, 3, 1, width)))
        self.offset = nnx.Param(jnp.zeros(width))
        self.up = nnx.ConvTranspose(width, 6, (2, 2), (2, 2), transpose_kernel=True, rngs=rngs)
        self.head = nnx.Linear(6, 5, use_bias=False, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm(self.stem(x)))
        y = jax.lax.conv_general_dilated(
            x, self.kernel[...], (1, 1), "SAME", feature_group_count=x.shape[-1],
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ) + self.offset[...]  # fmt: skip
        x = x + y * jax.nn.sigmoid(y) * self.gamma[...]
        x = self.up(x)
        return self.head(self.drop(x.mean((1, 2))))


HAND = spec(
    "conv 3x3, 4, bias=true, bn, relu",
    "add { | dwconv 3x3; silu; layerscale | identity }",
    "deconv 2x2/2, 6",
    "globalavgpool",
    "fc 5, bias=false",
)


def test_a_module_by_hand() -> None:
    reference = theirs(Hand)
    assert equal(HAND, reference).layers == 6
    assert "stem.kernel" in reference.stored
    assert "__call__" in nnx.Conv.__dict__ and not hasattr(nnx.Conv.__call__, "__wrapped__")


def test_arguments() -> None:
    sys.modules[HERE].Hand = Hand  # type: ignore[attr-defined]
    assert opened("Hand(width=6)", ((12, 12, 3),)).trace.steps[0].shape == (12, 12, 6)


class Block(linen.Module):
    width: int

    @linen.compact
    def __call__(self, x: Any, train: bool) -> Any:
        y = linen.Conv(self.width, (3, 3), use_bias=False)(x)
        y = linen.BatchNorm(use_running_average=not train, epsilon=1e-5)(y)
        return x + linen.gelu(y, approximate=False)


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x: Any, train: bool = True) -> Any:
        x = linen.Conv(4, (3, 3), strides=2)(x)
        for _ in range(2):
            x = Block(4)(x, train)
        x = linen.Dropout(0.5, deterministic=not train)(linen.LayerNorm()(x))
        x = linen.avg_pool(x, (2, 2), (2, 2)).reshape(x.shape[0], -1)
        return {"b": linen.Dense(7)(x), "a": linen.softmax(linen.Dense(3)(x))}


def test_linen() -> None:
    module = spec(
        "conv 3x3/2, 4, pad=same",
        "residual { conv 3x3, 4, bn, gelu } × 2",
        "ln eps=1e-6",
        "avgpool 2x2/2",
        "v: flatten",
        "fc 7", "output b", "from v", "fc 3", "softmax", "output a",
    )  # fmt: skip
    verdict = equal(module, theirs(Linen))
    assert [output.output for output in verdict.compared] == ["b", "logits", "a"]


# --------------------------------------------------------------------- checkpoints


def weights_for(module: Module) -> dict[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    slots = trace_of(module).slots
    return {key: rng.uniform(0.1, 0.5, s.shape).astype(np.float32) for key, s in slots.items()}


def test_weights_of_a_file(tmp_path: Path) -> None:
    reference = emitted(ALL, [(12, 12, 3)])
    weights = weights_for(ALL)
    for name in ("weights.safetensors", "weights.orbax"):
        path = str(tmp_path / name)
        save(path, ALL, weights)
        reference.write({key: 0 * value for key, value in reference.read().items()})
        reference.load(path)
        found = weights_of(ALL, reference)
        assert found.keys() == weights.keys()
        assert all(np.array_equal(found[key], weights[key]) for key in found)
        assert verify(ALL, reference, weights=found).equal


def test_weights_of_another_network(tmp_path: Path) -> None:
    other = spec("conv 3x3, 8, bn, relu", "fc 3", input="input 1x1x3")
    path = str(tmp_path / "weights.safetensors")
    save(path, other, weights_for(other))
    with pytest.raises(CnnError) as found:
        emitted(ALL, [(12, 12, 3)]).load(path)
    assert only(found.value).code == "E0906"


# ------------------------------------------------------------------------- mistakes


class Loop(nnx.Module):
    """A layer in a loop of JAX."""

    def __init__(self, *, rngs: nnx.Rngs) -> None:
        self.kernel = nnx.Param(jnp.ones((3, 3)))

    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.kernel[...]
        return jax.lax.scan(lambda carry, _: (carry @ kernel, None), x, None, 3)[0]


class Constant(nnx.Module):
    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.ones(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "gives a `int`, which is no module of Flax"),
        (lambda rngs: nnx.Linear(7, 3, rngs=rngs), "does not run on inputs of 12x12x3"),
        (lambda width: width, "missing 1 required positional argument"),
        (Loop, "`scan` hides layers"),
        (lambda: Constant(), "does not depend on its inputs"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(CnnError) as found:
        theirs(make)
    diagnostic = only(found.value)
    assert diagnostic.code == "E0901" and message in diagnostic.message
