"""The networks that tests go through: the shipped specs, and those beside the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cnndsl import driver
from cnndsl.diagnostics import CnnError
from cnndsl.graph import Module
from cnndsl.passes.flatten import flatten

ROOT = Path(__file__).parents[2]
SHALLOW = 200
"""Operators of a network that every run can afford."""
SIZE = 64
"""Rows and columns of an input that has no size of its own."""


def networks() -> list[tuple[str, str]]:
    """Path and name of every model whose parameters have values, by file."""
    return [
        (path, model)
        for path, names, _ in driver.shipped()
        for model in names
        if stands_alone(path, model)
    ]


def cases(always: tuple[str, ...] = ()) -> list[Any]:
    """Test cases for all networks; by default one of each file runs, if it is no deep one.

    Arguments:
        always: models that run by default in any case.
    """
    files: set[str] = set()
    found = []
    for path, model in networks():
        first = path not in files
        files.add(path)
        quick = first and len(flatten(compiled(path, model)).nodes) <= SHALLOW
        marks = [] if quick or model in always else [pytest.mark.slow]
        found.append(pytest.param(path, model, id=label(path, model), marks=marks))
    return found


def stands_alone(path: str, model: str) -> bool:
    try:
        compiled(path, model)
    except CnnError as problem:
        return {d.code for d in problem.diagnostics} != {"E0204"}
    return True


def compiled(path: str, model: str) -> Module:
    return driver.compile_model(f"{path}:{model}").module


def concrete(path: str, model: str, module: Module) -> Module:
    """The same network for inputs of `SIZE`, where theirs are open."""
    shapes = [
        [size if isinstance(size, int) else SIZE for size in value.type.shape]
        for value in module.main.inputs
    ]
    if all(list(v.type.shape) == s for v, s in zip(module.main.inputs, shapes, strict=True)):
        return module
    sizes = ",".join("x".join(map(str, shape)) for shape in shapes)
    return driver.compile_model(f"{path}:{model}", input=sizes).module


def label(path: str, model: str) -> str:
    """The name of a test case."""
    return f"{Path(path).stem}:{model}"
