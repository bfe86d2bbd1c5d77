"""Random programs through the whole compiler, judged by JAX and by an interpreter on PyTorch.

`strategies.py` writes the programs and knows their shapes by itself; `support/reference.py`
knows what operators do.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
pytest.importorskip("torch")

import jax.numpy as jnp  # noqa: E402

from cnndsl import driver  # noqa: E402
from cnndsl.diagnostics import CnnError  # noqa: E402
from cnndsl.graph import Call, Graph, Module  # noqa: E402
from cnndsl.irtext import ir_hash, print_module, read_module  # noqa: E402
from cnndsl.op import Ledger, Op  # noqa: E402
from cnndsl.ops.conv import Deconv  # noqa: E402
from cnndsl.ops.regular import Mask  # noqa: E402
from cnndsl.ops.reshape import Upsample  # noqa: E402
from cnndsl.parser import parse  # noqa: E402
from cnndsl.passes.cost import cost  # noqa: E402
from cnndsl.passes.flatten import flatten  # noqa: E402
from cnndsl.printer import format_source, print_file  # noqa: E402
from cnndsl.record import replace  # noqa: E402
from cnndsl.source import Source  # noqa: E402
from cnndsl.symbol import at  # noqa: E402
from tests.properties.compiled import compiled, emitted  # noqa: E402
from tests.properties.effort import examples  # noqa: E402
from tests.properties.strategies import Program, programs  # noqa: E402
from tests.support import reference  # noqa: E402
from tests.support.comments import assert_comments_are_true  # noqa: E402
from tests.support.emitted import (  # noqa: E402
    exposed,
    exposed_functions,
    without_masks,
)
from tests.support.hash_seeds import printed_by_all  # noqa: E402
from tests.support.macs import macs  # noqa: E402
from tests.support.photograph import relative  # noqa: E402
from tests.support.weights import (  # noqa: E402
    number_of,
    owners,
    random_weights,
    shapes,
)

# ------------------------------------------------------------------ text


@examples(600)
@given(programs())
def test_programs_compile_to_the_generators_shapes(program: Program) -> None:
    module = compiled(program)
    types = module.main.types
    assert [(v.name, v.type.shape) for v in module.main.inputs] == list(program.inputs)
    found = [(o.name, types[o.value].shape, o.training) for o in module.main.outputs]
    assert found == list(program.outputs)


@examples(400)
@given(programs())
def test_printing_and_formatting_keep_the_tree(program: Program) -> None:
    source = Source("random.cnn", program.text)
    tree, problems = parse(source)
    assert not problems
    printed = print_file(tree)
    again, problems = parse(Source("printed.cnn", printed))
    assert not problems
    assert again == tree
    assert print_file(again) == printed
    formatted = format_source(source)
    assert parse(Source("formatted.cnn", formatted))[0] == tree
    assert format_source(Source("formatted.cnn", formatted)) == formatted


@examples(400)
@given(programs())
def test_the_text_of_the_ir_reads_back(program: Program) -> None:
    module = compiled(program)
    text = print_module(module)
    assert read_module(text) == module
    assert print_module(read_module(text)) == text


@examples(200)
@given(programs())
def test_repeats_written_out_are_the_same(program: Program) -> None:
    event("has repeats" if program.unrolled != program.text else "has none")
    other = dataclasses.replace(program, text=program.unrolled, unrolled="")
    assert ir_hash(compiled(other)) == ir_hash(compiled(program))


# ------------------------------------------------------------------ shapes


@examples(120)
@given(programs())
def test_jax_finds_the_shapes_and_parameters_of_the_ir(program: Program) -> None:
    """Of the outputs in the code as emitted, of every value in the code without calls."""
    module = compiled(program)
    code = emitted(module)
    weights = shapes(module)
    assert code.number_of(nnx.Param) == number_of(weights, trainable=True)
    assert code.number_of(nnx.BatchStat) == number_of(weights, trainable=False)
    report = cost(module, training=True)
    assert (report.params, report.statistics) == (
        number_of(weights, trainable=True),
        number_of(weights, trainable=False),
    )
    assert_comments_are_true(code)
    types = module.main.types
    for training in (False, True):
        assert code.output_shapes(training) == {
            o.name: types[o.value].shape
            for o in module.main.outputs
            if training or not o.training
        }
    assert_all_shapes(exposed(module))


@examples(60)
@given(programs())
def test_multiply_accumulates_are_those_of_the_program(program: Program) -> None:
    """Those of each convolution and product that JAX traces, counted one by one."""
    module = compiled(program)
    assume(not any(isinstance(n.op, Upsample) for _, n in module.walk()))  # they are products too
    assume(all_used(module))  # what nothing uses is counted, and left out of the code
    counted = macs(emitted(module).jaxpr())
    assert counted == cost(module).total.get("mac.real", 0)


def all_used(module: Module) -> bool:
    """Whether every value has a reader or is an output, and so in every function."""
    return all(
        value.name in {name for other in graph.nodes for name in other.inputs}
        or value.name in {output.value for output in graph.outputs}
        for graph, node in module.walk()
        for value in node.outputs
    )


@examples(60)
@given(programs())
def test_masks_have_their_rates(program: Program) -> None:
    module = compiled(program)
    rates = [n.op.rate for _, own, _, n in owners(module) if isinstance(n.op, Mask)]
    model = emitted(module).skeleton()
    found = [part.rate for _, part in nnx.iter_modules(model) if isinstance(part, nnx.Dropout)]
    assert sorted(found) == pytest.approx(sorted(rates), rel=1e-9)


@examples(40)
@given(programs())
def test_a_narrow_type_stays_narrow(program: Program) -> None:
    """With `dtype=bfloat16`, nothing on the way computes in float32 up to the outputs."""
    assert set(emitted(compiled(program)).output_types(jnp.bfloat16).values()) == {"bfloat16"}


@examples(40)
@given(programs())
def test_jax_finds_the_shapes_inside_of_blocks(program: Program) -> None:
    module = compiled(program)
    for part in exposed_functions(module):
        event("block" if part.main.name != module.main.name else "main flow")
        assert_all_shapes(part)


def assert_all_shapes(module: Module) -> None:
    """Every value of the main graph is an output: JAX must agree with its type."""
    types = module.main.types
    if module.main.outputs:
        assert emitted(module).output_shapes() == {
            o.name: types[o.value].shape for o in module.main.outputs
        }


# ------------------------------------------------------------------ numbers


@examples(60)
@given(programs(), st.integers(0, 2**32 - 1))
def test_emitted_code_computes_what_the_ir_means(program: Program, seed: int) -> None:
    """In float64, where only rounding is allowed: 1e-9 of the greatest value."""
    module = compiled(program)
    weights, inputs = numbers(module, seed)
    expected = reference.run(module, weights, *inputs, training=True)
    assume(all_finite(expected))
    with jax.enable_x64(True):
        found = emitted(module).run(weights, *inputs, dtype=jnp.float64, training=True)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert relative(found[name], value) <= 1e-9


@examples(30)
@given(programs(), st.integers(0, 2**32 - 1))
def test_in_float32_only_rounding_is_lost(program: Program, seed: int) -> None:
    """1e-5, or where a normalisation blows rounding up, 20 times what PyTorch loses itself."""
    module = compiled(program)
    weights, inputs = numbers(module, seed)
    expected = reference.run(module, weights, *inputs)
    assume(all_finite(expected))
    single = reference.run(module, weights, *inputs, dtype=reference.torch.float32)
    found = emitted(module).run(weights, *inputs)
    for name, value in expected.items():
        bar = max(1e-5, 20 * relative(single[name], value))
        assert relative(found[name], value) <= bar


def all_finite(values: dict[str, np.ndarray]) -> bool:
    """Not for products of products, which leave every range."""
    return all(np.isfinite(value).all() for value in values.values())


@examples(8)
@given(programs(), st.integers(0, 2**32 - 1))
def test_a_step_of_training(program: Program, seed: int) -> None:
    """Outputs, gradients of all parameters and the statistics afterwards, masks at rate 0."""
    module = without_masks(compiled(program))
    assume(all_used(module))  # a norm that nothing reads is left out, and its statistics with it
    weights, inputs = numbers(module, seed)
    rng = np.random.default_rng(seed)
    types = module.main.types
    factors = {
        o.name: rng.normal(size=(2, *types[o.value].shape)) for o in module.main.outputs
    }
    expected = reference.train(module, weights, factors, *inputs)
    with jax.enable_x64(True):
        outputs, gradients, statistics = emitted(module).train(weights, factors, *inputs)
    assert_all_close(outputs, expected.outputs, 1e-7)
    assert_all_close(statistics, expected.statistics, 1e-7)
    greatest = max((np.abs(g).max() for g in expected.gradients.values()), default=0.0)
    assert_all_close(gradients, expected.gradients, 1e-6, greatest)


def assert_all_close(
    found: dict[Any, np.ndarray],
    expected: dict[Any, np.ndarray],
    tolerance: float,
    scale: float | None = None,
) -> None:
    """Equal keys, and values as close as that in units of the scale, by default their own."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        unit = np.abs(value).max() if scale is None else scale
        assert np.abs(found[key] - value).max() <= tolerance * unit, key


