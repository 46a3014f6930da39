"""What a labeling function's votes depend on, as one hash: its code, what it closes over, the globals that it reads.

Values are hashed by what they are, never by where they lie; one whose content cannot be known (an open file, an iterator,
a model of some library, the environment) makes the whole labeling function `Unknown`, as does an import inside it of a
module that is not installed. Code of installed packages and of the standard library counts by name and version. What lies
outside the process (files read while voting, the clock, random numbers) is not seen.
"""

from __future__ import annotations

import builtins
import dis
import functools
import hashlib
import importlib
import os
import re
import sys
import types
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from weakft.lfs.installed import version_of, version_of_module
from weakft.lfs.words import WordIndex

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), range)
STATED = (date, datetime, time, timedelta, Decimal, Fraction, UUID)
"""Types whose ``repr`` is all there is to them, but for the time zones of some."""

CODE = ("co_code", "co_exceptiontable", "co_argcount", "co_kwonlyargcount", "co_posonlyargcount", "co_flags")
NOT_OF_A_CLASS = ("__dict__", "__weakref__", "__module__", "__firstlineno__", "__static_attributes__")
CONTAINERS: tuple[Any, ...] = (dict, list, tuple, set, frozenset, str, bytes, int, float, complex)
"""Types whose subclasses have a content beside their attributes, which is known."""

ENVIRONMENT = ("environ", "environb", "getenv", "getenvb")
BY_NAME = (
    *(*ENVIRONMENT, "import_module", "resolve_name", "__name__", "__qualname__", "co_name"),
    *("argv", "modules", "__globals__", "f_globals", "_getframe", "__subclasses__", "__annotations__"),
)
"""Attributes through which a function reads what cannot be seen in it."""
BUILTINS = ("__import__", "eval", "exec", "globals")
"""The same, by the builtin's name."""
UNSEEN = {id(getattr(os, name)): name for name in ENVIRONMENT if hasattr(os, name)}
UNSEEN |= {id(getattr(builtins, name)): name for name in BUILTINS}
UNSEEN |= {id(importlib.import_module): "import_module", id(sys.modules): "sys.modules"}
"""The same, by the value's identity."""

NAMELESS = ("weakft.lfs.core", "weakft.lfs.kinds", "snorkel.labeling.lf.core", "snorkel.labeling.lf.nlp")
"""Modules of labeling functions whose votes do not depend on what they are called."""

MANAGED_DICT = 1 << 4
"""Flag of a class whose objects' attributes lie outside of their memory."""


class Unknown(Exception):
    """A value whose content cannot be hashed."""


def of_function(lf: Any) -> str:
    """The hash of a labeling function (weakft's or Snorkel's); its name counts only where its class is the user's own.

    Raises
    ------
    Unknown : it depends on something that cannot be hashed.
    """
    hasher, attributes = Hasher(), dict(vars(lf))
    if type(lf).__module__ in NAMELESS:
        attributes = {name: value for name, value in attributes.items() if name not in ("name", "_name", "where")}
    for name, value in attributes.items():
        if isinstance(value, types.MethodType) and value.__self__ is lf:
            attributes[name] = value.__func__
    try:
        hasher.add(type(lf))
        hasher.add(attributes)
    except RecursionError as error:
        raise Unknown("nested too deeply") from error
    return hasher.digest()


def changeable(values: Iterable[Any]) -> bool:
    """Whether a column has values that who reads them could change."""
    return not set(map(type, values)) <= {*PLAIN, *STATED}


def of_values(values: Iterable[Any]) -> str:
    """The hash of a column of values.

    Raises
    ------
    Unknown : one of them cannot be hashed.
    """
    values = list(values)
    kinds = set(map(type, values))
    if kinds <= {str}:
        total = hashlib.sha256(b"texts")
        for start in range(0, len(values), 10_000):
            some = values[start : start + 10_000]
            total.update(np.array([len(text) for text in some], dtype=np.int64).tobytes())
            total.update("".join(some).encode("utf-8", "surrogatepass"))
        return total.hexdigest()
    if kinds <= {*PLAIN, *STATED} and not any(getattr(value, "tzinfo", None) for value in values):
        return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()
    hasher = Hasher()
    hasher.add(values)
    return hasher.digest()


