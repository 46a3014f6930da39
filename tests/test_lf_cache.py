"""The votes kept on disk: what runs again and what does not."""

import datetime as dt
import functools
import itertools
import os
import random
import re
import subprocess
import sys
import textwrap
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import weakft
from weakft.data.dataset import Dataset
from weakft.lfs import LabelingFunction, column, gazetteer, keywords, regex, spacy_preprocessor
from weakft.lfs.cache import apply_cached
from weakft.lfs.fingerprint import Unknown, of_function, of_values
from weakft.lfs.load import load_file

LABELS = ["ham", "spam"]
TEXTS = ["apple", "pear", "fig", "Größe \ud800"]

RULES = """
    import re
    from weakft import labeling_function, keywords, column
    LABELS = ["ham", "spam"]
    LIMIT = 4
    PATTERN = re.compile("pp")

    def helper(text):
        return len(text) > LIMIT

    def longer_than(n):
        return labeling_function(name=f"longer")(lambda x: 0 if len(x.text) > n else None)

    @labeling_function()
    def long(x):
        return "spam" if helper(x.text) else None

    @labeling_function()
    def double(x):
        return "ham" if PATTERN.search(x.text) else None

    closure = longer_than(3)
    fruit = keywords("fruit", ["pear"], "ham")
    starred = column("starred", "stars", {4, 5}, "spam")
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Load rules and apply them with a cache; returns the votes and the names of those that ran."""
    from weakft.lfs import cache

    ran = []
    real = cache.apply
    monkeypatch.setattr(cache, "apply", lambda lfs, *a, **k: ran.extend(lf.name for lf in lfs) or real(lfs, *a, **k))

    def go(rules=RULES, texts=TEXTS, stars=(5, 1, 2, 4), labels=LABELS):
        ran.clear()
        path = tmp_path / "rules.py"
        path.write_text(textwrap.dedent(rules), encoding="utf-8")
        lfs = load_file(path).lfs
        data = Dataset(list(texts), list(map(str, range(len(texts)))), {"stars": list(stars)})
        L, _ = apply_cached(lfs, data, labels, tmp_path / "cache")
        np.testing.assert_array_equal(L, real(lfs, data, labels)[0])
        return L, set(ran)

    return go


ALL = {"long", "double", "longer", "fruit", "starred"}


def test_nothing_runs_twice(run, tmp_path):
    L, ran = run()
    assert ran == ALL
    again, ran = run()
    assert ran == set()
    np.testing.assert_array_equal(again, L)
    assert not list((tmp_path / "cache").glob(".*"))


@pytest.mark.parametrize(
    ("old", "new", "reruns"),
    [
        ('return "spam" if helper', 'return "ham" if helper', {"long"}),
        ("LIMIT = 4", "LIMIT = 3", {"long"}),
        ("len(text) > LIMIT", "len(text) >= LIMIT", {"long"}),
        ('re.compile("pp")', 're.compile("p")', {"double"}),
        ('re.compile("pp")', 're.compile("pp", re.I)', {"double"}),
        ("longer_than(3)", "longer_than(4)", {"longer"}),
        ('["pear"]', '["fig"]', {"fruit"}),
        ('"stars", {4, 5}', '"stars", {5}', {"starred"}),
        ("LIMIT = 4", "\n    LIMIT = 4  # the same, a line further down", set()),
        ("{4, 5}", "{5, 4}", set()),
        ("def long(x)", "def renamed(x)", set()),
    ],
)
def test_an_edit_reruns_the_one_it_concerns(run, old, new, reruns):
    run()
    assert old in RULES
    assert run(RULES.replace(old, new))[1] == reruns


def test_other_data_and_classes_rerun(run):
    run()
    assert run(texts=["apple", "pear", "figs", TEXTS[3]])[1] == ALL
    assert run(texts=["applep", "ear", "fig", TEXTS[3]])[1] == ALL
    assert run(stars=(5, 1, 2, 5))[1] == ALL - {"fruit"}  # a pattern reads the texts alone
    assert run(labels=["spam", "ham"])[1] == ALL


@pytest.mark.parametrize("harm", [b"", b"no votes", None])
def test_a_damaged_file_is_as_if_it_were_not_there(run, tmp_path, harm):
    L, _ = run()
    for file in (tmp_path / "cache").iterdir():
        raw = file.read_bytes()
        file.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]) if harm is None else harm)
    again, ran = run()
    assert ran == ALL
    np.testing.assert_array_equal(again, L)
    assert run()[1] == set()


