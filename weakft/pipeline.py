"""The main job: texts and labeling functions to a fine-tuned model, its measurements and its run folder.

Reads top to bottom as the data flows: load, vote, aggregate, train, measure once, write.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from weakft import runs, unfinished
from weakft.config import TrainConfig
from weakft.data.dataset import Dataset, Gold, Splits, labeled_rows
from weakft.data.labels import NO
from weakft.data.rows import identified, shown
from weakft.errors import UserError
from weakft.inputs import Given, Votes, aggregate, cast_votes, lf_summary, load, origin, understood, unvoted_classes
from weakft.interruption import Signals
from weakft.label_models.base import covered, vote_shares
from weakft.label_models.choose import Choice
from weakft.label_models.silence import fill, unvoted, usable
from weakft.lfs import fingerprint
from weakft.lfs.load import RuleSet
from weakft.report import page
from weakft.report.disagreements import surest
from weakft.tasks import choose
from weakft.tasks.base import check
from weakft.tasks.measure import Metrics, Truth

if TYPE_CHECKING:
    from weakft.training.checkpoints import Checkpoints
    from weakft.training.loop import Progress
    from weakft.training.plan import Trained

TRACKED = ("weakft", "torch", "transformers", "accelerate", "snorkel", "scikit-learn", "numpy", "pandas")


@dataclass
class Run:
    """A finished run: its folder, its metrics (the content of metrics.json) and its labeling-function summary.

    table : method name -> test metrics, in the order of the data flow.   parts : method name -> what each test text adds to
    the figure that counts (`weakft.tasks.measure.Truth.parts`).
    """

    folder: Path
    metrics: dict[str, Any]
    lf_summary: pd.DataFrame | None
    table: dict[str, Metrics] = field(default_factory=dict)
    parts: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class _Job:
    """What a run has so far: each step reads what is there and adds its part.

    task : its name.   origin : hashes of what it was given (`weakft.inputs.origin`).   votes, choice : from the labeling
    functions and the label model.   trained, ceiling : the end models.
    gold_used : gold labels by split, and their texts (`_gold_used`).   in_summary : validation labels that `summary` shows.
    final : the method's probabilities [n, k] by split.
    truth : the test split's gold labels, where it has some.   table, parts : as in `Run`.
    """

    config: TrainConfig
    splits: Splits
    labels: list[str]
    task: str
    origin: dict[str, str]
    progress: Progress
    votes: Votes | None = None
    choice: Choice | None = None
    summary: pd.DataFrame | None = None
    gold_used: tuple[dict[str, int], int] = field(default_factory=lambda: ({}, 0))
    in_summary: int = 0
    trained: Trained | None = None
    ceiling: Trained | None = None
    final: dict[str, np.ndarray] = field(default_factory=dict)
    truth: Truth | None = None
    table: dict[str, Metrics] = field(default_factory=dict)
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)


def train(config: TrainConfig, given: Given, progress: Progress) -> Run:
    """Run a method end to end and write its run folder, or go on with a run that was interrupted.

    Raises
    ------
    UserError : for anything wrong with the input; nothing is written then.
    Interrupted : SIGINT or SIGTERM came; the last checkpoint, if there is one, stays.
    """
    with Signals() as signals:
        splits, rules, labels = load(config, given, _needs_votes(config))
        _check(config, splits, labels)
        task = choose(config.task, splits.train).name
        for line in understood(task, splits, rules, labels, _needs_votes(config)):
            progress.say(line)
        folder = Path(config.output or f"runs/{splits.name}-{config.method}-seed{config.seed}")
        runs.check_target(folder)
        hashes = origin(splits, rules)
        if config.output is None and _data_of(folder) not in (None, hashes["data"]):
            raise UserError(f"{folder} is a run of other data; name a folder for this one with --output.")
        if config.resume and not unfinished.can_resume(folder) and (folder / runs.METRICS).is_file():
            return _finished(config, folder, hashes, progress)
        if splits.left_out:
            n = len(splits.train)
            progress.say(f"{n:,} of {n + splits.left_out:,} training texts were drawn at random (--max-rows).")
        job = _Job(config, splits, labels, task, hashes, progress)
        with unfinished.hold(folder, _compared(config), config.resume, progress.say) as place:
            _work(job, rules, place, signals)
            return _write(job, folder, place)


def _data_of(folder: Path) -> str | None:
    """The hash of the data of a run that is there."""
    file = folder / runs.METRICS
    found: str | None = json.loads(file.read_text("utf-8")).get("origin", {}).get("data") if file.is_file() else None
    return found


def _compared(config: TrainConfig) -> dict[str, Any]:
    """The options that decide what comes out, and the versions; a run that is resumed must have the same."""
    options = config.model_dump(
        mode="json",
        exclude={"debug", "output", "resume", "checkpoint_every", "processes", "cache", "cache_dir"},
    )
    return options | {f"{package} version": _version(package) for package in ("weakft", "torch")}


def _finished(config: TrainConfig, folder: Path, given: dict[str, str], progress: Progress) -> Run:
    """A run that is finished already, as it was written (but for ``parts``)."""
    unfinished.refuse_other_options(yaml.safe_load((folder / runs.CONFIG).read_text("utf-8")), _compared(config))
    metrics = json.loads((folder / runs.METRICS).read_text("utf-8"))
    if metrics.get("origin", given) != given:
        raise UserError(
            f"--resume: the finished run {folder} was of other data or labeling functions. Leave out --resume to begin anew, "
            "or name another folder with --output."
        )
    progress.say(f"The run {folder} is finished: there is nothing to resume.")
    summary = folder / runs.LF_SUMMARY
    return Run(folder, metrics, pd.read_csv(summary) if summary.is_file() else None, metrics["table"])


def _needs_votes(config: TrainConfig) -> bool:
    return config.method not in ("gold", "valid")


def _work(job: _Job, rules: RuleSet | None, place: Path, signals: Signals) -> None:
    """Vote, aggregate, train, measure."""
    from weakft.training.methods import METHODS
    from weakft.training.plan import timed

    if _needs_votes(job.config):
        with timed(job.timing, "labeling functions"):
            job.votes = _vote(job, rules)
        job.summary, job.in_summary = lf_summary(job.votes, job.splits, job.labels)
        if job.config.method != "majority":
            with timed(job.timing, "label model"):
                job.choice = _aggregate(job, job.votes)
    if job.config.method in METHODS:
        _train_end_model(job, _checkpoints(job, place, signals))
    job.gold_used = _gold_used(job)  # before the ceiling, which is measured beside the run and gives it nothing
    if job.config.ceiling:
        with timed(job.timing, "ceiling"):
            _train_ceiling(job, _checkpoints(job, place, signals).within("ceiling"))
    with timed(job.timing, "predictions"):
        job.final = _predict(job)
    _measure(job)


def _checkpoints(job: _Job, place: Path, signals: Signals) -> Checkpoints:
    from weakft.training.checkpoints import Checkpoints

    return Checkpoints(place, job.config.checkpoint_every, signals, _fingerprint(job))


def _fingerprint(job: _Job) -> str:
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


def _write(job: _Job, folder: Path, place: Path) -> Run:
    """The run folder, whole."""
    metrics, predictions = _metrics(job), _predictions(job)
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
        options = job.config.model_dump(exclude={"debug", "resume"})
        (scratch / runs.CONFIG).write_text(yaml.safe_dump(options, sort_keys=False), "utf-8")
        runs.write_json(scratch / runs.METRICS, metrics)
        page.attempt(scratch, folder, job.progress.say)
    return Run(folder, metrics, job.summary, job.table, job.parts)


def _check(config: TrainConfig, splits: Splits, labels: list[str]) -> None:
    """Refuse what a method needs and the data lacks, before any work."""
    no_valid_gold = splits.valid is None or splits.valid.gold is None
    task = choose(config.task, splits.train)
    for _, split in splits.named():
        check(task, split, "Mend the row, or train on the texts as they are with --task classification.")
    if (config.method == "gold" or config.ceiling) and (splits.train.gold is None or not splits.train.gold.n_known):
        raise UserError(
            f"{splits.train.source}: {'--ceiling' if config.ceiling else '--method gold'} needs gold labels of the "
            "training split; there are none (name their column with --label-column)."
        )
    if config.ceiling and config.method == "gold":
        raise UserError("--ceiling is the run of --method gold on all labels: leave it out.")
    if config.gold_labels is not None and config.method not in ("gold", "valid"):
        raise UserError(
            f"--gold-labels {config.gold_labels} is for the methods gold and valid, not for {config.method}."
        )
    if config.use_valid and config.method != "cosine":
        raise UserError(f"--use-valid is for --method cosine, not for {config.method}.")
    if config.continue_on_valid and config.method not in ("cosine", "weak"):
        raise UserError(f"--continue-on-valid is for the methods cosine and weak, not for {config.method}.")
    if config.continue_on_valid and no_valid_gold:
        raise UserError("--continue-on-valid needs a validation split with gold labels; there is none.")
    if config.use_valid and (no_valid_gold or not config.first_teacher):
        raise UserError("--use-valid needs a validation split with gold labels, and the first teacher on.")
    if config.method == "valid" and no_valid_gold:
        raise UserError("--method valid needs a validation split with gold labels; there is none.")
    if config.class_balance is not None:
        _check_balance(config.class_balance, labels, splits.train.asked)


def _check_balance(balance: list[float], labels: list[str], asked: list[str] | None) -> None:
    names = labels if asked is None else asked
    shares = len(balance) == len(names) and min(balance) >= 0
    if asked is None and not (shares and abs(sum(balance) - 1) <= 1e-3):
        raise UserError(
            f"--class-balance {balance}: expected {len(names)} shares that sum to 1, for {', '.join(names)}."
        )
    if asked is not None and not (shares and max(balance) <= 1):
        raise UserError(
            f"--class-balance {balance}: expected {len(names)} shares from 0 to 1, of the texts that have each of "
            f"{', '.join(names)}."
        )


def _vote(job: _Job, rules: RuleSet | None) -> Votes:
    splits, progress = job.splits, job.progress
    rows = sum(len(s) for s in (splits.train, splits.valid, splits.test) if s is not None)
    progress.start("labeling functions", rows)
    votes = cast_votes(job.config, splits, rules, job.labels, progress.advance)
    for failure in votes.failures.values():
        progress.say(
            f"{failure.where}: raised on {failure.count} rows, which abstain (first: {failure.first}).\n"
            + failure.traceback.strip().splitlines()[-1]
        )
    for line in unvoted_classes(votes, splits, job.labels):
        progress.say(line)
    return votes


def _aggregate(job: _Job, votes: Votes) -> Choice:
    """The soft labels, and those that the first teacher tries beside them."""
    from weakft.label_models.registry import LEARNERS

    config, splits, progress = job.config, job.splits, job.progress
    progress.start("label model", 1)
    beside = LEARNERS if config.method == "cosine" and config.first_teacher else ()
    choice = aggregate(config, splits, votes, job.labels, beside)
    progress.advance(1, f"{choice.name}, {choice.balance} class balance")
    if choice.warning:
        progress.say(choice.warning)
    if splits.valid is None:
        progress.say("No validation split: the label model is not chosen by it, and training follows a fixed schedule.")
    return choice


def _train_end_model(job: _Job, checkpoints: Checkpoints) -> None:
    from weakft.training.methods import method_of, train_end_model
    from weakft.training.plan import WeakLabels

    config, votes, choice, weak = job.config, job.votes, job.choice, None
    if choice is not None and votes is not None:
        rows = usable(votes.train, job.splits.train, choice.silent)
        weak = WeakLabels(choice.soft_labels, rows, choice.class_balance, choice.others)
    job.trained = train_end_model(method_of(config), config, job.splits, job.labels, weak, job.progress, checkpoints)
    job.timing |= job.trained.timing


def _train_ceiling(job: _Job, checkpoints: Checkpoints) -> None:
    """The fully supervised end model, to compare with."""
    from weakft.training.methods import METHODS, train_end_model

    config = job.config.model_copy(update={"gold_labels": None})
    job.ceiling = train_end_model(METHODS["gold"], config, job.splits, job.labels, None, job.progress, checkpoints)


def _predict(job: _Job) -> dict[str, np.ndarray]:
    """The method's probabilities [n, k] for every split."""
    out: dict[str, np.ndarray] = {}
    for name, split in job.splits.named():
        L = None if job.votes is None else getattr(job.votes, name)
        if job.trained is not None:
            out[name] = job.trained.model.predict(job.trained.model.tokenize(split.texts))
        elif L is not None:
            out[name] = _majority(L, job) if job.choice is None else _label_model(L, job)
    return out


