"""Names of a network as names of Python: no two become one, and none is in anybody's way."""

from __future__ import annotations

import ast
import builtins
import keyword
import random
from collections import Counter
from collections.abc import Iterator

from cnndsl.backend import backend
from cnndsl.backends.flax.naming import ARGUMENTS, DEFINED, IMPORTED, MODULE_ATTRIBUTES, SWITCHED
from tests.campaign.property import Property
from tests.support.hostile import NAMES, network_of
from tests.support.structure import check_python

OURS = """
_state _setattr _graph_node_flatten _pytree__nodes _object__state __init__ __call__ __dict__
__class__ __slots__ name parent scope variables path conv norm bn linear x y branch1 shortcut
output model kernel bias features in_features Net Block
"""
TAKEN = sorted(
    {
        *dir(builtins), *keyword.kwlist, *keyword.softkwlist, *ARGUMENTS, *DEFINED, *IMPORTED,
        *MODULE_ATTRIBUTES, *SWITCHED, *OURS.split(),
    }
)  # fmt: skip
"""Names that mean something in Python, in Flax, or in what we emit."""


def name(random: random.Random) -> str:
    """One of those, or what differs from it in no more than mangling might take away."""
    found = random.choice(TAKEN)
    return random.choice(
        (
            found, found, f"{found}_", f"{found}__", f"_{found}", f"__{found}", f"{found}_2",
            f"{found}2", f"2{found}", found.upper(), found.capitalize(), f"{found}-", f"{found}.x",
        )
    )  # fmt: skip


def run(random: random.Random) -> dict[str, int]:
    """A network in which some names are neighbours of one of them."""
    first = name(random)
    wanted = [first, f"{first}_", f"_{first}", f"{first}_2", f"{first}.", first.upper()]
    while len(set(wanted)) < NAMES:
        wanted.append(name(random))
    names = list(dict.fromkeys(wanted))
    random.shuffle(names)
    tree = check_python(backend("flax").emit(network_of(names, "")))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    taken = {*dir(builtins), *IMPORTED, *keyword.kwlist, *_constants(tree)}
    taken |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    modules = [_check_class(found, taken, {one.name for one in classes}) for found in classes]
    assert sum(modules) == 4, f"{sum(modules)} modules, not 4: {names}"
    return {"names": len(names)}


def _constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _check_class(found: ast.ClassDef, taken: set[str], classes: set[str]) -> int:
    """Nothing is assigned twice, shadowed, or taken from Flax. How many modules it has.

    Only `__init__` uses the names of classes.
    """
    attributes = Counter(_attributes(found, ast.Store))
    assert set(attributes.values()) <= {1}, attributes
    own = attributes.keys() - {"deterministic"}
    assert not own & (MODULE_ATTRIBUTES | SWITCHED), own
    assert not [name for name in own if name.startswith("_")], own
    assert set(_attributes(found, ast.Load)) <= attributes.keys() | {"key", "tag"}
    for function in ast.walk(found):
        if isinstance(function, ast.FunctionDef):
            shadowed = set(_bound(function)) & (
                taken | classes if function.name == "__init__" else taken
            )
            assert not shadowed, f"shadowed: {shadowed}"
    return len(own) if ast.unparse(found.bases[0]) == "nnx.Module" else 0


def _bound(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _attributes(found: ast.ClassDef, kind: type[ast.expr_context]) -> Iterator[str]:
    """The attributes of `self` that are read, or given."""
    for node in ast.walk(found):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, kind):
            yield from [node.attr] if ast.unparse(node.value) == "self" else []


PROPERTY = Property(
    name="names",
    claim="Names that differ stay different in emitted code; none is a keyword, a builtin, an "
    "attribute of Flax or a name that the code uses itself.",
    run=run,
    cases=250,
    nightly=20_000,
)
