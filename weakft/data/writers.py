"""Write a table part by part, as CSV, TSV, JSONL or Parquet: beside its place, then renamed, whole or absent."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from weakft import runs
from weakft.errors import UserError


def write_parquet(parts: Iterable[pd.DataFrame], path: Path) -> int:
    """Write frames with the same columns one below the other; return the number of rows."""
    rows, writer = 0, None
    try:
        for part in parts:
            table = pa.Table.from_pandas(part, preserve_index=False)
            writer = writer or pa.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            rows += len(part)
    finally:
        if writer is not None:
            writer.close()
    return rows


def _write_text(parts: Iterable[pd.DataFrame], path: Path, lines: Callable[[pd.DataFrame, bool], str]) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for part in parts:
            file.write(lines(part, not rows))
            rows += len(part)
    return rows


def _delimited(sign: str, part: pd.DataFrame, first: bool) -> str:
    """Python before 3.13 leaves a carriage return without quotes, and readers take it for the end of a line."""
    text = part.to_csv(index=False, header=first, sep=sign)
    if "\r" in text:
        text = part.to_csv(index=False, header=first, sep=sign, quoting=csv.QUOTE_NONNUMERIC)
    return text


def _jsonl(part: pd.DataFrame, _first: bool) -> str:
    return part.to_json(orient="records", lines=True, force_ascii=False)


WRITERS: dict[str, Callable[[Iterable[pd.DataFrame], Path], int]] = {
    ".csv": lambda parts, path: _write_text(parts, path, partial(_delimited, ",")),
    ".tsv": lambda parts, path: _write_text(parts, path, partial(_delimited, "\t")),
    ".jsonl": lambda parts, path: _write_text(parts, path, _jsonl),
    ".parquet": write_parquet,
}
"""By extension: writes the parts to a file and returns the number of rows."""


def check_target(output: Path) -> None:
    """Refuse a place where no table can be written, before any work.

    Raises
    ------
    UserError : another extension, or no such folder.
    """
    if output.suffix not in WRITERS:
        raise UserError(f"--output {output}: expected a file ending in {', '.join(WRITERS)}.")
    if not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}.")


def write(parts: Iterable[pd.DataFrame], output: Path) -> int:
    """Write a table's parts as they come; return the number of rows. What stood there before stays until all is written.

    Raises
    ------
    UserError : it cannot be written, or whatever making a part raises; then nothing is left beside it.
    """
    with runs.mendable(output), runs.replacing(output) as beside:
        return WRITERS[output.suffix](parts, beside)
