"""Proving `expect`: what a spec claims about its network, against what the passes find."""

from __future__ import annotations

import re

from ..diagnostics import Diagnostic, Help, Label, error, suggest
from ..graph import Module, Node
from ..notation import number
from ..op import Op
from ..record import Record
from ..source import Span
from ..symbol import Size, Symbol
from .cost import Cost, add_ledgers, cost, count, parameters
from .depth import depth
from .marks import size_labels
from .origin import Room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

    from ..elaborate import Claim
    from ..op import Ledger

_NUMBER = re.compile(r"\s*[\d_]+(?:\.(\d+))?(?:[eE]([+-]?\d+))?([KMGT])?\s*")
_POWER = {None: 0, "K": 3, "M": 6, "G": 9, "T": 12}
_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "!=": lambda found, value: found != value,
    ">=": lambda found, value: found >= value,
    "<=": lambda found, value: found <= value,
    ">": lambda found, value: found > value,
    "<": lambda found, value: found < value,
}

Found = Size | tuple[Size, ...]


class Verdict(Record):
    """A claim and what was found.

    Arguments:
        text: the claim as it is written.
        holds: whether it is so.
        found: the number or the shape.
        problem: what to report when it does not hold.
        note: where the claim comes from.
    """

    text: str
    holds: bool
    found: Found
    problem: Diagnostic | None = None
    note: str = ""


class Subject:
    """A module, and its costs once they were asked for."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.main = module.main
        self._costs: dict[bool, Cost] = {}

    def cost(self, training: bool) -> Cost:
        """The costs of inference or of training."""
        if training not in self._costs:
            self._costs[training] = cost(self.module, training)
        return self._costs[training]


def prove(claims: tuple[Claim, ...], subject: Subject) -> tuple[Verdict, ...]:
    """Every claim with its verdict, in order."""
    return tuple(_prove(claim, subject) for claim in claims)


def precision(text: str) -> float:
    """Half of the last digit's unit: `4.09G` means 4.085 G to 4.095 G; 0 for a whole number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return 0.0
    decimals, exponent, suffix = match.groups()
    last = _POWER[suffix] + int(exponent or 0) - len(decimals or "")
    return 0.0 if last == 0 and not decimals else 10.0**last / 2


def _prove(claim: Claim, subject: Subject) -> Verdict:
    text = claim.span.text.split('"')[0].strip().removeprefix("expect").strip()
    metric = METRICS.get(claim.metric)
    if metric is None:
        known = ", ".join(f"`{name}`" for name in METRICS)
        return Verdict(
            text,
            False,
            0,
            error(
                "E0203",
                f"nothing is known of `{claim.metric}`",
                claim.span,
                help=_near(claim, claim.metric, METRICS) or (f"claims are about {known}",),
            ),
        )
    try:
        found = metric(subject, claim.subjects)
    except _Unknown as problem:
        help = _near(claim, problem.word, problem.known) or problem.help
        return Verdict(text, False, 0, error("E0202", str(problem), claim.span, help=help))
    if isinstance(found, Symbol) and isinstance(claim.value, (int, float)):
        return Verdict(
            text,
            False,
            found,
            error(
                "E0310",
                f"`{claim.metric}` depends on the input's size: {number(found)}",
                claim.span,
                help=["claim it as a formula, or for a model with a fixed input"],
            ),
        )
    if _holds(claim, found):
        return Verdict(text, True, found, note=claim.note)
    return Verdict(text, False, found, _refuted(claim, found, text, subject))


def _near(claim: Claim, word: str, known: Iterable[str]) -> tuple[Help | str, ...]:
    """What a word of a claim perhaps means, as an edit."""
    found = re.search(rf"\b{re.escape(word)}\b", claim.span.text.removeprefix("expect"))
    if not word or found is None:
        return ()
    start = claim.span.end - len(found.string) + found.start()
    return suggest(word, known, Span(claim.span.source, start, start + len(word)))


def _holds(claim: Claim, found: Found) -> bool:
    value = claim.value
    if isinstance(value, (tuple, Symbol)) or isinstance(found, (tuple, Symbol)):
        wanted = value if isinstance(value, tuple) else (value,)
        if isinstance(found, tuple) and len(found) == 3 and len(wanted) == 2:
            wanted = (*wanted, found[2])
        return claim.relation == "=" and _squeezed(found) == _squeezed(wanted)
    if claim.relation != "=":
        return _RELATIONS[claim.relation](found, value)
    allowed = precision(claim.text) if claim.tolerance is None else abs(value) * claim.tolerance
    return abs(found - value) <= allowed


def _squeezed(shape: object) -> object:
    if isinstance(shape, tuple) and len(shape) == 3 and shape[:2] == (1, 1):
        return shape[2:]
    return shape if isinstance(shape, tuple) else (shape,)


