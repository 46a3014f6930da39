"""`python -m weakft.report`, `weakft report RUN` and `weakft.report(...)`: the HTML page of a finished run.

The package reads a run folder and nothing in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weakft.cli import parse
from weakft.config import ReportConfig
from weakft.verbs import callable_module

if TYPE_CHECKING:
    from weakft.job import Run


def report(run: str | Path | Run) -> Path:
    """Draw the page of a finished run anew, into its folder, and return its path.

    run : run folder, or what `weakft.train` returned.

    Raises
    ------
    weakft.errors.UserError : no finished run, or a file of it is missing or broken; the message names it.
    """
    from weakft.report.page import write

    return write(Path(run) if isinstance(run, (str, Path)) else run.folder)


def main(args: list[str]) -> None:
    """The command line of `weakft report`."""
    print(report(parse(ReportConfig, args, "weakft report", positional=("run",)).run))


callable_module(__name__, report)
