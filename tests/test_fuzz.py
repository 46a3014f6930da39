"""Whatever a file or a table holds, reading it ends in a data set or in one `UserError`: no other error, no hang.

The fast suite tries a few hundred inputs a reader; `python -m pytest -m slow tests/test_fuzz.py` over ten thousand in all.
"""

import json
import random
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weakft.cli import parse, run
from weakft.config import TrainConfig, build, read_file
from weakft.data.dataset import Dataset
from weakft.data.formats import FORMATS
from weakft.data.objects import from_python
from weakft.data.readers import Streamed, read_splits, read_table
from weakft.data.tables import Columns
from weakft.errors import UserError
from weakft.lfs.load import load_file
from weakft.predict import main
from weakft.tasks import choose
from weakft.tasks.base import check
from weakft.training.model import EndModel

TRIES = [pytest.param(60, id="few"), pytest.param(1500, id="many", marks=pytest.mark.slow)]
NASTY = [
    "",
    " ",
    "\x00",
    "nan",
    "None",
    "0",
    "-1",
    "1e999",
    "[SEP]",
    " [SEP] ",
    "[A]x[/A]",
    "<e>",
    "🎉",
    "\u202e",
    "a" * 999,
]
texts = st.one_of(st.text(max_size=30), st.sampled_from(NASTY))
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    texts,
    st.lists(texts, max_size=3),
    st.dictionaries(texts, texts, max_size=2),
    st.binary(max_size=5),
)
names = st.one_of(st.sampled_from(["text", "label", "id", "sentence1", "sentence2", "Text", "stars"]), texts)


def tried(count, *arguments, **named):
    """Run a property on so many inputs."""

    def run(check_one):
        quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
        settings(max_examples=count, derandomize=True, deadline=None, suppress_health_check=quiet, database=None)(
            given(*arguments, **named)(check_one)
        )()

    return run


def ends_well(read):
    """A result, or a `UserError` of some sense."""
    with suppress(UserError):
        return read()
    return None


def is_whole(data):
    if data is None:
        return
    if isinstance(data, Streamed):
        ends_well(lambda: [is_whole(part) for part in data.parts()])
        return
    assert isinstance(data, Dataset) and len(data) > 0
    assert all(isinstance(text, str) and text.strip() for text in data.texts)
    assert len(set(data.ids)) == len(data.ids) == len(data.texts)
    assert all(len(column) == len(data) for column in data.columns.values())
    assert data.gold is None or (len(data.gold) == data.n_rows and data.gold.read("measure").min() >= -1)
    task = ends_well(lambda: choose("auto", data))
    ends_well(lambda: check(task, data))


def whole_file(path, rows):
    frame = pd.DataFrame(rows)
    {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".tsv": lambda: frame.to_csv(path, index=False, sep="\t"),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".ndjson": lambda: frame.to_json(path, orient="records", lines=True),
        ".json": lambda: frame.to_json(path, orient="records"),
        ".parquet": lambda: frame.to_parquet(path),
    }[path.suffix]()
    return path.read_bytes()


def damaged(content, seed):
    """The content cut, overwritten, doubled or filled in places."""
    rng = random.Random(seed)
    raw = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(raw) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            del raw[at:]
        elif kind == 1 and raw:
            raw[at % len(raw)] = rng.randrange(256)
        elif kind == 2:
            raw[at:at] = rng.choice([b"\x00", b"\xff\xfe", b'"', b",", b"\n", b"\r", b"{", b"]", b"\xed\xa0\x80"])
        else:
            raw[at:at] = raw[: rng.randrange(len(raw) + 1)]
    return bytes(raw)


@pytest.mark.parametrize("count", TRIES)
@pytest.mark.parametrize("extension", FORMATS)
def test_files(tmp_path, extension, count):
    path = tmp_path / f"data{extension}"
    whole = whole_file(path, {"text": ['a, "b"', "two\nlines", "ü🎉"], "label": ["x", "y", "x"], "id": [3, 4, 5]})

    @tried(count, st.one_of(st.binary(max_size=200), st.integers(0, 2**32)), st.sampled_from([None, ["x", "y"]]))
    def _(found, labels):
        path.write_bytes(found if isinstance(found, bytes) else damaged(whole, found))
        is_whole(ends_well(lambda: read_table(path, Columns(label_names=labels))))
        if extension == ".parquet":
            is_whole(ends_well(lambda: Streamed(path, Columns(label_names=["x", "y"]))))


@pytest.mark.parametrize("count", TRIES)
def test_tables_of_any_values(tmp_path, count):
    table = st.integers(0, 4).flatmap(
        lambda n: st.dictionaries(names, st.lists(values, min_size=n, max_size=n), max_size=4)
    )
    options = st.builds(
        Columns, st.none() | names, st.none() | names, st.none() | names, st.none() | st.just(["x", "y"])
    )

    @tried(count, table, options)
    def _(columns, asked):
        is_whole(ends_well(lambda: from_python(pd.DataFrame(columns), asked, "train")))
        for value in columns.values():
            is_whole(ends_well(lambda value=value: from_python(value, Columns(), "train")))
        path = tmp_path / "rows.json"
        try:
            path.write_text(
                json.dumps([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])
            )
        except (TypeError, ValueError):
            return
        is_whole(ends_well(lambda: read_table(path, asked)))


