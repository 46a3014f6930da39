"""Writing a data set in WRENCH's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weakft.data.dataset import Dataset
from weakft.lfs.apply import apply
from weakft.lfs.load import load_file

RULES = Path(__file__).parent.parent.parent / "labeling_functions"
SPLITS = ("train", "valid", "test")


def read(path: Path) -> Any:
    """What a file of the layout holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, content: Any) -> None:
    """Write a file of the layout; the split that is written last, test.json, says that a folder is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_voted(target: Path, splits: Mapping[str, Sequence[tuple[str, int]]], rules_file: str) -> None:
    """Write a folder of texts and class numbers, with the votes of a file of labeling functions."""
    rules = load_file(RULES / rules_file)
    assert rules.label_names is not None
    write(target / "label.json", dict(enumerate(rules.label_names)))
    write(target / "lfs.json", [lf.name for lf in rules.lfs])
    for split, examples in splits.items():
        texts = [text for text, _ in examples]
        L, _ = apply(
            rules.lfs, Dataset(texts=texts, ids=[str(i) for i in range(len(texts))]), rules.label_names, strict=True
        )
        rows = {
            i: {"data": {"text": text}, "label": label, "weak_labels": votes.tolist()}
            for i, ((text, label), votes) in enumerate(zip(examples, L, strict=True))
        }
        write(target / f"{split}.json", rows)
