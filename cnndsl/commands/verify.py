"""`cnnc verify`: the same network in another framework, and its weights."""

from __future__ import annotations

from ..exits import OK, UsageError
from ..terminal import show
from .options import compile_given, option_file, options_for_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ..graph import Module
    from ..verify.trace import Reference
    from ..verify.weights import Weights


def configure(parser: ArgumentParser) -> None:
    option_file(parser)
    parser.add_argument(
        "--against", metavar="NETWORK",
        help="keras:ResNet50, torch:MODULE:FACTORY, onnx:FILE or flax:MODULE:CLASS",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="FILE", help="take the weights of .safetensors, .pth, .h5 or .keras"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="with --weights: write them for the emitted code"
    )
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--seed", type=_natural, default=0, help="of random weights and inputs")
    parser.add_argument(
        "--tolerance", type=_tolerance, default=1e-5, metavar="X",
        help="greatest difference of outputs, in units of the largest value (default 1e-5)",
    )  # fmt: skip
    options_for_spec(parser)


def _natural(text: str) -> int:
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ArgumentTypeError(f"a whole number is needed, not `{text}`")
    return int(text)


def _tolerance(text: str) -> float:
    from argparse import ArgumentTypeError

    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise ArgumentTypeError(f"a number between 0 and 1 is needed, not `{text}`")
    return found


def run(options: Namespace) -> int:
    """Compare with another framework, convert a checkpoint, or both."""
    if not (options.against or options.weights):
        raise UsageError(
            "`cnnc verify` needs something to compare with",
            "`--against keras:ResNet50` names a network, `--weights FILE` a checkpoint",
        )
    if options.output and not options.weights:
        raise UsageError("`-o` is for the weights of `--weights FILE`", "give both, or neither")
    if options.weights and not (options.against or options.output):
        raise UsageError("where are the weights to go?", "`-o weights.safetensors` writes them")
    module = compile_given(options).module
    if not options.against:
        return _convert(options, module)
    from ..backend import check_requirements, weighted_backend
    from ..verify import open_reference, weights_of
    from ..verify.ours import sizes

    check_requirements(weighted_backend())
    reference = open_reference(options.against, [sizes(value) for value in module.main.inputs])
    weights = None
    if options.weights:
        reference.load(options.weights)
        weights = weights_of(module, reference)
    _judge(options, module, reference, weights)
    if weights is not None and options.output:
        from ..verify.checkpoints import save

        save(options.output, module, weights, options.weights)
        if not options.json:
            show(_written(options, module))
    return OK


def _convert(options: Namespace, module: Module) -> int:
    """The weights of a checkpoint for the emitted code, paired without a reference."""
    from ..verify.checkpoints import convert, described, read_checkpoint, save

    found = convert(module, read_checkpoint(options.weights))
    save(options.output, module, found.weights, options.weights)
    show(_written(options, module))
    show(described(found))
    return OK


def _written(options: Namespace, module: Module) -> str:
    return f"{options.output}: the weights of `{module.name}` from {options.weights}"


def _judge(
    options: Namespace, module: Module, reference: Reference, weights: Weights | None
) -> None:
    """Print the verdict. Raises CnnError where the networks differ."""
    from ..verify import as_json, described, problem, verify

    verdict = verify(
        module, reference, seed=options.seed, tolerance=options.tolerance, weights=weights,
        origin=options.weights or "random",
    )  # fmt: skip
    if options.json:
        from ..escape import json_text

        show(json_text(as_json(verdict)).rstrip())
    else:
        show(described(verdict))
    if not verdict.equal:
        raise problem(verdict)
