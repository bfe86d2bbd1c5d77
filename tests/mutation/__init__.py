"""Do the tests notice when the code is wrong? Small faults are put in, one at a time.

    python -m tests.mutation [TARGET ...]       writes `results.json`, for `docs/reliability.md`
    python -m tests.mutation window --show 17   one fault as a difference, and what the tests say

`targets.toml` has the modules and the tests that must notice. A fault that no test notices and
that changes nothing is entered in `equivalent.toml`, with the reason.

Why not a library: `mutmut` leaves the bodies of decorated classes alone, which our operators are,
and `cosmic-ray` starts an interpreter for each fault, which with JAX and PyTorch is seconds.
Here a process that has imported those forks; its child imports the faulty module and tests it.
"""
