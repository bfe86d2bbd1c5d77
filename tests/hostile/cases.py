"""The hostile inputs, each with what it tries and what must come of it.

A case is a folder of files and a command line. Large inputs are made here, not stored. To add
one, write an entry: `spec("name", "what it tries", text, "E0601")`; an empty code means that
there is nothing to complain about.
"""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from cnndsl.record import Record

Content = str | bytes | Callable[[Path], None]
"""A text, bytes, or a function that makes something at a path that is no plain file."""


class Case(Record):
    """One hostile input.

    Arguments:
        name: a few words.
        tries: what it would like to happen.
        files: contents by path.
        arguments: of `cnnc`; every command that takes a spec is tried where none are given.
        codes: of the diagnostics that must be there; one mistake may cause a second message.
        exit: the exit code.
        seconds: of the processor, where two are not enough on purpose.
    """

    name: str
    tries: str
    files: tuple[tuple[str, Content], ...]
    codes: tuple[str, ...] = ()
    exit: int = 0
    arguments: tuple[str, ...] = ()


CASES: list[Case] = []
EXITS = {"E05": 1, "E06": 5, "": 0}
"""Exit codes by the group of the code; 1 for the others."""


def spec(
    name: str,
    tries: str,
    text: Content,
    *codes: str,
    exit: int | None = None,
    arguments: tuple[str, ...] = (),
    **others: Content,
) -> None:
    """A case whose main file is `net.cnn`; other files are named by keywords, `a__b` is `a/b`."""
    group = codes[0][:3] if codes and codes[0] else ""
    files = [("net.cnn", text)]
    files += [(f"{key.replace('__', '/')}.cnn", content) for key, content in others.items()]
    expected = EXITS.get(group, 1) if exit is None else exit
    CASES.append(Case(name, tries, tuple(files), tuple(filter(None, codes)), expected, arguments))


def net(*statements: str, before: str = "") -> str:
    """A model of these statements on a small image."""
    body = "".join(f"  {statement}\n" for statement in statements)
    return f"{before}model net {{\n  input 32x32x3\n{body}}}\n"


def chain(count: int, first: str, later: Callable[[int], str]) -> str:
    """Definitions that each use the one before."""
    return "\n".join([first, *(later(number) for number in range(1, count))]) + "\n"


KILO, MEGA = 1 << 10, 1 << 20
BLOCKS = "block unit(n) { conv 3x3, n, bn, relu }\n"

# --------------------------------------------------------------------- nesting

spec("parentheses", "a deep stack", net(f"conv 3x3, {'(' * 5000}8{')' * 5000}"), "E0602")
spec("open parentheses", "a deep stack that never closes", net("conv 3x3, " + "(" * 10**5), "E0602")
spec("open brackets", "lists that never close", net("let a = " + "[" * 10**5), "E0602")
spec("braces", "groups in groups", net("{ " * 5000 + "relu" + " }" * 5000), "E0602")
spec("only braces", "a file of braces", "{" * 10**5, "E0602")
spec("closing brackets", "a file of brackets that close nothing", ")" * 10**4, "E0102")
spec("closing braces", "braces that close nothing, each on its line", "}\n" * 10**4, "E0102")
spec("mixed brackets", "all kinds in turn", net("let a = " + "([{" * 1000), "E0102")
spec("ifs", "conditions in conditions", net("if true { " * 1000 + "relu" + " }" * 1000), "E0602")
spec("choices of nothing", "a word that asks for what is before it", "in {", "E0101", "E0102")
spec("a colon at the end", "an edit that ends behind the text", net("relu") + ":", "E0101")
spec(
    "a rule with an open citation",
    "two errors of which each leaves it to the other",
    net('rule wide "Simonyan {\n  relu => gelu\n  }\n  relu'),
    "E0105",
)
spec(
    "else ifs",
    "a ladder of conditions",
    net("if false { relu }" + " else if false { relu }" * 1000),
    "E0602",
)
spec("stages", "stages in stages", net("stage a { " * 70 + "relu" + " }" * 70), "E0602")
spec(
    "branches", "branches in branches", net("concat { | relu | " * 70 + "relu" + " }" * 70), "E0602"
)
spec("a long sum", "a deep tree without brackets", net(f"let a = {'1 + ' * 10**5}1"), "E0602")
spec("minus signs", "a chain of signs", net("let a = " + "-" * 10**4 + "1"), "E0602")
spec("nots", "a chain of words", net("let a = " + "not " * 10**4 + "true"), "E0602")
spec("powers", "a tower", net("let a = " + "**".join(["2"] * 200)), "E0602")
spec("attributes", "attributes of attributes", net("let a = in" + ".channels" * 10**4), "E0602")
spec("indices", "elements of elements", net("let a = [1]" + "[0]" * 10**4), "E0602")
spec("thens", "a chain of `then`", net("let a = " + "1 then " * 5000 + "1"), "E0101", "E0602")
spec(
    "conditionals",
    "a chain of conditionals",
    net("let a = " + "1 if true else " * 5000 + "1"),
    "E0602",
)
spec("arrows", "a chain of arrows", net("conv 3x3, " + "1 → " * 10**4 + "1"), "E0206")

