"""The same seed, data and versions: the same run, in another process, with other hash seeds and worker processes."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, reviews

RULES = """
from weakft import keywords, labeling_function
LABELS = ["neg", "pos"]
likes = keywords("likes", ["good", "great", "love"], "pos")
dislikes = keywords("dislikes", ["bad", "awful"], "neg")

@labeling_function()
def counts(x):
    words = set(x.text.split())
    return "pos" if len(words & {"fine", "nice"}) > len(words & {"hate", "worse"}) else "neg"
"""
OPTIONS = ["--device", "cpu", "--precision", "fp32", "--max-length", "32", "--max-steps", "20", "--no-cache"]
OPTIONS += ["--max-rows", "120", "--ceiling"]


@pytest.fixture(scope="module")
def outcome(tiny_model, tmp_path_factory):
    """Run `weakft train` in a process of its own; what it has written, but for times and its own name."""
    folder = tmp_path_factory.mktemp("runs")
    for split, n in (("train", 150), ("valid", 40), ("test", 40)):
        texts, labels = reviews(n, n)
        pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / f"{split}.csv", index=False)
    (folder / "rules.py").write_text(RULES)

    def run(name, hash_seed, *more):
        command = [sys.executable, "-m", "weakft.train", "--data", str(folder), "--lfs", str(folder / "rules.py")]
        command += ["--model", str(tiny_model), "--output", str(folder / name), *OPTIONS, *more]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
        metrics = json.loads((folder / name / "metrics.json").read_text())
        for own in ("timing", "config", "command", "started"):
            metrics.pop(own, None)
        files = {p.relative_to(folder / name): p.read_bytes() for p in (folder / name).rglob("*.safetensors")}
        tables = {p.name: p.read_bytes() for p in (folder / name).glob("*.parquet")}
        tables |= {p.name: p.read_bytes() for p in (folder / name).glob("*.csv")}
        assert files and tables
        return {"weights": files, "tables": tables, "metrics": metrics}

    return run


def test_the_same_seed_gives_the_same_bits(outcome):
    first, second = outcome("first", "1"), outcome("second", "2", "--processes", "2")
    for part in first:
        assert first[part] == second[part], part


def test_another_seed_gives_others(outcome):
    first, other = outcome("first", "1", "--seed", "0"), outcome("other", "1", "--seed", "1")
    assert first["weights"] != other["weights"]
