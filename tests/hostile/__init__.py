"""Inputs that somebody made to do harm, and what becomes of them.

`cases.py` declares them, `runner.py` runs each in a process of its own, `test_hostile.py`
judges: the right code, an exit code that is documented, two seconds, 300 MB, no traceback, and
nothing on the terminal that could move its cursor or turn its text around.
"""
