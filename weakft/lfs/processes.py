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
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs.block import BLOCK, CHUNK, Failure, Job, apply_block
from weakft.lfs.labelwise import apply_labels
from weakft.lfs.load import load_file
from weakft.lfs.wordwise import apply_words

Result = tuple[range, np.ndarray, dict[str, Failure]]

_held: Job | None = None
"""In a worker: what it applies."""


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def apply_blocks(
    job: Job, processes: int = 1, source: Path | None = None, *, fork: bool = sys.platform == "linux"
) -> Iterator[Result]:
    """Each block of texts, the votes on its rows (rows x labeling functions) and the failures in it.

    Parameters
    ----------
    processes : number of workers; 0 for one a core.
    source : the file that the labeling functions came from.

    Raises
    ------
    UserError : as `apply_block`, for the first block at fault.
    """
    n = len(job.data)
    processes = min(processes or cores(), -(-n // CHUNK))
    if processes <= 1 or not (fork or source):
        for block in _blocks(n, BLOCK):
            yield block, *_apply(job, block)
        return
    chunks_each = -(-n // (4 * processes * CHUNK))  # several blocks a worker: some take longer than others
    blocks = _blocks(n, min(BLOCK, chunks_each * CHUNK))
    names = [lf.name for lf in job.lfs]
    begin: Callable[[], None] = (
        partial(_hold, job) if fork else partial(_hold_file, source, names, replace(job, lfs=[], data=Dataset([], [])))
    )
    context = multiprocessing.get_context("fork" if fork else "spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=begin)
    try:
        if fork:
            results = [pool.submit(_apply_held, block) for block in blocks]
        else:
            results = [pool.submit(_apply_sent, _cut(job.data, block)) for block in blocks]
        for block, result in zip(blocks, results, strict=True):
            yield block, *result.result()
    finally:
        pool.shutdown(cancel_futures=True)


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


def _hold(job: Job) -> None:
    global _held
    _held = job


def _hold_file(source: Path | None, names: list[str], job: Job) -> None:
    assert source is not None
    by_name = {lf.name: lf for lf in load_file(source).lfs}
    if not by_name.keys() >= set(names):
        raise UserError(f"{source}: holds other labeling functions when it is loaded again.")
    _hold(replace(job, lfs=[by_name[name] for name in names]))


def _apply_held(block: range) -> tuple[np.ndarray, dict[str, Failure]]:
    assert _held is not None
    return _apply(_held, block)


def _apply_sent(data: Dataset) -> tuple[np.ndarray, dict[str, Failure]]:
    assert _held is not None
    return _apply(replace(_held, data=data), range(len(data)))


def _apply(job: Job, block: range) -> tuple[np.ndarray, dict[str, Failure]]:
    if job.data.asked is not None:
        return apply_labels(job, block)
    return (apply_block if job.data.words is None else apply_words)(job, block)
