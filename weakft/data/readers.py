"""Read `--data`: a WRENCH folder, one table, or a folder of train/valid/test tables, into `Splits`.

Every refusal names the file, the row (1 is the first data row) and the column, what was found and what to do.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from weakft.data.dataset import ABSTAIN, Dataset, Gold, Splits
from weakft.data.labels import CLASSES, NO, YES, by_labels
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.pairs import join
from weakft.data.pairs import marked as mark_word
from weakft.data.tables import ID_GUESSES, Columns, is_list, table_of, table_to_dataset, unique_ids
from weakft.data.words import by_words, join_words
from weakft.errors import UserError

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")
SPLIT_NAMES = {
    "train": ("train", "training", "unlabeled", "unlabelled"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "eval"),
}


BLOCK = 1 << 26
"""Bytes of a CSV or JSONL file that are looked at together; no row may be longer."""

PART = 1 << 17
"""Rows of a streamed file that are held at a time."""


class Streamed(Dataset):
    """A Parquet file as a split that is read part by part, as often as its `parts` are asked for.

    It holds no texts; its ids are there once all parts were read. Whether ids differ is known then only.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        super().__init__(texts=[], ids=[], source=str(path))
        self._path, self._columns = path, columns
        with _readable(path), pyarrow.parquet.ParquetFile(path) as file:
            self._rows: int = file.metadata.num_rows
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
        with _readable(self._path), pyarrow.parquet.ParquetFile(self._path) as file:
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
    if (path / "label.json").is_file():
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
    return Splits(train, valid, test, label_names=columns.label_names, name=path.resolve().name)


def _train(path: Path, columns: Columns, stream: bool) -> Dataset:
    return (read_texts if stream and columns.label_names is not None else read_table)(path, columns)


def read_texts(path: Path, columns: Columns) -> Dataset:
    """Read a file of texts as `read_table`; a Parquet file without token lists comes as `Streamed`."""
    streams = path.suffix.lower() == ".parquet" and path.is_file() and not _has_lists(path)
    return Streamed(path, columns) if streams else read_table(path, columns)


def _has_lists(path: Path) -> bool:
    """Whether a Parquet file may hold token lists, which do not stream."""
    with _readable(path):
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
    return table_to_dataset(_read_frame(path), columns, source=str(path))


def _read_frame(path: Path) -> pa.Table:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: unknown format {suffix or '(no extension)'}; expected one of {', '.join(FORMATS)}.")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; expected a table with a text column.")
    if suffix != ".parquet":
        check_utf8(path)
    with _readable(path):
        if suffix == ".parquet":
            table = pa.parquet.read_table(path)
            table.validate(full=True)  # that strings are UTF-8 is not looked at before
            return table
        if suffix in (".csv", ".tsv"):
            return _read_csv(path, "," if suffix == ".csv" else "\t")
        if suffix == ".json":
            return _read_json(path)
        if not first_of(path).startswith(b"{"):  # pyarrow crashes on a file of nulls
            raise ValueError('expected an object a line, {"text": ...}')
        return _read_lines(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, OverflowError, OSError, RecursionError) as error:
        kind = path.suffix[1:].upper()
        raise UserError(f"{path}: cannot be read as {kind}: {str(error).splitlines()[0]}") from error


def check_utf8(path: Path) -> None:
    """Refuse a file that is not UTF-8, with the line and byte of the first offence."""
    line = 1
    with path.open("rb") as file:
        for raw in file:
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}: line {line}, byte {error.start + 1}: 0x{raw[error.start]:02x} is not UTF-8. Save the file as "
                    "UTF-8 (for example: iconv -f latin1 -t utf-8 IN > OUT)."
                ) from error
            line += 1


def first_of(path: Path) -> bytes:
    """The beginning of a file's first line that is not blank, without a byte order mark."""
    with path.open("rb") as file:
        return next(filter(None, (line.removeprefix(b"\xef\xbb\xbf").strip() for line in file)), b"")


def _read_csv(path: Path, delimiter: str) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(filter(None, csv.reader(file, delimiter=delimiter)), [])  # pyarrow passes over empty lines, too
    other = next((sign for sign in ";\t|," if len(header) == 1 and sign in header[0]), None)
    if other is not None:
        raise ValueError(
            f"its first line, {header[0][:80]!r}, is one column name with {other!r} in it; expected {delimiter!r} between "
            "columns (a .tsv file has tabs)"
        )
    try:
        return _parse_csv(path, delimiter, header)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{str(error).splitlines()[0]} (put a value that holds a {delimiter!r}, a quote or a line end in quotes, and "
            "close them)"
        ) from error


def _parse_csv(path: Path, delimiter: str, header: list[str]) -> pa.Table:
    return pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=BLOCK),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        # Every value stays text: a column of "007" or "true" must not change its meaning by looking like a type.
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in header}, strings_can_be_null=True, null_values=[""]
        ),
    )


