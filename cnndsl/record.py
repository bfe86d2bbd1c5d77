"""Records: immutable values whose fields are their annotations.

    class Point(Record):
        x: int
        y: int = 0

    Point(1)            # Point(x=1)
    Point(1) == Point(1, 0)

A `Record` is to its users and to type checkers what a frozen dataclass is
(PEP 681). It exists because of start-up time: `dataclasses` costs 14 ms to
import and 0.4 ms for each class, more than parsing and checking a network.
A field named `span` or `history` says where a value came from, never what it is,
so it counts neither for equality nor for the hash.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

    R = TypeVar("R", bound="Record")
else:

    def dataclass_transform(**_):
        return lambda cls: cls


MISSING = object()
PROVENANCE = ("span", "history")


@dataclass_transform(frozen_default=True, eq_default=True)
class Record:
    """Base of all immutable values: annotated attributes become fields."""

    fields: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {}
    annotations: ClassVar[dict[str, str]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = {
            name: kind
            for name, kind in cls.__annotations__.items()
            if not kind.startswith("ClassVar")
        }
        cls.annotations = {**cls.annotations, **own}
        cls.fields = tuple(cls.annotations)
        cls.__match_args__ = cls.fields  # type: ignore[misc]
        cls.defaults = {
            **cls.defaults,
            **{name: cls.__dict__[name] for name in own if name in cls.__dict__},
        }
        if own:
            cls.__init__ = _on_first_use(cls)  # type: ignore[method-assign]

    if TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")

    def _identity(self) -> tuple[Any, ...]:
        values = self.__dict__
        return tuple([values[name] for name in self.fields if name not in PROVENANCE])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._identity()))

    def __repr__(self) -> str:
        shown = (
            f"{name}={value!r}"
            for name, value in self.__dict__.items()
            if name in self.fields
            and name not in PROVENANCE
            and self.defaults.get(name, MISSING) is not value
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def replace(record: R, **changes: Any) -> R:
    """A copy of `record` with the given fields changed."""
    return type(record)(**{**record.__dict__, **changes})


def _on_first_use(cls: type[Record]) -> Any:
    """An `__init__` that compiles the real one: most runs use half of the classes."""

    def __init__(self: Record, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = _initialiser(cls.fields, cls.defaults)  # type: ignore[method-assign]
        cls.__init__(self, *args, **kwargs)

    return __init__


def _initialiser(fields: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """The `__init__` of a record."""
    signature = ", ".join(f"{f}=_d[{f!r}]" if f in defaults else f for f in fields)
    stores = "; ".join(f"d[{f!r}] = {f}" for f in fields)
    scope: dict[str, Any] = {"_d": defaults}
    exec(f"def __init__(self, {signature}):\n d = self.__dict__; {stores}", scope)
    return scope["__init__"]
