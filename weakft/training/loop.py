"""The one training loop: every stage of every method runs in it. Knows nothing of where labels come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from weakft.tasks.measure import Truth
from weakft.training.batching import TokenizedTexts
from weakft.training.memory import in_memory, is_out_of_memory, needed
from weakft.training.model import EndModel
from weakft.training.recorded import RecordedSteps, padded_length

if TYPE_CHECKING:
    from weakft.training.stage import Stage


@dataclass
class Batch:
    """One step's rows of the pool with their soft labels [b, k] and weights [b]."""

    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def split(self, sequences: np.ndarray, most: int) -> Iterator[Batch]:
        """Batches of at most so many of the sequences in which the rows are; itself where that is all."""
        distinct, of = np.unique(sequences, return_inverse=True)
        if len(distinct) <= most:
            yield self
            return
        for some in np.array_split(np.arange(len(distinct)), math.ceil(len(distinct) / most)):
            at = np.isin(of, some)
            yield Batch(self.rows[at], self.targets[at], self.weights[at])


Loss = Callable[[Tensor, Tensor, Tensor, Tensor, np.ndarray], Tensor]
"""(logits [b, k], features [b, d], targets [b, k], weights [b], rows [b]) -> a scalar."""


class Progress(Protocol):
    """What the loop tells about its progress."""

    def start(self, stage: str, total: int) -> None:
        """A stage of ``total`` steps begins."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """``n`` steps are done."""

    def say(self, message: str) -> None:
        """Something the user should know."""


@dataclass
class Validator:
    """Scores the model on the validation split (by the figure that counts; the log-loss breaks ties) and spots collapse."""

    tokens: TokenizedTexts
    truth: Truth

    def score(self, model: EndModel) -> tuple[tuple[float, float], bool]:
        """Return ((figure, -log-loss), collapsed): collapsed means one class only is ever predicted. Of probabilities that
        are not finite (argmax would count them as the first class) both are -inf.
        """
        probabilities = model.predict(self.tokens)
        if not np.isfinite(probabilities).all():
            return (-np.inf, -np.inf), False
        collapsed = not self.one_class and len(np.unique(probabilities.argmax(1))) < 2
        return (self.truth.figure(probabilities), -self.truth.log_loss(probabilities)), collapsed

    @property
    def without_gold(self) -> list[str]:
        """The classes, or of texts with any number of labels the labels, that have no gold label."""
        if self.truth.asked is not None:
            return [t.asked[0] for t in self.truth.each() if t.asked and not (t.gold >= 0).any()]
        return [name for c, name in enumerate(self.truth.label_names) if not (self.truth.gold == c).any()]

    @property
    def one_class(self) -> bool:
        """Whether all gold labels are of one class."""
        return len(np.unique(self.truth.gold[self.truth.gold >= 0])) < 2


@dataclass
class Best:
    """The best checkpoint so far, by the validator's score; without a validator the newest is the best.

    step : the stage's, 0 where the model is better as it was before, or where there is no validator.
    """

    score: tuple[float, float] = (-np.inf, -np.inf)
    weights: dict[str, Any] | None = None
    step: int = 0


@dataclass
class History:
    """What happened in a stage, for metrics.json."""

    steps: int = 0
    samples: int = 0
    skipped: int = 0
    valid: list[tuple[int, float]] = field(default_factory=list)
    stopped: str = "budget"


@dataclass
class Schedule:
    """A stage's budget and step size.

    steps : of the optimizer, each on ``accumulate`` batches of ``batch_size`` rows, drawn by ``seed``.   warmup : share of
    them.   patience : looks (every ``eval_every`` steps) without a better score; 0 never stops early.   gradient_clip : the
    gradient's greatest norm.
    """

    steps: int
    learning_rate: float
    weight_decay: float = 1e-4
    warmup: float = 0.0
    decay: bool = True
    eval_every: int = 50
    patience: int = 0
    gradient_clip: float = 1.0
    accumulate: int = 1
    batch_size: int = 32
    seed: int = 0

    @property
    def a_step(self) -> int:
        """Rows a step."""
        return self.batch_size * self.accumulate

    def factor(self, step: int) -> float:
        """The share of ``learning_rate`` at a step: linear warm-up, then linear decay to zero (or constant)."""
        warm = int(self.warmup * self.steps)
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (self.steps - step) / max(1, self.steps - warm)) if self.decay else 1.0


MAX_BAD_STEPS = 5
"""So many steps in a row without a finite loss end the stage."""


class Optimization:
    """AdamW and its schedule over one stage (which may come in several calls of `run`).

    On a GPU a step on one batch of whole texts is a recorded one (`recorded`).
    """

    def __init__(self, model: EndModel, schedule: Schedule) -> None:
        self.model, self.schedule, self.step = model, schedule, 0
        decayed = [p for p in model.module.parameters() if p.ndim > 1]
        rest = [p for p in model.module.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": schedule.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]
        self.records = model.device.type == "cuda"
        # not the accelerator's: it would keep the moments of every stage
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate, fused=True, capturable=self.records)
        self.bad = 0
        self._unread: Tensor | None = None
        self.recorded: RecordedSteps | None = None
        self._rate = torch.tensor(0.0, device=model.device)  # where recorded steps read the step size

    def update(self, tokens: TokenizedTexts, batches: Iterator[Batch], loss: Loss, history: History) -> None:
        """One optimizer step over ``accumulate`` batches; a step whose loss or gradient is not finite is skipped.

        Where the device's memory is too short, each batch is computed in micro-batches from then on.
        """
        rate = self.schedule.learning_rate * self.schedule.factor(self.step)
        self.step += 1
        step = [next(batches) for _ in range(self.schedule.accumulate)]
        self._unread, before = self._recorded(tokens, step, loss, rate), self._unread
        self._count(before, history)  # the device has the next step to do by now
        history.samples += sum(len(batch.rows) for batch in step)
        history.steps += 1
        if self._unread is None:
            self._count(self._computed(tokens, step, loss, rate), history)

    def settle(self, history: History) -> None:
        """Count the last step as taken or skipped, if it is not yet: a recorded one is looked at when the next is under way,
        so that the device need not wait for the host.
        """
        self._count(self._unread, history)
        self._unread = None

    def _count(self, taken: Tensor | bool | None, history: History) -> None:
        if taken is not None:
            good = bool(taken)
            history.skipped += not good
            self.bad = 0 if good else self.bad + 1

    def _recorded(self, tokens: TokenizedTexts, step: list[Batch], loss: Loss, rate: float) -> Tensor | None:
        """The step as a recorded one; whether it was taken (on the device), or None where steps are not recorded."""
        model = self.model
        if not self.records or len(step) > 1 or model.limits.micro_batch is not None or not tokens.plain:
            return None
        if self.recorded is None:  # the loss of whole texts does not ask which rows they are
            self.recorded = RecordedSteps(partial(self._whole, loss, step[0].rows), model.device)
        (batch,) = step
        length = min(padded_length(int(tokens.lengths[batch.rows].max())), model.max_length)
        inputs = tokens.collate(batch.rows, length=length)
        labels = {"targets": torch.from_numpy(batch.targets), "weights": torch.from_numpy(batch.weights)}
        self._set_rate(self._rate.fill_(rate))
        try:
            return self.recorded.take(inputs | labels)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self.records, self.recorded = False, None
            return None

    def _whole(self, loss: Loss, rows: np.ndarray, inputs: dict[str, Tensor]) -> Tensor:
        """A whole step without a look at its values on the host: AdamW itself leaves out one that is not finite."""
        model = self.model
        inputs = dict(inputs)
        targets, weights = inputs.pop("targets"), inputs.pop("weights")
        self.optimizer.zero_grad(set_to_none=True)  # of a recording that failed
        logits, features = model.outputs(inputs)
        value = loss(logits, features, targets, weights, rows)
        model.accelerator.backward(value)
        norm = torch.nn.utils.clip_grad_norm_(model.module.parameters(), self.schedule.gradient_clip)
        good = torch.isfinite(value) & torch.isfinite(norm)
        self.optimizer.found_inf = (~good).float()  # type: ignore[attr-defined]  # of GradScaler's protocol
        try:
            self.optimizer.step()
        finally:
            del self.optimizer.found_inf  # type: ignore[attr-defined]
        self.optimizer.zero_grad(set_to_none=True)  # the graphs' gradients take the same memory
        model.tap.features = None  # it holds on to the step
        return good.detach()

    def _set_rate(self, rate: float | Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _computed(self, tokens: TokenizedTexts, step: list[Batch], loss: Loss, rate: float) -> bool:
        """The step part by part, as memory allows; whether it was taken."""
        schedule, model = self.schedule, self.model
        self._set_rate(rate)
        largest = max(len(np.unique(_sequences(tokens, batch))) for batch in step)
        size = min(largest, model.limits.micro_batch or largest)
        finite = in_memory(lambda most: self._gradients(tokens, step, loss, most), size, 1, self._halved)
        norm = torch.nn.utils.clip_grad_norm_(model.module.parameters(), schedule.gradient_clip)
        good = finite and bool(torch.isfinite(norm))
        if good:
            with needed():
                self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return good

    def _gradients(self, tokens: TokenizedTexts, step: list[Batch], loss: Loss, most: int) -> bool:
        """Sum up the gradients of a step's mean loss, at most so many sequences at a time. Return whether the loss is
        finite.

        The terms are means over rows, so that the parts of a step, each weighed by its share of the rows, have the
        gradients of the whole; but for the contrastive term, whose pairs are then those within a part.
        """
        model = self.model
        self.optimizer.zero_grad(set_to_none=True)  # of an attempt for which memory was too short
        rows = sum(len(batch.rows) for batch in step)
        for batch in step:
            for part in batch.split(_sequences(tokens, batch), most):
                logits, features = model.forward(tokens, part.rows)
                targets = torch.from_numpy(part.targets).to(model.device)
                weights = torch.from_numpy(part.weights).to(model.device)
                value = loss(logits, features, targets, weights, part.rows) * (len(part.rows) / rows)
                if not bool(torch.isfinite(value)):
                    return False
                model.accelerator.backward(value)
        return True

    def _halved(self, size: int) -> None:
        self.model.limits.micro_batch = size
        self.model.tap.features = None  # they hold on to the failed attempt
        self.model.say(
            f"Memory is too short: training goes on with {size} texts at a time, and the same number a step "
            "(contrastive pairs are those within them)."
        )


def run(stage: Stage, loss: Loss, validator: Validator | None, progress: Progress) -> bool:
    """Train to the end of the stage's period, keeping its best checkpoint. Return False where the stage should end.

    A stage ends early when the score has not improved for ``patience`` evaluations, when losses are not finite
    `MAX_BAD_STEPS` times in a row, or when the model has collapsed to one class on the validation split. Between steps
    the stage's state is offered to its checkpoint, and the run can be stopped there.
    """
    stage.optimization.model.module.train()
    with stage.checkpoint.held():
        while stage.step < stage.until:
            stage.optimization.update(stage.tokens, stage.batches, loss, stage.history)
            progress.advance(1)
            if not _goes_on(stage, validator, progress):
                return False
            stage.checkpoint.offer(stage.state_dict)
    return True


def _goes_on(stage: Stage, validator: Validator | None, progress: Progress) -> bool:
    """Look at the validation split where it is time to; whether anything speaks against a further step."""
    optimization, best, history = stage.optimization, stage.best, stage.history
    model, schedule = optimization.model, optimization.schedule
    looks = stage.step % schedule.eval_every == 0 or stage.step == stage.until
    if looks:
        optimization.settle(history)
    if optimization.bad >= MAX_BAD_STEPS:
        history.stopped = "loss not finite"
        where = "" if validator is None else " at the best checkpoint"
        progress.say(f"The loss was not finite {MAX_BAD_STEPS} steps in a row: stopped{where}.")
        return False
    if validator is None or not looks:
        return True
    score, collapsed = validator.score(model)
    history.valid.append((stage.step, score[0]))
    progress.advance(0, f"valid {score[0]:.3f}")
    if score > best.score:
        best.score, best.weights, best.step = score, model.snapshot(), stage.step
    waited = sum(1 for step, _ in history.valid if step > best.step)
    if collapsed and waited >= 2:
        history.stopped = "collapse"
        progress.say("The model predicts a single class on the validation split: stopped at the best checkpoint.")
        return False
    if schedule.patience and waited >= schedule.patience:
        history.stopped = "early"
        return False
    return True


def _sequences(tokens: TokenizedTexts, batch: Batch) -> np.ndarray:
    """The sequence that each row of a batch is in; a whole text is computed as often as the batch has it."""
    return np.arange(len(batch.rows)) if tokens.plain else tokens.sequences_of(batch.rows)
