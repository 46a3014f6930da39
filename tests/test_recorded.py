"""Recorded steps: a whole step without a look at its values is the step as it is computed part by part.

The recording itself needs a GPU: see test_gpu.
"""

import itertools

import numpy as np
import pytest
import torch
from conftest import reviews

from weakft.display import Silent
from weakft.training.checkpoints import Checkpoint
from weakft.training.loop import Batch, History, Optimization, Schedule, run
from weakft.training.model import EndModel
from weakft.training.objectives import classification_loss, contrastive_loss
from weakft.training.pseudo_labels import Selection
from weakft.training.recorded import LENGTHS, RecordedSteps, padded_length
from weakft.training.stage import Stage

LABELS = ["neg", "pos"]


def loss(logits, features, y, w, _rows):
    return classification_loss(logits, y, w) + contrastive_loss(features, y.argmax(-1))


def batches(n=6):
    rng = np.random.default_rng(0)
    for _ in range(n):
        yield Batch(rng.permutation(100)[:16], rng.dirichlet([1, 1], 16).astype(np.float32), np.ones(16, np.float32))


def trained(tiny_model, on_gpu, loss=loss, n=6):
    """Weights after some steps on the CPU, as whole steps (as on a GPU) or part by part; history; optimization."""
    model = EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32", max_length=32)
    model.module.eval()  # no dropout: texts are padded to other lengths
    tokens = model.tokenize(reviews(100, 0)[0])
    optimization, history = Optimization(model, Schedule(10, 1e-3, warmup=0.2)), History()
    optimization.records = on_gpu
    given = batches(n)
    for _ in range(n):
        optimization.update(tokens, given, loss, history)
    optimization.settle(history)
    return model.snapshot(), history, optimization


@pytest.fixture
def unrecorded(monkeypatch):
    """A device that records nothing."""
    monkeypatch.setattr(RecordedSteps, "_record", lambda *_: None)


def test_whole_steps_are_the_steps(tiny_model, unrecorded):
    whole, history, optimization = trained(tiny_model, True)
    by_parts, expected, other = trained(tiny_model, False)
    assert optimization.recorded is not None and len(optimization.recorded.seen) >= 1 and other.recorded is None
    assert vars(history) == vars(expected) and history.samples == 96
    for name in by_parts:
        torch.testing.assert_close(whole[name], by_parts[name], rtol=0, atol=1e-4)


def test_a_whole_step_that_is_not_finite_changes_no_weight(tiny_model, unrecorded):
    factors = itertools.cycle([1.0, float("nan"), 1e38])
    _, history, optimization = trained(tiny_model, True, lambda *a: loss(*a) * next(factors))
    assert (history.steps, history.skipped, optimization.bad) == (6, 4, 2)
    weights, history, _ = trained(tiny_model, True, lambda *a: loss(*a) * float("nan"), n=3)
    assert history.skipped == 3
    fresh = EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32").snapshot()
    assert all(torch.equal(weights[name], fresh[name]) for name in fresh)


class Unfinished:
    """A recorded step's result, which the device still works on."""

    def __init__(self, good, begun):
        self.good, self.begun, self.step = good, begun, begun[0]

    def __bool__(self):
        """Asked only when the next step is under way, or where there is none."""
        assert self.begun[0] > self.step or self.begun[0] == 6
        return self.good


def test_the_device_is_not_waited_for(tiny_model, monkeypatch):
    begun = [0]

    def take(_self, _inputs):
        begun[0] += 1
        return Unfinished(begun[0] not in (2, 5, 6), begun)

    monkeypatch.setattr(RecordedSteps, "take", take)
    _, history, optimization = trained(tiny_model, True)
    assert begun == [6] and (history.steps, history.skipped, optimization.bad) == (6, 3, 2)


def test_a_stage_ends_with_every_step_counted(tiny_model, unrecorded):
    model = EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32", max_length=32)
    tokens, rows = model.tokenize(reviews(100, 0)[0]), np.arange(100)
    everything = Selection.evenly(rows, np.full((100, 2), 0.5))
    counted = []

    class Kept(Checkpoint):
        def offer(self, state_dict):
            counted.append(dict(state_dict()["history"])["skipped"])

    stage = Stage(model, tokens, Schedule(4, 1e-3, batch_size=16), np.random.default_rng(0), Kept())
    stage.optimization.records = True
    stage.begin(everything, 4)
    run(stage, lambda *a: loss(*a) * float("nan"), None, Silent())
    assert counted == [1, 2, 3, 4] and stage.history.skipped == stage.optimization.bad == 4


def test_memory_that_is_too_short_leads_to_micro_batches(tiny_model, unrecorded):
    largest = []

    def once(logits, *rest):
        largest.append(len(logits))
        if len(logits) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return loss(logits, *rest)

    _, history, optimization = trained(tiny_model, True, once, n=2)
    assert largest == [16, 16, 8, 8, 8, 8] and not optimization.records and history.skipped == 0


def test_the_rate_of_a_step_reaches_it(tiny_model, unrecorded):
    _, _, optimization = trained(tiny_model, True, n=1)
    rate = optimization.optimizer.param_groups[0]["lr"]
    assert rate is optimization.optimizer.param_groups[1]["lr"] and float(rate) == pytest.approx(1e-3 / 2)


@pytest.mark.parametrize(("tokens", "length"), [(1, 16), (16, 16), (17, 32), (33, 64), (512, 512), (513, 1024)])
def test_lengths(tokens, length):
    assert padded_length(tokens) == length and list(LENGTHS) == sorted(LENGTHS)
