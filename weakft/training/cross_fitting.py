"""How much a model that learned from the validation labels has to say beside the rules: cross-fitting.

On the rows it was fine-tuned on it is right, which tells nothing. So a few more models each learn from most of the texts and
predict the others; the mixture with the rules' teacher that explains these labels best is the one to teach (stacking,
Wolpert 1992; of two, with one weight). Few labels make a weak model, which then has little to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weakft.data.dataset import Dataset
from weakft.tasks.folds import fold_of, sources
from weakft.tasks.measure import Truth
from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoints
from weakft.training.first_teacher import FirstTeacher, mixed
from weakft.training.loop import Progress, Schedule
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import Selection
from weakft.training.stages import fine_tune

FOLDS = 3
"""With two, models of half of the labels know too little to tell what the one of all has to say."""

SHARES = np.linspace(0.0, 1.0, 11)
"""Shares that are tried; labels are too few to tell closer ones apart."""

EVEN = 0.5
"""The share where nothing was predicted unseen, and of each of two models of which one went on from the other."""


@dataclass
class OfLabels:
    """A model of the validation labels: its weights (a `snapshot`), the rows that it learned from, and what `unseen` says."""

    weights: dict[str, Any]
    labeled: Selection
    unseen: np.ndarray | None


def folds(data: Dataset, rows: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in ``rows`` to learn from and to predict, a fold each; none where there are fewer texts than folds.

    Texts of one source (`sources`) stay together: they are no independent rows.
    """
    fold = fold_of(sources(data.texts)[data.places(rows)[0]], FOLDS, seed)
    if len(np.unique(fold)) == FOLDS:
        for held_out in range(FOLDS):
            yield np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)


def unseen(
    model: EndModel,
    tokens: TokenizedTexts,
    labeled: Selection,
    data: Dataset,
    pristine: dict[str, Any],
    schedule: Schedule,
    progress: Progress,
    checkpoints: Checkpoints,
) -> np.ndarray | None:
    """Probabilities [data.n_rows, k] for ``labeled`` rows (elsewhere uniform), each by a model that was fine-tuned on other
    texts' labels, from the ``pristine`` weights, in as many passes as on all of them; None where there are no other texts.
    Leaves the model as it was.
    """
    rows, targets = labeled.rows, labeled.targets
    parts = list(folds(data, rows, schedule.seed))
    if not parts:
        return None
    k = targets.shape[1]
    p = np.full((data.n_rows, k), 1.0 / k, dtype=np.float32)
    weights = model.snapshot()
    for i, (learned, held_out) in enumerate(parts, start=1):
        model.restore(pristine)
        some = Selection.evenly(rows[learned], targets[learned])
        # With as many steps as on all it would be surer than it is right.
        steps = math.ceil(schedule.steps * (FOLDS - 1) / FOLDS)
        its_own = replace(schedule, steps=steps, seed=schedule.seed + i)
        stage, checkpoint = f"cross-fitting, {i} of {FOLDS}", checkpoints.of(f"fold-{i}")
        fine_tune(model, tokens, some, its_own, None, progress, stage, checkpoint)
        p[rows[held_out]] = model.predict(tokens, rows[held_out])
    model.restore(weights)
    return p


def share_of(rules: np.ndarray, of_labels: np.ndarray | None, truth: Truth) -> float:
    """The share of ``of_labels`` (as `unseen` gives it) in the mixture with ``rules`` [v, k] that has the least log-loss."""
    if of_labels is None:
        return EVEN
    return float(min(SHARES, key=lambda s: truth.log_loss(mixed(rules, of_labels, s))))


def the_likelier(
    calibrated: FirstTeacher, mean: FirstTeacher, of_labels: np.ndarray | None, truth: Truth
) -> FirstTeacher:
    """The first teacher to stand beside a model of the validation labels, which know the most of what calibration learns from
    them: the one that is not calibrated, unless these labels are surely likelier with the other, each in its best mixture
    with ``of_labels`` (as `unseen` gives it).
    """
    if of_labels is None:
        return mean
    p, q = (mixed(t.valid, of_labels, share_of(t.valid, of_labels, truth)) for t in (calibrated, mean))
    return calibrated if truth.surely_likelier(p, q) else mean
