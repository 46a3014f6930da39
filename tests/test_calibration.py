"""Probabilities mended on validation labels."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import review_lfs, reviews

import weakft
from weakft.balance import softmax
from weakft.config import TrainConfig, build
from weakft.errors import UserError
from weakft.tasks.measure import Truth
from weakft.tasks.relation import Relation
from weakft.training.calibration import OFFSET_PRIOR, WEIGHT_PRIOR, Calibration, cross_fitted
from weakft.training.first_teacher import Candidate, FirstTeacher, calibrated_mean, mean_of_best
from weakft.training.methods import _calibrate
from weakft.training.model import EndModel
from weakft.training.self_training import _calibrates


def distorted(n, seed=0):
    """Gold labels of three classes, the probabilities that they were drawn by, and these flattened and leant to class 0."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(size=(n, 3)) * 2)
    gold = (p.cumsum(1) > rng.random((n, 1))).argmax(1)
    return gold, p, softmax(0.5 * np.log(p) + np.array([0.6, 0.0, -0.6]))


def likelihood(p, gold):
    return -np.log(p[np.arange(len(gold)), gold]).sum()


def test_what_was_flattened_and_leant_is_put_right():
    gold, p, q = distorted(80_000)
    found = Calibration.of([q], gold)
    np.testing.assert_allclose(found.weights, 2.0, rtol=0.1)
    np.testing.assert_allclose(found.of_rows([q]), p, atol=0.03)
    assert found.of_rows([q]).dtype == np.float32


def test_it_is_the_likeliest_under_the_priors():
    gold, p, q = distorted(300)
    opinions = [q, softmax(np.log(p) + np.random.default_rng(1).normal(size=p.shape))]
    found = Calibration.of(opinions, gold)
    scores = [np.log(o) - np.log(o).mean(1, keepdims=True) for o in opinions]

    def cost(step):
        offsets, weights = found.offsets + step[:3], found.weights + step[3:].reshape(2, 3)
        z = offsets + weights[0] * scores[0] + weights[1] * scores[1]
        prior = OFFSET_PRIOR * (offsets**2).sum() + WEIGHT_PRIOR * ((weights - [[1.0], [0.0]]) ** 2).sum()
        return likelihood(softmax(z), gold) + prior

    best = cost(np.zeros(9))
    for step in np.vstack([np.eye(9), -np.eye(9)]) * 0.02:
        assert cost(step) > best


def test_each_is_heard_where_it_knows_more():
    """One opinion tells the first class from the others, the other the last two from each other; the mean of both neither."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 4_000)
    evidence = np.eye(3)[gold] * 2 + rng.normal(size=(4_000, 3))
    first, other = np.zeros((4_000, 3)), np.zeros((4_000, 3))
    first[:, 0], other[:, 1:] = evidence[:, 0], evidence[:, 1:]
    opinions = [softmax(first), softmax(other)]
    mean = (opinions[0] + opinions[1]) / 2
    half = slice(0, 2_000), slice(2_000, None)
    found = Calibration.of([o[half[0]] for o in (mean, *opinions)], gold[half[0]])
    after = found.of_rows([o[half[1]] for o in (mean, *opinions)])
    assert likelihood(after, gold[half[1]]) < 0.9 * likelihood(mean[half[1]], gold[half[1]])


def test_few_labels_move_little_and_none_nothing():
    _, p, q = distorted(50)
    gold = np.full(50, -1)
    np.testing.assert_allclose(Calibration.of([q, p], gold).of_rows([q, p]), q, atol=1e-6)
    gold[:2] = 2
    few = Calibration.of([q, p], gold)
    assert np.abs(few.offsets).max() < 1.0
    assert few.of_rows([q, p])[:, 2].mean() > q[:, 2].mean()


def test_a_certain_teacher_stays_finite():
    gold = np.array([0, 1, 1, 0])
    q = np.eye(2)[[0, 1, 0, 0]]
    p = Calibration.of([q], gold).of_rows([q])
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)


def test_no_row_is_judged_by_its_own_label():
    gold, _, q = distorted(60)
    before = cross_fitted([q], Truth(gold))
    other = gold.copy()
    other[7] = (gold[7] + 1) % 3
    moved = np.abs(cross_fitted([q], Truth(other)) - before).max(1) > 1e-6
    assert not moved[7]
    assert moved.sum() >= 40  # those of the other folds
    noise = [softmax(np.random.default_rng(i).normal(size=(60, 3))) for i in range(8)]
    seen = Calibration.of([q, *noise], gold).of_rows([q, *noise])
    assert likelihood(cross_fitted([q, *noise], Truth(gold)), gold) > likelihood(seen, gold)


def test_no_row_is_judged_by_a_label_of_its_own_text():
    """What is said of a text's rows by their own labels, if these may be read, is too good: the text is recognised by it."""
    rng = np.random.default_rng(0)
    text = np.repeat(np.arange(30), 10)
    gold = rng.integers(0, 3, 30)[text]
    q = softmax(rng.normal(size=(30, 3)))[text]
    marks = softmax(4 * rng.normal(size=(12, 30, 3)))[:, text]
    apart = Truth(gold, texts=[str(i) for i in text])
    before = cross_fitted([q, *marks], apart)
    other = replace(apart, gold=np.where(text == 7, (gold + 1) % 3, gold))
    moved = np.abs(cross_fitted([q, *marks], other) - before).max(1) > 1e-6
    assert not moved[text == 7].any() and moved.any()
    log_loss = Truth(gold).log_loss
    assert log_loss(cross_fitted([q, *marks], Truth(gold))) < log_loss(before) - 0.1


