"""Verification: the same weights in both networks, the same inputs, the largest difference.

    verify(module, open_reference("keras:ResNet50", shapes))

Weights are random, running statistics included, so that nothing cancels; the reference runs
as its framework runs it, ours is the code that is emitted for users.
"""

from __future__ import annotations

from ..diagnostics import CnnError, Label, error
from ..graph import Module
from ..record import Record, replace
from .match import Mismatch, Pairing, described, match
from .ours import Emitted, every_value, trace_of, with_logits
from .probe import Parting, part, relative
from .trace import Trace, shown
from .weights import carried_back, carried_over, draw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import numpy as np

    from .trace import Reference, Shape
    from .weights import Weights

TOLERANCE = 1e-5
"""Greatest difference in units of the largest value; float32 itself makes 1e-7 to 4e-6."""

ROUNDING = 1e-3
"""More than this, rounding alone does not make."""

UNFOLDED = (
    "theirs has no batch norms: if they were folded into its convolutions, export it with them, "
    "`torch.onnx.export(..., training=TrainingMode.PRESERVE, do_constant_folding=False)`"
)


class Compared(Record):
    """One output: its name, its shape, and the largest difference in units of its largest value."""

    output: str
    shape: Shape
    apart: float


class Verdict(Record):
    """What a verification found.

    Arguments:
        model, reference, versions: what was compared, and with which programs.
        layers: steps with weights, all of them paired.
        parameters: of ours and of the reference, trainable, those that run in inference.
        trained: all of them, auxiliary heads included.
        statistics: running statistics of ours.
        macs: of ours by its formulas, and of the reference from the shapes that ran.
        inputs: shapes of the inputs.
        origin: of the weights, `random` or a file.
        seed: of what is random.
        compared: the outputs.
        tolerance: what is taken as equal.
        parting: where the networks differ, if they do.
    """

    model: str
    reference: str
    versions: str
    layers: int
    parameters: tuple[int, int]
    trained: tuple[int, int]
    statistics: int
    macs: tuple[int, int]
    inputs: tuple[Shape, ...]
    origin: str
    seed: int
    compared: tuple[Compared, ...]
    tolerance: float
    parting: Parting | None = None

    @property
    def equal(self) -> bool:
        return all(output.apart <= self.tolerance for output in self.compared)

    @property
    def apart(self) -> float:
        return max(output.apart for output in self.compared)


def pair(module: Module, reference: Reference) -> tuple[Trace, Pairing]:
    """Our trace, and which layer of the reference is which of ours.

    Raises CnnError with E0902 for the first layer without a counterpart.
    """
    ours, theirs = trace_of(module).pruned(), reference.trace.pruned()
    try:
        return ours, match(ours, theirs)
    except Mismatch as mismatch:
        raise CnnError(_mismatch(mismatch, ours, theirs, module, reference)) from None


def weights_of(module: Module, reference: Reference) -> Weights:
    """The weights that a reference has, as ours. Raises CnnError with E0902."""
    ours, pairing = pair(module, reference)
    return carried_back(reference.read(), pairing, ours, reference.trace.pruned())


def verify(
    module: Module,
    reference: Reference,
    *,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    weights: Weights | None = None,
    origin: str = "random",
) -> Verdict:
    """Compare the emitted code of a module with a reference.

    Arguments:
        seed: of the random weights and inputs.
        tolerance: greatest difference that counts as equal.
        weights: those that the reference has already, as ours, in place of random ones.
        origin: what to say of the weights.

    Raises CnnError with E0902 when the structures differ.
    """
    import numpy as np

    ours, pairing = pair(module, reference)
    theirs = reference.trace.pruned()
    if weights is None:
        weights = draw(ours, seed)
        reference.write(carried_over(weights, pairing, ours, theirs))
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(0.0, 1.0, (1, *shape)).astype(np.float32) for shape in ours.inputs]
    ends = set(reference.trace.outputs)
    ends.update(map(reference.trace.before_softmax, reference.trace.outputs))
    others = dict(reference.run(inputs, ends))
    try:
        compared = _compare(module, weights, inputs, reference.trace, others)
    except Mismatch as mismatch:
        parting = _part(module, weights, inputs, reference, tolerance)
        raise _apart("E0902", _unlike(module, reference), parting, [mismatch.why]) from None
    verdict = _verdict(
        module, reference, ours, theirs, len(pairing.steps), (origin, seed), compared, tolerance
    )
    if verdict.equal:
        return verdict
    return replace(verdict, parting=_part(module, weights, inputs, reference, tolerance))


def _compare(
    module: Module,
    weights: Mapping[Any, np.ndarray],
    inputs: Sequence[np.ndarray],
    theirs: Trace,
    others: Mapping[int, np.ndarray],
) -> tuple[Compared, ...]:
    """Every output, and what goes into a last softmax. Raises Mismatch where sizes differ."""
    extended, logits = with_logits(module)
    found = Emitted(extended).run(weights, inputs)
    names = [output.name for output in module.main.outputs if not output.training]
    compared = []
    for name, value in zip(names, theirs.outputs, strict=True):
        raw = theirs.before_softmax(value)
        if name in logits:
            compared.append(_compared(logits[name], found[logits[name]], others[raw]))
        if (name in logits) == (raw != value):
            compared.append(_compared(name, found[name], others[value]))
    return tuple(compared)


