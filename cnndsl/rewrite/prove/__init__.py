"""Proof by trial: rules on networks made from their own left sides, compared exactly.

    rule ─ samples ─▶ left side, drawn ─ contexts ─▶ network ─ apply ─▶ trial ─▶ verdict

`choices` are the decisions of a drawing, which can be taken again with simpler ones; `net` draws
operators, `networks` whole networks for rules without a left side. `trial` judges an application:
its form, what its outputs read (`reach`), what they are, also in `training`. `check` counts cases
and makes counterexamples small, `necessity` asks whether a rule's conditions are needed. A rule
that did not ship is applied after `require_proof` only.
"""

from __future__ import annotations

from .require import require_proof as require_proof