# ----------------------------------------------------------------------- bombs

spec("a repeat", "10^9 layers", net("conv(3x3, 8) × 1_000_000_000"), "E0601")
spec(
    "repeats",
    "10^9 layers in three steps",
    net("{ { { conv 3x3, 8 } × 1000 } × 1000 } × 1000"),
    "E0601",
)
spec(
    "repeats of blocks",
    "the same through blocks",
    net(
        "c × 1000",
        before="block a { relu × 1000 }\nblock b { a × 1000 }\nblock c { b × 1000 }\n".replace(
            "relu ×", "relu() ×"
        )
        .replace("a ×", "a() ×")
        .replace("b × 1000 }\nb", "b")
        .replace("{ b ×", "{ b() ×"),
    ).replace("c ×", "c() ×"),
    "E0601",
)
spec(
    "doubling",
    "a billion laughs",
    net(
        "b39",
        before=chain(
            40, "block b0 { relu; relu }", lambda i: f"block b{i} {{ b{i - 1}; b{i - 1} }}"
        ),
    ),
    "E0402",
    exit=1,
)
spec(
    "doubling, less deep",
    "a billion laughs within the depth of calls",
    net(
        "b29",
        before=chain(
            30, "block b0 { relu; relu }", lambda i: f"block b{i} {{ b{i - 1}; b{i - 1} }}"
        ),
    ),
    "E0601",
)
spec(
    "doubling branches",
    "side by side",
    net(
        "b25",
        before=chain(
            26, "block b0 { relu }", lambda i: f"block b{i} {{ add {{ | b{i - 1} | b{i - 1} }} }}"
        ),
    ),
    "E0601",
)
spec(
    "wide doubling",
    "channels that double at each level",
    net(
        "b29",
        before=chain(
            30,
            "block b0 { relu }",
            lambda i: f"block b{i} {{ concat {{ | b{i - 1} | b{i - 1} }} }}",
        ),
    ),
    "E0601",
)
spec(
    "a block of itself", "recursion without end", net("b", before="block b { relu; b }\n"), "E0402"
)
spec(
    "blocks of each other",
    "recursion in a circle",
    net("a", before="block a { b }\nblock b { a }\n"),
    "E0402",
)
spec(
    "recursion with arguments",
    "no two calls are the same",
    net("b(1)", before="block b(n) { relu; b(n + 1); b(n + 2) }\n"),
    "E0402",
)
spec("a loop", "10^9 rounds", net("for i in 0..10**9 { relu }"), "E0601")
spec(
    "empty loops",
    "rounds that add nothing",
    net("for i in 0..100000 { for j in 0..100000 { } }"),
    "E0601",
)
spec("empty groups", "copies that add nothing", net("{ { { } × 100000 } × 100000 } × 100000"))
spec(
    "identities", "copies of nothing", net("{ identity × 100000 } × 100000".replace("y ×", "y() ×"))
)
spec(
    "loops of conditions",
    "work without layers",
    net("for i in 0..10000 { for j in 0..10000 { if i == j { relu } } }"),
    "E0601",
)
spec(
    "loops over branches",
    "a merge of 10^10",
    net("concat { for i in 0..100000 { for j in 0..100000 { | relu } } }"),
    "E0601",
)
spec(
    "rounds that differ",
    "every round is another",
    net("for i in 1..100000 { conv 3x3, i }"),
    "E0601",
)
spec(
    "lists that double",
    "2^60 elements",
    net(
        "conv 3x3, a59[0]",
        before=chain(60, "let a0 = [1]", lambda i: f"let a{i} = a{i - 1} + a{i - 1}"),
    ),
    "E0601",
)
spec(
    "lists of lists",
    "2^60 elements that share memory",
    net(
        "conv 3x3, len(a59)",
        before=chain(60, "let a0 = [1]", lambda i: f"let a{i} = [a{i - 1}, a{i - 1}]"),
    ),
    "E0601",
)
spec(
    "equal lists",
    "a comparison of lists that share memory",
    net(
        "if a == b { relu }",
        before=chain(14, "let a0 = [1]", lambda i: f"let a{i} = [a{i - 1}, a{i - 1}]")
        + "let a = [a13, a13]\nlet b = [a13, a13]\n",
    ),
)
spec(
    "functions that double",
    "2^60 calls",
    net(
        "conv 3x3, f59(1)",
        before=chain(60, "let f0(x) = x", lambda i: f"let f{i}(x) = f{i - 1}(x) + f{i - 1}(x)"),
    ),
    "E0601",
)
spec(
    "a function of itself",
    "recursion in an expression",
    net("conv 3x3, f(1)", before="let f(x) = f(x + 1)\n"),
    "E0602",
    exit=5,
)
spec(
    "constants of each other",
    "a circle of `let`",
    net("conv 3x3, a", before="let a = b\nlet b = a\n"),
    "E0402",
)
spec(
    "many ranges",
    "10^9 numbers in memory",
    net(*(f"let a{i} = 0..100000" for i in range(10_000))),
    "E0601",
)
spec(
    "variants",
    "a chain of models",
    chain(1000, "model m0 { input 32x32x3\n relu }", lambda i: f"model m{i} = m{i - 1}"),
    "E0402",
    arguments=("check", "net.cnn:m999"),
)
spec("variants of themselves", "a circle of models", "model a = b\nmodel b = a\n", "E0402")
spec(
    "dialects of themselves",
    "a circle of dialects",
    net("conv 3x3, 8").replace("model net", "model net dialect d")
    + "dialect d = e { conv: pad=half }\ndialect e = d { conv: pad=half }\n",
    "E0101",
)
spec(
    "many variants",
    "10^4 models of one",
    "model m(n = 1) { input 32x32x3\n conv 3x3, n }\n"
    + "".join(f"model m{i} = m(n={i + 1})\n" for i in range(2000)),
)

