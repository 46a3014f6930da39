"""Labeling functions: kinds, loading a user's file, votes, failures, the summary."""

import os
import re
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import weakft
from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs import LabelingFunction, column, gazetteer, keywords, labeling_function, regex
from weakft.lfs.apply import apply
from weakft.lfs.load import code_beside, load_file
from weakft.lfs.summary import summarise, wilson

LABELS = ["ham", "spam"]


def data(*texts, **columns):
    return Dataset(list(texts), [f"id{i}" for i in range(len(texts))], columns)


def vote(lf, *texts, **columns):
    return apply([lf], data(*texts, **columns), LABELS)[0][:, 0].tolist()


def write(tmp_path, body):
    path = tmp_path / "rules.py"
    path.write_text(textwrap.dedent(body), encoding="utf-8")
    return path


def test_keywords_match_whole_words_whatever_their_case():
    lf = keywords("k", ["win", "free money", "c++"], "spam")
    assert vote(lf, "WIN now", "winter", "get Free Money!", "free-money", "I like c++.") == [1, -1, 1, -1, 1]
    assert vote(keywords("k", ["US"], 0, case=True), "the US", "us") == [0, -1]


def test_regex_gazetteer_and_column(tmp_path):
    assert vote(regex("r", r"^\d+$", "ham"), "123", "a1") == [0, -1]
    (tmp_path / "towns.txt").write_text("Bern\nNew York\n\n", encoding="utf-8")
    assert vote(gazetteer("g", tmp_path / "towns.txt", 1), "in new york", "Bernese") == [1, -1]
    lf = column("c", "stars", lambda v: v > 3, "ham")
    assert vote(lf, "a", "b", stars=[5, 1]) == [0, -1]
    with pytest.raises(UserError, match="no gazetteer file"):
        gazetteer("g", tmp_path / "none.txt", 1)
    with pytest.raises(UserError, match=r"test_lfs\.py, line \d+.*not a regular expression"):
        regex("bad", "(", 1)


