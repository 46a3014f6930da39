"""What every label model offers, and the arithmetic they share."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from weakft.balance import softmax


@runtime_checkable
class LabelModel(Protocol):
    """Aggregates votes. Built as ``Model(n_classes, class_balance=None, seed=0)``.

    class_balance : [k] summing to 1, the classes' assumed shares among the rows, or None for the model's own estimate.
    """

    def __init__(self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0) -> None: ...

    def fit(self, L: np.ndarray) -> LabelModel:
        """Estimate the model from the label matrix L, int8 [n, m], -1 = abstain. Return self."""
        ...

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Return soft labels float32 [n, k]; what a row without votes gets is the class balance (callers mask it)."""
        ...


def covered(L: np.ndarray) -> np.ndarray:
    """Boolean [n]: rows on which at least one labeling function votes."""
    return np.asarray(np.any(L >= 0, axis=1))


def vote_counts(L: np.ndarray, n_classes: int) -> np.ndarray:
    """How many labeling functions vote for each class, float64 [n, k]."""
    return np.stack([np.sum(L == c, axis=1) for c in range(n_classes)], axis=1).astype(np.float64)


def vote_shares(L: np.ndarray, n_classes: int) -> np.ndarray:
    """The votes' shares [n, k], uniform on rows without votes: a plain majority vote with ties kept."""
    counts = vote_counts(L, n_classes)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), 1.0 / n_classes)


def normalise(log_weights: np.ndarray) -> np.ndarray:
    """Rows of log-weights [n, k] to probabilities, float32."""
    return softmax(log_weights).astype(np.float32)
