"""Head, outcome and foot of the page: what was run, what it reached, and with which options. Plain data, no HTML."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from weakft.config import TrainConfig
from weakft.display import ROW_NAMES, row_name, valid_purpose
from weakft.lfs.summary import wilson
from weakft.report.folder import Figures, FinishedRun, Metrics
from weakft.tasks.measure import HEADLINES

VOTES = ("majority", "label-model")
"""Methods without an end model: what they say of a text comes from its votes."""

LEAST_GAP = 0.01
"""A smaller gap to full supervision is not worth a percentage."""


def head(run: FinishedRun) -> dict[str, Any]:
    """What was run: names, (term, description) pairs of facts, and the seconds it took."""
    m = run.metrics
    facts = [("method", row_name(m.method, m.method, run.options.get("gold_labels"))), ("seed", str(m.seed))]
    if run.has_end_model:
        facts.append(("backbone", m.model))
        where = [part for part in (m.device, m.precision if m.precision != "no" else "fp32") if part]
        facts.append(("device", ", ".join(where)))
    facts.append(("texts", ", ".join(f"{n:,} {name}" for name, n in m.rows.items())))
    facts.append(
        ("classes", str(len(m.labels))) if m.asked is None else ("labels", f"{len(m.asked)}, any number a text")
    )
    if m.coverage is not None:
        facts.append(("coverage", f"{m.coverage:.0%} of the training {run.unit} have a vote"))
    facts.append(("gold labels used", _gold(run)))
    return {"data": m.data, "facts": facts, "seconds": sum(m.timing.values())}


def _gold(run: FinishedRun) -> str:
    """How many gold labels of each split were read, and what for."""
    used = run.metrics.gold_labels_used_by_split
    parts = []
    if used.get("train"):
        parts.append(f"{used['train']:,} of the training split, trained on")
    if used.get("valid"):
        label_model = run.metrics.label_model
        learned = label_model is not None and label_model.learned
        purpose = valid_purpose(_trained_on_valid(run), learned, run.metrics.calibrated)
        parts.append(f"{used['valid']:,} of the validation split, {purpose}")
    return "; ".join(parts) or "none"


def _trained_on_valid(run: FinishedRun) -> bool:
    """As the run says; runs of earlier versions do not, and their options tell."""
    said = run.metrics.trained_on_valid
    if said is not None:
        return said
    return run.metrics.method == "valid" or any(run.options.get(key) for key in ("use_valid", "continue_on_valid"))


def reached(run: FinishedRun) -> dict[str, Any] | None:
    """The test figures of each method, with the accuracy's 95 % Wilson interval, and the outcome in a sentence."""
    m = run.metrics
    rows = [
        {
            "name": row_name(name, m.method, run.options.get("gold_labels")),
            "ours": name == m.method,
            "accuracy": figures.accuracy,
            "interval": wilson(_right(figures), figures.n, figures.texts),
            "macro_f1": figures.macro_f1,
            "more": getattr(figures, m.headline),
            "n": figures.n,
        }
        for name, figures in m.table.items()
        if figures.n and figures.accuracy is not None
    ]
    more = "" if m.headline == "accuracy" else run.figure
    texts = max((figures.texts or 0 for figures in m.table.values()), default=0)
    said = {"sentence": sentence(m), "votes": votes_beat(m)}
    return {"rows": rows, "unit": run.unit, "more": more, "texts": texts} | said if rows else None


def votes_beat(metrics: Metrics) -> str:
    """Where the votes on the test texts are surely right on more of them than the end model is, so in words; else empty.

    Surely: the 95 % intervals of both are apart.
    """
    of_votes = [(f.accuracy, name) for name in VOTES if (f := metrics.table.get(name)) and f.accuracy is not None]
    model = metrics.table.get(metrics.method)
    if metrics.method in VOTES or not of_votes or model is None or metrics.headline != "accuracy":
        return ""
    _, best = max(of_votes)
    votes = metrics.table[best]
    if wilson(_right(votes), votes.n, votes.texts)[0] <= wilson(_right(model), model.n, model.texts)[1]:
        return ""
    return (
        f"The rules' votes on the test texts themselves ({ROW_NAMES[best]}, {votes.accuracy:.3f}) are right more often than "
        "the model: it does not see what they know, or has learned too little. Where texts have what the rules read, give "
        f"them as the test split to --method {best}, which labels them by their votes."
    )