def test_a_gazetteer_is_looked_up_beside_the_rules_then_in_the_working_directory(tmp_path, monkeypatch):
    for name in ("rules", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    rules = tmp_path / "rules" / "rules.py"
    rules.write_text("from weakft import gazetteer\ng = gazetteer('g', 'towns.txt', 1)\n")
    with pytest.raises(
        UserError, match=r"rules.py, line 2, .*'g': .*no gazetteer file .*/rules/towns.txt nor .*/work/towns"
    ):
        load_file(rules)
    for name, town in (("work", "Bern"), ("rules", "Rome")):
        (tmp_path / name / "towns.txt").write_text(town)
        assert vote(load_file(rules).lfs[0], town) == [1]
    assert vote(gazetteer("g", "towns.txt", 1), "Bern") == [1]


def test_what_is_no_labeling_function_among_them_is_named(tmp_path):
    def plain(x):
        return 1

    k = keywords("k", ["a"], 1)
    for lfs, place in (
        ([k, plain], r"lfs\[1\]: plain"),
        ({"a": plain}, r"lfs\['a'\]: plain"),
        ([[k], (plain,)], r"\[1\]\[0\]"),
    ):
        with pytest.raises(UserError, match=rf"{place}.* is no labeling function; put @labeling_function\(\) above it"):
            weakft.label(["a"], lfs, label_names=LABELS)
    with pytest.raises(UserError, match=r"lfs\[0\]: None is no labeling function; expected labeling functions only"):
        weakft.label(["a"], [None, k], label_names=LABELS)
    assert weakft.label(["a"], {"one": k}, label_names=LABELS).L.tolist() == [[1]]
    rules = "from weakft import keywords\nk = keywords('k', ['a'], 1)\ndef plain(x): return 1\nHELPERS = [plain]\n"
    (tmp_path / "rules.py").write_text(rules)
    assert len(load_file(tmp_path / "rules.py").lfs) == 1
    (tmp_path / "rules.py").write_text(rules + "ALL = [0, k, plain]\n")
    with pytest.raises(UserError, match=r"rules.py: ALL\[2\]: plain is no labeling function"):
        load_file(tmp_path / "rules.py")


def test_class_names_that_the_data_contradicts_are_refused():
    frame = pd.DataFrame({"text": ["a", "b"], "x": [1, 0], "y": [0, 1]})
    with pytest.raises(UserError, match=r"label_names is \['y', 'x'\], but the data's classes are \['x', 'y'\]"):
        weakft.label(frame, [keywords("k", ["a"], "x")], label_names=["y", "x"], label_column="x,y")


@pytest.mark.parametrize("kind", [set, frozenset])
def test_class_names_need_an_order(kind):
    with pytest.raises(UserError, match="label_names: expected a list of class names, in class order"):
        weakft.label(["a"], [keywords("k", ["a"], "ham")], label_names=kind(LABELS))


def test_names_numbers_minus_one_and_none_are_votes():
    answers = iter(["spam", 0, -1, None, np.int64(1)])
    assert vote(LabelingFunction("f", lambda x: next(answers)), *"abcde") == [1, 0, -1, -1, 1]


STARS = ["1", "2", "3"]


@pytest.mark.parametrize(
    ("names", "answer", "number"),
    [
        (STARS, 1, 0),
        (STARS, np.int64(3), 2),
        (STARS, "2", 1),
        (STARS, -1, -1),
        (["1", "0"], 1, 0),
        (["-1", "1"], 1, 1),
        (["-1", "1"], "-1", 0),
        (["-1", "1"], None, -1),
        (["007", "8"], 8, 1),
    ],
)
def test_where_classes_are_named_by_numbers_a_vote_is_a_name(names, answer, number):
    """As gold labels are: five stars are not the sixth class."""
    for lf in (LabelingFunction("f", lambda x: answer), keywords("k", ["text"], answer)):
        assert apply([lf], data("a text"), names)[0].tolist() == [[number]]


@pytest.mark.parametrize(
    ("names", "answer", "message"),
    [
        (STARS, 0, "voted 0; expected -1 .abstain. or a class, and these are '1', '2', '3'"),
        (["007", "8"], 7, "voted 7"),
        (
            ["-1", "1"],
            -1,
            "voted -1, which abstains and is the name of a class, too. Return None to abstain, the string '-1'",
        ),
    ],
)
def test_a_number_that_names_no_class_or_both_a_class_and_none_is_no_vote(names, answer, message):
    for lf in (LabelingFunction("f", lambda x: answer), keywords("k", ["text"], answer)):
        with pytest.raises(UserError, match=message):
            apply([lf], data("a text"), names)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("spma", "voted 'spma'; the classes are 'ham', 'spam'. Did you mean 'spam'"),
        (2, "voted 2; expected -1 .abstain. or 0 to 1"),
        (-2, "voted -2"),
        (1.0, "returned 1.0 .float."),
        (True, "returned True .bool."),
        ([1], "returned .1. .list."),
    ],
)
def test_a_vote_that_is_no_class_names_file_line_function_and_row(answer, message):
    @labeling_function()
    def strange(x):
        return answer

    with pytest.raises(UserError, match=message) as caught:
        vote(strange, "a")
    assert "test_lfs.py, line" in str(caught.value)
    assert "'strange'" in str(caught.value)
    assert "row 1 (id 'id0')" in str(caught.value)


