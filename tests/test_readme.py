"""What the first page tells one to type, typed."""

import re
import shlex
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Your own task") : PAGE.index("## What a run leaves")]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder with the page's rules and comments for them, labeled and not."""
    rules, _ = blocks("python")
    (tmp_path / "my_rules.py").write_text(rules, encoding="utf-8")
    rng = np.random.default_rng(0)
    said = {"spam": ["SEE https://a.example", "JOIN US NOW", "https://b.example"], "ham": ["love this", "a great song"]}
    rows = [(str(rng.choice(said[label])) + f" {i}", label) for i, label in enumerate(rng.choice(list(said), 90))]
    frame = pd.DataFrame(rows, columns=["text", "label"])
    for name, part in {"comments": frame[:50][["text"]], "labeled": frame[50:70], "held_out": frame[70:]}.items():
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    frame[70:][["text"]].to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_run(there, tiny_model, monkeypatch):
    from weakft.__main__ import main

    quick = ["--model", str(tiny_model), "--max-steps", "4", "--device", "cpu"]
    commands = [shlex.split(line, comments=True) for line in blocks("bash")[0].splitlines()]
    assert [command[:2] for command in commands] == [
        ["weakft", verb] for verb in ("label", "train", "predict", "evaluate")
    ]
    for _, *args in commands:
        monkeypatch.setattr("sys.argv", ["weakft", *args, *(quick if args[0] == "train" else [])])
        assert main() == 0, args
    assert len(pd.read_csv(there / "predictions.csv")) == 20


def test_the_python_lines_run(there, tiny_model, capsys):
    import weakft

    rules, lines = blocks("python")
    model, quick = str(tiny_model), {"max_steps": 4, "device": "cpu"}
    names = {
        "texts": pd.read_csv("comments.csv")["text"].tolist(),
        "labeled_frame": pd.read_csv("labeled.csv"),
        "weakft": SimpleNamespace(
            train=partial(weakft.train, output="run", model=model, **quick),
            WeakClassifier=partial(weakft.WeakClassifier, model=model, options=quick),
        ),
    }
    exec(rules, names)
    exec(lines.replace("import weakft\n", ""), names)
    assert names["run"].metrics["valid"]["n"] == 20 and "accuracy" in capsys.readouterr().out
    assert list(names["classifier"].classes_) == ["ham", "spam"]
