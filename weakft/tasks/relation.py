"""Relations: a class for two entities that are marked in a text."""

from __future__ import annotations

from typing import Self

from weakft.data.dataset import Dataset
from weakft.tasks.base import Shown, Task
from weakft.tasks.marks import Span, marked_names, parse, with_tokens


class Relation(Task):
    """A text with two marked entities; the class is read at both."""

    name = "relation"
    expected = "two marked entities in every text, such as [GENE]p53[/GENE] or <e1>p53</e1>"

    @classmethod
    def of(cls, data: Dataset) -> Self | None:
        """See `Task`."""
        names = marked_names(data.texts, 2)
        return None if names is None else cls(names)

    def shown(self, texts: list[str]) -> list[Shown]:
        """Every mark in one notation, a token to the tokenizer."""
        return [with_tokens(text, self, row, 2) for row, text in enumerate(texts)]


def two_entities(text: str) -> tuple[str, tuple[Span, Span, Span]] | None:
    """The text without its marks, and the character ranges of both entities, in the order of their marks' names, and of
    what stands between them. None where not exactly two entities are marked.
    """
    marked = parse(text)
    if len(marked.entities) != 2:
        return None
    between = (marked.entities[0][1][1], marked.entities[1][1][0])
    first, second = sorted(marked.entities)
    return marked.plain, (first[1], second[1], between)
