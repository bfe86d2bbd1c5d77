"""What other tools call our operators and arguments, for messages that translate.

`layers.py` has the table of layers, `translate.py` writes a layer of another tool in this
language, `arguments.py` says what to write in place of one argument.
"""

from .arguments import argument_help
from .layers import LAYERS, Layer
from .translate import call_at, layer_help, translated

__all__ = ["LAYERS", "Layer", "argument_help", "call_at", "layer_help", "translated"]
