"""Rows as labeling functions see them: one light object a row, shared by all of them.

A labeling function may set attributes of its example; `restored` takes them back before the next one sees it. Values are
never copied: one that changes a list inside an example changes it for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from weakft.data.dataset import Dataset
from weakft.errors import listed

_changed: list[tuple[Example, dict[str, Any]]] | None = None


class Example(SimpleNamespace):
    """A row: ``x.text``, ``x.id`` and one attribute a column."""

    def __getattr__(self, name: str) -> Any:  # where there is none of that name
        known = listed(list(vars(self)))
        raise AttributeError(f"the example has no column {name!r}; it has {known}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if _changed is not None:
            _changed.append((self, dict(vars(self))))
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if _changed is not None:
            _changed.append((self, dict(vars(self))))
        super().__delattr__(name)


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
            vars(x).clear()
            vars(x).update(values)
