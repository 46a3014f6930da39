"""Entities of a tagged text: runs of words with labels of one type, in the schemes BIO and IO.

By the definition of conlleval and of seqeval's default mode: B- begins an entity, and so does I- behind another type or
nothing. Class names without B- and I- are IO: each is the name of a type, and neighbours of one type are one entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weakft.data.dataset import first_rows
from weakft.errors import UserError

OUTSIDE = "O"
"""The class of words that are in no entity."""

BEGIN, INSIDE = "B-", "I-"
"""What stands before an entity's type in the classes of BIO."""

CLOSERS = {"E-": INSIDE, "L-": INSIDE, "S-": BEGIN, "U-": BEGIN}
"""What BIOES and BILOU write before the type of a last word and of an only one, and what BIO has there."""


def refuse_other_schemes(label_names: Sequence[str], source: str) -> None:
    """Refuse the tags of BIOES and BILOU: read as types, each would be measured as entities of its own.

    Raises
    ------
    UserError : a type's tags have E-, L-, S- or U- beside B- or I-.
    """
    types = {name[2:] for name in label_names if name.startswith((BEGIN, INSIDE))}
    found = [name for name in label_names if name[:2] in CLOSERS and name[2:] in types]
    if found:
        bio = ", ".join(f"{name!r} as {CLOSERS[name[:2]] + name[2:]!r}" for name in found)
        raise UserError(f"{source}: the tags are of BIOES or BILOU; expected BIO or IO. Write {bio}.")


def agreed(L: np.ndarray, label_names: Sequence[str]) -> np.ndarray:
    """The votes on words [r, m] where functions that agree on the type of a word's entity agree on its class, too.

    One that finds "New York" votes I- on "York", one that finds "York" alone B-. Of the functions that vote for the type the
    more decide whether the word begins an entity; as many for both: it does not, since the longer match saw more.
    """
    number = {name: c for c, name in enumerate(label_names)}
    for name, begin in number.items():
        inside = number.get(INSIDE + name[2:]) if name.startswith(BEGIN) else None
        if inside is None:
            continue
        begins, insides = (L == begin).sum(axis=1), (L == inside).sum(axis=1)
        torn = np.flatnonzero((begins > 0) & (insides > 0))
        votes = L[torn]
        taken = np.where(begins[torn] > insides[torn], begin, inside)[:, None]
        L = L.copy() if len(torn) else L
        L[torn] = np.where((votes == begin) | (votes == inside), taken, votes)
    return L


class Counts(NamedTuple):
    """Entities that are right (both ends and the type), that were predicted, and that there are."""

    right: int
    predicted: int
    there: int

    @property
    def precision(self) -> float:
        """Share of the predicted that are right; 0 where none is predicted."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of those there are that were found; 0 where there is none."""
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both, 2 right / (predicted + there)."""
        return 2 * self.right / (self.predicted + self.there) if self.predicted + self.there else 0.0


def complete(gold: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Which texts have a gold label at every word: boolean [n]; arguments as for `by_text`. In others an entity may go on
    where nobody said what is.
    """
    return np.asarray(np.minimum.reduceat(gold, first_rows(words)) >= 0)


def compare(predicted: np.ndarray, gold: np.ndarray, words: np.ndarray, label_names: Sequence[str]) -> Counts:
    """Count entities; arguments as for `by_text`."""
    return Counts(*by_text(predicted, gold, words, label_names).sum(axis=0).tolist())


def by_text(predicted: np.ndarray, gold: np.ndarray, words: np.ndarray, label_names: Sequence[str]) -> np.ndarray:
    """The entities of each text in the order of `Counts`, int [n, 3]. Texts that are not `complete` do not count.

    predicted, gold : class numbers of all words of all texts [r].   words : number of words of each text.
    """
    starts = first_rows(words)
    known = np.repeat(complete(gold, words), words)
    first = np.zeros(len(gold), dtype=bool)
    first[starts] = True
    ours, theirs = (_ends(labels, first, known, label_names) for labels in (predicted, gold))
    right = ours.begins & theirs.begins & (ours.end == theirs.end) & (ours.kind == theirs.kind)
    return np.add.reduceat(np.stack([right, ours.begins, theirs.begins], axis=1).astype(np.int64), starts)


class _Entities(NamedTuple):
    begins: np.ndarray  # whether an entity begins at each word
    end: np.ndarray  # of the entity that begins there, the word behind its last
    kind: np.ndarray  # the type of the word's label, -1 outside


def _ends(labels: np.ndarray, first: np.ndarray, known: np.ndarray, label_names: Sequence[str]) -> _Entities:
    kinds = {name: i for i, name in enumerate(dict.fromkeys(map(_kind, label_names)))}
    of_class = np.array([-1 if name == OUTSIDE else kinds[_kind(name)] for name in label_names])
    opens = np.array([name.startswith(BEGIN) for name in label_names])
    kind = np.where(known, of_class[labels], -1)
    before = np.concatenate([[-1], kind[:-1]])
    before[first] = -1
    begins = (kind >= 0) & (opens[labels] | (before != kind))
    stops = np.flatnonzero(np.append(begins | (kind < 0) | first, True))
    end = stops[np.searchsorted(stops, np.arange(len(kind)), side="right")]
    return _Entities(begins, end, kind)


def _kind(name: str) -> str:
    return name[2:] if name.startswith((BEGIN, INSIDE)) else name
