"""Snorkel's generative `LabelModel` (Ratner et al. 2019, arXiv 1810.02840), from counts instead of a one-hot matrix.

The same objective, start and descent as `snorkel.labeling.model.LabelModel` of Snorkel 0.10 for labeling functions that
are independent given the class, so that parameters and posteriors agree with it. Knows nothing of torch and needs no
Snorkel.
"""

from __future__ import annotations

import numpy as np

from weakft.errors import UserError
from weakft.label_models.base import Diverged, PatternModel, normalise, vote_scores
from weakft.label_models.patterns import Patterns, overlaps, totals

MINIMUM_LFS = 3

PRECISION = 0.7
"""P(Y = y | LF votes y) at the start, for every labeling function."""

STEP, MOMENTUM = 0.01, 0.9
"""Of the gradient descent (Snorkel's defaults)."""

LEAST_SHARE = 1e-3
"""The least share of a class that is believed."""


class SnorkelLabelModel(PatternModel):
    """Estimates each labeling function's P(vote | class) from how the functions agree, without labels. It needs at least
    three labeling functions.

    epochs : gradient steps of the fit (Snorkel's `n_epochs`).   l2 : strength of the pull towards the start.
    After `fit`, mu [m * k, k] holds P(LF j votes c | class y) at [j * k + c, y].
    """

    def __init__(
        self,
        n_classes: int,
        class_balance: np.ndarray | None = None,
        seed: int = 0,
        epochs: int = 500,
        l2: float = 0.0,
    ) -> None:
        self.n_classes, self.class_balance, self.seed, self.epochs, self.l2 = n_classes, class_balance, seed, epochs, l2

    def fit_patterns(self, patterns: Patterns) -> SnorkelLabelModel:
        """Estimate mu.

        Raises
        ------
        UserError : fewer than three labeling functions, no rows, a vote or a class balance that does not fit the number
        of classes.
        Diverged : the descent ends higher than it began.
        """
        k, (n, m) = self.n_classes, patterns.matrix.shape
        self._check(patterns)
        self.balance = (
            np.full(k, 1.0 / k) if self.class_balance is None else np.maximum(self.class_balance, LEAST_SHARE)
        )
        # A vote that never occurs starts at 0 with a gradient of 0: it stays out of the descent.
        classes, lfs = np.nonzero(totals(patterns, k).T)
        moments = (overlaps(patterns, lfs, classes) / n).astype(np.float32)
        start = initial(np.diag(moments), classes, self.balance)
        scale = np.random.RandomState(self.seed).random_sample()  # the draw that seeds Snorkel's start
        problem, begin = (moments, lfs[:, None] == lfs, self.balance), start * np.float32(scale)
        with np.errstate(over="ignore", invalid="ignore"):
            found = descend(*problem, start, begin, self.epochs, self.l2)
            descended = loss(found, *problem) <= loss(begin, *problem)  # False for NaN
        if not descended:
            raise Diverged(
                "Snorkel's label model failed on this label matrix: its gradient descent diverges. "
                "Use --label-model dawid-skene or majority, or fewer rules that vote on the same rows."
            )
        least = min(0.01, 10.0 ** -np.ceil(np.log10(n)))
        mu = np.zeros((m * k, k), np.float32)
        mu[lfs * k + classes] = found
        self.mu = mu.clip(np.float32(least), np.float32(1 - least))
        self.mu = self.mu[:, best_columns(self.mu.reshape(m, k, k).sum(axis=0), self.balance)]
        return self

    def posterior(self, rows: np.ndarray) -> np.ndarray:
        """Soft labels float32 [c, k]: p(y) * prod_j P(vote_j | y) over the labeling functions j that vote, normalised.

        Abstentions carry no information, as in Snorkel.
        """
        log_mu = np.log(self.mu).reshape(-1, self.n_classes, self.n_classes)
        return normalise(np.log(self.balance) + vote_scores(rows, log_mu))

    def _check(self, patterns: Patterns) -> None:
        k, (n, m) = self.n_classes, patterns.matrix.shape
        if m < MINIMUM_LFS:
            raise UserError(
                f"Snorkel's label model needs at least {MINIMUM_LFS} labeling functions, found {m}. "
                "Use --label-model majority, or write more rules."
            )
        if n == 0:
            raise UserError("Snorkel's label model failed on this label matrix: it has no rows.")
        highest = int(patterns.rows.max())
        if highest >= k:
            raise UserError(
                f"Snorkel's label model failed on this label matrix: a labeling function votes {highest}, "
                f"the {k} classes are 0 to {k - 1}."
            )
        if self.class_balance is not None and len(self.class_balance) != k:
            raise UserError(
                f"Snorkel's label model expects a class balance of {k} shares, found {len(self.class_balance)}."
            )


