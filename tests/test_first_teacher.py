"""The parts of the first teacher against independent computations, and that it mends labels which mislead a classifier."""

import numpy as np
import pytest
import torch

from weakft.balance import align, softmax
from weakft.tasks.measure import Truth
from weakft.training.discriminant import Discriminant, View
from weakft.training.features import lexical
from weakft.training.first_teacher import FirstTeacher, candidate, candidates, interleaved, joined, mean_of_best
from weakft.training.neighbours import KEPT, Neighbourhood

UNIFORM = np.full(2, 0.5)


def clusters(n=400, d=12, seed=0):
    """Two Gaussian classes with a correlated covariance that is far from round."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    mixing = rng.normal(size=(d, d))
    x = rng.normal(size=(n, d)) @ mixing + 2.5 * np.outer(y, rng.normal(size=d) @ mixing)
    return x.astype(np.float32), y


def misleading(x, y, view):
    """Soft labels for half the rows that are wrong where another direction of the space says so, like a broad rule."""
    fires = x[:, 0] > np.quantile(x[:, 0], 0.5)
    right = np.where(np.random.default_rng(1).random(len(y)) < 0.7, y, 1 - y)
    return np.flatnonzero(fires), np.eye(2, dtype=np.float32)[right[fires]]


def test_align_reaches_the_balance_and_leaves_the_order_alone():
    scores = np.random.default_rng(0).normal(size=(500, 3))
    offsets = align(scores, np.array([0.6, 0.3, 0.1]), iterations=500)
    np.testing.assert_allclose(softmax(scores + offsets).mean(0), [0.6, 0.3, 0.1], atol=2e-4)
    little = softmax(scores + align(scores, np.array([0.6, 0.3, 0.1]), iterations=1)).mean(0)
    assert softmax(scores).mean(0)[2] > little[2] > 0.1


def test_the_first_discriminant_is_lda():
    """On hard labels of all rows, without a pull (balance = its own), the slopes are W^-1 (mu_1 - mu_0)."""
    x, y = clusters()
    view = View.of("x", x, x[:5])
    model = Discriminant(view, np.arange(len(y)), np.eye(2)[y], 0.2, np.bincount(y) / len(y))
    total = np.cov(x.T.astype(np.float64))
    means = np.stack([x[y == c].mean(0) for c in range(2)]).astype(np.float64)
    share = np.bincount(y) / len(y)
    between = sum(share[c] * np.outer(means[c] - x.mean(0), means[c] - x.mean(0)) for c in range(2))
    within = 0.8 * (total - between) + 0.2 * np.trace(total) / len(total) * np.eye(len(total))
    expected = x @ np.linalg.solve(within, means[1] - means[0])
    found = np.diff(model.scores(view.pool), axis=1)[:, 0]
    np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), rtol=1e-2, atol=1e-2)


def test_labeled_rows_farther_apart_than_the_pool_is_wide():
    """The between-class covariance of ten far rows exceeds the pool's total one; the classes must not swap sides."""
    x = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)
    x[:5, 0] -= 10
    x[5:10, 0] += 10
    labels = np.eye(2)[[0] * 5 + [1] * 5]
    model = Discriminant(View.of("x", x, x[:5]), np.arange(10), labels, 0.1, UNIFORM)
    assert model.scores(model.view.pool)[:10].argmax(1).tolist() == [0] * 5 + [1] * 5
    assert (model.scores(model.view.pool).argmax(1) == (x[:, 0] > 0)).mean() > 0.9


def test_iterations_mend_misleading_labels():
    x, y = clusters()
    view = View.of("x", x, x[:5])
    rows, soft = misleading(x, y, view)
    first = Discriminant(view, rows, soft, 0.2, UNIFORM)
    before = (first.scores(view.pool).argmax(1) == y).mean()
    after = (first.run(40).scores(view.pool).argmax(1) == y).mean()
    assert after > before
    assert after > 0.9
    assert first.iterations == 40


