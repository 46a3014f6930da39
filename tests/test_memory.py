"""A device that runs out of memory: the same step in micro-batches, the same predictions, one sentence if nothing helps."""

import re

import numpy as np
import pytest
import torch
from conftest import review_lfs, reviews

import weakft
from weakft.errors import UserError
from weakft.training import memory
from weakft.training.features import embed
from weakft.training.loop import Batch, History, Optimization, Schedule
from weakft.training.model import INFERENCE_TOKENS, EndModel
from weakft.training.objectives import (
    classification_loss,
    confidence_regularization,
    contrastive_loss,
    soft_cross_entropy,
)

LABELS = ["neg", "pos"]
WORDS = "CUDA out of memory. Tried to allocate 2.00 GiB."


def classification(logits, _features, y, w, _rows):
    return classification_loss(logits, y, w) + 0.05 * confidence_regularization(logits)


def contrastive(logits, features, y, w, rows):
    return classification(logits, features, y, w, rows) + contrastive_loss(features, y.argmax(-1))


@pytest.fixture
def made(tiny_model):
    """A model in eval mode (no dropout), so that a step is a function of its rows; its tokens; and a batch of 32."""

    def make():
        model = EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32", max_length=32)
        model.module.eval()
        model.said = []
        model.say = model.said.append
        rng = np.random.default_rng(0)
        targets = rng.dirichlet([1, 1], 32).astype(np.float32)
        batch = Batch(rng.permutation(100)[:32], targets, rng.uniform(0.1, 1, 32).astype(np.float32))
        return model, model.tokenize(reviews(100, 0)[0]), batch

    return make


def holds(model, most, error=None):
    """Let the model's device hold so many rows. Return the sizes of the batches that were tried."""
    original, tried = model.module.forward, []

    def forward(*args, **kwargs):
        tried.append(len(kwargs["input_ids"]))
        if tried[-1] > most:
            raise error or torch.OutOfMemoryError(WORDS)
        return original(*args, **kwargs)

    model.module.forward = forward
    return tried


def stepped(model, tokens, batches, loss):
    optimization = Optimization(model, Schedule(steps=10, learning_rate=1e-2, accumulate=len(batches)))
    optimization.update(tokens, iter(batches), loss, History())
    return model.snapshot()


def by_hand(model, tokens, parts, loss):
    """A step on the parts' mean loss, each by its share of the rows, with torch alone."""
    decayed = [p for p in model.module.parameters() if p.ndim > 1]
    rest = [p for p in model.module.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    rows = sum(len(part.rows) for part in parts)
    total = 0.0
    for part in parts:
        logits, features = model.forward(tokens, part.rows)
        value = loss(logits, features, torch.from_numpy(part.targets), torch.from_numpy(part.weights), part.rows)
        total = total + value * len(part.rows) / rows
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.module.parameters(), 1.0)
    optimizer.step()
    return model.snapshot()


def assert_close(a, b):
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("loss", [classification, contrastive])
def test_a_step_that_ran_out_of_memory_is_the_accumulated_step(made, loss):
    model, tokens, batch = made()
    tried = holds(model, 8)
    weights = stepped(model, tokens, [batch], loss)
    assert tried == [32, 16, 8, 8, 8, 8]
    assert model.limits.micro_batch == 8
    assert [re.findall("[0-9]+ texts", said) for said in model.said] == [["16 texts"], ["8 texts"]]
    quarters = np.array_split(np.arange(32), 4)
    parts = [Batch(batch.rows[at], batch.targets[at], batch.weights[at]) for at in quarters]
    expected = by_hand(*made()[:2], parts, loss)
    assert_close(weights, expected)
    fresh = made()[0].snapshot()
    assert any((weights[name] - fresh[name]).abs().max() > 5e-3 for name in weights)  # a step of 1e-2 was taken


def test_without_pairs_it_is_the_whole_batchs_step(made):
    model, tokens, batch = made()
    holds(model, 8)
    assert_close(stepped(model, tokens, [batch], classification), by_hand(*made()[:2], [batch], classification))


def test_it_may_come_in_any_batch_of_a_step_and_in_the_backward_pass(made, monkeypatch):
    """What had been summed up before is not counted twice, and no batch is lost or drawn anew."""
    model, tokens, batch = made()
    halves = [Batch(batch.rows[at], batch.targets[at], batch.weights[at]) for at in (slice(16), slice(16, 32))]
    original, calls = model.accelerator.backward, []

    def backward(value):
        original(value)
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported elsewhere")

    monkeypatch.setattr(model.accelerator, "backward", backward)
    weights = stepped(model, tokens, halves, classification)
    assert len(calls) == 2 + 4 and model.limits.micro_batch == 8
    assert_close(weights, by_hand(*made()[:2], [batch], classification))


def test_later_steps_do_not_try_again(made):
    model, tokens, batch = made()
    tried = holds(model, 8)
    for _ in range(2):
        stepped(model, tokens, [batch], classification)
    assert tried == [32, 16] + [8] * 8 and len(model.said) == 2


