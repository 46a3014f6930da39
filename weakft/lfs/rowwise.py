"""Any labeling functions on a chunk of examples: one after the other over all rows, preprocessors once a row.

Labeling functions that name the same preprocessors in the same order share what these return; a preprocessor gets a copy
of the example, so that none changes what others see. Knows nothing about classes: votes are as they were returned.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from weakft import interruption
from weakft.lfs.core import LabelingFunction
from weakft.lfs.examples import Example, restored
from weakft.lfs.limit import limited

OnError = Callable[[int, BaseException], None]

AT_ONCE = 50
"""Rows between looks at whether the process is to stop."""


class Raised:
    """Stands in a chunk for an example that a preprocessor raised on."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Chunk:
    """Some examples and what the preprocessors made of them, each computed when first asked for.

    timeout : seconds that a call of a labeling function, or of a preprocessor on one example, may take.
    """

    def __init__(self, examples: list[Example], timeout: float | None = None) -> None:
        self._timeout = timeout
        self._made: dict[tuple[int, ...], list[Any]] = {(): examples}

    def votes(self, lf: Any, on_error: OnError, rows: Sequence[int] | None = None) -> list[Any]:
        """The labeling function's votes, None on rows where it raises (told to ``on_error`` by their place).

        rows : those of the chunk that it is called on; None: all.
        """
        f, preprocessors = parts(lf)
        examples = self._after(preprocessors)
        if rows is not None:
            examples = [examples[row] for row in rows]
        votes: list[Any] = []
        add = votes.append
        with restored(), limited(f, self._timeout) as vote:
            rest = chain.from_iterable(_some(examples))
            while True:
                try:
                    for x in rest:
                        if type(x) is Raised:
                            raise x.error
                        add(vote(x))
                    return votes
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # also those that are no `Exception`, as asyncio's and Rust's panics
                    on_error(len(votes), error)
                    add(None)

    def _after(self, preprocessors: Sequence[Any]) -> list[Any]:
        key = tuple(map(id, preprocessors))
        if key not in self._made:
            examples = self._after(preprocessors[:-1])
            self._made[key] = _preprocess(preprocessors[-1], examples, self._timeout)
        return self._made[key]


def _some(examples: list[Any]) -> Iterator[list[Any]]:
    """Some examples at a time; a stop that a function caught (with a bare ``except``) counts behind them."""
    for start in range(0, len(examples), AT_ONCE):
        yield examples[start : start + AT_ONCE]
        interruption.check()


def parts(lf: Any) -> tuple[Callable[[Any], Any], Sequence[Any]]:
    """What a labeling function of weakft's or Snorkel's calls on a preprocessed example, and its preprocessors.

    One with a way of being called of its own is called whole.
    """
    snorkel = getattr(sys.modules.get("snorkel.labeling.lf.core"), "LabelingFunction", None)
    kind = type(lf)
    if kind.__call__ is LabelingFunction.__call__:
        f, pre, resources = lf.f, lf.pre, lf.resources
    elif (
        snorkel is not None
        and issubclass(kind, snorkel)
        and kind.__call__ is snorkel.__call__
        and kind._preprocess_data_point is snorkel._preprocess_data_point
    ):
        f, pre, resources = lf._f, lf._pre, lf._resources
    else:
        return lf, ()
    return (partial(f, **resources) if resources else f), pre


def _preprocess(preprocessor: Any, examples: list[Any], timeout: float | None) -> list[Any]:
    batch = getattr(preprocessor, "batch", None)
    if batch is not None and timeout is None and not any(type(x) is Raised for x in examples):
        try:
            made = list(batch([_copy(x) for x in examples]))
        except KeyboardInterrupt:
            raise
        except BaseException:
            made = []  # one by one, to learn on which rows it fails
        if len(made) == len(examples) and not any(x is None for x in made):
            return made
    with limited(preprocessor, timeout) as one:
        return [_preprocess_one(one, x) for x in examples]


def _preprocess_one(preprocessor: Callable[[Any], Any], x: Any) -> Any:
    if type(x) is Raised:
        return x
    try:
        made = preprocessor(_copy(x))
        if made is None:
            raise ValueError("Preprocessor should not return None")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Raised(error)
    return made


def _copy(x: Any) -> Any:
    return Example(**vars(x)) if type(x) is Example else copy.copy(x)
