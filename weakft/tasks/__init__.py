"""What an example is: one file a task, and here which one a data set is."""

from __future__ import annotations

from typing import Any, Literal

from weakft.errors import UserError
from weakft.tasks.base import Task
from weakft.tasks.classification import Classification
from weakft.tasks.relation import Relation

TaskName = Literal["auto", "classification", "relation"]


def choose(asked: TaskName, texts: list[str]) -> Task:
    """The task that is asked for; ``auto``: relation where most texts mark two entities, else classification.

    Raises
    ------
    UserError : relation is asked for, and most texts do not mark two entities.
    """
    if asked == "classification":
        return Classification()
    found = Relation.of(texts)
    if found is None and asked == "relation":
        raise UserError(
            "--task relation: expected two marked entities in every text, such as [GENE]p53[/GENE] or <e1>p53</e1>; most "
            "texts have none."
        )
    return found or Classification()


def restored(settings: dict[str, Any]) -> Task:
    """The task of `Task.settings`; classification where there are none."""
    return Relation(settings["names"]) if settings.get("task") == Relation.name else Classification()
