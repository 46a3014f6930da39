"""Some seconds of the coverage-guided fuzzer on each of its targets (`guided_fuzz.py`)."""

import subprocess
import sys
from pathlib import Path

import pytest

from weakft.data.formats import FORMATS

SECONDS = 6


@pytest.mark.slow
@pytest.mark.parametrize("target", [*FORMATS, "wrench", "options"])
def test_inputs_that_reach_new_code_end_well(target, tmp_path):
    pytest.importorskip("atheris", reason="the fuzzer has wheels for Linux and Python up to 3.13")
    (tmp_path / "corpus").mkdir()
    # No limit of memory: the peak that libFuzzer asks for begins with that of the process which started it.
    limits = [f"-max_total_time={SECONDS}", "-timeout=20", "-rss_limit_mb=0"]
    command = [sys.executable, str(Path(__file__).parent / "guided_fuzz.py"), target, str(tmp_path / "corpus"), *limits]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, errors="replace")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr and len(list((tmp_path / "corpus").iterdir())) > 3
