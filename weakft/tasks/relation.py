"""Relations between two marked entities: each mark becomes a token of its own, and the class is read at the entities."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from weakft.tasks.base import BadText, Shown

MARK = re.compile(
    r"\[(?P<square>\w+)\](?P<in_square>.*?)\[[\\/](?P=square)\]|<(?P<angle>\w+)>(?P<in_angle>.*?)</(?P=angle)>", re.S
)
"""An entity between marks: ``[GENE]p53[\\GENE]``, ``[GENE]p53[/GENE]`` or ``<e1>p53</e1>``."""

Span = tuple[int, int]

LOOKED_AT = 1_000
"""Texts that say whether entities are marked."""


@dataclass
class Marked:
    """A text without its marks, and its entities as (the mark's name, characters) in the order of the text."""

    plain: str
    entities: list[tuple[str, Span]]


def parse(text: str) -> Marked:
    """Take the marks off a text."""
    plain, end = "", 0
    entities: list[tuple[str, Span]] = []
    for match in MARK.finditer(text):
        plain += text[end : match.start()]
        if entities and len(plain) == entities[-1][1][1]:
            plain += " "  # entities that touch must not become one word
        start = len(plain)
        plain += match["in_square"] or match["in_angle"] or ""
        entities.append((match["square"] or match["angle"], (start, len(plain))))
        end = match.end()
    return Marked(plain + text[end:], entities)


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


def tokens_of(names: list[str]) -> tuple[list[str], list[str]]:
    """The tokens that open an entity marked with each of these names, and those that close one."""
    return [f"[{name}]" for name in names], [f"[/{name}]" for name in names]


def with_tokens(text: str, names: list[str], row: int, expected: int) -> str:
    """The text with its marks as the tokens of `tokens_of`.

    Raises
    ------
    BadText : other than ``expected`` entities, a name that is not among ``names``, an empty or nested entity.
    """
    marked, (opens, closes) = parse(text), tokens_of(names)
    known = " or ".join(f"{o}...{c}" for o, c in zip(opens, closes, strict=True))
    if len(marked.entities) != expected:
        number = {1: "one marked entity", 2: "two marked entities"}[expected]
        raise BadText(row, f"expected {number}, {known}, found {len(marked.entities)}; entities cannot be nested.")
    out, end = "", 0
    for name, (first, behind) in marked.entities:
        inside = marked.plain[first:behind]
        if name not in names:
            raise BadText(row, f"an entity is marked {name!r}; in training there were {', '.join(names)}.")
        if not inside.strip() or any(token in inside for token in (*opens, *closes)):
            raise BadText(row, f"expected an entity between the marks {known}, found {inside!r}.")
        out += f"{marked.plain[end:first]} [{name}] {inside} [/{name}] "
        end = behind
    return out + marked.plain[end:]


class Relation:
    """A text with two marked entities, after Baldini Soares et al. (2019), "entity start": tokens of their own open and
    close each entity, and the class is read at those that open one (the mean of both: a head of transformers' own reads
    tokens alike, and which is which the encoder says).

    names : the marks' names.
    """

    name = "relation"
    head = "AutoModelForTokenClassification"

    def __init__(self, names: list[str]) -> None:
        self.names = sorted(set(names))
        self.anchors, closes = tokens_of(self.names)
        self.special_tokens = [*self.anchors, *closes]

    @classmethod
    def of(cls, texts: list[str]) -> Relation | None:
        """The relation that most of the first texts are, with the names of all marks; None where most are not."""
        some = texts[:LOOKED_AT]
        if 2 * sum(len(parse(text).entities) == 2 for text in some) <= len(some):
            return None
        found = (parse(text).entities for text in texts)
        return cls([name for entities in found if len(entities) == 2 for name, _ in entities])

    def shown(self, texts: list[str]) -> list[Shown]:
        """Every mark in one notation, a token to the tokenizer. Raises `BadText` where not two entities are marked, or
        with names not met in training.
        """
        return [with_tokens(text, self.names, row, 2) for row, text in enumerate(texts)]

    def settings(self) -> dict[str, Any]:
        """See `Task`."""
        return {"task": self.name, "names": self.names}
