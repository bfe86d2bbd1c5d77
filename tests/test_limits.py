"""Limits: each holds at its value and not above, says the number, and how to go on.

A limit that can be raised or lowered is tried at a small value too, which is how a server
would protect itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cnndsl import driver
from cnndsl.cli import main
from cnndsl.diagnostics import CnnError, Diagnostic
from cnndsl.limits import TABLE, Limit, page, raised
from cnndsl.loader import read_source
from cnndsl.record import Record
from cnndsl.source import Source

ROOT = Path(__file__).parent.parent


def net(*statements: str, before: str = "") -> str:
    body = "".join(f"  {statement}\n" for statement in statements)
    return f"{before}model net {{\n  input 32x32x3\n{body}}}\n"


def check(text: str) -> None:
    driver.check(Source("net.cnn", text))


class Trial(Record):
    """A limit with texts that use just so much of it.

    Arguments:
        text: the text for a number of what is limited.
        at: where the limit is tried, in place of its default.
        adds: what the text uses besides.
    """

    name: str
    text: Callable[[int], str]
    at: int | None = None
    adds: int = 0


def nested(depth: int) -> str:
    return net("{ " * (depth - 1) + "relu" + " }" * (depth - 1))


def blocks(depth: int) -> str:
    """A chain of blocks, so many calls deep."""
    chain = "".join(f"block b{i} {{ b{i - 1} }}\n" for i in range(1, depth))
    return net(f"b{depth - 1}", before="block b0 { relu }\n" + chain)


def tens(count: int) -> str:
    """So many nodes, most of them in calls of a block that has ten."""
    rest = ["relu"] * (count % 10)
    return net(f"b() × {count // 10}", *rest, before="block b { relu() × 10 }\n")


def functions(depth: int) -> str:
    """Functions of `let` that lead so many levels deep: a call is one, its body the next."""
    chain = "".join(f"let f{i}(x) = f{i - 1}(x)\n" for i in range(1, depth))
    return net(f"let a = f{depth - 2}(1)", before="let f0(x) = x\n" + chain)


def polynomial(terms: int) -> str:
    """A symbolic size of so many variables and floors."""
    parts = [f"(in.height + {i}) / {1000 + i}" for i in range(terms // 3)]
    parts += ["in.width", "1"][: terms % 3]
    lets = "".join(f"  let a{i} = a{i - 1} + {part}\n" for i, part in enumerate(parts) if i)
    return f"block b {{\n  let a0 = {parts[0]}\n{lets}  relu\n}}\nmodel net {{ input H×W×3\n b }}\n"


def rules(steps: int) -> str:
    """A derivation of so many steps."""
    there_and_back = "rule a { relu => tanh }\nrule b { tanh => relu }\n"
    half = ", ".join(["a", "b"] * (steps // 2) + ["a"] * (steps % 2))
    return f"{there_and_back}let all = [{half}]\n" + net("relu") + "model m = net with all\n"


TRIALS = [
    Trial("file-size", lambda n: "# " + "x" * (n - 2)),
    Trial("file-size", lambda n: "# " + "x" * (n - 2), at=100),
    Trial("tokens", lambda n: "let a = [" + "1, " * ((n - 6) // 2) + "1]", at=1001),
    Trial("name", lambda n: net(f"{'a' * n}: relu")),
    Trial("name", lambda n: net(f"let a = 1\n  b{{a}}{'c' * (n - 2)}: relu")),
    Trial("name", lambda n: net(f"{'a' * n}: relu"), at=255),
    Trial("string", lambda n: net(f'source "{"a" * n}"', "relu")),
    Trial("string", lambda n: net(f'source "{"a" * n}"', "relu"), at=8000),
    Trial("digits", lambda n: net(f"let a = {'1' * n} > 0")),
    Trial("nesting", nested, adds=0),
    Trial("operators", lambda n: net("let a = " + "1 + " * n + "1")),
    Trial("nodes", lambda n: net(f"relu() × {n}")),
    Trial("nodes", lambda n: net(f"relu() × {n // 2}", *["relu"] * (n - n // 2)), at=101),
    Trial("nodes", lambda n: net(f"for i in 0..{n} {{ conv 3x3, i + 1 }}"), at=100),
    Trial("nodes", tens, at=100),
    Trial("list", lambda n: net(f"let a = 0..{n}")),
    Trial("list", lambda n: net(f"let a = (0..50000) + (0..{n - 50_000})")),
    Trial("block-depth", blocks),
    Trial("block-depth", blocks, at=64),
    Trial("size", lambda n: f"model net {{ input {n}x1x1\n relu }}\n"),
    Trial("size", lambda n: net(f"conv 1x1, {n}, bias=false")),
    Trial("integer", lambda n: net(f"let a = {n - 1} + 1")),
    Trial("integer", lambda n: net(f"let a = sum([{n - 1}, 1])")),
    Trial("window", lambda n: f"model net {{ input {n + 1}x1x1\n conv({n}x1, 1) }}\n"),
]  # fmt: skip
"""What `check` is asked; the others have tests of their own below."""

OTHERS = {
    "files", "use-depth", "errors", "steps", "call-depth", "places", "rewrites", "terms",
    "figure-time", "figure-memory",
}  # fmt: skip


def refused(text: str, limit: Limit) -> Diagnostic:
    """The diagnostic of a text that is beyond a limit."""
    with pytest.raises(CnnError) as caught:
        check(text)
    (problem,) = [found for found in caught.value.diagnostics if found.code == limit.code]
    return problem


@pytest.mark.parametrize("trial", TRIALS, ids=[f"{t.name}-{i}" for i, t in enumerate(TRIALS)])
def test_at_the_limit_and_one_more(trial: Trial, tmp_path: Path) -> None:
    limit = TABLE[trial.name]
    value = limit.default if trial.at is None else trial.at
    with raised({limit.name: value}):
        judge = _read(tmp_path) if limit.name == "file-size" else check
        judge(trial.text(value))
        with pytest.raises(CnnError) as caught:
            judge(trial.text(value + 1))
        help = limit.help
    problem = caught.value.diagnostics[0]
    assert problem.code == limit.code
    said = problem.message.replace(",", "")
    spoken = {str(value), str(value + 1), "2^31 - 1", "2^63 - 1"}
    assert any(number in said for number in spoken), problem.message
    assert problem.help, problem.message
    if value < limit.cap:
        assert help in [each.text for each in problem.help]


def _read(folder: Path) -> Callable[[str], None]:
    def read(text: str) -> None:
        path = folder / "net.cnn"
        path.write_text(text)
        read_source(str(path), "net.cnn")

    return read


def test_every_limit_has_a_test() -> None:
    assert {trial.name for trial in TRIALS} | OTHERS == set(TABLE)


def test_terms() -> None:
    limit = TABLE["terms"]
    problem = refused(polynomial(limit.value + 20), limit)
    assert str(limit.value) in problem.message and problem.help[0].text == limit.help


def test_call_depth() -> None:
    limit = TABLE["call-depth"]
    check(functions(limit.value - 5))
    problem = refused(functions(limit.value + 5), limit)
    assert str(limit.value) in problem.message and problem.help[0].text == limit.help


def test_steps_are_those_of_all_models_of_a_file() -> None:
    limit = TABLE["steps"]
    text = "".join(f"model a{i} {{ input 32x32x3\n for i in 0..450 {{ }} }}\n" for i in range(10))
    with raised({"steps": 10_000}):
        check(text)
        problem = refused(text + text.replace("model a", "model b"), limit)
        assert "10,000" in problem.message and problem.help[0].text == limit.help
    check(text + text.replace("model a", "model b"))


def test_rewrites() -> None:
    limit = TABLE["rewrites"]
    driver.compile_model(Source("net.cnn", rules(limit.value)), "m")
    with pytest.raises(CnnError) as caught:
        driver.compile_model(Source("net.cnn", rules(limit.value + 1)), "m")
    (problem,) = caught.value.diagnostics
    assert problem.code == limit.code and f"{limit.value:,}" in problem.message


def test_places() -> None:
    """Blocks around blocks: few nodes, many calls."""
    limit = TABLE["places"]
    chain = "".join(f"block b{i} {{ b{i - 1} }}\n" for i in range(1, 30))
    before = "block b0 { conv 1x1, 8, bn }\n" + chain
    fits, more = (net(f"b29() × {times}", before=before) for times in (33, 34))
    with raised({"places": 1_000}):
        driver.compile_model(Source("net.cnn", fits), rewrite=["inference"])
        with pytest.raises(CnnError) as caught:
            driver.compile_model(Source("net.cnn", more), rewrite=["inference"])
    (problem,) = caught.value.diagnostics
    assert problem.code == limit.code and "1,000" in problem.message


def test_files(tmp_path: Path) -> None:
    limit = TABLE["files"]
    for number in range(limit.value):
        (tmp_path / f"f{number}.cnn").write_text(f"let a{number} = 1\n")
    main = tmp_path / "net.cnn"

    def using(count: int) -> str:
        main.write_text("".join(f'use "./f{i}.cnn"\n' for i in range(count)) + net("relu"))
        return str(main)

    driver.check(using(limit.value - 1))
    with pytest.raises(CnnError) as caught:
        driver.check(using(limit.value))
    (problem,) = caught.value.diagnostics
    assert problem.code == limit.code and str(limit.value) in problem.message and problem.help


def test_use_depth(tmp_path: Path) -> None:
    limit = TABLE["use-depth"]

    def chain(length: int) -> str:
        """A main file and others, so many in a chain."""
        for number in range(1, length):
            last = number == length - 1
            text = "let a = 1\n" if last else f'use "./f{number + 1}.cnn"\n'
            (tmp_path / f"f{number}.cnn").write_text(text)
        (tmp_path / "net.cnn").write_text('use "./f1.cnn"\n' + net("relu"))
        return str(tmp_path / "net.cnn")

    driver.check(chain(limit.value))
    with pytest.raises(CnnError) as caught:
        driver.check(chain(limit.value + 1))
    (problem,) = caught.value.diagnostics
    assert problem.code == limit.code and str(limit.value) in problem.message and problem.help


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.cnn"
    path.write_text(net(*["let a = b"] * 60))
    assert main(["check", str(path)]) == 1
    printed = capsys.readouterr().err
    assert printed.count("error[E0202]") + printed.count("error[E0208]") == 50
    assert "more\n" in printed and "… and " in printed
    assert main(["check", "--limit", "errors=5", str(path)]) == 1
    printed = capsys.readouterr().err
    assert printed.count("error[E") == 5


def test_figures_take_what_the_limits_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TABLE["figure-time"].default == 20 and TABLE["figure-time"].cap == 600
    assert TABLE["figure-memory"].default == 1024


# ------------------------------------------------------------------- raising


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("nodes", "write it as `name=number`"),
        ("node=1", "did you mean `nodes`?"),
        ("nothing=1", "names no limit"),
        ("nodes=0", "a number from 1 to 100,000"),
        ("nodes=100_001", "a number from 1 to 100,000"),
        ("nodes=-1", "a number from 1 to 100,000"),
        ("nodes=1e3", "a number from 1 to 100,000"),
        ("digits=20", "a number from 1 to 19"),
    ],
)
def test_options_that_are_wrong(option: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--limit", option, "resnet50.cnn"]) == 2
    assert said in capsys.readouterr().err


def test_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.cnn"
    path.write_text(net(f"{'a' * 100}: conv(3x3, 8) × 10"))
    assert main(["check", str(path)]) == 5
    assert main(["check", "--limit", "name=100", str(path)]) == 0
    assert main(["check", "--limit", "name=100", "--limit", "nodes=9", str(path)]) == 5
    assert main(["check", "--limit", "name=100", "--max-nodes", "9", str(path)]) == 5
    assert "--limit nodes=N` (up to 100,000)" in capsys.readouterr().err
    assert main(["fmt", "--check", str(path)]) in (1, 5)


# ------------------------------------------------------------------- products


def test_the_product_with_every_factor_at_its_place() -> None:
    text = net("for i in 0..30 {", "  { b; relu } × 1_000", "}", before="block b { relu() × 40 }\n")
    problem = refused(text, TABLE["nodes"])
    assert problem.message == (
        "this network would expand to about 1,230,000 nodes; the limit is 20,000"
    )
    assert [(label.span.text, label.text) for label in problem.labels] == [
        ("{ b; relu } × 1_000", "1,000 copies of 41"),
        ("0..30", "all of it 30 times"),
    ]


def test_factors_around_a_call_of_a_block() -> None:
    before = "block b { conv(3x3, 8) × 5_000 }\nblock c { { b } × 200 }\n"
    problem = refused(net("c() × 100", before=before), TABLE["nodes"])
    assert "about 100,000,000 nodes" in problem.message
    assert [label.text for label in problem.labels] == [
        "200 copies of 5,000", "all of it 100 times",
    ]  # fmt: skip


def test_copies_that_differ_are_counted_and_not_guessed() -> None:
    """The first copy is large and the others are not: 20,000 times it would be too many."""
    loop = "for i in 0..1000 { relu() × (2000 if i == 0 else 1) }"
    check(net(loop))
    check(net("{ relu() × (2000 then 1) } × 1000"))
    check(net("b × 1000".replace("b", "b()"),
              before="block b { relu() × (2000 if nth == 0 else 1) }\n"))  # fmt: skip


# ----------------------------------------------------------------------- page


def test_page(update: bool) -> None:
    """`docs/limits.md`, from the table."""
    path = ROOT / "docs" / "limits.md"
    if update:
        path.write_text(page(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page()
