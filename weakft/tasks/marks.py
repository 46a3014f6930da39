"""Entities marked in a text, as in ``[GENE]p53[\\GENE]``, ``[GENE]p53[/GENE]`` or ``<e1>p53</e1>``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from weakft.tasks.base import BadText, Task

TAG = re.compile(r"\[(?P<ends>[/\\]?)(?P<name>\w+)\]|<(?P<angle_ends>/?)(?P<angle_name>\w+)>")

HTML = frozenset(
    "a abbr b blockquote br center code div em font h1 h2 h3 h4 h5 h6 hr i img li ol p pre q s small span strong sub sup "
    "table tbody td th thead tr tt u ul".split()
)
"""Names that in angle brackets are HTML, not marks."""

LOOKED_AT = 1_000
"""Texts that say whether, and how, entities are marked."""

Span = tuple[int, int]


@dataclass
class Marked:
    """A text without its marks, and its entities as (the mark's name, characters) in the order of the text."""

    plain: str
    entities: list[tuple[str, Span]]


def parse(text: str) -> Marked:
    """Take the marks off a text. An entity inside another one is part of it; a mark without its other half is text."""
    plain, end = "", 0
    entities: list[tuple[str, Span]] = []
    for name, opened, closed in _outermost(text):
        plain += text[end : opened.start()]
        if entities and len(plain) == entities[-1][1][1]:
            plain += " "  # entities that touch must not become one word
        start = len(plain)
        plain += text[opened.end() : closed.start()]
        entities.append((name, (start, len(plain))))
        end = closed.end()
    return Marked(plain + text[end:], entities)


def _outermost(text: str) -> list[tuple[str, re.Match[str], re.Match[str]]]:
    """Every mark's name with its two halves, in order; in one pass, however many halves have no other."""
    waiting: dict[tuple[bool, str], list[re.Match[str]]] = {}
    found: list[tuple[str, re.Match[str], re.Match[str]]] = []
    for name, square, tag in _halves(text):
        if not (tag["ends"] or tag["angle_ends"]):
            waiting.setdefault((square, name), []).append(tag)
        elif waiting.get((square, name)):
            opened = waiting[square, name].pop()
            while found and found[-1][1].start() > opened.start():
                found.pop()  # inside this one
            found.append((name, opened, tag))
    return found


def _halves(text: str) -> Iterator[tuple[str, bool, re.Match[str]]]:
    """Every half of a mark in a text: its name, and whether it is in square brackets."""
    for tag in TAG.finditer(text):
        if tag["name"] is not None:
            yield tag["name"], True, tag
        elif tag["angle_name"].lower() not in HTML:
            yield tag["angle_name"], False, tag


def marked_names(texts: Sequence[str], count: int) -> list[str] | None:
    """The names of the marks of those texts that have ``count`` entities; None where most of the first texts have not."""
    some = [len(parse(text).entities) == count for text in texts[:LOOKED_AT]]
    if 2 * sum(some) <= len(some):
        return None
    found = (parse(text).entities for text in texts)
    return sorted({name for entities in found if len(entities) == count for name, _ in entities})


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
    outside: list[str] = []
    out, end = "", 0
    for name, (first, behind) in marked.entities:
        inside = marked.plain[first:behind]
        if name not in task.names:
            raise BadText(row, f"an entity is marked {name!r}; in training there were {', '.join(task.names)}.")
        if not inside.strip() or _holds_half(inside, task):
            raise BadText(row, f"expected an entity between the marks {known}, found {inside!r}.")
        outside.append(marked.plain[end:first])
        out += f"{outside[-1]} [{name}] {inside} [/{name}] "
        end = behind
    outside.append(marked.plain[end:])
    stray = next((piece for piece in outside if _holds_half(piece, task)), None)
    if stray is not None:
        raise BadText(row, f"a mark {known} without its other half, in {stray.strip()[:80]!r}.")
    return out + outside[-1]


def _holds_half(text: str, task: Task) -> bool:
    return any(name in task.names for name, _, _ in _halves(text))
