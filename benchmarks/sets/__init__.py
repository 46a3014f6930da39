"""Data sets that are made of others: one file each, with the name of the folder that it writes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.sets import mails, own_rules, slots

MADE = {module.NAME: module for module in (slots, own_rules, mails)}
"""What makes them, by the data set's name: ``make(root)`` writes its folder, from those in ``root`` if it is made of one."""


def folder(name: str, root: Path) -> Path:
    """A data set's folder: the one in ``root``, or one made where it is not there yet."""
    if name not in MADE:
        return root / name
    made = MADE[name]
    if not (made.FOLDER / "test.json").is_file():
        made.make(root)
    return made.FOLDER
