"""The training texts on which the end model is surest against the label model. Knows no folder and no page."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from weakft.ties import tied

KEPT = 20
"""So many texts: as many as one reads in a sitting."""


def surest(predictions: pd.DataFrame, shown: Callable[[np.ndarray], list[str]], labels: list[str]) -> pd.DataFrame:
    """The rows to look at, the one that the model is surest of first.

    predictions : a row a text, with id, vote_LF, label_model_CLASS (NaN where no LF votes), p_CLASS and label, as in
    predictions.parquet.   shown : some of its rows for a person to read.   labels : class names in class order.

    Returns columns id, text, votes ("LF: class; ..."), label_model (class), model (class), probability (of the model's
    class). A row whose class the label model finds as likely as any other is not against it, and is left out.
    """
    posterior = predictions[[f"label_model_{label}" for label in labels]].to_numpy(dtype=float)
    p = predictions[[f"p_{label}" for label in labels]].to_numpy(dtype=float)
    model, sure = p.argmax(1), p.max(1)
    theirs = np.nan_to_num(posterior)
    against = ~tied(theirs)[np.arange(len(p)), model]
    rows = np.flatnonzero(against)
    rows = rows[np.argsort(-sure[rows], kind="stable")][:KEPT]
    return pd.DataFrame(
        {
            "id": predictions["id"].iloc[rows].to_numpy(),
            "text": shown(rows),
            "votes": [_votes(predictions.iloc[row], labels) for row in rows],
            "label_model": [labels[c] for c in theirs[rows].argmax(1)],
            "model": [labels[c] for c in model[rows]],
            "probability": sure[rows],
        }
    )


def _votes(row: pd.Series, labels: list[str]) -> str:
    """Who voted what, for a person to read."""
    cast = {
        str(name).removeprefix("vote_"): int(vote) for name, vote in row.filter(regex="^vote_").items() if vote >= 0
    }
    return "; ".join(f"{name}: {labels[vote]}" for name, vote in cast.items())
