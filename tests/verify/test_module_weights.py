"""Weights by path and role: against PyTorch's outputs, exact counts, and what files hold."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")
pytest.importorskip("safetensors")

import jax
import jax.numpy as jnp
from flax import nnx
from safetensors.numpy import load_file, save_file

from cnndsl import driver
from cnndsl.backend import backend
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Call, Module
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from cnndsl.record import replace
from cnndsl.source import Source
from cnndsl.verify.module_weights import check, draw, flat, read, shapes, write


def spec(rows: str, size: str = "16x16x3", blocks: str = "") -> Module:
    text = f"use std\n{blocks}\nmodel net {{ input {size}; {rows} }}\n"
    return driver.compile_model(Source("net.cnn", text)).module


UNITS = spec(
    "conv 3x3, 8, bn, relu; stage a { basic(8) × 2 }; stage b { basic(16, stride=2 then 1) × 2 }; "
    "globalavgpool; fc 5"
)
SHARED = spec(
    "a: conv 3x3, 4, relu; share a; c: unit(4); share c; globalavgpool; fc 3",
    "8x8x4",
    "block unit(n) { conv 3x3, n, bn; inner(n) × 2 }\nblock inner(n) { conv 1x1, n }",
)
MOBILE = spec(
    "conv 3x3/2, 8, bn, relu6; separable(16, 2); inverted(6, 16); inverted(6, 24, 2); "
    "globalavgpool; fc 5"
)
KINDS = spec(
    "conv 3x3/2, 8, pad=1; dwconv 3x3, 2, bias=true; gn 2; deconv 2x2/2, 8, groups=4; "
    "deconv 3x3/2, 6, pad=1; maxpool 4x4/4; flatten; fc 4"
)
AUXILIARY = spec(
    "x: conv 3x3, 4, relu; from x { globalavgpool; fc 3; output aux, training, weight=0.3 }; "
    "globalavgpool; fc 3"
)
MODULES = {
    "units": UNITS, "shared": SHARED, "mobile": MOBILE, "kinds": KINDS, "auxiliary": AUXILIARY,
}  # fmt: skip


def same(a: Any, b: Any) -> bool:
    """Whether weights are equal, bit by bit."""
    return a.keys() == b.keys() and all(
        a[path].keys() == b[path].keys()
        and all(np.array_equal(a[path][role], b[path][role]) for role in a[path])
        for path in a
    )


def refused(module: Module, weights: Any) -> str:
    with pytest.raises(CnnError) as found:
        check(module, weights)
    (problem,) = found.value.diagnostics
    assert problem.code == "E0906"
    return problem.message


# --------------------------------------------------------------------------- files


@pytest.mark.parametrize("name", MODULES)
def test_what_is_drawn_is_written_and_read(name: str, tmp_path: Path) -> None:
    module, path = MODULES[name], str(tmp_path / "w.safetensors")
    weights = draw(module, 3)
    write(module, weights, path)
    assert same(read(module, path), weights)


def test_a_folder_of_orbax(tmp_path: Path) -> None:
    pytest.importorskip("orbax.checkpoint")
    weights = draw(SHARED)
    write(SHARED, weights, str(tmp_path / "w.orbax"))
    assert same(read(SHARED, str(tmp_path / "w.orbax")), weights)


@pytest.mark.parametrize("name", MODULES)
def test_as_many_numbers_as_the_network_has(name: str) -> None:
    """The cost pass counts them without any names; what is shared counts once."""
    weights = draw(MODULES[name])
    found: dict[str, int] = {}
    for roles in weights.values():
        for role, value in roles.items():
            found[f"weight.{role}"] = found.get(f"weight.{role}", 0) + value.size
    counted = cost(MODULES[name], training=True).total
    assert found == {fact: n for fact, n in counted.items() if fact.startswith("weight.")}


def test_seeds() -> None:
    assert same(draw(UNITS, 1), draw(UNITS, 1)) and not same(draw(UNITS, 1), draw(UNITS, 2))


def test_heads_for_training_may_be_missing(tmp_path: Path) -> None:
    path = str(tmp_path / "w.safetensors")
    weights = {at: roles for at, roles in draw(AUXILIARY).items() if at != ("fc1",)}
    write(AUXILIARY, weights, path)
    assert same(read(AUXILIARY, path), weights)


def test_nothing_is_written_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(CnnError):
        write(UNITS, draw(MOBILE), str(tmp_path / "w.safetensors"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(3,), (2, 2, 16, 8), ()])
def test_our_own_file_with_another_shape(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = str(tmp_path / "w.safetensors")
    write(KINDS, draw(KINDS), path)
    save_file({**load_file(path), "deconv1.kernel": np.zeros(shape, np.float32)}, path)
    with pytest.raises(CnnError) as found:
        read(KINDS, path)
    assert found.value.diagnostics[0].code == "E0906"


# ------------------------------------------------------------------------- PyTorch


def residual(torch: Any) -> Any:
    """Basic units, with the names of torchvision."""
    nn = torch.nn

    class Unit(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = nn.Identity()
            if inputs != width:
                projection = nn.Conv2d(inputs, width, 1, stride, bias=False)
                self.downsample = nn.Sequential(projection, nn.BatchNorm2d(width))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            return (y + self.downsample(x)).relu()

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(8)
            self.layer1 = nn.Sequential(Unit(8, 8, 1), Unit(8, 8, 1))
            self.layer2 = nn.Sequential(Unit(8, 16, 2), Unit(16, 16, 1))
            self.fc = nn.Linear(16, 5)

        def forward(self, x: Any) -> Any:
            x = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
            return self.fc(x.mean((2, 3)))

    return Net()


def kinds(torch: Any) -> Any:
    """Depthwise, grouped and transposed convolutions, and a map that is flattened."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.Conv2d(8, 16, 3, padding=1, groups=8),
        nn.GroupNorm(2, 16),
        nn.ConvTranspose2d(16, 8, 2, 2, groups=4),
        nn.ConvTranspose2d(8, 6, 3, 2, 1),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(7 * 7 * 6, 4),
    )


