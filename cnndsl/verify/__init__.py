"""Conformance: is this network the one that another framework runs?

`trace` is the common form, `references` open networks of other frameworks, `match` pairs
the layers, `weights` carries values over, `ours` runs the emitted code, `probe` finds where
two runs part, and `verdict` is the whole.
"""

from .references import open_reference
from .verdict import TOLERANCE, Verdict, problem, verify, weights_of
from .words import as_json, described

__all__ = [
    "TOLERANCE", "Verdict", "as_json", "described", "open_reference", "problem", "verify",
    "weights_of",
]  # fmt: skip
