"""Single-label classification of whole texts, and what is measured on it (on other tasks with one class a text, too)."""

from __future__ import annotations

from typing import Self, TypedDict

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from weakft.tasks.base import Shown, Task


class Classification(Task):
    """A text as it is; its class is read off the whole of it."""

    name = "classification"
    expected = "texts"

    @classmethod
    def of(cls, texts: list[str]) -> Self:
        """See `Task`: any text can be classified."""
        return cls()

    def shown(self, texts: list[str]) -> list[Shown]:
        """The texts."""
        return list(texts)


class Metrics(TypedDict):
    """Figures of one split: share of right rows, unweighted mean of the classes' F1, number of rows."""

    accuracy: float
    macro_f1: float
    n: int


def measure(probabilities: np.ndarray, gold: np.ndarray) -> Metrics:
    """Compare the most probable class [n, k] with gold labels [n]; rows without gold (-1) do not count.

    Macro-F1 averages over the classes that occur in gold or in the predictions (scikit-learn's definition).
    """
    known = gold >= 0
    predicted, truth = probabilities[known].argmax(1), gold[known]
    if not len(truth):
        return Metrics(accuracy=float("nan"), macro_f1=float("nan"), n=0)
    return Metrics(
        accuracy=float(accuracy_score(truth, predicted)),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0.0)),
        n=len(truth),
    )


def log_loss(probabilities: np.ndarray, gold: np.ndarray, floor: float = 1e-3) -> float:
    """Mean -log p(gold), natural log; probabilities are kept above ``floor`` so that one row cannot decide."""
    known = gold >= 0
    p = probabilities[known][np.arange(known.sum()), gold[known]]
    return float(-np.log(np.maximum(p, floor)).mean())
