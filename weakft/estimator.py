"""weakft as a scikit-learn classifier: fit on unlabeled texts, predict class names."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from weakft import runs
from weakft.errors import UserError


class WeakClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that learns from labeling functions instead of labels.

    Parameters
    ----------
    lfs : list of labeling functions, or the path of a file with them.
    label_names : class names in class order (not needed where the file has LABELS).
    method, model, seed, label_model : as in `weakft.config.TrainConfig`.
    valid : optional labeled validation data (a DataFrame with text and label columns), for model selection.
    output : run folder to keep; None keeps the model in a temporary folder that lives as long as the estimator.
    options : dict of further `TrainConfig` options.

    Attributes
    ----------
    classes_ : class names, sorted, or the labels of which a text can have any number.   metrics_ : the run's metrics.

    A fitted estimator pickles with the files of its model folder inside (safetensors and JSON).
    """

    def __init__(
        self,
        lfs: Any = None,
        label_names: list[str] | None = None,
        method: str = "cosine",
        model: str = "minilm",
        seed: int = 0,
        label_model: str = "auto",
        valid: Any = None,
        output: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.lfs = lfs
        self.label_names = label_names
        self.method = method
        self.model = model
        self.seed = seed
        self.label_model = label_model
        self.valid = valid
        self.output = output
        self.options = options

    def fit(self, X: Any, y: Any = None) -> WeakClassifier:
        """Train on unlabeled texts ``X`` (list of strings, Series, DataFrame); ``y`` is ignored, as in clustering.

        Raises
        ------
        weakft.errors.UserError : anything wrong with the texts, the labeling functions or the options.
        """
        from weakft.train import train

        if self.method in ("majority", "label-model"):
            raise UserError(
                f"WeakClassifier: method {self.method!r} trains no model to predict with; expected cosine or weak."
            )
        own = {name: value for name, value in self.get_params(deep=False).items() if name != "options"}
        options = self.options or {}
        if repeated := sorted(own.keys() & options.keys()):
            raise UserError(f"WeakClassifier: {', '.join(repeated)} in options: give it as a parameter of its own.")
        temporary = None if self.output else tempfile.TemporaryDirectory(prefix="weakft-")
        if temporary is not None:
            own["output"] = str(Path(temporary.name) / "run")
            own["checkpoint_every"] = 0  # a temporary folder is never resumed
        run = train(X, **own | options)
        # From here on nothing fails: until then the estimator is as an earlier fit left it.
        asked, labels = run.metrics["asked"], np.array(run.metrics["labels"])
        # Scikit-learn's scorers take it for granted that classes are in order of their names.
        self._order = slice(None) if asked else np.argsort(labels)
        self.classes_ = np.array(asked) if asked else labels[self._order]
        self.metrics_ = run.metrics
        self.folder_ = str(runs.model_folder(run.folder))
        self._temporary = temporary
        self._end_model: Any = None
        return self

    def predict_proba(self, X: Any) -> Any:
        """Class probabilities [n, k] in the order of `classes_`; of words a list of [words, k]. Where a text can have any
        number of labels: the probability that it has each.
        """
        check_is_fitted(self, "folder_")
        from weakft.data.objects import from_python
        from weakft.data.tables import Columns
        from weakft.tasks.base import unlabeled
        from weakft.training.model import EndModel

        if self._end_model is None:
            self._end_model = EndModel.load(Path(self.folder_))
        model = self._end_model
        options = self.options or {}
        columns = Columns(text=options.get("text_column"), id=options.get("id_column"), labeled=False)
        data = unlabeled(model.task, from_python(X, columns, "X"), model.label_names)
        return model.task.by_text(data, model.predict(model.tokenize(data.texts))[:, self._order])

    def predict(self, X: Any) -> Any:
        """Class names [n]; of words a list of those. Where a text can have any number of labels: 1 or 0 for each [n, q]."""
        p = self.predict_proba(X)
        return self._end_model.task.chosen(self.classes_, p)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_end_model", None)
        state.pop("_temporary", None)
        folder = state.pop("folder_", None)
        if folder is not None:
            state["_files"] = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("_files", None)
        super().__setstate__(state)
        if files is not None:
            self._temporary = tempfile.TemporaryDirectory(prefix="weakft-")
            for name, content in files.items():
                (Path(self._temporary.name) / name).write_bytes(content)
            self.folder_ = self._temporary.name
            self._end_model = None
