"""In and out of distribution (Kumar et al. 2022): train on TREC, test on its test split and on questions in another style.

    python -m benchmarks.ood            # --seeds 0 1 2; what has its line is not run again

trec_style.csv holds questions that were written for this: chatty, hurried, spoken to an assistant, with TREC's classes.
Lines go to ../results/ood.jsonl, the table to ../README.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.__main__ import README, RESULTS, between
from benchmarks.sets import folder
from weakft.comparison.cells import append_lines, key_of, read_lines
from weakft.comparison.methods import find

LINES = RESULTS / "ood.jsonl"
STYLED = Path(__file__).parent / "trec_style.csv"
METHODS = ("probe-all", "gold", "gold-head-first", "weak", "cosine")
BEGIN, END = "<!-- generated: ood -->\n", "<!-- end of ood -->"


def run(method: str, seed: int, folder: Path) -> list[dict[str, Any]]:
    """Train once; return its line, with the figures of both test sets."""
    import weakft

    styled = pd.read_csv(STYLED)
    if method == "probe-all":
        inside, outside = (_probe(folder, seed, test) for test in (None, styled))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            options = {"votes": "from-data", "seed": seed, "output": f"{scratch}/run", **find(method).options}
            finished = weakft.train(folder, **options)
            inside = finished.table[finished.metrics["method"]]
            outside = weakft.evaluate(finished.folder, styled)
    return [{"data": "trec", "method": method, "seed": seed, "test": inside, "styled": outside}]


def _probe(folder: Path, seed: int, styled: pd.DataFrame | None) -> Any:
    """Logistic regression on the frozen encoder and all training gold, on TREC's test split or on other questions."""
    from weakft.comparison.baselines import Counted
    from weakft.config import TrainConfig, build
    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns
    from weakft.inputs import Given

    splits = read_splits(folder, Columns())
    labels = splits.label_names or []
    frames = []
    for split in (splits.train, splits.test):
        assert split is not None and split.gold is not None
        frames.append(pd.DataFrame({"text": split.texts, "label": [labels[g] for g in split.gold.read("measure")]}))
    train, test = frames
    given = Given(train=train, test=test if styled is None else styled, label_names=labels)
    outcome = Counted(len(train))(build(TrainConfig, {"seed": seed}, "benchmarks.ood"), given)
    return outcome.truth.measure(outcome.probabilities)


def table(lines: list[dict[str, Any]]) -> str:
    """Mean and standard deviation of both accuracies, a row a method."""
    out = [
        "| trained on TREC | seeds | TREC's test split | other style | difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    frame = pd.DataFrame(
        [{"method": e["method"], "inside": e["test"]["accuracy"], "outside": e["styled"]["accuracy"]} for e in lines]
    )
    for method in [m for m in METHODS if m in set(frame["method"])]:
        rows = frame[frame["method"] == method]
        means = [
            f"{rows[c].mean():.3f}" + (f" ± {rows[c].std():.3f}" if len(rows) > 1 else "")
            for c in ("inside", "outside")
        ]
        gap = (rows["outside"] - rows["inside"]).mean()
        meaning = "linear probe on all gold labels" if method == "probe-all" else find(method).meaning
        out.append(f"| {meaning} | {len(rows)} | {' | '.join(means)} | {gap:+.3f} |")
    return "\n".join(out) + "\n"


def render(readme: str, lines: list[dict[str, Any]]) -> str:
    """The README with this table made anew."""
    return between(readme, BEGIN, table(lines) if lines else "", END)


def main() -> None:
    """Run what is missing and make the table anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=METHODS)
    options = parser.parse_args()
    data = folder("trec")
    for seed in options.seeds:
        for method in options.methods:
            if ("trec", method, seed) in {key_of(line) for line in read_lines(LINES)}:
                continue
            append_lines(LINES, run(method, seed, data))
            README.write_text(render(README.read_text(encoding="utf-8"), read_lines(LINES)), encoding="utf-8")
            print(f"{method}, seed {seed}: done")


if __name__ == "__main__":
    main()
