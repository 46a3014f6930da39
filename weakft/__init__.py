"""weakft: weak-supervision fine-tuning.

    weakft.train(...)      labeling functions and texts to a fine-tuned model (a run folder)
    weakft.label(...)      the label matrix and the labeling-function summary
    weakft.predict(...)    class probabilities of new texts
    weakft.benchmark(...)  methods beside each other on data sets and seeds
    weakft.worth(...)      how many gold labels the labeling functions are worth
    weakft.evaluate(...)   accuracy and macro-F1 on gold labels
    weakft.report(...)     the HTML page of a finished run, drawn anew
    weakft.WeakClassifier  the same as a scikit-learn estimator
    weakft.labeling_function, keywords, regex, gazetteer, column, ABSTAIN   to write labeling functions

Names are imported when first used, so that `import weakft` starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weakft.benchmark import benchmark
    from weakft.data.dataset import ABSTAIN
    from weakft.estimator import WeakClassifier
    from weakft.evaluate import evaluate
    from weakft.label import label
    from weakft.lfs import LabelingFunction, column, gazetteer, keywords, labeling_function, regex
    from weakft.predict import predict
    from weakft.report import report
    from weakft.train import train
    from weakft.worth import worth

_HOME = {
    "ABSTAIN": "weakft.data.dataset",
    "WeakClassifier": "weakft.estimator",
    "LabelingFunction": "weakft.lfs",
    "column": "weakft.lfs",
    "gazetteer": "weakft.lfs",
    "keywords": "weakft.lfs",
    "labeling_function": "weakft.lfs",
    "regex": "weakft.lfs",
}
_VERBS = ("benchmark", "evaluate", "label", "predict", "report", "train", "worth")

__all__ = [
    "ABSTAIN",
    "LabelingFunction",
    "WeakClassifier",
    "benchmark",
    "column",
    "evaluate",
    "gazetteer",
    "keywords",
    "label",
    "labeling_function",
    "predict",
    "regex",
    "report",
    "train",
    "worth",
]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return import_module(f"weakft.{name}")  # a module that can be called
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'weakft' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