class Hasher:
    """Feeds values to one hash; a value met again (or a cycle) counts by the place of its first meeting."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is given twice

    def digest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()

    def _write(self, *words: Any) -> None:
        for word in words:
            raw = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
            self._hash.update(len(raw).to_bytes(8, "little") + raw)

    def add(self, value: Any) -> None:
        """Feed a value.

        Raises
        ------
        Unknown : its content cannot be known.
        """
        if type(value) in PLAIN:
            self._write(type(value).__name__, repr(value))
            return
        if id(value) in UNSEEN:
            raise Unknown(f"reads {UNSEEN[id(value)]}")
        if id(value) in self._met:
            self._write("met", self._met[id(value)])
            return
        self._met[id(value)] = len(self._kept)
        self._kept.append(value)
        self._write(type(value).__qualname__)
        self._add_container(value)

    def _add_all(self, values: Iterable[Any]) -> None:
        values = list(values)
        self._write(len(values))
        for value in values:
            self.add(value)

    def _add_container(self, value: Any) -> None:
        if type(value) in (tuple, list):
            self._add_all(value)
        elif type(value) is dict:
            self._add_all(item for pair in value.items() for item in pair)
        elif type(value) in (set, frozenset):
            self._write(*sorted(_alone(item) for item in value))
        elif type(value) is np.ndarray or isinstance(value, np.generic):
            self._write(repr(value.dtype), value.shape)
            pointers = value.dtype.hasobject or value.dtype.kind == "T"  # to objects, or to strings of any length
            self.add(value.tolist() if pointers else value.tobytes())
        elif _is_pandas(value):
            self._add_pandas(value)
        elif _is_stated(value):
            self._write(repr(value))
        elif isinstance(value, re.Pattern):
            self._add_all([value.pattern, value.flags])
        elif isinstance(value, Path) and version_of(type(value)) is not None:
            self._write(str(value))
        else:
            self._add_code(value)

    def _add_pandas(self, value: Any) -> None:
        if value.ndim > 1:
            self._add_all([value.attrs, value.columns, value.index, *(value.iloc[:, i] for i in range(value.shape[1]))])
            return
        self._add_all([value.name, str(value.dtype), getattr(value.dtype, "categories", None), value.to_numpy()])
        self._add_all([value.attrs, value.index] if hasattr(value, "index") else list(value.names))

    def _add_code(self, value: Any) -> None:
        if isinstance(value, types.CodeType):
            self._write(*(getattr(value, name) for name in CODE), value.co_names, value.co_varnames, value.co_freevars)
            self._add_all(value.co_consts)
        elif isinstance(value, types.ModuleType):
            self._add_module(value)
        elif isinstance(value, types.FunctionType):
            if self._installed(value):
                self._add_given(value)
            else:
                self._add_function(value)
        elif isinstance(value, type):
            if not self._installed(value):
                self._add_class(value)
        elif isinstance(value, types.MethodType):
            self._add_all([value.__func__, value.__self__])
        elif type(value) is functools.partial:
            self._add_all([value.func, value.args, value.keywords, vars(value)])
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            self._add_all([value.__name__, value.__self__])
        elif isinstance(
            value, (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)
        ):
            self._add_all([value.__name__, value.__objclass__])
        elif isinstance(value, (staticmethod, classmethod)):
            self.add(value.__func__)
        elif isinstance(value, property):
            self._add_all([value.fget, value.fset])
        else:
            self._add_instance(value)

    def _add_function(self, f: types.FunctionType) -> None:
        self.add(f.__code__)
        self._add_given(f)
        _refuse_unseen(f.__code__)
        for name in sorted(globals_read(f.__code__)):
            if name in f.__globals__:
                self._add_all([name, f.__globals__[name]])
            elif name in BUILTINS:
                raise Unknown(f"{f.__qualname__} calls {name}")

    def _add_given(self, f: types.FunctionType) -> None:
        """What a function was given when it was made: defaults, what it closes over, attributes."""
        self._add_all([f.__defaults__, f.__kwdefaults__, dict(vars(f))])
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            try:
                self._add_all([name, cell.cell_contents])
            except ValueError:  # an empty cell
                self._write(name, "empty")

    def _add_class(self, kind: type) -> None:
        self._add_all([kind.__qualname__, *kind.__bases__])
        if type(kind) is not type:
            self.add(type(kind))
        self._add_all(item for name, v in vars(kind).items() if name not in NOT_OF_A_CLASS for item in (name, v))

    def _add_instance(self, value: Any) -> None:
        kind = type(value)
        mapper = kind.__module__.startswith("snorkel.") and hasattr(value, "_f") and hasattr(value, "_pre")
        if isinstance(value, WordIndex):
            self._add_all([value.words, value.case])
        elif mapper:  # a preprocessor made of a function: its memory is no content
            self._add_all([value._f, value._pre])
        elif version_of(kind) is None and hasattr(value, "__dict__") and _hides_nothing(kind):
            self._add_all([kind, vars(value), *_content(value)])
        else:
            raise Unknown(f"{kind.__module__}.{kind.__qualname__}")

    def _installed(self, value: Any) -> bool:
        version = version_of(value)
        if version is not None:
            self._write(value.__module__, value.__qualname__, version)
        return version is not None

    def _add_module(self, module: types.ModuleType) -> None:
        borrowed = sys.modules.get(module.__name__) is not module  # a name that another one has
        version = None if borrowed else version_of_module(module.__name__)
        self._write(module.__name__, version or "")
        if version is None:
            source = Path(module.__file__ or "") if getattr(module, "__file__", None) else None
            if source is None or source.suffix != ".py" or not source.is_file():
                raise Unknown(f"module {module.__name__}")
            self._write(source.read_bytes())
            own = {name: v for name, v in vars(module).items() if not (name.startswith("__") and name.endswith("__"))}
            self._add_all(item for pair in own.items() for item in pair)


def _is_pandas(value: Any) -> bool:
    """Whether a value is a frame, a series or an index of pandas, which is not imported for it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (type(value) in (pandas.DataFrame, pandas.Series) or isinstance(value, pandas.Index))


