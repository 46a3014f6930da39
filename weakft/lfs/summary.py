"""The labeling-function summary: what each one does, and with gold labels how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from weakft.data.labels import NOT, YES
from weakft.lfs.apply import Failure

Z95 = 1.959964


def wilson(right: int, n: int, texts: int | None = None) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share of ``right`` in ``n`` (Wilson 1927); (nan, nan) for n = 0.

    texts : of how many texts the n rows are, where some are of one: these tell no more than one does, for all that is known.

    Examples
    --------
    >>> [round(v, 3) for v in wilson(8, 10)]
    [0.49, 0.943]
    """
    if n == 0:
        return float("nan"), float("nan")
    p, n, z2 = right / n, texts or n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))  # they round past the ends


def _polarity(votes: np.ndarray, label_names: list[str], asked: Sequence[str] | None) -> list[str]:
    """What a labeling function ever says."""
    if asked is None:
        return [label_names[c] for c in np.unique(votes[votes >= 0])]
    said = {(at, vote) for at in range(len(asked)) for vote in np.unique(votes[at :: len(asked)]) if vote >= 0}
    return [asked[at] if vote == YES else NOT + asked[at] for at, vote in sorted(said)]


def summarise(
    L: np.ndarray,
    names: list[str],
    label_names: list[str],
    failures: dict[str, Failure] | None = None,
    gold_L: np.ndarray | None = None,
    gold: np.ndarray | None = None,
    asked: Sequence[str] | None = None,
    sources: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row a labeling function, the one to mend first.

    polarity : the classes it votes for.   coverage, overlaps, conflicts : shares of rows on which it votes, votes
    beside another, votes against another (Snorkel's definitions), on ``L`` [n, m].
    votes_checked, accuracy, ci_low, ci_high : with ``gold`` [g] and the votes ``gold_L`` [g, m] on the same rows, of which
    those of one source [g] (`weakft.tasks.folds`) count as one in the interval.
    errors : rows on which it raised, of all splits.
    asked : the labels of which a text can have any number; rows are then texts, and it votes for labels or against them.

    Sorted by: raised or never voted first, then with gold by expected wrong votes (coverage x (1 - accuracy)),
    without gold by conflicts.
    """
    q = len(asked or [""])
    n = max(1, len(L) // q)
    voted = L >= 0

    def texts(rows: np.ndarray) -> int:
        return int(rows.reshape(-1, q).any(axis=1).sum())

    votes_a_row = voted.sum(axis=1)
    low = np.where(voted, L, np.iinfo(L.dtype).max).min(axis=1)
    high = np.where(voted, L, -1).max(axis=1)
    conflict = (low != high) & (votes_a_row > 1)
    rows: list[dict[str, Any]] = []
    for j, name in enumerate(names):
        mine = voted[:, j]
        row: dict[str, Any] = {
            "name": name,
            "polarity": ", ".join(_polarity(L[:, j], label_names, asked)),
            "coverage": texts(mine) / n,
            "overlaps": texts(mine & (votes_a_row > 1)) / n,
            "conflicts": texts(mine & conflict) / n,
        }
        if gold is not None and gold_L is not None:
            checked = (gold_L[:, j] >= 0) & (gold >= 0)
            right = int((gold_L[checked, j] == gold[checked]).sum())
            count = int(checked.sum())
            row |= {"votes_checked": count, "accuracy": right / count if count else float("nan")}
            of = None if sources is None else len(np.unique(sources[checked]))
            row["ci_low"], row["ci_high"] = wilson(right, count, of)
        row["errors"] = failures[name].count if failures and name in failures else 0
        rows.append(row)
    frame = pd.DataFrame(rows)
    if gold is not None:
        badness = frame["coverage"] * (1 - frame["accuracy"].fillna(0.5))
    else:
        badness = frame["conflicts"]
    broken = (frame["errors"] > 0) | (frame["coverage"] == 0)
    order = sorted(range(len(frame)), key=lambda i: (not broken[i], -badness[i], names[i]))
    return frame.iloc[order].reset_index(drop=True)
