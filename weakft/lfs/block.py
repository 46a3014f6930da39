"""Votes of labeling functions on a block of rows: pattern functions on the column of texts, others row by row."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN, Dataset, vote_type
from weakft.data.labels import NUMBER, by_number
from weakft.errors import UserError, listed, nearest
from weakft.lfs.columnwise import Views, is_pattern
from weakft.lfs.core import place
from weakft.lfs.examples import examples
from weakft.lfs.recognise import recognise
from weakft.lfs.rowwise import Chunk

CHUNK = 2_000
"""Rows whose examples are held at a time."""

BLOCK = 16 * CHUNK
"""Rows whose texts are looked at as a column at a time."""

SIMPLE = {int, str, type(None)}
"""Types of votes that `Voting.simple` tells apart."""


@dataclass
class Failure:
    """Rows on which a labeling function raised; they abstain. `source`, `first_row`, `error` (type and message)
    and `traceback` are the first one's.
    """

    name: str
    where: str
    count: int
    source: str
    first_row: int
    error: str
    traceback: str

    @property
    def first(self) -> str:
        """The first row, for messages."""
        return f"row {self.first_row + 1} of {self.source}"

    def __str__(self) -> str:
        return f"{self.where}: raised on {self.count} rows, which abstain (first: {self.first}).\n{self.error}"


def merge(failures: dict[str, Failure], later: dict[str, Failure]) -> None:
    """Add the failures on later rows, or on another split's."""
    for name, failure in later.items():
        if name in failures:
            failures[name].count += failure.count
        else:
            failures[name] = failure


@dataclass
class Voting:
    """Which labeling functions are applied to which data.

    counted : whether a vote that is a whole number counts classes, or labels (`by_number`).   number, whole : the class
    numbers of names, and of whole numbers.   simple : those of votes that need no closer look.   vote_type : of the label
    matrix.   names_abstain : a class (or label) is called -1, so that nobody knows what a vote of -1 means.
    """

    lfs: list[Any]
    data: Dataset
    label_names: list[str]
    strict: bool = False
    timeout: float | None = None

    def __post_init__(self) -> None:
        self.counted = by_number(self.data.asked or self.label_names)
        self.names_abstain = str(ABSTAIN) in (self.data.asked or self.label_names)
        self.vote_type = vote_type(len(self.label_names))
        self.number = {name: i for i, name in enumerate(self.label_names)}
        self.whole: dict[int, int] = {i: i for i in range(len(self.label_names))}
        if not self.counted:
            self.whole = {int(name): i for name, i in self.number.items() if _names_a_number(name)}
        self.simple: dict[Any, int] = {None: ABSTAIN, ABSTAIN: ABSTAIN, **self.number, **self.whole}
        if self.names_abstain:
            del self.simple[ABSTAIN]


def _names_a_number(name: str) -> bool:
    return bool(NUMBER.fullmatch(name)) and str(int(name)) == name


def apply_block(voting: Voting, rows: range) -> tuple[np.ndarray, dict[str, Failure]]:
    """The votes on consecutive rows of the voting's data, [len(rows), m], and the failures by name.

    Raises
    ------
    UserError : a vote that is no class (always); a labeling function that raises (with ``strict``).
    """
    L = np.full((len(rows), len(voting.lfs)), ABSTAIN, dtype=voting.vote_type, order="F")
    failures: dict[str, Failure] = {}
    patterns = [is_pattern(lf) and voting.timeout is None for lf in voting.lfs]  # a column's search is not a row's call
    views = Views(voting.data.texts[rows.start : rows.stop])
    for j, lf in enumerate(voting.lfs):
        found = views.block(()).found_by(lf) if patterns[j] else None
        patterns[j] = found is not None
        if found is not None and found.any():
            L[found, j] = class_number(voting, lf, lf.label, rows.start + int(found.argmax()))
    if not all(patterns):
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            chunk = Chunk(examples(voting.data, some), voting.timeout)
            for j, lf in enumerate(voting.lfs):
                if not patterns[j]:
                    L[start : start + CHUNK, j] = _votes(voting, lf, chunk, some, views, start, failures)
    return L, failures


def _votes(
    voting: Voting, lf: Any, chunk: Chunk, rows: range, views: Views, start: int, failures: dict[str, Failure]
) -> np.ndarray:
    """The votes on the rows of a chunk, those of the views from ``start`` on."""
    guard = recognise(lf) if voting.timeout is None else None  # anew: what it reads may be another one's to change
    if guard is None or type(guard.vote) not in SIMPLE or guard.vote not in voting.simple:
        return _called(voting, lf, chunk, rows, None, failures)
    votes = np.full(len(rows), voting.simple[guard.vote], dtype=voting.vote_type)
    possible = np.flatnonzero(views.candidates(guard)[start : start + len(rows)])
    votes[possible] = _called(voting, lf, chunk, rows, possible.tolist(), failures)
    return votes