def filled(torch: Any, model: Any) -> Any:
    """A model in inference in which no scale is 1 and no statistic trivial."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.ndim == 1:
                tensor.uniform_(*((0.5, 1.5) if name.endswith(("weight", "var")) else (-0.3, 0.3)))
    return model.eval()


def created(module: Module, file: str) -> nnx.Module:
    """The emitted model with a file's weights, as docs/weights.md says."""
    python = ModuleType(module.name)
    exec(backend("flax").emit(module), python.__dict__)
    model: nnx.Module = python.create()
    model.eval()
    weights = load_file(file)
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    for path, variable in nnx.to_flat_state(state):
        variable.set_value(jnp.asarray(weights[".".join(map(str, path))]))
    nnx.update(model, state)
    return model


@pytest.mark.parametrize(("module", "make"), [(UNITS, residual), (KINDS, kinds)])
def test_the_written_file_computes_what_pytorch_does(
    module: Module, make: Any, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    model, path = filled(torch, make(torch)), str(tmp_path / "w.safetensors")
    torch.save(model.state_dict(), tmp_path / "m.pth")
    write(module, read(module, str(tmp_path / "m.pth")), path, str(tmp_path / "m.pth"))
    x = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype(np.float32)
    with torch.inference_mode():
        theirs = model(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    with jax.default_matmul_precision("highest"):
        ours = created(module, path)(jnp.asarray(x))  # type: ignore[operator]
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_paths_of_a_file_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = filled(torch, residual(torch)).state_dict()
    torch.save(state, tmp_path / "m.pth")
    weights = read(UNITS, str(tmp_path / "m.pth"))
    kernels = {
        ("conv1",): "conv1", ("a_basic2", "conv1"): "layer1.1.conv1",
        ("b_basic1", "conv2"): "layer2.0.conv2",
        ("b_basic1", "shortcut_b1", "conv1"): "layer2.0.downsample.0",
    }  # fmt: skip
    for at, name in kernels.items():
        assert np.array_equal(
            weights[at]["kernel"].transpose(3, 2, 0, 1), state[f"{name}.weight"].numpy()
        )
    norm = weights["b_basic1", "shortcut_b1", "bn1"]
    assert np.array_equal(norm["variance"], state["layer2.0.downsample.1.running_var"].numpy())
    assert np.array_equal(weights["fc1",]["kernel"].T, state["fc.weight"].numpy())


# --------------------------------------------------------------------------- paths


def test_shared_weights_stand_where_they_are_first_used() -> None:
    weights = draw(SHARED)
    assert set(weights) == {
        ("a",), ("c", "conv1"), ("c", "bn1"), ("c", "inner1", "conv1"), ("c", "inner2", "conv1"),
        ("fc1",),
    }  # fmt: skip
    named = flat(SHARED, weights)
    weighted = [n for n in flatten(SHARED).nodes if (n.weights or n.name) in named]
    assert len(weighted) == 2 * 5 + 1
    assert named["c.inner2.conv1"] is weights["c", "inner2", "conv1"]


def test_names_that_collide() -> None:
    """A node of the main flow may be called what flattening makes of another."""
    module = spec("conv 1x1, 4; unit(4)", "8x8x4", "block unit(n) { conv 3x3, n }")
    first, call = module.main.nodes
    main = replace(module.main, nodes=(replace(first, name=f"{call.name}.conv1"), call))
    module = replace(module, functions=(*module.functions[:-1], main))
    found = {name: roles["kernel"].shape for name, roles in flat(module, draw(module)).items()}
    assert [node.name for node in flatten(module).nodes] == ["unit1.conv1", "unit1.conv1_2"]
    assert found == {"unit1.conv1": (1, 1, 4, 4), "unit1.conv1_2": (3, 3, 4, 4)}


def test_paths_outlive_a_function_of_ones_own() -> None:
    """A rewrite of one place clones the function: every weight is where it was."""
    *functions, main = UNITS.functions
    at = next(i for i, node in enumerate(main.nodes) if node.name == "a_basic2")
    call = main.nodes[at].op
    assert isinstance(call, Call)
    clone = replace(UNITS.by_name[call.function], name="clone")
    nodes = (*main.nodes[:at], replace(main.nodes[at], op=Call("clone")), *main.nodes[at + 1 :])
    module = replace(UNITS, functions=(*functions, clone, replace(main, nodes=nodes)))
    assert shapes(module) == shapes(UNITS)


# -------------------------------------------------------------------------- checks


def test_weights_that_do_not_fit() -> None:
    weights = dict(draw(UNITS))
    check(UNITS, weights)
    at = ("a_basic1", "conv1")
    kernel = weights[at]["kernel"]
    for given, said in (
        ({"kernel": kernel[..., :4]}, "there is kernel 3x3x8x4, and it needs kernel 3x3x8x8"),
        ({"kernel": kernel, "bias": kernel[0, 0, 0]}, "there is kernel 3x3x8x8, bias 8, and"),
        ({}, "there is nothing, and it needs kernel"),
    ):
        message = refused(UNITS, {**weights, at: given})
        assert f"those of `net`: for `a_basic1.conv1` {said}" in message
    del weights[at]
    assert "for `a_basic1.conv1` there is nothing" in refused(UNITS, weights)
    unknown = {**draw(UNITS), ("conv9",): {"kernel": kernel}}
    assert "for `conv9` there is kernel 3x3x8x8, and it needs nothing" in refused(UNITS, unknown)


def test_those_who_share_have_none() -> None:
    weights = draw(SHARED)
    assert "`a_2`" in refused(SHARED, {**weights, ("a_2",): weights["a",]})


def test_flat_weights_are_checked() -> None:
    with pytest.raises(CnnError):
        flat(UNITS, draw(MOBILE))
