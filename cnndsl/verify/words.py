"""What a verification found, in words and as data."""

from __future__ import annotations

from .trace import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .verdict import Verdict


def described(verdict: Verdict) -> str:
    """A few lines for people."""
    rows = [
        ("layers", f"{verdict.layers} with weights, paired by structure"),
        ("parameters", both(verdict.parameters)),
        ("MACs", both(verdict.macs)),
        ("weights", f"{verdict.origin}, {verdict.statistics:,} running statistics among them"),
        ("inputs", f"{', '.join(map(shown, verdict.inputs))}, normal, seed {verdict.seed}"),
        *((output.output, f"{shown(output.shape)}, largest difference {output.apart:.1e} "
                          "of the largest value") for output in verdict.compared),
    ]  # fmt: skip
    if verdict.trained != verdict.parameters:
        rows.insert(2, ("", f"{both(verdict.trained)} with what runs in training only"))
    width = max(len(name) for name, _ in rows)
    head = f"{verdict.model} against {verdict.reference} ({verdict.versions})"
    last = f"equal up to {verdict.tolerance:.0e}" if verdict.equal else "not equal"
    return "\n".join([head, *(f"  {name:{width}}  {text}" for name, text in rows), last])


def both(numbers: tuple[int, int]) -> str:
    """`61,706 = 61,706`"""
    ours, theirs = numbers
    return f"{ours:,} {'=' if ours == theirs else '≠'} {theirs:,}"


def as_json(verdict: Verdict) -> dict[str, object]:
    """The same for programs."""
    return {
        "model": verdict.model,
        "reference": verdict.reference,
        "versions": verdict.versions,
        "layers": verdict.layers,
        "parameters": verdict.parameters[0],
        "reference_parameters": verdict.parameters[1],
        "parameters_in_training": verdict.trained[0],
        "reference_parameters_in_training": verdict.trained[1],
        "statistics": verdict.statistics,
        "macs": verdict.macs[0],
        "reference_macs": verdict.macs[1],
        "inputs": [list(shape) for shape in verdict.inputs],
        "weights": verdict.origin,
        "seed": verdict.seed,
        "outputs": [
            {"name": output.output, "shape": list(output.shape), "difference": output.apart}
            for output in verdict.compared
        ],
        "tolerance": verdict.tolerance,
        "equal": verdict.equal,
    }
