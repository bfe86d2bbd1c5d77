"""The Python interface: a compiled network and what can be made of it."""

from __future__ import annotations

from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from .diagnostics import Diagnostic
    from .graph import Graph, Module
    from .passes.claims import Verdict
    from .passes.cost import Cost
    from .verify import Verdict as Comparison


class Network(Record):
    """A compiled model.

    Arguments:
        module: the typed graphs; `graph` is the main one.
        diagnostics: warnings.
        claims: what the spec expects of it, each proved.
    """

    module: Module
    diagnostics: tuple[Diagnostic, ...] = ()
    claims: tuple[Verdict, ...] = ()

    @property
    def name(self) -> str:
        return self.module.name

    @property
    def graph(self) -> Graph:
        """The main flow. `graph.to_networkx()` gives it to networkx."""
        return self.module.main

    def cost(self, training: bool = False) -> Cost:
        """Exact counts; `training` counts auxiliary heads too."""
        from .passes.cost import cost

        return cost(self.module, training)

    def to_flax(self) -> str:
        """A Python module in Flax NNX with the network's classes."""
        return self.emit("flax")

    def report(self, format: str = "text") -> str:
        """The cost report as `text`, `json`, `csv` or `markdown`."""
        return self.emit("report", format=format)

    def draw(self, path: str | os.PathLike[str] | None = None, level: str = "block") -> str:
        """The figure as DOT text; with a path it is also drawn, in the format of its suffix."""
        dot = self.emit("dot", level=level)
        if path is not None:
            import os

            from .backend import figure_backend
            from .output import write_all

            format = os.path.splitext(path)[1].lstrip(".").lower()
            drawing = figure_backend().draw(self.module, format, level=level)
            write_all({os.fspath(path): drawing.content})
        return dot

    def verify(self, against: str, seed: int = 0, tolerance: float = 1e-5) -> Comparison:
        """Compare the emitted code with another framework's network, `keras:ResNet50`.

        Raises CnnError when that cannot be built or has another structure; whether the outputs
        are equal is `verdict.equal`.
        """
        from .verify import open_reference, verify
        from .verify.ours import sizes

        reference = open_reference(against, [sizes(value) for value in self.graph.inputs])
        return verify(self.module, reference, seed=seed, tolerance=tolerance)

    def emit(self, target: str, **options: object) -> str:
        """What a backend makes of the network."""
        from .backend import backend

        return backend(target).emit(self.module, **options)


def load(
    spec: str | os.PathLike[str],
    model: str | None = None,
    *,
    input: str | None = None,
    dialect: str | None = None,
    strict: bool = False,
    **settings: object,
) -> Network:
    """Compile a spec: `load("resnet50.cnn")`, `load("resnet.cnn", "resnet18", classes=10)`.

    Arguments:
        spec: a file, or `FILE:MODEL`; shipped specs are found by their name.
        model: which model of the file.
        input: shape in place of the spec's, `"32x32x3"`.
        dialect: dialect in place of the spec's.
        strict: warnings are errors.
        settings: values of the model's parameters.

    Raises CnnError with every problem found.
    """
    import os

    from .driver import compile_model

    texts = {name: _text(value) for name, value in settings.items()}
    compiled = compile_model(
        os.fspath(spec), model, settings=texts, input=input, dialect=dialect, strict=strict
    )
    return Network(compiled.module, compiled.diagnostics, compiled.claims)


def _text(value: object) -> str:
    """A Python value as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