def _refuted(claim: Claim, found: Found, text: str, subject: Subject) -> Diagnostic:
    shown = "x".join(map(str, found)) if isinstance(found, tuple) else number(found)
    notes = [f"source of the claim: {claim.note}"] if claim.note else []
    if isinstance(found, int) and isinstance(claim.value, (int, float)) and claim.value:
        notes.append(_apart(found, claim.value))
    return error(
        "E0309",
        f"expected `{text}`, found {shown}",
        claim.span,
        "does not hold",
        also=_origin(claim, subject),
        notes=notes,
        help=["correct the claim or the network; `cnnc report` shows where the number comes from"],
    )


def _apart(found: int, value: float) -> str:
    """How far a number is from the claim: in percent, small whole ones by their difference."""
    if isinstance(value, int) and abs(value) < 1_000:
        return f"{abs(found - value):,} {'more' if found > value else 'fewer'} than claimed"
    return f"{(found - value) / value:+.2%} from the claimed value".replace("-", "−")


def _origin(claim: Claim, subject: Subject) -> list[Label]:
    """The places that made a shape what it is."""
    if claim.metric != "shape" or not isinstance(claim.value, tuple):
        return []
    room = Room(subject.main.nodes, subject.main.types, subject.module.by_name)
    labels = size_labels(room, _value(subject, claim.subjects), claim.value)
    return [label for label in labels if label.span.source is claim.span.source]


# --------------------------------------------------------------------- metrics


class _Unknown(Exception):
    """A claim about something that is not there: `word`, which is none of the `known` ones."""

    def __init__(
        self,
        message: str,
        help: tuple[str, ...] = (),
        word: str = "",
        known: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.help = help
        self.word = word
        self.known = known


def _ledger(subject: Subject, subjects: tuple[str, ...]) -> Ledger:
    """The costs of the model, of its training, or of the rows with these labels."""
    if subjects in ((), ("training",)):
        return subject.cost(bool(subjects)).total
    found = subject.cost(training=True).nodes(subject.main)
    return add_ledgers(found[node.name] for label in subjects for node in _row(subject, label))


def _row(subject: Subject, label: str) -> list[Node]:
    """The nodes of a labelled statement or stage."""
    nodes = subject.main.nodes
    row = [node for node in nodes if node.label == label or label in node.region]
    if not row:
        _no_label(label, {name for node in nodes for name in (node.label, *node.region) if name})
    if all(isinstance(node.op, Op) and node.op.family == "merge" for node in row):
        raise _Unknown(
            f"`{label}` is a merge; its branches are rows of their own",
            ("put the branches into a `block`, or into a `stage`",),
        )
    return row


def _no_label(label: str, known: Iterable[str]) -> NoReturn:
    raise _Unknown(f"there is no label `{label}`", word=label, known=known)


def _value(subject: Subject, subjects: tuple[str, ...]) -> str:
    """The value that a label names."""
    if len(subjects) != 1:
        raise _Unknown("this claim is about one label", ("write `shape(conv1) = 112x112x64`",))
    (label,) = subjects
    names = {**dict(subject.main.labels), **{o.name: o.value for o in subject.main.outputs}}
    if label in names:
        return names[label]
    if label in subject.main.types:
        return label
    _no_label(label, names)


def _params(subject: Subject, subjects: tuple[str, ...]) -> Found:
    return parameters(_ledger(subject, subjects))


def _macs(subject: Subject, subjects: tuple[str, ...]) -> Found:
    return count(_ledger(subject, subjects), "macs")


def _flops(subject: Subject, subjects: tuple[str, ...]) -> Found:
    return count(_ledger(subject, subjects), "flops")


def _activations(subject: Subject, subjects: tuple[str, ...]) -> Found:
    return _ledger(subject, subjects).get("out", 0)


def _depth(subject: Subject, subjects: tuple[str, ...]) -> Found:
    if subjects:
        raise _Unknown("`depth` is a claim about the whole network", ("write `depth = 50`",))
    return depth(subject.module)


def _shape(subject: Subject, subjects: tuple[str, ...]) -> Found:
    return subject.main.types[_value(subject, subjects)].shape


def _receptive_field(subject: Subject, subjects: tuple[str, ...]) -> Found:
    from .receptive import receptive_field

    value = _value(subject, subjects) if subjects else None
    return receptive_field(subject.module, value).height.size


METRICS: dict[str, Callable[[Subject, tuple[str, ...]], Found]] = {
    "params": _params,
    "macs": _macs,
    "flops": _flops,
    "activations": _activations,
    "depth": _depth,
    "shape": _shape,
    "receptive_field": _receptive_field,
}
"""What `expect` may be about."""
