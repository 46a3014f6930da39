"""The end model: a classifier on its device, with predictions, checkpoints in memory, and saving."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from safetensors import SafetensorError

from weakft.data.labels import CLASSES
from weakft.errors import UserError
from weakft.tasks import restored
from weakft.tasks.base import Task
from weakft.tasks.classification import Classification
from weakft.tasks.multilabel import MultiLabel
from weakft.training.backbone import FeatureTap, load_classifier
from weakft.training.batching import TokenizedLabels, TokenizedTexts, TokenizedWords, tokenized
from weakft.training.calibration import Calibration
from weakft.training.memory import Limits, in_memory, needed

INFERENCE_TOKENS = {"cpu": 2048, "gpu": 65536}
"""Tokens, padding included, of a batch without gradients: what fits the caches of a CPU, or fills a GPU."""

SETTINGS = "weakft"
"""Under this name a model's config keeps the task."""

Precision = Literal["auto", "fp32", "bf16"]


def choose_precision(precision: Precision, device: str) -> Literal["no", "bf16"]:
    """accelerate's name for the precision; ``auto`` is bf16 where the GPU or the CPU computes it natively."""
    if precision != "auto":
        return "bf16" if precision == "bf16" else "no"
    if device == "cpu" or not torch.cuda.is_available():
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if native else "no"
    return "bf16" if torch.cuda.is_bf16_supported() else "no"


def no_and_yes(logits: np.ndarray) -> np.ndarray:
    """Logits [n, q] of q labels as those of the classes no and yes of their rows [n q, 2]."""
    return np.stack([np.zeros_like(logits), logits], axis=-1).reshape(-1, len(CLASSES))


def _positions(module: torch.nn.Module) -> int | None:
    """How many tokens a text may have, if that is limited. RoBERTa's positions begin behind that of its padding."""
    most: int | None = getattr(module.config, "max_position_embeddings", None)
    embeddings = (part for name, part in module.named_modules() if name.endswith("position_embeddings"))
    padding = next((idx for part in embeddings if (idx := getattr(part, "padding_idx", None)) is not None), -1)
    return most - padding - 1 if most and most > 0 else None


def _foreign(config: dict[str, Any], folder: Path, outputs: int) -> dict[str, str]:
    """What `Task.settings` would be for a model folder that weakft did not write."""
    problem = config.get("problem_type")
    if problem == "regression" or outputs < 2:
        raise UserError(f"{folder}: has {outputs} output and no classes (a regression); expected a classifier.")
    return {"task": MultiLabel.name} if problem == "multi_label_classification" else {}