@pytest.mark.parametrize(
    ("options", "whole_texts", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"class_balance": [0.5, 0.5]}, True, False),
        ({"calibrated_teacher": False}, True, False),
        ({"use_valid": True}, True, True),
    ],
)
def test_it_is_for_texts_of_one_class_whose_balance_is_not_given(options, whole_texts, expected):
    config = build(TrainConfig, {"data": "x", **options}, "here")
    assert _calibrates(config, SimpleNamespace(plain=whole_texts)) == expected


def test_a_calibrated_teacher_tells_the_pool_better():
    """The mean is over the kinds that validation cannot tell apart from the best; all of them are heard."""
    gold, p, q = distorted(4_000)
    noisy = softmax(np.log(p) + np.random.default_rng(1).normal(size=p.shape) * 1.5)
    valid, pool = slice(0, 500), slice(500, None)
    truth = Truth(gold[valid])
    kinds = [Candidate(k, k, truth.figure(o[valid]), 0.0, o[pool], o[valid]) for k, o in (("a", q), ("b", noisy))]
    kinds = sorted(kinds, key=lambda c: c.order)
    teacher = calibrated_mean(np.arange(3_500), kinds, truth)
    mean = mean_of_best(np.arange(3_500), kinds, truth)
    assert [c.kind for c in [*teacher.members, *teacher.others]] == [c.kind for c in kinds]
    assert len(teacher.members) == 1
    assert teacher.calibrated and not mean.calibrated
    of_pool = Truth(gold[pool])
    assert of_pool.log_loss(teacher.predictions) < of_pool.log_loss(mean.predictions) - 0.02
    assert of_pool.figure(teacher.predictions) > of_pool.figure(mean.predictions)
    assert teacher.figure == truth.figure(teacher.valid)
    np.testing.assert_allclose(teacher.valid, cross_fitted([mean.valid, *(c.valid for c in kinds)], truth))
    kept = FirstTeacher.of(asdict(teacher))
    np.testing.assert_array_equal(kept.others[0].pool, teacher.others[0].pool)