@pytest.mark.parametrize("count", TRIES)
def test_wrench_folders(tmp_path, count):
    example = st.fixed_dictionaries(
        {},
        optional={
            "data": st.one_of(values, st.dictionaries(names, values, max_size=4)),
            "label": st.one_of(values, st.integers(-2, 3)),
            "weak_labels": st.one_of(values, st.lists(st.integers(-2, 3) | values, max_size=3)),
        },
    )
    rows = st.one_of(values, st.dictionaries(texts, st.one_of(example, values), max_size=4))
    labels = st.one_of(st.just({"0": "no", "1": "yes"}), values)

    @tried(count, labels, rows, st.one_of(st.none(), values, st.just(["a", "b"])))
    def _(label_file, train, lfs):
        try:
            contents = {"label": json.dumps(label_file), "train": json.dumps(train), "lfs": json.dumps(lfs)}
        except (TypeError, ValueError):
            return
        for name, content in contents.items():
            (tmp_path / f"{name}.json").write_text(content, "utf-8", errors="replace")
        splits = ends_well(lambda: read_splits(tmp_path, Columns()))
        if splits is not None:
            is_whole(splits.train)
            assert splits.train.votes is None or np.issubdtype(splits.train.votes.dtype, np.integer)


@pytest.mark.parametrize("count", TRIES)
def test_options(tmp_path, count):
    fields = st.sampled_from([*TrainConfig.model_fields, "lerning_rate", "", "seed "])

    @tried(
        count,
        st.dictionaries(fields, values, max_size=4),
        st.text(max_size=60),
        st.sampled_from(["yaml", "toml", "yml"]),
    )
    def _(options, content, extension):
        ends_well(lambda: build(TrainConfig, options, "options"))
        file = tmp_path / f"options.{extension}"
        file.write_text(content, "utf-8", errors="replace")
        ends_well(lambda: parse(TrainConfig, ["--config", str(file)], "weakft train"))
        ends_well(lambda: read_file(file))


@pytest.mark.parametrize("count", TRIES)
def test_files_with_labeling_functions(tmp_path, count):
    lines = st.sampled_from(
        [
            "from weakft import *",
            "import nothing_of_that_name",
            "LABELS = ['a', 'b']",
            "LABELS = 7",
            "LFS = [1]",
            "x = 1 / 0",
            "f = keywords('f', ['x'], 'a')",
            "g = regex('g', '(', 'a')",
            "@labeling_function()\ndef h(x):\n    return 1",
            "raise SystemExit(3)",
            "def broken(:",
        ]
    )

    @tried(count, st.lists(lines | st.text(max_size=20), max_size=6))
    def _(found):
        file = tmp_path / "rules.py"
        file.write_text("\n".join(found), "utf-8", errors="replace")
        ends_well(lambda: load_file(file))


@pytest.mark.parametrize("count", TRIES)
@pytest.mark.parametrize("extension", FORMATS)
def test_predict(tiny_model, tmp_path, monkeypatch, capfd, extension, count):
    names = ["neg", "pos"]
    EndModel(str(tiny_model), names, device="cpu", precision="fp32", max_length=32).save(tmp_path / "model")
    loaded = EndModel.load(tmp_path / "model")
    monkeypatch.setattr(EndModel, "load", lambda _folder: loaded)
    (tmp_path / "files").mkdir()
    file, output = tmp_path / "files" / f"in{extension}", tmp_path / "files" / "out.jsonl"
    whole = whole_file(file, {"text": ["a good film", "two\nlines", "ü🎉"], "id": [3, 4, 5]})
    made = st.one_of(st.integers(0, 2**32), st.lists(values, min_size=1, max_size=3), st.lists(texts, min_size=1))

    @tried(count // 5, made)
    def _(found):
        if isinstance(found, list):
            try:
                whole_file(file, {"text": found})
            except Exception:  # what pandas cannot write
                return
        else:
            file.write_bytes(damaged(whole, found))
        output.write_text("of before")
        code = run(main, [str(tmp_path / "model"), "--input", str(file), "--output", str(output)])
        said = capfd.readouterr().err
        assert (code, output.read_text() == "of before") in ((0, False), (2, True)) and "Traceback" not in said
        assert sorted(p.name for p in (tmp_path / "files").iterdir()) == [file.name, output.name]


@pytest.mark.slow
def test_a_million_columns(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{i}" for i in range(10**6)) + "\n" + ",".join("x" for _ in range(10**6)), "utf-8")
    for columns in (Columns(), Columns(text="c07")):
        with pytest.raises(UserError, match="'c0', 'c1', .* and 999,980 more") as raised:
            read_table(path, columns)
        assert len(str(raised.value)) < 1000
    assert read_table(path, Columns(text="c7")).texts == ["x"]


def test_large_ones(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("text\n" + "x" * 10_000_000 + "\n", "utf-8")
    assert len(read_table(path, Columns()).texts[0]) == 10_000_000
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join("x" for _ in range(100_000)), "utf-8")
    with pytest.raises(UserError, match="cannot tell which column is the text"):
        read_table(path, Columns())
    assert read_table(path, Columns(text="c7")).texts == ["x"]
    wide = pa.table({f"c{i}": [1] for i in range(2000)} | {"text": ["a"]})
    pyarrow.parquet.write_table(wide, tmp_path / "wide.parquet")
    assert len(read_table(tmp_path / "wide.parquet", Columns()).columns) == 2000
