"""Multi-label classification: a text has any number of labels, of which each is a question of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from weakft.data.dataset import Dataset
from weakft.data.labels import YES, by_labels
from weakft.errors import UserError, listed
from weakft.tasks.base import Shown, Task

UNKNOWN = (
    "the labels are unknown: write LABELS = [...] in the file with the labeling functions, or give data with gold "
    "labels."
)


class MultiLabel(Task):
    """A text as it is; the head has an output a label, whose sigmoid says whether the text has it."""

    name = "multi-label"
    expected = "a list of labels in every row, or a column of 1 and 0 for each label"
    aligned = False
    exclusive = False
    figure = "micro_f1"
    unit = "labels of texts"

    @classmethod
    def of(cls, data: Dataset) -> Self | None:
        """See `Task`."""
        return None if data.asked is None else cls()

    @classmethod
    def prepare(cls, data: Dataset, label_names: Sequence[str] | None) -> Dataset:
        """See `Task`: every label of a text a row."""
        if data.asked is not None:
            if not data.asked:
                raise UserError(f"{data.source}: {UNKNOWN}")
            if len(data.asked) < 2:
                raise UserError(
                    f"{data.source}: has the label {data.asked[0]!r} only; give two or more, or two classes."
                )
            if label_names and list(label_names) != data.asked:
                raise UserError(
                    f"{data.source}: its labels are {listed(data.asked)}; expected {listed(list(label_names))} in this order."
                )
            return data
        if data.gold is not None or data.votes is not None or data.words is not None:
            found = "token lists" if data.words is not None else "one label a row"
            raise UserError(f"{data.source}: --task {cls.name}: expected {cls.expected}; found {found}.")
        if not label_names:
            raise UserError(f"{data.source}: --task {cls.name}: {UNKNOWN}")
        return by_labels(data, label_names)

    def by_text(self, data: Dataset, probabilities: np.ndarray) -> np.ndarray:
        """See `Task`: of each label [n, q]."""
        assert data.asked is not None
        return probabilities[:, YES].reshape(len(data), len(data.asked))

    def chosen(self, label_names: Sequence[str], by_text: np.ndarray) -> np.ndarray:
        """See `Task`: whether a text has each label, 1 or 0 [n, q]."""
        return (by_text > 0.5).astype(int)

    def shown(self, texts: list[str]) -> list[Shown]:
        """The texts."""
        return list(texts)

    def answers(self, data: Dataset, label_names: Sequence[str], probabilities: np.ndarray) -> dict[str, Any]:
        """See `Task`: a row a text, with the labels it has (joined by commas) and a probability for each."""
        has = self.by_text(data, probabilities)
        labels = [
            ", ".join(n for n, one in zip(label_names, row, strict=True) if one)
            for row in self.chosen(label_names, has)
        ]
        return {
            "id": data.ids,
            "labels": labels,
            **{f"p_{name}": p for name, p in zip(label_names, has.T, strict=True)},
        }
