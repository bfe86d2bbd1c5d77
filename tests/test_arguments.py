"""Arguments: every kind accepts, refuses and prints its values; operators read back equal."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import op as op_module
from cnndsl.arguments import (
    KINDS,
    ArgumentProblem,
    flag,
    format_op,
    format_value,
    known_words,
    signature,
)
from cnndsl.op import Op
from cnndsl.ops import OPS
from cnndsl.window import Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnndsl.op import Count

OPERATORS = sorted(OPS.values(), key=lambda op: op.word)

counts = st.integers(1, 5000)
naturals = st.integers(0, 9)
pairs = st.tuples(st.integers(1, 9), st.integers(1, 9))
reals = st.floats(1e-12, 1e12)

VALUES: dict[str, st.SearchStrategy[object]] = {
    "Window": st.builds(Window, *[st.integers(1, 30)] * 4),
    "Count": counts,
    "Natural": naturals,
    "float": reals | reals.map(lambda value: -value) | st.just(0.0),
    "Positive": reals,
    "Probability": st.floats(0, 1, exclude_max=True),
    "Momentum": st.floats(0, 1, exclude_min=True),
    "bool": st.booleans(),
    "bool | None": st.none() | st.booleans(),
    "Pair": pairs,
    "Pair | None": st.none() | pairs,
    "Offsets": st.tuples(naturals, naturals),
    "Pad": st.builds(Padding, *[st.integers(-3, 9)] * 4)
    | st.sampled_from(["half", "same", "valid"]),
    "Padding": st.builds(Padding, *[naturals] * 4),
    "Parts": counts.map(lambda n: (n,)) | st.lists(counts, min_size=2, max_size=5).map(tuple),
    **{
        name: st.sampled_from(kind.choices)
        for name, kind in KINDS.items()
        if name in ("Rounding", "Order", "BlockOrder", "ResizeMode", "LrnMode")
    },
}
"""Values of the fields, by the name of their kind."""


def read(text: str) -> object:
    """The value of the language that a text denotes."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):
        return tuple(read(item) for item in text[1:-1].split(", "))
    if match := re.fullmatch(r"(\d+)x(\d+)(?:/(\d+)(?:x(\d+))?)?", text):
        height, width, down, across = match.groups()
        return Window(int(height), int(width), int(down or 1), int(across or down or 1))
    try:
        return float(text) if re.search(r"[.e]", text) and text[0].isdigit() else int(text)
    except ValueError:
        return -read(text[1:]) if text.startswith("-") else text


def read_op(text: str):
    """The operator that a statement denotes, with everything through `convert`."""
    word, _, rest = text.partition(" ")
    op = OPS[word]
    fields, position = {}, 0
    for item in re.split(r", (?![^\[]*\])", rest) if rest else []:
        name, _, value = item.rpartition("=")
        if not name and (found := flag(op, item)):
            name, value = found[0], format_value(found[1], op.annotations[found[0]])
        elif not name:
            name, position = op.positional[position], position + 1
        fields[name] = KINDS[op.annotations[name]].convert(read(value))
    return op(**fields)


def test_every_field_has_a_kind():
    assert {kind for op in OPERATORS for kind in op.annotations.values()} <= set(KINDS)
    assert set(VALUES) == set(KINDS)
    assert all(name == kind.name for name, kind in KINDS.items())