# --------------------------------------------------------------------- numbers

spec("a giant integer", "a megabyte of digits", net(f"conv 3x3, {'9' * 500_000}"), "E0603")
spec("a giant exponent", "1e999999999", net("let a = 1e999999999"), "E0603")
spec("a giant fraction", "0.000...1", net(f"let a = 0.{'0' * 100_000}1"), "E0603")
spec("underscores", "a number of underscores", net(f"conv 3x3, 1{'_' * 100_000}"), "E0104", exit=1)
spec("a power", "10^6^64", net("let a = 999999 ** 64"), "E0603")
spec("a real power", "overflow of floats", net("let a = 999999.5 ** 64.5"), "E0603")
spec("a quotient", "infinity", net("let a = 1e18 / 1e-300"), "E0603")
spec("a product", "2^63", net("let a = 4294967296 * 4294967296"), "E0603")
spec("a sum of many", "2^63 with `sum`", net("let a = sum([9223372036854775807, 1])"), "E0603")
spec("a large size", "2^31", "model net { input 2147483648x1x1\n relu }", "E0603")
spec(
    "a large image",
    "2^62 pixels and channels",
    "model net { input 2147483647x2147483647x3\n relu }",
    "E0603",
)
spec("many channels", "2^31 channels", net("conv 3x3, 2147483648"), "E0603")
spec("many weights", "2^64 weights", net("conv 3x3, 2147483647", "conv 3x3, 2147483647"), "E0603")
spec("a large window", "a kernel of 10^9", net("conv(1000000000x1, 8)"), "E0603")
spec("a large dilation", "a window of 10^9", net("conv 3x3, 8, dilation=1000000000"), "E0603")
spec("a large padding", "2^31 rows of zeros", net("conv 3x3, 8, pad=2147483647"), "E0603")
spec(
    "a polynomial",
    "a symbolic size of 2^20 terms",
    "block b {\n let a0 = in.height\n"
    + chain(20, "", lambda i: f" let a{i} = (a{i - 1} + 1) * (a{i - 1} + in.width)")
    + " if a19 == 1 { relu }\n}\nmodel net { input H×W×3\n b }",
    "E0603",
)
spec(
    "floors",
    "a symbolic size of 2^20 floors",
    "block b {\n let a0 = in.height\n"
    + chain(20, "", lambda i: f" let a{i} = (a{i - 1} + 1) / 3 + (a{i - 1} + 2) / 5")
    + " if a19 == 1 { relu }\n}\nmodel net { input H×W×3\n b }",
    "E0603",
)
spec(
    "symbolic strides",
    "a floor for each layer",
    "model net { input H×W×3\n" + " conv 3x3/2, 8\n" * 60 + "}",
)