def test_one_that_raises_is_not_kept(run):
    rules = (
        RULES + '\n    @labeling_function()\n    def fragile(x):\n        return 1 if x.text == "apple" else 1 // 0\n'
    )
    run(rules)
    assert run(rules)[1] == {"fragile"}


def test_what_cannot_be_hashed_is_not_kept():
    calls = iter(())
    counter = itertools.count()
    total = 0

    def counting(x):
        nonlocal total
        total += 1
        return total % 2

    nlp = random.Random(0)
    for lf in (
        LabelingFunction("iterator", lambda x: next(calls)),
        LabelingFunction("counter", lambda x: next(counter)),
        LabelingFunction("writes", counting),
        LabelingFunction("library object", lambda x: nlp.random() > 0.5),
        LabelingFunction("pre", lambda x: 0, pre=[spacy_preprocessor(nlp)]),
    ):
        with pytest.raises(Unknown):
            of_function(lf)


EDITS = {
    "what a class of the user's own is called": """
        class Word(LabelingFunction):
            def __init__(self, word): super().__init__(word, self.vote)
            def vote(self, x): return "spam" if self.name in x.text else None
        a = Word({0!r})
    """,
    "which method votes": """
        class Word(LabelingFunction):
            def __init__(self, how): super().__init__("a", getattr(self, how))
            def apple(self, x): return "spam" if "apple" in x.text else None
            def pear(self, x): return "spam" if "pear" in x.text else None
        a = Word({0!r})
    """,
    "Snorkel's, of a class of the user's own": """
        from snorkel.labeling import LabelingFunction as Theirs
        class Word(Theirs):
            def __init__(self, word): super().__init__(word, self.vote)
            def vote(self, x): return 1 if self.name in x.text else -1
        a = Word({0!r})
    """,
    "a partial with a way of being called of its own": """
        import functools
        class Has(functools.partial):
            def __call__(self, x): return "spam" if {0!r} in x.text else None
        a = LabelingFunction("a", Has(print))
    """,
    "an attribute of a partial": """
        import functools
        check = functools.partial(print)
        check.word = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if check.word in x.text else None)
    """,
    "a module with the name of a library's": """
        import types
        words = types.ModuleType("string")
        words.WORD = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if words.WORD in x.text else None)
    """,
    "a global by a builtin of another name": """
        WORD, look = {0!r}, eval
        a = LabelingFunction("a", lambda x: "spam" if look("WORD") in x.text else None)
    """,
    "a module by another name of its keeper": """
        import sys as system, types
        system.modules["weakft_test_words"] = types.SimpleNamespace(WORD={0!r})
        a = LabelingFunction("a", lambda x: "spam" if system.modules["weakft_test_words"].WORD in x.text else None)
    """,
    "the command line": """
        import sys
        sys.argv[1:] = [{0!r}]
        a = LabelingFunction("a", lambda x: "spam" if sys.argv[1] in x.text else None)
    """,
    "another function's globals": """
        WORD = {0!r}
        def other(): pass
        a = LabelingFunction("a", lambda x: "spam" if other.__globals__["WORD"] in x.text else None)
    """,
    "the globals of a frame": """
        import sys
        WORD = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if sys._getframe().f_globals["WORD"] in x.text else None)
    """,
    "subclasses": """
        class Word: pass
        class One(Word): word = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if any(c.word in x.text for c in Word.__subclasses__()) else None)
    """,
    "annotations": """
        def check(a: {0!r}): pass
        a = LabelingFunction("a", lambda x: "spam" if check.__annotations__["a"] in x.text else None)
    """,
    "an array of strings of any length": """
        import numpy as np
        kind = np.dtypes.StringDType() if hasattr(np.dtypes, "StringDType") else object  # NumPy 2 has it
        words = np.array([{0!r}.ljust(40)], dtype=kind)
        a = LabelingFunction("a", lambda x: "spam" if str(words[0]).strip() in x.text else None)
    """,
    "an array of objects": """
        import numpy as np
        words = np.array([{0!r}], dtype=object)
        a = LabelingFunction("a", lambda x: "spam" if words[0] in x.text else None)
    """,
    "the fields of an array": """
        import numpy as np
        words = np.array([(1,)], dtype=[({0!r}, "i4")])
        a = LabelingFunction("a", lambda x: "spam" if words.dtype.names[0] in x.text else None)
    """,
    "a frame": """
        import pandas as pd
        words = pd.DataFrame({{"n": [1], "word": [{0!r}]}})
        a = LabelingFunction("a", lambda x: "spam" if words["word"].iloc[0] in x.text else None)
    """,
    "a frame's columns": """
        import pandas as pd
        words = pd.DataFrame({{{0!r}: [1.5]}}, index=[3])
        a = LabelingFunction("a", lambda x: "spam" if x.text in words else None)
    """,
    "the categories of a series": """
        import pandas as pd
        words = pd.Series(["fig"], dtype=pd.CategoricalDtype(["fig", {0!r}]))
        a = LabelingFunction("a", lambda x: "spam" if words.cat.categories[1] in x.text else None)
    """,
    "an attribute of a function": """
        def check(x): return "spam" if check.word in x.text else None
        check.word = {0!r}
        a = LabelingFunction("a", check)
    """,
    "a dict with methods": """
        class Settings(dict): __getattr__ = dict.__getitem__
        settings = Settings(word={0!r})
        a = LabelingFunction("a", lambda x: "spam" if settings.word in x.text else None)
    """,
    "a list with methods": """
        class Words(list): pass
        words = Words([{0!r}])
        a = LabelingFunction("a", lambda x: "spam" if any(w in x.text for w in words) else None)
    """,
    "a path with methods": """
        from pathlib import Path
        class Folder(type(Path())):
            def has(self, text): return {0!r} in text
        folder = Folder("a")
        a = LabelingFunction("a", lambda x: "spam" if folder.has(x.text) else None)
    """,
    "a metaclass": """
        class Kind(type):
            def __contains__(cls, text): return {0!r} in text
        class Word(metaclass=Kind): pass
        a = LabelingFunction("a", lambda x: "spam" if x.text in Word else None)
    """,
    "what a library's decorator closes over": """
        import functools
        @functools.singledispatch
        def has(text): return {0!r} in text
        a = LabelingFunction("a", lambda x: "spam" if has(x.text) else None)
    """,
    "a function that says it is a library's": """
        import functools, re
        @functools.wraps(re.search)
        def has(text): return {0!r} in text
        a = LabelingFunction("a", lambda x: "spam" if has(x.text) else None)
    """,
    "a global by its name": """
        WORD = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if globals()["WORD"] in x.text else None)
    """,
    "a module by its name": """
        import sys
        WORD = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if sys.modules[__name__].WORD in x.text else None)
    """,
    "the environment by another name": """
        import os
        from os import getenv as setting
        os.environ["WEAKFT_TEST_WORD"] = {0!r}
        a = LabelingFunction("a", lambda x: "spam" if setting("WEAKFT_TEST_WORD") in x.text else None)
    """,
}


