"""What every label model offers, and the arithmetic they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, Self, runtime_checkable

import numpy as np

from weakft.balance import softmax
from weakft.errors import UserError
from weakft.label_models.patterns import Patterns, chunks, distinct

ALIKE = 1e-6
"""Soft labels that differ by less say the same."""


class Diverged(UserError):
    """A label model's fit came to nothing on a label matrix that others can be fitted on."""


@runtime_checkable
class LabelModel(Protocol):
    """Aggregates votes. Built as ``Model(n_classes, class_balance=None, seed=0)``.

    class_balance : [k] summing to 1, the classes' assumed shares among the rows, or None for the model's own estimate.
    """

    def __init__(self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0) -> None: ...

    def fit(self, L: np.ndarray) -> LabelModel:
        """Estimate the model from the label matrix L, int8 or int16 [n, m], -1 = abstain. Return self."""
        ...

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Return soft labels float32 [n, k]; what a row without votes gets is the class balance (callers mask it)."""
        ...


@runtime_checkable
class Learner(LabelModel, Protocol):
    """A label model that is told, before `fit`, what gold labels say of the labeling functions."""

    def learn(self, L: np.ndarray, gold: np.ndarray) -> LabelModel:
        """Measure the functions on rows of votes L [r, m], with gold labels [r]. Return self."""
        ...


class PatternModel(ABC):
    """A `LabelModel` to which rows with the same votes are the same: fitted on distinct rows, asked in chunks.

    A model of this kind says how it is fitted on `Patterns` and what it makes of some rows; the rest is here. To be a
    label model, none needs to be of this kind.
    """

    n_classes: int

    @abstractmethod
    def fit_patterns(self, patterns: Patterns) -> Self:
        """Estimate the model from the distinct rows and their counts. Return self."""

    @abstractmethod
    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k] of some rows of votes [c, m], each row for itself."""

    def fit(self, L: np.ndarray) -> Self:
        """Estimate the model from the label matrix L, int8 or int16 [n, m], -1 = abstain. Return self.

        Raises
        ------
        UserError : the model cannot be fitted on this matrix.
        """
        return self.fit_patterns(distinct(L))

    def predict_patterns(self, patterns: Patterns) -> np.ndarray:
        """Soft labels float32 [n, k] of a matrix whose distinct rows are known."""
        return patterns.expand(self.predict_rows(patterns.rows))

    def predict_rows(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [d, k] of rows of votes [d, m], chunk by chunk."""
        out = np.empty((len(rows), self.n_classes), np.float32)
        for part in chunks(len(rows)):
            out[part] = self.posterior(rows[part])
        return out

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Soft labels float32 [n, k]; rows without votes get the class balance, as the model holds it."""
        return self.predict_patterns(distinct(L))


def fit_on(model: LabelModel, patterns: Patterns) -> LabelModel:
    """Fit any label model on a matrix whose distinct rows are known. Return it."""
    return model.fit_patterns(patterns) if isinstance(model, PatternModel) else model.fit(patterns.matrix)


def predict_on(model: LabelModel, patterns: Patterns) -> np.ndarray:
    """Any label model's soft labels float32 [n, k] for a matrix whose distinct rows are known."""
    if isinstance(model, PatternModel):
        return model.predict_patterns(patterns)
    return model.predict_proba(patterns.matrix)


def sound_fit(model: LabelModel, patterns: Patterns) -> LabelModel:
    """`fit_on`, and a look at what the model makes of the same rows.

    Raises
    ------
    Diverged : soft labels that are no probabilities, or the same ones for all votes.
    UserError : the model cannot be fitted on this matrix.
    """
    fit_on(model, patterns)
    rows = patterns.rows[covered(patterns.rows)]
    p = probabilities(model, rows)
    winners = vote_shares(rows, p.shape[1]).argmax(axis=1)
    if len(np.unique(winners)) > 1 and np.ptp(p, axis=0).max() < ALIKE:
        raise Diverged(f"{_named(model)}: the soft labels are the same whatever the votes are.")
    return model


def probabilities(model: LabelModel, rows: np.ndarray) -> np.ndarray:
    """A fitted model's soft labels float32 [n, k] of rows of votes.

    Raises
    ------
    Diverged : they are no probabilities.
    """
    p = model.predict_rows(rows) if isinstance(model, PatternModel) else model.predict_proba(rows)
    if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-3)):
        raise Diverged(f"{_named(model)}: the soft labels are no probabilities.")
    return p


def _named(model: LabelModel) -> str:
    return f"The label model {type(model).__name__} failed on this label matrix"


def covered(L: np.ndarray) -> np.ndarray:
    """Boolean [n]: rows on which at least one labeling function votes."""
    return np.asarray(np.max(L, axis=1, initial=-1) >= 0)


def vote_counts(L: np.ndarray, n_classes: int) -> np.ndarray:
    """How many labeling functions vote for each class, float64 [n, k]."""
    out = np.empty((len(L), n_classes))
    ones = np.ones(L.shape[1], np.float32)
    for part in chunks(len(L)):
        for c in range(n_classes):
            out[part, c] = (L[part] == c).astype(np.float32) @ ones  # BLAS sums a row faster than .sum(axis=1)
    return out


def vote_shares(L: np.ndarray, n_classes: int) -> np.ndarray:
    """The votes' shares [n, k], uniform on rows without votes: a plain majority vote with ties kept."""
    shares = vote_counts(L, n_classes)
    total = shares.sum(axis=1, keepdims=True)
    shares /= np.maximum(total, 1)
    shares[total[:, 0] == 0] = 1.0 / n_classes
    return shares


def vote_scores(rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Sum over the labeling functions j that vote of ``scores[j, vote]``, float64 [c, k].

    rows : votes [c, m].   scores : [m, k, k], what vote v of function j adds to each class.
    """
    tables = np.concatenate([scores, np.zeros((len(scores), 1, scores.shape[2]))], axis=1)  # -1, the last, adds nothing
    out = np.zeros((len(rows), scores.shape[2]))
    for table, votes in zip(tables, np.maximum(rows.T, -1), strict=True):
        out += table.take(votes, axis=0)
    return out


def normalise(log_weights: np.ndarray) -> np.ndarray:
    """Rows of log-weights [n, k] to probabilities, float32."""
    return softmax(log_weights).astype(np.float32)
