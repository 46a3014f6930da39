"""Every option once: its name, type, default and meaning. A YAML or TOML file sets them, flags override it.

The command line (`cli.py`) and the Python API both build these classes; unknown names are refused in both.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weakft.errors import UserError, nearest

Method = Literal["cosine", "weak", "gold", "valid", "majority", "label-model"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What NumPy and torch both take."""


TASK: str = Field(
    "auto",
    description="classification: a class a text. tokens: a class a word. multi-label: any number "
    "of labels a text. pair: a class for two sentences. relation: a class for two entities marked in a text, as in "
    "[GENE]p53[/GENE] or <e1>p53</e1>. auto: what most rows are.",
)


class BadValue(UserError):
    """A value that does not fit an option. name : the option's.   problem : what was expected and found."""

    def __init__(self, name: str, expected: str, found: Any) -> None:
        self.name, self.problem = name, f"{expected}; found {found!r}"
        super().__init__(f"--{name.replace('_', '-')}: {self.problem}.")


class Options(BaseModel):
    """What every verb accepts."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    debug: bool = Field(False, description="Show the traceback of an error.")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            raise BadValue(".".join(map(str, first["loc"])), first["msg"], first.get("input")) from error


class TextOptions(Options):
    """Which columns of a table, whether it has labels or not."""

    text_column: str | None = Field(None, description="Column with the text. Default: guessed from its name.")
    id_column: str | None = Field(None, description="Column with ids. Default: guessed; rows are numbered without.")


class ColumnOptions(TextOptions):
    """Which columns of a table with gold labels."""

    label_column: str | None = Field(
        None,
        description="Column with gold labels, or for several labels a text a column each, A,B,C; none: there is none. "
        "Default: guessed from its name.",
    )


class DataOptions(ColumnOptions):
    """Which data."""

    data: str | None = Field(
        None,
        description="WRENCH folder, a folder of train/valid/test files (csv, tsv, jsonl, json, parquet) or one file. "
        "Default: the embedded support messages.",
    )
    valid: str | None = Field(None, description="Validation file, beside a --data that is one file.")
    test: str | None = Field(None, description="Test file, beside a --data that is one file.")


class VoteOptions(DataOptions):
    """Where votes come from."""

    lfs: str | None = Field(None, description="Python file with labeling functions. Default: the embedded data's own.")
    votes: Literal["lfs", "from-data"] = Field(
        "lfs", description="Apply labeling functions, or read ready votes (weak_labels) from a WRENCH folder."
    )
    strict: bool = Field(False, description="A labeling function that raises on a row is an error, not an abstention.")
    lf_timeout: float | None = Field(
        None,
        ge=0.01,
        le=86_400,
        description="Seconds by the clock that a labeling function may take for a row, which then abstains. All of them run "
        "row by row then. Default: no limit.",
    )
    processes: Count = Field(
        1,
        description="Worker processes that apply labeling functions (each must depend on its row alone); 0: one a core.",
    )
    cache: bool = Field(
        True, description="Keep votes on disk, and run a labeling function again only where it or the data changed."
    )
    cache_dir: str | None = Field(None, description="Folder for the kept votes. Default: the platform's cache folder.")


class LabelConfig(VoteOptions):
    """Options of `weakft label`."""

    task: str = TASK
    output: str = Field("votes", description="Folder for label_matrix.parquet and lf_summary.csv.")


class EngineOptions(Options):
    """How an end model is trained, whatever the data and the method."""

    task: str = TASK
    model: str = Field("minilm", description="minilm (packaged), a hub name such as roberta-base, or a local folder.")
    device: Literal["auto", "cpu"] = Field("auto", description="auto takes a GPU where there is one.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 where it is native.")

    label_model: str = Field(
        "auto", description="auto, snorkel, majority, bounded, measured, dawid-skene, or one a package brings."
    )
    class_balance: list[float] | None = Field(
        None,
        description="Assumed class shares, in class order (of words and labels of a text: for self-training alone, since "
        "rules vote on those of some classes). Default: estimated (auto tries the validation split's).",
    )

    batch_size: Positive = Field(32, description="Texts a batch.")
    gradient_accumulation: Positive = Field(1, description="Batches a step.")
    max_length: int = Field(128, ge=8, description="Tokens kept of a text, with those that the encoder adds to each.")
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="Peak step size. Default: 5e-5 for encoders up to 512 wide, else 2e-5; for "
        "several labels a text four times that.",
    )
    weight_decay: float = Field(1e-4, ge=0, description="AdamW's.")
    warmup: Fraction = Field(0.0, description="Share of a stage's steps that warm up.")
    epochs: float = Field(
        3.0, gt=0, le=1e6, description="Passes over the rows a stage trains on, within its range of steps."
    )
    initial_steps: Positive | None = Field(
        None,
        description="Steps of fine-tuning on given labels [T1]. Default: `epochs`, 150 to 400 (gold: "
        "300 to 800; validation labels, or a number of gold labels: 400 to 800).",
    )
    head_steps: Count = Field(
        0, description="Steps in which the head alone is trained before (linear probe, then fine-tuning: LP-FT)."
    )
    self_training_steps: Count | None = Field(
        None, description="Steps of self-training [T2]; 0 leaves it out. Default: `epochs`, 250 to 400."
    )
    period: Positive = Field(100, description="Steps between teacher refreshes [T3].")
    threshold: Fraction = Field(
        0.0,
        description="Confidence that a row needs to be trained on [xi]. 0: every row is.",
    )
    least_selected: Fraction = Field(
        0.5, description="Most confident share of each pseudo-class that is trained on even below the threshold."
    )
    contrastive_weight: float = Field(0.1, ge=0, description="Weight of the contrastive term; 0 leaves it out.")
    margin: float = Field(1.0, gt=0, description="Distance that unlike pairs are pushed to [gamma].")
    distance: Literal["euclidean", "cosine"] = Field("euclidean", description="Distance of the contrastive term.")
    smoothing: float = Field(0.05, ge=0, description="Weight of the confidence regularization [lambda].")
    hard_labels: bool = Field(
        False, description="Initial fine-tuning on the most probable class instead of soft labels (to compare)."
    )
    hard_pseudo_labels: bool = Field(
        False, description="Self-training on the most probable class instead of soft pseudo-labels (to compare)."
    )
    confidence_weights: bool | None = Field(
        None,
        description="Weigh a selected row by its confidence [w]. Default: where there is no calibrated first teacher.",
    )
    sharpened_pseudo_labels: bool | None = Field(
        None,
        description="Square the teacher's predictions and divide them by the class's frequency; off: take them as they are. "
        "Default: where there is no calibrated first teacher.",
    )
    balanced_pseudo_labels: bool = Field(
        True,
        description="The pseudo-labels' mean is the class balance, where that is estimated, and rows of rare classes are "
        "repeated; off: neither (to compare).",
    )
    first_teacher: bool = Field(
        True, description="Clean the weak labels on frozen features before self-training (needs a validation split)."
    )
    calibrated_teacher: bool = Field(
        True,
        description="Where each text has one class, weigh what each kind of first teacher says by the validation labels "
        "(unless --class-balance is given; with --use-valid where that surely tells them better); off: take the mean of "
        "the best as it is (to compare).",
    )
    calibrated_end_model: bool | None = Field(
        None,
        description="Where each text has one class and no validation label is trained on, make the end model as sure of each "
        "as it is right on the validation split. Default: where there is a calibrated first teacher.",
    )
    eval_every: Positive | None = Field(
        None, description="Steps between evaluations on the validation split. Default: 20, more where it is large."
    )
    patience: Count = Field(
        4,
        description="Evaluations on the validation split without a better score before initial fine-tuning stops; 0: never.",
    )
    max_steps: Positive | None = Field(
        None, description="Most steps of every stage (for trying things out). Default: no limit."
    )


class TrainConfig(EngineOptions, VoteOptions):
    """Options of `weakft train`."""

    method: Method = Field(
        "cosine",
        description="cosine: weak labels, then self-training. weak: fine-tuning on weak labels. gold: on the training "
        "split's gold labels. valid: on the validation labels. majority, label-model: no end model.",
    )
    use_valid: bool = Field(
        False,
        description="Method cosine: train on the validation labels, too. A model of them teaches beside the first teacher, "
        "with the share that cross-fitting gives it, and they join every period. The result is the mean of its weights and "
        "the student's, in the same shares (in halves where it has most of the say: the student goes on from it then). No "
        "checkpoint of the student is chosen by them.",
    )
    continue_on_valid: bool = Field(
        False, description="Methods weak and cosine: fine-tune the result on the validation labels (to compare)."
    )
    output: str | None = Field(None, description="Run folder. Default: runs/DATA-METHOD-seedSEED.")
    resume: bool = Field(
        False,
        description="Go on with the run that was interrupted in --output, from its last checkpoint. The options must be "
        "the same; without such a run, begin from the beginning.",
    )
    checkpoint_every: float = Field(
        60.0, ge=0, description="Seconds between checkpoints while a model trains (in OUTPUT.partial); 0: none."
    )
    max_rows: Positive | None = Field(
        None,
        description="Read at most so many training texts, drawn at random; the others are left out. A Parquet file is then "
        "never held whole, with labeling functions that name LABELS and --task auto. Default: all of them.",
    )
    seed: Seed = Field(0, description="Seeds everything random.")
    ceiling: bool = Field(False, description="Also train the fully supervised ceiling (reads the training gold).")
    gold_labels: Positive | None = Field(
        None,
        description="Methods gold and valid: train on so many of the split's gold labels, drawn at random, and on nothing "
        "else (no validation label chooses the checkpoint). Default: all of them.",
    )


class BenchmarkOptions(Options):
    """What is compared."""

    data: list[str] = Field(
        [],
        description="Data sets, each as for weakft train --data, with a test split: WRENCH folders, folders of files. "
        "Default: the embedded support messages.",
    )
    lfs: str | None = Field(
        None, description="Python file with labeling functions for all of them. Default: the ready votes of the data."
    )
    methods: list[str] = Field(
        ["majority", "label-model", "weak", "cosine-published", "cosine", "valid", "gold"],
        min_length=1,
        description="Methods (--explain says what they are); gold-N, valid-N, probe-N, setfit-N for any N gold labels.",
    )
    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="Seeds.")
    output: str = Field("comparison", description="Folder for cells.jsonl (one line a run) and the summary.")
    workers: Positive = Field(1, description="Runs at a time; each gets its share of the cores, or its own GPU.")
    explain: bool = Field(False, description="Say what the methods are, and stop.")


class BenchmarkConfig(ColumnOptions, EngineOptions, BenchmarkOptions):
    """Options of `weakft benchmark`; its help begins with the last base's."""


