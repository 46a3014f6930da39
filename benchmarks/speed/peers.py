"""The training loops of COSINE's code and of WRENCH, written anew after their descriptions, to be timed beside ours.

Neither project is on a package index. What costs time is done as they do it (yueyu1030/COSINE `trainer.py`,
JieyuZ2/wrench `endmodel/cosine.py`): batches drawn at random, whatever the texts' lengths, fp32, and

- COSINE: every text is padded to one length; a frozen copy of the student, refreshed every period, reads each batch too;
  validation *and* test split are evaluated every 100 steps;
- WRENCH: every text is padded to the longest of its batch; a refresh predicts the pool in data-set order until a period's
  rows are confident; no second pass a step, no clipping, a constant step size.

The losses are theirs with their flaws (entropy over log of the batch size, sums over the batch, the contrastive term on
the teacher's features in COSINE's; softmax of probabilities in WRENCH's).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from weakft.training.backbone import FeatureTap, load_classifier

BATCH = 32
RATE, DECAY = 5e-5, 1e-4


@dataclass
class Padded:
    """Token ids and masks [n, length] of a split. shorten : batches are cut to their longest text."""

    ids: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    shorten: bool = False

    def inputs(self, rows: Any) -> dict[str, Tensor]:
        """What the model reads of some rows, padded to the one length, or to their longest."""
        mask = self.mask[rows]
        end = int(mask.sum(1).max()) if self.shorten else mask.shape[1]
        return {"input_ids": self.ids[rows, :end], "attention_mask": mask[:, :end]}


class Peer:
    """What both loops share: the model, its optimizer with linear decay, padded splits."""

    period: int
    threshold: float
    shorten = False
    clip: float | None = 1.0
    decays = True

    def __init__(self, backbone: str, names: list[str], length: int, steps: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer, self.model = load_classifier(backbone, names)
        self.model.to(self.device)
        self.length, self.k = length, len(names)
        self.random = torch.Generator().manual_seed(seed)
        self.restart(steps)

    def restart(self, steps: int) -> None:
        """A new optimizer for a stage of so many steps."""
        no_decay = ("bias", "LayerNorm.weight")
        named = list(self.model.named_parameters())
        groups = [
            {"params": [p for n, p in named if not n.endswith(no_decay)], "weight_decay": DECAY},
            {"params": [p for n, p in named if n.endswith(no_decay)], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE)
        decays = self.decays
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda i: max(0.0, 1 - i / steps) if decays else 1.0
        )

    def pad(self, texts: list[str]) -> Padded:
        """Tokenize a split, every text to ``length``."""
        found = self.tokenizer(
            texts, truncation=True, max_length=self.length, padding="max_length", return_tensors="pt"
        )
        return Padded(found["input_ids"].to(self.device), found["attention_mask"].to(self.device), self.shorten)

    def batches(self, n: int) -> Iterator[Tensor]:
        """Random batches of positions, for ever."""
        while True:
            order = torch.randperm(n, generator=self.random)
            yield from order.split(BATCH)

    def update(self, loss: Tensor) -> None:
        """One optimizer step; the loss is read back each step, for the progress bar."""
        loss.backward()
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        self.schedule.step()
        self.model.zero_grad()
        loss.item()

    @torch.no_grad()
    def probabilities(self, data: Padded) -> np.ndarray:
        """Class probabilities [n, k], in order, in batches of the training size."""
        self.model.eval()
        parts = [self.model(**data.inputs(slice(i, i + BATCH))).logits for i in range(0, len(data), BATCH)]
        self.model.train()
        return torch.cat(parts).softmax(-1).cpu().numpy()

    def initial(self, data: Padded, labels: np.ndarray, steps: int) -> Iterator[int]:
        """The first stage: fine-tuning on hard weak labels of the covered rows; yields each step's number."""
        targets = F.one_hot(torch.from_numpy(labels), self.k).float().to(self.device)
        self.model.train()
        for step, rows in enumerate(self.batches(len(data)), 1):
            logits = self.model(**data.inputs(rows)).logits
            self.update(F.kl_div(F.log_softmax(logits, -1), targets[rows], reduction="batchmean"))
            yield step
            if step >= steps:
                return

    def refresh(self, data: Padded) -> object:
        """What a period begins with, beyond its steps."""
        raise NotImplementedError

    def self_train(self, data: Padded, steps: int) -> Iterator[int]:
        """The second stage; yields each step's number."""
        raise NotImplementedError


