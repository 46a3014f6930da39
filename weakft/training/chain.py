"""Neighbouring words have classes that go together: probabilities of words, made to agree along their text.

A teacher looks at every word for itself, so that its entities fall to pieces. A linear chain (Lafferty et al. 2001), its
node potentials the teacher's probabilities, its edges what validation labels say of neighbours, mends them. Pure NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weakft.tasks.measure import Truth

STRENGTHS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Powers of the edges that are tried: below 1 where a word's probabilities know of its neighbours already."""

PRIOR = 0.1
"""Added to every count of two neighbours' classes."""


@dataclass
class Chain:
    """The edges' potentials [k, k], of a row and the next: how their classes attract, to the power ``strength``."""

    edges: np.ndarray
    strength: float

    @classmethod
    def of(cls, truth: Truth, follows: np.ndarray, probabilities: np.ndarray) -> Chain | None:
        """[p(a, b) / (p(a) p(b))]^s of neighbours' gold classes a, b, the strength s the one with which ``probabilities``
        [n, k] of the same rows come out best (`Truth.figure`); None where that is none at all, or where no two are known.

        follows : [n], whether a row comes next to the one before it.
        """
        k, gold = probabilities.shape[1], truth.gold
        known = follows & (gold >= 0) & (np.roll(gold, 1) >= 0)
        if not known.any():
            return None
        counts = np.full((k, k), PRIOR)
        np.add.at(counts, (gold[np.flatnonzero(known) - 1], gold[known]), 1.0)
        joint = counts / counts.sum()
        affinity = joint / np.outer(joint.sum(1), joint.sum(0))
        chains = [cls(affinity, 1.0).to_the(s) for s in STRENGTHS]
        best = max(chains, key=lambda chain: truth.figure(chain.agreed(probabilities, follows)))
        return best if best.strength else None

    def to_the(self, power: float) -> Chain:
        """A stronger or a weaker one."""
        return Chain(self.edges**power, self.strength * power)

    def agreed(self, probabilities: np.ndarray, follows: np.ndarray) -> np.ndarray:
        """The rows' marginals, float32 [n, k], where p(y) of a run of rows is proportional to the product of its
        ``probabilities`` [n, k] and of the edges between rows and those that come next (``follows``, as in `of`): the
        forward-backward sums.
        """
        starts = np.flatnonzero(~follows)
        widths = np.diff(np.append(starts, len(follows)))
        nodes = np.maximum(probabilities.astype(np.float64), 1e-9)
        forward, backward = nodes.copy(), np.ones_like(nodes)
        for step in range(1, widths.max(initial=1)):
            at = starts[widths > step] + step
            forward[at] = _shares(nodes[at] * (forward[at - 1] @ self.edges))
        for step in range(widths.max(initial=1) - 1, 0, -1):
            at = starts[widths > step] + step
            backward[at - 1] = _shares((nodes[at] * backward[at]) @ self.edges.T)
        return _shares(forward * backward).astype(np.float32)


def _shares(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True)
