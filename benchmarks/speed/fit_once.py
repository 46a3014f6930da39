"""One label model on one made label matrix, once, in a process of its own: its seconds and peak memory as a line of JSON.

    python -m benchmarks.speed.fit_once snorkel-package trec 1000000 68 6

Votes: `trec`, rows drawn with replacement from TREC's 68 rules on 6 classes (`WEAKFT_DATA`); `rules`, each function votes
for one class on a tenth of the rows, independently; `random`, each vote any class or none, all alike: nothing to learn
and the most to count. Knows nothing of repetitions and tables.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS = 500
PACKAGE = "snorkel-package"


def make_votes(kind: str, n: int, m: int, k: int) -> np.ndarray:
    """A label matrix int8 [n, m], the same for the same arguments."""
    rng = np.random.default_rng(0)
    if kind == "random":
        return rng.integers(-1, k, (n, m), dtype=np.int8)
    if kind == "rules":
        L = np.full((n, m), -1, np.int8)
        for j in range(m):
            L[rng.random(n) < 0.1, j] = j % k
        return L
    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns

    votes = read_splits(Path(os.environ.get("WEAKFT_DATA", "../shared/data")) / "trec", Columns()).train.votes
    assert votes is not None and votes.shape[1] == m and votes.max() < k
    return votes[rng.integers(0, len(votes), n)]


def snorkels(L: np.ndarray, k: int) -> tuple[Any, Any]:
    """The fit and the prediction of the package, on the matrix in the type that it asks for."""
    from snorkel.labeling.model import LabelModel

    model, wide = LabelModel(cardinality=k, verbose=False), L.astype(np.int64)
    return lambda: model.fit(wide, n_epochs=EPOCHS, seed=0, progress_bar=False), lambda: model.predict_proba(wide)


def ours(name: str, L: np.ndarray, k: int) -> tuple[Any, Any]:
    """The fit and the prediction of a label model of weakft."""
    from weakft.label_models.registry import find

    model = find(name)(k, None, 0)
    return lambda: model.fit(L), lambda: model.predict_proba(L)


def timed(call: Any) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(model: str, kind: str, n: int, m: int, k: int) -> dict[str, Any]:
    """Fit and predict; times in seconds, memory in MB with the matrix and the interpreter in it."""
    L = make_votes(kind, n, m, k)
    fit, predict = snorkels(L, k) if model == PACKAGE else ours(model, L, k)
    fit_wall, fit_cpu = timed(fit)
    predict_wall, predict_cpu = timed(predict)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    from weakft.label_models.patterns import distinct

    return {
        "model": model,
        "votes": kind,
        "rows": n,
        "lfs": m,
        "classes": k,
        "distinct": len(distinct(L).rows),
        "fit_s": round(fit_wall, 3),
        "fit_cpu_s": round(fit_cpu, 3),
        "predict_s": round(predict_wall, 3),
        "predict_cpu_s": round(predict_cpu, 3),
        "peak_mb": round(peak),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))))
