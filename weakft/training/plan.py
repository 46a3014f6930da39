"""What the stages are given and give back, and how long they train: plain types and schedules from the options."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Splits
from weakft.tasks.base import Task
from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoints
from weakft.training.loop import Progress, Schedule, Validator
from weakft.training.model import EndModel

WIDE = 512
"""Encoders up to this hidden size take the larger default step size."""

SEPARATE = 4
"""So many times the step size where each label has an output of its own: most of these must first learn to say no."""


@dataclass
class WeakLabels:
    """What the labeling functions gave: soft labels [n, k] of the training rows, which rows are covered, the class balance
    [k] (of q labels [q, 2]) self-training aligns with (None: the paper's pull towards equal classes), and further soft
    labels [n, k] by name (`Choice.others`), which the first teacher tries too.
    """

    soft_labels: np.ndarray
    covered: np.ndarray
    class_balance: np.ndarray | None
    others: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Trained:
    """A trained end model and what is known of its training.

    stage_test : test probabilities [n, k] after each stage ("weak" after initial fine-tuning), unmeasured.
    """

    model: EndModel
    timing: dict[str, float] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    stage_test: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Bench:
    """What all stages of a run work with: its options and data, the model on its way, the pre-trained weights that it began
    with (a `snapshot`), and whom to tell.
    """

    config: TrainConfig
    splits: Splits
    result: Trained
    pristine: dict[str, Any]
    progress: Progress
    checkpoints: Checkpoints

    @property
    def model(self) -> EndModel:
        """The end model on its way."""
        return self.result.model

    @cached_property
    def of_valid(self) -> TokenizedTexts:
        """The validation texts, of which there must be some: several stages ask for them."""
        assert self.splits.valid is not None
        return self.model.tokenize(self.splits.valid.texts)


def untrained(config: TrainConfig, label_names: list[str], task: Task | None = None) -> EndModel:
    """The pre-trained encoder that the options name, with a fresh head for the task; both arguments as in `EndModel`."""
    return EndModel(
        config.model,
        label_names,
        seed=config.seed,
        max_length=config.max_length,
        precision=config.precision,
        device=config.device,
        task=task,
    )


@contextmanager
def timed(timing: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's seconds to ``timing[stage]``."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timing[stage] = round(timing.get(stage, 0.0) + time.perf_counter() - start, 3)


def schedule_of(
    config: TrainConfig, model: EndModel, validator: Validator | None, steps: int, patience: int
) -> Schedule:
    """A stage's schedule: the options' step size or the encoder's default, and looks at the validation split as often as
    they are worth.
    """
    width = getattr(model.module.config, "hidden_size", WIDE + 1)
    rate = config.learning_rate or (5e-5 if width <= WIDE else 2e-5) * (1 if model.task.exclusive else SEPARATE)
    steps = min(steps, config.max_steps or steps)
    a_step = config.batch_size * config.gradient_accumulation
    # A text costs about a third of a training step's to predict: this keeps looks below a sixth of the time.
    fair = 20 if validator is None else max(20, math.ceil(2 * validator.tokens.n_sequences / a_step))
    return Schedule(
        steps=steps,
        learning_rate=rate,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
        eval_every=min(config.eval_every or fair, steps),
        patience=patience,
        accumulate=config.gradient_accumulation,
        batch_size=config.batch_size,
        seed=config.seed,
    )


def passes(config: TrainConfig, rows: int, least: int, most: int) -> int:
    """Steps that ``epochs`` passes over so many rows take, within a range."""
    a_step = config.batch_size * config.gradient_accumulation
    return max(least, min(most, math.ceil(config.epochs * rows / a_step)))
