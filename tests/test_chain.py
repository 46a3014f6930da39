"""Words that agree along their texts: the forward-backward sums beside sums over all labelings, and what a chain mends."""

from dataclasses import asdict
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weakft.tasks.measure import Truth
from weakft.training.chain import Chain
from weakft.training.first_teacher import FirstTeacher, linked


def follows_of(widths):
    follows = np.ones(sum(widths), dtype=bool)
    follows[np.cumsum([0, *widths[:-1]])] = False
    return follows


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(2, 3), st.integers(0, 1000))
def test_marginals_are_sums_over_all_labelings(widths, k, seed):
    rng = np.random.default_rng(seed)
    p, edges = rng.dirichlet(np.ones(k), sum(widths)), rng.uniform(0.1, 5.0, (k, k))
    expected, start = np.zeros_like(p), 0
    for width in widths:
        for labels in product(range(k), repeat=width):
            mass = np.prod([p[start + i, c] for i, c in enumerate(labels)])
            mass *= np.prod([edges[a, b] for a, b in pairwise(labels)])
            expected[np.arange(start, start + width), labels] += mass
        start += width
    expected /= expected.sum(1, keepdims=True)
    found = Chain(edges, 1.0).agreed(p, follows_of(widths))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_even_edges_and_rows_of_their_own_change_nothing():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 8).astype(np.float32)
    edges = np.random.default_rng(1).uniform(0.1, 5.0, (3, 3))
    np.testing.assert_allclose(Chain(np.ones((3, 3)), 1.0).agreed(p, follows_of([5, 3])), p, rtol=1e-5)
    np.testing.assert_allclose(Chain(edges, 1.0).agreed(p, np.zeros(8, dtype=bool)), p, rtol=1e-5)
    assert Chain(edges, 1.0).agreed(p[:0], np.zeros(0, dtype=bool)).shape == (0, 3)


def spans(n_texts, seed):
    """Texts of 12 words with a span of three and one of two in each; a noisy teacher; IO classes."""
    rng, width = np.random.default_rng(seed), 12
    gold = np.zeros((n_texts, width), dtype=int)
    for text in gold:
        at = rng.integers(0, 4)
        text[at : at + 3] = 1
        at = rng.integers(7, 10)
        text[at : at + 2] = 2
    gold = gold.ravel()
    p = np.eye(3)[gold] * 2.0 + rng.normal(size=(len(gold), 3))
    p = np.exp(p) / np.exp(p).sum(1, keepdims=True)
    return (
        Truth(gold, ["O", "a", "b"], words=np.full(n_texts, width)),
        p.astype(np.float32),
        follows_of([width] * n_texts),
    )


def test_a_chain_mends_entities_of_texts_that_it_has_not_seen():
    truth, p, follows = spans(60, 0)
    other, q, other_follows = spans(200, 1)
    chain = Chain.of(truth, follows, p)
    assert chain is not None and chain.strength > 0
    assert chain.edges[1, 1] > 1 > chain.edges[1, 2]  # words of a span attract, those of different ones do not
    assert other.figure(chain.agreed(q, other_follows)) > other.figure(q) + 0.1
    assert chain.to_the(0.5).edges == pytest.approx(np.sqrt(chain.edges))


def test_no_chain_where_it_does_not_help_or_nothing_is_known_of_neighbours():
    truth, _, follows = spans(20, 2)
    perfect = np.eye(3, dtype=np.float32)[truth.gold]
    assert Chain.of(truth, follows, perfect) is None
    assert Chain.of(truth, np.zeros_like(follows), perfect) is None
    every_other = np.where(np.arange(len(truth.gold)) % 2, truth.gold, -1)
    assert Chain.of(Truth(every_other, truth.label_names, words=truth.words), follows, perfect) is None


def test_a_linked_teacher_is_better_and_mends_its_student():
    truth, p, follows = spans(60, 0)
    other, q, other_follows = spans(50, 1)
    before = FirstTeacher(np.arange(len(q)), q, p, truth.figure(p), [])
    after = linked(before, other_follows, follows, truth)
    assert after.chain is not None and after.figure == truth.figure(after.valid) > before.figure
    counts = np.bincount(after.predictions.argmax(1), minlength=3)
    np.testing.assert_allclose(after.balance(1, False), counts / len(q), rtol=1e-6)
    _, student, _ = spans(50, 1)
    picked = np.arange(24, 240)  # whole texts
    mixed = after.beside(student[picked], picked, other_follows[picked])
    part = Truth(other.gold[picked], other.label_names, words=other.words[2:20])
    assert part.figure(mixed) > part.figure((after.predictions[picked] + student[picked]) / 2)
    kept = FirstTeacher.of(asdict(after))
    assert kept.chain is not None and kept.chain.strength == after.chain.strength
    np.testing.assert_array_equal(
        kept.beside(student, kept.rows, other_follows), after.beside(student, after.rows, other_follows)
    )
    nothing = linked(before, np.zeros_like(other_follows), np.zeros_like(follows), truth)
    assert nothing is before
    np.testing.assert_allclose(before.beside(student, before.rows, other_follows), (q + student) / 2)
