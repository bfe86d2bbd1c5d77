"""How much the property tests try: little and the same each time, or much and anew.

    HYPOTHESIS_PROFILE=nightly   25 times as many examples, random ones
    HYPOTHESIS_PROFILE=release   250 times as many
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

FACTORS = {"": 1, "nightly": 25, "release": 250}
FACTOR = FACTORS[os.environ.get("HYPOTHESIS_PROFILE", "").replace("default", "")]


def examples(count: int) -> settings:
    """Settings for `count` examples in the default run."""
    return settings(
        max_examples=count * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