@pytest.mark.parametrize("rules", EDITS.values(), ids=EDITS)
def test_an_edit_of_whatever_a_function_reads_is_noticed(run, monkeypatch, rules):
    monkeypatch.setenv("WEAKFT_TEST_WORD", "")
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    rules = "from weakft.lfs.core import LabelingFunction\n" + textwrap.dedent(rules)
    assert run(rules.format("apple"))[0][:, 0].tolist() == [1, -1, -1, -1]
    assert run(rules.format("pear"))[0][:, 0].tolist() == [-1, 1, -1, -1]


def test_two_of_a_class_have_votes_of_their_own(run):
    rules = "from weakft.lfs.core import LabelingFunction\n" + textwrap.dedent(EDITS[next(iter(EDITS))])
    rules = rules.format("apple") + 'b = Word("pear")\n'
    assert run(rules)[1] == {"apple", "pear"}
    L, ran = run(rules)
    assert L.tolist() == [[1, -1], [-1, 1], [-1, -1], [-1, -1]] and ran == set()


def test_one_that_changes_what_it_reads_is_not_kept(tmp_path):
    """Its votes depend on the rows seen before, those of another split included."""
    for _ in range(2):
        seen = set()

        def twice(x, seen=seen):
            known = x.text in seen
            seen.add(x.text)
            return 1 if known else None

        lf = LabelingFunction("twice", twice)
        for texts, votes in ((["a", "b"], [-1, -1]), (["a", "c"], [1, -1])):
            L, _ = apply_cached([lf], Dataset(texts, ["0", "1"]), LABELS, tmp_path)
            assert L[:, 0].tolist() == votes


