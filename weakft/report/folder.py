"""A finished run folder as plain values, checked: what the page is drawn from. Knows nothing of how it will look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet as pq
import yaml
from pydantic import BaseModel, ValidationError

from weakft import runs
from weakft.errors import UserError
from weakft.tasks import TASKS
from weakft.tasks.measure import HEADLINES

LF_COLUMNS = ("name", "polarity", "coverage", "overlaps", "conflicts", "errors")
CHECKED_COLUMNS = ("votes_checked", "accuracy", "ci_low", "ci_high")
DISAGREEMENT_COLUMNS = ("id", "text", "votes", "label_model", "model", "probability")


class Figures(BaseModel):
    """Figures of one split; None where the split has no gold. ``texts`` : of how many its ``n`` rows are, if not as many."""

    accuracy: float | None
    macro_f1: float | None
    n: int
    texts: int | None = None
    entity_f1: float | None = None
    micro_f1: float | None = None


class Candidate(BaseModel):
    """A label model tried on the validation split."""

    model: str
    balance: str
    log_loss: float | None = None
    accuracy: float | None = None
    error: str = ""


class LabelModel(BaseModel):
    """The label model taken, and those it was chosen among."""

    name: str
    balance: str
    reason: str = ""
    learned: bool = False
    candidates: list[Candidate] = []


class Stage(BaseModel):
    """A stage of training; ``valid`` holds (step, figure that counts) of each look at the validation split."""

    steps: int
    valid: list[tuple[int, float | None]] = []
    stopped: str = ""
    best_step: int | None = None
    valid_figure: float | None = None


class Member(BaseModel):
    """A candidate of the first teacher: in the mean, or heard beside it."""

    kind: str
    name: str = ""
    valid_figure: float | None = None
    in_mean: bool = True


class FirstTeacher(BaseModel):
    """The first teacher of self-training."""

    valid_figure: float | None = None
    rows: int
    chain_strength: float = 0.0
    labels_share: float | None = None
    main: str | None = None
    calibrated: bool = False
    members: list[Member] = []


class Period(BaseModel):
    """A teacher refresh: rows there were, rows selected, classes among them."""

    step: int
    pool: int
    selected: int
    classes: int


class Calibration(BaseModel):
    """The end model's -log p of the validation labels before and after it was calibrated (cross-fitted), if it was."""

    taken: bool
    before: float | None = None
    after: float | None = None


class Training(BaseModel):
    """What training did."""

    labels: Stage | None = None
    initial: Stage | None = None
    first_teacher: FirstTeacher | None = None
    self_training: Stage | None = None
    periods: list[Period] = []
    continued: Stage | None = None
    calibration: Calibration | None = None


class Metrics(BaseModel):
    """The part of metrics.json that the page shows; what older runs lack has a default."""

    method: str
    seed: int
    data: str
    model: str
    task: str | None = None
    labels: list[str]
    asked: list[str] | None = None
    rows: dict[str, int]
    table: dict[str, Figures]
    timing: dict[str, float]
    gold_labels_used_by_split: dict[str, int]
    trained_on_valid: bool | None = None
    calibrated: bool = False
    coverage: float | None = None
    label_model: LabelModel | None = None
    training: Training | None = None
    device: str | None = None
    precision: str | None = None
    versions: dict[str, str] = {}

    @property
    def headline(self) -> str:
        """The name of the figure that counts."""
        measured = [figures for figures in self.table.values() if figures.n]
        by_task = TASKS[self.task].figure if self.task in TASKS else "accuracy"
        return next((h for h in HEADLINES if any(getattr(f, h) is not None for f in measured)), by_task)


