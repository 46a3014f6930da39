"""A device that runs out of memory: the same work in smaller pieces, instead of the end of the run.

Knows nothing of models. Of accelerate's `find_executable_batch_size` it takes what tells such an error and frees the
device's cache; the rest of that begins a whole run again, and collects garbage before every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from accelerate.utils import release_memory
from accelerate.utils.memory import should_reduce_batch_size

from weakft.errors import UserError

T = TypeVar("T")

DRIVERS_WORDS = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""What the driver and cuBLAS say, of which accelerate does not know."""

ADVICE = (
    "Give shorter texts (--max-length), a smaller --batch-size (with --gradient-accumulation), or a smaller --model."
)


@dataclass
class Limits:
    """What fits, as far as is known.

    micro_batch : sequences of a training batch that are computed together; None: all.
    inference_tokens : tokens, padding included, of a batch without gradients.
    """

    inference_tokens: int
    micro_batch: int | None = None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is too short."""
    return (
        isinstance(error, torch.OutOfMemoryError)
        or (isinstance(error, Exception) and should_reduce_batch_size(error))
        or (isinstance(error, RuntimeError) and any(words in str(error) for words in DRIVERS_WORDS))
    )


def in_memory(compute: Callable[[int], T], size: int, least: int, halved: Callable[[int], None]) -> T:
    """``compute(size)``; where memory is too short for that, again with half the size, and so on.

    least : the size below which it does not get smaller.   halved : is told each new size before it is tried, and lets go of
    what it holds on the device.

    Raises
    ------
    UserError : memory is too short for ``least``.
    """
    while True:
        try:
            return compute(size)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            said = str(error)
        # Out of the handler: what the failed attempt had on the device is no longer held by its traceback.
        if size <= least:
            raise UserError(_too_short("one text at a time", said))
        size = max(least, size // 2)
        halved(size)
        release_memory()


@contextmanager
def needed() -> Iterator[None]:
    """A block whose need of memory does not depend on a batch.

    Raises
    ------
    UserError : memory is too short.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(_too_short("the model", str(error))) from error


def _too_short(what: str, said: str) -> str:
    return f"The device's memory is too short for {what}: {said.splitlines()[0]} {ADVICE}"
