"""`python -m weakft.benchmark`, `weakft benchmark` and `weakft.benchmark(...)`: data sets x methods x seeds, resumable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import BenchmarkConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    import pandas as pd


def benchmark(data: str | Path | Sequence[str | Path] | None = None, **options: Any) -> pd.DataFrame:
    """Run what has no line yet and return the summary: a row a data set and method (`weakft.comparison.summary.frame`).

    data : a path as for ``--data``, or several; none: the embedded messages.   options : any of
    `weakft.config.BenchmarkConfig`.

    Raises
    ------
    weakft.errors.UserError : an unknown method or option, a failed run (the others' lines are kept).
    """
    from weakft.comparison.run import run_comparison
    from weakft.comparison.summary import frame
    from weakft.display import Silent
    from weakft.errors import UserError

    paths = [] if data is None else [data] if isinstance(data, (str, Path)) else data
    if not isinstance(paths, Sequence) or not all(isinstance(path, (str, Path)) for path in paths):
        kinds = {type(v).__name__ for v in paths} if isinstance(paths, Sequence) else {type(data).__name__}
        raise UserError(
            "weakft.benchmark: its runs are processes that read files; expected a path or a list of paths, found "
            f"{', '.join(sorted(kinds))}."
        )
    config = build(BenchmarkConfig, {**options, "data": [str(d) for d in paths]}, "weakft.benchmark")
    return frame(run_comparison(config, Silent())[0])


def main(args: list[str]) -> None:
    """The command line of `weakft benchmark`."""
    config = parse(BenchmarkConfig, args, "weakft benchmark")
    from weakft.comparison.methods import explained

    if config.explain:
        for name, meaning in explained().items():
            print(f"{name:<26}{meaning}")
        return
    from weakft.comparison.run import run_comparison
    from weakft.display import TerminalProgress

    with TerminalProgress() as bars:
        _, written = run_comparison(config, bars)
    print(written[0].read_text(encoding="utf-8"))
    print("Wrote " + ", ".join(str(path) for path in written) + ".")


callable_module(__name__, benchmark)

if __name__ == "__main__":
    sys.exit(run_cli(main))