def _read_lines(path: Path) -> pa.Table:
    """JSONL. Strings that look like dates stay strings, as in every other format."""
    how = pa.json.ReadOptions(block_size=BLOCK)
    try:
        table = pa.json.read_json(path, read_options=how)
    except pa.ArrowInvalid as error:
        raise ValueError(_bad_line(path, str(error))) from error
    fields = [pa.field(field.name, _strings_for_dates(field.type)) for field in table.schema]
    if [field.type for field in fields] == table.schema.types:
        return table
    return pa.json.read_json(
        path, read_options=how, parse_options=pa.json.ParseOptions(explicit_schema=pa.schema(fields))
    )


def _bad_line(path: Path, problem: str) -> str:
    """What is wrong with a JSONL file, with the line: pyarrow counts rows from 0, and within a block."""
    kinds: dict[str, tuple[str, int]] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line) if line.strip() else {}
            except ValueError as error:
                return f"line {number}: {error}"
            if not isinstance(row, dict):
                return f"line {number}: expected an object, found {line.strip()[:80]!r}"
            for name, value in row.items():
                kind = "number" if type(value) in (int, float) else type(value).__name__
                first, where = kinds.setdefault(name, (kind, number)) if value is not None else (kind, number)
                if kind != first:
                    return (
                        f"line {number}: {name!r} is {value!r}; expected values of one type, as {first} in line {where}. "
                        "Give the column one type, or leave it out"
                    )
    return problem


def _strings_for_dates(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_strings_for_dates(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _strings_for_dates(field.type)) for field in kind])
    return kind


