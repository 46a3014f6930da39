"""Class balance as a constraint: shift class scores so that the mean posterior is a given balance."""

from __future__ import annotations

import numpy as np

DAMPING = 0.7


def softmax(scores: np.ndarray) -> np.ndarray:
    """Rows of scores [n, k] to probabilities, in the scores' precision."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def align(scores: np.ndarray, balance: np.ndarray, iterations: int = 60) -> np.ndarray:
    """Return offsets [k] such that the mean over rows of softmax(scores + offsets) is ``balance`` [k].

    A damped fixed-point iteration, like the prior correction of Saerens et al. (2002) but with the target shares given.
    Fewer ``iterations`` give a pull towards the balance rather than the balance itself. Scores so certain that they
    cannot be moved end as close as they come.
    """
    offsets = np.zeros(scores.shape[1], dtype=scores.dtype)
    for _ in range(iterations):
        share = softmax(scores + offsets).mean(axis=0)
        offsets += (DAMPING * np.log(np.maximum(balance, 1e-6) / np.maximum(share, 1e-6))).astype(scores.dtype)
        if np.abs(share - balance).max() < 1e-4:
            break
    return offsets - offsets.max()
