"""The main job: texts and labeling functions to a fine-tuned model, its measurements and its run folder.

Reads top to bottom as the data flows: load, vote, aggregate, train, measure once, write.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml

from weakft import runs
from weakft.config import TrainConfig
from weakft.data.dataset import Dataset, Splits
from weakft.errors import UserError
from weakft.inputs import Given, Votes, cast_votes, lf_summary, load
from weakft.label_models.base import covered, vote_shares
from weakft.label_models.choose import Choice, choose
from weakft.lfs.load import RuleSet
from weakft.tasks.classification import Metrics, measure

if TYPE_CHECKING:
    from weakft.training.loop import Progress
    from weakft.training.methods import Trained

TRACKED = ("weakft", "torch", "transformers", "accelerate", "snorkel", "scikit-learn", "numpy", "pandas")


@dataclass
class Run:
    """A finished run: its folder, its metrics (the content of metrics.json) and its labeling-function summary.

    table : method name -> test metrics, in the order of the data flow.
    """

    folder: Path
    metrics: dict[str, Any]
    lf_summary: pd.DataFrame | None
    table: dict[str, Metrics] = field(default_factory=dict)


def train(config: TrainConfig, given: Given, progress: Progress) -> Run:
    """Run a method end to end and write its run folder.

    Raises
    ------
    UserError : for anything wrong with the input; nothing is written then.
    """
    from weakft.training.methods import METHODS, WeakLabels, timed, train_end_model

    needs_votes = config.method not in ("gold", "valid")
    splits, rules, labels = load(config, given, needs_rules=needs_votes)
    _check(config, splits, labels)
    folder = Path(config.output or f"runs/{splits.name}-{config.method}-seed{config.seed}")
    runs.check_target(folder)
    timing: dict[str, float] = {}
    votes, choice, summary = None, None, None
    if needs_votes:
        with timed(timing, "labeling functions"):
            votes = _vote(config, splits, rules, labels, progress)
        summary, _ = lf_summary(votes, splits, labels)
        if config.method != "majority":
            with timed(timing, "label model"):
                choice = _aggregate(config, splits, votes, len(labels), progress)
    trained: Trained | None = None
    ceiling: Trained | None = None
    if config.method in METHODS:
        weak = None
        if choice is not None and votes is not None:
            weak = WeakLabels(choice.soft_labels, covered(votes.train), choice.class_balance, choice.runner_up)
        trained = train_end_model(METHODS[config.method], config, splits, labels, weak, progress)
        timing |= trained.timing
        if config.ceiling and config.method != "gold":
            with timed(timing, "ceiling"):
                ceiling = train_end_model(METHODS["gold"], config, splits, labels, None, progress)
    with timed(timing, "predictions"):
        final = _predict(config, splits, labels, votes, choice, trained)
    table = _measure(config, splits, votes, choice, trained, ceiling, final, len(labels))
    metrics = _metrics(config, splits, labels, votes, choice, trained, ceiling, table, final, timing)
    with runs.writing(folder) as scratch:
        if trained is not None:
            trained.model.save(scratch / runs.MODEL)
        _predictions(splits, labels, votes, choice, final).to_parquet(scratch / runs.PREDICTIONS, index=False)
        if summary is not None:
            summary.to_csv(scratch / runs.LF_SUMMARY, index=False)
        (scratch / runs.CONFIG).write_text(
            yaml.safe_dump(config.model_dump(exclude={"debug"}), sort_keys=False), "utf-8"
        )
        runs.write_json(scratch / runs.METRICS, metrics)
    return Run(folder, metrics, summary, table)


def _check(config: TrainConfig, splits: Splits, labels: list[str]) -> None:
    """Refuse what a method needs and the data lacks, before any work."""
    if (config.method == "gold" or config.ceiling) and (splits.train.gold is None or not splits.train.gold.n_known):
        raise UserError(
            f"{splits.train.source}: {'--ceiling' if config.ceiling else '--method gold'} needs gold labels of the "
            "training split; there are none (name their column with --label-column)."
        )
    if config.method == "valid" and (splits.valid is None or splits.valid.gold is None):
        raise UserError("--method valid needs a validation split with gold labels; there is none.")
    if config.class_balance is not None and (
        len(config.class_balance) != len(labels)
        or abs(sum(config.class_balance) - 1) > 1e-3
        or min(config.class_balance) < 0
    ):
        raise UserError(
            f"--class-balance {config.class_balance}: expected {len(labels)} shares that sum to 1, for {', '.join(labels)}."
        )


def _vote(config: TrainConfig, splits: Splits, rules: RuleSet | None, labels: list[str], progress: Progress) -> Votes:
    rows = sum(len(s) for s in (splits.train, splits.valid, splits.test) if s is not None)
    progress.start("labeling functions", rows)
    votes = cast_votes(config, splits, rules, labels, progress.advance)
    for failure in votes.failures.values():
        progress.say(
            f"{failure.where}: raised on {failure.count} rows, which abstain (first: row {failure.first_row + 1}).\n"
            + failure.traceback.strip().splitlines()[-1]
        )
    return votes


def _aggregate(config: TrainConfig, splits: Splits, votes: Votes, k: int, progress: Progress) -> Choice:
    progress.start("label model", 1)
    gold = splits.valid.gold if splits.valid is not None else None
    balance = None if config.class_balance is None else np.asarray(config.class_balance)
    reads = gold is not None and votes.valid is not None and config.label_model == "auto"
    choice = choose(
        config.label_model,
        votes.train,
        k,
        config.seed,
        votes.valid if reads else None,
        gold.read("select") if reads and gold is not None else None,
        balance,
    )
    progress.advance(1, f"{choice.name}, {choice.balance} class balance")
    if splits.valid is None:
        progress.say("No validation split: the label model is not chosen by it, and training follows a fixed schedule.")
    return choice


def _predict(
    config: TrainConfig,
    splits: Splits,
    labels: list[str],
    votes: Votes | None,
    choice: Choice | None,
    trained: Trained | None,
) -> dict[str, np.ndarray]:
    """The method's probabilities [n, k] for every split (rows without votes: uniform for majority)."""
    out: dict[str, np.ndarray] = {}
    for name in ("train", "valid", "test"):
        split: Dataset | None = getattr(splits, name)
        if split is None:
            continue
        L = None if votes is None else getattr(votes, name)
        if trained is not None:
            out[name] = trained.model.predict(trained.model.tokenize(split.texts))
        elif L is not None:
            out[name] = choice.model.predict_proba(L) if choice is not None else _majority(L, votes, len(labels))
    return out


