"""The plain types every box of the pipeline exchanges: a split of texts, and the splits of one data set.

Knows nothing about files, labeling functions or models.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

ABSTAIN = -1
"""The vote of a labeling function that says nothing about a row, and the gold label of an unlabeled row."""


def vote_type(n_classes: int) -> type[np.signedinteger[Any]]:
    """What holds a vote: one byte for up to 127 classes, two for more."""
    return np.int8 if n_classes <= 127 else np.int16


class Gold:
    """Gold labels that keep a record of every use.

    A weakly supervised run may not read the training split's gold labels. Labels are therefore never a plain
    attribute: `read` asks what for, and the purposes are counted, so that a run can state (and a test can check)
    which gold labels it used.

    Parameters
    ----------
    labels : integer array [n], -1 where a row has no gold label.
    """

    def __init__(self, labels: np.ndarray) -> None:
        self._labels = np.asarray(labels, dtype=np.int64)
        self.reads: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._labels)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Gold, (self._labels,))

    @property
    def n_known(self) -> int:
        """How many rows have a gold label (their number, not their values)."""
        return int(self.known.sum())

    @property
    def known(self) -> np.ndarray:
        """Which rows have a gold label [n] (not which one)."""
        return self._labels != ABSTAIN

    def fingerprint(self) -> str:
        """A hash of the labels, to know them again by: no use of them."""
        return hashlib.sha256(self._labels.tobytes()).hexdigest()

    def take(self, rows: np.ndarray) -> Gold:
        """Those of some rows: no use of them."""
        return Gold(self._labels[rows])

    @classmethod
    def joined(cls, parts: Iterable[tuple[int, Gold | None]]) -> Gold | None:
        """One below the other, each with its number of rows, where None has no labels: no use of them."""
        labels = [np.full(n, ABSTAIN) if gold is None else gold._labels for n, gold in parts]
        whole = np.concatenate(labels)
        return cls(whole) if (whole != ABSTAIN).any() else None

    def read(self, purpose: str) -> np.ndarray:
        """Return the labels [n] and note that they were used for ``purpose`` ("train", "select", "measure")."""
        self.reads[purpose] += 1
        return self._labels


@dataclass
class Dataset:
    """One split: texts, ids and, where the data has them, further columns, gold labels and ready votes.

    texts : n strings.   ids : n distinct strings.
    columns : the other columns by name, n values each (labeling functions read them as ``x.name``).
    words : None where a text has a class; where each word has one, the number of words of each text [n].
    asked : None where a text has one label; where it can have any number, all that there are: a row for each of them, in this
    order, whose class says whether the text has it (`weakft.data.labels`).
    What has a class is a row of label matrix, gold labels and predictions: r rows, the n texts, or in their order all their
    words, or all labels asked of them.
    gold : `Gold` [r] or None.   votes : integer [r, m] (`vote_type`) of ready votes or None (-1 = abstain).
    source : where it came from, for messages.   first_row : the number of its first text there.
    label_columns : the columns of a table that were taken for the gold labels, whether they hold any or not.
    """

    texts: list[str]
    ids: Sequence[str]
    columns: dict[str, list[Any]] = field(default_factory=dict)
    gold: Gold | None = None
    votes: np.ndarray | None = None
    source: str = "memory"
    first_row: int = 0
    words: np.ndarray | None = None
    asked: list[str] | None = None
    label_columns: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def widths(self) -> np.ndarray | None:
        """How many rows each text has [n]; None: one."""
        return self.words if self.asked is None else np.full(len(self), len(self.asked))

    @property
    def n_rows(self) -> int:
        """How many rows its label matrix has [r]."""
        return len(self) if (widths := self.widths) is None else int(widths.sum())

    def rows_of(self, texts: np.ndarray) -> np.ndarray:
        """The rows of some texts, text after text."""
        if (widths := self.widths) is None:
            return texts
        starts = first_rows(widths)
        parts = [np.arange(starts[t], starts[t] + widths[t]) for t in texts]
        return np.concatenate(parts or [np.zeros(0, np.int64)])

    @property
    def labeled(self) -> np.ndarray:
        """The texts that have a gold label, or several, in order."""
        return np.unique(self.places(np.flatnonzero([] if self.gold is None else self.gold.known))[0])

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The text of each of some rows, and the row's place in it."""
        if (widths := self.widths) is None:
            return rows, np.zeros_like(rows)
        starts = first_rows(widths)
        texts = np.searchsorted(starts, rows, side="right") - 1
        return texts, rows - starts[texts]

    def parts(self) -> Iterator[Dataset]:
        """Its rows in order, in pieces that can be held: itself, where all of it is held anyway."""
        yield self

    def take(self, texts: np.ndarray) -> Dataset:
        """Some of its texts, with all that is theirs."""
        rows = self.rows_of(texts)
        return replace(
            self,
            texts=[self.texts[i] for i in texts],
            ids=[self.ids[i] for i in texts],
            columns={name: [values[i] for i in texts] for name, values in self.columns.items()},
            gold=None if self.gold is None else self.gold.take(rows),
            votes=None if self.votes is None else self.votes[rows],
            words=None if self.words is None else self.words[texts],
        )


def first_rows(widths: np.ndarray) -> np.ndarray:
    """Each text's first row, given their numbers of rows."""
    return np.cumsum(widths) - widths


def labeled_rows(data: Dataset, n: int, seed: int) -> np.ndarray:
    """The rows with gold labels of ``n`` random texts that have some, in order. A seed's sets are nested: more are the
    fewer and further ones.
    """
    assert data.gold is not None
    rows = data.rows_of(np.sort(np.random.default_rng(seed).permutation(data.labeled)[:n]))
    return rows[data.gold.known[rows]]


def drawn(data: Dataset, n: int, seed: int) -> Dataset:
    """``n`` random texts of a split in their order (or all, where it has no more), read part by part."""
    if n >= len(data) == len(data.texts):
        return data
    n = min(n, len(data))
    chosen, first, found = np.sort(np.random.default_rng(seed).choice(len(data), n, replace=False)), 0, []
    for part in data.parts():
        low, high = np.searchsorted(chosen, [first, first + len(part)])
        found.append(part.take(chosen[low:high] - first))
        first += len(part)
    whole = replace(found[0], source=f"{data.source}, {n:,} texts drawn", first_row=0)
    if len(found) > 1:  # only tables come in parts: they have neither ready votes nor words
        whole.texts = [text for part in found for text in part.texts]
        whole.ids = [i for part in found for i in part.ids]
        whole.columns = {name: [v for part in found for v in part.columns[name]] for name in whole.columns}
        whole.gold = Gold.joined((part.n_rows, part.gold) for part in found)
    return whole


@dataclass
class Splits:
    """A data set: the unlabeled training split, and where they exist a validation and a test split.

    label_names : class names in class order, or None where the data does not name them.
    lf_names : names of the ready votes' labeling functions in vote order, or None.
    left_out : training texts that were not drawn.
    passed_over : files beside those of the splits that look like tables, too.
    found : whether nobody named the classes, so that they are those of the gold labels, in the order of their names.
    """

    train: Dataset
    valid: Dataset | None = None
    test: Dataset | None = None
    label_names: list[str] | None = None
    lf_names: list[str] | None = None
    name: str = "data"
    left_out: int = 0
    passed_over: list[str] = field(default_factory=list)
    found: bool = False

    def named(self) -> Iterator[tuple[str, Dataset]]:
        """The splits that are there, by name: train, valid, test."""
        for name in ("train", "valid", "test"):
            split: Dataset | None = getattr(self, name)
            if split is not None:
                yield name, split
