"""Python objects to one split: lists, pandas frames, `datasets.Dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from weakft.data.dataset import Dataset
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.tables import LABEL_GUESSES, Columns, table_of, table_to_dataset
from weakft.data.words import COLUMNS as WORDS
from weakft.errors import UserError


def from_python(value: Any, columns: Columns, source: str) -> Dataset:
    """A split from Python: list of strings, pandas frame, `datasets.Dataset`, pyarrow table, or a `Dataset` as it is."""
    if isinstance(value, Dataset):
        return value
    if isinstance(value, pd.DataFrame):
        table = table_of([str(n) for n in value.columns], [value.iloc[:, i] for i in range(value.shape[1])], source)
        return table_to_dataset(table, columns, source)
    if isinstance(value, pa.Table):
        return table_to_dataset(value, columns, source)
    if hasattr(value, "with_format") and hasattr(value, "num_rows"):  # datasets.Dataset, without importing it
        features = {
            name: getattr(getattr(feature, "feature", feature), "names", None)  # a list's elements may be named, too
            for name, feature in value.features.items()
        }
        table = value.with_format("arrow")[:]
        label = columns.label or next((n for n in features if n.lower() in LABEL_GUESSES), None)
        named = None if label is None else features.get(label)
        if named and label is not None and columns.labeled:
            columns.label_names = columns.label_names or list(named)
            at = table.column_names.index(label)
            table = table.set_column(at, label, pa.array([_named(v, named) for v in table.column(at).to_pylist()]))
        return table_to_dataset(table, columns, source)
    if isinstance(value, (list, tuple, pd.Series, np.ndarray)):
        pairs = len(value) > 0 and all(isinstance(v, tuple) and len(v) == 2 for v in value)
        tokens = len(value) > 0 and all(isinstance(v, list) for v in value)
        name = WORDS[0] if tokens else "text"
        names, parts = (PAIRS[0], list(zip(*value, strict=True))) if pairs else ((name,), [value])
        return table_to_dataset(table_of(list(names), parts, source), columns, source)
    raise UserError(
        f"{source}: expected a list of strings (or of pairs or lists of them), a pandas DataFrame or a datasets.Dataset, "
        f"found {type(value).__name__}."
    )


def _named(value: Any, names: Sequence[str]) -> Any:
    """The name of a number that a `datasets.ClassLabel` stands for, which may be another class's number elsewhere; -1 and
    what is no number stay unlabeled.
    """
    if isinstance(value, list):
        return [_named(v, names) for v in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None
