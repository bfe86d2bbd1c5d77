"""PyTorch modules of any style: every function that a run calls is a step."""

from __future__ import annotations

import sys
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from ...diagnostics import CnnError
from ..trace import Slot, Step, Trace, shown
from . import Target, built, factory, refuse, tensors
from .tensors import Moved, Store, Stored
from .torch_calls import FORMS, ROLES, Call, Value, moved, name_of, of_layer, tensors_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from typing import Any

    from ..trace import Shape


def open_network(target: Target, inputs: tuple[Shape, ...]) -> TorchReference:
    """`torch:torchvision.models:resnet50`, without pretrained weights."""
    make = factory(target)
    if any(target.options.get(word) for word in ("weights", "pretrained")):
        refuse(target.text, "no weights are downloaded", "give a file with `--weights`")
    model = make if isinstance(make, nn.Module) else built(target, make)
    if not isinstance(model, nn.Module):
        refuse(target.text, f"it gives a `{type(model).__name__}`, which is no `nn.Module`")
    try:
        return TorchReference(target.text, model, inputs, target.path[0].partition(".")[0])
    except CnnError:
        raise
    except Exception as problem:
        shapes = ", ".join(map(shown, inputs))
        refuse(
            target.text,
            f"it does not run on inputs of {shapes}: {type(problem).__name__}: {problem}",
        )


