"""Texts to padded tensors: tokenized once into compact arrays, batched by length, padded to the longest of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from weakft.tasks.base import Shown


class TokenizedTexts:
    """n token sequences in one int32 array; `lengths` [n].

    anchors : token ids that every text has: a text that is too long keeps what is around them, else its beginning.
    """

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
        self.lengths = np.array([len(part) for part in parts], dtype=np.int64)
        self._tokens = np.concatenate(parts) if parts else np.empty(0, np.int32)
        self._types = np.concatenate(types) if types else None
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])

    def __len__(self) -> int:
        return len(self.lengths)

    def places(self, ids: Sequence[int]) -> np.ndarray:
        """Where tokens of these ids are, [n, s]; every text has as many."""
        row = np.repeat(np.arange(len(self)), self.lengths)
        at = np.flatnonzero(np.isin(self._tokens, ids))
        return (at - self._starts[row[at]]).reshape(len(self), -1)

    def collate(self, rows: np.ndarray, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask`` and for pairs ``token_type_ids`` [len(rows), longest], padded on the right."""
        longest = int(self.lengths[rows].max())
        ids = np.full((len(rows), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), longest), dtype=np.int64)
        types = None if self._types is None else np.zeros((len(rows), longest), dtype=np.int64)
        for i, row in enumerate(rows):
            n = self.lengths[row]
            ids[i, :n] = self._tokens[self._starts[row] : self._starts[row] + n]
            mask[i, :n] = 1
            if types is not None and self._types is not None:
                types[i, :n] = self._types[self._starts[row] : self._starts[row] + n]
        found = {"input_ids": ids, "attention_mask": mask} | ({} if types is None else {"token_type_ids": types})
        return {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in found.items()}


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
    of like length share a batch, so that little is padding. The batches' order is random too.
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
            batches.extend(run[i : i + batch_size] for i in range(0, len(run), batch_size))
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
