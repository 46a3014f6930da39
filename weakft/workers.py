"""What every worker process does, and how one begins."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from types import ModuleType

_one_at_a_time = Lock()


@contextmanager
def without_main() -> Iterator[None]:
    """A block in which spawned processes begin without the script that called weakft. `multiprocessing` would run it once
    more in each, all that it does included, unless it has a guard; and nothing that is sent to our workers is of it.
    """
    with _one_at_a_time:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def end_with_parent() -> None:
    """End this worker process when the process that began it ends, however that does."""
    Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
