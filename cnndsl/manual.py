"""The manual of the operators, made from their classes: `cnnc ops` and `docs/ops.md`.

An operator's docstring is its entry; its fields are its arguments. Nothing about an
operator is written here.

    python -m cnndsl.manual --markdown > docs/ops.md
"""

from __future__ import annotations

import sys

from .arguments import flag, format_value, kind_of, signature
from .diagnostics import did_you_mean
from .op import Op
from .ops import OPS
from .record import Record
from .render import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .syntax import Argument

WIDTH = 88

FAMILIES = {
    "conv": "Convolutions",
    "linear": "Fully connected",
    "pool": "Pools",
    "norm": "Normalisation",
    "activation": "Activations",
    "merge": "Merges",
    "reshape": "Shapes",
    "regular": "Regularisation",
}


class Entry(Record):
    """What a docstring says.

    Arguments:
        lead: the first paragraph.
        arguments: the text of each group of arguments, by their names as written.
        rest: the other paragraphs: shapes, costs, source.
    """

    lead: str
    arguments: tuple[tuple[str, str], ...]
    rest: tuple[str, ...]


def words() -> list[str]:
    """Every operator, by family."""
    return [op.word for _, members in families() for op in members]


def families() -> list[tuple[str, list[type[Op]]]]:
    """The operators of each family, in the order of their files."""
    groups: dict[str, list[type[Op]]] = {family: [] for family in FAMILIES}
    for op in OPS.values():
        groups.setdefault(op.family, []).append(op)
    return [(FAMILIES.get(family, family), members) for family, members in groups.items()]


def nearest(word: str) -> str | None:
    """The operator that was probably meant."""
    return did_you_mean(word, OPS)


def overview() -> str:
    """One operator on two lines, by family."""
    return "\n\n".join("\n".join(_family(title, members)) for title, members in families()) + (
        "\n\n`cnnc ops WORD` has the whole entry"
    )


def _family(title: str, members: list[type[Op]]) -> Iterator[str]:
    yield title
    for op in members:
        first, *rest = wrap(signature(op), WIDTH - 6)
        yield f"  {first}"
        yield from (f"      {line}" for line in rest)
        yield from (f"      {line}" for line in wrap(first_sentence(op), WIDTH - 6))


def first_sentence(op: type[Op]) -> str:
    return read(op).lead.partition(". ")[0].rstrip(".") + "."


def entry(word: str) -> str:
    """The whole entry of an operator."""
    op = OPS[word]
    said = read(op)
    first, *rest = wrap(signature(op), WIDTH - 4)
    parts = [[first, *(f"    {line}" for line in rest)], wrap(said.lead, WIDTH)]
    if op.fields:
        parts.append(["Arguments", *_arguments(op, said)])
    inputs = [] if op.arity == (1, 1) else [f"Inputs: {_arity(op)}."]
    facts = [*inputs, *said.rest]
    parts.append([line for fact in facts for line in wrap(fact, WIDTH)])
    if settings := dialects(op):
        width = max(map(len, settings))
        lines = [f"  {name:{width}}  {text}" for name, text in settings.items()]
        parts.append(["Defaults in each dialect", *lines])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _arguments(op: type[Op], said: Entry) -> Iterator[str]:
    """Each argument with what it accepts, its default and what the docstring says of it."""
    for name in op.fields:
        lead = f"{name}: {kind_of(op, name).describe}{_default(op, name)}"
        first, *rest = wrap(lead, WIDTH - 2)
        yield f"  {first}"
        yield from (f"    {line}" for line in rest)
        yield from (f"      {line}" for line in wrap(_about(said, name), WIDTH - 6) if line)


def _about(said: Entry, name: str) -> str:
    """What is said of an argument; `as for conv` is looked up there."""
    texts = {name: text for names, text in said.arguments for name in names.split(", ")}
    text = texts.get(name, "")
    other = text.removeprefix("as for `").removesuffix("`.")
    return _about(read(OPS[other]), name) if other in OPS else text


def _default(op: type[Op], name: str) -> str:
    if name not in op.defaults:
        return ""
    return f" (default `{format_value(op.defaults[name], op.annotations[name])}`)"


def _arity(op: type[Op]) -> str:
    least, most = op.arity
    if most is None:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"


