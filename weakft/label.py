"""`python -m weakft.label`, `weakft label` and `weakft.label(...)`: apply labeling functions without training."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import LabelConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from weakft.display import Silent, TerminalProgress
    from weakft.inputs import Given

MATRIX = "label_matrix.parquet"


@dataclass
class Labeled:
    """The label matrix of the training split [n, m], its columns' names, and the summary."""

    L: np.ndarray
    names: list[str]
    summary: pd.DataFrame
    gold_labels_used: int


def label(
    data: Any = None,
    lfs: Any = None,
    *,
    valid: Any = None,
    test: Any = None,
    label_names: list[str] | None = None,
    **options: Any,
) -> Labeled:
    """Apply labeling functions and return the label matrix with its summary; nothing is written.

    Parameters are those of `weakft.train`; ``options`` are `weakft.config.LabelConfig`'s.
    """
    from weakft.display import Silent
    from weakft.inputs import Given

    given, named = Given.apart(label_names, data=data, lfs=lfs, valid=valid, test=test)
    return _label(build(LabelConfig, {**options, **named}, "weakft.label"), given, Silent())[0]


def _label(config: LabelConfig, given: Given, progress: Silent | TerminalProgress) -> tuple[Labeled, Any]:
    from weakft.inputs import load, understood
    from weakft.tasks import choose
    from weakft.tasks.base import check
    from weakft.votes import cast_votes, lf_summary, unvoted_classes

    splits, rules, labels = load(config, given, stream=True)
    streams = not splits.train.texts  # nothing of it is there yet
    task = choose("classification" if streams else config.task, splits.train)
    for _, split in splits.named():
        check(task, split, "Mend the row, or label the texts as they are with --task classification.")
    for line in understood(task.name, splits, rules, labels):
        progress.say(line)
    progress.start("labeling functions", sum(len(s) for s in (splits.train, splits.valid, splits.test) if s))
    votes = cast_votes(config, splits, rules, labels, progress.advance)
    for failure in votes.failures.values():
        progress.say(
            f"{failure.where}: raised on {failure.count} rows, which abstain; the first, {failure.first}:\n"
            + failure.traceback
        )
    for line in unvoted_classes(votes, splits, labels):
        progress.say(line)
    summary, gold = lf_summary(votes, splits, labels)
    return Labeled(votes.train, votes.names, summary, gold), splits


def _free(name: str, taken: set[str]) -> str:
    """A labeling function's column where its name is another's."""
    while name in taken:
        name = f"vote_{name}"
    return name


def main(args: list[str]) -> None:
    """The command line of `weakft label`."""
    config = parse(LabelConfig, args, "weakft label")
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    from weakft import runs
    from weakft.data.rows import identified
    from weakft.display import TerminalProgress, show_summary
    from weakft.inputs import Given

    folder = runs.resolved(Path(config.output))
    runs.check_place(folder)
    runs.refuse_others(folder, frozenset({MATRIX, runs.LF_SUMMARY}), needed=MATRIX, what="a label matrix of weakft's")
    with TerminalProgress() as bars:
        labeled, splits = _label(config, Given(), bars)
    votes = [np.ascontiguousarray(column) for column in labeled.L.T]
    rows = identified(splits.train)
    names = [name if name not in rows else _free(name, {*rows, *labeled.names}) for name in labeled.names]
    matrix = pa.table([*rows.values(), *votes], names=[*rows, *names])
    with runs.writing(folder) as scratch:
        pyarrow.parquet.write_table(matrix, scratch / MATRIX)
        labeled.summary.to_csv(scratch / runs.LF_SUMMARY, index=False)
    show_summary(bars.console, labeled.summary, labeled.gold_labels_used)
    unit = "texts" if splits.train.widths is None else "tokens" if splits.train.asked is None else "labels of texts"
    covered = (labeled.L >= 0).any(axis=1).mean()
    bars.console.print(
        f"{labeled.L.shape[1]} labeling functions cover {covered:.1%} of {len(labeled.L)} training {unit}. "
        f"Wrote {folder}.",
        markup=False,
    )


callable_module(__name__, label)

if __name__ == "__main__":
    sys.exit(run_cli(main))
