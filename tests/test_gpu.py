"""On a GPU: recorded steps, memory that is really too short, whole runs. Skipped where there is none."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import review_lfs, reviews

import weakft
from weakft.display import Silent
from weakft.training.checkpoints import Checkpoint
from weakft.training.loop import Batch, History, Optimization, Schedule
from weakft.training.model import EndModel
from weakft.training.objectives import classification_loss, confidence_regularization, contrastive_loss
from weakft.training.pseudo_labels import Selection
from weakft.training.stages import fine_tune

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

LABELS = ["neg", "pos"]


def loss(logits, features, y, w, _rows):
    terms = classification_loss(logits, y, w) + 0.1 * confidence_regularization(logits)
    return terms + contrastive_loss(features, y.argmax(-1))


def made(tiny_model, dropout, precision="fp32"):
    model = EndModel(str(tiny_model), LABELS, precision=precision, max_length=32)
    model.module.train(dropout)
    return model, model.tokenize(reviews(200, 0)[0])


def batches(n, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        weights = rng.uniform(0.1, 1, 16).astype(np.float32)
        yield Batch(rng.permutation(200)[:16], rng.dirichlet([1, 1], 16).astype(np.float32), weights)


def trained(tiny_model, recorded, n=40, poison=()):
    model, tokens = made(tiny_model, dropout=False)
    optimization, history = Optimization(model, Schedule(n, 1e-3)), History()
    optimization.records = recorded
    given = list(batches(n))
    for i in poison:
        given[i].targets[:] = np.nan
    for _ in range(n):
        optimization.update(tokens, iter([given.pop(0)]), loss, history)
    optimization.settle(history)
    return model.snapshot(), history, optimization


def test_recorded_steps_are_the_steps(tiny_model):
    weights, history, optimization = trained(tiny_model, True)
    assert optimization.recorded is not None and optimization.recorded.works and optimization.recorded.graphs
    expected, other, _ = trained(tiny_model, False)
    assert vars(history) == vars(other)
    for name in expected:
        torch.testing.assert_close(weights[name], expected[name], rtol=0, atol=2e-3)
    fresh = made(tiny_model, dropout=False)[0].snapshot()
    assert max(float((weights[n].float() - fresh[n].float()).abs().max()) for n in fresh) > 1e-2


def test_recorded_steps_leave_out_what_is_not_finite(tiny_model):
    weights, history, optimization = trained(tiny_model, True, poison=(5, 20, 39))
    assert (history.skipped, optimization.bad) == (3, 1)
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_every_recorded_step_draws_dropout_anew(tiny_model):
    model, tokens = made(tiny_model, dropout=True)
    optimization, values = Optimization(model, Schedule(12, 1e-9, decay=False)), []
    held = torch.zeros(1, device="cuda")

    def keeping(logits, *rest):
        held.copy_(logits.float().sum().detach())
        return loss(logits, *rest)

    (batch,) = batches(1)
    for _ in range(12):
        optimization.update(tokens, iter([batch]), keeping, History())
        values.append(float(held))
    assert optimization.recorded.graphs and len(set(values)) == 12


def test_a_model_that_cannot_be_recorded_runs_as_it_is(tiny_model):
    model, tokens = made(tiny_model, dropout=True)
    original = model.module.forward

    def looks(*args, **kwargs):
        out = original(*args, **kwargs)
        float(out.logits.sum())  # a value on the host
        return out

    model.module.forward = looks
    optimization, history = Optimization(model, Schedule(20, 1e-3)), History()
    given = batches(20)
    for _ in range(20):
        optimization.update(tokens, given, loss, history)
    optimization.settle(history)
    assert not optimization.recorded.works and not optimization.recorded.graphs
    assert (history.steps, history.skipped) == (20, 0)
    model.module.forward = original
    model.module.train()
    other, history = Optimization(model, Schedule(20, 1e-3)), History()
    given = batches(20)
    for _ in range(20):  # the device is none the worse for it
        other.update(tokens, given, loss, history)
    other.settle(history)
    assert other.recorded.graphs and history.skipped == 0


def test_a_stage_learns_in_bf16(tiny_model):
    texts, labels = reviews(200, 0)
    model = EndModel(str(tiny_model), LABELS, precision="bf16", max_length=32)
    tokens = model.tokenize(texts)
    targets = np.eye(2, dtype=np.float32)[[LABELS.index(label) for label in labels]]
    schedule = Schedule(200, 3e-3)
    fine_tune(model, tokens, Selection.evenly(np.arange(200), targets), schedule, None, Silent(), "x", Checkpoint())
    assert (model.predict(tokens).argmax(1) == targets.argmax(1)).mean() > 0.9


SHORT = """
import numpy as np, torch
from weakft.display import Silent
from weakft.training.checkpoints import Checkpoint
from weakft.training.loop import Schedule
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import Selection
from weakft.training.stages import fine_tune
import sys
model = EndModel(sys.argv[1], ["neg", "pos"], precision="fp32", max_length=64)
said = []
model.say = said.append
texts = [" ".join(["good film"] * 30)] * 4096
tokens = model.tokenize(texts)
targets = np.tile(np.float32([[0.0, 1.0]]), (4096, 1))
total = torch.cuda.get_device_properties(0).total_memory
torch.cuda.set_per_process_memory_fraction(400 * 2**20 / total)
labeled, schedule = Selection.evenly(np.arange(4096), targets), Schedule(6, 1e-3, batch_size=2048)
fine_tune(model, tokens, labeled, schedule, None, Silent(), "x", Checkpoint())
print(model.limits.micro_batch, len(said), float(model.predict(tokens)[:, 1].min()))
"""


def test_memory_that_is_too_short(tiny_model):
    done = subprocess.run([sys.executable, "-c", SHORT, str(tiny_model)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    micro_batch, said, p = done.stdout.split()
    assert int(micro_batch) < 2048 and int(said) >= 1 and float(p) > 0.5


def test_a_run_is_the_same_to_who_reads_it(tiny_model, review_folder, tmp_path):
    options = {"data": str(review_folder), "lfs": review_lfs(), "model": str(tiny_model), "max_length": 32}
    options |= {"learning_rate": 2e-3, "max_steps": 150, "label_model": "majority"}
    run = weakft.train(**options, output=str(tmp_path / "gpu"))
    metrics = json.loads((tmp_path / "gpu" / "metrics.json").read_text())
    assert metrics["device"] == torch.cuda.get_device_name()
    on_cpu = weakft.train(**options, output=str(tmp_path / "cpu"), device="cpu")
    assert abs(run.table["cosine"]["accuracy"] - on_cpu.table["cosine"]["accuracy"]) < 0.15
    texts = reviews(50, 9)[0]
    model = EndModel.load(tmp_path / "gpu" / "model")
    p = model.predict(model.tokenize(texts))
    on_host = EndModel.load(tmp_path / "gpu" / "model")
    on_host.module.to("cpu")
    with torch.no_grad():
        inputs = on_host.tokenize(texts).collate(np.arange(50))
        q = on_host.module(**inputs).logits.softmax(-1).numpy()
    np.testing.assert_allclose(p, q, atol=0.03)


def test_an_interrupted_run_goes_on(tiny_model, review_folder, tmp_path):
    from weakft.training import loop

    options = {"data": str(review_folder), "lfs": review_lfs(), "model": str(tiny_model), "max_length": 32}
    options |= {"learning_rate": 2e-3, "max_steps": 100, "label_model": "majority", "checkpoint_every": 0.001}
    original, taken = loop.Optimization.update, []

    def stops(self, *args):
        taken.append(1)
        if len(taken) == 130:
            raise KeyboardInterrupt
        original(self, *args)

    loop.Optimization.update = stops
    try:
        with pytest.raises(KeyboardInterrupt):
            weakft.train(**options, output=str(tmp_path / "run"))
    finally:
        loop.Optimization.update = original
    resumed = weakft.train(**options, output=str(tmp_path / "run"), resume=True)
    whole = weakft.train(**options, output=str(tmp_path / "whole"))
    assert abs(resumed.table["cosine"]["accuracy"] - whole.table["cosine"]["accuracy"]) < 0.1
