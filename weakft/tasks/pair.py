"""Two sentences that share a class: same sense or not, entailed or not, a paraphrase or not.

A word may be marked in each, as in ``[WORD]run[/WORD]``: the class is read there then, else off the whole.
"""

from __future__ import annotations

from typing import Any

from weakft.data.pairs import SEPARATOR
from weakft.tasks.base import BadText, Shown
from weakft.tasks.relation import LOOKED_AT, parse, tokens_of, with_tokens


class Pair:
    """Two sentences, shown to the tokenizer as such.

    names : the marks' names, where a word is marked in each sentence; else the class is read off the whole.
    """

    name = "pair"

    def __init__(self, names: list[str]) -> None:
        self.names = sorted(set(names))
        self.anchors, closes = tokens_of(self.names)
        self.special_tokens = [*self.anchors, *closes]
        self.head = "AutoModelForTokenClassification" if names else "AutoModelForSequenceClassification"

    @classmethod
    def of(cls, texts: list[str]) -> Pair | None:
        """The pairs that most of the first texts are; None where most are not."""
        some = [text for text in texts[:LOOKED_AT] if SEPARATOR in text]
        if 2 * len(some) <= len(texts[:LOOKED_AT]):
            return None
        sides = [[parse(side).entities for side in text.split(SEPARATOR)] for text in some]
        marked = sum(all(len(entities) == 1 for entities in pair) for pair in sides)
        names = [name for pair in sides for entities in pair for name, _ in entities]
        return cls(names if 2 * marked > len(some) else [])

    def shown(self, texts: list[str]) -> list[Shown]:
        """The sentences. Raises `BadText` where there are not two, one is empty, or its word is not marked as in training."""
        return [self._shown(row, text) for row, text in enumerate(texts)]

    def _shown(self, row: int, text: str) -> Shown:
        sides = text.split(SEPARATOR)
        if len(sides) != 2 or not all(side.strip() for side in sides):
            raise BadText(row, f"expected two sentences with {SEPARATOR!r} between them, found {text[:80]!r}.")
        if not self.names:
            return sides[0], sides[1]
        return with_tokens(sides[0], self.names, row, 1), with_tokens(sides[1], self.names, row, 1)

    def settings(self) -> dict[str, Any]:
        """See `Task`."""
        return {"task": self.name, "names": self.names}