def _compared(name: str, mine: np.ndarray, other: np.ndarray) -> Compared:
    if mine.shape != other.shape and mine.size == other.size:
        other = other.reshape(mine.shape)  # 1x1x1000 and 1000
    if mine.shape != other.shape:
        why = f"output `{name}` is {shown(mine.shape[1:])}, theirs is {shown(other.shape[1:])}"
        raise Mismatch(None, None, why)
    return Compared(name, mine.shape[1:], relative(mine, other))


def _verdict(
    module: Module,
    reference: Reference,
    ours: Trace,
    theirs: Trace,
    layers: int,
    drawn: tuple[str, int],
    compared: tuple[Compared, ...],
    tolerance: float,
) -> Verdict:
    from ..passes.cost import cost

    costs, trained = cost(module), cost(module, training=True).params
    params, statistics, macs = costs.params, costs.statistics, costs.macs
    assert isinstance(params, int) and isinstance(trained, int)
    assert isinstance(statistics, int) and isinstance(macs, int)
    return Verdict(
        module.name,
        reference.name,
        reference.versions,
        layers,
        (params, theirs.parameters),
        (trained, reference.parameters),
        statistics,
        (macs, theirs.macs),
        ours.inputs,
        *drawn,
        compared,
        tolerance,
    )


def _part(
    module: Module,
    weights: Mapping[Any, np.ndarray],
    inputs: Sequence[np.ndarray],
    reference: Reference,
    tolerance: float,
) -> Parting | None:
    """The first tensor that differs."""
    mine = every_value(module, weights, inputs)
    return part(trace_of(module), mine, reference.trace, dict(reference.run(inputs)), tolerance)


def problem(verdict: Verdict) -> CnnError:
    """E0903 for networks that differ, at the statement where they part."""
    message = (
        f"`{verdict.model}` and `{verdict.reference}` differ by {verdict.apart:.1e} "
        f"of the largest value (tolerance {verdict.tolerance:.0e})"
    )
    if verdict.parting is None:
        help = "no single tensor is to blame: rounding adds up; try `--tolerance`"
        if verdict.apart > ROUNDING:
            help = "all layers agree: they differ in what is between them, or behind the last one"
        return CnnError(error("E0903", message, help=(help,)))
    return _apart("E0903", message, verdict.parting)


def _apart(code: str, message: str, parting: Parting | None, notes: Sequence[str] = ()) -> CnnError:
    """An error at the first tensor that differs."""
    if parting is None:
        return CnnError(error(code, message, notes=notes))
    step, other = parting.ours, parting.theirs
    notes = [*notes, f"everything before `{step.name}` is equal"]
    if other is not None:
        how = f": {other.said}" if other.said else ""
        notes.append(f"theirs is `{other.name}`{how}")
        notes += [f"its input is padded by `{pad.name}`: {pad.said}" for pad in parting.pads]
        if parting.apart is None:
            notes.append(f"it gives {shown(other.shape)}, ours gives {shown(step.shape)}")
        else:
            notes.append(f"they differ by {parting.apart:.1e} of the largest value")
    label = f"the first tensor that differs: `{step.said}`, {shown(step.shape)}"
    return CnnError(error(code, message, step.span, label, notes=notes))


def _unlike(module: Module, reference: Reference) -> str:
    return f"`{module.name}` and `{reference.name}` are not the same network"


def _mismatch(
    mismatch: Mismatch, ours: Trace, theirs: Trace, module: Module, reference: Reference
) -> Any:
    """E0902 with our statement and their layer."""
    message = _unlike(module, reference)
    mine = None if mismatch.ours is None else ours.steps[mismatch.ours]
    other = None if mismatch.theirs is None else theirs.steps[mismatch.theirs]
    notes = [mismatch.why]
    if other is not None:
        notes.append(f"theirs is `{other.name}`" + (f": {other.said}" if other.said else ""))
    help = (UNFOLDED,) if _is_folded(ours, theirs) else ()
    if mine is None or mine.span is None:
        return error("E0902", message, notes=notes, help=help)
    label = f"the first layer without a counterpart: {described(mine)}"
    also = _sizes(mismatch, ours, theirs)
    return error("E0902", message, mine.span, label, also=also, notes=notes, help=help)


def _sizes(mismatch: Mismatch, ours: Trace, theirs: Trace) -> Iterator[Label]:
    """Where sizes part before layers do."""
    if mismatch.sizes is not None:
        mine, other = ours.steps[mismatch.sizes[0]], theirs.steps[mismatch.sizes[1]]
        if mine.span is not None:
            text = f"gives {shown(mine.shape)}, their `{other.name}` gives {shown(other.shape)}"
            yield Label(mine.span, text)


def _is_folded(ours: Trace, theirs: Trace) -> bool:
    """Whether an exporter seems to have made batch norms part of the convolutions before them."""
    kinds = {step.kind for step in ours.steps} - {step.kind for step in theirs.steps}
    biases = (slot.role == "bias" for step in theirs.steps for slot in step.weights)
    return "bn" in kinds and any(biases)
