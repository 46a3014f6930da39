"""Data sets that are made of others: one file each, with their `NAME`, the `SOURCE` they are made of, and `derive`."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.sets import mails, own_rules, slots

MADE = {module.NAME: module for module in (slots, own_rules, mails)}
DATA = Path(__file__).parent.parent / "data"
"""Where their folders go."""


def folder(name: str) -> Path:
    """A data set's folder: the one in WEAKFT_DATA (default ../shared/data), or one made of another there."""
    root = Path(os.environ.get("WEAKFT_DATA", "../shared/data"))
    if name not in MADE:
        return root / name
    target = DATA / name
    if not (target / "test.json").is_file():
        MADE[name].derive(root / MADE[name].SOURCE, target)
    return target
