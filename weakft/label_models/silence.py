"""What it means that no labeling function votes on a word, where every word has a class.

Functions that tag are written for entities, and seldom for words outside any. So in a text on which some vote, a word
without votes says something, too: most likely that it is outside (taken for certain by Lison et al. 2020 and WRENCH).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weakft.data.dataset import first_rows
from weakft.label_models.base import covered
from weakft.tasks.entities import OUTSIDE


def usable(L: np.ndarray, words: np.ndarray | None) -> np.ndarray:
    """Boolean [r]: rows with soft labels to train on. Those with a vote; where rows are words, all of a text with one."""
    rows = covered(L)
    if words is None or not len(rows):
        return rows
    return np.repeat(np.logical_or.reduceat(rows, first_rows(words)), words)


def unvoted(
    label_names: Sequence[str], words: np.ndarray | None, L: np.ndarray | None = None, gold: np.ndarray | None = None
) -> np.ndarray | None:
    """The soft label [k] of a word without votes, None where rows are texts or no class is `OUTSIDE`.

    With votes ``L`` and gold labels of validation words: the shares of the classes among those without votes, since
    functions miss most entities. Else outside.
    """
    if words is None or OUTSIDE not in label_names:
        return None
    k = len(label_names)
    outside = np.eye(k)[list(label_names).index(OUTSIDE)]
    counts = np.zeros(k) if L is None or gold is None else np.bincount(gold[~covered(L) & (gold >= 0)], minlength=k)
    return ((counts + outside) / (counts.sum() + 1.0)).astype(np.float32)


def fill(soft_labels: np.ndarray, L: np.ndarray, silent: np.ndarray | None) -> np.ndarray:
    """Soft labels [r, k] with ``silent`` on the rows without votes, where there is one."""
    return soft_labels if silent is None else np.where(covered(L)[:, None], soft_labels, silent).astype(np.float32)
