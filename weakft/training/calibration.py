"""What several models say of the same rows put together, class by class, on validation labels.

Each model leans to the classes that the rules favour, and a mean of several is less sure than right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from weakft.balance import softmax
from weakft.tasks.folds import fold_of
from weakft.tasks.measure import Truth

OFFSET_PRIOR, WEIGHT_PRIOR = 1.0, 10.0
"""What the square of an offset, or of how far a weight is from where it begins, costs in nats: as normal priors with
standard deviations of 0.7 and 0.2, so that a few labels move nothing far."""

FOLDS = 5


@dataclass
class Calibration:
    """Of opinions p_1 to p_m, softmax(``offsets`` [k] + sum of ``weights`` [m, k] times log p_m), log p_m about its mean over
    the classes: of one vector scaling (Guo et al. 2017, 4.2), of several stacking (Wolpert 1992) with a weight a class.
    """

    weights: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, opinions: Sequence[np.ndarray], gold: np.ndarray) -> Calibration:
        """The one under which gold labels [n] (-1: none) are likeliest, given opinions, m of [n, k] probabilities, and the
        priors: the first opinion as it is, and nothing of the others. Without gold labels it is that.
        """
        known = gold >= 0
        scores, k = _scores(opinions)[:, known], opinions[0].shape[1]
        truth = np.eye(k)[gold[known]]
        start = cls(np.repeat(np.eye(len(scores))[0], k).reshape(-1, k), np.zeros(k))

        def cost(steps: np.ndarray) -> tuple[float, np.ndarray]:
            p = softmax(start._moved(steps)._combined(scores))
            error, prior = p - truth, np.repeat([OFFSET_PRIOR, WEIGHT_PRIOR], [k, steps.size - k])
            slopes = [error.sum(axis=0), np.einsum("nk,mnk->mk", error, scores).ravel()]
            loss = -np.log(np.maximum(p, 1e-300))[truth > 0].sum() + (prior * steps**2).sum()
            return float(loss), np.concatenate(slopes) + 2 * prior * steps

        return start._moved(minimize(cost, np.zeros(scores.shape[0] * k + k), jac=True, method="L-BFGS-B").x)

    def of_rows(self, opinions: Sequence[np.ndarray]) -> np.ndarray:
        """The probabilities that the same models' opinions of any rows give: float32 [n, k]."""
        return softmax(self._combined(_scores(opinions))).astype(np.float32)

    def _moved(self, steps: np.ndarray) -> Calibration:
        k = len(self.offsets)
        return Calibration(self.weights + steps[k:].reshape(-1, k), self.offsets + steps[:k])

    def _combined(self, scores: np.ndarray) -> np.ndarray:
        return self.offsets + np.einsum("mk,mnk->nk", self.weights, scores)


def cross_fitted(opinions: Sequence[np.ndarray], truth: Truth) -> np.ndarray:
    """What `Calibration` makes of the validation rows themselves, float32 [n, k]: those of each fifth of the texts by the
    labels of the others. Rows of one text stay together.
    """
    gold, fold = truth.gold, fold_of(truth.sources, FOLDS, seed=0)
    found = np.empty(opinions[0].shape, np.float32)
    for i in range(FOLDS):
        calibration = Calibration.of(opinions, np.where(fold == i, -1, gold))
        found[fold == i] = calibration.of_rows([p[fold == i] for p in opinions])
    return found


def _scores(opinions: Sequence[np.ndarray]) -> np.ndarray:
    scores = np.log(np.maximum(np.stack(opinions).astype(np.float64), 1e-9))
    return scores - scores.mean(axis=2, keepdims=True)
