"""The two training stages: fine-tuning on given labels, and COSINE's self-training on the model's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from weakft.training.batching import TokenizedTexts
from weakft.training.calibration import Calibration, cross_fitted
from weakft.training.checkpoints import Checkpoint
from weakft.training.first_teacher import FirstTeacher
from weakft.training.loop import Best, History, Loss, Progress, Schedule, Validator, run
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
    labeled: Selection,
    schedule: Schedule,
    validator: Validator | None,
    progress: Progress,
    title: str,
    checkpoint: Checkpoint,
) -> tuple[Best, History]:
    """Minimise the soft cross-entropy to the targets of ``labeled`` rows (their weights do not count); leave the best
    checkpoint loaded.

    Goes on from ``checkpoint`` where that holds anything.
    """
    progress.start(title, schedule.steps)

    def loss(logits: Tensor, _features: Tensor, y: Tensor, _w: Tensor, _rows: np.ndarray) -> Tensor:
        return soft_cross_entropy(logits, y)

    with learning(model.module, tokens.vocabulary):
        stage = Stage(model, tokens, schedule, np.random.default_rng(schedule.seed), checkpoint)
        if not stage.resume(progress):
            if stage.chosen is None:
                stage.begin(labeled, schedule.steps)
            run(stage, loss, validator, progress)
            stage.finish()
    return stage.best, stage.history


@dataclass
class SelfTraining:
    """The settings of the self-training stage (symbols of the COSINE paper in brackets).

    period : steps between teacher refreshes [T3].   threshold : confidence a row needs [xi].
    contrastive_weight, margin [gamma], distance : the contrastive term.   smoothing : confidence term [lambda].
    least : the share of each pseudo-class that is selected even below the threshold.   hard : pseudo-labels are the most
    probable class instead of soft.   weighted : selected rows count by their confidence [w].   sharpened : as in `select`.
    balanced : the pseudo-labels' mean is the class balance, and rows of rare classes are repeated.   calibrated : the first
    teacher is made as sure as right together with the student, too.
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
    calibrated: bool = False

    @property
    def pool(self) -> float:
        """Rows whose pseudo-labels a refresh computes, a random part of all, as a multiple of what the period trains on."""
        return 2.0 if self.threshold else 1.0


CLEAN_SHARE = 0.2
"""About the least share of a period's rows that have gold labels, where some are trained on."""

MIN_SELECTED = 2
"""A period that selects fewer rows, or rows of one class only, ends the stage: there is nothing to learn from."""


@dataclass
class Pool:
    """What self-training relabels, and by whom.

    rows : of the texts; where there is a teacher, those that it knows.   class_balance : the mean that pseudo-labels are
    to have, [k], of rows of several kinds [kinds, k].   teacher : teaches the first period alone, and later ones together
    with the student (the mean of both), unless that is worse on validation: two views of a text that differ are unsure of
    it.   clean : rows with gold labels as targets, that join every period (a `CLEAN_SHARE` of its rows).
    """

    rows: np.ndarray
    class_balance: np.ndarray | None = None
    teacher: FirstTeacher | None = None
    clean: Selection | None = None


def self_train(
    model: EndModel,
    tokens: TokenizedTexts,
    schedule: Schedule,
    settings: SelfTraining,
    pool: Pool,
    start: Best,
    validator: Validator | None,
    progress: Progress,
    checkpoint: Checkpoint,
) -> tuple[Best, History, list[dict[str, float]]]:
    """COSINE's second stage on covered and uncovered rows together; leave the best checkpoint loaded.

    Each period the student as it stands becomes the teacher: its predictions for a random part of the pool are
    sharpened, weighed and selected once (no second forward pass a step), and the student trains on them.
    Returns the best checkpoint, the history, and a record a period. The checkpoint is ``start``'s, the initial stage's,
    only where that is better on validation by more than one standard error: it may have learned the rules' mistakes,
    which the validation rows show less than unseen text does. Goes on from ``checkpoint`` where that holds anything.
    """
    progress.start("self-training", schedule.steps)
    with learning(model.module, tokens.vocabulary):
        stage = Stage(model, tokens, schedule, np.random.default_rng(schedule.seed + 1), checkpoint)
        if stage.resume(progress):
            return stage.best, stage.history, stage.periods
        loss = _self_training_loss(settings, tokens.kinds)
        while stage.step < schedule.steps:
            if stage.chosen is None and not _begin_period(stage, settings, pool, validator, progress):
                break
            if not run(stage, loss, validator, progress):
                break
            stage.end()
        before = start.score[0]
        if validator is not None and before > stage.best.score[0] + validator.truth.standard_error(before):
            stage.best = Best(start.score, start.weights)
        stage.finish()
    return stage.best, stage.history, stage.periods


