"""How much the property tests try: little, and the same each time. A campaign tries anew."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

ANEW = os.environ.get("HYPOTHESIS_PROFILE") == "campaign"


def examples(count: int) -> settings:
    """Settings for `count` examples."""
    return settings(
        max_examples=count,
        derandomize=not ANEW,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
