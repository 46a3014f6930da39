"""COSINE's second stage put together from the options: its first teacher, its settings, its schedule."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Splits
from weakft.training.batching import TokenizedTexts
from weakft.training.features import Part, text_views
from weakft.training.first_teacher import FirstTeacher, candidate, candidates, mean_of_best, with_probe
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
) -> None:
    """COSINE's second stage, of a fresh student where a validation split allows to choose its first teacher.

    The initial model has fitted the rules' mistakes, and goes on with them when it trains on itself. So with a first
    teacher (`first_teacher`) the student starts again from the pre-trained weights.

    Where the validation labels are trained on (`use_valid`), a probe on them joins the first teacher, they join every
    period, and no checkpoint is chosen: the last one stays.
    """
    model, teacher, balance = result.model, None, weak.class_balance
    rows = np.sort(np.random.default_rng(config.seed).permutation(len(tokens))[:TEACHER_ROWS])
    enough = len(rows) >= LEAST_TEACHER_ROWS and bool(weak.covered[rows].any())
    if config.first_teacher and validator is not None and enough:
        with timed(result.timing, "first teacher"):
            teacher = _first_teacher(model, config, splits, tokens, rows, weak, pristine, validator, progress)
        balance = teacher.balance
        result.records["first_teacher"] = {
            "valid_accuracy": teacher.accuracy,
            "rows": len(teacher.rows),
            "members": [{"kind": c.kind, "name": c.name, "valid_accuracy": c.accuracy} for c in teacher.members],
        }
    steps = config.self_training_steps or passes(config, len(tokens), *SELF_TRAINING_STEPS)
    clean = None
    if config.use_valid and validator is not None:
        tokens, clean = _with_clean(model, splits, weak.soft_labels.shape[1])
        validator = None
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
            clean,
        )
    result.records["self_training"] = asdict(history) | {
        "best_step": best.step,
        "valid_accuracy": best.score[0],
    }
    result.records["periods"] = periods


def _with_clean(model: EndModel, splits: Splits, k: int) -> tuple[TokenizedTexts, Selection]:
    """The training texts with the labeled validation texts behind them, and these as rows to train on."""
    assert splits.valid is not None and splits.valid.gold is not None
    gold = splits.valid.gold.read("train")
    known = np.flatnonzero(gold >= 0)
    tokens = model.tokenize([*splits.train.texts, *(splits.valid.texts[row] for row in known)])
    rows = len(splits.train) + np.arange(len(known))
    return tokens, Selection(rows, np.eye(k, dtype=np.float32)[gold[known]], np.ones(len(known), np.float32))


def _first_teacher(
    model: EndModel,
    config: TrainConfig,
    splits: Splits,
    tokens: TokenizedTexts,
    rows: np.ndarray,
    weak: WeakLabels,
    pristine: dict[str, Any],
    validator: Validator,
    progress: Progress,
) -> FirstTeacher:
    """The mean of the best candidates on ``rows``, with a probe on the validation labels where they are trained on.

    Leaves the pre-trained weights loaded.
    """
    assert splits.valid is not None
    pool = Part(tokens, rows, [splits.train.texts[row] for row in rows])
    valid = Part(validator.tokens, np.arange(len(validator.tokens)), splits.valid.texts)
    views, initial = text_views(model, pristine, pool, valid, progress)
    k = weak.soft_labels.shape[1]
    balances = {"uniform": np.full(k, 1.0 / k)}
    if weak.class_balance is not None:
        balances["estimated"] = weak.class_balance
    labels = {"label model": weak.soft_labels[rows]}
    if weak.runner_up is not None:
        labels["runner-up"] = weak.runner_up[rows]
    found = [candidate("initial model's predictions", "", *initial, validator.gold)]
    progress.start("first teacher: candidates", len(views))
    for view in views:
        found += candidates(view, labels, weak.covered[rows], balances, validator.gold)
        progress.advance(1)
    teacher = mean_of_best(rows, found, validator.gold)
    return with_probe(teacher, views[-1], validator.gold) if config.use_valid else teacher
