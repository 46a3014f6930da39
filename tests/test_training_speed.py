"""The peers' loops do what is said of them, and the committed tables are what the committed runs give."""

import json

import numpy as np
import pytest
import torch

from benchmarks.speed import peers, train_once, training
from weakft.data.dataset import Dataset, Gold, Splits

TEXTS = ["good film", "bad film", "a nice book it was", "the worse song", "love", "hate it"] * 8
LABELS = np.array([1, 0, 1, 0, 1, 0] * 8)


def test_the_page_is_generated_from_the_runs():
    runs = json.loads(training.RUNS.read_text(encoding="utf-8"))
    assert {training.key_of(run) for run in runs} <= {*training.plan(5, gpu=True), *training.plan(5, gpu=False)}
    page = training.PAGE.read_text(encoding="utf-8")
    assert training.render(page, runs) == page


def test_ratios_are_theirs_over_ours():
    def run(loop, step, refresh, period):
        figures = {"step_s": step, "refresh_s": refresh, "period": period, "gflop": 8.0, "peak_gflops": 40.0}
        head = {"kind": "steps", "loop": loop, "data": "trec", "seed": 0, "size": "minilm", "device": "cpu"}
        return head | figures | {"peak_mb": 1000}

    runs = [run("weakft", s, 10.0, 100) for s in (0.3, 0.2, 9.0)] + [run("cosine", 1.8, 0.0, 50)]
    found = training.medians(runs)
    assert found["cpu", "minilm", "trec", "weakft"]["step_s"] == 0.3
    rows = training.steps_table(found)
    assert [cell.strip() for cell in rows[3].split("|")][8:10] == ["6.0", "4.5"]  # 1.8 / 0.3, and 1.8 / (0.3 + 0.1)
    assert "67%" in training.floor_table(found)[2]  # 8 / 40 over 0.3


def test_sharpening_squares_and_divides_by_frequency():
    p = torch.tensor([[0.8, 0.2], [0.4, 0.6]])
    expected = np.array([[0.64 / 1.2, 0.04 / 0.8], [0.16 / 1.2, 0.36 / 0.8]])
    expected /= expected.sum(1, keepdims=True)
    assert np.allclose(peers.sharpened(p), expected, atol=1e-6)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_pairs_pull_together_and_push_apart(distance):
    student = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    features = torch.tensor([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0], [0.0, 1.0]])
    other = torch.randperm(4, generator=torch.Generator().manual_seed(16))
    expected = []
    for i, j in enumerate(other):
        v, w = features[i].numpy(), features[j].numpy()
        d = 1 - v @ w if distance == "cosine" else np.sqrt(((v - w) ** 2).mean() + 1e-9)
        same = (i < 2) == (int(j) < 2)
        expected.append(0.5 * (d**2 if same else max(0.0, 1 - d) ** 2))
    assert {(i < 2) == (int(j) < 2) for i, j in enumerate(other)} == {True, False}  # both kinds of pairs
    found = float(peers.pairs(student, features, distance, torch.Generator().manual_seed(16)))
    assert found == pytest.approx(np.mean(expected), abs=1e-4)


@pytest.mark.parametrize("name", ["cosine", "wrench"])
def test_a_peer_pads_and_trains(tiny_model, name):
    peer = peers.PEERS[name](str(tiny_model), ["neg", "pos"], 16, 6)
    peer.threshold = -1.0
    data = peer.pad(TEXTS)
    assert data.ids.shape == (len(TEXTS), 16)
    assert data.inputs([0, 1])["input_ids"].shape[1] == (16 if name == "cosine" else 4)  # [CLS] good film [SEP]
    before = {key: value.clone() for key, value in peer.model.state_dict().items()}
    assert list(peer.initial(data, LABELS, 4)) == [1, 2, 3, 4]
    assert list(peer.self_train(data, 6)) == [1, 2, 3, 4, 5, 6]
    assert any(not torch.equal(before[key], value) for key, value in peer.model.state_dict().items())
    assert peer.probabilities(data).sum(1) == pytest.approx(1.0, abs=1e-5)


def test_cosines_teacher_is_frozen_and_reads_no_dropout(tiny_model):
    peer = peers.Cosine(str(tiny_model), ["neg", "pos"], 16, 6)
    teacher = peer.refresh(peer.pad(TEXTS[:4]))
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in peer.model.parameters())


def test_wrench_stops_where_a_period_is_met(tiny_model):
    peer = peers.Wrench(str(tiny_model), ["neg", "pos"], 16, 6)
    peer.threshold, peer.period = -1.0, 1
    rows, labels = peer.refresh(peer.pad(TEXTS * 4))
    assert rows.tolist() == list(range(2 * peers.BATCH)) and labels.shape == (2 * peers.BATCH, 2)


def test_ours_is_timed_and_profiled(tiny_model, monkeypatch):
    monkeypatch.setattr(train_once, "matrix_peak", lambda *_: 1e9)
    gold = Gold(LABELS)
    splits = Splits(Dataset(TEXTS, [str(i) for i in range(len(TEXTS))], gold=gold), label_names=["neg", "pos"])
    figures = train_once.our_steps(splits, str(tiny_model))
    assert figures["step_s"] > 0 and figures["gflop"] > 0 and figures["period"] == 100
    assert not gold.reads
    groups = train_once.profile("weakft", splits, "trec", str(tiny_model))["groups"]
    assert groups["matrix products"] > 0 and groups["rest"] > 0
    assert train_once.their_steps("cosine", splits, "trec", str(tiny_model))["period"] == 50
