"""Which characters `re.IGNORECASE` may take for each other. More may be grouped here than it does; never fewer (tested)."""

from __future__ import annotations

from functools import cache


def fold(text: str) -> str:
    """The text with one character for all those that ``re.IGNORECASE`` takes for the same."""
    return text.lower() if text.isascii() else text.translate(_folds())


@cache
def _groups() -> list[set[str]]:
    """Characters that a match without regard to case may equate, and some more."""
    group: dict[str, set[str]] = {}
    for c in foldable() + "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        merged = {c}
        for form in (c.lower(), c.upper(), c.casefold(), c.lower()[0]):  # whole forms, too: two letters may share one
            merged |= group.get(form, {form})
        for member in merged:
            group[member] = merged
    return [members for key, members in group.items() if key == min(members)]


@cache
def foldable() -> str:
    """The characters beyond ASCII that a match without regard to case may equate with another one."""
    everything = map(chr, range(128, 0x110000))
    return "".join(c for c in everything if c.lower() != c or c.upper() != c or c.casefold() != c)


@cache
def mixed() -> frozenset[str]:
    """Characters that match one of another kind (a mark for a letter) without regard to case; `fold` leaves them."""
    groups = ({c for c in members if len(c) == 1} for members in _groups())
    return frozenset().union(*(g for g in groups if len({(c.isalnum() or c == "_") for c in g}) > 1))


@cache
def _folds() -> dict[int, str]:
    table: dict[int, str] = {}
    for members in _groups():
        characters = sorted(c for c in members if len(c) == 1)
        if mixed().isdisjoint(characters):
            kept = next((c for c in characters if c.isascii() and c.islower()), characters[0])
            table |= {ord(c): kept for c in characters}
    return table
