"""COSINE's second stage put together from the options: its first teacher, its settings, its schedule."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial

import numpy as np

from weakft.config import TrainConfig
from weakft.data.dataset import Dataset
from weakft.data.rows import described
from weakft.tasks.measure import Truth
from weakft.training.batching import TokenizedLabels, TokenizedTexts
from weakft.training.cross_fitting import EVEN, OfLabels, share_of, the_likelier
from weakft.training.features import INITIAL, Part, text_views
from weakft.training.first_teacher import (
    FirstTeacher,
    calibrated_mean,
    candidate,
    candidates,
    interleaved,
    joined,
    linked,
    mean_of_best,
)
from weakft.training.loop import Best, Validator
from weakft.training.model import no_and_yes
from weakft.training.plan import Bench, WeakLabels, passes, schedule_of, timed
from weakft.training.pseudo_labels import Selection
from weakft.training.stages import Pool, SelfTraining, self_train

SELF_TRAINING_STEPS = (250, 400)

TEACHER_ROWS = 16_384
"""About so many rows of the pool, those of texts at random, does the first teacher look at, and self-training with it."""

TEACHER_TEXTS = 2_048
"""At least so many texts that are asked for labels: each label is learned from a row a text."""

LEAST_TEACHER_TEXTS = 30
"""A pool of fewer texts has no clusters to find; then, and without a validation split, the schedule is the paper's."""


def run_self_training(
    bench: Bench,
    tokens: TokenizedTexts,
    weak: WeakLabels,
    start: Best,
    validator: Validator | None,
    of_labels: OfLabels | None = None,
) -> None:
    """COSINE's second stage, of a fresh student where a validation split allows to choose its first teacher.

    The initial model, whose best checkpoint is ``start``, has fitted the rules' mistakes, and goes on with them when it
    trains on itself. So with a first teacher (`first_teacher`) the student starts again from the pre-trained weights; but
    where most of what it teaches comes from one fine-tuned model, the student goes on from that (`FirstTeacher.main`).

    Where there is a model ``of_labels`` of the validation split (`use_valid`), the labels' rows join every period, and it
    teaches beside the first teacher. The result is the mean of its weights and the student's, in the same shares, or in
    halves where the student goes on from it: it knows the texts that the validation split is drawn from, the student those
    of the pool, and these may differ.
    """
    config, model, result = bench.config, bench.model, bench.result
    clean, share = None, EVEN
    if of_labels is not None:
        tokens, clean = _with_clean(bench, of_labels.labeled)
    teacher = _teacher(bench, tokens, weak, of_labels)
    if teacher is None:
        pool = Pool(np.arange(bench.splits.train.n_rows), weak.class_balance, clean=clean)
    else:
        given = config.class_balance is not None
        balance = weak.class_balance if given else teacher.balance(tokens.kinds, tokens.plain)
        pool = Pool(teacher.rows, balance, teacher, clean)
        share = EVEN if teacher.main == "labels" else teacher.labels_share
        fine_tuned = {"initial": start.weights, "labels": None if of_labels is None else of_labels.weights}
        if teacher.main and (weights := fine_tuned[teacher.main]):
            model.restore(weights)
    steps = config.self_training_steps or passes(config, len(bench.splits.train), *SELF_TRAINING_STEPS)
    chooses = None if of_labels else validator  # which the labels cannot do that are trained on
    schedule = schedule_of(config, model, chooses, steps, 0)
    calibrated = teacher is not None and teacher.calibrated
    settings, checkpoint = _settings(config, schedule.steps, calibrated), bench.checkpoints.of("self-training")
    with timed(result.timing, "self-training"):
        best, history, periods = self_train(
            model, tokens, schedule, settings, pool, start, chooses, bench.progress, checkpoint
        )
    if of_labels is not None:
        trained = history.steps > history.skipped  # else there is no student
        if trained and validator is not None and validator.score(model)[1]:
            bench.progress.say("The student predicts a single class: the model of the validation labels is the result.")
            trained = False
        model.average(of_labels.weights, share if trained else 1.0)
    result.records["self_training"] = asdict(history) | {"best_step": best.step, "valid_figure": best.score[0]}
    result.records["periods"] = periods


def _settings(config: TrainConfig, steps: int, calibrated: bool) -> SelfTraining:
    """``calibrated`` : the first teacher is, so that what it says is learned as it is."""

    def unless(told: bool | None) -> bool:
        return not calibrated if told is None else told

    return SelfTraining(
        period=min(config.period, steps),
        threshold=config.threshold,
        least=config.least_selected,
        contrastive_weight=config.contrastive_weight,
        margin=config.margin,
        distance=config.distance,
        smoothing=config.smoothing,
        hard=config.hard_pseudo_labels,
        weighted=unless(config.confidence_weights),
        sharpened=unless(config.sharpened_pseudo_labels),
        balanced=config.balanced_pseudo_labels,
        calibrated=calibrated,
    )


def _calibrates(config: TrainConfig, tokens: TokenizedTexts) -> bool:
    """Where each text has one class: an F1, which counts of words and labels, is best with more of a rare one than there is.
    A class balance that is given is kept to, whatever the validation split says.
    """
    return config.calibrated_teacher and tokens.plain and config.class_balance is None


