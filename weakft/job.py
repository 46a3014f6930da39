"""A run in the making, and a finished one: what the steps of the pipeline hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weakft.config import TrainConfig
from weakft.data.dataset import Splits
from weakft.label_models.choose import Choice
from weakft.tasks.measure import Metrics, Truth
from weakft.votes import Votes

if TYPE_CHECKING:
    from weakft.training.loop import Progress
    from weakft.training.plan import Trained


@dataclass
class Run:
    """A finished run: its folder, its metrics (the content of metrics.json) and its labeling-function summary.

    table : method name -> test metrics, in the order of the data flow.   parts : method name -> what each test text adds to
    the figure that counts (`weakft.tasks.measure.Truth.parts`).   part_sources : which texts these are, of which some may be
    one (`Truth.part_sources`); None where nothing was measured.
    """

    folder: Path
    metrics: dict[str, Any]
    lf_summary: pd.DataFrame | None
    table: dict[str, Metrics] = field(default_factory=dict)
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    part_sources: np.ndarray | None = None


@dataclass
class Job:
    """What a run has so far: each step reads what is there and adds its part.

    task : its name.   origin : hashes of what it was given (`weakft.inputs.origin`).   cast, votes : the votes as they were
    cast, and as label models read them (`weakft.votes.settled`).   choice : from the label model.   trained, ceiling : the
    end models.
    gold_used : gold labels by split, and their texts (`weakft.results.gold_used`).   in_summary : validation labels that
    `summary` shows.
    final : the method's probabilities [n, k] by split.
    truth : the test split's gold labels, where it has some.   table, parts : as in `Run`.
    """

    config: TrainConfig
    splits: Splits
    labels: list[str]
    task: str
    origin: dict[str, str]
    progress: Progress
    cast: Votes | None = None
    votes: Votes | None = None
    choice: Choice | None = None
    summary: pd.DataFrame | None = None
    gold_used: tuple[dict[str, int], int] = field(default_factory=lambda: ({}, 0))
    in_summary: int = 0
    trained: Trained | None = None
    ceiling: Trained | None = None
    final: dict[str, np.ndarray] = field(default_factory=dict)
    truth: Truth | None = None
    table: dict[str, Metrics] = field(default_factory=dict)
    parts: dict[str, np.ndarray] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
