"""The compiler on one screen: find, load, elaborate, prove.

    text → syntax tree → namespace → typed module → verdicts

Everything here is a function of what is read; nothing is printed or written.
"""

from __future__ import annotations

import gc
import os
import sys

from .diagnostics import CnnError, Diagnostic, error, fail
from .elaborate import Elaborated, Options, elaborate
from .elaborate.run import Request
from .evaluate.expressions import evaluate_word, value_of
from .evaluate.scope import Scope
from .evaluate.values import Given
from .graph import Module
from .levels import DEFAULTS, weighed
from .limits import NODES, SIZE, STRING, counted, is_spent, raised
from .loader import Loader, find_model, read_source, shipped_files
from .namespace import Namespace
from .passes.claims import Subject, Verdict, prove
from .record import Record
from .source import Source, Span
from .syntax import CallExpr, Let, Model, Name, SourceNote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .bind import Defaults
    from .passes.cost import Cost
    from .rewrite.engine import Derivation

RECURSION_LIMIT = 20_000
"""Blocks may be 32 deep and braces 64; Python's default limit is for other programs."""


class Compiled(Record):
    """A model that holds together.

    Arguments:
        module: the typed graphs.
        diagnostics: warnings.
        claims: what the spec expects, each proved.
        subject: the module with its costs, which are computed once.
        derivation: the rules that led to it, when there were any.
        namespace: what names mean in its file.
        elaborated: what the text says, before rules rewrote it.
    """

    module: Module
    diagnostics: tuple[Diagnostic, ...]
    claims: tuple[Verdict, ...]
    subject: Subject
    derivation: Derivation | None
    namespace: Namespace
    elaborated: Elaborated

    @property
    def settings(self) -> Defaults:
        """The settings of its dialect."""
        return self.elaborated.settings

    @property
    def cost(self) -> Cost:
        """The costs of inference."""
        return self.subject.cost(training=False)


class Checked(Record):
    """The models of a file.

    Arguments:
        models: those that were asked for.
        namespace: the file.
        wanted: the one model that was asked for, if not all of them were.
    """

    models: tuple[Compiled, ...]
    namespace: Namespace
    wanted: str | None


def compile_model(
    spec: str | Source,
    model: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    input: str | None = None,
    dialect: str | None = None,
    strict: bool = False,
    levels: Mapping[str, str] = DEFAULTS,
    max_nodes: int | None = None,
    rewrite: Sequence[str] = (),
) -> Compiled:
    """Compile one model.

    Arguments:
        spec: `FILE`, `FILE:MODEL`, or a source.
        model: the model's name, where `spec` does not say it.
        settings: values of the model's parameters, as text of the language.
        input: shapes of the inputs, `32x32x3`, separated by commas.
        dialect: name of a dialect in place of the model's.
        strict: warnings count as errors.
        levels: `off`, `info`, `warning` or `error` for codes of warnings.
        max_nodes: limit for the number of operators with all calls inlined; see `limits.py`.
        rewrite: rules to apply then, each as in the language: `asym(7) at 4a..4e`.

    Raises CnnError with every problem found.
    """
    with _undisturbed(max_nodes):
        loader, namespace, wanted = _load(spec, model)
        if _damaged(loader):
            raise CnnError(*_once(loader.diagnostics))
        try:
            chosen = _choose(namespace, wanted)
        except CnnError as problem:
            hides_it = any(other.code in _OF_ITEMS for other in loader.diagnostics)
            found = loader.diagnostics if hides_it else problem.diagnostics
            raise CnnError(*_once(found)) from None
        options = Options(
            tuple(_setting(name, text, namespace) for name, text in (settings or {}).items()),
            _shapes(input, namespace),
            dialect,
            NODES.value,
            tuple(request(text, namespace) for text in rewrite),
        )
        return _compile(loader, chosen, namespace, options, strict, levels)


def check(
    spec: str | Source,
    model: str | None = None,
    *,
    strict: bool = False,
    levels: Mapping[str, str] = DEFAULTS,
    max_nodes: int | None = None,
    opened: Iterable[Source] = (),
) -> list[Compiled]:
    """Compile the models of a file, or the one that is named.

    A family that cannot stand alone, because its parameters need values, is seen
    through its variants. Raises CnnError with the problems of all of them.

    Arguments:
        opened: sources that stand for the files at their paths.
    """
    found = check_file(
        spec, model, strict=strict, levels=levels, max_nodes=max_nodes, opened=opened
    )
    return list(found.models)


