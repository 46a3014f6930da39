"""Who teaches in which period of self-training, and which checkpoint is kept."""

import gc

import numpy as np
import pytest
import torch
from conftest import reviews

from weakft.display import Silent
from weakft.tasks.measure import Truth
from weakft.training import stages
from weakft.training.batching import shuffled_batches
from weakft.training.calibration import Calibration
from weakft.training.checkpoints import Checkpoint
from weakft.training.first_teacher import FirstTeacher
from weakft.training.loop import Best, Schedule, Validator
from weakft.training.model import EndModel

LABELED = stages.Selection.evenly(np.arange(20), np.full((20, 2), 0.5))


@pytest.fixture
def taught(tiny_model, monkeypatch):
    """Run two periods of self-training; return (the rows, predictions) each selected from, and the student's own."""

    def run(teacher, clean=None, rows=60, validator=None, **more):
        model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
        texts, _ = reviews(60, 0)
        tokens = model.tokenize(texts)
        seen, students = [], []

        def select(rows, predictions, *rest):
            students.append(model.predict(tokens, rows))
            seen.append((rows, predictions))
            return real(rows, predictions, *rest)

        real = stages.select
        monkeypatch.setattr(stages, "select", select)
        settings = stages.SelfTraining(2, 0.0, 0.1, 1.0, "euclidean", 0.05, 0.5, **more)
        schedule = Schedule(steps=4, learning_rate=1e-6, batch_size=8)  # the student stays as it is
        pool = stages.Pool(np.arange(rows) if teacher is None else teacher.rows, None, teacher, clean)
        given = (model, tokens, schedule, settings, pool)
        _, history, _ = stages.self_train(*given, Best(), validator and validator(model), Silent(), Checkpoint())
        assert history.steps == 4
        return seen, students

    return run


def test_the_first_teacher_teaches_alone_and_then_beside_the_student(taught):
    rows = np.arange(10, 50)  # those it knows
    predictions = np.random.default_rng(0).dirichlet(np.ones(2), len(rows)).astype(np.float32)
    teacher = FirstTeacher(rows, predictions, predictions, 0.5, [])
    seen, students = taught(teacher)
    assert len(seen) == 2
    for (picked, got), student, share in zip(seen, students, (1.0, 0.5), strict=True):
        assert set(picked) <= set(rows)
        expected = share * predictions[picked - 10] + (1 - share) * student
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("helps", [True, False])
def test_the_student_teaches_only_where_that_is_no_worse_on_validation(taught, helps):
    """The teacher is wrong about every validation text, or right, and so unsure that beside it the student decides."""
    predictions = np.random.default_rng(0).dirichlet(np.ones(2), 60).astype(np.float32)
    teacher = FirstTeacher(np.arange(60), predictions, predictions, 0.5, [])

    def validator(model):
        tokens = model.tokenize(reviews(30, 1)[0])
        student = model.predict(tokens)
        gold = student.argmax(1) if helps else student.argmin(1)
        right = np.eye(2)[gold] > 0
        teacher.valid = np.where(right != helps, 0.5 + 1e-7, 0.5 - 1e-7)
        teacher.figure = Truth(gold).figure(teacher.valid)
        assert teacher.figure == (0.0 if helps else 1.0)
        return Validator(tokens, Truth(gold))

    seen, students = taught(teacher, validator=validator)
    picked, got = seen[1]
    share = 0.5 if helps else 1.0
    np.testing.assert_allclose(got, share * predictions[picked] + (1 - share) * students[1], atol=1e-6)


def test_both_together_are_made_as_sure_as_right(taught):
    """The teacher is sure of the validation texts and right on two in three."""
    predictions = np.random.default_rng(0).dirichlet(np.ones(2), 60).astype(np.float32)
    gold = np.arange(30) % 2
    valid = np.where(np.eye(2)[np.where(np.arange(30) % 3, gold, 1 - gold)] > 0, 0.999, 0.001)
    teacher = FirstTeacher(np.arange(60), predictions, valid, 0.0, [])
    known = []

    def validator(model):
        tokens = model.tokenize(reviews(30, 1)[0])
        on_valid = model.predict(tokens)
        known.append([(valid + on_valid) / 2, on_valid])
        return Validator(tokens, Truth(gold))

    seen, students = taught(teacher, validator=validator, calibrated=True)
    picked, got = seen[1]
    mean = (predictions[picked] + students[1]) / 2
    np.testing.assert_allclose(got, Calibration.of(known[0], gold).of_rows([mean, students[1]]), atol=1e-4)
    assert np.abs(got - mean).max() > 0.01


def test_without_one_the_student_teaches_itself_on_the_whole_pool(taught):
    seen, students = taught(None)
    for (picked, got), student in zip(seen, students, strict=True):
        assert sorted(picked) == list(range(60))
        np.testing.assert_allclose(got, student, atol=1e-6)


