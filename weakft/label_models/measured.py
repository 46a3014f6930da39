"""A vote in which each labeling function counts by how often it was right on labeled rows."""

from __future__ import annotations

import numpy as np

from weakft.label_models.base import normalise, vote_scores
from weakft.label_models.bounded import BoundedVote

STRENGTH = 10.0
"""So many labeled rows is what a `BoundedVote` presumes of a labeling function worth."""


class MeasuredVote(BoundedVote):
    """p(y | votes) ~ pi_y * product over the votes of P(vote | y) / P(vote): naive Bayes, the independent model of Ratner et
    al. 2016 (arXiv 1605.07723, section 2) with accuracies that are known instead of estimated.

    The precision of an LF for each class is the one measured on labeled rows (`learn`), drawn towards what `BoundedVote`
    presumes as if that were `STRENGTH` more of them. Without labeled rows it is the presumption.
    """

    def __init__(self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0) -> None:
        super().__init__(n_classes, class_balance, seed)
        self.voted = self.right = np.zeros((1, n_classes), dtype=np.int64)

    def learn(self, L: np.ndarray, gold: np.ndarray) -> MeasuredVote:
        """Count how often LFs vote for each class on labeled rows, L [r, m] with ``gold`` [r], and how often they are right,
        before `fit`. Return self.
        """
        classes = np.arange(self.n_classes)
        self.voted = np.stack([(L == c).sum(0) for c in classes], axis=1)  # [m, k]
        self.right = np.stack([(L[gold == c] == c).sum(0) for c in classes], axis=1)
        return self

    def precision(self, presumed: np.ndarray) -> np.ndarray:
        """See `BoundedVote`."""
        return (self.right + STRENGTH * presumed) / (self.voted + STRENGTH)

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k]; rows without votes get the class balance."""
        return normalise(np.log(np.maximum(self.prior, 1e-6)) + vote_scores(rows, self.log_lift))
