"""Relations between two marked entities: where the marks of a text are, and the text without them."""

from __future__ import annotations

import re

MARK = re.compile(
    r"\[(?P<square>\w+)\](?P<in_square>.*?)\[[\\/](?P=square)\]|<(?P<angle>\w+)>(?P<in_angle>.*?)</(?P=angle)>", re.S
)
"""An entity between marks: ``[GENE]p53[\\GENE]``, ``[GENE]p53[/GENE]`` or ``<e1>p53</e1>``."""

Span = tuple[int, int]


def two_entities(text: str) -> tuple[str, tuple[Span, Span, Span]] | None:
    """The text without its marks, and the character ranges of both entities, in the order of their marks' names, and of
    what stands between them. None where not exactly two entities are marked.
    """
    plain, end = "", 0
    found: list[tuple[str, Span]] = []
    for match in MARK.finditer(text):
        plain += text[end : match.start()]
        if found and len(plain) == found[-1][1][1]:
            plain += " "  # entities that touch must not become one word
        start = len(plain)
        plain += match["in_square"] or match["in_angle"] or ""
        found.append((match["square"] or match["angle"], (start, len(plain))))
        end = match.end()
    if len(found) != 2:
        return None
    between = (found[0][1][1], found[1][1][0])
    first, second = sorted(found)
    return plain + text[end:], (first[1], second[1], between)