@dataclass
class FinishedRun:
    """The content of a run folder.

    options : config.yaml as it stands.   predictions : split, gold, label and vote_LF columns, one row a text.
    lf_summary, disagreements : None where the run has none.
    """

    metrics: Metrics
    options: dict[str, Any]
    predictions: pd.DataFrame
    lf_summary: pd.DataFrame | None = None
    disagreements: pd.DataFrame | None = None

    @property
    def unit(self) -> str:
        """What has a class, in the plural."""
        return TASKS[self.metrics.task].unit if self.metrics.task in TASKS else "texts"

    @property
    def figure(self) -> str:
        """The figure that counts, for a person."""
        return HEADLINES[self.metrics.headline]

    @property
    def has_end_model(self) -> bool:
        """Whether a model was trained; else the predictions are aggregated votes."""
        return self.metrics.training is not None


def read(folder: Path) -> FinishedRun:
    """Read a run folder.

    Raises
    ------
    UserError : it is no finished run, or one of its files is missing or broken; the message names the file.
    """
    if not (folder / runs.METRICS).is_file():
        raise UserError(f"{folder}: is not a finished run: it has no {runs.METRICS}.")
    metrics = _metrics(folder / runs.METRICS)
    finished = FinishedRun(
        metrics, _options(folder / runs.CONFIG), _predictions(folder / runs.PREDICTIONS, metrics.labels, metrics.asked)
    )
    if metrics.coverage is not None:  # the run had votes
        finished.lf_summary = lf_summary(folder / runs.LF_SUMMARY)
    if (folder / runs.DISAGREEMENTS).is_file():  # runs of earlier versions have none
        finished.disagreements = _parquet(folder / runs.DISAGREEMENTS, DISAGREEMENT_COLUMNS)
    return finished


def _metrics(path: Path) -> Metrics:
    try:
        return Metrics.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: is broken: {where + ': ' if where else ''}{first['msg']}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is broken: {error}.") from error


def _options(path: Path) -> dict[str, Any]:
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing from the run.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is broken: {' '.join(str(error).split())}.") from error
    if not isinstance(options, dict):
        raise UserError(f"{path}: is broken: expected option names with values, found {type(options).__name__}.")
    return options


def _parquet(path: Path, needed: tuple[str, ...], prefixes: tuple[str, ...] = ()) -> pd.DataFrame:
    """The columns ``needed`` and those that begin with one of ``prefixes``; the rest may be large and is not read."""
    try:
        names = pq.read_schema(path).names
        _demand(path, needed, names)
        columns = [name for name in names if name in needed or (prefixes and name.startswith(prefixes))]
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing from the run.") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: is broken: {' '.join(str(error).split())}") from error


def _demand(path: Path, needed: tuple[str, ...], names: list[str]) -> None:
    missing = [name for name in needed if name not in names]
    if missing:
        raise UserError(f"{path}: is broken: it has no column {missing[0]!r}.")


def _predictions(path: Path, labels: list[str], asked: list[str] | None) -> pd.DataFrame:
    needed = ("split", "gold", "label") if asked is None else ("split", "asked", "gold", "label")
    frame = _parquet(path, needed, ("vote_",))
    for column in ("gold", "label"):
        unknown = sorted(set(frame[column].dropna()) - set(labels), key=str)
        if unknown:
            raise UserError(f"{path}: is broken: {column} {unknown[0]!r} is none of the classes {', '.join(labels)}.")
    for name, votes in frame.filter(regex="^vote_").items():
        cast = pd.to_numeric(votes.dropna(), errors="coerce")
        if not cast.between(-1, len(labels) - 1).all():
            raise UserError(f"{path}: is broken: {name} has votes that are none of the {len(labels)} classes.")
    return frame


def lf_summary(path: Path) -> pd.DataFrame:
    """The rule summary of a run.

    Raises
    ------
    UserError : it is missing or broken.
    """
    words: Any = {"name": str, "polarity": str}
    try:
        # a labeling function may be called "nan"; the figures' own gaps are made NaN below
        frame = pd.read_csv(path, dtype=words, keep_default_na=False)
        names = [str(name) for name in frame.columns]
        _demand(path, LF_COLUMNS + (CHECKED_COLUMNS if "accuracy" in names else ()), names)
        for column in (name for name in names if name not in words):
            frame[column] = pd.to_numeric(frame[column])
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing from the run.") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: is broken: {error}.") from error
    return frame
