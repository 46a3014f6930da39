"""What an example is: one file a task, and here which one a data set is."""

from __future__ import annotations

from typing import Any

from weakft.errors import UserError, nearest
from weakft.tasks.base import Task
from weakft.tasks.classification import Classification
from weakft.tasks.pair import Pair
from weakft.tasks.relation import Relation

TASKS: dict[str, type[Task]] = {kind.name: kind for kind in (Pair, Relation, Classification)}
"""By name, in the order in which `choose` looks for them; every text is one to classify."""


def choose(asked: str, texts: list[str]) -> Task:
    """The task that is asked for; ``auto``: the first that most of the texts are.

    Raises
    ------
    UserError : there is no such task, or most of the texts are none of it.
    """
    if asked != "auto" and asked not in TASKS:
        raise UserError(f"--task {asked}: expected auto, {', '.join(TASKS)}.{nearest(asked, list(TASKS))}")
    for kind in TASKS.values() if asked == "auto" else [TASKS[asked]]:
        task = kind.of(texts)
        if task is not None:
            return task
    raise UserError(f"--task {asked}: expected {TASKS[asked].expected}; most rows are none.")


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
