"""What a task is to the rest: how a text is shown to the encoder, and where its class is read off."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from weakft.data.dataset import Dataset
from weakft.data.rows import identified
from weakft.errors import UserError

Shown = str | tuple[str, str] | list[str]
"""A text, a pair of them, or the words of one that each have a class, as the tokenizer takes it."""


class Task(ABC):
    """One kind of example. A new one is a file with a class of this kind, and its name in `weakft.tasks.TASKS`.

    names : of the marks around entities in the texts, if any. Each makes two tokens of its own, `opens` and `closes`, and
    the class is read at those that open an entity, as a mean over them (Baldini Soares et al. 2019, "entity start");
    without names the head reads the whole text.

    name : as ``--task`` takes it.   expected : what every text must have, for messages.   exclusive : a row has one
    of the classes that the head tells apart; else each output says for itself whether a text has that label.
    of_words : texts are shown as lists of words.   aligned : it matters which token is of which word or side.
    figure : the one that counts, a key of `weakft.tasks.measure.HEADLINES`.   unit : what is counted, in the plural.
    """

    name: ClassVar[str]
    expected: ClassVar[str]
    exclusive: ClassVar[bool] = True
    of_words: ClassVar[bool] = False
    aligned: ClassVar[bool] = True
    figure: ClassVar[str] = "accuracy"
    unit: ClassVar[str] = "texts"

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = sorted(set(names))
        self.opens = [f"[{name}]" for name in self.names]
        self.closes = [f"[/{name}]" for name in self.names]

    @property
    def head(self) -> str:
        """The Auto class of transformers that carries the classifier: a token's class, or a text's."""
        return "AutoModelForTokenClassification" if self.names else "AutoModelForSequenceClassification"

    @classmethod
    @abstractmethod
    def of(cls, data: Dataset) -> Self | None:
        """The task that most of a split's texts are, with the names of their marks; None where most are not."""

    @classmethod
    def prepare(cls, data: Dataset, label_names: Sequence[str] | None) -> Dataset:
        """The split as this task has it, before any labeling function sees it: as it is, token lists as texts.
        ``label_names``: where known.

        Raises
        ------
        UserError : its gold labels or votes are of another task.
        """
        of_words = data.words is not None and (data.gold is not None or data.votes is not None)
        if of_words or data.asked is not None:
            found = "a class for every word" if of_words else "any number of labels a text"
            raise UserError(f"{data.source}: --task {cls.name}: expected one class a row, found {found}.")
        return data if data.words is None else replace(data, words=None)

    @abstractmethod
    def shown(self, texts: list[str]) -> list[Shown]:
        """The texts as the tokenizer reads them: all strings, all pairs, or all lists of words.

        Raises
        ------
        BadText : a text that is none of this task's.
        """

    def answers(self, data: Dataset, label_names: Sequence[str], probabilities: np.ndarray) -> dict[str, Any]:
        """Columns for whoever asked for predictions, from those of the split's rows [r, k]: what the row is, its class, and
        a probability for each.
        """
        labels = [label_names[c] for c in probabilities.argmax(1)]
        columns = {f"p_{name}": p for name, p in zip(label_names, probabilities.T, strict=True)}
        return {**identified(data), "label": labels, **columns}

    def by_text(self, data: Dataset, probabilities: np.ndarray) -> Any:
        """Those of the split's rows [r, k] as scikit-learn's classifiers give them, by text: [n, k]."""
        return probabilities

    def chosen(self, label_names: Sequence[str], by_text: Any) -> Any:
        """What scikit-learn's classifiers predict, given `by_text`: class names [n]."""
        return np.array(label_names)[by_text.argmax(axis=-1)]

    @property
    def problem(self) -> str:
        """How transformers calls what the head does."""
        return "single_label_classification" if self.exclusive else "multi_label_classification"

    def settings(self) -> dict[str, Any]:
        """What `weakft.tasks.restored` makes it from again; plain values, kept in the model's config."""
        return {"task": self.name, "names": self.names}


class BadText(UserError):
    """A text that does not fit the task. row : its place in the list.   problem : what was expected and found."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"text {row + 1}: {problem}")
        self.row, self.problem = row, problem


def unlabeled(task: Task, data: Dataset, label_names: Sequence[str]) -> Dataset:
    """A split to predict as the task has it: what it says of labels is no matter.

    Raises
    ------
    UserError : a text does not fit the task.
    """
    data = task.prepare(replace(data, gold=None, votes=None, asked=None), label_names)
    check(task, data)
    return data


def check(task: Task, data: Dataset, advice: str = "Mend the row, or leave it out.") -> None:
    """Refuse a split with a text that does not fit the task, with its source, row and id."""
    try:
        task.shown(data.texts)
    except BadText as error:
        where = f"{data.source}: row {data.first_row + error.row + 1} (id {data.ids[error.row]!r})"
        raise UserError(f"{where}: {error.problem} {advice}") from error
