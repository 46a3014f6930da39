"""One training loop on one data set, once, in a process of its own: a line of JSON.

    python -m benchmarks.speed.train_once steps weakft youtube     # the self-training step, and what a period begins with
    python -m benchmarks.speed.train_once course cosine youtube    # the whole run, with its accuracy as it goes
    python -m benchmarks.speed.train_once profile weakft youtube   # where a step's time goes

Loops: `weakft`, and `cosine` and `wrench` (see `peers`). Data from `WEAKFT_DATA`. Knows nothing of repetitions and tables.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.peers import BATCH, PEERS
from weakft.data.dataset import Splits
from weakft.data.readers import read_splits
from weakft.data.tables import Columns
from weakft.display import Silent
from weakft.label_models.base import covered, vote_counts

LENGTH = {"youtube": 64, "trec": 32}
"""Tokens that the peers pad to: short of their own defaults (128 and more), which favours them."""

GPU = torch.cuda.is_available()
WARM, STEPS, COUNTED = (4, 400, 8) if GPU else (4, 50, 32)
THEIR_WARM, THEIR_STEPS, LOOK_EVERY = (10, 40, 100) if GPU else (4, 8, 100)
"""The peers' batches are alike, so that fewer steps do. On a GPU ours are as many as a stage has: a shape that comes up
anew is recorded, which takes time.
"""
ADAMW_BYTES = 28
"""What AdamW must move for a parameter, in fp32: weight, gradient and two moments read, all but the gradient written."""
INITIAL, SELF_TRAINING = 150, 300
"""Steps of the peer's stages in a whole run, scaled to this size of data set as in `cosine-published`."""


GROUPS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "dropout's random numbers": ("aten::bernoulli_",),
    "optimizer, clipping": ("adam", "linalg_vector_norm", "foreach", "lerp", "addcdiv", "addcmul", "aten::sqrt"),
    "gradients set to zero": ("aten::fill_", "aten::zero_"),
    "copies, casts": ("aten::copy_",),
}
"""Operators by what they are for; what is in none is the rest (softmax, GELU, layer norms, sums, Python)."""


@cache
def base_sized() -> str:
    """A folder, for as long as this process runs, with a model of RoBERTa-base's size, 12 layers of 768: its random weights
    are as fast as trained ones.
    """
    import transformers

    from weakft.training.backbone import resolve

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    transformers.AutoTokenizer.from_pretrained(resolve("minilm")).save_pretrained(folder.name)
    config = transformers.BertConfig(hidden_size=768, num_hidden_layers=12, num_attention_heads=12)
    transformers.BertForSequenceClassification(config).save_pretrained(folder.name)
    return folder.name


def fastest(compute: Callable[[], torch.Tensor]) -> float:
    """Seconds of the fastest of several times, the device's work included."""
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        float(compute().flatten()[0])
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def matrix_peak(dtype: torch.dtype, device: torch.device) -> float:
    """FLOP a second of a large matrix product."""
    n = 1024 if device.type == "cpu" else 8192
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    return 2 * n**3 / fastest(lambda: a @ b)


