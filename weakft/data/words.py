"""How a data set holds token lists: as texts, the words with one space between them, and every word has a class.

So whatever reads texts reads token lists; labeling functions have the words as ``x.tokens``, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weakft.data.dataset import Dataset

COLUMNS = ("tokens", "words")
"""Columns that are taken for the words of a text, where they hold lists."""


def join_words(words: Any) -> str:
    """The text of a token list.

    Raises
    ------
    ValueError : with what was found, where it is no list of words or a word is empty or holds a space.
    """
    if not isinstance(words, Sequence) or isinstance(words, str):
        raise ValueError(f"{words!r}")
    if not words:
        raise ValueError("no token at all")
    for i, word in enumerate(words):
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"{word!r} as token {i + 1}")
        if " " in word:
            raise ValueError(f"a space inside token {i + 1}, {word!r}")
    return " ".join(words)


def split_words(text: str) -> list[str]:
    """The words of a text."""
    return text.split(" ")


def by_words(data: Dataset, joined: bool = False) -> Dataset:
    """The split with a class a word. Of texts that were no token lists (``joined``: they were), white space tells the words
    apart.

    It must have neither gold labels nor votes yet that are a text's.
    """
    if data.words is None:
        if not joined:
            data.texts = [" ".join(text.split()) for text in data.texts]
        data.words = np.array([text.count(" ") + 1 for text in data.texts])
        data.columns = {**data.columns, COLUMNS[0]: [split_words(text) for text in data.texts]}
    return data
