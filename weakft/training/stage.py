"""A training stage on its way, as one object: what it has come to, and all that going on from there takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from weakft.training.batching import TokenizedTexts
from weakft.training.checkpoints import Checkpoint, State, arrays
from weakft.training.loop import Batch, Best, History, Optimization, Progress, Schedule
from weakft.training.memory import Limits
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import Selection


class Stage:
    """A stage on its way. It comes in periods, each with rows of its own to train on.

    optimization, best, history : as they stand.   rng : draws pools and batches.
    chosen : the rows of the period under way, None between two; it ends at step `until`.   periods : a record each.
    """

    def __init__(
        self,
        model: EndModel,
        tokens: TokenizedTexts,
        schedule: Schedule,
        rng: np.random.Generator,
        checkpoint: Checkpoint,
    ) -> None:
        self.optimization, self.best, self.history = Optimization(model, schedule), Best(), History()
        self.model, self.tokens, self.schedule, self.rng, self.checkpoint = model, tokens, schedule, rng, checkpoint
        self.chosen: Selection | None = None
        self.until = 0
        self.periods: list[dict[str, float]] = []

    @property
    def step(self) -> int:
        """Optimizer steps taken."""
        return self.optimization.step

    def begin(self, chosen: Selection, steps: int) -> None:
        """A period of so many steps on chosen rows."""
        self._start(chosen, self.step + steps)

    def end(self) -> None:
        """The period is over."""
        self.chosen = None

    def finish(self) -> None:
        """Leave the best checkpoint loaded, as the stage's result."""
        if self.best.weights is not None:
            self.model.restore(self.best.weights)
        weights = self.best.weights or self.model.module.state_dict()
        course = {"history": vars(self.history), "periods": self.periods, "limits": vars(self.model.limits)}
        self.checkpoint.save({"done": True, "best": vars(self.best) | {"weights": weights}, **course})

    def resume(self, progress: Progress) -> bool:
        """Go on where a checkpoint says, if there is one. Return whether it says that the stage is done."""
        state = self.checkpoint.load()
        if state is None:
            return False
        self.best, self.history = Best(**state["best"]), History(**state["history"])
        self.periods, self.model.limits = state["periods"], Limits(**state["limits"])
        if state["done"]:
            assert self.best.weights is not None
            self.model.restore(self.best.weights)
        else:
            self.load_state_dict(state)
        progress.advance(self.history.steps, "resumed")
        return state["done"]

    def state_dict(self) -> State:
        """All of it, within a period."""
        assert self.chosen is not None
        self.optimization.settle(self.history)
        return {
            "done": False,
            "best": vars(self.best),
            "history": vars(self.history),
            "periods": self.periods,
            "limits": vars(self.model.limits),
            "model": self.model.module.state_dict(),
            "optimizer": self.optimization.optimizer.state_dict(),
            "step": self.step,
            "bad": self.optimization.bad,
            "chosen": vars(self.chosen),
            "until": self.until,
            "rng": self._rng_at_begin,
            "drawn": self._drawn,
        }

    def load_state_dict(self, state: State) -> None:
        """Continue from a `state_dict`. Batches are drawn again from the period's begin, and passed over."""
        self.model.restore(state["model"])
        self.optimization.optimizer.load_state_dict(state["optimizer"])
        self.optimization.step, self.optimization.bad = state["step"], state["bad"]
        self.rng.bit_generator.state = state["rng"]
        self._start(Selection(**arrays(state["chosen"])), state["until"])
        for _ in range(state["drawn"]):
            next(self.batches)

    def _start(self, chosen: Selection, until: int) -> None:
        self.chosen, self.until = chosen, until
        self._rng_at_begin, self._drawn = self.rng.bit_generator.state, 0
        self.batches = self._draw(chosen)

    def _draw(self, chosen: Selection) -> Iterator[Batch]:
        for positions in self.tokens.shuffled(chosen.rows, self.schedule.batch_size, self.rng):
            self._drawn += 1
            yield Batch(chosen.rows[positions], chosen.targets[positions], chosen.weights[positions])