def check_file(
    spec: str | Source,
    model: str | None = None,
    *,
    strict: bool = False,
    levels: Mapping[str, str] = DEFAULTS,
    max_nodes: int | None = None,
    opened: Iterable[Source] = (),
) -> Checked:
    """Like `check`; the file's names come with its models."""
    with _undisturbed(max_nodes):
        loader, namespace, wanted = _load(spec, model, opened)
        names = (
            [wanted] if wanted else [m for m in namespace.models() if _stands_alone(namespace, m)]
        )
        options = Options(max_nodes=NODES.value)
        done: list[Compiled] = []
        problems: list[Diagnostic] = []
        for name in names:
            try:
                done.append(
                    _compile(loader, _choose(namespace, name), namespace, options, strict, levels)
                )
            except CnnError as problem:
                problems += problem.diagnostics
            if is_spent():
                break
        if not wanted and not _damaged(loader):
            problems += _wrong_constants(namespace)
        problems += loader.diagnostics
        if problems:
            raise CnnError(*_once(problems))
        return Checked(tuple(done), namespace, wanted)


def models(spec: str | Source) -> list[str]:
    """Names of the models of a file. Raises CnnError when it has syntax errors."""
    loader, namespace, _ = _load(spec, None)
    if loader.diagnostics:
        raise CnnError(*loader.diagnostics)
    return namespace.models()


def shipped() -> list[tuple[str, list[str], str]]:
    """The shipped specs: path, models, and where the architecture was published."""
    found = []
    for path in shipped_files():
        namespace = Loader(os.path.dirname(path)).namespace(
            read_source(path, os.path.basename(path))
        )
        found.append((path, namespace.models(), _note(namespace)))
    return found


# ----------------------------------------------------------------------- steps


def _load(
    spec: str | Source, model: str | None, opened: Iterable[Source] = ()
) -> tuple[Loader, Namespace, str | None]:
    if isinstance(spec, Source):
        source, wanted = spec, model
    else:
        path, name, wanted = find_model(spec)
        source, wanted = read_source(path, name, None), model or wanted
        source.path = path
    folder = os.path.dirname(os.path.abspath(source.path)) if source.path else os.getcwd()
    loader = Loader(folder, opened)
    return loader, loader.namespace(source), wanted


def _choose(namespace: Namespace, wanted: str | None) -> Model:
    """The model asked for, the only one, or the file's namesake."""
    from .diagnostics import did_you_mean

    names = namespace.models()
    if wanted is None:
        stem = os.path.splitext(os.path.basename(namespace.source.name))[0]
        whole = [name for name in names if _stands_alone(namespace, name)]
        if stem in whole:
            wanted = stem
        elif len(whole) == 1:
            wanted = whole[0]
    if wanted is not None:
        found = namespace.model(wanted)
        if found is not None:
            return found[0]
        near = did_you_mean(wanted, names)
        fail(
            "E0202",
            f"`{namespace.source.name}` has no model `{wanted}`",
            help=[f"did you mean `{near}`?" if near else _listed(names)],
        )
    if not names:
        fail(
            "E0403",
            f"`{namespace.source.name}` has no model",
            help=["a model is written `model name { input 224x224x3; ... }`"],
        )
    fail(
        "E0202",
        f"`{namespace.source.name}` has several models: which one?",
        help=[_listed(names), f"name it: `{namespace.source.name}:{names[-1]}`"],
    )


def _compile(
    loader: Loader,
    model: Model,
    namespace: Namespace,
    options: Options,
    strict: bool,
    levels: Mapping[str, str],
) -> Compiled:
    if loader.diagnostics and _damaged(loader):
        raise CnnError(*_once(loader.diagnostics))
    try:
        result = elaborate(model, namespace, options)
    except CnnError as problem:
        raise CnnError(*_once([*loader.diagnostics, *problem.diagnostics])) from None
    derivation = None
    if result.requests:
        from .rewrite import derive

        derivation = derive(result.module, result.requests, result.settings, options.max_nodes)
    module = derivation.result if derivation is not None else result.module
    subject = Subject(module)
    verdicts = prove(result.claims, subject)
    refuted = [verdict.problem for verdict in verdicts if verdict.problem is not None]
    warnings = weighed(result.warnings, loader.files(), levels, strict)
    problems = [*loader.diagnostics, *refuted, *(w for w in warnings if w.is_error)]
    if problems:
        raise CnnError(*_once(problems))
    return Compiled(module, tuple(warnings), verdicts, subject, derivation, namespace, result)


_OF_NAMES = frozenset(("E0208", "E0212", "E0501", "E0502", "E0503", "E0504", "E0505"))
_OF_ITEMS = frozenset(f"E010{digit}" for digit in "12345689")


