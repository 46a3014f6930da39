"""Data sets that are made of others: one file each, with their `NAME`, the `SOURCE` they are made of, and `derive`."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.sets import mails, own_rules, slots
from weakft.errors import UserError

MADE = {module.NAME: module for module in (slots, own_rules, mails)}
DATA = Path(__file__).parent.parent / "data"
"""Where their folders go."""


def folder(name: str) -> Path:
    """A data set's folder: the one in WEAKFT_DATA (default ../shared/data), or one made of another there."""
    root = Path(os.environ.get("WEAKFT_DATA", "../shared/data"))
    if not root.is_dir():
        raise UserError(f"WEAKFT_DATA: there is no folder {root}; name the one that holds the data sets.")
    if name not in MADE:
        return root / name
    source, target = root / MADE[name].SOURCE, DATA / name
    if source.is_dir() or not target.is_dir():  # anew, since the source or the rules may be others now
        MADE[name].derive(source, target)
    return target
