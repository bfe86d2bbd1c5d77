"""Weights of files as ours: what is found, what is refused, and files that mean harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax")
pytest.importorskip("safetensors")

from flax import nnx
from safetensors.numpy import load_file, save_file

from cnndsl import driver
from cnndsl.backend import backend, weighted_backend
from cnndsl.cli import main
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.graph import Module
from cnndsl.source import Source
from cnndsl.verify.checkpoints import Conversion, convert, read_checkpoint, save
from cnndsl.verify.ours import Emitted, trace_of

Tensors = Mapping[str, np.ndarray]


def spec(*rows: str, input: str = "input 16x16x3", head: str = "model net") -> Module:
    text = f"use std\n{head} {{\n" + "\n".join((input, *rows)) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


def drawn(shape: tuple[int, ...], name: str, rng: np.random.Generator) -> np.ndarray:
    """Random values, none of them trivial; those of scales and variances are near 1."""
    if len(shape) > 1:
        return rng.normal(0, (3 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
    low = 0.5 if re.search("var|weight|gamma|scale", name) else -0.2
    return rng.uniform(low, low + 1, shape).astype(np.float32)


def weights_for(module: Module) -> dict[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    slots = trace_of(module).slots
    return {key: rng.normal(size=s.shape).astype(np.float32) for key, s in slots.items()}


def only(problem: CnnError) -> Diagnostic:
    (diagnostic,) = problem.diagnostics
    return diagnostic


def refused(module: Module, path: object, code: str) -> Diagnostic:
    with pytest.raises(CnnError) as found:
        convert(module, read_checkpoint(str(path)))
    diagnostic = only(found.value)
    assert diagnostic.code == code
    return diagnostic


def said(diagnostic: Diagnostic) -> str:
    return "\n".join((diagnostic.message, *diagnostic.notes, *(h.text for h in diagnostic.help)))


def pairs(module: Module, tensors: Tensors, folder: Path) -> dict[str, str]:
    """Which tensor of a safetensors file is which kernel of ours, by giving each its own number."""
    names = list(tensors)
    numbered = {n: np.full(v.shape, i, np.float32) for i, (n, v) in enumerate(tensors.items())}
    save_file(numbered, folder / "numbered.safetensors")
    found = convert(module, read_checkpoint(folder / "numbered.safetensors"))
    return {
        ".".join(key[0]): names[int(value.flat[0])].rpartition(".")[0]  # type: ignore[index]
        for key, value in found.weights.items()
        if key[1] in ("kernel", "scale")  # type: ignore[index]
    }


# ------------------------------------------------------------------------ PyTorch


class Torch:
    """Modules of PyTorch; made on first use, so that these tests run where it is missing."""

    @staticmethod
    def unit(inputs: int, width: int, stride: int, order: str) -> Any:
        from torch import nn

        class Unit(nn.Module):
            """A bottleneck whose parts are declared in some order."""

            def __init__(self) -> None:
                super().__init__()
                parts: dict[str, Callable[[], Any]] = {
                    "conv1": lambda: nn.Conv2d(inputs, width, 1, bias=False),
                    "bn1": lambda: nn.BatchNorm2d(width),
                    "conv2": lambda: nn.Conv2d(width, width, 3, stride, 1, bias=False),
                    "bn2": lambda: nn.BatchNorm2d(width),
                    "conv3": lambda: nn.Conv2d(width, 4 * width, 1, bias=False),
                    "bn3": lambda: nn.BatchNorm2d(4 * width),
                }
                shortcut = {
                    "downsample": lambda: nn.Sequential(
                        nn.Conv2d(inputs, 4 * width, 1, stride, bias=False),
                        nn.BatchNorm2d(4 * width),
                    )
                }
                if inputs == 4 * width:
                    shortcut = {}
                ordered = {**shortcut, **parts} if order == "before" else {**parts, **shortcut}
                for name, make in ordered.items():
                    setattr(self, name, make())
                self.relu = nn.ReLU()

            def forward(self, x: Any) -> Any:
                y = self.relu(self.bn1(self.conv1(x)))
                y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
                return self.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))

        return Unit()

    @staticmethod
    def residual(order: str) -> Any:
        """In the first unit the shapes of `conv3` and of the projection are equal."""
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Sequential(*(Torch.unit(i, 8, 1, order) for i in (8, 32))),
            nn.Sequential(Torch.unit(32, 16, 2, order), Torch.unit(64, 16, 1, order)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 5),
        )

    @staticmethod
    def kinds() -> Any:
        """Depthwise, grouped and transposed convolutions, norms, and a map that is flattened."""
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.Conv2d(8, 16, 3, padding=1, groups=8),
            nn.BatchNorm2d(16, affine=False),
            nn.Conv2d(16, 16, 3, padding=1, groups=4),
            nn.GroupNorm(2, 16),
            nn.ConvTranspose2d(16, 8, 2, 2, groups=4),
            nn.ConvTranspose2d(8, 6, 3, 2, 1),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(7 * 7 * 6, 9),
            nn.ReLU(),
            nn.Linear(9, 4),
        )


RESIDUAL = spec(
    "conv 3x3, 8, bn, relu",
    "stage a { bottleneck(8) × 2 }",
    "stage b { bottleneck(16, stride=2 then 1) × 2 }",
    "globalavgpool",
    "fc classes",
    head="model net(classes=5)",
)
KINDS = spec(
    "conv 3x3/2, 8, pad=1",
    "dwconv 3x3, 2, bias=true",
    "bn scale=false, shift=false",
    "conv 3x3, 16, groups=4",
    "gn 2",
    "deconv 2x2/2, 8, groups=4",
    "deconv 3x3/2, 6, pad=1",
    "maxpool 4x4/4",
    "flatten",
    "fc 9, relu",
    "fc 4",
)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def filled(model: Any, seed: int = 0) -> Any:
    """A PyTorch model in inference with random weights and statistics."""
    import torch

    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.tensor(drawn(tuple(tensor.shape), name, rng)))
    return model.eval()


def check_run(module: Module, found: Conversion, model: Any) -> None:
    """The emitted code with the weights that were found computes what PyTorch does."""
    import torch

    x = np.random.default_rng(1).normal(size=(1, 16, 16, 3)).astype(np.float32)
    with torch.inference_mode():
        theirs = model(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    (ours,) = Emitted(module).run(found.weights, [x]).values()
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_shortcut_wherever_the_file_lists_it(order: str, torch: Any, tmp_path: Path) -> None:
    model = filled(Torch.residual(order))
    torch.save({"epoch": 3, "state_dict": model.state_dict(), "optimizer": {}}, tmp_path / "m.pth")
    found = convert(RESIDUAL, read_checkpoint(tmp_path / "m.pth"))
    assert (found.layers, found.left_out, found.missing) == (31, (), ())
    if order == "before":
        check_run(RESIDUAL, found, model)
    save_file({f"module.{k}": v.numpy() for k, v in model.state_dict().items()},
              tmp_path / "m.safetensors")  # fmt: skip
    again = convert(RESIDUAL, read_checkpoint(tmp_path / "m.safetensors"))
    assert all(np.array_equal(again.weights[key], value) for key, value in found.weights.items())


def test_kinds_of_layers(torch: Any, tmp_path: Path) -> None:
    model = filled(Torch.kinds())
    torch.save(model.state_dict(), tmp_path / "m.pth")
    check_run(KINDS, convert(KINDS, read_checkpoint(tmp_path / "m.pth")), model)


def test_half_precision(torch: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file as save_torch

    state = {k: v.bfloat16() for k, v in filled(Torch.kinds()).state_dict().items()}
    torch.save(state, tmp_path / "m.pth")
    save_torch(state, tmp_path / "m.safetensors")
    found = [convert(KINDS, read_checkpoint(tmp_path / name)).weights
             for name in ("m.pth", "m.safetensors")]  # fmt: skip
    assert all(np.array_equal(found[0][key], found[1][key]) for key in found[0])
    assert found[0][("conv1",), "kernel"].dtype == np.float32


# -------------------------------------------------------------- which layer is which


def kernels(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A state dict of PyTorch with a weight for each name; `__` stands for a dot."""
    return {f"{n.replace('__', '.')}.weight": np.zeros(s, np.float32) for n, s in shapes.items()}