# ----------------------------------------------------------------------- texts

spec("a long name", "a megabyte of a name", net("a" * 10**6), "E0604")
spec("a long label", "a label of 10^5 letters", net("a" * 10**5 + ": relu"), "E0604")
spec(
    "a spelt label",
    "a label that is put together",
    net('let a = "' + "a" * 1999 + '"', "b" + "{a}" * 1000 + ": relu"),
    "E0604",
)
spec("a long string", "a string of a megabyte", net(f'source "{"a" * 10**6}"'), "E0604")
spec(
    "a long line",
    "a mistake at the end of a megabyte",
    net("conv " + "3x3, " * 200_000 + "?"),
    "E0604",
)
spec("a long line of letters", "an unknown word of a megabyte", "?" * (MEGA - 1), "E0103")
spec("long comments", "a megabyte of comments", "# " + "x" * (MEGA - 10) + "\n" + "")
spec("comments only", "nothing to check", "# nothing\n" * 50_000)
spec("blank lines", "nothing at all", "\n" * (MEGA - 1))
spec("spaces", "one line of blanks", " " * (MEGA - 1))
spec("tabs", "one line of tabs and a mistake", "\t" * 10**5 + "?", "E0103")
spec("empty", "an empty file", "")
spec("one byte", "not even a word", "m", "E0101")
spec("too large", "a file of 2 MiB", "# " + "x" * (2 * MEGA), "E0604")
spec("semicolons", "10^6 empty statements", net(";" * 10**6))
spec("commas", "10^5 arguments", net("conv 3x3" + ", 8" * 90_000), "E0205")
spec("numbers", "a list of 10^5 numbers", net("let a = [" + "1, " * 90_000 + "1]"))
spec("labels", "10^4 labels", net(*(f"a{i}: relu" for i in range(10_000))))
spec("equal labels", "10^4 times one label", net(*["a: relu"] * 10_000), "E0208")
spec("items", "10^4 constants", net("relu") + "".join(f"let a{i} = {i}\n" for i in range(20_000)))
spec("equal items", "10^4 times one block", net("relu") + "block a { relu }\n" * 10_000, "E0208")
spec(
    "similar names",
    "names that are all near each other",
    net(*(f"let aaaa{i} = 1" for i in range(3000)), *(f"conv 3x3, aaab{i}" for i in range(3000))),
    "E0202",
)
spec("syntax errors", "10^5 mistakes", "model ( }\n" * 50_000, "E0102")
spec("unknown operators", "10^4 mistakes", net(*["cnov 3x3, 8"] * 10_000), "E0201")
spec(
    "unknown operators, all different",
    "10^4 suggestions",
    net(*(f"cnov{i} 3x3, 8" for i in range(10_000))),
    "E0201",
)
spec(
    "mistakes in a loop",
    "10^5 times one mistake",
    net("for i in 0..100000 { cnov 3x3, i }"),
    "E0201",
)
spec(
    "mistakes in every round",
    "10^5 different mistakes",
    net("for i in 0..100000 { conv 3x3, [1][i] }"),
    "E0207",
)
spec(
    "warnings", "10^4 values that nobody uses", net("a: conv 3x3, 8", *["from a { relu }"] * 10_000)
)
spec("strings that never close", "10^4 of them", '"abc\n' * 10_000, "E0105")
spec("a long line of other letters", "excerpts of it", net('"' + "ß" * 500_000, "×" * 500), "E0105")
spec(
    "rules without a right side",
    "the search for it in the rest of the file",
    "rule a { relu }\n" * 5000 + net("relu"),
    "E0101",
)
spec("open rules", "the same without a brace", "rule a relu\n" * 5000 + net("relu"), "E0101")
spec("quotes", "a file of quotes", '"' * 10**5, "E0101")
spec("other quotes", "a file of curly quotes", "“" * 10**4, "E0103")
spec("templates", "braces in a name", net("a" + "{" * 10**5), "E0602")
spec("template parts", "a label of 10^5 parts", net("a" + "{1}" * 10**5 + ": relu"), "E0604")
spec(
    "labels that almost end",
    "a regular expression that goes back",
    net("a, " * 80_000 + "a"),
    "E0101",
)
spec(
    "words that almost end",
    "the same with digits and underscores",
    net("1_" * 10**5 + "?"),
    "E0104",
)
spec("sizes that almost end", "the same with factors", net("3x" * 10**5), "E0104")
spec("lines that go on", "commas at the end of every line", net("conv 3x3,\n" * 10_000), "E0101")
spec(
    "an open bracket on every line",
    "the search for the one that was forgotten",
    net(*["conv(3x3, 8"] * 5000),
    "E0102",
)
spec("an open brace on every line", "the same with braces", net(*["{ relu"] * 60), "E0102")
spec(
    "aligned columns",
    "alignment in the formatter",
    net(*(f"{'a' * (i % 60 + 1)}{i}: conv 3x3, {i + 1}  # {'x' * (i % 50)}" for i in range(5000))),
)
spec(
    "a long row",
    "one statement that does not fit a line",
    net("a: conv 3x3, 8" + ", relu" * 10_000),
)
spec("many post-operators", "a row of 10^4 words", net("conv 3x3, 8" + ", relu" * 10_000))

