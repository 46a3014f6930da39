"""A Parquet file is labeled part by part: the same votes, ids and errors as when it is read whole."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import review_lfs, reviews

import weakft
from weakft.data import readers
from weakft.data.dataset import Dataset, Gold, drawn
from weakft.data.readers import Streamed, read_splits, read_table
from weakft.data.tables import Columns
from weakft.data.words import by_words
from weakft.errors import UserError
from weakft.lfs import LabelingFunction, keywords, labeling_function
from weakft.lfs.apply import apply

NAMES = ["neg", "pos"]
ROWS = 10


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(readers, "PART", 3)


def parquet(tmp_path, **columns):
    path = tmp_path / "train.parquet"
    texts = [f"{'good' if i % 3 else 'bad'} text {i}" for i in range(ROWS)]
    pd.DataFrame({"text": texts, "stars": range(ROWS), **columns}).to_parquet(path)
    return path


def test_the_parts_are_the_whole(tmp_path):
    path = parquet(tmp_path, id=[f"row {i}" for i in range(ROWS)], label=["pos", "neg"] * 5)
    whole, streamed = read_table(path, Columns(label_names=NAMES)), Streamed(path, Columns(label_names=NAMES))
    for _ in range(2):  # it can be read again
        parts = list(streamed.parts())
        assert [len(part) for part in parts] == [3, 3, 3, 1] and len(streamed) == ROWS
        assert [part.first_row for part in parts] == [0, 3, 6, 9]
        assert [text for part in parts for text in part.texts] == whole.texts
        assert [stars for part in parts for stars in part.columns["stars"]] == whole.columns["stars"]
        gold = [label for part in parts for label in part.gold.read("measure")]
        assert gold == whole.gold.read("measure").tolist()
    assert streamed.ids.to_pylist() == whole.ids
    assert not streamed.texts


def test_a_file_with_fewer_rows_than_it_says_is_damaged(tmp_path):
    streamed = Streamed(parquet(tmp_path), Columns(label_names=NAMES))
    streamed._rows += 1
    with pytest.raises(UserError, match="says that it has 11 rows, and holds 10"):
        list(streamed.parts())


def test_only_training_texts_with_known_classes_stream(tmp_path):
    path = parquet(tmp_path, label=["pos", "neg"] * 5)
    assert isinstance(read_splits(path, Columns(label_names=NAMES), stream=True).train, Streamed)
    assert not isinstance(read_splits(path, Columns(label_names=NAMES)).train, Streamed)
    assert not isinstance(read_splits(path, Columns(), stream=True).train, Streamed)  # classes come from the labels
    pd.read_parquet(path).to_parquet(tmp_path / "test.parquet")
    splits = read_splits(tmp_path, Columns(label_names=NAMES), stream=True)
    assert isinstance(splits.train, Streamed) and not isinstance(splits.test, Streamed)


def fragile(x):
    if x.stars in (4, 8):
        raise ValueError("no")
    return 1 if x.stars > 6 else -1


RULES = [keywords("good", ["good"], "pos"), LabelingFunction("fragile", fragile)]


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("processes", [1, 2])
def test_label_votes_as_on_the_whole(tmp_path, cache, processes):
    path = parquet(tmp_path)
    options = {"cache": cache, "cache_dir": str(tmp_path / "cache"), "processes": processes}
    for _ in range(2):
        found = weakft.label(path, RULES, label_names=NAMES, **options)
        expected, failures = apply(RULES, read_table(path, Columns()), NAMES)
        assert found.L.tolist() == expected.tolist()
        assert found.summary.set_index("name")["errors"].to_dict() == {"good": 0, "fragile": 2}
        assert failures["fragile"].count == 2 and failures["fragile"].first_row == 4


def test_a_column_for_each_of_several_labels(tmp_path):
    """Not streamed: what is asked of a text must be known before any is read."""
    path = parquet(tmp_path, toxic=[0, 1] * 5, insult=[0] * 10)
    rules = [keywords("good", ["good"], "insult")]
    found = weakft.label(path, rules, label_column="toxic,insult")
    assert found.L.shape == (2 * ROWS, 1) and set(found.L[::2, 0]) == {-1} and set(found.L[1::2, 0]) == {-1, 1}


def test_errors_name_the_row_in_the_file(tmp_path):
    texts = ["a"] * 7 + [" "] + ["b"] * 2
    with pytest.raises(UserError, match="row 8, column 'text'.*only white space"):
        weakft.label(parquet(tmp_path, text=texts), RULES, label_names=NAMES)
    with pytest.raises(UserError, match=r"row 9 \(id '8'\).*voted 7"):
        wrong = labeling_function()(lambda x: 7 if x.stars == 8 else -1)
        weakft.label(parquet(tmp_path), [wrong], label_names=NAMES)
    with pytest.raises(UserError, match=r"raised ValueError: no on row 5 \(id '4'\)"):
        weakft.label(parquet(tmp_path), RULES, label_names=NAMES, strict=True)
    twice = [*range(9), 1]
    with pytest.raises(UserError, match="row 10, column 'id': id '1' was row 2's already"):
        weakft.label(parquet(tmp_path, id=twice), RULES, label_names=NAMES)
    with pytest.raises(UserError, match="row 10, column 'guid': id '1' was row 2's already"):
        weakft.label(parquet(tmp_path, guid=twice), RULES, label_names=NAMES)
    (tmp_path / "train.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match="cannot be read as PARQUET"):
        weakft.label(tmp_path / "train.parquet", RULES, label_names=NAMES)
    pd.DataFrame({"text": []}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(UserError, match="columns but no rows"):
        weakft.label(tmp_path / "train.parquet", RULES, label_names=NAMES)


def test_the_verb_writes_ids_and_votes(tmp_path, monkeypatch):
    from weakft.label import main

    rules = tmp_path / "rules.py"
    rules.write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\ngood = keywords('good', ['good'], 'pos')\n"
        "bad = keywords('bad', ['bad'], 'neg')\n"
    )
    path = parquet(tmp_path, id=[f"row {i}" for i in range(ROWS)])
    main(["--data", str(path), "--lfs", str(rules), "--output", str(tmp_path / "votes")])
    matrix = pd.read_parquet(tmp_path / "votes" / "label_matrix.parquet")
    assert matrix["id"].tolist() == [f"row {i}" for i in range(ROWS)]
    assert matrix["good"].tolist() == [1 if i % 3 else -1 for i in range(ROWS)]
    assert matrix["bad"].tolist() == [-1 if i % 3 else 0 for i in range(ROWS)]
    assert str(matrix["good"].dtype) == "int8"


def test_a_rule_called_as_what_names_a_row(tmp_path):
    from weakft.label import main

    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\nr = keywords('id', ['good'], 1)\n"
        "s = keywords('vote_id', ['bad'], 0)"
    )
    main(["--data", str(parquet(tmp_path)), "--lfs", str(tmp_path / "rules.py"), "--output", str(tmp_path / "votes")])
    assert list(pd.read_parquet(tmp_path / "votes" / "label_matrix.parquet")) == [
        "id",
        "vote_vote_id",
        "vote_id",
    ]


def test_texts_that_are_not_utf8(tmp_path):
    path = tmp_path / "train.parquet"
    raw = pa.array([b"fine", b"caf\xe9"], pa.binary())
    strings = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    pyarrow.parquet.write_table(pa.table({"text": strings}), path)
    with pytest.raises(UserError, match="cannot be read as PARQUET: .*UTF8"):
        read_table(path, Columns())
    with pytest.raises(UserError, match="cannot be read as PARQUET: .*UTF8"):
        weakft.label(path, RULES, label_names=NAMES)


def test_rows_are_drawn_without_holding_the_file(tiny_model, tmp_path, monkeypatch):
    """--max-rows on Parquet: the same texts, ids and labels as from Python, in order; the rest is read part by part."""
    texts, gold = reviews(100, 0)
    labels = [label if i > 60 else None for i, label in enumerate(gold)]  # parts without any label, too
    frame = pd.DataFrame({"id": [f"n{i}" for i in range(100)], "text": texts, "label": labels, "stars": range(100)})
    frame.to_parquet(tmp_path / "train.parquet")
    options = {"label_names": ["neg", "pos"], "method": "majority", "max_rows": 30, "seed": 3}
    with monkeypatch.context() as patched:
        patched.setattr(readers, "PART", 9)
        patched.setattr(readers, "parse", None)  # the whole file is never read
        run = weakft.train(str(tmp_path), review_lfs(), output=str(tmp_path / "a"), **options)
    same = weakft.train(frame, review_lfs(), output=str(tmp_path / "b"), **options)
    found = pd.read_parquet(run.folder / "predictions.parquet")
    pd.testing.assert_frame_equal(found, pd.read_parquet(same.folder / "predictions.parquet"))
    numbers = found["id"].str[1:].astype(int)
    assert len(set(numbers)) == 30 and numbers.is_monotonic_increasing and numbers.max() > 60
    assert run.metrics["training_rows_left_out"] == 70 and run.metrics["rows"]["train"] == 30
    other = weakft.train(frame, review_lfs(), output=str(tmp_path / "c"), **{**options, "seed": 4})
    assert list(pd.read_parquet(other.folder / "predictions.parquet")["id"]) != list(found["id"])
    every = weakft.train(frame, review_lfs(), output=str(tmp_path / "d"), **{**options, "max_rows": 100})
    assert every.metrics["training_rows_left_out"] == 0
    whole = weakft.train(str(tmp_path), review_lfs(), output=str(tmp_path / "e"), **{**options, "max_rows": 1000})
    assert whole.metrics["rows"]["train"] == 100
    assert list(pd.read_parquet(whole.folder / "predictions.parquet")["id"]) == list(frame["id"])


def test_what_is_drawn_keeps_its_gold_labels_votes_and_words():
    n = 20
    words = by_words(Dataset([" ".join(["w"] * (i % 3 + 1)) for i in range(n)], [str(i) for i in range(n)]))
    r = words.n_rows
    owner = words.places(np.arange(r))[0]
    words.gold, words.votes = Gold(owner), np.repeat(owner[:, None], 2, axis=1).astype(np.int8)
    some = drawn(words, 7, 0)
    expected = np.repeat([int(i) for i in some.ids], some.words)
    assert len(some) == 7 and list(some.gold.read("test")) == list(expected)
    assert (some.votes == expected[:, None]).all() and len(some.columns["tokens"]) == 7
    assert not words.gold.reads  # drawing is no use of a label
    assert drawn(words, 20, 0) is words
