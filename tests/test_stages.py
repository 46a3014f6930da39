"""Who teaches in which period of self-training."""

import numpy as np
import pytest
from conftest import reviews

from weakft.display import Silent
from weakft.training import stages
from weakft.training.first_teacher import FirstTeacher
from weakft.training.loop import Best, Schedule
from weakft.training.model import EndModel


@pytest.fixture
def taught(tiny_model, monkeypatch):
    """Run two periods of self-training; return (the rows, predictions) each selected from, and the student's own."""

    def run(teacher, clean=None, **more):
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
        schedule = Schedule(steps=4, learning_rate=1e-6)  # the student stays as it is
        _, history, _ = stages.self_train(
            model, tokens, schedule, settings, 8, 0, None, Best(), teacher, None, Silent(), clean
        )
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
    seen, _ = taught(None, (55, clean))
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
