"""Labeling functions as people write them: that print, keep what they saw, or return whatever they have at hand."""

import numpy as np
import pandas as pd
import pytest
from conftest import reviews

import weakft
from weakft.data.dataset import Dataset
from weakft.lfs import LabelingFunction, keywords
from weakft.lfs.apply import apply
from weakft.lfs.cache import apply_cached
from weakft.lfs.load import load_file

LABELS = ["neg", "pos"]


def data(n=50):
    return Dataset(reviews(n, 0)[0], [f"id{i}" for i in range(n)])


def plain(x):
    return "pos" if "good" in x.text else None


EXPECTED = [1 if "good" in text else -1 for text in data().texts]


NUMPYS = [np.int8, np.int64, np.uint16, np.array([0, 1]).__getitem__, lambda c: np.str_(LABELS[c])]


@pytest.mark.parametrize("kind", NUMPYS)
def test_what_numpy_gives_is_a_vote(kind):
    lf = LabelingFunction("f", lambda x: kind(1) if "good" in x.text else None)
    L, failures = apply([lf], data(), LABELS)
    assert L[:, 0].tolist() == EXPECTED and not failures


@pytest.mark.parametrize("answer", [np.array([1]), np.nan, np.float64(1), np.array(["pos"]), b"pos", {"pos"}, object()])
def test_what_is_no_vote_is_named_and_no_abstention(answer):
    lf = LabelingFunction("odd", lambda x: answer)
    with pytest.raises(weakft.errors.UserError, match="labeling function 'odd'.*row 1"):
        apply([lf], data(), LABELS)


RULES = """
import sys, warnings
from weakft import labeling_function
LABELS = ["neg", "pos"]
KEPT, SEEN = [], {"rows": 0}

@labeling_function()
def talks(x):
    print("row", x.id)
    print("row", x.id, file=sys.stderr)
    warnings.warn("odd")
    return "pos" if "good" in x.text else None

@labeling_function()
def leaks(x):
    KEPT.append((x, x.text * 100))
    return "pos" if "good" in x.text else None

@labeling_function()
def spoils(x):
    had = x.text
    x.text, x.id, x.new = "", None, KEPT
    return "pos" if "good" in had else None

@labeling_function()
def counts(x):
    SEEN["rows"] += 1
    return "pos" if SEEN["rows"] % 2 else "neg"
"""


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.filterwarnings("ignore:odd")
def test_rules_that_print_leak_or_spoil_vote_as_others(tmp_path, capfd, processes):
    (tmp_path / "rules.py").write_text(RULES)
    rules = load_file(tmp_path / "rules.py")
    lfs = [*rules.lfs[:3], LabelingFunction("plain", plain)]
    L, failures = apply(lfs[:3] if processes > 1 else lfs, data(), LABELS, processes=processes, source=rules.file)
    assert all(column.tolist() == EXPECTED for column in L.T) and not failures
    assert "row id49" in capfd.readouterr().out


def test_one_that_keeps_its_examples_finds_them_as_they_were():
    kept = []
    spoil = LabelingFunction("spoil", lambda x: setattr(x, "text", "gone"))
    keep = LabelingFunction("keep", lambda x: kept.append(x))
    apply([spoil, keep, spoil], data(), LABELS)
    assert [x.text for x in kept] == data().texts


def test_one_that_depends_on_the_rows_before_is_applied_in_their_order(tmp_path):
    """Its votes are those of one pass over the rows: the state it leaves is its own affair."""
    (tmp_path / "rules.py").write_text(RULES)
    counts = load_file(tmp_path / "rules.py").lfs[3]
    L, _ = apply([counts], data(5), LABELS)
    assert L[:, 0].tolist() == [1, 0, 1, 0, 1]


def test_one_that_changes_a_global_is_not_kept(tmp_path):
    """Its votes depend on what it did before, so none of them are taken from the disk."""
    (tmp_path / "rules.py").write_text(RULES.replace('SEEN["rows"] += 1', "global ROWS; ROWS += 1").replace(
        'SEEN["rows"] % 2', "ROWS % 2").replace('SEEN = [], {"rows": 0}', "ROWS = [], 0"))  # fmt: skip
    counts = load_file(tmp_path / "rules.py").lfs[3]
    first, _ = apply_cached([counts], data(5), LABELS, tmp_path / "cache")
    again, _ = apply_cached([counts], data(5), LABELS, tmp_path / "cache")
    assert first[:, 0].tolist() == [1, 0, 1, 0, 1] and again[:, 0].tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("names", [["0", "1"], ["1", "0"], ["10", "9"], ["-1", "1"], ["0.5", "1.5"], ["True", "None"]])
def test_class_names_that_are_numbers(tiny_model, tmp_path, names):
    """A name counts before a class number, in votes and gold labels, and the run keeps the names apart."""
    texts, gold = reviews(60, 0)
    frame = pd.DataFrame({"text": texts, "label": [names[label == "pos"] for label in gold]})
    lfs = [keywords("likes", ["good", "great", "love"], names[1]), keywords("hates", ["bad", "awful"], names[0])]
    run = weakft.train(frame, lfs, test=frame, label_names=names, method="majority", output=str(tmp_path / "run"))
    found = pd.read_parquet(run.folder / "predictions.parquet")
    test = found[found["split"] == "test"]
    assert list(test["gold"]) == list(frame["label"]) and set(found["label"]) == set(names)
    assert (test[test["vote_likes"] >= 0]["vote_likes"] == 1).all()
    assert run.table["majority"]["accuracy"] > 0.7
