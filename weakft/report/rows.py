"""The panels that look at rows: confusions, labeling functions beside the model, texts to read. Plain data, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from weakft.data.labels import YES
from weakft.report.folder import FinishedRun

MOST_CLASSES = 12
OTHERS = "all others"
LONGEST = 300
"""Characters shown of a text."""


@dataclass
class Confusions:
    """Counts [k, k], gold class (row) by predicted class (column).

    dropped : so many classes, the least confused, are together in the last row and column.
    """

    names: list[str]
    counts: np.ndarray
    dropped: int = 0


def confusions(gold: pd.Series, predicted: pd.Series, labels: list[str], most: int = MOST_CLASSES) -> Confusions:
    """Count class pairs; of more than ``most`` classes the most confused stay apart, in class order.

    gold, predicted : class names of the same rows, all known.   How confused a class is: its rows that got another class,
    and the others' rows that got this one.
    """
    at = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (gold.map(at).to_numpy(dtype=int), predicted.map(at).to_numpy(dtype=int)), 1)
    if len(labels) <= most:
        return Confusions(list(labels), counts)
    confused = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    kept = np.sort(np.argsort(-confused, kind="stable")[:most])
    group = np.full(len(labels), most)
    group[kept] = np.arange(most)
    fewer = np.zeros((most + 1, most + 1), dtype=int)
    np.add.at(fewer, (group[:, None], group[None, :]), counts)
    return Confusions([*(labels[i] for i in kept), OTHERS], fewer, len(labels) - most)


def confusion_panel(run: FinishedRun) -> dict[str, Any] | None:
    """The test split's confusions as rows of cells: count, share of the gold class, and whether it is right."""
    rows = _tested(run)
    if rows.empty or run.metrics.asked is not None:
        return None
    found = confusions(rows["gold"], rows["label"], run.metrics.labels)
    lines = []
    for i, name in enumerate(found.names):
        total = int(found.counts[i].sum())
        mixed = found.dropped > 0 and i == len(found.names) - 1  # right and wrong cannot be told apart there
        cells = [
            {"n": int(n), "share": n / total if total else 0.0, "kind": "right" if i == j else "wrong"}
            for j, n in enumerate(found.counts[i])
        ]
        if mixed:
            cells[i]["kind"] = "mixed"
        recall = None if mixed or not total else found.counts[i, i] / total
        lines.append({"name": name, "cells": cells, "total": total, "recall": recall})
    return {"names": found.names, "lines": lines, "dropped": found.dropped, "n": len(rows), "unit": run.unit}


def _tested(run: FinishedRun) -> pd.DataFrame:
    """The test rows with gold and predicted classes."""
    rows = run.predictions
    return rows[(rows["split"] == "test") & rows["gold"].notna() & rows["label"].notna()]


def label_panel(run: FinishedRun) -> list[dict[str, Any]] | None:
    """Where a text can have any number of labels: of each the test texts that have it and that are said to, and how well."""
    rows, asked = _tested(run), run.metrics.asked
    if rows.empty or asked is None:
        return None
    yes = run.metrics.labels[YES]
    lines = []
    for name in asked:
        mine = rows[rows["asked"] == name]
        there, said = (mine["gold"] == yes).to_numpy(), (mine["label"] == yes).to_numpy()
        right, total = int((there & said).sum()), int(there.sum() + said.sum())
        lines.append(
            {
                "name": name,
                "there": int(there.sum()),
                "said": int(said.sum()),
                "precision": right / said.sum() if said.any() else None,
                "recall": right / there.sum() if there.any() else None,
                "f1": 2 * right / total if total else None,
            }
        )
    return lines


def rules(run: FinishedRun) -> dict[str, Any] | None:
    """The labeling functions, each with how often its vote is the end model's label on the training texts."""
    summary = run.lf_summary
    if summary is None or summary.empty:
        return None
    train = run.predictions[run.predictions["split"] == "train"]
    lines = summary.to_dict("records")
    for line in lines:
        line["agrees"], line["votes"] = agreement(train, f"vote_{line['name']}", run.metrics.labels)
    return {
        "lines": lines,
        "checked": "accuracy" in summary,
        "failed": bool((summary["errors"] > 0).any()),
        "model": run.has_end_model,
    }


def agreement(train: pd.DataFrame, column: str, labels: list[str]) -> tuple[float | None, int]:
    """The share of a labeling function's votes that are the row's label, and their number (None without votes)."""
    if column not in train:
        return None, 0
    cast = train[train[column] >= 0]
    if cast.empty:
        return None, 0
    voted = np.array(labels, dtype=object)[cast[column].to_numpy(dtype=int)]
    return float((voted == cast["label"].to_numpy(dtype=object)).mean()), len(cast)


def texts(run: FinishedRun) -> list[dict[str, Any]] | None:
    """The texts on which the model is surest against the label model, cut to a length one reads."""
    if run.disagreements is None or run.disagreements.empty:
        return None
    lines: list[dict[str, Any]] = run.disagreements.to_dict("records")  # type: ignore[assignment]
    for line in lines:
        line["text"] = cut(str(line["text"]))
        line["votes"] = str(line["votes"]).split("; ")
    return lines


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most ``longest`` characters, the last of them an ellipsis where something was cut."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
