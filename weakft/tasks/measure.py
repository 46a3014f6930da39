"""What is measured: predictions against gold labels, of texts, words or labels, and the figure that models are chosen by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NotRequired, Self, TypedDict

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from weakft.data.dataset import Dataset, first_rows
from weakft.data.labels import YES
from weakft.tasks import entities
from weakft.tasks.folds import by_source, per_row, sources

FLOOR = 1e-3
"""Probabilities are kept above this, so that one row cannot decide."""


class Metrics(TypedDict):
    """Figures of one split: share of right rows, unweighted mean of the classes' F1, number of rows, and of texts where
    these are fewer; of words also F1, precision and recall of whole entities (`weakft.tasks.entities`), over all types
    together. Where a text can have any number of labels: ``macro_f1`` is the mean of the labels' F1, ``micro_f1`` that of
    all labels together.
    """

    accuracy: float
    macro_f1: float
    n: int
    texts: NotRequired[int]
    entity_f1: NotRequired[float]
    entity_precision: NotRequired[float]
    entity_recall: NotRequired[float]
    micro_f1: NotRequired[float]


HEADLINES = {"entity_f1": "entity F1", "micro_f1": "micro-F1", "accuracy": "accuracy"}
"""The figure that counts is the first of these that was measured; with its name for a person."""


def headline(metrics: Metrics) -> str:
    """The name of the figure that counts, a key of the metrics."""
    return next(name for name in HEADLINES if name in metrics)


@dataclass(frozen=True)
class Truth:
    """Gold labels [r] to measure against, -1 where there is none.

    label_names : in class order.   texts, words, asked : as in `Dataset`.
    """

    gold: np.ndarray
    label_names: Sequence[str] = ()
    words: np.ndarray | None = None
    asked: Sequence[str] | None = None
    texts: Sequence[str] | None = None

    @classmethod
    def of(cls, data: Dataset, label_names: Sequence[str], purpose: str) -> Self:
        """A split's gold labels, read for ``purpose``; it must have some."""
        assert data.gold is not None
        return cls(data.gold.read(purpose), label_names, data.words, data.asked, data.texts)

    @property
    def part_sources(self) -> np.ndarray:
        """Which text each row of `parts` is of, numbered as `sources`."""
        if self.words is not None:
            return self.sources[first_rows(self.words)]
        return self.sources[self.gold >= 0] if self.asked is None else self.sources[:: len(self.asked)]

    @cached_property
    def sources(self) -> np.ndarray:
        """Which text each row is of [r], numbered as by `folds.sources`; where the texts are not known, each of its own."""
        if self.texts is None:
            n = len(self.words) if self.words is not None else len(self.gold) // len(self.asked or [""])
            return per_row(np.arange(n), self.words, self.asked)
        return per_row(sources(self.texts), self.words, self.asked)

    @cached_property
    def _texts(self) -> int:
        """Of how many texts the rows with gold labels are."""
        return len(np.unique(self.sources[self.gold >= 0]))

    @cached_property
    def _complete(self) -> np.ndarray:
        assert self.words is not None
        return entities.complete(self.gold, self.words)

    def each(self) -> list[Self]:
        """A label's truth each, where a text can have any number of them; else itself."""
        if self.asked is None:
            return [self]
        q = len(self.asked)
        return [replace(self, gold=self.gold[at::q], asked=[label]) for at, label in enumerate(self.asked)]

    def measure(self, probabilities: np.ndarray) -> Metrics:
        """Compare the most probable class [r, k] with the gold labels; rows without gold do not count. Entities are counted
        in the texts that have a label at every word, and not told of where there are none.

        Macro-F1 averages over the classes that occur in gold or in the predictions (scikit-learn's definition).
        """
        metrics = measure(probabilities, self.gold)
        if self._texts < metrics["n"]:
            metrics["texts"] = self._texts
        if self.words is not None and self._complete.any():
            found = entities.compare(probabilities.argmax(1), self.gold, self.words, self.label_names)
            metrics["entity_f1"] = found.f1
            metrics["entity_precision"], metrics["entity_recall"] = found.precision, found.recall
        if self.asked is not None:
            metrics["micro_f1"], metrics["macro_f1"] = of_labels(probabilities, self.gold, len(self.asked))
        return metrics

    def figure(self, probabilities: np.ndarray) -> float:
        """The figure that counts: accuracy, the F1 of entities, or the micro-F1 of labels."""
        metrics = self.measure(probabilities)
        return metrics[headline(metrics)]  # type: ignore[literal-required]

    def parts(self, probabilities: np.ndarray) -> np.ndarray:
        """What each text adds to the numerator and the denominator of the figure that counts, int [texts, 2]: its value for
        any sample of the texts is one sum by the other. Where a text has one class: of those with a gold label, 1 or 0
        (right or not) and 1.
        """
        predicted = probabilities.argmax(1)
        if self.words is not None and not self._complete.any():
            sums = np.stack([predicted == self.gold, self.gold >= 0], axis=1).astype(np.int64)
            return np.add.reduceat(sums, first_rows(self.words))
        if self.words is not None:
            right, found, there = entities.by_text(predicted, self.gold, self.words, self.label_names).T
        elif self.asked is not None:
            right, found, there = _label_counts(predicted, self.gold, len(self.asked)).sum(axis=-1)
        else:
            right = (predicted == self.gold)[self.gold >= 0].astype(np.int64)
            return np.stack([right, np.ones_like(right)], axis=1)
        return np.stack([2 * right, found + there], axis=1)

    def surely_better(self, p: np.ndarray, q: np.ndarray) -> bool:
        """Whether probabilities ``p`` have a higher figure than ``q`` by more than two standard errors of the difference.
        That is much smaller than either's own, both being measured on the same texts.
        """
        return _surely_above(self.parts(p), self.parts(q), self.part_sources, errors=2)

    def surely_likelier(self, p: np.ndarray, q: np.ndarray) -> bool:
        """Whether gold labels are likelier under probabilities ``p`` than under ``q``: their mean -log p lower by more than
        three standard errors of the difference.
        """
        logs = (_log_of_gold(x, self.gold, FLOOR) for x in (p, q))
        ours, theirs = (np.stack([log, np.ones_like(log)], axis=1) for log in logs)
        return _surely_above(ours, theirs, self.sources[self.gold >= 0], errors=3)

    def standard_error(self, figure: float) -> float:
        """The standard error of a figure measured here, from the number of texts n (0.5 where there is none to go by): the
        words, labels or pairs of entities of one are no independent rows (`sources`). At 0 and 1, where the plain one would
        be 0, that of 1 / (n + 2) from there, by Laplace's rule of succession.
        """
        counts = self.gold >= 0
        if self.words is not None and self._complete.any():
            counts &= np.repeat(self._complete, self.words)
        n = len(np.unique(self.sources[counts]))
        if not n or not math.isfinite(figure):
            return 0.5
        inside = min(max(figure, 1 / (n + 2)), 1 - 1 / (n + 2))
        return math.sqrt(inside * (1 - inside) / n)

    def log_loss(self, probabilities: np.ndarray) -> float:
        """See `log_loss`."""
        return log_loss(probabilities, self.gold)


