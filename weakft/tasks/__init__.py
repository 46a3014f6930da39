"""What an example is: one file a task, and here which one a data set is."""

from __future__ import annotations

from typing import Any

from weakft.data.dataset import Dataset, Splits
from weakft.errors import UserError, nearest
from weakft.tasks.base import Task
from weakft.tasks.classification import Classification
from weakft.tasks.multilabel import MultiLabel
from weakft.tasks.pair import Pair, mostly_pairs
from weakft.tasks.relation import Relation
from weakft.tasks.tokens import Tokens

TASKS: dict[str, type[Task]] = {kind.name: kind for kind in (Tokens, MultiLabel, Pair, Relation, Classification)}
"""By name, in the order in which `choose` looks for them; every text is one to classify."""


def choose(asked: str, data: Dataset) -> Task:
    """The task that is asked for; ``auto``: the first that most of a split's texts are.

    Raises
    ------
    UserError : there is no such task, or most of the texts are none of it.
    """
    for kind in _kinds(asked):
        task = kind.of(data)
        if task is not None:
            return task
    raise UserError(f"--task {asked}: expected {TASKS[asked].expected}; most rows are none.")


def prepare(asked: str, splits: Splits, label_names: list[str] | None) -> None:
    """Bring every split into the form of the task that is asked for (``auto``: as they are, but that splits without gold
    labels follow those that have several a text).

    Raises
    ------
    UserError : there is no such task, or gold labels or votes are of another one.
    """
    kinds = _kinds(asked)
    if asked == "auto":
        _refuse_mixed(splits)
    several = next((split.asked for _, split in splits.named() if split.asked is not None), None)
    if asked == "auto" and several is not None:
        kinds = [MultiLabel]
    if len(kinds) == 1:
        for name, split in splits.named():
            setattr(splits, name, kinds[0].prepare(split, label_names or several))


def _refuse_mixed(splits: Splits) -> None:
    """Splits are all of single texts, of pairs, or of token lists; one that is only read in parts is not looked at."""
    shapes = {name: _shape(split) for name, split in splits.named() if split.texts}
    for name, shape in shapes.items():
        if shape != shapes.get("train", shape):
            source = getattr(splits, name).source
            raise UserError(
                f"{source}: holds {shape}, where the training texts ({splits.train.source}) are {shapes['train']}. Give both "
                "alike (from Python, texts with labels are a DataFrame with a text and a label column), or name the column "
                "of the texts with --text-column."
            )


def _shape(split: Dataset) -> str:
    if split.words is not None:
        return "token lists"
    return "pairs of sentences" if mostly_pairs(split) else "single texts"


def _kinds(asked: str) -> list[type[Task]]:
    if asked != "auto" and asked not in TASKS:
        raise UserError(f"--task {asked}: expected auto, {', '.join(TASKS)}.{nearest(asked, list(TASKS))}")
    return list(TASKS.values()) if asked == "auto" else [TASKS[asked]]


def restored(settings: dict[str, Any]) -> Task:
    """The task of `Task.settings`; classification where there are none.

    Raises
    ------
    UserError : a task that this version does not know.
    """
    name, names = settings.get("task", Classification.name), settings.get("names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"config.json: weakft.names is {names!r}; expected a list of the marks' names.")
    if not isinstance(name, str) or name not in TASKS:
        raise UserError(f"config.json: weakft.task is {name!r}; expected one of {', '.join(TASKS)}.")
    return TASKS[name](names)
