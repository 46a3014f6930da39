"""Training beside the loops of COSINE's code and WRENCH: samples a second, and whole runs with their accuracy.

    python -m benchmarks.speed.training               # steps five times each, whole runs once; one thread, a process each
    python -m benchmarks.speed.training --repeats 3   # what has its runs is not run again
    python -m benchmarks.speed.training --quick       # the steps once, nothing kept

Runs go to ../results/speed_training.json, the tables to training.md. Where there is a GPU it is used, also with a model of
RoBERTa-base's size.
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
from benchmarks.speed.peers import BATCH

RUNS = RESULTS / "speed_training.json"
PAGE = Path(__file__).parent / "training.md"
BEGIN, END = "<!-- generated: training speed -->\n", "<!-- end of training speed -->"

Case = tuple[str, str, str, int, str]
"""kind, loop, data, seed, size: the arguments of `train_once`."""

LOOPS = {"weakft": "weakft", "cosine": "COSINE's loop", "wrench": "WRENCH's loop"}
RUN_NAMES = LOOPS | {"weakft-weak": "weakft, `--method weak`"}
SETS = ("youtube", "trec")
COURSES = {"cosine": (0,), "weakft-weak": (0, 1, 2), "weakft": (0, 1, 2)}
"""Whole runs, and their seeds."""


def plan(repeats: int, gpu: bool) -> list[Case]:
    """All cases in order; the loops take turns, so that other work on the machine meets each. A repeat has its own seed, and
    so its own batches. On a GPU it is the steps alone, of two sizes of model.
    """
    cases = [(loop, data, "minilm") for data in SETS for loop in LOOPS]
    if gpu:
        cases += [(loop, "youtube", "base") for loop in ("weakft", "cosine")]
    steps = [("steps", loop, data, i, size) for i in range(repeats) for loop, data, size in cases]
    if gpu:
        return steps
    courses = [
        ("course", loop, data, seed, "minilm") for loop, seeds in COURSES.items() for data in SETS for seed in seeds
    ]
    profiles = [("profile", loop, data, 0, "minilm") for data in SETS for loop in LOOPS]
    return [*steps, *profiles, *courses]


def measure(case: Case, gpu: bool) -> dict[str, Any]:
    """Run a case in a fresh process with one thread; on a GPU in this one, since its start would take most of the time."""
    if gpu:
        from benchmarks.speed import train_once

        return train_once.main(*case)
    command = [sys.executable, "-m", "benchmarks.speed.train_once", *map(str, case)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def key_of(run: dict[str, Any]) -> tuple[Any, ...]:
    """The case of a run."""
    return run["kind"], run["loop"], run["data"], run["seed"], run["size"]


def medians(runs: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, float]]:
    """By device, size, data and loop: the median of every figure of the steps, and the number of runs."""
    out: dict[tuple[str, ...], dict[str, float]] = {}
    steps = [run for run in runs if run["kind"] == "steps"]
    places = {(run["device"], run["size"], run["data"], run["loop"]): run for run in steps}
    for place in sorted(places, key=lambda p: (p[0], p[1] != "minilm", SETS.index(p[2]), list(LOOPS).index(p[3]))):
        same = [run for run in steps if (run["device"], run["size"], run["data"], run["loop"]) == place]
        figures = [name for name, value in places[place].items() if isinstance(value, float | int)]
        out[place] = {name: statistics.median(run[name] for run in same) for name in figures} | {"runs": len(same)}
    return out


def samples_a_second(f: dict[str, float]) -> float:
    """Rows trained on a second, with a period's predictions spread over its steps."""
    return BATCH / (f["step_s"] + f["refresh_s"] / f["period"])


def steps_table(found: dict[tuple[str, ...], dict[str, float]]) -> list[str]:
    """The self-training step of every loop, theirs over ours."""
    columns = ["device", "model", "data", "loop", "step, s", "refresh, s a step", "samples/s"]
    out = _head([*columns, "ours: times a step", "times in all", "peak, MB", "runs"])
    for place, f in found.items():
        ours = found.get((*place[:3], "weakft"))
        ratios = ["", ""]
        if ours is not None and place[3] != "weakft":
            all_in = samples_a_second(ours) / samples_a_second(f)
            ratios = [f"{f['step_s'] / ours['step_s']:.1f}", f"{all_in:.1f}"]
        times = [f"{f['step_s']:.3g}", f"{f['refresh_s'] / f['period']:.2g}", f"{samples_a_second(f):.0f}"]
        out.append(_row([*place[:3], LOOPS[place[3]], *times, *ratios, f"{f['peak_mb']:,.0f}", f"{f['runs']:.0f}"]))
    return out


