"""What varies in a rule: the holes of its left side and parameters, as whole numbers.

A hole is what its place says: a window's size, a stride, a number of channels, groups, a padding,
an operator. In an instance all of them are whole numbers; other values are numbers of places in
a list, and height and width of a window are the same one.
"""

from __future__ import annotations

from ...arguments import AUTO, kind_of
from ...bind import variables_of
from ...diagnostics import CnnError
from ...evaluate.expressions import evaluate, lookup
from ...evaluate.scope import Scope
from ...evaluate.values import BlockRef, Given, OpRef
from ...op import OPS
from ...ops.windowed import DENSE, canonical_padding
from ...record import Record, replace
from ...syntax import Binary, Dims, Name
from ...types import TensorType
from ...window import Padding, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...source import Span
    from ...syntax import Expr, Parameter, Rule
    from ..pattern import PatternNode
    from ..rule import Rewrite

    Values = Mapping[str, int]

SIDES = ("height", "width")
OPTIONS: Mapping[str, tuple[int, ...]] = {
    "size": (3, 5, 7, 2, 4, 6),
    "stride": (1, 2, 3, 4),
    "width": (4, 1, 8, 2, 64, 3, 6, 12),
    "groups": (2, 1, 4, 3),
    "count": (2, 1, 3, 4),
    "dilation": (1, 2, 3),
    "padding": (0, 1, 2, 3),
    "argument": (2, 3, 4, 1, 8),
    "extent": (12, 16, 1, 3, 7, 24),
}
"""What is tried for each role of a number, the most usual first."""
OPERATORS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("relu", {}),
    ("bn", {}),
    ("maxpool", {"window": Window(2, 2, 2, 2)}),
    ("avgpool", {"window": Window(3, 3)}),
    ("maxpool", {"window": Window(1, 1)}),
    ("upsample", {"factor": 2}),
)
"""What is tried for a hole that stands for an operator."""
PADDINGS: tuple[Padding | str, ...] = (
    "half",
    Padding(),
    *(Padding(n, n, n, n) for n in (1, 2, 3)),
    Padding(0, 1, 0, 1),
)
"""What the number of a padding means."""


class Number(Record):
    """A number that varies.

    Arguments:
        role: what it counts, a key of `OPTIONS`; or `choice`.
        options: what to try.
    """

    name: str
    role: str
    options: tuple[int, ...]


class Hole(Record):
    """A name whose value varies.

    Arguments:
        parts: what its value is made of, each with the number that it is in an instance.
        make: the value of the language, of its parts.
        node: for a padding, the operator whose window it is for.
    """

    name: str
    parts: tuple[tuple[str, Number], ...]
    make: Callable[..., object]
    node: PatternNode | None = None

    @property
    def numbers(self) -> tuple[Number, ...]:
        return tuple(dict.fromkeys(number for _, number in self.parts))

    def value(self, values: Values) -> object:
        """Its value for numbers, save that of a padding."""
        return self.make(*(values[number.name] for _, number in self.parts))


def values_of(holes: Mapping[str, Hole], values: Values, scope: Scope) -> dict[str, object]:
    """The values of the language for numbers; paddings come last, for they may be half of a window.

    Raises ArgumentProblem or CnnError when a window is none.
    """
    found: dict[str, object] = {}
    for hole in sorted(holes.values(), key=lambda hole: hole.node is not None):
        if hole.node is None:
            value = hole.value(values)
        else:
            value = _padding(values[hole.name], hole.node, scope)
        found[hole.name] = scope.variables[hole.name] = value
    return found


def _padding(number: int, node: PatternNode, scope: Scope) -> Padding:
    option = PADDINGS[number]
    if isinstance(option, Padding):
        return option
    said = dict(node.said)
    spread = evaluate(said["dilation"], scope) if "dilation" in said else DENSE
    dilation = kind_of(OPS["conv"], "dilation").convert(spread)
    window = kind_of(OPS["conv"], "window").convert(evaluate(said["window"], scope))
    padding = canonical_padding("half", window, dilation, TensorType((1, 1, 1)))
    assert isinstance(padding, Padding)
    return padding


def holes_of(rewrite: Rewrite) -> dict[str, Hole]:
    """What a left side leaves open, and parameters without a value."""
    assert rewrite.equation is not None
    known = {*dict(rewrite.given), *dict(rewrite.inferred)}
    found: dict[str, Hole] = {}
    for node in rewrite.equation.left.nodes:
        for hole in _of_node(rewrite, node):
            found.setdefault(hole.name, hole)
    sizes = _in_sizes(rewrite.ref.rule.right)
    for name in parameters_of(rewrite.ref.rule):
        found.setdefault(name, _whole(name, "size" if name in sizes else "argument"))
    return {name: hole for name, hole in found.items() if name not in known}


def guessed(rewrite: Rewrite) -> set[str]:
    """Parameters that have neither a value nor a hole: a number may be the wrong kind of thing."""
    assert rewrite.equation is not None
    return holes_of(rewrite).keys() - rewrite.equation.left.holes


def parameters_of(rule: Rule) -> dict[str, Parameter]:
    """The parameters of a rule by name."""
    return {name.id: p for p in rule.parameters for name in variables_of(p)}


