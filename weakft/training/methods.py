"""The methods: which labels each one trains on and whether it self-trains; all of them run in the same loop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Splits
from weakft.training.batching import TokenizedTexts
from weakft.training.features import Part, text_views
from weakft.training.first_teacher import FirstTeacher, candidate, candidates, mean_of_best
from weakft.training.loop import Best, Progress, Schedule, Validator
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import harden
from weakft.training.stages import SelfTraining, fine_tune, self_train

Labels = Literal["weak", "gold", "valid"]


@dataclass(frozen=True)
class Method:
    """What an end model is trained on, and whether self-training follows."""

    labels: Labels
    self_training: bool = False


METHODS: dict[str, Method] = {
    "cosine": Method("weak", self_training=True),
    "weak": Method("weak"),
    "gold": Method("gold"),
    "valid": Method("valid"),
}
"""The methods that train an end model; `majority` and `label-model` do not."""

WIDE = 512
"""Encoders up to this hidden size take the larger default step size."""

STEPS: dict[Labels, tuple[int, int]] = {"weak": (150, 400), "gold": (300, 800), "valid": (200, 800)}
"""Range of the steps of fine-tuning on each kind of labels: noisy ones bear fewer."""

SELF_TRAINING_STEPS = (250, 400)

TEACHER_ROWS = 16_384
"""So many rows of the pool, at random, does the first teacher look at: enough for any period."""

LEAST_TEACHER_ROWS = 30
"""A pool of fewer rows has no clusters to find; then, and without a validation split, the schedule is the paper's."""


@dataclass
class WeakLabels:
    """What the labeling functions gave: soft labels [n, k] of the training rows, which rows are covered, the class
    balance self-training aligns with (None: the paper's pull towards equal classes), and the soft labels of the next
    best label model, which the first teacher tries too.
    """

    soft_labels: np.ndarray
    covered: np.ndarray
    class_balance: np.ndarray | None
    runner_up: np.ndarray | None = None


@dataclass
class Trained:
    """A trained end model and what is known of its training.

    stage_test : test probabilities [n, k] after each stage ("weak" after initial fine-tuning), unmeasured.
    """

    model: EndModel
    timing: dict[str, float] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    stage_test: dict[str, np.ndarray] = field(default_factory=dict)


