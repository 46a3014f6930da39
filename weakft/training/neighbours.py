"""Label spreading over a nearest-neighbour graph of frozen features (Zhou et al. 2004): texts that lie close agree."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

NEIGHBOURS = 10
KEPT = 0.97
"""The share of a row's label that comes from its neighbours in each round (alpha in the paper)."""
ROUNDS = 40
POWER = 4
"""Edges weigh the cosine to this power: near neighbours count far more."""
BLOCK = 1024
"""Rows whose neighbours are searched at a time."""


class Neighbourhood:
    """The graph over pool rows [n, d], and the edges from validation rows [v, d] into the pool."""

    def __init__(self, pool: Tensor, valid: Tensor) -> None:
        pool, valid = F.normalize(pool, dim=-1), F.normalize(valid, dim=-1)
        graph = _nearest(pool, pool, itself=True)
        graph = graph.maximum(graph.T)
        degree = sparse.diags(1.0 / np.sqrt(np.asarray(graph.sum(1)).ravel() + 1e-9))
        self.graph = (degree @ graph @ degree).tocsr()
        into = _nearest(valid, pool)
        self.into_pool = (sparse.diags(1.0 / (np.asarray(into.sum(1)).ravel() + 1e-9)) @ into).tocsr()

    def spread(self, pool: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smooth probabilities [n, k] over the graph: F <- a S F + (1 - a) Y; validation rows [v, k] mix theirs with
        their neighbours' result.
        """
        smooth = pool
        for _ in range(ROUNDS):
            smooth = KEPT * (self.graph @ smooth) + (1.0 - KEPT) * pool
        smooth = smooth / np.maximum(smooth.sum(1, keepdims=True), 1e-12)
        return smooth, KEPT * (self.into_pool @ smooth) + (1.0 - KEPT) * valid


def _nearest(x: Tensor, pool: Tensor, itself: bool = False) -> sparse.csr_matrix:
    """Edges from unit vectors x [m, d] to the nearest of the pool [n, d], weighing cosine^POWER (of no less than 1e-6).

    itself : x is the pool, and no row is its own neighbour.
    """
    count = min(NEIGHBOURS, len(pool) - 1)
    columns, cosines = np.empty((len(x), count), np.int64), np.empty((len(x), count), np.float32)
    for start in range(0, len(x), BLOCK):
        found = x[start : start + BLOCK] @ pool.T
        if itself:
            at = torch.arange(len(found), device=x.device)
            found[at, start + at] = -torch.inf
        nearest = found.topk(count, dim=1)
        columns[start : start + BLOCK] = nearest.indices.cpu().numpy()
        cosines[start : start + BLOCK] = nearest.values.cpu().numpy()
    weights = np.maximum(cosines.astype(np.float64), 1e-6) ** POWER
    rows = np.arange(0, len(x) * count + 1, count) if count else np.zeros(len(x) + 1, np.int64)
    return sparse.csr_matrix((weights.ravel(), columns.ravel(), rows), shape=(len(x), len(pool)))
