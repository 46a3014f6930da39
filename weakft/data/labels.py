"""How a data set holds any number of labels a text: as a row for each label there is, of the class yes or no.

So whatever reads classes reads labels; a label that nobody looked for on a text is a row without gold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN, Dataset, Gold
from weakft.errors import UserError, listed, nearest

CLASSES = ["no", "yes"]
"""The classes of a row: the text does not have the label, or has it."""
NO, YES = range(2)

NOT = "not "
"""Before a label's name: a labeling function's vote against it."""

MARKS = {"0": NO, "1": YES, "0.0": NO, "1.0": YES, "false": NO, "true": YES, "no": NO, "yes": YES}
"""What a column of a label holds, in lower case."""


NUMBER = re.compile(r"-?[0-9]{1,9}")
NAMED = re.compile(NUMBER.pattern + r"(\.0+)?")
"""A class that is named by a number."""


def by_number(names: Sequence[str]) -> bool:
    """Whether a whole number stands for the class (or label) of that number; where a name is one ("2", "2.0"), numbers are
    names.
    """
    return not any(map(NAMED.fullmatch, names))


def by_labels(data: Dataset, names: Sequence[str]) -> Dataset:
    """The split with a row for each label. It must have neither gold labels nor votes yet that are a text's.

    Raises
    ------
    UserError : a label is called what a vote against another is.
    """
    against = next((name for name in names if NOT + name in names), None)
    if against is not None:
        raise UserError(
            f"{data.source}: of the labels {against!r} and {NOT + against!r} the second is also a vote against the first; "
            "rename one."
        )
    if data.asked is None:
        data.asked = list(names)
    return data


def names_in(lists: Sequence[list[Any] | None]) -> list[str]:
    """The labels that some lists name, in order of their names."""
    return sorted({str(label) for some in lists for label in some or () if label is not None})


def gold_of_lists(lists: Sequence[Any], column: str, names: Sequence[str], data: Dataset) -> Gold | None:
    """Gold labels [r] of a list of labels a text: none of them is no label, None is a text that was not labeled.

    Raises
    ------
    UserError : a label that is unknown or missing or stands twice, with its row.
    """
    number = {name: i for i, name in enumerate(names)}
    counted = by_number(names)
    _refuse_marks(lists, column, names, data)
    gold = np.full((len(lists), len(names)), ABSTAIN)
    for row, labels in enumerate(lists):
        if labels is None:
            continue
        where = f"{data.source}: row {data.first_row + row + 1}, column {column!r}"
        gold[row] = NO
        for label in labels:
            if label is None:
                raise UserError(
                    f"{where}: {labels!r} has an empty label; expected names, or [] for a text without any."
                )
            at = number.get(str(label))
            if at is None and counted and type(label) is int and 0 <= label < len(names):
                at = label
            if at is None:
                raise UserError(
                    f"{where}: unknown label {label!r}; the labels are {listed(list(names))}."
                    f"{nearest(str(label), list(names))}"
                )
            if gold[row, at] == YES:
                raise UserError(f"{where}: label {label!r} stands twice; name each label once.")
            gold[row, at] = YES
    return _known(gold)


def _refuse_marks(lists: Sequence[Any], column: str, names: Sequence[str], data: Dataset) -> None:
    """Refuse lists of a 1 or 0 (true or false) for each label: as numbers of labels, [1, 0] would be the first two.

    Raises
    ------
    UserError : all lists are as long as there are labels and of these alone, and some have no order or one of them twice.
    """
    there = [(row, labels) for row, labels in enumerate(lists) if labels is not None]
    if not all(len(labels) == len(names) and all(v in (0, 1) for v in labels) for _, labels in there):
        return
    odd = next(((row, labels) for row, labels in there if labels != sorted({*labels})), None)
    if odd is not None:
        raise UserError(
            f"{data.source}: row {data.first_row + odd[0] + 1}, column {column!r}: {odd[1]!r} looks like a mark for each of "
            f"{len(names)} labels; expected the names or numbers of those that the text has. Give the marks a column each, "
            "named by the label, and name these: --label-column FIRST,SECOND."
        )


def gold_of_columns(columns: Sequence[tuple[str, Sequence[Any]]], data: Dataset) -> Gold | None:
    """Gold labels [r] of a column a label, which holds 1 or 0 (or yes and no, true and false; empty: nobody looked).

    Raises
    ------
    UserError : another value, with its row.
    """
    gold = np.full((len(data), len(columns)), ABSTAIN)
    for at, (name, values) in enumerate(columns):
        for row, value in enumerate(values):
            if value is None or value == "":
                continue
            key = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip().lower()
            if key not in MARKS:
                raise UserError(
                    f"{data.source}: row {data.first_row + row + 1}, column {name!r}: expected 1 or 0 (whether the text has "
                    f"this label), found {value!r}."
                )
            gold[row, at] = MARKS[key]
    return _known(gold)


def _known(gold: np.ndarray) -> Gold | None:
    return Gold(gold.ravel()) if (gold != ABSTAIN).any() else None


def named(data: Dataset, rows: np.ndarray) -> list[str]:
    """The label that each of some rows asks for."""
    assert data.asked is not None
    return [data.asked[at] for at in data.places(rows)[1]]