# ------------------------------------------------------------------ characters

spec("NUL", "a byte that ends strings", net("re\0lu"), "E0107")
spec("controls", "escape sequences for the terminal", net("re\x1b[31mlu\x07\x08"), "E0107", "E0102")
spec("controls in a string", "the same where users look", net('source "\x1b]0;owned\x07"'), "E0107")
spec("bidi", "text that reads backwards", net("# \u202e } \u2066 relu"), "E0107")
spec("invisible", "names that look alike", net("a\u200b: relu"), "E0107")
spec("look-alikes", "letters of another alphabet", net("сonv 3x3, 8"), "E0103")
spec("full width", "signs that are twice as wide", net("ｃｏｎｖ ３ｘ３，８"), "E0103")
spec("combining", "10^5 marks on one letter", net("a" + "\u0301" * 10**5), "E0103")
spec("emoji", "characters outside of the first plane", net("🦊" * 1000), "E0103")
spec("a mark at the start", "a byte order mark", "\ufeff" + net("relu"))
spec("two marks", "one more of them", "\ufeff\ufeff" + net("relu"), "E0107")
spec("CRLF", "line ends of another system", net("relu").replace("\n", "\r\n"))
spec("CR", "line ends of an old system", net("relu").replace("\n", "\r"), "E0107", "E0108")
spec("mixed line ends", "all of them", "# a\r\n# b\n" + net("relu"))
spec("other line ends", "signs that are line ends elsewhere", net("relu\u2028relu\x0b"), "E0107")
spec("UTF-16", "another encoding", net("relu").encode("utf-16"), "E0107")
spec("UTF-32", "another encoding", net("relu").encode("utf-32"), "E0107")
spec("Latin 1", "another encoding", net("# Größe").encode("latin-1"), "E0107")
spec("a surrogate", "half a character", b"# \xed\xa0\x80\n", "E0107")
spec("overlong", "a slash in two bytes", b"# \xc0\xaf\n", "E0107")
spec("cut off", "a character that ends with the file", b"# \xf0\x9f\xa6", "E0107")
spec("binary", "every byte", bytes(range(256)) * 100, "E0107")
spec("a picture", "the start of a PNG", b"\x89PNG\r\n\x1a\n" + bytes(1000), "E0107")