class EndModel:
    """A sequence classifier with a fresh head, its tokenizer, and the accelerator it runs on.

    Parameters
    ----------
    backbone : "minilm", a hub name or a folder.   label_names : the head's outputs: the k classes in their order, or the
    labels of which a text can have any number.
    max_length : tokens kept of a text; None: as many as the tokenizer says.
    seed : seeds Python, NumPy and torch before the head is drawn.   device : "auto" or "cpu".
    task : how texts are shown and where the class is read; None: whole texts.   trained : the head is there already.

    Raises
    ------
    UserError : there is no such backbone, its files are damaged or of another kind, or its tokenizer cannot say which token
        is of which word, where the task asks that.
    """

    def __init__(
        self,
        backbone: str,
        label_names: list[str],
        *,
        seed: int = 0,
        max_length: int | None = 128,
        precision: Precision = "auto",
        device: Literal["auto", "cpu"] = "auto",
        task: Task | None = None,
        trained: bool = False,
    ) -> None:
        if not trained:  # else nothing is drawn
            set_seed(seed)
        AcceleratorState._reset_state(reset_partial_state=True)  # precision is global there; runs must not inherit it
        self.accelerator = Accelerator(
            cpu=device == "cpu",
            mixed_precision=choose_precision(precision, device),
        )
        self.label_names = label_names
        self.task = task or Classification()
        self.tokenizer, self.module = load_classifier(
            backbone,
            label_names,
            self.task.head,
            [*self.task.opens, *self.task.closes],
            trained,
            self.task.problem,
            self.task.of_words,
        )
        if self.task.aligned and not self.tokenizer.is_fast:
            raise UserError(
                f"--model {backbone}: its tokenizer ({type(self.tokenizer).__name__}) is written in Python and cannot say "
                f"where tokens come from, which --task {self.task.name} needs; use a model with a tokenizer.json."
            )
        self.anchors: list[int] = self.tokenizer.convert_tokens_to_ids(self.task.opens)
        self._anchors = torch.tensor(self.anchors, device=self.device)
        positions = _positions(self.module) or self.tokenizer.model_max_length
        self.max_length = min(positions, self.tokenizer.model_max_length, max_length or positions)
        self.limits = Limits(INFERENCE_TOKENS["cpu" if self.device.type == "cpu" else "gpu"])
        self.say: Callable[[str], None] = partial(print, file=sys.stderr)
        with needed():
            self.module.to(self.accelerator.device)
        if (
            self.device.type == "cpu"
        ):  # the fused kernel has no dropout there, and loses to plain products on short texts
            self.module.set_attn_implementation("eager")
        self.tap = FeatureTap(self.module, len(label_names))

    @classmethod
    def load(cls, folder: Path) -> EndModel:
        """A trained model from a model folder, with the class names of its config.

        Raises
        ------
        UserError : there is no such folder, or its config is not that of a sequence classifier.
        """
        if not folder.is_dir():
            raise UserError(f"There is no model folder {folder}.")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            names = config["id2label"]
            label_names = [str(names[str(i)]) for i in range(len(names))]
            task = restored(config.get(SETTINGS) or _foreign(config, folder, len(label_names)))
        except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
            raise UserError(f"{folder / 'config.json'}: expected the config of a classifier with id2label.") from error
        return cls(str(folder), label_names, max_length=None, task=task, trained=True)

    @property
    def classes(self) -> list[str]:
        """The names of a row's k classes: the label names, or where a text can have any number of labels no and yes."""
        return self.label_names if self.task.exclusive else CLASSES

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.accelerator.device

    @property
    def device_name(self) -> str:
        """What the GPU is called, or cpu."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else str(self.device)

    def tokenize(self, texts: list[str]) -> TokenizedTexts:
        """Tokenize once, cut to the model's length.

        Raises
        ------
        BadText : a text that does not fit the task.
        """
        tokens = tokenized(self.task.shown(texts), self.tokenizer, self.max_length, self.anchors)
        return tokens if self.task.exclusive else TokenizedLabels(tokens, len(self.label_names))

    def forward(self, tokens: TokenizedTexts, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (logits [b, k], features v(x) [b, d]) of some rows, in fp32, with gradient where enabled."""
        logits, features = self.outputs(*self.collate(tokens, rows))
        if tokens.kinds > 1:
            asked = torch.from_numpy(rows % tokens.kinds).to(self.device)
            logits = F.pad(logits.gather(1, asked[:, None]), (1, 0))  # the softmax of 0 and z is the sigmoid of z
        return logits, features

    def outputs(
        self, inputs: dict[str, torch.Tensor], place: tuple[torch.Tensor, ...] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the head gives and what it reads for what `collate` returns, both [b, .] in fp32."""
        with self.accelerator.autocast():
            logits = self.module(**inputs).logits
        assert self.tap.features is not None
        return self.read(inputs, logits, place).float(), self.read(inputs, self.tap.features, place).float()

    def collate(
        self, tokens: TokenizedTexts, rows: np.ndarray
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, ...] | None]:
        """What the encoder takes for some rows; where a sequence has several, the sequence (of words, also the token) of
        each.
        """
        if not isinstance(tokens, (TokenizedWords, TokenizedLabels)):
            return tokens.collate(rows, self.device), None
        sequences, place = np.unique(tokens.sequence[rows], return_inverse=True)
        at = [place, tokens.position[rows]] if isinstance(tokens, TokenizedWords) else [place]
        return tokens.collate(sequences, self.device), tuple(torch.from_numpy(a).to(self.device) for a in at)

    def read(
        self,
        inputs: dict[str, torch.Tensor],
        values: torch.Tensor,
        place: tuple[torch.Tensor, ...] | None,
    ) -> torch.Tensor:
        """What the head gives or reads, a vector a row [b, d]: at the word, as a mean over the anchors, or of the text."""
        if place is not None:
            return values[place]
        if not self.anchors:
            return values
        at = torch.isin(inputs["input_ids"], self._anchors)
        share = at / at.sum(-1, keepdim=True).clamp_min(1)
        return torch.einsum("bt,btd->bd", share.to(values.dtype), values)

    @torch.inference_mode()
    def predict(
        self,
        tokens: TokenizedTexts,
        rows: np.ndarray | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Class probabilities float32 [n, k] of all rows or some, in large padded batches; no dropout."""
        rows = np.arange(len(tokens)) if rows is None else np.asarray(rows)
        probabilities = np.zeros((len(rows), len(self.classes)), dtype=np.float32)
        was_training = self.module.training
        self.module.eval()

        def fill(batch: np.ndarray) -> None:
            logits, _ = self.forward(tokens, rows[batch])
            probabilities[batch] = logits.softmax(-1).cpu().numpy()
            if advance is not None:
                advance(len(batch))

        self.in_batches(tokens, rows, fill)
        self.module.train(was_training)
        return probabilities

    def in_batches(self, tokens: TokenizedTexts, rows: np.ndarray, compute: Callable[[np.ndarray], None]) -> None:
        """Call ``compute`` with positions in ``rows``, batch by batch as they fit, until each was in one that went through.

        Raises
        ------
        UserError : the memory is too short for one sequence.
        """
        waiting = np.ones(len(rows), dtype=bool)

        def the_rest(size: int) -> None:
            left = np.flatnonzero(waiting)
            for batch in tokens.batches(rows[left], size):
                compute(left[batch])
                waiting[left[batch]] = False

        def halved(size: int) -> None:
            self.limits.inference_tokens = size
            self.say(f"Memory is too short: predictions go on with {size} tokens at a time.")

        longest = int(tokens.lengths.max(initial=1))
        in_memory(the_rest, self.limits.inference_tokens, longest, halved)

    @contextmanager
    def frozen_encoder(self) -> Iterator[None]:
        """In this block only the head learns."""
        encoder = list(self.module.base_model.parameters())
        for parameter in encoder:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in encoder:
                parameter.requires_grad_(True)

    def snapshot(self) -> dict[str, Any]:
        """A copy of the weights, in host memory."""
        weights = self.module.state_dict().items()
        copies = {name: value.detach().to("cpu", copy=True, non_blocking=True) for name, value in weights}
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return copies

    def restore(self, weights: dict[str, Any]) -> None:
        """Load a `snapshot`."""
        self.module.load_state_dict(weights)

    def average(self, weights: dict[str, Any], share: float) -> None:
        """Load the mean of a `snapshot`, with a ``share``, and the weights as they are. Of models that were fine-tuned from
        the same pre-trained weights it predicts about as their mean does (model soups, Wortsman et al. 2022).
        """
        now = self.snapshot()
        mean = {name: torch.lerp(w, weights[name], share) for name, w in now.items() if w.is_floating_point()}
        self.restore(now | mean)

    @torch.no_grad()
    def calibrate(self, calibration: Calibration) -> bool:
        """Make the head's last layer say what a calibration of this model's predictions alone would make of them; False, and
        nothing is done, where that layer has no bias.
        """
        head = self.tap.head
        if head.bias is None:
            return False
        weights = torch.from_numpy(calibration.weights[0]).to(head.weight)
        offsets = torch.from_numpy(calibration.offsets).to(head.bias)
        head.weight.copy_(weights[:, None] * (head.weight - head.weight.mean(0)))
        head.bias.copy_(weights * (head.bias - head.bias.mean()) + offsets)
        return True

    def save(self, folder: Path) -> None:
        """Write a standard Hugging Face model folder: safetensors, config with id2label, tokenizer.

        Raises
        ------
        OSError : it cannot be written.
        """
        setattr(self.module.config, SETTINGS, self.task.settings())
        try:
            self.module.save_pretrained(folder)
        except SafetensorError as error:  # its word for a full disk
            raise OSError(str(error)) from error
        self.tokenizer.model_max_length = self.max_length  # so that whoever loads it truncates as in training
        self.tokenizer.save_pretrained(folder)
