"""Votes on the words of a block of texts, for tasks in which every word has a class.

A labeling function says of a text: nothing (None or -1); a vote a word, as a list as long as ``x.tokens``; or spans, a list
of (first character, the one behind the last, class). Pattern functions vote on the words that lie inside a match.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN
from weakft.data.words import split_words
from weakft.errors import UserError
from weakft.lfs.block import BLOCK, Failure, Voting, at_row, class_number, said
from weakft.lfs.columnwise import TextBlock, is_pattern
from weakft.tasks.entities import BEGIN, INSIDE

Words = tuple[tuple[int, int], ...]
"""First character of each word, and the one behind its last."""


def apply_words(voting: Voting, texts: range) -> tuple[np.ndarray, dict[str, Failure]]:
    """The votes on the words of consecutive texts, [their words, m], and the failures by name.

    Raises
    ------
    UserError : a vote that is no class, not as many votes as words, a span that crosses a word; a labeling function that
        raises (with ``strict``).
    """
    assert voting.data.words is not None
    counts = voting.data.words[texts.start : texts.stop]
    starts = np.concatenate([[0], np.cumsum(counts)])
    L = np.full((int(starts[-1]), len(voting.lfs)), ABSTAIN, dtype=voting.vote_type, order="F")
    failures: dict[str, Failure] = {}
    columns = {j for j, lf in enumerate(voting.lfs) if is_pattern(lf) and voting.timeout is None}
    if columns:
        block = TextBlock(voting.data.texts[texts.start : texts.stop])
        for j in sorted(columns):
            found = block.found_by(voting.lfs[j])
            if found is None:
                columns.remove(j)
                continue
            for i in np.flatnonzero(found).tolist():
                L[starts[i] : starts[i + 1], j] = _of_pattern(voting, voting.lfs[j], texts[i])
    rest = {j: _Spans(lf) if is_pattern(lf) else lf for j, lf in enumerate(voting.lfs) if j not in columns}
    for i, j, value in said(voting, texts, rest, failures):
        L[starts[i] : starts[i + 1], j] = _of_python(voting, voting.lfs[j], value, texts[i])
    return L, failures


class _Spans:
    """A pattern function as a function of an example that returns spans of whole words."""

    def __init__(self, lf: Any) -> None:
        self.lf = lf

    def __call__(self, x: Any) -> list[tuple[int, int, Any]]:
        words, spans = word_spans(x.text), self.lf.spans(x.text)
        inside = [(words[a][0], words[b - 1][1]) for a, b in (_inside(words, *span) for span in spans) if a < b]
        return [(first, behind, self.lf.label) for first, behind in inside]


@lru_cache(maxsize=BLOCK)  # every labeling function that votes on a text asks for them
def word_spans(text: str) -> Words:
    """First character of each word, and the one behind its last."""
    spans, at = [], 0
    for word in split_words(text):
        spans.append((at, at + len(word)))
        at += len(word) + 1
    return tuple(spans)


def _inside(words: Words, first: int, behind: int) -> tuple[int, int]:
    """The range of the words that lie inside a span of characters."""
    at = [i for i, (a, b) in enumerate(words) if first <= a and b <= behind]
    return (at[0], at[-1] + 1) if at else (0, 0)


def _of_pattern(voting: Voting, lf: Any, text: int) -> np.ndarray:
    words = word_spans(voting.data.texts[text])
    votes = np.full(len(words), ABSTAIN, dtype=voting.vote_type)
    numbers = _numbers(voting, lf, lf.label, text)
    for span in lf.spans(voting.data.texts[text]):
        _cast(votes, _inside(words, *span), numbers)
    return votes


def _of_python(voting: Voting, lf: Any, value: Any, text: int) -> np.ndarray:
    words = word_spans(voting.data.texts[text])
    votes = np.full(len(words), ABSTAIN, dtype=voting.vote_type)
    where = at_row(voting, lf, text)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise UserError(
            f"{where}: returned {value!r}; expected a list with a vote for each of the {len(words)} tokens, a list of spans "
            "(first character, the one behind the last, class), or None."
        )
    if all(isinstance(entry, tuple) and len(entry) == 3 for entry in value):
        for first, behind, label in value:
            within = _whole(words, first, behind, voting.data.texts[text], where)
            _cast(votes, within, _numbers(voting, lf, label, text))
        return votes
    if len(value) != len(words):
        raise UserError(f"{where}: returned {len(value)} votes for {len(words)} tokens.")
    before: Any = None
    for i, label in enumerate(value):
        votes[i] = _numbers(voting, lf, label, text)[1 if label == before else 0]
        before = label
    return votes


def _cast(votes: np.ndarray, within: tuple[int, int], numbers: tuple[int, int]) -> None:
    """Vote on a range of words: one class for the first, one for the others."""
    first, behind = within
    votes[first:behind] = numbers[1]
    votes[first : min(behind, first + 1)] = numbers[0]


def _whole(words: Words, first: Any, behind: Any, text: str, where: str) -> tuple[int, int]:
    """The words of a span.

    Raises
    ------
    UserError : it does not begin and end where words do.
    """
    begins, ends = {a: i for i, (a, _) in enumerate(words)}, {b: i for i, (_, b) in enumerate(words)}
    whole = isinstance(first, (int, np.integer)) and isinstance(behind, (int, np.integer))
    if not whole or first not in begins or behind not in ends or ends[behind] < begins[first]:
        raise UserError(
            f"{where}: the span {first!r} to {behind!r} crosses a token of {text[:80]!r}; expected spans of characters that "
            "begin and end where tokens do."
        )
    return begins[first], ends[behind] + 1


def _numbers(voting: Voting, lf: Any, label: Any, text: int) -> tuple[int, int]:
    """The class of the first word of a span and that of the others: an entity's name stands for its B- and I- classes."""
    if isinstance(label, str) and label not in voting.number and INSIDE + label in voting.number:
        later = voting.number[INSIDE + label]
        return voting.number.get(BEGIN + label, later), later
    number = class_number(voting, lf, label, text)
    return number, number
