"""Dawid and Skene (1979): EM over each labeling function's confusion matrix, abstentions carrying no information."""

from __future__ import annotations

import numpy as np

from weakft.label_models.base import PatternModel, covered, normalise, vote_scores, vote_shares
from weakft.label_models.patterns import Patterns, chunks

SMOOTHING = 0.5
"""Pseudo-counts in every cell of a confusion matrix."""

DIAGONAL = 2.0
"""Further pseudo-counts on the diagonal: rules are presumed better than chance until the votes say otherwise."""


class DawidSkene(PatternModel):
    """p(y | votes) ~ pi_y * prod_j theta_j[y, vote_j] over the labeling functions j that vote.

    theta_j[y, v] is the chance that LF j votes v given that it votes and the class is y. EM starts from the majority
    vote and runs over the distinct vote patterns with their counts, so its time does not grow with repeated rows.

    class_balance : pi held fixed at it, or None to estimate pi in each M-step.
    """

    def __init__(
        self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0, iterations: int = 50
    ) -> None:
        self.n_classes, self.class_balance, self.iterations = n_classes, class_balance, iterations

    def fit_patterns(self, patterns: Patterns) -> DawidSkene:
        """Run EM on the covered rows until the posteriors move less than 1e-4."""
        k, m = self.n_classes, patterns.rows.shape[1]
        self.prior = np.full(k, 1.0 / k) if self.class_balance is None else np.asarray(self.class_balance, float)
        prior_counts = SMOOTHING + DIAGONAL * np.eye(k)
        self.log_theta = np.log(np.tile(prior_counts / prior_counts.sum(1, keepdims=True), (m, 1, 1)))
        rows, counts, voted = patterns.rows, patterns.counts, covered(patterns.rows)
        if not voted.any():
            return self
        if not voted.all():
            rows, counts = rows[voted], counts[voted]
        posterior = vote_shares(rows, k)
        for _ in range(self.iterations):
            if self.class_balance is None:
                self.prior = (counts @ posterior.astype(np.float64) + 1.0) / (counts.sum() + k)
            theta = expected_votes(rows, counts, posterior) + prior_counts
            self.log_theta = np.log(theta / theta.sum(axis=2, keepdims=True))
            previous, posterior = posterior, self.predict_rows(rows)
            if np.abs(posterior - previous).max() < 1e-4:
                break
        return self

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k]; rows without votes get the class prior."""
        scores = vote_scores(rows, self.log_theta.transpose(0, 2, 1))
        return normalise(np.log(np.maximum(self.prior, 1e-9)) + scores)


def expected_votes(rows: np.ndarray, counts: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """How often LF j votes v on rows of class y, in expectation, float64 [m, y, v]: the M-step's sufficient statistic.

    rows : votes [d, m].   counts : [d], how often each row stands.   posterior : [d, k].
    """
    k, m = posterior.shape[1], rows.shape[1]
    out = np.zeros((k, m, k))  # [v, j, y]
    for part in chunks(len(rows)):
        weighted = posterior[part] * counts[part, None].astype(np.float64)
        for v in range(k):
            out[v] += (rows[part] == v).astype(np.float64).T @ weighted
    return out.transpose(1, 2, 0)
