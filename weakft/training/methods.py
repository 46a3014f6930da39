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
from weakft.tasks.classification import measure
from weakft.training.batching import TokenizedTexts
from weakft.training.loop import Best, Progress, Schedule, Validator
from weakft.training.model import EndModel
from weakft.training.probe import ProbeResult, embed, self_trained_probe
from weakft.training.pseudo_labels import sharpen
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


@dataclass
class WeakLabels:
    """What the labeling functions gave: soft labels [n, k] of the training rows, which rows are covered, and the class
    balance self-training aligns with (None: the paper's pull towards equal classes).
    """

    soft_labels: np.ndarray
    covered: np.ndarray
    class_balance: np.ndarray | None


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
        validator = _validator(method, splits, model)
    rows, targets = _labels(method, splits, weak, len(label_names))
    steps = config.initial_steps or _passes(config, len(rows), *STEPS[method.labels])
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
        _self_train(result, config, tokens, weak, best, pristine, validator, progress)
    return result


def _validator(method: Method, splits: Splits, model: EndModel) -> Validator | None:
    if splits.valid is None or splits.valid.gold is None or method.labels == "valid":
        return None
    return Validator(model.tokenize(splits.valid.texts), splits.valid.gold.read("select"))


def _labels(method: Method, splits: Splits, weak: WeakLabels | None, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to fine-tune on and their targets [len(rows), k]."""
    if method.labels == "weak":
        assert weak is not None
        rows = np.flatnonzero(weak.covered)
        return rows, weak.soft_labels[rows]
    split = splits.train if method.labels == "gold" else splits.valid
    assert split is not None and split.gold is not None
    gold = split.gold.read("train")
    rows = np.flatnonzero(gold >= 0)
    return rows, np.eye(n_classes, dtype=np.float32)[gold[rows]]


def _self_train(
    result: Trained,
    config: TrainConfig,
    tokens: TokenizedTexts,
    weak: WeakLabels,
    start: Best,
    pristine: dict[str, Any],
    validator: Validator | None,
    progress: Progress,
) -> None:
    """COSINE's second stage, from a fresh student where a linear probe can be had to help the first teacher.

    The initial model has fitted the rules' mistakes, and goes on with them when it trains on itself. So with a probe the
    student starts again from the pre-trained weights, and its first teacher is the probe, alone or together with the
    initial model.
    """
    model, teacher, balance = result.model, None, weak.class_balance
    if config.probe and validator is not None:
        with timed(result.timing, "probe"):
            initial = {"train": model.predict(tokens), "valid": model.predict(validator.tokens)}
            probe = _probe(model, tokens, weak, pristine, validator, progress)
            name, accuracy, teacher = _first_teacher(probe, initial, validator)
        balance = probe.class_balance
        result.records["probe"] = {
            "round": probe.round,
            "threshold": probe.threshold,
            "balance": probe.balance,
            "valid_accuracy": probe.accuracy,
            "first_teacher": name,
            "first_teacher_valid_accuracy": accuracy,
        }
        model.restore(pristine)
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


def _probe(
    model: EndModel,
    tokens: TokenizedTexts,
    weak: WeakLabels,
    pristine: dict[str, Any],
    validator: Validator,
    progress: Progress,
) -> ProbeResult:
    model.restore(pristine)
    progress.start("linear probe", len(tokens) + len(validator.tokens))
    rows = np.flatnonzero(weak.covered)
    balances: dict[str, np.ndarray | None] = {"uniform": None}
    if weak.class_balance is not None:
        balances["estimated"] = weak.class_balance
    return self_trained_probe(
        embed(model, tokens, progress),
        rows,
        weak.soft_labels[rows],
        embed(model, validator.tokens, progress),
        validator.gold,
        balances,
    )


def _first_teacher(
    probe: ProbeResult, initial: dict[str, np.ndarray], validator: Validator
) -> tuple[str, float, np.ndarray]:
    """(name, validation accuracy, training predictions) of the first teacher.

    The probe, unless the mean of its and the initial model's pseudo-labels is better by more than one standard error
    (Breiman et al. 1984): of two that are about as good, the one that can less have learned the rules' mistakes.
    """

    def both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (sharpen(a, probe.class_balance) + sharpen(b, probe.class_balance)) / 2

    together = measure(both(probe.valid_predictions, initial["valid"]), validator.gold)["accuracy"]
    if probe.accuracy >= together - validator.standard_error(together):
        return "probe", probe.accuracy, probe.predictions
    return "both", together, both(probe.predictions, initial["train"])