def _majority(L: np.ndarray, job: _Job) -> np.ndarray:
    """Vote shares [n, k], ties broken at random (seeded)."""
    assert job.votes is not None
    k = len(job.labels)
    p = vote_shares(L, k) + np.random.default_rng(0).uniform(0, 1e-6, (len(L), k))
    counts = np.array([(job.votes.train == c).sum() for c in range(k)], dtype=float)
    return _filled(p, L, counts / counts.sum(), unvoted(job.labels, job.splits.train, job.votes.train), job)


def _label_model(L: np.ndarray, job: _Job) -> np.ndarray:
    """The label model's soft labels [n, k]."""
    assert job.votes is not None and job.choice is not None
    shares = job.choice.soft_labels[covered(job.votes.train)].mean(0)
    return _filled(job.choice.model.predict_proba(L), L, shares, job.choice.silent, job)


def _filled(p: np.ndarray, L: np.ndarray, shares: np.ndarray, silent: np.ndarray | None, job: _Job) -> np.ndarray:
    """Probabilities [n, k] in which a row without votes gets what it means to have none, and where that is nothing the
    classes' ``shares`` [k] by the votes on the training split (never gold); of several labels a text, no.
    """
    otherwise = shares if job.splits.train.asked is None else np.eye(len(shares))[NO]
    return fill(fill(p.astype(np.float32), L, otherwise[None]), L, silent)


