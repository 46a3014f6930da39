"""Every formula against NumPy worked out here, independently, and its gradient down to the encoder."""

import numpy as np
import pytest
import torch

from weakft.training import objectives as ob
from weakft.training.pseudo_labels import Selection, aligned, confidence, select, sharpen

RNG = np.random.default_rng(7)


def simplex(n: int, k: int) -> np.ndarray:
    return RNG.dirichlet(np.ones(k), n)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def t(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(x, np.float64))


def test_soft_cross_entropy():
    z, y = RNG.normal(size=(5, 3)), simplex(5, 3)
    expected = np.mean([-sum(y[i, j] * np.log(softmax(z)[i, j]) for j in range(3)) for i in range(5)])
    assert ob.soft_cross_entropy(t(z), t(y)).item() == pytest.approx(expected)


def test_classification_loss_is_the_weighted_mean_kl():
    z, y, w = RNG.normal(size=(6, 4)), simplex(6, 4), RNG.random(6)
    f = softmax(z)
    expected = np.mean([w[i] * sum(y[i, j] * np.log(y[i, j] / f[i, j]) for j in range(4)) for i in range(6)])
    assert ob.classification_loss(t(z), t(y), t(w)).item() == pytest.approx(expected)


def test_classification_loss_is_zero_at_the_target_and_takes_zeros():
    y = np.array([[1.0, 0.0], [0.25, 0.75]])
    z = np.log(np.maximum(y, 1e-30))
    assert ob.classification_loss(t(z), t(y), t(np.ones(2))).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_contrastive_loss(distance):
    v, c, gamma = RNG.normal(size=(6, 5)), np.array([0, 1, 0, 2, 1, 0]), 1.3
    terms = []
    for i in range(6):
        for j in range(i + 1, 6):
            if distance == "euclidean":
                d2 = np.sum((v[i] - v[j]) ** 2) / 5
            else:
                d2 = (1 - v[i] @ v[j] / np.linalg.norm(v[i]) / np.linalg.norm(v[j])) ** 2
            terms.append(d2 if c[i] == c[j] else max(0.0, gamma - np.sqrt(d2)) ** 2)
    found = ob.contrastive_loss(t(v), torch.from_numpy(c), gamma, distance).item()
    assert found == pytest.approx(np.mean(terms), rel=1e-4)


def test_contrastive_loss_of_two_hand_worked_pairs():
    v = np.array([[0.0, 0.0], [2.0, 0.0]])  # d^2 = 4 / 2 = 2
    assert ob.contrastive_loss(t(v), torch.tensor([0, 0])).item() == pytest.approx(2.0, rel=1e-5)
    assert ob.contrastive_loss(t(v), torch.tensor([0, 1])).item() == pytest.approx(0.0)  # further than the margin
    near = t(np.array([[0.0, 0.0], [0.5, 0.5]]))  # d = 0.5, margin 1
    assert ob.contrastive_loss(near, torch.tensor([0, 1])).item() == pytest.approx(0.25, rel=1e-4)


def test_contrastive_loss_of_one_row_is_zero_with_a_gradient():
    v = torch.ones(1, 3, requires_grad=True)
    value = ob.contrastive_loss(v, torch.tensor([0]))
    value.backward()
    assert value.item() == 0
    assert v.grad is not None


def test_contrastive_gradient_is_finite_for_equal_features():
    v = torch.zeros(3, 4, requires_grad=True)
    ob.contrastive_loss(v, torch.tensor([0, 0, 1])).backward()
    assert torch.isfinite(v.grad).all()


def test_confidence_regularization():
    z = RNG.normal(size=(5, 3))
    f = softmax(z)
    expected = np.mean([sum((1 / 3) * np.log((1 / 3) / f[i, j]) for j in range(3)) for i in range(5)])
    assert ob.confidence_regularization(t(z)).item() == pytest.approx(expected)
    assert ob.confidence_regularization(torch.zeros(2, 3)).item() == pytest.approx(0, abs=1e-6)


def test_means_do_not_grow_with_the_batch():
    z, y, w, v = RNG.normal(size=(4, 3)), simplex(4, 3), RNG.random(4), RNG.normal(size=(4, 6))
    twice = [np.concatenate([a, a]) for a in (z, y, w)]
    once = ob.classification_loss(t(z), t(y), t(w))
    assert ob.classification_loss(*map(t, twice)).item() == pytest.approx(once.item())
    assert ob.confidence_regularization(t(twice[0])).item() == pytest.approx(ob.confidence_regularization(t(z)).item())
    assert ob.contrastive_loss(t(np.concatenate([v] * 8)), torch.arange(4).repeat(8)).item() < 10


def test_sharpen_is_the_papers_formula():
    f = simplex(7, 3)
    F = f.sum(0)
    expected = np.array([[f[i, j] ** 2 / F[j] for j in range(3)] for i in range(7)])
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(sharpen(f), expected, rtol=1e-5)
    np.testing.assert_allclose(sharpen(f, np.full(3, 1 / 3)), expected, rtol=1e-5)  # a uniform balance changes nothing


def test_sharpen_hand_worked():
    # F = (1.2, 0.8); row 0: 0.64/1.2 : 0.04/0.8 = 0.53333 : 0.05
    np.testing.assert_allclose(sharpen(np.array([[0.8, 0.2], [0.4, 0.6]]))[0], [0.914286, 0.085714], rtol=1e-4)


def test_sharpen_pulls_towards_the_class_balance():
    f = np.full((10, 2), 0.5)
    np.testing.assert_allclose(sharpen(f, np.array([0.9, 0.1])), np.tile([0.9, 0.1], (10, 1)), rtol=1e-6)


