"""The embedded `support` data set: texts and labels written for this project (README.md beside this file)."""

from __future__ import annotations

from pathlib import Path

from weakft.data.dataset import Splits
from weakft.data.readers import read_table
from weakft.data.tables import Columns, join_gold

FOLDER = Path(__file__).parent
LFS = FOLDER / "labeling_functions.py"
LABELS = ["delivery", "billing", "technical", "account", "cancellation"]


def load() -> Splits:
    """The three splits. The training texts are unlabeled; their gold lies in a file of its own, for measuring only."""
    columns = Columns(text="text", label="label", id="id", label_names=LABELS)
    train = read_table(FOLDER / "train.csv", Columns(text="text", id="id", label_names=LABELS))
    train.gold = join_gold(train, FOLDER / "train_gold.csv", LABELS)
    return Splits(
        train=train,
        valid=read_table(FOLDER / "valid.csv", columns),
        test=read_table(FOLDER / "test.csv", columns),
        label_names=LABELS,
        name="support",
    )