def _majority(L: np.ndarray, votes: Votes | None, k: int) -> np.ndarray:
    """Vote shares, ties broken at random (seeded); a row without votes gets the votes' commonest class (never gold)."""
    p = vote_shares(L, k) + np.random.default_rng(0).uniform(0, 1e-6, (len(L), k))
    if votes is not None:
        shares = np.array([(votes.train == c).sum() for c in range(k)], dtype=float)
        p[~covered(L)] = shares / shares.sum()
    return p.astype(np.float32)


def _measure(
    config: TrainConfig,
    splits: Splits,
    votes: Votes | None,
    choice: Choice | None,
    trained: Trained | None,
    ceiling: Trained | None,
    final: dict[str, np.ndarray],
    k: int,
) -> dict[str, Metrics]:
    """The table of test metrics; the only place that reads the test split's gold."""
    if splits.test is None or splits.test.gold is None:
        return {}
    gold = splits.test.gold.read("measure")
    table: dict[str, Metrics] = {}
    if votes is not None and votes.test is not None:
        table["majority"] = measure(_majority(votes.test, votes, k), gold)
        if choice is not None:
            table["label-model"] = measure(choice.model.predict_proba(votes.test), gold)
    for name, p in (trained.stage_test if trained is not None else {}).items():
        table[name] = measure(p, gold)
    if "test" in final:
        table[config.method] = measure(final["test"], gold)
    if ceiling is not None:
        table["gold"] = measure(ceiling.stage_test["gold"], gold)
    return table


def _metrics(
    config: TrainConfig,
    splits: Splits,
    labels: list[str],
    votes: Votes | None,
    choice: Choice | None,
    trained: Trained | None,
    ceiling: Trained | None,
    table: dict[str, Metrics],
    final: dict[str, np.ndarray],
    timing: dict[str, float],
) -> dict[str, Any]:
    """The content of metrics.json."""
    metrics: dict[str, Any] = {
        "method": config.method,
        "seed": config.seed,
        "data": splits.name,
        "model": config.model,
    }
    used = {"train": 0, "valid": 0}
    for name in used:
        gold = getattr(getattr(splits, name), "gold", None)
        if gold is not None and (gold.reads["train"] or gold.reads["select"]):
            used[name] = gold.n_known
    if ceiling is not None:
        used["train"] = 0  # the ceiling is measured beside the run and gives it nothing
    if config.method in table:
        metrics["test"] = table[config.method]
    if splits.valid is not None and splits.valid.gold is not None and "valid" in final:
        metrics["valid"] = measure(final["valid"], splits.valid.gold.read("measure"))
    metrics |= {"timing": timing, "gold_labels_used": sum(used.values()), "gold_labels_used_by_split": used}
    metrics["table"] = table
    metrics["labels"] = labels
    metrics["rows"] = {n: len(s) for n in ("train", "valid", "test") if (s := getattr(splits, n)) is not None}
    if votes is not None:
        metrics["coverage"] = float(covered(votes.train).mean())
        metrics["failures"] = {f.name: f.count for f in votes.failures.values()}
    if choice is not None:
        metrics["label_model"] = {
            "name": choice.name,
            "balance": choice.balance,
            "reason": choice.reason,
            "candidates": [{k: _plain(v) for k, v in asdict(c).items()} for c in choice.candidates],
        }
    if trained is not None:
        metrics["training"] = trained.records
        metrics["device"] = str(trained.model.device)
        metrics["precision"] = str(trained.model.accelerator.mixed_precision)
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


def _predictions(
    splits: Splits,
    labels: list[str],
    votes: Votes | None,
    choice: Choice | None,
    final: dict[str, np.ndarray],
) -> pd.DataFrame:
    """One row a text of every split: id, gold (valid and test only), votes, posterior, probabilities, label."""
    parts = []
    for name in ("train", "valid", "test"):
        split: Dataset | None = getattr(splits, name)
        if split is None:
            continue
        frame = pd.DataFrame({"split": name, "id": split.ids})
        gold = None if split.gold is None or name == "train" else split.gold.read("report")
        frame["gold"] = None if gold is None else [labels[g] if g >= 0 else None for g in gold]
        L = None if votes is None else getattr(votes, name)
        if L is not None and votes is not None:
            frame = pd.concat([frame, pd.DataFrame(L, columns=[f"vote_{n}" for n in votes.names])], axis=1)
            if choice is not None:
                posterior = np.where(covered(L)[:, None], choice.model.predict_proba(L), np.nan)
                frame[[f"label_model_{label}" for label in labels]] = posterior
        if name in final:
            frame["label"] = [labels[c] for c in final[name].argmax(1)]
            frame[[f"p_{label}" for label in labels]] = final[name]
        parts.append(frame)
    whole = pd.concat(parts, ignore_index=True)
    whole["gold"] = whole["gold"].astype("string")
    return whole
