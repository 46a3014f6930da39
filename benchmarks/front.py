"""The table on the repository's first page: the main methods on every data set, from the benchmark's lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.sets import own_rules, slots
from weakft.comparison import summary

README = Path(__file__).parent.parent / "README.md"
SETS = {
    "youtube": "YouTube spam",
    "trec": "TREC questions",
    "yoruba": "Yoruba news",
    "agnews12k": "AG News, one rule",
    "chemprot": "ChemProt relations",
    own_rules.NAME: "ChemProt, our own rules",
    "wic": "WiC pairs, one rule",
    "mitr": "MIT Restaurant slots, F1 of entities",
    slots.NAME: "MIT Restaurant types of slots, micro-F1",
}
METHODS = {
    "majority": "majority vote",
    "weak": "fine-tuning on weak labels",
    "cosine-published": "COSINE as published",
    "cosine": "weakft",
    "valid": "validation labels alone",
    "cosine+valid": "weakft `--use-valid`",
    "gold": "full supervision",
}
GOALS = ("youtube", "trec", "yoruba", "agnews12k", "chemprot")
"""The sets over which shares of the gap are averaged."""


def table(lines: list[dict[str, Any]]) -> str:
    """The figure that counts, mean ± standard deviation (seeds where they are not three), a row a data set; and how much of
    the gap between weak labels and full supervision is closed.
    """
    found = summary.frame(lines)
    at = {(row["data"], row["method"]): row for row in found.to_dict("records")}
    out = ["| | " + " | ".join(METHODS.values()) + " |", "| --- " * (len(METHODS) + 1) + "|"]
    for data, title in SETS.items():
        out.append(f"| {title} | " + " | ".join(_cell(at.get((data, method))) for method in METHODS) + " |")
    out += ["", "Share of the gap between fine-tuning on weak labels and full supervision that is closed:", ""]
    for method in ("cosine", "cosine+valid"):
        gaps = summary.gap_closed(found, method).reindex(list(SETS)).dropna()
        of_texts = gaps[gaps.index.isin(GOALS)]
        middle = f"{of_texts.mean():.0%} on average, {of_texts.median():.0%} in the median"
        out.append(f"- {METHODS[method]}: {middle} ({_each(of_texts)})" + _beside(gaps))
    return "\n".join(out) + "\n"


def _each(gaps: pd.Series[float]) -> str:
    return ", ".join(f"{SETS[str(name)].split(',')[0]} {gap:.0%}" for name, gap in gaps.items())


def _beside(gaps: pd.Series[float]) -> str:
    others = gaps[~gaps.index.isin(GOALS)]
    return f"; not in that average: {_each(others)}" if len(others) else ""


def _cell(row: dict[Any, Any] | None) -> str:
    if row is None:
        return "–"
    spread = f" ± {row['headline_sd']:.3f}" if row["seeds"] > 1 else ""
    seeds = "" if row["seeds"] == 3 else f" ({row['seeds']:.0f})"
    return f"{row['headline']:.3f}{spread}{seeds}"
