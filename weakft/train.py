"""`python -m weakft.train`, `weakft train` and `weakft.train(...)`: labeling functions and texts to a fine-tuned model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import TrainConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    from weakft.job import Run


def train(
    data: Any = None,
    lfs: Any = None,
    *,
    valid: Any = None,
    test: Any = None,
    label_names: list[str] | None = None,
    progress: bool = False,
    **options: Any,
) -> Run:
    """Train an end model from labeling functions and return the finished `weakft.job.Run`.

    Parameters
    ----------
    data : a path as for ``--data``, or the training texts: list of strings, pandas DataFrame, `datasets.Dataset`.
        None: the embedded support messages.
    lfs : a path as for ``--lfs``, or a list of labeling functions (weakft's or Snorkel's).
    valid, test : like ``data``; with gold labels in a label column.
    label_names : class names in class order, where neither the LF file nor the data names them.
    progress : show progress bars.
    options : any option of `weakft.config.TrainConfig`.

    Raises
    ------
    weakft.errors.UserError : anything wrong with the input.
    weakft.interruption.Interrupted : Ctrl-C or SIGTERM; with ``resume=True`` it goes on from the last checkpoint.
    """
    from weakft.display import Silent, TerminalProgress
    from weakft.inputs import Given
    from weakft.pipeline import train as run_pipeline

    given, named = Given.apart(label_names, data=data, lfs=lfs, valid=valid, test=test)
    config = build(TrainConfig, {**options, **named}, "weakft.train")
    if not progress:
        return run_pipeline(config, given, Silent())
    with TerminalProgress() as bars:
        return run_pipeline(config, given, bars)


def main(args: list[str]) -> None:
    """The command line of `weakft train`."""
    config = parse(TrainConfig, args, "weakft train")
    from weakft.display import TerminalProgress, show_run
    from weakft.inputs import Given
    from weakft.pipeline import train as run_pipeline

    with TerminalProgress() as bars:
        finished = run_pipeline(config, Given(), bars)
    show_run(bars.console, finished)


callable_module(__name__, train)

if __name__ == "__main__":
    sys.exit(run_cli(main))
