"""Python functions of an example that read its text and plain values, and whose own code can change nothing.

What such a function returns depends on the text and on those values alone, so whether it is called is seen by nobody.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

from weakft.lfs.fingerprint import Unknown, globals_read
from weakft.lfs.source import Tree, tree_of

PLAIN = (str, int, bool, float, type(None), re.Pattern, re.RegexFlag)
FUNCTIONS: set[Any] = {re.search, re.match, re.fullmatch, re.findall, re.finditer, re.split, re.sub, re.compile}
FUNCTIONS |= {len, bool, any, all, int, float, str, min, max, sum, set, list}
ATTRIBUTES = {a for kind in (str, re.Pattern, re.Match) for a in dir(kind) if a[0] != "_"} | {*re.__all__} - {"purge"}
"""Of plain values these change none; lists, sets and dictionaries have other names for it (tested)."""
NODES = (
    *(ast.arguments, ast.arg, ast.Return, ast.If, ast.For, ast.Assign, ast.Expr, ast.Pass, ast.Constant, ast.Name),
    *(ast.Call, ast.keyword, ast.IfExp, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare),
    *(ast.Tuple, ast.List, ast.Set, ast.Slice, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.comprehension),
    *(ast.boolop, ast.unaryop, ast.operator, ast.cmpop, ast.expr_context),
)
UNUSUAL = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


@dataclass(frozen=True)
class Harmless:
    """A function's tree, its arguments (the example first), all its names, and those of them from outside.

    It is harmless if the values of the arguments behind the first and of the names from outside are `plain`.
    """

    tree: Tree
    arguments: tuple[str, ...]
    local: frozenset[str]
    outer: frozenset[str]


@lru_cache(maxsize=4096)
def harmless(code: CodeType) -> Harmless | None:
    """What a function of this code needs to be harmless; None: it may not be, or its source is not to be had."""
    tree = tree_of(code)
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if tree is None or code.co_flags & UNUSUAL or not code.co_argcount:
        return None
    try:
        outer = frozenset(globals_read(code)) | {*code.co_freevars}
    except Unknown:  # it binds some itself
        return None
    uses = 0
    for node in ast.walk(tree):
        match node:
            case ast.Name() if node.id == arguments[0]:
                uses += 1
            case ast.Attribute(ast.Name(name), "text", ast.Load()) if name == arguments[0]:
                uses -= 1
            case ast.Attribute(_, name, ast.Load()) if name in ATTRIBUTES:
                pass
            case ast.Subscript(_, _, ast.Load()):
                pass
            case _ if node is not tree and not isinstance(node, NODES):
                return None
    if uses:  # the example is handed on or replaced
        return None
    return Harmless(tree, arguments, frozenset({*code.co_varnames, *code.co_cellvars}), outer)


def plain(value: Any) -> Any:
    """The value, if it and all in it are of types whose behaviour is known.

    Raises
    ------
    Unknown : they are not.
    """
    kind = type(value)
    if kind in PLAIN or value is re:
        return value
    if kind in (tuple, list, set, frozenset, dict):
        for item in (*value, *value.values()) if kind is dict else value:
            plain(item)
        return value
    if kind in (FunctionType, BuiltinFunctionType, type) and value in FUNCTIONS:
        return value
    raise Unknown(kind.__qualname__)