@pytest.mark.parametrize("task", [None, Relation(("e1", "e2"))])
def test_a_calibrated_head_says_what_the_calibration_makes_of_its_predictions(tiny_model, tmp_path, task):
    names = ["a", "b", "c"]
    model = EndModel(str(tiny_model), names, task=task, precision="fp32", device="cpu", max_length=32)
    torch.nn.init.normal_(model.tap.head.weight)
    texts = [f"<e1> {a} </e1> near <e2> {b} </e2>" for a in ("good", "bad", "nice") for b in ("film", "plot")]
    tokens = model.tokenize(texts)
    before = model.predict(tokens)
    calibration = Calibration(np.array([[2.0, 0.5, 1.0]]), np.array([0.3, -0.2, 0.1]))
    assert model.calibrate(calibration)
    expected = calibration.of_rows([before])
    assert np.abs(expected - before).max() > 0.05
    np.testing.assert_allclose(model.predict(tokens), expected, atol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_allclose(EndModel.load(tmp_path / "model").predict(tokens), expected, atol=0.01)


def test_a_head_without_a_bias_stays(tiny_model):
    model = EndModel(str(tiny_model), ["a", "b"], precision="fp32", device="cpu")
    before = model.tap.head.weight.clone()
    model.tap.head.bias = None
    assert not model.calibrate(Calibration(np.full((1, 2), 2.0), np.ones(2)))
    assert torch.equal(model.tap.head.weight, before)


@pytest.mark.parametrize(
    ("right", "options", "taught", "plain", "taken"),
    [
        (0.9, {}, {"calibrated": True}, True, True),
        (0.5, {}, {"calibrated": True}, True, True),  # nothing to learn from, and the prior keeps it there
        (1.0, {}, {"calibrated": True}, True, False),  # each of two texts says of the other what is wrong there
        (0.9, {}, {"calibrated": False}, True, None),
        (0.9, {}, None, True, None),
        (0.9, {"calibrated_end_model": True}, None, True, True),
        (0.9, {"calibrated_end_model": False}, {"calibrated": True}, True, None),
        (0.9, {}, {"calibrated": True}, False, None),
    ],
)
def test_the_end_model_is_calibrated_unless_unseen_labels_are_surely_told_worse(right, options, taught, plain, taken):
    rng = np.random.default_rng(0)
    gold = np.arange(200) % 2
    said = np.where(rng.random(200) < right, gold, 1 - gold)
    predictions = softmax(np.eye(2)[said] * (0.5 if right > 0.5 else 0.0))  # much less sure than right
    texts = [str(label) for label in gold] if right == 1.0 else None
    done = []
    model = SimpleNamespace(predict=lambda _: predictions, calibrate=lambda c: done.append(c) or True)
    records = {} if taught is None else {"first_teacher": taught}
    config = build(TrainConfig, {"data": "x", **options}, "here")
    result = SimpleNamespace(records=records)
    bench = SimpleNamespace(model=model, config=config, result=result, of_valid=None)
    _calibrate(bench, SimpleNamespace(plain=plain), Truth(gold, texts=texts))
    assert records.get("calibration", {}).get("taken") == taken
    assert len(done) == bool(taken)
    if taken:
        assert (records["calibration"]["after"] < records["calibration"]["before"]) == (right > 0.5)


@pytest.mark.parametrize(
    ("more", "calibrated"),
    [
        ({}, True),
        ({"method": "weak"}, False),
        ({"method": "weak", "calibrated_end_model": True}, True),
        ({"use_valid": True}, False),
    ],
)
def test_a_run_says_whether_its_end_model_is_calibrated(tiny_model, tmp_path, more, calibrated):
    splits = [
        pd.DataFrame(dict(zip(("text", "label"), reviews(n, seed), strict=True))) for n, seed in ((120, 0), (60, 1))
    ]
    options = {"initial_steps": 8, "self_training_steps": 8, "precision": "fp32", "device": "cpu", "max_length": 32}
    run = weakft.train(
        splits[0], review_lfs(), valid=splits[1], model=str(tiny_model), output=str(tmp_path / "run"), **options, **more
    )
    assert ("calibration" in run.metrics["training"]) == calibrated
    assert run.metrics["calibrated"] == calibrated
    assert ("<h3>End model</h3>" in (run.folder / "report.html").read_text()) == calibrated


def test_labels_that_are_trained_on_calibrate_nothing(tmp_path):
    table = pd.DataFrame({"text": ["good", "bad"] * 4, "label": ["pos", "neg"] * 4})
    with pytest.raises(UserError, match="--calibrated-end-model needs a validation split"):
        weakft.train(
            table, review_lfs(), valid=table, calibrated_end_model=True, use_valid=True, output=str(tmp_path / "r")
        )
