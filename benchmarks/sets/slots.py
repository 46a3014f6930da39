"""A real data set with any number of labels a text, made of mitr: which types of slots a question names.

    python -m benchmarks.sets mitr-slots                   # writes the folder mitr-slots into benchmarks/data

Texts, gold labels and votes are mitr's own (Liu et al. 2013, votes by WRENCH): a question has the label of each type that a
word of it has, and a labeling function votes for each type that it votes for on a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.sets.layout import SPLITS, read, write
from weakft.tasks.entities import OUTSIDE

NAME = "mitr-slots"
SOURCE = "mitr"


def derive(source: Path, target: Path) -> None:
    """Write the folder, in WRENCH's layout with lists of labels."""
    names = read(source / "label.json")
    types = [name for name in names.values() if name != OUTSIDE]
    number = {int(at): types.index(name) for at, name in names.items() if name != OUTSIDE}
    write(target / "label.json", dict(enumerate(types)))
    if (source / "lfs.json").is_file():
        write(target / "lfs.json", read(source / "lfs.json"))
    for split in SPLITS:
        rows = read(source / f"{split}.json")
        write(target / f"{split}.json", {key: _of_text(row, number) for key, row in rows.items()})


def _of_text(row: dict[str, Any], number: dict[int, int]) -> dict[str, Any]:
    def types(classes: list[int]) -> list[int]:
        return sorted({number[c] for c in classes if c in number})

    votes = [types(list(of_lf)) for of_lf in zip(*row["weak_labels"], strict=True)]
    return {
        "data": {"text": " ".join(row["data"]["text"])},
        "label": types(row["label"]),
        "weak_labels": [found or -1 for found in votes],
    }