def _zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("net.cnn", net("relu"))
    return buffer.getvalue()


spec("an archive", "a zip file with another name", _zip(), "E0107")
spec("JSON", "a file of another kind", json.dumps({"layers": [{"type": "conv"}] * 100}), "E0101")
spec("Python", "a file of another kind", "import os\nos.system('true')\n", "E0103", "E0109")

# ----------------------------------------------------------------------- files


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def unix_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def uses(path: str) -> str:
    return f'use "{path}"\n' + net("relu")


spec("a pipe", "a file that is never read to its end", fifo, "E0501", exit=4)
spec("a folder", "a folder as a file", folder, "E0501", exit=4)
spec("a socket", "a file that nobody can open", unix_socket, "E0501", exit=4)
spec("a device", "a file without an end", link("/dev/zero"), "E0501", exit=4)
spec("a link to itself", "a circle of one", link("net.cnn"), "E0501", exit=4)
spec("a link to nothing", "a file that is gone", link("gone.cnn"), "E0501", exit=4)
spec(
    "no file",
    "a name that nothing has",
    net("relu"),
    "E0501",
    exit=4,
    arguments=("check", "nat.cnn"),
)
spec(
    "a long path",
    "a name of 10^5 letters",
    net("relu"),
    "E0501",
    exit=4,
    arguments=("check", "a" * 10**5 + "/net.cnn"),
)
spec("dots", "files above the folder", uses("../../../../etc/passwd"), "E0503")
spec("dots inside", "out and in again", uses("./sub/../../x.cnn"), "E0503")
spec("absolute", "a file anywhere", uses("/etc/passwd"), "E0503")
spec("backslashes", "the path of another system", uses("..\\\\x.cnn"), "E0503")
spec("a drive", "the path of another system", uses("C:/x.cnn"), "E0503")
spec("an address", "a file from the network", uses("https://example.org/x.cnn"), "E0503")
spec("percent signs", "dots that are spelt", uses("%2e%2e/x.cnn"), "E0501")
spec("a home folder", "a sign that shells replace", uses("~/x.cnn"), "E0501")
spec("a variable", "a sign that shells replace", uses("$HOME/x.cnn"), "E0501")
spec("a command", "a sign that shells run", uses("$(touch owned)"), "E0501")
spec("an empty name", "the folder itself", uses(""), "E0501")
spec("a dot", "the folder itself", uses("."), "E0501")
spec("a NUL in a name", "a name that ends early", uses("x.cnn\0.png"), "E0107", exit=1)
spec("a very long name", "a name of 2,000 letters", uses("./" + "a" * 1990), "E0501")
spec(
    "a link out",
    "a file elsewhere by another name",
    uses("./a.cnn"),
    "E0503",
    a=link("/etc/passwd"),
)
spec(
    "a chain of links",
    "the same in three steps",
    uses("./a.cnn"),
    "E0503",
    a=link("b.cnn"),
    b=link("c.cnn"),
    c=link("/etc/passwd"),
)
spec("a link to a folder", "a folder elsewhere", uses("./a.cnn/passwd"), "E0503", a=link("/etc"))
spec(
    "links in a circle",
    "a name without an end",
    uses("./a.cnn"),
    "E0501",
    a=link("b.cnn"),
    b=link("a.cnn"),
)
spec("a link to a device", "zeros without an end", uses("./a.cnn"), "E0503", a=link("/dev/zero"))
spec("a used pipe", "a wait without an end", uses("./a.cnn"), "E0501", a=fifo)
spec("a used folder", "a folder as a file", uses("./a.cnn"), "E0501", a=folder)
spec("a used socket", "a file that nobody can open", uses("./a.cnn"), "E0501", a=unix_socket)
spec(
    "another case", "a name that only some systems find", uses("./A.cnn"), "E0501", a="let a = 1\n"
)
spec("a file of itself", "a circle of one", uses("./net.cnn"), "E0502")
spec(
    "a file of itself through a link",
    "the same by another name",
    uses("./a.cnn"),
    "E0502",
    a=link("net.cnn"),
)
spec("files of each other", "a circle of two", uses("./a.cnn"), "E0502", a='use "./net.cnn"\n')
spec(
    "a chain of files",
    "40 files deep",
    uses("./f0.cnn"),
    "E0604",
    exit=5,
    **{f"f{i}": f'use "./f{i + 1}.cnn"\n' for i in range(40)},
    f40="let a = 1\n",
)
spec(
    "many files",
    "300 files",
    "".join(f'use "./f{i}.cnn"\n' for i in range(300)) + net("relu"),
    "E0604",
    **{f"f{i}": f"let a{i} = 1\n" for i in range(300)},
)
spec(
    "the same file often",
    "10^4 uses of one",
    'use "./a.cnn"\n' * 10_000 + net("relu"),
    "",
    a="let a = 1\n",
)
spec("a used binary", "bytes that are no text", uses("./a.cnn"), "E0107", a=bytes(range(256)))
spec(
    "a used large file",
    "2 MiB beside the main file",
    uses("./a.cnn"),
    "E0604",
    exit=5,
    a="#" * (2 * MEGA),
)