class WorthOptions(Options):
    """What rules are compared with."""

    data: str | None = Field(
        None, description="Data set, as for weakft train --data. Default: the embedded support messages."
    )
    lfs: str | None = Field(None, description="Python file with labeling functions. Default: the data's ready votes.")
    counts: list[Positive] = Field(
        [10, 20, 50, 100, 200, 500, 1000, 2000],
        min_length=1,
        description="Numbers of gold labels to fine-tune on; one beyond what there is stands for all there is.",
    )
    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="Seeds.")
    output: str = Field(
        "worth", description="Folder for cells.jsonl (one line a run), worth.json, worth.svg and worth.html."
    )
    workers: Positive = Field(1, description="Runs at a time; each gets its share of the cores, or its own GPU.")


class WorthConfig(ColumnOptions, EngineOptions, WorthOptions):
    """Options of `weakft worth`; its help begins with the last base's."""


class PredictConfig(TextOptions):
    """Options of `weakft predict`."""

    run: str = Field(description="Run folder, or any sequence-classification model folder.")
    input: str = Field(description="File with texts (csv, tsv, jsonl, json, parquet).")
    output: str = Field(
        description="File for the predictions; its extension sets the format (csv, tsv, jsonl, parquet)."
    )


class EvaluateConfig(DataOptions):
    """Options of `weakft evaluate`."""

    run: str = Field(description="Run folder, or any sequence-classification model folder.")
    split: Literal["test", "valid"] = Field("test", description="Which split of --data.")


