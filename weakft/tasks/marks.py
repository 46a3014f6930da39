"""Entities marked in a text, as in ``[GENE]p53[\\GENE]``, ``[GENE]p53[/GENE]`` or ``<e1>p53</e1>``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weakft.tasks.base import BadText, Task

MARK = re.compile(
    r"\[(?P<square>\w+)\](?P<in_square>.*?)\[[\\/](?P=square)\]|<(?P<angle>\w+)>(?P<in_angle>.*?)</(?P=angle)>", re.S
)

LOOKED_AT = 1_000
"""Texts that say whether, and how, entities are marked."""

Span = tuple[int, int]


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


def with_tokens(text: str, task: Task, row: int, expected: int) -> str:
    """The text with its marks as the task's tokens, which open and close an entity.

    Raises
    ------
    BadText : other than ``expected`` entities, a name not met in training, an empty or nested entity.
    """
    marked = parse(text)
    known = " or ".join(f"{o}...{c}" for o, c in zip(task.opens, task.closes, strict=True))
    if len(marked.entities) != expected:
        number = {1: "one marked entity", 2: "two marked entities"}[expected]
        raise BadText(row, f"expected {number}, {known}, found {len(marked.entities)}; entities cannot be nested.")
    out, end = "", 0
    for name, (first, behind) in marked.entities:
        inside = marked.plain[first:behind]
        if name not in task.names:
            raise BadText(row, f"an entity is marked {name!r}; in training there were {', '.join(task.names)}.")
        if not inside.strip() or any(token in inside for token in (*task.opens, *task.closes)):
            raise BadText(row, f"expected an entity between the marks {known}, found {inside!r}.")
        out += f"{marked.plain[end:first]} [{name}] {inside} [/{name}] "
        end = behind
    return out + marked.plain[end:]
