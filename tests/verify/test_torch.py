"""PyTorch modules as references, written in every style, and mistakes in them."""

from __future__ import annotations

import random
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("flax")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cnndsl import driver  # noqa: E402
from cnndsl.diagnostics import CnnError, Diagnostic  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.source import Source  # noqa: E402
from cnndsl.verify import Verdict, open_reference, problem, verify  # noqa: E402
from cnndsl.verify.references.torch import TorchReference  # noqa: E402


def spec(*rows: str, input: str = "input 12x12x4") -> Module:
    text = "use std\nmodel net {\n" + "\n".join((input, *rows)) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


def reference(model: nn.Module, *shapes: tuple[int, ...]) -> TorchReference:
    return TorchReference("torch:test", model, shapes or ((12, 12, 4),))


def equal(module: Module, model: nn.Module, *shapes: tuple[int, ...]) -> Verdict:
    """The verdict, which has to be that both are the same."""
    verdict = verify(module, reference(model, *shapes))
    assert verdict.equal, problem(verdict)
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
    return verdict


def difference(module: Module, model: nn.Module) -> Diagnostic:
    """What is said of a network that is another one."""
    with pytest.raises(CnnError) as raised:
        raise problem(verify(module, reference(model)))
    (found,) = raised.value.diagnostics
    return found


class Forward(nn.Module):
    """A module of parts whose `forward` is a function of them and the inputs."""

    def __init__(self, forward: Any, **parts: nn.Module) -> None:
        super().__init__()
        self.flow = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.flow(self, *inputs)


def conv_bn(*args: Any, **options: Any) -> nn.Sequential:
    conv = nn.Conv2d(*args, bias=False, **options)
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True))


# ------------------------------------------------------------------------ styles


class Basic(nn.Module):
    """A residual unit with everything in place, and the sum the other way round."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )
        self.bn2 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.downsample(x) if self.downsample else x
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = shortcut + 0
        shortcut += y
        return self.relu(shortcut)


RESIDUAL = spec(
    "conv 3x3, 8, bn, relu", "basic(8)", "basic(16, stride=2)", "globalavgpool", "fc 5", "softmax"
)


def residual() -> nn.Module:
    return nn.Sequential(
        conv_bn(4, 8, 3, padding=1), Basic(8, 8, 1), Basic(8, 16, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def test_residual() -> None:
    verdict = equal(RESIDUAL, residual())
    assert verdict.layers == 13
    assert verdict.versions.startswith("PyTorch ")


class Functional(nn.Module):
    """Parameters, and functions of them: no module inside."""

    def __init__(self) -> None:
        super().__init__()
        self.w2, self.b2 = nn.Parameter(torch.zeros(3, 6)), nn.Parameter(torch.zeros(3))
        self.w1, self.b1 = nn.Parameter(torch.zeros(8 * 36, 6)), nn.Parameter(torch.zeros(6))
        self.k, self.b = nn.Parameter(torch.zeros(8, 4, 3, 3)), nn.Parameter(torch.zeros(8))
        self.gamma, self.beta = nn.Parameter(torch.ones(8)), nn.Parameter(torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1))
        x = F.conv2d(x, weight=self.k, bias=self.b)
        x = F.layer_norm(x.permute(0, 2, 3, 1), (8,), self.gamma, self.beta).permute(0, 3, 1, 2)
        x = x * torch.sigmoid(x)
        x = F.max_pool2d(x, 2)
        x = torch.clamp(x.reshape(len(x), -1) @ self.w1 + self.b1, min=0)
        return F.softmax(torch.addmm(self.b2, x, self.w2.t()), dim=1)


def test_functions_alone() -> None:
    module = spec("conv 3x3, 8", "ln", "silu", "maxpool 2x2/2", "flatten", "fc 6, relu", "fc 3",
                  "softmax")  # fmt: skip
    model = Functional()
    equal(module, model)
    trace = reference(model).trace
    said = {step.name: step.said for step in trace.steps}
    assert said["conv2d"] == "conv2d(14x14x4, weight=k, bias=b)"


def test_groups_gates_and_shuffles() -> None:
    module = spec(
        "conv 1x1, 8, bias=false", "bn", "hswish",
        "dwconv 3x3, bias=false", "bn(scale=false)", "se(2)",
        "conv 3x3/2, 12, groups=4", "shuffle 4",
        "left, right: split 2",
        "concat { | from left | from right; conv 1x1, 3, relu6 }",
        "deconv 3x3/2, 6, pad=1, output_padding=1, groups=3", "gn 2", "gelu",
    )  # fmt: skip

    def flow(self: Any, x: Tensor) -> Tensor:
        x = F.hardswish(self.bn1(self.point(x)))
        x = self.norm2(self.depth(x))
        gate = self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))).sigmoid()
        x = self.grouped(gate * x)
        n, c, h, w = x.shape
        x = x.view(n, 4, c // 4, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        left, right = x.chunk(2, 1)
        x = torch.cat([left, F.hardtanh(self.point2(right), 0.0, 6.0)], dim=1)
        return F.gelu(self.norm(self.deconv(x)))

    model = Forward(
        flow, deconv=nn.ConvTranspose2d(9, 6, 3, 2, 1, 1, groups=3), norm=nn.GroupNorm(2, 6),
        point2=nn.Conv2d(6, 3, 1), grouped=nn.Conv2d(8, 12, 3, 2, 1, groups=4),
        up=nn.Conv2d(2, 8, 1), down=nn.Conv2d(8, 2, 1), norm2=nn.BatchNorm2d(8),
        depth=nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False),
        bn1=nn.BatchNorm2d(8), point=nn.Conv2d(4, 8, 1, bias=False),
    )  # fmt: skip
    with torch.no_grad():
        model.norm2.weight = None
    equal(module, model)


class Block(nn.Module):
    """ConvNeXt's unit: full connections over the channels of a map, and a learnt factor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.movedim(-1, 1)


