"""Every checkable number of the lectures that this project grew from, against the compiler.

`tests/claims.py` says how each is found, and writes the page about those that are not true.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.claims import (
    CHAPTERS,
    CLAIMS,
    CORRECTED,
    FALSE,
    SINGLE,
    TRUE,
    UNITS,
    UNVERIFIABLE,
    find,
    measure,
    page,
)

PAGE = Path(__file__).parent.parent / "docs" / "claims.md"


def agrees(stated: float, value: float, rounding: str) -> bool:
    """Whether a number was stated as this value, rounded in this way."""
    if not rounding:
        return math.isclose(stated, value, rel_tol=1e-12)
    if rounding == "one significant digit":
        digit = 10 ** math.floor(math.log10(value))
        return bool(round(value / digit) == round(stated / digit))
    decimals = len(repr(stated).partition(".")[2]) if isinstance(stated, float) else 0
    unit = 10.0**-decimals
    off = value - stated
    within = {
        "nearest": abs(off) <= unit / 2,
        "truncated": 0 <= off < unit,
        "ceil": -unit < off <= 0,
    }
    return within[rounding]


@pytest.mark.parametrize("claim", TRUE, ids=lambda claim: claim["id"])
def test_true_claim(claim: dict[str, Any]) -> None:
    value, stated = find(claim), claim["stated"]
    if isinstance(value, float):
        assert value == pytest.approx(claim["exact"], rel=1e-5)
    else:
        assert squeezed(value) == squeezed(claim["exact"]), claim["claim"]
    if isinstance(value, (int, float)) and isinstance(stated, (int, float)):
        assert agrees(stated, value / UNITS[claim.get("unit", "")], claim.get("rounding", ""))
    elif isinstance(stated, list):
        assert squeezed(stated) == squeezed(value)


def squeezed(shape: Any) -> Any:
    """A 1x1 map is a vector."""
    return shape[2:] if isinstance(shape, list) and shape[:2] == [1, 1] else shape


@pytest.mark.parametrize("claim", FALSE, ids=lambda claim: claim["id"])
def test_false_claim(claim: dict[str, Any]) -> None:
    """What does not follow from the architecture, the compiler does not find either."""
    value = find(claim)
    if isinstance(value, list):
        assert value == claim["exact"] != claim["stated"]
        return
    assert value == pytest.approx(claim["exact"], rel=1e-4), claim["why"]
    in_unit = value / UNITS[claim.get("unit", "")]
    assert not agrees(claim["stated"], in_unit, claim.get("rounding", "nearest"))


def test_no_claim_is_left_out() -> None:
    assert (len(TRUE), len(FALSE), len(UNVERIFIABLE), len(CLAIMS)) == (379, 36, 10, 425)
    ids = [claim["id"] for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert all(measure(claim["id"]) for claim in TRUE + FALSE)
    assert not (SINGLE.keys() | CORRECTED.keys()) - set(ids), "no such claim"


def test_the_page_is_fresh() -> None:
    """`python -m tests.claims > docs/claims.md` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert text == "\n".join(page()) + "\n"


def test_the_page_has_every_claim_that_is_not_simply_true() -> None:
    """Each belongs to one chapter, and says in a sentence what the matter is."""
    told = [claim for claim in CLAIMS if claim.keys() & {"why", "note"}]
    assert [c["id"] for c in FALSE + UNVERIFIABLE if c not in told] == []
    for claim in told:
        assert len([title for title, at in CHAPTERS.items() if re.match(at, claim["id"])]) == 1
        assert claim.get("why", claim.get("note")).endswith(".") and claim["what"]
