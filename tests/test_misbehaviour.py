"""Training that misbehaves: a loss or a gradient that is not finite, gradients that explode, a split of one class."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import review_lfs, reviews

import weakft
from weakft.config import TrainConfig, build
from weakft.display import Silent
from weakft.inputs import Given
from weakft.pipeline import train
from weakft.tasks.measure import Truth
from weakft.training.loop import MAX_BAD_STEPS, Batch, History, Optimization, Schedule, Validator
from weakft.training.model import EndModel
from weakft.training.objectives import soft_cross_entropy

LABELS = ["neg", "pos"]


@pytest.fixture
def model(tiny_model):
    return EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32", max_length=32)


def steps(model, factors, accumulate=1, learning_rate=1e-2):
    """Steps on the same rows whose loss is multiplied by the factors; the weights after each, and the history."""
    tokens = model.tokenize(reviews(16, 0)[0])
    batch = Batch(np.arange(16), np.tile(np.array([[0.2, 0.8]], np.float32), (16, 1)), np.ones(16, np.float32))
    optimization = Optimization(model, Schedule(100, learning_rate, accumulate=accumulate))
    history, weights = History(), [model.snapshot()]
    left = iter(factors)
    for _ in range(len(factors) // accumulate):
        optimization.update(
            tokens,
            iter([batch] * accumulate),
            lambda z, _v, y, _w, _rows: soft_cross_entropy(z, y) * next(left),
            history,
        )
        weights.append(model.snapshot())
    return weights, history, optimization


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), 1e38]
)  # the last one's loss is finite, its gradient is not
def test_a_bad_step_changes_no_weight_and_training_goes_on(model, bad):
    weights, history, optimization = steps(model, [1.0, bad, bad, 1.0])
    assert [same(a, b) for a, b in itertools.pairwise(weights)] == [False, True, True, False]
    assert (history.steps, history.skipped, optimization.bad) == (4, 2, 0)
    assert all(torch.isfinite(value).all() for value in weights[-1].values())


def test_one_bad_batch_spoils_the_whole_accumulated_step(model):
    weights, history, _ = steps(model, [1.0, float("nan"), 1.0, 1.0], accumulate=2)
    assert [same(a, b) for a, b in itertools.pairwise(weights)] == [True, False]
    assert history.skipped == 1


def test_exploding_gradients_are_cut_to_length_one(model, monkeypatch):
    """What reaches the optimizer is of length 1 and points where the gradient does, however large that was."""
    seen = []

    def spy(self, closure=None):
        found = [p.grad.flatten().clone() for group in self.param_groups for p in group["params"] if p.grad is not None]
        seen.append(torch.cat(found))

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    model.module.eval()
    _, history, _ = steps(model, [1e-3, 1e6])
    assert history.skipped == 0
    small, large = seen
    assert small.norm() < 0.1 and large.norm() == pytest.approx(1.0, abs=1e-3)
    assert torch.dot(small / small.norm(), large) == pytest.approx(1.0, abs=1e-3)


def table(n, seed, only=None):
    texts, labels = reviews(n, seed)
    return pd.DataFrame([{"text": t, "label": y} for t, y in zip(texts, labels, strict=True) if only in (None, y)])


def run(tiny_model, tmp_path, **changes):
    given = Given(table(200, 0), table(60, 1), table(60, 2), review_lfs(), LABELS)
    for name in ("train", "valid", "test", "lfs"):
        setattr(given, name, changes.pop(name, getattr(given, name)))
    options = {"model": str(tiny_model), "output": str(tmp_path / "run"), "device": "cpu", "precision": "fp32"}
    options |= {"learning_rate": 2e-3, "max_length": 32, "initial_steps": 30, "self_training_steps": 20, "period": 10}
    said = Silent()
    return train(build(TrainConfig, options | changes, "test"), given, said), said.messages


def test_a_loss_that_is_never_finite_ends_every_stage_and_the_run_is_whole(tiny_model, tmp_path, monkeypatch):
    from weakft.training import stages

    monkeypatch.setattr(stages, "soft_cross_entropy", lambda z, y: z.sum() * float("nan"))
    monkeypatch.setattr(stages, "classification_loss", lambda z, y, w: z.sum() * float("nan"))
    found, messages = run(tiny_model, tmp_path)
    record = found.metrics["training"]["initial"]
    assert (record["stopped"], record["skipped"], record["steps"]) == ("loss not finite", MAX_BAD_STEPS, MAX_BAD_STEPS)
    assert sum("was not finite" in message for message in messages) >= 1
    written = pd.read_parquet(found.folder / "predictions.parquet")
    assert np.isfinite(written[["p_neg", "p_pos"]]).all(axis=None)
    json.loads((found.folder / "metrics.json").read_text(), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))


def test_a_validation_split_of_one_class_is_said_and_no_collapse_is_seen_in_it(tiny_model, tmp_path):
    found, messages = run(tiny_model, tmp_path, valid=table(100, 1, "pos"), patience=0, eval_every=5)
    assert any("gold labels of one class only" in message for message in messages)
    record = found.metrics["training"]
    assert record["initial"]["steps"] == 30 and record["initial"]["stopped"] == "budget"
    assert found.metrics["valid"]["n"] == len(table(100, 1, "pos"))
    _, messages = run(tiny_model, tmp_path)
    assert not any("one class only" in message for message in messages)


@pytest.mark.parametrize("label", ["pos", "neg"])
def test_rules_that_know_one_class_only_end_in_a_run(tiny_model, tmp_path, label):
    """Initial fine-tuning sees one class; self-training finds nothing to select, and says so."""
    rule = weakft.keywords("one", ["good", "bad", "film"], label)
    found, messages = run(tiny_model, tmp_path, lfs=[rule], valid=None, test=None)
    assert found.metrics["training"]["self_training"]["stopped"] == "nothing to select"
    assert any("1 classes" in message for message in messages)
    assert set(pd.read_parquet(found.folder / "predictions.parquet")["label"]) == {label}


def test_rules_that_never_agree_end_in_a_run(tiny_model, tmp_path):
    """Every covered text has one vote for each class."""
    both = [weakft.regex("yes", ".", "pos"), weakft.regex("no", ".", "neg")]
    found, _ = run(tiny_model, tmp_path, lfs=both, valid=None)
    assert found.metrics["label_model"]["name"] == "majority" and found.metrics["coverage"] == 1.0
    written = pd.read_parquet(found.folder / "predictions.parquet")
    np.testing.assert_allclose(written["label_model_pos"], 0.5)
    assert np.isfinite(written["p_pos"]).all()


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_splits_of_one_row_are_enough(tiny_model, tmp_path, name):
    one = pd.DataFrame({"text": ["a good film"], "label": ["pos"]})
    found, _ = run(tiny_model, tmp_path, **{name: one})
    assert found.metrics["rows"][name] == 1
    assert len(pd.read_parquet(found.folder / "predictions.parquet").query("split == @name")) == 1


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_a_split_without_rows_is_refused(tiny_model, tmp_path, name):
    nothing = pd.DataFrame({"text": pd.Series([], dtype=str), "label": pd.Series([], dtype=str)})
    with pytest.raises(weakft.errors.UserError, match=f"{name}: the table has columns but no rows"):
        run(tiny_model, tmp_path, **{name: nothing})


@pytest.mark.parametrize(("gold", "collapsed"), [([0, 1, 1, -1], True), ([1, 1, 1, -1], False)])
def test_one_class_in_gold_is_no_collapse_of_the_model(model, gold, collapsed):
    with torch.no_grad():
        model.module.classifier.bias[1] = 100.0  # it predicts that class whatever the text
    validator = Validator(model.tokenize(reviews(4, 0)[0]), Truth(np.array(gold), LABELS))
    assert validator.score(model)[1] is collapsed
