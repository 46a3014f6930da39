"""From a teacher's predictions to the rows and soft labels the student trains on (COSINE, section 3.2).

Pure NumPy: predictions of the pool in, pseudo-labels, confidence and selection out. Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weakft.balance import align, softmax


def sharpen(probabilities: np.ndarray, class_balance: np.ndarray | None = None) -> np.ndarray:
    """Soft pseudo-labels, eq. (4): squared predictions, divided by the class's frequency, normalised.

    y~_j = [f_j^2 / F_j] / sum_j' [f_j'^2 / F_j'],  F_j = sum over rows of f_j.

    Dividing by F_j pulls the pseudo-labels towards equal classes. Where an estimate pi of the class balance is
    given, F_j / pi_j takes F_j's place, which pulls them towards pi instead (pi uniform is the paper's formula).

    Parameters
    ----------
    probabilities : [n, k], the teacher's.    class_balance : [k] summing to 1, or None for the paper's formula.

    Returns
    -------
    [n, k] float32, rows sum to 1.
    """
    f = np.asarray(probabilities, dtype=np.float64)
    frequency = np.maximum(f.sum(0), 1e-12)
    if class_balance is not None:
        frequency = frequency / np.maximum(class_balance, 1e-6)
    y = f**2 / frequency
    return (y / np.maximum(y.sum(1, keepdims=True), 1e-300)).astype(np.float32)


def aligned(pseudo_labels: np.ndarray, class_balance: np.ndarray) -> np.ndarray:
    """Pseudo-labels [n, k] whose mean is the class balance [k]: each class multiplied by a factor, rows normalised.

    Squaring takes from the classes that a teacher is unsure of, and its student, the next teacher, from the same ones:
    what `sharpen` divides by is the frequency before that.
    """
    scores = np.log(np.maximum(pseudo_labels, 1e-12))
    return softmax(scores + align(scores, class_balance)).astype(np.float32)


def confidence(pseudo_labels: np.ndarray) -> np.ndarray:
    """w(x) = 1 - H(y~(x)) / log k, eq. (5): 0 for a uniform row, 1 for a certain one. [n, k] -> [n] float32."""
    y = np.asarray(pseudo_labels, dtype=np.float64)
    entropy = -np.where(y > 0, y * np.log(np.maximum(y, 1e-300)), 0.0).sum(1)
    return np.clip(1.0 - entropy / np.log(y.shape[1]), 0.0, 1.0).astype(np.float32)


def harden(probabilities: np.ndarray) -> np.ndarray:
    """One-hot rows of the most probable class: [n, k] -> [n, k] float32."""
    return np.eye(probabilities.shape[1], dtype=np.float32)[probabilities.argmax(1)]


LEAST_MEAN = 0.01
"""Mean weight below which a label's weights are not raised to a mean of 1: there is nothing that the teacher knows."""

LEAST_SHARE = 0.1
"""Of an equal share: so much of a period's weight every pseudo-class has that was selected at all."""


@dataclass
class Selection:
    """Rows to train on, as the selected set S of a period: `rows` [s] of the pool, `targets` [s, k], `weights` [s]."""

    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def evenly(cls, rows: np.ndarray, targets: np.ndarray) -> Selection:
        """Rows that weigh 1 each."""
        return cls(np.asarray(rows), np.asarray(targets, np.float32), np.ones(len(rows), np.float32))

    def joined(self, clean: Selection, share: float) -> Selection:
        """With clean rows, each as often as it takes for them to be about ``share`` of the whole."""
        needed = share / (1.0 - share) * len(self.rows)
        times = max(1, round(needed / max(1, len(clean.rows))))
        return Selection(
            np.concatenate([self.rows, np.tile(clean.rows, times)]),
            np.concatenate([self.targets, np.tile(clean.targets, (times, 1))]),
            np.concatenate([self.weights, np.tile(clean.weights, times)]),
        )

    def evened(self, kinds: int = 1) -> Selection:
        """With the rows of rare pseudo-classes as often as it takes for each class (of each kind, see `select`) to weigh a
        `LEAST_SHARE` of an equal share, but no more of them than an equal share: a student that meets a class once in
        several batches, or meets it as an unsure one, learns that there is none.
        """
        k = self.targets.shape[1]
        classes = self.targets.argmax(1) + k * (self.rows % kinds)
        counts = np.bincount(classes, minlength=k * kinds)
        masses = np.bincount(classes, self.weights, minlength=k * kinds)
        equal = 1.0 / len(counts)
        needed = LEAST_SHARE * equal * masses.sum() / np.maximum(masses, 1e-12)
        most = equal * len(classes) / np.maximum(counts, 1)
        times = np.maximum(1, np.round(np.minimum(needed, most))).astype(int)[classes]
        rows = np.repeat(np.arange(len(classes)), times)
        return Selection(self.rows[rows], self.targets[rows], self.weights[rows])


def select(
    rows: np.ndarray,
    probabilities: np.ndarray,
    threshold: float,
    class_balance: np.ndarray | None = None,
    least: float = 0.0,
    balanced: bool = False,
    kinds: int = 1,
    sharpened: bool = True,
) -> Selection:
    """S = {x : w(x) >= threshold} with its pseudo-labels and confidence weights.

    ``probabilities`` [len(rows), k] are the teacher's for ``rows``. A teacher that was stopped early can be right and
    still unsure of everything: the threshold is lowered where needed so that of each pseudo-class the most confident
    share ``least`` is selected (by class, because a teacher is seldom equally sure of all). With ``least`` 0 S may be
    empty. ``balanced``: the pseudo-labels' mean is the class balance, where there is an estimate of it (see `aligned`).
    kinds : where rows ask for one of several labels, their number: each kind of rows (row modulo kinds) is selected for
    itself, with its own class balance, ``class_balance`` [kinds, k], and its weights have the mean 1: a label that the
    teacher is unsure of would hardly be learned beside those that it is sure of.
    sharpened : squared and pulled towards the class balance (`sharpen`) before that; else as sure as the teacher.
    """
    if kinds > 1:
        parts = []
        for at in range(kinds):
            mine, balance = rows % kinds == at, None if class_balance is None else class_balance[at]
            part = select(rows[mine], probabilities[mine], threshold, balance, least, balanced, sharpened=sharpened)
            part.weights /= max(part.weights.mean(), LEAST_MEAN) if len(part.weights) else 1.0
            parts.append(part)
        return Selection(*(np.concatenate(arrays) for arrays in zip(*(vars(p).values() for p in parts), strict=True)))
    targets = np.asarray(probabilities, dtype=np.float32)
    if sharpened:
        targets = sharpen(probabilities, class_balance)
    if balanced and class_balance is not None:
        targets = aligned(targets, class_balance)
    weights = confidence(targets)
    kept = weights >= threshold
    if least > 0:
        classes = targets.argmax(1)
        for c in np.unique(classes):
            mine = classes == c
            kept |= mine & (weights >= np.quantile(weights[mine], 1.0 - least))
    return Selection(np.asarray(rows)[kept], targets[kept], weights[kept])