def test_channels_last() -> None:
    module = spec(
        "residual { dwconv 7x7; ln eps=1e-6; conv 1x1, 16, gelu; conv 1x1, 4; layerscale }",
        "flatten", "fc 3",
    )  # fmt: skip
    flat = Forward(
        lambda self, x: self.head(self.block(x).permute(0, 2, 3, 1).flatten(1)),
        head=nn.Linear(576, 3), block=Block(4),
    )  # fmt: skip
    equal(module, flat)
    equal(module, nn.Sequential(Block(4), nn.Flatten(), nn.Linear(576, 3)))


def test_a_norm_as_arithmetic() -> None:
    """The norm of ConvNeXt's own code, over the channels of a map that has them first."""

    class Norm(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))

        def forward(self, x: Tensor) -> Tensor:
            u = x.mean(1, keepdim=True)
            s = (x - u).pow(2).mean(1, keepdim=True)
            x = (x - u) / torch.sqrt(s + 1e-6)
            return self.weight[:, None, None] * x + self.bias[:, None, None]

    model = nn.Sequential(nn.Conv2d(4, 6, 3), Norm(6), nn.Conv2d(6, 2, 1))
    equal(spec("conv 3x3, 6, pad=0", "ln eps=1e-6", "conv 1x1, 2"), model)


def test_two_inputs_with_shared_weights() -> None:
    module = driver.compile_model(Source("net.cnn", """
        block tower { conv 3x3/2, 6, relu; flatten; fc 5 }
        model net {
          left: input 12x12x4
          right: input 12x12x4
          from left
          a: tower
          from right
          b: share a
          sub(a, b)
          abs
          fc 1, sigmoid
        }""")).module  # fmt: skip
    model = Forward(
        lambda self, x, y: self.head(torch.abs(self.tower(x) - self.tower(y))).sigmoid(),
        head=nn.Linear(5, 1),
        tower=nn.Sequential(
            nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(216, 5)
        ),
    )  # fmt: skip
    equal(module, model, (12, 12, 4), (12, 12, 4))


def test_other_operators() -> None:
    module = spec(
        "conv 3x3, 8, leakyrelu(0.2)", "lrn size=3, alpha=1e-2", "avgpool 3x3/2, pad=1, ceil",
        "depth_to_space 2", "upsample 2, mode=bilinear", "pad 1", "crop 2", "conv 1x1, 4, hsigmoid",
        "space_to_depth 2", "maxpool 2x2/2, pad=1", "pad_channels 20", "tanh", "times 3",
        "globalmaxpool", "dropout", "fc 2",
    )  # fmt: skip

    def flow(self: Any, x: Tensor) -> Tensor:
        x = F.local_response_norm(F.leaky_relu(self.first(x), 0.2), 3, 1e-2)
        x = F.pixel_shuffle(F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), 2)
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = F.pad(x, [1, 1, 1, 1])[:, :, 2:-2, 2:-2]
        x = F.max_pool2d(F.pixel_unshuffle(F.hardsigmoid(self.second(x)), 2), 2, padding=1)
        x = torch.cat([x, torch.zeros_like(x)[:, :4]], 1)
        x = 3 * torch.tanh(x)
        return self.head(F.dropout(x.amax((2, 3)), 0.5, self.training))

    equal(module, Forward(
        flow, first=nn.Conv2d(4, 8, 3, 1, 1), second=nn.Conv2d(2, 4, 1), head=nn.Linear(20, 2)
    ))  # fmt: skip


