"""The panels about how the model came to be: label models tried, stages of training, their curve. Plain data, no HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from weakft.display import balance_name
from weakft.report.folder import FinishedRun, Stage
from weakft.report.svg import ACCENT, GRID, INK, inline

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

LOOKS = 10
"""Looks at the validation split in the table that stands in for the picture, a stage."""

STOPPED = {"budget": "last step", "early": "early, no better score"}


def label_models(run: FinishedRun) -> dict[str, Any] | None:
    """The label models tried, best first, and the one taken."""
    found = run.metrics.label_model
    if found is None:
        return None
    lines = [
        {
            "name": c.model,
            "balance": balance_name(c.balance),
            "log_loss": c.log_loss,
            "accuracy": c.accuracy,
            "error": c.error,
            "taken": run.metrics.asked is not None
            or (c.model, c.balance) == (found.name, found.balance),  # one a label
        }
        for c in found.candidates
    ]
    return {"lines": lines, "name": found.name, "balance": balance_name(found.balance), "reason": found.reason}


def training(run: FinishedRun) -> dict[str, Any] | None:
    """Stages, first teacher, looks at the validation split, periods, and where the time went."""
    record = run.metrics.training
    if record is None:
        return None
    first = "initial fine-tuning" if run.metrics.method in ("cosine", "weak") else "fine-tuning"
    named = {
        "fine-tuning on the validation labels": record.labels,
        first: record.initial,
        "self-training": record.self_training,
        "continued fine-tuning": record.continued,
    }
    stages = {name: stage for name, stage in named.items() if stage is not None}
    watched = {name: stage.valid for name, stage in stages.items() if len(stage.valid) > 1}
    curve = _curve(stages, run.figure) if watched else None
    return {
        "figure": run.figure,
        "unit": run.unit,
        "stages": [_stage(name, stage) for name, stage in stages.items()],
        "teacher": record.first_teacher,
        "curve": curve,
        "looks": thinned(watched) if watched and curve is None else None,
        "periods": record.periods,
        "calibration": record.calibration,
        "timing": [(name, seconds) for name, seconds in run.metrics.timing.items() if seconds >= 0.5],
    }


def _stage(name: str, stage: Stage) -> dict[str, Any]:
    chosen = bool(stage.valid)
    return {
        "name": name,
        "steps": stage.steps,
        "stopped": STOPPED.get(stage.stopped, stage.stopped),
        "best_step": stage.best_step if chosen else None,
        "valid_figure": stage.valid_figure if chosen else None,
    }


def thinned(watched: dict[str, list[tuple[int, float | None]]]) -> list[tuple[str, int, float | None]]:
    """At most `LOOKS` of each stage's looks, evenly spread, with the first and the last: (stage, step, figure)."""
    out = []
    for name, looks in watched.items():
        for i in np.unique(np.linspace(0, len(looks) - 1, min(LOOKS, len(looks))).round().astype(int)):
            out.append((name, *looks[i]))
    return out


def _curve(stages: dict[str, Stage], what: str) -> Markup | None:
    """The picture, or None without matplotlib."""
    try:
        return inline(picture(stages, what), f"Validation {what} over the steps of training")
    except ImportError:
        return None


def picture(stages: dict[str, Stage], what: str = "accuracy") -> Figure:
    """What is measured on the validation split over the steps, the stages one after the other; a ring marks the
    checkpoint kept of each.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 2.7), layout="constrained")
    panel = figure.subplots()
    done = 0
    for i, (name, stage) in enumerate(stages.items()):
        color = (INK, ACCENT)[i % 2]
        looks = [(done + step, accuracy) for step, accuracy in stage.valid if accuracy is not None]
        if looks:
            panel.plot(*zip(*looks, strict=True), "-", color=color, lw=1.6, label=name)
            kept = [look for look in looks if stage.best_step and look[0] == done + stage.best_step]
            panel.plot([x for x, _ in kept], [y for _, y in kept], "o", color=color, mfc="none", ms=8, clip_on=False)
        if done:
            panel.axvline(done, color=GRID, lw=1)
        done += stage.steps
    panel.set_xlim(0, done)
    panel.set_xlabel("step")
    panel.set_ylabel(f"validation {what}")
    panel.grid(axis="y", color=GRID)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    if len(panel.get_legend_handles_labels()[0]) > 1:
        figure.legend(frameon=False, loc="outside upper left", ncols=3, fontsize=9)
    return figure