def _self_training_loss(settings: SelfTraining, kinds: int) -> Loss:
    """The classification term, the contrastive one (rows of several kinds compared within each) and the confidence term."""

    def loss(logits: Tensor, features: Tensor, y: Tensor, w: Tensor, rows: np.ndarray) -> Tensor:
        value = classification_loss(logits, y, w)
        if settings.contrastive_weight:
            labels = None if kinds == 1 else torch.from_numpy(rows % kinds).to(logits.device)
            pairs = contrastive_loss(features, y.argmax(-1), settings.margin, settings.distance, labels)
            value = value + settings.contrastive_weight * pairs
        return value + settings.smoothing * confidence_regularization(logits)

    return loss


def _begin_period(
    stage: Stage, settings: SelfTraining, pool: Pool, validator: Validator | None, progress: Progress
) -> bool:
    """Choose rows and pseudo-labels; False where there are too few to learn from."""
    schedule = stage.schedule
    steps = min(settings.period, schedule.steps - stage.step)
    needed = max(int(settings.pool * steps * schedule.a_step), 16 * schedule.batch_size)
    picked = stage.tokens.pick(pool.rows, needed, stage.rng)
    chosen = _relabelled(stage, settings, pool, picked, validator)
    classes = len(np.unique(chosen.targets.argmax(1))) if len(chosen.rows) else 0
    stage.periods.append({"step": stage.step, "pool": len(picked), "selected": len(chosen.rows), "classes": classes})
    if len(chosen.rows) < MIN_SELECTED or classes < 2:
        stage.history.stopped = "nothing to select"
        advice = " Lower --threshold if this is early." if settings.threshold else ""
        progress.say(
            f"Self-training stopped at step {stage.step}: {len(chosen.rows)} confident rows "
            f"of {len(picked)}, {classes} classes.{advice}"
        )
        return False
    if settings.balanced:
        chosen = chosen.evened(stage.tokens.kinds)
    stage.begin(chosen if pool.clean is None else chosen.joined(pool.clean, CLEAN_SHARE), steps)
    return True


def _relabelled(
    stage: Stage, settings: SelfTraining, pool: Pool, picked: np.ndarray, validator: Validator | None
) -> Selection:
    """The pseudo-labels of the ``picked`` rows of the pool, by whoever teaches the period that begins."""
    tokens, rows = stage.tokens, pool.rows[picked]
    predictions = _taught(stage, settings, pool, picked, validator)
    chosen = select(
        rows,
        predictions,
        settings.threshold,
        pool.class_balance,
        settings.least,
        settings.balanced,
        tokens.kinds,
        settings.sharpened,
    )
    if settings.hard:
        chosen.targets = harden(chosen.targets)
    if not settings.weighted:
        chosen.weights = np.ones_like(chosen.weights)
    return chosen


def _taught(
    stage: Stage, settings: SelfTraining, pool: Pool, picked: np.ndarray, validator: Validator | None
) -> np.ndarray:
    """What the teacher of the period that begins says of the ``picked`` rows (`Pool`)."""
    model, tokens, teacher, rows = stage.model, stage.tokens, pool.teacher, pool.rows[picked]
    if teacher is None:
        return model.predict(tokens, rows)
    if stage.step == 0:
        return teacher.predictions[picked]
    follows = tokens.follows(rows)
    if validator is None:
        return teacher.beside(model.predict(tokens, rows), picked, follows)
    valid, truth = validator.tokens, validator.truth
    on_valid = model.predict(valid)
    known = teacher.valid_beside(on_valid, valid.follows(np.arange(len(valid))))
    together = cross_fitted([known, on_valid], truth) if settings.calibrated else known
    if truth.figure(together) < teacher.figure:
        return teacher.predictions[picked]
    student = model.predict(tokens, rows)
    both = teacher.beside(student, picked, follows)
    return Calibration.of([known, on_valid], truth.gold).of_rows([both, student]) if settings.calibrated else both
