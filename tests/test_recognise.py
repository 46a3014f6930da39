"""Recognised Python functions are called on fewer rows and vote as on all of them; others are not recognised."""

import functools
import re
import sys
import textwrap
from functools import partial, wraps

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs import LabelingFunction, fingerprint, harmless, labeling_function
from weakft.lfs.apply import apply
from weakft.lfs.block import CHUNK, Voting
from weakft.lfs.cache import apply_cached
from weakft.lfs.load import load_file
from weakft.lfs.processes import apply_blocks
from weakft.lfs.recognise import recognise
from weakft.lfs.source import tree_of

ABSTAIN, HAM, SPAM = -1, 0, 1
LABELS = ["ham", "spam"]
WORDS = ["check", "ſ"]
PATTERN = re.compile(r"\bwho\b|ß", re.I)
EMPTY: list[str] = []

ODD = "aAkKsSiI_1 .,\n\0ßẞſKİıςσΣ日😀\ud800"
TEXTS = st.lists(st.text(st.sampled_from(ODD), max_size=8) | st.text(max_size=8), max_size=8)
RULES = st.sampled_from(
    [
        "a",
        "k",
        "ß",
        "SS",
        "i",
        r"\bk\b",
        "^s",
        "s$",
        "(?=a)",
        "",
        r"(.)\1",
        "a|ab",
        "İ|ı",
        "[^a-z]",
        r"\w+",
        "(?i:K)",
        "a++b",
    ]
) | st.text(st.sampled_from(ODD[:-1]), max_size=3).map(re.escape)
FLAGS = st.sampled_from([0, re.I, re.I | re.A, re.M, re.S])


def data(*texts, **columns):
    return Dataset(list(texts), [str(i) for i in range(len(texts))], columns)


def shapes(rule, flags, word, words):
    """Functions of each shape that is recognised."""
    compiled = re.compile(rule, flags)
    patterns = (compiled, re.compile("k"))

    def statement(x):
        if compiled.search(x.text):
            return SPAM
        return ABSTAIN

    def assigned(x):
        """It has a text of its own."""
        text = x.text.lower()
        if word in text:
            return SPAM
        elif word in x.text:
            return HAM

    def loop(x):
        for w in words:
            if w in x.text.casefold():
                return HAM
        return None

    def inside(x):
        pattern = re.compile(rule, flags)
        return (len(pattern.findall(x.text)) > 1 and 1) or -1

    return [
        statement,
        assigned,
        loop,
        inside,
        lambda x: SPAM if re.search(rule, x.text, flags=flags) else ABSTAIN,
        lambda x: SPAM if re.search(rule, x.text.lower(), flags) is not None else None,
        lambda x: ABSTAIN if not re.match(rule, string=x.text, flags=flags) else HAM,
        lambda x: SPAM if bool(re.fullmatch(rule, x.text, flags)) else HAM,
        lambda x: "spam" if compiled.match(x.text) is None else "ham",
        lambda x: HAM if compiled.fullmatch(x.text.strip()) else SPAM,
        lambda x: SPAM if word in x.text.lower() else ABSTAIN,
        lambda x: SPAM if word.lower() not in x.text else ABSTAIN,
        lambda x: SPAM if word not in x.text.upper() else ABSTAIN,
        lambda x: SPAM if any(w in x.text.lower() for w in words) else ABSTAIN,
        lambda x: SPAM if all(w in x.text for w in words) else ABSTAIN,
        lambda x: SPAM if any(p.search(x.text) for p in patterns) else ABSTAIN,
        lambda x: SPAM if word in x.text and len(x.text) > 3 else ABSTAIN,
        lambda x: SPAM if "k" in x.text or compiled.search(x.text) else ABSTAIN,
        lambda x: SPAM if x.text.startswith(("a", word)) or x.text.endswith("s") else ABSTAIN,
        lambda x: SPAM if x.text.count("s") > 1 or x.text.lower().find(word) >= 0 else -1,
        lambda x: [HAM, SPAM][len(compiled.search(x.text).group())] if compiled.search(x.text) else ABSTAIN,
    ]


NOT_AT_ONCE = 11  # calls a method of a string that is no text


