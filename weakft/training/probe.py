"""A linear probe on the frozen encoder, self-trained: seconds of work that clean the weak labels before fine-tuning.

Fine-tuning fits whatever regularity the rules have, their mistakes too, and is then sure of them. A linear classifier
on frozen features cannot: it has to agree with what lies close by. So the votes' soft labels are first passed through a
probe that self-trains with the same sharpening, confidence and selection as the end model, and the validation split
picks which of its rounds (if any) the end model starts from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from weakft.tasks.classification import log_loss, measure
from weakft.training.batching import TokenizedTexts, length_sorted_batches
from weakft.training.loop import Progress
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import select

ROUNDS = 8
THRESHOLDS = (0.3, 0.6)
L2 = 1e-3
ITERATIONS = 30


@torch.inference_mode()
def embed(model: EndModel, tokens: TokenizedTexts, progress: Progress | None = None) -> np.ndarray:
    """Frozen features float32 [n, 2d]: token means of the last and of the middle hidden layer, each of length 1."""
    model.module.eval()
    encoder = getattr(model.module, model.module.base_model_prefix)
    parts: np.ndarray | None = None
    for batch in length_sorted_batches(tokens.lengths, 4096 if model.device.type == "cpu" else 65536):
        inputs = tokens.collate(batch, model.device)
        with model.accelerator.autocast():
            states = encoder(**inputs, output_hidden_states=True).hidden_states
        mask = inputs["attention_mask"].unsqueeze(-1).float()
        means = [(s.float() * mask).sum(1) / mask.sum(1) for s in (states[-1], states[len(states) // 2])]
        vectors = torch.cat([F.normalize(m, dim=-1) for m in means], dim=-1).cpu().numpy()
        if parts is None:
            parts = np.zeros((len(tokens), vectors.shape[1]), dtype=np.float32)
        parts[batch] = vectors
        if progress is not None:
            progress.advance(len(batch))
    assert parts is not None
    return parts


class LinearProbe:
    """Multinomial logistic regression on soft labels, fitted by L-BFGS; fitting again starts from the last weights."""

    def __init__(self, dimensions: int, n_classes: int) -> None:
        self.linear = torch.nn.Linear(dimensions, n_classes)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def fit(self, x: Tensor, targets: np.ndarray, weights: np.ndarray) -> None:
        """Minimise the weighted mean cross-entropy to ``targets`` [n, k] on ``x`` [n, d], plus L2 on the weights."""
        y, w = torch.from_numpy(np.asarray(targets, np.float32)), torch.from_numpy(np.asarray(weights, np.float32))
        w = w / w.sum().clamp_min(1e-8)
        optimizer = torch.optim.LBFGS(self.linear.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = -(w * (y * F.log_softmax(self.linear(x), dim=-1)).sum(-1)).sum()
            value = value + L2 * self.linear.weight.pow(2).sum()
            value.backward()
            return value

        optimizer.step(closure)

    @torch.no_grad()
    def predict(self, x: Tensor) -> np.ndarray:
        """Class probabilities float32 [n, k]."""
        return self.linear(x).softmax(-1).numpy()


@dataclass
class ProbeResult:
    """Which probe round was chosen, and its predictions (before sharpening) for the training and validation rows."""

    round: int
    threshold: float
    balance: str
    accuracy: float
    log_loss: float
    predictions: np.ndarray
    valid_predictions: np.ndarray
    class_balance: np.ndarray | None


def rounds(
    x: Tensor, rows: np.ndarray, soft_labels: np.ndarray, threshold: float, class_balance: np.ndarray | None
) -> Iterator[tuple[int, LinearProbe]]:
    """Yield (round, probe): round 0 fitted on ``soft_labels`` of ``rows``, then on its own selected pseudo-labels."""
    probe = LinearProbe(x.shape[1], soft_labels.shape[1])
    probe.fit(x[rows], soft_labels, np.ones(len(rows)))
    yield 0, probe
    everything = np.arange(len(x))
    for r in range(1, ROUNDS + 1):
        chosen = select(everything, probe.predict(x), threshold, class_balance)
        if len(chosen.rows) < 2 or len(np.unique(chosen.targets.argmax(1))) < 2:
            return
        probe.fit(x[chosen.rows], chosen.targets, chosen.weights)
        yield r, probe


def self_trained_probe(
    features: np.ndarray,
    rows: np.ndarray,
    soft_labels: np.ndarray,
    valid_features: np.ndarray,
    valid_gold: np.ndarray,
    balances: dict[str, np.ndarray | None],
) -> ProbeResult:
    """Self-train probes under every threshold and class balance; the validation split's accuracy picks the round.

    features : [n, d] of all training rows.   rows : the covered ones, with ``soft_labels`` [len(rows), k].
    The log-loss breaks ties.
    """
    mean, scale = features.mean(0), features.std(0).mean() + 1e-8
    x, valid = (torch.from_numpy((f - mean) / scale) for f in (features, valid_features))
    best: ProbeResult | None = None
    for name, balance in balances.items():
        for threshold in THRESHOLDS:
            for r, probe in rounds(x, rows, soft_labels, threshold, balance):
                p = probe.predict(valid)
                accuracy, loss = measure(p, valid_gold)["accuracy"], log_loss(p, valid_gold, floor=0.01)
                if best is None or (accuracy, -loss) > (best.accuracy, -best.log_loss):
                    best = ProbeResult(r, threshold, name, accuracy, loss, probe.predict(x), p, balance)
    assert best is not None
    return best
