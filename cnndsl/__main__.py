"""`python -m cnndsl` is `cnnc`."""

from __future__ import annotations

import sys


def main() -> int:
    """The entry point of the command `cnnc`."""
    try:
        from .cli import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
