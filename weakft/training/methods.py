"""The methods: which labels each one trains on and whether it self-trains; all of them run in the same loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Splits, labeled_rows
from weakft.tasks import choose
from weakft.tasks.measure import Truth
from weakft.ties import untied
from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoints
from weakft.training.cross_fitting import OfLabels, unseen
from weakft.training.loop import Progress, Schedule, Validator
from weakft.training.model import EndModel
from weakft.training.plan import Trained, WeakLabels, passes, schedule_of, timed, untrained
from weakft.training.pseudo_labels import harden
from weakft.training.self_training import run_self_training
from weakft.training.stages import fine_tune

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

STEPS: dict[Labels, tuple[int, int]] = {"weak": (150, 400), "gold": (300, 800), "valid": (400, 800)}
"""Range of the steps of fine-tuning on each kind of labels: noisy ones bear fewer."""

HEAD_LEARNING_RATE = 1e-3
"""Step size of the head alone (`head_steps`)."""


def train_end_model(
    method: Method,
    config: TrainConfig,
    splits: Splits,
    label_names: list[str],
    weak: WeakLabels | None,
    progress: Progress,
    checkpoints: Checkpoints,
) -> Trained:
    """Train an end model by a method. Reads training gold only for ``gold``, validation gold for selection (or, for
    ``valid``, to train on), and never test gold.

    Stages that ``checkpoints`` have are taken from there; everything else is worked out again, and comes out the same.
    """
    outputs = splits.train.asked or label_names
    result = Trained(untrained(config, outputs, choose(config.task, splits.train)))
    model = result.model
    model.say = progress.say
    pristine = model.snapshot()
    with timed(result.timing, "tokenize"):
        source = splits.valid if method.labels == "valid" else splits.train
        assert source is not None
        tokens = model.tokenize(source.texts)
        test = None if splits.test is None else model.tokenize(splits.test.texts)
        validator = _validator(method, config, splits, model)
    if validator is not None and validator.one_class:
        progress.say(
            "The validation split has gold labels of one class only: what is chosen by it leans to that class, and a "
            "collapse of the model to it cannot be noticed."
        )
    of_labels = None
    if config.use_valid and method.self_training:  # not for the ceiling beside it
        of_labels = _of_labels(result, config, splits, len(label_names), pristine, test, progress, checkpoints)
    rows, targets = _labels(method, config, splits, weak, len(label_names))
    given = (model, tokens, rows, targets)
    steps = config.initial_steps or passes(
        config, tokens.count(rows), *STEPS["valid" if config.gold_labels else method.labels]
    )
    patience = config.patience if method.labels == "weak" and validator is not None else 0
    schedule = schedule_of(config, model, validator, steps, patience)
    stage = "initial fine-tuning" if method.labels == "weak" else f"fine-tuning on {method.labels}"
    with timed(result.timing, stage):
        if config.head_steps:
            alone = Schedule(min(config.head_steps, config.max_steps or config.head_steps), HEAD_LEARNING_RATE)
            with model.frozen_encoder():
                head = checkpoints.of("head")
                fine_tune(*given, alone, config.batch_size, config.seed, None, progress, "head", head)
        initial = checkpoints.of("initial")
        best, history = fine_tune(*given, schedule, config.batch_size, config.seed, validator, progress, stage, initial)
    result.records["initial"] = asdict(history) | {"best_step": best.step, "valid_figure": best.score[0]}
    if test is not None:
        result.stage_test[method.labels] = model.predict(test)
    if method.self_training and config.self_training_steps != 0:
        assert weak is not None
        begun = (weak, best, pristine, None if of_labels else validator, progress, checkpoints, of_labels)
        run_self_training(result, config, splits, tokens, *begun)
    if config.continue_on_valid and method.labels == "weak":  # not the ceiling beside it
        with timed(result.timing, "continued fine-tuning"):
            _continue(result, config, splits, len(label_names), progress, checkpoints)
    result.records["micro_batch"] = model.limits.micro_batch
    return result


def _continue(
    result: Trained,
    config: TrainConfig,
    splits: Splits,
    n_classes: int,
    progress: Progress,
    checkpoints: Checkpoints,
) -> None:
    """Fine-tune the end model as it is on the validation labels, for as many steps as `valid` has by default; the last
    weights stay.
    """
    given, schedule = _on_valid(result.model, config, splits, n_classes, None)
    stage, continued = "continued fine-tuning on valid", checkpoints.of("continued")
    _, history = fine_tune(*given, schedule, config.batch_size, config.seed, None, progress, stage, continued)
    result.records["continued"] = asdict(history)


def _of_labels(
    result: Trained,
    config: TrainConfig,
    splits: Splits,
    n_classes: int,
    pristine: dict[str, Any],
    test: TokenizedTexts | None,
    progress: Progress,
    checkpoints: Checkpoints,
) -> OfLabels:
    """A model fine-tuned on the validation labels alone, by the method `valid`, and two more of half of them each. Leaves the
    ``pristine`` weights loaded.
    """
    assert splits.valid is not None
    model = result.model
    given, schedule = _on_valid(model, config, splits, n_classes, config.initial_steps)
    how = (config.batch_size, config.seed)
    with timed(result.timing, "fine-tuning on valid"):
        stage, checkpoint = "fine-tuning on valid", checkpoints.of("labels")
        _, history = fine_tune(*given, schedule, *how, None, progress, stage, checkpoint)
    result.records["labels"] = asdict(history)
    if test is not None:
        result.stage_test["valid"] = model.predict(test)
    weights = model.snapshot()
    with timed(result.timing, "cross-fitting"):
        found = unseen(*given, splits.valid, pristine, schedule, *how, progress, checkpoints)
    model.restore(pristine)
    return OfLabels(weights, found)


def _on_valid(
    model: EndModel, config: TrainConfig, splits: Splits, n_classes: int, steps: int | None
) -> tuple[tuple[EndModel, TokenizedTexts, np.ndarray, np.ndarray], Schedule]:
    """What fine-tuning on the validation labels takes, for so many steps, or as many as `valid` has by default."""
    assert splits.valid is not None
    tokens = model.tokenize(splits.valid.texts)
    rows, targets = _labels(METHODS["valid"], config, splits, None, n_classes)
    schedule = schedule_of(config, model, None, steps or passes(config, tokens.count(rows), *STEPS["valid"]), 0)
    return (model, tokens, rows, targets), schedule


def _validator(method: Method, config: TrainConfig, splits: Splits, model: EndModel) -> Validator | None:
    """None where there is no validation gold, and where the labels trained on are to be all that a method costs."""
    if splits.valid is None or splits.valid.gold is None or method.labels == "valid" or config.gold_labels is not None:
        return None
    return Validator(model.tokenize(splits.valid.texts), Truth.of(splits.valid, model.classes, "select"))


def _labels(
    method: Method, config: TrainConfig, splits: Splits, weak: WeakLabels | None, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows to fine-tune on and their targets [len(rows), k]."""
    if method.labels == "weak":
        assert weak is not None
        rows = np.flatnonzero(weak.covered)
        soft_labels = weak.soft_labels[rows]
        if config.hard_labels:
            soft_labels = harden(untied(soft_labels, np.random.default_rng(config.seed)))
        return rows, soft_labels
    split = splits.train if method.labels == "gold" else splits.valid
    assert split is not None and split.gold is not None
    gold = split.gold.read("train")
    rows = labeled_rows(split, config.gold_labels or len(split), config.seed)
    return rows, np.eye(n_classes, dtype=np.float32)[gold[rows]]