def test_aligned_has_the_balance_and_keeps_the_odds_within_a_class():
    y, balance = simplex(200, 3), np.array([0.6, 0.3, 0.1])
    found = aligned(y, balance)
    np.testing.assert_allclose(found.mean(0), balance, atol=1e-3)
    factors = found / y
    ratios = factors / factors[:, :1]
    np.testing.assert_allclose(ratios, np.tile(ratios[0], (200, 1)), rtol=1e-2)


def test_a_balanced_selection_keeps_a_class_that_squaring_would_lose():
    f = np.tile([0.45, 0.55], (40, 1))
    f[:10] = [0.52, 0.48]
    f[10:20] = [0.02, 0.98]
    balance = f.mean(0)
    alone, kept = select(np.arange(40), f, 0.0, balance), select(np.arange(40), f, 0.0, balance, balanced=True)
    assert alone.targets[:, 0].mean() < balance[0] - 0.005
    assert kept.targets[:, 0].mean() == pytest.approx(balance[0], abs=1e-3)
    np.testing.assert_array_equal(select(np.arange(40), f, 0.0, None, balanced=True).targets, sharpen(f))


@pytest.mark.parametrize("kinds", [1, 2])
def test_pseudo_labels_that_are_not_sharpened_are_the_predictions(kinds):
    f = simplex(40, 3)
    balance = np.tile([0.2, 0.3, 0.5], (kinds, 1)) if kinds > 1 else np.array([0.2, 0.3, 0.5])
    chosen = select(np.arange(40), f, 0.0, balance, kinds=kinds, sharpened=False)
    np.testing.assert_allclose(chosen.targets, f[chosen.rows], rtol=1e-6)
    if kinds == 1:
        np.testing.assert_allclose(chosen.weights, confidence(f), rtol=1e-5)
    # Balanced, their mean alone is another one: what they say of two rows beside each other stays.
    moved = select(np.arange(40), f, 0.0, balance, balanced=True, kinds=kinds, sharpened=False)
    for at in range(kinds):
        mine = moved.rows % kinds == at
        np.testing.assert_allclose(moved.targets[mine].mean(0), [0.2, 0.3, 0.5], atol=1e-3)
        ratios = np.log(moved.targets[mine]) - np.log(f[moved.rows[mine]])
        ratios -= ratios[:, :1]
        np.testing.assert_allclose(ratios, np.tile(ratios[0], (len(ratios), 1)), atol=1e-4)


def test_confidence():
    y = simplex(6, 4)
    expected = [1 - -(y[i] * np.log(y[i])).sum() / np.log(4) for i in range(6)]
    np.testing.assert_allclose(confidence(y), expected, rtol=1e-4)
    np.testing.assert_allclose(confidence(np.array([[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3]])), [1, 0], atol=1e-6)


def test_select_keeps_the_confident_rows_with_their_weights():
    f = np.array([[0.99, 0.01], [0.5, 0.5], [0.02, 0.98]])
    chosen = select(np.array([10, 11, 12]), f, 0.6)
    assert chosen.rows.tolist() == [10, 12]
    np.testing.assert_allclose(chosen.weights, confidence(sharpen(f))[[0, 2]])
    assert len(select(np.arange(3), f, 1.0).rows) == 0
    assert select(np.arange(3), f, 1.0, least=0.5).rows.tolist() == [0, 2]  # the surer half of each class


@pytest.mark.parametrize("term", ["initial", "classification", "contrastive", "confidence"])
def test_each_terms_gradient_reaches_the_encoder(term, tiny_model):
    from weakft.training.model import EndModel

    model = EndModel(str(tiny_model), ["a", "b", "c"], device="cpu", precision="fp32")
    tokens = model.tokenize(["good film", "bad book", "the song was awful", "nice"])
    logits, features = model.forward(tokens, np.arange(4))
    assert features.shape == (4, 32)
    y, w = torch.tensor(simplex(4, 3), dtype=torch.float32), torch.ones(4)
    loss = {
        "initial": lambda: ob.soft_cross_entropy(logits, y),
        "classification": lambda: ob.classification_loss(logits, y, w),
        "contrastive": lambda: ob.contrastive_loss(features, torch.tensor([0, 1, 1, 0])),
        "confidence": lambda: ob.confidence_regularization(logits),
    }[term]()
    loss.backward()
    first_layer = model.module.bert.encoder.layer[0].attention.self.query.weight
    assert first_layer.grad is not None
    assert first_layer.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("rare", "weight", "times"),
    [
        (3, 1.0, 17),  # 5 % of 1000 rows
        (10, 0.2, 25),  # 5 % of a weight of 992
        (10, 1e-6, 50),  # as many rows as an equal share, whatever they weigh
    ],
)
def test_rare_pseudo_classes_are_met_often_enough(rare, weight, times):
    classes = np.array([0] * rare + [1] * (1000 - rare))
    targets = np.eye(2, dtype=np.float32)[classes]
    weights = np.where(classes == 0, weight, 1.0).astype(np.float32)
    even = Selection(np.arange(1000), targets, weights).evened()
    counts = np.bincount(even.targets.argmax(1))
    assert counts.tolist() == [rare * times, 1000 - rare]
    assert (even.targets == targets[even.rows]).all() and (even.weights == weights[even.rows]).all()


def test_classes_that_are_not_rare_are_left_as_they_are():
    usual = Selection(
        np.arange(1000), np.eye(2, dtype=np.float32)[(np.arange(1000) % 10 > 0).astype(int)], np.ones(1000)
    )
    assert usual.evened().rows.tolist() == list(range(1000))
