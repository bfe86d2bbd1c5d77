"""The structure of an output, read by a parser that is not ours: what is left without the words.

Two outputs that differ in nothing but words have one structure. Each reader raises for a text
that its format does not allow.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import tokenize
from collections import Counter
from io import StringIO
from typing import Any
from xml.etree import ElementTree

Structure = Any

HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control, bidi and zero-width characters, and those that no file can have."""


def check_seen(text: str, allowed: str = "") -> None:
    """Nothing is hidden in a text."""
    hidden = sorted({found for found in HIDDEN.findall(text) if found not in allowed})
    assert not hidden, f"hidden in the output: {hidden}"


# ------------------------------------------------------------------------ Python

NODES = (
    ast.Add, ast.And, ast.AnnAssign, ast.Assign, ast.Attribute, ast.BinOp, ast.BitOr, ast.BoolOp,
    ast.Call, ast.ClassDef, ast.Compare, ast.Constant, ast.Dict, ast.Div, ast.Eq, ast.Expr,
    ast.FloorDiv, ast.For, ast.FunctionDef, ast.GeneratorExp, ast.Gt, ast.If, ast.IfExp, ast.Import,
    ast.ImportFrom, ast.In, ast.Is, ast.List, ast.ListComp, ast.Load, ast.LtE, ast.Module, ast.Mult,
    ast.Name, ast.NamedExpr, ast.Not, ast.NotEq, ast.Or, ast.Pass, ast.Pow, ast.Return, ast.Slice,
    ast.Starred, ast.Store, ast.Sub, ast.Subscript, ast.Tuple, ast.USub, ast.UnaryOp, ast.While,
    ast.alias, ast.arg, ast.arguments, ast.comprehension, ast.keyword,
)  # fmt: skip
"""Kinds of syntax that an emitted module may have."""
IMPORTS = {
    "collections.abc", "flax", "functools", "jax", "jax.numpy", "jax.typing", "numpy", "typing"
}  # fmt: skip
BUILTINS = {
    "bool", "dict", "enumerate", "float", "int", "isinstance", "len", "max", "range", "str",
    "tuple", "zip",
}  # fmt: skip
LIBRARIES = {
    "jax": "Array numpy random.fold_in random.key typing",
    "jnp": "abs array asarray concatenate einsum float32 full inf max maximum mean min minimum "
    "moveaxis pad repeat split stack sum zeros",
    "lax": "add pad padtype_to_pads reduce_window",
    "nnx": "BatchNorm Conv ConvTranspose Dropout GroupNorm LayerNorm Linear List Module Param "
    "RngKey RngStream Rngs avg_pool elu eval_shape gelu hard_sigmoid hard_swish "
    "initializers.constant initializers.he_normal leaky_relu max_pool merge relu relu6 sigmoid "
    "silu softmax softplus split tanh to_flat_state",
    "np": "abs add.at arange clip float32 floor full ndarray prod random.Generator "
    "random.default_rng sqrt where zeros",
}
"""What an emitted module takes from each library: nothing that reads, writes or runs anything."""
METHODS = {
    "any", "astype", "default", "dtype", "fork", "get_metadata", "get_value", "initial", "key",
    "ndim", "params", "reshape", "set_value", "shape", "standard_normal", "sum", "swapaxes", "tag",
    "transpose",
}  # fmt: skip


def check_python(text: str) -> ast.Module:
    """The tree of an emitted module, which does nothing but what such a module may do."""
    tree = ast.parse(text)
    known = {*BUILTINS, *_bound(tree)}
    own = {*METHODS, *_assigned(tree)}
    for node in ast.walk(tree):
        assert isinstance(node, NODES), f"{type(node).__name__} in emitted code"
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= IMPORTS, ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            assert node.module in IMPORTS and not node.level, ast.unparse(node)
        if isinstance(node, ast.Name):
            assert node.id in known, f"`{node.id}` is nobody's name"
        if isinstance(node, ast.Attribute):
            library, _, rest = ast.unparse(node).partition(".")
            allowed = LIBRARIES.get(library)
            if allowed is None:
                assert node.attr in own, f"`{ast.unparse(node)}` is not ours"
            else:
                assert re.search(rf"(?<!\S){re.escape(rest)}(?![^\s.])", allowed), (
                    f"{library}.{rest}"
                )
    return tree


def _assigned(tree: ast.Module) -> set[str]:
    """The attributes that the module gives to its objects."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


def _bound(tree: ast.Module) -> set[str]:
    """Every name that the module imports, defines or assigns."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def python(text: str) -> Structure:
    """How often each kind of node occurs, what is imported, how many comments there are.

    A long line gets a variable more, so that these are not counted.
    """
    check_seen(text)
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    comments = sum(token.type == tokenize.COMMENT for token in tokens)
    kinds = Counter(_kind(node) for node in ast.walk(check_python(text)))
    return kinds - Counter({kind: kinds[kind] for kind in VARIABLES}), comments


