"""Whole networks made ready for inference: the emitted code computes what it did, in JAX."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
safetensors = pytest.importorskip("safetensors.numpy")

import jax.numpy as jnp  # noqa: E402

from cnndsl.cli import main  # noqa: E402
from cnndsl.driver import compile_model  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.ops.activation import Softmax  # noqa: E402
from cnndsl.passes.cost import cost  # noqa: E402
from cnndsl.rewrite.carry import carry  # noqa: E402
from cnndsl.verify.module_weights import by_key, draw, write  # noqa: E402
from tests.support.emitted import Emitted, with_logits  # noqa: E402
from tests.support.photograph import relative  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnndsl.rewrite.carry import Weights

NETWORKS = {
    "resnet.cnn:resnet18": "64x64x3",
    "mobilenet_v2.cnn": "64x64x3",
    "resnet.cnn:resnet50": "64x64x3",
    "googlenet.cnn": "128x128x3",
    "repvgg.cnn:repvgg_a0": "64x64x3",
    "densenet.cnn:densenet121": "64x64x3",
    "inception_v3.cnn": "299x299x3",
    "efficientnet.cnn:efficientnet_b0": "64x64x3",
}
QUICK = ("resnet.cnn:resnet18", "mobilenet_v2.cnn")


def cases(quick: tuple[str, ...]) -> list[Any]:
    """All networks; those that are not quick run with `--slow`."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS]


@pytest.mark.parametrize("name", cases(QUICK))
def test_deployed_networks_compute_what_they_did(name: str) -> None:
    """Before the softmax: to 1e-9 of the largest in float64, to 1e-4 in float32."""
    before = compile_model(name, input=NETWORKS[name])
    after = compile_model(name, input=NETWORKS[name], rewrite=["inference"])
    assert after.derivation is not None
    weights = draw(before.module, seed=3)
    image = np.random.default_rng(0).normal(size=(2, *before.module.main.inputs[0].type.shape))
    for dtype, bar in (("float64", 1e-9), ("float32", 1e-4)):
        given = of_type(weights, dtype)
        moved = carry(after.derivation, given)
        assert not moved.fresh
        assert {x.dtype for roles in moved.weights.values() for x in roles.values()} == {
            np.dtype(dtype)
        }
        expected = run(before.module, given, image, dtype)
        found = run(after.module, moved.weights, image, dtype)
        assert relative(found, expected) <= bar
    assert after.cost.macs <= before.cost.macs
    assert after.cost.params <= before.cost.params
    held = Emitted(after.module).number_of(nnx.Param)
    assert held == after.cost.params == cost(after.module, training=True).params


def of_type(weights: Weights, dtype: str) -> Weights:
    return {
        path: {role: x.astype(dtype) for role, x in roles.items()}
        for path, roles in weights.items()
    }


def run(module: Module, weights: Weights, image: Any, dtype: str) -> Any:
    """What goes into the softmax, or the output where there is none."""
    ends = [node for node in module.main.nodes if isinstance(node.op, Softmax)]
    seen = with_logits(module) if ends else module
    with jax.enable_x64(dtype == "float64"):
        results = Emitted(seen).run(by_key(weights), image, dtype=getattr(jnp, dtype))
    return next(iter(results.values()))


# ------------------------------------------------------------------ files

DEPLOYED = {
    "resnet_cifar.cnn:resnet20": (),
    "mobilenet_v2.cnn": ("--input", "64x64x3"),
    "densenet.cnn:densenet121": ("--input", "64x64x3"),
    "repvgg.cnn:repvgg_a0": ("--input", "64x64x3"),
}


@pytest.mark.parametrize(
    "name", [n if not o else pytest.param(n, marks=pytest.mark.slow) for n, o in DEPLOYED.items()]
)
def test_files_that_are_written_work_together(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec compiles, and its code loads the weights as the manual says."""
    monkeypatch.chdir(tmp_path)
    options = DEPLOYED[name]
    start = compile_model(name, input=options[1] if options else None).module
    write(start, draw(start, seed=1), "w.safetensors")
    assert main(["rewrite", name, *options, "--rule", "inference", "--weights", "w.safetensors",
                 "-o", "deployed.cnn"]) == 0  # fmt: skip
    assert main(["compile", name, *options, "-o", "net.py"]) == 0
    assert main(["compile", "deployed.cnn", "-o", "deployed.py"]) == 0
    image = jnp.asarray(np.random.default_rng(0).normal(size=(2, *start.main.inputs[0].type.shape)))
    expected, found = (
        np.asarray(loaded(code, weights)(image))
        for code, weights in (("net", "w"), ("deployed", "deployed"))
    )
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def loaded(code: str, weights: str) -> Any:
    """The model of a file of code with a file of weights, for inference."""
    spec = importlib.util.spec_from_file_location(code, f"{code}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.create()
    held = safetensors.load_file(f"{weights}.safetensors")
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    for path, variable in nnx.to_flat_state(state):
        variable.set_value(jnp.asarray(held.pop(".".join(map(str, path)))))
    assert not held
    nnx.update(model, state)
    model.eval()
    return model
