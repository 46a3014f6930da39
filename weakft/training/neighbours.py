"""Label spreading over a nearest-neighbour graph of frozen features (Zhou et al. 2004): texts that lie close agree."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 10
KEPT = 0.97
"""The share of a row's label that comes from its neighbours in each round (alpha in the paper)."""
ROUNDS = 40
POWER = 4
"""Edges weigh the cosine to this power: near neighbours count far more."""


class Neighbourhood:
    """The graph over pool rows [n, d], and the edges from validation rows [v, d] into the pool."""

    def __init__(self, pool: np.ndarray, valid: np.ndarray) -> None:
        pool, valid = _unit(pool), _unit(valid)
        count = min(NEIGHBOURS, len(pool) - 1)
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(pool)
        graph = _edges(search.kneighbors_graph(mode="distance"))
        graph = graph.maximum(graph.T)
        degree = sparse.diags(1.0 / np.sqrt(np.asarray(graph.sum(1)).ravel() + 1e-9))
        self.graph = (degree @ graph @ degree).tocsr()
        into = _edges(search.kneighbors_graph(valid, mode="distance"))
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


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _edges(distances: sparse.csr_matrix) -> sparse.csr_matrix:
    """Euclidean distances of unit vectors to edge weights: max(0, cosine)^POWER."""
    edges = distances.copy()
    edges.data = np.maximum(1.0 - 0.5 * edges.data**2, 1e-6) ** POWER
    return edges
