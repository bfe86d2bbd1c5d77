"""What the modules of a class are called.

A module is called as the spec calls its layer. The modules of a loop are one list, called like
the stage when they are all that the stage has, like the label if there is one, and else by the
plural of the block's name. A layer that is applied again has no module of its own, but that of
the layer it shares.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..code import Differs
from ..naming import Names, identifier, plural
from ..planned import Step


class Attributes:
    """Gives each module of a class its attribute.

    Arguments:
        steps: of the first copy.
        names: those that attributes must not take; what is given is added.
    """

    def __init__(self, steps: Sequence[Step], names: Names) -> None:
        self.steps = steps
        self.names = names
        self.modules: dict[str, str] = {}

    def of(self, copies: Sequence[Step | None]) -> str | None:
        """The attribute of a step's module, if it has one. Raises Differs.

        Steps come in order, so that an owner has its name before those that share with it.

        Arguments:
            copies: the step in each copy.
        """
        here = [step for step in copies if step is not None]
        some = here[0]
        if some.owner is not None:
            return self._shared(here, self.modules[some.owner])
        if not some.makes:
            return None
        name = self.names.new(self._loop_name(some) if some.is_loop else _own_name(some))
        self.modules.update((node.name, name) for step in here for node in step.nodes)
        return name

    def _shared(self, here: Sequence[Step], name: str) -> str:
        """The attribute of the owner, which must be one in all copies. Raises Differs."""
        if any(self.modules.get(step.owner or "") != name for step in here):
            raise Differs
        self.modules.update((step.node.name, name) for step in here)
        return name

    def _loop_name(self, step: Step) -> str:
        """The stage's name, the label, or the block's in plural, with a number if need be."""
        node, cls = step.node, step.cls
        assert cls is not None
        if node.region and self._fills_region(step):
            return identifier(node.region[-1], "stage", attribute=True)
        if node.label:
            return identifier(node.label, cls.definition, attribute=True)
        stem = _stem(step)
        name = identifier(plural(stem), cls.definition, attribute=True)
        alike = [s for s in self.steps if s.is_loop and _stem(s) == stem]
        if len(alike) == 1:
            return name
        return f"{name}{1 + next((i for i, s in enumerate(alike) if s is step), len(alike))}"

    def _fills_region(self, step: Step) -> bool:
        """Whether the stage has no other modules than those of the loop."""
        region = step.node.region
        for other in self.steps:
            inside = other.node.region[: len(region)] == region
            if inside and other is not step and (other.makes or other.owner):
                return False
        return True


def _own_name(step: Step) -> str:
    """The name of the node."""
    word = step.cls.definition if step.cls is not None else step.family
    return identifier(step.node.name, word, attribute=True)


def _stem(step: Step) -> str:
    """The name of a step's first node without its number."""
    name = step.node.name
    word = step.cls.definition if step.cls is not None else ""
    end = name.rfind(word) + len(word)
    return name[:end] if name[end:].isdigit() else name