def test_votes_on_a_column_that_another_function_changed_are_not_kept(tmp_path):
    def spoils(x):
        x.tags.append("spoiled")

    def reads(x):
        return 1 if "spoiled" in x.tags else None

    lfs = [LabelingFunction("spoils", spoils), LabelingFunction("reads", reads)]
    apply_cached(lfs, Dataset(["a"], ["0"], {"tags": [[]]}), LABELS, tmp_path)
    L, _ = apply_cached(lfs[1:], Dataset(["a"], ["0"], {"tags": [[]]}), LABELS, tmp_path)
    assert L.tolist() == [[-1]]


def _spoils(x):
    x.tags.append("spoiled")


def _reads(x):
    return 1 if "spoiled" in x.tags else None


def _doubled(x, seen=set()):  # noqa: B006
    known = x.text in seen
    seen.add(x.text)
    return 1 if known else None


BESIDE = """
    from weakft import labeling_function
    from test_lf_cache import _spoils, _reads, _doubled
    spoils, reads, doubled = (labeling_function(name=f.__name__)(f) for f in (_spoils, _reads, _doubled))
    @labeling_function()
    def plain(x):
        return 1 if "a" in x.text else None
"""


@pytest.mark.parametrize("fork", [True, False])
def test_what_changes_in_a_worker_is_not_kept_either(tmp_path, monkeypatch, fork):
    from weakft.lfs import apply as module
    from weakft.lfs.processes import apply_blocks

    monkeypatch.setattr(module, "apply_blocks", functools.partial(apply_blocks, fork=fork))
    (tmp_path / "rules.py").write_text(textwrap.dedent(BESIDE))
    rules = load_file(tmp_path / "rules.py")
    n = 5000

    def kept(lfs):
        data = Dataset(["a"] * n, list(map(str, range(n))), {"tags": [[] for _ in range(n)]})
        apply_cached(lfs, data, LABELS, tmp_path / "cache", processes=2, source=rules.file)
        return len(list((tmp_path / "cache").iterdir())) if (tmp_path / "cache").is_dir() else 0

    by_name = {lf.name: lf for lf in rules.lfs}
    assert kept(rules.lfs) == 0  # the tags were read by all four
    assert kept([by_name["_doubled"], by_name["plain"]]) == 1


class Threshold:
    """A callable with a state."""

    def __init__(self, n):
        self.n = n

    def __call__(self, x, extra=0):
        return int(len(x.text) > self.n + extra)


def test_what_can_be_hashed_differs_where_it_differs():
    def made():
        many = [f"word {i}" for i in range(2000)]
        yield keywords("k", ["a"], 0)
        yield keywords("k", ["a"], 1)
        yield keywords("k", ["a"], 0, case=True)
        yield regex("k", "a", 0)
        yield gazetteer("k", many, 0)
        yield gazetteer("k", [*many, "one more"], 0)
        yield column("k", "a", {1}, 0)
        yield column("k", "b", {1}, 0)
        yield column("k", "b", lambda v: v > 1, 0)
        yield column("k", "b", lambda v: v > 2, 0)
        yield LabelingFunction("k", Threshold(1))
        yield LabelingFunction("k", Threshold(2))
        yield LabelingFunction("k", functools.partial(Threshold(2), extra=1))
        yield LabelingFunction("k", Threshold(2), resources={"extra": 1})
        yield LabelingFunction("k", Threshold(2), resources={"extra": True})
        yield LabelingFunction("k", lambda x: re.search("a", x.text) and 1)
        yield LabelingFunction("k", lambda x: re.match("a", x.text) and 1)
        yield LabelingFunction("k", lambda x, y={"a", "b"}: 1)
        yield LabelingFunction("k", lambda x: 1, pre=[str.lower, lambda x: x])
        yield LabelingFunction("k", lambda x: 1, pre=[lambda x: x])

    hashes = [of_function(lf) for lf in made()]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [of_function(lf) for lf in made()]
    words = gazetteer("k", [f"word {i}" for i in range(2000)], 0)
    words.index.found("word 7")  # what it remembers is no content
    assert of_function(words) == hashes[4]


def test_snorkels_functions_and_preprocessors_are_hashed_by_content():
    from snorkel.labeling import LabelingFunction as Theirs
    from snorkel.preprocess import preprocessor

    def lower(x):
        x.text = x.text.lower()
        return x

    def upper(x):
        x.text = x.text.upper()
        return x

    def f(x):
        return 1

    hashes = {of_function(Theirs("f", f, pre=[preprocessor(memoize=True)(g)])) for g in (lower, upper)}
    assert len(hashes) == 2


