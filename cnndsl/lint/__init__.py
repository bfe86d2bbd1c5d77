"""The linter: what is legal in a spec and hardly meant.

Rules are in `rules/`, one module for each (`rule.py` says how one is declared). Each looks at a
network or at a file; here their findings become diagnostics, one for each place in the text,
however many networks and copies of a block it stands for.
"""
