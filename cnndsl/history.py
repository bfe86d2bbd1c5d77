"""How a module came to be: the rules that rewrote it, for reports, figures and emitted code."""

from __future__ import annotations

from .record import Record
from .symbol import Size


class Change(Record):
    """One rule applied.

    Arguments:
        number: counts from 1.
        rule: as it was called, with its places: `asym(7) at 4a..4e`.
        note: where the rule was published.
        sites: how many places of the network it changed, all copies counted.
        params, macs: parameters and multiply-accumulates before and after.
    """

    number: int
    rule: str
    note: str
    sites: int
    params: tuple[Size, Size]
    macs: tuple[Size, Size]


class History(Record):
    """All changes, and which of them made which operator.

    Arguments:
        made: for an operator, by function and name, the number of the change that made it.
    """

    changes: tuple[Change, ...] = ()
    made: tuple[tuple[tuple[str, str], int], ...] = ()


NOTHING = History()