def _measure(job: _Job) -> None:
    """Fill the table of test metrics; the only place that reads the test split's gold."""
    splits, votes, choice = job.splits, job.votes, job.choice
    if splits.test is None or splits.test.gold is None:
        return
    truth = Truth.of(splits.test, job.labels, "measure")
    job.truth = truth
    found: dict[str, np.ndarray] = {}
    if votes is not None and votes.test is not None:
        found["majority"] = _majority(votes.test, job)
        if choice is not None:
            found["label-model"] = _label_model(votes.test, job)
    found |= job.trained.stage_test if job.trained is not None else {}
    if "test" in job.final:
        found[job.config.method] = job.final["test"]
    if job.ceiling is not None:
        found["gold"] = job.ceiling.stage_test["gold"]
    for name, p in found.items():
        job.table[name] = truth.measure(p)
        job.parts[name] = truth.parts(p)


def _gold_used(job: _Job) -> tuple[dict[str, int], int]:
    """Gold labels that training or choosing read, by split, and the number of their texts."""
    used, texts = {"train": 0, "valid": 0}, 0
    for name in used:
        split: Dataset | None = getattr(job.splits, name)
        if split is None or split.gold is None or not (split.gold.reads["train"] or split.gold.reads["select"]):
            continue
        rows = labeled_rows(split, job.config.gold_labels or len(split), job.config.seed)
        used[name] = len(rows)
        texts += len(np.unique(split.places(rows)[0]))
    return used, texts


