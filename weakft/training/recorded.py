"""Training steps as CUDA graphs: a whole step is recorded once a shape, and then replayed.

A small model's kernels take a GPU less time than Python takes to launch them one by one; a recorded step is one launch. A
recorded step computes what the step would, kernel by kernel; only texts are padded to one of a few lengths, so that few
shapes come up. Knows nothing of stages and batches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import torch
from torch import Tensor

from weakft.training.memory import is_out_of_memory

LENGTHS = (16, 32, 64, 128, 256, 512)
"""Tokens that texts are padded to; longer ones to a multiple of the last. Few: a shape takes as long to record as many
steps take, and a small model's step hardly longer for the padding.
"""

MOST = 64
"""So many shapes are recorded; others run as they are."""

Shape = tuple[tuple[int, ...], ...]
"""Of every input."""

Step = Callable[[dict[str, Tensor]], Tensor]
"""A whole step on inputs that lie on the device; returns there whether it was good, as a bool."""


def padded_length(tokens: int) -> int:
    """The length that a batch with a text of so many tokens is padded to."""
    if tokens > LENGTHS[-1]:
        return -(-tokens // LENGTHS[-1]) * LENGTHS[-1]
    return LENGTHS[bisect_left(LENGTHS, tokens)]


class RecordedSteps:
    """Takes steps, and records each shape of inputs when it comes up for the second time (the first time warms up).

    What ``step`` reads and writes beside its inputs must stay where it lies in memory. A model that cannot be recorded, since
    its forward pass looks at values on the host, runs as it is.
    """

    def __init__(self, step: Step, device: torch.device) -> None:
        self.step, self.device = step, device
        self.graphs: dict[Shape, tuple[torch.cuda.CUDAGraph, dict[str, Tensor], Tensor]] = {}
        self.seen: set[Shape] = set()
        self.works = True
        self.pool: Any = None
        """Of memory, which the graphs share: one step runs at a time."""

    def take(self, inputs: dict[str, Tensor]) -> Tensor:
        """One step on inputs in host memory; return what ``step`` does. A recorded one does not wait for the device.

        Raises
        ------
        RuntimeError : memory is too short; the step was not taken then.
        """
        shape = tuple(tuple(value.shape) for value in inputs.values())
        if shape in self.seen and shape not in self.graphs and self.works and len(self.graphs) < MOST:
            self._record(shape, inputs)
        self.seen.add(shape)
        if shape not in self.graphs:
            return self.step({name: value.to(self.device) for name, value in inputs.items()})
        graph, held, good = self.graphs[shape]
        for name, value in inputs.items():
            held[name].copy_(value, non_blocking=True)
        graph.replay()
        return good.clone()  # the next replay writes there

    def _record(self, shape: Shape, inputs: dict[str, Tensor]) -> None:
        held = {name: value.to(self.device) for name, value in inputs.items()}
        try:
            graph, good = _recorded(lambda: self.step(held), self.pool)
        except RuntimeError as error:
            _recorded(lambda: torch.zeros(1, device=self.device))  # a failure leaves torch's random generator recording
            if is_out_of_memory(error):
                raise
            self.works = False
            return
        self.graphs[shape] = graph, held, good
        self.pool = self.pool or graph.pool()


def _recorded(compute: Callable[[], Tensor], pool: Any = None) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """The graph of what is launched, and where it will leave its result. `torch.cuda.graph`, without emptying the caches."""
    graph, stream = torch.cuda.CUDAGraph(), _stream(torch.cuda.current_device())
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        graph.capture_begin(pool)
        try:
            result = compute()
        except BaseException:
            with suppress(RuntimeError):
                graph.capture_end()
            raise
        graph.capture_end()
    torch.cuda.current_stream().wait_stream(stream)
    return graph, result


@cache
def _stream(_device: int) -> torch.cuda.Stream:
    """Of all recordings on a device: cuBLAS keeps tens of megabytes for every stream that it meets."""
    return torch.cuda.Stream()