SQUARE = (4, 4, 1, 1)
CHAIN = spec("conv 1x1, 4, bias=false", "relu", "conv 1x1, 4, bias=false", input="input 4x4x4")
BRANCHES = ("concat { | a: conv 1x1, 4, bias=false | b: conv 1x1, 4, bias=false }",)


def test_numbers_in_names_are_an_order(tmp_path: Path) -> None:
    chain = spec(*["conv 1x1, 4, bias=false"] * 11, input="input 4x4x4")
    tensors = kernels(**{f"layer_{i}": SQUARE for i in range(9, 20)})
    assert pairs(chain, tensors, tmp_path) == {f"conv{i}": f"layer_{i + 8}" for i in range(1, 12)}


def test_letters_are_none(tmp_path: Path) -> None:
    save_file(kernels(first=SQUARE, second=SQUARE), tmp_path / "m.safetensors")
    told = said(refused(CHAIN, tmp_path / "m.safetensors", "E0906"))
    assert "`first`, `second` may each be any of `conv1`, `conv2`" in told
    assert "--against torch:MODULE:FACTORY" in told


def test_the_order_of_a_program_is_one(torch: Any, tmp_path: Path) -> None:
    layers = {
        "stem": torch.nn.Conv2d(4, 4, 1, bias=False),
        "end": torch.nn.Conv2d(4, 4, 1, bias=False),
    }
    model = filled(torch.nn.Sequential(__import__("collections").OrderedDict(layers)))
    torch.save(model.state_dict(), tmp_path / "m.pth")
    found = convert(CHAIN, read_checkpoint(tmp_path / "m.pth")).weights
    stem = model.stem.weight.detach().numpy()
    assert np.array_equal(found[("conv1",), "kernel"][0, 0].T, stem[:, :, 0, 0])


