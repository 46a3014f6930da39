"""`python -m weakft.benchmark`, `weakft benchmark` and `weakft.benchmark(...)`: data sets x methods x seeds, resumable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import BenchmarkConfig, ColumnOptions, EngineOptions, WorthConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    import pandas as pd

    from weakft.comparison.cells import Line
    from weakft.display import Silent, TerminalProgress


def benchmark(data: str | Path | Sequence[str | Path] | None = None, **options: Any) -> pd.DataFrame:
    """Run what has no line yet and return the summary: a row a data set and method (`weakft.comparison.summary.frame`).

    data : a path as for ``--data``, or several; none: the embedded messages.   options : any of
    `weakft.config.BenchmarkConfig`.

    Raises
    ------
    weakft.errors.UserError : an unknown method or option, a failed run (the others' lines are kept).
    """
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
    return frame(run_benchmark(config, Silent())[0])


CELLS = "cells.jsonl"
SHARED = "options.yaml"


def run_benchmark(config: BenchmarkConfig, progress: Silent | TerminalProgress) -> tuple[list[Line], list[Path]]:
    """Run the cells, write the summary; return the lines that count and the summary's files."""
    from weakft.comparison.cells import Cell, current, missing, read_lines, run_cells
    from weakft.comparison.methods import find
    from weakft.comparison.summary import write
    from weakft.errors import UserError

    for method in config.methods:
        find(method)
    names = [Cell(data, "", 0).name for data in config.data]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"--data: two data sets are called {twice[0]!r}; rename a folder, their lines would mix.")
    folder, shared = Path(config.output), shared_options(config)
    _check_folder(folder, shared)
    hashes = {d: _hashes(d, shared) for d in config.data or [""]}
    asked = [(s, d, m) for s in config.seeds for d in hashes for m in config.methods]
    cells = [Cell(d, m, s, *hashes[d]) for s, d, m in dict.fromkeys(asked)]
    before = read_lines(folder / CELLS)
    there = current(before, cells)
    if foreign := len(before) - len(there):
        progress.say(
            f"{foreign} lines of {folder / CELLS} are of other data or labeling functions than now: they do not count."
        )
    todo = missing(cells, there)
    progress.start("runs", len(todo))

    def report(cell: Cell, result: list[Line] | Exception) -> None:
        progress.advance(1, f"{cell.name}, {cell.method}, seed {cell.seed}")
        if isinstance(result, Exception):
            said = str(result) if isinstance(result, UserError) else f"{type(result).__name__}: {result}"
            progress.say(f"{cell.name}, {cell.method}, seed {cell.seed} failed: {said}")

    failed = run_cells(todo, shared, folder / CELLS, config.workers, report)
    ran = {cell.key for cell in todo}
    others = [c for c in missing(cells, current(read_lines(folder / CELLS), cells)) if c.key not in ran]
    if others and not failed:  # the runs that were to measure them on their way did not
        progress.start("runs", len(others))
        failed = run_cells(others, shared, folder / CELLS, config.workers, report)
    lines = current(read_lines(folder / CELLS), cells)
    written = write(lines, folder) if lines else []
    if failed:
        raise UserError(
            f"{failed} of {len(todo) + len(others)} runs failed (see above). Once that is mended, the same command runs them "
            "again."
        )
    return lines, written


def _hashes(data: str, shared: dict[str, Any]) -> tuple[str, str]:
    """What tells a data set and its labeling functions from others of the same place (`weakft.inputs.origin`)."""
    from weakft.config import TrainConfig
    from weakft.errors import UserError
    from weakft.inputs import Given, load, origin

    try:
        splits, rules, _ = load(build(TrainConfig, {**shared, "data": data or None}, "weakft benchmark"), Given())
    except UserError:  # its runs will say so, and cost the others nothing
        return "", ""
    found = origin(splits, rules)
    return found["data"], found.get("rules", "")


def _check_folder(folder: Path, shared: dict[str, Any]) -> None:
    """Note the runs' common options beside the lines; refuse to mix lines of other options with them."""
    import yaml

    from weakft import runs
    from weakft.errors import UserError

    runs.check_place(folder)
    note = folder / SHARED
    if folder.is_dir() and any(folder.iterdir()) and not note.is_file():
        raise UserError(f"--output {folder}: exists and holds no comparison; name another folder.")
    if note.is_file():
        before = yaml.safe_load(note.read_text(encoding="utf-8")) or {}
        if before != shared:
            raise UserError(
                f"--output {folder}: its lines were made with the options {before}, not {shared}; name another folder."
            )
        return
    with runs.mendable(folder):
        folder.mkdir(exist_ok=True)
        runs.write_text(note, yaml.safe_dump(shared))


def shared_options(config: BenchmarkConfig | WorthConfig) -> dict[str, Any]:
    """The options of `weakft.train` that all runs of a comparison share."""
    fields = {**EngineOptions.model_fields, **ColumnOptions.model_fields}
    options = {name: getattr(config, name) for name in fields if getattr(config, name) != fields[name].default}
    if config.lfs is not None:
        options["lfs"] = config.lfs
    elif config.data:
        options["votes"] = "from-data"
    return options


def main(args: list[str]) -> None:
    """The command line of `weakft benchmark`."""
    config = parse(BenchmarkConfig, args, "weakft benchmark")
    from weakft.comparison.methods import explained
    from weakft.display import TerminalProgress

    if config.explain:
        for name, meaning in explained().items():
            print(f"{name:<26}{meaning}")
        return
    with TerminalProgress() as bars:
        _, written = run_benchmark(config, bars)
    print(written[0].read_text(encoding="utf-8"))
    print("Wrote " + ", ".join(str(path) for path in written) + ".")


callable_module(__name__, benchmark)

if __name__ == "__main__":
    sys.exit(run_cli(main))
