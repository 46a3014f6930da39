"""Read `--data`: a WRENCH folder, one table, or a folder of train/valid/test tables, into `Splits`.

Every refusal names the file, the row (1 is the first data row) and the column, what was found and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from weakft.data.dataset import Dataset, Splits
from weakft.data.formats import FORMATS, parse, readable
from weakft.data.labels import by_labels
from weakft.data.tables import ID_GUESSES, Columns, is_list, label_columns, table_to_dataset, unique_ids
from weakft.data.wrench import is_wrench, read_wrench
from weakft.errors import UserError

SPLIT_NAMES = {
    "train": ("train", "training", "unlabeled", "unlabelled"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "eval"),
}

PART = 1 << 17
"""Rows of a streamed file that are held at a time."""


class Streamed(Dataset):
    """A Parquet file as a split that is read part by part, as often as its `parts` are asked for.

    It holds no texts; its ids are there once all parts were read. Whether ids differ is known then only.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        super().__init__(texts=[], ids=[], source=str(path))
        self._path, self._columns = path, columns
        with readable(path), pyarrow.parquet.ParquetFile(path) as file:
            self._rows: int = file.metadata.num_rows
            label_columns(columns, file.schema_arrow.names, str(path))  # a column that is asked for is there
        if not self._rows:
            raise UserError(f"{path}: the table has columns but no rows.")

    def __len__(self) -> int:
        return self._rows

    def parts(self) -> Iterator[Dataset]:
        """See `Dataset.parts`.

        Raises
        ------
        UserError : as `table_to_dataset`, with the row in the file.
        """
        first, ids = 0, []
        with readable(self._path), pyarrow.parquet.ParquetFile(self._path) as file:
            for batch in file.iter_batches(PART):
                batch.validate(full=True)
                part = table_to_dataset(pa.Table.from_batches([batch]), self._columns, self.source, first)
                if self.asked is not None:
                    part = by_labels(part, self.asked)
                first += len(part)
                ids.append(pa.array(part.ids))
                yield part
        if first != self._rows:
            raise UserError(f"{self.source}: says that it has {self._rows:,} rows, and holds {first:,}: it is damaged.")
        every = pa.chunked_array(ids)
        if pyarrow.compute.count_distinct(every).as_py() != len(every):
            named = (name for name in pyarrow.parquet.read_schema(self._path).names if name.lower() in ID_GUESSES)
            unique_ids(every, self._columns.id or next(named), self.source)
        self.ids = cast("Sequence[str]", every)


def read_splits(path: Path, columns: Columns, stream: bool = False) -> Splits:
    """Read a data set from a folder (WRENCH's layout, or files named train, valid, test) or from one table (train only).

    stream : a Parquet file of training texts may come as `Streamed`, if the class names are known.

    Raises
    ------
    UserError : nothing there, an unknown format, or a file that cannot be used.
    """
    if not path.exists():
        raise UserError(f"--data {path}: there is no such file or folder.")
    if path.is_file():
        return Splits(train=_train(path, columns, stream), label_names=columns.label_names, name=path.stem)
    if is_wrench(path):
        return read_wrench(path)
    files = {split: _split_file(path, split) for split in SPLIT_NAMES}
    if files["train"] is None:
        found = ", ".join(sorted(p.name for p in path.iterdir())[:10]) or "nothing"
        raise UserError(
            f"--data {path}: expected a WRENCH folder (label.json, train.json, ...) or a file train.EXT with EXT one of "
            f"{', '.join(FORMATS)}; found {found}."
        )
    train = _train(files["train"], columns, stream)
    valid, test = (None if (file := files[name]) is None else read_table(file, columns) for name in ("valid", "test"))
    read = {file.name for file in files.values() if file is not None}
    tables = [p.name for p in path.iterdir() if set(map(str.lower, p.suffixes)) & set(FORMATS) and p.is_file()]
    return Splits(
        train,
        valid,
        test,
        label_names=columns.label_names,
        name=path.resolve().name,
        passed_over=sorted(set(tables) - read),
    )


def _train(path: Path, columns: Columns, stream: bool) -> Dataset:
    return (read_texts if stream and columns.label_names is not None else read_table)(path, columns)


def read_texts(path: Path, columns: Columns) -> Dataset:
    """Read a file of texts as `read_table`; a Parquet file of rows with one class each comes as `Streamed`."""
    several = columns.labeled and columns.label is not None and "," in columns.label
    streams = path.suffix.lower() == ".parquet" and path.is_file() and not several and not _has_lists(path)
    return Streamed(path, columns) if streams else read_table(path, columns)


def _has_lists(path: Path) -> bool:
    """Whether a Parquet file may hold token lists, which do not stream."""
    with readable(path):
        return any(is_list(field.type) for field in pyarrow.parquet.read_schema(path))


def _split_file(folder: Path, split: str) -> Path | None:
    found = [
        folder / f"{name}{ext}" for name in SPLIT_NAMES[split] for ext in FORMATS if (folder / f"{name}{ext}").is_file()
    ]
    if len(found) > 1:
        raise UserError(f"{folder}: {' and '.join(p.name for p in found)} both look like the {split} split; keep one.")
    return found[0] if found else None


def read_table(path: Path, columns: Columns) -> Dataset:
    """Read one CSV, TSV, JSONL, JSON or Parquet file as a split."""
    if not path.is_file():
        raise UserError(f"{path}: is a folder; name a file." if path.is_dir() else f"{path}: there is no such file.")
    table = parse(path)
    only = table.column_names[0] if table.num_columns == 1 else ""
    if columns.text is None and path.suffix.lower() in (".csv", ".tsv") and len(only.split()) > 1:
        raise UserError(
            f"{path}: its only column, {only[:80]!r}, looks like a text: the first line of a file must name its columns. "
            "Write one above it, text, or where that is the column's name, give it with --text-column."
        )
    return table_to_dataset(table, columns, source=str(path))
