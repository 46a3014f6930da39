"""Labeling functions: write them (`core`, `kinds`), load a user's file (`load`), apply (`apply`), judge (`summary`)."""

from weakft.lfs.core import LabelingFunction, labeling_function
from weakft.lfs.kinds import column, gazetteer, keywords, regex

__all__ = ["LabelingFunction", "column", "gazetteer", "keywords", "labeling_function", "regex"]
