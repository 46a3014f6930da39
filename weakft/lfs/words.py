r"""Large word lists: whether one of many entries stands in a text as a whole word, in time that hardly grows with the list.

The definition is the regular expression ``(?<!W)(?:entry|entry|...)(?!W)``, row by row, with W a letter, a digit, ``_`` or a
mark on one (an accent of its own, a vowel sign of Hindi), which ``\w`` does not count. An entry can stand only where its
first two runs of word characters are whole, neighbouring runs of the text, so a dictionary from such pairs to the entries
names the few that may, and their own regular expressions decide. An Aho-Corasick automaton (ahocorasick_rs) needs the
same second look at case and word ends and was three to five times as fast: no dependency's worth, where the plain
expression takes milliseconds a text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby, pairwise

from weakft.lfs.folding import fold, mixed

RUN = re.compile(r"\w+")


def words_pattern(words: Iterable[str], case: bool, marks: bool = True) -> re.Pattern[str]:
    r"""The definition: one of the words, as a whole word (``\b`` would fail beside words that end in punctuation).

    marks : whether texts may have any; a pattern for those that have none finds the same there, and is made far faster.
    """
    either = f"(?{'' if case else 'i'}:{'|'.join(map(re.escape, words))})"
    if not marks:
        return re.compile(rf"(?<!\w){either}(?!\w)")
    after_mark = rf"(?<!(?=[\u0300-\U0010FFFF]){_mark()})"  # a range is looked up faster than the class
    return re.compile(rf"(?<!\w){after_mark}{either}(?!{_mark()})(?!\w)")


@cache
def _any_mark() -> re.Pattern[str]:
    """Finds a mark."""
    return re.compile(_mark())


@cache
def _mark() -> str:
    """The character class of all marks (Unicode's category M)."""
    codes = (
        c for c in (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)) if unicodedata.category(chr(c)).startswith("M")
    )
    spans = [list(span) for _, span in groupby(enumerate(codes), lambda pair: pair[1] - pair[0])]
    return "[" + "".join(f"{chr(span[0][1])}-{chr(span[-1][1])}" for span in spans) + "]"


class WordIndex:
    """Finds words of a list in texts.

    Parameters
    ----------
    words : any number of words or phrases, without white space at either end.
    case : whether upper and lower case differ; if not, by the rules of Python's ``re.IGNORECASE``.

    Examples
    --------
    >>> index = WordIndex(["New York", "Bern"], case=False)
    >>> index.found("in new york"), index.found("Bernese")
    (True, False)
    """

    def __init__(self, words: list[str], case: bool) -> None:
        self.words, self.case = words, case
        self._by_runs: dict[str, list[tuple[str, str]]] = {}  # its first runs -> folded word, word
        self._patterns: dict[tuple[str, bool], re.Pattern[str]] = {}
        odd: list[str] = []
        for word in words:
            folded = word if case else fold(word)
            runs = RUN.findall(folded)
            if not runs or not (case or word.isascii() or mixed().isdisjoint(word)):
                odd.append(word)
            else:
                self._by_runs.setdefault(" ".join(runs[:2]), []).append((folded, word))
        self._odd = words_pattern(odd, case) if odd else None

    def found(self, text: str) -> bool:
        """Whether one of the words stands in the text."""
        return any(pattern.search(text) is not None for pattern in self._possible(text))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where words of the list stand in the text: first character, and the one behind the last; as the definition finds
        them, from left to right, of those that begin at one place the longest.
        """
        patterns, spans, at = list(self._possible(text)), [], 0
        while found := [match.span() for pattern in patterns if (match := pattern.search(text, at))]:
            spans.append(min(found, key=lambda span: (span[0], -span[1])))
            at = spans[-1][1]
        return spans

    def _possible(self, text: str) -> Iterator[re.Pattern[str]]:
        """The patterns of the words that may stand in the text."""
        folded = text if self.case else fold(text)
        runs, marks = RUN.findall(folded), not text.isascii() and _any_mark().search(text) is not None
        for key in self._by_runs.keys() & {*runs, *map(" ".join, pairwise(runs))}:
            for part, word in self._by_runs[key]:
                if part in folded:
                    yield self._pattern(word, marks)
        if self._odd is not None:
            yield self._odd

    def _pattern(self, word: str, marks: bool) -> re.Pattern[str]:
        if (word, marks) not in self._patterns:
            self._patterns[word, marks] = words_pattern([word], self.case, marks)
        return self._patterns[word, marks]
