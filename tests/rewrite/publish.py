"""Try the shipped rules and write what came of it, and the page about them.

python -m tests.rewrite.publish
"""

from __future__ import annotations

import json
import sys

from cnndsl.rewrite.prove.check import check_rule

from . import page, proofs
from .test_rules import NEED_A_PLACE, PUBLISHED, TRIED, shown


def main() -> None:
    rows = {}
    for rewrite in TRIED:
        if rewrite.name in NEED_A_PLACE:
            continue
        verdict = check_rule(rewrite, proofs.CASES)
        if verdict.counterexample is not None or verdict.cases < proofs.CASES:
            sys.stderr.write(f"{rewrite.text}: {shown(verdict) or verdict.refusals}\n")
        rows[rewrite.name] = proofs.row(rewrite, verdict)
    PUBLISHED.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.PAGE.write_text(page.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