def square_pairs(rewrite: Rewrite) -> dict[str, str]:
    """For each hole that is the width of windows `h×w`, the one that is their height."""
    assert rewrite.equation is not None
    found: dict[str, str] = {}
    for node in rewrite.equation.left.nodes:
        for part in _parts_of_window(dict(node.said).get("window")):
            if isinstance(part, Dims) and len(part.factors) == 2:
                height, width = part.factors
                if isinstance(height, Name) and isinstance(width, Name) and height != width:
                    found[width.id] = height.id
    return {width: height for width, height in found.items() if width not in found.values()}


def _in_sizes(part: object) -> set[str]:
    """The names among the factors of sizes."""
    if isinstance(part, Dims):
        return {factor.id for factor in part.factors if isinstance(factor, Name)}
    fields = part.fields if isinstance(part, Record) else ()
    inner = part if isinstance(part, tuple) else [getattr(part, f) for f in fields if f != "span"]
    return {name for item in inner for name in _in_sizes(item)}


def numbered(name: str, role: str) -> Number:
    """A number with the options of its role."""
    return Number(name, role, OPTIONS[role])


def _whole(name: str, role: str) -> Hole:
    return Hole(name, ((name, numbered(name, role)),), lambda value: value)


def _choice(name: str, choices: Sequence[object]) -> Hole:
    options = Number(name, "choice", tuple(range(len(choices))))
    return Hole(name, ((name, options),), lambda value: choices[value])


def _alike(name: str, role: str, sides: Sequence[str], make: Callable[..., object]) -> Hole:
    """A value whose parts are the same number in an instance."""
    one = numbered(name, role)
    return Hole(name, tuple((f"{name}.{side}", one) for side in sides), make)


def _window(name: str) -> Hole:
    """A window with its stride."""
    sizes = _alike(name, "size", SIDES, Window)
    strides = _alike(f"{name}.stride", "stride", SIDES, Window)
    return Hole(name, (*sizes.parts, *strides.parts), Window)


def _of_node(rewrite: Rewrite, node: PatternNode) -> Iterator[Hole]:
    if node.hole is not None:
        yield _choice(node.hole, [_operator(*option, node.span) for option in OPERATORS])
    block = lookup(node.word, Scope(rewrite.namespace)) if node.is_block else None
    for field, expr in node.said:
        if field == "window" and not isinstance(expr, Name):
            yield from _of_window(rewrite, expr)
        elif not _is_open(rewrite, expr):
            continue
        elif isinstance(block, BlockRef):
            yield _of_parameter(expr.id, block, field)  # type: ignore[union-attr]
        else:
            yield _of_field(expr.id, node, field)  # type: ignore[union-attr]


def _is_open(rewrite: Rewrite, expr: Expr) -> bool:
    assert rewrite.equation is not None
    if not isinstance(expr, Name):
        return False
    return expr.id in rewrite.equation.left.holes or expr.id in parameters_of(rewrite.ref.rule)


def _operator(word: str, arguments: Mapping[str, object], span: Span) -> OpRef:
    return OpRef(word, tuple(Given(name, value, span) for name, value in arguments.items()))


def _parts_of_window(expr: Expr | None) -> tuple[Expr | None, Expr | None]:
    """Size and stride of `k/s`, `k×k`, `(1×k)/(1×s)`."""
    if isinstance(expr, Binary) and expr.operator == "/":
        return expr.left, expr.right
    return expr, None


def _of_window(rewrite: Rewrite, expr: Expr) -> Iterator[Hole]:
    for part, role in zip(_parts_of_window(expr), ("size", "stride"), strict=True):
        for name in part.factors if isinstance(part, Dims) else (part,):
            if name is None or not _is_open(rewrite, name):
                continue
            assert isinstance(name, Name)
            is_pair = role == "size" and name is part
            yield _alike(name.id, role, SIDES, Window) if is_pair else _whole(name.id, role)


def _of_field(name: str, node: PatternNode, field: str) -> Hole:
    cls = OPS[node.word]
    kind = kind_of(cls, field)
    match kind.name.removesuffix(" | None"):
        case "Window":
            return _window(name)
        case "Count":
            return _whole(name, {"channels": "width", "groups": "groups"}.get(field, "count"))
        case "Natural":
            return _whole(name, "count")
        case "Pair" if cls.defaults.get(field) is not None:
            return _alike(name, "dilation", SIDES, lambda *pair: pair)
        case "Pad" | "Padding":
            hole = _alike(name, "padding", Padding.fields, Padding)
            return replace(hole, node=node) if "window" in cls.fields else hole
        case "Parts":
            return _choice(name, [(len(node.outputs),)])
        case "bool":
            return _choice(name, [False, True])
    default = cls.defaults.get(field, 0.5)  # factors have none
    return _choice(name, [AUTO if default is None else default, *kind.choices])


def _of_parameter(name: str, ref: BlockRef, parameter: str) -> Hole:
    """A hole for a parameter of a block: it takes what the default is like, or a width."""
    declared = {p.id: declared for declared in ref.block.parameters for p in declared.names}
    found = declared[parameter]
    if found.choices:
        return _choice(name, [choice.id for choice in found.choices])
    try:
        default = evaluate(found.default, Scope(ref.namespace)) if found.default else None
    except CnnError:  # it speaks of other parameters
        default = None
    if isinstance(default, bool):
        return _choice(name, [default, not default])
    if isinstance(default, Window):
        return _window(name)
    if isinstance(default, int):
        return _whole(name, "argument")
    return _whole(name, "width") if default is None else _choice(name, [default])