def test_spreading_is_the_closed_form():
    """F = (1 - a) (I - a S)^-1 Y (Zhou et al. 2004), with S worked out densely here."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)).astype(np.float32)
    hood = Neighbourhood(torch.from_numpy(x), torch.from_numpy(x[:3]))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine = unit @ unit.T
    edges = np.zeros_like(cosine)
    for i in range(30):
        for j in [j for j in np.argsort(-cosine[i]) if j != i][:10]:
            edges[i, j] = max(cosine[i, j], 1e-6) ** 4
    edges = np.maximum(edges, edges.T)
    root = np.sqrt(edges.sum(1))
    labels = rng.dirichlet(np.ones(2), 30)
    closed = np.linalg.solve(np.eye(30) - KEPT * edges / np.outer(root, root), labels)
    got, valid = hood.spread(labels, labels[:3])
    np.testing.assert_allclose(got, closed / closed.sum(1, keepdims=True), atol=0.02)
    np.testing.assert_allclose(valid.sum(1), 1, rtol=1e-5)


def test_lexical_tells_topics_apart_and_gives_up_without_words():
    texts = ["red apple pie", "red apple tart", "fast blue car", "fast blue truck"] * 5
    a, b = lexical(texts, ["apple pie", "blue car"])
    near = b @ a.T
    assert near[0, 0] > near[0, 2] and near[1, 2] > near[1, 0]
    assert lexical(["!!", "??"], ["."]) is None
    assert lexical(["good film a", "good film b", "good film c", "good film d"], ["good film"]) is None


def test_a_candidate_is_calibrated_without_moving_a_label():
    gold = np.array([0, 0, 0, 1])
    certain = np.array([[50.0, 0], [50, 0], [50, 0], [50, 0]])  # always sure, once wrong
    found = candidate("k", "n", certain, certain, Truth(gold))
    assert found.figure == 0.75
    assert found.pool.max() < 0.99
    assert (found.pool.argmax(1) == certain.argmax(1)).all()


def test_without_gold_to_go_by_a_candidate_stays_as_it_is():
    scores = np.array([[1.0, 0], [0, 3]])
    found = candidate("k", "n", scores, scores, Truth(np.full(2, -1)))
    np.testing.assert_allclose(found.pool, softmax(scores), rtol=1e-6)
    assert found.log_loss == 0.0


def test_the_mean_is_over_the_kinds_that_validation_cannot_tell_apart():
    gold = np.array([0] * 50 + [1] * 50)

    def at(kind, wrong, name="n"):
        scores = np.eye(2)[gold] * 4.0
        scores[:wrong] = scores[:wrong, ::-1]
        return candidate(kind, name, scores, scores, Truth(gold))

    teacher = mean_of_best(np.arange(100), [at("a", 9, "worse"), at("a", 6), at("b", 8), at("c", 20)], Truth(gold))
    assert [(c.kind, c.name) for c in teacher.members] == [("a", "n"), ("b", "n")]  # se of 0.94 is 0.024: c is out
    np.testing.assert_allclose(teacher.predictions, (at("a", 6).pool + at("b", 8).pool) / 2, rtol=1e-6)
    np.testing.assert_allclose(teacher.balance(1, True), teacher.predictions.mean(0))


def test_the_fine_tuned_model_with_most_of_the_say_is_known():
    scores, truth = np.eye(2)[[0, 1]], Truth(np.array([0, 1]))
    kinds = ("initial model", "initial model, spread", "initial model's predictions", "encoder")
    found = [candidate(kind, "n", scores, scores, truth) for kind in kinds]
    assert [c.of_initial for c in found] == [True, True, True, False]
    teacher = mean_of_best(np.arange(2), found[:3], truth)
    mains = [joined(teacher, teacher.predictions, share).main for share in (0.0, 0.3, 0.4, 0.6, 0.7)]
    assert mains == ["initial", "initial", None, None, "labels"]
    assert mean_of_best(np.arange(2), found, truth).main == "initial"
    assert mean_of_best(np.arange(2), found[1:], truth).main == "initial"  # two of three
    assert mean_of_best(np.arange(2), found[2:], truth).main is None
    asked = Truth(np.array([0, 0, 1, 1]), asked=["x", "y"])
    assert interleaved(np.arange(4), [teacher, teacher], ["x", "y"], asked).main == "initial"


@pytest.mark.parametrize(("b", "c", "members"), [((62, 78), (78, 95), "abc"), ((50, 66), (50, 67), "a")])
def test_more_kinds_join_where_they_are_surely_better_together(b, c, members):
    """a is right on 0.88 (its standard error is 0.032), the others on less, and err elsewhere or where a does, too."""
    gold = np.array([0] * 50 + [1] * 50)

    def wrong_on(kind, rows):
        scores = np.eye(2)[gold] * 4.0
        scores[slice(*rows)] = scores[slice(*rows), ::-1]
        return candidate(kind, "n", scores, scores, Truth(gold))

    teacher = mean_of_best(np.arange(100), [wrong_on("a", (50, 62)), wrong_on("b", b), wrong_on("c", c)], Truth(gold))
    assert "".join(candidate.kind for candidate in teacher.members) == members


def test_a_model_of_gold_labels_joins_by_its_share():
    p = np.array([[0.8, 0.2], [0.6, 0.4]], np.float32)
    clean = np.array([[0.9, 0.1], [0.0, 1.0]], np.float32)
    teacher = joined(FirstTeacher(np.arange(2), p, p, 0.5, []), clean, 0.25)
    np.testing.assert_allclose(teacher.predictions, [[0.825, 0.175], [0.45, 0.55]], rtol=1e-6)
    np.testing.assert_allclose(teacher.balance(1, True), [0.6375, 0.3625], rtol=1e-6)
    assert teacher.labels_share == 0.25


def test_the_balance_of_words_and_labels_counts_their_most_probable_classes():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]], np.float32)
    teacher = FirstTeacher(np.arange(4), p, p, 0.5, [])
    np.testing.assert_allclose(teacher.balance(1, True), [0.6, 0.4], rtol=1e-6)
    np.testing.assert_allclose(teacher.balance(1, False), [0.75, 0.25])
    np.testing.assert_allclose(teacher.balance(2, False), [[1.0, 0.0], [0.5, 0.5]])  # rows ask for two labels in turn


def test_candidates_beat_the_labels_they_start_from():
    x, y = clusters(n=500)
    view = View.of("x", x[:400], x[400:])
    rows, soft = misleading(x[:400], y[:400], view)
    labels, covered = np.full((400, 2), 0.5, np.float32), np.zeros(400, bool)
    labels[rows], covered[rows] = soft, True
    found = list(candidates(view, {"label model": labels}, covered, {"uniform": UNIFORM}, Truth(y[400:])))
    assert {c.kind for c in found} == {"x", "x, spread"}
    teacher = mean_of_best(np.arange(400), found, Truth(y[400:]))
    share_right = (labels[rows].argmax(1) == y[:400][rows]).mean()
    assert (teacher.predictions.argmax(1) == y[:400]).mean() > share_right + 0.15


def test_texts_that_are_all_the_same_are_of_the_classes_shares():
    """A view without variance tells nothing apart: no candidate of it is NaN, and no algebra fails."""
    assert lexical(["the same words again"] * 60, ["the same"]) is None  # beside an encoder it would be scaled by 1 / 0
    soft = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    gold = Truth(np.arange(20) % 3)
    balances = {"uniform": np.full(3, 1 / 3), "other": np.array([0.5, 0.3, 0.2])}
    rng = np.random.default_rng(0)
    alike = np.repeat(rng.normal(size=(1, 40)).astype(np.float32), 60, axis=0)
    for pool, valid in ((alike, alike[:20]), (np.zeros_like(alike), alike[:20] * 0)):
        found = list(candidates(View.of("x", pool, valid), {"vote": soft}, np.ones(60, bool), balances, gold))
        assert found and all(np.isfinite(c.pool).all() and np.isfinite(c.valid).all() for c in found)
        np.testing.assert_allclose(mean_of_best(np.arange(60), found, gold).predictions.sum(1), 1, rtol=1e-5)


def test_it_mends_real_votes(real_data):
    """TREC's bounded vote is 0.545 right on the pool; the discriminant on nothing but word n-grams is at least 0.64."""
    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns
    from weakft.label_models.base import covered
    from weakft.label_models.bounded import BoundedVote
    from weakft.label_models.choose import valid_balance

    splits = read_splits(real_data / "trec", Columns())
    gold = splits.valid.gold.read("select")
    balance = valid_balance(gold, 6)
    L, truth = splits.train.votes, splits.train.gold.read("measure")
    labels = {"bounded": BoundedVote(6, balance).fit(L).predict_proba(L)}
    view = View.of("words", *lexical(splits.train.texts, splits.valid.texts))
    found = list(candidates(view, labels, covered(L), {"estimated": balance}, Truth(gold)))
    accuracy = (mean_of_best(np.arange(len(L)), found, Truth(gold)).predictions.argmax(1) == truth).mean()
    assert accuracy > 0.64
    assert pytest.approx(0.545, abs=0.03) == (labels["bounded"].argmax(1) == truth).mean()
