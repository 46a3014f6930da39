"""Rows as labeling functions see them: one light object a row, shared by all of them.

A labeling function may set attributes of its example; `restored` takes them back before the next one sees it. Values are
never copied: one that changes a list inside an example changes it for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from weakft.data.dataset import Dataset
from weakft.data.tables import ID_GUESSES, LABEL_GUESSES, NONE, TEXT_GUESSES
from weakft.errors import listed

_changed: list[tuple[Example, dict[str, Any]]] | None = None


class Example(SimpleNamespace):
    """A row: ``x.text``, ``x.id`` and one attribute a column; also ``x["text"]`` and ``x.get("stars")``, as pandas' rows."""

    def __getattr__(self, name: str) -> Any:  # where there is none of that name
        raise AttributeError(_no_column(self, name), name=name, obj=self)

    def __getitem__(self, name: str) -> Any:
        try:
            return _attributes(self)[name]
        except KeyError:
            raise KeyError(_no_column(self, name)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        _note(self)
        _attributes(self)[name] = value

    def get(self, name: str, default: Any = None) -> Any:
        """A column's value, or the default where there is no such column."""
        return _attributes(self).get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in _attributes(self)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """All attributes. Who asks for them may change them."""
        _note(self)
        return _attributes(self)

    def __setattr__(self, name: str, value: Any) -> None:
        _note(self)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        _note(self)
        super().__delattr__(name)

    def __setstate__(self, attributes: dict[str, Any]) -> None:  # a copy's
        _attributes(self).update(attributes)


_attributes: Callable[[Example], dict[str, Any]] = vars(SimpleNamespace)["__dict__"].__get__
"""All attributes of an example, which is not noted as changed by that."""


def _note(x: Example) -> None:  # no method: a column may be called as one
    if _changed is not None:
        _changed.append((x, dict(_attributes(x))))


def _no_column(x: Example, name: Any) -> str:
    return f"the example has no column {name!r}; it has {listed(list(_attributes(x)))}{_taken(name)}"


def _taken(name: Any) -> str:
    """Where a column may be that is not among an example's."""
    guesses = {"text": TEXT_GUESSES, "label": LABEL_GUESSES, "id": ID_GUESSES}
    what = next((what for what, names in guesses.items() if str(name).lower() in names), None)
    where = f"name theirs with --label-column, or say {NONE}" if what == "label" else f"it is x.{what}"
    return "" if what is None else f" (a column of this name is taken for the {what}: {where})"


def examples(data: Dataset, rows: range) -> list[Example]:
    """The examples of consecutive rows."""
    texts, ids = data.texts[rows.start : rows.stop], data.ids[rows.start : rows.stop]
    if not data.columns:
        return [Example(text=text, id=i) for text, i in zip(texts, ids, strict=True)]
    columns: dict[str, Sequence[Any]] = {name: values[rows.start : rows.stop] for name, values in data.columns.items()}
    columns |= {"text": texts, "id": ids}
    return [Example(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


@contextmanager
def restored() -> Iterator[None]:
    """Attributes of examples that are set or deleted inside the block are as before after it."""
    global _changed
    changed: list[tuple[Example, dict[str, Any]]] = []
    _changed = changed
    try:
        yield
    finally:
        _changed = None
        for x, values in reversed(changed):
            _attributes(x).clear()
            _attributes(x).update(values)