def copy_peak(device: torch.device) -> float:
    """Bytes a second, read and written, of a large copy."""
    n = 2**26 if device.type == "cpu" else 2**30
    a, b = (torch.empty(n // 4, device=device).fill_(1.0) for _ in range(2))
    return 2 * n / fastest(lambda: b.copy_(a))


def our_steps(splits: Splits, backbone: str, seed: int = 0, clock: Clock | None = None) -> dict[str, Any]:
    """Seconds of weakft's self-training step, and of the predictions that a period begins with."""
    from weakft.config import TrainConfig, build
    from weakft.training.batching import shuffled_batches
    from weakft.training.checkpoints import Checkpoint
    from weakft.training.loop import Best, Schedule
    from weakft.training.model import EndModel
    from weakft.training.stages import Pool, SelfTraining, self_train

    o = build(TrainConfig, {}, "defaults")
    model = EndModel(backbone, names_of(splits), seed=seed)
    tokens = model.tokenize(splits.train.texts)
    settings = SelfTraining(
        o.period, o.threshold, o.contrastive_weight, o.margin, o.distance, o.smoothing, o.least_selected
    )
    clock = clock or Clock()
    schedule = Schedule(steps=WARM + STEPS, learning_rate=5e-5, batch_size=BATCH, seed=seed)
    settings.period = schedule.steps
    pool = Pool(np.arange(len(tokens)))
    self_train(model, tokens, schedule, settings, pool, Best(), None, clock, Checkpoint())
    rows = np.arange(min(len(tokens), int(settings.pool * o.period * BATCH)))
    start = time.perf_counter()
    model.predict(tokens, rows)
    refresh = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 1024**2 if model.device.type == "cuda" else None
    batches = shuffled_batches(tokens.lengths, BATCH, np.random.default_rng(seed))
    with FlopCounterMode(display=False) as flops:
        for _ in range(COUNTED):
            logits, features = model.forward(tokens, next(batches))
            (logits.sum() + features.sum()).backward()
    learned = sum(p.numel() for p in model.module.parameters()) - model.module.get_input_embeddings().weight.numel()
    learned += len(tokens.vocabulary) * model.module.config.hidden_size  # see weakft.training.vocabulary
    dtype = torch.bfloat16 if model.accelerator.mixed_precision == "bf16" else torch.float32
    return (
        clock.figures()
        | {
            "refresh_s": refresh,
            "period": o.period,
            "gflop": flops.get_total_flops() / COUNTED / 1e9,
            "peak_gflops": matrix_peak(dtype, model.device) / 1e9,
            "gbytes": ADAMW_BYTES * learned / 1e9,
            "peak_gbytes": copy_peak(model.device) / 1e9,
        }
        | ({} if peak is None else {"peak_mb": round(peak)})
    )


class Clock(Silent):
    """Progress that notes when each step ended."""

    def __init__(self, warm: int = WARM) -> None:
        self.ends: list[float] = []
        self.warm = warm

    def advance(self, n: int = 1, note: str = "") -> None:
        """A step is done."""
        self.ends += [time.perf_counter()] * n

    def figures(self) -> dict[str, float]:
        """Mean seconds of a step after the first few (batches differ in length, so no median)."""
        return {"step_s": (self.ends[-1] - self.ends[self.warm - 1]) / (len(self.ends) - self.warm)}


class Profiled(Clock):
    """A clock that profiles the steps that it times."""

    def __init__(self, profiler: Any, steps: int) -> None:
        super().__init__()
        self.profiler, self.steps = profiler, steps

    def advance(self, n: int = 1, note: str = "") -> None:
        """A step is done."""
        super().advance(n, note)
        if len(self.ends) == WARM:
            self.profiler.start()
        if len(self.ends) == WARM + self.steps:
            self.profiler.stop()


def their_steps(name: str, splits: Splits, data: str, backbone: str, clock: Clock | None = None) -> dict[str, Any]:
    """The same of a peer's loop."""
    peer = PEERS[name](backbone, names_of(splits), LENGTH[data], THEIR_WARM + THEIR_STEPS)
    peer.threshold = -1.0  # an untrained model is sure of nothing
    pool = peer.pad(splits.train.texts)
    clock = clock or Clock(THEIR_WARM)
    for _ in peer.self_train(pool, THEIR_WARM + THEIR_STEPS):
        clock.advance()
    start = time.perf_counter()
    peer.refresh(pool)
    if GPU:
        torch.cuda.synchronize()
    return clock.figures() | {"refresh_s": time.perf_counter() - start, "period": peer.period}


def profile(loop: str, splits: Splits, data: str, backbone: str) -> dict[str, Any]:
    """Seconds of a self-training step by what they go into, refreshes left out."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    clock = Profiled(profiler(activities=[ProfilerActivity.CPU]), STEPS if loop == "weakft" else THEIR_STEPS)
    if loop == "weakft":
        our_steps(splits, backbone, clock=clock)
    else:
        their_steps(loop, splits, data, backbone, clock)
    spent = {event.key: event.self_cpu_time_total / 1e6 / clock.steps for event in clock.profiler.key_averages()}
    groups = {
        name: sum(s for key, s in spent.items() if any(p in key for p in parts)) for name, parts in GROUPS.items()
    }
    return {"groups": groups | {"rest": sum(spent.values()) - sum(groups.values())}}


def their_course(name: str, splits: Splits, data: str, seed: int) -> dict[str, Any]:
    """A peer's whole run on the majority vote: seconds and test accuracy at each of its looks, and at the end."""
    assert splits.valid is not None and splits.test is not None and splits.train.votes is not None
    start = time.perf_counter()
    peer = PEERS[name]("minilm", names_of(splits), LENGTH[data], INITIAL, seed)
    L = splits.train.votes
    counts = vote_counts(L, peer.k)[covered(L)]
    noise = np.random.default_rng(seed).random(counts.shape)  # ties at random
    labels = (counts + 0.5 * noise).argmax(1)
    texts = np.asarray(splits.train.texts, dtype=object)
    pool, rules = peer.pad(splits.train.texts), peer.pad(list(texts[covered(L)]))
    parts = {
        "valid": (peer.pad(splits.valid.texts), splits.valid.gold),
        "test": (peer.pad(splits.test.texts), splits.test.gold),
    }
    looks: list[dict[str, Any]] = []

    def look(stage: str, step: int) -> None:
        found = {
            part: float((peer.probabilities(padded).argmax(1) == gold.read("test")).mean())
            for part, (padded, gold) in parts.items()
            if gold is not None
        }
        looks.append({"stage": stage, "step": step, "seconds": round(time.perf_counter() - start, 1)} | found)

    for step in peer.initial(rules, labels, INITIAL):
        if step % LOOK_EVERY == 0 or step == INITIAL:
            look("initial", step)
    for step in peer.self_train(pool, SELF_TRAINING):
        if step % LOOK_EVERY == 0 or step == SELF_TRAINING:
            look("self-training", step)
    return {"looks": looks, "seconds": looks[-1]["seconds"], "accuracy": looks[-1]["test"]}


def our_course(loop: str, data: str, seed: int) -> dict[str, Any]:
    """`weakft train` as it is (`weakft-weak`: with ``--method weak``), every stage: seconds, test accuracy at the end."""
    from weakft.config import TrainConfig, build
    from weakft.inputs import Given
    from weakft.pipeline import train

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        options = {"data": str(folder_of(data)), "votes": "from-data", "seed": seed, "output": f"{folder}/run"}
        method = "weak" if loop == "weakft-weak" else "cosine"
        config = build(TrainConfig, options | {"method": method}, "course")
        run = train(config, Given(), Silent())
    return {"seconds": round(time.perf_counter() - start, 1), "accuracy": run.table[method]["accuracy"]}


def names_of(splits: Splits) -> list[str]:
    """The class names."""
    assert splits.label_names is not None
    return splits.label_names


def folder_of(data: str) -> Path:
    """Where a data set lies."""
    return Path(os.environ.get("WEAKFT_DATA", "../shared/data")) / data


def main(kind: str, loop: str, data: str, seed: int = 0, size: str = "minilm") -> dict[str, Any]:
    """Times in seconds, memory in MB with the interpreter in it."""
    torch.manual_seed(seed)
    if GPU:  # cases come one after another in one process there
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    splits = read_splits(folder_of(data), Columns())
    backbone = base_sized() if size == "base" else size
    if kind == "profile":
        found = profile(loop, splits, data, backbone)
    elif kind == "steps":
        found = our_steps(splits, backbone, seed) if loop == "weakft" else their_steps(loop, splits, data, backbone)
    else:
        found = our_course(loop, data, seed) if loop.startswith("weakft") else their_course(loop, splits, data, seed)
    peak, device = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "cpu"
    if GPU:
        peak, device = torch.cuda.max_memory_allocated() / 1024**2, torch.cuda.get_device_name()
    head = {"kind": kind, "loop": loop, "data": data, "seed": seed, "size": size}
    return head | {"peak_mb": round(peak)} | found | {"threads": torch.get_num_threads(), "device": device}


if __name__ == "__main__":
    kind, loop, data, *rest = sys.argv[1:]
    print(json.dumps(main(kind, loop, data, int(rest[0]) if rest else 0, *rest[1:2])))