@pytest.mark.parametrize("way", ["squeeze", "mean", "index", "view", "pool"])
def test_a_vector_from_a_map(way: str) -> None:
    ways = {
        "squeeze": lambda x: F.adaptive_avg_pool2d(x, (1, 1)).squeeze(),
        "mean": lambda x: torch.mean(x.flatten(2), dim=-1),
        "index": lambda x: F.avg_pool2d(x, x.shape[2:])[:, :, 0, 0],
        "view": lambda x: nn.AdaptiveAvgPool2d(1)(x).view(x.size(0), -1),
        "pool": lambda x: x.mean(3).mean(2),
    }
    model = Forward(
        lambda self, x: self.head(ways[way](self.conv(x))),
        head=nn.Linear(6, 3), conv=nn.Conv2d(4, 6, 3),
    )  # fmt: skip
    equal(spec("conv 3x3, 6, pad=0", "globalavgpool", "fc 3"), model)


Heads = namedtuple("Heads", "logits aux")


@dataclass
class Output:
    logits: Tensor
    nothing: None
    aux: Tensor


@pytest.mark.parametrize("form", [
    lambda a, b: (a, b), lambda a, b: [a, b], Heads, lambda a, b: Output(a, None, b),
    lambda a, b: {"logits": a, "number": 3, "aux": [b]},
])  # fmt: skip
def test_several_outputs(form: Any) -> None:
    module = spec("conv 3x3, 6", "output a", "conv 1x1, 2", "output b")
    equal(module, Forward(
        lambda self, x: form(y := self.first(x), self.second(y)),
        second=nn.Conv2d(6, 2, 1), first=nn.Conv2d(4, 6, 3, 1, 1),
    ))  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_no_function_shows_is_a_step_of_its_module() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.ReLU(), nn.Hardswish()))
    model = nn.Sequential(nn.Conv2d(4, 6, 1), scripted, nn.Conv2d(6, 2, 1))
    equal(spec("conv 1x1, 6, relu, hswish", "conv 1x1, 2"), model)


def test_the_order_of_definition_does_not_matter() -> None:
    """Weights find their layers by structure: names and places say nothing."""
    module = spec(
        "concat { | conv 3x3, 5 | conv 3x3, 5; conv 1x1, 5 | conv 1x1, 5 }", "conv 1x1, 5",
        "add { | conv 3x3, 5 | conv 3x3, 5 | identity }",
    )  # fmt: skip
    sizes = {
        "a": (4, 3),
        "b": (4, 3),
        "c": (5, 1),
        "d": (4, 1),
        "e": (15, 1),
        "f": (5, 3),
        "g": (5, 3),
    }

    def flow(self: Any, x: Tensor) -> Tensor:
        d = self.d(x)
        x = self.e(torch.cat([self.a(x), self.c(self.b(x)), d], 1))
        return self.f(x) + (x + self.g(x))

    for seed in range(5):
        names = list(sizes)
        random.Random(seed).shuffle(names)
        parts = {
            name: nn.Conv2d(sizes[name][0], 5, sizes[name][1], padding="same") for name in names
        }
        equal(module, Forward(flow, **parts))


# ----------------------------------------------------------------------- mistakes


class Net(nn.Module):
    """A network in which each thing can be wrong."""

    def __init__(
        self, pad: int = 1, stride: int = 2, eps: float = 1e-5, ceil: bool = False,
        bias: bool = False, swapped: bool = False, slope: float = 0.01, flat: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv1 = nn.Conv2d(4, 6, 3, stride, pad, bias=bias)
        self.bn1 = nn.BatchNorm2d(6, eps=eps)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=ceil)
        self.left = nn.Conv2d(6, 3, 1)
        self.right = nn.Conv2d(6, 3, 3, padding=1)
        self.fc = nn.Linear(6, 5)
        self.swapped, self.slope, self.flat = swapped, slope, flat

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.bn1(self.conv1(x)))
        parts = [self.left(x), self.right(x)]
        x = torch.cat(parts[::-1] if self.swapped else parts, 1)
        return self.fc(F.leaky_relu(x, negative_slope=self.slope).mean((2, 3)))


