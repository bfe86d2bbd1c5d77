"""The emitted file: header, imports, helpers, a class per block, the model, `create`."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence

from cnndsl.emitter import Comprehension, Emitter, Group, Piece, layout, prefixed
from cnndsl.escape import python_docstring, python_string, visible
from cnndsl.graph import Module
from cnndsl.record import Record
from cnndsl.types import TensorType

from .classes import classes_of
from .code import Apply, Expr, Keyword, Many, Scope, Text, Value, line, render, text_of, walk
from .forward import Body, input_names
from .helpers import HELPERS
from .naming import Names, identifier, snake
from .parameters import Parameter
from .planned import ClassPlan, Member

WIDTH = 100
TYPES = ("dtype", "param_dtype")
SHARED = ("use_bias", "use_scale", "momentum", "epsilon", "use_fast_variance", "kernel_init")
LOCAL_NAMES = {
    "nnx.Conv": "conv",
    "nnx.ConvTranspose": "deconv",
    "nnx.Linear": "linear",
    "nnx.BatchNorm": "norm",
    "nnx.LayerNorm": "layer_norm",
    "nnx.GroupNorm": "group_norm",
    "nnx.Dropout": "dropout",
}

IMPORTS = {
    "Callable": "from collections.abc import Callable",
    "Sequence": "from collections.abc import Sequence",
    "partial": "from functools import partial",
    "reduce": "from functools import reduce",
    "Any": "from typing import Any",
    "jax": "import jax",
    "jnp": "import jax.numpy as jnp",
    "np": "import numpy as np",
    "nnx": "from flax import nnx",
    "lax": "from jax import lax",
    "DTypeLike": "from jax.typing import DTypeLike",
}

STANDARD = ("collections.abc", "functools", "typing")

CREATE = '''
def create(seed: int = 0, **options: Any) -> {model}:
    """A model with new weights, in a fraction of the time that `{model}(...)` takes.

    The weights are drawn with NumPy, from the distributions that the constructor uses.
    """

    def skeleton() -> {model}:
        rngs = nnx.Rngs(seed)
        rngs.default = OneKey(seed, tag="default")
        return {model}(**options, rngs=rngs)

    graphdef, state = nnx.split(nnx.eval_shape(skeleton))
    generator = np.random.default_rng(seed)
    for number, (path, variable) in enumerate(nnx.to_flat_state(state)):
        missing = variable.get_value()
        if isinstance(variable, nnx.RngKey):
            variable.set_value(jax.random.fold_in(jax.random.key(seed), number))
{constants}        else:
            values = draw(generator, str(path[-1]), missing.shape)
            variable.set_value(jnp.asarray(values, missing.dtype))
    return nnx.merge(graphdef, state)


class OneKey(nnx.RngStream):
    """Gives the same key each time: a skeleton is only shapes, and counting slows tracing."""

    def __call__(self) -> jax.Array:
        return self.key[...]

    def fork(self, **_: Any) -> nnx.RngStream:
        return nnx.RngStream(self.key[...], tag=self.tag)


def draw(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """He normal kernels (LeCun normal in `nnx.Linear`), scales and variances 1, all else 0."""
    if name != "kernel":
        return np.full(shape, 1.0 if name in ("scale", "var") else 0.0, np.float32)
    values = generator.standard_normal(shape, np.float32)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(outside.sum(), np.float32)
    gain = 1 if len(shape) == 2 else 2
    truncated = 0.87962566  # standard deviation of a normal distribution cut off at 2
    return values * np.float32(np.sqrt(gain / np.prod(shape[-4:-1])) / truncated)
'''

CONSTANTS = """\
        elif "initial" in variable.get_metadata():
            variable.set_value(jnp.full(missing.shape, variable.initial, missing.dtype))
