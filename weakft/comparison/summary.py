"""From the lines of a comparison to tables: means, spread, cost; Markdown, CSV, picture. Reads lines, runs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weakft.comparison.methods import find, order
from weakft.runs import NOT_INSTALLED
from weakft.tasks.measure import HEADLINES, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FIGURES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "entity_f1": "F1 of entities",
    "micro_f1": "Micro-F1 of labels",
}
"""What is told of the test split, with its title."""

WITHOUT_ALL_GOLD = ("cosine-published", "cosine", "valid", "cosine+valid")
"""Methods whose share of the gap is told."""


def frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a data set and method: mean and sample standard deviation (NaN of one seed) of `FIGURES` over the seeds,
    the mean of the figure that counts, the number of seeds, and what a run cost (means: seconds, texts trained on a
    second, peak MB, gold labels, their texts).
    """
    flat = pd.DataFrame(
        [
            {
                "data": line["data"],
                "method": line["method"],
                "seed": line["seed"],
                **{name: line["test"].get(name, np.nan) for name in FIGURES},
                "headline": line["test"][headline(line["test"])],
                "seconds": line.get("seconds", np.nan),
                "samples_per_second": _rate(line),
                "peak_rss_mb": line.get("peak_rss_mb", np.nan),
                "gold_labels_used": line["gold_labels_used"],
                "gold_texts_used": line.get("gold_texts_used", line["gold_labels_used"]),
            }
            for line in lines
        ]
    )
    grouped = flat.groupby(["data", "method"], sort=False)
    costs = ["seconds", "samples_per_second", "peak_rss_mb", "gold_labels_used", "gold_texts_used"]
    out = grouped[[*FIGURES, "headline", *costs]].mean()
    for name in [*FIGURES, "headline"]:
        out[f"{name}_sd"] = grouped[name].std()
    out["seeds"] = grouped["seed"].nunique()
    out = out.reset_index()
    sets = {name: i for i, name in enumerate(dict.fromkeys(flat["data"]))}
    return out.sort_values(
        ["data", "method"], key=lambda column: column.map(sets if column.name == "data" else order)
    ).reset_index(drop=True)


def _rate(line: dict[str, Any]) -> float:
    """Texts trained on a second of training time; NaN where a text is several samples, its words or labels."""
    if headline(line["test"]) != "accuracy":
        return float("nan")
    timing = line.get("timing") or {}
    seconds = sum(
        s for stage, s in timing.items() if stage.startswith(("initial", "fine-tuning", "self-training", "continued"))
    )
    return line["samples"] / seconds if line.get("samples") and seconds else float("nan")


def gap_closed(table: pd.DataFrame, method: str = "cosine") -> pd.Series:
    """Share of the gap between `weak` and `gold` that a method closes, of the means of the figure that counts, by data set;
    NaN where one of the three is missing, or where `gold` is not above `weak`: there is no gap then.
    """
    wide = table.pivot(index="data", columns="method", values="headline").reindex(columns=["weak", method, "gold"])
    gap = wide["gold"] - wide["weak"]
    return (wide[method] - wide["weak"]) / gap.where(gap > 0)


