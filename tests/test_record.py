"""Records are frozen dataclasses to their users."""

from __future__ import annotations

import pytest

from cnndsl.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class Point(Record):
    x: int
    y: int = 0
    unit: ClassVar[str] = "px"


class Marked(Point):
    span: str | None = None


class Empty(Record):
    pass


def test_fields_are_the_annotations():
    assert Point.fields == ("x", "y")
    assert Point.annotations == {"x": "int", "y": "int"}
    assert Point.defaults == {"y": 0}
    assert Marked.fields == ("x", "y", "span")
    assert Empty.fields == ()


def test_values_are_taken_by_position_and_by_name():
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2) == Point(y=2, x=1)
    with pytest.raises(TypeError, match="x"):
        Point()
    with pytest.raises(TypeError, match="z"):
        Point(1, z=2)


def test_equality_is_by_class_and_fields():
    assert Point(1) == Point(1, 0) != Point(2)
    assert Point(1) != Marked(1)
    assert Empty() == Empty()
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != (1, 0)


def test_a_span_says_where_not_what():
    assert Marked(1, span="here") == Marked(1, span="there")
    assert hash(Marked(1, span="here")) == hash(Marked(1))
    assert "here" not in repr(Marked(1, span="here"))


def test_records_are_immutable():
    point = Point(1)
    with pytest.raises(AttributeError, match="'x'"):
        point.x = 2
    with pytest.raises(AttributeError, match="'x'"):
        del point.x
    assert point == Point(1)


def test_replace_copies():
    point = Marked(1, 2, span="here")
    moved = replace(point, x=5)
    assert (moved.x, moved.y, moved.span) == (5, 2, "here")
    assert point.x == 1
    assert type(moved) is Marked


def test_text_leaves_defaults_out():
    assert repr(Point(1)) == "Point(x=1)"
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"


def test_matching():
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
