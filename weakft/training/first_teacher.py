"""The first teacher of self-training: the weak labels, cleaned on frozen features in seconds.

Fine-tuning fits the rules' mistakes and is then sure of them. So the first pseudo-labels come from models that cannot:
class-wise Gaussians (`discriminant`), with or without label spreading (`neighbours`), on several views of the texts. The
validation split picks; the mean of the best few is the teacher, because a small split cannot tell them apart and
because where they differ they had better be unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from weakft.balance import align, softmax
from weakft.tasks.measure import Truth
from weakft.training.calibration import Calibration, cross_fitted
from weakft.training.chain import Chain
from weakft.training.checkpoints import State, arrays
from weakft.training.discriminant import Discriminant, View
from weakft.training.features import INITIAL
from weakft.training.pseudo_labels import harden

SHRINKAGES = (0.1, 0.2, 0.5)
ITERATIONS = (10, 40, 160)
CONTINUED = 3
"""So many of a view's discriminants, the best after the first number of iterations, go on."""
MOST = 2 / 3
"""With so much of the say of one fine-tuned model a fresh student only loses part of what that knows on the way."""
TEMPERATURES = (1.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.5, 2.0)
"""The first where nothing tells them apart, such as a label that no validation text was asked for."""


@dataclass
class Candidate:
    """A possible teacher: its kind (of which the best counts), what it is, its validation figures (``figure``: the one that
    counts, see `Truth.figure`), its probabilities for pool and validation rows, and whether they come from the initial model.
    """

    kind: str
    name: str
    figure: float
    log_loss: float
    pool: np.ndarray
    valid: np.ndarray
    of_initial: bool = False

    @property
    def order(self) -> tuple[float, float]:
        """Sorts the best first: by the figure, then log-loss."""
        return -self.figure, self.log_loss


@dataclass
class FirstTeacher:
    """The mean of the best candidates, on `rows` of the training split.

    predictions : probabilities [len(rows), k].   valid, figure : those for the validation rows [v, k], and their figure.
    members : the candidates in the mean, best first.   others : those that are heard beside it where it is ``calibrated``
    (`calibrated_mean`).
    chain : what made words agree along their texts, if anything (`linked`).
    labels_share : the share of the predictions that is of a model of gold labels (`joined`); ``valid`` and ``figure`` are
    those of the rest then, since the labels cannot measure what learned from them.
    """

    rows: np.ndarray
    predictions: np.ndarray
    valid: np.ndarray
    figure: float
    members: list[Candidate]
    chain: Chain | None = None
    labels_share: float = 0.0
    others: list[Candidate] = field(default_factory=list)
    calibrated: bool = False

    @classmethod
    def of(cls, state: State) -> FirstTeacher:
        """The teacher whose `asdict` was kept in a checkpoint."""
        members, others = ([Candidate(**arrays(c)) for c in state[name]] for name in ("members", "others"))
        chain = None if state["chain"] is None else Chain(**arrays(state["chain"]))
        return cls(**arrays(state | {"members": members, "others": others, "chain": chain}))

    @property
    def main(self) -> Literal["labels", "initial"] | None:
        """Which fine-tuned model has `MOST` of the say, if one has: that of gold labels, or the initial one."""
        initial = (1.0 - self.labels_share) * np.mean([c.of_initial for c in self.members] or [False])
        return "labels" if self.labels_share >= MOST else "initial" if initial >= MOST else None

    def balance(self, kinds: int, whole: bool) -> np.ndarray:
        """The classes' shares [k], of rows of several kinds [kinds, k]: the mean of the probabilities, or where a row is not
        a ``whole`` text the shares of the most probable classes. There one class (outside, no) has most of the rows, and
        probabilities that are less sure than right would take many from it.
        """
        p = self.predictions if whole else harden(self.predictions)
        shares = p.reshape(-1, kinds, p.shape[1]).mean(0)
        return shares if kinds > 1 else shares[0]

    def beside(self, student: np.ndarray, picked: np.ndarray, follows: np.ndarray) -> np.ndarray:
        """The mean of this teacher's predictions for its rows ``picked`` and a student's, [len(picked), k]. Words are made to
        agree again, half as strongly: the one half of the mean does so already.

        follows : as in `Chain.of`.
        """
        return self._mean(self.predictions[picked], student, follows)

    def valid_beside(self, student: np.ndarray, follows: np.ndarray) -> np.ndarray:
        """The same for all validation rows, of a student's predictions for these [v, k]."""
        return self._mean(self.valid, student, follows)

    def _mean(self, mine: np.ndarray, student: np.ndarray, follows: np.ndarray) -> np.ndarray:
        mean = (mine + student) / 2
        return mean if self.chain is None else self.chain.to_the(0.5).agreed(mean, follows)


def candidate(kind: str, name: str, pool: np.ndarray, valid: np.ndarray, truth: Truth) -> Candidate:
    """Measure log-posteriors of pool [n, k] and validation rows [v, k], at the temperature with the least log-loss."""
    best = min(TEMPERATURES, key=lambda t: truth.log_loss(softmax(valid * t)))
    p, q = softmax(pool * best).astype(np.float32), softmax(valid * best)
    of_initial = kind.startswith(INITIAL)
    return Candidate(kind, name, truth.figure(q), truth.log_loss(q), p, q.astype(np.float32), of_initial)


