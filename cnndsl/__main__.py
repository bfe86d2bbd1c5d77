"""`python -m cnndsl` is `cnnc`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """The entry point of the command `cnnc`; it does not return.

    Two things that an interpreter does for long-lived programs are left out, together a
    fifth of a short run: looking for cyclic garbage, of which a compiler has none before
    it ends, and taking every object apart at the end. Everything is written by then.
    """
    gc.disable()
    try:
        from .cli import main as run

        code = run()
    except KeyboardInterrupt:  # so early that nobody says a word
        code = 130
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a closed one is None
        try:
            stream.flush()
        except OSError:
            code = code or 4
    os._exit(code)


if __name__ == "__main__":
    main()