def _with_clean(bench: Bench, labeled: Selection) -> tuple[TokenizedTexts, Selection]:
    """The training texts with the validation texts behind them, and the ``labeled`` rows of these to train on."""
    train, valid = bench.splits.train, bench.splits.valid
    assert valid is not None
    tokens = bench.model.tokenize([*train.texts, *valid.texts])
    return tokens, replace(labeled, rows=train.n_rows + labeled.rows)


def _teacher(bench: Bench, tokens: TokenizedTexts, weak: WeakLabels, of_labels: OfLabels | None) -> FirstTeacher | None:
    """The first teacher, or the one that a checkpoint has; None where nothing chooses it or the pool is too small.

    Leaves the pre-trained weights loaded where there is one.
    """
    config, splits = bench.config, bench.splits
    everything = np.arange(splits.train.n_rows)
    texts = max(1, TEACHER_ROWS * tokens.count(everything) // max(1, len(everything)))
    texts = max(texts, TEACHER_TEXTS) if tokens.kinds > 1 else texts
    rows = np.sort(tokens.pick(everything, texts, np.random.default_rng(config.seed)))
    enough = tokens.count(rows) >= LEAST_TEACHER_TEXTS and bool(weak.covered[rows].any())
    if not (config.first_teacher and enough and splits.valid is not None and splits.valid.gold is not None):
        return None
    with timed(bench.result.timing, "first teacher"):
        checkpoint = bench.checkpoints.of("first-teacher")
        kept = checkpoint.load()
        if kept is None:
            teacher = _first_teacher(bench, tokens, rows, weak, of_labels)
            checkpoint.save(asdict(teacher))
        else:
            teacher = FirstTeacher.of(kept)
            bench.model.restore(bench.pristine)
    bench.result.records["first_teacher"] = {
        "valid_figure": teacher.figure,
        "rows": len(teacher.rows),
        "chain_strength": 0.0 if teacher.chain is None else teacher.chain.strength,
        "labels_share": None if of_labels is None else teacher.labels_share,
        "main": teacher.main,
        "calibrated": teacher.calibrated,
        "members": [
            {"kind": c.kind, "name": c.name, "valid_figure": c.figure, "in_mean": in_mean}
            for kinds, in_mean in ((teacher.members, True), (teacher.others, False))
            for c in kinds
        ],
    }
    return teacher


def _first_teacher(
    bench: Bench, tokens: TokenizedTexts, rows: np.ndarray, weak: WeakLabels, of_labels: OfLabels | None
) -> FirstTeacher:
    """The mean of the best candidates on ``rows``. Leaves the pre-trained weights loaded.

    A model of the validation labels cannot be measured on them: it is no candidate, but joins those chosen.
    """
    model, config, splits, progress = bench.model, bench.config, bench.splits, bench.progress
    assert splits.valid is not None and splits.valid.gold is not None
    truth = Truth.of(splits.valid, model.classes, "select")
    pool = _part(tokens, splits.train, rows)
    all_of_it = np.arange(splits.valid.n_rows)
    valid = _part(bench.of_valid, splits.valid, all_of_it)
    views, initial = text_views(model, bench.pristine, pool, valid, progress)
    k, kinds = weak.soft_labels.shape[1], tokens.kinds
    scores = initial if kinds == 1 else (no_and_yes(initial[0]), no_and_yes(initial[1]))
    teachers, sources = [], {"label model": weak.soft_labels, **weak.others}
    progress.start("first teacher: candidates", len(views) * kinds)
    for kind, its_truth in enumerate(truth.each()):
        mine = rows[kind::kinds]
        balances = {} if config.class_balance else {"uniform": np.full(k, 1.0 / k)}
        if weak.class_balance is not None:
            balances["given" if config.class_balance else "estimated"] = weak.class_balance.reshape(kinds, k)[kind]
        labels = {name: soft_labels[mine] for name, soft_labels in sources.items()}
        on_pool, on_valid = (s[kind::kinds] for s in scores)
        of_initial = candidate(f"{INITIAL}'s predictions", "", on_pool, on_valid, its_truth)
        found = [of_initial]
        for view in views:
            if weak.covered[mine].any():
                found += candidates(view, labels, weak.covered[mine], balances, its_truth)
            progress.advance(1)
        follows, valid_follows = tokens.follows(mine), bench.of_valid.follows(all_of_it[kind::kinds])
        mended = partial(linked, follows=follows, valid_follows=valid_follows, truth=its_truth)
        chosen = mean_of_best(mine, found, its_truth, mended)
        if _calibrates(config, tokens):
            calibrated = calibrated_mean(mine, found, its_truth)
            chosen = calibrated if of_labels is None else the_likelier(calibrated, chosen, of_labels.unseen, its_truth)
        teachers.append(chosen)
    teacher = interleaved(rows, teachers, splits.train.asked or [""], truth)
    if of_labels is None:
        return teacher
    model.restore(of_labels.weights)
    clean = model.predict(tokens, rows)
    model.restore(bench.pristine)
    return joined(teacher, clean, share_of(teacher.valid, of_labels.unseen, truth))


def _part(tokens: TokenizedTexts, data: Dataset, rows: np.ndarray) -> Part:
    """Some rows to look at; of texts that are asked for several labels, each text once."""
    if not isinstance(tokens, TokenizedLabels):
        return Part(tokens, rows, described(data, rows))
    once = rows[:: tokens.kinds]
    return Part(tokens.texts, once // tokens.kinds, described(data, once))