def test_branches_are_not_in_order(torch: Any, tmp_path: Path) -> None:
    module = spec(*BRANCHES, input="input 4x4x4")
    torch.save({"l.weight": torch.ones(SQUARE), "r.weight": torch.ones(SQUARE)}, tmp_path / "m.pth")
    refused(module, tmp_path / "m.pth", "E0906")


def test_the_custom_of_a_file(tmp_path: Path) -> None:
    """One block's branches are told by their sizes, so those of the other block are too."""
    known = "concat { | conv 1x1, 2, bias=false | conv 1x1, 6, bias=false }"
    module = spec(known, "conv 1x1, 4, bias=false", *BRANCHES, input="input 4x4x4")
    shapes = {"one__branch1": (2, 4, 1, 1), "one__branch2": (6, 4, 1, 1),
              "mid": (4, 8, 1, 1), "two__branch1": SQUARE, "two__branch2": SQUARE}  # fmt: skip
    found = pairs(module, kernels(**shapes), tmp_path)
    assert found["a"] == "two.branch1" and found["b"] == "two.branch2"
    shapes["one__branch1"], shapes["one__branch2"] = (6, 4, 1, 1), (2, 4, 1, 1)
    save_file(kernels(**shapes), tmp_path / "m.safetensors")
    refused(module, tmp_path / "m.safetensors", "E0906")


