"""Ctrl-C, and the signals that end a program: each becomes an exception, so that it tidies up.

The first one counts. Those that follow while the run tidies up are ignored, so that a second
Ctrl-C leaves no temporary file behind. Which signal it was is remembered besides, for a library
that takes the exception for one of its own; where Python itself drops it, in a destructor or a
callback, it comes again.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

from .exits import STOPPED
from .signals import SIGNALS, numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any, NoReturn


PAUSE = 0.01
"""Seconds, so that whatever dropped an exception has ended."""


class Stopped(KeyboardInterrupt):
    """Somebody wants the run to end now."""


class Interrupts:
    """`with Interrupts() as interrupts:` makes signals exceptions, and then leaves them as before.

    A signal that is ignored, as `nohup` wants it, stays ignored. Outside of the main thread, and
    where whoever called us has handlers of their own, they stay too.
    """

    def __init__(self) -> None:
        self.number = 0
        self.before: dict[int, Any] = {}
        self.unraisable = sys.unraisablehook

    @property
    def name(self) -> str:
        """`Ctrl-C`"""
        return SIGNALS[signal.Signals(self.number or signal.SIGINT).name]

    @property
    def exit_code(self) -> int:
        """As shells have it."""
        return STOPPED + (self.number or signal.SIGINT)

    def __enter__(self) -> Interrupts:
        with suppress(ValueError):  # not in the main thread
            for number in numbers():
                before = signal.getsignal(number)
                if before in (signal.SIG_DFL, signal.default_int_handler):
                    self.before[number] = signal.signal(number, self._stop)
        self.unraisable, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        sys.unraisablehook = self.unraisable
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> NoReturn:
        for other in self.before:
            signal.signal(other, signal.SIG_IGN)
        self.number = number
        raise Stopped

    def _dropped(self, problem: sys.UnraisableHookArgs) -> None:
        """What Python cannot raise where it happened; `Stopped` is raised again elsewhere."""
        if not isinstance(problem.exc_value, Stopped):
            self.unraisable(problem)
            return
        from _thread import start_new_thread

        for number in self.before:
            signal.signal(number, self._stop)
        start_new_thread(_send_soon, (self.number,))


def _send_soon(number: int) -> None:
    from _thread import interrupt_main
    from time import sleep

    sleep(PAUSE)
    interrupt_main(signal.Signals(number))
