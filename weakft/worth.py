"""`python -m weakft.worth`, `weakft worth` and `weakft.worth(...)`: how many gold labels the labeling functions are worth."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import BenchmarkConfig, WorthConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    from weakft.comparison.worth import Worth
    from weakft.display import Silent, TerminalProgress


PAGE = "worth.html"


def worth(data: Any = None, **options: Any) -> Worth:
    """Run weakft and fine-tuning on more and more gold labels; return where they meet (`weakft.comparison.worth.Worth`),
    with what fine-tuning on the validation labels alone reaches, where there are some.

    data : a path as for ``--data``; None: the embedded messages.   options : any of `weakft.config.WorthConfig`.

    Raises
    ------
    weakft.errors.UserError : no split with gold labels to draw from or to test on, a failed run.
    """
    from weakft.display import Silent
    from weakft.errors import UserError

    if data is not None and not isinstance(data, (str, Path)):
        raise UserError(
            f"weakft.worth: its runs are processes that read files; expected a path, found {type(data).__name__}."
        )
    return _worth(build(WorthConfig, {**options, "data": data}, "weakft.worth"), Silent())[0]


def _worth(config: WorthConfig, progress: Silent | TerminalProgress) -> tuple[Worth, str]:
    """Run, compute, write; return the figures and the sentence."""
    from weakft import runs
    from weakft.comparison.cells import Cell
    from weakft.comparison.run import run_comparison
    from weakft.comparison.worth import picture, sentence
    from weakft.comparison.worth import worth as compute
    from weakft.errors import UserError
    from weakft.report.page import worth_page
    from weakft.report.svg import inline
    from weakft.tasks.measure import HEADLINES

    kind, available, rules, alone = _labels_at_hand(config)
    counts = sorted({min(n, available) for n in config.counts})
    if len(counts) < 2:
        raise UserError(
            f"--counts: of {', '.join(map(str, config.counts))} there is but {counts[0]} with the {available} texts that "
            "have gold labels; a curve takes two numbers or more."
        )
    data = [] if config.data is None else [config.data]
    values = {name: getattr(config, name) for name in WorthConfig.model_fields if name in BenchmarkConfig.model_fields}
    beside = ["valid"] if alone and not (kind == "valid" and available in counts) else []
    values |= {"data": data, "methods": ["cosine", *beside, *(f"{kind}-{n}" for n in counts)]}
    lines, _ = run_comparison(build(BenchmarkConfig, values, "weakft worth"), progress)
    folder, name = Path(config.output), Cell(config.data or "", "", 0).name
    found = compute(lines, name, kind=kind)
    said = sentence(found, rules)
    figures = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in asdict(found).items()}
    figures = {key: None if value == math.inf else value for key, value in figures.items()}
    figures = {"data": name, "sentence": said, **figures}
    runs.write_json(folder / "worth.json", figures)
    drawn = None
    try:
        picture(found, name).savefig(folder / "worth.svg")
        smaller = picture(found, "")
        smaller.set_size_inches(5.4, 3.8)  # the page may be as narrow as a telephone, and its type not smaller
        drawn = inline(smaller, f"Test {HEADLINES[found.figure]} over the number of gold labels, and weakft's")
    except ImportError:
        progress.say("No picture: matplotlib is missing. Install it: pip install 'weakft[plots]'.")
    runs.write_text(folder / PAGE, worth_page(figures, drawn))
    return found, said


def _labels_at_hand(config: WorthConfig) -> tuple[str, int, int, bool]:
    """The method that draws gold labels (`gold` of the training split, or `valid` where that has more of them), of how many
    texts there are some, the number of labeling functions, and whether the validation split has some to train on alone.
    """
    from weakft.comparison.run import load_compared, shared_options
    from weakft.errors import UserError

    splits, rules = load_compared(config.data or "", shared_options(config), "weakft worth")
    n = len(rules.lfs) if rules is not None else 0 if splits.train.votes is None else splits.train.votes.shape[1]
    there = {
        kind: len(split.labeled)
        for kind, split in (("gold", splits.train), ("valid", splits.valid))
        if split is not None and len(split.labeled) >= 2
    }
    if not there:
        raise UserError(
            f"{splits.train.source}: no gold labels to compare with, in the training or the validation split."
        )
    kind = max(there, key=lambda kind: there[kind])
    return kind, there[kind], n, "valid" in there


def main(args: list[str]) -> None:
    """The command line of `weakft worth`."""
    config = parse(WorthConfig, args, "weakft worth")
    from weakft.display import TerminalProgress, show_worth

    with TerminalProgress() as bars:
        found, said = _worth(config, bars)
    show_worth(bars.console, found, said)
    bars.console.print(f"Report: {Path(config.output) / PAGE}", markup=False)


callable_module(__name__, worth)

if __name__ == "__main__":
    sys.exit(run_cli(main))
