"""Python functions whose vote is known wherever no search of theirs finds anything, so that they need not run there.

Many labeling functions are a search or two (``SPAM if "check out" in x.text.lower() else ABSTAIN``). `recognise` runs such
a function's syntax tree (alike in all versions of Python, as bytecode is not; see `source` for when it is believed) for a
text of which nothing is known but that it holds nothing of what is searched for, and so learns the searches and the vote:
a `Guard`. Where a search may find something the function itself decides, so it need not be understood any further than
that it is `harmless`.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from types import FunctionType
from typing import Any

from weakft.lfs.fingerprint import Unknown
from weakft.lfs.harmless import Harmless, harmless, plain
from weakft.lfs.kinds import MOST_LETTERS
from weakft.lfs.rowwise import parts

View = tuple[str, ...]
"""String methods called on the text, one after the other, before it is searched."""

VIEWS = ("lower", "upper", "casefold", "strip")
SEARCHES = {"search": None, "match": None, "fullmatch": None, "findall": ()}
"""Functions of `re`, and what they return where ``search`` finds nothing; ``()`` stands for a new list."""
STRING_SEARCHES = {"startswith": False, "endswith": False, "count": 0, "find": -1}
RE_SEARCHES = {getattr(re, name): name for name in SEARCHES}
CONTAINERS: dict[type, Any] = {ast.Tuple: tuple, ast.List: list, ast.Set: set}
OPERATORS: dict[type, Any] = {
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt},
    **{ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.BitOr: operator.or_},
    **{ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b, ast.Not: operator.not_, ast.USub: operator.neg},
}


@dataclass(frozen=True)
class Guard:
    """A function votes ``vote`` on every text in whose views none of the patterns is found."""

    vote: Any
    searches: tuple[tuple[View, re.Pattern[str]], ...]


def recognise(lf: Any) -> Guard | None:
    """The guard of a labeling function (weakft's or Snorkel's) by what its names are bound to now; None: it must run."""
    whole, preprocessors = parts(lf)
    f, resources = (whole.func, whole.keywords) if type(whole) is partial and not whole.args else (whole, {})
    if (
        type(f) is not FunctionType
        or preprocessors
        or f.__defaults__
        or f.__kwdefaults__
        or type(f.__globals__) is not dict
    ):
        return None
    known = harmless(f.__code__)
    if known is None or {*known.arguments[1:]} != resources.keys():
        return None
    try:
        return _Reader(known, _outside(f, known.outer), resources).guard()
    except Exception:  # what running it raises here it raises on the rows, too, and is reported there
        return None


def _outside(f: Any, wanted: frozenset[str]) -> dict[str, Any]:
    """The values of names from outside a function."""
    cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
    values = {name: cell.cell_contents for name, cell in cells.items()}
    for name in wanted - cells.keys():
        values[name] = f.__globals__[name] if name in f.__globals__ else f.__builtins__[name]
    return {name: plain(value) for name, value in values.items()}


class _Text:
    """Stands for a text of which nothing is known."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __bool__(self) -> bool:
        raise Unknown("whether it is empty")

    def __eq__(self, _: object) -> bool:
        raise Unknown("what it equals")

    __hash__ = None  # type: ignore[assignment]


class _Return(Exception):
    """Carries what a function returns."""


