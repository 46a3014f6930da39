"""The main table: majority vote, label model, weak, cosine and gold on real data sets, several seeds.

    python -m benchmarks.main_table                                   # everything that is not done yet
    python -m benchmarks.main_table --data youtube trec --seeds 0 1   # some of it

Data folders come from WEAKFT_DATA (default ../shared/data). Each finished run appends one JSON line a method to
benchmarks/results/main_table.jsonl; a rerun skips what is there. `weak` is the initial stage of the `cosine` run of the
same seed, which is what `--method weak` trains. The table goes to benchmarks/main_table.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "main_table.jsonl"
TABLE = HERE / "main_table.md"
SETS = ("youtube", "trec", "yoruba", "agnews12k", "chemprot")
METHODS = ("majority", "label-model", "weak", "cosine", "gold")
FROM_COSINE = METHODS[:-1]


def read_results() -> list[dict[str, Any]]:
    """The lines so far."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.is_file() else []


def run_cell(folder: Path, method: str, seed: int) -> list[dict[str, Any]]:
    """Train one method once and return its lines."""
    import weakft

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        run = weakft.train(
            folder, votes="from-data", method=method, seed=seed, model="minilm", output=f"{scratch}/run", progress=True
        )
    seconds = round(time.perf_counter() - start, 1)
    metrics = run.metrics
    lines = []
    for name in FROM_COSINE if method == "cosine" else (method,):
        line = {
            "data": folder.name,
            "method": name,
            "seed": seed,
            "test": run.table[name],
            "gold_labels_used": 0 if name == "majority" else metrics["gold_labels_used"],
        }
        if name == method:
            samples = sum(metrics["training"].get(s, {}).get("samples", 0) for s in ("initial", "self_training"))
            line |= {"seconds": seconds, "timing": metrics["timing"], "training": metrics["training"]}
            line |= {"samples": samples, "device": metrics["device"], "precision": metrics["precision"]}
            line |= {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
            line |= {"versions": metrics["versions"], "label_model": metrics.get("label_model", {}).get("name")}
        lines.append(line)
    return lines


def gap_closed(means: pd.Series) -> float:
    """Share of the gap between `weak` and `gold` that `cosine` closes."""
    return float((means["cosine"] - means["weak"]) / (means["gold"] - means["weak"]))


def _mean(values: pd.Series) -> str:
    """Mean and, of two seeds or more, the sample standard deviation."""
    spread = f" ± {values.std():.3f}" if len(values) > 1 else ""
    return f"{values.mean():.3f}{spread}"


def table(lines: list[dict[str, Any]]) -> str:
    """The Markdown table of means and standard deviations over seeds."""
    frame = pd.DataFrame([{**line, **line["test"]} for line in lines])
    out = [
        "# Main table",
        "",
        "MiniLM, test split: accuracy / macro-F1, mean ± standard deviation over the seeds (of one seed, the figure).",
        "",
    ]
    out += ["Command: `python -m benchmarks.main_table` (generated from results/main_table.jsonl).", ""]
    out += ["| data | seeds | " + " | ".join(METHODS) + " | gap closed |", "| --- " * (len(METHODS) + 3) + "|"]
    gaps = []
    for name in [s for s in SETS if s in set(frame["data"])]:
        part = frame[frame["data"] == name]
        cells = []
        for method in METHODS:
            rows = part[part["method"] == method]
            if rows.empty:
                cells.append("–")
                continue
            columns = ("accuracy",) if method == "majority" else ("accuracy", "macro_f1")
            cells.append(" / ".join(_mean(rows[column]) for column in columns))
        means = part.groupby("method")["accuracy"].mean()
        gap = gap_closed(means) if {"cosine", "weak", "gold"} <= set(means.index) else float("nan")
        gaps.append(gap)
        seeds = part[part["method"] == "cosine"]["seed"].nunique()
        out.append(f"| {name} | {seeds} | " + " | ".join(cells) + f" | {'–' if gap != gap else f'{gap:.0%}'} |")
    known = [g for g in gaps if g == g]
    if known:
        out += ["", f"Share of the weak-to-gold gap closed, mean of {len(known)} sets: {sum(known) / len(known):.0%}."]
    return "\n".join(out) + "\n"


def main() -> None:
    """Run what is missing, one seed of every set before the next seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=list(SETS), help="names of data folders")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=["cosine", "gold"])
    options = parser.parse_args()
    root = Path(os.environ.get("WEAKFT_DATA", "../shared/data"))
    RESULTS.parent.mkdir(exist_ok=True)
    for seed in options.seeds:
        for name in options.data:
            for method in options.methods:
                done = {(r["data"], r["method"], r["seed"]) for r in read_results()}
                if (name, method, seed) in done:
                    continue
                lines = run_cell(root / name, method, seed)
                with RESULTS.open("a") as file:
                    file.write("".join(json.dumps(line) + "\n" for line in lines))
                TABLE.write_text(table(read_results()))


if __name__ == "__main__":
    main()
