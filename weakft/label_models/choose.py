"""`--label-model auto`: fit the candidates, pick the one whose soft labels fit the validation split's gold labels best.

Reads validation labels (their number is part of the result) and never a training label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from weakft.errors import UserError
from weakft.label_models.base import (
    Diverged,
    LabelModel,
    Learner,
    covered,
    predict_on,
    probabilities,
    sound_fit,
    vote_shares,
)
from weakft.label_models.patterns import Patterns, distinct
from weakft.label_models.registry import find, learns
from weakft.label_models.silence import fill
from weakft.label_models.snorkel import MINIMUM_LFS
from weakft.tasks.folds import fold_of
from weakft.tasks.measure import log_loss
from weakft.ties import tied

FAMILIES = ("snorkel", "dawid-skene", "majority", "bounded")
UNIFORM = ("snorkel", "bounded", "measured")
"""The families that assume a uniform balance on their own."""
FOLDS = 5
"""Parts of the validation rows: on each, a `Learner` is compared as taught by the others."""
FALLBACK_AGREEMENT = 0.9
RUNNER_UP = "runner-up"


@dataclass
class Candidate:
    """One label model under one class balance: its validation log-loss (lower is better) and accuracy (of ties the one to
    expect), or its error.
    """

    model: str
    balance: str
    log_loss: float = float("nan")
    accuracy: float = float("nan")
    error: str = ""


@dataclass
class Choice:
    """The chosen label model, fitted, and why.

    soft_labels : float32 [n, k] for the training rows.   class_balance : [k] (of q labels [q, k]), what self-training aligns
    with, or None for the uniform pull of the paper.   gold_used : validation labels read.
    learned : whether these taught the model something of the labeling functions (a `Learner`).
    others : further soft labels [n, k]: of the best candidate of another family ("runner-up"), and of learners asked for
    beside it.
    warning : why the majority vote stands in for the label model that was asked for, or how far that is from it.
    silent : the soft labels [g, k] of rows without votes, where that means something (`silence.unvoted`); else their soft
    labels mean nothing.
    """

    model: LabelModel
    name: str
    balance: str
    soft_labels: np.ndarray
    class_balance: np.ndarray | None
    candidates: list[Candidate] = field(default_factory=list)
    gold_used: int = 0
    learned: bool = False
    reason: str = ""
    others: dict[str, np.ndarray] = field(default_factory=dict)
    silent: np.ndarray | None = None
    warning: str = ""

    def posterior(self, L: np.ndarray) -> np.ndarray:
        """Soft labels float32 [r, k] of any rows of votes."""
        return fill(self.model.predict_proba(L), L, self.silent)

    def silenced(self, L: np.ndarray, silent: np.ndarray | None) -> Choice:
        """With a meaning of rows without votes in the label matrix ``L`` that the soft labels are of."""
        others = {name: fill(soft_labels, L, silent) for name, soft_labels in self.others.items()}
        return replace(self, soft_labels=fill(self.soft_labels, L, silent), others=others, silent=silent)


def valid_balance(gold: np.ndarray, n_classes: int) -> np.ndarray:
    """Class shares of gold labels with one pseudo-count a class [k]."""
    counts = np.bincount(gold[gold >= 0], minlength=n_classes) + 1.0
    return counts / counts.sum()


def choose(
    name: str,
    L: np.ndarray,
    n_classes: int,
    seed: int,
    valid_L: np.ndarray | None,
    valid_gold: np.ndarray | None,
    class_balance: np.ndarray | None = None,
    beside: Sequence[str] = (),
    whole: bool = True,
    source: np.ndarray | None = None,
) -> Choice:
    """Fit the named label model, or for ``auto`` the best of `FAMILIES` x class balances.

    The balances tried are the model's own estimate, uniform, and the validation split's; a balance given by the user
    is the only one tried. Candidates are compared by their log-loss on the validation rows that have votes. Without a
    validation split (or without votes on it) ``auto`` takes Snorkel's model where at least three LFs vote and it has the
    majority vote's class on `FALLBACK_AGREEMENT` of the covered rows (where votes tie, on none), else the majority vote. The
    majority vote stands in for a named model that diverges, too. Label models ``beside`` (learners) are not compared with
    the candidates: they are fitted for `Choice.others` where ``auto`` has validation rows to teach them.

    whole : whether a row is a whole text. Of words and of labels of a text, rules vote on those of some classes: the shares
    of all rows' classes say nothing of the rows with votes. Label models are then not given ``class_balance``, and the
    validation split's is that of its rows with votes; `Choice.class_balance` is that of all rows.

    source : which text each validation row is of (`folds.sources`), None where each is of its own.

    Raises
    ------
    UserError : no such label model, or it cannot be fitted; ``measured`` without validation rows that have votes and labels.
    """
    scored = None if valid_L is None or valid_gold is None else covered(valid_L) & (valid_gold >= 0)
    usable = scored is not None and bool(scored.any())
    balances: dict[str, np.ndarray | None] = {"own": None}
    if class_balance is not None and whole:
        balances = {"given": class_balance}
    elif usable:
        assert valid_gold is not None
        balances |= {
            "uniform": np.full(n_classes, 1.0 / n_classes),
            "valid": valid_balance(valid_gold if whole else valid_gold[scored], n_classes),
        }
    train = distinct(L)
    if not usable and name != "auto" and learns(name):
        raise UserError(
            f"--label-model {name} learns how often labeling functions are right from the validation split: there is no "
            "row of it that has a vote and a label. Add one, or choose another label model."
        )
    if not usable:
        return _without_validation(name, train, n_classes, seed, balances, class_balance)
    assert valid_L is not None and valid_gold is not None and scored is not None
    families = [f for f in FAMILIES if f != "snorkel" or _voting(train) >= MINIMUM_LFS] if name == "auto" else [name]
    beside = beside if name == "auto" else ()
    seen = distinct(valid_L[scored])
    fold = fold_of((np.arange(len(scored)) if source is None else source)[scored], FOLDS, seed)
    tried = _compare([*families, *beside], balances, train, n_classes, seed, seen, valid_gold[scored], fold)
    fitted = [(candidate, model) for candidate, model in tried if model is not None]
    order = sorted(fitted, key=lambda entry: entry[0].log_loss)
    best, chosen = next(((c, model) for c, model in order if c.model not in beside), (None, None))
    if best is None or chosen is None:
        return _without_validation(name, train, n_classes, seed, balances, class_balance)
    others: dict[str, LabelModel] = {}
    for candidate, model in order:
        if candidate.model != best.model:
            others.setdefault(candidate.model if candidate.model in beside else RUNNER_UP, model)
    by_labels = ", on which labeling functions are measured" * isinstance(chosen, Learner)
    return Choice(
        model=chosen,
        name=best.model,
        balance=best.balance,
        soft_labels=predict_on(chosen, train),
        class_balance=class_balance if class_balance is not None else valid_balance(valid_gold, n_classes),
        candidates=sorted((c for c, _ in tried if c.model not in beside), key=lambda c: (bool(c.error), c.log_loss)),
        gold_used=int((valid_gold >= 0).sum()),
        learned=any(isinstance(model, Learner) for model in (chosen, *others.values())),
        reason=f"lowest log-loss on {int(scored.sum())} validation rows with votes{by_labels}",
        others={family: predict_on(model, train) for family, model in others.items()},
    )


def _voting(train: Patterns) -> int:
    """How many labeling functions ever vote."""
    return int((train.rows >= 0).any(axis=0).sum())


def _compare(
    families: list[str],
    balances: dict[str, np.ndarray | None],
    train: Patterns,
    n_classes: int,
    seed: int,
    valid: Patterns,
    gold: np.ndarray,
    fold: np.ndarray,
) -> list[tuple[Candidate, LabelModel | None]]:
    """Each family under each balance, measured on validation rows with gold, with its fitted model if it has one."""
    tried: list[tuple[Candidate, LabelModel | None]] = []
    for family in families:
        for label, balance in balances.items():
            if family in UNIFORM and label == "uniform":
                continue
            candidate = Candidate(family, label)
            try:
                made = partial(find(family), n_classes, balance, seed)
                if learns(family):
                    model, p = _taught(made, train, valid.matrix, gold, fold)
                else:
                    model = sound_fit(made(), train)
                    p = valid.expand(probabilities(model, valid.rows))
            except UserError as error:
                if len(families) == 1 and not isinstance(error, Diverged):
                    raise
                candidate.error = str(error)
                tried.append((candidate, None))
                continue
            candidate.log_loss = log_loss(p, gold, floor=0.01)
            best = tied(p)
            candidate.accuracy = float((best[np.arange(len(gold)), gold] / best.sum(1)).mean())
            tried.append((candidate, model))
    return tried


def _taught(
    made: Callable[[], LabelModel], train: Patterns, L: np.ndarray, gold: np.ndarray, fold: np.ndarray
) -> tuple[LabelModel, np.ndarray]:
    """The model with what all labeled rows L [r, m] say, and soft labels [r, k] for those of each ``fold`` by the others."""

    def told(rows: np.ndarray) -> LabelModel:
        model = made()
        assert isinstance(model, Learner)
        return sound_fit(model.learn(L[rows], gold[rows]), train)

    parts = [np.flatnonzero(fold == at) for at in np.unique(fold)]
    found = [probabilities(told(np.flatnonzero(fold != fold[rows[0]])), L[rows]) for rows in parts]
    return told(np.arange(len(L))), np.concatenate(found)[np.argsort(np.concatenate(parts))]


def _without_validation(
    name: str,
    train: Patterns,
    n_classes: int,
    seed: int,
    balances: dict[str, np.ndarray | None],
    class_balance: np.ndarray | None,
) -> Choice:
    label, balance = next(iter(balances.items()))
    majority = sound_fit(find("majority")(n_classes, balance, seed), train)
    plain = Choice(majority, "majority", label, predict_on(majority, train), class_balance)
    if name == "auto" and _voting(train) < MINIMUM_LFS:
        return replace(plain, reason="no validation votes, and fewer than three labeling functions that vote")
    if name == "majority":
        return replace(plain, reason="named on the command line")
    try:
        model = sound_fit(find("snorkel" if name == "auto" else name)(n_classes, balance, seed), train)
    except UserError as error:
        if name != "auto" and not isinstance(error, Diverged):
            raise
        warning = f"{error} The majority vote takes its place." if isinstance(error, Diverged) else ""
        return replace(plain, reason=f"no validation votes; {error}", warning=warning)
    soft_labels = predict_on(model, train)
    picked = replace(plain, model=model, soft_labels=soft_labels)
    voted = covered(train.rows)
    best, counts = tied(vote_shares(train.rows[voted], n_classes)), train.counts[voted]
    said = best[np.arange(len(best)), probabilities(model, train.rows[voted]).argmax(1)]  # a class with the most votes
    if name != "auto":
        share = float(np.average(said, weights=counts))
        warning = f"{name} agrees with the majority vote on {share:.0%} of the covered texts: less than chance would."
        return replace(picked, name=name, reason="named on the command line", warning=warning * (share < 1 / n_classes))
    share = float(np.average(said & (best.sum(1) == 1), weights=counts))
    reason = (
        f"no validation votes; Snorkel's model has the majority vote's class on {share:.0%} of rows (in a tie, on none)"
    )
    if share < FALLBACK_AGREEMENT:
        return replace(plain, reason=reason)
    return replace(picked, name="snorkel", reason=reason)