def _damaged(loader: Loader) -> bool:
    """Whether nothing can be said of a file but what was said already.

    Names that are given twice or are not there leave the others as they are, and syntax errors
    the items that they are not in: what needs one of them is given up without a word.
    """
    problems = loader.diagnostics
    return any(p.is_error and p.code not in _OF_NAMES | _OF_ITEMS for p in problems)


def _wrong_constants(namespace: Namespace) -> Iterator[Diagnostic]:
    """What is wrong with the constants of a file, whether a model reads them or not."""
    scope = Scope(namespace)
    for item in namespace.file.items:
        if isinstance(item, Let) and item.parameters is None:
            try:
                value_of(item.name.id, scope)
            except CnnError as problem:
                yield from problem.diagnostics


def _stands_alone(namespace: Namespace, name: str) -> bool:
    """Whether every parameter of a model has a default."""
    found = namespace.model(name)
    return found is not None and all(p.default is not None for p in found[0].parameters)


def _setting(name: str, text: str, namespace: Namespace) -> Given:
    """`--set name=text`: the text is an expression of the language."""
    from .parser import parse_expression

    expr, problems = parse_expression(Source(f"--set {name}", text))
    if expr is None or problems:
        raise CnnError(*problems)
    return Given(name, evaluate_word(expr, Scope(namespace)), expr.span)


def request(text: str, namespace: Namespace, option: str = "--rewrite") -> Request:
    """Rules to apply, as the command line says them. Raises CnnError."""
    from .elaborate.models import named_rules, requested_rules
    from .parser import parse_expression

    source = Source(option, text)
    end = text.rfind(" at ")
    expr, problems = parse_expression(source, 0, end if end >= 0 else len(text))
    if expr is None or problems:
        raise CnnError(*problems)
    if isinstance(expr, Name):
        expr = CallExpr(expr, (), expr.span)
    if not isinstance(expr, CallExpr):
        fail("E0206", "this is no rule", expr.span, help=["write it as `asym(7) at 4a..4e`"])
    rules = requested_rules(expr, named_rules(expr, Scope(namespace)))
    place = text[end + len(" at ") :].strip() if end >= 0 else ""
    span = Span(source, 0, len(text))
    if len(place) > STRING.value:
        message = f"this place has {len(place):,} characters; the limit is {STRING.value:,}"
        fail(STRING.code, message, span, help=[STRING.help])
    return Request(rules, place, text, span)


def _shapes(text: str | None, namespace: Namespace) -> tuple[tuple[int, ...], ...]:
    """`--input 32x32x3`: sizes of each input."""
    if text is None:
        return ()
    shapes = []
    for part in text.split(","):
        sizes = part.strip().replace("×", "x").split("x")
        if not all(_is_size(size) for size in sizes):
            fail(
                "E0207",
                f"`{part.strip()}` is not a shape",
                help=["write height x width x channels: `--input 224x224x3`"],
            )
        shapes.append(tuple(int(size) for size in sizes))
    return tuple(shapes)


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:12]) <= SIZE.value


def _listed(names: list[str]) -> str:
    return f"it has {', '.join(f'`{name}`' for name in names[:30])}"


def _note(namespace: Namespace) -> str:
    """The first `source` note of a file."""
    for item in namespace.file.items:
        if isinstance(item, Model) and item.body is not None:
            for statement in item.body.statements:
                if isinstance(statement, SourceNote):
                    return statement.text.value
    return ""


def _once(diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Each place and code once, in the order of the text."""
    seen = set()
    kept = []
    for diagnostic in diagnostics:
        key = diagnostic.code, str(diagnostic.place), diagnostic.message
        if key not in seen:
            seen.add(key)
            kept.append(diagnostic)
    return iter(sorted(kept, key=_by_place))


def _by_place(diagnostic: Diagnostic) -> tuple[str, int]:
    place = diagnostic.place
    return (place.source.name, place.start) if place else ("", -1)


class _undisturbed:
    """No cycle collection and room for recursion while a compiler builds its trees, counted.

    Arguments:
        max_nodes: another limit of nodes, for all that is done.
    """

    def __init__(self, max_nodes: int | None = None) -> None:
        self.raised = raised({} if max_nodes is None else {NODES.name: max_nodes})
        self.counted = counted()

    def __enter__(self) -> None:
        self.raised.__enter__()
        self.counted.__enter__()
        self.collecting = gc.isenabled()
        self.limit = sys.getrecursionlimit()
        gc.disable()
        sys.setrecursionlimit(max(self.limit, RECURSION_LIMIT))

    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self.limit)
        self.counted.__exit__()
        self.raised.__exit__()
        if self.collecting:
            gc.enable()


__all__ = ["Compiled", "Verdict", "check", "compile_model", "error", "models", "shipped"]