"""
"""What `create` does besides where a helper says how its weights begin."""


class EmissionError(Exception):
    """The emitter wrote something that is not Python: a defect of the emitter."""


def emit_module(module: Module, facts: Mapping[str, object] | None = None) -> str:
    """A Python module with the network in `flax.nnx`.

    Arguments:
        facts: counts for the header, such as parameters and MACs.
    """
    classes, _ = classes_of(module)
    body = Emitter()
    weights = [_loss_weight(output.name, output.weight) for output in module.main.outputs
               if output.training]  # fmt: skip
    for index, cls in enumerate(classes):
        is_model = index == len(classes) - 1
        if index:
            body.blank(2)
        _ClassWriter(body, cls, is_model, module).write()
    given = CONSTANTS if "LayerScale" in _names_in(body.text()) else ""
    text = body.text() + "\n" + CREATE.format(model=classes[-1].name, constants=given)
    used = _names_in(text)
    constants = []
    if "KERNEL_INIT" in used:
        constants.append("KERNEL_INIT = nnx.initializers.he_normal()")
    if weights:
        pieces = layout(Group("{", tuple(weights)), 0, "AUX_WEIGHTS = ")
        constants += [*pieces, '"""Weight of the loss of each auxiliary output."""']
    helpers = "\n\n\n".join(source.strip("\n") for name, source in HELPERS.items() if name in used)
    parts = [part for part in ("\n".join(constants), helpers, text.strip("\n")) if part]
    imports = _imports(_names_in("\n\n\n".join(parts)))
    head = _header(module, classes[-1], facts or {}) + "\n\n" + imports
    first = "\n\n" if constants else "\n\n\n"
    result = head + first + "\n\n\n".join(parts) + "\n"
    _check(result, module.name)
    return result


def _loss_weight(name: str, weight: float) -> str:
    return f"{python_string(name)}: {text_of(float(weight))}"


def _names_in(text: str) -> set[str]:
    """The names that code uses."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _imports(used: set[str]) -> str:
    """Standard library, blank line, the others."""
    lines: dict[str, str] = {}
    for name, statement in IMPORTS.items():
        if name in used:
            origin, _, what = statement.partition(" import ")
            before = lines.get(origin)
            lines[origin] = f"{before}, {what}" if before and what else statement
    standard = [text for text in lines.values() if text.split()[1] in STANDARD]
    others = [text for text in lines.values() if text not in standard]
    return "\n\n".join("\n".join(block) for block in (standard, others) if block)


def _check(text: str, name: str) -> None:
    """Raise unless the text compiles."""
    try:
        compile(text, "<emitted>", "exec")
    except SyntaxError as problem:
        raise EmissionError(f"emitted code for `{name}` does not compile: {problem}") from problem


# --------------------------------------------------------------------- header


def _header(module: Module, model: ClassPlan, facts: Mapping[str, object]) -> str:
    inputs = input_names(model)
    types = [value.type for value in module.main.inputs]
    shapes = [f"`{n}` {t}" for n, t in zip(inputs, types, strict=True)]
    shown = str(types[0]) if len(types) == 1 else ", ".join(shapes)
    table = {
        "input": f"{shown}, channels last, after the batch",
        "dialect": module.dialect,
        **{name: _number(value) for name, value in facts.items()},
    }
    if module.history.changes:
        table["rewritten by"] = ", ".join(change.rule for change in module.history.changes)
    width = max(map(len, table)) + 3
    lines = [f"{model.name}: the network `{module.name}` in `flax.nnx`.", ""]
    if module.source:
        lines += [*textwrap.wrap(visible(module.source).rstrip(".") + ".", WIDTH), ""]
    for name, text in table.items():
        first, others = f"    {name:<{width}}", " " * (width + 4)
        lines += textwrap.wrap(visible(text), WIDTH, initial_indent=first, subsequent_indent=others)
    arguments = ", ".join(inputs)
    training = [output.name for output in module.main.outputs if output.training]
    lines += [
        "",
        "Build it with `create`, and split it once for a fast jitted function:",
        "",
        "    model = create(seed=0)",
        "    model.eval()  # `model.train()` for training",
        "    graphdef, state = nnx.split(model)",
        "",
        "    @jax.jit",
        f"    def predict(state, {arguments}):",
        f"        return nnx.merge(graphdef, state)({arguments})",
        "",
        f"    predict(state, {_example(types, module)})",
    ]
    if training:
        lines += [
            "",
            *textwrap.wrap(
                "In training it returns the pair of its output and the auxiliary outputs "
                f"{', '.join(f'`{name}`' for name in training)}, by name.",
                WIDTH,
            ),
        ]
    return '"""' + "\n".join([*map(python_docstring, lines), '"""'])


def _example(types: Sequence[TensorType], module: Module) -> str:
    """Zeros of the input's shape, with small sizes for symbols."""
    if len(types) > 1 or not all(isinstance(size, int) for size in types[0].shape):
        return "images" if len(types) == 1 else ", ".join(["..."] * len(types))
    return f"jnp.zeros({(1, *types[0].shape)})"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


