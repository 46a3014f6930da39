"""What an example is: one file a task, and here which one a data set is."""

from __future__ import annotations

from typing import Any

from weakft.config import TaskName
from weakft.errors import UserError
from weakft.tasks.base import Task
from weakft.tasks.classification import Classification
from weakft.tasks.pair import Pair
from weakft.tasks.relation import Relation

FOUND: dict[str, type[Pair] | type[Relation]] = {"pair": Pair, "relation": Relation}
"""Tasks that show in the texts, in the order in which they are looked for."""

EXPECTED = {
    "pair": "two sentences in every row, such as the columns premise and hypothesis",
    "relation": "two marked entities in every text, such as [GENE]p53[/GENE] or <e1>p53</e1>",
}


def choose(asked: TaskName, texts: list[str]) -> Task:
    """The task that is asked for; ``auto``: what most of the texts are, classification where they are nothing else.

    Raises
    ------
    UserError : another task is asked for than most of the texts are.
    """
    if asked == "classification":
        return Classification()
    for name in FOUND if asked == "auto" else [asked]:
        task = FOUND[name].of(texts)
        if task is not None:
            return task
    if asked != "auto":
        raise UserError(f"--task {asked}: expected {EXPECTED[asked]}; most rows have none.")
    return Classification()


def restored(settings: dict[str, Any]) -> Task:
    """The task of `Task.settings`; classification where there are none."""
    kind = FOUND.get(settings.get("task", ""))
    return Classification() if kind is None else kind(settings["names"])
