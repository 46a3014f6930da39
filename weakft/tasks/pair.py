"""Pairs: a class for two sentences, such as the same sense or not, entailed or not, a paraphrase or not."""

from __future__ import annotations

from typing import Self

from weakft.data.dataset import Dataset
from weakft.data.pairs import SEPARATOR
from weakft.tasks.base import BadText, Shown, Task
from weakft.tasks.marks import LOOKED_AT, marked_names, with_tokens


def mostly_pairs(data: Dataset) -> bool:
    """Whether most of a split's first texts are pairs."""
    some = data.texts[:LOOKED_AT]
    return 2 * sum(SEPARATOR in text for text in some) > len(some)


class Pair(Task):
    """Two sentences, shown to the tokenizer as such. Where a word is marked in each, as in ``[WORD]run[/WORD]``, the class
    is read at these, else off the whole.
    """

    name = "pair"
    expected = "two sentences in every row, such as the columns premise and hypothesis"

    @classmethod
    def of(cls, data: Dataset) -> Self | None:
        """See `Task`."""
        if not mostly_pairs(data):
            return None
        return cls(marked_names([side for text in data.texts for side in text.split(SEPARATOR)], 1) or ())

    def shown(self, texts: list[str]) -> list[Shown]:
        """Both sentences."""
        return [self._shown(row, text) for row, text in enumerate(texts)]

    def _shown(self, row: int, text: str) -> Shown:
        sides = text.split(SEPARATOR)
        if len(sides) != 2 or not all(side.strip() for side in sides):
            raise BadText(
                row,
                f"expected two sentences (--text-column FIRST,SECOND, or one with {SEPARATOR!r} between them), found "
                f"{text[:80]!r}.",
            )
        first, second = (with_tokens(side, self, row, 1) if self.names else side for side in sides)
        return first, second