def test_names_that_end_alike(tmp_path: Path) -> None:
    """Only the second unit tells which of two equal shapes is the shortcut."""
    module = spec("bottleneck(4)", "bottleneck(4)", input="input 4x4x4")
    bn = {"weight", "bias", "running_mean", "running_var"}

    def unit(name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        found = {}
        for part, shape in shapes.items():
            found[f"{name}.{part}.conv.weight"] = np.zeros(shape, np.float32)
            found.update({f"{name}.{part}.bn.{w}": np.zeros(shape[0], np.float32) for w in bn})
        return found

    main = {"x": (4, 4, 1, 1), "y": (4, 4, 3, 3), "z": (16, 4, 1, 1)}
    second = unit("second", {**main, "x": (4, 16, 1, 1)})
    first = unit("first", {"a": (16, 4, 1, 1), **main})
    found = pairs(module, {**first, **second}, tmp_path)
    assert found["bottleneck1.conv3"] == "first.z.conv"
    assert found["bottleneck1.shortcut_b1.conv1"] == "first.a.conv"
    assert found["bottleneck1.shortcut_b1.bn1"] == "first.a.bn"
    alone = spec("bottleneck(4)", input="input 4x4x4")
    save_file(first, tmp_path / "alone.safetensors")
    told = said(refused(alone, tmp_path / "alone.safetensors", "E0906"))
    assert "`first.a.conv`, `first.z.conv`" in told


# ----------------------------------------------------------- more and less than ours

AUX = (
    "conv 3x3, 4", "mid: relu", "conv 3x3, 4",
    "globalavgpool", "fc 5",
    "from mid { conv 1x1, 2; globalavgpool; fc 5; output aux, training }",
)  # fmt: skip
MAIN = {"a": (4, 3, 3, 3), "b": (4, 4, 3, 3), "fc": (5, 4)}
HEAD = {"aux__conv": (2, 4, 1, 1), "aux__fc": (5, 2)}


def biased(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    found = kernels(**shapes)
    return found | {
        name.replace("weight", "bias"): np.zeros(value.shape[0], np.float32)
        for name, value in found.items()
    }


def converted(module: Module, tensors: Tensors, folder: Path) -> Conversion:
    save_file(dict(tensors), folder / "m.safetensors")
    return convert(module, read_checkpoint(folder / "m.safetensors"))


def test_auxiliary_heads(tmp_path: Path) -> None:
    with_head, without = spec(*AUX), spec(*AUX[:-1])
    both = converted(with_head, biased(**MAIN, **HEAD), tmp_path)
    assert (both.layers, both.left_out, both.missing) == (5, (), ())
    less = converted(with_head, biased(**MAIN), tmp_path)
    assert (less.layers, less.left_out, less.missing) == (3, (), ("conv3", "fc2"))
    more = converted(without, biased(**MAIN, **HEAD), tmp_path)
    assert (more.layers, more.left_out, more.missing) == (3, ("aux.conv", "aux.fc"), ())


def test_another_number_of_classes(tmp_path: Path) -> None:
    module = spec(*AUX[:4], "fc classes", head="model net(classes=7)")
    save_file(biased(**MAIN), tmp_path / "m.safetensors")
    diagnostic = refused(module, tmp_path / "m.safetensors", "E0906")
    assert "`fc` is 4x5, and `fc1` is 4x7" in diagnostic.message
    assert diagnostic.help[0].text == "`--set classes=5` gives the model that many"


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (kernels(**MAIN), "`a` has `weight`, and `conv1` is `conv` with kernel 3x3x3x4, bias 4"),
        (biased(**{**MAIN, "b": (4, 4, 5, 5)}), "`b` is 5x5x4x4, and `conv2` is 3x3x4x4"),
        (biased(a=MAIN["a"], fc=MAIN["fc"]), "of layers like `conv2`, `conv` with kernel"),
        (biased(**MAIN, b2=MAIN["b"]), "these are alike: `b`, `b2`"),
        (
            biased(**{f"{p}__{n}": s for p in ("net", "ema") for n, s in MAIN.items()}),
            "these are alike: `ema`, `net`",
        ),
    ],
)
def test_another_network(tensors: Tensors, message: str, tmp_path: Path) -> None:
    save_file(dict(tensors), tmp_path / "m.safetensors")
    diagnostic = refused(spec(*AUX[:-1]), tmp_path / "m.safetensors", "E0906")
    assert message in diagnostic.message


def test_a_layer_scale_and_a_name_of_its_own(tmp_path: Path) -> None:
    module = spec("first: conv 1x1, 4", "ln", "layerscale", "fc 2", input="input 1x1x3")
    given = biased(dw=(4, 3, 1, 1), norm=(4,), head=(2, 4))
    given["layer_scale"] = np.arange(4, dtype=np.float32).reshape(4, 1, 1)
    given["steps"] = np.zeros((), np.int64)  # type: ignore[assignment]
    found = converted(module, given, tmp_path)
    assert found.weights[("layerscale1",), "scale"].tolist() == [0, 1, 2, 3]
    assert found.layers == 4


