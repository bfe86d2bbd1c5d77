"""The passes on hand-made modules: known figures of known nets, and brute force."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from cnndsl import op as op_module
from cnndsl.driver import check
from cnndsl.graph import Call, Constraint, Graph, Module, Node, Output, Value
from cnndsl.op import OPS, Op
from cnndsl.ops.activation import Relu, Sigmoid
from cnndsl.ops.conv import Conv, Deconv, DwConv
from cnndsl.ops.linear import Fc
from cnndsl.ops.merge import Add, Concat, Mul
from cnndsl.ops.norm import Bn
from cnndsl.ops.pool import AvgPool, GlobalAvgPool, MaxPool
from cnndsl.ops.regular import Dropout
from cnndsl.ops.reshape import Crop, Flatten, Upsample
from cnndsl.passes.cost import CONVENTIONS, cost, count
from cnndsl.passes.depth import depth
from cnndsl.passes.domain import domain, holds, solve
from cnndsl.passes.flatten import flatten
from cnndsl.passes.receptive import Everything, Reach, paths, receptive_field, receptive_fields
from cnndsl.symbol import at, variable
from cnndsl.types import TensorType, map_type
from cnndsl.window import Padding, Window


class Flow:
    """Builds one function statement by statement; keeps the functions of the module."""

    def __init__(self, name="main", functions=None, **inputs):
        self.name = name
        self.functions = {} if functions is None else functions
        self.inputs = tuple(Value(n, t) for n, t in inputs.items())
        self.types = dict(inputs)
        self.nodes = []

    def add(self, what, *inputs, name=None, weights=None):
        """Apply an operator or call a finished flow; gives the names of the results."""
        inputs = inputs or (self.last,)
        types = [self.types[i] for i in inputs]
        if isinstance(what, Op):
            op = what.canonical(*types)
            outs, word = op.infer(*types), what.word
        else:
            op, outs, word = Call(what.name), what.output_types, what.name
        name = name or f"{word}_{len(self.nodes)}"
        names = [name] if len(outs) == 1 else [f"{name}.{i}" for i in range(len(outs))]
        values = tuple(Value(n, t) for n, t in zip(names, outs, strict=True))
        self.types.update(zip(names, outs, strict=True))
        self.nodes.append(
            Node(name, op, tuple(inputs), values, row=len(self.nodes), weights=weights)
        )
        return names[0] if len(names) == 1 else tuple(names)

    @property
    def last(self):
        return self.nodes[-1].outputs[0].name if self.nodes else self.inputs[0].name

    def chain(self, *ops):
        for op in ops:
            self.add(op)
        return self.last

    def graph(self, *outputs):
        outputs = outputs or (Output("out", self.last),)
        graph = Graph(self.name, self.name, (), self.inputs, tuple(self.nodes), outputs)
        self.functions[self.name] = graph
        return graph

    def module(self, *outputs, constraints=()):
        self.graph(*outputs)
        return Module(self.name, tuple(self.functions.values()), constraints=constraints)


def conv(k, c, stride=1, pad="half", **kw):
    return Conv(Window(k, k, stride, stride), c, pad=pad, **kw)


def pool(k, stride, pad=0, **kw):
    return MaxPool(Window(k, k, stride, stride), pad=Padding(pad, pad, pad, pad), **kw)


IMAGE = map_type(224, 224, 3)


# Known nets --------------------------------------------------------------------------


def vgg16(image=IMAGE):
    flow = Flow("vgg16", x=image)
    for channels, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            flow.chain(conv(3, channels), Relu())
        flow.add(pool(2, 2))
    flow.chain(Flatten(), Fc(4096), Relu(), Dropout(), Fc(4096), Relu(), Dropout(), Fc(1000))
    return flow.module()


def alexnet():
    flow = Flow("alexnet", x=map_type(227, 227, 3))
    flow.chain(conv(11, 96, 4, pad="valid"), pool(3, 2), conv(5, 256), pool(3, 2))
    flow.chain(conv(3, 384), conv(3, 384), conv(3, 256), pool(3, 2))
    flow.chain(Flatten(), Fc(4096), Fc(4096), Fc(1000))
    return flow.module()


def residual(name, functions, x, body, shortcut):
    """A function that adds a body and a projection (or nothing) and applies relu."""
    flow = Flow(name, functions, x=x)
    flow.chain(*body)
    main = flow.last
    side = "x"
    for op in shortcut:
        side = flow.add(op, side)
    flow.add(Add(), main, side)
    flow.add(Relu())
    return flow.graph()


def resnet(depths, bottleneck, image=IMAGE, stride_on_first=False):
    flow = Flow(f"resnet_{sum(depths)}", x=image)
    flow.chain(conv(7, 64, 2, bias=False), Bn(), Relu(), pool(3, 2, 1))
    for i, repeats in enumerate(depths):
        n = 64 * 2**i
        out = 4 * n if bottleneck else n
        made = {}
        for j in range(repeats):
            stride = 2 if i and not j else 1
            x = flow.types[flow.last]
            if x not in made:
                if bottleneck:
                    strides = (stride, 1) if stride_on_first else (1, stride)
                    sizes = ((1, n, strides[0]), (3, n, strides[1]), (1, out, 1))
                else:
                    sizes = ((3, n, stride), (3, n, 1))
                body = [o for k, c, s in sizes for o in (conv(k, c, s, bias=False), Bn(), Relu())]
                need = stride > 1 or x.channels != out
                side = (conv(1, out, stride, bias=False), Bn()) if need else ()
                name = f"unit_{i}_{len(made)}"
                made[x] = residual(name, flow.functions, x, body[:-1], side)
            flow.add(made[x])
    flow.chain(GlobalAvgPool(), Fc(1000))
    return flow.module()


def inception(name, functions, x, n1, r3, n3, r5, n5, p):
    flow = Flow(name, functions, x=x)
    a = flow.add(conv(1, n1), "x")
    flow.add(conv(1, r3), "x")
    b = flow.add(conv(3, n3))
    flow.add(conv(1, r5), "x")
    c = flow.add(conv(5, n5))
    flow.add(pool(3, 1, 1), "x")
    d = flow.add(conv(1, p))
    flow.add(Concat(), a, b, c, d)
    return flow.graph()


def googlenet():
    flow = Flow("googlenet", x=IMAGE)
    flow.chain(conv(7, 64, 2), pool(3, 2, rounding="ceil"), conv(1, 64), conv(3, 192))
    flow.add(pool(3, 2, rounding="ceil"))
    table = {
        "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
        "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64),
        "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
        "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128),
        "5b": (384, 192, 384, 48, 128, 128),
    }  # fmt: skip
    aux = []
    for name, widths in table.items():
        if name in ("4a", "5a"):
            flow.add(pool(3, 2, rounding="ceil"))
        block = inception(f"inception_{name}", flow.functions, flow.types[flow.last], *widths)
        value = flow.add(block, name=name)
        if name in ("4a", "4d"):
            flow.add(AvgPool(Window(5, 5, 3, 3)), value)
            aux.append(flow.chain(conv(1, 128), Flatten(), Fc(1024), Fc(1000)))
            flow.add(pool(1, 1), value)
    flow.chain(GlobalAvgPool(), Dropout(), Fc(1000))
    heads = [Output(f"aux{i}", v, training=True, weight=0.3) for i, v in enumerate(aux)]
    return flow.module(Output("out", flow.last), *heads)


# Cost --------------------------------------------------------------------------------


def test_cost_vgg16():
    result = cost(vgg16())
    assert result.params == 138_357_544
    assert result.macs == 15_470_264_320
    assert result.flops == 2 * result.macs
    assert result.statistics == 0


def test_cost_resnet():
    result = cost(resnet((3, 4, 6, 3), bottleneck=True))
    assert result.params == 25_557_032
    assert result.macs == 4_089_184_256
    assert result.statistics == 53_120
    assert cost(resnet((2, 2, 2, 2), bottleneck=False)).params == 11_689_512


def test_cost_of_training_counts_the_auxiliary_heads():
    module = googlenet()
    inference, training = cost(module), cost(module, training=True)
    more = sum((c + 1) * 128 + (16 * 128 + 1) * 1024 + 1025 * 1000 for c in (512, 528))
    assert training.params - inference.params == more
    assert inference.params == 6_998_552
    assert set(inference.nodes(module.main)) < set(training.nodes(module.main))


def test_copies_multiply_through_calls():
    functions = {}
    x = map_type(8, 8, 4)
    inner = Flow("inner", functions, x=x)
    inner.add(conv(3, 4))
    inner = inner.graph()
    outer = Flow("outer", functions, x=x)
    outer.chain(inner, inner)
    outer = outer.graph()
    main = Flow("main", functions, x=x)
    main.chain(outer, inner, outer)
    result = cost(main.module())
    assert result.copies == {"inner": 5, "outer": 2, "main": 1}
    assert result.macs == 5 * result.functions["inner"]["mac"] == 5 * 64 * 9 * 16
    assert result.total["weight.kernel"] == 5 * 9 * 16
    assert result.activations == 5 * 256


def test_shared_weights_count_once_but_work_twice():
    functions = {}
    x = map_type(8, 8, 4)
    block = Flow("block", functions, x=x)
    block.chain(conv(3, 4), Bn())
    block = block.graph()
    flow = Flow("main", functions, x=x)
    flow.add(block, name="a")
    flow.add(block, name="b", weights="a")
    flow.add(conv(1, 4), name="c")
    flow.add(conv(1, 4), name="d", weights="c")
    result = cost(flow.module())
    assert result.params == 9 * 16 + 4 + 4 + 4 + 16 + 4
    assert result.statistics == 8
    assert result.macs == 2 * 64 * (9 * 16 + 16)


def test_weights_of_a_training_head_count_where_inference_first_uses_them():
    flow = Flow("main", x=map_type(8, 8, 4))
    aux = flow.add(conv(1, 4), "x", name="a")
    out = flow.add(conv(1, 4), "x", name="b", weights="a")
    module = flow.module(Output("out", out), Output("aux", aux, training=True))
    assert cost(module).params == cost(module, training=True).params == 20


def test_symbolic_cost_agrees_with_every_size():
    size = variable("H"), variable("W")
    symbolic = cost(resnet((1, 1, 1, 1), False, map_type(*size, 3)))
    rng = random.Random(1)
    for _ in range(5):
        values = {"H": rng.randrange(64, 300), "W": rng.randrange(64, 300)}
        concrete = cost(resnet((1, 1, 1, 1), False, map_type(values["H"], values["W"], 3)))
        assert {k: at(v, values) for k, v in symbolic.total.items()} == concrete.total


def test_conventions():
    ledger = cost(alexnet()).total
    assert count(ledger, "flops+bias") == 2 * ledger["mac"] + ledger["bias"]
    assert count(ledger, "no-padding") == 2 * ledger["mac.real"] < 2 * ledger["mac"]
    assert count(ledger, {"pool.*": 1}) == sum(v for k, v in ledger.items() if "pool" in k)
    assert count(ledger, {"pool.max.*": 1, "pool.max.in": 0}) == (
        ledger["pool.max.out"] + ledger["pool.max.window"]
    )
    assert count({"unheard.of": 7}, "all-ops") == 0


def documented_facts():
    """Patterns of the facts that the docstring of `Ledger` lists."""
    import inspect

    text = inspect.getsource(op_module).split('Ledger = dict[str, Size]\n"""')[1].split('"""')[0]
    names = [
        name
        for line in re.findall(r"(?m)^    (\S.*?)  +\S", text)
        for name in line.split(", ")
    ]  # fmt: skip
    return [re.escape(n).replace("KIND", "[a-z0-9]+").replace("ROLE", "[a-z]+") for n in names]


SAMPLES = {
    "conv": (conv(3, 8),), "dwconv": (DwConv(Window(3, 3)),), "pad": (OPS["pad"](Padding(1)),),
    "deconv": (Deconv(Window(2, 2, 2, 2), 4),), "fc": (Fc(3),), "crop": (Crop(Padding(1)),),
    "maxpool": (pool(2, 2),), "avgpool": (AvgPool(Window(2, 2)),), "gn": (OPS["gn"](2),),
    "times": (OPS["times"](2.0),), "local": (OPS["local"](Window(3, 3), 4),),
    "pad_channels": (OPS["pad_channels"](8),), "shuffle": (OPS["shuffle"](2),),
    "depth_to_space": (OPS["depth_to_space"](2),), "space_to_depth": (OPS["space_to_depth"](2),),
}  # fmt: skip


@pytest.mark.parametrize("word", sorted(OPS))
def test_every_fact_is_documented(word):
    patterns = documented_facts()
    assert {"mac", "weight\\.[a-z]+", "pool\\.[a-z0-9]+\\.in"} <= set(patterns)
    (op,) = SAMPLES.get(word, (None,)) if word in SAMPLES else (OPS[word](),)
    x = map_type(6, 6, 4) if word != "fc" else TensorType((4,))
    inputs = (x,) * max(2 if op.arity[1] is None else 1, op.arity[0])
    for fact in op.canonical(*inputs).ledger(*inputs):
        assert any(re.fullmatch(p, fact) for p in patterns), fact


def test_priced_facts_are_documented():
    patterns = documented_facts()
    for prices in CONVENTIONS.values():
        for fact in prices:
            name = fact.removesuffix(".*") + (".x" if fact.endswith(".*") else "")
            assert any(re.fullmatch(p, name) for p in patterns), fact


# Depth -------------------------------------------------------------------------------


def test_depth_of_known_nets():
    assert depth(vgg16()) == 16
    assert depth(alexnet()) == 8
    assert depth(googlenet()) == 22
    assert depth(resnet((3, 4, 6, 3), True)) == 50
    assert depth(resnet((2, 2, 2, 2), False)) == 18


def test_depth_composes_by_input_and_output():
    functions = {}
    x = map_type(8, 8, 4)
    block = Flow("block", functions, a=x, b=x)
    block.add(conv(1, 4), "a", name="a1")
    block.add(conv(1, 4), "a1", name="a2")
    block.add(Relu(), "b", name="b0")
    block = block.graph(Output("first", "a2"), Output("second", "b0"))
    flow = Flow("main", functions, x=x)
    flow.add(conv(1, 4), name="stem")
    one, two = flow.add(block, "x", "stem")
    flow.add(block, one, two, name="last")
    assert depth(flow.module(Output("out", "last.0"))) == 4
    assert depth(flow.module(Output("out", "last.1"))) == 1
    assert depth(flow.module(Output("aux", "last.0", True), Output("out", "last.1"))) == 1


# Receptive field ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "size", "stride"),
    [
        (vgg16(), 212, 32),
        (alexnet(), 195, 32),
        (resnet((3, 4, 6, 3), True, stride_on_first=True), 483, 32),  # as in 2015
        (resnet((3, 4, 23, 3), True, stride_on_first=True), 1027, 32),
        (resnet((3, 4, 6, 3), True), 427, 32),  # torchvision's strides before fewer 3x3
        (resnet((2, 2, 2, 2), False), 435, 32),
    ],
)
def test_receptive_field_of_known_nets(module, size, stride):
    field = receptive_field(module)
    assert (field.height.size, field.width.size) == (size, size)
    assert field.height.stride == stride
    assert not field.gated


def test_receptive_field_by_hand():
    flow = Flow("main", x=map_type(32, 32, 3))
    flow.add(conv(3, 4, 2), name="a")  # outputs 2i-1 .. 2i+1
    flow.add(Conv(Window(5, 1), 4), name="b")  # a at i-2 .. i+2
    fields = receptive_fields(flow.module())
    assert fields["x"].height == Reach(1, 1, 0)
    assert fields["a"].height == Reach(3, 2, -1)
    assert fields["b"].height == Reach(11, 2, -5)
    assert fields["b"].width == Reach(3, 2, -1)
    assert fields["b"].height.centre == 0


def test_heads_and_gates():
    functions = {}
    x = map_type(16, 16, 4)
    se = Flow("se", functions, x=x)
    se.chain(GlobalAvgPool(), Fc(4), Sigmoid())
    se.add(Mul(), "x", se.last)
    se = se.graph()
    flow = Flow("main", functions, x=x)
    flow.add(conv(3, 4), name="a")
    flow.add(se, name="gated")
    flow.add(conv(3, 4), name="b")
    flow.add(GlobalAvgPool(), name="pooled")
    flow.add(Fc(3), name="fc")
    module = flow.module()
    fields = receptive_fields(module)
    assert fields["fc"].whole and fields["fc"].height == Reach(16, 0, 0, whole=True)
    assert fields["b"].height == Reach(5, 1, -2) and fields["b"].gated
    assert fields["a"].gated is False
    assert receptive_field(module) == fields["b"]
    assert receptive_field(module, "a") == fields["a"]


def test_a_gate_that_is_an_input():
    functions = {}
    x, g = map_type(16, 16, 4), map_type(1, 1, 4)
    scale = Flow("scale", functions, x=x, g=g)
    scale.add(Mul(), "x", "g")
    scale = scale.graph()
    flow = Flow("main", functions, x=x, g=g)
    flow.add(conv(3, 4), "x", name="a")
    flow.add(scale, "a", "g", name="b")
    fields = receptive_fields(flow.module())
    assert fields["b"].height == Reach(3, 1, -1) and not fields["b"].gated
    by_gate = receptive_fields(flow.module(), "g")["b"]
    assert by_gate.whole and by_gate.gated


def test_branches_with_different_strides_are_irregular():
    flow = Flow("main", x=map_type(4, 4, 2))
    flow.add(conv(1, 2, 3), "x", name="a")
    flow.add(conv(3, 2, 1, pad="valid"), "x", name="b")
    flow.add(Add(), "a", "b", name="c")
    field = receptive_field(flow.module(), "c")
    assert field.height == Reach(4, 0, 0, whole=True, irregular=True)


@pytest.mark.parametrize(("k", "stride"), [(3, 2), (7, 2), (2, 2), (3, 3), (1, 2)])
def test_same_padding_on_a_symbolic_size(k, stride):
    """The field is that on a multiple of the stride, and of every size but for the start."""
    reaches = []
    for n in (variable("H"), 6 * stride, 6 * stride + 1):
        flow = Flow("main", x=map_type(n, n, 2))
        flow.add(conv(k, 2, stride, pad="same"), name="c")
        flow.add(conv(3, 2), name="d")
        reaches.append(receptive_field(flow.module(), "d").height)
    symbolic, multiple, other = reaches
    assert symbolic == multiple
    assert (symbolic.size, symbolic.stride) == (other.size, other.stride)


def test_resizing_a_symbolic_map_to_a_fixed_size_is_irregular():
    flow = Flow("main", x=map_type(variable("H"), 8, 2))
    flow.add(Upsample(size=(4, 4)), name="up")
    field = receptive_field(flow.module(), "up")
    assert field.height == Reach(variable("H"), 0, 0, whole=True, irregular=True)
    assert field.width == Reach(1, 2, 0) and not field.whole


def test_upsampling_has_a_fractional_stride():
    from fractions import Fraction

    flow = Flow("main", x=map_type(8, 8, 2))
    flow.add(Upsample((4, 2)), name="up")
    flow.add(conv(3, 2), name="c")
    field = receptive_field(flow.module(), "c")
    assert field.height == Reach(2, Fraction(1, 4), -1)
    assert field.width.stride == Fraction(1, 2)


def test_squares_of_positions_read_squares_and_single_elements():
    from fractions import Fraction

    flow = Flow("main", x=map_type(12, 12, 4))
    flow.add(OPS["space_to_depth"](2), name="down")
    flow.add(conv(3, 9), name="c")
    flow.add(OPS["depth_to_space"](3), name="up")
    fields = receptive_field(flow.module(), "down"), receptive_field(flow.module(), "up")
    assert [field.height for field in fields] == [Reach(2, 2, 0), Reach(6, Fraction(2, 3), -2)]


# Receptive field against brute force: follow each output to the inputs it reads.


def sources(node_op, types, out, rows):
    """The rows of input that the given rows of one output read; None for all."""
    if isinstance(node_op, Deconv):
        k, s, d = node_op.window.height, node_op.window.stride_h, node_op.dilation[0]
        lo = node_op.pad.top
        return {(r + lo - t * d) // s for r in rows for t in range(k) if (r + lo - t * d) % s == 0}
    if isinstance(node_op, Upsample):
        factor = node_op.factor[0]
        if node_op.mode == "nearest":
            return {r // factor for r in rows}
        reach = {"bilinear": (0, 1), "bicubic": (-1, 2)}[node_op.mode]
        found = set()
        for r in rows:
            at, rest = divmod(2 * r + 1 - factor, 2 * factor)
            found |= set(range(at + reach[0], at + reach[1] + 1)) if rest else {at}
        return found
    axes = node_op.axes(*types)
    if axes is None:
        return None
    axis = axes[0]
    return {
        axis.stride * r - axis.lo + t
        for r in rows
        for t in range(axis.extent + 1)
        if axis.taps >> t & 1
    }


def taps(functions, graph, wanted):
    """The rows of each input of a function that are read for `{value: rows}`."""
    types = graph.types
    wanted = {name: set(rows) for name, rows in wanted.items()}
    for node in reversed(graph.nodes):
        asked = [wanted.get(v.name, set()) for v in node.outputs]
        if isinstance(node.op, Call):
            callee = functions[node.op.function]
            inner = {}
            for output, rows in zip(callee.outputs, asked, strict=True):
                inner.setdefault(output.value, set()).update(rows)
            read = taps(functions, callee, inner)
            per_input = [read.get(v.name, set()) for v in callee.inputs]
        else:
            inputs = [types[i] for i in node.inputs]
            rows = set().union(*asked)
            per_input = [sources(node.op, inputs, types, rows)] * len(inputs)
        for name, rows in zip(node.inputs, per_input, strict=True):
            wanted.setdefault(name, set()).update(rows)
    return wanted


def random_op(rng, x, growth):
    """A windowed operator; growth bounds how far upsampling may go."""
    kinds = ["conv", "pool", "conv", "down", "relu", "crop"]
    if growth < 8:
        kinds += ["deconv", "up", "up"]
    kind = rng.choice(kinds)
    k = rng.randint(1, 4)
    if kind == "conv":
        d = rng.randint(1, 2)
        pad = (k - 1) * d // 2
        return conv(k, 1, 1, pad=Padding(pad, pad, pad, pad), dilation=(d, d)), 1
    if kind == "pool":
        return pool(k, 1, k // 2), 1
    if kind == "down":
        return conv(k, 1, 2, pad=Padding(*[rng.randint(0, k - 1)] * 4)), 1
    if kind == "deconv":
        s = rng.randint(2, 3)
        return Deconv(Window(k + s, k + s, s, s), 1, pad=Padding(*[rng.randint(0, 1)] * 4)), s
    if kind == "up":
        return Upsample((2, 2), mode=rng.choice(["nearest", "bilinear", "bicubic"])), 2
    if kind == "crop":
        return Crop(Padding(1, 0, 1, 0)), 1
    return Relu(), 1


def random_block(rng, functions, name, x, steps, blocks=()):
    """A random function; blocks are called where they take the type of some value."""
    flow = Flow(name, functions, x=x)
    growth = 1
    for _ in range(steps):
        before = rng.choice([flow.last, flow.last, rng.choice(list(flow.types))])
        here = flow.types[before]
        same = [v for v, t in flow.types.items() if t == here and v != before]
        callable_ = [b for b in blocks if b.inputs[0].type == here]
        if callable_ and rng.random() < 0.5:
            flow.add(rng.choice(callable_), before)
        elif same and rng.random() < 0.4:
            flow.add(Add(), before, rng.choice(same))
        else:
            op, factor = random_op(rng, here, growth)
            if here.height < 12 and not isinstance(op, Deconv | Upsample | Relu):
                continue
            flow.add(op, before)
            growth *= factor
    if not flow.nodes:
        flow.add(Relu())
    return flow


@pytest.mark.parametrize("seed", range(40))
def test_receptive_field_against_brute_force(seed):
    rng = random.Random(seed)
    functions = {}
    x = map_type(90, 90, 1)
    block = random_block(rng, functions, "block", x, 4).graph()
    main = random_block(rng, functions, "main", x, 6, [block])
    module = main.module()
    known = paths(module)
    for name, type in main.types.items():
        hull = known[name][0].axes[0]
        if hull == Everything(irregular=True):
            continue
        sizes = set()
        for i in range(type.height):
            read = taps(functions, module.main, {name: {i}})["x"]
            assert hull.at(i) == ((min(read), max(read)) if read else None)
            sizes.add(max(read) - min(read) + 1 if read else 0)
        if type.height >= hull.period:
            assert max(sizes) == hull.reach.size


@pytest.mark.parametrize(
    ("mode", "align"),
    [("nearest", False)] + [(m, a) for m in ("bilinear", "bicubic") for a in (False, True)],
)
@pytest.mark.parametrize(("n", "m"), [(6, 12), (6, 18), (6, 9), (8, 6), (9, 6), (5, 7), (6, 6)])
def test_resize_hulls_cover_what_is_read(mode, align, n, m):
    from fractions import Fraction
    from math import ceil, floor

    flow = Flow("main", x=map_type(n, n, 1))
    flow.add(Upsample(size=(m, m), mode=mode, align_corners=align), name="up")
    hull = paths(flow.module())["up"][0].axes[0]
    for j in range(m):
        at = Fraction(j * (n - 1), m - 1) if align else Fraction((2 * j + 1) * n - m, 2 * m)
        low, high = floor(at), ceil(at)
        if mode == "nearest":
            low = high = j * n // m
        elif mode == "bicubic" and low != high:
            low, high = low - 1, high + 1
        first, last = hull.at(j)
        assert first <= low and high <= last
        if not align:
            assert (first, last) == (low, high)


# Domain ------------------------------------------------------------------------------

H, W = variable("H"), variable("W")


def equal(left, right, reason="add"):
    return Constraint(left, right, reason)


def positive(size, reason="pool"):
    return Constraint(size, None, reason)


def unet(size, levels=4):
    """Sizes of a U-Net's encoder and decoder, and its constraints."""
    down = [size]
    for _ in range(levels):
        down.append((down[-1] - 2) // 2 + 1)
    up, constraints = down[-1], [positive(down[-1])]
    for skip in reversed(down[:-1]):
        up = up * 2
        constraints.append(equal(skip, up, f"concat at {skip}"))
        up = skip
    return constraints


def test_domain_of_a_unet():
    constraints = unet(H)
    result = solve(constraints)
    assert result.describe() == ("all H ≡ 0 mod 16, ≥ 16",)
    (free,) = result.variables
    reasons = ["concat at (H//8)", "concat at (H//4)", "concat at (H//2)", "concat at H"]
    assert [c.reason for c in free.because] == reasons
    one = solve([*constraints, equal(16 * (H // 16), H, "fit")]).variables[0]
    assert [c.reason for c in one.because] == ["fit"]
    both = solve([*constraints, *unet(W)])
    assert both.describe() == ("all H, W ≡ 0 mod 16, ≥ 16",)


def test_domain_of_a_resnet_is_everything():
    n = H
    constraints = []
    for k, s, p in [(7, 2, 3), (3, 2, 1), (3, 2, 1), (3, 2, 1), (3, 2, 1)]:
        n = (n + 2 * p - k) // s + 1
        constraints.append(positive(n))
    assert solve(constraints).describe() == ("all H",)
    assert solve([], ["H", "W"]).describe() == ("all H, W",)


def test_domain_names_the_bound():
    constraints = [positive(H - 4, "conv"), positive((H - 14) // 2, "pool")]
    result = solve(constraints)
    assert result.describe() == ("all H ≥ 16",)
    assert result.variables[0].bound.reason == "pool"


def test_finite_and_empty_domains():
    assert solve([equal(H // 2, H - 8)]).describe() == ("only H = 15, 16",)
    assert solve([equal(H, H + 1)]).describe() == ("no size: H = H + 1 (add)",)
    assert solve([equal(H * 2, (H + 3) * 2 + 1)]).never is not None
    assert solve([equal(2 * (H // 2), H), equal(2 * (H // 2) + 1, H)]).describe() == ("no H",)
    assert solve([positive(10 - H)]).describe() == ("only H = 1, 2, 3, 4, 5, 6, 7, 8, 9",)


def test_residues():
    odd = equal(2 * (H // 2) + 1, H)
    assert solve([odd]).describe() == ("all H ≡ 1 mod 2",)
    quarter = equal(4 * (H // 4), 2 * (H // 2))
    assert solve([quarter]).describe() == ("all H ≡ 0, 1 mod 4",)
    assert solve([quarter, positive((H - 3) * (-1))]).describe() == ("only H = 1",)
    mixed = [quarter, positive(H - 4)]
    assert solve(mixed).describe() == ("all H ≡ 0, 1 mod 4, ≥ 5",)
    assert solve([equal((H + 4) // 5, (H + 3) // 5)]).describe() == ("all H ≢ 1 mod 5, ≥ 2",)


def test_equal_variables_are_replaced():
    result = solve([equal(H, W), *unet(H, 2), *unet(W, 3)])
    assert result.describe() == ("all H ≡ 0 mod 8, ≥ 8", "W = H")
    result = solve([equal(H, W + 3), positive(W - 2)])
    assert result.describe() == ("all H ≥ 6", "W = H - 3")


def test_what_is_not_solved_is_said():
    result = solve([equal(H // 2, W // 2), equal(H * W, 64), positive(H - 3)])
    assert result.describe() == (
        "all H ≥ 4",
        "all W",
        "not solved: (H//2) = (W//2) (add)",
        "not solved: H*W = 64 (add)",
    )
    huge = solve([equal(H, 1_000_003 * (H // 1_000_003)), positive(H - 10**9)])
    assert len(huge.unsolved) == 1 and huge.describe()[0] == "all H ≥ 1000000001"


def test_holds_gives_the_first_violation():
    constraints = unet(H)
    assert holds(constraints, {"H": 32}) is None
    assert holds(constraints, {"H": 40}).reason == "concat at (H//8)"
    assert holds(constraints, {"H": 8}).right is None


def random_size(rng):
    size = H
    for _ in range(rng.randint(0, 3)):
        k, s, p = rng.randint(1, 5), rng.randint(1, 3), rng.randint(0, 2)
        size = (size + 2 * p - k) // s + 1
        if rng.random() < 0.3:
            size = size * rng.randint(2, 3) + rng.randint(-2, 2)
    return size


@pytest.mark.parametrize("seed", range(150))
def test_domain_against_brute_force(seed):
    rng = random.Random(seed)
    constraints = []
    for _ in range(rng.randint(1, 4)):
        size = random_size(rng)
        if rng.random() < 0.5:
            constraints.append(positive(size))
        else:
            s = rng.randint(2, 4)
            constraints.append(equal(rng.randint(-1, 3) + size // s * s, size))
    result = solve(constraints, ["H"])
    for h in range(1, 700):
        truth = holds(constraints, {"H": h}) is None
        if result.never is not None:
            assert not truth
            continue
        (free,) = result.variables
        assert (h in free) is truth
    if result.never is None and free.residues:
        assert free.least in free
        assert all(r < free.modulus for r in free.residues)
        before = [x for x in range(1, free.least) if x % free.modulus in free.residues]
        if before:
            assert holds([free.bound], {"H": before[-1]}) is free.bound


def test_domain_of_a_module():
    flow = Flow("main", x=map_type(H, W, 3))
    a = flow.add(pool(2, 2), name="a")
    flow.add(Upsample(), a, name="b")
    flow.add(Concat(), "x", "b")
    up = flow.types["b"]
    rows = [equal(up.height, H), equal(up.width, W)]
    assert domain(flow.module(constraints=tuple(rows))).describe() == ("all H, W ≡ 0 mod 2, ≥ 2",)


# Flatten -----------------------------------------------------------------------------


def flat(module):
    return Module(module.name, (flatten(module),))


@pytest.mark.parametrize("make", [vgg16, googlenet, lambda: resnet((3, 4, 6, 3), True)])
def test_flat_nets_have_the_same_costs_depth_and_field(make):
    module = make()
    assert not any(isinstance(node.op, Call) for node in flatten(module).nodes)
    for training in (False, True):
        assert cost(flat(module), training).total == cost(module, training).total
    assert depth(flat(module)) == depth(module)
    assert receptive_field(flat(module)) == receptive_field(module)


def test_flat_names_regions_rows_and_labels():
    functions = {}
    x = map_type(8, 8, 4)
    inner = Flow("inner", functions, x=x)
    inner.chain(conv(3, 4), Relu())
    inner = inner.graph()
    outer = Flow("outer", functions, x=x)
    outer.add(inner, name="u1")
    outer.add(inner, name="u2")
    outer = outer.graph()
    main = Flow("main", functions, x=x)
    main.add(Relu(), name="start")
    main.add(outer, name="s1")
    main.add(Relu(), name="end")
    graph = flatten(main.module())
    names = [node.name for node in graph.nodes]
    assert names[:3] == ["start", "s1.u1.conv_0", "s1.u1.relu_1"] and names[-1] == "end"
    assert graph.nodes[1].region == ("s1", "u1")
    assert [node.row for node in graph.nodes] == [0, 1, 2, 3, 4, 5]
    assert graph.nodes[-1].inputs == ("s1.u2.relu_1",)
    assert graph.outputs == (Output("out", "end"),)


def test_flat_weights_are_shared_with_the_first_owner():
    functions = {}
    x = map_type(8, 8, 4)
    inner = Flow("inner", functions, x=x)
    inner.add(conv(3, 4), name="c")
    inner.add(conv(3, 4), name="d", weights="c")
    inner = inner.graph()
    outer = Flow("outer", functions, x=x)
    outer.add(inner, name="u")
    outer.add(conv(1, 4), name="e")
    outer = outer.graph()
    main = Flow("main", functions, x=x)
    main.add(outer, name="a")
    main.add(outer, name="b", weights="a")
    main.add(outer, name="f", weights="b")
    main.add(outer, name="g")
    module = main.module()
    weights = {node.name: node.weights for node in flatten(module).nodes}
    assert weights["a.u.c"] is None and weights["a.u.d"] == "a.u.c"
    assert weights["b.u.c"] == weights["b.u.d"] == weights["f.u.d"] == "a.u.c"
    assert weights["b.e"] == "a.e" and weights["g.u.d"] == "g.u.c"
    assert cost(flat(module)).total == cost(module).total


def test_calls_that_return_an_input_and_names_that_collide():
    functions = {}
    x = map_type(8, 8, 4)
    swap = Flow("swap", functions, a=x, b=x)
    swap.add(Relu(), "a", name="r")
    swap = swap.graph(Output("first", "b"), Output("second", "r"))
    main = Flow("main", functions, x=x)
    main.add(Relu(), name="s.r")
    main.add(swap, "x", "s.r", name="s")
    main.add(Add(), "s.0", "s.1", name="sum")
    graph = flatten(main.module())
    assert [node.name for node in graph.nodes] == ["s.r", "s.r_2", "sum"]
    assert graph.nodes[-1].inputs == ("s.r", "s.r_2")


def test_deep_calls_need_no_stack():
    functions = {}
    x = map_type(4, 4, 1)
    inside = Flow("f0", functions, x=x)
    inside.add(conv(1, 1))
    inside = inside.graph()
    for i in range(1, 3000):
        flow = Flow(f"f{i}", functions, x=x)
        flow.add(inside, name="c")
        inside = flow.graph()
    module = Module("deep", tuple(functions.values()))
    assert len(flatten(module).nodes) == 1
    assert cost(module).params == 2
    assert depth(module) == 1
    assert receptive_field(module).height == Reach(1, 1, 0)


# Shipped specs -----------------------------------------------------------------------

SPECS = sorted((Path(__file__).parents[1] / "specs").glob("*.cnn"))
FIELDS = {  # Araujo et al., Computing Receptive Fields of CNNs, 2019; resnets with their strides
    "alexnet": 195, "vgg16": 212, "resnet18": 435, "resnet50": 427, "resnet101": 971,
}  # fmt: skip
DEPTHS = {
    "alexnet": 8, "vgg11": 11, "vgg16": 16, "vgg19": 19, "googlenet": 22, "lenet5": 5,
    "resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101, "resnet152": 152,
}  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_specs(spec):
    for compiled in check(str(spec)):
        module = compiled.module
        flattened = flat(module)
        assert cost(flattened, True).total == cost(module, True).total
        assert cost(flattened).total == cost(module).total
        assert depth(flattened) == depth(module) == DEPTHS.get(module.name, depth(module))
        fields = receptive_fields(module)
        flat_fields = receptive_fields(flattened)
        assert {n: f for n, f in flat_fields.items() if n in fields} == {
            n: f for n, f in fields.items() if n in flat_fields
        }
        if module.name in FIELDS:
            assert receptive_field(module).height.size == FIELDS[module.name]