# --------------------------------------------------------------------- options

GOOD = net("a: conv 3x3, classes, relu").replace("net {", "net(classes = 10) {")


def option(
    name: str,
    tries: str,
    *arguments: str,
    code: str = "",
    codes: tuple[str, ...] = (),
    exit: int = 2,
) -> None:
    """A case of hostile arguments for a good spec."""
    spec(name, tries, GOOD, *codes, code, exit=exit, arguments=arguments)


option(
    "--set without end",
    "a deep expression",
    "compile",
    "net.cnn",
    "--set",
    f"classes={'(' * 10**5}",
    code="E0602",
    exit=5,
)
option(
    "--set a bomb",
    "a list of 10^9",
    "compile",
    "net.cnn",
    "--set",
    "classes=0..10**9",
    code="E0601",
    exit=5,
)
option(
    "--set a giant",
    "10^5 digits",
    "compile",
    "net.cnn",
    "--set",
    "classes=" + "9" * 10**5,
    code="E0603",
    exit=5,
)
option(
    "--set controls",
    "escape sequences",
    "compile",
    "net.cnn",
    "--set",
    "classes=\x1b[31m",
    codes=("E0107", "E0102"),
)
option(
    "--set code", "Python", "compile", "net.cnn", "--set", "classes=__import__('os')", code="E0103"
)
option(
    "--set nobody",
    "a parameter that is none",
    "compile",
    "net.cnn",
    "--set",
    "__class__=1",
    code="E0203",
)
option("--set nothing", "no value", "compile", "net.cnn", "--set", "=")
option("--input a giant", "10^5 digits", "compile", "net.cnn", "--input", "9" * 10**5, code="E0207")
option(
    "--input many",
    "10^5 shapes",
    "compile",
    "net.cnn",
    "--input",
    ",".join(["8x8x3"] * 10**5),
    code="E0207",
    exit=1,
)
option(
    "--input large",
    "2^62 pixels",
    "compile",
    "net.cnn",
    "--input",
    "2147483647x2147483647x3",
    code="E0603",
    exit=5,
)
option(
    "--input other digits",
    "digits of another script",
    "compile",
    "net.cnn",
    "--input",
    "٣x٣x٣",
    code="E0207",
)
option(
    "--rewrite without end",
    "a deep expression",
    "compile",
    "net.cnn",
    "--rewrite",
    "f(" * 10**5,
    code="E0602",
    exit=5,
)
option(
    "--rewrite nobody",
    "a rule that is none",
    "compile",
    "net.cnn",
    "--rewrite",
    "a" * 10**5,
    code="E0604",
    exit=5,
)
option(
    "--at without end",
    "a pattern that goes back",
    "rewrite",
    "net.cnn",
    "--rule",
    "inference",
    "--at",
    "*a" * 900,
    code="E1003",
)
option(
    "--at many",
    "10^5 places",
    "rewrite",
    "net.cnn",
    "--rule",
    "inference",
    "--at",
    ",".join(["a"] * 10**5),
    code="E0604",
    exit=5,
)
option(
    "--at ranges",
    "a range of ranges",
    "rewrite",
    "net.cnn",
    "--rule",
    "inference",
    "--at",
    ".." * 900,
    code="E1003",
)
option(
    "--find without end",
    "a deep pattern",
    "rewrite",
    "net.cnn",
    "--find",
    "conv(" * 10**5,
    code="E0602",
    exit=5,
)
option(
    "--undo much",
    "a step that is none",
    "rewrite",
    "net.cnn",
    "--undo",
    "99999999999999999999",
    code="E1003",
    exit=1,
)
option(
    "--undo before",
    "a step before the first",
    "rewrite",
    "net.cnn",
    "--undo",
    "-1",
    code="E1003",
    exit=1,
)
option("--limit too much", "no limits", "check", "net.cnn", "--limit", "nodes=999999999")
option("--limit nobody", "a limit that is none", "check", "net.cnn", "--limit", "no=1")
option("--limit no number", "digits of another script", "check", "net.cnn", "--limit", "nodes=٣")
option(
    "--limit low",
    "a limit that nothing meets",
    "check",
    "net.cnn",
    "--limit",
    "nodes=1",
    code="E0601",
    exit=5,
)
option("many options", "10^4 of one", "compile", "net.cnn", *["--set", "classes=1"] * 2_000, exit=0)
option("a long option", "a word of 10^5 letters", "check", "net.cnn", "--" + "a" * 10**5)
option(
    "a file as an option",
    "a name that begins with a dash",
    "check",
    "--",
    "-net.cnn",
    code="E0501",
    exit=4,
)
option("--replay itself", "a spec without rules", "rewrite", "net.cnn", "--replay", "net.cnn")

