"""One class of the copies that share it.

The modules get their names first. Then every step becomes a member: what its copies say is
merged, and what they differ in becomes a parameter. What decides about optional steps and about
classes of calls is found last, when it is known which parameters there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..code import Expr
from ..naming import ARGUMENTS, IMPORTED, Names
from ..parameters import Parameters
from ..planned import ClassPlan, Member, Step
from .attributes import Attributes
from .clusters import Cluster
from .conditions import Conditions
from .differences import Differences, settings_of, used_settings
from .rounds import rounds


def build(
    cluster: Cluster, name: str, is_model: bool = False, taken: Iterable[str] = ()
) -> ClassPlan:
    """The class of a cluster. Raises Differs where its copies cannot share one after all.

    Arguments:
        name: of the class.
        taken: names of classes, which parameters must not have.
    """
    copies, wiring = cluster.copies, cluster.wiring
    graphs = [one.graph for one in copies]
    parameters = Parameters(graphs, Names([*ARGUMENTS, *IMPORTED, *taken]))
    settings = settings_of(graphs[0]) if is_model else None
    known = parameters.candidates if settings is None else settings
    names = Names([*ARGUMENTS, *known, "deterministic"])

    attributes = _attributes(cluster, names)
    parameters.names.taken.update(filter(None, attributes))
    members = _members(cluster, attributes, Differences(parameters, settings))
    conditions = Conditions(copies, wiring.results, parameters, names)
    members = [conditions.with_choice(member) for member in members]
    groups = tuple(conditions.group(run, members) for run in cluster.runs)
    used = parameters.ordered() if settings is None else used_settings(settings, members)
    return ClassPlan(
        name, graphs[0].definition, copies, tuple(members), groups, len(graphs[0].inputs),
        wiring.results, used, tuple(parameters.stored),
    )  # fmt: skip


def _attributes(cluster: Cluster, names: Names) -> list[str | None]:
    """The attribute of each step's module."""
    attributes = Attributes(cluster.copies[0].steps, names)
    return [attributes.of(cluster.steps(index)) for index in range(len(cluster.merged))]


def _members(
    cluster: Cluster, attributes: Sequence[str | None], differences: Differences
) -> list[Member]:
    """The steps as members.

    Those that all copies have come first: the parameters that they need have a value in every
    copy, so that others can be said in terms of them.
    """
    order = sorted(range(len(attributes)), key=lambda index: cluster.merged[index].optional)
    found = {index: _member(cluster, index, attributes[index], differences) for index in order}
    return [found[index] for index in range(len(attributes))]


def _member(
    cluster: Cluster, index: int, attribute: str | None, differences: Differences
) -> Member:
    """One step as a member."""
    steps, wiring = cluster.steps(index), cluster.wiring
    some = next(step for step in steps if step is not None)
    hint = attribute or some.family
    apply = differences.of_steps(steps, lambda step: step.apply, hint, stored=True)
    makes = _makes(steps, some, hint, differences)
    inputs, outputs = wiring.inputs[index], wiring.outputs[index]
    return Member(steps, inputs, outputs, attribute, some.owner is not None, makes, apply)


def _makes(
    steps: Sequence[Step | None], some: Step, hint: str, differences: Differences
) -> tuple[Expr, ...]:
    """The constructors of a member, as `Member.makes` wants them."""
    if some.is_loop:
        return rounds(differences, steps, hint)
    if not some.makes:
        return ()
    found = []
    for name in dict.fromkeys(_called(step) for step in steps if step is not None):
        chosen = [step if step is not None and _called(step) == name else None for step in steps]
        found.append(differences.of_steps(chosen, lambda step: step.makes[0], hint))
    return tuple(found)


def _called(step: Step) -> str:
    """The class that a step calls, by name."""
    return step.cls.name if step.cls is not None else ""
