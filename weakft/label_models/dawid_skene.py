"""Dawid and Skene (1979): EM over each labeling function's confusion matrix, abstentions carrying no information."""

from __future__ import annotations

import numpy as np

from weakft.label_models.base import covered, normalise, vote_shares

SMOOTHING = 0.5
"""Pseudo-counts in every cell of a confusion matrix."""

DIAGONAL = 2.0
"""Further pseudo-counts on the diagonal: rules are presumed better than chance until the votes say otherwise."""


class DawidSkene:
    """p(y | votes) ~ pi_y * prod_j theta_j[y, vote_j] over the labeling functions j that vote.

    theta_j[y, v] is the chance that LF j votes v given that it votes and the class is y. EM starts from the majority
    vote and runs over the distinct vote patterns with their counts, so its time does not grow with repeated rows.

    class_balance : pi held fixed at it, or None to estimate pi in each M-step.
    """

    def __init__(
        self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0, iterations: int = 50
    ) -> None:
        self.n_classes, self.class_balance, self.iterations = n_classes, class_balance, iterations

    def fit(self, L: np.ndarray) -> DawidSkene:
        """Run EM on the covered rows of L int8 [n, m] until the posteriors move less than 1e-4."""
        k, m = self.n_classes, L.shape[1]
        self.prior = np.full(k, 1.0 / k) if self.class_balance is None else np.asarray(self.class_balance, float)
        prior_counts = SMOOTHING + DIAGONAL * np.eye(k)
        self.log_theta = np.log(np.tile(prior_counts / prior_counts.sum(1, keepdims=True), (m, 1, 1)))
        if not covered(L).any():
            return self
        patterns, counts = np.unique(L[covered(L)], axis=0, return_counts=True)
        posterior = vote_shares(patterns, k)
        for _ in range(self.iterations):
            weighted = posterior * counts[:, None]
            if self.class_balance is None:
                self.prior = (weighted.sum(0) + 1.0) / (counts.sum() + k)
            theta = np.stack([weighted.T @ (patterns == v) for v in range(k)], axis=2)  # [y, j, v]
            theta = theta.transpose(1, 0, 2) + prior_counts
            self.log_theta = np.log(theta / theta.sum(axis=2, keepdims=True))
            previous, posterior = posterior, self.predict_proba(patterns)
            if np.abs(posterior - previous).max() < 1e-4:
                break
        return self

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Soft labels float32 [n, k]; rows without votes get the class prior."""
        scores = np.tile(np.log(np.maximum(self.prior, 1e-9)), (len(L), 1))
        for j in range(L.shape[1]):
            voted = L[:, j] >= 0
            scores[voted] += self.log_theta[j][:, L[voted, j]].T
        return normalise(scores)
