"""The two training stages: fine-tuning on given labels, and COSINE's self-training on the model's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoint
from weakft.training.first_teacher import FirstTeacher
from weakft.training.loop import Best, History, Progress, Schedule, Validator, run
from weakft.training.model import EndModel
from weakft.training.objectives import (
    Distance,
    classification_loss,
    confidence_regularization,
    contrastive_loss,
    soft_cross_entropy,
)
from weakft.training.pseudo_labels import Selection, harden, select
from weakft.training.stage import Stage
from weakft.training.vocabulary import learning


def fine_tune(
    model: EndModel,
    tokens: TokenizedTexts,
    rows: np.ndarray,
    targets: np.ndarray,
    schedule: Schedule,
    batch_size: int,
    seed: int,
    validator: Validator | None,
    progress: Progress,
    title: str,
    checkpoint: Checkpoint,
) -> tuple[Best, History]:
    """Minimise the soft cross-entropy to ``targets`` [len(rows), k] on ``rows``; leave the best checkpoint loaded.

    Goes on from ``checkpoint`` where that holds anything.
    """
    progress.start(title, schedule.steps)
    everything = Selection(np.asarray(rows), np.asarray(targets, np.float32), np.ones(len(rows), np.float32))

    def loss(logits: Tensor, _features: Tensor, y: Tensor, w: Tensor, _rows: np.ndarray) -> Tensor:
        return soft_cross_entropy(logits, y, w)

    with learning(model.module, tokens.vocabulary):
        stage = Stage(model, tokens, schedule, batch_size, np.random.default_rng(seed), checkpoint)
        if not stage.resume(progress):
            if stage.chosen is None:
                stage.begin(everything, schedule.steps)
            run(stage, loss, validator, progress)
            stage.finish()
    return stage.best, stage.history


@dataclass
class SelfTraining:
    """The settings of the self-training stage (symbols of the COSINE paper in brackets).

    period : steps between teacher refreshes [T3].   threshold : confidence a row needs [xi].
    contrastive_weight, margin [gamma], distance : the contrastive term.   smoothing : confidence term [lambda].
    least : the share of the pool that is selected even below the threshold.   hard : pseudo-labels are the most probable
    class instead of soft.   weighted : selected rows count by their confidence [w].   sharpened : as in `select`.
    balanced : the pseudo-labels' mean is the class balance, and rows of rare classes are repeated.
    """

    period: int
    threshold: float
    contrastive_weight: float
    margin: float
    distance: Distance
    smoothing: float
    least: float
    hard: bool = False
    weighted: bool = True
    sharpened: bool = True
    balanced: bool = True

    @property
    def pool(self) -> float:
        """Rows whose pseudo-labels a refresh computes, a random part of all, as a multiple of what the period trains on."""
        return 2.0 if self.threshold else 1.0


CLEAN_SHARE = 0.2
"""Least share of a period's rows that have gold labels, where some are trained on."""

MIN_SELECTED = 2
"""A period that selects fewer rows, or rows of one class only, ends the stage: there is nothing to learn from."""


def self_train(
    model: EndModel,
    tokens: TokenizedTexts,
    schedule: Schedule,
    settings: SelfTraining,
    batch_size: int,
    seed: int,
    class_balance: np.ndarray | None,
    start: Best,
    teacher: FirstTeacher | None,
    validator: Validator | None,
    progress: Progress,
    clean: tuple[int, Selection] | None = None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Best, History, list[dict[str, float]]]:
    """COSINE's second stage on covered and uncovered rows together; leave the best checkpoint loaded.

    Each period the student as it stands becomes the teacher: its predictions for a random part of the pool are
    sharpened, weighed and selected once (no second forward pass a step), and the student trains on them. Where a first
    teacher is given, it teaches the first period alone, and later ones together with the student (the mean of both, on
    the rows it knows): two views of a text that differ are unsure of it. ``class_balance`` is [k], of rows of several kinds
    [kinds, k]. ``clean`` is the number of rows in the pool, and
    rows behind it, with gold labels as targets, that join every period (a `CLEAN_SHARE` of its rows).
    Returns the best checkpoint, the history, and a record a period. The checkpoint is ``start``'s, the initial stage's,
    only where that is better on validation by more than one standard error: it may have learned the rules' mistakes,
    which the validation rows show less than unseen text does. Goes on from ``checkpoint`` where that holds anything.
    """
    progress.start("self-training", schedule.steps)
    rng = np.random.default_rng(seed + 1)
    everything = np.arange(len(tokens) if clean is None else clean[0])

    def loss(logits: Tensor, features: Tensor, y: Tensor, w: Tensor, rows: np.ndarray) -> Tensor:
        value = classification_loss(logits, y, w)
        if settings.contrastive_weight:
            labels = None if tokens.kinds == 1 else torch.from_numpy(rows % tokens.kinds).to(logits.device)
            pairs = contrastive_loss(features, y.argmax(-1), settings.margin, settings.distance, labels)
            value = value + settings.contrastive_weight * pairs
        return value + settings.smoothing * confidence_regularization(logits)

    def begin_period(stage: Stage) -> bool:
        """Choose rows and pseudo-labels; False where there are too few to learn from."""
        steps = min(settings.period, schedule.steps - stage.step)
        pool = everything if teacher is None else teacher.rows
        needed = max(int(settings.pool * steps * batch_size * schedule.accumulate), 16 * batch_size)
        picked = tokens.pick(pool, needed, rng)
        rows = pool[picked]
        if teacher is None:
            predictions = model.predict(tokens, rows)
        elif stage.step == 0:
            predictions = teacher.predictions[picked]
        else:
            predictions = teacher.beside(model.predict(tokens, rows), picked, tokens.follows(rows))
        chosen = select(
            rows,
            predictions,
            settings.threshold,
            class_balance,
            settings.least,
            settings.balanced,
            tokens.kinds,
            settings.sharpened,
        )
        if settings.hard:
            chosen.targets = harden(chosen.targets)
        if not settings.weighted:
            chosen.weights = np.ones_like(chosen.weights)
        classes = len(np.unique(chosen.targets.argmax(1))) if len(chosen.rows) else 0
        stage.periods.append({"step": stage.step, "pool": len(rows), "selected": len(chosen.rows), "classes": classes})
        if len(chosen.rows) < MIN_SELECTED or classes < 2:
            stage.history.stopped = "nothing to select"
            advice = " Lower --threshold if this is early." if settings.threshold else ""
            progress.say(
                f"Self-training stopped at step {stage.step}: {len(chosen.rows)} confident rows "
                f"of {len(rows)}, {classes} classes.{advice}"
            )
            return False
        if settings.balanced:
            chosen = chosen.evened(tokens.kinds)
        stage.begin(chosen if clean is None else chosen.joined(clean[1], CLEAN_SHARE), steps)
        return True

    with learning(model.module, tokens.vocabulary):
        stage = Stage(model, tokens, schedule, batch_size, rng, checkpoint or Checkpoint())
        if stage.resume(progress):
            return stage.best, stage.history, stage.periods
        while stage.step < schedule.steps:
            if stage.chosen is None and not begin_period(stage):
                break
            if not run(stage, loss, validator, progress):
                break
            stage.end()
        doubt = 0.0 if validator is None else validator.truth.standard_error(start.score[0])
        if validator is not None and start.score[0] > stage.best.score[0] + doubt:
            stage.best = Best(start.score, start.weights)
        stage.finish()
    return stage.best, stage.history, stage.periods