def test_choices_are_those_of_the_annotations():
    """Literal types are for type checkers only; here they are read as text."""
    folder = Path(op_module.__file__).parent
    literals = {}
    for path in [folder / "op.py", folder / "window.py", *folder.glob("ops/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and "Literal[" in ast.unparse(node.value):
                words = re.findall(r"'(\w+)'", ast.unparse(node.value))
                literals[ast.unparse(node.targets[0])] = tuple(words)
    chosen = {name: kind.choices for name, kind in KINDS.items() if kind.choices}
    assert literals == {name: words for name, words in chosen.items() if "None" not in name}


@pytest.mark.parametrize("name", KINDS)
def test_values_read_back_as_they_are_written(name):
    @given(VALUES[name])
    def check(value):
        kind = KINDS[name]
        assert kind.convert(read(format_value(value, name))) == value

    check()


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.word)
def test_operators_read_back_as_they_are_written(op):
    @given(st.builds(op, **{field: VALUES[kind] for field, kind in op.annotations.items()}))
    def check(value):
        assert read_op(format_op(value)) == value

    check()


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(OPERATORS), st.data())
def test_anything_else_is_refused_with_a_code(name, op, data):
    """No value makes `convert` fail in another way, whatever it is."""
    value = data.draw(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
        | st.lists(st.integers(-2, 3) | st.text(max_size=2), max_size=5).map(tuple)
        | st.builds(Window, *[st.integers(-1, 2**33)] * 4)
        | st.just(op)
    )  # fmt: skip
    try:
        KINDS[name].convert(value)
    except ArgumentProblem as problem:
        assert problem.code in ("E0206", "E0207", "E0603")
        assert problem.message.startswith(("must be ", "is too large"))


TOO_LARGE = "is too large: 2,147,483,648; the limit is 2,147,483,647"
REFUSED = [
    ("Window", 3, "E0206", "must be a window such as `3x3` or `7x7/2`, not `3`"),
    ("Window", Window(0, 3), "E0207", "must be at least 1 in size and stride, not `0x3`"),
    ("Window", Window(3, 3, 0, 0), "E0207", "must be at least 1 in size and stride, not `3x3/0`"),
    ("Window", Window(2**31, 1), "E0603", TOO_LARGE),
    ("Count", 0, "E0207", "must be a whole number of at least 1, not `0`"),
    ("Count", 2.5, "E0206", "must be a whole number of at least 1, not `2.5`"),
    ("Count", True, "E0206", "must be a whole number of at least 1, not `true`"),
    ("Count", 2**31, "E0603", TOO_LARGE),
    ("Positive", 0, "E0207", "must be a number greater than 0, not `0`"),
    ("Positive", float("inf"), "E0207", "must be a number greater than 0, not `inf`"),
    ("Positive", "big", "E0206", "must be a number greater than 0, not `big`"),
    ("float", float("nan"), "E0207", "must be a number, not `nan`"),
    ("Probability", 1, "E0207", "must be a probability of at least 0 and less than 1, not `1`"),
    ("Momentum", 0, "E0207", "must be a number greater than 0 and at most 1, not `0`"),
    ("bool", 1, "E0206", "must be `true` or `false`, not `1`"),
    ("Pair", Window(2, 2, 2, 2), "E0206",
     "must be a whole number of at least 1, or two: `2x1`, rows x columns, not `2x2/2`"),
    ("Pair", Window(2, 0), "E0207",
     "must be a whole number of at least 1, or two: `2x1`, rows x columns, not `0`"),
    ("Padding", -1, "E0207",
     "must be a whole number of at least 0, `1x0` (rows x columns), "
     "or `[top, bottom, left, right]`, not `-1`"),
    ("Padding", "half", "E0206",
     "must be a whole number of at least 0, `1x0` (rows x columns), "
     "or `[top, bottom, left, right]`, not `half`"),
    ("Pad", (1, 2), "E0206",
     "must be `half`, `same`, `valid`, a whole number, `1x0` (rows x columns), "
     "or `[top, bottom, left, right]`, not `[1, 2]`"),
    ("Rounding", "up", "E0206", "must be `floor`, `ceil` or `strict`, not `up`"),
    ("Parts", (4,), "E0206",
     "must be a number of equal parts, or the channels of each part: `[58, 58]`, not `[4]`"),
    ("Parts", (4, 0), "E0207",
     "must be a number of equal parts, or the channels of each part: `[58, 58]`, not `0`"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "code", "message"), REFUSED)
def test_refusals_read_well(kind, value, code, message):
    with pytest.raises(ArgumentProblem) as caught:
        KINDS[kind].convert(value)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_refusals_say_what_to_do():
    for kind, value, help in [
        ("Window", 3, "write `3x3`"),
        ("Pad", "vaild", "did you mean `valid`?"),
        ("Rounding", "ciel", "did you mean `ceil`?"),
        ("Pair", Window(2, 2, 2, 2), "leave the stride out"),
    ]:
        with pytest.raises(ArgumentProblem) as caught:
            KINDS[kind].convert(value)
        assert caught.value.help == (help,)


def test_what_the_language_writes():
    for kind, value, field in [
        ("Count", 64.0, 64),
        ("Positive", 1, 1.0),
        ("Pair", 2, (2, 2)),
        ("Pair", Window(2, 1), (2, 1)),
        ("Offsets", Window(1, 0), (1, 0)),
        ("Pad", 3, Padding(3, 3, 3, 3)),
        ("Pad", Window(1, 0), Padding(1, 1, 0, 0)),
        ("Pad", (0, 1, 0, 1), Padding(0, 1, 0, 1)),
        ("Pad", -1, Padding(-1, -1, -1, -1)),
        ("Pad", "same", "same"),
        ("bool | None", "auto", None),
        ("Pair | None", "auto", None),
        ("Parts", 4, (4,)),
        ("Parts", (58, 58), (58, 58)),
    ]:
        converted = KINDS[kind].convert(value)
        assert converted == field
        assert type(converted) is type(field)


def test_values_as_text():
    for value, kind, text in [
        (Window(7, 7, 2, 2), "Window", "7x7/2"),
        (Padding(1, 1, 0, 0), "Pad", "1x0"),
        ((1, 1), "Pair", "1"),
        ((2, 1), "Pair", "2x1"),
        ((2,), "Parts", "2"),
        ((58, 58), "Parts", "[58, 58]"),
        ((3, 4), "", "[3, 4]"),
        (True, "bool", "true"),
        (None, "bool | None", "auto"),
        (1e-05, "Positive", "1e-5"),
        (1.001e-05, "Positive", "1.001e-5"),
        (0.001, "Positive", "0.001"),
        (0.1, "Momentum", "0.1"),
        (2.0, "Positive", "2"),
        (1e20, "float", "1e20"),
        (-2.5e-7, "float", "-2.5e-7"),
    ]:
        assert format_value(value, kind) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("conv", "conv window, channels, pad=half, dilation=1, groups=1, bias=auto"),
        ("maxpool", "maxpool window, pad=0, dilation=1, rounding=floor"),
        ("bn", "bn eps=1e-5, momentum=0.1, scale=true, shift=true"),
        ("lrn", "lrn size=5, alpha=1e-4, beta=0.75, k=1, mode=mean"),
        ("split", "split parts=2"),
        ("relu", "relu"),
    ],
)
def test_signatures(word, text):
    assert signature(OPS[word]) == text


