"""Every format reads the same; what cannot be used is refused with file, row and column."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weakft.config import DataOptions
from weakft.data.dataset import Gold
from weakft.data.formats import FORMATS
from weakft.data.objects import from_python
from weakft.data.readers import SPLIT_NAMES, read_splits, read_table, read_texts
from weakft.data.tables import ID_GUESSES, LABEL_GUESSES, TEXT_GUESSES, Columns
from weakft.errors import UserError
from weakft.inputs import Given, load_data

TEXTS = ['a, "quoted" text', "two\nlines", "ünïcode 🎉", "plain"]
LABELS = ["pos", "neg", "pos", "neg"]


def frame():
    return pd.DataFrame({"id": ["w", "x", "y", "z"], "text": TEXTS, "label": LABELS, "stars": ["5", "1", "4", "2"]})


def write(folder, name):
    path = folder / name
    {
        ".csv": lambda: frame().to_csv(path, index=False),
        ".tsv": lambda: frame().to_csv(path, index=False, sep="\t"),
        ".jsonl": lambda: frame().to_json(path, orient="records", lines=True),
        ".json": lambda: frame().to_json(path, orient="records"),
        ".parquet": lambda: frame().to_parquet(path),
    }[path.suffix]()
    return path


def test_classes_that_are_numbers_are_in_their_order():
    columns = Columns()
    data = from_python(pd.DataFrame({"text": TEXTS, "label": ["10", "2", "-1", "10"]}), columns, "train")
    assert columns.found_labels == ["-1", "2", "10"]
    assert data.gold.read("measure").tolist() == [2, 1, 0, 2]


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_formats_read_alike(tmp_path, extension):
    data = read_table(write(tmp_path, f"train.{extension}"), Columns())
    assert data.texts == TEXTS
    assert data.ids == ["w", "x", "y", "z"]
    assert data.columns["stars"] == ["5", "1", "4", "2"]
    assert data.gold.read("measure").tolist() == [1, 0, 1, 0]  # neg, pos in sorted order


def test_a_folder_of_splits_shares_one_order_of_labels(tmp_path):
    frame().to_csv(tmp_path / "train.csv", index=False)
    frame().iloc[:2].to_parquet(tmp_path / "dev.parquet")
    splits = read_splits(tmp_path, Columns(label_names=["pos", "neg"]))
    assert splits.train.gold.read("measure").tolist() == [0, 1, 0, 1]
    assert splits.valid.gold.read("measure").tolist() == [0, 1]
    assert splits.test is None


def test_python_objects():
    assert from_python(["a", "b"], Columns(), "x").ids == ["0", "1"]
    assert from_python(frame(), Columns(), "x").gold.n_known == 4
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    columns = Columns()
    made = from_python(datasets.Dataset.from_dict({"text": ["a"], "label": [1]}, features=features), columns, "x")
    assert made.gold.read("measure").tolist() == [1]
    assert columns.label_names == ["pos", "neg"]
    with pytest.raises(UserError, match="found int"):
        from_python(3, Columns(), "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"text,label\n", "columns but no rows"),
        (b"text,label\na,x\n,y\n", "row 2, column 'text': expected a text, found nothing"),
        (b"text,label\na,x\n  ,y\n", "row 2, column 'text'.*only white space"),
        (b"id,text\n1,a\n2,b\n1,c\n", "row 3, column 'id': id '1' was row 1's already"),
        (b"text,label\na,pos\nb,nge\n", "row 2, column 'label': unknown label 'nge'.*Did you mean 'neg'"),
        (b"text,label\na,7\n", "row 1, column 'label': unknown label '7'"),
        (b"text\ncaf\xe9\n", "line 2, byte 4: 0xe9 is not UTF-8"),
        ("text\nx".encode("utf-16"), "is UTF-16.*iconv -f utf-16"),
        (b'text,label\n"It is \\"good\\" stuff",pos\n', "line 2: a quote at the beginning of a value has text behind"),
        (b'text,label\n"Hello good" she said,pos\n', "line 2: a quote at the beginning of a value has text behind"),
        (b"text,text\na,b\n", "two columns are named 'text'"),
        (b"\n,\n,x\n", "two columns are named ''"),
        (b"text,sentence\na,b\n", "'text' and 'sentence' could each be the text; choose with --text-column"),
        (b"foo,bar\na,b\n", "cannot tell which column is the text; there are 'foo', 'bar'"),
        (b"text,label\na,b,c\n", "cannot be read as CSV"),
    ],
)
def test_bad_csv_is_refused_with_row_and_column(tmp_path, content, message):
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(tmp_path / "train.csv", Columns(label_names=["pos", "neg"]))
    assert "train.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["texts.csv", "texts.TSV"])
def test_a_file_of_one_column_without_a_header_does_not_lose_its_first_text(tmp_path, name):
    (tmp_path / name).write_text("good film today\nbad film\n")
    with pytest.raises(
        UserError, match="its only column, 'good film today', looks like a text: the first line of a file"
    ):
        read_table(tmp_path / name, Columns())
    assert read_table(tmp_path / name, Columns(text="good film today")).texts == ["bad film"]
    (tmp_path / name).write_text("review\ngood film\n")
    assert read_table(tmp_path / name, Columns()).texts == ["good film"]


def test_mixed_types_and_missing_columns(tmp_path):
    (tmp_path / "t.json").write_text('[{"text": "a", "label": "x"}, {"text": 5, "label": "y"}]')
    with pytest.raises(UserError):
        read_table(tmp_path / "t.json", Columns())
    with pytest.raises(UserError, match="no column 'txt'.*Did you mean 'text'"):
        read_table(write(tmp_path, "a.csv"), Columns(text="txt"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match="cannot be read as PARQUET"):
        read_table(tmp_path / "bad.parquet", Columns())
    with pytest.raises(UserError, match="unknown format .xlsx"):
        (tmp_path / "a.xlsx").write_bytes(b"x")
        read_table(tmp_path / "a.xlsx", Columns())


@pytest.mark.parametrize("content", [b"null\n", b"\xef\xbb\xbf \n null", b"\n\n", b"[1]\n"])
def test_jsonl_without_objects_is_refused(tmp_path, content):
    (tmp_path / "a.jsonl").write_bytes(content)  # pyarrow crashes on the first two
    with pytest.raises(UserError, match="expected an object a line"):
        read_table(tmp_path / "a.jsonl", Columns())


@pytest.mark.parametrize("line", ["[[]]", "[]", "5", '"ab"'])
@pytest.mark.parametrize("first", ['{"text": "a"}', '{"text": "a", "meta": {"b": 1}}'])
def test_a_line_that_is_no_object_is_told(tmp_path, first, line):
    (tmp_path / "a.jsonl").write_text(f"{first}\n{line}\n")
    with pytest.raises(UserError, match="line 2: expected an object, found"):
        read_table(tmp_path / "a.jsonl", Columns())


def test_empty_lines_before_a_header(tmp_path):
    (tmp_path / "a.csv").write_text("\n\ntext,label\na,007\n")
    columns = Columns()
    assert read_table(tmp_path / "a.csv", columns).texts == ["a"]
    assert columns.found_labels == ["007"]  # and not 7


def test_folder_without_train(tmp_path):
    (tmp_path / "other.csv").write_text("text\na\n")
    with pytest.raises(UserError, match=r"expected a WRENCH folder.*found other\.csv"):
        read_splits(tmp_path, Columns())
    with pytest.raises(UserError, match="no such file or folder"):
        read_splits(tmp_path / "none", Columns())


def wrench(folder, rows, labels=None):
    (folder / "label.json").write_text(json.dumps(labels or {"0": "a", "1": "b"}))
    (folder / "train.json").write_text(json.dumps(rows))
    return folder


def row(text="t", label=0, votes=(0, -1)):
    return {"data": {"text": text}, "label": label, "weak_labels": list(votes)}


def test_wrench_folder(tmp_path):
    splits = read_splits(wrench(tmp_path, {"0": row(), "1": row("u", 1, (-1, 1))}), Columns())
    assert splits.label_names == ["a", "b"]
    assert splits.train.votes.dtype == np.int8
    assert splits.train.votes.tolist() == [[0, -1], [-1, 1]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(label=2), "example '1': label 2 is not"),
        (row(votes=(0, 5)), "example '1': vote 1 is 5"),
        (row(votes=(0,)), "example '1': 1 votes in weak_labels, expected 2"),
        (
            {"data": {"text": 3}, "label": 0},
            "example '1': expected data.text to be a string or a list of tokens, found int",
        ),
        ({"data": {"text": "a"}, "label": 0}, "1 of 2 examples have weak_labels"),
        (row(text="a \ud83d"), "example '1': column 'text': character 3 of .* is half a character"),
    ],
)
def test_bad_wrench_rows_are_named(tmp_path, bad, message):
    with pytest.raises(UserError, match=message):
        read_splits(wrench(tmp_path, {"0": row(), "1": bad}), Columns())


def test_wrench_splits_have_votes_of_the_same_functions(tmp_path):
    wrench(tmp_path, {"0": row(), "1": row()})
    (tmp_path / "valid.json").write_text(json.dumps({"0": row(votes=(0, 1, -1))}))
    with pytest.raises(UserError, match="valid.json: example '0': 3 votes in weak_labels, expected 2"):
        read_splits(tmp_path, Columns())


def test_class_names_that_datasets_keeps_in_parquet_count(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    theirs = datasets.Dataset.from_dict({"text": TEXTS, "label": [0, 1, 1, -1]}, features=features)
    theirs.to_parquet(tmp_path / "train.parquet")
    for names, classes in ((["neg", "pos"], [1, 0, 0, -1]), (None, [0, 1, 1, -1])):
        for data in (
            read_table(tmp_path / "train.parquet", Columns(label_names=names)),
            from_python(theirs, Columns(label_names=names), "train"),
            *read_texts(tmp_path / "train.parquet", Columns(label_names=names or ["pos", "neg"])).parts(),
        ):
            assert data.gold.read("measure").tolist() == classes
    kept = Columns()
    read_table(tmp_path / "train.parquet", kept)
    assert kept.label_names == ["pos", "neg"]
    with pytest.raises(UserError, match="unknown label 'pos'; the classes are 'bad', 'good'"):
        read_table(tmp_path / "train.parquet", Columns(label_names=["bad", "good"]))


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_quotes_that_swallow_rows_are_refused(tmp_path, delimiter):
    path = tmp_path / ("a.csv" if delimiter == "," else "a.tsv")
    rows = [("id", "text"), ("0", '"good film'), ("1", "a book"), ("2", '"great film'), ("3", "poor")]
    path.write_text("\n".join(map(delimiter.join, rows)))
    with pytest.raises(UserError, match=f"{path.name}: cannot be read as .*: line 2: a quote .* closes it, in line 4"):
        read_table(path, Columns())
    rows[1], rows[3] = ("0", '"good\nfilm"'), ("2", '"a ""great"" film"')
    path.write_text("\n".join(map(delimiter.join, rows)))
    assert read_table(path, Columns()).texts == ["good\nfilm", "a book", 'a "great" film', "poor"]


@pytest.mark.parametrize("rows", [2, 20_000])
@pytest.mark.parametrize("last", ["plain text", '"great" film'])
def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path, rows, last):
    path = tmp_path / "a.csv"
    path.write_text("label,text\na,plain\n" + "b,plain text\n" * rows + 'b,"I love it\n' + f"a,{last}\n" * rows)
    how = r"is never closed" if last == "plain text" else rf"text behind the one that closes it, in line {rows + 4}"
    with pytest.raises(UserError, match=rf"line {rows + 3}: a quote at the beginning of a value .*{how}"):
        read_table(path, Columns())
    path.write_text('label,text\na,"' + "a line\n" * rows + '"\nb,plain\n')
    assert read_table(path, Columns()).texts == ["a line\n" * rows, "plain"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_tabs_within_a_value_over_lines_are_other_columns(tmp_path, end):
    rows = ["text\tlabel", '"Great film\tpos', "bad one\tneg", 'he said "\tneg', "good\tpos"]
    (tmp_path / "a.tsv").write_bytes(end.join(rows).encode())
    with pytest.raises(
        UserError, match="line 2: a quote at the beginning of a value is closed in line 4, behind other"
    ):
        read_table(tmp_path / "a.tsv", Columns())
    rows[1], rows[3] = 'Great "film"\tpos', '"he said\tso" \tneg'.replace(" ", "")
    (tmp_path / "a.tsv").write_bytes(end.join(rows).encode())
    assert read_table(tmp_path / "a.tsv", Columns()).texts[2] == "hesaid\tso"


@pytest.mark.parametrize("first", [0, 120])
def test_objects_keep_their_own_keys(tmp_path, first):
    """Also where the first lines have none."""
    objects = [None] * first + [{"reply_to": 5}, {"other": [1, {"a": None}]}, {}, None, {"at": "2024-01-01T00:00:00"}]
    rows = [{"text": f"t{i}", "meta": value, "n": i} for i, value in enumerate(objects)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    for found in (
        read_table(tmp_path / "a.jsonl", Columns()),
        read_table(tmp_path / "a.json", Columns()),
        from_python(pd.DataFrame(rows), Columns(), "x"),
    ):
        assert found.columns["meta"] == objects and list(found.columns["n"]) == list(range(len(rows)))
    with pytest.raises(UserError, match="column 'meta': expected texts, found objects"):
        read_table(tmp_path / "a.jsonl", Columns(text="meta"))
    (tmp_path / "a.jsonl").write_text('{"text": "a", "meta": {"b": 1}}\n{"text": "a", "meta": {"b": 1}\n')
    with pytest.raises(UserError, match="a.jsonl: cannot be read as JSONL: line 2: "):
        read_table(tmp_path / "a.jsonl", Columns())


def test_objects_cost_no_more_than_their_rows(tmp_path):
    """As Arrow has them, each has the keys of all: 4,000 would take gigabytes."""
    rows = [{"text": f"t{i}", "meta": {f"k{i}": 1, f"l{i}": 2, f"m{i}": 3}} for i in range(20_000)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_table(tmp_path / "a.jsonl", Columns()).columns["meta"][7] == rows[7]["meta"]


def test_a_later_split_brings_no_other_order_of_the_classes(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["spam", "ham"])}
    )
    pd.DataFrame({"text": ["a", "b"]}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"text": ["a", "b"], "label": ["ham", "spam"]}).to_csv(tmp_path / "valid.csv", index=False)
    rows = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    rows.to_parquet(tmp_path / "test.parquet")
    columns = Columns()
    splits = read_splits(tmp_path, columns)
    assert (columns.label_names or columns.found_labels) == ["ham", "spam"]
    assert [s.gold.read("measure").tolist() for s in (splits.valid, splits.test)] == [[0, 1], [0, 1]]


def test_ids_too_large_to_be_read_exactly_are_refused_or_read_exactly(tmp_path):
    large = [12345678901234567890, 7]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": i, "text": "a"}) + "\n" for i in large))
    with pytest.raises(UserError, match=r"a\.jsonl: row 1, column 'id': .* too large to be read exactly"):
        read_table(tmp_path / "a.jsonl", Columns())
    (tmp_path / "a.json").write_text(json.dumps([{"id": i, "text": "a"} for i in large]))
    frame = pd.DataFrame({"id": np.array(large, dtype=np.uint64), "text": ["a", "b"]})
    for data in (read_table(tmp_path / "a.json", Columns()), from_python(frame, Columns(), "train")):
        assert data.ids == list(map(str, large))


@pytest.mark.parametrize("column", ["when", "label"])
def test_a_date_that_python_has_none_for_is_named(tmp_path, column):
    times = pa.array([10**12, 0], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["a", "b"], column: times}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=rf"a\.parquet: column '{column}': cannot be read as Python values: .*range"):
        read_table(tmp_path / "a.parquet", Columns())


def test_a_header_that_opens_a_quote(tmp_path):
    for rows in (2, 60_000):
        (tmp_path / "a.csv").write_text('"text,label\n' + "a,b\n" * rows)
        with pytest.raises(
            UserError, match=r"a\.csv: cannot be read as CSV: (its first line opens a quote|field larger)"
        ):
            read_table(tmp_path / "a.csv", Columns())


def test_gold_counts_every_use():
    gold = Gold(np.array([0, 1, -1]))
    assert gold.n_known == 2
    assert not gold.reads
    gold.read("measure")
    assert gold.reads == {"measure": 1}


@pytest.mark.parametrize(
    ("name", "coverage", "accuracy"),
    [("youtube", 0.877, 0.863), ("trec", 0.951, 0.536), ("chemprot", 0.860, 0.554), ("yoruba", 0.933, 0.602)],
)
def test_real_data_has_the_published_coverage_and_accuracy(real_data, name, coverage, accuracy):
    """Against the data README: share of covered rows and the majority vote's accuracy, ties at random."""
    splits = read_splits(real_data / name, Columns())
    L, gold = splits.train.votes, splits.train.gold.read("measure")
    rows = (L >= 0).any(1)
    counts = np.stack([(L == c).sum(1) for c in range(len(splits.label_names))], 1)[rows]
    top = counts == counts.max(1, keepdims=True)
    expected = (top[np.arange(len(top)), gold[rows]] / top.sum(1)).mean()
    assert rows.mean() == pytest.approx(coverage, abs=0.001)
    assert expected == pytest.approx(accuracy, abs=0.012)