# -------------------------------------------------------------------------- Keras


def keras_files(model: Any, folder: Path) -> list[Path]:
    paths = [folder / name for name in ("m.weights.h5", "m.keras", "m.h5")]
    model.save_weights(paths[0])
    model.save(paths[1])
    model.save(paths[2])
    return paths


def refill(model: Any) -> None:
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if "float" in variable.dtype:
            variable.assign(drawn(tuple(variable.shape)[::-1], variable.name, rng).T)


def check_keras(module: Module, model: Any, folder: Path) -> Conversion:
    """Every format gives the weights that structural matching finds in the model itself."""
    from cnndsl.verify import weights_of
    from cnndsl.verify.references.keras import KerasReference

    refill(model)
    files = keras_files(model, folder)
    expected = weights_of(module, KerasReference("keras:test", model))
    for path in files:
        found = convert(module, read_checkpoint(path))
        assert found.weights.keys() == expected.keys()
        assert all(np.array_equal(found.weights[key], expected[key]) for key in expected)
        refill_with_zeros(model)
        reference = KerasReference("keras:test", model)
        reference.load(str(path))
        again = weights_of(module, reference)
        assert all(np.array_equal(again[key], expected[key]) for key in expected)
    return found


def refill_with_zeros(model: Any) -> None:
    for variable in model.weights:
        variable.assign(0 * variable)