def _metrics(job: _Job) -> dict[str, Any]:
    """The content of metrics.json."""
    config, splits = job.config, job.splits
    used, texts = job.gold_used
    metrics: dict[str, Any] = {
        "method": config.method,
        "seed": config.seed,
        "data": splits.name,
        "model": config.model,
        "task": job.task,
        "origin": job.origin,
    }
    if config.method in job.table:
        metrics["test"] = job.table[config.method]
    valid = None if splits.valid is None else splits.valid.gold
    trained_on = valid is not None and bool(valid.reads["train"])
    if splits.valid is not None and valid is not None and "valid" in job.final and not trained_on:
        metrics["valid"] = Truth.of(splits.valid, job.labels, "measure").measure(job.final["valid"])
    metrics |= {"timing": job.timing, "gold_labels_used": sum(used.values()), "gold_labels_used_by_split": used}
    metrics["gold_texts_used"] = texts
    metrics["gold_labels_in_lf_summary"] = job.in_summary
    metrics["trained_on_valid"] = trained_on
    metrics["table"] = job.table
    metrics["labels"] = job.labels
    metrics["asked"] = splits.train.asked
    metrics["rows"] = {name: len(split) for name, split in splits.named()}
    metrics["training_rows_left_out"] = splits.left_out
    if job.votes is not None:
        metrics["coverage"] = float(covered(job.votes.train).mean())
        metrics["failures"] = {f.name: f.count for f in job.votes.failures.values()}
    if job.choice is not None:
        metrics["label_model"] = {
            "name": job.choice.name,
            "balance": job.choice.balance,
            "reason": job.choice.reason,
            "learned": job.choice.learned,
            "warning": job.choice.warning,
            "candidates": [{k: _plain(v) for k, v in asdict(c).items()} for c in job.choice.candidates],
        }
    if job.trained is not None:
        metrics["training"] = job.trained.records
        metrics["device"] = job.trained.model.device_name
        metrics["precision"] = str(job.trained.model.accelerator.mixed_precision)
    metrics["versions"] = {"python": platform.python_version()} | {name: _version(name) for name in TRACKED}
    return _finite(metrics)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return _plain(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _shown_gold(job: _Job, name: str, gold: Gold) -> np.ndarray:
    return job.truth.gold if name == "test" and job.truth is not None else gold.read("report")


def _predictions(job: _Job) -> pd.DataFrame:
    """One row a text (or word) of every split: id, gold (valid and test only), votes, posterior, label, probabilities."""
    parts = []
    labels, votes, choice = job.labels, job.votes, job.choice
    for name, split in job.splits.named():
        gold = None if split.gold is None or name == "train" else _shown_gold(job, name, split.gold)
        named = None if gold is None else [labels[g] if g >= 0 else None for g in gold]
        blocks = [pd.DataFrame({"split": name, **identified(split), "gold": named})]
        L = None if votes is None else getattr(votes, name)
        if L is not None and votes is not None:
            blocks.append(pd.DataFrame(L, columns=[f"vote_{n}" for n in votes.names]))
            if choice is not None:
                posterior = np.where(covered(L)[:, None], choice.model.predict_proba(L), np.nan)
                blocks.append(pd.DataFrame(posterior, columns=[f"label_model_{label}" for label in labels]))
        if name in job.final:
            blocks.append(pd.DataFrame({"label": [labels[c] for c in job.final[name].argmax(1)]}))
            blocks.append(pd.DataFrame(job.final[name], columns=[f"p_{label}" for label in labels]))
        parts.append(pd.concat(blocks, axis=1))
    whole = pd.concat(parts, ignore_index=True)
    whole["gold"] = whole["gold"].astype("string")
    return whole