@settings(max_examples=200, deadline=None)
@given(
    RULES, FLAGS, st.text(st.sampled_from(ODD), max_size=2), st.lists(st.text(st.sampled_from(ODD), max_size=2)), TEXTS
)
@example("k", re.I, "i̇", ["ss"], ["K", "İ", "ẞ", "ſ", "SS", "ß"])
@example("s", re.I, "ς", ["σ"], ["ΑΣ", "Σ", "ſ", "S", "\ud800s"])
def test_each_shape_votes_as_row_by_row(rule, flags, word, words, texts):
    lfs = [LabelingFunction(str(j), f) for j, f in enumerate(shapes(rule, flags, word, words))]
    guarded = [recognise(lf) is not None for lf in lfs]
    assert [j for j, known in enumerate(guarded) if not known] == [NOT_AT_ONCE]
    rows = data(*texts)
    L, failures = apply(lfs, rows, LABELS)
    plain, expected = apply([LabelingFunction(lf.name, partial(_call, lf.f)) for lf in lfs], rows, LABELS)
    np.testing.assert_array_equal(L, plain)
    assert {n: (f.count, f.first_row) for n, f in failures.items()} == {
        n: (f.count, f.first_row) for n, f in expected.items()
    }


def _call(f, x):
    """Hides a function."""
    return f(x)


def test_a_recognised_function_runs_on_the_rows_that_may_matter_alone():
    called = []
    lf = LabelingFunction("f", lambda x: SPAM if "who" in x.text else ABSTAIN)

    def profile(frame, event, _):
        if event == "call" and frame.f_code is lf.f.__code__:
            called.append(frame.f_locals["x"].text)

    sys.setprofile(profile)
    try:
        L, _ = apply([lf], data("a", "who", "b"), LABELS)
    finally:
        sys.setprofile(None)
    assert called == ["who"] and L[:, 0].tolist() == [-1, 1, -1]


SEEN: list[str] = []


def search(*_):
    return None


def note(text):
    SEEN.append(text)
    return "a" in text


class Loud(str):
    def __contains__(self, _):
        return True


def with_default(x, words=WORDS):
    return SPAM if any(w in x.text for w in words) else ABSTAIN


def several(*x):
    return SPAM if "a" in x[0].text else ABSTAIN


def changes_global(x):
    global EMPTY
    if "a" in x.text:
        EMPTY = ["b"]
    return SPAM if "a" in x.text else ABSTAIN


def shadowed(x, len=len):
    return SPAM if len(re.findall("a", x.text)) else ABSTAIN


def replaced(x):
    x = WORDS
    return SPAM if "a" in x.text else ABSTAIN


def doubled(f):
    @wraps(f)
    def twice(x):
        x.text += x.text
        return f(x)

    return twice


@doubled
def decorated(x):
    return SPAM if "aa" in x.text else ABSTAIN


def shadowing(real):
    class Fake:
        I = real.I  # noqa: E741
        search = staticmethod(lambda *_: True)

    re = Fake
    return lambda x: SPAM if re.search("a", x.text) else ABSTAIN


def no_any(any):
    return lambda x: SPAM if any(w in x.text for w in WORDS) else ABSTAIN


LOUD = Loud("a")
FAR = [
    with_default,
    several,
    changes_global,
    shadowed,
    replaced,
    decorated,
    shadowing(re),
    no_any(lambda items: not all(items)),
    lambda x: SPAM if note(x.text) else ABSTAIN,
    lambda x: SPAM if "a" in x.text and note(x.text) else ABSTAIN,
    lambda x: SPAM if "a" in x.text and SEEN.append(x.text) else ABSTAIN,
    lambda x: SPAM if "a" in x.text and x.stars > 1 else ABSTAIN,
    lambda x: SPAM if x.stars in x.text else ABSTAIN,
    lambda x: SPAM if search("a", x.text) else ABSTAIN,
    lambda x: SPAM if any(note(w) for w in WORDS) else ABSTAIN,
    lambda x: SPAM if any(w in x.text for w in x.text.split()) else ABSTAIN,
    lambda x: SPAM if PATTERN.search(x.text, 1) else ABSTAIN,
    lambda x: SPAM if PATTERN.search(x.text, pos=1) else ABSTAIN,
    lambda x: SPAM if re.search(b"a", x.text) else ABSTAIN,
    lambda x: SPAM if re.search("(", x.text) else ABSTAIN,
    lambda x: SPAM if re.search(PATTERN, x.text, re.I) else ABSTAIN,
    lambda x: SPAM if re.search("a", x.text, re.DEBUG) else ABSTAIN,
    lambda x: SPAM if re.search("a", "abc" + x.text) else ABSTAIN,
    lambda x: SPAM if re.sub("a", "b", x.text) in x.text else ABSTAIN,
    lambda x: SPAM if x.text in ("a", "b") else ABSTAIN,
    lambda x: SPAM if x.text == "a" else ABSTAIN,
    lambda x: SPAM if "a" in (x.text,) else ABSTAIN,
    lambda x: SPAM if x.text else ABSTAIN,
    lambda x: SPAM if LOUD in x.text else ABSTAIN,
    lambda x: SPAM if 1 in x.text else ABSTAIN,
    lambda x: SPAM if x.text.count() else ABSTAIN,
    lambda x: SPAM if x.text.startswith("a", 1) else ABSTAIN,
    lambda x: SPAM if x.text.lower(1) else ABSTAIN,
    lambda x: SPAM if "a" in x.text else missing,  # noqa: F821
    lambda x: SPAM if "a" in x.text else x,
    lambda x: (lambda y: SPAM if "a" in y else ABSTAIN)(x.text),
    lambda x: SPAM if [w for w in WORDS if w in x.text] else ABSTAIN,
    lambda x: (yield "a" in x.text),
    partial(lambda x, y: SPAM if "a" in x.text else ABSTAIN, z=1),
    partial(lambda y, x: SPAM if "a" in x.text else ABSTAIN, 1),
]


