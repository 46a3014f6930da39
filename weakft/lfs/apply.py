"""Apply labeling functions to a split: the label matrix L, integer [r, m], -1 = abstain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN, Dataset, vote_type
from weakft.data.labels import NOT
from weakft.errors import UserError, listed, nearest
from weakft.interruption import Signals
from weakft.lfs import limit
from weakft.lfs.block import Failure, Voting, merge
from weakft.lfs.core import place
from weakft.lfs.kinds import ColumnLF, PatternLF, WordsLF
from weakft.lfs.processes import apply_blocks
from weakft.tasks.entities import INSIDE

__all__ = ["Failure", "apply", "check_labels", "merge"]

MAX_CLASSES = 32_767
"""Votes are int16 at most."""


def apply(
    lfs: list[Any],
    data: Dataset,
    label_names: list[str],
    *,
    strict: bool = False,
    timeout: float | None = None,
    advance: Callable[[int], None] | None = None,
    processes: int = 1,
    source: Path | None = None,
    changed: set[str] | None = None,
) -> tuple[np.ndarray, dict[str, Failure]]:
    """Apply every labeling function to every text.

    Parameters
    ----------
    advance : told the number of texts done.   timeout : seconds that a call on a row may take; see `weakft.lfs.limit`.
    processes, source, changed : worker processes (0: one a core), the file of the labeling functions, and which of them
        changed in a worker; see `weakft.lfs.processes`.

    Returns
    -------
    L, int8 [r, m] (int16 with more than 127 classes), a row a text (or a word or a label of one, see `Dataset`), with the
    columns in the order of ``lfs``, and the failures by labeling function's name.

    Raises
    ------
    UserError : a vote that is no class (always); a labeling function that raises (with ``strict``).
    Interrupted : Ctrl-C or SIGTERM, be it caught by a labeling function.
    """
    if len(label_names) > MAX_CLASSES:
        raise UserError(f"{len(label_names)} classes; at most {MAX_CLASSES} are supported.")
    if timeout is not None:
        limit.check()
    L = np.full((data.n_rows, len(lfs)), ABSTAIN, dtype=vote_type(len(label_names)))
    failures: dict[str, Failure] = {}
    done = 0
    voting = Voting(lfs, data, label_names, strict, timeout)
    with Signals():
        for texts, votes, failed in apply_blocks(voting, processes, source, changed):
            L[done : done + len(votes)] = votes
            done += len(votes)
            merge(failures, failed)
            if advance is not None:
                advance(len(texts))
    return L, failures


def check_labels(lfs: Sequence[Any], names: Sequence[str]) -> None:
    """Refuse a labeling function of these kinds that would vote for an unknown class, before it does or though it never does.

    names : classes, or the labels of which a text can have any number.
    """
    for lf in lfs:
        label = lf.label if isinstance(lf, (PatternLF, WordsLF, ColumnLF)) else None
        if isinstance(label, str) and not {label, INSIDE + label, label.removeprefix(NOT)} & set(names):
            raise UserError(
                f"{place(lf)}: votes {label!r}; the classes are {listed(list(names))}.{nearest(label, list(names))}"
            )
