"""A layer of another tool, written in this language.

    Conv2d(3, 64, kernel_size=7, stride=2, padding=3)   conv 7x7/2, 64, pad=3
    Conv2D(64, 3, activation="relu")                    conv 3x3, 64, pad=valid, relu

What has no counterpart is not guessed: then there is no translation, and the name is all that a
message can give.
"""

from __future__ import annotations

import re

from ..diagnostics import Fix, Help
from ..source import Span
from .layers import FLAX, KERAS, LAYERS, TORCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .layers import Layer

_CALL = re.compile(r"(?:\w+\.)*(\w+)[ \t]*\(")
_OURS = re.compile(r"\b\d+x\d")
_VALUE = re.compile(r"[A-Za-z_][\w.]*|\d[\w.-]*")
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_WITH_WINDOW = frozenset(("conv", "dwconv", "deconv", "local", "maxpool", "avgpool"))
_POOLS = frozenset(("maxpool", "avgpool"))

# Inferred here, or without a meaning.
_LEFT_OUT = frozenset(
    ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "inplace")
) | {"data_format", "axis", "dim", "name", "device", "dtype", "input_shape", "input_dim"}
_POSITIONAL = (
    *("num_groups", "shuffle_groups", "out_channels", "filters", "features"),
    *("out_features", "units", "scale_factor", "upscale_factor", "downscale_factor", "p"),
)
_NAMED = {
    "padding": "pad",
    "dilation": "dilation",
    "dilation_rate": "dilation",
    "groups": "groups",
    "bias": "bias",
    "use_bias": "bias",
    "depth_multiplier": "multiplier",
    "output_padding": "output_padding",
    "eps": "eps",
    "epsilon": "eps",
    "momentum": "momentum",
    "negative_slope": "slope",
    "lrn_size": "size",
    "alpha": "alpha",
    "beta": "beta",
    "lrn_k": "k",
    "count_include_pad": "count_include_pad",
    "mode": "mode",
    "interpolation": "mode",
    "align_corners": "align_corners",
    "value": "value",
}
_OTHER_NAMES = {"size": "lrn_size", "k": "lrn_k", "rate": "p", "kernel_size": "pool_size"}
_USUAL = frozenset((("dilation", "1"), ("groups", "1"), ("bias", "true"), ("multiplier", "1")))
_USUAL |= {("output_padding", "0"), ("value", "0")}
_OMITTED_PADDING = {TORCH: "0", KERAS: "valid", FLAX: "same"}


def call_at(text: str, start: int) -> tuple[str, str, int] | None:
    """The call of a layer that stands at `start`: its name, its arguments, and its end."""
    found = _CALL.match(text, start)
    if not found or found[1] not in LAYERS:
        return None
    depth = 1
    for at in range(found.end(), min(len(text), found.end() + 500)):
        depth += _BRACKETS.get(text[at], 0)
        if depth == 0:
            return found[1], text[found.end() : at], at + 1
    return None


def translated(name: str, arguments: str) -> str | None:
    """The layer in this language, or None where an argument has no counterpart, or is ours."""
    if _OURS.search(arguments):
        return None
    layer = LAYERS[name]
    given = _bound(layer, _parts(arguments))
    if given is None or not layer.arguments:
        return layer.word if given == {} and layer.word not in _WITH_WINDOW else None
    try:
        return _written(layer, given)
    except _Untranslatable:
        return None


def layer_help(name: Span) -> Help:
    """What to write instead of a layer of another tool: the same one here, or else our name."""
    ours = LAYERS[name.text].word
    text = name.source.text
    call = call_at(text, name.start)
    same = translated(*call[:2]) if call else None
    if call is None or same is None:
        return Help(f"it is called `{ours}` here", Fix(name, ours))
    if re.match(r"[ \t]*(?:×|x )", text[call[2] :]):  # only calls are repeated
        same = same.replace(" ", "(", 1) + ")"
    place = Span(name.source, name.start, call[2])
    return Help("the same layer in this language", Fix(place, same, safe=False))


class _Untranslatable(Exception):
    """An argument means nothing here."""


def _parts(text: str) -> list[str]:
    """The arguments of a call."""
    parts, depth = [""], 0
    for sign in text:
        depth += _BRACKETS.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _bound(layer: Layer, parts: list[str]) -> dict[str, str] | None:
    """Values by the names that the table has for them; None if there is another argument."""
    given: dict[str, str] = {}
    for position, part in enumerate(parts):
        name, sign, value = part.partition("=")
        if not sign:
            if position >= len(layer.arguments):
                return None
            name, value = layer.arguments[position], part
        name = name.strip()
        known = (*layer.arguments, *_LEFT_OUT)
        if name not in known:
            name = _OTHER_NAMES.get(name, name)
        if name == "momentum" and layer.tool == KERAS:
            name = "old_momentum"
        if name not in known:
            return None
        given[name] = value.strip()
    return {name: value for name, value in given.items() if name not in _LEFT_OUT}


