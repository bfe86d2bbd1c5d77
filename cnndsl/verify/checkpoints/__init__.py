"""Weights from files of other frameworks for the emitted code, and files of our own.

    found = convert(module, read_checkpoint("resnet50.pth"))
    save("resnet50.safetensors", module, found.weights)

`files` says what a file is; `safetensors`, `torch`, `keras`, `hdf5` and `orbax` read it, and never
run what is in it; `layers` groups tensors to layers, `own` lists ours, `choice` finds those that
take part and `pairing` which is which; `convert` is the flow; `save` writes.
"""

from .convert import Conversion, convert, described
from .files import Checkpoint, read_checkpoint
from .save import save

__all__ = ["Checkpoint", "Conversion", "convert", "described", "read_checkpoint", "save"]