NET = spec(
    "conv 3x3/2, 6, bias=false", "bn", "maxpool 3x3/2",
    "concat { | conv 1x1, 3 | conv 3x3, 3 }", "leakyrelu", "globalavgpool", "fc 5",
)  # fmt: skip


def place(found: Diagnostic) -> str:
    """The statement that is marked."""
    assert found.place is not None
    return found.place.text


def test_the_right_one() -> None:
    equal(NET, Net())


@pytest.mark.parametrize(("mistake", "statement", "theirs"), [
    ({"pad": 2}, "conv 3x3/2, 6, bias=false",
     "theirs is `conv1`: Conv2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(2, 2),"),
    ({"pad": 0}, "conv 3x3/2, 6, bias=false", "it gives 5x5x6, ours gives 6x6x6"),
    ({"stride": 1}, "conv 3x3/2, 6, bias=false", "it gives 12x12x6, ours gives 6x6x6"),
    ({"eps": 1e-3}, "bn",
     "theirs is `bn1`: BatchNorm2d(6, eps=0.001, momentum=0.1, affine=True,"),
    ({"slope": 0.3}, "leakyrelu", "theirs is `leaky_relu`: leaky_relu(2x2x6, negative_slope=0.3,"),
    ({"ceil": True}, "maxpool 3x3/2", "it gives 3x3x6, ours gives 2x2x6"),
])  # fmt: skip
def test_numbers_that_differ(mistake: dict[str, Any], statement: str, theirs: str) -> None:
    found = difference(NET, Net(**mistake))
    assert found.code == "E0903"
    assert place(found) == statement
    assert any(note.startswith(theirs) for note in found.notes), found.notes


def test_a_bias_that_ours_has_not() -> None:
    found = difference(NET, Net(bias=True))
    assert (found.code, place(found)) == ("E0902", "conv 3x3/2, 6, bias=false")
    assert (
        "ours is `conv` with kernel 3x3x4x6, theirs is `conv` with kernel 3x3x4x6, bias 6"
        in found.notes
    )


def test_the_order_of_a_concat() -> None:
    found = difference(NET, Net(swapped=True))
    assert (found.code, place(found)) == ("E0902", "concat")
    assert any("in another order" in note for note in found.notes)


def test_sizes_of_outputs() -> None:
    """A difference that changes the size of the output is found at its place, too."""
    model = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 2, 1))
    found = difference(spec("conv 3x3, 6", "maxpool 3x3/2", "conv 1x1, 2"), model)
    assert (found.code, place(found)) == ("E0902", "maxpool 3x3/2")
    assert found.notes[0] == "output `output` is 5x5x2, theirs is 6x6x2"
    assert "it gives 6x6x6, ours gives 5x5x6" in found.notes


def test_a_softmax_that_theirs_leaves_out() -> None:
    """It is no difference, so the one behind it is found."""
    module = spec("a: conv 3x3, 6", "softmax", "output p", "from a", "avgpool 2x2/2", "output q")
    model = Forward(
        lambda self, x: (y := self.conv(x), F.max_pool2d(y, 2)), conv=nn.Conv2d(4, 6, 3, 1, 1)
    )
    found = difference(module, model)
    assert (found.code, place(found)) == ("E0903", "avgpool 2x2/2")


def test_sizes_before_a_matrix() -> None:
    """The matrix is another one; what made it so is shown as well."""
    model = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.Flatten(), nn.Linear(216, 3))
    found = difference(spec("conv 3x3, 6", "flatten", "fc 3"), model)
    assert (found.code, place(found)) == ("E0902", "fc 3")
    _, earlier = found.labels
    assert earlier.text == "gives 12x12x6, their `0` gives 6x6x6"
    assert earlier.span.text == "conv 3x3, 6"


# ------------------------------------------------------------- values and weights


