"""Cross-fitting: parts that share no text, predictions by the model that has not seen them, and the share they give."""

import numpy as np
import pytest

from weakft.data.dataset import Dataset
from weakft.tasks.measure import Truth
from weakft.training import cross_fitting
from weakft.training.cross_fitting import folds, share_of, the_likelier, unseen
from weakft.training.first_teacher import FirstTeacher
from weakft.training.loop import Schedule
from weakft.training.pseudo_labels import Selection


def dataset(texts, **more):
    return Dataset(texts, [str(i) for i in range(len(texts))], **more)


def test_every_row_is_predicted_once_and_never_learned_from_there():
    data, rows = dataset([f"text {i}" for i in range(41)]), np.arange(0, 41, 2)
    seen = []
    for learned, held_out in folds(data, rows, 0):
        assert sorted([*learned, *held_out]) == list(range(len(rows)))
        assert len(held_out) == 7
        seen += list(held_out)
    assert sorted(seen) == list(range(len(rows)))


def test_rows_of_one_text_stay_together_whatever_is_marked_or_asked():
    marked = [f"[A]a{i}[/A] binds [B]b{i}[/B] and c{i}" for i in range(10)]
    others = [f"[A]a{i}[/A] binds b{i} and [B]c{i}[/B]" for i in range(10)]
    for learned, _ in folds(dataset(marked + others), np.arange(20), 0):
        assert {i % 10 for i in learned if i < 10} == {i % 10 for i in learned if i >= 10}
        assert len(learned) in (12, 14)
    asked = dataset(["a", "b", "c", "d"], asked=["x", "y", "z"])
    words = dataset(["a a", "b b b", "c", "d d"], words=np.array([2, 3, 1, 2]))
    for data in (asked, words):
        rows = np.arange(data.n_rows)
        for learned, held_out in folds(data, rows, 0):
            assert not set(data.places(learned)[0]) & set(data.places(held_out)[0])


def test_one_text_cannot_be_parted():
    assert list(folds(dataset(["same", "same"]), np.arange(2), 0)) == []
    assert list(folds(dataset(["a"]), np.zeros(0, np.int64), 0)) == []


def right_on(gold, accuracy, rng):
    p = np.full((len(gold), 3), 0.1)
    said = np.where(rng.random(len(gold)) < accuracy, gold, (gold + 1 + rng.integers(0, 2, len(gold))) % 3)
    p[np.arange(len(gold)), said] = 0.8
    return p


def test_the_share_follows_what_each_is_worth():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 400)
    good, bad, other = (right_on(gold, accuracy, rng) for accuracy in (0.9, 0.35, 0.9))
    gold = np.append(gold, -1)  # a row without a gold label does not count
    good, bad, other = (np.vstack([p, np.full((1, 3), 1 / 3)]) for p in (good, bad, other))
    truth = Truth(gold)
    assert share_of(bad, good, truth) >= 0.8 and share_of(good, bad, truth) <= 0.2
    assert share_of(good, other, truth) == pytest.approx(0.5, abs=0.11)
    assert share_of(good, None, truth) == 0.5


class Model:
    """Answers with what it learned: the targets of the rows it was fine-tuned on."""

    state = "full"

    def snapshot(self):
        return self.state

    def restore(self, weights):
        self.state = weights

    def predict(self, tokens, rows):
        assert not set(rows) & set(self.state)
        return np.tile([0.9, 0.1], (len(rows), 1))


def test_predictions_are_of_a_model_of_the_other_labels_and_the_model_stays(monkeypatch):
    started, schedules, named = [], [], []

    def fine_tune(model, tokens, labeled, schedule, *_):
        started.append(model.state)
        schedules.append((schedule.steps, schedule.seed))
        np.testing.assert_array_equal(labeled.targets, np.eye(2)[labeled.rows % 2])
        model.state = tuple(labeled.rows)

    class Checkpoints:
        of = staticmethod(named.append)

    monkeypatch.setattr(cross_fitting, "fine_tune", fine_tune)
    data, rows, model = dataset(list("abcdefgh")), np.array([0, 1, 3, 4, 7]), Model()
    labeled, schedule = Selection.evenly(rows, np.eye(2)[rows % 2]), Schedule(5, 1e-3, seed=3)
    p = unseen(model, None, labeled, data, "pristine", schedule, None, Checkpoints())
    np.testing.assert_allclose(p[rows], [[0.9, 0.1]] * 5, rtol=1e-6)
    np.testing.assert_allclose(p[[2, 5, 6]], 0.5)
    assert started == ["pristine"] * 3 and named == ["fold-1", "fold-2", "fold-3"] and model.state == "full"
    assert schedules == [(4, 4), (4, 5), (4, 6)]  # two thirds of the steps for two thirds of the labels


def test_beside_the_labels_a_teacher_is_calibrated_only_where_that_surely_tells_them_better():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 300)
    truth = Truth(gold)
    of_labels, better, worse = (right_on(gold, accuracy, rng) for accuracy in (0.7, 0.9, 0.7))
    calibrated, plain, level = (
        FirstTeacher(np.arange(3), np.eye(3), valid, truth.figure(valid), [], calibrated=at == 0)
        for at, valid in enumerate((better, worse, better))
    )
    assert the_likelier(calibrated, plain, of_labels, truth) is calibrated
    assert the_likelier(plain, calibrated, of_labels, truth) is calibrated
    assert the_likelier(calibrated, level, of_labels, truth) is level
    assert the_likelier(calibrated, plain, None, truth) is plain
