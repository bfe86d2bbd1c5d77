"""What the compiler makes of whole networks, kept as text: graph, code, figure, report.

`tests/golden/NETWORK/` is also the gallery of the documentation. A change here is read like code.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnndsl import Network, load
from cnndsl.irtext import print_module, read_module

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"

NETWORKS = (
    "lenet", "alexnet", "alexnet_two_towers", "zfnet", "vgg11_lrn", "vgg16", "googlenet",
    "resnet18", "resnet34_a", "resnet50", "resnet50_2015", "resnet50_keras", "densenet121",
    "efficientnet_b0", "fpn", "hrnet_w32", "mobilenet_v2", "nasnet_mobile", "shufflenet_v2_x1_0",
    "siamese", "unet", "espcn_x3", "deepface",
)  # fmt: skip

Golden = Callable[[str | Path, str], None]


@pytest.fixture(params=NETWORKS, scope="module")
def made(request: pytest.FixtureRequest) -> tuple[str, Network]:
    return request.param, load(f"{request.param}.cnn")


def test_graph(made: tuple[str, Network], golden: Golden) -> None:
    """The text form of the IR, which reads back equal."""
    name, net = made
    text = print_module(net.module)
    assert read_module(text) == net.module
    golden(f"{name}/graph.txt", text)


def test_flax(made: tuple[str, Network], golden: Golden) -> None:
    name, net = made
    code = net.to_flax()
    compile(code, f"{name}.py", "exec")
    golden(f"{name}/flax.py", code)


def test_figure(made: tuple[str, Network], golden: Golden) -> None:
    name, net = made
    golden(f"{name}/graph.dot", net.draw())


def test_report(made: tuple[str, Network], golden: Golden) -> None:
    name, net = made
    golden(f"{name}/cost.txt", net.report())


def test_emitted_code_is_as_the_formatter_would_write_it() -> None:
    """`ruff` finds nothing to format and nothing to complain about."""
    files = sorted(map(str, GOLDEN.glob("*/flax.py")))
    assert len(files) >= len(NETWORKS)
    ruff = [sys.executable, "-m", "ruff"]
    isolated = ["--isolated", "--line-length", "100", "--no-cache"]
    formatted = subprocess.run(
        [*ruff, "format", "--check", *isolated, *files], capture_output=True, text=True
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
    checked = subprocess.run(
        [*ruff, "check", "--select", "E,F,I,UP,B,SIM,C4", *isolated, *files],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_figures_are_accepted_by_graphviz(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    for name in ("googlenet", "resnet50"):
        path = tmp_path / f"{name}.svg"
        load(f"{name}.cnn").draw(path)
        assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")