def dialects(op: type[Op]) -> dict[str, str]:
    """What each dialect of the standard library sets for an operator, as it is written there."""
    from .loader import Loader, shipped_folder
    from .syntax import Dialect

    library = Loader(shipped_folder()).library
    found: dict[str, dict[str, str]] = {}
    for name in library.index:
        item = library.find(name)
        if item is None or not isinstance(item[0], Dialect):
            continue
        base = item[0].base
        found[name] = dict(found.get(base.id, {})) if base is not None else {}
        for setting in item[0].settings:
            if any(word.id in (op.word, op.family) for word in setting.words):
                for argument in setting.arguments:
                    found[name][_setting_of(op, argument)] = argument.span.text
    return {name: ", ".join(texts.values()) for name, texts in found.items() if texts}


def _setting_of(op: type[Op], argument: Argument) -> str:
    """The field that an argument of a dialect sets: `pad=same`, or the flag `ceil`."""
    if argument.name is not None:
        return argument.name
    found = flag(op, argument.span.text)
    return found[0] if found is not None else argument.span.text


def read(op: type[Op]) -> Entry:
    """The docstring of an operator, taken apart."""
    paragraphs = _paragraphs(op.__doc__ or "")
    lead, *others = paragraphs or [[""]]
    arguments: list[tuple[str, str]] = []
    rest: list[str] = []
    for paragraph in others:
        if paragraph[0] == "Arguments:":
            arguments += _items(paragraph[1:])
        else:
            rest += _facts(paragraph)
    return Entry(" ".join(lead), tuple(arguments), tuple(rest))


def _paragraphs(text: str) -> list[list[str]]:
    """Paragraphs as lists of lines, without the indentation of the docstring."""
    first, *rest = text.strip().split("\n")
    paragraphs: list[list[str]] = [[first]]
    for line in rest:
        line = line.removeprefix("    ").rstrip()
        if not line:
            paragraphs.append([])
        else:
            paragraphs[-1].append(line)
    return [paragraph for paragraph in paragraphs if paragraph]


def _facts(lines: list[str]) -> list[str]:
    """A paragraph, cut before `Costs:` and `Source:`."""
    facts: list[str] = []
    for line in lines:
        if facts and not line.startswith(("Costs: ", "Source: ")):
            facts[-1] += f" {line.strip()}"
        else:
            facts.append(line.strip())
    return facts


def _items(lines: list[str]) -> list[tuple[str, str]]:
    """`name, other: text`, where deeper lines continue the text."""
    items: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("        ") and items:
            names, text = items[-1]
            items[-1] = (names, f"{text} {line.strip()}")
        else:
            names, _, text = line.strip().partition(": ")
            items.append((names, text))
    return items


# ------------------------------------------------------------------- Markdown


def markdown() -> str:
    """The whole manual, `docs/ops.md`."""
    lines = [
        "# Operators",
        "",
        "Made by `python -m cnndsl.manual --markdown > docs/ops.md` from the classes in",
        "`cnndsl/ops`; change it there. The defaults are those of the dialect `torch`.",
    ]
    for title, members in families():
        lines += ["", f"## {title}"]
        for op in members:
            lines += ["", *_section(op)]
    return "\n".join(lines) + "\n"


def _section(op: type[Op]) -> Iterator[str]:
    said = read(op)
    yield from (f"### `{op.word}`", "", "```cnn", signature(op), "```", "", said.lead)
    if op.fields:
        yield from ("", "| argument | accepts | default | |", "| --- | --- | --- | --- |")
        for name in op.fields:
            default = _default(op, name).removeprefix(" (default ").removesuffix(")")
            cells = (f"`{name}`", kind_of(op, name).describe, default, _about(said, name))
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    if op.arity != (1, 1):
        yield from ("", f"Inputs: {_arity(op)}.")
    for paragraph in said.rest:
        yield from ("", paragraph)
    if settings := dialects(op):
        said_of = (f"{name} `{text}`" for name, text in settings.items())
        yield from ("", f"Defaults in each dialect: {'; '.join(said_of)}.")


if __name__ == "__main__":
    sys.stdout.write(markdown() if "--markdown" in sys.argv[1:] else overview() + "\n")
