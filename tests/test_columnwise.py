"""Pattern labeling functions column by column: the same votes as row by row, whatever the pattern and the text."""

import re
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weakft.data.dataset import Dataset
from weakft.errors import UserError
from weakft.lfs import LabelingFunction
from weakft.lfs.apply import apply
from weakft.lfs.columnwise import TextBlock
from weakft.lfs.folding import fold, foldable, mixed
from weakft.lfs.kinds import MOST_LETTERS, WordsLF, gazetteer, keywords, regex
from weakft.lfs.translate import translate
from weakft.lfs.words import WordIndex, words_pattern

# Characters that fold in unusual ways, are digits or spaces in one engine only, end a line, or end a C string.
ODD = "aAbkKsSiI_19 .,-\n\r\t\0ßẞſKİıéÉÅÅµμΣσς٣²\xa0\u2028\u0345日😀\x7f\x1c\ud800"
LETTERS = st.sampled_from(ODD[:-1])
TEXTS = st.text(st.sampled_from(ODD), max_size=12)
FLAGS = st.sampled_from([0, re.I, re.M, re.S, re.A, re.I | re.A, re.I | re.M | re.S])


def character_sets():
    part = st.one_of(
        LETTERS.map(re.escape),
        st.sampled_from([r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "a-z", "I-S", "À-ÿ"]),
    )
    return st.builds(
        lambda negate, parts: f"[{negate}{''.join(parts)}]", st.sampled_from(["", "^"]), st.lists(part, min_size=1)
    )


def patterns():
    atom = st.one_of(
        LETTERS.map(re.escape),
        character_sets(),
        st.sampled_from([".", r"\w", r"\W", r"\d", r"\s", r"\S", r"\b", r"\B", "^", "$", r"\A", r"\Z"]),
        st.sampled_from([r"(?<!\w)", r"(?!\w)", r"(?<=\W)", r"(?=k)", r"(?<![^i])", "(?!)", r"(?<=ab)", "(?!a|b)", ""]),
    )

    def larger(inner):
        return st.one_of(
            st.lists(inner, min_size=1, max_size=4).map("".join),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: "(?:" + "|".join(parts) + ")"),
            st.builds(
                lambda part, times: f"(?:{part}){times}",
                inner,
                st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,}", "*?", "+?", "*+", "?+"]),
            ),
            st.builds(
                lambda kind, part: f"({kind}{part})", st.sampled_from(["?i:", "?-i:", "?>", "?s:", "?a:"]), inner
            ),
            inner.map(lambda part: rf"(?:({part})\1)" if "(" not in part else part),
        )

    return st.recursive(atom, larger, max_leaves=8)


def compiled(pattern, flags):
    try:
        return re.compile(pattern, flags)
    except re.error:
        return None


@settings(max_examples=400, deadline=None)
@given(patterns(), FLAGS, st.lists(TEXTS, min_size=1, max_size=8))
@example(r"a$\n", 0, ["a\n"])
@example(r"\B", 0, ["", "a"])
@example(r"\bk\b", re.I, ["Ké", "éK", "K", "aK"])
@example(r"(?:a|(?:x|)*)*b", 0, ["ab", "b"])
@example(r"^a", re.M, ["b\na", "\n"])
def test_any_pattern_votes_as_row_by_row(pattern, flags, texts):
    rule = compiled(pattern, flags)
    if rule is not None:
        assert TextBlock(texts).found(rule).tolist() == [rule.search(text) is not None for text in texts]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.sampled_from(ODD), min_size=1, max_size=3), min_size=1), st.booleans(), st.lists(TEXTS))
def test_word_lists_vote_as_row_by_row(words, case, texts):
    if not any(word.strip() for word in words):
        return
    words = sorted({word.strip() for word in words if word.strip()})
    rule = keywords("k", words, 1, case=case).pattern
    expected = [rule.search(text) is not None for text in texts]
    assert TextBlock(texts).found(rule).tolist() == expected
    index = WordIndex(words, case)
    assert [index.found(text) for text in texts] == expected


