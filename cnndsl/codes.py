"""The pages of the diagnostic codes, which `cnnc explain CODE` and `docs/errors.md` print.

They are Markdown in `pages/`, one file for each area. A page begins with `## CODE title`.
Its examples are whole files: a block marked `wrong` must give exactly that code, a block
marked `right` none; a test compiles them all. `file=NAME` marks a file that the others use.

    python -m cnndsl.codes > docs/errors.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from .record import Record

FOLDER = Path(__file__).parent / "pages"


class Code(Record):
    """A page.

    Arguments:
        code, title: its first line.
        text: the page without its examples.
        wrong: an example that gives this code, or nothing.
        right: the same, mended.
        files: other files of the examples, by name.
    """

    code: str
    title: str
    text: str
    wrong: str = ""
    right: str = ""
    files: tuple[tuple[str, str], ...] = ()

    @property
    def examples(self) -> list[tuple[str, str]]:
        """The examples with their titles."""
        files = [(f"With {name}", text) for name, text in self.files]
        named = [("Wrong", self.wrong), ("Right", self.right), *files]
        return [(title, text) for title, text in named if text]


def _read(pages: str) -> dict[str, Code]:
    """The pages by code, in their order."""
    codes: dict[str, Code] = {}
    for page in pages.split("\n## "):
        head, _, body = page.removeprefix("## ").partition("\n")
        code, _, title = head.partition(" ")
        text, *blocks = body.split("```cnn ")
        marked = [block.partition("\n")[::2] for block in blocks]
        examples = {mark: example.partition("```")[0] for mark, example in marked}
        files = tuple(
            (mark.removeprefix("file="), example)
            for mark, example in examples.items()
            if mark.startswith("file=")
        )
        codes[code] = Code(
            code, title, text.strip(), examples.get("wrong", ""), examples.get("right", ""), files
        )
    return codes


PAGES = "\n".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.md")))
CODES = _read(PAGES)


def page(code: Code) -> str:
    """A page for the terminal."""
    parts = [f"{code.code}: {code.title}", code.text]
    for title, example in code.examples:
        lines = "\n".join(f"    {line}".rstrip() for line in example.splitlines())
        parts.append(f"{title}:\n\n{lines}")
    return "\n\n".join(parts)


def page_as_markdown(code: Code) -> str:
    """A page for a tool, which shows the code and the title itself."""
    blocks = [f"{title}:\n\n```cnn\n{example}```" for title, example in code.examples]
    return "\n\n".join([code.text, *blocks])


def index() -> str:
    """All codes with their titles."""
    return "\n".join(f"{code.code}  {code.title}" for code in CODES.values())


def markdown() -> str:
    """All pages, `docs/errors.md`."""
    lead = (
        "# Errors and warnings\n\n"
        "Made by `python -m cnndsl.codes > docs/errors.md`; change it in `cnndsl/pages`.\n"
        "`cnnc explain CODE` prints one page. The letter is the severity: E error, W warning.\n\n"
    )
    return lead + PAGES


if __name__ == "__main__":
    sys.stdout.write(markdown())
