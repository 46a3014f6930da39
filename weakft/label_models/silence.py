"""What it means that no labeling function votes on a row, where a text has several rows.

Functions that tag are written for entities, and seldom for words outside any. So in a text on which some vote, a word
without votes says something, too: most likely that it is outside (taken for certain by Lison et al. 2020 and WRENCH).
Functions for labels of which a text has any number mostly say which it has: so with a label that none ever speaks against.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weakft.data.dataset import Dataset, first_rows
from weakft.data.labels import NO
from weakft.label_models.base import covered
from weakft.tasks.entities import OUTSIDE


def unvoted(
    label_names: Sequence[str],
    data: Dataset,
    L: np.ndarray,
    valid_L: np.ndarray | None = None,
    gold: np.ndarray | None = None,
) -> np.ndarray | None:
    """The soft label [g, k] of a row without votes, NaN where it means nothing, or None where it means nothing anywhere.
    g is 1, or one for each label that is asked of a text.

    data, L : the training split and its votes.
    With votes ``valid_L`` and gold labels of validation rows: the shares of the classes among those without votes, since
    functions miss most (in texts without any vote, too: more rows, and better figures). Else outside, or no.
    """
    k, q = len(label_names), len(data.asked or [""])
    if data.asked is not None:
        spoken_against = [(L[at::q] == NO).any() for at in range(q)]
        outside = NO
    elif data.words is not None and OUTSIDE in label_names:
        spoken_against, outside = [False], list(label_names).index(OUTSIDE)
    else:
        return None
    silent = np.full((q, k), np.nan, dtype=np.float32)
    for at in np.flatnonzero(~np.array(spoken_against)):
        counts = np.eye(k)[outside]
        if valid_L is not None and gold is not None:
            rows, classes = ~covered(valid_L[at::q]), gold[at::q]
            counts += np.bincount(classes[rows & (classes >= 0)], minlength=k)
        silent[at] = counts / counts.sum()
    return silent if np.isfinite(silent).any() else None


def usable(L: np.ndarray, data: Dataset, silent: np.ndarray | None) -> np.ndarray:
    """Boolean [r]: rows with soft labels to train on. Those with a vote; and of texts with one, those whose silence says
    something.
    """
    rows = covered(L)
    if silent is None or data.widths is None or not len(rows):
        return rows
    of_text = np.repeat(np.logical_or.reduceat(rows, first_rows(data.widths)), data.widths)
    return rows | (of_text & np.isfinite(_of_rows(silent, len(rows))[:, 0]))


def fill(soft_labels: np.ndarray, L: np.ndarray, silent: np.ndarray | None) -> np.ndarray:
    """Soft labels [r, k] with ``silent`` on the rows without votes, where it says something."""
    if silent is None:
        return soft_labels
    said = _of_rows(silent, len(L))
    return np.where((~covered(L) & np.isfinite(said[:, 0]))[:, None], said, soft_labels).astype(np.float32)


def _of_rows(silent: np.ndarray, n: int) -> np.ndarray:
    return np.broadcast_to(silent, (n, silent.shape[1])) if len(silent) == 1 else np.tile(silent, (n // len(silent), 1))
