"""Random programs compiled and emitted; what is known to fail is left out here, and only here."""

from __future__ import annotations

from hypothesis import event, reject

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module
from cnndsl.ops.conv import Deconv
from cnndsl.source import Source
from cnndsl.window import Padding
from tests.support.emitted import Emitted

from .strategies import Program


def compiled(program: Program) -> Module:
    return driver.compile_model(
        Source("random.cnn", program.text), program.model, settings=dict(program.settings)
    ).module


def emitted(module: Module) -> Emitted:
    """Emitted code, for programs that are not known to fail (`test_found.py` has why).

    Flax layers have fixed padding, so that the backend refuses some shared layers.
    """
    for _, node in module.walk():
        if isinstance(node.op, Deconv) and is_plain_deconv(node.op):
            reject()
    try:
        return Emitted(module)
    except CnnError as problem:
        shares = any(node.weights is not None for _, node in module.walk())
        if shares and {d.code for d in problem.diagnostics} == {"E0801"}:
            event("refused to share a layer")
            reject()
        raise


def is_plain_deconv(op: Deconv) -> bool:
    """Whether the equivalent convolution of the spread input has no padding."""
    assert isinstance(op.pad, Padding)
    extents = [(k - 1) * d for k, d in zip(op.window.size, op.dilation, strict=True)]
    sides = zip(extents, (op.pad.height, op.pad.width), op.output_padding, strict=True)
    return op.groups == 1 and all(
        extent == lo and extent + extra == hi for extent, (lo, hi), extra in sides
    )
