"""A real data set with any number of labels a text, made of mitr: which types of slots a question names.

    python -m benchmarks.slots                             # writes the folder mitr-slots into benchmarks/data

Texts, gold labels and votes are mitr's own (Liu et al. 2013, votes by WRENCH): a question has the label of each type that a
word of it has, and a labeling function votes for each type that it votes for on a word.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from weakft.tasks.entities import OUTSIDE

NAME = "mitr-slots"
FOLDER = Path(__file__).parent / "data"
SOURCE = "mitr"


def derive(source: Path, target: Path) -> None:
    """Write the folder, in WRENCH's layout with lists of labels."""
    names = json.loads((source / "label.json").read_text(encoding="utf-8"))
    types = [name for name in names.values() if name != OUTSIDE]
    number = {int(at): types.index(name) for at, name in names.items() if name != OUTSIDE}
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "label.json", dict(enumerate(types)))
    if (source / "lfs.json").is_file():
        _write(target / "lfs.json", json.loads((source / "lfs.json").read_text(encoding="utf-8")))
    for split in ("train", "valid", "test"):
        rows = json.loads((source / f"{split}.json").read_text(encoding="utf-8"))
        _write(target / f"{split}.json", {key: _of_text(row, number) for key, row in rows.items()})


def _of_text(row: dict[str, Any], number: dict[int, int]) -> dict[str, Any]:
    def types(classes: list[int]) -> list[int]:
        return sorted({number[c] for c in classes if c in number})

    votes = [types(list(of_lf)) for of_lf in zip(*row["weak_labels"], strict=True)]
    return {
        "data": {"text": " ".join(row["data"]["text"])},
        "label": types(row["label"]),
        "weak_labels": [found or -1 for found in votes],
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def folder(root: Path) -> Path:
    """The data set's folder, made from mitr in ``root`` where it is not there yet."""
    target = FOLDER / NAME
    if not (target / "test.json").is_file():
        derive(root / SOURCE, target)
    return target


if __name__ == "__main__":
    print(folder(Path(os.environ.get("WEAKFT_DATA", "../shared/data"))))