@pytest.mark.parametrize("j", range(len(FAR)))
def test_what_may_do_or_read_more_is_not_recognised(j):
    assert recognise(LabelingFunction("f", FAR[j])) is None


def test_preprocessors_subclasses_and_limits_are_not_passed_over():
    def changed(x):
        x.text = "spam"
        return x

    @labeling_function(pre=[changed])
    def lf(x):
        return SPAM if "spam" in x.text else ABSTAIN

    assert recognise(lf) is None
    assert apply([lf], data("a"), LABELS)[0].tolist() == [[SPAM]]
    found = LabelingFunction("f", lambda x: SPAM if "zzz" in x.text else ABSTAIN)
    assert apply([found], data(Loud("a"), "a"), LABELS)[0].tolist() == [[SPAM], [ABSTAIN]]
    slow = LabelingFunction("s", lambda x: SPAM if re.search(r"(a+)+(?=$)", x.text) else ABSTAIN)
    L, failures = apply([slow], data("a" * 30 + "!", "b"), LABELS, timeout=0.05)
    assert L.tolist() == [[-1], [-1]] and failures["s"].count == 1


def test_a_partial_with_a_way_of_being_called_of_its_own_is_called():
    class Upside(functools.partial):
        def __call__(self, x):
            return SPAM if super().__call__(x) == ABSTAIN else ABSTAIN

    def f(x):
        return SPAM if "check" in x.text else ABSTAIN

    lf = LabelingFunction("f", Upside(f))
    assert apply([lf], data("check", "mate"), LABELS)[0].tolist() == [[-1], [1]]


def test_names_are_read_anew(monkeypatch):
    lf = LabelingFunction("f", lambda x: SPAM if any(w in x.text for w in WORDS) else ABSTAIN)
    assert apply([lf], data("check", "mate"), LABELS)[0].tolist() == [[1], [-1]]
    monkeypatch.setitem(globals(), "WORDS", ["mate"])
    monkeypatch.setitem(globals(), "SPAM", 0)
    assert apply([lf], data("check", "mate"), LABELS)[0].tolist() == [[-1], [0]]
    monkeypatch.setitem(globals(), "any", all)
    monkeypatch.setitem(globals(), "WORDS", ["mate", "check"])
    assert recognise(lf).vote == -1 and apply([lf], data("check", "mate check"), LABELS)[0].tolist() == [[-1], [0]]
    monkeypatch.setitem(globals(), "any", note)
    assert recognise(lf) is None


def test_what_another_one_changes_is_seen_as_row_by_row():
    words = ["first"]

    def changes(x):
        words[0] = x.text
        return None

    lfs = [
        LabelingFunction("c", changes),
        LabelingFunction("f", lambda x: SPAM if any(w in x.text for w in words) else -1),
    ]
    texts = [f"{i:05}" for i in range(2 * CHUNK + 10)]
    assert recognise(lfs[1]) is not None
    L, _ = apply(lfs, data(*texts), LABELS)
    assert np.flatnonzero(L[:, 1] == SPAM).tolist() == [CHUNK - 1, 2 * CHUNK - 1, 2 * CHUNK + 9]


def test_a_source_that_is_not_the_functions_is_not_believed(tmp_path):
    path = tmp_path / "rules.py"
    body = "from weakft import labeling_function\nLABELS = ['ham', 'spam']\n@labeling_function()\ndef f(x):\n    return {}\n"
    path.write_text(body.format("1 if 'a' in x.text else -1"), encoding="utf-8")
    lf, other = load_file(path).lfs[0], load_file(path).lfs[0]
    path.write_text(body.format("1 if 'b' in x.text else -1"), encoding="utf-8")
    tree_of.cache_clear()
    harmless.harmless.cache_clear()
    assert recognise(lf) is None and apply([lf], data("a", "b"), LABELS)[0].tolist() == [[1], [-1]]
    path.write_text(body.format("1 if 'a' in x.text else -1") + "# longer\n", encoding="utf-8")
    tree_of.cache_clear()
    harmless.harmless.cache_clear()
    assert recognise(other) is not None
    scope = {}
    exec("f = lambda x: 1 if 'a' in x.text else -1", scope)  # without a source
    assert recognise(LabelingFunction("f", scope["f"])) is None


