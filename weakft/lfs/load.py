"""Load a user's file of labeling functions: `LABELS = [...]` and module-level labeling functions (or lists of them)."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from weakft.errors import UserError
from weakft.lfs.core import is_labeling_function, place
from weakft.lfs.installed import version_of_module


@dataclass
class RuleSet:
    """The labeling functions of a file in the order they stand there, and its class names (None if it has no LABELS)."""

    lfs: list[Any]
    label_names: list[str] | None
    source: str

    @property
    def file(self) -> Path | None:
        """The file they came from, if they came from one."""
        path = Path(self.source)
        return path if path.is_file() else None


class _Afresh(SourceFileLoader):
    """Compiles the file each time. Python's kept bytecode is told from the file by its size and the second of its last change
    alone, so that an edit of a figure could go unnoticed; and no folder of it appears beside the rules.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


@dataclass
class _Beside:
    """The folder of the latest rule file: where Python looks for modules on its account.

    added : whether it was not in `sys.path` before.   before : the modules that were loaded already.
    """

    folder: str = ""
    added: bool = False
    before: set[str] = field(default_factory=set)

    def brought(self) -> dict[str, str]:
        """The modules of the folder, with their files, that were imported since, be it while a function voted."""
        if not self.folder:
            return {}
        files = {name: getattr(sys.modules[name], "__file__", None) for name in sys.modules.keys() - self.before}
        beside = {name: file for name, file in files.items() if file and Path(file).is_relative_to(self.folder)}
        return {name: file for name, file in beside.items() if version_of_module(name) is None}  # no environment's


_beside = _Beside()


def _finder_beside(folder: str) -> FileFinder:
    """Finds modules beside the latest rule file, and in packages there, each compiled afresh.

    Raises
    ------
    ImportError : the folder is another.
    """
    if not _is_beside(folder):
        raise ImportError(f"{folder} does not lie beside the labeling functions")
    return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Afresh, SOURCE_SUFFIXES))


def _is_beside(folder: str) -> bool:
    """Whether a folder is that of the rules or of packages in it; an environment's have names that no package has."""
    path = Path(folder)
    inside = bool(_beside.folder) and path.is_relative_to(_beside.folder)
    return inside and all(map(str.isidentifier, path.relative_to(_beside.folder).parts))


sys.path_hooks.insert(0, _finder_beside)


def _look_beside(folder: str) -> None:
    """Modules beside a rule file can be imported, after all others of their names: those of this file, as they are now, not
    those of another folder, or as they were.
    """
    global _beside
    for name in _beside.brought():
        del sys.modules[name]
    if _beside.added:
        sys.path[:] = [entry for entry in sys.path if entry != _beside.folder]
    importlib.invalidate_caches()
    added = folder not in sys.path
    if added:
        sys.path.append(folder)
    _beside = _Beside(folder, added, set(sys.modules))
    for entry in filter(_is_beside, list(sys.path_importer_cache)):
        del sys.path_importer_cache[entry]


def code_beside(file: Path) -> Iterator[bytes]:
    """The code that a rule file may read: its own, that of the modules that it brought, and of those that lie beside it, in
    packages, too.
    """
    brought = map(Path, _beside.brought().values())
    for path in sorted({file.resolve(), *_modules(file.resolve().parent), *brought}):
        try:
            yield path.read_bytes()
        except OSError:  # gone since
            continue


def _modules(folder: Path) -> Iterator[Path]:
    """The Python files of a folder, and of folders in it that could be packages."""
    for inside, folders, names in os.walk(folder):
        files = [name for name in names if name.endswith(".py")]
        yield from (Path(inside, name) for name in files)
        folders[:] = filter(str.isidentifier, folders) if files else []


