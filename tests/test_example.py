"""The embedded data set keeps what its card promises."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from weakft.config import LabelConfig
from weakft.data.example import FOLDER, LABELS, LFS, load
from weakft.lfs.load import load_file
from weakft.votes import cast_votes


@pytest.fixture(scope="module")
def splits():
    return load()


def test_sizes_and_class_shares(splits):
    assert len(splits.train) >= 1000
    assert len(splits.valid) == 120
    assert len(splits.test) == 300
    for split in (splits.train, splits.valid, splits.test):
        shares = np.bincount(split.gold.read("measure"), minlength=5) / len(split)
        np.testing.assert_allclose(shares, [0.35, 0.25, 0.18, 0.14, 0.08], atol=0.015)


def test_the_training_file_has_no_labels():
    assert (FOLDER / "train.csv").read_text(encoding="utf-8").splitlines()[0] == "id,text"


def test_texts_are_of_all_lengths_and_clean(splits):
    texts = splits.train.texts + splits.valid.texts + splits.test.texts
    words = np.array([len(t.split()) for t in texts])
    assert (words <= 3).mean() > 0.015
    assert (words >= 50).sum() >= 30
    assert 8 <= np.median(words) <= 30
    for text in texts:
        assert text == text.strip()
        assert "\ufffd" not in text
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert len({re.match(r"\W*\w+\W*\w*", t).group().lower() for t in texts if len(t.split()) > 3}) > 900


def grams(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def test_no_two_texts_are_alike(splits):
    """Jaccard similarity of word 3-grams below 0.6 for every pair, found through shared 3-grams."""
    texts = splits.train.texts + splits.valid.texts + splits.test.texts
    having = defaultdict(list)
    sets = [grams(t) for t in texts]
    worst = 0.0
    for i, mine in enumerate(sets):
        shared = Counter(j for gram in mine for j in having[gram])
        worst = max([worst, *(n / len(mine | sets[j]) for j, n in shared.items())])
        for gram in mine:
            having[gram].append(i)
    assert worst < 0.6


def test_the_rules_leave_something_to_gain(splits):
    rules = load_file(LFS)
    assert rules.label_names == LABELS
    assert 10 <= len(rules.lfs) <= 14
    votes = cast_votes(LabelConfig(), splits, rules, LABELS)
    assert not votes.failures
    gold = splits.train.gold.read("measure")
    rows = (votes.train >= 0).any(1)
    counts = np.stack([(votes.train == c).sum(1) for c in range(5)], 1)[rows]
    top = counts == counts.max(1, keepdims=True)
    accuracy = (top[np.arange(len(top)), gold[rows]] / top.sum(1)).mean()
    assert 0.60 <= rows.mean() <= 0.85
    assert 0.65 <= accuracy <= 0.85
