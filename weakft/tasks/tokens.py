"""Tokens: a class for every word, such as slots and named entities, in the schemes IO and BIO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from weakft.data.dataset import Dataset
from weakft.data.words import by_words, split_words
from weakft.errors import UserError
from weakft.tasks.base import BadText, Shown, Task


class Tokens(Task):
    """A list of words, or a text whose words white space tells apart; each word's class is read at its first piece."""

    name = "tokens"
    expected = "a list of tokens in every row, with as many labels"
    of_words = True
    figure = "entity_f1"
    unit = "tokens"

    @property
    def head(self) -> str:
        """See `Task`."""
        return "AutoModelForTokenClassification"

    @classmethod
    def of(cls, data: Dataset) -> Self | None:
        """See `Task`."""
        return None if data.words is None else cls()

    @classmethod
    def prepare(cls, data: Dataset, label_names: Sequence[str] | None) -> Dataset:
        """See `Task`: every word a row."""
        if data.asked is not None or (data.words is None and (data.gold is not None or data.votes is not None)):
            what = "gold labels" if data.gold is not None else "votes"
            raise UserError(
                f"{data.source}: --task {cls.name}: expected token lists with a list of {what} a row, found texts with one "
                "each."
            )
        return by_words(data)

    def by_text(self, data: Dataset, probabilities: np.ndarray) -> list[np.ndarray]:
        """See `Task`: a list of [words, k]."""
        assert data.words is not None
        return np.split(probabilities, np.cumsum(data.words)[:-1])

    def chosen(self, label_names: Sequence[str], by_text: list[np.ndarray]) -> list[np.ndarray]:
        """See `Task`: a list of the words' class names."""
        return [super(Tokens, self).chosen(label_names, words) for words in by_text]

    def shown(self, texts: list[str]) -> list[Shown]:
        """The words."""
        words: list[Shown] = [split_words(text) for text in texts]
        bad = next((row for row, some in enumerate(words) if not all(some)), None)
        if bad is not None:
            raise BadText(bad, f"expected words with one space between them, found {texts[bad][:80]!r}.")
        return words
