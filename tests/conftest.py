"""Shared fixtures: a tiny local backbone (random weights), the real data folder, small data sets."""

from __future__ import annotations

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a worker a core

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("WEAKFT_DATA", ROOT.parent / "shared" / "data"))

collect_ignore = ["guided_fuzz.py"]
"""A script, that needs atheris and imports everything anew with instruments in it."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the votes that another one, or the person who runs them, has kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets; skips where it is missing."""
    if not DATA.is_dir():
        pytest.skip(f"no data folder {DATA} (set WEAKFT_DATA)")
    return DATA


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with random weights and a word-level vocabulary, as a local model folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = (
        "good great fine nice love bad awful poor hate worse film book song the a was it very so and i x y z".split()
    )
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


GOOD, BAD = ["good", "great", "fine", "nice", "love"], ["bad", "awful", "poor", "hate", "worse"]
FILL = "film book song the a was it very so and i".split()


def reviews(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts with two opinion words among filler, and their labels."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        positive = bool(rng.random() < 0.5)
        words = [*rng.choice(GOOD if positive else BAD, 2), *rng.choice(FILL, int(rng.integers(2, 8)))]
        texts.append(" ".join(rng.permutation(words)))
        labels.append("pos" if positive else "neg")
    return texts, labels


def review_lfs() -> list:
    """Three partial rules of the reviews."""
    from weakft import keywords

    return [
        keywords("likes", ["good", "great", "love"], "pos"),
        keywords("dislikes", ["bad", "awful"], "neg"),
        keywords("hates", ["hate", "nice"], "neg"),
    ]


def outcome(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes], dict[str, Any]]:
    """What of a run must be the same where it is repeated or resumed: weights, tables, metrics without times."""
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics.pop("timing")
    weights = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.safetensors")}
    tables = {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".parquet", ".csv")}
    assert weights and tables
    return weights, tables, metrics


@pytest.fixture
def review_folder(tmp_path: Path) -> Path:
    """The reviews as a folder of files, with rules for them beside it (rules.py)."""
    data = tmp_path / "reviews"
    data.mkdir()
    for name, n, seed in (("train", 150, 0), ("valid", 50, 1), ("test", 80, 2)):
        texts, labels = reviews(n, seed)
        pd.DataFrame({"text": texts, "label": labels}).to_csv(data / f"{name}.csv", index=False)
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\n"
        "a = keywords('likes', ['good', 'great', 'love'], 'pos')\nb = keywords('dislikes', ['bad', 'awful'], 'neg')\n"
        "c = keywords('hates', ['hate', 'nice'], 'neg')\n"
    )
    return data


def line(data: str = "a", method: str = "weak", seed: int = 0, accuracy: float = 0.5, **more: Any) -> dict[str, Any]:
    """A line of a comparison."""
    test = {"accuracy": accuracy, "macro_f1": accuracy / 2, "n": 100}
    return {"data": data, "method": method, "seed": seed, "test": test, "gold_labels_used": 20, **more}
