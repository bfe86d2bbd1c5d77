"""Networks around a left side, each with something in it that rules have been wrong about.

A rule may refuse to be applied there, or it has to be right: there is no other expectation,
so a context is only a way to build a network.
"""

from __future__ import annotations

from ...graph import Call, Module, Output
from ...op import OPS
from ...ops.activation import Times
from ...record import replace
from .choices import Choices, Unfit
from .net import NOWHERE, Net
from .samples import Sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Context = Callable[["Scene"], None]

CONTEXTS: dict[str, Context] = {}
"""Every context by its name, the simplest first."""


def context(function: Context) -> Context:
    """Register a context under the name of its function."""
    CONTEXTS[function.__name__] = function
    return function


def embed(sample: Sample, choices: Choices, names: Sequence[str] = ()) -> Module:
    """A network with the left side in it. Raises Unfit where the context makes no sense.

    Arguments:
        names: of the contexts to choose from; all of them unless told.
    """
    scene = Scene(sample, choices)
    CONTEXTS[choices.take("context", tuple(names or CONTEXTS))](scene)
    return scene.module()


class Scene:
    """A network under construction around a left side."""

    def __init__(self, sample: Sample, choices: Choices) -> None:
        self.left = sample.graph
        self.choices = choices
        self.net = Net(choices, sample.functions)

    def module(self) -> Module:
        main = self.net.builder.finish("net", "net", (), NOWHERE)
        return Module("net", (*self.net.functions.values(), main))

    # --------------------------------------------------------------- building

    def inputs(self) -> tuple[str, ...]:
        """An input of the network for each one of the left side."""
        return tuple(self.net.builder.input(v.name, v.type) for v in self.left.inputs)

    def copy(
        self, inputs: Sequence[str], lenders: Mapping[str, str] | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The left side once more: what its values and its operators are called here.

        Arguments:
            lenders: operators whose weights it uses.
        """
        values = dict(zip((v.name for v in self.left.inputs), inputs, strict=True))
        nodes: dict[str, str] = {}
        for node in self.left.nodes:
            given = [values[value] for value in node.inputs]
            lender = (lenders or {}).get(node.name)
            results = self.net.add(node.op, given, weights=lender)
            values.update(zip((v.name for v in node.outputs), results, strict=True))
            nodes[node.name] = self.net.builder.nodes[-1].name
        return values, nodes

    def results(self, values: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(values[output.value] for output in self.left.outputs)

    def read(self, word: str, value: str) -> None:
        """Something else reads a value."""
        self.give(*self.net.add(OPS[word](), [value]))

    def give(self, *values: str) -> None:
        """Values are outputs of the network."""
        outputs = self.net.builder.outputs
        outputs += [Output(f"y{len(outputs) + n}", value) for n, value in enumerate(values, 1)]

    def whole(self) -> tuple[dict[str, str], dict[str, str]]:
        """The left side between the inputs and the outputs of the network."""
        values, nodes = self.copy(self.inputs())
        for output in self.left.outputs:
            self.give(values[output.value])
            if output.training:
                self.net.builder.outputs[-1] = replace(self.net.builder.outputs[-1], training=True)
        return values, nodes

    def interior(self) -> str:
        """A value that only the left side knows."""
        given = {output.value for output in self.left.outputs}
        return self.one_of(
            "interior value",
            [v.name for n in self.left.nodes for v in n.outputs if v.name not in given],
        )

    def one_of(self, name: str, options: Sequence[str]) -> str:
        if not options:
            raise Unfit
        return self.choices.take(name, options)

    def weighted(self) -> list[str]:
        """The operators and calls of the left side that have weights."""
        types = self.left.types
        return [
            node.name
            for node in self.left.nodes
            if isinstance(node.op, Call) or node.op.weights(*(types[v] for v in node.inputs))
        ]

    def function(self) -> Call:
        """The left side as a function."""
        outputs = tuple(replace(output, training=False) for output in self.left.outputs)
        piece = replace(self.left, name="piece", definition="piece", outputs=outputs)
        self.net.functions["piece"] = piece
        return Call("piece")


# ------------------------------------------------------------------- contexts


@context
def alone(scene: Scene) -> None:
    """Nothing else."""
    scene.whole()


@context
def goes_on(scene: Scene) -> None:
    """Its results are no outputs: something reads them."""
    values, _ = scene.copy(scene.inputs())
    for value in scene.results(values):
        scene.give(*scene.net.add(Times(-2.0), [value]))


@context
def input_read_again(scene: Scene) -> None:
    """Something else reads its input, which is an output besides."""
    values, _ = scene.whole()
    for value in scene.left.inputs:
        scene.read("relu", values[value.name])
        scene.give(values[value.name])


@context
def interior_read(scene: Scene) -> None:
    """Something else reads a value inside."""
    values, _ = scene.whole()
    scene.read("relu", values[scene.interior()])


@context
def interior_given(scene: Scene) -> None:
    """A value inside is an output."""
    values, _ = scene.whole()
    scene.give(values[scene.interior()])


@context
def output_read_again(scene: Scene) -> None:
    """Its results are outputs, and something reads them."""
    values, _ = scene.whole()
    for value in scene.results(values):
        scene.read("abs", value)


@context
def weights_lent(scene: Scene) -> None:
    """Another operator uses the weights of one inside."""
    values, nodes = scene.whole()
    name = scene.one_of("lender", scene.weighted())
    lender = next(node for node in scene.left.nodes if node.name == name)
    inputs = [values[value] for value in lender.inputs]
    scene.give(*scene.net.add(lender.op, inputs, weights=nodes[name]))


@context
def weights_borrowed(scene: Scene) -> None:
    """The left side a second time, with the weights of the first."""
    inputs = scene.inputs()
    first, nodes = scene.copy(inputs)
    lenders = {name: nodes[name] for name in scene.weighted()}
    if not lenders:
        raise Unfit
    second, _ = scene.copy(inputs, lenders)
    scene.give(*scene.results(first), *scene.results(second))


@context
def same_input(scene: Scene) -> None:
    """All its inputs are one value."""
    types = {value.type for value in scene.left.inputs}
    if len(scene.left.inputs) < 2 or len(types) > 1:
        raise Unfit
    value = scene.net.builder.input("x", types.pop())
    values, _ = scene.copy([value] * len(scene.left.inputs))
    scene.give(*scene.results(values))


@context
def called_twice(scene: Scene) -> None:
    """A function that is called twice, each time with weights of its own."""
    call, inputs = scene.function(), scene.inputs()
    scene.give(*scene.net.add(call, inputs), *scene.net.add(call, inputs))


@context
def called_again(scene: Scene) -> None:
    """A function that is called twice with the same weights."""
    call, inputs = scene.function(), scene.inputs()
    first = scene.net.add(call, inputs)
    lender = scene.net.builder.nodes[-1].name
    scene.give(*first, *scene.net.add(call, inputs, weights=lender))


@context
def in_a_row(scene: Scene) -> None:
    """One right behind the other."""
    if len(scene.left.inputs) != len(scene.left.outputs) or scene.net.functions:
        raise Unfit
    first, _ = scene.copy(scene.inputs())
    second, _ = scene.copy(scene.results(first))
    scene.give(*scene.results(second))


@context
def side_by_side(scene: Scene) -> None:
    """Two that read the same."""
    inputs = scene.inputs()
    first, _ = scene.copy(inputs)
    second, _ = scene.copy(inputs)
    scene.give(*scene.results(first), *scene.results(second))
