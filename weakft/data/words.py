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


def by_words(data: Dataset) -> Dataset:
    """The split with a class a word. Of texts that were no token lists, white space tells the words apart.

    It must have neither gold labels nor votes yet that are a text's.
    """
    if data.words is None:
        data.texts = [" ".join(text.split()) for text in data.texts]
        data.words = np.array([text.count(" ") + 1 for text in data.texts])
        data.columns = {**data.columns, COLUMNS[0]: [split_words(text) for text in data.texts]}
    return data


def identified(data: Dataset) -> dict[str, Any]:
    """Columns that say what each row of the label matrix is: ``id``, and for words ``token`` (its number) and ``word``."""
    if data.words is None:
        return {"id": data.ids}
    texts, at = data.places(np.arange(data.n_rows))
    words = [word for text in data.texts for word in split_words(text)]
    return {"id": [data.ids[text] for text in texts], "token": at, "word": words}


def described(data: Dataset, rows: np.ndarray) -> list[str]:
    """Some rows in words of their own, for counts of words: a text is itself, a word stands beside its neighbours.

    A word's neighbours are told apart from it, so that a bag of words keeps who is who: ``w_bell p_taco n_close``.
    """
    if data.words is None:
        return [data.texts[row] for row in rows]
    out = []
    for text, at in zip(*data.places(rows), strict=True):
        words = ["", *split_words(data.texts[text].lower()), ""]
        before, word, after = words[at : at + 3]
        out.append(f"w_{word} s_{word[-3:]} p_{before} n_{after} pw_{before}_{word} wn_{word}_{after}")
    return out


def shown(data: Dataset, rows: np.ndarray) -> list[str]:
    """Some rows for a person to read: the text, with the word that is meant in angle quotes."""
    if data.words is None:
        return [data.texts[row] for row in rows]
    out = []
    for text, at in zip(*data.places(rows), strict=True):
        words = split_words(data.texts[text])
        out.append(" ".join([*words[:at], f"«{words[at]}»", *words[at + 1 :]]))
    return out