def _read_json(path: Path) -> pa.Table:
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and all(isinstance(v, dict) for v in content.values()):
        content = [{"id": key, **value} for key, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise ValueError('expected a list of objects, [{"text": ...}, ...]')
    names = list(dict.fromkeys(name for row in content for name in row))
    return table_of(names, [[row.get(name) for row in content] for name in names], str(path))


def read_wrench(folder: Path) -> Splits:
    """Read WRENCH's layout: label.json, optional lfs.json, and train/valid/test.json with ready votes.

    Raises
    ------
    UserError : with the file and the example's key, where a label or a vote is not one of the classes.
    """
    names = _json(folder / "label.json")
    if not isinstance(names, dict) or sorted(map(str, names)) != sorted(str(i) for i in range(len(names))):
        raise UserError(f'{folder / "label.json"}: expected {{"0": "name", "1": "name", ...}} without gaps.')
    label_names = [str(names[str(i)]) for i in range(len(names))]
    lf_names = _json(folder / "lfs.json") if (folder / "lfs.json").is_file() else None
    if lf_names is not None and not (isinstance(lf_names, list) and all(isinstance(name, str) for name in lf_names)):
        raise UserError(f'{folder / "lfs.json"}: expected a list of the labeling functions\' names, ["name", ...].')
    if lf_names is not None and len(set(lf_names)) != len(lf_names):
        twice = next(name for name in lf_names if lf_names.count(name) > 1)
        raise UserError(f"{folder / 'lfs.json'}: two labeling functions are named {twice!r}; give each its own name.")
    splits = {
        split: _wrench_split(folder / f"{split}.json", label_names, lf_names)
        for split in ("train", "valid", "test")
        if (folder / f"{split}.json").is_file()
    }
    if "train" not in splits:
        raise UserError(f"{folder}: has label.json but no train.json.")
    votes = splits["train"].votes
    if lf_names is None and votes is not None:
        lf_names = [f"lf_{j}" for j in range(votes.shape[1])]
    return Splits(
        splits["train"], splits.get("valid"), splits.get("test"), label_names, lf_names, folder.resolve().name
    )


def _wrench_text(data: dict[str, Any], where: str) -> str:
    """The text of an example: ``text``, whole or as a token list, or the sentences of a pair (in the layout of Words in
    Context with its word marked in both).
    """
    pair = next((names for names in PAIRS if "text" not in data and data.keys() >= set(names)), None)
    if pair is not None:
        try:
            sides = [
                mark_word(data[name], data.get(f"start{i}"), data.get(f"end{i}")) for i, name in enumerate(pair, 1)
            ]
            return join(*sides)
        except (TypeError, ValueError) as error:
            raise UserError(f"{where}: expected two sentences in {pair[0]} and {pair[1]}, found {error}.") from error
    text = data.get("text")
    if isinstance(text, list):
        try:
            return join_words(text)
        except ValueError as error:
            raise UserError(f"{where}: expected data.text to be a list of tokens, found {error}.") from error
    if isinstance(text, str) and not text.strip():
        raise UserError(f"{where}: expected a text, found {text!r}. Remove the example or fill it in.")
    if not isinstance(text, str):
        raise UserError(f"{where}: expected data.text to be a string or a list of tokens, found {type(text).__name__}.")
    return text


def _json(path: Path) -> Any:
    check_utf8(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from error


def _wrench_split(path: Path, label_names: list[str], lf_names: list[str] | None) -> Dataset:
    n_classes = len(label_names)
    rows = _json(path)
    if not isinstance(rows, dict) or not rows:
        raise UserError(f'{path}: expected {{"0": {{"data": ..., "label": ..., "weak_labels": [...]}}, ...}}.')
    texts, gold, votes = [], [], []
    extra: dict[str, list[Any]] = {}
    width = len(lf_names) if lf_names is not None else None
    by_token: bool | None = None
    several: bool | None = None
    for i, (key, row) in enumerate(rows.items()):
        where = f"{path}: example {key!r}"
        data = row.get("data") if isinstance(row, dict) else None
        if not isinstance(data, dict):
            raise UserError(f"{where}: expected data to be an object, found {type(data).__name__}.")
        texts.append(_wrench_text(data, where))
        tokens = isinstance(data.get("text"), list)
        if by_token is not None and tokens != by_token:
            raise UserError(
                f"{where}: data.text is {'' if tokens else 'not '}a list of tokens, unlike in those before."
            )
        by_token = tokens
        for name, value in data.items():
            if name != "text":
                extra.setdefault(name, [None] * i).append(value)
        for column in extra.values():
            column.extend([None] * (i + 1 - len(column)))
        label, weak = row.get("label", ABSTAIN), row.get("weak_labels")
        if tokens:
            count = len(data["text"])
            labels = _per_token([ABSTAIN] * count if label in (None, ABSTAIN) else label, count, "label", where)
            lists = [] if weak is None else _per_token(weak, count, "weak_labels", where)
        elif several or (several is None and isinstance(label, list)):
            several, n_classes = True, len(CLASSES)
            labels, lists = _by_label(label, weak, len(label_names), where)
        else:
            several = False
            labels, lists = [label], [] if weak is None else [weak]
        gold += [_class(label, n_classes, where) for label in labels]
        for some in lists:
            width = _check_votes(some, width, n_classes, where)
        votes += lists
    if votes and len(votes) != len(gold):
        what = "tokens" if by_token else "labels" if several else "examples"
        raise UserError(f"{path}: {len(votes)} of {len(gold)} {what} have weak_labels; expected all or none.")
    classes = np.array(gold)
    split = Dataset(
        texts=texts,
        ids=[str(key) for key in rows],
        columns={name: values for name, values in extra.items() if name != "id"},
        source=str(path),
    )
    if by_token:
        split = by_words(split, joined=True)
    elif several:
        split = by_labels(split, label_names)
    split.gold = Gold(classes) if (classes != ABSTAIN).any() else None
    split.votes = np.array(votes, dtype=np.int8 if n_classes <= 127 else np.int16) if votes else None
    return split


def _by_label(label: Any, weak: Any, n: int, where: str) -> tuple[list[int], list[list[Any]]]:
    """Of a text with any number of labels: the class of each label's row, and its votes. A vote is -1 or the numbers of the
    labels that a labeling function votes for, one or a list.
    """
    numbers = range(n)
    if label in (None, ABSTAIN):
        gold = [ABSTAIN] * n
    elif not isinstance(label, list) or any(isinstance(v, bool) or v not in numbers for v in label):
        raise UserError(f"{where}: label {label!r} is no list of numbers from 0 to {n - 1}, unlike those before.")
    else:
        gold = [YES if i in label else NO for i in numbers]
    if weak is None:
        return gold, []
    if not isinstance(weak, list):
        raise UserError(f"{where}: weak_labels is {weak!r}, expected a list of votes.")
    votes: list[list[Any]] = [[ABSTAIN] * len(weak) for _ in numbers]
    for j, vote in enumerate(weak):
        for number in vote if isinstance(vote, list) else [vote]:
            if isinstance(number, bool) or not isinstance(number, int) or not ABSTAIN <= number < n:
                raise UserError(f"{where}: vote {j} is {vote!r}, expected -1 (abstain) or numbers from 0 to {n - 1}.")
            if number != ABSTAIN:
                votes[number][j] = YES
    return gold, votes


def _per_token(values: Any, count: int, name: str, where: str) -> list[Any]:
    if not isinstance(values, list) or len(values) != count:
        found = f"a list of {len(values)}" if isinstance(values, list) else repr(values)
        raise UserError(f"{where}: expected {name} to be a list of {count}, one a token; found {found}.")
    return values


def _class(label: Any, n_classes: int, where: str) -> int:
    label = ABSTAIN if label is None else label
    if isinstance(label, bool) or not isinstance(label, int) or not ABSTAIN <= label < n_classes:
        raise UserError(f"{where}: label {label!r} is not -1 or 0 to {n_classes - 1}.")
    return label


def _check_votes(weak: Any, width: int | None, n_classes: int, where: str) -> int:
    """Refuse votes that are none; return their number."""
    if not isinstance(weak, list):
        raise UserError(f"{where}: weak_labels is {weak!r}, expected a list of votes.")
    if width is not None and len(weak) != width:
        raise UserError(f"{where}: {len(weak)} votes in weak_labels, expected {width}.")
    for j, vote in enumerate(weak):
        if isinstance(vote, bool) or not isinstance(vote, int) or not ABSTAIN <= vote < n_classes:
            raise UserError(f"{where}: vote {j} is {vote!r}, expected -1 (abstain) to {n_classes - 1}.")
    return len(weak)
