"""Files to tables and JSON values: CSV, TSV, JSONL, JSON and Parquet, all of them UTF-8."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from weakft.data.tables import is_object, table_of
from weakft.errors import UserError

FORMATS = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json")

LINE_END = re.compile(r"[\r\n]")

BLOCK = 1 << 26
"""Bytes of a CSV or JSONL file that are looked at together; no row may be longer."""


LOOKED_AT = 100
"""Lines of a JSONL file that may say that it has objects inside its rows."""


def parse(path: Path) -> pa.Table:
    """The table of one file, by its extension.

    Raises
    ------
    UserError : an unknown extension, an empty file, or one that is not of its format; with the line or row where known.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: unknown format {suffix or '(no extension)'}; expected one of {', '.join(FORMATS)}.")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; expected a table with a text column.")
    if suffix != ".parquet":
        _check_utf8(path)
    with readable(path):
        if suffix == ".parquet":
            table = pa.parquet.read_table(path)
            table.validate(full=True)  # that strings are UTF-8 is not looked at before
            return table
        if suffix in (".csv", ".tsv"):
            return _read_csv(path, "," if suffix == ".csv" else "\t")
        if suffix == ".json":
            return _read_objects(path)
        if not _first_of(path).startswith(b"{"):  # pyarrow crashes on a file of nulls
            raise ValueError('expected an object a line, {"text": ...}')
        return _read_lines(path)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of which file it is that a library cannot read it."""
    try:
        yield
    except (pa.ArrowException, csv.Error, ValueError, OverflowError, OSError, RecursionError) as error:
        kind = path.suffix[1:].upper()
        raise UserError(f"{path}: cannot be read as {kind}: {str(error).splitlines()[0]}") from error


def _check_utf8(path: Path) -> None:
    """Refuse a file that is not UTF-8, with the line and byte of the first offence."""
    line = 1
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise UserError(f"{path}: is UTF-16. Save it as UTF-8 (for example: iconv -f utf-16 -t utf-8 IN > OUT).")
        file.seek(0)
        for raw in file:
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}: line {line}, byte {error.start + 1}: 0x{raw[error.start]:02x} is not UTF-8. Save the file as "
                    "UTF-8 (for example: iconv -f latin1 -t utf-8 IN > OUT)."
                ) from error
            line += 1


def _first_of(path: Path) -> bytes:
    """The beginning of a file's first line that is not blank, without a byte order mark."""
    with path.open("rb") as file:
        return next(filter(None, (line.removeprefix(b"\xef\xbb\xbf").strip() for line in file)), b"")


def _read_csv(path: Path, delimiter: str) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(filter(None, csv.reader(file, delimiter=delimiter)), [])  # pyarrow passes over empty lines, too
    if any("\n" in name for name in header):
        raise ValueError("its first line opens a quote that it does not close")
    other = next((sign for sign in ";\t|," if len(header) == 1 and sign in header[0]), None)
    if other is not None:
        raise ValueError(
            f"its first line, {header[0][:80]!r}, is one column name with {other!r} in it; expected {delimiter!r} between "
            "columns (a .tsv file has tabs)"
        )
    try:
        table = _parse_csv(path, delimiter, header)
    except pa.ArrowInvalid:
        pass
    else:
        if _holds_quotes(path):
            _refuse_stray_quotes(path, delimiter)
        return table
    try:
        return _parse_csv(path, delimiter, header, threads=False)  # one thread knows the row
    except pa.ArrowInvalid as error:
        problem = re.sub(r"^CSV parse error: Row #(\d+)", lambda m: f"row {int(m[1]) - 1}", str(error).splitlines()[0])
        raise ValueError(
            f"{problem} (put a value that holds a {delimiter!r}, a quote or a line end in quotes, and close them)"
        ) from error


def _holds_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK), b""))


