"""Label models by name: weakft's own and those that other packages bring through the entry point `weakft.label_models`."""

from __future__ import annotations

from importlib.metadata import entry_points

from weakft.errors import UserError, nearest
from weakft.label_models.base import LabelModel, Learner
from weakft.label_models.bounded import BoundedVote
from weakft.label_models.dawid_skene import DawidSkene
from weakft.label_models.majority import MajorityVote
from weakft.label_models.measured import MeasuredVote
from weakft.label_models.snorkel import SnorkelLabelModel

BUILT_IN: dict[str, type[LabelModel]] = {
    "majority": MajorityVote,
    "snorkel": SnorkelLabelModel,
    "dawid-skene": DawidSkene,
    "bounded": BoundedVote,
    "measured": MeasuredVote,
}

LEARNERS = tuple(name for name, kind in BUILT_IN.items() if issubclass(kind, Learner))
"""The built-in ones that are a `Learner`: no candidates of ``auto``, which teaches none of them, but a first teacher's."""


def find(name: str) -> type[LabelModel]:
    """Return the label model class registered under a name.

    Raises
    ------
    UserError : no such label model.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    brought = {point.name: point for point in entry_points(group="weakft.label_models")}
    if name not in brought:
        known = sorted([*BUILT_IN, *brought, "auto"])
        raise UserError(f"Unknown label model {name!r}; there are {', '.join(known)}.{nearest(name, known)}")
    return brought[name].load()


def learns(name: str) -> bool:
    """Whether the label model of a name is a `Learner`: it has no use without labeled rows that have votes."""
    return issubclass(find(name), Learner)