def test_one_text_that_does_not_fit_is_one_sentence(made):
    model, tokens, batch = made()
    tried = holds(model, 0)
    with pytest.raises(UserError, match="one text at a time.*--max-length.*--batch-size.*--model") as raised:
        stepped(model, tokens, [batch], classification)
    assert tried == [32, 16, 8, 4, 2, 1] and "\n" not in str(raised.value)


def test_other_errors_are_not_taken_for_it(made):
    model, tokens, batch = made()
    tried = holds(model, 8, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        stepped(model, tokens, [batch], classification)
    assert tried == [32]


@pytest.mark.parametrize("what", ["state", "model"])
def test_a_model_that_does_not_fit_is_one_sentence(made, tiny_model, monkeypatch, what):
    def full(*_args, **_kwargs):
        raise torch.OutOfMemoryError(WORDS)

    if what == "model":
        monkeypatch.setattr(torch.nn.Module, "to", full)
        with pytest.raises(UserError, match="too short for the model"):
            EndModel(str(tiny_model), LABELS, device="cpu")
        return
    model, tokens, batch = made()
    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(UserError, match="too short for the model"):
        stepped(model, tokens, [batch], classification)


def test_predictions_and_features_are_the_same_in_smaller_batches(made):
    model, tokens, _ = made()
    rows = np.arange(100)[::-1]
    expected, features = model.predict(tokens, rows), embed(model, tokens, rows)[0]
    done = []
    holds(model, 30)
    np.testing.assert_allclose(model.predict(tokens, rows, done.append), expected, atol=1e-6)
    assert sum(done) == 100  # progress counts no row twice
    assert model.limits.inference_tokens < INFERENCE_TOKENS["cpu"] and len(model.said) >= 1
    assert all("predictions go on with" in said for said in model.said)
    said = len(model.said)
    np.testing.assert_allclose(embed(model, tokens, rows)[0], features, atol=1e-5)
    assert len(model.said) == said  # what fits is known
    holds(model, 0)
    with pytest.raises(UserError, match="one text at a time"):
        model.predict(tokens, rows)


def test_words_are_split_by_their_sequence():
    batch = Batch(np.arange(7), np.eye(7, dtype=np.float32), np.ones(7, np.float32))
    parts = list(batch.split(np.array([5, 5, 2, 2, 2, 9, 9]), 1))
    assert [list(part.rows) for part in parts] == [[2, 3, 4], [0, 1], [5, 6]]
    assert next(batch.split(np.arange(7), 7)) is batch


def test_a_text_that_a_batch_has_several_times_is_split_off_itself(tiny_model, monkeypatch):
    model = EndModel(str(tiny_model), LABELS, device="cpu", precision="fp32", max_length=32)
    forward, sizes = EndModel.forward, []

    def tight(self, tokens, rows):
        sizes.append(len(rows))
        if torch.is_grad_enabled() and len(rows) > 2:
            raise torch.OutOfMemoryError(WORDS)
        return forward(self, tokens, rows)

    monkeypatch.setattr(EndModel, "forward", tight)
    tokens = model.tokenize(reviews(3, 0)[0])
    batch = Batch(np.repeat(np.arange(3), 5), np.full((15, 2), 0.5, np.float32), np.ones(15, np.float32))
    Optimization(model, Schedule(1, 1e-3)).update(
        tokens, iter([batch]), lambda z, _f, y, _w, _rows: soft_cross_entropy(z, y), History()
    )
    assert sum(size for size in sizes if size <= 2) == 15


class Stopped(BaseException):
    """As if the process had been killed."""


def test_a_resumed_run_knows_what_fits(tiny_model, tmp_path, monkeypatch):
    """Bit for bit the run that was not interrupted, and memory is not run out of again."""
    from weakft.training.checkpoints import Checkpoint

    forward, short = EndModel.forward, []

    def tight(self, tokens, rows):
        if torch.is_grad_enabled() and len(rows) > 8:
            short.append(len(rows))
            raise torch.OutOfMemoryError(WORDS)
        return forward(self, tokens, rows)

    def run(name, **more):
        return weakft.train(
            reviews(300, 0)[0], review_lfs(), label_names=LABELS, model=str(tiny_model), output=str(tmp_path / name),
            device="cpu", precision="fp32", max_length=32, initial_steps=60, self_training_steps=30, period=10,
            checkpoint_every=1e-9, learning_rate=2e-3, **more,
        )  # fmt: skip

    monkeypatch.setattr(EndModel, "forward", tight)
    whole = run("whole")
    assert short == [30, 15]  # the covered texts fill their batches evenly
    assert whole.metrics["training"]["micro_batch"] == 7
    offer, offers = Checkpoint.offer, []

    def stop(self, state):
        offer(self, state)
        offers.append(1)
        if len(offers) == 70:  # within self-training: the stage before is read as done
            raise Stopped

    monkeypatch.setattr(Checkpoint, "offer", stop)
    with pytest.raises(Stopped):
        run("cut")
    short.clear()
    cut = run("cut", resume=True)
    assert short == []
    weights = [(r.folder / "model" / "model.safetensors").read_bytes() for r in (whole, cut)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("any words"), True),
        (RuntimeError(WORDS), True),
        (RuntimeError("CUDA error: out of memory\n..."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError(WORDS), False),
    ],
)
def test_which_errors_say_so(error, is_it):
    assert memory.is_out_of_memory(error) is is_it
