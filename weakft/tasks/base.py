"""What a task is to the rest: how a text is shown to the encoder, and where its class is read off."""

from __future__ import annotations

from typing import Any, Protocol

from weakft.data.dataset import Dataset
from weakft.errors import UserError

Shown = str | tuple[str, str]


class Task(Protocol):
    """One kind of example. A new one is a class of this shape and a line in `weakft.tasks`.

    name : as ``--task`` takes it.   head : the Auto class of transformers that carries the classifier.
    special_tokens : what the tokenizer needs beside its own.
    anchors : those of them at which the class is read, as a mean over their places; they stay where a long text is cut.
        Without any the head reads the whole text itself.
    """

    name: str
    head: str
    special_tokens: list[str]
    anchors: list[str]

    def shown(self, texts: list[str]) -> list[Shown]:
        """The texts as the tokenizer reads them: all strings, or all pairs.

        Raises
        ------
        BadText : a text that is none of this task's.
        """

    def settings(self) -> dict[str, Any]:
        """Plain values to make it from again (`weakft.tasks.restored`), kept in the model's config."""


class BadText(UserError):
    """A text that does not fit the task. row : its place in the list.   problem : what was expected and found."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"text {row + 1}: {problem}")
        self.row, self.problem = row, problem


def check(task: Task, data: Dataset, advice: str = "Mend the row, or leave it out.") -> None:
    """Refuse a split with a text that does not fit the task, with its source, row and id."""
    try:
        task.shown(data.texts)
    except BadText as error:
        where = f"{data.source}: row {data.first_row + error.row + 1} (id {data.ids[error.row]!r})"
        raise UserError(f"{where}: {error.problem} {advice}") from error
