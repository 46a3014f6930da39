"""Snorkel's generative `LabelModel` (Ratner et al. 2019, arXiv 1810.02840) behind weakft's interface."""

from __future__ import annotations

import contextlib
import io
import logging

import numpy as np

from weakft.errors import UserError

MINIMUM_LFS = 3


class SnorkelLabelModel:
    """`snorkel.labeling.model.LabelModel`: estimates each labeling function's class-conditional accuracies from how the
    functions agree, without labels. It needs at least three labeling functions.

    epochs : gradient steps of its fit (Snorkel's `n_epochs`).
    """

    def __init__(
        self, n_classes: int, class_balance: np.ndarray | None = None, seed: int = 0, epochs: int = 500
    ) -> None:
        self.n_classes, self.class_balance, self.seed, self.epochs = n_classes, class_balance, seed, epochs

    def fit(self, L: np.ndarray) -> SnorkelLabelModel:
        """Fit on the label matrix L [n, m].

        Raises
        ------
        UserError : fewer than three labeling functions, or Snorkel refuses the matrix or diverges.
        """
        if L.shape[1] < MINIMUM_LFS:
            raise UserError(
                f"Snorkel's label model needs at least {MINIMUM_LFS} labeling functions, found {L.shape[1]}. "
                "Use --label-model majority, or write more rules."
            )
        from snorkel.labeling.model import LabelModel

        self.model = LabelModel(cardinality=self.n_classes, verbose=False)
        balance = None if self.class_balance is None else list(np.maximum(self.class_balance, 1e-3))
        root = logging.getLogger()
        level = root.level
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # Snorkel prints its own bars
                self.model.fit(
                    L.astype(np.int64),
                    class_balance=balance,
                    n_epochs=self.epochs,
                    seed=self.seed,
                    progress_bar=False,
                )
        except Exception as error:  # Snorkel raises bare Exceptions for divergence, ValueErrors for odd matrices
            raise UserError(f"Snorkel's label model failed on this label matrix: {error}") from error
        finally:
            root.setLevel(level)
        return self

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Soft labels float32 [n, k]."""
        p = np.asarray(self.model.predict_proba(L.astype(np.int64)), dtype=np.float64)
        p = np.where(np.isfinite(p), np.clip(p, 0.0, 1.0), 1.0 / self.n_classes)
        total = p.sum(axis=1, keepdims=True)
        return np.where(total > 0, p / np.maximum(total, 1e-12), 1.0 / self.n_classes).astype(np.float32)
