"""The main job: texts and labeling functions to a fine-tuned model, its measurements and its run folder.

Reads top to bottom as the data flows: load, vote, aggregate, train, measure once, write.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from weakft import needs, results, runs, unfinished
from weakft.config import TrainConfig
from weakft.data.rows import shown
from weakft.errors import Told, UserError
from weakft.inputs import Given, load, origin, understood
from weakft.interruption import Signals
from weakft.job import Job, Run
from weakft.label_models.choose import Choice
from weakft.label_models.silence import usable
from weakft.lfs import fingerprint
from weakft.lfs.load import RuleSet
from weakft.report import page
from weakft.report.disagreements import surest
from weakft.report.folder import lf_summary as read_summary
from weakft.tasks import choose
from weakft.votes import Votes, aggregate, cast_votes, lf_summary, settled, unvoted_classes

if TYPE_CHECKING:
    from weakft.training.checkpoints import Checkpoints
    from weakft.training.loop import Progress


def train(config: TrainConfig, given: Given, progress: Progress) -> Run:
    """Run a method end to end and write its run folder, or go on with a run that was interrupted.

    Raises
    ------
    UserError : for anything wrong with the input; nothing is written then.
    Interrupted : SIGINT or SIGTERM came; the last checkpoint, if there is one, stays.
    """
    with Signals() as signals:
        splits, rules, labels = load(config, given, needs.votes(config))
        needs.check(config, splits, labels)
        task = choose(config.task, splits.train).name
        for line in (*understood(task, splits, rules, labels, needs.votes(config)), *needs.ignored(config, splits)):
            progress.say(line)
        folder = runs.resolved(Path(config.output or f"runs/{splits.name}-{config.method}-seed{config.seed}"))
        runs.check_target(folder)
        hashes = origin(splits, rules)
        if config.output is None and _data_of(folder) not in (None, hashes["data"]):
            raise UserError(f"{folder} is a run of other data; name a folder for this one with --output.")
        if config.resume and not unfinished.can_resume(folder) and (folder / runs.METRICS).is_file():
            return _finished(_compared(config, given), folder, hashes, progress)
        if splits.left_out:
            n = len(splits.train)
            progress.say(Told(f"{n:,} of {n + splits.left_out:,} training texts were drawn at random (--max-rows)."))
        job = Job(config, splits, labels, task, hashes, progress)
        with unfinished.hold(folder, _compared(config, given), config.resume, progress.say) as place:
            _work(job, rules, place, signals)
            return _write(job, given, folder, place)


def _data_of(folder: Path) -> str | None:
    """The hash of the data of a run that is there."""
    file = folder / runs.METRICS
    found: str | None = runs.values(file).get("origin", {}).get("data") if file.is_file() else None
    return found


def _compared(config: TrainConfig, given: Given) -> dict[str, Any]:
    """The options that decide what comes out, and the versions; a run that is resumed must have the same."""
    options = config.model_dump(
        mode="json",
        exclude={"debug", "output", "resume", "checkpoint_every", "processes", "cache", "cache_dir"},
    )
    return options | given.named | {f"{package} version": results.installed(package) for package in ("weakft", "torch")}


def _finished(options: dict[str, Any], folder: Path, given: dict[str, str], progress: Progress) -> Run:
    """A run that is finished already, as it was written (but for ``parts``)."""
    unfinished.refuse_other_options(runs.values(folder / runs.CONFIG), options)
    metrics = runs.values(folder / runs.METRICS)
    if metrics.get("origin", given) != given:
        raise UserError(
            f"--resume: the finished run {folder} was of other data or labeling functions, or of some that cannot be "
            "compared. Leave out --resume to begin anew, or name another folder with --output."
        )
    unfinished.clear_up(folder)
    progress.say(Told(f"The run {folder} is finished: there is nothing to resume."))
    summary = folder / runs.LF_SUMMARY
    return Run(folder, metrics, read_summary(summary) if summary.is_file() else None, metrics["table"])


def _work(job: Job, rules: RuleSet | None, place: Path, signals: Signals) -> None:
    """Vote, aggregate, train, measure."""
    from weakft.training.methods import METHODS
    from weakft.training.plan import timed

    if needs.votes(job.config):
        with timed(job.timing, "labeling functions"):
            job.cast = _vote(job, rules)
        job.summary, job.in_summary = lf_summary(job.cast, job.splits, job.labels)
        job.votes = settled(job.cast, job.splits, job.labels)
        if job.config.method != "majority":
            with timed(job.timing, "label model"):
                job.choice = _aggregate(job, job.votes)
    if job.config.method in METHODS:
        _train_end_model(job, _checkpoints(job, place, signals))
    job.gold_used = results.gold_used(job)  # before the ceiling, which is measured beside the run and gives it nothing
    if job.config.ceiling:
        with timed(job.timing, "ceiling"):
            _train_ceiling(job, _checkpoints(job, place, signals).within("ceiling"))
    with timed(job.timing, "predictions"):
        job.final = results.predict(job)
    results.measure(job)


def _checkpoints(job: Job, place: Path, signals: Signals) -> Checkpoints:
    from weakft.training.checkpoints import Checkpoints

    return Checkpoints(place, job.config.checkpoint_every, signals, _fingerprint(job))


def _fingerprint(job: Job) -> str:
    """A hash of what training is given: texts, gold (the training split's where it is trained on), votes, soft labels."""
    total = hashlib.sha256()
    for name, split in job.splits.named():
        votes = None if job.votes is None else getattr(job.votes, name)
        trains_on_it = name != "train" or job.config.method == "gold" or job.config.ceiling
        gold = split.gold.fingerprint() if split.gold is not None and trains_on_it else None
        total.update(repr((name, fingerprint.of_values(split.texts), gold)).encode())
        total.update(b"" if votes is None else np.ascontiguousarray(votes).tobytes())
    if job.choice is not None:
        total.update(np.ascontiguousarray(job.choice.soft_labels).tobytes())
    return total.hexdigest()


def _write(job: Job, given: Given, folder: Path, place: Path) -> Run:
    """The run folder, whole."""
    metrics, predictions = results.metrics(job), results.predictions(job)
    with runs.writing(folder, place) as scratch:
        if job.trained is not None:
            job.trained.model.save(scratch / runs.MODEL)
        predictions.to_parquet(scratch / runs.PREDICTIONS, index=False)
        if job.trained is not None and job.choice is not None:
            on_train = predictions[predictions["split"] == "train"]
            found = surest(on_train, partial(shown, job.splits.train), job.labels)
            found.to_parquet(scratch / runs.DISAGREEMENTS, index=False)
        if job.summary is not None:
            job.summary.to_csv(scratch / runs.LF_SUMMARY, index=False)
        options = job.config.model_dump(exclude={"debug", "resume"}) | given.named
        (scratch / runs.CONFIG).write_text(yaml.safe_dump(options, sort_keys=False), "utf-8")
        runs.write_json(scratch / runs.METRICS, metrics)
        page.attempt(scratch, folder, job.progress.say)
    sources = None if job.truth is None else job.truth.part_sources
    return Run(folder, metrics, job.summary, job.table, job.parts, sources)


def _vote(job: Job, rules: RuleSet | None) -> Votes:
    splits, progress = job.splits, job.progress
    rows = sum(len(s) for s in (splits.train, splits.valid, splits.test) if s is not None)
    progress.start("labeling functions", rows)
    votes = cast_votes(job.config, splits, rules, job.labels, progress.advance)
    for failure in votes.failures.values():
        progress.say(str(failure))
    for line in unvoted_classes(votes, splits, job.labels):
        progress.say(line)
    return votes


def _aggregate(job: Job, votes: Votes) -> Choice:
    """The soft labels, and those that the first teacher tries beside them."""
    from weakft.label_models.registry import LEARNERS

    config, splits, progress = job.config, job.splits, job.progress
    progress.start("label model", 1)
    taught = config.method == "cosine" and config.first_teacher and config.self_training_steps != 0
    beside = LEARNERS if taught else ()
    choice = aggregate(config, splits, votes, job.labels, beside)
    progress.advance(1, f"{choice.name}, {choice.balance} class balance")
    if choice.warning:
        progress.say(choice.warning)
    if splits.valid is None:
        progress.say(
            Told("No validation split: the label model is not chosen by it, and training follows a fixed schedule.")
        )
    return choice


def _train_end_model(job: Job, checkpoints: Checkpoints) -> None:
    from weakft.training.methods import METHODS, train_end_model
    from weakft.training.plan import WeakLabels

    config, votes, choice, weak = job.config, job.votes, job.choice, None
    if choice is not None and votes is not None:
        rows = usable(votes.train, job.splits.train, choice.silent)
        weak = WeakLabels(choice.soft_labels, rows, choice.class_balance, choice.others)
    job.trained = train_end_model(
        METHODS[config.method], config, job.splits, job.labels, weak, job.progress, checkpoints
    )
    job.timing |= job.trained.timing


def _train_ceiling(job: Job, checkpoints: Checkpoints) -> None:
    """The fully supervised end model, to compare with."""
    from weakft.training.methods import METHODS, train_end_model

    config = job.config.model_copy(update={"gold_labels": None})
    job.ceiling = train_end_model(METHODS["gold"], config, job.splits, job.labels, None, job.progress, checkpoints)
