"""Votes on disk, one small file a labeling function and data set, so that editing one of 50 reruns one.

A file's name is the hash of all that its votes depend on (`fingerprint`, the data, the class names, weakft, Python). A
labeling function that cannot be hashed, or that raised, is not kept. A file that is not whole is as if it were not there.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from weakft.data.dataset import Dataset, vote_type
from weakft.lfs import fingerprint
from weakft.lfs.apply import Failure, apply
from weakft.lfs.columnwise import is_pattern
from weakft.lfs.fingerprint import Unknown

MAGIC = b"weakft votes 1\n"
MOST_BYTES = 1 << 30
"""Beyond this the files not used for longest go."""
OURS = re.compile(r"\.?[0-9a-f]{64}(\.\d+)?")
"""Names of files of votes, whole or being written: the folder may hold other things, which stay."""


def default_folder() -> Path:
    """Where the platform keeps caches."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "weakft" / "votes"


def apply_cached(
    lfs: list[Any],
    data: Dataset,
    label_names: list[str],
    folder: Path,
    *,
    advance: Callable[[int], None] | None = None,
    **options: Any,
) -> tuple[np.ndarray, dict[str, Failure]]:
    """As `weakft.lfs.apply.apply` (``options`` are its), but labeling functions whose votes are in ``folder`` do not run."""
    hashes = _Hashes(data)
    keys = [_key(lf, hashes, label_names) for lf in lfs]
    kept = [None if key is None else _read(folder / key, data.n_rows, len(label_names)) for key in keys]
    missing = [j for j, votes in enumerate(kept) if votes is None]
    changed: set[str] = set()
    if missing:
        L, failures = apply([lfs[j] for j in missing], data, label_names, advance=advance, changed=changed, **options)
    else:
        L, failures = np.empty((data.n_rows, 0), dtype=vote_type(len(label_names))), {}
        if advance is not None:
            advance(len(data))
    hashes.look_again()
    for at, j in enumerate(missing):
        key = keys[j]
        unchanged = key is not None and _key(lfs[j], hashes, label_names) == key  # else its votes depend on their order
        if key is not None and unchanged and lfs[j].name not in {*failures, *changed}:
            _write(folder / key, L[:, at])
    _tidy(folder)
    if len(missing) == len(lfs):
        return L, failures
    whole = np.empty((data.n_rows, len(lfs)), dtype=vote_type(len(label_names)))
    whole[:, missing] = L
    for j, votes in enumerate(kept):
        if votes is not None:
            whole[:, j] = votes
    return whole, failures


class _Hashes:
    """The hashes of what labeling functions may read of the data, each computed when first asked for."""

    def __init__(self, data: Dataset) -> None:
        self.data, self._texts = data, fingerprint.of_values(data.texts)
        self._columns: str | Unknown | None = None

    def look_again(self) -> None:
        """Forget what labeling functions may have changed."""
        if self._columns is not None and any(map(fingerprint.changeable, self.data.columns.values())):
            self._columns = None

    def read_by(self, lf: Any) -> str:
        """Patterns read the texts alone.

        Raises
        ------
        Unknown : a value of a column cannot be hashed.
        """
        if is_pattern(lf):
            return self._texts
        if self._columns is None:
            try:
                columns = {name: fingerprint.of_values(values) for name, values in self.data.columns.items()}
                self._columns = repr((fingerprint.of_values(self.data.ids), columns))
            except Unknown as error:
                self._columns = error
        if isinstance(self._columns, Unknown):
            raise self._columns
        return self._texts + self._columns


def _key(lf: Any, hashes: _Hashes, label_names: list[str]) -> str | None:
    """The file name of a labeling function's votes, None for one that cannot be hashed."""
    data = hashes.data
    try:
        words = (
            _code(),
            label_names,
            data.words is not None,
            data.asked,
            fingerprint.of_function(lf),
            hashes.read_by(lf),
        )
    except Unknown:
        return None
    return hashlib.sha256(repr(words).encode()).hexdigest()


@functools.cache
def _code() -> str:
    """The versions of Python and of the code that applies labeling functions."""
    total = hashlib.sha256(sys.version.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()


def _read(file: Path, n: int, n_classes: int) -> np.ndarray | None:
    try:
        raw = file.read_bytes()
        digest, packed = raw[len(MAGIC) : len(MAGIC) + 32], raw[len(MAGIC) + 32 :]
        if not raw.startswith(MAGIC) or hashlib.sha256(packed).digest() != digest:
            return None
        votes = np.frombuffer(zlib.decompress(packed), dtype=vote_type(n_classes))
        file.touch()
    except (OSError, zlib.error, ValueError):
        return None
    return votes if len(votes) == n and (n == 0 or -1 <= votes.min() <= votes.max() < n_classes) else None


def _write(file: Path, votes: np.ndarray) -> None:
    """Keep votes: beside, then renamed. A cache that cannot be written is no error."""
    packed = zlib.compress(votes.tobytes(), 1)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(MAGIC + hashlib.sha256(packed).digest() + packed)
        beside.replace(file)
    except OSError:
        return


def _tidy(folder: Path) -> None:
    try:
        ours = [entry for entry in os.scandir(folder) if OURS.fullmatch(entry.name) and entry.is_file()]
        files = sorted((-entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in ours)
        total = 0
        for _, size, path in files:
            total += size
            if total > MOST_BYTES:
                Path(path).unlink(missing_ok=True)
    except OSError:  # another process tidies, too
        return
