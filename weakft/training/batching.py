"""Texts to padded tensors: tokenized once into compact arrays, batched by length, padded to the longest of a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch

from weakft.tasks.base import Shown


class TokenizedTexts:
    """n token sequences in one int32 array; `lengths` [n]. Each is a row: what has a class.

    plain : a row is a sequence.
    kinds : 1; of labels that are asked of a text, their number: the kind of a row is its number modulo that.
    anchors : token ids that every text has: a text that is too long keeps what is around them, else its beginning.
    """

    kinds: int = 1
    plain: bool = True

    def __init__(self, texts: Sequence[Shown], tokenizer: Any, max_length: int, anchors: Sequence[int] = ()) -> None:
        self.pad_id: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        parts: list[np.ndarray] = []
        types: list[np.ndarray] = []
        for start in range(0, len(texts), 10_000):  # bounds the tokenizer's intermediate lists
            some = texts[start : start + 10_000]
            pairs = isinstance(some[0], tuple)
            encoded = tokenizer(
                *([list(side) for side in zip(*some, strict=True)] if pairs else [list(some)]),
                truncation=not (pairs or anchors),
                max_length=None if pairs or anchors else max_length,
                return_attention_mask=False,
                return_token_type_ids=pairs and "token_type_ids" in tokenizer.model_input_names,
                verbose=False,
            )
            sides = encoded.get("token_type_ids")
            for i, ids in enumerate(encoded["input_ids"]):
                sequence = np.asarray(ids, dtype=np.int32)
                side = None if sides is None else np.asarray(sides[i], dtype=np.int8)
                if len(ids) > max_length:
                    kept = (
                        around_both(sequence, encoded.sequence_ids(i), anchors, max_length)
                        if pairs
                        else around(sequence, anchors, max_length)
                    )
                    sequence, side = sequence[kept], None if side is None else side[kept]
                parts.append(sequence)
                if side is not None:
                    types.append(side)
        self._hold(parts, types)

    def _hold(self, sequences: list[np.ndarray], types: Sequence[np.ndarray] = ()) -> None:
        self.lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        self._tokens = np.concatenate(sequences) if sequences else np.empty(0, np.int32)
        self._types = np.concatenate(types) if len(types) else None
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def vocabulary(self) -> np.ndarray:
        """The ids of all tokens that batches have, once each."""
        return np.flatnonzero(np.bincount(np.append(self._tokens, self.pad_id)))

    @property
    def n_sequences(self) -> int:
        """How many sequences there are to pass through an encoder."""
        return len(self.lengths)

    def sequences_of(self, rows: np.ndarray) -> np.ndarray:
        """The sequence in which each of some rows is."""
        return rows

    def count(self, rows: np.ndarray) -> int:
        """In how many sequences some rows are."""
        return len(np.unique(self.sequences_of(rows)))

    def follows(self, rows: np.ndarray) -> np.ndarray:
        """Whether each of some rows is the next word of a text to the one before it: boolean [len(rows)]."""
        return np.zeros(len(rows), dtype=bool)

    def pick(self, rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Positions in ``rows`` of all that are in ``count`` of their sequences, at random."""
        return rng.choice(len(rows), min(count, len(rows)), replace=False)

    def batches(self, rows: np.ndarray, tokens_a_batch: int) -> Iterator[np.ndarray]:
        """Positions in ``rows`` in batches for inference, see `length_sorted_batches`."""
        return length_sorted_batches(self.lengths[rows], tokens_a_batch)

    def shuffled(self, rows: np.ndarray, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Positions in ``rows`` in batches of ``batch_size`` sequences for training, see `shuffled_batches`."""
        return shuffled_batches(self.lengths[rows], batch_size, rng)

    def places(self, ids: Sequence[int]) -> np.ndarray:
        """Where tokens of these ids are, [n, s]; every text has as many."""
        row = np.repeat(np.arange(len(self)), self.lengths)
        at = np.flatnonzero(np.isin(self._tokens, ids))
        return (at - self._starts[row[at]]).reshape(len(self), -1)

    def collate(
        self, sequences: np.ndarray, device: torch.device | str = "cpu", length: int | None = None
    ) -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask``, for pairs ``token_type_ids`` [len(sequences), length], padded on the right.

        length : at least that of the longest; None: that.
        """
        lengths = self.lengths[sequences, None]
        positions = np.arange(length or int(lengths.max()))
        inside = positions < lengths
        at = np.where(inside, self._starts[sequences, None] + positions, 0)
        found = {"input_ids": np.where(inside, self._tokens[at], self.pad_id), "attention_mask": inside}
        if self._types is not None:
            found["token_type_ids"] = np.where(inside, self._types[at], 0)
        return {
            name: torch.from_numpy(array.astype(np.int64)).to(device, non_blocking=True)
            for name, array in found.items()
        }


class _Several(TokenizedTexts):
    """Sequences that each hold several rows; `sequence` [r], the one in which each row is. A batch has all rows of its
    sequences that were chosen.
    """

    sequence: np.ndarray
    plain = False

    def __len__(self) -> int:
        return len(self.sequence)

    def sequences_of(self, rows: np.ndarray) -> np.ndarray:
        """See `TokenizedTexts`."""
        return self.sequence[rows]

    def pick(self, rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """See `TokenizedTexts`; in order."""
        sequences, of_row = np.unique(self.sequence[rows], return_inverse=True)
        chosen = rng.choice(len(sequences), min(count, len(sequences)), replace=False)
        return np.flatnonzero(np.isin(of_row, chosen))

    def batches(self, rows: np.ndarray, tokens_a_batch: int) -> Iterator[np.ndarray]:
        """See `TokenizedTexts`."""
        sequences, groups = _grouped(self.sequence[rows])
        for batch in length_sorted_batches(self.lengths[sequences], tokens_a_batch):
            yield np.concatenate([groups[i] for i in batch])

    def shuffled(self, rows: np.ndarray, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """See `TokenizedTexts`."""
        sequences, groups = _grouped(self.sequence[rows])
        for batch in shuffled_batches(self.lengths[sequences], batch_size, rng):
            yield np.concatenate([groups[i] for i in batch])


class TokenizedLabels(_Several):
    """Texts of which each is ``kinds`` rows, one for each label that is asked of it. `texts`: the same, a row each."""

    def __init__(self, texts: TokenizedTexts, kinds: int) -> None:
        self.__dict__.update(vars(texts))
        self.texts, self.kinds = texts, kinds
        self.sequence = np.repeat(np.arange(len(texts)), kinds)


class TokenizedWords(_Several):
    """Texts in which every word is a row, read at its first piece. A text that is too long is cut between words into
    several sequences, so that no word is lost; one of which the tokenizer keeps nothing is read where the next begins.

    words : of each text.
    """

    def __init__(self, words: Sequence[list[str]], tokenizer: Any, max_length: int) -> None:
        pieces: list[list[str]] = []
        room = max_length - tokenizer.num_special_tokens_to_add()
        owner: list[np.ndarray] = []
        for start in range(0, len(words), 10_000):
            some = words[start : start + 10_000]
            flat = [word for text in some for word in text]
            counts = map(len, tokenizer(flat, add_special_tokens=False, verbose=False)["input_ids"])
            for text in some:
                ends = _cut([min(next(counts), room) for _ in text], room)
                owner += [np.full(b - a, len(pieces) + i) for i, (a, b) in enumerate(pairwise(ends))]
                pieces += [text[a:b] for a, b in pairwise(ends)]
        super().__init__([], tokenizer, max_length)
        self.sequence = np.concatenate(owner) if owner else np.zeros(0, np.int64)
        self.position = self._fill(pieces, tokenizer, max_length)

    def follows(self, rows: np.ndarray) -> np.ndarray:
        """See `TokenizedTexts`."""
        next_to = np.zeros(len(rows), dtype=bool)
        next_to[1:] = (np.diff(rows) == 1) & (np.diff(self.sequence[rows]) == 0)
        return next_to

    def _fill(self, pieces: list[list[str]], tokenizer: Any, max_length: int) -> np.ndarray:
        """Tokenize the sequences; where each word's first piece is."""
        sequences, positions = [], []
        for start in range(0, len(pieces), 10_000):
            encoded = tokenizer(
                pieces[start : start + 10_000],
                is_split_into_words=True,
                truncation=True,
                max_length=max_length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            for i, ids in enumerate(encoded["input_ids"]):
                words = np.array([-1 if word is None else word for word in encoded.word_ids(i)])
                positions.append(_first_at_least(words, len(pieces[start + i])))
                sequences.append(np.asarray(ids, dtype=np.int32))
        self._hold(sequences)
        return np.concatenate(positions) if positions else np.zeros(0, np.int64)


def tokenized(shown: Sequence[Shown], tokenizer: Any, max_length: int, anchors: Sequence[int] = ()) -> TokenizedTexts:
    """What a task shows as token sequences, cut to a length: texts, pairs, or lists of words."""
    if len(shown) and isinstance(shown[0], list):
        return TokenizedWords(cast("Sequence[list[str]]", shown), tokenizer, max_length)
    return TokenizedTexts(shown, tokenizer, max_length, anchors)


def _cut(sizes: list[int], room: int) -> list[int]:
    """Where to cut words of so many pieces so that no sequence has more than ``room``: first words, and the number."""
    ends, held = [0], 0
    for i, size in enumerate(sizes):
        if held + size > room:
            ends.append(i)
            held = 0
        held += size
    return [*ends, len(sizes)]


def _first_at_least(words: np.ndarray, count: int) -> np.ndarray:
    """Where each of ``count`` words begins in a sequence, given the word of each token (-1: none)."""
    inside = np.flatnonzero(words >= 0)
    if not len(inside):
        return np.zeros(count, np.int64)
    at = np.searchsorted(words[inside], np.arange(count))
    return inside[np.minimum(at, len(inside) - 1)]


def _grouped(values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The distinct values, and the positions at which each stands."""
    order = np.argsort(values, kind="stable")
    distinct, first = np.unique(values[order], return_index=True)
    return distinct, np.split(order, first[1:])


def around(sequence: np.ndarray, anchors: Sequence[int], length: int) -> np.ndarray:
    """Positions of ``length`` tokens of a longer sequence: its first and last one (the tokenizer's own), and those around
    and between the anchors; where these are too far apart, the middle between them goes.
    """
    body, room = np.arange(1, len(sequence) - 1), length - 2
    at = np.flatnonzero(np.isin(sequence[1:-1], anchors))
    first, behind = (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)
    spare = room - (behind - first)
    if spare >= 0:
        start = min(max(0, first - spare // 2), len(body) - room)
        kept = body[start : start + room]
    else:
        behind = min(len(body), behind + room // 4)
        kept = np.concatenate([body[first : first + room // 2], body[behind - (room - room // 2) : behind]])
    return np.concatenate([[0], kept, [len(sequence) - 1]])


def around_both(sequence: np.ndarray, sides: Sequence[int | None], anchors: Sequence[int], length: int) -> np.ndarray:
    """Positions of ``length`` tokens of a longer pair: the tokenizer's own, and of each side (0, 1; None is neither) what is
    around its anchor, or its beginning. A side that is short leaves its room to the other one.
    """
    side = np.array([2 if s is None else s for s in sides])
    counts = [int((side == s).sum()) for s in (0, 1)]
    room = length - int((side == 2).sum())
    first = min(counts[0], max(room // 2, room - counts[1]))
    keep = side == 2
    for s, n in enumerate((first, room - first)):
        at = np.flatnonzero(side == s)
        anchor = np.flatnonzero(np.isin(sequence[at], anchors))
        start = min(max(0, int(anchor[0]) - n // 2), len(at) - n) if len(anchor) else 0
        keep[at[start : start + n]] = True
    return np.flatnonzero(keep)


def shuffled_batches(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator, buckets: int = 16
) -> Iterator[np.ndarray]:
    """Positions 0..n-1 in batches, for ever: each epoch is shuffled, and within every run of ``buckets`` batches texts
    of like length share a batch, so that little is padding. The batches' order is random too. A run that does not fill its
    batches fills them evenly: each is a step, and in a small one the texts of one length would count more than others.
    """
    n = len(lengths)
    if n == 0:
        raise ValueError("no rows to make batches of")
    while True:
        order = rng.permutation(n)
        batches: list[np.ndarray] = []
        for start in range(0, n, batch_size * buckets):
            run = order[start : start + batch_size * buckets]
            run = run[np.argsort(lengths[run], kind="stable")]
            batches.extend(np.array_split(run, math.ceil(len(run) / batch_size)))
        for b in rng.permutation(len(batches)):
            yield batches[b]


def length_sorted_batches(lengths: np.ndarray, tokens_a_batch: int) -> Iterator[np.ndarray]:
    """Positions in batches for inference: longest first, each padded batch at most ``tokens_a_batch`` tokens."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, tokens_a_batch // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size
