"""Blocks of rows spread over worker processes; the results come in the blocks' order, whatever the number of workers.

Workers are forked where that is safe (Linux) and so have the labeling functions and the data already. Elsewhere they
load the file with the labeling functions again and are sent the rows; without such a file there is one process. A
labeling function must depend on its row alone: one that counts its calls counts them in each worker.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs import fingerprint
from weakft.lfs.block import BLOCK, CHUNK, Failure, Voting, apply_block
from weakft.lfs.columnwise import is_pattern
from weakft.lfs.labelwise import apply_labels
from weakft.lfs.load import load_file
from weakft.lfs.wordwise import apply_words
from weakft.workers import end_with_parent, without_main

Result = tuple[range, np.ndarray, dict[str, Failure]]
Watched = tuple[np.ndarray, dict[str, Failure], set[str]]
"""Votes, failures, and the names of labeling functions whose votes depend on more than the row."""

_held: Voting | None = None
"""In a worker: what it applies."""


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def apply_blocks(
    voting: Voting,
    processes: int = 1,
    source: Path | None = None,
    changed: set[str] | None = None,
    *,
    fork: bool = sys.platform == "linux",
) -> Iterator[Result]:
    """Each block of texts, the votes on its rows (rows x labeling functions) and the failures in it.

    Parameters
    ----------
    processes : number of workers; 0 for one a core.
    source : the file that the labeling functions came from.
    changed : gets the names of those that are not, or do not read, what they were before, which shows in the worker alone.

    Raises
    ------
    UserError : as `apply_block`, for the first block at fault; a worker has died.
    """
    n = len(voting.data)
    processes = min(processes or cores(), -(-n // CHUNK))
    if processes <= 1 or not (fork or source):
        for block in _blocks(n, BLOCK):
            yield block, *_apply(voting, block)
        return
    chunks_each = -(-n // (4 * processes * CHUNK))  # several blocks a worker: some take longer than others
    blocks = _blocks(n, min(BLOCK, chunks_each * CHUNK))
    names = [lf.name for lf in voting.lfs]
    begin: Callable[[], None] = (
        partial(_hold, voting)
        if fork
        else partial(_hold_file, source, names, replace(voting, lfs=[], data=Dataset([], [])))
    )
    context = multiprocessing.get_context("fork" if fork else "spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(begin,))
    try:
        if fork:
            results = [pool.submit(_apply_held, block, changed is not None) for block in blocks]
        else:
            with without_main():
                results = [pool.submit(_apply_sent, _cut(voting.data, block), changed is not None) for block in blocks]
        for block, result in zip(blocks, results, strict=True):
            voted: Watched = result.result()
            if changed is not None:
                changed |= voted[2]
            yield block, *voted[:2]
    except BaseException as error:  # workers may be in the midst of a function that does not end
        workers = [*(pool._processes or {}).values()]  # Python 3.14 has a method for this
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                "--processes: a worker process ended before its rows were done. A labeling function ended it (os._exit, or a "
                "crash of compiled code), or the machine did, for want of memory. Leave out --processes to see which."
            ) from error
        raise
    pool.shutdown()


def _blocks(n: int, size: int) -> list[range]:
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def _cut(data: Dataset, rows: range) -> Dataset:
    cut = slice(rows.start, rows.stop)
    columns = {name: values[cut] for name, values in data.columns.items()}
    first = data.first_row + rows.start
    words = None if data.words is None else data.words[cut]
    return replace(
        data,
        texts=data.texts[cut],
        ids=data.ids[cut],
        columns=columns,
        gold=None,
        votes=None,
        first_row=first,
        words=words,
    )


def _begin(hold: Callable[[], None]) -> None:
    end_with_parent()
    hold()


def _hold(voting: Voting) -> None:
    global _held
    _held = voting


def _hold_file(source: Path | None, names: list[str], voting: Voting) -> None:
    assert source is not None
    by_name = {lf.name: lf for lf in load_file(source).lfs}
    if not by_name.keys() >= set(names):
        raise UserError(f"{source}: holds other labeling functions when it is loaded again.")
    _hold(replace(voting, lfs=[by_name[name] for name in names]))


def _apply_held(block: range, watch: bool) -> Watched:
    assert _held is not None
    return _watched(_held, block) if watch else (*_apply(_held, block), set())


def _apply_sent(data: Dataset, watch: bool) -> Watched:
    assert _held is not None
    voting, block = replace(_held, data=data), range(len(data))
    return _watched(voting, block) if watch else (*_apply(voting, block), set())


def _watched(voting: Voting, block: range) -> Watched:
    before = _states(voting, block)
    votes, failures = _apply(voting, block)
    after = _states(voting, block)
    return votes, failures, {lf.name for lf, was, now in zip(voting.lfs, before, after, strict=True) if was != now}


def _states(voting: Voting, block: range) -> list[Any]:
    """Hashes of each labeling function, and of all it reads that could change; of patterns nothing does."""
    columns = [values[block.start : block.stop] for values in voting.data.columns.values()]
    read = [_known(fingerprint.of_values, values) for values in columns if fingerprint.changeable(values)]
    return [None if is_pattern(lf) else (_known(fingerprint.of_function, lf), read) for lf in voting.lfs]


def _known(hashed: Callable[[Any], str], value: Any) -> str | None:
    try:
        return hashed(value)
    except fingerprint.Unknown:
        return None


def _apply(voting: Voting, block: range) -> tuple[np.ndarray, dict[str, Failure]]:
    if voting.data.asked is not None:
        return apply_labels(voting, block)
    return (apply_block if voting.data.words is None else apply_words)(voting, block)
