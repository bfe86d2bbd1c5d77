"""The conformance table: every shipped model, what it was compared with, and the result.

    python -m tests.conformance.publish                 compare all, then write the page
    python -m tests.conformance.publish resnet50 hrnet  compare these, then write the page
    python -m tests.conformance.publish --page          write the page only

Results are kept in `tests/data/conformance.json`; `docs/conformance.md` is made from them and
from the specs. torchvision and timm are needed for the comparisons with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cnndsl import driver
from cnndsl.driver import Compiled
from cnndsl.notation import number
from tests.conformance.zoo import Entry, entries, written_here

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "tests" / "data" / "conformance.json"
PAGE = ROOT / "docs" / "conformance.md"

HEAD = """\
# Conformance

Made by `python3 make.py conformance` from the shipped specs and from comparisons with other
projects' networks; change `tests/conformance` and run it again. `cnnc verify` makes each of these
comparisons on your machine, for example

```console
$ cnnc verify resnet50_keras.cnn --against keras:ResNet50
```

Layers are paired by structure. Weights, biases, scales, shifts and running statistics are random
and the same on both sides, the input is random too, and both networks run in float32 on a CPU:
ours is the emitted Flax code, the other one runs in its own framework. *Difference* is the
largest difference of an output (before a last softmax), in units of its largest value; rounding
alone makes 1e-7 to 5e-6. Parameters are the trainable ones. A MAC is one multiply-accumulate of a
convolution or a full connection; bias additions, pools and activations are not counted. The
reference's MACs are counted from the shapes of the kernels and outputs that ran.
"""

WRITTEN = """\
No library defines these networks; `tests/conformance/references` does, in PyTorch, and
`tests/conformance/test_written.py` compares them to 1e-5. That the definitions are those of the
papers is for a reader to see.
"""
COUNTED = """\
No row above is about these models: nothing that is the same network could be installed, or a
sibling above has the same layers. `cnnc check` proves their claims. A note behind a claim says
where the number comes from; without one it is the source's, or that of another implementation's
layers. Where a spec had to choose what its source leaves open, a comment in it says so.
"""


def main(arguments: Sequence[str]) -> int:
    """Compare and write; exits with 1 when a comparison fails."""
    failed = []
    if list(arguments) != ["--page"]:
        for entry in entries():
            if arguments and entry.model not in arguments:
                continue
            result = compare(entry)
            if result is None:
                failed.append(entry.model)
            else:
                results = {**read(), entry.model: result}  # read again: another run may write too
                ordered = {e.model: results[e.model] for e in entries() if e.model in results}
                RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    if failed:
        print("not equal:", ", ".join(failed))
    return 1 if failed else 0


def read() -> dict[str, Any]:
    """The results so far, by model."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def compare(entry: Entry) -> dict[str, Any] | None:
    """Run `cnnc verify` in a process of its own; None when the networks differ."""
    command = [sys.executable, "-m", "cnndsl", "verify", f"{entry.model}.cnn", "--json",
               "--against", entry.reference]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(f"{entry.model}: {done.stdout}{done.stderr}", flush=True)
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    worst = max(output["difference"] for output in found["outputs"])
    print(f"{entry.model}: {entry.against}, {worst:.1e}", flush=True)
    package = entry.against.partition(":")[0]
    return {
        "against": entry.against,
        "version": f"{package} {version(package)}",
        "layers": found["layers"],
        "parameters": [found["parameters"], found["reference_parameters"]],
        "macs": [found["macs"], found["reference_macs"]],
        "difference": worst,
    }


def page() -> str:
    """The whole page."""
    compared, written, counted = tables()
    versions = ", ".join(sorted({result["version"] for result in read().values()}))
    return "\n".join([
        HEAD,
        "## Compared output by output",
        "",
        f"With {versions}.",
        "",
        *compared,
        "",
        "## Compared with definitions of this project",
        "",
        WRITTEN,
        *written,
        "",
        "## Proved by counts",
        "",
        COUNTED,
        *counted,
        "",
    ])  # fmt: skip


def tables() -> tuple[list[str], list[str], list[str]]:
    """Rows of the models that were compared, of those with a definition here, of the others."""
    results, definitions = read(), {case.model: case.reference for case in written_here()}
    compared = [
        "| model | network | layers | parameters | MACs | difference |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    written = ["| model | definition | parameters | MACs |", "| --- | --- | ---: | ---: |"]
    counted = ["| model | source | parameters | MACs | claims |",
               "| --- | --- | ---: | ---: | --- |"]  # fmt: skip
    for file, model in every_model():
        name = model.module.name
        link = f"[{name}](../specs/{file})"
        if name in results:
            compared.append(compared_row(link, model, results[name]))
        elif name in definitions:
            written.append(written_row(link, model, definitions[name]))
        else:
            counted.append(counted_row(link, model))
    return compared, written, counted


def every_model() -> Iterator[tuple[str, Compiled]]:
    """The shipped models that stand alone, with their files."""
    for path, _, _ in driver.shipped():
        for model in driver.check(path):
            yield Path(path).name, model


def compared_row(link: str, model: Compiled, result: dict[str, Any]) -> str:
    numbers = [
        both(ours, theirs)
        for ours, theirs in (
            (model.cost.params, result["parameters"][1]),
            (model.cost.macs, result["macs"][1]),
        )
    ]
    package, _, name = result["against"].partition(":")
    cells = [link, f"{package} `{name}`", str(result["layers"]), *numbers,
             f"{result['difference']:.1e}"]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def both(ours: object, theirs: int) -> str:
    """One number where both sides agree."""
    return f"{ours:,}" if ours == theirs else f"{ours:,} (theirs {theirs:,})"


def written_row(link: str, model: Compiled, reference: str) -> str:
    file, _, name = reference.partition(":")
    definition = f"[`{name}`](../tests/conformance/references/{file}.py)"
    return f"| {link} | {definition} | {model.cost.params:,} | {number(model.cost.macs)} |"


def counted_row(link: str, model: Compiled) -> str:
    claims = "; ".join(
        f"`{claim.text}`" + (f" ({claim.note})" if claim.note else "") for claim in model.claims
    )
    cells = [link, model.module.source, f"{model.cost.params:,}", number(model.cost.macs), claims]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