def test_characters_that_fold_to_a_letter_are_known():
    everything = "".join(map(chr, range(0x110000)))
    for letter in "kisaßσåµ1":
        found = re.compile(letter, re.IGNORECASE).findall(everything)
        assert set(found) <= set(foldable()) | {letter} | set(map(chr, range(128)))
    candidates = foldable() + "".join(map(chr, range(128)))
    for letter in candidates:
        for other in re.compile(re.escape(letter), re.IGNORECASE).findall(candidates):
            assert fold(letter) == fold(other) or {letter, other} <= mixed()


def test_a_large_gazetteer_votes_as_its_row_wise_definition():
    towns = [f"Town {i} Hill" for i in range(MOST_LETTERS // 11)] + ["c++", "--"]
    lf = gazetteer("g", towns, 1)
    assert isinstance(lf, WordsLF)
    texts = ["at town 7 hill.", "town 7 hills", "Town 99 Hıll", "é Town 700 Hill", "a c++", "a -- b", "a--b", ""]
    whole = words_pattern(towns, case=False)
    assert [lf(SimpleNamespace(text=text)) == 1 for text in texts] == [whole.search(text) is not None for text in texts]


@pytest.mark.parametrize("pattern", [r"(?<!\w)(?:a|b c)(?!\w)", r"^\d+-\d+$", r"\bwho\b.*\?", r"https?://", "(?m)^x"])
def test_common_patterns_need_no_second_look_on_ascii(pattern):
    assert translate(re.compile(pattern, re.IGNORECASE), ascii_only=True).exact


def test_a_pattern_that_the_engine_refuses_is_applied_row_by_row():
    rule = re.compile(r"(?:a{1000}){1000}|b")
    with pytest.raises(pa.ArrowInvalid):
        pa.compute.match_substring_regex(pa.array(["b"]), translate(rule, ascii_only=True).pattern)
    assert TextBlock(["b", "a"]).found(rule).tolist() == [True, False]


def test_pattern_lfs_beside_others_keep_their_columns_and_rows():
    lfs = [regex("r", "^a", "spam"), LabelingFunction("f", lambda x: len(x.text) % 2), keywords("k", ["b"], 0)]
    texts = ["a", "ab", "b", "é b", "\ud800 b", "A\0"] * 7000  # more than a block
    L, failures = apply(lfs, Dataset(texts, [str(i) for i in range(len(texts))]), ["ham", "spam"])
    assert not failures and L.dtype == np.int8
    expected = [[1, 1, -1], [1, 0, -1], [-1, 1, 0], [-1, 1, 0], [-1, 1, 0], [1, 0, -1]]
    np.testing.assert_array_equal(L, np.tile(expected, (7000, 1)))


def test_a_pattern_lf_that_names_no_class_says_so_where_it_first_votes():
    data = Dataset(["x", "a"], ["i", "j"])
    with pytest.raises(UserError, match=r"test_columnwise\.py, line.*'r': row 2 .id 'j'. of memory: voted 'spma'"):
        apply([regex("r", "^a", "spma")], data, ["ham", "spam"])
    assert (apply([regex("r", "^b", "spma")], data, ["ham", "spam"])[0] == -1).all()


@pytest.mark.parametrize("task", ["text", "words", "labels"])
def test_a_pattern_on_which_re_itself_fails_abstains_there(monkeypatch, task):
    class Pattern:
        pattern, flags = "a", 0

        def search(self, text):
            if text == "b":
                raise SystemError("The span of capturing group is wrong")
            return re.search("a", text)

        def finditer(self, text):
            return iter([found] if (found := self.search(text)) else [])

    monkeypatch.setattr("weakft.lfs.columnwise.translate", lambda pattern, ascii_only: None)
    lf, other = regex("r", "a", "spam"), regex("other", "b", "spam")
    lf.pattern = Pattern()
    data = Dataset(["a", "b", "a"], ["0", "1", "2"])
    if task == "words":
        data.words = np.array([1, 1, 1])
    if task == "labels":
        data.asked = ["spam"]
    L, failures = apply([lf, other], data, ["no", "spam"])
    assert L.tolist() == [[1, -1], [-1, 1], [1, -1]] and failures["r"].count == 1 and failures["r"].first_row == 1


def test_a_function_put_in_the_place_of_a_patterns_own_is_called():
    lf = keywords("k", ["a"], "spam")
    lf.f = lambda x: "ham"
    assert apply([lf], Dataset(["a", "b"], ["0", "1"]), ["ham", "spam"])[0].tolist() == [[0], [0]]
