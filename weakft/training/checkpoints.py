"""What a run needs to go on after it was killed: a file a stage, of which the newest is kept.

A file holds tensors and plain values (no code), and is written beside its place, flushed to disk and renamed: it is whole
or absent. Knows nothing of what the stages keep.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from weakft import runs
from weakft.errors import UserError
from weakft.interruption import Signals

State = dict[str, Any]

ADVICE = "Earlier checkpoints stay: make room, and --resume goes on from there."


class Checkpoint:
    """A stage's checkpoint: its state now and then while it runs, and its result when it is done.

    Parameters
    ----------
    file : None keeps nothing.   every : seconds from one to the next; 0 writes none, but reads what is there.
    signals : a stop that is asked for is heeded.
    data : what the texts and votes were (a hash): a checkpoint of others is refused.
    """

    def __init__(
        self, file: Path | None = None, every: float = 0.0, signals: Signals | None = None, data: str = ""
    ) -> None:
        self.file, self.every, self.signals, self.data = file, every, signals or Signals(), data
        self.last = time.monotonic()

    def load(self) -> State | None:
        """The state that was saved last, tensors on the CPU, and the random states of that moment; None without one.

        Raises
        ------
        UserError : the file is damaged, or the data or the labeling functions have changed since.
        """
        if self.file is None or not self.file.is_file():
            return None
        try:
            saved = torch.load(self.file, map_location="cpu", weights_only=True)
            data, state, states = saved["data"], saved["state"], saved["random"]
        except Exception as error:  # whatever torch makes of a damaged file
            raise UserError(f"{self.file}: is damaged. Leave out --resume to begin anew.") from error
        if data != self.data:
            raise UserError(
                f"--resume: the data or the labeling functions have changed since {self.file} was written. Leave out "
                "--resume to begin anew."
            )
        _set_random_states(states)
        return state

    def save(self, state: State) -> None:
        """Write a state, and the random states, in the last one's place.

        Raises
        ------
        UserError : it cannot be written (the last one stays).
        """
        if self.file is None or not self.every:
            return
        content = {"data": self.data, "state": _plain(state), "random": _random_states()}
        with self.signals.held(), runs.mendable(self.file, ADVICE):
            self.file.parent.mkdir(exist_ok=True)
            # one process at a time writes here, and takes the name again that a killed one has left
            with runs.replacing(self.file, self.file.with_suffix(runs.PARTIAL)) as beside:
                _write(content, beside)
            runs.flush(self.file.parent)
        self.last = time.monotonic()

    def offer(self, state: Callable[[], State]) -> None:
        """Save the state if it is time to, or if the run is asked to stop; then it does.

        Raises
        ------
        Interrupted : the run is asked to stop.
        """
        due = self.every and time.monotonic() - self.last >= self.every
        if due or self.signals.asked is not None:  # to make the state costs time, on a GPU it waits for the device
            self.save(state())
        self.signals.check()

    def held(self) -> AbstractContextManager[None]:
        """A block in which the run stops where the state is offered, and nowhere else."""
        return self.signals.held()


class Checkpoints:
    """The checkpoints of an end model by stage, in ``folder``; see `Checkpoint`."""

    def __init__(self, folder: Path, every: float, signals: Signals, data: str) -> None:
        self.folder, self.every, self.signals, self.data = folder, every, signals, data

    def of(self, stage: str) -> Checkpoint:
        """The checkpoint of a stage."""
        return Checkpoint(self.folder / f"{stage}.pt", self.every, self.signals, self.data)

    def within(self, name: str) -> Checkpoints:
        """Those of another end model of the same run."""
        return Checkpoints(self.folder / name, self.every, self.signals, self.data)


def _write(content: State, file: Path) -> None:
    try:
        with file.open("wb") as stream:
            torch.save(content, stream)
    except RuntimeError as error:  # torch's own, for a write that failed in the midst of a tensor
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def arrays(state: State) -> State:
    """A state with NumPy arrays for its tensors."""
    return {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in state.items()}


def _plain(value: Any) -> Any:
    """Tensors for arrays, and Python's numbers for NumPy's: what can be loaded without running code."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    return value


def _random_states() -> State:
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (name, [int(key) for key in keys], *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_states(states: State) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
