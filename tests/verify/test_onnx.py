"""ONNX files as references: graphs in every style, mistakes in them, and broken files."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("flax")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from cnndsl import driver  # noqa: E402
from cnndsl.diagnostics import CnnError, Diagnostic  # noqa: E402
from cnndsl.graph import Module  # noqa: E402
from cnndsl.source import Source  # noqa: E402
from cnndsl.verify import Verdict, open_reference, problem, verify  # noqa: E402
from cnndsl.verify.references import onnx as adapter  # noqa: E402


def spec(*rows: str, input: str = "input 12x12x4") -> Module:
    text = "use std\nmodel net {\n" + "\n".join((input, *rows)) + "\n}\n"
    return driver.compile_model(Source("net.cnn", text)).module


class Net:
    """A graph, written node by node; the last value made is its output."""

    def __init__(self, *sizes: Any, kind: int = TensorProto.FLOAT) -> None:
        self.rng = np.random.default_rng(0)
        self.inputs = [helper.make_tensor_value_info("x", kind, sizes or ("n", 4, 12, 12))]
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.outputs: list[str] = []

    def weight(self, *shape: int) -> str:
        return self.constant(self.rng.uniform(0.5, 1.5, shape).astype(np.float32), "w")

    def constant(self, value: Any, prefix: str = "c") -> str:
        name = f"{prefix}{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def __call__(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"{op.lower()}{len(self.nodes)}_{i}" for i in range(outputs)]
        node = helper.make_node(op, inputs, names, f"{op.lower()}_{len(self.nodes)}", **attributes)
        self.nodes.append(node)
        self.outputs = names[:1]
        return names[0] if outputs == 1 else names

    def conv(self, x: str, inputs: int, outputs: int, size: int, bias: bool = True,
             **attributes: Any) -> str:  # fmt: skip
        group = attributes.get("group", 1)
        given = [x, self.weight(outputs, inputs // group, size, size)]
        return str(self("Conv", *given, *([self.weight(outputs)] if bias else ()), **attributes))

    def bn(self, x: str, channels: int, **attributes: Any) -> str:
        return str(self("BatchNormalization", x, *(self.weight(channels) for _ in range(4)),
                        **attributes))  # fmt: skip

    def model(self) -> Any:
        outputs = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in self.outputs]
        graph = helper.make_graph(self.nodes, "net", self.inputs, outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)

    def saved(self, folder: Path) -> str:
        path = folder / "net (1).onnx"  # as browsers name what they download
        onnx.save(self.model(), path)
        return f"onnx:{path}"


def equal(module: Module, target: str) -> Verdict:
    shapes = [tuple(int(n) for n in value.type.shape) for value in module.main.inputs]
    verdict = verify(module, open_reference(target, shapes))
    assert verdict.equal, problem(verdict)
    assert verdict.parameters[0] == verdict.parameters[1]
    assert verdict.macs[0] == verdict.macs[1]
    return verdict


CLASSIC = spec(
    "conv 3x3/2, 8, groups=2, bias=false", "bn eps=1e-3", "relu",
    "residual { dwconv 3x3, dilation=2; relu6 }", "maxpool 2x2/2", "globalavgpool", "fc 3",
    "softmax",
)  # fmt: skip


def classic(*sizes: Any) -> Net:
    net = Net(*sizes)
    x = net.conv("x", 4, 8, 3, bias=False, group=2, strides=[2, 2], pads=[1, 1, 1, 1])
    x = net("Relu", net.bn(x, 8, epsilon=1e-3))
    y = net.conv(x, 8, 8, 3, group=8, pads=[2, 2, 2, 2], dilations=[2, 2])
    y = net("Clip", y, net.constant(np.float32(0)), net.constant(np.float32(6)))
    x = net("MaxPool", net("Add", y, x), kernel_shape=[2, 2], strides=[2, 2])
    x = net("Flatten", net("GlobalAveragePool", x))
    net("Softmax", net("Gemm", x, net.weight(3, 8), net.weight(3), transB=1))
    return net


def test_a_classic(tmp_path: Path) -> None:
    verdict = equal(CLASSIC, classic().saved(tmp_path))
    assert verdict.layers == 4
    assert "ONNX Runtime" in verdict.versions


def test_a_batch_that_is_fixed(tmp_path: Path) -> None:
    equal(CLASSIC, classic(3, 4, 12, 12).saved(tmp_path))


def test_without_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    verdict = equal(CLASSIC, classic().saved(tmp_path))
    assert verdict.versions == f"ONNX {onnx.__version__}"


def test_constants_are_folded(tmp_path: Path) -> None:
    """Shapes that are computed, weights by way of other nodes, gates instead of activations."""
    net = Net()
    x = net.conv("x", 4, 8, 1)
    x = net("Mul", x, net("Sigmoid", x))
    scale = net("Unsqueeze", net("Identity", net.weight(8)), net.constant(np.int64([1, 2])))
    x = net("Mul", scale, x)
    batch = net("Gather", net("Shape", x), net.constant(np.int64(0)))
    batch = net("Unsqueeze", batch, net.constant(np.int64([0])))
    x = net("Reshape", x, net("Concat", batch, net.constant(np.int64([-1])), axis=0))
    kernel = net("Transpose", net.weight(5, 1152), perm=[1, 0])
    x = net("Add", net("MatMul", x, kernel), net.weight(5))
    tensor = numpy_helper.from_array(np.float32([[1.0], [2.0], [3.0], [4.0], [5.0]]))
    net("MatMul", net("Div", x, net.constant(np.float32(2))), net("Constant", value=tensor))
    module = spec("conv 1x1, 8, silu", "layerscale", "flatten", "fc 5", "times 0.5",
                  "fc 1, bias=false")  # fmt: skip
    equal(module, net.saved(tmp_path))


def test_channels_move(tmp_path: Path) -> None:
    """A graph that TensorFlow would export: channels last at the door, and in full connections."""
    net = Net("n", 12, 12, 4)
    x = net("Transpose", "x", perm=[0, 3, 1, 2])
    x = net.conv(x, 4, 6, 3, pads=[1, 1, 1, 1])
    y = net("Transpose", x, perm=[0, 2, 3, 1])
    y = net("LayerNormalization", y, net.weight(6), net.weight(6), axis=-1)
    y = net("Add", net.weight(6), net("MatMul", y, net.weight(6, 6)))
    x = net("Add", x, net("Transpose", y, perm=[0, 3, 1, 2]))
    x = net("Transpose", x, perm=[0, 2, 3, 1])
    x = net("Flatten", x)
    net("Gemm", x, net.weight(864, 2))
    module = spec("conv 3x3, 6", "residual { ln; conv 1x1, 6 }", "flatten", "fc 2, bias=false")
    equal(module, net.saved(tmp_path))


def test_a_norm_as_arithmetic(tmp_path: Path) -> None:
    """As it had to be written before there was an operator for it."""
    net = Net()
    x = net("Transpose", net.conv("x", 4, 6, 1), perm=[0, 2, 3, 1])
    last = net.constant(np.int64([-1]))
    d = net("Sub", x, net("ReduceMean", x, last))
    squares = net("ReduceMean", net("Pow", d, net.constant(np.float32(2))), last)
    root = net("Sqrt", net("Add", squares, net.constant(np.float32(1e-5))))
    x = net("Add", net("Mul", net("Div", d, root), net.weight(6)), net.weight(6))
    x = net("Transpose", x, perm=[0, 3, 1, 2])
    net.conv(x, 6, 2, 1)
    equal(spec("conv 1x1, 6", "ln", "conv 1x1, 2"), net.saved(tmp_path))


def test_moves(tmp_path: Path) -> None:
    net = Net()
    left, right = net("Split", net.conv("x", 4, 8, 1), outputs=2, axis=1, num_outputs=2)
    right = net("ConvTranspose", right, net.weight(4, 4, 2, 2), net.weight(8), group=2,
                strides=[2, 2])  # fmt: skip
    left = net("DepthToSpace", left, blocksize=2, mode="CRD")
    x = net("Concat", left, right, axis=1)
    x = net("Pad", x, net.constant(np.int64([0, 0, 1, 2, 0, 0, 1, 2])))
    x = net("Slice", x, net.constant(np.int64([1])), net.constant(np.int64([25])),
            net.constant(np.int64([2])))  # fmt: skip
    x = net("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net("Resize", x, "", net.constant(np.float32([1, 1, 2, 2])), mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    x = net("InstanceNormalization", x, net.weight(9), net.weight(9))
    x = net("HardSwish", x)
    x = net("ReduceMean", x, net.constant(np.int64([2, 3])), keepdims=0)
    net("Gemm", x, net.weight(9, 2), net.weight(2))
    module = spec(
        "conv 1x1, 8", "left, right: split 2",
        "concat { | from left; depth_to_space 2 | from right; deconv 2x2/2, 8, groups=2 }",
        "pad 1x2", "crop 1x0", "avgpool 2x2/2", "upsample 2", "gn 9", "hswish", "globalavgpool",
        "fc 2",
    )  # fmt: skip
    equal(module, net.saved(tmp_path))


# ----------------------------------------------------------------------- mistakes


NET = spec("conv 3x3/2, 6, bias=false", "bn", "maxpool 3x3/2",
           "concat { | conv 1x1, 3 | conv 3x3, 3 }", "globalavgpool", "fc 5")  # fmt: skip


def network(pad: int = 1, stride: int = 2, epsilon: float = 1e-5, ceil: int = 0,
            bias: bool = False, swapped: bool = False) -> Net:  # fmt: skip
    net = Net()
    x = net.conv("x", 4, 6, 3, bias=bias, strides=[stride] * 2, pads=[pad] * 4)
    x = net.bn(x, 6, epsilon=epsilon)
    x = net("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=ceil)
    parts = [net.conv(x, 6, 3, 1), net.conv(x, 6, 3, 3, pads=[1, 1, 1, 1])]
    x = net("Concat", *(parts[::-1] if swapped else parts), axis=1)
    x = net("ReduceMean", x, net.constant(np.int64([-1, -2])), keepdims=0)
    net("Gemm", x, net.weight(6, 5), net.weight(5))
    return net


def difference(module: Module, target: str) -> Diagnostic:
    """What is said of a network that is another one."""
    with pytest.raises(CnnError) as raised:
        raise problem(verify(module, open_reference(target, [(12, 12, 4)])))
    (found,) = raised.value.diagnostics
    return found


@pytest.mark.parametrize(("mistake", "code", "statement", "theirs"), [
    ({"pad": 2}, "E0903", "conv 3x3/2, 6, bias=false",
     "theirs is `conv_0`: Conv(pads=[2, 2, 2, 2], strides=[2, 2])"),
    ({"stride": 1}, "E0903", "conv 3x3/2, 6, bias=false", "it gives 12x12x6, ours gives 6x6x6"),
    ({"epsilon": 1e-3}, "E0903", "bn", "theirs is `batchnormalization_1`: BatchNormalization("),
    ({"ceil": 1}, "E0903", "maxpool 3x3/2", "it gives 3x3x6, ours gives 2x2x6"),
    ({"bias": True}, "E0902", "conv 3x3/2, 6, bias=false",
     "ours is `conv` with kernel 3x3x4x6, theirs is `conv` with kernel 3x3x4x6, bias 6"),
    ({"swapped": True}, "E0902", "concat", "theirs brings the same values together in another"),
])  # fmt: skip
def test_mistakes(
    mistake: dict[str, Any], code: str, statement: str, theirs: str, tmp_path: Path
) -> None:
    equal(NET, network().saved(tmp_path))
    found = difference(NET, network(**mistake).saved(tmp_path))
    assert found.place is not None
    assert (found.code, found.place.text) == (code, statement)
    assert any(note.startswith(theirs) for note in found.notes), found.notes


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("folded", [False, True])
def test_what_pytorch_exports(folded: bool, tmp_path: Path) -> None:
    """As it is, and with batch norms folded into convolutions, which is another network."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.SiLU(),
        nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2),
    ).eval()  # fmt: skip
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        model, (torch.zeros(1, 4, 12, 12),), str(path), dynamo=False, training=mode,
        do_constant_folding=folded,
    )  # fmt: skip
    module = spec("conv 3x3/2, 6, bn, silu", "conv 3x3, 6, bn, hswish", "globalavgpool", "fc 2")
    if not folded:
        equal(module, f"onnx:{path}")
        return
    found = difference(module, f"onnx:{path}")
    assert found.code == "E0902"
    assert found.help[0].text.startswith("theirs has no batch norms")


