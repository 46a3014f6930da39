"""`weakft predict` on files: part by part, whole or absent, at once from many processes."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, review_lfs, reviews

import weakft
from weakft.cli import run
from weakft.data import readers
from weakft.data.objects import from_python
from weakft.data.tables import Columns
from weakft.data.writers import WRITERS, write
from weakft.errors import UserError
from weakft.predict import main
from weakft.tasks.classification import Classification
from weakft.training.model import EndModel


@pytest.fixture(scope="module")
def model(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "m"
    EndModel(str(tiny_model), ["neg", "pos"], device="cpu", precision="fp32", max_length=32).save(folder)
    return folder


@pytest.fixture
def texts(tmp_path):
    frame = pd.DataFrame({"text": reviews(100, 0)[0], "id": [f"n{i}" for i in range(100)]})
    frame.to_parquet(tmp_path / "in.parquet")
    return frame


def read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".jsonl":
        return pd.read_json(path, lines=True)
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


@pytest.mark.parametrize("extension", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_parquet_file_is_predicted_part_by_part(model, texts, tmp_path, monkeypatch, capsys, extension):
    expected = weakft.predict(model, texts)
    monkeypatch.setattr(readers, "PART", 7)
    sizes = []
    original = EndModel.predict
    monkeypatch.setattr(EndModel, "predict", lambda self, t, **more: sizes.append(len(t)) or original(self, t, **more))
    output = tmp_path / f"out{extension}"
    assert run(main, [str(model), "--input", str(tmp_path / "in.parquet"), "--output", str(output)]) == 0
    assert sizes == [7] * 14 + [2]  # never more than a part is held
    found = read(output)
    assert list(found) == ["id", "label", "p_neg", "p_pos"] and list(found["id"]) == list(texts["id"])
    assert list(found["label"]) == list(expected["label"])
    np.testing.assert_allclose(found["p_pos"], expected["p_pos"], atol=1e-5)
    assert "Wrote 100 predictions" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.parquet", output.name])


@pytest.mark.parametrize(("row", "message"), [("  ", "row 96, column 'text'"), (None, "row 96, column 'text'")])
def test_a_bad_row_late_in_the_file_leaves_what_was_there(model, texts, tmp_path, monkeypatch, capsys, row, message):
    monkeypatch.setattr(readers, "PART", 10)
    texts.loc[95, "text"] = row
    texts.to_parquet(tmp_path / "in.parquet")
    (tmp_path / "out.csv").write_text("of before")
    assert run(main, [str(model), "--input", str(tmp_path / "in.parquet"), "--output", str(tmp_path / "out.csv")]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "out.csv").read_text() == "of before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet", "out.csv"]


@pytest.mark.parametrize("extension", WRITERS)
def test_two_that_write_one_file_at_once_leave_one_of_theirs_whole(tmp_path, extension):
    output = tmp_path / f"out{extension}"

    def parts():
        yield pd.DataFrame({"text": ["first"] * 3})
        assert write([pd.DataFrame({"text": ["second"] * 5})], output) == 5  # begins and ends while the first writes
        yield pd.DataFrame({"text": ["first"] * 3})

    assert write(parts(), output) == 6
    assert list(read(output)["text"]) == ["first"] * 6
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_many_processes_at_once_predict_the_same(model, texts, tmp_path):
    """They share a model folder and write into one folder."""
    command = [sys.executable, "-m", "weakft.predict", str(model), "--input", str(tmp_path / "in.parquet"), "--output"]

    def one(i):
        return subprocess.run(
            [*command, str(tmp_path / f"{i}.csv")], cwd=ROOT, capture_output=True, text=True, check=False
        )

    with ThreadPoolExecutor(3) as pool:
        for done in pool.map(one, range(3)):
            assert done.returncode == 0, done.stderr
    assert len({(tmp_path / f"{i}.csv").read_bytes() for i in range(3)}) == 1


def test_a_run_without_a_model_is_told_from_a_folder_that_is_no_run(tmp_path):
    weakft.train(
        ["good", "bad"] * 20,
        lfs=review_lfs(),
        label_names=["neg", "pos"],
        method="majority",
        output=str(tmp_path / "v"),
    )
    with pytest.raises(UserError, match="the run has no model: the methods majority and label-model train none"):
        weakft.predict(tmp_path / "v", ["good"])
    with pytest.raises(UserError, match="found neither"):
        weakft.predict(tmp_path, ["good"])


def test_a_text_model_reads_token_lists_as_texts(model):
    lists = [["a", "good", "film"], ["bad"]]
    found, expected = (
        weakft.predict(model, pd.DataFrame({"tokens": lists})),
        weakft.predict(model, ["a good film", "bad"]),
    )
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"tokens": [["a"], ["b", "c"]], "tags": [["x"], ["x", "y"]]}, "a class for every word"),
        ({"text": ["a", "b"], "labels": [["x"], ["x", "y"]]}, "any number of labels a text"),
    ],
)
def test_gold_labels_of_another_task_are_refused(columns, found):
    data = from_python(pd.DataFrame(columns), Columns(), "train")
    with pytest.raises(UserError, match=f"--task classification: expected one class a row, found {found}"):
        Classification.prepare(data, None)


def test_labels_are_one_column_like_any_other(model, tmp_path):
    frame = pd.DataFrame({"text": ["good film", "bad film"], "label": ["odd", "odder"], "category": ["x", "y"]})
    frame.to_csv(tmp_path / "in.csv", index=False)
    main([str(model), "--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")])
    assert len(pd.read_csv(tmp_path / "out.csv")) == 2
    frame = frame.rename(columns={"text": "words"})
    assert len(weakft.predict(model, frame, text_column="words")) == 2
    unused = [str(model), "--input", str(tmp_path / "in.csv"), "--output", str(tmp_path / "o.csv"), "--data", "x"]
    with pytest.raises(SystemExit, match="2"):  # the command line knows no such option here
        main(unused)


def test_texts_of_another_task_and_tables_without_labels_are_said(model):
    from weakft.display import Silent
    from weakft.predict import predict_parts

    progress = Silent()
    marked = from_python(["[A]good[/A] film of [B]a song[/B]"] * 3, Columns(labeled=False), "texts")
    assert len(next(iter(predict_parts(model, marked, progress)))) == 3
    assert progress.messages == ["The texts look like those of --task relation; the model takes them as whole texts."]
    frame = pd.DataFrame({"text": ["good film"], "sentiment": ["pos"]})
    with pytest.raises(
        UserError, match=r"no gold labels to measure on among its columns \('sentiment'\); name their column"
    ):
        weakft.evaluate(model, frame)
    frame = pd.DataFrame({"text": ["good film", "bad film"], "label": ["", None]})
    with pytest.raises(
        UserError, match=r"no gold labels to measure on: column 'label' is empty \(or -1\) in all 2 rows"
    ):
        weakft.evaluate(model, frame)


def test_a_prediction_that_is_stopped_leaves_nothing(model, texts, tmp_path, monkeypatch, capsys):
    def stopped(self, tokens, **more):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(EndModel, "predict", stopped)
    before = set(tmp_path.iterdir())
    args = [str(model), "--input", str(tmp_path / "in.parquet"), "--output", str(tmp_path / "out.csv")]
    assert run(main, args) == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in capsys.readouterr().err and set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("extension", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_what_is_written_is_read_back_whatever_ends_its_lines(tmp_path, extension):
    odd = ["a\rb", "c\nd", "e\tf", 'g"h', "i,j", "k\r\nl"]
    frame = pd.DataFrame({"text": odd, "p": [0.25] * len(odd)})
    assert write(iter([frame.iloc[:1], frame.iloc[1:]]), tmp_path / f"a{extension}") == len(odd)
    assert readers.read_table(tmp_path / f"a{extension}", Columns()).texts == odd


def test_a_file_that_may_not_be_read_is_named(capsys):
    def forbidden(_args):
        raise PermissionError(13, "Permission denied", "data/train.csv")

    assert run(forbidden, []) == 2
    assert capsys.readouterr().err == "weakft: data/train.csv: Permission denied.\n"