def _surely_above(p: np.ndarray, q: np.ndarray, source: np.ndarray, errors: float) -> bool:
    """Whether one ratio of two sums [n, 2] is above another of the same rows by more than so many standard errors of the
    difference: by the delta method, rows of one source [n] being one. Not where there is nothing below.
    """
    shares, ratios = [], []
    for part in (p, q):
        above, below = by_source(part, source).T.astype(np.float64)
        if not below.any():
            return False
        ratios.append(above.sum() / below.sum())
        shares.append((above - ratios[-1] * below) / below.mean())
    error = float(np.std(shares[0] - shares[1]) / math.sqrt(len(shares[0])))
    return bool(ratios[0] - ratios[1] > errors * error)


def measure(probabilities: np.ndarray, gold: np.ndarray) -> Metrics:
    """Accuracy and macro-F1 of the most probable class [r, k] on gold labels [r]."""
    known = gold >= 0
    predicted, truth = probabilities[known].argmax(1), gold[known]
    if not len(truth):
        return Metrics(accuracy=float("nan"), macro_f1=float("nan"), n=0)
    return Metrics(
        accuracy=float(accuracy_score(truth, predicted)),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0.0)),
        n=len(truth),
    )


def of_labels(probabilities: np.ndarray, gold: np.ndarray, q: int) -> tuple[float, float]:
    """Micro-F1 of q labels (2 right / (predicted + there), over all of them), and the mean of their F1; the rows [n q, 2] say
    whether a text has each. Labels neither there nor predicted do not count in the mean.
    """
    right, found, there = _label_counts(probabilities.argmax(1), gold, q).sum(axis=1)
    total = found + there
    if not total.sum():
        return 0.0, 0.0
    return float(2 * right.sum() / total.sum()), float((2 * right[total > 0] / total[total > 0]).mean())


def _label_counts(predicted: np.ndarray, gold: np.ndarray, q: int) -> np.ndarray:
    """Whether each label of each text is found rightly, is found, is there: int [3, n, q]."""
    there, found = (gold == YES), (gold >= 0) & (predicted == YES)
    return np.stack([there & found, found, there]).reshape(3, -1, q).astype(np.int64)


def log_loss(probabilities: np.ndarray, gold: np.ndarray, floor: float = FLOOR) -> float:
    """Mean -log p(gold), natural log; probabilities are kept above ``floor`` so that one row cannot decide. 0 of no gold."""
    logs = _log_of_gold(probabilities, gold, floor)
    return float(np.maximum(0.0, -logs.mean())) + 0.0 if len(logs) else 0.0  # not -0.0, which a report would show


def _log_of_gold(probabilities: np.ndarray, gold: np.ndarray, floor: float) -> np.ndarray:
    """log p(gold) of each row with a gold label."""
    known = gold >= 0
    return np.log(np.maximum(probabilities[known, gold[known]], floor))