def test_two_functions_on_a_line_are_told_apart():
    lfs = [LabelingFunction("a", lambda x: 1 if "a" in x.text else -1), LabelingFunction("b", lambda x: 0 if "b" in x.text else -1)]  # fmt: skip  # noqa: E501
    assert [recognise(lf).searches[0][1].pattern for lf in lfs] == ["a", "b"]
    assert apply(lfs, data("a", "b"), LABELS)[0].tolist() == [[1, -1], [-1, 0]]


def keyword_lookup(x, keywords, label):
    """As in Snorkel's tutorial."""
    if any(word in x.text.lower() for word in keywords):
        return label
    return ABSTAIN


def test_snorkels_objects_and_resources_are_recognised():
    from snorkel.labeling import LabelingFunction as Theirs
    from snorkel.labeling import labeling_function as theirs

    @theirs()
    def check_out(x):
        return SPAM if "check out" in x.text.lower() else ABSTAIN

    lfs = [check_out, Theirs("k", keyword_lookup, resources={"keywords": ["my"], "label": 0})]
    assert [recognise(lf).searches[0][1].pattern for lf in lfs] == [r"check\ out", "my"]
    texts = ["CHECK OUT my", "My", ""]
    L, _ = apply(lfs, data(*texts), LABELS)
    rows = [[lf(type("x", (), {"text": text})) for lf in lfs] for text in texts]
    assert L.tolist() == rows == [[1, 0], [-1, 0], [-1, -1]]


def test_errors_and_bad_votes_are_reported_as_row_by_row():
    words = ["a", "b"]
    raises = LabelingFunction("r", lambda x: words[len(x.text)] if "a" in x.text else ABSTAIN)
    words[:] = LABELS
    texts = ["b", "a", "aa", "bb", "aaa"]
    L, failures = apply([raises], data(*texts), LABELS)
    assert recognise(raises) is not None and L[:, 0].tolist() == [-1, 1, -1, -1, -1]
    assert (failures["r"].count, failures["r"].first_row) == (2, 2) and "IndexError" in failures["r"].traceback
    with pytest.raises(UserError, match=r"'r': raised IndexError.*row 3 .id '2'"):
        apply([raises], data(*texts), LABELS, strict=True)
    with pytest.raises(UserError, match=r"row 2 .id '1'. of memory: voted 7"):
        apply([LabelingFunction("s", lambda x: 7 if "a" in x.text else ABSTAIN)], data(*texts), LABELS)
    with pytest.raises(UserError, match=r"row 1 .id '0'. of memory: voted 7"):
        apply([LabelingFunction("s", lambda x: 0 if "a" in x.text else 7)], data(*texts), LABELS)
    with pytest.raises(UserError, match=r"row 1 .id '0'. of memory: returned True"):
        apply([LabelingFunction("s", lambda x: "b" in x.text)], data(*texts), LABELS)


FILE = """
    import re
    from weakft import labeling_function
    LABELS = ["ham", "spam"]
    @labeling_function()
    def who(x):
        return "spam" if re.search(r"1[35]", x.text, flags=re.I) else None
    @labeling_function()
    def seven(x):
        return "ham" if "7" in x.text.lower() else -1
"""


def test_workers_and_the_cache_give_the_same_votes(tmp_path):
    path = tmp_path / "rules.py"
    path.write_text(textwrap.dedent(FILE), encoding="utf-8")
    rules = load_file(path)
    assert all(recognise(lf) is not None for lf in rules.lfs)
    texts = [str(i) for i in range(2 * CHUNK + 500)]
    rows = data(*texts)
    expected = [[1 if re.search("1[35]", t) else -1, 0 if "7" in t else -1] for t in texts]
    assert apply(rules.lfs, rows, LABELS)[0].tolist() == expected
    assert apply(rules.lfs, rows, LABELS, processes=2)[0].tolist() == expected
    spawned = apply_blocks(Voting(rules.lfs, rows, LABELS), 2, path, fork=False)
    assert np.concatenate([votes for _, votes, _ in spawned]).tolist() == expected
    for _ in range(2):
        assert apply_cached(rules.lfs, rows, LABELS, tmp_path / "votes")[0].tolist() == expected
    hidden = [LabelingFunction(lf.name, partial(_call, lf.f)) for lf in rules.lfs]
    assert fingerprint.of_function(hidden[0]) != fingerprint.of_function(rules.lfs[0])


def test_no_allowed_attribute_changes_a_container():
    for value in ([1], {1}, {1: 1}, (1,), frozenset([1])):
        mutable = {a for a in dir(value) if a[0] != "_"} & harmless.ATTRIBUTES
        assert mutable <= {"count", "index"}
