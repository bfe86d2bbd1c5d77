"""W0301: rows and columns behind the last window."""

from __future__ import annotations

from ...leftover import left_out
from ..rule import Finding, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..network import Network


@network_rule("W0301")
def rows_left_out(network: Network) -> Iterator[Finding]:
    for node, op in network.operators():
        warning = left_out(op, network.inputs(node)[0], network.span(node))
        if warning is not None:
            label = warning.labels[0].text
            yield Finding(node, warning.message, label, (), warning.notes, warning.help)