def test_a_checkpoint_by_the_names_of_the_file(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    target = network().saved(tmp_path)
    opened: Any = open_reference(target, [(12, 12, 4)])
    path = tmp_path / "net.safetensors"
    ones = {name: np.ones_like(v) for name, v in opened.memory.items() if name.startswith("w")}
    safetensors.save_file(ones, path)
    opened.load(str(path))
    assert all((value == 1).all() for value in opened.read().values())


# ------------------------------------------------------------------------ refusals


def refused(target: str, *shapes: tuple[int, ...]) -> Diagnostic:
    with pytest.raises(CnnError) as raised:
        open_reference(target, shapes or [(12, 12, 4)])
    (found,) = raised.value.diagnostics
    return found


def test_files_that_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    assert refused(f"onnx:{path}").message.endswith("cannot be read: no such file or directory")
    whole = network().model().SerializeToString()
    for content in (b"", b"\x00" * 64, b"PK\x03\x04 no model", whole[:200], whole[:-40]):
        path.write_bytes(content)
        found = refused(f"onnx:{path}")
        assert found.code == "E0905"
        assert found.help


def test_bytes_that_flip(tmp_path: Path) -> None:
    """Whatever a file holds, there is a message or a network, never a traceback."""
    whole = classic().model().SerializeToString()
    rng = random.Random(0)
    codes = set()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path = tmp_path / "net.onnx"
        path.write_bytes(content)
        try:
            open_reference(f"onnx:{path}", [(12, 12, 4)])
            codes.add("")
        except CnnError as raised:
            codes.update(found.code for found in raised.diagnostics)
    assert codes == {"", "E0901", "E0905"}


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MAX_BYTES", 1000)
    found = refused(network().saved(tmp_path))
    assert found.message.endswith("bytes, and the limit is 1,000")


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network().model(), path, save_as_external_data=True, location="net.data",
              size_threshold=0)  # fmt: skip
    equal(NET, f"onnx:{path}")
    (tmp_path / "net.data").write_bytes(b"1234")
    assert "it claims" in refused(f"onnx:{path}").message
    (tmp_path / "net.data").unlink()
    (tmp_path / "net.data").symlink_to("/etc/passwd")
    assert "it wants weights from" in refused(f"onnx:{path}").message


