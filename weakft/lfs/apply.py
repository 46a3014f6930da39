"""Apply labeling functions to a split: the label matrix L, int8 [n, m], -1 = abstain."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN, Dataset
from weakft.errors import UserError, nearest
from weakft.lfs.columnwise import TextBlock, is_pattern
from weakft.lfs.core import place

MAX_CLASSES = 127
"""Votes are int8."""

CHUNK = 2_000
"""Rows whose examples are held at a time."""

BLOCK = 16 * CHUNK
"""Rows whose texts are looked at as a column at a time."""


@dataclass
class Failure:
    """Rows on which a labeling function raised; they abstain. `traceback` is the first one's."""

    name: str
    where: str
    count: int
    first_row: int
    traceback: str


def apply(
    lfs: list[Any],
    data: Dataset,
    label_names: list[str],
    *,
    strict: bool = False,
    advance: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, dict[str, Failure]]:
    """Apply every labeling function to every row.

    Returns
    -------
    L, int8 [n, m] with the columns in the order of ``lfs``, and the failures by labeling function's name.

    Raises
    ------
    UserError : a vote that is no class (always); a labeling function that raises (with ``strict``).
    """
    if len(label_names) > MAX_CLASSES:
        raise UserError(f"{len(label_names)} classes; at most {MAX_CLASSES} are supported.")
    number = {name: i for i, name in enumerate(label_names)}
    L = np.full((len(data), len(lfs)), ABSTAIN, dtype=np.int8)
    failures: dict[str, Failure] = {}
    for start in range(0, len(data), BLOCK):
        block = range(start, min(start + BLOCK, len(data)))
        by_column = [j for j, lf in enumerate(lfs) if is_pattern(lf)]
        by_row = [j for j in range(len(lfs)) if j not in by_column]
        if by_column:
            texts = TextBlock(data.texts[block.start : block.stop])
            for j in by_column:
                found = texts.found_by(lfs[j])
                if found.any():
                    first = block.start + int(found.argmax())
                    L[block.start : block.stop, j][found] = _vote(
                        lfs[j].label, number, label_names, lfs[j], first, data
                    )
        for chunk in (block[i : i + CHUNK] for i in range(0, len(block), CHUNK) if by_row):
            examples = [data.example(row) for row in chunk]
            for j in by_row:
                lf = lfs[j]
                for row, x in zip(chunk, examples, strict=True):
                    try:
                        vote = lf(x)
                    except Exception as error:
                        _note(failures, lf, row, data, error, strict)
                        continue
                    L[row, j] = _vote(vote, number, label_names, lf, row, data)
        if advance is not None:
            advance(len(block))
    return L, failures


def _vote(vote: Any, number: dict[str, int], label_names: list[str], lf: Any, row: int, data: Dataset) -> int:
    return ABSTAIN if vote is None else class_number(vote, number, label_names, lf, row, data)


def _note(failures: dict[str, Failure], lf: Any, row: int, data: Dataset, error: Exception, strict: bool) -> None:
    if strict:
        raise UserError(
            f"{place(lf)}: raised {type(error).__name__}: {error} on row {row + 1} (id {data.ids[row]!r}) of "
            f"{data.source}. Without --strict such rows abstain."
        ) from error
    if lf.name not in failures:
        failures[lf.name] = Failure(lf.name, place(lf), 0, row, "".join(traceback.format_exception(error)))
    failures[lf.name].count += 1


def class_number(vote: Any, number: dict[str, int], label_names: list[str], lf: Any, row: int, data: Dataset) -> int:
    """The class number of a vote (a name, an integer, or a NumPy integer); anything else is an error that names the LF."""
    where = f"{place(lf)}: row {row + 1} (id {data.ids[row]!r})"
    if isinstance(vote, str):
        if vote not in number:
            known = ", ".join(map(repr, label_names))
            raise UserError(f"{where}: voted {vote!r}; the classes are {known}.{nearest(vote, label_names)}")
        return number[vote]
    if isinstance(vote, (bool, np.bool_)) or not isinstance(vote, (int, np.integer)):
        raise UserError(
            f"{where}: returned {vote!r} ({type(vote).__name__}); expected a class number, a class name, or -1 or None "
            "to abstain."
        )
    if not ABSTAIN <= vote < len(label_names):
        raise UserError(f"{where}: voted {int(vote)}; expected -1 (abstain) or 0 to {len(label_names) - 1}.")
    return int(vote)
