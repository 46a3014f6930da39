"""Run the cells of a comparison (data x method x seed), each in a process of its own, and keep a JSON line of each.

A line is appended when its cell is done, so that a killed comparison goes on where it was: what has a line is not run
again. A process of its own gives a cell its true peak memory, and a crash costs one cell.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np

from weakft.comparison.methods import GIVES, find
from weakft.errors import UserError
from weakft.runs import mendable
from weakft.tasks.measure import headline
from weakft.workers import end_with_parent, without_main

Line = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One run of a comparison. ``data`` is a path as for ``--data``, or "" for the embedded messages; data_hash and
    rules_hash are what lies there (`weakft.inputs.origin`).
    """

    data: str
    method: str
    seed: int
    data_hash: str = ""
    rules_hash: str = ""

    @property
    def name(self) -> str:
        """The data set's name in lines and tables."""
        path = Path(self.data)
        return (path.resolve() if path.name in ("", "..") else path).name if self.data else "embedded"

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells its line from others."""
        return self.name, self.method, self.seed

    def origin(self, method: str) -> dict[str, str]:
        """What a line of a method, its own or one that it measures on its way, says that it was given."""
        rules = {"rules": self.rules_hash} if self.rules_hash and find(method).reads_rules else {}
        return {"data": self.data_hash, **rules}


def key_of(line: Line) -> tuple[str, str, int]:
    """The `Cell.key` of a line's cell."""
    return line["data"], line["method"], line["seed"]


def read_lines(path: Path) -> list[Line]:
    """The lines so far; a last line that a kill cut short does not count.

    Raises
    ------
    UserError : a whole line that is no JSON object, with its number.
    """
    if not path.is_file():
        return []
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        if not text.endswith("\n"):  # `append_lines` cuts it off
            break
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or not line.keys() >= {"data", "method", "seed"}:
                raise ValueError(f"no line of a run: {text.strip()[:80]}")
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: not JSON of a run ({error}). Remove the line; its cell will run again."
            ) from error
        lines.append(line)
    return lines


def append_lines(path: Path, lines: Iterable[Line]) -> None:
    """Add lines, after cutting off a last one that a kill left without its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
        file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())


def current(lines: list[Line], cells: Iterable[Cell]) -> list[Line]:
    """The lines without those of other data, or of other labeling functions, than ``cells`` have now; of data sets that no
    cell has, than the last of their lines. A line that does not say what it was given stays.
    """
    now = {cell.name: cell for cell in cells}
    last: dict[str, dict[str, str]] = {}
    for line in lines:
        last.setdefault(line["data"], {}).update(line.get("origin", {}))

    def counts(line: Line) -> bool:
        cell = now.get(line["data"])
        if cell is None:
            return line.get("origin", {}).items() <= last[line["data"]].items()
        wanted = cell.origin(line["method"])
        return line.get("origin", wanted) == wanted

    return [line for line in lines if counts(line)]


def missing(cells: list[Cell], lines: list[Line]) -> list[Cell]:
    """The cells to run: without a line of their own among ``lines`` and not measured on the way of another one that runs."""
    done = {key_of(line) for line in lines}
    todo = [cell for cell in cells if cell.key not in done]
    given = {(cell.name, name, cell.seed) for cell in todo for name in GIVES.get(cell.method, ())}
    return [cell for cell in todo if cell.key not in given]


def packed(parts: np.ndarray, figure: str, sources: np.ndarray | None = None) -> Line:
    """The entries of a line that keep `Truth.parts` [n, 2] of a figure, of accuracy a bit a text, whether it is right (unless
    its words count); and `Truth.part_sources` [n], where some texts are one.
    """
    if figure == "accuracy" and (parts[:, 1] == 1).all():
        kept = {"right": _base64(np.packbits(parts[:, 0].astype(bool)))}
    else:
        kept = {"parts": _base64(parts.astype("<u2"))}
    if sources is not None and len(np.unique(sources)) < len(sources):
        kept["sources"] = _base64(sources.astype("<u4"))
    return kept


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def unpacked(line: Line) -> np.ndarray | None:
    """The parts [n, 2] that a line keeps; None where it keeps none of the figure that counts."""
    if "parts" in line:
        return np.frombuffer(base64.b64decode(line["parts"]), dtype="<u2").reshape(-1, 2).astype(np.int64)
    if "right" not in line or headline(line["test"]) != "accuracy":
        return None
    right = np.unpackbits(np.frombuffer(base64.b64decode(line["right"]), dtype=np.uint8))[: line["test"]["n"]]
    return np.stack([right, np.ones_like(right)], axis=1).astype(np.int64)


def unpacked_sources(line: Line) -> np.ndarray | None:
    """Which texts the parts are of [n]; None where the line does not say that some are one."""
    kept = base64.b64decode(line.get("sources", ""))
    return np.frombuffer(kept, dtype="<u4") if kept else None


def run_cell(cell: Cell, options: dict[str, Any]) -> list[Line]:
    """Run a cell in this process; return its line and those of what it measures on its way.

    A line: data, method, seed, origin (`run_cells` adds it), test {accuracy, macro_f1, n}, right or parts, and sources
    (`packed`), gold_labels_used (and, where a text may have several, gold_texts_used); the cell's own line also seconds,
    samples (rows trained on), timing, training, warning (of the label model), peak_rss_mb, device, precision, versions.

    Raises
    ------
    UserError : anything wrong with data or options.
    """
    entry = find(cell.method)
    options = {**options, **entry.options, "seed": cell.seed}
    start = time.perf_counter()
    lines = _baseline(cell, options) if entry.baseline else _engine(cell, options)
    lines[-1]["seconds"] = round(time.perf_counter() - start, 1)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines[-1]["peak_rss_mb"] = rss // (1024 if sys.platform != "darwin" else 1024**2)
    return lines


def _engine(cell: Cell, options: dict[str, Any]) -> list[Line]:
    import weakft

    with tempfile.TemporaryDirectory() as scratch:
        run = weakft.train(cell.data or None, output=f"{scratch}/run", checkpoint_every=0, **options)
    metrics = run.metrics
    _same(cell, metrics["origin"])
    method = metrics["method"]
    names = {name: name for name in GIVES.get(cell.method, ()) if name in run.table} | {cell.method: method}
    lines: list[Line] = []
    for name, inside in names.items():
        used = 0 if name == "majority" else metrics["gold_labels_used"]
        test = run.table[inside]
        line = {"data": cell.name, "method": name, "seed": cell.seed, "test": test, "gold_labels_used": used}
        if metrics["gold_labels_used"] != metrics["gold_texts_used"]:
            line["gold_texts_used"] = 0 if name == "majority" else metrics["gold_texts_used"]
        lines.append(line | packed(run.parts[inside], headline(test), run.part_sources))
    stages = [
        metrics.get("training", {}).get(stage, {}) for stage in ("initial", "labels", "self_training", "continued")
    ]
    last = lines[-1]
    last["samples"] = sum(stage.get("samples", 0) for stage in stages)
    last["label_model"] = metrics.get("label_model", {}).get("name")
    if warning := metrics.get("label_model", {}).get("warning"):
        last["warning"] = warning
    last |= {key: metrics.get(key) for key in ("timing", "training", "device", "precision", "versions")}
    return lines


def _same(cell: Cell, found: dict[str, str]) -> None:
    """Refuse figures of other data or labeling functions than those that the cell's line would name."""
    wanted = cell.origin(cell.method)
    if cell.data_hash and any(found.get(what) != there for what, there in wanted.items()):
        raise UserError("the data or the labeling functions changed while the comparison ran; run it again.")


