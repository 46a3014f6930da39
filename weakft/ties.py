"""Classes that are equally probable, as after a vote of two against two."""

from __future__ import annotations

import numpy as np

ALIKE = 1e-6
"""Probabilities that differ by less are the same."""


def tied(probabilities: np.ndarray) -> np.ndarray:
    """Which classes are the most probable of their row, bool [n, k]: one a row, or several where they tie."""
    return probabilities >= probabilities.max(axis=1, keepdims=True) - ALIKE


def untied(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities float32 [n, k] in which one of the classes that tie, drawn at random, is a little more probable."""
    best = tied(probabilities)
    drawn = np.where(best, rng.random(best.shape), -1.0).argmax(axis=1)
    out = np.array(probabilities, dtype=np.float64)
    out[np.arange(len(out)), drawn] += 1e-4 * (best.sum(axis=1) > 1)
    return (out / out.sum(axis=1, keepdims=True)).astype(np.float32)
