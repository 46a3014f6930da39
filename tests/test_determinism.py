"""The same seed, data and versions: the same run, in another process, with other hash seeds and worker processes."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, outcome

COUNTS = """
from weakft import labeling_function

@labeling_function()
def counts(x):
    words = set(x.text.split())
    return "pos" if len(words & {"fine", "nice"}) > len(words & {"hate", "worse"}) else "neg"
"""
OPTIONS = ["--device", "cpu", "--precision", "fp32", "--max-length", "32", "--max-steps", "20", "--no-cache"]
OPTIONS += ["--max-rows", "120", "--ceiling"]


@pytest.fixture
def trained(review_folder, tiny_model, tmp_path):
    """Run `weakft train` in a process of its own; its outcome."""
    rules = tmp_path / "rules.py"
    rules.write_text(rules.read_text() + COUNTS)

    def run(name, hash_seed, *more):
        command = [sys.executable, "-m", "weakft.train", "--data", str(review_folder), "--lfs", str(rules)]
        command += ["--model", str(tiny_model), "--output", str(tmp_path / name), *OPTIONS, *more]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
        return outcome(tmp_path / name)

    return run


def test_the_same_seed_gives_the_same_bits(trained):
    first, second = trained("first", "1"), trained("second", "2", "--processes", "2")
    for part, other in zip(first, second, strict=True):
        assert part == other


def test_another_seed_gives_others(trained):
    assert trained("first", "1", "--seed", "0")[0] != trained("other", "1", "--seed", "1")[0]
