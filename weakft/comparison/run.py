"""A comparison from its options: the cells that have no line yet run, all lines are summed up in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from weakft import runs
from weakft.comparison.cells import Cell, Line, current, missing, read_lines, run_cells
from weakft.comparison.methods import find
from weakft.comparison.summary import write
from weakft.config import BenchmarkConfig, ColumnOptions, EngineOptions, TrainConfig, WorthConfig, build
from weakft.errors import UserError
from weakft.inputs import Given, load, origin

if TYPE_CHECKING:
    from weakft.display import Silent, TerminalProgress

CELLS = "cells.jsonl"
SHARED = "options.yaml"


def run_comparison(config: BenchmarkConfig, progress: Silent | TerminalProgress) -> tuple[list[Line], list[Path]]:
    """Run the cells, write the summary; return the lines that count and the summary's files."""
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
        are = "line is" if foreign == 1 else "lines are"
        progress.say(
            f"In {folder / CELLS}, {foreign} {are} of other data or labeling functions than now, and left out."
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
    try:
        splits, rules, _ = load(build(TrainConfig, {**shared, "data": data or None}, "weakft benchmark"), Given())
    except UserError:  # its runs will say so, and cost the others nothing
        return "", ""
    found = origin(splits, rules)
    return found["data"], found.get("rules", "")


def _check_folder(folder: Path, shared: dict[str, Any]) -> None:
    """Note the runs' common options beside the lines; refuse to mix lines of other options with them."""
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
