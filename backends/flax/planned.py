"""What is planned before anything is written: functions as steps, steps of copies as members.

A `FunctionPlan` is a function as the steps that its `__call__` takes. A `ClassPlan` is what
several of them share, its members being their steps side by side. A step that is a call names
the class it calls, so the two kinds of plan know each other and stand in one place; `plan` makes
the first, `classes` the second, and `module` writes what they say.
"""

from __future__ import annotations

from cnndsl.graph import Graph, Node
from cnndsl.op import Op
from cnndsl.record import Record
from cnndsl.types import TensorType

from .code import Apply, Expr, Formula, shape
from .parameters import Parameter
from .rules import Said


class Step(Record):
    """Something to do in `__call__`, and perhaps to construct in `__init__`.

    Arguments:
        nodes: the node it is; of a loop, the calls in order.
        inputs, outputs: values of the graph.
        apply: the value; in a loop, of one round, whose first arguments, as many as there are
            results, are carried along.
        makes: constructors: none, one, or one for each round of a loop.
        said: what the rule gave, for an operator.
        cls: the class that is called, for a call or a loop.
        family: of the operator; `call`, `loop`.
        owner: name of the node whose module it uses, if it has none of its own.
        ranks: dimensions of the outputs in emitted code, without the batch.
        types: of the outputs.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    apply: Expr
    makes: tuple[Apply, ...]
    said: Said | None
    cls: ClassPlan | None
    family: str
    owner: str | None
    ranks: tuple[int, ...]
    types: tuple[TensorType, ...]

    @property
    def node(self) -> Node:
        return self.nodes[0]

    @property
    def is_loop(self) -> bool:
        return self.family == "loop"

    @property
    def word(self) -> str:
        """The operator's word, or the name of the function that is called."""
        op = self.node.op
        return op.word if isinstance(op, Op) else op.function

    @property
    def place(self) -> tuple[object, ...]:
        """The statement it came from."""
        span = self.node.span
        where = (span.start, span.end) if span is not None else None
        return where, self.node.label, self.node.region

    @property
    def pattern(self) -> tuple[object, ...]:
        """Equal for steps of several copies that one line of `__call__` can say.

        Calls may be of different classes: the constructor chooses.
        """
        is_call = self.family == "call"
        makes = shape(self.makes[0]) if self.makes and not self.is_loop and not is_call else None
        cls = self.cls.name if self.cls is not None and not is_call else None
        return self.family, shape(self.apply), makes, cls, bool(self.owner), len(self.outputs)


class FunctionPlan(Record):
    """A function as steps.

    Arguments:
        outputs: the value of each output.
        ranks: dimensions of the outputs in emitted code, without the batch.
    """

    graph: Graph
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    ranks: tuple[int, ...]

    @property
    def empty(self) -> bool:
        """Whether it gives its inputs as they are."""
        return not self.steps


class Group(Record):
    """Optional steps, one after the other.

    Arguments:
        first, last: positions of the members.
        result: the value that the rest of the class reads.
        bypass: the value that stands for it where the steps are absent.
        name: attribute that says whether they are there.
        condition: the same in terms of the parameters.
        negated: whether they are there where the attribute is false.
    """

    first: int
    last: int
    result: int
    bypass: int
    name: str
    condition: Formula
    negated: bool = False

    @property
    def test(self) -> str:
        """The condition as text, outside of `__init__`."""
        return f"not self.{self.name}" if self.negated else f"self.{self.name}"


class Member(Record):
    """One step of a class.

    Arguments:
        steps: the step in each copy; None where a copy does not have it.
        inputs, outputs: values of the class, by number.
        name: attribute of its module, if it has one.
        owner: whether the module is another member's.
        makes: constructor; of a loop, those of its rounds, or in a class with several copies
            the number of rounds and the constructor of round i; of a call, one for each class.
        apply: the value of the step.
        conditions: when a call is of each of its classes but the last.
    """

    steps: tuple[Step | None, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str | None
    owner: bool
    makes: tuple[Expr, ...]
    apply: Expr
    conditions: tuple[Formula, ...] = ()

    @property
    def step(self) -> Step:
        """The step in some copy."""
        return next(step for step in self.steps if step is not None)

    @property
    def classes(self) -> tuple[ClassPlan, ...]:
        """The classes that a call is of, each once."""
        found = {s.cls.name: s.cls for s in self.steps if s is not None and s.cls is not None}
        return tuple(found.values())


class ClassPlan(Record):
    """A class to emit.

    Arguments:
        name: of the class.
        definition: the block or model it comes from.
        copies: the functions it stands for.
        members: its steps, in order.
        groups: those of them that are optional.
        inputs: how many inputs it has; the values of a class are numbered, these first.
        outputs: the value of each output, by number.
        parameters: of `__init__`.
        stored: names of the parameters that `__call__` needs too.
    """

    name: str
    definition: str
    copies: tuple[FunctionPlan, ...]
    members: tuple[Member, ...]
    groups: tuple[Group, ...]
    inputs: int
    outputs: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    stored: tuple[str, ...]

    @property
    def graph(self) -> Graph:
        """Some copy."""
        return self.copies[0].graph

    def paths(self, copy: int) -> dict[str, tuple[str | int, ...]]:
        """For each node of a copy that has a module, the path of that module."""
        found: dict[str, tuple[str | int, ...]] = {}
        for member in self.members:
            step = member.steps[copy]
            if step is None or member.name is None:
                continue
            if step.is_loop:
                found.update((n.name, (member.name, i)) for i, n in enumerate(step.nodes))
            else:
                found[step.node.name] = (member.name,)
        return found


class Placed(Record):
    """Which class a function became, and as which of its copies; no class for an empty one.

    Arguments:
        results: for an empty function, the position of the input that each output is.
    """

    cls: ClassPlan | None
    copy: int = 0
    results: tuple[int, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the function."""
        return self.cls.copies[self.copy].steps if self.cls is not None else ()