# -------------------------------------------------------------------- classes


class _Line(Record):
    """One assignment in `__init__`.

    Arguments:
        position: of the member.
        makes: the constructors in it, one for a plain module.
    """

    position: int
    makes: tuple[Apply, ...]


class _ClassWriter:
    def __init__(self, out: Emitter, cls: ClassPlan, is_model: bool, module: Module) -> None:
        self.out = out
        self.cls = cls
        self.is_model = is_model
        self.module = module
        self.scope = Scope({}, "", "")
        self.makers: dict[str, tuple[str, tuple[Keyword, ...]]] = {}
        self._needs = self._constructor_needs()

    def write(self) -> None:
        out, cls = self.out, self.cls
        body = Body(cls, self.is_model)
        out.line(f"class {cls.name}(nnx.Module):")
        with out.indented():
            out.line(f'"""{python_docstring(self._docstring())}"""')
            out.blank()
            if self._has_init(body):
                self._init(body)
                out.blank()
            self._call(body)

    def _docstring(self) -> str:
        if self.is_model:
            return f"The network `{self.module.name}`."
        text = f"The block `{self.cls.definition}`"
        fixed = ", ".join(self._fixed())
        if fixed and len(text) + len(fixed) < WIDTH - 20:
            text += f" with {fixed}"
        return f"{text}."

    def _fixed(self) -> list[str]:
        """The block's arguments that are the same in all copies."""
        graphs = [copy.graph for copy in self.cls.copies]
        known = {parameter.name for parameter in self.cls.parameters}
        return [
            f"{name}={_word(value)}"
            for position, (name, value) in enumerate(graphs[0].arguments)
            if identifier(name) not in known
            and all(graph.arguments[position][1] == value for graph in graphs)
        ]

    def _has_init(self, body: Body) -> bool:
        own = any(member.makes for member in self.cls.members)
        return own or bool(self.cls.parameters) or bool(body.training) or self.is_model

    # ---------------------------------------------------------------- __init__

    def _init(self, body: Body) -> None:
        out, cls = self.out, self.cls
        out.lines += layout(self._signature(), out.level, "def ", " -> None:")
        with out.indented():
            start = len(out.lines)
            for name in cls.stored:
                out.line(f"self.{name} = {name}")
            for name, condition in {g.name: g.condition for g in cls.groups}.items():
                if name not in cls.stored:
                    out.line(f"self.{name} = {condition.text()}")
            if body.training:
                out.line("self.deterministic = False  # `eval()` and `train()` switch it")
            self._partials()
            self._modules()
            if len(out.lines) == start:
                out.line("pass")

    def _signature(self) -> Piece:
        parameters: list[Piece] = ["self"]
        parameters += [_declared(p) for p in self.cls.parameters if p.kind != "flag"]
        parameters.append("*")
        parameters += [_declared(p) for p in self.cls.parameters if p.kind == "flag"]
        if self._takes_types():
            default = " = jnp.float32" if self.is_model else ""
            parameters += [f"{name}: DTypeLike{default}" for name in TYPES]
        if self.is_model or takes_rngs(self.cls):
            parameters.append("rngs: nnx.Rngs")
        if parameters[-1] == "*":
            parameters.pop()
        return Group("__init__(", tuple(parameters))

    def _takes_types(self) -> bool:
        return self.is_model or takes_types(self.cls)

    def _partials(self) -> None:
        """Local names for constructors that are called more than once."""
        uses: dict[str, list[Apply]] = {}
        for member in self.cls.members:
            for make in self._distinct(member):
                uses.setdefault(line(make.function, self.scope), []).append(make)
        taken = [*(p.name for p in self.cls.parameters), "i", "self", "rngs", *TYPES]
        names = Names(taken)
        for function, makes in uses.items():
            if len(makes) < 2:
                continue
            common = self._common(makes)
            local = names.new(LOCAL_NAMES.get(function) or identifier(snake(function)))
            shown = [*(_keyword(k, self.scope) for k in common), *self._extras(makes[0])]
            if not shown:
                continue
            self.out.put(Group("partial(", (function, *shown)), f"{local} = ")
            self.makers[function] = local, common

    def _common(self, makes: Sequence[Apply]) -> tuple[Keyword, ...]:
        """Keywords that all calls give alike."""
        return tuple(
            keyword
            for keyword in makes[0].keywords
            if keyword.name in SHARED
            and keyword.value != keyword.default
            and all(keyword in make.keywords for make in makes)
        )

    def _extras(self, make: Apply) -> list[Piece]:
        """What every constructor takes besides its own arguments."""
        typed, random = self._needs[line(make.function, self.scope)]
        return [
            *(f"{name}={name}" for name in TYPES if typed),
            *(["rngs=rngs"] if random else []),
        ]

    def _constructor_needs(self) -> dict[str, tuple[bool, bool]]:
        """Whether each constructor takes dtypes, and random numbers."""
        found: dict[str, tuple[bool, bool]] = {}
        for member in self.cls.members:
            for cls in member.classes:
                found[cls.name] = takes_types(cls), takes_rngs(cls)
            said = member.step.said
            for make in member.makes:
                if said is not None and isinstance(make, Apply):
                    found[line(make.function, self.scope)] = said.typed, True
        return found

    def _distinct(self, member: Member) -> list[Apply]:
        """The constructor calls that stand in the text of a member's line."""
        if member.owner:
            return []
        makes = [make for make in member.makes if isinstance(make, Apply)]
        if not member.step.is_loop or len(self.cls.copies) > 1:
            return makes
        return [run[0] for run in _runs(makes)]

    def _modules(self) -> None:
        out = self.out
        group_of = {
            i: group for group in self.cls.groups for i in range(group.first, group.last + 1)
        }
        region: tuple[str, ...] = ()
        current = None
        for index, member in enumerate(self.cls.members):
            if member.owner or not member.makes:
                continue
            group = group_of.get(index)
            if group is not None and (current is None or group.test != current.test):
                opposite = current is not None and group.negated and current.name == group.name
                out.line("else:" if opposite else f"if {group.test}:")
            current = group
            if member.step.node.region != region:
                region = member.step.node.region
                if region and self.is_model:
                    out.line(f"# {self._stage(region)}")
            if group is not None:
                with out.indented():
                    self._module(member)
            else:
                self._module(member)

    def _stage(self, region: tuple[str, ...]) -> str:
        """A stage's name and the shape that it gives."""
        last = [m for m in self.cls.members if m.step.node.region[: len(region)] == region][-1]
        return f"{visible('/'.join(region))}: {last.step.types[0]}"

    def _module(self, member: Member) -> None:
        before = f"self.{member.name} = "
        if not member.step.is_loop:
            self._choice(member, before)
            return
        if len(self.cls.copies) > 1:
            count, make = member.makes
            element = self._made(make)
            number = line(count, self.scope)[1:].rstrip(",)")
            index = "i" if _mentions_index(make) else "_"
            items: Piece = Comprehension("[", element, f"for {index} in range({number})")
            self.out.put(Group("nnx.List(", (items,)), before)
            return
        runs = _runs([make for make in member.makes if isinstance(make, Apply)])
        self.out.put(Group("nnx.List(", (self._listed(runs),)), before)

    def _choice(self, member: Member, before: str) -> None:
        """A constructor, or one of several."""
        *chosen, last = member.makes
        if chosen:
            names = " | ".join(cls.name for cls in member.classes)
            self.out.line(f"self.{member.name}: {names}")
        words = ["if", *["elif"] * len(chosen)]
        for word, condition, make in zip(words, member.conditions, chosen, strict=False):
            self.out.line(f"{word} {condition.text()}:")
            with self.out.indented():
                self.out.put(self._made(make), before)
        if chosen:
            self.out.line("else:")
            with self.out.indented():
                self.out.put(self._made(last), before)
        else:
            self.out.put(self._made(last), before)

    def _listed(self, runs: Sequence[Sequence[Apply]]) -> Piece:
        """Constructor calls as a list, equal ones by a comprehension."""
        if len(runs) == 1:
            return Comprehension("[", self._made(runs[0][0]), f"for _ in range({len(runs[0])})")
        items: list[Piece] = []
        for run in runs:
            element = self._made(run[0])
            if len(run) == 1:
                items.append(element)
            else:
                items.append(Comprehension("*(", element, f"for _ in range({len(run)})"))
        return Group("[", tuple(items))

    def _made(self, make: Expr) -> Piece:
        """A constructor call, by its local name where it has one."""
        assert isinstance(make, Apply)
        function = line(make.function, self.scope)
        if function in self.makers:
            local, common = self.makers[function]
            own = tuple(_tidy(k, make) for k in make.keywords if k not in common)
            short = Apply(Text(local), make.arguments, tuple(k for k in own if k is not None))
            return render(short, self.scope)
        own = tuple(_tidy(k, make) for k in make.keywords)
        full = Apply(make.function, make.arguments, tuple(k for k in own if k is not None))
        piece = render(full, self.scope)
        assert isinstance(piece, Group)
        return Group(piece.head, (*piece.items, *self._extras(make)))

    # ---------------------------------------------------------------- __call__

    def _call(self, body: Body) -> None:
        out, cls = self.out, self.cls
        names = input_names(cls)
        returned = self._returned(body)
        arguments = ("self", *(f"{name}: jax.Array" for name in names))
        out.lines += layout(Group("__call__(", arguments), out.level, "def ", f" -> {returned}:")
        out.lines += body.lines(self._comments() if self.is_model else {})

    def _returned(self, body: Body) -> str:
        count = len(body.main_results)
        if not self.is_model:
            one = ", ".join(["jax.Array"] * count)
            return one if count == 1 else f"tuple[{one}]"
        main = "jax.Array" if count == 1 else "dict[str, jax.Array]"
        return f"{main} | tuple[{main}, dict[str, jax.Array]]" if body.training else main

    def _comments(self) -> dict[int, str]:
        """The shape after each step."""
        return {
            index: ", ".join(map(_shown, member.step.types, member.step.ranks))
            for index, member in enumerate(self.cls.members)
        }


