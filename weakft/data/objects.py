"""Python objects to one split: lists, pandas frames, `datasets.Dataset`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from weakft.data.dataset import Dataset
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.tables import Columns, table_of, table_to_dataset
from weakft.data.words import COLUMNS as WORDS
from weakft.errors import UserError


def from_python(value: Any, columns: Columns, source: str) -> Dataset:
    """A split from Python: list of strings, pandas frame, `datasets.Dataset`, pyarrow table, or a `Dataset` as it is."""
    if type(value) is Dataset:  # what a run does with it, and reads of its gold labels, is that run's
        gold = None if value.gold is None else value.gold.take(np.arange(len(value.gold)))
        return replace(value, gold=gold)
    if isinstance(value, Dataset):
        return value
    if isinstance(value, pd.DataFrame):
        table = table_of([str(n) for n in value.columns], [value.iloc[:, i] for i in range(value.shape[1])], source)
        return table_to_dataset(table, columns, source)
    if isinstance(value, pa.Table):
        return table_to_dataset(value, columns, source)
    if hasattr(value, "with_format") and hasattr(value, "num_rows"):  # datasets.Dataset, without importing it
        table = value.with_format("arrow")[:].replace_schema_metadata(value.features.arrow_schema.metadata)
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
