"""Python objects to one split: lists, pandas frames, `datasets.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from weakft.data.dataset import Dataset
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.readers import SPLIT_NAMES
from weakft.data.tables import Columns, table_of, table_to_dataset
from weakft.data.words import COLUMNS as WORDS
from weakft.errors import UserError


def from_python(value: Any, columns: Columns, source: str) -> Dataset:
    """A split from Python: list of strings, pandas frame, `datasets.Dataset`, pyarrow table, or a `Dataset` as it is.

    Raises
    ------
    UserError : anything else, several splits in one, texts and labels that stand apart, or see `table_to_dataset`.
    """
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
    if isinstance(value, Mapping):
        _refuse_splits(value, source)
    elif hasattr(value, "with_format") and hasattr(value, "num_rows"):  # datasets.Dataset, without importing it
        table = value.with_format("arrow")[:].replace_schema_metadata(value.features.arrow_schema.metadata)
        return table_to_dataset(table, columns, source)
    if isinstance(value, (list, tuple, pd.Series, np.ndarray)):
        _refuse_apart(value, source)
        pairs = len(value) > 0 and all(isinstance(v, tuple) and len(v) == 2 for v in value)
        tokens = len(value) > 0 and all(isinstance(v, list) for v in value)
        name = WORDS[0] if tokens else "text"
        names, parts = (PAIRS[0], list(zip(*value, strict=True))) if pairs else ((name,), [value])
        return table_to_dataset(table_of(list(names), parts, source), columns, source)
    raise UserError(
        f"{source}: expected a list of strings (or of pairs or lists of them), a pandas DataFrame or a datasets.Dataset, "
        f"found {type(value).__name__}."
    )


def _refuse_splits(value: Mapping[Any, Any], source: str) -> None:
    """Refuse splits by their names, such as a `datasets.DatasetDict`."""
    arguments = {"train": "data", "valid": "valid", "test": "test"}
    found = [(arguments[split], name) for split, known in SPLIT_NAMES.items() for name in known if name in value]
    if found:
        given = [f"{argument}=d[{name!r}]" for argument, name in found]
        advice = f"give {', '.join(given)}" if source == "train" else f"give one of them, such as d[{found[-1][1]!r}]"
        raise UserError(f"{source}: holds the splits {', '.join(map(str, value))}: {advice}.")


def _refuse_apart(value: Any, source: str) -> None:
    """Refuse a tuple of texts and labels, and an array of several columns: their rows would be taken for token lists."""
    parts = list(value.T) if getattr(value, "ndim", 1) == 2 else value if isinstance(value, tuple) else []
    lists = len(parts) > 0 and all(isinstance(part, (list, tuple, pd.Series, np.ndarray)) for part in parts)
    if lists and len(set(map(len, parts))) == 1 and any(isinstance(v, str) and " " in v for v in parts[0]):
        raise UserError(
            f"{source}: holds {len(parts)} columns of {len(parts[0]):,} values each. From Python, texts with labels are a "
            "DataFrame with a text and a label column."
        )
