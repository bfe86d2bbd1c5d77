"""`cnndsl`: convolutional networks as the tables of their papers, compiled.

    import cnndsl
    model = cnndsl.load("resnet50.cnn", classes=10)
    model.cost().macs
    print(model.to_flax())

`load` and `Network` are the whole interface; problems are raised as one `CnnError`.
"""

from __future__ import annotations

from .diagnostics import CnnError, Diagnostic
from .model import Network, load
from .version import __version__

__all__ = ["CnnError", "Diagnostic", "Network", "__version__", "load"]
