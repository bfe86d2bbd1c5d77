"""W0405: an activation right before or behind a softmax."""

from __future__ import annotations

from ...diagnostics import Label
from ...ops.activation import Activation, Softmax, Times
from ...ops.regular import Mask
from ...ops.reshape import Flatten
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...op import Op
    from ..network import Network

TRANSPARENT = (Flatten, Mask)
BOUNDED = ("relu", "relu6", "sigmoid", "hsigmoid", "tanh")


@network_rule("W0405")
def activation_beside_softmax(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        if not isinstance(op, Activation) or isinstance(op, Times):
            continue
        before = network.before(node.inputs[0], *TRANSPARENT)
        message = before and _message(network.op(before), op)
        if before is not None and message:
            yield found(
                node,
                message,
                "a second activation",
                also=[Label(network.span(before), f"`{network.op(before).word}` is here")]
                if before.span != node.span
                else [],
                notes=[_reason(network.op(before), op)],
                help=["keep one of them"],
            )


def _message(first: Op, second: Op) -> str:
    if isinstance(first, Softmax) and isinstance(second, Softmax):
        return "a softmax of a softmax"
    if isinstance(first, Softmax):
        return f"`{second.word}` behind a softmax"
    if isinstance(second, Softmax) and first.word in BOUNDED:
        return f"`{first.word}` before a softmax"
    return ""


def _reason(first: Op, second: Op) -> str:
    if isinstance(first, Softmax) and isinstance(second, Softmax):
        return "shares between 0 and 1 differ by less than 1, so the second one is nearly uniform"
    if isinstance(first, Softmax):
        return "shares are between 0 and 1 already, and no longer sum to 1 afterwards"
    if first.word in ("sigmoid", "hsigmoid", "tanh"):
        return "it keeps the scores close together, so that no class can be certain"
    return "it cuts scores off at 0, so that classes which are unlikely look alike"
