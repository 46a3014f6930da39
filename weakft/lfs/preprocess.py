"""Preprocessors: functions of an example that add what several labeling functions read, computed once a row for all.

Any function of an example that returns an example is one. One that also has a method ``batch``, examples to examples,
gets many rows at a time.
"""

from __future__ import annotations

from typing import Any


class SpacyPreprocessor:
    """Adds the document that a spaCy pipeline makes of a text, many texts at a time; see `spacy_preprocessor`."""

    def __init__(self, nlp: Any, field: str, doc: str, batch_size: int) -> None:
        self.nlp, self.field, self.doc, self.batch_size = nlp, field, doc, batch_size

    def __call__(self, x: Any) -> Any:
        """Add the document to one example."""
        setattr(x, self.doc, self.nlp(getattr(x, self.field)))
        return x

    def batch(self, examples: list[Any]) -> list[Any]:
        """Add their documents to many examples."""
        texts = [getattr(x, self.field) for x in examples]
        for x, document in zip(examples, self.nlp.pipe(texts, batch_size=self.batch_size), strict=True):
            setattr(x, self.doc, document)
        return examples


def spacy_preprocessor(nlp: Any, *, field: str = "text", doc: str = "doc", batch_size: int = 256) -> SpacyPreprocessor:
    """A preprocessor that sets ``x.doc`` to what a spaCy pipeline makes of ``x.text``.

    Parameters
    ----------
    nlp : a pipeline such as ``spacy.load("en_core_web_sm")``; anything with ``nlp(text)`` and ``nlp.pipe(texts)``.
    field, doc : the attributes read and set.
    batch_size : texts that ``nlp.pipe`` takes at a time.

    Give one and the same preprocessor to all labeling functions that read the document, ``pre=[document]``: it runs once
    a row.
    """
    return SpacyPreprocessor(nlp, field, doc, batch_size)