@pytest.mark.parametrize("place", ["../net.data", "/etc/passwd", "folder/net.data", "", ".."])
def test_weights_elsewhere(place: str, tmp_path: Path) -> None:
    model = network().model()
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, place)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    found = refused(f"onnx:{path}")
    assert found.code == "E0905"
    assert "it wants weights from" in found.message


def test_graphs_that_are_no_networks_of_images(tmp_path: Path) -> None:
    target = Net("n", 4, 12, 12, kind=TensorProto.INT32)
    target("Cast", "x", to=TensorProto.FLOAT)
    assert "is int32" in refused(target.saved(tmp_path)).message
    assert (
        "it has 1 input, and the spec has 2"
        in refused(classic().saved(tmp_path), (4,), (4,)).message
    )
    assert "has 4 axes, not 2" in refused(classic().saved(tmp_path), (4,)).message
    nothing = Net()
    nothing("Exp", nothing.weight(3))
    assert "nothing that is computed" in refused(nothing.saved(tmp_path)).message
    computed = Net()
    kernel = computed("Exp", computed.weight(6, 4, 3, 3))
    computed("Conv", "x", kernel)
    assert "computes its kernel from other constants" in refused(computed.saved(tmp_path)).message
    unknown = Net()
    unknown("Conv", "x", unknown.weight(6, 5, 3, 3))
    assert "does not run on inputs of 1x4x12x12" in refused(unknown.saved(tmp_path)).message


def test_a_size_that_is_fixed(tmp_path: Path) -> None:
    """A graph for other images is another network, not a broken file."""
    found = difference(CLASSIC, classic("n", 4, 20, 20).saved(tmp_path))
    assert found.code == "E0902"
    assert found.notes == ("ours reads 12x12x4, theirs 20x20x4",)
