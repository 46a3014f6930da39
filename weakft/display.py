"""What a person sees in the terminal: progress bars and tables (rich). Knows nothing of how results come about."""

from __future__ import annotations

import math
import sys
import warnings
from types import TracebackType
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table

from weakft.errors import Told
from weakft.runs import CONFIG, REPORT, values

ROW_NAMES = {
    "majority": "majority vote of the LFs",
    "label-model": "label model",
    "weak": "fine-tuning on weak labels",
    "cosine": "weakft (cosine)",
    "gold": "fully supervised (ceiling)",
    "valid": "fine-tuning on the validation labels",
}

OF_SOME_LABELS = {"gold": "gold", "valid": "validation"}
"""The methods that may train on some of the gold labels, and what these are called."""


def row_name(name: str, method: str, gold_labels: int | None) -> str:
    """A method in words, within a run of ``method`` on so many gold labels (None: all that there are)."""
    if gold_labels and name == method and name in OF_SOME_LABELS:
        return f"fine-tuning on {gold_labels} {OF_SOME_LABELS[name]} label{'' if gold_labels == 1 else 's'}"
    return ROW_NAMES.get(name, name)


class TerminalProgress:
    """One progress bar a stage, kept on the screen when it is done. A context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(emoji=False)
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<24}", markup=False),
            BarColumn(bar_width=20),
            # numbers are never cut: the bar and the note give way
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", style="dim", markup=False, table_column=Column()),
            console=self.console,
        )
        self._task: TaskID | None = None
        self._said: set[str] = set()

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def _finish(self) -> None:
        if self._task is not None:  # an early stop leaves the bar short: close it at what was done
            done = self._bars.tasks[self._task].completed
            self._bars.update(self._task, total=done)
            self._bars.stop_task(self._task)

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` steps; the one before is done."""
        self._finish()
        self._task = self._bars.add_task(stage, total=total, note="")

    def advance(self, n: int = 1, note: str = "") -> None:
        """``n`` steps are done; a note stays until the next."""
        if self._task is not None:
            self._bars.update(self._task, advance=n)
            if note:
                self._bars.update(self._task, note=note)

    def say(self, message: str) -> None:
        """Print a line above the bars, once: a ceiling's training says again what the run's own said."""
        if message in self._said:
            return
        self._said.add(message)
        self._bars.console.print(f"[yellow]note[/yellow] {_escape(message)}")