def test_labels_that_are_numbers_are_names_where_classes_are():
    def gold(labels, names):
        return from_python(
            pd.DataFrame({"text": ["a"] * len(labels), "label": labels}), Columns(label_names=names), "d"
        )

    assert gold([0, 1, -1, 1], ["ham", "spam"]).gold.read("measure").tolist() == [0, 1, -1, 1]
    assert gold([2, 1, -1], ["1", "2"]).gold.read("measure").tolist() == [1, 0, -1]
    with pytest.raises(UserError, match="row 1, column 'label': unknown label 0; the classes are '1', '2'"):
        gold([0, 1], ["1", "2"])
    assert gold([-1, -1], ["ham", "spam"]).gold is None
    assert gold([0.0, None, 1.0], ["ham", "spam"]).gold.read("measure").tolist() == [0, -1, 1]
    assert gold([3.0, None, 1.0], None).gold.read("measure").tolist() == [1, -1, 0]


def test_strings_like_dates_stay_strings_in_jsonl(tmp_path):
    row = {"text": "2020-01-01", "id": "2024-01-01", "date": "2020-01-01", "more": {"of": ["2020-01-01"], "n": 1}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    data = read_table(tmp_path / "a.jsonl", Columns())
    assert data.texts == ["2020-01-01"] and list(data.ids) == ["2024-01-01"]
    assert data.columns == {"date": ["2020-01-01"], "more": [{"of": ["2020-01-01"], "n": 1}]}


def test_two_classes_of_one_name(tmp_path):
    from weakft.config import TrainConfig, build
    from weakft.inputs import Given, load

    (tmp_path / "label.json").write_text('{"0": "a", "1": "a"}')
    (tmp_path / "train.json").write_text('{"0": {"data": {"text": "x"}, "label": 0, "weak_labels": [0]}}')
    with pytest.raises(UserError, match="two classes are named 'a'"):
        load(build(TrainConfig, {"data": str(tmp_path), "votes": "from-data"}, "t"), Given())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id;text\n1;good\n", "first line, 'id;text', is one column name with ';' in it; expected ','"),
        ("a.csv", "id\ttext\n1\tgood\n", "is one column name with"),
        ("a.csv", "id,text\n1,hello, world\n", "row 1: Expected 2 columns, got 3.*put a value that holds a ','"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b", }\n', "line 2: "),
        (
            "a.jsonl",
            '{"text": "a", "n": 1}\n\n{"text": "b", "n": "x"}\n',
            "line 3: 'n' is 'x'; expected values of one type, as num",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / name, Columns())


def test_named_classes_of_another_order_keep_their_names():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["spam", "ham"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, -1]}, features=features)
    assert from_python(rows, Columns(label_names=["ham", "spam"]), "d").gold.read("measure").tolist() == [1, 0, -1]
    columns = Columns()
    assert from_python(rows, columns, "d").gold.read("measure").tolist() == [0, 1, -1]
    assert columns.label_names == ["spam", "ham"]


