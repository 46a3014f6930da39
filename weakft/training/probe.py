"""Logistic regression on fixed features, of baselines and of the first teacher. Knows nothing of models or texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

INVERSE_REGULARIZATION = 10.0
"""scikit-learn's C, for rows of length 1 to 2."""


def probe(x: Any, y: np.ndarray, other: Any, n_classes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Class probabilities [len(other), n_classes] of a regression of classes ``y`` [n] on ``x`` [n, d] (dense or sparse),
    rows weighed by ``weights`` [n]; classes that do not occur in ``y`` get none.
    """
    p = np.zeros((other.shape[0], n_classes))
    classes = np.unique(y)
    if len(classes) == 1:
        p[:, classes[0]] = 1.0
        return p
    model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=1000).fit(x, y, sample_weight=weights)
    p[:, model.classes_] = model.predict_proba(other)
    return p
