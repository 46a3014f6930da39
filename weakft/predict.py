"""`python -m weakft.predict`, `weakft predict RUN` and `weakft.predict(...)`: class probabilities of new texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weakft.cli import parse
from weakft.cli import run as run_cli
from weakft.config import PredictConfig
from weakft.verbs import callable_module

if TYPE_CHECKING:
    import pandas as pd

    from weakft.data.dataset import Dataset
    from weakft.training.loop import Progress


def predict(
    run: str | Path, texts: Any, *, text_column: str | None = None, id_column: str | None = None
) -> pd.DataFrame:
    """Predict texts with a run's model.

    Parameters
    ----------
    run : run folder or model folder.    texts : list of strings (or of pairs or token lists), pandas DataFrame or
    `datasets.Dataset`.   text_column, id_column : its columns, where their names do not say it. Labels are not read.

    Returns
    -------
    One row a text (or a word: id, token, word): id, label (of several labels: labels, joined by commas), and p_CLASS for each
    class.
    """
    from weakft.data.objects import from_python
    from weakft.data.tables import Columns

    return predict_dataset(
        Path(run), from_python(texts, Columns(text=text_column, id=id_column, labeled=False), "texts")
    )


def predict_dataset(run: Path, data: Dataset) -> pd.DataFrame:
    """The same for a split that is already read."""
    import pandas as pd

    from weakft.display import Silent

    return pd.concat(predict_parts(run, data, Silent()), ignore_index=True)


def predict_parts(run: Path, data: Dataset, progress: Progress) -> Iterator[pd.DataFrame]:
    """The same part by part, as the split is read."""
    import pandas as pd

    from weakft.runs import model_folder
    from weakft.tasks import choose
    from weakft.tasks.base import unlabeled
    from weakft.training.model import EndModel

    model = EndModel.load(model_folder(run))
    model.say = progress.say
    for i, part in enumerate(data.parts()):
        part = unlabeled(model.task, part, model.label_names)
        if not i:
            found = choose("auto", part).name if model.task.name == "classification" else model.task.name
            if found != model.task.name:
                progress.say(f"The texts look like those of --task {found}; the model takes them as whole texts.")
            progress.start("predictions", max(len(data), part.n_rows))
        probabilities = model.predict(model.tokenize(part.texts), advance=progress.advance)
        yield pd.DataFrame(model.task.answers(part, model.label_names, probabilities))


def main(args: list[str]) -> None:
    """The command line of `weakft predict`."""
    config = parse(PredictConfig, args, "weakft predict", positional=("run",))
    from weakft.data.readers import read_texts
    from weakft.data.tables import Columns
    from weakft.data.writers import check_target, write
    from weakft.display import TerminalProgress
    from weakft.errors import UserError
    from weakft.interruption import Signals

    output = Path(config.output)
    check_target(output)
    if output.exists() and Path(config.input).exists() and output.samefile(config.input):
        raise UserError(f"--output {output}: is the file that is read; name another, its other columns would be lost.")
    data = read_texts(Path(config.input), Columns(text=config.text_column, id=config.id_column, labeled=False))
    with Signals(), TerminalProgress() as bars:
        rows = write(predict_parts(Path(config.run), data, bars), output)
    print(f"Wrote {rows} predictions to {output}.")


callable_module(__name__, predict)

if __name__ == "__main__":
    sys.exit(run_cli(main))
