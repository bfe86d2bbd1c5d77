"""Compile-time evaluation: what an expression is worth, with errors at its place.

Values are Python's `int`, `float`, `bool`, `str` (texts and bare words such as
`first`), tuples (lists), `Window` (`3x3`, `7x7/2`), `Extents` (`224x224x3`),
`Symbol` (a symbolic size), and the records of `values.py`.
"""