def test_the_option_turns_it_off(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    texts, lfs = ["a", "b"], [regex("r", "a", "spam"), regex("s", "b", "ham")]
    weakft.label(texts, lfs, label_names=LABELS, cache=False)
    assert not list(tmp_path.rglob("*"))
    first = weakft.label(texts, lfs, label_names=LABELS, cache_dir=str(tmp_path / "here")).L
    assert len(list((tmp_path / "here").iterdir())) == 2
    np.testing.assert_array_equal(
        weakft.label(texts, lfs, label_names=LABELS, cache_dir=str(tmp_path / "here")).L, first
    )


def test_what_is_not_weakfts_stays(run, tmp_path, monkeypatch):
    monkeypatch.setattr("weakft.lfs.cache.MOST_BYTES", 0)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "thesis.txt").write_text("mine")
    run()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["thesis.txt"]


def test_values_of_a_module_count(run, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "words.txt").write_text("apple")
    (tmp_path / "my_words.py").write_text(
        f"from pathlib import Path\nWORDS = Path({str(tmp_path / 'words.txt')!r}).read_text().split()\n"
    )
    rules = """
        import importlib
        import my_words
        from weakft import labeling_function
        LABELS = ["ham", "spam"]
        importlib.reload(my_words)
        @labeling_function()
        def known(x):
            return "ham" if x.text in my_words.WORDS else None
    """
    assert run(rules)[0][:, 0].tolist() == [0, -1, -1, -1] and run(rules)[1] == set()
    (tmp_path / "words.txt").write_text("pear")
    assert run(rules)[0][:, 0].tolist() == [-1, 0, -1, -1]


DATES = [
    lambda i: dt.date(2020, 1, 1 + i),
    lambda i: dt.datetime(2020, 1, 1 + i, tzinfo=dt.UTC),
    lambda i: dt.datetime(2020, 1, 1 + i, tzinfo=ZoneInfo("Europe/Berlin")),
    lambda i: dt.time(i),
    lambda i: dt.timedelta(i),
    lambda i: pd.Timestamp(i, unit="ns"),
    lambda i: Decimal(f"0.1{i}"),
    lambda i: Fraction(1 + i, 3),
    lambda i: UUID(int=i),
]


@pytest.mark.parametrize("value", DATES)
def test_dates_and_the_like_are_hashed_by_what_they_say(value):
    assert of_values([value(0)]) == of_values([value(0)]) != of_values([value(1)])
    assert of_values([value(0)]) != of_values([repr(value(0))])
    f = [of_function(LabelingFunction("f", lambda x, limit: 1, {"limit": value(i)})) for i in (0, 0, 1)]
    assert f[0] == f[1] != f[2]


def test_a_zone_of_the_users_own_is_not_known():
    class Zone(dt.tzinfo):
        pass

    with pytest.raises(Unknown):
        of_values([dt.datetime(2020, 1, 1, tzinfo=Zone())])


def test_frames_of_the_same_content_are_the_same():
    def made():
        dates = pd.to_datetime(["2020", "2021"])
        return pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [dt.date(2020, 1, 1)] * 2, "d": dates})

    first, again = (of_function(LabelingFunction("f", lambda x, frame: 1, {"frame": made()})) for _ in range(2))
    assert first == again


def test_a_module_of_the_users_own_may_be_called_as_one_of_the_standard_library(tmp_path):
    script = """
        import weakft.lfs.cache, colorsys
        from weakft.lfs import LabelingFunction
        from weakft.lfs.fingerprint import of_function
        print(of_function(LabelingFunction("f", lambda x: colorsys.vote(x))))
    """
    found = set()
    for word in ("apple", "pear"):
        (tmp_path / "colorsys.py").write_text(f"def vote(x): return {word!r} in x.text\n")
        command = [sys.executable, "-c", textwrap.dedent(script)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        found.add(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    assert len(found) == 2


@pytest.mark.parametrize(
    "body", ["import my_rule\n    return my_rule.vote(x)", "return 0 if os.environ.get('MODE') else None"]
)
def test_imports_and_the_environment_are_not_kept(run, tmp_path, monkeypatch, body):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_rule.py").write_text("def vote(x):\n    return 0\n")
    rules = f"import os\nfrom weakft import labeling_function\n@labeling_function()\ndef f(x):\n    {body}\n"
    assert run(rules)[1] == run(rules)[1] == {"f"}


def test_installed_modules_may_be_imported(run):
    rules = (
        "from weakft import labeling_function\n@labeling_function()\ndef f(x):\n    import json, numpy\n    return 0\n"
    )
    assert run(rules)[1] == {"f"} and run(rules)[1] == set()
