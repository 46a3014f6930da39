"""One table to one split: which column is what, and checks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from weakft.data.class_labels import kept_names, with_names
from weakft.data.dataset import ABSTAIN, Dataset, Gold
from weakft.data.labels import NUMBER, by_labels, by_number, gold_of_columns, gold_of_lists, names_in
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.pairs import join
from weakft.data.words import COLUMNS as WORDS
from weakft.data.words import by_words, join_words
from weakft.errors import UserError, listed, nearest

TEXT_GUESSES = ("text", "sentence", "content", "message", "body", "comment", "review", "document", "question")
LABEL_GUESSES = ("label", "labels", "class", "category", "target", "gold", "tags", "ner_tags")
FLOAT = re.compile(r"-?[0-9]{1,9}\.0")
"""A whole number as pandas writes it beside gaps."""

EXACT = 2**53
"""Up to here a float is the whole number that was written."""

JSON = {b"weakft": b"json"}
"""What is said of a column whose strings are the JSON of objects."""

NONE = "none"
"""The name of no column: labels are not to be guessed."""
ID_GUESSES = ("id", "idx", "guid", "uid", "text_id")


@dataclass
class Columns:
    """Which columns hold text, gold label and id; None means: guess by name.

    label_names : the classes, if known.   found_labels : else the distinct labels of the first split that has any.
    labeled : whether labels are wanted at all; else a column of them is one like any other.
    absent : where a list, a column of labels that is named may be missing in a split; who reads the splits raises what is
    kept here if it is in none (`labels_found`).   found_in : whose labels `found_labels` are.
    """

    text: str | None = None
    label: str | None = None
    id: str | None = None
    label_names: list[str] | None = None
    found_labels: list[str] = field(default_factory=list)
    labeled: bool = True
    absent: list[UserError] | None = None
    labels_found: bool = False
    found_in: str = ""


def _pick(asked: str | None, guesses: tuple[str, ...], names: list[str], what: str, source: str) -> str | None:
    """The column asked for, or the only one whose name is among the guesses; two such columns are an error."""
    if asked is not None:
        if asked not in names:
            there = f"there are {listed(names)}" if names else "there is none but those of the text"
            raise UserError(f"{source}: there is no column {asked!r} for the {what}; {there}.{nearest(asked, names)}")
        return asked
    found = [name for name in names if name.lower() in guesses]
    if len(found) > 1:
        raise UserError(
            f"{source}: columns {' and '.join(map(repr, found))} could each be the {what}; "
            f"choose with --{what}-column {found[0]}."
        )
    return found[0] if found else None


def table_to_dataset(table: pa.Table, columns: Columns, source: str, first_row: int = 0) -> Dataset:
    """Turn a table into a split: check texts and ids, map label names to class numbers, keep the other columns.

    first_row : the number of the table's first row in ``source``.

    Raises
    ------
    UserError : no text column, a missing text, a value of another type, duplicate ids, an unknown label name, or not as
        many labels as tokens.
    """
    names = [str(name) for name in table.column_names]
    _distinct(names, source)
    sources = _text_columns(table, columns, names, source)
    objects = next((name for name in sources if is_json(table.schema.field(name))), None)
    if objects is not None:
        raise UserError(
            f"{source}: column {objects!r}: expected texts, found objects; name another with --text-column."
        )
    if table.num_rows == 0:
        raise UserError(f"{source}: the table has columns but no rows.")
    tokens = is_list(table.column(sources[0]).type)
    if tokens:
        texts = _token_lists(table.column(sources[0]), sources[0], source, first_row)
    else:
        parts = [_texts(table.column(name), name, source, first_row) for name in sources]
        texts = parts[0] if len(parts) == 1 else _joined(parts[0], parts[1], source, first_row)
    rest = [n for n in names if n not in sources]
    labels = label_columns(columns, rest, source)
    named = kept_names(table.schema)
    if len(labels) == 1 and labels[0] in named:
        classes = named[labels[0]]
        if not {*columns.found_labels} & {*classes}:  # else a split before has these in an order of its own
            _refuse_other_classes(columns, labels[0], classes, source)
            columns.label_names = columns.label_names or classes
        table = with_names(table, labels[0], classes)
    id_column = _pick(columns.id, ID_GUESSES, [n for n in rest if n not in labels], "id", source)
    numbers = range(first_row, first_row + len(texts))
    ids = (
        list(map(str, numbers))
        if id_column is None
        else unique_ids(table.column(id_column), id_column, source, first_row)
    )
    others = [n for n in names if n not in (*labels, id_column) and [n] != sources]  # a pair's sentences stay
    data = Dataset(
        texts=texts,
        ids=ids,
        columns={name: _values(table, name, source) for name in others},
        source=source,
        first_row=first_row,
        label_columns=labels,
    )
    if tokens:
        data = by_words(data, joined=True)
    if len(labels) > 1:
        columns.label_names = labels
        data.gold = gold_of_columns([(name, _values(table, name, source)) for name in labels], data)
        return by_labels(data, labels)
    if not labels:
        return data
    values = table.column(labels[0])
    if is_list(values.type) and data.words is None:
        lists = values.to_pylist()
        if columns.label_names is None and not columns.found_labels:
            columns.found_labels, columns.found_in = names_in(lists), source
        asked = columns.label_names or columns.found_labels
        data.gold = gold_of_lists(lists, labels[0], asked, data)
        return by_labels(data, asked)
    data.gold = _gold(_labels(_values(table, labels[0], source), labels[0], data), labels[0], columns, data)
    return data


def _refuse_other_classes(columns: Columns, column: str, classes: list[str], source: str) -> None:
    """Refuse class names that come with a split after one whose labels were numbered without them, in another way.

    Raises
    ------
    UserError : that one's labels are not the numbers of these classes, from 0 on.
    """
    found = columns.found_labels
    if found and (found != list(map(str, range(len(found)))) or len(found) > len(classes) or not by_number(classes)):
        raise UserError(
            f"{source}: the classes of column {column!r} are {listed(classes)}, by the names that it came with; the labels "
            f"found in {columns.found_in} are {listed(found)}. Name all classes, in the order of their numbers, beside the "
            "labeling functions: LABELS = [...]."
        )


def _values(table: pa.Table, column: str, source: str) -> list[Any]:
    """A column as Python values, with NaN as a missing one; not all that a Parquet file can hold are some, such as dates
    after the year 9999.
    """
    if is_json(table.schema.field(column)):
        return [None if value is None else json.loads(value) for value in table.column(column).to_pylist()]
    try:
        values = table.column(column).to_pylist()
        if pa.types.is_floating(table.schema.field(column).type):
            return [None if value is None or math.isnan(value) else value for value in values]
        return values
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise UserError(
            f"{source}: column {column!r}: cannot be read as Python values: {str(error).splitlines()[0]}. "
            "Write it as text, or leave it out."
        ) from error


def is_json(field: pa.Field) -> bool:
    """Whether a column's strings are the JSON of objects (`table_of`)."""
    return field.metadata is not None and JSON.items() <= field.metadata.items()


