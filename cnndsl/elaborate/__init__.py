"""From syntax to typed graphs: names, blocks, repeats and branches get their meaning.

Statements are worked through in order with a *flow*, the values that move from
one statement to the next. A call of a block becomes a call of a function that is
specialised for the arguments, the input types and the defaults in force; equal
calls share one function. After an error the flow is unknown (None) until a
statement's shape annotation says again what it is, so that one mistake is one
message.
"""

from __future__ import annotations

from ..diagnostics import CnnError
from ..namespace import Namespace
from ..syntax import Model
from . import apply, flow, settings
from .models import elaborate_model
from .run import Claim, Elaborated, Options, Run

DEFAULTS = Options()
RULES = (apply, flow, settings)
"""Modules that are imported for the statements they give a meaning to."""


def elaborate(model: Model, namespace: Namespace, options: Options = DEFAULTS) -> Elaborated:
    """The typed module of a model. Raises CnnError with everything that was found wrong."""
    totals: dict[int, int] = {}
    for _ in range(4):
        run = Run(options, totals)
        result = elaborate_model(run, model, namespace)
        if not run.reads_total or run.calls == totals:
            break
        totals = run.calls
    if run.is_wrong:
        raise CnnError(*run.problems)
    return result


__all__ = ["Claim", "Elaborated", "Options", "elaborate"]