@contextmanager
def timed(timing: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's seconds to ``timing[stage]``."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timing[stage] = round(timing.get(stage, 0.0) + time.perf_counter() - start, 3)


def _schedule(config: TrainConfig, model: EndModel, validator: Validator | None, steps: int, patience: int) -> Schedule:
    width = getattr(model.module.config, "hidden_size", WIDE + 1)
    rate = config.learning_rate or (5e-5 if width <= WIDE else 2e-5)
    steps = min(steps, config.max_steps or steps)
    a_step = config.batch_size * config.gradient_accumulation
    # A text costs about a third of a training step's to predict: this keeps looks below a sixth of the time.
    fair = 20 if validator is None else max(20, math.ceil(2 * len(validator.tokens) / a_step))
    return Schedule(
        steps=steps,
        learning_rate=rate,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
        eval_every=min(config.eval_every or fair, steps),
        patience=patience,
        accumulate=config.gradient_accumulation,
    )


def _passes(config: TrainConfig, rows: int, least: int, most: int) -> int:
    """Steps that ``epochs`` passes over so many rows take, within a range."""
    a_step = config.batch_size * config.gradient_accumulation
    return max(least, min(most, math.ceil(config.epochs * rows / a_step)))


def train_end_model(
    method: Method,
    config: TrainConfig,
    splits: Splits,
    label_names: list[str],
    weak: WeakLabels | None,
    progress: Progress,
) -> Trained:
    """Train an end model by a method. Reads training gold only for ``gold``, validation gold for selection (or, for
    ``valid``, to train on), and never test gold.
    """
    result = Trained(
        EndModel(
            config.model,
            label_names,
            seed=config.seed,
            max_length=config.max_length,
            precision=config.precision,
            device=config.device,
        )
    )
    model = result.model
    pristine = model.snapshot()
    with timed(result.timing, "tokenize"):
        source = splits.valid if method.labels == "valid" else splits.train
        assert source is not None
        tokens = model.tokenize(source.texts)
        test = None if splits.test is None else model.tokenize(splits.test.texts)
        validator = _validator(method, config, splits, model)
    rows, targets = _labels(method, config, splits, weak, len(label_names))
    steps = config.initial_steps or _passes(config, len(rows), *STEPS["valid" if config.gold_labels else method.labels])
    patience = config.patience if method.labels == "weak" and validator is not None else 0
    schedule = _schedule(config, model, validator, steps, patience)
    stage = "initial fine-tuning" if method.labels == "weak" else f"fine-tuning on {method.labels}"
    with timed(result.timing, stage):
        best, history = fine_tune(
            model, tokens, rows, targets, schedule, config.batch_size, config.seed, validator, progress, stage
        )
    result.records["initial"] = asdict(history) | {"best_step": best.step, "valid_accuracy": best.score[0]}
    if test is not None:
        result.stage_test["weak" if method.labels == "weak" else method.labels] = model.predict(test)
    if method.self_training and config.self_training_steps != 0:
        assert weak is not None
        _self_train(result, config, splits, tokens, weak, best, pristine, validator, progress)
    return result


def _validator(method: Method, config: TrainConfig, splits: Splits, model: EndModel) -> Validator | None:
    """None where there is no validation gold, and where the labels trained on are to be all that a method costs."""
    if splits.valid is None or splits.valid.gold is None or method.labels == "valid" or config.gold_labels is not None:
        return None
    return Validator(model.tokenize(splits.valid.texts), splits.valid.gold.read("select"))


def _labels(
    method: Method, config: TrainConfig, splits: Splits, weak: WeakLabels | None, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows to fine-tune on and their targets [len(rows), k]."""
    if method.labels == "weak":
        assert weak is not None
        rows = np.flatnonzero(weak.covered)
        return rows, harden(weak.soft_labels[rows]) if config.hard_labels else weak.soft_labels[rows]
    split = splits.train if method.labels == "gold" else splits.valid
    assert split is not None and split.gold is not None
    gold = split.gold.read("train")
    rows = draw(gold, config.gold_labels or len(gold), config.seed)
    return rows, np.eye(n_classes, dtype=np.float32)[gold[rows]]


def draw(gold: np.ndarray, n: int, seed: int) -> np.ndarray:
    """``n`` random rows that have gold labels, in order. A seed's sets are nested: more are the fewer and further ones."""
    return np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(gold >= 0))[:n])


def _self_train(
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
    """
    model, teacher, balance = result.model, None, weak.class_balance
    rows = np.sort(np.random.default_rng(config.seed).permutation(len(tokens))[:TEACHER_ROWS])
    enough = len(rows) >= LEAST_TEACHER_ROWS and bool(weak.covered[rows].any())
    if config.first_teacher and validator is not None and enough:
        with timed(result.timing, "first teacher"):
            teacher = _first_teacher(model, splits, tokens, rows, weak, pristine, validator, progress)
        balance = teacher.balance
        result.records["first_teacher"] = {
            "valid_accuracy": teacher.accuracy,
            "rows": len(teacher.rows),
            "members": [{"kind": c.kind, "name": c.name, "valid_accuracy": c.accuracy} for c in teacher.members],
        }
    steps = config.self_training_steps or _passes(config, len(tokens), *SELF_TRAINING_STEPS)
    schedule = _schedule(config, model, validator, steps, 0)
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
        )
    result.records["self_training"] = asdict(history) | {
        "best_step": best.step,
        "valid_accuracy": best.score[0],
    }
    result.records["periods"] = periods


def _first_teacher(
    model: EndModel,
    splits: Splits,
    tokens: TokenizedTexts,
    rows: np.ndarray,
    weak: WeakLabels,
    pristine: dict[str, Any],
    validator: Validator,
    progress: Progress,
) -> FirstTeacher:
    """The mean of the best candidates on ``rows``. Leaves the pre-trained weights loaded."""
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
    return mean_of_best(rows, found, validator.gold)