class TorchReference(Store):
    """A module in inference mode.

    Arguments:
        name: what the user calls it.
        model: the module.
        inputs: shapes of what it reads.
        package: where it comes from.
    """

    def __init__(
        self, name: str, model: nn.Module, inputs: Sequence[Shape], package: str = ""
    ) -> None:
        self.model = model.float().eval()
        super().__init__(name, {key: value.detach().numpy() for key, value in _memory(model)})
        self.versions = f"PyTorch {torch.__version__}" + _version(package)
        self.parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        zeros = [np.zeros((1, *shape), np.float32) for shape in inputs]
        recorder, outputs = self._run(zeros)
        self.stored = recorder.stored
        steps = tensors.with_layers(recorder.steps, len(inputs), outputs)
        self.trace = Trace(tuple(inputs), steps, outputs)

    def run(
        self, inputs: Sequence[np.ndarray], wanted: Container[int] | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        everything = range(len(inputs) + len(self.trace.steps))
        recorder, _ = self._run(inputs, everything if wanted is None else wanted)
        if len(recorder.steps) != len(self.trace.steps):
            refuse(self.name, "what it computes depends on the values of its inputs")
        yield from enumerate(inputs)
        yield from recorder.kept.items()

    def _run(
        self, inputs: Sequence[np.ndarray], wanted: Container[int] = ()
    ) -> tuple[Recorder, tuple[int, ...]]:
        """Run on every image twice, so that code may squeeze axes of one element away."""
        given = [torch.from_numpy(tensors.as_input(np.concatenate([x, x]))) for x in inputs]
        recorder = Recorder(self.name, self.model, given, wanted)
        with torch.no_grad(), recorder.following():
            outputs = recorder.outputs(self.model(*given))
        if not outputs:
            refuse(self.name, "it gives no tensor that is computed from its inputs")
        return recorder, outputs


def _version(package: str) -> str:
    found = getattr(sys.modules.get(package), "__version__", "")
    return f", {package} {found}" if found and package != "torch" else ""


def _memory(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by their names."""
    yield from model.named_buffers()
    yield from model.named_parameters()


def _is_repeated(tensor: Tensor) -> bool:
    """Whether one element in memory stands in several places, as `expand` makes them."""
    return any(step == 0 and n > 1 for step, n in zip(tensor.stride(), tensor.shape, strict=True))


class Recorder(TorchFunctionMode):
    """Watches a run.

    Arguments:
        name: of the network, for messages.
        model: whose parameters are weights.
        inputs: the first values.
        wanted: numbers of values to keep, for the first half of the batch.
    """

    def __init__(
        self, name: str, model: nn.Module, inputs: Sequence[Tensor], wanted: Container[int]
    ) -> None:
        super().__init__()
        self.name = name
        self.wanted = wanted
        self.values = WeakTensorKeyDictionary()
        """What is known of each tensor as long as it lives."""
        self.steps: list[Step] = []
        self.kept: dict[int, np.ndarray] = {}
        self.stored: dict[Any, Stored] = {}
        self.homes: dict[int, tuple[str, Tensor]] = {}
        """Parameters and buffers by the address of their memory."""
        self.computed = WeakTensorKeyDictionary()
        """Tensors computed from parameters alone."""
        self.names = {id(module): name for name, module in model.named_modules()}
        self.stack: list[nn.Module] = []
        self.blind = False
        for name, tensor in _memory(model):
            self.homes[tensor.untyped_storage().data_ptr()] = name, tensor
        self.inputs = len(inputs)
        for number, tensor in enumerate(inputs):
            self._know(tensor, number, last=tensor.ndim == 3)

    def outputs(self, result: Any) -> tuple[int, ...]:
        """The values among what the model returns."""
        return tuple(value.number for value in self._read(result))

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if not self.blind:
            self._note(function, args, kwargs, result)
        return result

    @contextmanager
    def following(self) -> Iterator[None]:
        """Know which module is at work."""
        before = register_module_forward_pre_hook(self._enter)
        after = register_module_forward_hook(self._leave, with_kwargs=True, always_call=True)
        try:
            with self:
                yield
        finally:
            before.remove()
            after.remove()

    def _enter(self, module: nn.Module, args: Any) -> None:
        self.stack.append(module)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        """What a module makes unseen, compiled code for instance, is one step."""
        self.blind = True
        read = self._read((args, kwargs))
        unseen = [t for t in tensors_in(result) if t not in self.values and not self._home(t)]
        if read and unseen:
            kind = type(module).__name__.lower()
            slots = [self._slot(p, name) for name, p in module.named_parameters()]
            for tensor in unseen:
                self._step(tensor, Moved(kind, read[0].last), read, [s for s in slots if s], kind)
        self.blind = False
        self.stack.pop()

    def _note(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        """Add the steps of a call, one for each tensor that it gives."""
        name = name_of(function)
        made = list(tensors_in(args[0] if name == "__setitem__" else result))
        read = self._read((args, kwargs))
        if not read:
            if any(self._home(t) or t in self.computed for t in tensors_in((args, kwargs))):
                self.computed.update((t, True) for t in made if not self._home(t))
            return
        call = Call(function, name, args, kwargs, read)
        for tensor in made:
            does, slots = self._layer(call) or self._plain(call, tensor)
            if does.kind:
                self._step(tensor, does, read, slots, self._said(call))
            else:
                self._know(tensor, call.main.number, does.last)

    def _step(
        self,
        tensor: Tensor,
        does: Moved,
        read: Iterable[Value],
        slots: Iterable[Slot],
        said: str,
    ) -> None:
        number = self.inputs + len(self.steps)
        self._know(tensor, number, does.last)
        shape = tensors.shape_of(tensor.shape, does.last)
        inputs = tuple(value.number for value in read)
        name = self.names.get(id(self.stack[-1])) or said.partition("(")[0]
        self.steps.append(Step(name, does.kind, inputs, shape, tuple(slots), said, does.order))
        if number in self.wanted:
            half = tensor[: len(tensor) // 2] if tensor.ndim else tensor
            self.kept[number] = np.array(tensors.channels_last(half.numpy(), does.last))

    def _know(self, tensor: Tensor, number: int, last: bool) -> None:
        self.values[tensor] = number, last, tuple(tensor.shape)

    def _read(self, given: Any) -> tuple[Value, ...]:
        return tuple(Value(t, *self.values[t]) for t in tensors_in(given) if t in self.values)

    # ------------------------------------------------------------------- weights

    def _home(self, tensor: Tensor) -> tuple[str, Tensor] | None:
        """The parameter or buffer in whose memory a tensor is, and its name."""
        return self.homes.get(tensor.untyped_storage().data_ptr())

    def _where(self) -> str:
        name = self.names.get(id(self.stack[-1]))
        return f"`{name}`" if name else "it"

    def _slot(self, tensor: Any, role: str, form: str = "", groups: int = 1) -> Slot | None:
        """A weight; None for constants."""
        if not isinstance(tensor, Tensor) or tensor in self.values:
            return None
        if tensor in self.computed or _is_repeated(tensor):
            why = f"{self._where()} computes its {role} from other weights in every run"
            refuse(self.name, f"{why}, so no layer of a spec is like it")
        home = self._home(tensor)
        if home is None or (role == "kernel" and not isinstance(home[1], nn.Parameter)):
            return None
        name, whole = home
        part = (name, tensor.storage_offset(), tuple(tensor.shape))
        key = name if tensor.numel() == whole.numel() else part
        stored = self.stored.setdefault(key, Stored(tensor.detach().numpy(), form, groups))
        return Slot(role, stored.shape, key)

    def _layer(self, call: Call) -> tuple[Moved, list[Slot]] | None:
        """What a function with arguments for weights does, None for other functions."""
        layer = call.layer()
        if layer is None:
            return None
        kind, arguments = layer
        groups = int(arguments.get("groups", 1)) if kind == "deconv" else 1
        form = FORMS.get(call.name, "")
        slots = [
            self._slot(value, role, *((form, groups) if role == "kernel" else ()))
            for role, value in arguments.items()
            if role in ROLES
        ]
        return of_layer(kind, call, arguments), [slot for slot in slots if slot]

    def _plain(self, call: Call, tensor: Tensor) -> tuple[Moved, list[Slot]]:
        """What a function does that may have weights among its operands."""
        does = moved(call, tuple(tensor.shape))
        role = {"mul": "scale", "add": "bias"}.get(does.kind, "operand")
        slots = []
        for weight in tensors_in((call.args, call.kwargs)):
            if self._is_weight(weight):
                along = tensors.is_per_channel(weight.shape, tensor.shape, does.last)
                slots.append(self._slot(weight, role, "vector" if along else ""))
        if does.kind == "mul" and slots and len(call.read) == 1:
            does = Moved("layerscale", does.last)
        return does, [slot for slot in slots if slot]

    def _is_weight(self, tensor: Tensor) -> bool:
        """Whether a tensor is a parameter, a part of one, or computed from them alone."""
        home = self._home(tensor)
        own = home is not None and isinstance(home[1], nn.Parameter)
        return (own or tensor in self.computed) and tensor not in self.values

    def _said(self, call: Call) -> str:
        """A layer of `torch.nn` as it prints itself, `Conv2d(3, 64, ...)`, or the call."""
        module = self.stack[-1]
        if type(module).__module__.startswith("torch.nn.modules") and not list(module.children()):
            return repr(module)
        given = [self._argument(value) for value in call.args]
        given += [
            f"{name}={self._argument(value)}"
            for name, value in call.kwargs.items()
            if value is not None and not name.startswith("_")
        ]
        return f"{call.name}({', '.join(given)})"

    def _argument(self, value: Any) -> str:
        if isinstance(value, (list, tuple)):
            inner = ", ".join(map(self._argument, value))
            return f"[{inner}]" if isinstance(value, list) else f"({inner})"
        if not isinstance(value, Tensor):
            return repr(value)
        if value in self.values:
            _, last, shape = self.values[value]
            return shown(tensors.shape_of(shape, last))
        home = self._home(value)
        return home[0] if home else f"a tensor of {shown(value.shape)}"
