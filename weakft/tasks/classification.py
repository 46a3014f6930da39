"""Single-label classification of whole texts."""

from __future__ import annotations

from typing import Self

from weakft.data.dataset import Dataset
from weakft.tasks.base import Shown, Task


class Classification(Task):
    """A text as it is; its class is read off the whole of it."""

    name = "classification"
    expected = "texts"
    aligned = False

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """See `Task`: any text can be classified."""
        return cls()

    def shown(self, texts: list[str]) -> list[Shown]:
        """The texts."""
        return list(texts)
