"""What the lectures claim that this project grew from, and what the compiler finds.

`tests/data/claims.json` has every number that they state: how it was stated, the exact
value, its convention, and a verdict. Here each is found again by the compiler, from the shipped
specs or from a few lines of `.cnn`. `python -m tests.claims > docs/claims.md` writes the page
about those that are not true.

One multiply-accumulate counts as one "flop" in all of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Call, Module, Node
from cnndsl.op import Ledger, Op
from cnndsl.ops.conv import Conv
from cnndsl.ops.linear import Fc
from cnndsl.ops.norm import Lrn
from cnndsl.ops.pool import AvgPool, GlobalAvgPool, MaxPool
from cnndsl.ops.reshape import Flatten
from cnndsl.passes.cost import add_ledgers, cost, count, parameters
from cnndsl.passes.depth import depth
from cnndsl.passes.receptive import receptive_field
from cnndsl.source import Source
from cnndsl.window import Padding

ROOT = Path(__file__).parent.parent
CLAIMS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "claims.json").read_text(encoding="utf-8")
)
TRUE = [c for c in CLAIMS if c["verdict"] in ("exact", "rounded")]
FALSE = [c for c in CLAIMS if c["verdict"] == "false"]
UNVERIFIABLE = [c for c in CLAIMS if c["verdict"] == "unverifiable"]

KINDS: dict[str, tuple[type[Op], ...]] = {
    "conv": (Conv,),
    "pool": (MaxPool, AvgPool),
    "norm": (Lrn,),
    "fc": (Fc,),
    "flatten": (Flatten,),
}


class Net:
    """A compiled model that is asked about its layers.

    A layer is named by the label of its row, or by its kind and number, `conv#3`,
    `pool#1`, `fc#2`; the model itself is the empty name.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.cost = cost(module)

    def row(self, layer: str) -> list[Node]:
        kind, numbered, number = layer.partition("#")
        if numbered:
            return [self.layers(kind)[int(number) - 1]]
        found = [node for node in self.module.main.nodes if node.label == layer]
        assert found, f"{self.module.name} has no row {layer}"
        return found

    def ledger(self, *layers: str) -> Ledger:
        if not any(layers):
            return self.cost.total
        facts = self.cost.nodes(self.module.main)
        return add_ledgers(facts[node.name] for layer in layers for node in self.row(layer))

    def shape(self, layer: str = "") -> list[Any]:
        if not layer:
            return list(self.module.main.output_types[0].shape)
        if layer == "input":
            return list(self.module.main.inputs[0].type.shape)
        return list(self.row(layer)[-1].outputs[0].type.shape)

    def size(self, layer: str = "") -> int:
        height, width, _ = self.shape(layer)
        assert height == width
        return int(height)

    def params(self, *layers: str) -> Any:
        return parameters(self.ledger(*layers))

    def weights(self, *layers: str) -> Any:
        """Parameters without biases."""
        return count(self.ledger(*layers), {"weight.kernel": 1})

    def macs(self, *layers: str) -> Any:
        return count(self.ledger(*layers), "macs")

    def pool_ops(self, *layers: str) -> Any:
        """Elements of all windows of pools: comparisons or additions."""
        return count(self.ledger(*layers), {"pool.max.window": 1, "pool.avg.window": 1})

    def ops(self, *layers: str) -> Any:
        return self.macs(*layers) + self.pool_ops(*layers)

    def activations(self, layer: str) -> int:
        return math.prod(self.shape(layer))

    def layers(self, kind: str) -> list[Node]:
        return [n for n in self.module.main.nodes if isinstance(n.op, KINDS[kind])]

    def calls(self, block: str) -> list[Node]:
        """Calls of a block in the main flow."""
        functions = self.module.by_name
        return [
            node
            for node in self.module.main.nodes
            if isinstance(node.op, Call) and functions[node.op.function].definition == block
        ]

    def sees(self, layer: str = "") -> Any:
        value = self.row(layer)[-1].outputs[0].name if layer else None
        return receptive_field(self.module, value).height.size


@cache
def net(spec: str) -> Net:
    """A shipped model: `resnet:resnet34_a`."""
    file, _, model = spec.partition(":")
    return Net(driver.compile_model(f"{ROOT / 'specs' / file}.cnn", model or None).module)


