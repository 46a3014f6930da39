"""Applying labeling functions beside Snorkel's `PandasLFApplier`; the label verb end to end; start times; memory.

    python -m benchmarks.speed.lfs              # one thread; five turns, both appliers in each
    python -m benchmarks.speed.lfs --large      # also 5 million rows x 50 pattern functions (8 GB, minutes)
    python -m benchmarks.speed.lfs --repeats 1

Texts are AG News' from WEAKFT_DATA (default ../shared/data), repeated. Figures go to ../results/speed_lfs.json, the table to
lfs.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.__main__ import RESULTS, between
from weakft.data.dataset import Dataset
from weakft.lfs import LabelingFunction, keywords
from weakft.lfs.apply import apply
from weakft.lfs.load import load_file
from weakft.lfs.recognise import recognise
from weakft.lfs.summary import summarise

FIGURES = RESULTS / "speed_lfs.json"
PAGE = Path(__file__).parent / "lfs.md"
BEGIN, END = "<!-- generated: labeling function speed -->\n", "<!-- end of labeling function speed -->"
RULES = Path(__file__).parents[2] / "labeling_functions" / "agnews12k.py"
DATA = Path(os.environ.get("WEAKFT_DATA", "../shared/data")) / "agnews12k"
CLASSES = ["World", "Sports", "Business", "Sci/Tech"]
ROWS, PATTERNS = 50_000, 10
COMMANDS = {
    "import weakft": ["-c", "import weakft"],
    "weakft --help": ["-m", "weakft", "--help"],
    "weakft label --help": ["-m", "weakft", "label", "--help"],
}
COLUMNS = ["what", "weakft, s", "Snorkel, s", "calls a second", "times less", "times less, processor"]

Clock = tuple[float, float]
"""Seconds by the clock and of the processor."""


def light_functions() -> list[Callable[[Any], int]]:
    """Ten Python functions that do little themselves, so that the applier's own time shows."""
    return [
        lambda x: 0 if "troops" in x.text else -1,
        lambda x: 1 if "coach" in x.text.lower() else -1,
        lambda x: 2 if "$" in x.text else -1,
        lambda x: 3 if x.text.endswith("Web.") else -1,
        lambda x: 0 if x.text.startswith("AP") else -1,
        lambda x: 1 if len(x.text) < 80 else -1,
        lambda x: 2 if x.text.count(",") > 4 else -1,
        lambda x: 3 if len(x.text.split()) > 40 else -1,
        lambda x: 0 if "minister" in x.text and "said" in x.text else -1,
        lambda x: 1 if any(word in x.text for word in ("season", "league", "cup")) else -1,
    ]


def searching(patterns: list[re.Pattern[str]]) -> list[Callable[[Any], int]]:
    """Python functions that search for a pattern."""

    def one(pattern: re.Pattern[str]) -> Callable[[Any], int]:
        return lambda x: 0 if pattern.search(x.text) else -1

    return [one(pattern) for pattern in patterns]


def as_it_is(text: str) -> str:
    """A user's own function of a text, which may do anything for all that weakft knows."""
    return text


def searching_unseen(patterns: list[re.Pattern[str]]) -> list[Callable[[Any], int]]:
    """Python functions that search for a pattern in a way that is not recognised."""

    def one(pattern: re.Pattern[str]) -> Callable[[Any], int]:
        return lambda x: 0 if pattern.search(as_it_is(x.text)) else -1

    return [one(pattern) for pattern in patterns]


def clocked(call: Callable[[], Any]) -> tuple[Any, Clock]:
    """What a call returns, and how long it took, its child processes included."""
    wall, processor = time.perf_counter(), sum(os.times()[:4])
    value = call()
    return value, (time.perf_counter() - wall, sum(os.times()[:4]) - processor)


def beside_snorkel(texts: list[str], repeats: int) -> list[dict[str, Any]]:
    """Each kind of labeling function by both appliers in turns; the same cells must be voted on."""
    from snorkel.labeling import LabelingFunction as Theirs
    from snorkel.labeling import PandasLFApplier

    data, frame = Dataset(texts, list(map(str, range(len(texts))))), pd.DataFrame({"text": texts})
    rules = load_file(RULES).lfs[:PATTERNS]
    words = [re.compile(w) for w in ("troops", "Minister", "coach", "Google", "oil", r"\d+-\d+", "shares", "NASA")]
    light, one, long = light_functions(), searching(words), searching([lf.pattern for lf in rules])
    unseen = searching_unseen([lf.pattern for lf in rules])
    if any(map(recognise, _wrapped(unseen))) or not all(map(recognise, _wrapped(long))):
        raise AssertionError("the functions are not recognised as the table says")
    kinds = [
        ("pattern LFs (keywords, regex)", rules, long),
        ("Python LFs, light", _wrapped(light), light),
        ("Python LFs, one word's regex", _wrapped(one), one),
        ("Python LFs, long alternations", _wrapped(long), long),
        ("Python LFs, long alternations, not recognised", _wrapped(unseen), unseen),
    ]
    rows = []
    for what, ours, theirs in kinds:
        applier = PandasLFApplier([Theirs(str(j), f) for j, f in enumerate(theirs)])
        runs: dict[str, list[Clock]] = {"ours": [], "two": [], "theirs": []}
        for _ in range(repeats):
            (L, _), clock = clocked(partial(apply, ours, data, CLASSES))
            runs["ours"].append(clock)
            runs["two"].append(clocked(partial(apply, ours, data, CLASSES, processes=2))[1])
            expected, clock = clocked(partial(applier.apply, frame, progress_bar=False))
            runs["theirs"].append(clock)
            if not np.array_equal(L >= 0, expected >= 0):
                raise AssertionError(f"{what}: the votes differ from Snorkel's")
        rows.append({"what": what, "rows": len(texts), "lfs": len(ours), **_medians(runs)})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def _wrapped(functions: list[Callable[[Any], int]]) -> list[LabelingFunction]:
    return [LabelingFunction(str(j), f) for j, f in enumerate(functions)]


