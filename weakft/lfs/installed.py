"""What code is of an installed package or of the standard library, and of which version: that is all that counts of it."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

LIBRARIES = tuple(
    str(Path(p).resolve()) for p in {sysconfig.get_path(k) for k in ("stdlib", "purelib", "platlib")} if p
)
OURS = str(Path(__file__).resolve().parent.parent)


def version_of(value: Any) -> str | None:
    """The version of what a function or class is of, or None where it is the user's own, whatever module it says.

    `functools.wraps` and `make_dataclass` give the user's code a library's name, so the file of a function's code counts,
    and whether a class stands where it says.
    """
    version = version_of_module(value.__module__)
    if version is None:
        return None
    if isinstance(value, types.FunctionType):
        own = not _of_a_library(value.__code__.co_filename)
    else:
        found: Any = sys.modules.get(value.__module__)
        for name in value.__qualname__.split("."):
            found = getattr(found, name, None)
        own = found is not value
    return None if own else version


@functools.cache
def _of_a_library(file: str) -> bool:
    return file.startswith("<frozen ") or str(Path(file).resolve()).startswith((*LIBRARIES, OURS))


def _unloaded_file(package: str) -> str | None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None and spec.has_location else None


@functools.cache
def version_of_module(module: str | None) -> str | None:
    """The version of the installed package that a module is of, or None for code of the user's own."""
    top = (module or "").partition(".")[0]
    loaded = sys.modules.get(top)
    file = getattr(loaded, "__file__", None) or _unloaded_file(top)
    installed = file is not None and str(Path(file).resolve()).startswith(LIBRARIES)
    if top in sys.stdlib_module_names and top != "__main__" and (installed or file is None):
        return sys.version.split()[0]
    if top != "weakft" and not installed:
        return None
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(loaded, "__version__", "")) or None
