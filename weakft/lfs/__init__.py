"""Labeling functions: write (`core`, `kinds`, `preprocess`), load a file of them (`load`), `apply`, judge (`summary`)."""

from weakft.lfs.core import LabelingFunction, labeling_function
from weakft.lfs.kinds import column, gazetteer, keywords, regex
from weakft.lfs.preprocess import spacy_preprocessor

__all__ = ["LabelingFunction", "column", "gazetteer", "keywords", "labeling_function", "regex", "spacy_preprocessor"]
