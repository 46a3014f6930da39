"""What a row of the label matrix is, for tables, for counts of words and for a person: a text, a word or a label of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from weakft.data.dataset import Dataset
from weakft.data.labels import named
from weakft.data.words import split_words

NEIGHBOURS = 20
"""Words shown to either side of one."""


def identified(data: Dataset) -> dict[str, Any]:
    """Columns that say what each row is: ``id``; for words also ``token`` (its number) and ``word``; for labels ``asked``."""
    if data.widths is None:
        return {"id": data.ids}
    rows = np.arange(data.n_rows)
    texts, at = data.places(rows)
    ids = [data.ids[text] for text in texts]
    if data.asked is not None:
        return {"id": ids, "asked": named(data, rows)}
    return {"id": ids, "token": at, "word": [word for text in data.texts for word in split_words(text)]}


def described(data: Dataset, rows: np.ndarray) -> list[str]:
    """Some rows in words of their own, for counts of words: a text is itself, a word stands beside its neighbours.

    A word's neighbours are told apart from it, so that a bag of words keeps who is who: ``w_bell p_taco n_close``.
    """
    texts, places = data.places(rows)
    if data.words is None:
        return [data.texts[text] for text in texts]
    out = []
    for text, at in zip(texts, places, strict=True):
        words = ["", *split_words(data.texts[text].lower()), ""]
        before, word, after = words[at : at + 3]
        out.append(f"w_{word} s_{word[-3:]} p_{before} n_{after} pw_{before}_{word} wn_{word}_{after}")
    return out


def shown(data: Dataset, rows: np.ndarray) -> list[str]:
    """Some rows for a person to read: the text, or the label that is asked and the text, or the word that is meant in angle
    quotes and its neighbours.
    """
    texts, places = data.places(rows)
    if data.asked is not None:
        return [f"«{label}» {data.texts[text]}" for label, text in zip(named(data, rows), texts, strict=True)]
    if data.words is None:
        return [data.texts[text] for text in texts]
    out = []
    for text, at in zip(texts, places, strict=True):
        words = split_words(data.texts[text])
        first, behind = max(0, at - NEIGHBOURS), at + 1 + NEIGHBOURS
        around = " ".join([*words[first:at], f"«{words[at]}»", *words[at + 1 : behind]])
        out.append(("… " if first else "") + around + (" …" if behind < len(words) else ""))
    return out