def _right(figures: Figures) -> int:
    """How many texts are right."""
    return round((figures.accuracy or 0.0) * figures.n)


def sentence(metrics: Metrics) -> str:
    """What self-training gave over fine-tuning on weak labels, in words; empty where there is nothing to compare.

    A run that trains on the validation labels, too, is measured against fine-tuning on those.
    """
    table, training = metrics.table, metrics.training
    if metrics.method != "cosine" or training is None or training.self_training is None:
        return ""
    before = next((name for name in ("valid", "weak") if name in table), None)
    if before is None or "cosine" not in table:
        return ""
    weak, ours, without = table[before], table["cosine"], ROW_NAMES[before]
    what = "Self-training, then fine-tuning on the validation labels," if training.continued else "Self-training"
    gold = table.get("gold")
    if metrics.headline != "accuracy":
        old, new, full = (None if f is None else getattr(f, metrics.headline) for f in (weak, ours, gold))
        if old is None or new is None:
            return ""
        figure = f"test {HEADLINES[metrics.headline]}"
        said = f"{what} gave nothing over {without}: both have a {figure} of {old:.3f}."
        if new != old:
            said = _moved(what, f"the {figure} of {without}", old, new) + "."
        return f"{said} {_closed(new, full, old)}".rstrip()
    if weak.accuracy is None or ours.accuracy is None:
        return ""
    n, more = ours.n, _right(ours) - _right(weak)
    if more == 0:
        said = f"{what} gave nothing over {without}: both have {_right(ours):,} of {n:,} test texts right."
    else:
        said = (
            f"{_moved(what, f'the test accuracy of {without}', weak.accuracy, ours.accuracy)}: "
            f"{abs(more):,} {'more' if more > 0 else 'fewer'} of the {n:,} texts are right."
        )
    return f"{said} {_closed(ours.accuracy, gold.accuracy if gold else None, weak.accuracy)}".rstrip()


def _moved(what: str, figure: str, before: float, after: float) -> str:
    verb = "raised" if after > before else "lowered"
    return f"{what} {verb} {figure} by {_points(abs(after - before))}, from {before:.3f} to {after:.3f}"


def _points(share: float) -> str:
    said = f"{100 * share:.1f}"
    return f"{said} point" if said == "1.0" else f"{said} points"


def _closed(ours: float, gold: float | None, weak: float) -> str:
    """How much of the gap to full supervision was closed; nothing where that was not measured."""
    if gold is None:
        return ""
    gain, gap = ours - weak, gold - weak
    if gap < LEAST_GAP:
        return f"There was no gap to close: full supervision reached {gold:.3f}."
    if gain > gap:
        return f"That is more than full supervision reached ({gold:.3f})."
    if gain > 0:
        return f"That closes {gain / gap:.0%} of the gap to full supervision ({gold:.3f})."
    return f"It closed nothing of the gap to full supervision ({gold:.3f})."


def foot(run: FinishedRun, folder: Path) -> dict[str, Any]:
    """Options that differ from their defaults, versions, and the command that makes the page anew."""
    fields = TrainConfig.model_fields
    changed = {
        name: value
        for name, value in run.options.items()
        if name not in fields or value != fields[name].get_default(call_default_factory=True)
    }
    return {
        "options": changed,
        "versions": run.metrics.versions,
        "command": command(folder),
    }


def command(folder: Path) -> str:
    """What makes the page anew."""
    return f"weakft report {shlex.quote(str(folder))}"
