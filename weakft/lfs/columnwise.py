"""Pattern labeling functions on a block of texts at a time: RE2 (in pyarrow) looks at the column, Python's `re` decides.

The definition stays ``pattern.search(text)``, row by row. RE2 names the rows where a pattern may be found; where its
translation is not exact (see `translate`), Python's own matcher confirms them. Knows nothing about votes' meaning.
"""

from __future__ import annotations

import re
from operator import methodcaller
from types import MethodType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weakft.lfs.kinds import PatternLF, WordsLF
from weakft.lfs.recognise import Guard, View
from weakft.lfs.translate import translate


def is_pattern(lf: Any) -> bool:
    """Whether a labeling function is one of `kinds`' that `TextBlock.found_by` can apply; a subclass may differ."""
    own = type(lf) in (PatternLF, WordsLF) and lf.f == MethodType(type(lf).vote, lf)  # else its function was replaced
    return own and not lf.pre and not lf.resources


class TextBlock:
    """Some texts as columns: those of ASCII only, the others, and those that are no Unicode text at all.

    texts : n strings; they are encoded once, whatever the number of patterns.
    """

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        try:
            column, rows = pa.array(texts, pa.large_string()), np.arange(len(texts))
            self.lone_surrogates = rows[:0]
        except UnicodeEncodeError:
            sound = np.array([_is_unicode(text) for text in texts])
            rows, self.lone_surrogates = np.flatnonzero(sound), np.flatnonzero(~sound)
            column = pa.array([texts[row] for row in rows], pa.large_string())
        narrow = pc.string_is_ascii(column)
        chosen = _as_numpy(narrow)
        self.ascii = column if chosen.all() else column.filter(narrow)
        self.ascii_rows = rows[chosen]
        self.wide, self.wide_rows = column.filter(pc.invert(narrow)), rows[~chosen]

    def found_by(self, lf: PatternLF | WordsLF) -> np.ndarray | None:
        """Whether the labeling function votes its label on each text, bool [n]. None: `re` itself fails on some, as Python's
        does with a few patterns; row by row it is learnt where.
        """
        try:
            if isinstance(lf, WordsLF):
                return np.fromiter(map(lf.index.found, self.texts), dtype=bool, count=len(self.texts))
            return self.found(lf.pattern)
        except (SystemError, RuntimeError, MemoryError):
            return None

    def found(self, pattern: re.Pattern[str]) -> np.ndarray:
        """Whether the pattern is found in each text, bool [n]: exactly ``pattern.search(text) is not None``."""
        found, unsure = self.candidates(pattern)
        search, texts = pattern.search, self.texts
        for row in unsure.tolist():
            found[row] = search(texts[row]) is not None
        return found

    def candidates(self, pattern: re.Pattern[str]) -> tuple[np.ndarray, np.ndarray]:
        """Where alone the pattern may be found, bool [n], and those of these rows where only Python's `re` can tell."""
        possible = np.zeros(len(self.texts), dtype=bool)
        possible[self.lone_surrogates] = True
        unsure = [self.lone_surrogates]
        for column, rows, ascii_only in ((self.ascii, self.ascii_rows, True), (self.wide, self.wide_rows, False)):
            if not len(rows):
                continue
            translation = translate(pattern, ascii_only)
            found = None if translation is None else _search(column, translation.pattern)
            named = rows if found is None else rows[found]
            possible[named] = True
            if found is None or translation is None or not translation.exact:
                unsure.append(named)
        return possible, np.concatenate(unsure)


class Views:
    """Some texts and what string methods make of them (each called once a text), with all that was searched for in them."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.plain = texts, set(map(type, texts)) <= {str}
        self._blocks: dict[View, TextBlock] = {}
        self._candidates: dict[tuple[View, re.Pattern[str]], np.ndarray] = {}

    def candidates(self, guard: Guard) -> np.ndarray:
        """The texts on which the guarded function must be called, bool [n]."""
        found = np.full(len(self.texts), not self.plain)
        for view, pattern in guard.searches if self.plain else ():
            if (view, pattern) not in self._candidates:
                self._candidates[view, pattern] = self.block(view).candidates(pattern)[0]
            found |= self._candidates[view, pattern]
        return found

    def block(self, view: View) -> TextBlock:
        """The texts after the string methods of a view."""
        if view not in self._blocks:
            texts = list(map(methodcaller(view[-1]), self.block(view[:-1]).texts)) if view else self.texts
            self._blocks[view] = TextBlock(texts)
        return self._blocks[view]


def _search(column: pa.Array, pattern: str) -> np.ndarray | None:
    """Where RE2 finds the pattern, bool [n], or None where it refuses it (too large)."""
    try:
        return _as_numpy(pc.match_substring_regex(column, pattern))
    except pa.ArrowInvalid:
        return None


def _as_numpy(mask: pa.BooleanArray) -> np.ndarray:
    return mask.to_numpy(zero_copy_only=False).astype(bool, copy=False)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