class Silent:
    """Progress for the Python API and tests: no bars; keeps `messages`, and warns with those that are not `Told`."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def start(self, stage: str, total: int) -> None:
        """Nothing to show."""

    def advance(self, n: int = 1, note: str = "") -> None:
        """Nothing to show."""

    def say(self, message: str) -> None:
        """Keep the message, and warn where weakft was called."""
        self.messages.append(message)
        level, module = _entered()
        of_worker = module.startswith("weakft.comparison.")  # nobody called it
        if not isinstance(message, Told) and not of_worker:
            warnings.warn(message, UserWarning, stacklevel=level + 1)


def _entered() -> tuple[int, str]:
    """How many calls up the outermost one within weakft is, counted as `warnings` does, and its module."""
    level, found, frame = 1, (1, ""), sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("weakft."):
            found = level, module
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    return found


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def show_run(console: Console, run: Any) -> None:
    """The end of `weakft train`: what was chosen, the table of methods, where the run lies."""
    metrics = run.metrics
    chosen = metrics.get("label_model")
    if chosen:
        console.print(_candidates(chosen))
        console.print(
            f"Label model: [bold]{chosen['name']}[/bold] with the {balance_name(chosen['balance'])} class balance "
            f"({_escape(chosen['reason'])})."
        )
    if run.table:
        from weakft.tasks import TASKS

        gold_labels = values(run.folder / CONFIG).get("gold_labels")
        console.print(
            _results(run.table, metrics["method"], gold_labels, TASKS[metrics.get("task", "classification")].unit)
        )
    else:
        console.print("No test split with gold labels: no test figures.")
    used = metrics["gold_labels_used_by_split"]
    purpose = valid_purpose(metrics["trained_on_valid"], bool(chosen) and chosen["learned"], metrics["calibrated"])
    console.print(
        f"Gold labels used: [bold]{metrics['gold_labels_used']}[/bold] "
        f"(training split {used['train']}, validation split {used['valid']} {purpose}). "
        f"Time: {sum(metrics['timing'].values()):.0f} s."
    )
    if metrics["gold_labels_in_lf_summary"] and not used["valid"]:
        shown = metrics["gold_labels_in_lf_summary"]
        console.print(f"{shown} gold labels of the validation split say how often each labeling function is right.")
    console.print(f"Run folder: [bold]{_escape(str(run.folder))}[/bold]")
    if (run.folder / REPORT).is_file():
        console.print(f"Report: [bold]{_escape(str(run.folder / REPORT))}[/bold]")


def balance_name(name: str) -> str:
    """A class balance of the label model in words."""
    return {"own": "model's own", "valid": "validation split's"}.get(name, name)


def valid_purpose(trained_on: bool, learned: bool, calibrated: bool) -> str:
    """What the validation split's labels were read for, in words: to train on, or for the label model to learn from, or to
    make models as sure as they are right.
    """
    if trained_on:
        return "trained on"
    uses = ["for choosing", *["to weigh the rules"] * learned, *["to calibrate"] * calibrated]
    if len(uses) > 1:
        uses[-1] = f"and {uses[-1]}"
    return ", ".join(uses)


def _candidates(chosen: dict[str, Any]) -> Table:
    table = Table(title="Label models on the validation split", title_justify="left")
    for heading in ("label model", "class balance"):
        table.add_column(heading)
    for heading in ("log-loss", "accuracy"):
        table.add_column(heading, justify="right")
    for i, c in enumerate(chosen["candidates"]):
        if c["error"]:
            table.add_row(
                _escape(c["model"]), balance_name(c["balance"]), "failed", _escape(c["error"][:60]), style="dim"
            )
        else:
            style = "bold" if i == 0 else ""
            table.add_row(
                _escape(c["model"]),
                balance_name(c["balance"]),
                _figure(c["log_loss"]),
                _figure(c["accuracy"]),
                style=style,
            )
    return table if chosen["candidates"] else Table(box=None)


def _results(results: dict[str, Any], method: str, gold_labels: int | None, unit: str) -> Table:
    from weakft.tasks.measure import HEADLINES, headline

    n = next(iter(results.values()))["n"]
    counts = headline(next(iter(results.values())))
    table = Table(title=f"Test split, {n} {unit}", title_justify="left")
    table.add_column("method")
    shown = {"accuracy": "accuracy", "macro_f1": "macro-F1"} | {counts: HEADLINES[counts]}
    for heading in shown.values():
        table.add_column(heading, justify="right")
    for name, figures in results.items():
        style = "bold green" if name == method else ""
        said = row_name(name, method, gold_labels)
        table.add_row(said, *(_figure(figures[key]) for key in shown), style=style)
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def show_worth(console: Console, found: Any, said: str) -> None:
    """The end of `weakft worth`: the supervised curve beside weakft's accuracy, and the answer in words."""
    from weakft.tasks.measure import HEADLINES

    table = Table(title=f"Test split, {found.seeds} seed{'s' if found.seeds > 1 else ''}", title_justify="left")
    table.add_column("trained on")
    table.add_column(HEADLINES[found.figure], justify="right")
    table.add_column("95 % interval", justify="right")
    rows = [
        (f"{n} gold labels", *v)
        for n, *v in zip(found.counts, found.curve, found.curve_low, found.curve_high, strict=True)
    ]
    at = int((found.curve < found.accuracy).sum())
    rows.insert(at, ("the rules (weakft)", found.accuracy, found.accuracy_low, found.accuracy_high))
    if found.alone is not None:
        rows.append((f"{found.gold_used} validation labels alone", found.alone, found.alone_low, found.alone_high))
    for i, (name, mean, low, high) in enumerate(rows):
        table.add_row(name, _figure(mean), f"{low:.3f}–{high:.3f}", style="bold green" if i == at else "")
    console.print(table)
    console.print(said, markup=False)


def show_summary(console: Console, frame: Any, gold: int) -> None:
    """The labeling-function summary as a table, the one to mend first; wider than the console rather than cut a number."""
    checked, failed = "accuracy" in frame.columns, bool(frame["errors"].any())
    table = Table(
        title="Labeling functions, the one to mend first", title_justify="left", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("name", overflow="fold", min_width=14)
    table.add_column("votes for", overflow="fold", min_width=12)
    headings = ["coverage", "overlaps", "conflicts"]
    headings += ["accuracy", "95 % CI"] if checked else []
    headings += ["errors"] if failed else []
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in frame.itertuples():
        cells = [_escape(row.name), _escape(row.polarity) or "never votes"]
        cells += [f"{share:.2f}" for share in (row.coverage, row.overlaps, row.conflicts)]
        if checked:
            found = f"{row.accuracy:.2f} of {row.votes_checked}" if row.votes_checked else "–"
            cells += [found, f"{row.ci_low:.2f}–{row.ci_high:.2f}" if row.votes_checked else ""]
        table.add_row(*cells, *([str(row.errors)] if failed else []))
    for column in table.columns[2:]:
        column.min_width = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    needed = sum((column.min_width or 0) + 1 for column in table.columns)
    if needed > console.width:
        table.width = needed
    console.print(table, crop=False)
    if checked:
        console.print(f"Accuracy is measured on the {gold} gold labels of the validation split.")