class _Reader:
    """Runs a function's tree for a text in which no search finds anything, and notes the searches."""

    def __init__(self, function: Harmless, outside: dict[str, Any], resources: dict[str, Any]) -> None:
        self.function, self.outside = function, outside
        self.names = {name: plain(value) for name, value in resources.items()}
        self.words: dict[View, set[str]] = {}
        self.patterns: list[tuple[View, re.Pattern[str]]] = []

    def guard(self) -> Guard:
        """The searches that the function makes and its vote if none finds anything.

        Raises
        ------
        Exception : its vote depends on more than that, or it raises.
        """
        vote, tree = None, self.function.tree
        try:
            if isinstance(tree, ast.Lambda):
                vote = self._value(tree.body, self.names)
            else:
                self._run(tree.body, self.names)
        except _Return as returned:
            vote = returned.args[0]
        words = [(view, _one_of(frozenset(words))) for view, words in self.words.items()]
        return Guard(vote, tuple(dict.fromkeys([*self.patterns, *words])))

    def _run(self, body: list[ast.stmt], names: dict[str, Any]) -> None:
        for statement in body:
            match statement:
                case ast.Return(value):
                    raise _Return(None if value is None else self._value(value, names))
                case ast.If(test, then, otherwise):
                    self._run(then if self._value(test, names) else otherwise, names)
                case ast.For(ast.Name(name), over, inner, []):
                    for value in plain(self._value(over, names)):
                        names[name] = value
                        self._run(inner, names)
                case ast.Assign([ast.Name(name)], value):
                    names[name] = self._value(value, names)
                case ast.Expr(ast.Constant()) | ast.Pass():
                    pass
                case _:
                    raise Unknown(type(statement).__name__)

    def _value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        """What an expression gives where no search finds anything."""
        match node:
            case ast.Constant(value):
                return value
            case ast.Name(name):
                return names[name] if name in names or name in self.function.local else self.outside[name]
            case ast.Attribute(ast.Name(name), "text") if name == self.function.arguments[0]:
                return _Text(())
            case ast.Attribute(module, attribute) if self._value(module, names) is re:
                return plain(getattr(re, attribute))
            case ast.BoolOp(op, operands):
                for operand in operands:
                    value = self._value(operand, names)
                    if bool(value) is isinstance(op, ast.Or):
                        break
                return value
            case ast.IfExp(test, then, otherwise):
                return self._value(then if self._value(test, names) else otherwise, names)
            case ast.UnaryOp(op, operand):
                return OPERATORS[type(op)](self._value(operand, names))
            case ast.BinOp(left, op, right) | ast.Compare(left, [op], [right]):
                return self._operate(self._value(left, names), op, self._value(right, names))
            case ast.Tuple(items) | ast.List(items) | ast.Set(items):
                return CONTAINERS[type(node)](self._value(item, names) for item in items)
            case ast.GeneratorExp(item, [ast.comprehension(ast.Name(name), over, conditions, 0)]):
                return self._each(item, name, plain(self._value(over, names)), conditions, names)
            case ast.Call(function, arguments, keywords):
                given = [self._value(argument, names) for argument in arguments]
                named = {keyword.arg or "": self._value(keyword.value, names) for keyword in keywords}
                return self._call(function, given, named, names)
        raise Unknown(type(node).__name__)

    def _each(
        self, item: ast.expr, name: str, over: Any, conditions: list[ast.expr], names: dict[str, Any]
    ) -> Iterator[Any]:
        for value in over:
            inner = {**names, name: value}
            if all(self._value(condition, inner) for condition in conditions):
                yield self._value(item, inner)

    def _operate(self, left: Any, op: ast.AST, right: Any) -> Any:
        if type(right) is _Text and isinstance(op, (ast.In, ast.NotIn)):
            self._seek_words(right, left)
            return isinstance(op, ast.NotIn)
        if isinstance(op, (ast.Is, ast.IsNot)) and type(right) not in (bool, type(None)):
            raise Unknown("which equal constants are one")
        return OPERATORS[type(op)](left, right)

    def _call(self, function: ast.expr, given: list[Any], named: dict[str, Any], names: dict[str, Any]) -> Any:
        if isinstance(function, ast.Attribute) and (owner := self._value(function.value, names)) is not re:
            method = function.attr
            if named or len(given) != (method not in VIEWS):
                raise Unknown("a search of a part")
            if type(owner) is _Text and method in VIEWS:
                return _Text((*owner.view, method))
            if type(owner) is _Text and method in STRING_SEARCHES:
                several = method.endswith("with") and type(given[0]) is tuple
                self._seek_words(owner, *(given[0] if several else given))
                return STRING_SEARCHES[method]
            if type(owner) is re.Pattern and method in SEARCHES:
                return self._seek(method, owner, *given)
            raise Unknown(f"method {method}")
        called = self._value(function, names)
        if called in RE_SEARCHES:
            return self._seek(RE_SEARCHES[called], *given, **named)
        if called is re.compile:
            return _compiled(*given, **named)
        if called in (len, bool, any, all):
            return called(*given, **named)
        raise Unknown(f"function {called}")

    def _seek(self, method: str, pattern: Any, string: Any, flags: int = 0) -> Any:
        """Note a search by `re`. What matches at the start, or the whole, is found by a search, too."""
        compiled = _compiled(pattern, flags)
        if type(string) is not _Text or type(compiled.pattern) is not str:
            raise Unknown("a search that raises, or is of something else")
        self.patterns.append((string.view, compiled))
        return [] if SEARCHES[method] == () else None

    def _seek_words(self, text: _Text, *words: Any) -> None:
        if not all(type(word) is str for word in words):
            raise Unknown("a search for no string")
        self.words.setdefault(text.view, set()).update(words)


def _compiled(pattern: Any, flags: int = 0) -> re.Pattern[Any]:
    if flags & re.DEBUG:
        raise Unknown("printed for each row")
    return re.compile(pattern, flags)


@lru_cache(maxsize=256)
def _one_of(words: frozenset[str]) -> re.Pattern[str]:
    """A pattern found where one of the words is."""
    if sum(map(len, words)) > MOST_LETTERS:
        raise Unknown("more words than the compiled engine has memory for")
    return re.compile("|".join(map(re.escape, sorted(words))))