def floor_table(found: dict[tuple[str, ...], dict[str, float]]) -> list[str]:
    """What weakft's step would take if it were its matrix products alone, and if it were the bytes alone that AdamW must
    move, at the peaks that large products and copies reach here.
    """
    columns = ["device", "model", "data", "GFLOP a step", "peak, GFLOP/s", "floor, ms", "GB a step", "peak, GB/s"]
    out = _head([*columns, "floor, ms", "step, ms", "larger floor's share"])
    for place, f in found.items():
        if place[3] == "weakft":
            floors = [f["gflop"] / f["peak_gflops"]]
            figures = [f"{f['gflop']:,.0f}", f"{f['peak_gflops']:,.0f}", f"{1000 * floors[0]:.3g}"]
            if "gbytes" in f:
                floors.append(f["gbytes"] / f["peak_gbytes"])
                figures += [f"{f['gbytes']:.2g}", f"{f['peak_gbytes']:,.0f}", f"{1000 * floors[1]:.3g}"]
            else:
                figures += ["–"] * 3
            out.append(_row([*place[:3], *figures, f"{1000 * f['step_s']:.3g}", f"{max(floors) / f['step_s']:.0%}"]))
    return out


def courses_table(runs: list[dict[str, Any]]) -> list[str]:
    """Whole runs: seconds and accuracy."""
    out = _head(["device", "data", "run", "seed", "seconds in all", "test accuracy at the end", "on its way"])
    courses = [run for run in runs if run["kind"] == "course"]
    for run in sorted(
        courses, key=lambda r: (r["device"], SETS.index(r["data"]), list(COURSES).index(r["loop"]), r["seed"])
    ):
        looks = ", ".join(f"{look['test']:.3f} ({look['seconds']:.0f} s)" for look in run.get("looks", [])[:-1])
        end = [str(run["seed"]), f"{run['seconds']:.0f}", f"{run['accuracy']:.3f}"]
        out.append(_row([run["device"], run["data"], RUN_NAMES[run["loop"]], *end, looks]))
    return out


def profile_table(runs: list[dict[str, Any]]) -> list[str]:
    """Where the time of a step goes, loop by loop, in milliseconds."""
    profiles = [run for run in runs if run["kind"] == "profile"]
    if not profiles:
        return []
    out = _head(["data", "loop", *(f"{name}, ms" for name in profiles[0]["groups"]), "all, ms"])
    for run in sorted(profiles, key=lambda r: (SETS.index(r["data"]), list(LOOPS).index(r["loop"]))):
        spent = [*run["groups"].values(), sum(run["groups"].values())]
        out.append(_row([run["data"], LOOPS[run["loop"]], *(f"{1000 * s:.0f}" for s in spent)]))
    return out


def _head(columns: list[str]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def tables(runs: list[dict[str, Any]]) -> str:
    """All tables as Markdown."""
    found = medians(runs)
    return (
        "\n".join([*steps_table(found), "", *floor_table(found), "", *profile_table(runs), "", *courses_table(runs)])
        + "\n"
    )


def render(page: str, runs: list[dict[str, Any]]) -> str:
    """The page with its tables made anew from the runs."""
    return between(page, BEGIN, tables(runs), END)


def main() -> None:
    """Run what is missing; keep the runs; make the tables anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    import torch

    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else "cpu"
    cases = plan(options.repeats, gpu)
    if options.quick:
        for case in dict.fromkeys(case for case in cases if case[0] == "steps"):
            print(json.dumps(measure(case, gpu)), flush=True)
        return
    runs: list[dict[str, Any]] = json.loads(RUNS.read_text(encoding="utf-8")) if RUNS.is_file() else []
    for case in cases:
        if not any(key_of(run) == case and run["device"] == device for run in runs):
            runs.append(measure(case, gpu))
            print(json.dumps(runs[-1]), flush=True)
            RUNS.write_text("[\n" + ",\n".join(map(json.dumps, runs)) + "\n]\n", encoding="utf-8")
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")


if __name__ == "__main__":
    main()
