"""Snorkel's label model, ours beside the package's own: the same parameters and posteriors."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from test_label_models import votes

from weakft.errors import UserError
from weakft.label_models.snorkel import (
    PRECISION,
    SnorkelLabelModel,
    best_columns,
    descend,
    gradient,
    initial,
    loss,
)

SKEWED = (0.45, 0.25, 0.15, 0.08, 0.04, 0.03)


def theirs(L, k, balance=None, seed=0, **options):
    """Snorkel's model, fitted."""
    from snorkel.labeling.model import LabelModel

    model = LabelModel(cardinality=k, verbose=False)
    balance = None if balance is None else list(np.maximum(balance, 1e-3))
    options = {"n_epochs": 500, **options}
    model.fit(L.astype(int), class_balance=balance, seed=seed, progress_bar=False, **options)
    return model


def agree(L, k, balance=None, seed=0, **options):
    original, ours = theirs(L, k, balance, seed, **options), SnorkelLabelModel(k, balance, seed, **options).fit(L)
    np.testing.assert_allclose(ours.mu, original.mu.detach().numpy(), atol=1e-5, rtol=0)
    np.testing.assert_allclose(ours.predict_proba(L), original.predict_proba(L.astype(int)), atol=1e-5, rtol=0)


def skewed(k):
    shares = np.array(SKEWED[:k])
    return shares / shares.sum()