def candidates(
    view: View,
    labels: dict[str, np.ndarray],
    covered: np.ndarray,
    balances: dict[str, np.ndarray],
    truth: Truth,
) -> Iterator[Candidate]:
    """The best of weak labels x class balance x shrinkage on a view, after more and more iterations, with and without
    spreading.

    labels : soft labels [n, k] of the pool by the label model they come from; rows not in ``covered`` [n] do not count.
    """
    rows = np.flatnonzero(covered)
    started: list[tuple[Candidate, Discriminant, str]] = []
    for source, soft_labels in labels.items():
        for name, balance in balances.items():
            for shrinkage in SHRINKAGES:
                title = f"{source}, {name} balance, shrinkage {shrinkage}"
                model = Discriminant(view, rows, soft_labels[rows], shrinkage, balance).run(ITERATIONS[0])
                alone = candidate(view.name, title, model.scores(view.pool), model.scores(view.valid), truth)
                started.append((alone, model, title))
    for _, model, title in sorted(started, key=lambda entry: entry[0].order)[:CONTINUED]:
        for iterations in ITERATIONS:
            model.run(iterations)
            pool, valid = model.scores(view.pool), model.scores(view.valid)
            what = f"{title}, {iterations} iterations"
            yield candidate(view.name, what, pool, valid, truth)
            smooth = [np.log(np.maximum(p, 1e-12)) for p in view.neighbourhood.spread(softmax(pool), softmax(valid))]
            offsets = align(smooth[0], model.balance)
            yield candidate(f"{view.name}, spread", what, smooth[0] + offsets, smooth[1] + offsets, truth)


def best_of_kinds(found: Iterable[Candidate], truth: Truth) -> tuple[list[Candidate], int]:
    """Of each kind the candidate with the highest validation figure (the log-loss breaks ties), the best kind first, and how
    many of these are alike: within one standard error of the best, so that validation cannot tell them apart.
    """
    kinds: dict[str, Candidate] = {}
    for c in sorted(found, key=lambda c: c.order):
        kinds.setdefault(c.kind, c)
    ordered = list(kinds.values())
    bar = ordered[0].figure - truth.standard_error(ordered[0].figure)
    return ordered, sum(c.figure >= bar for c in ordered)


def mean_of_best(
    rows: np.ndarray,
    found: Iterable[Candidate],
    truth: Truth,
    finished: Callable[[FirstTeacher], FirstTeacher] = lambda teacher: teacher,
) -> FirstTeacher:
    """The teacher as the mean over the kinds alike (`best_of_kinds`), and over the next best kinds, too, where the teacher is
    surely better then, as it is when it is ``finished``.
    """
    kinds, alike = best_of_kinds(found, truth)
    teacher, *wider = (finished(_mean(rows, kinds[:n], truth)) for n in range(alike, len(kinds) + 1))
    best = max(wider, key=lambda t: t.figure, default=teacher)
    return best if truth.surely_better(best.valid, teacher.valid) else teacher


def calibrated_mean(rows: np.ndarray, found: Iterable[Candidate], truth: Truth) -> FirstTeacher:
    """The teacher as the mean over the kinds alike (`best_of_kinds`), mended by what each kind says (`Calibration`); its
    predictions for the validation rows are cross-fitted, so that its figure is what it would be of others.
    """
    kinds, alike = best_of_kinds(found, truth)
    mean = _mean(rows, kinds[:alike], truth)
    valid = [mean.valid, *(c.valid for c in kinds)]
    predictions = Calibration.of(valid, truth.gold).of_rows([mean.predictions, *(c.pool for c in kinds)])
    unseen = cross_fitted(valid, truth)
    figure, members, others = truth.figure(unseen), kinds[:alike], kinds[alike:]
    return FirstTeacher(rows, predictions, unseen, figure, members, others=others, calibrated=True)


def _mean(rows: np.ndarray, members: list[Candidate], truth: Truth) -> FirstTeacher:
    pool, valid = np.mean([c.pool for c in members], axis=0), np.mean([c.valid for c in members], axis=0)
    return FirstTeacher(rows, pool, valid, truth.figure(valid), members)


def interleaved(rows: np.ndarray, teachers: list[FirstTeacher], names: Sequence[str], truth: Truth) -> FirstTeacher:
    """The teachers of several labels as one: its rows ask for these in turn."""
    if len(teachers) == 1:
        return teachers[0]
    predictions = np.stack([t.predictions for t in teachers], axis=1).reshape(len(rows), -1)
    valid = np.stack([t.valid for t in teachers], axis=1).reshape(-1, predictions.shape[1])
    members = [replace(c, kind=f"{name}: {c.kind}") for name, t in zip(names, teachers, strict=True) for c in t.members]
    return FirstTeacher(rows, predictions, valid, truth.figure(valid), members)


def linked(teacher: FirstTeacher, follows: np.ndarray, valid_follows: np.ndarray, truth: Truth) -> FirstTeacher:
    """A teacher whose words agree along their texts (`Chain`), as far as that helps on the validation rows; of texts that are
    a row each the same.

    follows, valid_follows : which of the teacher's rows, and of the validation rows, are the next word to the one before.
    """
    chain = Chain.of(truth, valid_follows, teacher.valid)
    if chain is None:
        return teacher
    predictions, valid = chain.agreed(teacher.predictions, follows), chain.agreed(teacher.valid, valid_follows)
    return replace(teacher, chain=chain, predictions=predictions, valid=valid, figure=truth.figure(valid))


def joined(teacher: FirstTeacher, clean: np.ndarray, share: float) -> FirstTeacher:
    """A teacher joined by the predictions [len(rows), k] of a model that learned from gold labels, as a ``share`` of it."""
    return replace(teacher, predictions=mixed(teacher.predictions, clean, share), labels_share=share)


def mixed(rules: np.ndarray, clean: np.ndarray, share: float) -> np.ndarray:
    """A mixture of two teachers' probabilities [n, k]; they err independently."""
    return ((1.0 - share) * rules + share * clean).astype(np.float32)
