"""The syntax tree of a function, read from its source and compiled again to be sure that it is this function's."""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
import linecache
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType

from weakft.lfs.fingerprint import Hasher

Tree = ast.FunctionDef | ast.Lambda

FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


@lru_cache(maxsize=4096)
def tree_of(code: CodeType) -> Tree | None:
    """The tree whose compilation gives this code; decorators and annotations are left out. None: there is no such source.

    A source that is stale, edited or another function's gives another code, and so is never believed.
    """
    linecache.checkcache(code.co_filename)
    imports, functions = _read("".join(linecache.getlines(code.co_filename)))
    wanted = _digest(code)
    for function in functions.get(code.co_firstlineno, []):
        tree = _bare(function)
        if any(_digest(c) == wanted for c in _compiled(imports, tree, code) if c.co_name == code.co_name):
            return tree
    return None


@lru_cache(maxsize=8)
def _read(source: str) -> tuple[list[ast.stmt], dict[int, list[Tree]]]:
    """The imports of a source, and its functions by their first line, that of a decorator if there is one."""
    found: defaultdict[int, list[Tree]] = defaultdict(list)
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return [], found
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            found[min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])].append(node)
        elif isinstance(node, ast.Lambda):
            found[node.lineno].append(node)
    return [statement for statement in module.body if isinstance(statement, (ast.Import, ast.ImportFrom))], found


def _bare(function: Tree) -> Tree:
    tree = copy.copy(function)
    tree.args = copy.deepcopy(function.args)
    for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list, tree.returns = [], None
    return tree


def _compiled(imports: list[ast.stmt], tree: Tree, code: CodeType) -> Iterator[CodeType]:
    """The code objects that compiling the tree gives, in a function with the same closure if it stood in one.

    Calls of what a module imports are compiled in a way of their own, so the imports come along.
    """
    statement: ast.stmt = ast.copy_location(ast.Expr(tree), tree) if isinstance(tree, ast.Lambda) else tree
    module = ast.parse(f"def _({', '.join(code.co_freevars)}): pass")
    if code.co_flags & inspect.CO_NESTED:
        module.body[0].body = [statement]  # type: ignore[attr-defined]
        statement = module.body[0]
    module.body = [*imports, statement]
    whole = compile(module, code.co_filename, "exec", flags=code.co_flags & FUTURE, dont_inherit=True)
    inside = [whole]
    for outer in inside:
        inside += (c for c in outer.co_consts if isinstance(c, CodeType))
    yield from inside[1:]


def _digest(code: CodeType) -> str:
    hasher = Hasher()
    hasher.add(code)
    return hasher.digest()