def initial(shares: np.ndarray, classes: np.ndarray, balance: np.ndarray) -> np.ndarray:
    """The centre of the start, float32 [v, k]: P(vote c | c) = P(vote c) * P(c | vote c) / P(c), and 0 elsewhere.

    shares : float32 [v], how often each vote falls.   classes : [v], for which class.   balance : [k].
    The middle factor is presumed to be `PRECISION`.
    """
    start = np.zeros((len(shares), len(balance)), np.float32)
    precise = (shares * np.float32(PRECISION)) / balance[classes]
    start[np.arange(len(shares)), classes] = np.clip(precise, 0, 1)
    return start


def loss(mu: np.ndarray, moments: np.ndarray, same: np.ndarray, balance: np.ndarray) -> float:
    """The objective, without its pull towards the start: how far mu is from explaining the votes' joint shares.

    Off the blocks of one labeling function, where votes are independent given the class, the moments O should be
    mu P mu^T, P = diag(balance), and on the diagonal mu p (Ratner et al. 2019, section 3.2: matrix completion with the
    marginals): ||(O - mu P mu^T)_off||^2 + ||mu p - diag O||^2.

    mu : [v, k].   moments : O [v, v].   same : bool [v, v], True where both votes are of one function.   balance : [k].
    """
    residual = np.where(same, 0, (mu * balance) @ mu.T - moments)
    return float((residual**2).sum() + ((mu @ balance - np.diag(moments)) ** 2).sum())


def gradient(mu: np.ndarray, moments: np.ndarray, same: np.ndarray, balance: np.ndarray) -> np.ndarray:
    """The gradient [v, k] of `loss`: 4 R mu P + 2 (mu p - diag O) p^T with R = (mu P mu^T - O)_off, symmetric."""
    weighted = mu * balance
    residual = weighted @ mu.T
    residual -= moments
    residual[same] = 0
    return 4 * (residual @ weighted) + 2 * np.outer(mu @ balance - np.diag(moments), balance)


def descend(
    moments: np.ndarray,
    same: np.ndarray,
    balance: np.ndarray,
    centre: np.ndarray,
    mu: np.ndarray,
    epochs: int,
    l2: float,
) -> np.ndarray:
    """Gradient descent with momentum on `loss` + ||l2 (mu - centre)||^2 from mu, all [v, k]; float32, as Snorkel's.

    l2 is also its optimizer's weight decay. NaN where the descent diverges.
    """
    balance = balance.astype(np.float32)
    velocity = np.zeros_like(mu)
    for _ in range(epochs):
        step = gradient(mu, moments, same, balance)
        if l2:
            step += np.float32(2 * l2**2) * (mu - centre) + np.float32(l2) * mu
        velocity = np.float32(MOMENTUM) * velocity + step
        mu = mu - np.float32(STEP) * velocity
    return mu


def best_columns(sums: np.ndarray, balance: np.ndarray) -> np.ndarray:
    """Which column of mu is which class, int [k].

    Columns of classes with the same share could be exchanged without a change of the objective; of such orders, take the
    one that trusts the labeling functions most: the largest sum over functions and classes y of P(vote y, y).

    sums : [k, k], the sum over functions of P(vote c | column y).   balance : [k].
    """
    from scipy.optimize import linear_sum_assignment

    shares = balance.astype(np.float32)
    joint, rounded = sums * shares, np.around(shares, 3)
    order = np.arange(len(shares))
    for share in np.unique(rounded):
        group = np.flatnonzero(rounded == share)
        columns, classes = linear_sum_assignment(joint[np.ix_(group, group)].T, maximize=True)
        order[group[classes]] = group[columns]
    return order
