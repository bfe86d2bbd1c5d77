"""Any network, at any level, becomes a figure in time, with Graphviz and without.

Networks are random programs, those that ship, and long irregular chains. A figure of our own
layout is read back: every box once and in its frame, no two on each other, every edge from box
to box and through no third one. Whether everything is in it is judged by the network: the
parameters of all boxes are its own, and where every operator has a box, so is their number. A
figure by Graphviz must have the same boxes, edges and facts; where they stand is its affair.
"""

from __future__ import annotations

import random
import re
import time
from functools import cache
from shutil import which
from typing import Any
from xml.dom import minidom

from cnndsl import driver
from cnndsl.backends.dot import BACKEND, LEVELS
from cnndsl.graph import Module
from cnndsl.passes.cost import cost
from cnndsl.passes.flatten import flatten
from tests.campaign.drawn import drawn
from tests.campaign.property import Goal, Property
from tests.properties.compiled import compiled
from tests.properties.strategies import programs
from tests.support.drawing import chain, check_svg, facts
from tests.support.networks import networks

PROGRAMS = programs()
SECONDS = 30
"""Of processor time, for a figure of any size."""
LONGEST = 20_000
EVERYTHING = 10**6


def run(random: random.Random) -> dict[str, int]:
    """One network, drawn."""
    module = _network(random)
    options: dict[str, Any] = {
        "level": random.choice(LEVELS),
        "direction": random.choice(("TB", "TB", "LR", "BT")),
        "shapes": random.choice(("changes", "all", "none")),
        "max_boxes": random.choice((20, 300, 300, EVERYTHING)),
        "caption": random.random() < 0.8,
    }
    start = time.process_time()
    own = BACKEND.render(module, "svg", layout="own", **options)
    spent = time.process_time() - start
    assert spent < SECONDS, f"{spent:.0f} seconds"
    check_svg(own)
    _check_facts(own, module, options)
    counts = {"figures": 1, "in time": 1, "boxes": own.count(b'class="node')}
    if random.random() < 0.3 and which("dot") and counts["boxes"] < 1_000:
        counts["by Graphviz"] = 1
        _check_same(BACKEND.render(module, "svg", layout="dot", **options), own)
    return counts


def _network(random: random.Random) -> Module:
    kind = random.random()
    if kind < 0.6:
        return compiled(drawn(PROGRAMS, random))
    if kind < 0.9:
        path, model = random.choice(_shipped())
        return driver.compile_model(f"{path}:{model}").module
    length = round(10 ** random.uniform(1, 4.3))
    return chain(min(length, LONGEST), random.choice((9, 100, length)), random)


@cache
def _shipped() -> list[tuple[str, str]]:
    return networks()


def _check_facts(svg: bytes, module: Module, options: dict[str, Any]) -> None:
    """Whether the boxes together are the network."""
    boxes = facts(svg)
    total = cost(module, training=True)
    found = sum(_amount(box["parameters"]) for box in boxes if "parameters" in box)
    assert found == _amount(str(total.params)), f"{found} of {total.params} parameters"
    if options["level"] == "op" and options["max_boxes"] == EVERYTHING:
        shown = sum(int(box["count"]) for box in boxes if "count" in box)
        assert shown == len(flatten(module).nodes), "a box for each operator"


def _amount(text: str) -> int:
    """A cost as a number, a formula at some size."""
    return int(eval(text, {name: 512 + 32 * k for k, name in enumerate(_names(text))}))


def _names(text: str) -> list[str]:
    return sorted(set(re.findall(r"[A-Za-z_]\w*", text)))


def _check_same(theirs: bytes, own: bytes) -> None:
    """Whether Graphviz drew the same boxes with the same facts, and as many edges."""
    minidom.parseString(theirs)
    assert facts(theirs) == facts(own)
    assert theirs.count(b'class="edge"') >= own.count(b'class="edge"')


PROPERTY = Property(
    "drawing",
    "Any network of up to 20,000 operators, at any level, becomes a figure within 30 seconds, "
    "with Graphviz or without: every box once, none on another, every edge from box to box.",
    run,
    cases=20,
    nightly=2_000,
    goals=(Goal("in time", "figures", 1.0),),
)