def _medians(runs: dict[str, list[Clock]]) -> dict[str, float]:
    return {
        f"{name}_{unit}": statistics.median(clock[i] for clock in clocks)
        for name, clocks in runs.items()
        for i, unit in enumerate(("s", "cpu_s"))
    }


def start_times(repeats: int) -> dict[str, Clock]:
    """Median seconds of the commands that must start at once."""
    found: dict[str, Clock] = {}
    for name, command in COMMANDS.items():
        clocks = [_seconds([sys.executable, *command]) for _ in range(repeats)]
        found[name] = (statistics.median(wall for wall, _ in clocks), statistics.median(cpu for _, cpu in clocks))
    return found


def _seconds(command: list[str]) -> Clock:
    return clocked(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))[1]


def label_verb(texts: list[str], repeats: int, rows: int = 10**6) -> dict[str, float]:
    """Median seconds of `weakft label` on short texts in a Parquet file, two processes; then again with the votes kept."""
    draw = random.Random(0)
    short = [" ".join(draw.choice(texts).split()[:12]) for _ in range(rows)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame({"text": short}).to_parquet(folder / "texts.parquet")
        rules = RULES.read_text(encoding="utf-8")
        (folder / "rules.py").write_text(rules + "\ndel gadgets\n", encoding="utf-8")  # ten remain
        command = [sys.executable, "-m", "weakft", "label", "--data", f"{folder}/texts.parquet", "--processes", "2"]
        command += ["--lfs", f"{folder}/rules.py", "--output", f"{folder}/votes"]
        seconds = statistics.median(_seconds([*command, "--no-cache"])[0] for _ in range(repeats))
        keep = [*command, "--cache-dir", f"{folder}/cache"]
        return {"rows": rows, "s": seconds, "first_kept_s": _seconds(keep)[0], "kept_s": _seconds(keep)[0]}


def memory(texts: list[str], rows: int = 5 * 10**6, lfs: int = 50) -> dict[str, float]:
    """Peak memory above the texts and ids of applying many pattern functions and summarising them, in GB."""
    draw = random.Random(0)
    many = [f"{i} " + draw.choice(texts)[:60] for i in range(rows)]
    data = Dataset(many, list(map(str, range(rows))))
    words = sorted({word for text in texts for word in re.findall(r"[a-z]{4,}", text)})
    rules = [keywords(f"k{j}", draw.sample(words, 8), CLASSES[j % 4]) for j in range(lfs)]
    before = _peak()
    (L, _), (seconds, _) = clocked(lambda: apply(rules, data, CLASSES))
    applied = _peak()
    summarise(L, [lf.name for lf in rules], CLASSES)
    return {"rows": rows, "lfs": lfs, "s": seconds, "apply_gb": applied - before, "summary_gb": _peak() - before}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def tables(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    out = [f"| {' | '.join(COLUMNS)} |", "| --- |" + " --- |" * (len(COLUMNS) - 1)]
    for r in found.get("appliers", []):
        calls = r["rows"] * r["lfs"] / r["ours_s"]
        ratios = f"{r['theirs_s'] / r['ours_s']:.1f} | {r['theirs_cpu_s'] / r['ours_cpu_s']:.1f}"
        out.append(
            f"| {r['what']}, {r['rows']:,} x {r['lfs']} | {r['ours_s']:.2f} | {r['theirs_s']:.2f} | {calls:,.0f} | {ratios} |"
        )
        two = f"{r['rows'] * r['lfs'] / r['two_s']:,.0f} | {r['theirs_s'] / r['two_s']:.1f}"
        out.append(f"| the same, 2 processes | {r['two_s']:.2f} | | {two} | {r['theirs_cpu_s'] / r['two_cpu_s']:.1f} |")
    out += ["", "| what | figure |", "| --- | --- |"]
    if verb := found.get("label"):
        kept = f"with the votes kept: {verb['first_kept_s']:.1f} s, then {verb['kept_s']:.1f} s"
        out.append(f"| `weakft label`, Parquet, {verb['rows']:,} x 10, 2 processes | {verb['s']:.1f} s; {kept} |")
    if large := found.get("memory"):
        above = f"{large['apply_gb']:.2f} GB above the texts, {large['summary_gb']:.2f} GB with the summary"
        out.append(f"| {large['rows']:,} x {large['lfs']} patterns, 1 process | {above}; {large['s']:.0f} s |")
    start = found.get("start", {}).items()
    out += [f"| `{name}` | {wall:.2f} s, of the processor {cpu:.2f} s |" for name, (wall, cpu) in start]
    return "\n".join(out) + "\n"


def main() -> None:
    """Measure, keep the figures, make the table anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    rows = json.loads((DATA / "train.json").read_text(encoding="utf-8")).values()
    texts = [row["data"]["text"] for row in rows]
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    found["appliers"] = beside_snorkel((texts * (ROWS // len(texts) + 1))[:ROWS], options.repeats)
    found["start"] = start_times(options.repeats)
    found["label"] = label_verb(texts, min(3, options.repeats))
    if options.large:
        found["memory"] = memory(texts)
    FIGURES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, tables(found), END), encoding="utf-8")
    print(tables(found))


if __name__ == "__main__":
    main()
