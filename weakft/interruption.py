"""A run that is asked to stop (Ctrl-C, or a machine that is taken away) stops where nothing is torn."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM came: `number` is the signal's, `advice` says what is kept and how to go on."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number, self.advice = number, "nothing was written."

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name}; {self.advice}"


_entered: list[Signals] = []
"""Those whose block this process is in."""


def check() -> None:
    """Raise `Interrupted` where a signal has come, though somebody else's code caught what it raised."""
    for signals in _entered:
        signals.check()


class Signals:
    """As a context manager: SIGINT and SIGTERM raise `Interrupted`, at once or, within `held`, at the next `check`.

    A second signal is not held. A signal that somebody else handles stays theirs, and outside the main thread all do.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._held = False
        self._process = os.getpid()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
                if signal.getsignal(number) == usual:
                    self._before[number] = signal.signal(number, self._handle)
        _entered.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _entered.remove(self)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a forked worker: it ends as it would have without us
            signal.signal(number, self._before[number])
            os.kill(os.getpid(), number)
            return
        again, self.asked = self.asked is not None, number
        if again or not self._held:
            raise Interrupted(number)

    def check(self) -> None:
        """Raise `Interrupted` where a signal has come."""
        if self.asked is not None:
            raise Interrupted(self.asked)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block that a signal does not break; where it does not `check` itself, the signal counts at its end."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before
        if not before:
            self.check()
