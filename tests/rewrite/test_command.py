"""`cnnc rewrite` and `cnnc rules` as users meet them: results, messages, exit codes, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cnndsl.cli import main
from cnndsl.driver import compile_model

NET = """\
rule factor { conv 5x5/s, n => conv 3x3, n; conv 3x3/s, n; keeps window, shape }
model net {
  input 32x32x8
  a: conv 5x5, 8, bn, relu
  b: conv 5x5/2, 8, bn, relu
  globalavgpool
  fc 10
}
model like = net with factor at b
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.cnn").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: Captured, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What a command prints, to both streams."""
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_spec_comes_out(capsys: Captured, folder: Path) -> None:
    out, err = run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--at", "b")
    (folder / "out.cnn").write_text(out, encoding="utf-8")
    compiled = compile_model("out.cnn")
    # a: 5·5·8·8; b: twice 3·3·8·8; three norms of 2·8; fc: 8·10 and 10 biases
    assert compiled.cost.params == 25 * 64 + 2 * 9 * 64 + 3 * 16 + 90
    assert "b: conv 3x3, 8, bn, relu" in out or "b: conv 3x3/2, 8, bn, relu" in out
    assert err.splitlines()[1].startswith("factor  1 place at b")


def test_rules_follow_each_other(capsys: Captured) -> None:
    _, err = run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--rule", "fold_bn")
    assert [line.split()[0] for line in err.splitlines()] == [
        "rule", "factor", "fold_bn", "altogether",
    ]  # fmt: skip


def test_any_command_takes_rules(capsys: Captured) -> None:
    out, _ = run(capsys, "compile", "net.cnn:net", "--rewrite", "fold_bn")
    assert "BatchNorm" not in out
    out, _ = run(capsys, "report", "net.cnn:net", "--json", "--rewrite", "factor at b")
    assert json.loads(out)["totals"]["parameters"] == 25 * 64 + 2 * 9 * 64 + 3 * 16 + 90


def test_the_journal(capsys: Captured) -> None:
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--explain")
    assert "conv 5x5/s, n  =>  conv 3x3, n; conv 3x3/s, n" in out
    assert "net.cnn:4:3" in out and "net.cnn:5:3" in out
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--json")
    (step,) = json.loads(out)["steps"]
    assert step["sites"] == 2
    assert [move["at"] for move in step["moves"]] == [[""], [""]]


def test_why_not(capsys: Captured) -> None:
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--why-not", "asym(7)", "--at", "a")
    assert out.splitlines() == [
        "`asym(7)` applies nowhere at a",
        "   the window is 5x5, the rule says 7x7",
        "      at a (net.cnn:4:3)",
    ]
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--why-not", "factor at b")
    assert out == "`factor` applies to 1 place at b\n"


def test_find(capsys: Captured) -> None:
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--find", "conv k/s, n")
    assert out.splitlines() == [
        "a  net.cnn:4:3  k = 5x5, s = 1, n = 8",
        "b  net.cnn:5:3  k = 5x5, s = 2, n = 8",
        "2 places",
    ]
    out, _ = run(capsys, "rewrite", "net.cnn:net", "--find", "maxpool k")
    assert out == "found nowhere\n"


