"""What is known of a claim before any network is seen."""

from __future__ import annotations

from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PROVED, CHECKED, REFUTED, UNKNOWN = "proved", "checked", "refuted", "unknown"


class Verdict(Record):
    """What is known of a claim.

    Arguments:
        claim: its word; empty where nothing is claimed.
        result: `proved` for all values, `checked` for small ones, `refuted`, `unknown`, or empty.
        text: for what, or why: `for every s`, `for k ≤ 7 and s ≤ 4`, `for s = 2 ...`.
        holds: where a refuted claim is right all the same: `s == 1`.
    """

    claim: str = ""
    result: str = ""
    text: str = ""
    holds: str = ""


def listed(names: Sequence[str]) -> str:
    """`k, s and t`"""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