class ReportConfig(Options):
    """Options of `weakft report`."""

    run: str = Field(description="Run folder; report.html is written into it.")


BY_VERB: dict[str, type[Options]] = {
    "label": LabelConfig,
    "train": TrainConfig,
    "benchmark": BenchmarkConfig,
    "worth": WorthConfig,
    "predict": PredictConfig,
    "evaluate": EvaluateConfig,
    "report": ReportConfig,
}

C = TypeVar("C", bound=Options)


def build(kind: type[C], values: dict[str, Any], source: str) -> C:
    """Make an options object from plain values; a path may be a `Path`, too.

    Raises
    ------
    UserError : an unknown name (with the verbs that have it, or the nearest right one) or a value that does not fit, named
    with ``source``.
    """
    values = {str(key).replace("-", "_"): value for key, value in values.items()}
    unknown = [key for key in values if key not in kind.model_fields]
    if unknown:
        owners = [f"weakft {verb}" for verb, other in BY_VERB.items() if unknown[0] in other.model_fields]
        hint = f" It is one of {', '.join(owners)}." if owners else nearest(unknown[0], list(kind.model_fields))
        raise UserError(f"{source}: unknown option {unknown[0]!r}.{hint}")
    values = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in values.items()}
    try:
        return kind(**values)
    except BadValue as error:
        raise UserError(f"{source}: option {error.name!r}: {error.problem}.") from error


def read_file(path: Path) -> dict[str, Any]:
    """Read options from a YAML or TOML file.

    Raises
    ------
    UserError : no such file, another format, or not a mapping of option names.
    """
    if not path.is_file():
        raise UserError(f"--config {path}: there is no such file.")
    try:
        if path.suffix == ".toml":
            content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".yaml", ".yml"):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        else:
            raise UserError(f"--config {path}: expected a .yaml, .yml or .toml file.")
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--config {path}: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"--config {path}: expected option names with values, found {type(content).__name__}.")
    return content
