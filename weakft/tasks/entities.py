"""Entities of a tagged text: runs of words with labels of one type, in the schemes BIO and IO.

By the definition of conlleval and of seqeval's default mode: B- begins an entity, and so does I- behind another type or
nothing. Class names without B- and I- are IO: each is the name of a type, and neighbours of one type are one entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weakft.data.dataset import first_rows

OUTSIDE = "O"
"""The class of words that are in no entity."""

BEGIN, INSIDE = "B-", "I-"
"""What stands before an entity's type in the classes of BIO."""


class Counts(NamedTuple):
    """Entities that are right (both ends and the type), that were predicted, and that there are."""

    right: int
    predicted: int
    there: int

    @property
    def precision(self) -> float:
        """Share of the predicted that are right; 0 where none is predicted."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of those there are that were found; 0 where there is none."""
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both, 2 right / (predicted + there)."""
        return 2 * self.right / (self.predicted + self.there) if self.predicted + self.there else 0.0


def compare(predicted: np.ndarray, gold: np.ndarray, words: np.ndarray, label_names: Sequence[str]) -> Counts:
    """Count entities; arguments as for `by_text`."""
    return Counts(*by_text(predicted, gold, words, label_names).sum(axis=0).tolist())


def by_text(predicted: np.ndarray, gold: np.ndarray, words: np.ndarray, label_names: Sequence[str]) -> np.ndarray:
    """The entities of each text in the order of `Counts`, int [n, 3]. Texts with a word without gold (-1) do not count.

    predicted, gold : class numbers of all words of all texts [r].   words : number of words of each text.
    """
    starts = first_rows(words)
    known = np.repeat(np.minimum.reduceat(gold, starts) >= 0, words)
    first = np.zeros(len(gold), dtype=bool)
    first[starts] = True
    ours, theirs = (_ends(labels, first, known, label_names) for labels in (predicted, gold))
    right = ours.begins & theirs.begins & (ours.end == theirs.end) & (ours.kind == theirs.kind)
    return np.add.reduceat(np.stack([right, ours.begins, theirs.begins], axis=1).astype(np.int64), starts)


class _Entities(NamedTuple):
    begins: np.ndarray  # whether an entity begins at each word
    end: np.ndarray  # of the entity that begins there, the word behind its last
    kind: np.ndarray  # the type of the word's label, -1 outside


def _ends(labels: np.ndarray, first: np.ndarray, known: np.ndarray, label_names: Sequence[str]) -> _Entities:
    kinds = {name: i for i, name in enumerate(dict.fromkeys(map(_kind, label_names)))}
    of_class = np.array([-1 if name == OUTSIDE else kinds[_kind(name)] for name in label_names])
    opens = np.array([name.startswith(BEGIN) for name in label_names])
    kind = np.where(known, of_class[labels], -1)
    before = np.concatenate([[-1], kind[:-1]])
    before[first] = -1
    begins = (kind >= 0) & (opens[labels] | (before != kind))
    stops = np.flatnonzero(np.append(begins | (kind < 0) | first, True))
    end = stops[np.searchsorted(stops, np.arange(len(kind)), side="right")]
    return _Entities(begins, end, kind)


def _kind(name: str) -> str:
    return name[2:] if name.startswith((BEGIN, INSIDE)) else name