def is_list(kind: pa.DataType) -> bool:
    """Whether a column holds lists, as of tokens."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _token_lists(values: pa.ChunkedArray, column: str, source: str, first_row: int) -> list[str]:
    texts = []
    for row, words in enumerate(values.to_pylist(), first_row):
        try:
            texts.append(join_words(words))
        except ValueError as error:
            raise UserError(
                f"{source}: row {row + 1}, column {column!r}: expected a list of tokens, found {error}. "
                "Remove the row or mend it."
            ) from error
    return texts


def _labels(raw: list[Any], column: str, data: Dataset) -> list[Any]:
    """A label a row of the label matrix; of token lists, from a list of labels a text (or none at all)."""
    if data.words is None:
        return raw
    flat: list[Any] = []
    for row, (labels, count) in enumerate(zip(raw, data.words.tolist(), strict=True)):
        if labels is not None and not isinstance(labels, list):
            raise UserError(f"{place(data, row)}: column {column!r}: expected a list of labels, found {labels!r}.")
        if labels is not None and len(labels) != count:
            raise UserError(f"{place(data, row)}: column {column!r}: {len(labels)} labels for {count} tokens.")
        flat += [None] * count if labels is None else labels
    return flat


def place(data: Dataset, text: int) -> str:
    """Source and row of a text, for messages."""
    return f"{data.source}: row {data.first_row + text + 1}"


def label_columns(columns: Columns, names: list[str], source: str) -> list[str]:
    """The column of labels, if there is one, or the columns of several labels that each hold 1 or 0.

    Raises
    ------
    UserError : one that is named is not there, where that may not be (``columns.absent``).
    """
    if not columns.labeled or (columns.label == NONE and NONE not in names):
        return []
    try:
        found = _labels_among(columns, names, source)
    except UserError as error:
        if columns.absent is None or columns.label is None:
            raise
        columns.absent.append(error)
        return []
    columns.labels_found |= bool(found)
    return found


def _labels_among(columns: Columns, names: list[str], source: str) -> list[str]:
    if columns.label is not None and columns.label not in names and "," in columns.label:
        found = [str(_pick(name.strip(), (), names, "label", source)) for name in columns.label.split(",")]
        if len(set(found)) < len(found):
            raise UserError(f"--label-column {columns.label}: names a column twice.")
        return found
    label = _pick(columns.label, LABEL_GUESSES, names, "label", source)
    return [] if label is None else [label]


def _text_columns(table: pa.Table, columns: Columns, names: list[str], source: str) -> list[str]:
    """The column of texts, or the two columns of a pair."""
    asked = columns.text.split(",") if columns.text is not None and columns.text not in names else None
    if asked is not None and len(asked) == 2:
        return [str(_pick(name.strip(), (), names, "text", source)) for name in asked]
    pair = next((pair for pair in PAIRS if set(pair) <= set(names)), None)
    if pair is not None and columns.text is None and not set(map(str.lower, names)) & set(TEXT_GUESSES):
        return list(pair)
    lists = [n for n in names if n.lower() in WORDS and is_list(table.column(n).type)]
    if columns.text is None and len(lists) == 1:
        return lists
    text = _pick(columns.text, TEXT_GUESSES, names, "text", source)
    strings = [
        n for n in names if pa.types.is_string(table.column(n).type) or pa.types.is_large_string(table.column(n).type)
    ]
    if text is None and len(names) == 1 and strings:
        text = strings[0]
    if text is None:
        raise UserError(
            f"{source}: cannot tell which column is the text; there are {listed(names)}. "
            "Name it with --text-column (for two sentences, --text-column FIRST,SECOND)."
        )
    return [text]


def _texts(values: pa.ChunkedArray, column: str, source: str, first_row: int) -> list[str]:
    texts: list[str] = values.to_pylist()
    for row, value in enumerate(texts):
        if not isinstance(value, str) or not value.strip():
            found = (
                "nothing"
                if value is None or value == ""
                else ("only white space" if isinstance(value, str) else f"{value!r} ({type(value).__name__})")
            )
            raise UserError(
                f"{source}: row {first_row + row + 1}, column {column!r}: expected a text, found {found}. "
                "Remove the row or fill it in."
            )
    return texts


def _joined(first: list[str], second: list[str], source: str, first_row: int) -> list[str]:
    texts = []
    for row, sentences in enumerate(zip(first, second, strict=True)):
        try:
            texts.append(join(*sentences))
        except ValueError as error:
            raise UserError(f"{source}: row {first_row + row + 1}: expected two sentences, found {error}.") from error
    return texts


def unique_ids(values: pa.ChunkedArray, column: str, source: str, first_row: int = 0) -> list[str]:
    """The ids as strings.

    Raises
    ------
    UserError : one is missing, stands twice, or was read as a number that others are read as, too.
    """
    ids: list[str] = []
    seen: dict[str, int] = {}
    for row, value in enumerate(values.to_pylist(), first_row):
        if value is None or value == "":
            raise UserError(f"{source}: row {row + 1}, column {column!r}: the id is missing.")
        if isinstance(value, float) and abs(value) >= EXACT:
            raise UserError(
                f"{source}: row {row + 1}, column {column!r}: the id was read as {value!r}, a number too large to be read "
                "exactly. Write the ids as text, in quotes."
            )
        key = str(value)
        if key in seen:
            raise UserError(
                f"{source}: row {row + 1}, column {column!r}: id {key!r} was row {seen[key] + 1}'s already; ids must differ "
                "(name another column with --id-column, or drop it to number the rows)."
            )
        seen[key] = row
        ids.append(key)
    return ids


def _gold(raw: list[Any], column: str, columns: Columns, data: Dataset) -> Gold | None:
    """Class numbers from label names or numbers; missing values are -1."""

    def where(row: int) -> str:
        text, at = (int(v[0]) for v in data.places(np.array([row])))
        token = "" if data.words is None else f", token {at + 1}"
        return f"{place(data, text)}{token}, column {column!r}"

    raw = _whole(
        [None if isinstance(v, str) and not v else v for v in raw], columns.label_names or columns.found_labels
    )
    kinds = {type(v).__name__ for v in raw if v is not None}
    if len(kinds) > 1:
        row = next(
            i for i, v in enumerate(raw) if v is not None and type(v) is not type(next(x for x in raw if x is not None))
        )
        raise UserError(f"{where(row)}: found {raw[row]!r}; the rows above hold another type.")
    if not kinds:
        return None
    odd = next((row for row, v in enumerate(raw) if isinstance(v, (list, dict))), None)
    if odd is not None:
        raise UserError(f"{where(odd)}: expected the name of a class, found {raw[odd]!r}.")
    if columns.label_names is None and not columns.found_labels:  # later splits may lack a class
        distinct = {v for v in raw if v is not None}
        columns.found_labels, columns.found_in = [str(v) for v in sorted(distinct, key=_class_order)], data.source
    names = columns.label_names or columns.found_labels
    number = {name: i for i, name in enumerate(names)}
    counted = columns.label_names is not None and by_number(names)
    gold = np.full(len(raw), ABSTAIN, dtype=np.int64)
    for row, value in enumerate(raw):
        if value is None:
            continue
        key = str(value)
        if columns.label_names is not None and key == str(ABSTAIN) and key not in number:
            continue
        index = int(key) if counted and NUMBER.fullmatch(key) else number.get(key)
        if index is None or not 0 <= index < len(names):
            raise UserError(
                f"{where(row)}: unknown label {value!r}; the classes are {listed(names)}."
                f"{nearest(key, names) or _guessed(columns, column)}"
            )
        gold[row] = index
    return Gold(gold) if (gold != ABSTAIN).any() else None


def _whole(labels: list[Any], known: list[str]) -> list[Any]:
    """Whole numbers as such, unless the classes are called otherwise: pandas has them as 1.0 beside gaps, in numbers and in
    what it writes.
    """
    if {type(v) for v in labels} <= {str, type(None)}:
        there = set(labels) - {None}
        if there <= set(known) or not all(map(FLOAT.fullmatch, there)):
            return labels
        return [v if v is None else v.partition(".")[0] for v in labels]
    floats = [v for v in labels if isinstance(v, float)]
    if not all(map(float.is_integer, floats)) or {str(v) for v in floats} <= set(known):
        return labels
    return [int(v) if isinstance(v, float) else v for v in labels]


def _guessed(columns: Columns, column: str) -> str:
    """What was not said of labels, where one is unknown."""
    said = ""
    if columns.found_in:
        said = f" They are those found in {columns.found_in}: name all of them beside the labeling functions, LABELS = [...]."
    if columns.label is None:
        said += (
            f" Column {column!r} was taken for the labels by its name: name theirs with --label-column, rename this one, "
            f"or say {NONE}."
        )
    return said


def _class_order(label: Any) -> tuple[int, Any]:
    """Numbers, and texts that are numbers, by value ("10" after "2"); other texts by name after them."""
    text = str(label)
    return (0, int(text)) if NUMBER.fullmatch(text) else (1, text)


def _distinct(names: list[str], source: str) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{source}: two columns are named {twice!r}; give each its own name.")


def table_of(names: list[str], values: Sequence[Iterable[Any]], source: str) -> pa.Table:
    """A table of Python values, a sequence a column; NaN is a missing value. Columns of objects are kept as JSON (`is_json`),
    since Arrow gives each object the keys of all.

    Raises
    ------
    UserError : two columns of one name, values that no column type holds together, or a string that is not Unicode.
    """
    _distinct(names, source)
    arrays, fields = [], []
    for name, column in zip(names, map(list, values), strict=True):
        try:
            text = _as_json(column) if any(map(is_object, column)) else None
            arrays.append(_array(column) if text is None else pa.array(text, pa.string()))
            fields.append(pa.field(name, arrays[-1].type, metadata=None if text is None else JSON))
        except UnicodeEncodeError as error:
            raise UserError(f"{source}: {unwritable(column, name, error)}") from error
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"{source}: column {name!r}: expected values of one type, found others beside them "
                f"({str(error).splitlines()[0]}). Give the column one type, or leave it out."
            ) from error
    return pa.table(arrays, schema=pa.schema(fields))


def is_object(value: Any) -> bool:
    """Whether a value is an object, or a list that holds one."""
    return isinstance(value, dict) or (isinstance(value, (list, tuple)) and any(map(is_object, value)))


def _as_json(column: list[Any]) -> list[str | None] | None:
    """Objects as JSON, missing ones as None; None where JSON cannot hold them as they are."""
    try:
        text = [None if value is None or value != value else json.dumps(value) for value in column]
    except (TypeError, ValueError):
        return None
    same = all(one is None or json.loads(one) == value for one, value in zip(text, column, strict=True))
    return text if same else None


def _array(column: list[Any]) -> pa.Array:
    try:
        return pa.array(column, from_pandas=True)
    except OverflowError:  # such as hashes of 64 bits
        return pa.array(column, pa.uint64(), from_pandas=True)


def unwritable(values: list[Any], column: str, error: UnicodeEncodeError) -> str:
    """What is wrong with a string that UTF-8 has no bytes for, and its row."""
    text = error.object
    row = next((i for i, v in enumerate(values) if (v == text if isinstance(v, str) else text in _items(v))), None)
    return (
        f"{'' if row is None else f'row {row + 1}, '}column {column!r}: character {error.start + 1} of "
        f"{text[max(0, error.start - 30) : error.start + 30]!a} is half a character (a lone surrogate), which UTF-8 has "
        "no bytes for. Mend the text, for example by text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
    )


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
