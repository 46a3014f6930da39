"""A time limit on each call of a labeling function that really interrupts it: a timer's signal raises inside the call.

Python code and `re` are interrupted at once; other compiled code only when it comes back to Python.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from weakft.errors import UserError

Function = Callable[[Any], Any]


class TimeLimit(BaseException):
    """A call took longer than it may. No `Exception`, so that a function that catches these is interrupted, too."""


def check() -> None:
    """Refuse a limit where there is no such timer.

    Raises
    ------
    UserError : not on this platform, or not in the main thread.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        raise UserError("--lf-timeout needs a platform with timer signals (not Windows) and the main thread.")


@contextmanager
def limited(f: Function, seconds: float | None) -> Iterator[Function]:
    """In this block: the function with a limit of so many seconds a call; None: as it is.

    Raises
    ------
    TimeLimit : out of the call, when the time is over.
    """
    if seconds is None:
        yield f
        return
    limit, late = seconds, False

    def error() -> TimeLimit:
        return TimeLimit(f"took longer than {limit:g} s (--lf-timeout)")

    def over(_signal: int, _frame: FrameType | None) -> None:
        nonlocal late
        late = True
        raise error()

    def call(x: Any) -> Any:
        nonlocal late
        late = False
        try:
            signal.setitimer(signal.ITIMER_REAL, limit, limit)  # again and again, should the function catch it
            value = f(x)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if late:  # it caught it and made something up
            raise error()
        return value

    timer, handler = signal.setitimer(signal.ITIMER_REAL, 0), signal.signal(signal.SIGALRM, over)
    try:
        yield call
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # somebody else's
