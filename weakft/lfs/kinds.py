"""The common kinds of labeling function in one line each: keywords, regex, gazetteer, another column's value.

They match without regard to case unless told otherwise, and keywords and gazetteer entries match whole words only: no letter,
digit, underscore or mark (as an accent) stands before or after them. Texts and words are compared as they are written: one
"é" of one character and one of two are different.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from weakft.errors import UserError
from weakft.lfs.core import LabelingFunction, Vote
from weakft.lfs.words import WordIndex, words_pattern

MOST_LETTERS = 8_000
"""Letters of a word list that is one pattern; those of a longer one would leave the compiled engine's memory."""


class PatternLF(LabelingFunction):
    """Votes ``label`` where a compiled pattern is found in ``x.text``; `pattern` is public for column-wise appliers."""

    def __init__(self, name: str, pattern: re.Pattern[str], label: Vote, where: str) -> None:
        super().__init__(name, self.vote)
        self.pattern, self.label, self.where = pattern, label, where

    def vote(self, x: Any) -> Vote:
        """The label where the pattern is found in the text."""
        return self.label if self.pattern.search(x.text) else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """First character, and the one behind the last, of each place where the pattern is found."""
        return [match.span() for match in self.pattern.finditer(text)]


class WordsLF(LabelingFunction):
    """Votes ``label`` where a word of a large list stands in ``x.text``; `index` is public for column-wise appliers."""

    def __init__(self, name: str, index: WordIndex, label: Vote, where: str) -> None:
        super().__init__(name, self.vote)
        self.index, self.label, self.where = index, label, where

    def vote(self, x: Any) -> Vote:
        """The label where one of the words stands in the text."""
        return self.label if self.index.found(x.text) else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """First character, and the one behind the last, of each word of the list in a text."""
        return self.index.spans(text)


class ColumnLF(LabelingFunction):
    """Votes ``label`` where a predicate of a column's value is true."""

    def __init__(self, name: str, column_name: str, wanted: Callable[[Any], bool], label: Vote, where: str) -> None:
        super().__init__(name, self.vote)
        self.column_name, self.wanted, self.label, self.where = column_name, wanted, label, where

    def vote(self, x: Any) -> Vote:
        """The label where the column's value is wanted."""
        return self.label if self.wanted(getattr(x, self.column_name)) else None


def _caller() -> str:
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def _word_list(name: str, words: Iterable[str], label: Vote, case: bool, where: str) -> PatternLF | WordsLF:
    _refuse_string(name, words, "words", where)
    words = list(words)
    odd = [w for w in words if not isinstance(w, str)]
    ordered = sorted({w.strip() for w in words if isinstance(w, str) and w.strip()}, key=lambda w: (-len(w), w))
    if odd or not ordered:
        found = repr(odd[0]) if odd else "none"
        raise UserError(
            f"{where}, labeling function {name!r}: expected at least one word, and words only; found {found}."
        )
    if sum(map(len, ordered)) > MOST_LETTERS:
        return WordsLF(name, WordIndex(ordered, case), label, where)
    return PatternLF(name, words_pattern(ordered, case), label, where)


def _refuse_string(name: str, values: Any, what: str, where: str) -> None:
    """A string is a list, too: of its letters, which nobody means."""
    if isinstance(values, str):
        raise UserError(
            f"{where}, labeling function {name!r}: expected a list of {what}, found {values!r}; write [{values!r}]."
        )


def keywords(name: str, words: Iterable[str], label: Vote, *, case: bool = False) -> PatternLF | WordsLF:
    """Vote ``label`` where one of the words or phrases occurs as a whole word.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> lf = keywords("money", ["refund", "charged twice"], "billing")
    >>> lf(SimpleNamespace(text="I was CHARGED TWICE")), lf(SimpleNamespace(text="refunds"))
    ('billing', None)
    """
    return _word_list(name, words, label, case, _caller())


def regex(name: str, pattern: str, label: Vote, *, case: bool = False) -> PatternLF:
    """Vote ``label`` where the regular expression is found anywhere in the text.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> regex("question", r"^(who|whom)", "HUMAN")(SimpleNamespace(text="Who was it?"))
    'HUMAN'
    """
    where = _caller()
    if not isinstance(pattern, str):
        raise UserError(
            f'{where}, labeling function {name!r}: expected a pattern as a string, r"...", found {pattern!r}; write flags '
            "in it, as (?s)."
        )
    try:
        compiled = re.compile(pattern, 0 if case else re.IGNORECASE)
    except re.error as error:
        raise UserError(
            f"{where}, labeling function {name!r}: not a regular expression: {error}: {pattern!r}"
        ) from error
    return PatternLF(name, compiled, label, where)


def gazetteer(
    name: str, entries: str | Path | Iterable[str], label: Vote, *, case: bool = False
) -> PatternLF | WordsLF:
    """Vote ``label`` where an entry of a list occurs; ``entries`` is a UTF-8 file with one entry a line, or an iterable. A
    relative path is looked up beside the file that calls this, then in the working directory.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> gazetteer("towns", ["New York", "Bern"], "LOCATION")(SimpleNamespace(text="in new york"))
    'LOCATION'
    """
    where = _caller()
    if isinstance(entries, (str, Path)):
        beside = Path(sys._getframe(1).f_code.co_filename).parent
        places = [(folder / entries).resolve() for folder in (beside, Path())]
        path = next(filter(Path.is_file, places), None)
        if path is None:
            sought = " nor ".join(map(str, dict.fromkeys(places)))
            raise UserError(f"{where}, labeling function {name!r}: there is no gazetteer file {sought}.")
        try:
            entries = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise UserError(f"{where}, labeling function {name!r}: {path} is not UTF-8: {error.reason}.") from error
    return _word_list(name, entries, label, case, where)


def column(name: str, column_name: str, values: Iterable[Any] | Callable[[Any], bool], label: Vote) -> LabelingFunction:
    """Vote ``label`` where another column has one of some values, or where a predicate of it is true.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> lf = column("urgent", "priority", {"high"}, 1)
    >>> lf(SimpleNamespace(text="", priority="high")), lf(SimpleNamespace(text="", priority="low"))
    (1, None)
    """
    where = _caller()
    _refuse_string(name, values, "values", where)
    if not callable(values) and not isinstance(values, Iterable):
        raise UserError(
            f"{where}, labeling function {name!r}: expected a list of values, found {values!r}; write [{values!r}]."
        )
    wanted = values if callable(values) else frozenset(values).__contains__
    return ColumnLF(name, column_name, wanted, label, where)
