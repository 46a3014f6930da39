"""The class names that `datasets` keeps beside a column of numbers (`ClassLabel`), in memory and in Parquet files.

A number stands for a name there, which may be another class's number in the rules' LABELS.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

METADATA = b"huggingface"
"""Where `datasets` writes a table's features into its schema."""


def kept_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The class names of the columns that have some, by what the schema says."""
    try:
        features = json.loads((schema.metadata or {})[METADATA])["info"]["features"]
        named = {name: _names_of(feature) for name, feature in features.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return {name: names for name, names in named.items() if names}


def _names_of(feature: Any) -> list[str] | None:
    if isinstance(feature, dict) and "feature" in feature:  # a list's elements may be named, too
        return _names_of(feature["feature"])
    names = feature.get("names") if isinstance(feature, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def with_names(table: pa.Table, column: str, names: Sequence[str]) -> pa.Table:
    """The table with names in place of the numbers of a column; -1 and what is no number become missing values."""
    values = pa.array([_named(value, names) for value in table.column(column).to_pylist()])
    return table.set_column(table.column_names.index(column), column, values)


def _named(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(v, names) for v in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None
