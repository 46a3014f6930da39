"""Probabilities mended on validation labels."""

from types import SimpleNamespace

import numpy as np
import pytest

from weakft.balance import softmax
from weakft.config import TrainConfig, build
from weakft.tasks.measure import Truth
from weakft.training.calibration import PRIOR, Calibration
from weakft.training.first_teacher import FirstTeacher, calibrated
from weakft.training.self_training import _calibrates


def distorted(n, seed=0):
    """Gold labels of three classes, the probabilities that they were drawn by, and these flattened and leant to class 0."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(size=(n, 3)) * 2)
    gold = (p.cumsum(1) > rng.random((n, 1))).argmax(1)
    return gold, p, softmax(0.5 * np.log(p) + np.array([0.6, 0.0, -0.6]))


def test_what_was_flattened_and_leant_is_put_right():
    gold, p, q = distorted(20_000)
    found = Calibration.of(q, gold)
    assert found.scale == pytest.approx(2.0, rel=0.05)
    np.testing.assert_allclose(found.of_rows(q), p, atol=0.03)
    assert found.of_rows(q).dtype == np.float32


def test_it_is_the_likeliest_under_the_prior():
    gold, _, q = distorted(300)
    found = Calibration.of(q, gold)

    def cost(step):
        scale, offsets = np.exp(np.log(found.scale) + step[0]), found.offsets + step[1:]
        p = softmax(scale * np.log(q) + offsets)
        return -np.log(p[np.arange(300), gold]).sum() + PRIOR * (np.log(scale) ** 2 + (offsets**2).sum())

    best = cost(np.zeros(4))
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 0.02:
        assert cost(step) > best


def test_few_labels_move_little_and_none_nothing():
    _, _, q = distorted(50)
    gold = np.full(50, -1)
    np.testing.assert_allclose(Calibration.of(q, gold).of_rows(q), q, atol=1e-6)
    gold[:2] = 2
    few = Calibration.of(q, gold)
    assert np.abs(few.offsets).max() < 1.0
    assert few.of_rows(q)[:, 2].mean() > q[:, 2].mean()


def test_a_certain_teacher_stays_finite():
    gold = np.array([0, 1, 1, 0])
    q = np.eye(2)[[0, 1, 0, 0]]
    p = Calibration.of(q, gold).of_rows(q)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "whole_texts", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"class_balance": [0.5, 0.5]}, True, False),
        ({"calibrated_teacher": False}, True, False),
    ],
)
def test_it_is_for_texts_of_one_class_whose_balance_is_not_given(options, whole_texts, expected):
    config = build(TrainConfig, {"data": "x", **options}, "here")
    assert _calibrates(config, SimpleNamespace(plain=whole_texts)) == expected


def test_a_calibrated_teacher_tells_the_pool_better():
    gold, _, q = distorted(4_000)
    valid, pool = slice(0, 500), slice(500, None)
    teacher = FirstTeacher(np.arange(3_500), q[pool], q[valid], Truth(gold[valid]).figure(q[valid]), [])
    after = calibrated(teacher, Truth(gold[valid]))
    truth = Truth(gold[pool])
    assert truth.log_loss(after.predictions) < truth.log_loss(teacher.predictions) - 0.02
    assert truth.figure(after.predictions) > truth.figure(teacher.predictions)
    assert after.figure == Truth(gold[valid]).figure(after.valid)
