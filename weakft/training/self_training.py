"""COSINE's second stage put together from the options: its first teacher, its settings, its schedule."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from weakft.balance import softmax
from weakft.config import TrainConfig
from weakft.data.dataset import Splits
from weakft.data.words import described
from weakft.tasks.measure import Truth
from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoints
from weakft.training.features import Part, text_views
from weakft.training.first_teacher import FirstTeacher, candidate, candidates, joined, mean_of_best
from weakft.training.loop import Best, Progress, Validator
from weakft.training.model import EndModel
from weakft.training.plan import Trained, WeakLabels, passes, schedule_of, timed
from weakft.training.pseudo_labels import Selection
from weakft.training.stages import SelfTraining, self_train

SELF_TRAINING_STEPS = (250, 400)

TEACHER_ROWS = 16_384
"""So many rows of the pool, at random, does the first teacher look at: enough for any period."""

LEAST_TEACHER_ROWS = 30
"""A pool of fewer rows has no clusters to find; then, and without a validation split, the schedule is the paper's."""


def run_self_training(
    result: Trained,
    config: TrainConfig,
    splits: Splits,
    tokens: TokenizedTexts,
    weak: WeakLabels,
    start: Best,
    pristine: dict[str, Any],
    validator: Validator | None,
    progress: Progress,
    checkpoints: Checkpoints,
) -> None:
    """COSINE's second stage, of a fresh student where a validation split allows to choose its first teacher.

    The initial model has fitted the rules' mistakes, and goes on with them when it trains on itself. So with a first
    teacher (`first_teacher`) the student starts again from the pre-trained weights.

    Where the initial model learned from the validation labels (`use_valid`), these rows join every period.
    """
    model, teacher, balance, clean = result.model, None, weak.class_balance, None
    if config.use_valid:
        tokens, clean = _with_clean(model, splits, weak.soft_labels.shape[1])
    rows = np.sort(np.random.default_rng(config.seed).permutation(splits.train.n_rows)[:TEACHER_ROWS])
    enough = len(rows) >= LEAST_TEACHER_ROWS and bool(weak.covered[rows].any())
    if config.first_teacher and enough and splits.valid is not None and splits.valid.gold is not None:
        with timed(result.timing, "first teacher"):
            checkpoint = checkpoints.of("first-teacher")
            kept = checkpoint.load()
            if kept is None:
                teacher = _first_teacher(model, config, splits, tokens, rows, weak, pristine, progress)
                checkpoint.save(asdict(teacher))
            else:
                teacher = FirstTeacher.of(kept)
                model.restore(pristine)
        balance = teacher.balance
        result.records["first_teacher"] = {
            "valid_accuracy": teacher.accuracy,
            "rows": len(teacher.rows),
            "members": [{"kind": c.kind, "name": c.name, "valid_accuracy": c.accuracy} for c in teacher.members],
        }
    steps = config.self_training_steps or passes(config, len(splits.train), *SELF_TRAINING_STEPS)
    schedule = schedule_of(config, model, validator, steps, 0)
    settings = SelfTraining(
        period=min(config.period, schedule.steps),
        threshold=config.threshold,
        least=config.least_selected,
        contrastive_weight=config.contrastive_weight,
        margin=config.margin,
        distance=config.distance,
        smoothing=config.smoothing,
        hard=config.hard_pseudo_labels,
        weighted=config.confidence_weights,
        balanced=config.balanced_pseudo_labels,
    )
    with timed(result.timing, "self-training"):
        best, history, periods = self_train(
            model,
            tokens,
            schedule,
            settings,
            config.batch_size,
            config.seed,
            balance,
            start,
            teacher,
            validator,
            progress,
            None if clean is None else (splits.train.n_rows, clean),
            checkpoints.of("self-training"),
        )
    result.records["self_training"] = asdict(history) | {
        "best_step": best.step,
        "valid_accuracy": best.score[0],
    }
    result.records["periods"] = periods


def _with_clean(model: EndModel, splits: Splits, k: int) -> tuple[TokenizedTexts, Selection]:
    """The training texts with the validation texts behind them, and the labeled rows of these to train on."""
    assert splits.valid is not None and splits.valid.gold is not None
    gold = splits.valid.gold.read("train")
    known = np.flatnonzero(gold >= 0)
    tokens = model.tokenize([*splits.train.texts, *splits.valid.texts])
    rows = splits.train.n_rows + known
    return tokens, Selection(rows, np.eye(k, dtype=np.float32)[gold[known]], np.ones(len(known), np.float32))


def _first_teacher(
    model: EndModel,
    config: TrainConfig,
    splits: Splits,
    tokens: TokenizedTexts,
    rows: np.ndarray,
    weak: WeakLabels,
    pristine: dict[str, Any],
    progress: Progress,
) -> FirstTeacher:
    """The mean of the best candidates on ``rows``. Leaves the pre-trained weights loaded.

    An initial model that learned from the validation labels cannot be measured on them: it is no candidate then, but
    joins those chosen.
    """
    assert splits.valid is not None and splits.valid.gold is not None
    truth = Truth.of(splits.valid, model.label_names, "select")
    every = np.arange(splits.valid.n_rows)
    pool = Part(tokens, rows, described(splits.train, rows))
    valid = Part(model.tokenize(splits.valid.texts), every, described(splits.valid, every))
    views, initial = text_views(model, pristine, pool, valid, progress)
    k = weak.soft_labels.shape[1]
    balances = {"uniform": np.full(k, 1.0 / k)}
    if weak.class_balance is not None:
        balances["estimated"] = weak.class_balance
    labels = {"label model": weak.soft_labels[rows]}
    if weak.runner_up is not None:
        labels["runner-up"] = weak.runner_up[rows]
    found = [] if config.use_valid else [candidate("initial model's predictions", "", *initial, truth)]
    views = views[1:] if config.use_valid else views
    progress.start("first teacher: candidates", len(views))
    for view in views:
        found += candidates(view, labels, weak.covered[rows], balances, truth)
        progress.advance(1)
    teacher = mean_of_best(rows, found, truth)
    return joined(teacher, softmax(initial[0])) if config.use_valid else teacher