def test_an_lf_that_raises_abstains_there_and_is_reported():
    lf = LabelingFunction("fragile", lambda x: 10 // len(x.text) and 1)
    L, failures = apply([lf], data("a", "", "b", ""), LABELS)
    assert L[:, 0].tolist() == [1, -1, 1, -1]
    assert failures["fragile"].count == 2
    assert failures["fragile"].first_row == 1
    assert "ZeroDivisionError" in failures["fragile"].traceback
    with pytest.raises(UserError, match="fragile.*ZeroDivisionError.*row 2"):
        apply([lf], data("a", ""), LABELS, strict=True)


def test_snorkels_objects_work_unchanged():
    from snorkel.labeling import labeling_function as snorkel_lf
    from snorkel.preprocess import preprocessor

    @preprocessor(memoize=True)
    def lower(x):
        x.lowered = x.text.lower()
        return x

    @snorkel_lf(pre=[lower])
    def shouting(x):
        return 1 if x.lowered != x.text else -1

    @labeling_function(pre=[lower], resources={"words": {"hello"}})
    def greeting(x, words):
        return "ham" if words & set(x.lowered.split()) else None

    L, failures = apply([shouting, greeting], data("HELLO", "hello", "x"), LABELS)
    assert not failures
    assert L.tolist() == [[1, 0], [-1, 0], [-1, -1]]


def test_loading_keeps_the_files_order_and_finds_lists(tmp_path):
    path = write(
        tmp_path,
        """
        from weakft import labeling_function, keywords
        LABELS = ["ham", "spam"]
        first = keywords("first", ["a"], "ham")
        @labeling_function()
        def second(x): return "spam"
        MORE = [keywords("third", ["b"], 0)]
        """,
    )
    rules = load_file(path)
    assert [lf.name for lf in rules.lfs] == ["first", "second", "third"]
    assert rules.label_names == LABELS


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import nothing_like_this", r"rules\.py, line 1: ModuleNotFoundError"),
        ("x = 1\ny = (", r"rules\.py, line 2"),
        ("def f():\n    return 1 / 0\nf()", r"rules\.py, line 2, in f: ZeroDivisionError"),
        ("x = 1", "found no labeling functions"),
        (
            "from weakft import keywords\na = keywords('same', ['a'], 0)\nb = keywords('same', ['b'], 0)",
            r"named 'same': .*line 2.*line 3",
        ),
        ("from weakft import keywords\nLABELS = ['a', 'a']\na = keywords('k', ['a'], 0)", "names a class twice"),
        (
            "from weakft import keywords\na = keywords(1, ['a'], 0)",
            "line 2, labeling function 1: its name is 1; expected a string",
        ),
        ("from weakft import keywords\nLABELS = 'ab'\na = keywords('k', ['a'], 0)", "expected a list"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, body, message):
    with pytest.raises(UserError, match=message):
        load_file(write(tmp_path, body))


def test_missing_file():
    with pytest.raises(UserError, match="no such file"):
        load_file(__import__("pathlib").Path("nowhere.py"))


def test_wilson_matches_statsmodels_values():
    # scipy.stats.binomtest(8, 10).proportion_ci(method="wilson")
    from scipy.stats import binomtest

    for right, n in [(8, 10), (0, 5), (50, 50), (3, 400)]:
        ci = binomtest(right, n).proportion_ci(method="wilson")
        assert wilson(right, n) == pytest.approx((ci.low, ci.high), abs=1e-6)
    assert np.isnan(wilson(0, 0)).all()


def test_votes_on_rows_of_one_text_count_once_in_the_interval():
    votes, gold = np.array([[1], [1], [1], [-1], [1]]), np.array([1, 1, 1, 0, 0])
    alone, together = (
        summarise(votes, ["a"], ["x", "y"], None, votes, gold, sources=np.array(s)).iloc[0]
        for s in ([0, 1, 2, 3, 4], [0, 0, 0, 3, 4])
    )
    assert (alone["ci_low"], alone["ci_high"]) == wilson(3, 4)
    assert together["votes_checked"] == 4 and together["accuracy"] == 0.75
    assert (together["ci_low"], together["ci_high"]) == pytest.approx(wilson(3, 4, texts=2))
    assert together["ci_high"] - together["ci_low"] > alone["ci_high"] - alone["ci_low"]


def test_a_file_is_read_afresh_however_soon_it_is_edited(tmp_path):
    path = tmp_path / "rules.py"
    for limit in (3, 4):  # as long a file, in the same second
        path.write_text(f"from weakft import labeling_function\n@labeling_function()\ndef f(x):\n    return {limit}\n")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert load_file(path).lfs[0](SimpleNamespace(text="a")) == limit
    assert [p.name for p in tmp_path.iterdir()] == ["rules.py"]  # and no bytecode beside it


def test_summary_is_snorkels_and_sorted_by_what_to_mend():
    from snorkel.labeling import LFAnalysis

    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    L = np.full((400, 3), -1, np.int8)
    for j, (accuracy, coverage) in enumerate([(0.95, 0.5), (0.55, 0.6), (0.8, 0.1)]):
        vote = np.where(rng.random(400) < accuracy, y, 1 - y)
        L[:, j] = np.where(rng.random(400) < coverage, vote, -1)
    frame = summarise(L, ["good", "bad", "rare"], LABELS, None, L, y).set_index("name")
    analysis = LFAnalysis(L.astype(int))
    for column_name, expected in [
        ("coverage", analysis.lf_coverages()),
        ("overlaps", analysis.lf_overlaps()),
        ("conflicts", analysis.lf_conflicts()),
        ("accuracy", analysis.lf_empirical_accuracies(y)),
    ]:
        np.testing.assert_allclose(frame.loc[["good", "bad", "rare"], column_name], expected)
    assert frame.index[0] == "bad"
    assert (frame["ci_low"] < frame["accuracy"]).all()


def test_summary_puts_silent_lfs_first():
    L = np.array([[0, -1], [1, -1]], np.int8)
    frame = summarise(L, ["talks", "silent"], LABELS)
    assert frame["name"].tolist() == ["silent", "talks"]
    assert frame["polarity"].tolist() == ["", "ham, spam"]


def test_trec_rules_give_the_data_sets_own_votes(real_data):
    """68 published patterns against WRENCH-format votes made elsewhere: equal in every cell."""
    from pathlib import Path

    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns

    splits = read_splits(real_data / "trec", Columns())
    rules = load_file(Path(__file__).parent.parent / "labeling_functions" / "trec.py")
    L, failures = apply(rules.lfs, splits.test, rules.label_names)
    assert not failures
    np.testing.assert_array_equal(L, splits.test.votes)


@pytest.mark.parametrize(
    ("name", "least_coverage", "least_accuracy"),
    [("youtube", 0.8, 0.88), ("trec", 0.94, 0.5), ("agnews12k", 0.45, 0.8), ("chemprot", 0.75, 0.6)],
)
def test_the_shipped_rules_are_worth_something(real_data, name, least_coverage, least_accuracy):
    from pathlib import Path

    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns

    splits = read_splits(real_data / name, Columns())
    rules = load_file(Path(__file__).parent.parent / "labeling_functions" / f"{name}.py")
    assert rules.label_names == splits.label_names
    L, failures = apply(rules.lfs, splits.test, rules.label_names)
    assert not failures
    rows, gold = (L >= 0).any(1), splits.test.gold.read("measure")
    counts = np.stack([(L == c).sum(1) for c in range(len(rules.label_names))], 1)
    assert rows.mean() >= least_coverage
    assert (counts[rows].argmax(1) == gold[rows]).mean() >= least_accuracy


def test_a_string_is_no_list():
    with pytest.raises(
        UserError, match=r"labeling function 'k': expected a list of words, found 'refund'; write \['refund'\]"
    ):
        keywords("k", "refund", "spam")
    with pytest.raises(UserError, match="expected a list of values, found 'high'"):
        column("u", "priority", "high", 1)


def test_conflicts_of_many_classes():
    L = np.array([[200, 200, -1], [200, 3, -1]], dtype=np.int16)
    frame = summarise(L, ["a", "b", "c"], [str(i) for i in range(250)]).set_index("name")
    assert frame["conflicts"].to_dict() == {"a": 0.5, "b": 0.5, "c": 0.0}


def test_votes_on_more_classes_than_a_byte_counts(tmp_path):
    from weakft.lfs.cache import apply_cached

    names = [f"c{i}" for i in range(300)]
    data = Dataset([f"word{i % 300}" for i in range(3000)], [str(i) for i in range(3000)])
    lfs = [keywords("word", ["word200"], "c200"), LabelingFunction("number", _number_behind_word)]
    L, _ = apply(lfs, data, names)
    assert L.dtype == np.int16 and L[:, 1].tolist() == [i % 300 for i in range(3000)]
    assert np.flatnonzero(L[:, 0] == 200).tolist() == list(range(200, 3000, 300)) and set(L[:, 0]) == {-1, 200}
    for _ in range(2):
        assert (apply_cached(lfs, data, names, tmp_path)[0] == L).all()
    assert (apply(lfs, data, names, processes=2)[0] == L).all()


def test_a_number_is_no_place_among_classes_named_by_decimals():
    with pytest.raises(UserError, match="voted 1; expected -1 .abstain. or a class, and these are '1.0', '2.0'"):
        apply([LabelingFunction("f", lambda x: 1)], Dataset(["a"], ["0"]), ["1.0", "2.0"])


def _number_behind_word(x):
    return int(x.text[4:])


def test_mistakes_in_the_kinds_are_told_when_the_file_is_read(tmp_path):
    from weakft.lfs.apply import check_labels

    with pytest.raises(
        UserError, match="labeling function 'k': expected at least one word, and words only; found None"
    ):
        keywords("k", ["a", None], "spam")
    (tmp_path / "towns.txt").write_bytes("Zürich".encode("latin-1"))
    with pytest.raises(UserError, match="towns.txt is not UTF-8"):
        gazetteer("g", tmp_path / "towns.txt", "spam")
    with pytest.raises(UserError, match="pre is one function"):
        labeling_function("p", pre=str.lower)(lambda x: None)
    with pytest.raises(
        UserError, match="labeling function 'k': votes 'spamm'; the classes are 'ham', 'spam'. Did you mean 'spam'"
    ):
        check_labels([keywords("k", ["a"], "spamm")], LABELS)
    check_labels([keywords("k", ["a"], "Price"), keywords("n", ["a"], "not food")], ["O", "B-Price", "I-Price", "food"])


def test_a_rule_that_ends_the_process_or_names_no_column_abstains():
    def ends(x):
        raise SystemExit(3)

    def misspelt(x):
        return x.likez

    rows = Dataset(["a"], ["0"], {"likes": [3]})
    L, failures = apply([LabelingFunction("e", ends), LabelingFunction("m", misspelt)], rows, LABELS)
    assert L.tolist() == [[-1, -1]] and "SystemExit" in failures["e"].traceback
    assert "the example has no column 'likez'; it has 'likes', 'text', 'id'" in failures["m"].traceback


def test_a_gazetteer_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "towns.txt").write_text("Bern\nParis\n", encoding="utf-8-sig")
    assert vote(gazetteer("g", tmp_path / "towns.txt", 1), "in Bern") == [1]


