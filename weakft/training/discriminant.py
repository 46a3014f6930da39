"""Class-wise Gaussians on frozen features, refined on unlabeled rows by expectation maximisation.

A discriminative model fits whatever regularity noisy labels have, their mistakes too. A generative one has to explain
where all the texts lie: its classes settle on the clusters of the feature space, and labels only say which cluster is
which. Passes over all rows are on the device, in float32; the algebra of classes is NumPy's, in float64. Knows nothing of
models or texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from weakft.balance import DAMPING
from weakft.training.neighbours import Neighbourhood

ALIGNMENT = 10
"""Iterations of `align` in an E-step."""

MOST_EXPLAINED = 0.999
"""The largest share of the variance of a direction that lies between classes."""

LEAST_VARIANCE = 1e-12
"""A direction is no narrower: of texts that are all the same every one has a variance of 0."""


@dataclass
class View:
    """Features of the pool [n, d] and of the validation rows [v, d], on a device, centred, in the eigenbasis of the pool's
    total covariance, whose eigenvalues are `variances` [d].
    """

    name: str
    pool: Tensor
    valid: Tensor
    variances: np.ndarray

    @classmethod
    def of(cls, name: str, pool: np.ndarray, valid: np.ndarray, *, device: torch.device | str = "cpu") -> View:
        """Rotate features into the eigenbasis."""
        mean = pool.mean(0)
        variances, axes = np.linalg.eigh(np.cov((pool - mean).T.astype(np.float64)))
        axes = axes.astype(np.float32)

        def turned(x: np.ndarray) -> Tensor:
            return torch.from_numpy(((x - mean) @ axes).astype(np.float32)).to(device)

        return cls(name, turned(pool), turned(valid), np.maximum(variances, 0.0))

    @cached_property
    def neighbourhood(self) -> Neighbourhood:
        """Which rows lie close: the same for every label that is asked of them."""
        return Neighbourhood(self.pool, self.valid)


class Discriminant:
    """Semi-supervised linear discriminant analysis.

    E-step: p(y | x) of Gaussians with one within-class covariance W, shifted so that its mean over the pool comes near
    ``balance`` [k] (`align`, few iterations: the balance is an estimate). M-step: class means over all rows, weighted by
    p(y | x); the first one takes ``soft_labels`` [len(rows), k] of ``rows``. W is the total covariance less the
    between-class one (Fisher 1936), shrunk towards a multiple of the identity by ``shrinkage`` (Friedman 1989); in the
    eigenbasis it is a diagonal less a matrix of rank k, so that an iteration (Woodbury) costs O(n d k).
    """

    def __init__(
        self, view: View, rows: np.ndarray, soft_labels: np.ndarray, shrinkage: float, balance: np.ndarray
    ) -> None:
        self.view, self.shrinkage, self.balance = view, shrinkage, balance
        shrunk = (1.0 - shrinkage) * view.variances + shrinkage * view.variances.mean()
        self.diagonal = 1.0 / np.maximum(shrunk, LEAST_VARIANCE)
        self._maximise(view.pool[torch.from_numpy(rows).to(view.pool.device)], self._there(soft_labels))
        self.iterations = 1

    def run(self, iterations: int) -> Discriminant:
        """Go on until ``iterations`` M-steps in all. Return self."""
        for _ in range(self.iterations, iterations):
            self._maximise(self.view.pool, self._of_pool.softmax(1))
        self.iterations = max(self.iterations, iterations)
        return self

    def scores(self, x: Tensor) -> np.ndarray:
        """Log-posteriors, up to a constant a row, of rows of the view: [n, d] to float32 [n, k]."""
        return self._scores(x).cpu().numpy()

    def _scores(self, x: Tensor) -> Tensor:
        return torch.addmm(self._bias, x, self._slopes)

    def _there(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.view.pool.device)

    def _maximise(self, x: Tensor, p: Tensor) -> None:
        sums = torch.hstack([p.sum(0, dtype=torch.float64)[:, None], (p.T @ x).double()]).cpu().numpy()
        mass = np.maximum(sums[:, 0], 1e-9)
        means = sums[:, 1:] / mass[:, None]
        share = mass / mass.sum()
        between = (np.sqrt(share * (1.0 - self.shrinkage))[:, None] * (means - share @ means)).T  # W = D^-1 - B B^T
        scaled = self.diagonal[:, None] * between
        explained = float(np.linalg.eigvalsh(between.T @ scaled)[-1])
        if (
            explained > MOST_EXPLAINED
        ):  # labeled rows farther apart than the pool is wide: W must stay positive definite
            between, scaled = (m * np.sqrt(MOST_EXPLAINED / explained) for m in (between, scaled))
        inner = np.eye(len(mass)) - between.T @ scaled
        slopes = self.diagonal[:, None] * means.T + scaled @ np.linalg.solve(inner, scaled.T @ means.T)
        self._slopes = self._there(slopes)
        self._bias = self._there(-0.5 * (means.T * slopes).sum(0))
        scores = self._scores(self.view.pool)
        offsets = _aligning(scores, self._there(self.balance))
        self._bias = self._bias + offsets
        self._of_pool = scores + offsets


def _aligning(scores: Tensor, balance: Tensor) -> Tensor:
    """`weakft.balance.align` for scores [n, k] on a device, which is not asked for anything on the way."""
    offsets = torch.zeros_like(balance)
    for _ in range(ALIGNMENT):
        share = (scores + offsets).softmax(1).mean(0)
        offsets += DAMPING * (balance.clamp_min(1e-6) / share.clamp_min(1e-6)).log()
    return offsets - offsets.max()