@cache
def table(input: str, *rows: str) -> Net:
    """A network of a few rows. Labels are free: `a: conv 3x3, 8`."""
    text = "use std\nmodel net {\n" + "\n".join([f"input {input}", *rows]) + "\n}\n"
    return Net(driver.compile_model(Source("net.cnn", text)).module)


def padding(layer: Net) -> int:
    """The padding of a single convolution, equal on every side."""
    (node,) = layer.layers("conv")
    assert isinstance(node.op, Conv) and isinstance(node.op.pad, Padding)
    sides = {*node.op.pad.height, *node.op.pad.width}
    assert len(sides) == 1
    return sides.pop()


def refused(input: str, *rows: str) -> float:
    """The fractional output size of a window that does not tile its input."""
    try:
        table(input, *rows)
        raise AssertionError("it fits")
    except CnnError as refusal:
        (problem,) = refusal.diagnostics
    assert problem.code == "E0304"
    note = "".join(problem.notes)
    match = re.search(r"\((\d+) − (\d+)\) / (\d+) leaves a remainder", note)
    assert match, note
    n, size, stride = map(int, match.groups())
    return (n - size) / stride + 1


# ------------------------------------------------------------- networks by layer

NETWORKS = {"lenet5": "lenet", "alexnet": "alexnet", "zfnet": "zfnet", "vgg16": "vgg:vgg16"}
ALIASES = {"out": "fc#3", "fc6": "fc#1", "fc7": "fc#2", "fc8": "fc#3", "flatten": "flatten#1"}
BY_LAYER = re.compile(
    r"(lenet5|alexnet|zfnet|vgg16)\.(?:figure\.)?([a-zA-Z]+\d*)"
    r"\.?(shape|outsize|params|weights|flops|activations|)(?:\.(table|004))?"
)


def by_layer(id: str) -> Callable[[], Any] | None:
    """The claim `vgg16.conv3.flops` and its like."""
    match = BY_LAYER.fullmatch(id)
    if match is None:
        return None
    network, layer, quantity, variant = match.groups()
    if layer in ("total", "figure", "gflops"):
        return None
    layer = ALIASES.get(layer) or re.sub(r"^(conv|pool|norm|fc)(\d)", r"\1#\2", layer)

    def measure() -> Any:
        it = net(NETWORKS[network])
        if quantity in ("", "shape"):
            return it.shape(layer)
        if quantity == "outsize":
            return it.size(layer)
        if quantity == "params" and variant != "004":
            return it.params(layer)
        if quantity in ("params", "weights"):
            return it.weights(layer)
        return it.activations(layer) if quantity == "activations" else it.ops(layer)

    return measure


GOOGLENET_ROWS = {
    "conv2": ("conv2_reduce", "conv2"),
    "avgpool": ("pool5",),
    "gap": ("pool5",),
    "last": ("5b",),
}


def by_row(id: str) -> Callable[[], Any] | None:
    """The rows of GoogLeNet's table, whose parameters are weights, but for 3b."""
    match = re.fullmatch(r"googlenet\.(\w+)\.(shape|params|ops)", id)
    if match is None:
        return None
    row, quantity = match.groups()
    rows = GOOGLENET_ROWS.get(row, (row,))

    def measure() -> Any:
        it = net("googlenet")
        if quantity == "shape":
            return it.shape(rows[-1])
        if quantity == "ops":
            return it.macs(*rows)
        return it.params(*rows) if row == "3b" else it.weights(*rows)

    return measure


MODELS = {
    "vgg.A": "vgg:vgg11",
    "vgg.A-LRN": "vgg:vgg11_lrn",
    "vgg.B": "vgg:vgg13",
    "vgg.C": "vgg:vgg16_c",
    "vgg.D": "vgg:vgg16",
    "vgg.E": "vgg:vgg19",
    **{f"resnet{n}": f"resnet:resnet{n}" for n in (18, 34, 50, 101, 152)},
    **{f"cifar_resnet{n}": f"resnet_cifar:resnet{n}" for n in (20, 32, 44, 56, 110, 1202)},
    "mobilenet_1.0": "mobilenet:mobilenet_1_0",
    "mobilenet_0.75": "mobilenet:mobilenet_0_75",
    "mobilenet_0.5": "mobilenet:mobilenet_0_5",
    "mobilenet_0.25": "mobilenet:mobilenet_0_25",
}


