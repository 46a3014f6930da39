"""What comes of a job: its method's predictions, what they are measured at, and what the run folder says of both."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from weakft.data.dataset import Dataset, Gold, labeled_rows
from weakft.data.labels import NO
from weakft.data.rows import identified
from weakft.job import Job
from weakft.label_models.base import covered, vote_shares
from weakft.label_models.silence import fill, unvoted
from weakft.runs import NOT_INSTALLED
from weakft.tasks.measure import Truth
from weakft.ties import untied

TRACKED = ("weakft", "torch", "transformers", "accelerate", "snorkel", "scikit-learn", "numpy", "pandas")


def installed(package: str) -> str:
    """The version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def predict(job: Job) -> dict[str, np.ndarray]:
    """The method's probabilities [n, k] for every split."""
    out: dict[str, np.ndarray] = {}
    for name, split in job.splits.named():
        L = None if job.votes is None else getattr(job.votes, name)
        if job.trained is not None:
            out[name] = job.trained.model.predict(job.trained.model.tokenize(split.texts))
        elif L is not None:
            out[name] = _majority(L, job) if job.choice is None else _label_model(L, job)
    return out


def _majority(L: np.ndarray, job: Job) -> np.ndarray:
    """Vote shares [n, k], ties broken at random, by the run's seed."""
    assert job.votes is not None
    k = len(job.labels)
    p = untied(vote_shares(L, k), np.random.default_rng(job.config.seed))
    counts = np.array([(job.votes.train == c).sum() for c in range(k)], dtype=float)
    return _filled(p, L, counts / counts.sum(), unvoted(job.labels, job.splits.train, job.votes.train), job)


def _label_model(L: np.ndarray, job: Job) -> np.ndarray:
    """The label model's soft labels [n, k]."""
    assert job.votes is not None and job.choice is not None
    shares = job.choice.soft_labels[covered(job.votes.train)].mean(0, dtype=np.float64)  # float32 adds up wrongly
    return _filled(job.choice.model.predict_proba(L), L, shares, job.choice.silent, job)


def _filled(p: np.ndarray, L: np.ndarray, shares: np.ndarray, silent: np.ndarray | None, job: Job) -> np.ndarray:
    """Probabilities [n, k] in which a row without votes gets what it means to have none, and where that is nothing the
    classes' ``shares`` [k] by the votes on the training split (never gold); of several labels a text, no.
    """
    otherwise = shares if job.splits.train.asked is None else np.eye(len(shares))[NO]
    return fill(fill(p.astype(np.float32), L, otherwise[None]), L, silent)


def measure(job: Job) -> None:
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


def gold_used(job: Job) -> tuple[dict[str, int], int]:
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


def metrics(job: Job) -> dict[str, Any]:
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
    metrics["calibrated"] = job.trained is not None and _calibrated(job.trained.records)
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
    metrics["versions"] = {"python": platform.python_version()} | {name: installed(name) for name in TRACKED}
    return _finite(metrics)


def _calibrated(records: dict[str, Any]) -> bool:
    """Whether the first teacher or the end model is."""
    return bool(records.get("first_teacher", {}).get("calibrated") or records.get("calibration", {}).get("taken"))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return _plain(value)


def _shown_gold(job: Job, name: str, gold: Gold) -> np.ndarray:
    return job.truth.gold if name == "test" and job.truth is not None else gold.read("report")


def predictions(job: Job) -> pd.DataFrame:
    """One row a text (or word) of every split: id, gold (valid and test only), votes as cast, posterior, label,
    probabilities.
    """
    parts = []
    labels, cast, votes, choice = job.labels, job.cast, job.votes, job.choice
    for name, split in job.splits.named():
        gold = None if split.gold is None or name == "train" else _shown_gold(job, name, split.gold)
        named = None if gold is None else [labels[g] if g >= 0 else None for g in gold]
        blocks = [pd.DataFrame({"split": name, **identified(split), "gold": named})]
        L = None if votes is None else getattr(votes, name)
        if L is not None and cast is not None:
            blocks.append(pd.DataFrame(getattr(cast, name), columns=[f"vote_{n}" for n in cast.names]))
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
