"""The text form of the intermediate representation, which reads back equal.

    module tiny in torch "An example, 2024"

    func double_1 = double(n=64) (x: 32x32x3) {
      0  conv1 = conv(x) 3x3, 64, pad=1, bias=false  : 32x32x64
      0  relu1 = relu(conv1)                         : 32x32x64
      output out = relu1
    }

    func tiny = tiny() (x: 32x32x3) {
      in stem:
      0  d0: double1 = @double_1(x)                  : 32x32x64
      in:
      1  s -> a, b = split(double1)                  : 32x32x32, 32x32x32
      ...
    }

A line is a node: the row, the label if there is one, its name, its results after `->`
unless it is one of the same name, the operator or `@` the function, its inputs, its
arguments as the language writes them, its types. `in` opens a region for the lines below
it. `conv(x; weights=conv1)` uses the weights of another node. Names that are no words
stand in quotes. Spans are not written.

The reader is strict: names are defined once and before their use, and every type is
what the operator gives for its inputs, so that what it returns is a valid module.

Each thing that a text has is one module, which writes it and reads it, so that nobody
changes one way and forgets the other: `words.py` has strings, names and whole numbers,
`sizes.py` sizes and types, `values.py` the values of a block's arguments, `operators.py`
operators with theirs, and from these are made `nodes.py`, `functions.py` and `modules.py`.
Readers stand on `tokens.py` and `cursor.py`; what must hold beyond the spelling is in
`scope.py`, for names, and `checks.py`, for types.
"""

from __future__ import annotations

from .cursor import DEEPEST
from .modules import ir_hash, print_module, read_module
from .nodes import WIDEST
from .words import LONGEST_NUMBER

__all__ = ["DEEPEST", "LONGEST_NUMBER", "WIDEST", "ir_hash", "print_module", "read_module"]