def _written(layer: Layer, given: Mapping[str, str]) -> str:
    rest = dict(given)
    parts = [_window(layer, rest)] if layer.word in _WITH_WINDOW else []
    parts += [_scalar(rest.pop(name)) for name in _POSITIONAL if name in rest]
    amount = rest.pop("pad_amount", "") or rest.pop("keras_amount", "")
    if amount:
        parts.append(_amount(amount, "keras_amount" in given))
    if rest.pop("output_size", "1") not in ("1", "(1, 1)", "(1,1)", "None"):
        raise _Untranslatable
    post = _activation(rest.pop("activation", "None"))
    if rest.pop("ceil_mode", "False") in ("True", "true"):
        parts.append("ceil")
    if "old_momentum" in rest:
        parts.append(f"momentum={1 - _float(rest.pop('old_momentum')):g}")
    for name, value in rest.items():
        if name not in _NAMED:
            raise _Untranslatable
        word, text = _NAMED[name], _pad(value) if name == "padding" else _scalar(value)
        if (word, text) not in _USUAL:
            parts.append(f"{word}={text}")
    parts += [text for text in (layer.given, post) if text]
    return f"{layer.word} {', '.join(parts)}".rstrip()


def _window(layer: Layer, rest: dict[str, str]) -> str:
    """`7x7/2`, and the padding put into words where the tool's own default is meant."""
    size = rest.pop("kernel_size", "") or rest.pop("pool_size", "")
    is_pool = layer.word in _POOLS
    if not size and not is_pool:
        raise _Untranslatable
    height, width = _pair(size or "2")
    usual = f"({height}, {width})" if is_pool and layer.tool != FLAX else "1"
    stride = _pair(rest.pop("stride", "") or rest.pop("strides", "") or usual)
    one_by_one = (height, width) == ("1", "1")
    if one_by_one and rest.get("padding", "0").strip("\"'").lower() in ("0", "same", "valid"):
        rest.pop("padding", None)
    elif not is_pool and layer.word != "deconv":
        rest.setdefault("padding", _OMITTED_PADDING[layer.tool])
    if is_pool and rest.get("padding", "0").strip("\"'").lower() in ("0", "valid"):
        rest.pop("padding", None)
    return _sized(height, width) + _stride(*stride)


def _sized(height: str, width: str) -> str:
    return f"{height}x{width}" if (height + width).isdigit() else f"{height}×{width}"


def _stride(rows: str, columns: str) -> str:
    if (rows, columns) == ("1", "1"):
        return ""
    return f"/{rows}" if rows == columns else f"/{_sized(rows, columns)}"


def _pair(text: str) -> tuple[str, str]:
    """`3` and `(3, 3)`."""
    values = _parts(text.strip("()[] "))
    if len(values) not in (1, 2):
        raise _Untranslatable
    return _scalar(values[0]), _scalar(values[-1])


def _pad(text: str) -> str:
    if text.strip("\"'").lower() in ("same", "valid"):
        return text.strip("\"'").lower()
    rows, columns = _pair(text)
    return rows if rows == columns else _sized(rows, columns)


def _amount(text: str, by_rows: bool) -> str:
    """Of a padding: Keras has rows and columns, PyTorch left, right, top and bottom."""
    values = [_scalar(value) for value in re.findall(r"[\w.]+", text)]
    if len(values) == 1:
        return values[0]
    if by_rows and len(values) == 2:
        values = [values[0], values[0], values[1], values[1]]
    elif not by_rows and len(values) == 4:
        values = [values[2], values[3], values[0], values[1]]
    if len(values) != 4:
        raise _Untranslatable
    return f"[{', '.join(values)}]"


def _activation(text: str) -> str:
    """Ours, of `"relu"`, `nn.relu` or `None`."""
    word = text.strip("\"'").rpartition(".")[2]
    if word in ("None", "linear", "null"):
        return ""
    if word in LAYERS:
        return LAYERS[word].word
    if word.islower():
        return word
    raise _Untranslatable


def _scalar(text: str) -> str:
    text = text.strip().strip("\"'")
    if not _VALUE.fullmatch(text):
        raise _Untranslatable
    return text.lower() if text in ("True", "False") else text


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _Untranslatable from None
