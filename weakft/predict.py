"""`python -m weakft.predict`, `weakft predict RUN` and `weakft.predict(...)`: class probabilities of new texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import PredictConfig
from weakft.verbs import callable_module

if TYPE_CHECKING:
    import pandas as pd

    from weakft.data.dataset import Dataset

WRITERS = {".csv": "to_csv", ".tsv": "to_csv", ".parquet": "to_parquet", ".jsonl": "to_json"}


def predict(run: str | Path, texts: Any) -> pd.DataFrame:
    """Predict texts with a run's model.

    Parameters
    ----------
    run : run folder or model folder.    texts : list of strings (or of pairs or token lists), pandas DataFrame or
    `datasets.Dataset`.

    Returns
    -------
    One row a text (or a word: id, token, word): id, label, and p_CLASS for each class.
    """
    from weakft.data.tables import Columns, from_python

    return predict_dataset(Path(run), from_python(texts, Columns(), "texts"))


def predict_dataset(run: Path, data: Dataset) -> pd.DataFrame:
    """The same for a split that is already read."""
    import pandas as pd

    from weakft.data.words import identified
    from weakft.runs import model_folder
    from weakft.tasks.base import check
    from weakft.training.model import EndModel

    model = EndModel.load(model_folder(run))
    data = model.task.prepare(data)
    check(model.task, data)
    probabilities = model.predict(model.tokenize(data.texts))
    labels = [model.label_names[c] for c in probabilities.argmax(1)]
    frame = pd.DataFrame({**identified(data), "label": labels})
    frame[[f"p_{name}" for name in model.label_names]] = probabilities
    return frame


def main(args: list[str]) -> None:
    """The command line of `weakft predict`."""
    config = parse(PredictConfig, args, "weakft predict", positional=("run",))
    from weakft.data.readers import read_table
    from weakft.data.tables import Columns
    from weakft.errors import UserError

    output = Path(config.output)
    if output.suffix not in WRITERS:
        raise UserError(f"--output {output}: expected a file ending in {', '.join(WRITERS)}.")
    if not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}.")
    columns = Columns(text=config.text_column, id=config.id_column)
    frame = predict_dataset(Path(config.run), read_table(Path(config.input), columns))
    beside = output.with_name(f".{output.name}.partial")
    formats: dict[str, dict[str, Any]] = {
        ".csv": {"index": False},
        ".tsv": {"index": False, "sep": "\t"},
        ".parquet": {"index": False},
        ".jsonl": {"orient": "records", "lines": True, "force_ascii": False},
    }
    getattr(frame, WRITERS[output.suffix])(beside, **formats[output.suffix])
    beside.replace(output)
    print(f"Wrote {len(frame)} predictions to {output}.")


callable_module(__name__, predict)

if __name__ == "__main__":
    sys.exit(run_cli(main))
