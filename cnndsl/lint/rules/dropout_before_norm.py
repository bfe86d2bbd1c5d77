"""W0407: dropout whose noise the statistics of a batch norm take in."""

from __future__ import annotations

from ...diagnostics import Label
from ...ops.conv import Conv, DwConv
from ...ops.linear import Fc
from ...ops.norm import Bn
from ...ops.regular import Dropout
from ..rule import Finding, found, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..network import Network


@network_rule("W0407", level="info")
def dropout_before_norm(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        if not isinstance(op, Bn):
            continue
        before = network.before(node.inputs[0])
        if before is not None and isinstance(before.op, Conv | DwConv | Fc):
            before = network.before(before.inputs[0])
        if before is not None and isinstance(before.op, Dropout):
            yield found(
                node,
                "a batch norm behind a dropout measures another variance than it meets later",
                "its statistics are those with dropout",
                also=[] if before.span == node.span else [Label(network.span(before), "dropout")],
                notes=[
                    f"in training a dropout of {before.op.rate:.0%} multiplies the mean square by "
                    f"{1 / (1 - before.op.rate):.3g}, in inference by 1"
                ],
                help=["put the dropout behind the last batch norm"],
            )
