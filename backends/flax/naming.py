"""Names: labels of the spec as Python identifiers, blocks and models as class names.

`identifier` and `class_name` give a name that is legal, private to nobody and free in Python, in
Flax and in what we emit ourselves; two names may become one. `Names` then gives each of them a
name of its own in the scope where it stands: together they never give two things one name.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

from .helpers import HELPERS

MODULE_ATTRIBUTES = frozenset(
    ["eval", "iter_children", "iter_modules", "perturb", "set_attributes", "sow", "train"]
)
"""Public names of `nnx.Module`; a test compares them with the installed version."""
SWITCHED = frozenset(["deterministic", "use_running_average"])
"""Attributes that `train()` and `eval()` of Flax set wherever they find them."""

IMPORTED = frozenset(
    ["Any", "Callable", "DTypeLike", "Sequence", "jax", "jnp", "lax", "nnx", "np", "partial",
     "reduce"]
)  # fmt: skip
ARGUMENTS = frozenset(["dtype", "param_dtype", "rngs", "self", "i"])
AMBIGUOUS = frozenset("lIO")

DEFINED = frozenset(
    [*HELPERS, "interpolation", "cubic_kernel", "create", "draw", "OneKey", "KERNEL_INIT",
     "AUX_WEIGHTS"]
)  # fmt: skip
SPELLINGS = {
    "convnext": "ConvNeXt",
    "deepface": "DeepFace",
    "espcn": "ESPCN",
    "googlenet": "GoogLeNet",
    "mbconv": "MBConv",
    "nasnet": "NASNet",
}

_KEYWORDS = frozenset(keyword.kwlist)
_AVOIDED = (
    _KEYWORDS
    | frozenset(keyword.softkwlist)
    | frozenset(dir(builtins))
    | MODULE_ATTRIBUTES
    | SWITCHED
    | IMPORTED
    | DEFINED
    | ARGUMENTS
    | AMBIGUOUS
)


def identifier(name: str, prefix: str = "", *, attribute: bool = False) -> str:
    """A name as an identifier, or as the name of an attribute.

    What is no letter, digit or underscore becomes an underscore. A name that begins
    with a digit gets the prefix: `3a` with `inception` is `inception_3a`. One that Python
    or Flax uses gets an underscore behind; an attribute need not avoid as much as a variable.

    >>> identifier("3a", "inception"), identifier("lambda"), identifier("b-1")
    ('inception_3a', 'lambda_', 'b_1')
    """
    text = _word(name) or "value"
    if text[0].isdigit():
        text = f"{_word(prefix).lstrip('0123456789_') or 'node'}_{text}"
    avoided = _KEYWORDS | MODULE_ATTRIBUTES | SWITCHED if attribute else _AVOIDED
    return f"{text}_" if text in avoided else text


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")


class Names:
    """Gives each key a name of its own; a name that is taken gets a number."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def new(self, wanted: str, joint: str = "_") -> str:
        """`wanted`, or `wanted_2`, `wanted_3`, ... when it is taken."""
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}{joint}{number}"
        self.taken.add(name)
        return name


def class_name(name: str) -> str:
    """A block or model as a class name.

    >>> class_name("resnet50"), class_name("dense_layer"), class_name("vgg16_bn"), class_name("se")
    ('ResNet50', 'DenseLayer', 'VGG16BN', 'SE')
    """
    parts = [part for part in re.split(r"[\W_]+", name, flags=re.ASCII) if part]
    text = "".join(map(_capitalised, parts)) or "Block"
    if text[0].isdigit():
        text = f"Net{text}"
    return f"{text}_" if text in _AVOIDED else text


def _capitalised(part: str) -> str:
    if part != part.lower():  # the spec has capitals of its own
        return part[0].upper() + part[1:]
    letters = re.match(r"[a-z]*", part)
    assert letters is not None
    word, rest = letters[0], part[letters.end() :]
    if not word:
        return part
    if word in SPELLINGS:
        return SPELLINGS[word] + rest
    if len(word) == 2 or not re.search("[aeiouy]", word):
        return word.upper() + rest
    if word.endswith("net") and word != "net":
        stem = word[:-3]
        short = len(stem) == 1 or not re.search("[aeiouy]", stem)
        return f"{stem.upper() if short else stem.capitalize()}Net{rest}"
    return word.capitalize() + rest


def snake(name: str) -> str:
    """A class name as the name of a variable.

    >>> snake("DenseLayer"), snake("MBConv")
    ('dense_layer', 'mbconv')
    """
    text = ""
    for before, letter in zip(" " + name, name, strict=False):
        if letter.isupper() and (before.islower() or before.isdigit()):
            text += "_"
        text += letter.lower()
    return text


def plural(word: str) -> str:
    """`dense_layer` as `dense_layers`."""
    return word if word.endswith("s") else f"{word}s"
