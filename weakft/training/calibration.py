"""Probabilities mended on validation labels: how sure they are, and how they lean to one class or another.

The mean of several teachers is less sure than right, and each of them leans to the classes that the rules favour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from weakft.balance import softmax

PRIOR = 1.0
"""What a unit of any parameter's square costs, in nats: as a normal prior with a standard deviation of 0.7, so that a few
labels move nothing far."""


@dataclass
class Calibration:
    """Vector scaling with one scale for all classes (Guo et al. 2017, 4.2): softmax(``scale`` log p + ``offsets`` [k])."""

    scale: float
    offsets: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, gold: np.ndarray) -> Calibration:
        """The one under which gold labels [n] (-1: none) are likeliest, given probabilities [n, k] and `PRIOR` on the offsets
        and the logarithm of the scale. Without gold labels it changes nothing.
        """
        known = gold >= 0
        scores, truth = _scores(probabilities[known]), np.eye(probabilities.shape[1])[gold[known]]

        def cost(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            scale, offsets = np.exp(parameters[0]), parameters[1:]
            p = softmax(scale * scores + offsets)
            error = p - truth
            slopes = np.concatenate([[scale * (error * scores).sum()], error.sum(axis=0)])
            loss = -np.log(np.maximum(p, 1e-300))[truth > 0].sum() + PRIOR * parameters @ parameters
            return float(loss), slopes + 2 * PRIOR * parameters

        found = minimize(cost, np.zeros(1 + truth.shape[1]), jac=True, method="L-BFGS-B").x
        return cls(float(np.exp(found[0])), found[1:])

    def of_rows(self, probabilities: np.ndarray) -> np.ndarray:
        """Other rows' probabilities [n, k], calibrated: float32."""
        return softmax(self.scale * _scores(probabilities) + self.offsets).astype(np.float32)


def _scores(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), 1e-9))