def _baseline(cell: Cell, options: dict[str, Any]) -> list[Line]:
    from weakft.config import TrainConfig, build
    from weakft.inputs import Given, load, origin

    entry = find(cell.method)
    assert entry.baseline is not None
    config = build(TrainConfig, {**options, **({"data": cell.data} if cell.data else {})}, "weakft benchmark")
    outcome = entry.baseline(config, Given())
    if cell.data_hash:
        splits, rules, _ = load(config, Given(), entry.reads_rules)
        _same(cell, origin(splits, rules))
    test = outcome.truth.measure(outcome.probabilities)
    line = {"data": cell.name, "method": cell.method, "seed": cell.seed, "test": test}
    parts = packed(outcome.truth.parts(outcome.probabilities), headline(test), outcome.truth.part_sources)
    used = {"gold_labels_used": outcome.gold_labels_used, "gold_texts_used": outcome.gold_texts_used}
    return [line | parts | used]


def run_cells(
    todo: list[Cell],
    options: dict[str, Any],
    path: Path,
    workers: int,
    report: Callable[[Cell, list[Line] | Exception], None],
) -> int:
    """Run cells, ``workers`` at a time, and append their lines as they come, each with what it was given (``origin``); return
    how many failed.

    With more than one worker each has its share of the cores, and its own GPU where there are several.

    Raises
    ------
    UserError : lines cannot be written; the runs under way are ended.
    """
    slots: Queue[int] = Queue()
    for slot in range(workers):
        slots.put(slot)
    failed = 0
    futures: dict[Future[list[Line]], Cell] = {}
    with ThreadPoolExecutor(workers) as threads, _ended_together(threads, futures):
        for cell in todo:
            futures[threads.submit(_in_a_process, cell, options, slots, workers)] = cell
        for future in as_completed(futures):
            cell = futures[future]
            try:
                lines = future.result()
            except Exception as error:  # whatever it is, it is this cell's alone
                failed += 1
                report(cell, error)
                continue
            done = {key_of(line) for line in current(read_lines(path), todo)}
            new = [line | {"origin": cell.origin(line["method"])} for line in lines if key_of(line) not in done]
            with mendable(path, "The other runs are given up. Once that is mended, the same command goes on."):
                append_lines(path, new)
            report(cell, lines)
    return failed


@contextmanager
def _ended_together(threads: ThreadPoolExecutor, futures: Iterable[Future[Any]]) -> Iterator[None]:
    """What ends the block, such as Ctrl-C, ends the runs under way, too, and begins no other."""
    try:
        yield
    except BaseException as error:
        threads.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):  # a process may be about to begin
            for child in multiprocessing.active_children():
                child.terminate()
            time.sleep(0.1)
        if not isinstance(error, KeyboardInterrupt):
            raise
        raise KeyboardInterrupt(
            "interrupted; what was done has its lines, and the same command goes on with the rest."
        ) from None


def _in_a_process(cell: Cell, options: dict[str, Any], slots: Queue[int], workers: int) -> list[Line]:
    slot = slots.get()
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context, initializer=_settle, initargs=(slot, workers)) as pool:
            with without_main():
                found = pool.submit(run_cell, cell, options)
            return found.result()
    finally:
        slots.put(slot)


def _settle(slot: int, workers: int) -> None:
    """Give a new process its share of the machine, and end it when the comparison is killed."""
    end_with_parent()
    if workers == 1:
        return
    import threadpoolctl
    import torch

    gpus = torch.cuda.device_count()
    if gpus > 1:
        torch.cuda.set_device(slot % gpus)
    share = max(1, torch.get_num_threads() // workers)
    torch.set_num_threads(share)
    threadpoolctl.threadpool_limits(share)
