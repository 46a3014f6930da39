"""What a run folder holds, and how it comes to be: written beside its place, then renamed, so that it is whole or absent."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from weakft.errors import UserError

METRICS = "metrics.json"
CONFIG = "config.yaml"
MODEL = "model"
PREDICTIONS = "predictions.parquet"
LF_SUMMARY = "lf_summary.csv"
DISAGREEMENTS = "disagreements.parquet"
REPORT = "report.html"

NOT_INSTALLED = "not installed"
"""What stands in metrics.json for the version of a package that is not."""

RUN = frozenset({METRICS, CONFIG, MODEL, PREDICTIONS, LF_SUMMARY, DISAGREEMENTS, REPORT})
"""What a run folder may hold."""

PARTIAL = ".partial"
"""The end of a file's name while it is written."""

NOBODYS = (".DS_Store", "Thumbs.db")
"""Files that file managers leave everywhere."""

REPLACED = "replaced"
"""Where the earlier run lies for the moment in which a new one takes its place."""


def resolved(folder: Path) -> Path:
    """The folder that a link stands for, which is written and replaced in its stead; another folder as it is."""
    return Path(os.path.realpath(folder)) if folder.is_symlink() else folder


def check_target(folder: Path) -> None:
    """Refuse to replace a folder that is not an earlier run, and a place that cannot be written.

    Raises
    ------
    UserError : a file stands there, a folder that is no run or holds something else, or the parent is not writable.
    """
    check_place(folder)
    refuse_others(folder, RUN, needed=METRICS, what="a weakft run")


def refuse_others(folder: Path, ours: frozenset[str], needed: str, what: str) -> None:
    """Refuse to replace a folder that lacks what all of its kind have (``needed``), or that holds more than ``ours``.

    Raises
    ------
    UserError : with the first file that is not weakft's.
    """
    there = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    others = sorted(name for name in there - ours if name not in NOBODYS and not name.endswith(PARTIAL))
    if there and needed not in there:
        raise UserError(f"--output {folder}: the folder exists and is not {what}; name another, or remove it.")
    if others:
        raise UserError(
            f"--output {folder}: holds {others[0]}, which is not part of {what} and would be lost; move it, or name another "
            "folder."
        )


def check_place(folder: Path) -> None:
    """Refuse a place where no folder can stand or be written; nothing is made yet.

    Raises
    ------
    UserError : a file stands there or above it, or what is there of the folders above is not writable.
    """
    if not folder.name:
        raise UserError(f"--output {folder}: name a folder, not a place.")
    if os.path.lexists(folder) and not folder.is_dir():
        raise UserError(f"--output {folder}: something of that name exists and is no folder; name a folder.")
    above = folder.parent
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise UserError(f"--output {folder}: {above} is no folder.")
    if not os.access(above, os.W_OK):
        raise UserError(f"--output {folder}: {above} is not writable.")


@contextmanager
def writing(folder: Path, place: Path | None = None) -> Iterator[Path]:
    """A scratch folder that takes ``folder``'s place when the block ends well, and vanishes when it does not.

    place : a folder beside, which holds it meanwhile; None: a temporary one.

    Raises
    ------
    UserError : something cannot be written; what was there before stays.
    """
    with mendable(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = place or Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        scratch, replaced = beside / "run", beside / REPLACED
        try:
            shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
            scratch.mkdir()
            yield scratch
            for path in (*scratch.rglob("*"), scratch):
                flush(path)
            if folder.exists():
                folder.rename(replaced)
            scratch.rename(folder)
        finally:
            put_back(beside, folder)
            shutil.rmtree(scratch if place else beside, ignore_errors=True)


def put_back(place: Path, folder: Path) -> None:
    """Where the writing of a run was cut short between its two renames, the earlier run takes its place again."""
    if (place / REPLACED).exists():
        if folder.exists():
            shutil.rmtree(place / REPLACED, ignore_errors=True)
        else:
            (place / REPLACED).rename(folder)


@contextmanager
def mendable(path: Path, advice: str = "") -> Iterator[None]:
    """A block in which a failure to write is for the user to mend: no room, a read-only folder.

    Raises
    ------
    UserError : in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}. {advice}".rstrip()) from error


def flush(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk and not only in the system's memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """A scratch file that takes ``path``'s place when the block ends well, and vanishes when it does not.

    beside : its name; None: one that no other process takes, whatever they write at the same time.
    """
    beside = beside or path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        yield beside
        flush(beside)
        beside.replace(path)
    finally:
        with suppress(OSError):  # on a disk that cannot be written there is nothing to clear up
            beside.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write a file whole: beside, then renamed."""
    with replacing(path) as beside:
        beside.write_text(content, encoding="utf-8")


def values(path: Path) -> dict[str, Any]:
    """What a file of plain values by name holds (JSON or YAML).

    Raises
    ------
    UserError : it is missing or broken.
    """
    import yaml

    try:
        content = (json.loads if path.suffix == ".json" else yaml.safe_load)(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is missing or broken; name another folder with --output, or remove this one.")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON whole."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def model_folder(run: Path) -> Path:
    """The Hugging Face model folder of a run, or the folder itself where it is one.

    Raises
    ------
    UserError : neither, or a run of a method that trains no model.
    """
    for folder in (run / MODEL, run):
        if (folder / "config.json").is_file():
            return folder
    if (run / METRICS).is_file():
        raise UserError(f"{run}: the run has no model: the methods majority and label-model train none.")
    raise UserError(f"{run}: expected a run folder (with model/config.json) or a model folder, found neither.")