def named_by_datasets(labels, names):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    return datasets.Dataset.from_dict({"text": TEXTS[: len(labels)], "label": labels}, features=features)


@pytest.mark.parametrize("earlier", [["ham", "spam"], [1, 2], [0, 1, 2, 3]])
def test_class_names_that_come_later_do_not_rename_other_labels(earlier):
    columns = Columns()
    from_python(pd.DataFrame({"text": TEXTS[: len(earlier)], "label": earlier}), columns, "valid")
    with pytest.raises(
        UserError, match=r"test: the classes of column 'label' are 'Spam', 'Ham', 'x'.* found in valid are"
    ):
        from_python(named_by_datasets([0, 1], ["Spam", "Ham", "x"]), columns, "test")


def test_class_names_that_come_later_name_their_numbers():
    columns = Columns()
    frame = pd.DataFrame({"text": TEXTS[:2], "label": [0, 1]})
    assert from_python(frame, columns, "valid").gold.read("measure").tolist() == [0, 1]
    assert from_python(named_by_datasets([2, 1], ["a", "b", "c"]), columns, "test").gold.read("measure").tolist() == [
        2,
        1,
    ]
    assert columns.label_names == ["a", "b", "c"]


def test_nan_is_a_missing_label_in_every_format(tmp_path):
    table = pa.table({"text": TEXTS, "label": [1.0, float("nan"), 0.0, 1.0], "stars": [float("nan"), 1.5, 2.0, 3.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    (tmp_path / "a.json").write_text(json.dumps(table.to_pylist()))
    for data in (
        *(read_table(tmp_path / name, Columns()) for name in ("a.parquet", "a.jsonl", "a.json")),
        from_python(table, Columns(), "a"),
        from_python(table.to_pandas(), Columns(), "a"),
    ):
        assert data.gold.read("measure").tolist() == [1, -1, 0, 1]
        assert data.columns == {"stars": [None, 1.5, 2.0, 3.0]}


def test_a_key_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"a": {"text": "t"}, "a": {"text": "u"}}')
    (tmp_path / "a.jsonl").write_text('{"text": "t", "meta": {"b": 1, "b": 2}}\n')
    for name, said in (("a.json", "the key 'a' stands twice"), ("a.jsonl", "line 1: the key 'b' stands twice")):
        with pytest.raises(UserError, match=rf"{name}: cannot be read as JSONL?: {said}"):
            read_table(tmp_path / name, Columns())
    wrench(tmp_path, {"0": row(), "1": row()})
    (tmp_path / "label.json").write_text('{"0": "a", "1": "b", "1": "c"}')
    with pytest.raises(UserError, match=r"label.json: cannot be read as JSON: the key '1' stands twice"):
        read_splits(tmp_path, Columns())


def test_data_with_a_layout_of_its_own_has_no_columns_to_name(tmp_path):
    folder = wrench(tmp_path, {"0": row(), "1": row("u", 1, (-1, 1))})
    for options in (DataOptions(data=str(folder), label_column="none"), DataOptions(label_column="none")):
        splits = load_data(options, Given(), None)
        assert {split.gold for _, split in splits.named()} == {None}
    for options in (DataOptions(data=str(folder), text_column="txt"), DataOptions(id_column="txt")):
        with pytest.raises(UserError, match="-column txt: .*no columns to name"):
            load_data(options, Given(), None)
    pd.DataFrame({"txt": ["a"], "label": ["b"]}).to_csv(tmp_path / "more.csv", index=False)
    options = DataOptions(data=str(folder), valid=str(tmp_path / "more.csv"), text_column="txt")
    assert load_data(options, Given(), ["a", "b"]).valid.texts == ["a"]  # it is of this file


def test_every_value_of_a_csv_file_is_a_string(tmp_path):
    (tmp_path / "a.csv").write_text("id,text,label,title\n1,good,pos,\n2,bad,,007\n")
    data = read_table(tmp_path / "a.csv", Columns())
    assert data.columns == {"title": ["", "007"]}
    assert data.gold.read("measure").tolist() == [0, -1]
    (tmp_path / "a.csv").write_text("id,text\n1,good\n,bad\n")
    with pytest.raises(UserError, match="row 2, column 'id': the id is missing"):
        read_table(tmp_path / "a.csv", Columns())


def test_whole_numbers_that_pandas_wrote_beside_gaps_are_whole_numbers(tmp_path):
    """1.0 in a file is the class 1, as it is in a table with types; other decimals are names."""
    for name, labels in (("a", [1, None, 5, 4]), ("b", [2.5, None, 5, 1])):
        pd.DataFrame({"text": TEXTS, "label": labels}).to_csv(tmp_path / f"{name}.csv", index=False)
    stars, shares = Columns(), Columns()
    assert read_table(tmp_path / "a.csv", stars).gold.read("measure").tolist() == [0, -1, 2, 1]
    assert stars.found_labels == ["1", "4", "5"]
    read_table(tmp_path / "b.csv", shares)
    assert shares.found_labels == ["1.0", "2.5", "5.0"]
    pd.DataFrame({"text": TEXTS, "label": [0, None, 1, 1]}).to_csv(tmp_path / "c.csv", index=False)
    halves = Columns()
    from_python(pd.DataFrame({"text": TEXTS, "label": [0.5, 1.0, None, 2.0]}), halves, "a")
    assert halves.found_labels == ["0.5", "1.0", "2.0"]
    for names in (["1.0", "0.0"], ["0.0", "1.0"]):  # names that are numbers, whatever their order
        frame = pd.DataFrame({"text": TEXTS, "label": [1.0, 0.0, None, 1.0]})
        found = from_python(frame, Columns(label_names=names), "a").gold.read("measure").tolist()
        assert found == [names.index("1.0"), names.index("0.0"), -1, names.index("1.0")]
    for names in (["ham", "spam"], ["0", "1"], ["0.0", "1.0"]):
        assert read_table(tmp_path / "c.csv", Columns(label_names=names)).gold.read("measure").tolist() == [0, -1, 1, 1]


def test_the_label_column_may_be_of_the_labeled_splits_alone(tmp_path):
    from weakft.config import TrainConfig, build
    from weakft.inputs import Given, load_data

    def load(**more):
        options = {"data": str(tmp_path / "a.csv"), "valid": str(tmp_path / "b.csv"), **more}
        return load_data(build(TrainConfig, options, "t"), Given(), ["neg", "pos"])

    pd.DataFrame({"text": TEXTS, "category": "music"}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"text": TEXTS, "verdict": LABELS}).to_csv(tmp_path / "b.csv", index=False)
    splits = load(label_column="verdict")
    assert splits.valid.gold.n_known == 4 and splits.train.gold is None
    with pytest.raises(UserError, match="a.csv: there is no column 'verdicts' for the label; there are 'category'"):
        load(label_column="verdicts")
    with pytest.raises(
        UserError, match="unknown label 'music'.*Column 'category' was taken for the labels by its name"
    ):
        load()
    assert load(label_column="none").train.columns["category"] == ["music"] * 4


def test_an_unknown_label_says_where_the_others_were_found():
    columns = Columns()
    from_python(pd.DataFrame({"text": TEXTS, "label": "ham"}), columns, "train.csv")
    with pytest.raises(UserError, match="unknown label 'spam'; the classes are 'ham'.*found in train.csv: name all"):
        from_python(pd.DataFrame({"text": TEXTS, "label": "spam"}), columns, "valid.csv")


def test_files_that_no_split_is_read_from_are_named(tmp_path):
    write(tmp_path, "train.csv")
    write(tmp_path, "Valid.csv")
    (tmp_path / "test.csv.gz").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    assert read_splits(tmp_path, Columns()).passed_over == ["Valid.csv", "test.csv.gz"]


def test_json_as_pandas_writes_it_by_column(tmp_path):
    frame().to_json(tmp_path / "a.json")
    raw = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(raw, encoding="utf-8-sig")
    data = read_table(tmp_path / "a.json", Columns())
    assert data.texts == TEXTS and data.ids == ["w", "x", "y", "z"] and data.gold.n_known == 4


def test_tokens_in_lists_of_one_length(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    words = pa.array([["a", "b"], ["c", "d"]], pa.list_(pa.string(), 2))
    pa.parquet.write_table(pa.table({"tokens": words}), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", Columns()).words.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("value", "source", "message"),
    [
        (
            {"train": ["a"], "validation": ["b"]},
            "train",
            r"splits train, validation: give data=d\['train'\], valid=d\['val",
        ),
        (
            {"train": ["a"], "test": ["b"]},
            "texts",
            r"texts: holds the splits train, test: give one of them, such as d\['te",
        ),
        ({"text": ["a"]}, "train", "expected a list of strings .* found dict"),
        (
            (["good film", "bad film"], ["pos", "neg"]),
            "valid",
            "valid: holds 2 columns of 2 values each. From Python, texts",
        ),
        (
            np.array([["good film", "pos"], ["bad", "neg"]]),
            "valid",
            "texts with labels are a DataFrame with a text and a",
        ),
        (
            ["good", "half \ud83d of it"],
            "train",
            r"row 2, column 'text': character 6 of 'half \\ud83d of it' is half a ch",
        ),
        ([["good"], ["\ud83d"]], "train", "row 2, column 'tokens': character 1 of"),
    ],
)
def test_objects_that_are_not_one_split(value, source, message):
    with pytest.raises(UserError, match=message):
        from_python(value, Columns(), source)


def test_a_dict_of_datasets_is_refused():
    datasets = pytest.importorskip("datasets")
    splits = datasets.DatasetDict({"train": datasets.Dataset.from_dict({"text": ["good film"]})})
    with pytest.raises(UserError, match=r"train: holds the splits train: give data=d\['train'\]"):
        from_python(splits, Columns(), "train")


def test_token_lists_in_a_tuple_or_an_array_are_still_token_lists():
    assert from_python((["a", "b"], ["c", "d"]), Columns(), "train").texts == ["a b", "c d"]
    assert from_python(np.array([["a", "b"], ["c", "d"]]), Columns(), "train").texts == ["a b", "c d"]


def test_a_data_set_of_unknown_length_is_refused():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["a", "b"]}).to_iterable_dataset()
    with pytest.raises(UserError, match="found IterableDataset"):
        from_python(rows, Columns(), "train")


def test_tokens_keep_white_space_that_is_no_space():
    data = from_python(pd.DataFrame({"tokens": [["find", "b\u00a0c", "cheap"]]}), Columns(), "d")
    assert data.words.tolist() == [3] and data.texts == ["find b\u00a0c cheap"]


def test_the_guide_names_the_columns_and_splits_that_are_looked_for():
    """docs/guide.md against the code: each name of the guide is one that is found, and none is missing there."""
    guide = (Path(__file__).parent.parent / "docs" / "guide.md").read_text(encoding="utf-8")
    lines = guide[guide.index("## Data") : guide.index("## Rules")].splitlines()
    for what, names in (("text", TEXT_GUESSES), ("gold label", LABEL_GUESSES), ("id", ID_GUESSES)):
        row = next(line for line in lines if line.startswith(f"| {what} |"))
        assert re.findall("`([^`]+)`", row.split("|")[2]) == list(names)
    splits = " ".join(line for line in lines if not line.startswith("|"))
    assert all(f"`{name}`" in splits for names in SPLIT_NAMES.values() for name in names)
    assert all(f"`{ext}`" in splits for ext in FORMATS)
