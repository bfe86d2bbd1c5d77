"""Random programs compiled and emitted; what is known to fail is left out here, and only here."""

from __future__ import annotations

from hypothesis import event, reject

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module
from cnndsl.source import Source
from tests.support.emitted import Emitted

from .strategies import Program


def compiled(program: Program) -> Module:
    """Its module; symbolic sizes may have more terms than the limit allows."""
    source = Source("random.cnn", program.text)
    try:
        return driver.compile_model(source, program.model, settings=dict(program.settings)).module
    except CnnError as problem:
        if all("terms; the limit is" in d.message for d in problem.diagnostics):
            event("refused a symbolic size")
            reject()
        raise


def emitted(module: Module) -> Emitted:
    """Emitted code, for programs that are not known to fail (`test_found.py` has why).

    Flax layers have fixed padding, so that the backend refuses some shared layers.
    """
    try:
        return Emitted(module)
    except CnnError as problem:
        shares = any(node.weights is not None for _, node in module.walk())
        if shares and {d.code for d in problem.diagnostics} == {"E0801"}:
            event("refused to share a layer")
            reject()
        raise
