"""A label model for each label, where a text can have any number of them: each says of its own rows whether a text has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from weakft.data.labels import CLASSES
from weakft.errors import UserError
from weakft.label_models.base import LabelModel
from weakft.label_models.choose import Choice, choose, valid_balance

K = len(CLASSES)


@dataclass
class PerLabel:
    """The labels' models, in the order of the labels, each with the labeling functions [m] that vote on its label; no model
    where none does.
    """

    models: list[LabelModel | None]
    voters: list[np.ndarray]

    def fit(self, L: np.ndarray) -> PerLabel:
        """Fit each model again."""
        for at, (model, voters) in enumerate(zip(self.models, self.voters, strict=True)):
            if model is not None:
                model.fit(np.ascontiguousarray(L[at :: len(self.models), voters]))
        return self

    def predict_proba(self, L: np.ndarray) -> np.ndarray:
        """Soft labels float32 [n q, 2] of a label matrix [n q, m]."""
        q = len(self.models)
        out = np.full((len(L), K), 1.0 / K, dtype=np.float32)
        for at, (model, voters) in enumerate(zip(self.models, self.voters, strict=True)):
            if model is not None:
                out[at::q] = model.predict_proba(np.ascontiguousarray(L[at::q, voters]))
        return out


def choose_each(
    name: str,
    L: np.ndarray,
    asked: Sequence[str],
    seed: int,
    valid_L: np.ndarray | None,
    valid_gold: np.ndarray | None,
    shares: Sequence[float] | None = None,
    beside: Sequence[str] = (),
    source: np.ndarray | None = None,
) -> Choice:
    """`choose` for each label on its rows; what comes of it as one choice.

    asked : the q labels.   L : [n q, m].   shares : the assumed share of the texts that have each label [q], or None.
    source : of the validation rows, as in `choose`.

    A label's functions mostly say that texts have it, so that no row is a ``whole`` text to `choose`; `Choice.class_balance`
    [q, 2] is that of all rows.

    Raises
    ------
    UserError : as `choose`, with the label.
    """
    q = len(asked)
    out: list[Choice | None] = []
    voters: list[np.ndarray] = []
    for at in range(q):
        mine = L[at::q]
        voters.append(np.flatnonzero((mine >= 0).any(axis=0)))
        if not len(voters[-1]):
            out.append(None)
            continue
        votes, gold, its_source = None, None, None if source is None else source[at::q]
        if valid_L is not None and valid_gold is not None:
            votes, gold = np.ascontiguousarray(valid_L[at::q, voters[-1]]), valid_gold[at::q]
        try:
            mine = np.ascontiguousarray(mine[:, voters[-1]])
            out.append(choose(name, mine, K, seed, votes, gold, None, beside, False, its_source))
        except UserError as error:
            raise UserError(f"Label {asked[at]!r}: {error}") from error
    return _joined(out, PerLabel([None if c is None else c.model for c in out], voters), asked, L, valid_gold, shares)


def _joined(
    choices: list[Choice | None],
    model: PerLabel,
    asked: Sequence[str],
    L: np.ndarray,
    valid_gold: np.ndarray | None,
    shares: Sequence[float] | None,
) -> Choice:
    q, found = len(asked), [choice for choice in choices if choice is not None]
    soft_labels = model.predict_proba(L)
    others = {name: soft_labels.copy() for choice in found for name in choice.others}
    for at, choice in enumerate(choices):
        for name, of_label in {} if choice is None else choice.others.items():
            others[name][at::q] = of_label
    class_balance = None
    if shares is not None:
        class_balance = np.stack([1.0 - np.asarray(shares), shares], axis=1)
    elif valid_gold is not None:
        class_balance = np.stack([valid_balance(valid_gold[at::q], K) for at in range(q)])
    said = [f"{label}: {c.warning}" for label, c in zip(asked, choices, strict=True) if c is not None and c.warning]
    said += [f"No labeling function votes on {label!r}." for label, c in zip(asked, choices, strict=True) if c is None]
    return Choice(
        model=model,
        name=_one({choice.name for choice in found}, "several"),
        balance=_one({choice.balance for choice in found}, "best"),
        soft_labels=soft_labels,
        class_balance=class_balance,
        candidates=[
            replace(c.candidates[0], model=f"{label}: {c.candidates[0].model}")
            for label, c in zip(asked, choices, strict=True)
            if c is not None and c.candidates
        ],
        gold_used=0 if valid_gold is None else int((valid_gold >= 0).sum()),
        learned=any(choice.learned for choice in found),
        reason="one a label; " + found[0].reason if len(found) == 1 else "one a label, each chosen for itself",
        others=others,
        warning=" ".join(said),
    )


def _one(names: set[str], otherwise: str) -> str:
    """The name they share."""
    return names.pop() if len(names) == 1 else otherwise
