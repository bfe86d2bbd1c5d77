"""The text form of the IR reads back equal, and whatever else is read gives an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnndsl.diagnostics import CnnError
from cnndsl.driver import check
from cnndsl.graph import Call, Constraint, Graph, Module, Node, Output, Value
from cnndsl.irtext import ir_hash, print_module, read_module
from cnndsl.op import OPS, ShapeError
from cnndsl.record import replace
from cnndsl.symbol import Symbol, variable
from cnndsl.types import TensorType
from cnndsl.window import Padding, Window

TINY = """\
module tiny in torch "An example, 2024"
constraint (H//2) >= 1 "the pool \\"p\\" fits"
constraint 2*(H//2) == H "add"

func double_1 = double(n=4, k=3x3/2, act="relu", wide=none, rate=0.5) (x: H×W×4) {
  0  c: conv1 = conv(x) 3x3, 4, pad=1, bias=false  : H×W×4
  0  relu1 = relu(conv1)                           : H×W×4
  in a, "stage 2":
  1  conv2 = conv(relu1; weights=conv1) 3x3, 4, pad=1, bias=false  : H×W×4
  in:
  2  s -> left, "right side" = split(conv2)        : H×W×2, H×W×2
  output out = left
  output other = "right side"
  label c = conv1
}

func tiny = tiny() (x: H×W×4) {
  0  d -> y, z = @double_1(x)             : H×W×2, H×W×2
  1  p = maxpool(y) 2x2/2, pad=0          : (H//2)×(W//2)×2
  2  up = upsample(p) mode=bilinear       : (2*(H//2))×(2*(W//2))×2
  3  g = globalavgpool(z)                 : 2
  4  f = fc(g) 10                         : 10
  output out = f
  output aux = up, training, weight=0.3
}
"""


def test_example():
    module = read_module(TINY)
    assert module.source == "An example, 2024"
    assert [c.reason for c in module.constraints] == ['the pool "p" fits', "add"]
    block, main = module.functions
    assert dict(block.arguments)["k"] == Window(3, 3, 2, 2)
    conv1, _, conv2, split = block.nodes
    assert conv1.label == "c" and conv2.region == ("a", "stage 2") and conv2.weights == "conv1"
    assert conv1.op == OPS["conv"](Window(3, 3), 4, pad=Padding(1, 1, 1, 1), bias=False)
    assert [value.name for value in split.outputs] == ["left", "right side"] and split.region == ()
    assert main.nodes[0].op == Call("double_1")
    assert main.outputs[1] == Output("aux", "up", True, 0.3)
    assert conv1.span.text == "0  c: conv1 = conv(x) 3x3, 4, pad=1, bias=false"
    assert read_module(print_module(module)) == module
    assert ir_hash(module) == ir_hash(read_module(print_module(module)))
    assert ir_hash(module) != ir_hash(replace(module, name="other"))


SPECS = sorted((Path(__file__).parents[1] / "specs").glob("*.cnn"))


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_specs_read_back_equal(spec):
    for compiled in check(str(spec)):
        text = print_module(compiled.module)
        again = read_module(text)
        assert again == compiled.module
        assert print_module(again) == text


# Errors


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("module tiny", "modul tiny", "E0101", "modul"),
        ("conv(x)", "conf(x)", "E0201", "conf(x)"),
        ("relu(conv1)", "relu(conv7)", "E0202", "conv7"),
        ("@double_1", "@double_2", "E0202", "double_2"),
        ("weights=conv1", "weights=conv9", "E0202", "conv9"),
        ("bias=false", "bia=false", "E0203", "bia"),
        ("bias=false", "bias=7", "E0206", "7"),
        ("conv(x) 3x3, 4", "conv(x) 3x3, 0", "E0207", "0"),
        ("conv(x) 3x3, 4,", "conv(x) 3x3,", "E0204", "conv(x)"),
        ("globalavgpool(z)", "globalavgpool(z) 3", "E0205", "3"),
        ("relu1 = relu", "conv1 = relu", "E0208", "conv1"),
        ("relu(conv1)", "relu(conv1, conv1)", "E0209", None),
        ("4  f = fc(g) 10                         : 10", "4  f = fc(g) 10 : 11", "E0309", None),
        ("fc(g)", "fc(x)", "E0306", None),
        ("@double_1(x)", "@double_1(x, x)", "E0209", None),
        ("-> left, ", "-> ", "E0209", None),
        ("2*(H//2)", "2*(H//W)", "E0207", "W"),
        ('"add"', '"add', "E0105", '"'),
        ("reads = x", "", None, None),
        (": H×W×4) {\n  0  c", ": H×W×C) {\n  0  c", "E0310", "H×W×C"),
        ("output out = f", "output out = g?", "E0103", "?"),
        ("output out = f", "", None, None),
        ("rate=0.5", "rate=half", "E0101", "half"),
        ("weight=0.3", 'weight="a"', "E0206", '"a"'),
        ("n=4,", f"n={'9' * 200},", "E0603", "9" * 200),
    ],
)
def test_errors(old, new, code, place):
    text = TINY.replace(old, new, 1)
    if code is None:
        read_module(text)
        return
    with pytest.raises(CnnError) as caught:
        read_module(text)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert place is None or found.place.text == place


def test_help_names_what_was_meant():
    with pytest.raises(CnnError) as caught:
        read_module(TINY.replace("conv(x)", "convv(x)"))
    assert caught.value.diagnostics[0].help[0].text == "did you mean `conv`?"


def test_nesting_is_bounded():
    for text in ("(" * 3000, "-" * 3000, "[" * 3000, "pad[" * 3000):
        with pytest.raises(CnnError):
            read_module(TINY.replace("constraint (H", f"constraint {text}(H"))
        with pytest.raises(CnnError):
            read_module(TINY.replace("n=4", f"n={text}"))


def test_arguments_of_other_types_are_refused():
    module = read_module(TINY)
    main = replace(module.main, arguments=(("x", object()),))
    with pytest.raises(TypeError, match="object"):
        print_module(replace(module, functions=(*module.functions[:-1], main)))


# Random modules

NAMES = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_.]{0,5}", fullmatch=True),
    st.text(max_size=6),
    st.sampled_from(["in", "output", "label", "3a", "7", "1e-5", "x", "weights", "H", "a b", '"']),
)
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12), st.floats(allow_nan=False), st.booleans(), st.none()
)
WINDOWS = st.builds(Window, *[st.integers(1, 9)] * 4)
PADDINGS = st.builds(Padding, *[st.integers(-3, 3)] * 4)
ARGUMENTS = st.recursive(
    st.one_of(NUMBERS, st.text(max_size=5), WINDOWS, PADDINGS),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
VARIABLES = st.sampled_from(["H", "W", "n"]).map(variable)
SIZES = st.recursive(
    st.one_of(VARIABLES, st.integers(-9, 99)),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, b: a // b, inner, st.integers(1, 8)),
    ),
    max_leaves=6,
)
SMALL = st.integers(1, 4)
SQUARES = st.builds(Window, SMALL, SMALL, st.integers(1, 2), st.integers(1, 2))
PADS = st.one_of(st.sampled_from(["half", "same", "valid"]), PADDINGS)
RATES = st.floats(1e-9, 0.99)
OPERATORS = {
    "conv": (
        SQUARES, SMALL, PADS, st.tuples(SMALL, SMALL), st.just(1),
        st.sampled_from([None, True, False]),
    ),
    "dwconv": (SQUARES, SMALL, PADS),
    "deconv": (SQUARES, SMALL, PADDINGS),
    "local": (SQUARES, SMALL, PADS, st.sampled_from([None, True, False])),
    "fc": (SMALL, st.booleans()),
    "maxpool": (SQUARES, PADS, st.just((1, 1)), st.sampled_from(["floor", "ceil"])),
    "avgpool": (SQUARES, PADS, st.sampled_from(["floor", "ceil"]), st.booleans()),
    "globalavgpool": (), "relu": (), "leakyrelu": (RATES,), "softmax": (), "identity": (),
    "bn": (RATES, st.floats(1e-3, 1), st.booleans(), st.booleans()),
    "lrn": (SMALL, RATES, RATES, RATES, st.sampled_from(["mean", "sum"])),
    "dropout": (RATES,), "flatten": (st.sampled_from(["hwc", "chw"]),), "split": (),
    "pad": (PADDINGS.filter(lambda p: min(p.height + p.width) >= 0), st.floats(-9, 9)),
    "upsample": (st.tuples(SMALL, SMALL), st.sampled_from(["nearest", "bilinear"])),
    "add": (), "sub": (), "mul": (), "concat": (), "abs": (),
    "depth_to_space": (SMALL, st.sampled_from(["crd", "dcr"])),
    "times": (st.floats(-9, 9),),
}  # fmt: skip


@st.composite
def graphs(draw, name, functions):
    sizes = st.one_of(SMALL.map(lambda n: 5 * n), VARIABLES)
    dtype = draw(st.sampled_from(["float32", "float32", "bfloat16", "int 8"]))
    values = {}
    for _ in range(draw(st.integers(1, 2))):
        shape = draw(st.one_of(st.tuples(sizes, sizes, SMALL), st.tuples(SMALL)))
        values[draw(NAMES.filter(lambda n: n not in values))] = TensorType(shape, dtype)
    inputs = tuple(Value(n, t) for n, t in values.items())
    nodes, taken = [], []
    for row in range(draw(st.integers(0, 6))):
        node_name = draw(NAMES.filter(lambda n: n not in taken and n not in values))
        node = draw(nodes_of(node_name, row, values, functions, taken))
        if node is not None:
            nodes.append(node)
            taken.append(node_name)
            values.update((v.name, v.type) for v in node.outputs)
    any_value = st.sampled_from(list(values))
    outputs = draw(
        st.lists(st.builds(Output, NAMES, any_value, st.booleans(), st.floats(0, 1)), max_size=2)
    )
    labels = draw(st.lists(st.tuples(NAMES, any_value), max_size=2))
    arguments = draw(st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3))
    definition = draw(NAMES)
    return Graph(
        name, definition, tuple(arguments), inputs, tuple(nodes), tuple(outputs), tuple(labels)
    )


@st.composite
def nodes_of(draw, name, row, values, functions, taken):
    """A node on some of the values, or None when what was drawn does not fit."""
    callable_ = [f for f in functions if all(v.type in values.values() for v in f.inputs)]
    if callable_ and draw(st.booleans()):
        callee = draw(st.sampled_from(callable_))
        op, outs = Call(callee.name), callee.output_types
        inputs = tuple(
            draw(st.sampled_from([n for n, t in values.items() if t == v.type]))
            for v in callee.inputs
        )
    else:
        word = draw(st.sampled_from(sorted(OPERATORS)))
        op = OPS[word](*(draw(field) for field in OPERATORS[word]))
        count = 1 if op.arity[1] == 1 else 2
        inputs = tuple(draw(st.sampled_from(list(values))) for _ in range(count))
        try:
            op = op.canonical(*(values[i] for i in inputs))
            outs = op.infer(*(values[i] for i in inputs))
        except ShapeError:
            return None
        if any(isinstance(n, int) and n < 1 for t in outs for n in t.shape):
            return None
    names = [name]
    if len(outs) != 1 or draw(st.booleans()):
        free = NAMES.filter(lambda n: n not in values)
        names = draw(st.lists(free, min_size=len(outs), max_size=len(outs), unique=True))
    results = tuple(Value(n, t) for n, t in zip(names, outs, strict=True))
    label = draw(st.one_of(st.none(), NAMES))
    region = draw(st.one_of(st.just(()), st.lists(NAMES, max_size=2).map(tuple)))
    weights = draw(st.sampled_from([None, *taken]))
    return Node(name, op, inputs, results, row, label, region, weights)


@st.composite
def modules(draw):
    functions = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(NAMES.filter(lambda n: n not in [f.name for f in functions]))
        functions.append(draw(graphs(name, functions)))
    constraint = st.builds(Constraint, SIZES, st.one_of(st.none(), SIZES), st.text(max_size=9))
    constraints = tuple(draw(st.lists(constraint, max_size=2)))
    return Module(
        draw(NAMES), tuple(functions), draw(NAMES), draw(st.text(max_size=9)), constraints
    )


SETTINGS = settings(
    max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@SETTINGS
@given(modules())
def test_random_modules_read_back_equal(module):
    text = print_module(module)
    again = read_module(text)
    assert again == module
    assert print_module(again) == text


@SETTINGS
@given(SIZES)
def test_sizes_read_back_equal(size):
    module = Module(
        "m", (Graph("f", "f", (), (), (), ()),), constraints=(Constraint(size, None, ""),)
    )
    (constraint,) = read_module(print_module(module)).constraints
    assert constraint.left == size
    assert isinstance(constraint.left, Symbol | int)


PIECES = re.findall(r"\w+|[^\w\s]|\s+", TINY)


@settings(SETTINGS, max_examples=400)
@given(st.data())
def test_damaged_text_gives_an_error_and_no_traceback(data):
    pieces = list(PIECES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "text"]))
        if change == "drop":
            pieces[at] = ""
        elif change == "double":
            pieces[at] *= 2
        elif change == "swap":
            pieces[at] = pieces[data.draw(st.integers(0, len(pieces) - 1))]
        else:
            pieces[at] = data.draw(st.text(max_size=4))
    text = "".join(pieces)
    try:
        module = read_module(text)
    except CnnError as error:
        assert all(d.message and d.place is not None for d in error.diagnostics)
    else:
        assert read_module(print_module(module)) == module


def test_what_is_printed_is_worth_reading():
    """One line of every kind, as people will see it."""
    text = print_module(read_module(TINY))
    assert "  0  c: conv1 = conv(x) 3x3, 4, pad=1, bias=false                  : H×W×4" in text
    assert '  2  s -> left, "right side" = split(conv2)' in text
    assert 'constraint 2*(H//2) == H "add"' in text
    assert "  output aux = up, training, weight=0.3" in text
