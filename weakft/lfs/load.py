"""Load a user's file of labeling functions: `LABELS = [...]` and module-level labeling functions (or lists of them)."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from weakft.errors import UserError
from weakft.lfs.core import is_labeling_function, place


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


def load_file(path: Path) -> RuleSet:
    """Run a Python file and collect its labeling functions.

    Raises
    ------
    UserError : no such file, an error while it runs (with its line), no labeling function, a name used twice.
    """
    if not path.is_file():
        raise UserError(f"--lfs {path}: there is no such file. Expected a Python file with labeling functions.")
    name = f"weakft_user_lfs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Afresh(name, str(path)))
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise UserError(f"--lfs {path}: expected a Python file (.py).")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that classes in the file can be pickled
    beside = str(path.parent.resolve())
    if beside not in sys.path:  # modules beside it, after all others of their names
        sys.path.append(beside)
    try:
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
    return from_objects(list(vars(module).values()), _labels(getattr(module, "LABELS", None), str(path)), str(path))


def from_objects(values: list[Any], label_names: list[str] | None, source: str) -> RuleSet:
    """Collect labeling functions from values and from lists and tuples among them; refuse a name used twice."""
    lfs: list[Any] = []
    for value in values:
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if is_labeling_function(item) and not any(item is known for known in lfs):
                lfs.append(item)
    if not lfs:
        raise UserError(
            f"{source}: found no labeling functions. Decorate functions with @labeling_function() or build them with "
            "weakft.lfs.keywords, regex, gazetteer or column."
        )
    by_name: dict[str, Any] = {}
    for lf in lfs:
        if lf.name in by_name:
            raise UserError(
                f"Two labeling functions are named {lf.name!r}: {place(by_name[lf.name])}; and {place(lf)}. Rename one."
            )
        by_name[lf.name] = lf
    return RuleSet(lfs, label_names, source)


def _labels(value: Any, source: str) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) < 2 or not all(isinstance(v, str) for v in value):
        raise UserError(f'{source}: LABELS is {value!r}; expected a list of two or more class names, ["ham", "spam"].')
    if len(set(value)) != len(value):
        raise UserError(f"{source}: LABELS names a class twice: {list(value)!r}.")
    return list(value)
