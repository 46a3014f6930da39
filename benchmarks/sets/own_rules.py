"""ChemProt with the votes of other rules: those of labeling_functions/chemprot.py in place of the published ones.

    python -m benchmarks.sets chemprot-rules               # writes the folder chemprot-rules into benchmarks/data

Texts and gold labels are ChemProt's own. The rules were mended where the validation split showed the published keywords
wrong, as a user would mend them; the training and test splits were not looked at.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.sets.layout import SPLITS, read, write_voted

NAME = "chemprot-rules"
SOURCE = "chemprot"


def derive(source: Path, target: Path) -> None:
    """Write the folder's texts and gold labels with the votes of the rules."""
    splits = {
        split: [(row["data"]["text"], row["label"]) for row in read(source / f"{split}.json").values()]
        for split in SPLITS
    }
    write_voted(target, splits, "chemprot.py")
