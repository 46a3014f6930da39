"""The embedded `support` data set: texts and labels written for this project (README.md beside this file)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from weakft.data.dataset import Gold, Splits
from weakft.data.readers import read_table
from weakft.data.tables import Columns

FOLDER = Path(__file__).parent
LFS = FOLDER / "labeling_functions.py"
LABELS = ["delivery", "billing", "technical", "account", "cancellation"]


def load() -> Splits:
    """The three splits. The training texts are unlabeled; their gold lies in a file of its own, for measuring only."""
    columns = Columns(text="text", label="label", id="id", label_names=LABELS)
    train = read_table(FOLDER / "train.csv", Columns(text="text", id="id", label_names=LABELS))
    gold = pd.read_csv(FOLDER / "train_gold.csv", dtype=str, keep_default_na=False)
    by_id = dict(zip(gold["id"], gold["label"], strict=True))
    train.gold = Gold(np.array([LABELS.index(by_id[i]) for i in train.ids]))
    return Splits(
        train=train,
        valid=read_table(FOLDER / "valid.csv", columns),
        test=read_table(FOLDER / "test.csv", columns),
        label_names=LABELS,
        name="support",
    )