def _called(
    voting: Voting, lf: Any, chunk: Chunk, rows: range, some: list[int] | None, failures: dict[str, Failure]
) -> np.ndarray:
    """The votes of a labeling function that is called on the rows of a chunk, or on ``some`` of them."""
    called = rows if some is None else [rows[i] for i in some]
    votes = chunk.votes(lf, lambda i, error: note(voting, lf, called[i], error, failures), some)
    # True and 1.0 equal 1 as keys, so types are looked at, too
    if set(map(type, votes)) <= SIMPLE and voting.simple.keys() >= set(votes):
        return np.fromiter(map(voting.simple.__getitem__, votes), dtype=voting.vote_type, count=len(votes))
    return np.array(
        [class_number(voting, lf, vote, row) for row, vote in zip(called, votes, strict=True)], dtype=voting.vote_type
    )


def said(
    voting: Voting, texts: range, lfs: dict[int, Any], failures: dict[str, Failure]
) -> Iterator[tuple[int, int, Any]]:
    """What labeling functions say of consecutive texts, each called on one after the other: the text's place among them, the
    function's number and what it said, where that is anything. For tasks in which a text has several rows.

    lfs : by their numbers, as they are to be called.
    """
    for start in range(0, len(texts), CHUNK):
        some = texts[start : start + CHUNK]
        chunk = Chunk(examples(voting.data, some), voting.timeout)
        for j, lf in lfs.items():
            for i, value in enumerate(chunk.votes(lf, partial(_note_at, voting, voting.lfs[j], some, failures)), start):
                if value is not None and not (is_whole(value) and value == ABSTAIN and not voting.names_abstain):
                    yield i, j, value


def _note_at(voting: Voting, lf: Any, texts: range, failures: dict[str, Failure], i: int, error: BaseException) -> None:
    note(voting, lf, texts[i], error, failures)


def note(voting: Voting, lf: Any, row: int, error: BaseException, failures: dict[str, Failure]) -> None:
    """Count a failure on a text.

    Raises
    ------
    UserError : with ``strict``.
    """
    if voting.strict:
        raise UserError(
            f"{place(lf)}: raised {type(error).__name__}: {error} on row {voting.data.first_row + row + 1} "
            f"(id {voting.data.ids[row]!r}) of {voting.data.source}. Without --strict such rows abstain."
        ) from error
    if lf.name not in failures:
        said, trace = traceback.format_exception_only(error)[0].strip(), "".join(traceback.format_exception(error))
        failures[lf.name] = Failure(lf.name, place(lf), 0, voting.data.source, voting.data.first_row + row, said, trace)
    failures[lf.name].count += 1


def is_whole(vote: Any) -> bool:
    """Whether a vote is a whole number; True and False are none."""
    return isinstance(vote, (int, np.integer)) and not isinstance(vote, (bool, np.bool_))


def ambiguous(where: str) -> UserError:
    """The error of a vote of -1 where a class is called so."""
    return UserError(
        f"{where}: voted -1, which abstains and is the name of a class, too. Return None to abstain, the string '-1' to "
        "vote for the class."
    )


def at_row(voting: Voting, lf: Any, row: int) -> str:
    """Where a labeling function said something, for messages."""
    data = voting.data
    return f"{place(lf)}: row {data.first_row + row + 1} (id {data.ids[row]!r}) of {data.source}"


def class_number(voting: Voting, lf: Any, vote: Any, row: int) -> int:
    """The class number of a vote (a name, an integer, or a NumPy integer); anything else is an error that names the LF."""
    if vote is None:
        return ABSTAIN
    where = at_row(voting, lf, row)
    if isinstance(vote, str):
        if vote not in voting.number:
            known = ", ".join(map(repr, voting.label_names))
            raise UserError(f"{where}: voted {vote!r}; the classes are {known}.{nearest(vote, voting.label_names)}")
        return voting.number[vote]
    if not is_whole(vote):
        raise UserError(
            f"{where}: returned {vote!r} ({type(vote).__name__}); expected a class number, a class name, or -1 or None "
            "to abstain."
        )
    vote = int(vote)
    if vote == ABSTAIN and voting.names_abstain:
        raise ambiguous(where)
    if vote == ABSTAIN or vote in voting.whole:
        return voting.whole.get(vote, ABSTAIN)
    if voting.counted:
        raise UserError(f"{where}: voted {vote}; expected -1 (abstain) or 0 to {len(voting.label_names) - 1}.")
    raise UserError(
        f"{where}: voted {vote}; expected -1 (abstain) or a class, and these are {listed(voting.label_names)}."
    )
