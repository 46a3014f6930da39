"""The place of a run that is not finished: `NAME.partial`, beside where its run folder will stand.

It holds a lock, the run's options, its checkpoints and its results while they are written, and goes when the run has ended
well. One process at a time has it; the lock ends with the process, however that ends.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from weakft import runs
from weakft.errors import Told, UserError
from weakft.interruption import Interrupted

try:
    import fcntl
except ImportError:  # no such locks on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
OPTIONS = "options.json"
CHECKPOINTS = "*.pt"

_locks: set[int] = set()
"""Open lock files; a forked worker closes them, so that it does not hold the lock when this process is gone."""


def _close_locks() -> None:
    for lock in _locks:
        os.close(lock)
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_locks)


def place_of(folder: Path) -> Path:
    """Where the run of a run folder lies until it is finished."""
    return folder.with_name(f"{folder.name}.partial")


def can_resume(folder: Path) -> bool:
    """Whether an interrupted run lies beside a run folder."""
    return (place_of(folder) / OPTIONS).is_file()


def refuse_other_options(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with other options than a run was begun with.

    Raises
    ------
    UserError : names the first option that differs, and both values.
    """
    for name in before:
        if name in now and before[name] != now[name]:
            flag = f"--{name.replace('_', '-')}"
            raise UserError(
                f"--resume: the run was begun with {flag} {json.dumps(before[name])}, and now {flag} is "
                f"{json.dumps(now[name])}. Give the same options, or leave out --resume to begin anew."
            )


@contextmanager
def hold(folder: Path, options: dict[str, Any], resume: bool, say: Callable[[str], None]) -> Iterator[Path]:
    """Have the place of a run for the block; it goes at the end, and stays where the block fails and left checkpoints.

    Parameters
    ----------
    options : what must be the same when the run is resumed, plain values by name.
    resume : go on from the checkpoints that are there, else begin anew.

    Raises
    ------
    UserError : another process has it, it cannot be written, or the options are not those of the interrupted run.
    """
    place = place_of(folder)
    if place.is_dir() and any(place.iterdir()) and not (place / LOCK).is_file():
        raise UserError(f"--output {folder}: {place} is needed, and holds something else; name another folder.")
    if resume and can_resume(folder):
        refuse_other_options(runs.values(place / OPTIONS), options)
    with _locked(place, folder):
        try:
            _begin(place, folder, options, resume, say)
            yield place
        except BaseException as error:
            kept = any(place.rglob(CHECKPOINTS))
            if isinstance(error, Interrupted):
                there = f"{place} has a checkpoint: the same command with --resume goes on from there."
                error.advice = there if kept else "there is no checkpoint."
            if not kept:
                _remove(place)
            raise
        _remove(place)


def clear_up(folder: Path) -> None:
    """Remove what is left of the place of a run that was killed when it had ended, and was about to.

    Raises
    ------
    UserError : another process has it.
    """
    place = place_of(folder)
    if place.is_dir() and ((place / LOCK).is_file() or not any(place.iterdir())):
        with _locked(place, folder):
            _remove(place)


def _begin(place: Path, folder: Path, options: dict[str, Any], resume: bool, say: Callable[[str], None]) -> None:
    runs.put_back(place, folder)
    kept = any(place.rglob(CHECKPOINTS))
    if resume and can_resume(folder):
        say(Told("Going on from the last checkpoint.") if kept else "There is no checkpoint yet: from the beginning.")
        return
    if resume:
        say(f"There is nothing to resume at {place}: from the beginning.")
    elif kept:
        say(f"The interrupted run at {place} is dropped (--resume would have gone on with it).")
    _clear(place)
    with runs.mendable(place):
        runs.write_json(place / OPTIONS, options)


def _clear(place: Path) -> None:
    """The options go first: without them nothing is resumed, should this be cut short. The lock stays."""
    (place / OPTIONS).unlink(missing_ok=True)
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _remove(place: Path) -> None:
    with suppress(OSError):  # what cannot be removed harms nothing
        _clear(place)
        shutil.rmtree(place)


@contextmanager
def _locked(place: Path, folder: Path) -> Iterator[None]:
    lock = None
    with runs.mendable(place):
        while lock is None:
            place.mkdir(parents=True, exist_ok=True)
            try:
                lock = _take(place / LOCK, folder)
            except FileNotFoundError:  # the run before has ended and cleared up in this very moment
                continue
            except OSError:
                with suppress(OSError):
                    place.rmdir()  # where it is empty: it is ours
                raise
    _locks.add(lock)
    try:
        yield
    finally:
        _locks.discard(lock)
        os.close(lock)


def _take(file: Path, folder: Path) -> int | None:
    """The open and locked file; None where it was removed before it could be locked."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino != file.stat().st_ino:
            os.close(lock)
            return None
    except BlockingIOError as error:
        os.close(lock)
        raise UserError(
            f"--output {folder}: another run is writing there. Wait for its end, or name another folder."
        ) from error
    except OSError:
        os.close(lock)
        raise
    return lock
