"""Parts of a split that know nothing of each other: rows of one text stay together.

What is learned from one row of a text is not unseen for its others: models err alike on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weakft.tasks.marks import parse


def sources(texts: Sequence[str]) -> np.ndarray:
    """A number for each text, the same for those that differ only in the entities that are marked in them, or not at all, in
    the order in which they come: int [n].
    """
    numbers: dict[str, int] = {}
    plain = ("".join(parse(text).plain.split()) for text in texts)  # marks come with spaces and without
    return np.array([numbers.setdefault(words, len(numbers)) for words in plain], dtype=np.int64)


def per_row(numbers: np.ndarray, words: np.ndarray | None, asked: Sequence[str] | None) -> np.ndarray:
    """The number of each row's text, int [rows], given those of texts [n]: its ``words`` [n] or labels ``asked`` are rows."""
    return np.repeat(numbers, words if words is not None else len(asked or [""]))


def by_source(figures: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Rows [n, ...] summed over those of each source [n]: [sources, ...], which are independent of each other."""
    _, number = np.unique(source, return_inverse=True)
    out = np.zeros((number.max(initial=-1) + 1, *figures.shape[1:]), figures.dtype)
    np.add.at(out, number, figures)
    return out


def fold_of(source: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int [rows] from 0, the same for rows of one source [rows]; as many sources in each as can be."""
    _, number = np.unique(source, return_inverse=True)
    return (np.random.default_rng(seed).permutation(number.max(initial=-1) + 1) % folds)[number]