def test_statements():
    def text(word, *values, **named):
        return format_op(OPS[word](*values, **named))

    ones = Padding(1, 1, 1, 1)
    assert text("conv", Window(3, 3), 64, ones, bias=False) == "conv 3x3, 64, pad=1, bias=false"
    assert text("conv", Window(3, 3), 64, "same", bias=True) == "conv 3x3, 64, same, bias"
    assert text("dwconv", Window(3, 3, 2, 2)) == "dwconv 3x3/2"
    assert text("maxpool", Window(3, 3, 2, 2), rounding="ceil") == "maxpool 3x3/2, ceil"
    assert text("upsample", mode="bilinear", size=(28, 14)) == "upsample bilinear, size=28x14"
    assert text("flatten", "chw") == "flatten chw"
    assert text("split", (58, 58)) == "split [58, 58]"
    assert text("dropout", 0.4) == "dropout 0.4"
    assert text("globalavgpool") == "globalavgpool"


def test_positional_values_after_a_default_get_their_names():
    class Two(Op):
        first: Count = 1
        second: Count = 1

        word = "two"
        positional = ("first", "second")

    assert format_op(Two(3, 4)) == "two 3, 4"
    assert format_op(Two(3)) == "two 3"
    assert format_op(Two(1, 4)) == "two second=4"


def test_flags():
    assert flag(OPS["maxpool"], "ceil") == ("rounding", "ceil")
    assert flag(OPS["maxpool"], "valid") == ("pad", "valid")
    assert flag(OPS["avgpool"], "count_include_pad") == ("count_include_pad", True)
    assert flag(OPS["flatten"], "chw") == ("order", "chw")
    assert flag(OPS["conv"], "bias") == ("bias", True)
    assert flag(OPS["conv"], "ceil") is None
    assert flag(OPS["conv"], "auto") is None
    assert flag(OPS["conv"], "channels") is None


def test_no_word_sets_two_fields_of_one_operator():
    for op in OPERATORS:
        words = [word for kind in op.annotations.values() for word in KINDS[kind].choices]
        words = [word for word in words if word != "auto"]
        assert len(words) == len(set(words) - set(op.fields))


def test_words_are_no_operators():
    """A bare word after an operator is a flag or a post-op, never both."""
    assert not set(known_words()) & set(OPS)
    assert not {field for op in OPERATORS for field in op.fields} & set(OPS) - {"pad"}
