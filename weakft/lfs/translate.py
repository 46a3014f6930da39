r"""Python's regular expressions in RE2's language, so that a compiled engine can look at a whole column of texts.

The two languages differ (Unicode case folding, ``\w``, ``$``, lookarounds, back-references), so a translation promises only
that it finds *at least* what Python finds; `Translation.exact` says where it finds nothing more either. The pattern is
read by Python's own parser, and the members of a character class are asked of Python's own matcher: nothing here knows
what folds to what. Knows nothing about labeling functions or tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from weakft.lfs.folding import foldable

_parser: Any = import_module("re._parser")
_compiler: Any = import_module("re._compiler")

ASCII = "".join(map(chr, range(128)))
WORD = frozenset(c for c in ASCII if c.isalnum() or c == "_")
ONE_CHARACTER = ("LITERAL", "NOT_LITERAL", "IN", "ANY")
TYPE_FLAGS = re.ASCII | re.LOCALE | re.UNICODE
MOST_REPEATS = 1000
"""RE2 refuses more."""

NOTHING, BEYOND_ASCII = r"[^\x00-\x{10FFFF}]", r"\x{80}-\x{10FFFF}"


@dataclass(frozen=True)
class Translation:
    """An RE2 pattern that finds at least what the Python pattern finds, and with ``exact`` nothing more."""

    pattern: str
    exact: bool


@lru_cache(maxsize=1024)
def translate(pattern: re.Pattern[str], ascii_only: bool) -> Translation | None:
    r"""The pattern in RE2's language for texts of ASCII characters, or (never exact) for all texts.

    None where that cannot be; RE2 itself may still refuse the result as too large.

    Examples
    --------
    >>> translate(re.compile(r"\bok\b", re.IGNORECASE), ascii_only=True)
    Translation(pattern='\\b[Oo][Kk]\\b', exact=True)
    >>> translate(re.compile(r"(.)\1"), ascii_only=True).exact
    False
    """
    flags = pattern.flags & ~re.DEBUG
    writer = _Writer(ascii_only)
    try:
        written = writer.sequence(_parser.parse(pattern.pattern, flags), flags, True, True)
    except (_Unknown, RecursionError):
        return None
    return Translation(written, writer.exact and ascii_only)


class _Unknown(Exception):
    """A construct that a later Python may bring."""


def _members(op: Any, argument: Any, flags: int, haystack: str) -> frozenset[str]:
    """Those of the haystack's characters that an item of one character matches, by Python's own matcher."""
    state = _parser.State()
    state.flags = flags
    item = (op, list(argument) if isinstance(argument, tuple) else argument)
    return frozenset(_compiler.compile(_parser.SubPattern(state, [item]), flags).findall(haystack))


@lru_cache(maxsize=8192)
def _characters(op: Any, argument: Any, flags: int, ascii_only: bool, others: bool = False) -> str:
    """The class of the characters that an item of one character matches, or of the ``others`` (that it may not match).

    Without ``ascii_only``, every character beyond ASCII is in the class where those that are cannot be listed.
    """
    parts = argument if isinstance(argument, tuple) else [(op, argument)]
    reach = [_reach(str(kind), value) for kind, value in parts]
    if others or ascii_only or None in reach:
        members = _members(op, argument, flags, ASCII)
        return _class(frozenset(ASCII) - members if others else members, not ascii_only)
    folded = foldable() if flags & re.IGNORECASE else ""
    named = "".join(chr(last) for last in reach if last is not None and last > 127)
    return _class(_members(op, argument, flags, ASCII + folded + named), False)


def _key(argument: Any) -> Any:
    return tuple(argument) if isinstance(argument, list) else argument


def _reach(kind: str, value: Any) -> int | None:
    """The last character that a part of a class names; None where it names more beyond ASCII than can be listed."""
    if kind == "LITERAL":
        return int(value)
    if kind == "RANGE" and value[1] < 128:
        return int(value[1])
    return None


def _class(characters: frozenset[str], beyond_ascii: bool) -> str:
    codes = sorted(ord(c) for c in characters if not 0xD800 <= ord(c) < 0xE000)  # UTF-8 has no surrogates
    spans: list[list[int]] = []
    for code in codes:
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    inside = "".join(_code(first) if first == last else f"{_code(first)}-{_code(last)}" for first, last in spans)
    inside += BEYOND_ASCII if beyond_ascii else ""
    return f"[{inside}]" if inside else NOTHING


def _code(code: int) -> str:
    return chr(code) if chr(code) in WORD else rf"\x{{{code:X}}}"


class _Writer:
    """Writes a parsed pattern in RE2's language.

    `head` and `tail` say that nothing of the pattern stands before or after an item, so that it may eat a neighbouring
    character to test it: RE2 has no lookarounds.
    """

    def __init__(self, ascii_only: bool) -> None:
        self.ascii_only, self.exact = ascii_only, True

    def sequence(self, items: Any, flags: int, head: bool, tail: bool) -> str:
        """The items one after the other."""
        end = len(items) - 1
        return "".join(self._item(items, i, flags, head and i == 0, tail and i == end) for i in range(end + 1))

    def _item(self, items: Any, i: int, flags: int, head: bool, tail: bool) -> str:
        op, argument = items[i]
        name = str(op)
        if name in ONE_CHARACTER:
            return _characters(op, _key(argument), flags, self.ascii_only)
        if name in ("ASSERT", "ASSERT_NOT"):
            return self._look(name, argument, flags, head, tail)
        if name == "AT":
            return self._at(str(argument), items, i, flags, head, tail)
        if name == "BRANCH":
            return self._either(argument[1], flags, head, tail)
        if name == "SUBPATTERN":
            _, add, drop, inner = argument
            kept = flags & ~TYPE_FLAGS if add & TYPE_FLAGS else flags
            return f"(?:{self.sequence(inner, (kept | add) & ~drop, head, tail)})"
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(name, argument, flags)
        if name == "FAILURE":
            return NOTHING
        self.exact = False  # the rest can only be bounded
        if name == "ATOMIC_GROUP":
            return f"(?:{self.sequence(argument, flags, head, tail)})"
        if name == "GROUPREF_EXISTS":
            return self._either([argument[1], argument[2] or []], flags, head, tail)
        if name == "GROUPREF":
            return r"[\x00-\x{10FFFF}]*"
        raise _Unknown(name)

    def _either(self, alternatives: Any, flags: int, head: bool, tail: bool) -> str:
        return "(?:" + "|".join(self.sequence(items, flags, head, tail) for items in alternatives) + ")"

    def _repeat(self, name: str, argument: Any, flags: int) -> str:
        least, most, inner = argument
        # a body that may be empty: the two engines stop such loops by rules of their own
        if name == "POSSESSIVE_REPEAT" or inner.getwidth()[0] == 0:
            self.exact = False
        unbounded = most == _parser.MAXREPEAT
        if least > MOST_REPEATS or (most > MOST_REPEATS and not unbounded):
            self.exact, least, unbounded = False, min(least, MOST_REPEATS), True
        times = f"{{{least},{'' if unbounded else most}}}"
        return f"(?:{self.sequence(inner, flags, False, False)}){times}"

    def _look(self, name: str, argument: Any, flags: int, head: bool, tail: bool) -> str:
        """A lookaround of one character at the pattern's edge eats it; any other is left out, which finds more."""
        direction, inner = argument
        if self.ascii_only and name == "ASSERT_NOT":
            needed = (_characters(op, _key(one), flags, True) for op, one in inner if str(op) in ("LITERAL", "IN"))
            if NOTHING in needed:
                return ""  # what must not be there cannot be there
        at_edge = head if direction < 0 else tail
        if not at_edge or len(inner) != 1 or str(inner[0][0]) not in ONE_CHARACTER:
            self.exact = False
            return ""
        op, wanted = inner[0]
        if name == "ASSERT":
            return _characters(op, _key(wanted), flags, self.ascii_only)
        edge = r"\A" if direction < 0 else r"\z"
        return f"(?:{edge}|{_characters(op, _key(wanted), flags, self.ascii_only, others=True)})"

    def _at(self, where: str, items: Any, i: int, flags: int, head: bool, tail: bool) -> str:
        lines = bool(flags & re.MULTILINE)
        if where == "AT_BOUNDARY":
            return r"\b" if self.ascii_only else self._wide_boundary(items, i, flags, head, tail)
        if where in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return "(?m:^)" if lines and where == "AT_BEGINNING" else r"\A"
        if where == "AT_END_STRING":
            return r"\z"
        if where == "AT_END" and lines:
            return "(?m:$)"
        if where == "AT_END" and tail:
            return r"(?:\x{A}?\z)"
        self.exact = False
        return r"\B" if where == "AT_NON_BOUNDARY" and self.ascii_only else ""

    def _wide_boundary(self, items: Any, i: int, flags: int, head: bool, tail: bool) -> str:
        r"""RE2's ``\b`` knows ASCII only: beside a word character the boundary is that the other side is none."""
        other = _class(frozenset(ASCII) - WORD, True)
        if head and i + 1 < len(items) and _is_word(items[i + 1], 0):
            return rf"(?:\A|{other})"
        if tail and i > 0 and _is_word(items[i - 1], -1):
            return rf"(?:\z|{other})"
        return ""


def _is_word(item: Any, edge: int) -> bool:
    """Whether the first (``edge`` 0) or last (-1) character that an item matches is surely a word character."""
    op, argument = item
    name = str(op)
    if name == "LITERAL":
        return chr(argument) in WORD
    if name == "IN":
        sure = {"CATEGORY_WORD", "CATEGORY_DIGIT"}
        return all(
            _is_word((kind, value), edge) if str(kind) == "LITERAL" else str(kind) == "CATEGORY" and str(value) in sure
            for kind, value in argument
        )
    if name == "BRANCH":
        return all(len(items) > 0 and _is_word(items[edge], edge) for items in argument[1])
    if name == "SUBPATTERN":
        return len(argument[3]) > 0 and _is_word(argument[3][edge], edge)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return argument[0] > 0 and len(argument[2]) > 0 and _is_word(argument[2][edge], edge)
    return False