def test_undo_and_replay(capsys: Captured) -> None:
    both = ("rewrite", "net.cnn:net", "--rule", "factor at a", "--rule", "factor at b")
    alone, _ = run(capsys, "rewrite", "net.cnn:net", "--rule", "factor at b")
    assert run(capsys, *both, "--undo", "1")[0] == alone
    assert run(capsys, "rewrite", "net.cnn:net", "--replay", "net.cnn:like")[0] == alone
    _, err = run(capsys, *both, "--undo", "3", code=1)
    assert "E1003" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "factr"), "did you mean `factor`?"),
        (("--rule", "factor", "--at", "z"), "there is no place `z`"),
        (("--rule", "asym(7)"), "applies nowhere"),
        (("--rule", "factor(3)"), "takes no arguments"),
        (("--rule", "relu"), "is no rule"),
        (("--rule", "3x3"), "this is no rule"),
        (("--find", "conv 5x5 =>"), "error"),
        (("--find", "?x"), "error"),
        (("--replay", "net.cnn:net"), "has no rules to replay"),
        ((), "needs a rule"),
        (("--rule", "factor", "--weights", "w.safetensors"), "where are the weights to go?"),
        (("--rule", "factor", "--weights", "none.pth", "-o", "o.cnn"), "E0905"),
        (("--rule", "factor", "--weights-output", "o.safetensors"), "there are no weights"),
        (("--rule", "factor", "-o", "net.cnn"), "E0703"),
        (("--rule", "factor", "--explain", "-o", "net.cnn"), "E0703"),
        (("--rule", "factor", "--at", "b..a"), "`a` stands before `b`"),
        (("--rule", "factor", "--at", "a.."), "there is no place ``"),
        (("--why-not", "factor at z"), "there is no place `z`"),
        (("--rule", "factor", "--undo", "-1"), "there is no step -1"),
        (("--undo", "1"), "there is no step 1"),
        (("--replay", "none.cnn:like"), "E0501"),
    ],
)
def test_wrong_input_writes_nothing(
    capsys: Captured, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(folder.iterdir())
    code = main(["rewrite", "net.cnn:net", *arguments])
    captured = capsys.readouterr()
    assert code in (1, 2, 4)
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(folder.iterdir()) == before


def test_weights_move_along(capsys: Captured, folder: Path) -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("flax")
    from cnndsl.interpret import interpret
    from cnndsl.passes.flatten import flatten
    from cnndsl.verify.module_weights import draw, flat, read, write

    module = compile_model("net.cnn:net").module
    write(module, draw(module, 5), "w.safetensors")
    run(capsys, "rewrite", "net.cnn:net", "--rule", "fold_bn", "--weights", "w.safetensors",
        "-o", "out.cnn")  # fmt: skip
    folded = compile_model("out.cnn").module
    assert not any(getattr(node.op, "word", "") == "bn" for _, node in folded.walk())
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 8))
    results = []
    for network, file in ((module, "w.safetensors"), (folded, "out.safetensors")):
        graph = flatten(network)
        weights = flat(network, read(network, file))
        found = interpret(graph, {graph.inputs[0].name: x}, weights)
        results.append(found[graph.outputs[0].value])
    assert np.abs(results[0] - results[1]).max() <= 1e-6 * np.abs(results[0]).max()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "fold_bn", "--weights", "w.safetensors", "-o", "w.cnn"), "E0703"),
        (("--rule", "fold_bn", "--weights", "w.safetensors", "-o", "o.safetensors",
          "--weights-output", "./o.safetensors"), "is for the spec"),
        (("--rule", "fold_bn", "--weights", "other.safetensors", "-o", "o.cnn"), "E0906"),
        (("--rule", "factor", "--weights", "w.safetensors", "-o", "o.cnn"), "E1007"),
    ],
)  # fmt: skip
def test_weights_are_not_written_in_vain(
    capsys: Captured, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Nor over those that were read, over the spec, for another network, or without some."""
    pytest.importorskip("flax")
    from cnndsl.verify.module_weights import draw, write

    for file, size in (("w", None), ("other", "32x32x6")):
        module = compile_model("net.cnn:net", input=size).module
        write(module, draw(module), f"{file}.safetensors")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["rewrite", "net.cnn:net", *arguments]) in (1, 2, 4)
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_journal_goes_where_it_is_told(capsys: Captured, folder: Path) -> None:
    run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--explain", "-o", "journal.txt")
    run(capsys, "rewrite", "net.cnn:net", "--rule", "factor", "--json", "-o", "journal.json")
    assert (folder / "journal.txt").read_text(encoding="utf-8").startswith("1. factor")
    assert json.loads((folder / "journal.json").read_text(encoding="utf-8"))["model"] == "net"


def test_the_catalogue(capsys: Captured) -> None:
    out, _ = run(capsys, "rules")
    assert "factor_5x5" in out and "fold_bn" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "conv(k, n); bn  =>  conv(k, n, bias=true)" in out  # what stays is left out
    assert "  compound_b3      [depth(1.4), width(1.2), resolution(300)]" in out
    out, _ = run(capsys, "rules", "factor_5x5")
    assert "conv 5x5/s, n => " in out and "Szegedy" in out
    out, _ = run(capsys, "rules", "net.cnn")
    assert out.startswith("factor: architectural")
    out, _ = run(capsys, "rules", "--chains", "5x5/2", "--longest", "2")
    assert out.splitlines()[0] == "square windows: 4 chains, the cheapest first"
    assert out.splitlines()[1].split() == ["chain", "parameters", "MACs", "paddings"]
    assert any(row.split()[:4] == ["3x3/2;", "2x2", "0.52", "0.52"] for row in out.splitlines())
    out, _ = run(capsys, "rules", "compound_b3")
    assert out.startswith("compound_b3: a set of 3 rules") and "depth(factor)" in out
    _, err = run(capsys, "rules", "asymm", code=2)
    assert "did you mean `asym`?" in err
    _, err = run(capsys, "rules", "--chains", "64", code=2)
    assert "is no window" in err


def test_what_an_approximation_lost_is_measured(capsys: Captured, folder: Path) -> None:
    pytest.importorskip("flax")
    from cnndsl.verify.module_weights import draw, write

    module = compile_model("net.cnn:net").module
    write(module, draw(module), "w.safetensors")
    lost = {}
    for rank in (8, 2):  # of 8: nothing is lost
        _, err = run(capsys, "rewrite", "net.cnn:net", "--rule", f"svd_channel({rank}) at a",
                     "--weights", "w.safetensors", "-o", f"rank{rank}.cnn")  # fmt: skip
        found = re.search(rf"^svd_channel\({rank}\): outputs off by (\S+) %", err, re.MULTILINE)
        assert found and "all outputs together" in err
        lost[rank] = float(found[1])
    assert lost[8] < 1e-3 < 1 < lost[2] < 100