def markdown(lines: list[dict[str, Any]]) -> str:
    """The tables in Markdown: accuracy, macro-F1, share of the gap closed, cost."""
    table = frame(lines)
    sets, methods = list(dict.fromkeys(table["data"])), sorted(set(table["method"]), key=order)
    out = ["Mean ± standard deviation over the seeds (their number in brackets), test split.", ""]
    for column, title in FIGURES.items():
        measured = table[table[column].notna()]
        if len(measured):
            mine, those = (
                [v for v in all_ if v in set(measured[of])] for all_, of in ((sets, "data"), (methods, "method"))
            )
            out += [f"**{title}**", "", *_pivot(measured, mine, those, column), ""]
    out += _untrained(lines)
    out += _warnings(lines)
    out += _mixed(lines)
    out += _gaps(table, sets)
    out += ["**Cost of a run** (means over the data sets, their number in brackets; texts trained on a second)", ""]
    out += [
        "| method | what it is | seconds | texts/s | peak MB | labeled texts |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in methods:
        rows = table[table["method"] == name]
        cells = [
            f"{rows[c].mean():,.0f} ({rows[c].notna().sum()})" if rows[c].notna().any() else "–"
            for c in ("seconds", "samples_per_second", "peak_rss_mb")
        ]
        out.append(f"| {name} | {find(name).meaning} | {' | '.join(cells)} | {_range(rows['gold_texts_used'])} |")
    return "\n".join(out) + "\n"


def _untrained(lines: list[dict[str, Any]]) -> list[str]:
    """Runs that were to train themselves and did not: a sentence a method that has some."""
    stages = [(line, (line.get("training") or {}).get("self_training")) for line in lines]
    ran = [line for line, stage in stages if stage is not None]
    idle = [line for line, stage in stages if stage is not None and stage["steps"] == 0]
    out = []
    for method in sorted({line["method"] for line in idle}, key=order):
        mine = [line["data"] for line in idle if line["method"] == method]
        where = ", ".join(f"{data} {mine.count(data)}" for data in dict.fromkeys(mine))
        of = sum(line["method"] == method for line in ran)
        out += [
            f"In {len(mine)} of {of} runs of `{method}` ({where}) self-training found no rows to begin with (no two classes "
            "above the threshold): their figures are the initial model's.",
            "",
        ]
    return out


def _warnings(lines: list[dict[str, Any]]) -> list[str]:
    """What runs said of their label models, such as that the majority vote took one's place: a sentence a method and set."""
    said = dict.fromkeys((line["method"], line["data"], line["warning"]) for line in lines if line.get("warning"))
    return [part for method, data, warning in said for part in (f"`{method}` on {data}: {warning}", "")]


def _mixed(lines: list[dict[str, Any]]) -> list[str]:
    """Which means are of runs on several devices, or by several versions of weakft, as far as lines say so."""
    made: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        version = (line.get("versions") or {}).get("weakft", NOT_INSTALLED)
        if line.get("device") and version != NOT_INSTALLED:
            made.setdefault((line["data"], line["method"]), set()).add(f"weakft {version}, {line['device']}")
    return [
        part
        for (data, method), by in made.items()
        if len(by) > 1
        for part in (f"`{method}` on {data} is the mean of unlike runs: {'; '.join(sorted(by))}.", "")
    ]


def _gaps(table: pd.DataFrame, sets: list[str]) -> list[str]:
    """How much of the gap between `weak` and `gold` each way of using the validation labels closes."""
    found = {method: gap_closed(table, method).reindex(sets) for method in WITHOUT_ALL_GOLD}
    found = {method: gaps for method, gaps in found.items() if gaps.notna().any()}
    if not found:
        return []
    common = pd.DataFrame(found).dropna()  # a mean over other sets would compare these, not methods
    mean = [f"mean of {', '.join(common.index)}"] if len(common) > 1 else []
    out = ["**Share of the gap between `weak` and `gold` that is closed**", ""]
    out += ["| " + " | ".join(["method", *sets, *mean]) + " |", "| --- " * (1 + len(sets) + len(mean)) + "|"]
    for method, gaps in found.items():
        cells = [f"{gap:.0%}" if gap == gap else "–" for gap in gaps]
        out.append(f"| {' | '.join([method, *cells, *([f'{common[method].mean():.0%}'] if mean else [])])} |")
    return [*out, ""]


def _pivot(table: pd.DataFrame, sets: list[str], methods: list[str], column: str) -> list[str]:
    out = ["| method | " + " | ".join(sets) + " |", "| --- " * (len(sets) + 1) + "|"]
    at = {(row["data"], row["method"]): row for row in table.to_dict("records")}
    for method in methods:
        cells = []
        for name in sets:
            row = at.get((name, method))
            if row is None:
                cells.append("–")
                continue
            spread = f" ± {row[f'{column}_sd']:.3f}" if row["seeds"] > 1 else ""
            cells.append(f"{row[column]:.3f}{spread} ({row['seeds']:.0f})")
        out.append(f"| {method} | " + " | ".join(cells) + " |")
    return out


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def picture(lines: list[dict[str, Any]]) -> Figure:
    """Means of the figure that counts as dots with their standard deviation, a panel a data set."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    table = frame(lines)
    sets = list(dict.fromkeys(table["data"]))
    methods = sorted(set(table["method"]), key=order)
    figure = Figure(figsize=(2.6 * len(sets) + 2, 0.34 * len(methods) + 1.2), layout="constrained")
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, sets, strict=True):
        rows = table[table["data"] == name]
        at = [methods.index(m) for m in rows["method"]]
        colors = ["#c2410c" if m == "cosine" else "#334155" for m in rows["method"]]
        panel.errorbar(rows["headline"], at, xerr=rows["headline_sd"].fillna(0), fmt="none", ecolor="#94a3b8", lw=2)
        panel.scatter(rows["headline"], at, c=colors, s=28, zorder=3)
        figure_named = next(title for column, title in HEADLINES.items() if rows[column].notna().any())
        panel.set_title(f"{name}\n{figure_named}", fontsize=10, parse_math=False)
        panel.grid(axis="x", color="#e2e8f0")
        panel.tick_params(labelsize=8)
        panel.tick_params(axis="y", length=0)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.set_yticks(range(len(methods)), methods)
        for side in ("top", "right", "left"):
            panel.spines[side].set_visible(False)
    panels[0].invert_yaxis()
    figure.supxlabel("test split", fontsize=9)
    return figure


def write(lines: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write summary.md, summary.csv and, where matplotlib is there, summary.svg; return what was written."""
    written = [folder / "summary.md", folder / "summary.csv"]
    written[0].write_text(markdown(lines), encoding="utf-8")
    frame(lines).to_csv(written[1], index=False)
    try:
        from matplotlib import rc_context

        figure = picture(lines)
    except ImportError:
        return written
    with rc_context({"svg.hashsalt": "weakft"}):  # the same lines make the same file
        figure.savefig(folder / "summary.svg", metadata={"Date": None})
    return [*written, folder / "summary.svg"]
