"""Label models beside Snorkel's package: seconds, peak memory, and how both grow.

    python -m benchmarks.speed.label_models                # five times each, one thread, each in a process of its own
    python -m benchmarks.speed.label_models --repeats 3    # what has its runs is not run again
    python -m benchmarks.speed.label_models --quick        # a hundredth of the rows, once, nothing kept

Runs go to ../results/speed_label_models.json, the tables to label_models.md, the plot to ../results/speed_label_models.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.__main__ import RESULTS, between
from benchmarks.speed.fit_once import PACKAGE

RUNS, PLOT = RESULTS / "speed_label_models.json", RESULTS / "speed_label_models.svg"
PAGE = Path(__file__).parent / "label_models.md"
BEGIN, END = "<!-- generated: label model speed -->\n", "<!-- end of label model speed -->"

Case = tuple[str, str, int, int, int]
MILLION: list[Case] = [(model, votes, 10**6, 68, 6) for votes in ("trec", "random") for model in ("snorkel", PACKAGE)]
"""Repeated; the two models take turns, so that other work on the machine meets both."""
OTHERS: list[Case] = [
    ("snorkel", "rules", 10**6, 68, 6),
    *((model, votes, 10**6, 68, 6) for model in ("majority", "bounded", "dawid-skene") for votes in ("trec", "random")),
    *((model, "trec", 10**7, 68, 6) for model in ("snorkel", "majority", "bounded", "dawid-skene")),
    ("snorkel", "random", 10**7, 68, 6),
]
GROWTH: dict[str, list[Case]] = {
    "rows": [("snorkel", v, n * 1000, 68, 6) for v in ("trec", "rules", "random") for n in (100, 200, 400, 800)],
    "lfs": [("snorkel", v, 100_000, m, 6) for v in ("rules", "random") for m in (17, 34, 68, 136)],
    "classes": [("snorkel", v, 100_000, 68, k) for v in ("rules", "random") for k in (2, 4, 8, 16)],
}
AXES = {
    "rows": "rows (68 LFs, 6 classes)",
    "lfs": "LFs (100,000 rows, 6 classes)",
    "classes": "classes (100,000 rows, 68 LFs)",
}
KEY = ("model", "votes", "rows", "lfs", "classes")
NAMES = {"snorkel": "weakft's `snorkel`", PACKAGE: "Snorkel 0.10"}


def measure(case: Case) -> dict[str, Any]:
    """Run a case in a fresh process with one thread."""
    command = [sys.executable, "-m", "benchmarks.speed.fit_once", *map(str, case)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def key_of(run: dict[str, Any]) -> Case:
    """The case of a run."""
    return tuple(run[name] for name in KEY)


def plan(repeats: int) -> list[Case]:
    """All cases in the order in which they are run."""
    return [*MILLION, *OTHERS, *(c for cases in GROWTH.values() for c in cases), *MILLION * (repeats - 1)]


def medians(runs: list[dict[str, Any]]) -> dict[Case, dict[str, float]]:
    """For each case the median of every figure, and the number of runs."""
    out: dict[Case, dict[str, float]] = {}
    for case in dict.fromkeys(map(key_of, runs)):
        same = [run for run in runs if key_of(run) == case]
        figures = [name for name in same[0] if name not in KEY]
        out[case] = {name: statistics.median(run[name] for run in same) for name in figures} | {"runs": len(same)}
    return out


def tables(found: dict[Case, dict[str, float]]) -> str:
    """The million and ten million rows as Markdown, and how many times ours stands under the package's figures."""
    out = [
        "| label model | votes | rows | distinct | fit, s | predict, s | processor s | peak, MB | runs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for case in [c for c in [*MILLION, *OTHERS] if c in found]:
        f = found[case]
        name = NAMES.get(case[0], f"weakft's `{case[0]}`")
        cpu = f["fit_cpu_s"] + f["predict_cpu_s"]
        out.append(
            f"| {name} | {case[1]} | {case[2]:,} | {f['distinct']:,.0f} | {f['fit_s']:.2f} | {f['predict_s']:.2f} "
            f"| {cpu:.2f} | {f['peak_mb']:,.0f} | {f['runs']} |"
        )
    out += [
        "",
        "| votes, 1 million x 68 x 6 | fit | predict | both, processor time | memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    for our, their in ((MILLION[0], MILLION[1]), (MILLION[2], MILLION[3])):
        if our in found and their in found:
            a, b = found[our], found[their]
            cpu = (b["fit_cpu_s"] + b["predict_cpu_s"]) / (a["fit_cpu_s"] + a["predict_cpu_s"])
            ratios = [b["fit_s"] / a["fit_s"], b["predict_s"] / a["predict_s"], cpu, b["peak_mb"] / a["peak_mb"]]
            out.append(f"| {our[1]} | " + " | ".join(f"{ratio:.1f} times less" for ratio in ratios) + " |")
    return "\n".join(out) + "\n"


def draw(found: dict[Case, dict[str, float]], target: Path) -> None:
    """Processor seconds of fit and prediction against rows, LFs and classes."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "weakft"
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axis, (name, cases) in zip(figure.subplots(1, 3, sharey=True), GROWTH.items(), strict=True):
        place = KEY.index(name)
        for votes, style in (("trec", "C0o-"), ("rules", "C1s-"), ("random", "C2^-")):
            points = [(c[place], found[c]) for c in cases if c[1] == votes and c in found]
            if points:
                seconds = [f["fit_cpu_s"] + f["predict_cpu_s"] for _, f in points]
                axis.plot([x for x, _ in points], seconds, style, label=f"{votes} votes")
        axis.set_xscale("log", base=2)
        axis.set_yscale("log", base=2)
        axis.set_xticks([c[place] for c in cases], [f"{c[place]:,}".replace(",000", "k") for c in cases])
        axis.set_yticks([0.25, 0.5, 1, 2, 4])
        axis.minorticks_off()
        axis.set_xlabel(AXES[name])
        axis.grid(alpha=0.3)
        axis.yaxis.set_major_formatter("{x:g}")
    figure.axes[0].set_ylabel("fit and predict, processor seconds")
    figure.axes[0].legend(frameon=False)
    figure.savefig(target, metadata={"Date": None})


def render(page: str, runs: list[dict[str, Any]]) -> str:
    """The page with its tables made anew from the runs."""
    return between(page, BEGIN, tables(medians(runs)), END)


def main() -> None:
    """Run what is missing; keep the runs; make the tables and the plot anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        for model, votes, rows, lfs, classes in MILLION:
            print(json.dumps(measure((model, votes, rows // 100, lfs, classes))), flush=True)
        return
    runs: list[dict[str, Any]] = json.loads(RUNS.read_text(encoding="utf-8")) if RUNS.is_file() else []
    for i, case in enumerate(cases := plan(options.repeats)):
        if sum(key_of(run) == case for run in runs) < cases[: i + 1].count(case):
            runs.append(measure(case))
            print(json.dumps(runs[-1]), flush=True)
            RUNS.write_text("[\n" + ",\n".join(map(json.dumps, runs)) + "\n]\n", encoding="utf-8")
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")
    draw(medians(runs), PLOT)


if __name__ == "__main__":
    main()
