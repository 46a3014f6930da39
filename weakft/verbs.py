"""A verb is a module (`python -m weakft.train`) that can also be called (`weakft.train(...)`)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

VERBS = {
    "train": "labeling functions and texts to a fine-tuned model",
    "label": "apply labeling functions, without training",
    "predict": "class probabilities of new texts",
    "evaluate": "measure a model on gold labels",
    "report": "the HTML page of a finished run, drawn anew",
    "benchmark": "methods beside each other: data sets x methods x seeds",
    "worth": "how many gold labels the labeling functions are worth",
}
"""What each of them does."""


def callable_module(name: str, function: Callable[..., Any]) -> None:
    """Make the module ``name`` callable: calling it calls ``function``.

    Importing `weakft.train` binds that module as the attribute `weakft.train`; without this, the import would hide the
    function of the same name.
    """

    class Verb(ModuleType):
        __doc__ = function.__doc__

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    sys.modules[name].__class__ = Verb