def test_clean_rows_lie_behind_the_pool_and_join_every_period(taught, monkeypatch):
    joined = []
    original = stages.Selection.joined
    monkeypatch.setattr(
        stages.Selection, "joined", lambda chosen, *rest: joined.append(original(chosen, *rest)) or joined[-1]
    )
    clean = stages.Selection(np.arange(55, 60), np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1]], np.ones(5, np.float32))
    seen, _ = taught(None, clean, 55)
    assert all(sorted(picked) == list(range(55)) for picked, _ in seen)
    assert len(joined) == 2
    for period in joined:
        mine = period.rows >= 55
        assert set(period.rows[mine]) == set(clean.rows)
        np.testing.assert_array_equal(period.targets[mine], clean.targets[period.rows[mine] - 55])
        assert mine.mean() == pytest.approx(stages.CLEAN_SHARE, abs=0.05)


@pytest.mark.parametrize(("balanced", "times"), [(True, 2), (False, 0)])
def test_rare_classes_are_repeated_where_pseudo_labels_are_balanced(taught, monkeypatch, balanced, times):
    evened, original = [], stages.Selection.evened
    monkeypatch.setattr(
        stages.Selection, "evened", lambda chosen, kinds: evened.append(chosen) or original(chosen, kinds)
    )
    taught(None, balanced=balanced)
    assert len(evened) == times


@pytest.mark.parametrize(("threshold", "looked_at"), [(0.0, 16), (0.6, 32)])
def test_a_refresh_looks_at_as_many_rows_as_the_period_takes(threshold, looked_at):
    """Two steps of 8 rows; where some may not be selected, twice as many."""
    settings = stages.SelfTraining(2, threshold, 0.1, 1.0, "euclidean", 0.05, 0.5)
    assert settings.pool * settings.period * 8 == looked_at


class Scripted:
    """A validator that says what it is told to, and remembers the weights that it was shown."""

    def __init__(self, figures):
        self.truth = Truth(np.arange(100) % 2)
        self.said, self.shown = iter(figures), []

    def score(self, model):
        self.shown.append(model.snapshot())
        return (next(self.said), 0.0), False


def test_the_best_checkpoint_is_kept(tiny_model):
    model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
    tokens = model.tokenize(reviews(20, 0)[0])
    validator = Scripted([0.5, 0.9, 0.8, 0.88, 0.86])
    schedule = Schedule(steps=5, learning_rate=1e-3, eval_every=1, batch_size=8)
    given = (model, tokens, LABELED, schedule)
    best, _ = stages.fine_tune(*given, validator, Silent(), "", Checkpoint())
    assert (best.step, best.score[0]) == (2, 0.9)
    for name, value in model.snapshot().items():
        torch.testing.assert_close(value, validator.shown[1][name], rtol=0, atol=0)


def test_a_stages_optimizer_goes_with_it(tiny_model):
    def alive():
        gc.collect()
        return sum(issubclass(type(value), torch.optim.Optimizer) for value in gc.get_objects())

    model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
    tokens, before = model.tokenize(reviews(20, 0)[0]), alive()
    given = (model, tokens, LABELED, Schedule(steps=2, learning_rate=1e-3, batch_size=8))
    for _ in range(2):
        stages.fine_tune(*given, None, Silent(), "", Checkpoint())
    assert alive() <= before


@pytest.mark.parametrize(("before", "kept"), [(0.85, 2), (0.87, 0)])
def test_the_initial_model_is_the_result_where_it_is_surely_better(tiny_model, before, kept):
    """The student has 0.83; the standard error of 0.85 is 0.036, that of 0.87 0.034."""
    model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
    tokens = model.tokenize(reviews(20, 0)[0])
    start = Best((before, 0.0), model.snapshot())
    validator = Scripted([0.8, 0.83])
    settings = stages.SelfTraining(2, 0.0, 0.1, 1.0, "euclidean", 0.05, 0.5)
    schedule = Schedule(steps=2, learning_rate=1e-2, eval_every=1, batch_size=8)
    predictions = np.array([[0.7, 0.3], [0.2, 0.8]] * 10, np.float32)
    teacher = FirstTeacher(np.arange(20), predictions, predictions, 0.5, [])
    pool = stages.Pool(teacher.rows, None, teacher)
    given = (model, tokens, schedule, settings, pool)
    best, _, _ = stages.self_train(*given, start, validator, Silent(), Checkpoint())
    assert (best.step, best.score[0]) == (kept, 0.83 if kept else before)
    expected = validator.shown[-1] if kept else start.weights
    for name, value in model.snapshot().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("n", [1, 31, 33, 100, 120, 500, 1000])
def test_every_text_counts_about_the_same(n):
    """A step is the mean over its batch: texts of a short one would count more, and by length they are always the same."""
    batches = shuffled_batches(np.arange(n), 32, np.random.default_rng(0))
    counted = np.zeros(n)
    for _ in range(40):  # epochs
        epoch = [next(batches) for _ in range(sum(-(-min(512, n - start) // 32) for start in range(0, n, 512)))]
        assert sorted(np.concatenate(epoch)) == list(range(n)) and max(map(len, epoch)) <= 32
        for batch in epoch:
            counted[batch] += 1 / len(batch)
    assert counted.max() / counted.min() < 1.5