def by_model(id: str) -> Callable[[], Any] | None:
    """Claims about a whole network: `vgg.A.params`."""
    model, _, quantity = id.rpartition(".")
    if model not in MODELS:
        return None
    return {
        "layers": lambda: depth(net(MODELS[model]).module),
        "weight_layers": lambda: depth(net(MODELS[model]).module),
        "params": lambda: net(MODELS[model]).params(),
        "mult_adds": lambda: net(MODELS[model]).macs(),
    }.get(quantity)


# ------------------------------------------------------------------ single claims

MAP = "28x28x192"


def vgg(letter: str) -> Net:
    return net(MODELS[f"vgg.{letter}"])


def stages(letter: str) -> list[list[int]]:
    """Channels of the convolutions, stage by stage."""
    found: list[list[int]] = [[]]
    for node in vgg(letter).module.main.nodes:
        if isinstance(node.op, Conv):
            found[-1].append(node.op.channels)
        elif isinstance(node.op, MaxPool):
            found.append([])
    return [stage for stage in found if stage]


def stage_lengths() -> list[int]:
    """Stages, and the fewest and most convolutions in one, over all configurations."""
    lengths = [len(stage) for letter in "ABCDE" for stage in stages(letter)]
    return [len(lengths) // 5, min(lengths), max(lengths)]


def ratio(one: Any, other: Any) -> float:
    return float(one / other)


def shortcut(rows: str) -> Net:
    return table("56x56x64", rows)


def stem(upto: int) -> Net:
    """The first rows of Inception-v2's table."""
    rows = ("conv 3x3/2, 32, pad=0", "conv 3x3, 32, pad=0", "conv 3x3, 64, pad=1",
            "maxpool 3x3/2", "conv 3x3, 80, pad=0", "conv 3x3/2, 192, pad=0")  # fmt: skip
    return table("299x299x3", *rows[:upto])


def strided_units() -> list[int]:
    """Which residual units of ResNet-34 halve the map, counted from 1."""
    it = net("resnet:resnet34_a")
    sizes = [56] + [node.outputs[0].type.height for node in it.calls("basic")]
    return [i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]


def auxiliary(row: str) -> list[Any]:
    """The shape after the average pool of the classifier at a row."""
    module = net("googlenet").module
    (node,) = [n for n in module.main.nodes if n.inputs == (module_value(row),)
               and isinstance(n.op, Call) and n.op.function.startswith("auxiliary")]  # fmt: skip
    assert isinstance(node.op, Call)
    return list(module.by_name[node.op.function].nodes[0].outputs[0].type.shape)


def module_value(row: str) -> str:
    return dict(net("googlenet").module.main.labels)[row]


def pools(it: Net) -> int:
    kinds = (MaxPool, AvgPool, GlobalAvgPool)
    return sum(isinstance(node.op, kinds) for node in it.module.main.nodes)


def fc_has_most_parameters_and_conv_most_work() -> bool:
    it = net("alexnet")
    convs = [f"conv{i}" for i in range(1, 6)]
    pooled = [f"pool{i}" for i in range(1, 4)]
    return bool(
        it.params("fc6", "fc7", "fc8") > it.params() / 2
        and it.macs(*convs) > it.macs() / 2
        and it.pool_ops(*pooled) < it.macs() / 500
    )


def reduced_3x3() -> Net:
    return table(MAP, "conv 1x1, 96", "conv 3x3, 128")


def reduced_5x5() -> Net:
    return table(MAP, "conv 1x1, 16", "conv 5x5, 32")


def asymmetric() -> Net:
    return table(MAP, "conv 1x3, 128, pad=0", "conv 3x1, 128, pad=0")


def stage_size(stage: str) -> int:
    main = net("resnet:resnet34").module.main
    height = main.types[dict(main.labels)[stage]].height
    assert isinstance(height, int)
    return height


Crop = tuple[int, int, int, int, bool]
"""A crop of a scaled photograph: its shorter side; left, top and size of the crop; mirrored."""
PHOTOGRAPH = (480, 640)


def crops(scales: tuple[int, ...], squares: int, whole: bool) -> set[Crop]:
    """Different crops of a photograph in which the network is evaluated (section 7).

    It is scaled to a shorter side of so many pixels. In the middle square, or in the left, middle
    and right ones, the corners and the centre are cropped to the size of the input. With `whole`
    the square itself is scaled to that size as well. Each is taken mirrored, too.
    """
    size = net("googlenet").size("input")
    found = set()
    for side in scales:
        width = side * PHOTOGRAPH[1] // PHOTOGRAPH[0]
        left, middle, right = 0, (width - side) // 2, width - side
        for x in (left, middle, right) if squares == 3 else (middle,):
            edge = side - size
            boxes = [(x + a, b, size) for a in (0, edge) for b in (0, edge)]
            boxes += [(x + edge // 2, edge // 2, size), *([(x, 0, side)] if whole else [])]
            found |= {(side, *box, mirrored) for box in boxes for mirrored in (False, True)}
    return found


CROPS = {
    1: lambda: {(256, 58, 16, 224, False)},  # the centre
    10: lambda: crops((256,), 1, whole=False),
    144: lambda: crops((256, 288, 320, 352), 3, whole=True),
}


def evaluation(models: int, count: int) -> Any:
    """The cost of an ensemble in many crops, as a multiple of one network in one crop."""
    once = net("googlenet").macs()
    return sum(once for _ in range(models) for _ in CROPS[count]()) // once


SINGLE: dict[str, Callable[[], Any]] = {
    # one window
    "outsize.n7f3s1": lambda: table("7x7x1", "conv 3x3, 1, pad=0").size(),
    "outsize.n7f3s2": lambda: table("7x7x1", "conv 3x3/2, 1, pad=0").size(),
    "outsize.n7f3s3.does_not_fit": lambda: refused("7x7x1", "maxpool 3x3/3, strict"),
    "outsize.n7f3s1p1": lambda: table("7x7x1", "conv 3x3, 1, pad=1").shape()[:2],
    "samepad.f3": lambda: padding(table("9x9x1", "conv 3x3, 1")),
    "samepad.f5": lambda: padding(table("9x9x1", "conv 5x5, 1")),
    "samepad.f7": lambda: padding(table("9x9x1", "conv 7x7, 1")),
    "outsize.shrink.5x5.first": lambda: table("32x32x3", "conv 5x5, 6, pad=0").size(),
    "outsize.shrink.5x5.second":
        lambda: table("32x32x3", "conv 5x5, 6, pad=0", "conv 5x5, 10, pad=0").size(),
    "demo32.conv10.shape": lambda: table("32x32x3", "conv 5x5, 10, pad=2").shape(),
    "demo32.conv10.params": lambda: table("32x32x3", "conv 5x5, 10, pad=2").params(),
    "demo32.conv10.params_per_filter": lambda: table("32x32x3", "conv 5x5, 1, pad=2").params(),
    "demo32.conv1.dot": lambda: table("32x32x3", "conv 5x5, 1, pad=2").weights(),
    "demo32.conv6.shape": lambda: table("32x32x3", "conv 5x5, 6, pad=0").shape(),
    "demo32.conv5.shape": lambda: table("32x32x3", "conv 5x5, 5, pad=0").shape(),
    "demo32.rf5": lambda: table("32x32x3", "conv 5x5, 5, pad=0").sees(),
    "demo.fc200.params": lambda: table("200x200x3", "flatten", "fc 1000, bias=false").params(),
    "example.conv225.flops": lambda: table("225x225x3", "conv 3x3, 64").macs(),
    "example.pool114.flops": lambda: table("228x228x64", "maxpool 2x2/2").pool_ops(),
    "example.fc4096.flops": lambda: table("4096", "fc 4096").macs(),
    "example.conv1x1.shape": lambda: table("200x200x128", "conv 1x1, 32, relu").shape(),
    "example.conv1x1.one_filter": lambda: table("200x200x128", "conv 1x1, 1").shape(),
    "depthwise.demo.shape":
        lambda: table("6x6x3", "a: dwconv 3x3, pad=0", "conv 1x1, 8").shape("a"),
    # LeNet-5
    "lenet5.total.flops": lambda: net("lenet").ops(),
    "lenet5.total.params": lambda: net("lenet").params(),
    "lenet5.total.params.m": lambda: net("lenet").params(),
    "lenet5.c5_as_conv.params": lambda: table("5x5x16", "conv 5x5, 120, pad=0").params(),
    # AlexNet, ZFNet
    "alexnet.total.flops": lambda: net("alexnet").ops(),
    "alexnet.total.params": lambda: net("alexnet").params(),
    "alexnet.most_params_in_fc": fc_has_most_parameters_and_conv_most_work,
    "alexnet.figure.towers": lambda: [
        net("alexnet:alexnet_two_towers").shape(layer)[-1] // 2
        for layer in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
    ],
    "compare.alexnet.params": lambda: net("alexnet").params(),
    "compare.alexnet.gflops": lambda: net("alexnet").macs(),
    "zfnet.total.flops": lambda: net("zfnet").macs(),
    "zfnet.total.params": lambda: net("zfnet").params(),
    "zfnet.figure.pool_to_55": lambda: [
        net("zfnet:zfnet_figure").size(layer) for layer in ("pool1", "conv2", "pool2", "pool3")
    ],
    "compare.zfnet.params": lambda: net("zfnet").params(),
    "compare.zfnet.gflops": lambda: net("zfnet").macs(),
    # VGG
    "vgg.conv_layers_min": lambda: min(len(vgg(c).layers("conv")) for c in "ABCDE"),
    "vgg.conv_layers_max": lambda: max(len(vgg(c).layers("conv")) for c in "ABCDE"),
    "vgg.stage_filters": lambda: [stage[0] for stage in stages("E")],
    "vgg.fc_layers": lambda: len(vgg("D").layers("fc")),
    "vgg.stages": stage_lengths,
    "vgg.double_after_pool.same_flops": lambda: [
        vgg("D").macs(layer) for layer in ("conv#2", "conv#4", "conv#6", "conv#9")
    ],
    "vgg.two3x3_vs_5x5.rf": lambda: table("9x9x8", "conv 3x3, 8", "conv 3x3, 8").sees(),
    "vgg.5x5_over_two3x3.params": lambda: ratio(
        table("9x9x8", "conv 5x5, 8").weights(),
        table("9x9x8", "conv 3x3, 8", "conv 3x3, 8").weights(),
    ),
    "vgg.5x5_over_two3x3.flops": lambda: ratio(
        table("9x9x8", "conv 5x5, 8").macs(),
        table("9x9x8", "conv 3x3, 8", "conv 3x3, 8").macs(),
    ),
    "vgg.two3x3.memory": lambda: ratio(
        table("9x9x8", "conv 3x3, 8", "conv 3x3, 8").cost.activations,
        table("9x9x8", "conv 5x5, 8").cost.activations,
    ),
    "vgg16.total.params.001": lambda: vgg("D").params(),
    "vgg16.total.params.004": lambda: vgg("D").weights(),
    "compare.vgg16.params": lambda: vgg("D").params(),
    "vgg16.gflops.003": lambda: vgg("D").macs(*(f"conv#{i}" for i in range(1, 14))),
    "vgg19.gflops.003": lambda: vgg("E").macs(),
    # Inception modules and factorisations
    "inception.naive.1x1.shape": lambda: table(MAP, "conv 1x1, 64").shape(),
    "inception.naive.3x3.shape": lambda: table(MAP, "conv 3x3, 128").shape(),
    "inception.naive.5x5.shape": lambda: table(MAP, "conv 5x5, 32").shape(),
    "inception.naive.concat.shape": lambda: table(MAP, "inception_naive(64, 128, 32)").shape(),
    "inception.3x3_direct.flops": lambda: table(MAP, "conv 3x3, 128").macs(),
    "inception.3x3_direct.params": lambda: table(MAP, "conv 3x3, 128").params(),
    "inception.3x3_direct.params.table": lambda: table(MAP, "conv 3x3, 128").params(),
    "inception.3x3_reduced.reduce.shape": lambda: reduced_3x3().shape("conv#1"),
    "inception.3x3_reduced.reduce.flops": lambda: reduced_3x3().macs("conv#1"),
    "inception.3x3_reduced.conv.flops": lambda: reduced_3x3().macs("conv#2"),
    "inception.3x3_reduced.total.flops": lambda: reduced_3x3().macs(),
    "inception.3x3_reduced.reduce.params": lambda: reduced_3x3().params("conv#1"),
    "inception.3x3_reduced.conv.params": lambda: reduced_3x3().params("conv#2"),
    "inception.3x3_reduced.total.params": lambda: reduced_3x3().params(),
    "inception.3x3_reduced.total.params.table": lambda: reduced_3x3().params(),
    "inception.asym.1x3.shape": lambda: asymmetric().shape("conv#1"),
    "inception.asym.3x1.shape": lambda: asymmetric().shape("conv#2"),
    "inception.asym.1x3.flops": lambda: asymmetric().macs("conv#1"),
    "inception.asym.3x1.flops": lambda: asymmetric().macs("conv#2"),
    "inception.5x5_naive.ops": lambda: table(MAP, "conv 5x5, 32").macs(),
    "inception.5x5_reduced.reduce.ops": lambda: reduced_5x5().macs("conv#1"),
    "inception.5x5_reduced.conv.ops": lambda: reduced_5x5().macs("conv#2"),
    "inception.5x5_reduced.total.ops": lambda: reduced_5x5().macs(),
    "factor.5x5.ops": lambda: table("5x5x1", "conv 5x5, 1").macs(),
    "factor.two3x3.ops": lambda: table("5x5x1", "conv 3x3, 1", "conv 3x3, 1").macs(),
    "factor.two3x3.saving": lambda: 1 - ratio(
        table("5x5x1", "conv 3x3, 1", "conv 3x3, 1").macs(), table("5x5x1", "conv 5x5, 1").macs()
    ),
    "factor.5x5.pad": lambda: padding(table("5x5x1", "conv 5x5, 1")),
    "factor.3x3.pad": lambda: padding(table("5x5x1", "conv 3x3, 1")),
    "factor.asym.3x3.ops": lambda: table("3x3x1", "conv 3x3, 1").macs(),
    "factor.asym.1x3_3x1.ops": lambda: table("3x3x1", "conv 1x3, 1", "conv 3x1, 1").macs(),
    "factor.asym.saving": lambda: 1 - ratio(
        table("3x3x1", "conv 1x3, 1", "conv 3x1, 1").macs(), table("3x3x1", "conv 3x3, 1").macs()
    ),
    # GoogLeNet, Inception-v2
    "googlenet.vs_alexnet.compute": lambda: ratio(
        net("googlenet").macs(), net("alexnet:alexnet_two_towers").macs()
    ),
    "googlenet.modules": lambda: len(net("googlenet").calls("inception")),
    "googlenet.depth": lambda: depth(net("googlenet").module),
    "googlenet.depth_with_pools": lambda: depth(net("googlenet").module) + pools(net("googlenet")),
    "googlenet.inception.depth": lambda: depth(
        table(MAP, "inception(64, 96→128, 16→32, pool→32)").module
    ),
    "googlenet.crops": lambda: len(CROPS[144]()),
    **{
        f"googlenet.eval_cost.{models}x{count}": partial(evaluation, models, count)
        for models in (1, 7)
        for count in CROPS
    },
    "googlenet.aux_4a.avgpool.shape": lambda: auxiliary("4a"),
    "googlenet.aux_4d.avgpool.shape": lambda: auxiliary("4d"),
    "inceptionv2.conv0.shape": lambda: stem(1).shape(),
    "inceptionv2.conv1.shape": lambda: stem(2).shape(),
    "inceptionv2.conv2.shape": lambda: stem(3).shape(),
    "inceptionv2.pool0.shape": lambda: stem(4).shape(),
    "inceptionv2.conv3.shape": lambda: stem(5).shape(),
    "inceptionv2.conv4.shape": lambda: stem(6).shape(),
    "inceptionv2.grid17": lambda: table("35x35x288", "conv 3x3/2, 384, pad=0").size(),
    "inceptionv2.grid8": lambda: table("17x17x768", "conv 3x3/2, 320, pad=0").size(),
    "inceptionv2.pool.shape": lambda: table("8x8x2048", "avgpool 8x8/1").shape(),
    "inceptionv2.linear.out": lambda: table("2048", "fc 1000").shape(),
    "inceptionv2.stem_alt.shape": lambda: table("299x299x3", "conv 7x7/2, 64, pad=0").size(),
    # ResNet
    "resnet.conv1.size": lambda: net("resnet:resnet34").size("conv1"),
    "resnet.conv2_x.size": lambda: stage_size("conv2_x"),
    "resnet.conv3_x.size": lambda: stage_size("conv3_x"),
    "resnet.conv4_x.size": lambda: stage_size("conv4_x"),
    "resnet.conv5_x.size": lambda: stage_size("conv5_x"),
    "resnet.gap.size": lambda: table("7x7x512", "avgpool 7x7/1").size(),
    "resnet18.flops": lambda: net("resnet:plain18").macs(),
    "resnet34.flops": lambda: net("resnet:resnet34_a").macs(),
    "resnet50.flops": lambda: net("resnet:resnet50_2015").macs(),
    "resnet101.flops": lambda: net("resnet:resnet101_2015").macs(),
    "resnet152.flops": lambda: net("resnet:resnet152_2015").macs(),
    "resnet34.layers.001": lambda: depth(net("resnet:resnet34").module),
    "resnet152.params.001": lambda: net("resnet:resnet152").params(),
    "resnet152.params.003a": lambda: net("resnet:resnet152").params(),
    "resnet152.cheaper_than_vgg": lambda: [
        net("resnet:resnet152_2015").macs(), vgg("D").macs(), vgg("E").macs()
    ],
    "resnet152.8x_layers_of_vgg": lambda: ratio(
        depth(net("resnet:resnet152").module), depth(vgg("E").module)
    ),
    "resnet.optionA.example.pool": lambda: shortcut("maxpool 1x1/2").shape(),
    "resnet.optionA.example.pool2x2": lambda: shortcut("maxpool 2x2/2").shape(),
    "resnet.optionA.example.concat": lambda: shortcut("shortcut_a(128, 2)").shape(),
    "resnet.optionA.params": lambda: shortcut("shortcut_a(128, 2)").params(),
    "resnet.optionB.example.shape": lambda: shortcut("shortcut_b(128, 2)").shape(),
    "resnet.example.block4": lambda: strided_units()[0],
    "resnet34.no_extra_params_vs_plain": lambda: (
        net("resnet:resnet34_a").params() - net("resnet:plain34").params()
    ),
}  # fmt: skip


def vgg16_activations() -> int:
    """Values of the input and of every convolution, pool and fully connected layer."""
    it = net("vgg:vgg16")
    counted = [node for kind in ("conv", "pool", "fc") for node in it.layers(kind)]
    shapes = [it.shape("input"), *(node.outputs[0].type.shape for node in counted)]
    return sum(math.prod(shape) for shape in shapes)


CORRECTED: dict[str, Callable[[], Any]] = {
    "demo.local10.params":  # ten units each at 10x10 positions
        lambda: table("200x200x3", "local 10x10/21, 10, pad=0, bias=false").weights(),
    "demo.conv100.params": lambda: table("200x200x3", "conv 10x10, 100, bias=false").params(),
    "alexnet.conv1.params.001": lambda: net("alexnet").params("conv1"),
    "alexnet.figure.input224": lambda: net("alexnet").size("input"),
    "zfnet.conv2.shape": lambda: table("55x55x96", "conv 5x5, 256, pad=same").shape(),
    "compare.zfnet_vs_alexnet.flops_ratio":
        lambda: ratio(net("zfnet").ops(), net("alexnet").ops()),
    "compare.zfnet_vs_alexnet.more_params_pct":
        lambda: ratio(net("zfnet").params(), net("alexnet").params()) - 1,
    "compare.vgg16.gflops": lambda: net("vgg:vgg16").macs(),
    "vgg16.total.activations": vgg16_activations,
    "vgg16.total.memory": lambda: 4 * vgg16_activations(),
    "inception.naive.pool.shape": lambda: table(MAP, "maxpool 2x2/1").shape(),
    "inception.asym.total.flops": lambda: asymmetric().macs(),
    "inception.asym.total.params": lambda: asymmetric().params(),
    "googlenet.table.params_column_sum": lambda: net("googlenet").params(),
    "compare.googlenet.gflops": lambda: net("googlenet").macs(),
    "googlenet.params_5M": lambda: net("googlenet").params(),
    "googlenet.vs_alexnet.params":
        lambda: ratio(net("alexnet").params(), net("googlenet").params()),
    "googlenet.fc_alternative.params":
        lambda: table("7x7x1024", "flatten", "fc 1000, bias=false").params(),
    "googlenet.rf224": lambda: net("googlenet").sees("5b"),
    "inceptionv2.conv5.shape": lambda: table("35x35x192", "conv 3x3, 288, pad=0").shape(),
    "resnet152.params.003b": lambda: net("resnet:resnet152").params(),
}  # fmt: skip
"""What was stated wrongly, where its name does not say how to find it."""


def measure(id: str) -> Callable[[], Any] | None:
    """How the compiler finds the number of a claim."""
    return SINGLE.get(id) or CORRECTED.get(id) or by_model(id) or by_row(id) or by_layer(id)


def find(claim: dict[str, Any]) -> Any:
    """The number of a claim."""
    how = measure(claim["id"])
    assert how, f"nothing computes {claim['id']}: {claim['claim']}"
    return how()


# ------------------------------------------------------------------- the page

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 1024, "%": 0.01, "MB": 10**6}
CHAPTERS = {
    "First examples": r"demo",
    "LeNet-5, `lenet.cnn`": r"lenet5",
    "AlexNet, `alexnet.cnn`": r"alexnet",
    "ZFNet, `zfnet.cnn`": r"zfnet|compare\.zfnet",
    "VGG, `vgg.cnn`": r"vgg|compare\.vgg",
    "Inception modules": r"inception\.|factor",
    "GoogLeNet, `googlenet.cnn`": r"googlenet|compare\.googlenet",
    "Inception-v2": r"bn_|inceptionv2",
    "ResNet, `resnet.cnn`": r"resnet",
    "Highway networks": r"fitnet|highway",
}
"""Headings of the page, and how the names of their claims begin."""

HEAD = """\
# What the lectures claim

Made by `python -m tests.claims > docs/claims.md`; a test keeps it fresh.

The lectures that this project grew from state {total} numbers about networks: sizes, parameters,
operations, receptive fields. The compiler finds each again, from the shipped specs or from a few
lines of `.cnn` (`tests/claims.py`):

| | |
| --- | --- |
| exact | {exact} |
| true as far as they were rounded | {rounded} |
| **not true**: they do not follow from the network as it is described | {false} |
| not verifiable: what they are about is not described | {unverifiable} |

A multiply-accumulate counts as one operation, as in the lectures. K, M and G are thousands,
millions and billions; in GoogLeNet's table K is 1024. `cnnc report googlenet` and its like show
each network row by row.
"""


def page() -> Iterator[str]:
    """The page in Markdown."""
    verdicts = [claim["verdict"] for claim in CLAIMS]
    counts = {word: verdicts.count(word) for word in verdicts}
    yield HEAD.format(total=len(CLAIMS), **counts)
    yield "## Not true\n"
    yield from chapters(FALSE, "they differ because", "why")
    yield "## True, if read with care\n"
    yield from chapters([claim for claim in TRUE if "note" in claim], "how to read it", "note")
    yield "## Not verifiable\n"
    yield "| | stated | |\n| --- | --- | --- |"
    for claim in UNVERIFIABLE:
        yield f"| {claim['what']} | {in_units(claim, claim['stated'])} | {claim['why']} |"


def chapters(claims: list[dict[str, Any]], heading: str, remark: str) -> Iterator[str]:
    """Tables of claims, one for each network."""
    for title, beginning in CHAPTERS.items():
        rows = [claim for claim in claims if re.match(beginning, claim["id"])]
        if not rows:
            continue
        yield f"### {title}\n\n| | stated | computed | {heading} |\n| --- | --- | --- | --- |"
        for claim in rows:
            stated, found = in_units(claim, claim["stated"]), computed(claim)
            yield f"| {claim['what']} | {stated} | {found} | {claim[remark]} |"
        yield ""


def computed(claim: dict[str, Any]) -> str:
    """What the compiler finds, in the unit of the claim, with four digits if it has one."""
    found = find(claim)
    if isinstance(found, list) or ("unit" not in claim and isinstance(found, int)):
        return in_units(claim, found)
    value = found / UNITS[claim.get("unit", "")]
    return in_units(claim, f"{value:,.{max(0, 3 - math.floor(math.log10(value)))}f}")


def in_units(claim: dict[str, Any], value: Any) -> str:
    """A value as it is printed: `28x28x256`, `34,944`, `13.6 G`."""
    if isinstance(value, list):
        return "x".join(map(str, value))
    unit = claim.get("unit", "").removesuffix("i")
    return f"{value if isinstance(value, str) else f'{value:,}'} {unit}".rstrip()


if __name__ == "__main__":
    print("\n".join(page()))
