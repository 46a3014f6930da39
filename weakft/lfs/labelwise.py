"""Votes on the labels of a block of texts, for tasks in which a text can have any number of them.

A labeling function says of a text: nothing (None or -1); a label that it has, by name or number; one that it does not have,
``"not NAME"``; or a list of these. Pattern functions vote on the column of texts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN
from weakft.data.labels import NO, NOT, YES
from weakft.errors import UserError, nearest
from weakft.lfs.block import Failure, Voting, ambiguous, at_row, is_whole, said
from weakft.lfs.columnwise import TextBlock, is_pattern


def apply_labels(voting: Voting, texts: range) -> tuple[np.ndarray, dict[str, Failure]]:
    """The votes on the labels of consecutive texts, int8 [len(texts) q, m], and the failures by name.

    Raises
    ------
    UserError : a vote that is no label, or both for and against one; a labeling function that raises (with ``strict``).
    """
    assert voting.data.asked is not None
    L = np.full((len(texts), len(voting.data.asked), len(voting.lfs)), ABSTAIN, dtype=np.int8)
    failures: dict[str, Failure] = {}
    columns = {j for j, lf in enumerate(voting.lfs) if is_pattern(lf) and voting.timeout is None}
    if columns:
        block = TextBlock(voting.data.texts[texts.start : texts.stop])
        for j in sorted(columns):
            found = block.found_by(voting.lfs[j])
            if found is None:
                columns.remove(j)
            elif found.any():
                L[found, :, j] = _votes(voting, voting.lfs[j], voting.lfs[j].label, texts[int(found.argmax())])
    rest = {j: lf for j, lf in enumerate(voting.lfs) if j not in columns}
    for i, j, value in said(voting, texts, rest, failures):
        L[i, :, j] = _votes(voting, voting.lfs[j], value, texts[i])
    return L.reshape(-1, len(voting.lfs)), failures


def _votes(voting: Voting, lf: Any, value: Any, text: int) -> np.ndarray:
    """What a labeling function says of a text, as a vote a label, int8 [q]."""
    asked = voting.data.asked
    assert asked is not None
    votes = np.full(len(asked), ABSTAIN, dtype=np.int8)
    where = at_row(voting, lf, text)
    several = isinstance(value, (list, tuple, set, frozenset, np.ndarray))
    for one in list(value) if several else [value]:
        if is_whole(one) and one == ABSTAIN:
            if voting.names_abstain:
                raise ambiguous(where)
            if several:
                raise UserError(f"{where}: returned {value!r}; -1 (abstain) stands alone, a list names labels.")
            continue
        if one is None and not several:
            continue
        label, vote = _statement(one, asked, voting.counted, where)
        if votes[label] not in (ABSTAIN, vote):
            raise UserError(f"{where}: voted both for and against {asked[label]!r}.")
        votes[label] = vote
    return votes


def _statement(value: Any, asked: list[str], counted: bool, where: str) -> tuple[int, int]:
    """The number of the label that is spoken of, and the vote on it.   counted : as in `Voting`."""
    if is_whole(value) and not counted:
        value = str(value)
    if isinstance(value, str):
        for name, vote in ((value, YES), (value.removeprefix(NOT), NO)):
            if name in asked:
                return asked.index(name), vote
        raise UserError(
            f"{where}: voted {value!r}; the labels are {', '.join(map(repr, asked))} (against one: {NOT + asked[0]!r})."
            f"{nearest(value, asked)}"
        )
    if not is_whole(value):
        raise UserError(
            f"{where}: returned {value!r} ({type(value).__name__}); expected a label, {NOT + asked[0]!r} or the like, a list "
            "of these, or -1 or None to abstain."
        )
    if not 0 <= value < len(asked):
        raise UserError(f"{where}: voted {int(value)}; expected -1 (abstain) or 0 to {len(asked) - 1}.")
    return int(value), YES