VARIABLES = {repr(kind) for kind in (ast.Assign, ast.Load, ast.Name, ast.Store, ast.Tuple)}


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    return ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else repr(type(node))


# --------------------------------------------------------------------------- DOT

_DOT = re.compile(
    r'\s+|//[^\n]*|(?P<word>[A-Za-z_][A-Za-z_0-9]*|-?[0-9]+(?:\.[0-9]*)?(?:e-?[0-9]+)?)'
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<sign>->|[{}\[\]=,:;])'
)  # fmt: skip
LONGEST_LABEL = 16_384


def dot(text: str) -> Structure:
    """The statements and attributes; of strings that they are some, of labels their elements."""
    check_seen(text)
    found, at, depth = [], 0, 0
    while at < len(text):
        if text[at] == "<":
            end = _end_of_markup(text, at)
            label = f"<label>{text[at + 1 : end]}</label>".replace("&nbsp;", " ")
            found.append(tuple(sorted(_elements(ElementTree.fromstring(label)).items())))
            at = end + 1
            continue
        token = _DOT.match(text, at)
        assert token, f"no DOT: {text[at : at + 40]!r}"
        at = token.end()
        depth += (token["sign"] == "{") - (token["sign"] == "}")
        assert 0 <= depth <= 64, "clusters in clusters"
        if token["string"]:
            assert len(token["string"]) < LONGEST_LABEL
            found.append("a string")
        elif token["word"] or token["sign"]:
            found.append(token[0])
    assert depth == 0
    assert not {"URL", "href", "image", "shapefile", "tooltip", "target"} & {*map(str, found)}
    return found


def _end_of_markup(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "<") - (text[at] == ">")
        if depth == 0:
            return at
    raise AssertionError("markup without an end")


FLOWING = {"font", "td", "tr", "text", "tspan"}
"""Elements of which long words make more or fewer, as of `br`."""


def _elements(root: ElementTree.Element) -> Counter[tuple[str, ...]]:
    """How often each element occurs, with the names of its attributes."""
    found: Counter[tuple[str, ...]] = Counter()
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        if tag != "br" or element.attrib:
            found[(tag, *sorted(element.attrib))] += 1
    return Counter({key: 1 if key[0] in FLOWING else count for key, count in found.items()})


def svg(text: str) -> Structure:
    """The elements and their attributes; none that runs or loads anything."""
    check_seen(text)
    root = ElementTree.fromstring(text.encode())
    found = _elements(root)
    for tag, *attributes in found:
        assert tag not in {"a", "image", "script", "foreignObject", "use", "style"}, tag
        assert not [name for name in attributes if name.startswith("on") or "href" in name]
    return found


# ------------------------------------------------------------------ tables and data


def comma_separated(text: str) -> Structure:
    """The number of cells in each row; none is a formula."""
    check_seen(text)
    rows = list(csv.reader(StringIO(text, newline=""), strict=True))
    for row in rows:
        for cell in row:
            number = re.fullmatch(r"-?[\d.]+", cell)
            assert number or cell.strip()[:1] not in tuple("=+-@＝＋－＠"), cell
    return [len(row) for row in rows]


def markdown(text: str) -> Structure:
    """The kinds of blocks and of markup in them, as CommonMark and GitHub read them."""
    from markdown_it import MarkdownIt

    check_seen(text)
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    found = []
    for token in tokens:
        found.append(token.type)
        inside = [inner.type for inner in token.children or ()]
        found += [kind for kind in inside if kind not in ("text", "text_special", "softbreak")]
    assert not [kind for kind in found if kind.startswith(("html", "link", "image", "fence"))]
    return found


def json_document(text: str) -> Structure:
    """Keys and kinds of values."""
    check_seen(text)
    return _shape(json.loads(text))


def _shape(value: object) -> Structure:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return list(map(_shape, value)) if isinstance(value, list) else type(value).__name__


_ANNOTATION = re.compile(r"::(error|warning) ([^:\n]*)::(.*)")


def annotations(text: str) -> Structure:
    """Workflow commands of GitHub: one for each line, their properties, the lines of the text."""
    check_seen(text)
    found = []
    for line in text.splitlines():
        command = _ANNOTATION.fullmatch(line)
        assert command, f"no workflow command: {line!r}"
        properties = [part.partition("=")[0] for part in command[2].split(",")]
        assert all(re.fullmatch("[A-Za-z]+", name) for name in properties), properties
        found.append((command[1], properties))
    return found


_COLOR = re.compile(r"\x1b\[(?:0|1;3[0-9]|1)m")


def terminal(text: str) -> Structure:
    """Lines that a reader sees as they are; the only controls are our colours, which end."""
    assert not text or (text.count("\x1b[1") == text.count("\x1b[0m"))
    check_seen(_COLOR.sub("", text))
    return None