CASES.append(
    Case(
        "--replay a journal",
        "JSON that is no spec",
        (("net.cnn", GOOD), ("journal.json", json.dumps({"steps": [{"rule": "x"}] * 1000}))),
        ("E0101",),
        1,
        ("rewrite", "net.cnn", "--replay", "journal.json"),
    )
)
CASES.append(
    Case(
        "--replay a bomb",
        "JSON of 10^5 levels",
        (("net.cnn", GOOD), ("journal.json", "[" * 10**5)),
        ("E0102",),
        1,
        ("rewrite", "net.cnn", "--replay", "journal.json"),
    )
)

# ----------------------------------------------------------------------- rules

spec(
    "a rule that grows",
    "a network without end",
    "rule grow { relu => relu; relu }\n" + net("relu") + "model m = net with grow\n",
    arguments=("check", "net.cnn:m"),
)
spec(
    "rules that go in circles",
    "a derivation without end",
    "rule ab { relu => tanh }\nrule ba { tanh => relu }\nlet both = [ab, ba]\n"
    + net("relu")
    + "model m = net with both\n",
    arguments=("check", "net.cnn:m"),
)
spec(
    "a rule with a loop",
    "10^9 layers for one",
    "rule bomb { relu => for i in 0..10**9 { tanh } }\n"
    + net("relu")
    + "model m = net with bomb\n",
    "E1001",
    arguments=("check", "net.cnn:m"),
)
spec(
    "a rule with a repeat",
    "10^5 layers for one",
    "rule bomb { relu => { tanh; sigmoid } × 50000 }\n" + net("relu") + "model m = net with bomb\n",
    "E1001",
    arguments=("check", "net.cnn:m"),
)
spec(
    "a rule at many places",
    "a product of places and layers",
    "rule bomb { relu => { tanh; sigmoid } × 1000 }\n"
    + net("relu() × 1000")
    + "model m = net with bomb\n",
    "E0601",
    arguments=("check", "net.cnn:m"),
)
spec(
    "a set of itself",
    "a circle of sets",
    "let a = [b]\nlet b = [a]\n" + net("relu") + "model m = net with a\n",
    "E0402",
    arguments=("check", "net.cnn:m"),
)
