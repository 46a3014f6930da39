"""A label matrix as its distinct rows, and the sums over rows that label models need.

Rules vote in few combinations (4,965 TREC questions under 68 rules: 249), so most work can be done once a combination.
Where rows hardly repeat, the matrix itself stands for its distinct rows and is read in chunks. Either way nothing as
wide as one column a class and labeling function is ever held for all rows. Knows nothing of models and probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

CHUNK = 4096
"""Rows read at a time: their indicators stay in a core's cache."""

EXACT = 2**24
"""float32 counts exactly up to here."""


@dataclass(frozen=True)
class Patterns:
    """The distinct rows of a label matrix.

    matrix : [n, m], the label matrix itself.   rows : [d, m], its distinct rows.   counts : int64 [d], how often each
    stands in the matrix.   inverse : [n], each row's place in ``rows``, or None where ``rows`` is the matrix itself.
    """

    matrix: np.ndarray
    rows: np.ndarray
    counts: np.ndarray
    inverse: np.ndarray | None

    def expand(self, values: np.ndarray) -> np.ndarray:
        """Values of the distinct rows [d, ...] as values of all rows [n, ...]."""
        return values if self.inverse is None else values[self.inverse]


def distinct(L: np.ndarray) -> Patterns:
    """Find the distinct rows of a label matrix L [n, m], in order of appearance.

    Rows are compared by a 64-bit hash and then checked byte by byte. Where more than half of them are distinct, merging
    saves less than it costs and every row stands for itself; so too in the unlikely case that two hashes collide.
    """
    L = np.ascontiguousarray(L)
    codes, hashes = pd.factorize(_hash(L))
    if 2 * len(hashes) <= len(L):
        first = np.empty(len(hashes), np.int64)
        first[codes[::-1]] = np.arange(len(L))[::-1]  # the last write wins
        rows = L[first]
        if all(np.array_equal(L[part], rows[codes[part]]) for part in chunks(len(L))):
            return Patterns(L, rows, np.bincount(codes, minlength=len(rows)), codes.astype(np.int32))
    return Patterns(L, L, np.broadcast_to(np.int64(1), len(L)), None)


def _hash(L: np.ndarray) -> np.ndarray:
    """A uint64 [n] hash of each row's bytes, by multiply and xor-shift over its 8-byte words."""
    width = L.shape[1] * L.itemsize
    words = np.zeros((CHUNK, -(-width // 8)), np.uint64)
    hashes = np.zeros(len(L), np.uint64)
    for part in chunks(len(L)):
        rows, h = L[part], hashes[part]
        words.view(np.uint8)[: len(rows), :width] = rows.view(np.uint8)
        for i in range(words.shape[1]):
            h ^= words[: len(rows), i]
            h *= np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(32)
    return hashes


def chunks(n: int) -> Iterator[slice]:
    """Slices of at most `CHUNK` rows that cover n rows."""
    return (slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))


def totals(patterns: Patterns, n_classes: int) -> np.ndarray:
    """How often each labeling function votes for each class, int64 [m, k]."""
    out = np.zeros((n_classes, patterns.rows.shape[1]), np.int64)
    for part in chunks(len(patterns.rows)):
        rows, counts = patterns.rows[part], patterns.counts[part]
        counts = counts.astype(_counting(counts))
        for c in range(n_classes):
            out[c] += (counts @ (rows == c).astype(counts.dtype)).astype(np.int64)
    return out.T


def _counting(counts: np.ndarray) -> type:
    """The float in which sums of these counts are exact."""
    return np.float32 if counts.sum() < EXACT else np.float64


def overlaps(patterns: Patterns, lfs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """On how many rows two votes fall together, float64 [v, v].

    lfs, classes : int [v], the votes to count: function ``lfs[i]`` votes ``classes[i]``, in ascending order of the class.
    Votes that never occur can be left out, which saves most of the work where each function votes for one class only.
    """
    m, x = patterns.rows.shape[1], np.zeros((CHUNK, len(lfs)), np.float32)
    ends = np.searchsorted(classes, np.arange(classes.max(initial=-1) + 2))
    blocks = [(c, slice(a, b)) for c, (a, b) in enumerate(pairwise(ends))]
    out = np.zeros((len(lfs), len(lfs)))
    for part in chunks(len(patterns.rows)):
        rows, counts = patterns.rows[part], patterns.counts[part]
        x = x.astype(_counting(counts), copy=False)
        indicators = x[: len(rows)]
        for c, block in blocks:
            columns = rows if block.stop - block.start == m else rows[:, lfs[block]]
            np.equal(columns, c, out=indicators[:, block])
        # BLAS takes half the time for the product of one array with itself
        weighted = indicators if patterns.inverse is None else indicators * counts[:, None].astype(x.dtype)
        out += weighted.T @ indicators
    return out
