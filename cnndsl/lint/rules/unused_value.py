"""W0401: a value that nothing uses. The elaboration finds it, block by block."""

from __future__ import annotations

from ..rule import Finding, network_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..network import Network


@network_rule("W0401")
def unused_value(network: Network) -> Iterator[Finding]:
    for warning in network.compiled.elaborated.warnings:
        place = warning.place
        if warning.code == "W0401" and place is not None and network.is_own(place):
            label = warning.labels[0].text
            also = warning.labels[1:]
            yield Finding(place, warning.message, label, also, warning.notes, warning.help)
