"""Rules applied to small networks, and both networks computed in whole numbers.

Two networks compute the same numbers or a rule is wrong: there is no tolerance for a border to
hide under.
"""

from __future__ import annotations

import numpy as np
import pytest

from cnndsl.diagnostics import CnnError
from cnndsl.driver import Compiled, compile_model
from cnndsl.evaluate.expressions import lookup_rule
from cnndsl.evaluate.scope import Scope
from cnndsl.evaluate.values import rules_of
from cnndsl.interpret import draw_integers, interpret
from cnndsl.passes.flatten import flatten, paths
from cnndsl.record import replace
from cnndsl.rewrite.carry import carry
from cnndsl.rewrite.engine import Derivation, apply
from cnndsl.rewrite.reading import read_rule
from cnndsl.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cnndsl.graph import Module
    from cnndsl.rewrite.carry import Weights
    from cnndsl.rewrite.rule import Rewrite


def compiled(body: str, *rules: str, size: str = "9x8") -> Compiled:
    """A network of these statements with rules applied; its input has 4 channels unless it says."""
    text = body if "input" in body else f"input {size}x4; {body}"
    return compile_model(Source("net.cnn", f"model net {{ {text} }}"), rewrite=rules)


def derived(body: str, *rules: str, size: str = "9x8") -> Derivation:
    derivation = compiled(body, *rules, size=size).derivation
    assert derivation is not None
    return derivation


def rules(name: str) -> list[Rewrite]:
    """The rules of a name of the catalogue."""
    scope = Scope(compiled("relu").namespace)
    return [read_rule(ref) for ref in rules_of(lookup_rule(name, scope)) or ()]


def forced(body: str, name: str, size: str = "9x8") -> Derivation:
    """What a rule without its conditions and claims makes of a network."""
    start = compiled(body, size=size)
    (rewrite,) = rules(name)
    rewrite = replace(rewrite, conditions=(), keeps=())
    derivation = apply(Derivation(start.module, (), start.settings), rewrite).derivation
    assert derivation.steps
    return derivation


def refusal(body: str, *names: str, size: str = "9x8") -> str:
    """Why a rule applies nowhere."""
    with pytest.raises(CnnError) as caught:
        compiled(body, *names, size=size)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E1003"
    return "\n".join([*problem.notes, *(label.text for label in problem.labels)])


def words(module: Module) -> list[str]:
    return [node.op.word for node in flatten(module).nodes]  # type: ignore[union-attr]


def whole_numbers(module: Module) -> Weights:
    drawn = draw_integers(flatten(module), np.random.default_rng(0))
    return {path: drawn[name] for name, path in paths(module).items() if name in drawn}


def images(module: Module) -> dict[str, Any]:
    """Whole numbers of both signs, none of them zero: padding stands out."""
    rng = np.random.default_rng(1)
    shapes: dict[str, Any] = {v.name: (2, *v.type.shape) for v in module.main.inputs}
    return {n: rng.integers(1, 9, s) * rng.choice((-1, 1), s) for n, s in shapes.items()}


def outputs(module: Module, weights: Weights, inputs: dict[str, Any]) -> list[Any]:
    """The outputs of inference."""
    named = {name: weights[path] for name, path in paths(module).items() if path in weights}
    graph = flatten(module)
    found = interpret(graph, inputs, named)
    return [found[output.value] for output in graph.outputs if not output.training]


def both(derivation: Derivation, weights: Weights | None = None) -> tuple[list[Any], list[Any]]:
    """What a network computes before and after."""
    start, module = derivation.start, derivation.module
    weights, inputs = weights or whole_numbers(start), images(start)
    carried = carry(derivation, weights)
    assert not carried.fresh
    return outputs(start, weights, inputs), outputs(module, carried.weights, inputs)


def agree(derivation: Derivation, weights: Weights | None = None) -> bool:
    """Whether both compute the same numbers, and exact ones."""
    before, after = both(derivation, weights)
    assert all(x.dtype != np.float64 for x in before + after)
    return all(map(np.array_equal, before, after))