def _shown(type: TensorType, rank: int) -> str:
    """A shape as it is in emitted code, where some vectors are 1x1 maps."""
    return f"1x1x{type}" if rank > type.rank else str(type)


def _word(value: object) -> str:
    """An argument as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_word, value))}]"
    return text_of(value) if isinstance(value, (int, float)) else str(value)


def takes_types(cls: ClassPlan) -> bool:
    """Whether anything in a class has a dtype."""
    return any(
        any(map(takes_types, member.classes)) or _has_module(member, typed=True)
        for member in cls.members
    )


def takes_rngs(cls: ClassPlan) -> bool:
    """Whether anything in a class is random: weights, or masks."""
    return any(
        any(map(takes_rngs, member.classes)) or _has_module(member) for member in cls.members
    )


def _has_module(member: Member, typed: bool = False) -> bool:
    """Whether it is an operator with a module of Flax, or with one that has a dtype."""
    said = member.step.said
    return said is not None and said.make is not None and (said.typed or not typed)


def _declared(parameter: Parameter) -> str:
    text = f"{parameter.name}: {parameter.annotation}"
    if not parameter.has_default:
        return text
    default = Value(parameter.default, parameter.kind)
    return f"{text} = {line(default, Scope({}))}"


def _keyword(keyword: Keyword, scope: Scope) -> Piece:
    return prefixed(f"{keyword.name}=", render(keyword.value, scope))


def _tidy(keyword: Keyword, make: Apply) -> Keyword | None:
    """Padding of zeros as people write it: nothing for a 1x1 kernel, else `"VALID"`."""
    function = line(make.function, Scope({}))
    spread = any(k.name == "input_dilation" for k in make.keywords)
    if keyword.name != "padding" or function not in ("nnx.Conv", "conv") or spread:
        return keyword
    values = [part for part in walk(keyword.value) if isinstance(part, (Value, Text))]
    if not all(isinstance(v, Value) and v.value == 0 for v in values):
        return keyword
    if not _is_plain(keyword.value):
        return keyword
    size = [p.value if isinstance(p, Value) else None for p in walk(make.arguments[2])][1:]
    if size == [1, 1]:
        return None
    return Keyword("padding", Text('"VALID"'))


def _is_plain(expr: Expr) -> bool:
    return all(isinstance(part, (Value, Many)) for part in walk(expr))


def _runs(makes: Sequence[Apply]) -> list[list[Apply]]:
    """Neighbouring equal constructor calls together."""
    runs: list[list[Apply]] = []
    for make in makes:
        if runs and runs[-1][0] == make:
            runs[-1].append(make)
        else:
            runs.append([make])
    return runs


def _mentions_index(expr: Expr) -> bool:
    return any(isinstance(part, Text) and part.text.split(" ")[0] == "i" for part in walk(expr))
