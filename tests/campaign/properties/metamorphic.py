"""Changes to a text that do not change its network: five at a time, and all five together.

Most leave the very same module, of the same hash: another order of items, numbers and sizes
that get names, repeats and loops written out, arguments by name, items that nobody uses, a
definition in a file of its own. New names for blocks, parameters and labels are seen in a
module; there everything else must be equal: operators, wiring, types, weights and outputs.

Trees are changed, not texts, and printed again. What each change does is known without the
compiler; only the two networks come from it.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module
from cnndsl.irtext import ir_hash
from cnndsl.loader import shipped_files
from cnndsl.ops import OPS
from cnndsl.parser import parse
from cnndsl.printer import format_source, print_file
from cnndsl.record import Record, replace
from cnndsl.source import Source, Span
from cnndsl.syntax import (
    Apply,
    Argument,
    Binary,
    Block,
    Body,
    Bool,
    Conditional,
    Dialect,
    File,
    For,
    If,
    Let,
    Model,
    Name,
    Number,
    Parallel,
    Range,
    String,
    Unary,
    Use,
    walk,
)
from tests.campaign.drawn import drawn
from tests.campaign.property import Property
from tests.properties.strategies import Program, programs
from tests.support.printed import essence

PROGRAMS = programs()
NOWHERE = Span(Source("changed.cnn", ""), 0, 0)
CHANGES_OF_A_CASE = 5
SMALL = ("alexnet", "deepface", "espcn", "fcn", "googlenet", "lenet", "mobilenet", "nin",
         "resnet_cifar", "siamese", "squeezenet", "unet", "vgg", "zfnet")  # fmt: skip


class Spec(Record):
    """What is compiled.

    Arguments:
        file: the main file.
        other: what stands in `other.cnn` beside it.
    """

    file: File
    model: str
    settings: tuple[tuple[str, str], ...] = ()
    other: File | None = None


Change = Callable[[Spec, random.Random], Spec | None]
"""Gives the changed spec, or None where there is nothing to change."""


def _case(random: random.Random) -> dict[str, int]:
    spec = _drawn(random)
    module = _compiled(spec)
    counts = {"programs": 1}
    together, same_names = spec, True
    for _ in range(CHANGES_OF_A_CASE):
        change = random.choice([*SAME, *RENAMED])
        name = change.__name__.strip("_").replace("_", " ")
        changed = change(spec, random)
        if changed is None:
            continue
        counts[name] = counts.get(name, 0) + 1
        _compare(module, changed, change in SAME, name)
        more = change(together, random)
        if more is not None:
            together, same_names = more, same_names and change in SAME
    _compare(module, together, same_names, "all together")
    return counts


def _compare(module: Module, changed: Spec, same_names: bool, what: str) -> None:
    found = _compiled(changed)
    if same_names:
        assert ir_hash(found) == ir_hash(module), what
    else:
        assert _nameless(found) == _nameless(module), what


def _nameless(module: Module) -> tuple[Any, ...]:
    inputs, nodes, outputs = essence(module)
    return inputs, nodes, [output[1:] for output in outputs]


# ------------------------------------------------------------------------ specs


def _drawn(random: random.Random) -> Spec:
    if random.random() < 0.05:
        return random.choice(_shipped())
    program: Program = drawn(PROGRAMS, random)
    return Spec(_tree(program.text), program.model, tuple(program.settings))


@cache
def _shipped() -> list[Spec]:
    """The first model of some small specs that ship."""
    found = []
    for path in map(Path, shipped_files()):
        if path.stem in SMALL:
            file = _tree(path.read_text(encoding="utf-8"))
            models = [item for item in file.items if isinstance(item, Model)]
            whole = [m for m in models if all(p.default is not None for p in m.parameters)]
            found += [Spec(file, whole[0].name.id)] if whole else []
    return found


def _tree(text: str) -> File:
    tree, problems = parse(Source("text.cnn", text))
    assert not problems, problems
    return tree


def _compiled(spec: Spec) -> Module:
    texts = [print_file(file) for file in (spec.file, spec.other) if file is not None]
    settings = dict(spec.settings)
    try:
        if spec.other is None:
            source = Source("main.cnn", texts[0])
            return driver.compile_model(source, spec.model, settings=settings).module
        with tempfile.TemporaryDirectory() as folder:
            for name, text in zip(("main.cnn", "other.cnn"), texts, strict=True):
                (Path(folder) / name).write_text(text, encoding="utf-8")
            main = f"{folder}/main.cnn:{spec.model}"
            return driver.compile_model(main, settings=settings).module
    except CnnError as problem:
        messages = [f"{d.code} {d.message}" for d in problem.diagnostics]
        raise AssertionError("\n".join([*messages, *texts])) from None


def _rebuilt(node: Any, change: Callable[[Any], Any]) -> Any:
    """A tree with each node changed, the innermost first; what does not change stays itself.

    A node of a list may become several, as a tuple.
    """
    if isinstance(node, tuple):
        parts = [_rebuilt(part, change) for part in node]
        if all(new is old for new, old in zip(parts, node, strict=True)):
            return node
        return tuple(one for part in parts for one in (part if type(part) is tuple else (part,)))
    if not isinstance(node, Record) or isinstance(node, Span):
        return node
    fields = {name: getattr(node, name) for name in node.fields}
    parts = {name: _rebuilt(value, change) for name, value in fields.items()}
    changed = {name: part for name, part in parts.items() if part is not fields[name]}
    return change(replace(node, **changed) if changed else node)


def _in_file(spec: Spec, change: Callable[[Any], Any]) -> Spec:
    return replace(spec, file=_rebuilt(spec.file, change))


def _names(file: File) -> set[str]:
    return {node.id for node in walk(file) if isinstance(node, Name)}


def _fresh(spec: Spec, random: random.Random) -> str:
    """A name that nothing has."""
    taken = _names(spec.file) | OPS.keys()
    return next(n for n in iter(lambda: f"q{random.randrange(10**6)}_z", "") if n not in taken)


def _name(id: str) -> Name:
    return Name(id, NOWHERE)


def _insert(items: Sequence[Any], item: Any, random: random.Random) -> tuple[Any, ...]:
    at = random.randint(0, len(items))
    return (*items[:at], item, *items[at:])


# ----------------------------------------------------------- the very same module


def _formatting(spec: Spec, random: random.Random) -> Spec:
    text = print_file(spec.file)
    twins = text if '"' in text else text.replace("×", " x ").replace("→", "->")
    return replace(spec, file=_tree(format_source(Source("text.cnn", twins))))


def _order_of_items(spec: Spec, random: random.Random) -> Spec | None:
    items = list(spec.file.items)
    random.shuffle(items)
    return _with_items(spec, items) if len(items) > 1 else None


def _with_items(spec: Spec, items: Sequence[Any]) -> Spec:
    return replace(spec, file=replace(spec.file, items=tuple(items)))


def _a_number_with_a_name(spec: Spec, random: random.Random) -> Spec | None:
    """A number in an argument as a constant of the file, which `let` defines."""
    found = [n for n in walk(spec.file) if isinstance(n, Argument) and isinstance(n.value, Number)]
    if not found:
        return None
    chosen, name = random.choice(found), _fresh(spec, random)
    value = chosen.value
    named = replace(chosen, value=_name(name))
    changed = _in_file(spec, lambda node: named if node is chosen else node)
    let = Let(_name(name), None, value, NOWHERE)
    return _with_items(changed, _insert(changed.file.items, let, random))


def _a_number_as_a_sum(spec: Spec, random: random.Random) -> Spec | None:
    """`64` as `(63 + 1 if true else 63)`."""
    arguments = [node.value for node in walk(spec.file) if isinstance(node, Argument)]
    found = [value for value in arguments if isinstance(value, Number) and value.text.isdigit()]
    if not found:
        return None
    chosen = random.choice(found)
    less = _number(int(chosen.value) - 1)
    total = Binary("+", less, _number(1), NOWHERE)
    new = Conditional(Bool(True, NOWHERE), total, less, NOWHERE)
    return _in_file(spec, lambda node: new if node is chosen else node)


def _number(value: int) -> Number:
    return Number(value, str(value), NOWHERE)


def _a_condition_that_holds(spec: Spec, random: random.Random) -> Spec | None:
    """`conv 3x3, 8` as `if not (1 > 2) { conv 3x3, 8 } else { softmax }`."""
    found = [node for node in walk(spec.file) if isinstance(node, Apply | Parallel)]
    if not found:
        return None
    chosen = random.choice(found)
    never = Binary(">", _number(1), _number(2), NOWHERE)
    condition = Unary("not", never, NOWHERE)
    other = Body((_call("softmax"),), NOWHERE)
    new = If(condition, Body((chosen,), NOWHERE), other, NOWHERE)
    return _in_file(spec, lambda node: new if node is chosen else node)


def _call(word: str) -> Apply:
    return Apply((), _name(word), (), None, None, None, NOWHERE)


def _loops_written_out(spec: Spec, random: random.Random) -> Spec | None:
    """`for i in 0..3 { ... }` as its rounds, one after another."""

    def rounds(node: Any) -> Any:
        values = node.values if isinstance(node, For) else None
        ends = (values.start, values.stop) if isinstance(values, Range) else ()
        if not ends or not all(isinstance(end, Number) for end in ends):
            return node
        bodies = [_at(node.body, node.name.id, value) for value in range(*(e.value for e in ends))]
        return tuple(statement for body in bodies for statement in body.statements)

    changed = _in_file(spec, rounds)
    return changed if changed.file != spec.file else None


def _at(body: Body, name: str, value: int) -> Body:
    """A body with a number in place of a name."""
    number = _number(value)

    def change(node: Any) -> Any:
        return number if isinstance(node, Name) and node.id == name else node

    result: Body = _rebuilt(body, change)
    return result


def _repeats_written_out(spec: Spec, random: random.Random) -> Spec | None:
    """`conv(3x3, 8) × 2` as two statements, where nothing tells the copies apart."""

    def copies(node: Any) -> Any:
        times = getattr(node, "times", None)
        if not isinstance(times, Number) or not isinstance(node, Apply | Parallel) or node.labels:
            return node
        if node.shape or any(_counts_copies(part) for part in walk(node)):
            return node
        return (replace(node, times=None),) * int(times.value)

    changed = _in_file(spec, copies)
    return changed if changed.file != spec.file else None


def _counts_copies(node: Any) -> bool:
    return type(node).__name__ == "Then" or (isinstance(node, Name) and node.id in POSITIONS)


POSITIONS = ("copy", "copies", "nth", "total", "first", "last")


def _arguments_by_name(spec: Spec, random: random.Random) -> Spec | None:
    """`unit(8, 2)` as `unit(n=8, stride=2)`."""
    blocks = {item.name.id: item for item in spec.file.items if isinstance(item, Block)}

    def named(node: Any) -> Any:
        if not isinstance(node, Apply) or node.callee is None or node.callee.id not in blocks:
            return node
        parameters = blocks[node.callee.id].parameters
        if any(len(parameter.names) > 1 for parameter in parameters):
            return node
        arguments = [
            replace(argument, name=argument.name or parameter.names[0].id)
            for argument, parameter in zip(node.arguments, parameters, strict=False)
        ]
        return replace(node, arguments=tuple(arguments))

    changed = _in_file(spec, named)
    return changed if changed.file != spec.file else None


def _an_item_that_nobody_uses(spec: Spec, random: random.Random) -> Spec:
    name = _fresh(spec, random)
    body = Body((_call("relu"),), NOWHERE)
    item = random.choice(
        [Let(_name(name), None, _number(7), NOWHERE), Block(_name(name), (), body, NOWHERE)]
    )
    return _with_items(spec, _insert(spec.file.items, item, random))


def _a_file_of_its_own(spec: Spec, random: random.Random) -> Spec | None:
    """Blocks and constants in another file, which the first one uses, in part or as a whole."""
    moved = [item for item in spec.file.items if isinstance(item, Block | Let | Dialect)]
    kept = [item for item in spec.file.items if item not in moved]
    if not moved or spec.other is not None:
        return None
    names = tuple(item.name for item in moved)
    use = Use(String("./other.cnn", NOWHERE), random.choice((None, names)), NOWHERE)
    uses = [item for item in kept if isinstance(item, Use)]
    other = File(random.choice((None, spec.file.edition)), (*uses, *moved), NOWHERE)
    return replace(_with_items(spec, _insert(kept, use, random)), other=other)


# ------------------------------------------------------------ the same but for names


def _a_block_with_another_name(spec: Spec, random: random.Random) -> Spec | None:
    blocks = [item.name.id for item in spec.file.items if isinstance(item, Block)]
    return _renamed(spec, blocks, random)


def _a_parameter_with_another_name(spec: Spec, random: random.Random) -> Spec | None:
    settings = dict(spec.settings)
    owners = [item for item in spec.file.items if isinstance(item, Block)]
    names = [n.id for o in owners for p in o.parameters for n in p.names if n.id not in settings]
    return _renamed(spec, names, random)


def _a_label_with_another_name(spec: Spec, random: random.Random) -> Spec | None:
    labels = [
        label.id
        for node in walk(spec.file)
        for label in getattr(node, "labels", ())
        if isinstance(label, Name)
    ]
    return _renamed(spec, labels, random)


def _a_statement_as_a_block(spec: Spec, random: random.Random) -> Spec | None:
    """A layer of the main flow as a call of a block that has it."""
    models = [item for item in spec.file.items if isinstance(item, Model) and item.body]
    found = [node for model in models for node in model.body.statements if _is_layer(node)]
    if not found:
        return None
    chosen, name = random.choice(found), _fresh(spec, random)
    block = Block(_name(name), (), Body((replace(chosen, shape=None),), NOWHERE), NOWHERE)
    call = replace(_call(name), shape=chosen.shape)
    changed = _in_file(spec, lambda node: call if node is chosen else node)
    return _with_items(changed, _insert(changed.file.items, block, random))


def _is_layer(node: Any) -> bool:
    """Whether a statement is an operator that names nothing but other operators."""
    if not isinstance(node, Apply) or node.labels or node.body or node.callee is None:
        return False
    names = {part.id for part in walk(node) if isinstance(part, Name)}
    return names <= OPS.keys() - {"concat", "add", "sub", "mul", "split"}


def _renamed(spec: Spec, names: Sequence[str], random: random.Random) -> Spec | None:
    """One of the names is another wherever it stands, unless it is also a word of the language."""
    own = [name for name in dict.fromkeys(names) if name not in WORDS]
    if not own or spec.other is not None:
        return None
    old, new = random.choice(own), _fresh(spec, random)

    def change(node: Any) -> Any:
        if isinstance(node, Name) and node.id == old:
            return replace(node, id=new)
        if isinstance(node, Argument) and node.name == old:
            return replace(node, name=new)
        return node

    return _in_file(spec, change)


WORDS = OPS.keys() | {field for op in OPS.values() for field in op.fields}
WORDS |= {"in", "training", "weight", "same", "half", "valid", *POSITIONS}

SAME: tuple[Change, ...] = (
    _formatting,
    _order_of_items,
    _a_number_with_a_name,
    _a_number_as_a_sum,
    _a_condition_that_holds,
    _loops_written_out,
    _repeats_written_out,
    _arguments_by_name,
    _an_item_that_nobody_uses,
    _a_file_of_its_own,
)
RENAMED: tuple[Change, ...] = (
    _a_block_with_another_name,
    _a_parameter_with_another_name,
    _a_label_with_another_name,
    _a_statement_as_a_block,
)

PROPERTY = Property(
    name="metamorphic",
    claim="a network stays the same when its text is formatted, reordered, split in two files, "
    "written out or given other names",
    run=_case,
    cases=200,
    nightly=20_000,
)
