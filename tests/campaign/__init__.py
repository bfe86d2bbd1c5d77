"""What must hold for every input, tried on many: a few in each test run, more by the hour.

    python -m tests.campaign --hours 2            everything, and `docs/reliability.md`
    python -m tests.campaign --only damage --seed 17

A property is a module in `properties/` with a `PROPERTY`, or a Hypothesis test in
`tests/properties`; both are found by looking. `test_campaign.py` runs each one's share of a
test run. What a campaign finds becomes a test of its own, in the place where such things are
tested, so that it is tried for ever, whatever becomes of the generators.
"""
