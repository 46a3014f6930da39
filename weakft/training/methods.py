"""The methods: which labels each one trains on and whether it self-trains; all of them run in the same loop."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Splits, labeled_rows
from weakft.errors import listed
from weakft.tasks import choose
from weakft.tasks.measure import Truth
from weakft.ties import untied
from weakft.training.batching import TokenizedTexts
from weakft.training.calibration import Calibration, cross_fitted
from weakft.training.checkpoints import Checkpoints
from weakft.training.cross_fitting import OfLabels, unseen
from weakft.training.loop import Progress, Schedule, Validator
from weakft.training.plan import Bench, Trained, WeakLabels, passes, schedule_of, timed, untrained
from weakft.training.pseudo_labels import Selection, harden
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
    if config.max_length > model.max_length:
        progress.say(
            f"--max-length {config.max_length}: {config.model} reads {model.max_length} tokens of a text at most."
        )
    bench = Bench(config, splits, result, model.snapshot(), progress, checkpoints)
    with timed(result.timing, "tokenize"):
        tokens = bench.of_valid if method.labels == "valid" else model.tokenize(splits.train.texts)
        test = None if splits.test is None else model.tokenize(splits.test.texts)
        validator = _validator(method, bench)
    if validator is not None and validator.one_class:
        progress.say(
            "The validation split has gold labels of one class only: what is chosen by it leans to that class, and a "
            "collapse of the model to it cannot be noticed."
        )
    elif validator is not None and (without := validator.without_gold):
        progress.say(
            f"The validation split has no gold label of {listed(without)}: what is chosen by it can lose that. Label texts "
            "of it there, or train without a validation split."
        )
    of_labels = None
    if config.use_valid and method.self_training:  # not for the ceiling beside it
        of_labels = _of_labels(bench, len(label_names), test)
    labeled = _labels(method, bench, weak, len(label_names))
    steps = config.initial_steps or passes(
        config, tokens.count(labeled.rows), *STEPS["valid" if config.gold_labels else method.labels]
    )
    patience = config.patience if method.labels == "weak" and validator is not None else 0
    schedule = schedule_of(config, model, validator, steps, patience)
    stage = "initial fine-tuning" if method.labels == "weak" else f"fine-tuning on {method.labels}"
    with timed(result.timing, stage):
        _head_first(bench, tokens, labeled, schedule, "head")
        initial = checkpoints.of("initial")
        best, history = fine_tune(model, tokens, labeled, schedule, validator, progress, stage, initial)
    result.records["initial"] = asdict(history) | {"best_step": best.step, "valid_figure": best.score[0]}
    if test is not None:
        result.stage_test[method.labels] = model.predict(test)
    if method.self_training and config.self_training_steps != 0:
        assert weak is not None
        run_self_training(bench, tokens, weak, best, validator, of_labels)
    if config.continue_on_valid and method.labels == "weak":  # not the ceiling beside it
        with timed(result.timing, "continued fine-tuning"):
            _continue(bench, len(label_names))
    elif validator is not None and of_labels is None:
        _calibrate(bench, tokens, validator.truth)
    result.records["micro_batch"] = model.limits.micro_batch
    return result


def _head_first(bench: Bench, tokens: TokenizedTexts, labeled: Selection, schedule: Schedule, checkpoint: str) -> None:
    """Train the head alone, on the encoder as it is, for ``head_steps``, if there are any."""
    config, model = bench.config, bench.model
    if config.head_steps:
        steps = min(config.head_steps, config.max_steps or config.head_steps)
        alone = replace(schedule, steps=steps, learning_rate=HEAD_LEARNING_RATE, warmup=0.0, patience=0)
        with model.frozen_encoder():
            fine_tune(model, tokens, labeled, alone, None, bench.progress, "head", bench.checkpoints.of(checkpoint))


def _continue(bench: Bench, n_classes: int) -> None:
    """Fine-tune the end model as it is on the validation labels, for as many steps as `valid` has by default; the last
    weights stay.
    """
    given = _on_valid(bench, n_classes, None)
    stage, checkpoint = "continued fine-tuning on valid", bench.checkpoints.of("continued")
    _, history = fine_tune(bench.model, *given, None, bench.progress, stage, checkpoint)
    bench.result.records["continued"] = asdict(history)


def _calibrate(bench: Bench, tokens: TokenizedTexts, truth: Truth) -> None:
    """Make the end model as sure of each class as it is right on the validation split, unless labels that this has not seen
    are surely told worse then: a few tell little, and the priors keep it near what the model says.
    """
    taught = bench.result.records.get("first_teacher", {})
    wanted = bench.config.calibrated_end_model
    if not tokens.plain or not (taught.get("calibrated", False) if wanted is None else wanted):
        return
    opinion = [bench.model.predict(bench.of_valid)]
    unseen_rows = cross_fitted(opinion, truth)
    worse = truth.surely_better(opinion[0], unseen_rows)
    taken = not worse and bench.model.calibrate(Calibration.of(opinion, truth.gold))
    before, after = truth.log_loss(opinion[0]), truth.log_loss(unseen_rows)
    bench.result.records["calibration"] = {"taken": taken, "before": before, "after": after}


def _of_labels(bench: Bench, n_classes: int, test: TokenizedTexts | None) -> OfLabels:
    """A model fine-tuned on the validation labels alone, by the method `valid`, and what it says of texts that it has not
    learned from (`unseen`). Leaves the pre-trained weights loaded.
    """
    model, result, valid, progress = bench.model, bench.result, bench.splits.valid, bench.progress
    assert valid is not None
    tokens, labeled, schedule = _on_valid(bench, n_classes, bench.config.initial_steps)
    with timed(result.timing, "fine-tuning on valid"):
        _head_first(bench, tokens, labeled, schedule, "labels-head")
        stage, checkpoint = "fine-tuning on valid", bench.checkpoints.of("labels")
        _, history = fine_tune(model, tokens, labeled, schedule, None, progress, stage, checkpoint)
    result.records["labels"] = asdict(history)
    if test is not None:
        result.stage_test["valid"] = model.predict(test)
    weights = model.snapshot()
    with timed(result.timing, "cross-fitting"):
        found = unseen(model, tokens, labeled, valid, bench.pristine, schedule, progress, bench.checkpoints)
    model.restore(bench.pristine)
    return OfLabels(weights, labeled, found)


def _on_valid(bench: Bench, n_classes: int, steps: int | None) -> tuple[TokenizedTexts, Selection, Schedule]:
    """What fine-tuning on the validation labels takes, for so many steps, or as many as `valid` has by default."""
    config, tokens = bench.config, bench.of_valid
    labeled = _labels(METHODS["valid"], bench, None, n_classes)
    steps = steps or passes(config, tokens.count(labeled.rows), *STEPS["valid"])
    return tokens, labeled, schedule_of(config, bench.model, None, steps, 0)


def _validator(method: Method, bench: Bench) -> Validator | None:
    """None where there is no validation gold, and where the labels trained on are to be all that a method costs."""
    valid, model = bench.splits.valid, bench.model
    if valid is None or valid.gold is None or method.labels == "valid" or bench.config.gold_labels is not None:
        return None
    return Validator(bench.of_valid, Truth.of(valid, model.classes, "select"))


def _labels(method: Method, bench: Bench, weak: WeakLabels | None, n_classes: int) -> Selection:
    """The rows to fine-tune on, with their targets."""
    config, splits = bench.config, bench.splits
    if method.labels == "weak":
        assert weak is not None
        rows = np.flatnonzero(weak.covered)
        soft_labels = weak.soft_labels[rows]
        if config.hard_labels:
            soft_labels = harden(untied(soft_labels, np.random.default_rng(config.seed)))
        return Selection.evenly(rows, soft_labels)
    split = splits.train if method.labels == "gold" else splits.valid
    assert split is not None and split.gold is not None
    gold = split.gold.read("train")
    rows = labeled_rows(split, config.gold_labels or len(split), config.seed)
    return Selection.evenly(rows, np.eye(n_classes, dtype=np.float32)[gold[rows]])