def test_what_the_helpers_are_given_is_named_where_it_is_another_thing():
    with pytest.raises(UserError, match="'r': expected a pattern as a string.*found re.compile"):
        regex("r", re.compile("A"), 1)
    with pytest.raises(UserError, match="'c': expected a list of values, found 5; write .5."):
        column("c", "stars", 5, 1)


@pytest.mark.parametrize("held", ["{'one': a, 'two': b}", "{b, a}", "[[a], (b,)]", "[a, {'deeper': [b]}]"])
def test_labeling_functions_are_found_wherever_a_file_holds_them(tmp_path, held):
    (tmp_path / "rules.py").write_text(
        f"""
from weakft import keywords
def made():
    a, b = (keywords(name, [name], 0) for name in "ab")
    return {held}
LFS = made()
LFS_AGAIN = LFS
""",
        encoding="utf-8",
    )
    assert [lf.name for lf in load_file(tmp_path / "rules.py").lfs] == ["a", "b"]


def test_a_rule_files_neighbour_is_its_own_and_as_it_is_now(tmp_path):
    """Two folders with a module of one name, and that module edited, in one process."""
    rules = "import helper_of_rules\nfrom weakft import keywords\nk = keywords('k', helper_of_rules.WORDS, 1)\n"
    for name, word in (("one", "apple"), ("two", "pear")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.py").write_text(rules, encoding="utf-8")
        (tmp_path / name / "helper_of_rules.py").write_text(f"WORDS = [{word!r}]", encoding="utf-8")
        assert vote(load_file(tmp_path / name / "rules.py").lfs[0], word) == [1]
    (tmp_path / "two" / "helper_of_rules.py").write_text("WORDS = ['plums']", encoding="utf-8")
    assert vote(load_file(tmp_path / "two" / "rules.py").lfs[0], "plums", "pear") == [1, -1]


def test_neighbours_are_compiled_afresh_however_soon_they_are_edited(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "rules.py").write_text(NEIGHBOURS)
    (tmp_path / "my_package").mkdir()
    for limit in "1234":
        (tmp_path / "my_limits.py").write_text(f"LIMIT = {limit}\n")
        (tmp_path / "my_package" / "more.py").write_text(f"MORE = {limit}\n")
        for file in tmp_path.rglob("*.py"):
            os.utime(file, (0, 0))
        L, _ = apply(load_file(tmp_path / "rules.py").lfs, data("a"), ["0", "1", "2", "3", "4"])
        assert L.tolist() == [[int(limit)] * 2]
    assert not list(tmp_path.rglob("__pycache__"))


NEIGHBOURS = """
import my_limits, my_package.more
from weakft import labeling_function

@labeling_function()
def one(x):
    return my_limits.LIMIT

@labeling_function()
def two(x):
    return my_package.more.MORE
"""


def test_code_beside_rules_is_theirs_but_not_an_environments(tmp_path):
    names = ["rules.py", "near.py", "package/__init__.py", "package/inner/far.py"]
    others = [".hidden/a.py", "env/lib/python3.11/site-packages/b/__init__.py", "data/2024/c.py", "words.txt"]
    for name in (*names, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "package" / "inner" / "__init__.py").write_text("inner")
    found = set(code_beside(tmp_path / "rules.py"))
    assert found >= {*map(str.encode, names), b"inner"} and found.isdisjoint(map(str.encode, others))


def test_a_neighbour_that_a_function_imports_is_its_own_too(tmp_path):
    rules = """
from weakft import labeling_function
@labeling_function()
def f(x):
    from late_helper_of_rules import WORDS
    return 1 if x.text in WORDS else None
"""
    for name, word in (("one", "apple"), ("two", "pear"), ("two", "plum")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "rules.py").write_text(rules, encoding="utf-8")
        (tmp_path / name / "late_helper_of_rules.py").write_text(f"WORDS = [{word!r}]", encoding="utf-8")
        assert vote(load_file(tmp_path / name / "rules.py").lfs[0], "apple", "pear", "plum").count(1) == 1
        assert vote(load_file(tmp_path / name / "rules.py").lfs[0], word) == [1]


def test_installed_modules_stay_loaded_wherever_they_lie(tmp_path, monkeypatch):
    """An environment in the rule file's folder: compiled modules cannot be loaded twice."""
    (tmp_path / "rules.py").write_text(
        "import library_of_rules\nfrom weakft import keywords\nk = keywords('k', ['a'], 1)\n", encoding="utf-8"
    )
    (tmp_path / "library_of_rules.py").write_text("", encoding="utf-8")
    for installed in (True, False):
        monkeypatch.setattr("weakft.lfs.load.version_of_module", lambda name, there=installed: "1" if there else None)
        sys.modules.pop("library_of_rules", None)
        load_file(tmp_path / "rules.py")
        first = sys.modules["library_of_rules"]
        load_file(tmp_path / "rules.py")
        assert (sys.modules["library_of_rules"] is first) == installed


def test_where_all_labeling_functions_raise_the_error_is_shown():
    with pytest.raises(
        UserError, match="(?s)votes on any of the 2 training rows.*'f': raised on 2 rows.*no column 'txt'"
    ):
        weakft.label(["a", "b"], [LabelingFunction("f", lambda x: len(x.txt))], label_names=LABELS)


def test_a_failures_message_is_its_first_line_that_says_what():
    def bad(x):
        raise ValueError("bad price\n  in cell 3\n")

    _, failures = apply([LabelingFunction("f", bad)], Dataset(["a"], ["0"]), LABELS)
    assert str(failures["f"]).endswith("\nValueError: bad price\n  in cell 3")


def test_a_mark_belongs_to_the_word_it_stands_on():
    """An accent that is a character of its own, a vowel sign."""
    assert vote(keywords("k", ["cafe"], 1), "a cafe", "a cafe\u0301", "the cafe\u0301s") == [1, -1, -1]
    assert vote(keywords("k", ["cole"], 1), "e\u0301cole", "cole") == [-1, 1]
    assert vote(keywords("k", ["हिन्द"], 1), "हिन्दी", "जय हिन्द") == [-1, 1]
    many = [*map(str, range(10_000)), "cafe"]
    assert vote(gazetteer("g", many, 1), "a cafe", "a cafe\u0301") == [1, -1]
