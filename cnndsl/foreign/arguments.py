"""Arguments of other tools: what to write instead."""

from __future__ import annotations

from ..diagnostics import Fix, Help
from ..source import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _window(value: str) -> str:
    return f"{value}x{value}" if value.isdigit() else value


def _value(value: str) -> str:
    return value


def _named(ours: str) -> Callable[[str], str]:
    return lambda value: f"{ours}={value}"


def _nothing(value: str) -> str:
    return ""


def _ceil(value: str) -> str | None:
    return "ceil" if value in ("true", "True") else None


_STRIDE = "the stride stands in the window: `3x3/2`"
_KERNEL = "the kernel's size is the first argument: `conv 3x3, 64`"
_WINDOW = "the window's size is the first argument: `maxpool 3x3/2`"
_CHANNELS = "the number of output channels follows the window: `conv 3x3, 64`"
_OUTPUTS = "the number of outputs is the first argument: `fc 1000`"

FOREIGN_ARGUMENTS: Mapping[str, tuple[str, Callable[[str], str | None] | None]] = {
    "stride": (_STRIDE, None),
    "strides": (_STRIDE, None),
    "s": (_STRIDE, None),
    "kernel_size": (_KERNEL, _window),
    "kernel": (_KERNEL, _window),
    "k": (_KERNEL, _window),
    "size": (_WINDOW, _window),
    "pool_size": (_WINDOW, _window),
    "padding": ("it is called `pad` here: `pad=1`, `pad=same`", _named("pad")),
    "filters": (_CHANNELS, _value),
    "out_channels": (_CHANNELS, _value),
    "in_channels": ("input channels are inferred; leave them out", _nothing),
    "in_features": ("inputs are inferred; leave them out", _nothing),
    "out_features": (_OUTPUTS, _value),
    "units": (_OUTPUTS, _value),
    "use_bias": ("it is called `bias` here: `bias=true`", _named("bias")),
    "activation": ("activations follow the arguments: `conv 3x3, 64, relu`", _value),
    "ceil_mode": ("rounding up is the flag `ceil`: `maxpool 3x3/2, ceil`", _ceil),
    "epsilon": ("it is called `eps` here", _named("eps")),
    "features": (_CHANNELS, _value),
    "num_features": ("channels are inferred; leave them out", _nothing),
    "dilation_rate": ("it is called `dilation` here", _named("dilation")),
    "depth_multiplier": ("it is called `multiplier` here", _named("multiplier")),
    "negative_slope": ("it is called `slope` here", _named("slope")),
    "alpha": ("it is called `slope` here", _named("slope")),
    "window_shape": (_WINDOW, _window),
    "num_groups": ("the number of groups is the first argument: `gn 32`", _value),
    "scale_factor": ("the factor is the first argument: `upsample 2`", _value),
    "inplace": ("the compiler decides that; leave it out", _nothing),
    "p": ("the rate is the first argument: `dropout 40%`", _value),
}
"""Arguments of other tools: where the same thing is said here, and what `name=value` becomes."""


def argument_help(name: str, argument: Span, window: Span | None) -> Help | None:
    """What to write instead of an argument of another tool, as an edit where there is one.

    Arguments:
        argument: the place of `name=value`.
        window: that of the window before it, which takes a stride.
    """
    if name not in FOREIGN_ARGUMENTS:
        return None
    sentence, rewrite = FOREIGN_ARGUMENTS[name]
    value = argument.text.partition("=")[2].strip().strip('"')
    if rewrite is None:
        return Help(sentence, _with_stride(argument, value, window))
    text = rewrite(value)
    if text:
        return Help(sentence, Fix(argument, text))
    return Help(sentence, _left_out(argument) if text is not None else None)


def _with_stride(argument: Span, value: str, window: Span | None) -> Fix | None:
    """The edit that moves a stride into the window."""
    if window is None or "/" in window.text or not value.isalnum():
        return None
    between = argument.source.text[window.end : argument.start].rstrip().removesuffix(",")
    return Fix(window.to(argument), f"{window.text}/{value}{between}")


def _left_out(argument: Span) -> Fix:
    """The edit that removes an argument with its comma."""
    text = argument.source.text
    before, after = text[: argument.start].rstrip(), text[argument.end :]
    if before.endswith(","):
        return Fix(Span(argument.source, len(before) - 1, argument.end), "")
    comma = len(after) - len(after.lstrip(", "))
    return Fix(Span(argument.source, argument.start, argument.end + comma), "")