def test_keras_applications(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    model = keras.applications.MobileNet(
        alpha=0.25, weights=None, input_shape=(32, 32, 3), classes=7, classifier_activation=None
    )
    module = driver.compile_model(
        "mobilenet.cnn:mobilenet_keras", settings={"alpha": "0.25", "classes": "7"},
        input="32x32x3",
    ).module  # fmt: skip
    check_keras(module, model, tmp_path)


def test_keras_layers(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    layers = keras.layers
    inner = keras.Sequential([layers.Conv2D(6, 1), layers.LayerNormalization()])
    x = start = keras.Input((8, 8, 4))
    x = layers.SeparableConv2D(4, 3, padding="same")(x)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.Conv2DTranspose(8, 2, 2)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    x = layers.MaxPooling2D(4)(inner(x))
    x = layers.Dropout(0.5, seed=1)(layers.Flatten()(x))
    model = keras.Model(start, layers.Dense(3)(x))
    module = spec(
        "dwconv 3x3, bias=false", "conv 1x1, 4, bias=true", "bn scale=false, eps=1e-3",
        "deconv 2x2/2, 8", "dwconv 3x3, 2, bias=true", "conv 1x1, 6", "ln eps=1e-3",
        "maxpool 4x4/4", "flatten", "fc 3", input="input 8x8x4",
    )  # fmt: skip
    assert check_keras(module, model, tmp_path).layers == 8


def test_files_of_keras_2(tmp_path: Path) -> None:
    """A whole model, names as bytes, a list in two pieces, and a layer inside another model."""
    h5py = pytest.importorskip("h5py")
    shapes = {"late": {"late/kernel:0": (1, 1, 4, 4), "late/bias:0": (4,)},
              "early": {"inner/early_1/kernel:0": (1, 1, 4, 4), "inner/early_1/bias:0": (4,)},
              "act": {}}  # fmt: skip
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = b"{"
        group = file.create_group("model_weights")
        group.attrs["layer_names0"] = [b"late", b"act"]
        group.attrs["layer_names1"] = [b"early"]
        for number, (layer, weights) in enumerate(shapes.items()):
            inner = group.create_group(layer)
            inner.attrs["weight_names"] = [name.encode() for name in weights]
            for name, shape in weights.items():
                inner[name] = np.full(shape, number, "f4")
    module = spec("conv 1x1, 4", "relu", "conv 1x1, 4", input="input 4x4x4")
    checkpoint = read_checkpoint(tmp_path / "m.h5")
    assert list(checkpoint.tensors) == [
        "late/0", "late/1", "early/inner/early_1/0", "early/inner/early_1/1"
    ]  # fmt: skip
    found = convert(module, checkpoint).weights
    assert found[("conv1",), "bias"].max() == 0 and found[("conv2",), "bias"].max() == 1


def test_keras_reference_with_weights_of_another(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from cnndsl.verify.references.keras import KerasReference

    def network(width: int) -> Any:
        start = keras.Input((8, 8, 3))
        return keras.Model(start, keras.layers.Conv2D(width, 3)(start))

    network(5).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(CnnError) as found:
        KerasReference("keras:test", network(4)).load(str(tmp_path / "m.weights.h5"))
    assert only(found.value).code == "E0906"


# --------------------------------------------------------------------- our own files

OWN = spec(
    "conv 3x3, 4, bn, relu",
    "bottleneck(2) × 3",
    "deconv 2x2/2, 3",
    "globalavgpool",
    "fc classes",
    head="model net(classes=5)",
)


@pytest.mark.parametrize("name", ["w.safetensors", "w.orbax"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    weights = weights_for(OWN)
    save(str(tmp_path / name), OWN, weights)
    found = convert(OWN, read_checkpoint(tmp_path / name))
    assert found.weights.keys() == weights.keys()
    assert all(np.array_equal(found.weights[key], weights[key]) for key in weights)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    from hashlib import sha256

    from safetensors import safe_open

    source, path = tmp_path / "w.pth", tmp_path / "w.safetensors"
    source.write_bytes(b"abc")
    save(str(path), OWN, weights_for(OWN), str(source))
    with safe_open(path, "np") as file:
        about = file.metadata()
        places = weighted_backend().weight_map(OWN).values()
        assert set(file.keys()) == {".".join(map(str, place.path)) for place in places}
    assert about["model"] == "net" and about["source_sha256"] == sha256(b"abc").hexdigest()


def test_our_own_file_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save(str(path), OWN, weights_for(OWN))
    tensors = load_file(path)
    small = {name: value for name, value in tensors.items() if name != "fc1.bias"}
    save_file(small, path)
    assert "no bias for `fc1`" in refused(OWN, path, "E0906").message
    save_file({**tensors, "fc1.kernel": np.zeros((3, 9), np.float32)}, path)
    assert "`--set classes=9`" in said(refused(OWN, path, "E0906"))


def test_nothing_is_written_over(tmp_path: Path) -> None:
    weights = weights_for(OWN)
    (tmp_path / "w.orbax").mkdir()
    for path in (
        tmp_path / "w.orbax",
        tmp_path / "no" / "w.orbax",
        tmp_path / "no" / "w.safetensors",
    ):
        with pytest.raises(CnnError) as found:
            save(str(path), OWN, weights)
        assert only(found.value).code == "E0701"


DOCS = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("code", [block for block in BLOCKS if "create()" in block])
def test_the_documented_lines(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After them, the emitted model computes with the weights of the file."""
    emitted = ModuleType("resnet50")
    exec(backend("flax").emit(OWN), emitted.__dict__)
    monkeypatch.setitem(sys.modules, "resnet50", emitted)
    monkeypatch.chdir(tmp_path)
    weights = weights_for(OWN)
    for name in ("resnet50.safetensors", "resnet50.orbax"):
        save(name, OWN, weights)
    scope: dict[str, Any] = {}
    exec(code, scope)
    state = dict(nnx.to_flat_state(nnx.state(scope["model"], (nnx.Param, nnx.BatchStat))))
    expected = weighted_backend().arrange(OWN, weights)
    assert state.keys() == expected.keys()
    assert all(np.array_equal(state[path].get_value(), expected[path]) for path in state)


def test_the_documented_python(torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = (block for block in BLOCKS if "read_checkpoint" in block)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet50.cnn").write_text("model net { input 8x8x3; conv 1x1, 2 }")
    torch.save(torch.nn.Conv2d(3, 2, 1).state_dict(), tmp_path / "resnet50.pth")
    exec(code, {})
    assert load_file(tmp_path / "resnet50.safetensors").keys() == {"conv1.kernel", "conv1.bias"}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.cnn").write_text(
        "use std\nmodel net {\ninput 16x16x3\n" + "\n".join(AUX) + "\n}"
    )
    save_file(biased(**MAIN), tmp_path / "m.safetensors")
    out = tmp_path / "out.safetensors"
    arguments = ["verify", str(tmp_path / "net.cnn"), "--weights", str(tmp_path / "m.safetensors")]
    assert main([*arguments, "-o", str(out)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{out}: the weights of `net` from {tmp_path / 'm.safetensors'}",
        "3 layers, paired by names, order and shapes; `--against` proves it",
        "not in the file, for training only: `conv3`, `fc2`",
    ]
    assert len(load_file(out)) == 6


# -------------------------------------------------------------- files that mean harm


class Payload:
    """What a pickle would run."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


def header(content: object, data: bytes = bytes(16)) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(**changes: object) -> dict[str, object]:
    return {"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}


SAFETENSORS = {
    "offsets beyond the end": header(tensor(data_offsets=[0, 1 << 40])),
    "a shape that is not there": header(tensor(shape=[1 << 40, 1 << 40])),
    "a negative size": header(tensor(shape=[-4])),
    "no number at all": header(json.dumps(tensor(shape=[float("nan")])).encode()),
    "a hole": header(tensor(shape=[2], data_offsets=[8, 16])),
    "a header as long as the disk": struct.pack("<Q", 1 << 62) + b"{}",
    "depth": header(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "cut off": header(tensor())[:-8],
    "nothing": b"",
    "a page of an error": b"<!DOCTYPE html><html><body>404",
    "a pickle of an older Python": pickle.dumps({"w": 1}, 0),
}


def test_names_without_end(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for names in (["." * 100_000], [f"{i}.weight" for i in range(60_000)]):
        save_file(dict.fromkeys(names, np.zeros(1, np.float32)), path)
        assert "longer names" in refused(OWN, path, "E0905").message
    digits = {f"{'9' * 400}{i}.weight": np.zeros(SQUARE, np.float32) for i in range(2)}
    assert pairs(CHAIN, digits, tmp_path)["conv1"].endswith("90")


@pytest.mark.parametrize("case", SAFETENSORS)
def test_damaged_headers(case: str, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(SAFETENSORS[case])
    refused(OWN, tmp_path / "w.safetensors", "E0905")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "no such file" in refused(OWN, tmp_path / "w.pth", "E0905").message
    assert "no checkpoint of Orbax" in refused(OWN, tmp_path, "E0905").message


@pytest.mark.parametrize("legacy", [True, False])
def test_a_payload_does_not_run(legacy: bool, torch: Any, tmp_path: Path) -> None:
    target, path = tmp_path / "it-ran", tmp_path / "w.pth"
    state = {"w": torch.ones(2), "x": Payload(target)}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    diagnostic = refused(OWN, path, "E0905")
    assert "asks to run `posix.system`" in diagnostic.message
    assert "weights_only" not in said(diagnostic)  # PyTorch's advice is to trust it
    assert not target.exists()
    with path.open("rb") as stream:  # it would have run
        torch.load(stream, weights_only=False)
    assert target.exists()


def test_a_plain_pickle_does_not_run(torch: Any, tmp_path: Path) -> None:
    for protocol in (2, 3, 4, 5):
        (tmp_path / "w.pt").write_bytes(pickle.dumps({"w": Payload(tmp_path / "it-ran")}, protocol))
        refused(OWN, tmp_path / "w.pt", "E0905")
    assert not (tmp_path / "it-ran").exists()


def test_damaged_files_of_pytorch(torch: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"

    def told(content: Any) -> str:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        return said(refused(OWN, path, "E0905"))

    assert "claims 4,000,000,000,000 bytes" in told({"w": torch.ones(1).expand(10**12)})
    assert "no plain tensor" in told({"w": torch.ones(4).to_sparse()})
    assert "no weights by name" in told([1, 2])
    assert "no weights by name" in told({})
    assert "several things: a, b" in told({"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}})
    assert "torch.nn.modules.conv.Conv2d" in told(torch.nn.Conv2d(1, 1, 1))
    torch.save({"w": torch.ones(1000)}, path)
    whole = path.read_bytes()
    assert "cut off or damaged" in told(whole[: len(whole) // 2])
    assert "cut off or damaged" in told(whole[:-30])
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/data/0", bytes(20_000_000))
    assert "claims 20,000,004 bytes" in told(bomb.getvalue())


def test_an_unsafe_pytorch_is_not_used(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pth")
    monkeypatch.setattr(torch, "__version__", "2.5.1")
    assert "install 2.6 or later" in said(refused(OWN, tmp_path / "w.pth", "E0905"))


def hdf5(path: Path, write: Callable[[Any], None]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.ones((1, 1, 3, 4), "f4")
        write(file)


def test_hdf5_that_leads_elsewhere(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0\0\x80?" * 64)
    hdf5(tmp_path / "other.h5", lambda file: None)

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((4,), "f4")
        source = h5py.VirtualSource(str(tmp_path / "other.h5"), "layers/conv2d/vars/0", (4,))
        layout[:] = source[:]
        file.create_virtual_dataset("layers/conv2d/vars/1", layout)

    def external(file: Any) -> None:
        file.create_dataset("layers/conv2d/vars/1", (4,), "f4", external=[(str(secret), 0, 16)])

    def cycle(file: Any) -> None:
        file["layers/conv2d/again"] = file["layers"]

    cases: dict[str, tuple[Callable[[Any], None], str]] = {
        "link": (
            lambda file: file.__setitem__("layers/x", h5py.ExternalLink(str(secret), "/")),
            "`layers/x` leads to another place or file",
        ),
        "soft": (
            lambda file: file.__setitem__("layers/x", h5py.SoftLink("/layers")),
            "`layers/x` leads to another place or file",
        ),
        "virtual": (virtual, "`layers/conv2d/vars/1` is in another file"),
        "external": (external, "`layers/conv2d/vars/1` is in another file"),
        "cycle": (cycle, "there more than once"),
    }
    for name, (write, message) in cases.items():
        hdf5(tmp_path / f"{name}.h5", write)
        assert message in refused(OWN, tmp_path / f"{name}.h5", "E0905").message


def test_hdf5_that_claims_too_much(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    hdf5(path, lambda file: file.create_dataset(
        "layers/conv2d/vars/1", (10**11,), "f4", chunks=(10**6,), compression="gzip"
    ))  # fmt: skip
    assert "claims 400,000,000,048 bytes" in refused(OWN, path, "E0905").message
    hdf5(path, lambda file: None)
    whole = path.read_bytes()
    for size in (100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        refused(OWN, path, "E0905")


def test_keras_archives(tmp_path: Path) -> None:
    """The configuration is not looked at; weights are read only if they are not compressed."""
    pytest.importorskip("h5py")
    hdf5(tmp_path / "w.h5", lambda file: None)
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda", "config": {"function": "evil"}}')
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    assert list(read_checkpoint(path).tensors) == ["conv2d/0"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(20_000_000))
    assert "claims 20,000,000 bytes" in refused(OWN, path, "E0905").message
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights.npy", b"")
    assert "an archive without weights" in refused(OWN, path, "E0905").message


def test_names_do_not_reach_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.cnn").write_text("model net { input 8x8x3; conv 1x1, 2 }")
    hidden = {"a.weight": (2, 3, 1, 1), "a.bias": (2,), "\x1b]0;gone\x07.gamma": (9,)}
    save_file({n: np.zeros(s, np.float32) for n, s in hidden.items()}, tmp_path / "w.safetensors")
    arguments = ["verify", str(tmp_path / "net.cnn"), "--weights", str(tmp_path / "w.safetensors")]
    assert main([*arguments, "-o", str(tmp_path / "out.safetensors")]) == 0
    captured = capsys.readouterr()
    assert "gone" in captured.out and "\x1b" not in captured.out + captured.err