def sharpened(p: Tensor) -> Tensor:
    """Squared, divided by the batch's class frequency, normalised."""
    t = p**2 / p.sum(0) + 1e-10
    return t / t.sum(-1, keepdim=True)


def pairs(student: Tensor, features: Tensor, distance: str, generator: torch.Generator) -> Tensor:
    """Each row against one other of a random permutation: pulled together where the student's classes agree."""
    other = torch.randperm(len(student), generator=generator)
    agree = (student.argmax(1) == student[other].argmax(1)).float()
    if distance == "cosine":
        d = 1 - F.cosine_similarity(features, features[other], dim=-1)
        squared = d**2
    else:
        squared = (features - features[other]).pow(2).mean(1)
        d = (squared + 1e-9).sqrt()
    return 0.5 * (agree * squared + (1 - agree) * F.relu(1 - d).pow(2)).mean()


class Cosine(Peer):
    """COSINE's own second stage."""

    period, threshold, smoothing = 50, 0.6, 0.1

    def refresh(self, data: Padded) -> Any:
        """A frozen copy of the student."""
        return copy.deepcopy(self.model).eval().requires_grad_(False)

    def self_train(self, data: Padded, steps: int) -> Iterator[int]:
        """Student and teacher read every batch."""
        self.restart(steps)
        self.model.train()
        for step, rows in enumerate(self.batches(len(data)), 1):
            if (step - 1) % self.period == 0:
                teacher = self.refresh(data)
                seen = FeatureTap(teacher, self.k)
            inputs = data.inputs(rows)
            log_f = F.log_softmax(self.model(**inputs).logits, -1)
            p = teacher(**inputs).logits.softmax(-1)
            weight = 1 + (torch.log(p + 1e-6) * p).sum(1) / math.log(len(p))
            chosen = (weight > self.threshold).float()
            losses = F.kl_div(log_f, sharpened(p), reduction="none") * (chosen * weight)[:, None]
            loss = losses.sum() - self.smoothing * ((log_f * chosen[:, None]).sum() + math.log(self.k) * self.k)
            kept = chosen.nonzero()[:, 0]
            if len(kept):
                assert seen.features is not None
                loss = loss + pairs(log_f[kept], seen.features[kept], "cosine", self.random)
            self.update(loss)
            yield step
            if step >= steps:
                return


class Wrench(Peer):
    """WRENCH's second stage."""

    period, threshold, smoothing = 100, 0.7, 0.1
    shorten, clip, decays = True, None, False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tap = FeatureTap(self.model, self.k)

    @torch.no_grad()
    def refresh(self, data: Padded) -> tuple[Tensor, Tensor]:
        """Rows in order of the data set until a period's need is met, and their probabilities."""
        self.model.eval()
        rows: list[int] = []
        kept: list[Tensor] = []
        for start in range(0, len(data), BATCH):
            p = self.model(**data.inputs(slice(start, start + BATCH))).logits.softmax(-1)
            sure = 1 + (torch.log(p + 1e-5) * p).sum(1) / math.log(self.k) > self.threshold
            rows += (start + sure.nonzero()[:, 0]).tolist()
            kept.append(p[sure])
            if len(rows) > BATCH * self.period:
                break
        self.model.train()
        return torch.tensor(rows, dtype=torch.long), torch.cat(kept)

    def self_train(self, data: Padded, steps: int) -> Iterator[int]:
        """The student reads batches of the rows that the last refresh found."""
        self.restart(steps)
        for step in range(1, steps + 1):
            if (step - 1) % self.period == 0:
                rows, labels = self.refresh(data)
                if not len(rows):
                    return
                batches = self.batches(len(rows))
            picked = next(batches)
            log_f = F.log_softmax(self.model(**data.inputs(rows[picked])).logits, -1)
            p = labels[picked].softmax(-1)
            weight = 1 + (torch.log(p + 1e-6) * p).sum(1) / math.log(self.k)
            loss = (F.kl_div(log_f, sharpened(p), reduction="none") * weight[:, None]).sum()
            loss = loss - self.smoothing * (log_f.sum() + math.log(self.k) * self.k)
            assert self.tap.features is not None
            loss = loss + pairs(log_f, self.tap.features, "euclidean", self.random)
            self.update(loss)
            yield step


PEERS: dict[str, type[Cosine] | type[Wrench]] = {"cosine": Cosine, "wrench": Wrench}
