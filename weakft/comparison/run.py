"""A comparison from its options: the cells that have no line yet run, all lines are summed up in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from weakft import runs
from weakft.comparison.cells import Cell, Line, append_lines, current, missing, read_lines, run_cells
from weakft.comparison.methods import find
from weakft.comparison.summary import write
from weakft.config import BenchmarkConfig, ColumnOptions, EngineOptions, TrainConfig, WorthConfig, build
from weakft.data.dataset import Splits
from weakft.errors import UserError
from weakft.inputs import Given, load, origin
from weakft.lfs.load import RuleSet

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
    sets = _usable(config, shared, progress)
    asked = [(s, d, m) for s in config.seeds for d, (_, methods) in sets.items() for m in methods]
    cells = [Cell(d, m, s, *sets[d][0]) for s, d, m in dict.fromkeys(asked)]
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
    if others:  # the runs that were to measure them on their way did not
        progress.start("runs", len(others))
        failed += run_cells(others, shared, folder / CELLS, config.workers, report)
    lines = current(read_lines(folder / CELLS), cells)
    written = write(lines, folder) if lines else []
    problems = [f"{failed} of {len(todo) + len(others)} runs failed"] if failed else []
    if unusable := len(config.data or [""]) - len(sets):
        problems.append(f"{unusable} of {len(config.data)} data sets were left out")
    if problems:
        rest = f" The others are summed up in {written[0]}." if written else ""
        raise UserError(f"{' and '.join(problems)} (see above).{rest} Once that is mended, the same command goes on.")
    return lines, written


def _usable(
    config: BenchmarkConfig, shared: dict[str, Any], progress: Silent | TerminalProgress
) -> dict[str, tuple[tuple[str, str], list[str]]]:
    """The data sets that can be compared on: what tells each and its labeling functions from others of the same place (the
    hashes of `weakft.inputs.origin`), and its methods. Those that nobody named are left out where they lack gold labels.

    Raises
    ------
    UserError : the only one cannot be loaded, or has no test split with gold labels.
    """
    found = {}
    by_default = config.methods == BenchmarkConfig.model_fields["methods"].default
    for data in config.data or [""]:
        name = Cell(data, "", 0).name
        try:
            splits, rules = load_compared(data, shared, "weakft benchmark")
            needing = next((method for method in config.methods if find(method).reads_rules), None)
            if needing and rules is None and splits.train.votes is None:
                raise UserError(f"{name}: {needing} needs labeling functions (--lfs), and the data has no ready votes.")
        except UserError as error:
            if len(config.data) < 2:
                raise
            progress.say(f"{name} is left out: {error}")
            continue
        split_of = {"gold": splits.train, "valid": splits.valid}
        lacking = [m for m, split in split_of.items() if by_default and (split is None or split.gold is None)]
        if lacking:
            progress.say(f"{name}: has no gold labels for {' and '.join(lacking)}, which are left out.")
        hashes = origin(splits, rules)
        methods = [method for method in config.methods if method not in lacking]
        found[data] = (hashes["data"], hashes.get("rules", "")), methods
    return found


def load_compared(data: str, shared: dict[str, Any], source: str) -> tuple[Splits, RuleSet | None]:
    """A data set ("" for the embedded messages) and its labeling functions; ``source`` is who asks.

    Raises
    ------
    UserError : it cannot be loaded, or has no test split with gold labels.
    """
    splits, rules, _ = load(build(TrainConfig, {**shared, "data": data or None}, source), Given())
    if splits.test is None or splits.test.gold is None:
        name = Cell(data, "", 0).name
        raise UserError(f"{name}: a comparison needs a test split with gold labels; there is none.")
    return splits, rules


def _check_folder(folder: Path, shared: dict[str, Any]) -> None:
    """Note the runs' common options beside the lines; refuse to mix lines of other options with them, and a place where none
    can be written.
    """
    runs.check_place(folder)
    note = folder / SHARED
    if folder.is_dir() and any(folder.iterdir()) and not note.is_file():
        raise UserError(f"--output {folder}: exists and holds no comparison; name another folder.")
    if note.is_file() and read_lines(folder / CELLS):
        before = yaml.safe_load(note.read_text(encoding="utf-8")) or {}
        for name in sorted(before.keys() | shared.keys()):
            there, now = before.get(name), shared.get(name)
            # Which labeling functions is in the lines themselves, however their file is spelled.
            if (there is None) != (now is None) if name == "lfs" else there != now:
                flag = f"--{name.replace('_', '-')}"
                raise UserError(
                    f"--output {folder}: its lines were made with {flag} {_shown(there)}, and now {flag} is {_shown(now)}; "
                    "name another folder."
                )
    else:
        with runs.mendable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            runs.write_text(note, yaml.safe_dump(shared))
    with runs.mendable(folder / CELLS):
        append_lines(folder / CELLS, [])


def _shown(value: Any) -> str:
    return "by default" if value is None else str(value)


def shared_options(config: BenchmarkConfig | WorthConfig) -> dict[str, Any]:
    """The options of `weakft.train` that all runs of a comparison share."""
    fields = {**EngineOptions.model_fields, **ColumnOptions.model_fields}
    del fields["debug"]  # which changes no figure
    options = {name: getattr(config, name) for name in fields if getattr(config, name) != fields[name].default}
    if config.lfs is not None:
        options["lfs"] = config.lfs
    elif config.data:
        options["votes"] = "from-data"
    return options