def load_file(path: Path) -> RuleSet:
    """Run a Python file and collect its labeling functions.

    Raises
    ------
    UserError : no such file, an error while it runs (with its line), no labeling function, one without its decorator in a
        list of others, a name used twice.
    """
    if path.is_dir():
        raise UserError(
            f"--lfs {path}: is a folder. Expected a Python file with labeling functions, such as one in it."
        )
    if not path.is_file():
        raise UserError(f"--lfs {path}: there is no such file. Expected a Python file with labeling functions.")
    name = f"weakft_user_lfs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Afresh(name, str(path)))
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise UserError(f"--lfs {path}: expected a Python file (.py).")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that classes in the file can be pickled
    try:
        _look_beside(str(path.parent.resolve()))
        spec.loader.exec_module(module)
    except UserError:
        raise
    except SyntaxError as error:
        raise UserError(
            f"{error.filename or path}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
        ) from error
    except (Exception, SystemExit) as error:  # a script that ends itself is no file of functions
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
        line = frames[-1].lineno if frames else "?"
        function = f", in {frames[-1].name}" if frames and frames[-1].name != "<module>" else ""
        raise UserError(f"{path}, line {line}{function}: {type(error).__name__}: {error}") from error
    for variable, value in vars(module).items():
        if type(value) is list and any(map(is_labeling_function, value)):
            called = {at: v for at, v in enumerate(value) if callable(v) and not isinstance(v, type)}
            refuse_others(called, f"{path}: {variable}")
    return from_objects(list(vars(module).values()), _labels(getattr(module, "LABELS", None), str(path)), str(path))


def from_objects(values: list[Any], label_names: list[str] | None, source: str) -> RuleSet:
    """Collect labeling functions from values and from lists, tuples, dicts and sets among them.

    Raises
    ------
    UserError : there are none, a name is used twice, or is no string.
    """
    lfs = list({id(lf): lf for lf in _found(values, ())}.values())
    if not lfs:
        raise UserError(
            f"{source}: found no labeling functions. Decorate functions with @labeling_function() or build them with "
            "weakft.lfs.keywords, regex, gazetteer or column."
        )
    by_name: dict[str, Any] = {}
    for lf in lfs:
        if not isinstance(lf.name, str):
            raise UserError(f"{place(lf)}: its name is {lf.name!r}; expected a string.")
        if lf.name in by_name:
            raise UserError(
                f"Two labeling functions are named {lf.name!r}: {place(by_name[lf.name])}; and {place(lf)}. Rename one."
            )
        by_name[lf.name] = lf
    return RuleSet(lfs, label_names, source)


def refuse_others(values: Any, where: str) -> None:
    """Refuse what is no labeling function in a list, tuple or dict of them, or in those among them.

    Raises
    ------
    UserError : names the first such entry.
    """
    for at, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, (list, tuple, dict, set, frozenset)):
            refuse_others(value, f"{where}[{at!r}]")
        elif not is_labeling_function(value):
            what = getattr(value, "__name__", repr(value))
            mend = "put @labeling_function() above it" if callable(value) else "expected labeling functions only"
            raise UserError(f"{where}[{at!r}]: {what} is no labeling function; {mend}.")


def _found(value: Any, within: tuple[int, ...]) -> Iterator[Any]:
    """The labeling functions in a value; those of a set, which has no order, by name."""
    if is_labeling_function(value):
        yield value
    elif isinstance(value, (list, tuple, dict, set, frozenset)) and id(value) not in within:
        items = value.values() if isinstance(value, dict) else value
        if isinstance(value, (set, frozenset)):
            items = sorted(filter(is_labeling_function, value), key=lambda lf: str(lf.name))
        for item in items:
            yield from _found(item, (*within, id(value)))


def _labels(value: Any, source: str) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) < 2 or not all(isinstance(v, str) for v in value):
        raise UserError(f'{source}: LABELS is {value!r}; expected a list of two or more class names, ["ham", "spam"].')
    if len(set(value)) != len(value):
        raise UserError(f"{source}: LABELS names a class twice: {list(value)!r}.")
    return list(value)
