"""What checkpoints cost: every write of a short run on the embedded messages with MiniLM, its seconds and megabytes.

python -m benchmarks.speed.checkpoints
"""

from __future__ import annotations

import tempfile
import time

import weakft
from weakft.training.checkpoints import Checkpoint, State

STEPS, EVERY = 40, 5.0
"""Steps a stage, and seconds between checkpoints: far more often than anyone would, to see many."""


def main() -> None:
    """Print a line a write, and the mean of those within stages."""
    seconds: list[float] = []
    original = Checkpoint.save

    def save(self: Checkpoint, state: State) -> None:
        start = time.perf_counter()
        original(self, state)
        took = time.perf_counter() - start
        assert self.file is not None
        print(f"{self.file.name:<20}{took:6.2f} s{self.file.stat().st_size / 1e6:8.0f} MB", flush=True)
        if not state.get("done", True):
            seconds.append(took)

    Checkpoint.save = save  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        weakft.train(max_steps=STEPS, checkpoint_every=EVERY, precision="fp32", output=f"{folder}/run")
    print(
        f"{len(seconds)} within stages: {sum(seconds) / len(seconds):.2f} s each, {min(seconds):.2f} to {max(seconds):.2f}"
    )


if __name__ == "__main__":
    main()
