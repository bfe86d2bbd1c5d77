"""Networks of other frameworks. `keras:ResNet50` is a scheme and what it opens."""

from __future__ import annotations

import ast

from ...diagnostics import did_you_mean, fail
from ...record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

    from ..trace import Reference, Shape

SCHEMES = {
    "keras": "cnndsl.verify.references.keras",
    "torch": "cnndsl.verify.references.torch",
    "onnx": "cnndsl.verify.references.onnx",
    "flax": "cnndsl.verify.references.flax",
}
"""Module of each scheme; its function `open_network(target, inputs)` builds the reference."""

FORMS = (
    "`keras:ResNet50` from keras.applications, `keras:MODULE:FACTORY`, `torch:MODULE:FACTORY`, "
    "`onnx:FILE` or `flax:MODULE:CLASS`; arguments may follow: `keras:MobileNet(alpha=0.5)`"
)


class Target(Record):
    """What stands behind the scheme.

    Arguments:
        text: all of it, for messages.
        path: its parts between colons.
        arguments, options: what is passed to the factory.
    """

    text: str
    path: tuple[str, ...]
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = {}


def open_reference(text: str, inputs: Sequence[Shape]) -> Reference:
    """Build and trace the network that `text` names, for inputs of these shapes.

    Raises CnnError: E0901 when it cannot be built.
    """
    scheme, colon, rest = text.partition(":")
    if not (colon and scheme in SCHEMES and rest):
        near = did_you_mean(scheme, SCHEMES)
        fail(
            "E0901",
            f"`{text}` names no network",
            notes=(f"write {FORMS}",),
            help=(f"did you mean `{near}:{rest}`?",) if near and rest else (),
        )
    from importlib import import_module

    target = _target(text, rest)
    try:
        opened: Reference = import_module(SCHEMES[scheme]).open_network(target, tuple(inputs))
    except ImportError as problem:
        refuse(text, f"{problem}", "install what it needs: `pip install 'cnndsl[verify]'`")
    return opened


def refuse(text: str, why: str, help: str = "") -> NoReturn:
    """Raise E0901 for a reference that cannot be used."""
    fail("E0901", f"`{text}` cannot be built: {why}", help=(help,) if help else ())


def _target(text: str, rest: str) -> Target:
    """Split off the arguments, which are Python literals."""
    path, bracket, arguments = rest.partition("(")
    if not (bracket and rest.endswith(")")):
        return Target(text, tuple(rest.split(":")))
    try:
        call = ast.parse(f"f({arguments}", mode="eval").body
        assert isinstance(call, ast.Call)
        given = tuple(ast.literal_eval(value) for value in call.args)
        options = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        fail(
            "E0901",
            f"`{text}` has arguments that are no Python literals",
            help=("write them like `keras:MobileNet(alpha=0.5)`",),
        )
    return Target(text, tuple(path.split(":")), given, options)


def factory(target: Target) -> Any:
    """The object that `MODULE:NAME` names, from installed packages or the current folder."""
    import os
    import sys
    from importlib import import_module

    if len(target.path) != 2:
        refuse(target.text, "a module and a name are needed", f"write {FORMS}")
    module, name = target.path
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = import_module(module)
    except ModuleNotFoundError as problem:
        refuse(target.text, f"there is no module `{problem.name}`", "is it installed, or here?")
    except Exception as problem:
        refuse(target.text, f"importing `{module}` fails: {type(problem).__name__}: {problem}")
    if not hasattr(found, name):
        near = did_you_mean(name, dir(found))
        hint = f"did you mean `{near}`?" if near else ""
        refuse(target.text, f"`{module}` has no `{name}`", hint)
    return getattr(found, name)


def built(target: Target, make: Any, **options: Any) -> Any:
    """Call a factory; whatever it raises becomes a message."""
    try:
        return make(*target.arguments, **{**options, **target.options})
    except Exception as problem:
        refuse(target.text, f"{type(problem).__name__}: {problem}")