def _is_stated(value: Any) -> bool:
    """Whether the ``repr`` of a value is all there is to it: of the standard library's, and of pandas' with nanoseconds."""
    if not isinstance(value, STATED):
        return False
    zone = getattr(value, "tzinfo", None)
    return version_of(type(value)) is not None and (zone is None or version_of(type(zone)) is not None)


def _content(value: Any) -> Iterable[Any]:
    """What a value of a subclass of a builtin type is beside its attributes."""
    return (kind(value) for kind in CONTAINERS if isinstance(value, kind))


def _hides_nothing(kind: type) -> bool:
    """Whether all that objects of a class hold is their attributes, and the content of a builtin container: compiled classes
    have memory of their own.
    """
    base = next((container for container in CONTAINERS if issubclass(kind, container)), object)
    own_dict = kind.__dictoffset__ != 0 and not kind.__flags__ & MANAGED_DICT
    own_references = kind.__weakrefoffset__ > 0 and not base.__weakrefoffset__
    pointers = own_dict + own_references
    return kind.__basicsize__ <= base.__basicsize__ + 8 * pointers and kind.__itemsize__ == base.__itemsize__


def _alone(value: Any) -> str:
    hasher = Hasher()
    hasher.add(value)
    return hasher.digest()


def _refuse_unseen(code: types.CodeType) -> None:
    """Refuse code that reads the environment, or imports modules whose content would have to count."""
    names = set(code.co_names)
    if found := names.intersection(BY_NAME):
        raise Unknown(f"{code.co_name} reads {min(found)}")
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and version_of_module(instruction.argval) is None:
            raise Unknown(f"{code.co_name} imports {instruction.argval or 'a neighbour'}")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _refuse_unseen(constant)


def globals_read(code: types.CodeType) -> set[str]:
    """The global names that a function reads, functions inside it included."""
    names: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(instruction.argval)
        changes_closure = instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars
        if changes_closure or instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise Unknown(f"{code.co_name} changes {instruction.argval}")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= globals_read(constant)
    return names