def test_values_are_channels_last() -> None:
    """Every value that is kept is what the module computes, for one image."""
    model = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(inplace=True), nn.Flatten())
    opened = reference(model)
    image = np.random.default_rng(0).normal(size=(1, 12, 12, 4)).astype(np.float32)
    values = dict(opened.run([image]))
    assert [step.kind for step in opened.trace.steps] == ["conv", "relu", "flatten"]
    conv = model[0](torch.from_numpy(image).permute(0, 3, 1, 2)).detach()
    np.testing.assert_allclose(values[1], conv.permute(0, 2, 3, 1).numpy(), atol=1e-6)
    np.testing.assert_array_equal(values[2], np.maximum(values[1], 0))
    np.testing.assert_array_equal(values[3], values[2].transpose(0, 3, 1, 2).reshape(1, -1))
    assert dict(opened.run([image], {3})).keys() == {0, 3}


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_there_and_back(groups: int) -> None:
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=groups), nn.ConvTranspose2d(6, 4, (2, 3), groups=groups),
        nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(528, 2),
    )  # fmt: skip
    before = {name: value.clone() for name, value in model.state_dict().items()}
    opened = reference(model)
    weights = opened.read()
    shapes = {slot.key: slot.shape for step in opened.trace.steps for slot in step.weights}
    assert {key: value.shape for key, value in weights.items()} == shapes
    assert shapes["1.weight"] == (2, 3, 6 // groups, 4)
    opened.write({key: np.zeros_like(value) for key, value in weights.items()})
    assert all(not value.any() for value in model.state_dict().values())
    opened.write(weights)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(600, 2))


@pytest.mark.parametrize("wrapped", [
    lambda state: state,
    lambda state: {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}},
])  # fmt: skip
def test_a_checkpoint(wrapped: Any, tmp_path: Path) -> None:
    torch.manual_seed(1)
    trained = net()
    path = tmp_path / "net.pth"
    torch.save(wrapped(trained.state_dict()), path)
    opened = reference(net())
    opened.load(str(path))
    found = opened.read()
    np.testing.assert_array_equal(found["3.weight"], trained[3].weight.detach().numpy().T)


def test_a_checkpoint_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    state = net().state_dict()
    state["head.weight"] = state.pop("3.weight")
    state["0.bias"] = torch.zeros(7)
    torch.save(state, path)
    with pytest.raises(CnnError) as raised:
        reference(net()).load(str(path))
    (found,) = raised.value.diagnostics
    assert found.code == "E0906"
    assert found.notes == (
        "it lacks `3.weight`",
        "the network has no `head.weight`",
        "`0.bias` is 7 there, and 6 here",
    )


def test_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    """A pickled module could hold any code."""
    path = tmp_path / "module.pth"
    torch.save(net(), path)
    with pytest.raises(CnnError) as raised:
        reference(net()).load(str(path))
    assert raised.value.diagnostics[0].code == "E0905"


# ------------------------------------------------------------------------ refusals


@pytest.fixture
def nets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that is installed as `nets`."""
    module = ModuleType("nets")
    monkeypatch.setitem(sys.modules, "nets", module)
    return module


def refused(target: str) -> str:
    with pytest.raises(CnnError) as raised:
        open_reference(target, [(12, 12, 4)])
    (found,) = raised.value.diagnostics
    assert found.code == "E0901"
    return found.message.removeprefix(f"`{target}` cannot be built: ")


def test_a_factory_with_arguments(nets: ModuleType) -> None:
    nets.__version__ = "1.5"  # type: ignore[attr-defined]
    nets.Net = Net  # type: ignore[attr-defined]
    opened = open_reference("torch:nets:Net(pad=1, bias=False)", [(12, 12, 4)])
    assert verify(NET, opened).equal
    assert opened.versions.endswith(", nets 1.5")


def test_what_is_no_network(nets: ModuleType) -> None:
    nets.number = lambda: 3  # type: ignore[attr-defined]
    nets.Net = Net  # type: ignore[attr-defined]
    assert refused("torch:nets:number") == "it gives a `int`, which is no `nn.Module`"
    assert refused("torch:nets:Nat") == "`nets` has no `Nat`"
    assert refused("torch:nets:Net(depth=3)").startswith("TypeError: ")
    assert refused("torch:nets:Net(weights='DEFAULT')") == "no weights are downloaded"
    assert refused("torch:nets") == "a module and a name are needed"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_that_does_not_run(nets: ModuleType) -> None:
    nets.net = nn.Conv2d(3, 6, 3)  # type: ignore[attr-defined]
    nets.number = Forward(lambda self, x: x.shape[0])  # type: ignore[attr-defined]
    assert refused("torch:nets:net").startswith("it does not run on inputs of 12x12x4: Runtime")
    assert refused("torch:nets:number") == "it gives no tensor that is computed from its inputs"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_that_are_computed(nets: ModuleType) -> None:
    nets.net = nn.Sequential(  # type: ignore[attr-defined]
        nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3))
    )
    why = (
        "`0` computes its kernel from other weights in every run, so no layer of a spec is like it"
    )
    assert refused("torch:nets:net") == why