MATRICES = {
    "five functions": (3, {}),
    "binary, sparse": (2, {"n": 500, "accuracies": (0.9, 0.6, 0.6), "coverage": 0.3}),
    "worse than chance": (4, {"n": 2000, "accuracies": (0.3, 0.5, 0.1, 0.7, 0.2, 0.9), "coverage": 0.9}),
    "many functions": (6, {"n": 800, "accuracies": (0.9,) * 20, "coverage": 0.4}),
    "few rows": (2, {"n": 7, "accuracies": (0.8,) * 3, "coverage": 0.9}),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("balanced", [False, True])
def test_random_votes(name, balanced):
    k, options = MATRICES[name]
    agree(votes(k=k, seed=3, **options)[0], k, skewed(k) if balanced else None, seed=3)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(("name", "k"), [("youtube", 2), ("trec", 6), ("chemprot", 10)])
def test_real_votes(name, k, balanced, real_data):
    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns

    L = read_splits(real_data / name, Columns()).train.votes
    agree(L, k, np.random.default_rng(1).dirichlet(np.ones(k)) if balanced else None, seed=2)


def test_functions_and_classes_without_votes():
    L, _ = votes(n=1000, accuracies=(0.8,) * 6)
    L[:, 2], L[L == 1] = -1, 0
    agree(L, 3)
    agree(np.full((50, 4), -1, np.int8), 3)


@pytest.mark.parametrize("options", [{"n_epochs": 0}, {"n_epochs": 1}, {"n_epochs": 100, "l2": 0.3}])
def test_other_lengths_and_the_pull_to_the_start(options):
    L, _ = votes(n=400)
    original = theirs(L, 3, **options)
    ours = SnorkelLabelModel(3, epochs=options["n_epochs"], l2=options.get("l2", 0.0)).fit(L)
    np.testing.assert_allclose(ours.mu, original.mu.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_columns_are_ordered_as_theirs(seed):
    """Functions that vote for the wrong class: the descent ends in another order of the classes than it began."""
    L, _ = votes(n=2000, k=3, accuracies=(0.9,) * 5, coverage=0.8, seed=seed)
    wrong = np.where(L >= 0, (L + 1) % 3, -1).astype(np.int8)
    agree(wrong, 3, seed=seed)


def test_a_row_with_very_many_votes_has_a_posterior():
    """Snorkel's product of 300 probabilities underflows to 0 / 0."""
    L = np.random.default_rng(0).integers(0, 2, (200, 30)).astype(np.int8)
    model = SnorkelLabelModel(2).fit(L)
    model.mu = np.tile(np.array([[0.02, 0.01], [0.01, 0.02]], np.float32), (300, 1))
    p = model.predict_proba(np.array([[0] * 151 + [1] * 149, [0] * 150 + [1] * 150], np.int8))
    np.testing.assert_allclose(p[:, 0], [0.8, 0.5], rtol=1e-4)


@pytest.mark.parametrize("balance", [None, np.array([0.7, 0.3])])
def test_what_diverges_there_is_an_error_here(balance):
    L = np.zeros((2000, 100), np.int8)
    with pytest.raises(Exception, match="NaN"):
        theirs(L, 2, balance)
    with pytest.raises(UserError, match="diverges"):
        SnorkelLabelModel(2, balance).fit(L)


@pytest.mark.parametrize(
    ("L", "balance", "message"),
    [
        (np.full((4, 3), 2), None, "votes 2, the 2 classes are 0 to 1"),
        (np.zeros((0, 3)), None, "no rows"),
        (np.zeros((4, 3)), np.full(3, 1 / 3), "2 shares, found 3"),
    ],
)
def test_what_snorkel_refuses_is_an_error_that_says_what_was_found(L, balance, message):
    with pytest.raises(ValueError):  # noqa: PT011 - Snorkel's words
        theirs(L, 2, balance)
    with pytest.raises(UserError, match=message):
        SnorkelLabelModel(2, balance).fit(L.astype(np.int8))


def problem(m=4, k=3):
    """A small objective in float64, votes one function after the other."""
    rng = np.random.default_rng(0)
    a = rng.random((30, m * k))
    balance = np.array([0.5, 0.3, 0.2])[:k]
    return rng.random((m * k, k)), a.T @ a / 30, np.kron(np.eye(m), np.ones((k, k))).astype(bool), balance


def test_loss_is_the_papers_written_out():
    mu, moments, same, p = problem()
    total = 0.0
    for i, j in itertools.product(range(12), range(12)):
        if i // 3 != j // 3:
            total += (moments[i, j] - sum(p[y] * mu[i, y] * mu[j, y] for y in range(3))) ** 2
    total += sum((sum(p[y] * mu[i, y] for y in range(3)) - moments[i, i]) ** 2 for i in range(12))
    assert loss(mu, moments, same, p) == pytest.approx(total)


def test_gradient_is_the_slope_of_the_loss():
    mu, moments, same, p = problem()
    slopes = np.zeros_like(mu)
    for index in np.ndindex(*mu.shape):
        step = np.zeros_like(mu)
        step[index] = 1e-5
        slopes[index] = (loss(mu + step, moments, same, p) - loss(mu - step, moments, same, p)) / 2e-5
    np.testing.assert_allclose(gradient(mu, moments, same, p), slopes, rtol=1e-6)


def test_descent_finds_the_probabilities_behind_exact_moments():
    """Moments made from known probabilities: their loss is 0, and from near them the descent comes to them."""
    truth, _, same, p = problem()
    joint = (truth * p) @ truth.T
    np.fill_diagonal(joint, truth @ p)
    assert loss(truth, joint, same, p) == pytest.approx(0)
    start = truth + np.random.default_rng(1).normal(0, 0.02, truth.shape)
    found = descend(joint.astype(np.float32), same, p, start, start.astype(np.float32), 5000, 0.0)
    assert loss(found.astype(float), joint, same, p) < 1e-4 * loss(start, joint, same, p)


def test_start_by_hand():
    """A vote on 0.2 of the rows is right on 0.7 of them: 0.14 of 0.5 of the rows; never above 1."""
    start = initial(np.array([0.2, 0.9], np.float32), np.array([0, 1]), np.array([0.5, 0.1]))
    np.testing.assert_allclose(start, [[0.2 * PRECISION / 0.5, 0], [0, 1]], rtol=1e-6)


@pytest.mark.parametrize("balance", [(0.25, 0.25, 0.25, 0.25), (0.3, 0.3, 0.2, 0.2), (0.4, 0.3, 0.2, 0.1)])
def test_best_columns_are_the_best_of_all_orders_of_equal_shares(balance):
    shares = np.array(balance)
    for seed in range(5):
        sums = np.random.default_rng(seed).random((4, 4))
        allowed = [o for o in itertools.permutations(range(4)) if np.allclose(shares[list(o)], shares)]
        best = max(allowed, key=lambda order: np.trace((sums * shares)[:, list(order)]))
        assert best_columns(sums, shares).tolist() == list(best)


def test_neither_torch_nor_snorkel_is_needed():
    script = (
        "import sys, numpy as np\nfrom weakft.label_models.registry import find\n"
        "L = np.array([[0, 0, 1], [1, 1, -1]] * 9, np.int8)\nfind('snorkel')(2).fit(L).predict_proba(L)\n"
        "print(sorted({'torch', 'snorkel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
