"""Load: millions of texts through label, train and predict, many processes at once, many runs in one process.

python -m benchmarks.load files         # 5 million texts; peak memory and seconds of each verb (more with --everything)
python -m benchmarks.load processes     # 50 predict processes on one model folder, all at the same time
python -m benchmarks.load soak          # 200 short runs in one process: does its memory grow?

Each writes its figures to benchmarks/results/load.json, of which docs/RELIABILITY.md speaks. The encoder is a tiny one with
random weights: what is measured here is everything but the encoder. `--rows`, `--processes` and `--runs` make it smaller.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from weakft.data import example

RESULTS = Path(__file__).parent / "results" / "load.json"
PART = 200_000
ALLOWED_GB = 12.0
"""Peak memory that no verb may pass."""


def tiny_model(folder: Path) -> Path:
    """A BERT of two narrow layers, random, with the words of the example's texts as its vocabulary."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = sorted({word for text in example.load().train.texts for word in text.lower().split() if word.isalnum()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]), "utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(words) + 5, max_position_embeddings=64, **shape)).save_pretrained(folder)
    return folder


def texts(rows: int) -> Iterator[pa.Table]:
    """The example's texts over and over, shuffled, a number behind each so that no two are the same."""
    base, rng = np.array(example.load().train.texts, dtype=object), np.random.default_rng(0)
    for first in range(0, rows, PART):
        n = min(PART, rows - first)
        numbers = range(first, first + n)
        made = [f"{text} {i}" for text, i in zip(base[rng.integers(0, len(base), n)], numbers, strict=True)]
        yield pa.table({"id": [f"n{i}" for i in numbers], "text": made})


def measured(*verb: str, folder: Path) -> dict[str, Any]:
    """Run a verb in a process of its own: its seconds, its peak memory in GB, and whether it ended well."""
    log, begin = folder / f"{verb[0]}.log", time.perf_counter()
    with log.open("w") as stream:
        process = subprocess.Popen([sys.executable, "-m", "weakft", *verb], stdout=stream, stderr=stream, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    figures = {
        "seconds": round(time.perf_counter() - begin, 1),
        "peak_gb": round(usage.ru_maxrss / 2**20, 2),
        "exit_code": process.returncode,
        "within_allowed": usage.ru_maxrss / 2**20 <= ALLOWED_GB,
    }
    print(verb[0], figures, flush=True)
    if process.returncode:
        print(log.read_text()[-2000:], flush=True)
    return figures


def files(rows: int, drawn: int, everything: bool = False) -> dict[str, Any]:
    """label, train on some rows that are drawn, predict, and where asked for train on all, each on a Parquet file of so many
    texts.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny").mkdir()
        tiny_model(folder / "tiny")
        parts = texts(rows)
        first = next(parts)
        with pa.parquet.ParquetWriter(folder / "texts.parquet", first.schema) as writer:
            writer.write_table(first)
            for part in parts:
                writer.write_table(part)
        split = ["--valid", str(example.FOLDER / "valid.csv"), "--test", str(example.FOLDER / "test.csv"), "--no-cache"]
        data = ["--data", "texts.parquet", "--lfs", str(example.LFS)]
        train = ["train", *data, *split, "--model", "tiny", "--learning-rate", "0.002", "--max-length", "32"]
        found = {
            "rows": rows,
            "file_gb": round((folder / "texts.parquet").stat().st_size / 2**30, 2),
            "label": measured("label", *data, "--no-cache", folder=folder),
            f"train --max-rows {drawn}": measured(*train, "--max-rows", str(drawn), "--output", "some", folder=folder),
            "predict": measured(
                "predict", "some", "--input", "texts.parquet", "--output", "out.parquet", folder=folder
            ),
            "predicted": pa.parquet.read_metadata(folder / "out.parquet").num_rows,
        }
        return found | ({"train": measured(*train, "--output", "all", folder=folder)} if everything else {})


def processes(count: int) -> dict[str, Any]:
    """So many `predict` processes at once on one model folder: all end well, with the same bytes."""
    from weakft.training.model import EndModel

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny").mkdir()
        EndModel(str(tiny_model(folder / "tiny")), example.LABELS, device="cpu", precision="fp32").save(
            folder / "model"
        )
        pa.parquet.write_table(next(texts(2000)), folder / "texts.parquet")
        command = [sys.executable, "-m", "weakft.predict", "model", "--input", "texts.parquet", "--output"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        begin = time.perf_counter()
        running = [
            subprocess.Popen([*command, f"{i}.csv"], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
            for i in range(count)
        ]
        ended = [os.wait4(process.pid, 0) for process in running]
        for process, (_, status, _) in zip(running, ended, strict=True):
            process.returncode = os.waitstatus_to_exitcode(status)
        return {
            "processes": count,
            "seconds": round(time.perf_counter() - begin, 1),
            "ended_well": sum(process.returncode == 0 for process in running),
            "different_results": len({(folder / f"{i}.csv").read_bytes() for i in range(count)}),
            "left_beside": len(list(folder.glob(".*"))),
            "peak_gb_each": round(max(usage.ru_maxrss for _, _, usage in ended) / 2**20, 2),
        }


def resident_mb() -> float:
    """This process's memory now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(runs: int) -> dict[str, Any]:
    """So many runs in this process, one after the other; its memory after a quarter of them and after all."""
    import weakft

    mb: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny").mkdir()
        tiny_model(folder / "tiny")
        begin = time.perf_counter()
        for i in range(runs):
            weakft.train(
                model=str(folder / "tiny"), max_steps=3, max_length=32, device="cpu", output=str(folder / "run")
            )
            mb.append(resident_mb())
            if (i + 1) % max(1, runs // 20) == 0:
                print(f"{i + 1:4} runs, {mb[-1]:.0f} MB", flush=True)
    quarter = mb[runs // 4 - 1 :]
    slope = float(np.polyfit(np.arange(len(quarter)), quarter, 1)[0])
    return {
        "runs": runs,
        "seconds": round(time.perf_counter() - begin, 1),
        f"mb_after_{runs // 4}": round(quarter[0]),
        f"mb_after_{runs}": round(mb[-1]),
        "kb_a_run": round(slope * 1024, 1),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["files", "processes", "soak"])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--drawn", type=int, default=100_000, help="rows for train --max-rows")
    parser.add_argument("--everything", action="store_true", help="also train on all rows (minutes a million)")
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--runs", type=int, default=200)
    given = parser.parse_args()
    found = {
        "files": lambda: files(given.rows, given.drawn, given.everything),
        "processes": lambda: processes(given.processes),
        "soak": lambda: soak(given.runs),
    }[given.what]()
    found |= {"cores": os.cpu_count(), "python": platform.python_version()}
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    RESULTS.write_text(json.dumps(kept | {given.what: found}, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
