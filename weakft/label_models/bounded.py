"""A vote in which broad rules count less: the class balance bounds how often a labeling function can be right."""

from __future__ import annotations

import numpy as np

from weakft.label_models.base import PatternModel, normalise, vote_scores
from weakft.label_models.patterns import Patterns, totals

CEILING = 0.8
"""The precision presumed of a labeling function that the class balance does not bound."""


class BoundedVote(PatternModel):
    """p(y | votes) ~ pi_y * (geometric mean over the votes of P(vote | y) / P(vote)).

    Of the rows on which an LF votes c, a share of f of all rows, at most pi_c / f can be of class c: there are no more.
    Its precision is presumed to be `CEILING` times that bound where it binds, and `CEILING` elsewhere, so a rule that
    says "description" on 60 % of the texts, where 20 % are descriptions, gives way to any rarer rule and says little
    alone. But it is not presumed to be right less often than a guess, pi_c: no vote would speak against its class. The mean
    instead of the product, because LFs are seldom independent.

    class_balance : pi, or None for uniform.
    """

    def __init__(self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0) -> None:
        self.n_classes = n_classes
        self.prior = np.full(n_classes, 1.0 / n_classes) if class_balance is None else np.asarray(class_balance, float)
        self.log_lift = np.zeros((0, n_classes, n_classes))

    def fit_patterns(self, patterns: Patterns) -> BoundedVote:
        """Presume each LF's precision for each class from how often it votes for it."""
        k, prior = self.n_classes, np.clip(self.prior, 1e-6, 1 - 1e-6)
        share = totals(patterns, k) / max(len(patterns.matrix), 1)  # [m, k]
        precision = self.precision(np.maximum(CEILING * np.minimum(1.0, prior / np.maximum(share, 1e-12)), prior))
        right, wrong = np.log(precision / prior), np.log((1 - precision) / (1 - prior))
        self.log_lift = np.where(np.eye(k, dtype=bool), right[:, :, None], wrong[:, :, None])  # [j, vote, y]
        return self

    def precision(self, presumed: np.ndarray) -> np.ndarray:
        """Precision of each LF's votes for each class [m, k], from what the class balance lets presume."""
        return presumed

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k]; rows without votes get the class balance."""
        scores = vote_scores(rows, self.log_lift) / np.maximum((rows >= 0).sum(1), 1)[:, None]
        return normalise(np.log(np.maximum(self.prior, 1e-6)) + scores)
