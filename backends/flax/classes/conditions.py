"""When optional steps are there, and which of several classes a call is of.

Both are truth values that copies differ in. Where what is known tells them, such as a stride
that is not 1 or channels that change, they are said in terms of it; where nothing does, they are
parameters of their own, called after what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.record import replace

from ..code import Formula
from ..naming import Names, identifier, snake
from ..parameters import Parameters
from ..planned import FunctionPlan, Group, Member
from .variants import Run


class Conditions:
    """The conditions of a class.

    Arguments:
        copies: the functions it stands for.
        results: its outputs, by number.
        parameters: what conditions may speak of, and where new ones go.
        names: of its attributes.
    """

    def __init__(
        self,
        copies: Sequence[FunctionPlan],
        results: Sequence[int],
        parameters: Parameters,
        names: Names,
    ) -> None:
        self.copies = copies
        self.results = results
        self.parameters = parameters
        self.names = names
        self.known: dict[tuple[bool, ...], tuple[str, Formula]] = {}

    def group(self, run: Run, members: Sequence[Member]) -> Group:
        """Optional steps with their condition; one attribute says it and its opposite."""
        present = tuple(step is not None for step in members[run.first].steps)
        absent = tuple(not there for there in present)
        negated = absent in self.known
        if not negated and present not in self.known:
            self.known[present] = self._new(present, run, members)
        name, formula = self.known[absent if negated else present]
        return Group(run.first, run.last, run.result, run.bypass, name, formula, negated)

    def with_choice(self, member: Member) -> Member:
        """A call of several classes with the conditions that choose."""
        if len(member.classes) < 2 or not member.makes:
            return member
        here = [step for step in member.steps if step is not None]
        types = {len(step.types[0].shape): step.types[0].channels for step in here}
        channels = tuple(
            step.types[0].channels if step is not None else next(iter(types.values()))
            for step in member.steps
        )
        conditions = tuple(
            self.parameters.flag(
                [step is not None and step.cls is cls for step in member.steps],
                f"{member.name}_{snake(cls.name)}",
                channels,
            )
            for cls in member.classes[:-1]
        )
        return replace(member, conditions=conditions)

    def _new(
        self, present: tuple[bool, ...], run: Run, members: Sequence[Member]
    ) -> tuple[str, Formula]:
        """The attribute of a condition, and the condition in terms of the parameters."""
        wanted = _flag_name(run, members)
        formula = self.parameters.flag(present, wanted, self._channels(members, run.last))
        if formula.template == "{0}":  # a parameter as it is; its attribute is called like it
            return formula.names[0], formula
        return self.names.new(identifier(wanted)), formula

    def _channels(self, members: Sequence[Member], last: int) -> tuple[int, ...]:
        """The channels of the first value that is read where optional steps are or are not."""
        result = members[last].outputs[0]
        for member in members:
            if result in member.inputs:
                at = member.inputs.index(result)
                return tuple(
                    one.graph.types[step.inputs[at]].channels if step is not None else 0
                    for one, step in zip(self.copies, member.steps, strict=True)
                )
        at = self.results.index(result)
        return tuple(one.graph.types[one.outputs[at]].channels for one in self.copies)


def _flag_name(run: Run, members: Sequence[Member]) -> str:
    """What to call the parameter that says whether optional steps are there."""
    group, after = members[run.first : run.last + 1], members[run.last + 1 :]
    words = [member.step.word for member in group]
    if words[-1] == "add" and not any(member.makes for member in group[:-1]):
        return "residual"
    result = group[-1].outputs[0]
    reader = next((member for member in after if result in member.inputs), None)
    if reader is not None and reader.step.word == "add":
        return "project"
    named = next((member for member in group if member.name is not None), None)
    return f"with_{named.name if named is not None else words[0]}"
