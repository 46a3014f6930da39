"""Majority vote, optionally reweighted so that the classes' shares match an assumed class balance."""

from __future__ import annotations

import numpy as np

from weakft.balance import align
from weakft.label_models.base import PatternModel, covered, vote_shares
from weakft.label_models.patterns import Patterns, totals

SMOOTHING = 0.1


class MajorityVote(PatternModel):
    """Soft labels are the votes' shares of the classes.

    With a class balance pi, each class c gets one weight a_c, found (`weakft.balance.align`) on the covered rows of
    `fit`'s matrix, such that the mean of p(c|x) ~ a_c * share_c(x) is pi_c. This mends the commonest fault of rules:
    a class whose rules fire too readily (prior correction, Saerens et al. 2002, with the target shares given). The
    shares are mixed with ``SMOOTHING`` of uniform before, because a certain vote could not be moved otherwise. A class
    that no function votes for takes no part: its rows have no votes.
    """

    def __init__(self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0) -> None:
        self.n_classes = n_classes
        self.class_balance = None if class_balance is None else np.asarray(class_balance, float)
        self.weights = np.ones(n_classes)

    def fit_patterns(self, patterns: Patterns) -> MajorityVote:
        """Find the class weights; without a class balance there is nothing to fit."""
        self.weights = np.ones(self.n_classes)
        voted = covered(patterns.rows)
        if self.class_balance is None or not voted.any():
            return self
        known = totals(patterns, self.n_classes).any(axis=0)
        scores = patterns.expand(np.log(self._smoothed(patterns.rows)[:, known]))
        target = self.class_balance[known] / max(self.class_balance[known].sum(), 1e-12)
        found = np.exp(align(scores if voted.all() else scores[patterns.expand(voted)], target))
        self.weights[:] = found.min()
        self.weights[known] = found
        return self

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k]; rows without votes get the class balance, or uniform."""
        if self.class_balance is None:
            return vote_shares(rows, self.n_classes).astype(np.float32)
        p = self._smoothed(rows) * self.weights
        p /= p.sum(axis=1, keepdims=True)
        p[~covered(rows)] = self.class_balance
        return p.astype(np.float32)

    def _smoothed(self, rows: np.ndarray) -> np.ndarray:
        return (1 - SMOOTHING) * vote_shares(rows, self.n_classes) + SMOOTHING / self.n_classes
