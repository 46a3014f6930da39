"""Sums over distinct rows and chunks are the sums over the rows themselves, worked out with the whole one-hot matrix."""

import numpy as np
import pytest

from weakft.label_models import patterns
from weakft.label_models.base import covered, vote_counts, vote_scores, vote_shares
from weakft.label_models.patterns import chunks, distinct, overlaps, totals
from weakft.label_models.registry import BUILT_IN, find

K = 4


def matrix(kind: str, n: int = 900, m: int = 11) -> np.ndarray:
    """Votes that repeat or hardly do; function 2 never votes, 3 votes for one class only."""
    rng = np.random.default_rng(5)
    L = np.where(rng.random((n, m)) < 0.7, rng.integers(0, K, (n, m)), -1).astype(np.int8)
    L[:, 2], L[:, 3] = -1, np.where(L[:, 3] >= 0, 1, -1)
    return L[rng.integers(0, 60, n)] if kind == "repeated" else L


def one_hot(L: np.ndarray) -> np.ndarray:
    """[n, m, k]."""
    return (L[:, :, None] == np.arange(K)).astype(float)


@pytest.fixture(params=["repeated", "distinct"])
def L(request):
    return matrix(request.param)


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_distinct_rows_make_the_matrix_again(L, dtype):
    found = distinct(L.astype(dtype))
    np.testing.assert_array_equal(found.expand(found.rows), L)
    assert found.counts.sum() == len(L)
    if found.inverse is not None:
        np.testing.assert_array_equal(found.counts, np.bincount(found.inverse))
        assert len(np.unique(found.rows, axis=0)) == len(found.rows)


def test_rows_that_repeat_are_merged_and_others_are_not_copied():
    repeated, single = distinct(matrix("repeated")), distinct(matrix("distinct"))
    assert len(repeated.rows) == len(np.unique(matrix("repeated"), axis=0))
    assert single.inverse is None and single.rows is single.matrix


def test_rows_that_share_a_hash_are_kept_apart(monkeypatch):
    monkeypatch.setattr(patterns, "_hash", lambda L: np.zeros(len(L), np.uint64))
    L = matrix("repeated")
    found = distinct(L)
    assert found.inverse is None
    np.testing.assert_array_equal(found.rows, L)


def test_rows_that_differ_in_few_bytes_have_other_hashes():
    L = np.array([[i, *[0] * 6, j, *[0] * 7, i ^ j] for i in range(64) for j in range(64)], np.int8)
    assert len(np.unique(patterns._hash(L))) == len(L)


@pytest.mark.parametrize("shape", [(0, 5), (6, 0)])
def test_a_matrix_without_rows_or_columns(shape):
    L = np.full(shape, -1, np.int8)
    found = distinct(L)
    assert found.expand(found.rows).shape == shape
    assert not covered(L).any()
    np.testing.assert_allclose(vote_shares(L, K), np.full((shape[0], K), 1 / K))


@pytest.mark.parametrize("exact", [patterns.EXACT, 1])
def test_sums_are_those_of_the_one_hot_matrix(L, exact, monkeypatch):
    monkeypatch.setattr(patterns, "EXACT", exact)  # 1: too many rows for float32
    hot = one_hot(L)
    np.testing.assert_array_equal(totals(distinct(L), K), hot.sum(0))
    flat = hot.transpose(0, 2, 1).reshape(len(L), -1)  # a class at a time
    classes, lfs = np.divmod(np.arange(K * L.shape[1]), L.shape[1])
    np.testing.assert_array_equal(overlaps(distinct(L), lfs, classes), flat.T @ flat)
    some = np.flatnonzero(flat.any(0))
    np.testing.assert_array_equal(overlaps(distinct(L), lfs[some], classes[some]), flat[:, some].T @ flat[:, some])


def test_no_votes_overlap_with_none():
    nothing = np.zeros(0, int)
    assert overlaps(distinct(np.full((9, 3), -1, np.int8)), nothing, nothing).shape == (0, 0)


def test_counts_and_scores_are_those_of_the_one_hot_matrix(L):
    hot = one_hot(L)
    np.testing.assert_array_equal(vote_counts(L, K), hot.sum(1))
    np.testing.assert_array_equal(covered(L), hot.any((1, 2)))
    scores = np.random.default_rng(0).normal(size=(L.shape[1], K, K))
    np.testing.assert_allclose(vote_scores(L, scores), np.einsum("njv,jvy->ny", hot, scores), rtol=1e-12, atol=1e-12)


def test_chunks_cover_each_row_once(monkeypatch):
    monkeypatch.setattr(patterns, "CHUNK", 7)
    assert np.concatenate([np.arange(20)[part] for part in chunks(20)]).tolist() == list(range(20))
    assert list(chunks(0)) == []


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("balance", [None, np.array([0.4, 0.3, 0.2, 0.1])])
def test_the_size_of_chunks_changes_no_model(name, balance, L, monkeypatch):
    whole = find(name)(K, balance, 1).fit(L).predict_proba(L)
    monkeypatch.setattr(patterns, "CHUNK", 13)
    np.testing.assert_allclose(find(name)(K, balance, 1).fit(L).predict_proba(L), whole, atol=1e-6)


@pytest.mark.parametrize("name", BUILT_IN)
def test_merging_rows_changes_no_model(name, monkeypatch):
    L = matrix("repeated")
    balance = np.array([0.4, 0.3, 0.2, 0.1])
    merged = find(name)(K, balance, 1).fit(L).predict_proba(L)
    monkeypatch.setattr(patterns, "_hash", lambda L: np.arange(len(L), dtype=np.uint64))
    np.testing.assert_allclose(find(name)(K, balance, 1).fit(L).predict_proba(L), merged, atol=1e-6)


@pytest.mark.parametrize("name", BUILT_IN)
def test_memory_stays_far_under_the_one_hot_matrix(name):
    import tracemalloc

    L = np.random.default_rng(0).integers(-1, K, (60_000, 40), dtype=np.int8)
    model = find(name)(K, None, 0)
    model.iterations = 2  # of Dawid-Skene's
    tracemalloc.start()
    model.fit(L).predict_proba(L)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < L.size * K * 8 / 5