def _refuse_stray_quotes(path: Path, delimiter: str) -> None:
    """Refuse a file in which a quote that begins a value goes on to one that another value has, or to the end: pyarrow takes
    what is between them, perhaps whole rows, for one value, and drops a quote or two. The last quote may stand where one that
    closes does; what tells then are tabs, which a value of a TSV file over several lines hardly has.
    """
    limit = csv.field_size_limit(BLOCK)  # such a value is a long one
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader, first = csv.reader(file, delimiter=delimiter, strict=True), 1
            try:
                for row in reader:
                    if delimiter == "\t" and any("\t" in value and LINE_END.search(value) for value in row):
                        raise ValueError(
                            f"line {first}: a quote at the beginning of a value is closed in line {reader.line_num}, behind "
                            "other columns. Put values that hold quotes in quotes, and double theirs"
                        )
                    first = reader.line_num + 1
            except csv.Error as error:
                closed = f"has text behind the one that closes it, in line {reader.line_num}"
                raise ValueError(
                    f"line {first}: a quote at the beginning of a value "
                    f"{closed if 'expected after' in str(error) else 'is never closed'}. "
                    "Put values that hold quotes in quotes, and double theirs"
                ) from error
    finally:
        csv.field_size_limit(limit)


def _parse_csv(path: Path, delimiter: str, header: list[str], threads: bool = True) -> pa.Table:
    return pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=BLOCK, use_threads=threads),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        # Every value stays text: a column of "007" or "true" must not change its meaning by looking like a type.
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in header}, strings_can_be_null=False
        ),
    )


def _read_lines(path: Path) -> pa.Table:
    """JSONL. Strings that look like dates stay strings, as in every other format. Rows with objects inside are read one by
    one: pyarrow would give each the keys of all.
    """
    how = pa.json.ReadOptions(block_size=BLOCK)
    with path.open(encoding="utf-8-sig") as file:
        if any(map(_holds_object, islice(file, LOOKED_AT))):
            return _read_rows(path)
    try:
        table = pa.json.read_json(path, read_options=how)
    except pa.ArrowInvalid as error:
        if "object" in str(error):
            return _read_rows(path)
        raise ValueError(_bad_line(path, str(error))) from error
    if any("struct<" in str(kind) for kind in table.schema.types):
        return _read_rows(path)
    fields = [pa.field(field.name, _strings_for_dates(field.type)) for field in table.schema]
    if [field.type for field in fields] == table.schema.types:
        return table
    return pa.json.read_json(
        path, read_options=how, parse_options=pa.json.ParseOptions(explicit_schema=pa.schema(fields))
    )


def _holds_object(line: str) -> bool:
    if "{" not in line[line.find("{") + 1 :]:
        return False
    try:
        row = json.loads(line)
    except ValueError:
        return False  # which is told later
    return isinstance(row, dict) and any(map(is_object, row.values()))


def _loads(text: str) -> Any:
    """The JSON value of a text.

    Raises
    ------
    ValueError : it is none, or an object has a key twice, of which Python would keep the last.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return found


def _read_rows(path: Path) -> pa.Table:
    try:
        with path.open(encoding="utf-8-sig") as file:
            rows = [_loads(line) for line in file if line.strip()]
    except ValueError as error:
        raise ValueError(_bad_line(path, str(error))) from error
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(_bad_line(path, "expected an object a line"))
    return _of_rows(rows, path)


def _of_rows(rows: list[dict[str, Any]], path: Path) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table_of(names, [[row.get(name) for row in rows] for name in names], str(path))


def _bad_line(path: Path, problem: str) -> str:
    """What is wrong with a JSONL file, with the line: pyarrow counts rows from 0, and within a block."""
    kinds: dict[str, tuple[str, int]] = {}
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            try:
                row = _loads(line) if line.strip() else {}
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


def _read_objects(path: Path) -> pa.Table:
    content = _loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(content, dict) and all(isinstance(v, dict) for v in content.values()):
        if not any(name.isdigit() for name in content) and all(key.isdigit() for v in content.values() for key in v):
            content = _by_row(content)  # a column each, as pandas writes them
        content = [{"id": key, **value} for key, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise ValueError('expected a list of objects, [{"text": ...}, ...]')
    return _of_rows(content, path)


def _by_row(columns: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows by their number, given columns of values by their row's number."""
    numbers = dict.fromkeys(number for values in columns.values() for number in values)
    return {n: {name: values.get(n) for name, values in columns.items()} for n in numbers}


def read_json(path: Path) -> Any:
    """The value that a JSON file holds.

    Raises
    ------
    UserError : with the line and column where it is not JSON.
    """
    _check_utf8(path)
    try:
        return _loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from error
