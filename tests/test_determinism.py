"""The same input, the same bytes: whatever the hash seed, the language, the time zone, the folder,
the order of files, the optimisation and the version of Python.

Other versions of Python are those that this machine has: on the path, of pyenv, or named in
`CNNC_PYTHONS`, programs with colons between. `CNNC_PYODIDE` is the folder of the npm package
`pyodide`, Python for Node: nothing in the compiler is compiled, so it runs there too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from shutil import which

import pytest

from cnndsl import driver
from cnndsl.backends.dot import BACKEND
from tests.support.networks import networks

ROOT = Path(__file__).parents[1]
OUTPUTS = ROOT / "tests" / "support" / "outputs.py"
PYODIDE = ROOT / "tests" / "support" / "pyodide.mjs"
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
SOME = ("googlenet.cnn:googlenet", "unet.cnn:unet", "siamese.cnn:siamese")
BROKEN = """
block unit(n, stride = 1) { conv 3x3/stride, n; bn; relu }
model broken {
  inptu 32x32x3
  unit(16, strid = 2)
  residual { conv 3x3, 8; MaxPool2d 2 }
  from nowhere { globalavgpool }
  fc 10, bais = false  : 12
}
"""
UNTIDY = """
model   untidy{input 8x8x3;conv 3x3,4,pad = 1,relu
  concat{|conv 1x1,2|identity};   globalavgpool;fc 10}  # a comment
"""


@cache
def locales() -> str:
    """A folder with languages that this machine may not have."""
    import tempfile

    folder = tempfile.mkdtemp()
    for name in ("tr_TR", "de_DE"):
        if which("localedef"):
            command = ["localedef", "-i", name, "-f", "UTF-8", f"{folder}/{name}.UTF-8"]
            subprocess.run(command, capture_output=True, check=False)
    return folder


def has_locale(name: str) -> bool:
    return name.startswith("C") or Path(locales(), name).is_dir()


def digests(command: list[str], files: list[str], **more: str) -> dict[str, str]:
    """What `outputs.py` finds."""
    cwd = more.pop("cwd", str(ROOT))
    env = {"PATH": os.environ["PATH"], "LOCPATH": locales(), **more}
    ran = subprocess.run([*command, *files], cwd=cwd, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def ours(*options: str, python: str = sys.executable) -> list[str]:
    flags = [option for option in options if option.startswith("-O")]
    rest = [option for option in options if option not in flags]
    return [python, "-B", *flags, str(OUTPUTS), str(ROOT), *rest]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("specs")
    (folder / "broken.cnn").write_text(BROKEN)
    (folder / "untidy.cnn").write_text(UNTIDY)
    own = [str(folder / name) for name in ("broken.cnn", "untidy.cnn")]
    return [*own, *(str(ROOT / "specs" / name) for name in SOME)]


@pytest.fixture(scope="module")
def usual(files: list[str]) -> dict[str, str]:
    """What comes out here, twice in one process."""
    found = digests(ours("--twice"), files, PYTHONHASHSEED="0", LC_ALL="C.UTF-8", TZ="UTC")
    assert not [name for name in found if name.endswith(", again")]
    assert len(found) > 15 * len(files)
    return found


SURROUNDINGS = {
    "C": (["-O"], {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "cwd": "/"}),
    "Turkish": (["-OO", "--reversed"], {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}),
    "German": (["--reversed"], {"LC_ALL": "de_DE.UTF-8", "TZ": "America/St_Johns"}),
}


@pytest.mark.parametrize("seed, name", [*enumerate(SURROUNDINGS, start=1)])
def test_surroundings(seed: int, name: str, files: list[str], usual: dict[str, str]) -> None:
    options, env = SURROUNDINGS[name]
    if not has_locale(env["LC_ALL"]):
        pytest.skip(f"no language {env['LC_ALL']} on this machine, and no `localedef` to make it")
    found = digests(ours(*options), files, PYTHONHASHSEED=str(seed), **env)
    apart = differing(found, usual)
    if "cwd" in env:  # SARIF has places from the working folder on, as its readers expect
        apart = [name for name in apart if not name.endswith("check sarif")]
    assert apart == []


def differing(found: dict[str, str], usual: dict[str, str]) -> list[str]:
    return sorted(name for name in {*found, *usual} if found.get(name) != usual.get(name))


# ----------------------------------------------------------------------- versions


@cache
def pythons() -> dict[str, str]:
    """Programs by version, the first that is found."""
    folders = sorted(Path.home().glob(".pyenv/versions/3.1*/bin/python"))
    named = os.environ.get("CNNC_PYTHONS", "").split(":")
    candidates = [*named, sys.executable, *(which(f"python{version}") for version in VERSIONS)]
    found: dict[str, str] = {}
    for program in [*filter(None, candidates), *map(str, folders)]:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        ran = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            found.setdefault(ran.stdout.strip(), program)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_of_python(version: str, files: list[str], usual: dict[str, str]) -> None:
    if version == ".".join(map(str, sys.version_info[:2])):
        pytest.skip("it is the one that the others are compared with")
    if version not in pythons():
        pytest.skip(f"no Python {version} on this machine")
    found = digests(ours(python=pythons()[version]), files, PYTHONHASHSEED="5")
    assert differing(found, usual) == []


def test_python_for_node(files: list[str], usual: dict[str, str]) -> None:
    pyodide = os.environ.get("CNNC_PYODIDE")
    if not pyodide or not which("node"):
        pytest.skip("no `CNNC_PYODIDE`: `npm install pyodide`")
    folder = str(Path(files[0]).parent)
    command = ["node", str(PYODIDE), pyodide, str(ROOT), folder]
    assert differing(digests(command, files), usual) == []


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_every_network_by_every_version(version: str) -> None:
    if version not in pythons():
        pytest.skip(f"no Python {version} on this machine")
    every = [f"{path}:{model}" for path, model in networks()]
    for start in range(0, len(every), 20):
        some = every[start : start + 20]
        here = digests(ours(), some, PYTHONHASHSEED="1")
        there = digests(ours(python=pythons()[version]), some, PYTHONHASHSEED="2")
        assert differing(there, here) == []


# ------------------------------------------------------------------------ figures


@pytest.mark.parametrize("by", ["dot", "pygraphviz"])
def test_figures_of_graphviz(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is drawn a second later: there are no dates in them."""
    if by == "dot" and which("dot") is None:
        pytest.skip("Graphviz is not installed")
    if by == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", str(tmp_path))
    module = driver.compile_model("unet").module
    formats = ("svg", "pdf", "png")
    first = [BACKEND.render(module, format) for format in formats]
    time.sleep(1.1)
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    for format, before in zip(formats, first, strict=True):
        assert BACKEND.render(module, format) == before, format
