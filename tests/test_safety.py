"""What our code never does: run what it reads, guess names of temporary files, ask a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "cnndsl").rglob("*.py"), *(ROOT / "backends").rglob("*.py")])

FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "breakpoint", "input", "os.system", "os.popen",
    "os.execv", "os.execvp", "os.spawnv", "os.spawnl", "os.startfile", "os.tempnam", "os.tmpnam",
    "tempfile.mktemp", "mktemp", "marshal.load", "marshal.loads", "pickle.load", "pickle.loads",
    "shelve.open", "yaml.load", "joblib.load", "np.load", "numpy.load", "torch.load",
    "subprocess.getoutput", "subprocess.getstatusoutput", "print",
}  # fmt: skip
FORBIDDEN_MODULES = {"marshal", "shelve", "dill", "cloudpickle", "pty", "commands", "imp"}
REVIEWED = {
    "cnndsl/record.py exec": "the constructor of a class, from the names of its fields",
    "cnndsl/verify/ours.py exec": "our own emitted code, compared with another framework",
    "cnndsl/verify/ours.py compile": "the same",
    "backends/flax/module.py compile": "whether what was emitted is Python; it is not run",
    "cnndsl/verify/checkpoints/torch.py torch.load": "with `weights_only=True`, checked below",
    "cnndsl/terminal.py print": "the one place that prints",
    "cnndsl/tables.py print": "a tool of ours, for whoever changes the grammar",
    "cnndsl/limits.py print": "a tool of ours, which writes a page of the manual",
}
"""Calls that somebody has looked at, and why they are all right."""
WRITERS = {"cnndsl/cli.py", "cnndsl/output.py", "cnndsl/tables.py"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for file in FILES:
        yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in our packages: the file, what is called, the call."""
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield file, ast.unparse(node.func), node


def test_nothing_runs_what_it_reads() -> None:
    found = {f"{file} {name}" for file, name, _ in calls() if name in FORBIDDEN_CALLS}
    assert sorted(found - REVIEWED.keys()) == []
    assert sorted(REVIEWED.keys() - found) == [], "reviewed, and not there any more"


def test_pytorch_reads_tensors_only() -> None:
    loads = [call for _, name, call in calls() if name == "torch.load"]
    for call in loads:
        words = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert words.get("weights_only") == "True"


def test_no_module_that_runs_what_it_reads() -> None:
    for file, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not FORBIDDEN_MODULES & {name.partition(".")[0] for name in names}, file


def test_no_shell() -> None:
    """A program is called with a list of words, never with a line for a shell."""
    for file, name, call in calls():
        words = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert words.get("shell", "False") == "False", file
        if name in ("subprocess.Popen", "subprocess.run", "Popen", "subprocess.check_output"):
            first = call.args[0]
            assert isinstance(first, ast.List | ast.Name | ast.Attribute | ast.Call), file
            assert not isinstance(first, ast.Constant | ast.JoinedStr), file


def test_files_are_written_in_one_place() -> None:
    """`output.py` writes; `cli.py` writes the report about a mistake of ours, by `mkstemp`."""
    for file, name, call in calls():
        _, dot, method = name.rpartition(".")
        assert not (dot and method in ("write_text", "write_bytes")), file
        if method in ("open", "fdopen"):
            modes = [part.value for part in call.args[1:2] if isinstance(part, ast.Constant)]
            writes = any(set(str(mode)) & set("wax+") for mode in modes)
            assert not writes or file in WRITERS, f"{file}: {ast.unparse(call)}"
