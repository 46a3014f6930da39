"""The README's picture: the end of a finished run's terminal output as an SVG.

python -m weakft.train --ceiling
python -m benchmarks.picture runs/support-cosine-seed0 docs/run.svg
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

from weakft import runs
from weakft.display import show_run
from weakft.job import Run


def main(folder: Path, target: Path) -> None:
    """Print the run's summary into a recording console and write it."""
    metrics = json.loads((folder / runs.METRICS).read_text(encoding="utf-8"))
    console = Console(record=True, width=100, file=io.StringIO())
    console.print("[dim]$[/dim] python -m weakft.train --ceiling")
    show_run(console, Run(folder, metrics, pd.read_csv(folder / runs.LF_SUMMARY), metrics["table"]))
    target.write_text(console.export_svg(title="weakft"), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
