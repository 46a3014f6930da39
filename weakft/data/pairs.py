"""How a data set holds two sentences that share a class: as one text, with a separator between them.

So whatever reads texts reads pairs; labeling functions have the sentences as columns, too.
"""

from __future__ import annotations

from typing import Any

SEPARATOR = " [SEP] "

COLUMNS = (
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
)
"""Columns that are taken for the two sentences of a pair."""


def join(first: str, second: str) -> str:
    """The text of a pair.

    Raises
    ------
    ValueError : with what was found, where a sentence is empty, or holds the separator itself.
    """
    for sentence in (first, second):
        if not isinstance(sentence, str) or not sentence.strip():
            raise ValueError("an empty sentence" if isinstance(sentence, str) or sentence is None else repr(sentence))
    text = first + SEPARATOR + second
    if text.split(SEPARATOR) != [first, second]:  # one holds it, or both it and half of the one between them
        raise ValueError(f"a sentence with {SEPARATOR!r} in it, which stands between sentences")
    return text


def marked(sentence: str, start: Any, end: Any) -> str:
    """The sentence with characters start to end marked as ``[WORD]...[/WORD]``; as it is where these are no numbers."""
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(sentence):
        return sentence
    return f"{sentence[:start]}[WORD]{sentence[start:end]}[/WORD]{sentence[end:]}"