@examples(60)
@given(programs(), st.integers(0, 2**32 - 1))
def test_flattening_changes_nothing(program: Program, seed: int) -> None:
    module = compiled(program)
    weights, inputs = numbers(module, seed)
    flat = replace(module, functions=(flatten(module),))
    renamed = dict(zip(shapes(flat), weights.values(), strict=True))
    expected = reference.run(module, weights, *inputs, training=True)
    found = reference.run(flat, renamed, *inputs, training=True)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def numbers(module: Module, seed: int) -> tuple[dict, list[np.ndarray]]:
    """Random weights, and two random images for each input."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=(2, *value.type.shape)) for value in module.main.inputs]
    return random_weights(module, seed), inputs


# ------------------------------------------------------------------ symbolic sizes


@examples(100)
@given(programs(symbolic=True), st.lists(st.tuples(*[st.integers(1, 24)] * 2), max_size=5))
def test_symbolic_sizes_are_all_sizes(program: Program, sizes: list[tuple[int, int]]) -> None:
    """A module for H×W, filled in, is the one compiled for the numbers, or neither exists."""
    symbolic = compiled(program)
    ((_, first),) = program.inputs
    for height, width in [first[:2], *sizes]:
        point = {"H": height, "W": width}
        possible = all(
            at(c.left, point) >= 1 if c.right is None else at(c.left, point) == at(c.right, point)
            for c in symbolic.constraints
        )
        try:
            concrete = driver.compile_model(
                Source("random.cnn", program.text),
                program.model,
                settings=dict(program.settings) or None,
                input=f"{height}x{width}x{first[2]}",
            ).module
        except CnnError:
            assert not possible, (height, width)
            continue
        assert possible, (height, width)
        assert_same_at(point, symbolic, concrete)


def assert_same_at(point: dict[str, int], symbolic: Module, concrete: Module) -> None:
    general, special = flatten(symbolic), flatten(concrete)
    assert len(general.nodes) == len(special.nodes)
    types, filled = special.types, general.types
    for a, b in zip(general.nodes, special.nodes, strict=True):
        assert type(a.op) is type(b.op)
        for left, right in zip(a.outputs, b.outputs, strict=True):
            shape = tuple(at(size, point) for size in left.type.shape)
            assert shape == right.type.shape, (a, point)
        assert isinstance(a.op, Op) and isinstance(b.op, Op)
        given = a.op.ledger(*(filled[name] for name in a.inputs))
        known = b.op.ledger(*(types[name] for name in b.inputs))
        if getattr(a.op, "pad", None) == "same" or not covered(b.op, special, b.inputs):
            given, known = without_real(given), without_real(known)
        assert {fact: at(n, point) for fact, n in given.items()} == known
    assert cost(symbolic).params == cost(concrete).params


def covered(op: Op, graph: Graph, inputs: tuple[str, ...]) -> bool:
    """Whether a map is as large as the window without its padding, as `Axis.pairs` asks."""
    (x, *_) = (graph.types[name] for name in inputs)
    if isinstance(op, Deconv):
        extents = ((k - 1) * d for k, d in zip(op.window.size, op.dilation, strict=True))
        return all(isinstance(n, int) and n > e for n, e in zip(x.shape, extents, strict=False))
    axes = op.axes(*(graph.types[name] for name in inputs))
    return axes is None or all(
        isinstance(n, int) and n >= axis.extent + max(0, -axis.lo) + max(0, -axis.hi)
        for n, axis in zip((x.height, x.width), axes, strict=True)
    )


def without_real(ledger: Ledger) -> Ledger:
    """How many products read padding is not known where `same` waits for a size."""
    return {fact: amount for fact, amount in ledger.items() if fact != "mac.real"}


@examples(25)
@given(programs(symbolic=True), st.tuples(*[st.integers(8, 24)] * 2))
def test_code_for_symbolic_sizes_works_for_all(program: Program, size: tuple[int, int]) -> None:
    module = compiled(program)
    point = dict(zip("HW", size, strict=True))
    possible = all(
        at(c.left, point) >= 1 if c.right is None else at(c.left, point) == at(c.right, point)
        for c in module.constraints
    )
    if not possible:
        point = dict(zip("HW", program.inputs[0][1][:2], strict=True))
    code = emitted(module)
    code.module = here = at_point(module, point)
    types = here.main.types
    assert code.output_shapes(training=True) == {
        o.name: types[o.value].shape for o in here.main.outputs
    }


def at_point(module: Module, point: dict[str, int]) -> Module:
    """The module with the sizes of its main flow filled in."""

    def value(v):  # type: ignore[no-untyped-def]
        shape = tuple(at(size, point) for size in v.type.shape)
        return replace(v, type=replace(v.type, shape=shape))

    main = module.main
    nodes = tuple(replace(n, outputs=tuple(map(value, n.outputs))) for n in main.nodes)
    graph = replace(main, inputs=tuple(map(value, main.inputs)), nodes=nodes)
    return replace(module, functions=(*module.functions[:-1], graph))


# ------------------------------------------------------------------ determinism


@examples(60)
@given(programs())
def test_emission_is_a_function(program: Program) -> None:
    first, second = compiled(program), compiled(program)
    assert first == second
    assert emitted(first).source == emitted(second).source


HASHES = """
import hashlib, json, sys
from cnndsl import driver
from cnndsl.backend import backend
from cnndsl.irtext import print_module
from cnndsl.source import Source
for text, model, settings in json.load(sys.stdin):
    spec = Source("random.cnn", text) if model else text
    module = driver.compile_model(spec, model, settings=settings).module
    for text in (print_module(module), backend("flax").emit(module)):
        print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_hash_seeds_do_not_show() -> None:
    """Fresh interpreters with other hash seeds write the same bytes."""
    drawn: list[Program] = []

    @examples(20)
    @given(programs())
    def collect(program: Program) -> None:
        emitted(compiled(program))
        drawn.append(program)

    collect()
    cases = [[p.text, p.model, dict(p.settings)] for p in drawn[-20:]]
    cases += [[spec, None, {}] for spec in ("googlenet.cnn", "resnet.cnn:resnet50")]
    lines = printed_by_all(HASHES, cases, ("0", "1", "4711"))
    text = print_module(compiled(drawn[-20]))
    assert lines[0] == hashlib.sha256(text.encode()).hexdigest()


# ------------------------------------------------------------------ the generator itself


def test_programs_are_varied() -> None:
    """What the generator is there for does occur, and often enough to matter."""
    texts: list[str] = []
    modules: list[Module] = []

    @examples(400)
    @given(programs())
    def collect(program: Program) -> None:
        texts.append(program.text)
        modules.append(compiled(program))

    collect()
    words = {type(n.op).word for m in modules for _, n in m.walk() if isinstance(n.op, Op)}
    from cnndsl.ops import OPS

    assert words >= OPS.keys() - {"identity"}
    calls = sum(isinstance(n.op, Call) for m in modules for _, n in m.walk())
    assert calls > 100
    for part in (
        "ceil", "dilation=", "groups=", "count_include_pad", "output_padding", "mode=sum",
        "bicubic", "align_corners", "× ", "then", "concat {", "add {", "mul {", "residual",
        "from ", "training", "right: input", "default ", "in keras", "in caffe", "share", "for ",
        "if ", "split", "bias=false",
    ):  # fmt: skip
        assert sum(part in text for text in texts) >= 5, part
