"""`python -m weakft.evaluate`, `weakft evaluate RUN` and `weakft.evaluate(...)`: measure a model on gold labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import EvaluateConfig, build
from weakft.verbs import callable_module

if TYPE_CHECKING:
    from weakft.tasks.measure import Metrics


def evaluate(run: str | Path, data: Any = None, **options: Any) -> Metrics:
    """Measure a run's model on a data set's test (or valid) split; on a ``--data`` that is one file, where there is none.

    Parameters
    ----------
    run : run folder or model folder.   data : a path as for ``--data``, or texts with gold labels (a DataFrame or
    `datasets.Dataset`); None: the embedded support messages.   options : `weakft.config.EvaluateConfig`'s.
    """
    if data is not None and not isinstance(data, (str, Path)):
        return _evaluate(build(EvaluateConfig, {"run": str(run), **options}, "weakft.evaluate"), data)[0]
    named = {} if data is None else {"data": str(data)}
    return _evaluate(build(EvaluateConfig, {"run": str(run), **named, **options}, "weakft.evaluate"))[0]


def _evaluate(config: EvaluateConfig, objects: Any = None) -> tuple[Metrics, str]:
    """The figures, and what was counted, in the plural."""
    from weakft.data.dataset import Dataset
    from weakft.data.objects import from_python
    from weakft.data.tables import Columns
    from weakft.errors import UserError
    from weakft.inputs import Given, load_data, without_gold
    from weakft.runs import model_folder
    from weakft.tasks.base import check
    from weakft.tasks.measure import Truth
    from weakft.training.model import EndModel

    model = EndModel.load(model_folder(Path(config.run)))
    split: Dataset | None
    if objects is not None:
        columns = Columns(config.text_column, config.label_column, config.id_column, model.label_names)
        split = from_python(objects, columns, "data")
    else:
        splits = load_data(config, Given(), model.label_names)
        if splits.label_names and splits.label_names != model.label_names:
            raise UserError(
                f"{config.run}: the model's classes are {model.label_names}, the data's {splits.label_names}."
            )
        split = getattr(splits, config.split)
        if split is None and config.data is not None and Path(config.data).is_file():
            split = splits.train
    if split is None:
        raise UserError(f"--data {config.data}: has no {config.split} split to measure on.")
    if split.gold is None:
        raise UserError(f"{split.source}: {without_gold(split, ' to measure on')}.")
    split = model.task.prepare(split, model.label_names)
    check(model.task, split)
    truth = Truth.of(split, model.classes, "measure")
    return truth.measure(model.predict(model.tokenize(split.texts))), model.task.unit


def main(args: list[str]) -> None:
    """The command line of `weakft evaluate`."""
    from weakft.tasks.measure import HEADLINES

    metrics, unit = _evaluate(parse(EvaluateConfig, args, "weakft evaluate", positional=("run",)))
    figures = [f"{HEADLINES[name]} {metrics[name]:.4f}" for name in HEADLINES if name in metrics]  # type: ignore[literal-required]
    print("  ".join([*figures, f"macro-F1 {metrics['macro_f1']:.4f}", f"on {metrics['n']} {unit}"]))


callable_module(__name__, evaluate)

if __name__ == "__main__":
    sys.exit(run_cli(main))
