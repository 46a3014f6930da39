"""How many gold labels the rules are worth: where curves meet, intervals, the sentence, the verb."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from conftest import line
from rich.console import Console

import weakft
from weakft.comparison import cells
from weakft.comparison.cells import packed, unpacked
from weakft.comparison.worth import _resample, crossing, picture, sentence, worth
from weakft.config import WorthConfig, build
from weakft.display import show_worth
from weakft.errors import UserError
from weakft.worth import _labels_at_hand

COUNTS = np.array([10, 100, 1000])


def test_crossing_by_hand():
    curve = np.array([0.5, 0.7, 0.9])
    assert crossing(COUNTS, curve, 0.7) == pytest.approx(100)
    assert crossing(COUNTS, curve, 0.8) == pytest.approx(10**2.5)
    assert crossing(np.array([10, 20, 50]), np.array([0.5, 0.85, 0.9]), 0.85) == 20.0  # not a little less
    assert crossing(COUNTS, curve, 0.4) == 0.0 and crossing(COUNTS, curve, 0.95) == float("inf")
    # a curve that falls is flat at its mean: 0.7 and 0.6 count as 0.65 each
    assert crossing(COUNTS, np.array([0.7, 0.6, 0.85]), 0.75) == pytest.approx(10**2.5)


def synthetic(ours, supervised, n=2000, seeds=3, used=20):
    rng = np.random.default_rng(0)
    hard = rng.random(n)  # the same texts are hard for all

    def runs(method, accuracy):
        for seed in range(seeds):
            right = hard + rng.normal(0, 0.05, n) < accuracy
            entry = line(data="d", method=method, seed=seed, accuracy=float(right.mean()))
            entry["test"]["n"], entry["gold_labels_used"] = n, used
            yield entry | packed(np.stack([right, np.ones(n, int)], axis=1), "accuracy")

    lines = list(runs("cosine", ours))
    for count, accuracy in supervised.items():
        lines += runs(f"gold-{count}", accuracy)
    return lines


def test_the_worth_and_its_interval():
    lines = synthetic(0.8, {10: 0.5, 100: 0.7, 1000: 0.9})
    found = worth(lines, "d")
    assert found.labels == pytest.approx(10**2.5, rel=0.15)
    assert found.low < found.labels < found.high and found.high / found.low < 2
    assert found.accuracy_low < found.accuracy < found.accuracy_high
    said = sentence(found, 12)
    assert said.startswith("Your 12 labeling functions, with 20 validation labels to choose by, are worth about 3")
    assert "fewer than" not in said and "alone" not in said and "without" not in said
    assert picture(found, "d").axes


def test_rows_of_one_text_are_drawn_together():
    """Each text four times says no more than each once."""
    once, four = (synthetic(0.8, {10: 0.5, 100: 0.7, 1000: 0.9}, n=250) for _ in range(2))
    for entry in four:
        parts = np.repeat(unpacked(entry), 4, axis=0)
        entry["test"]["n"] = 1000
        entry |= packed(parts, "accuracy", np.repeat(np.arange(250), 4))
    four[3].pop("sources")  # as in a line of an earlier version
    alike = [worth(lines, "d") for lines in (once, four)]
    assert alike[0].low == alike[1].low and alike[0].accuracy_high == alike[1].accuracy_high
    for entry in four:
        entry.pop("sources", None)
    split = worth(four, "d")
    assert split.accuracy == pytest.approx(alike[0].accuracy)
    assert split.accuracy_high - split.accuracy_low < 0.7 * (alike[0].accuracy_high - alike[0].accuracy_low)


def test_one_seed_is_said_to_have_no_spread(capsys):
    lines = synthetic(0.8, {10: 0.5, 100: 0.7, 1000: 0.9})
    some = worth([entry for entry in lines if entry["seed"] == 0 or entry["method"] != "gold-100"], "d")
    assert (some.seeds, some.curve_seeds) == (3, 1)
    one = worth([entry for entry in lines if entry["seed"] == 0], "d")
    assert (one.seeds, one.curve_seeds) == (1, 1)
    for found in (some, one):
        assert sentence(found, 12).endswith(", without the spread between seeds).")
    assert sentence(one, 1).startswith(
        "Your labeling function, with 20 validation labels to choose by, is worth about 3"
    )
    show_worth(Console(), one, "")
    assert "Test split, 1 seed\n" in "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines()) + "\n"


def test_few_seeds_spread_as_much_as_their_mean_does():
    """The standard error of the mean of s values is their sample standard deviation by sqrt(s)."""
    figures = np.array([0.4, 0.5, 0.45])
    run = np.stack([np.stack([np.full(50, f), np.ones(50)], axis=1) for f in figures]).astype(np.float32)
    rng = np.random.default_rng(0)
    drawn = np.array([_resample([run, run[:2], run[:1]], rng) for _ in range(4000)])
    assert drawn.mean(0) == pytest.approx([0.45, 0.45, 0.4], abs=0.003)
    assert drawn.std(0) == pytest.approx([figures.std(ddof=1) / 3**0.5, 0.05, 0.0], abs=0.002)


def test_the_ends_are_said_plainly():
    supervised = {10: 0.5, 100: 0.7, 1000: 0.9}
    assert "more than 1000" in sentence(worth(synthetic(0.97, supervised), "d"), 3)
    said = sentence(worth(synthetic(0.3, supervised, used=5), "d"), 3)
    assert "fewer than 10 labeled" in said and "validation split" not in said  # 0 stands for fewer than 10, not than 5


def test_a_curve_that_falls_is_said_to():
    found = worth(synthetic(0.9, {100: 0.7, 500: 0.95, 1000: 0.7}), "d")
    assert "more than 1000 labeled examples, the most that were tried, though 500 had 0.9" in sentence(found, 3)
    assert "though" not in sentence(worth(synthetic(0.97, {10: 0.5, 100: 0.9}), "d"), 3)
    assert crossing(COUNTS, np.array([0.5, 0.6, 0.7]), 0.5) == COUNTS[0]  # not fewer: level with the first


def test_the_validation_labels_alone_are_measured_and_not_inferred():
    supervised = {10: 0.5, 100: 0.7, 1000: 0.9}
    lines = synthetic(0.75, supervised, used=500)
    assert "alone" not in sentence(worth(lines, "d"), 3)  # the curve says that 500 are better, nobody measured it

    def beside(accuracy):
        runs = synthetic(accuracy, {})
        return worth([*lines, *(entry | {"method": "valid"} for entry in runs)], "d")

    found = beside(0.6)
    assert found.alone == pytest.approx(0.6, abs=0.02) and found.alone_low < found.alone < found.alone_high
    assert list(found.counts) == [10, 100, 1000] and found.labels == worth(lines, "d").labels
    said = sentence(found, 3)
    assert f"your 500 validation labels alone reaches a test accuracy of {found.alone:.3f}, less than weakft" in said
    assert "--use-valid" not in said and [500] in [
        list(drawn.get_xdata()) for drawn in picture(found, "d").axes[0].lines
    ]
    said = sentence(beside(0.8), 3)
    assert f"more than weakft with the rules ({found.accuracy:.3f}): use both, weakft train --use-valid." in said
    same = [entry | {"method": "valid"} for entry in lines if entry["method"] == "cosine"]
    for near in (worth([*lines, *same], "d"), beside(0.76)):
        assert "cannot be told apart from weakft with the rules (" in sentence(near, 3) and not near.alone_differs


def test_of_the_validation_split_the_largest_number_is_all_of_it():
    lines = synthetic(0.75, {10: 0.5, 20: 0.7}, used=20)
    for entry in lines:
        entry["method"] = entry["method"].replace("gold", "valid")
    found = worth(lines, "d", kind="valid")
    assert found.alone == pytest.approx(found.curve[-1])


def test_of_slots_it_is_the_f1_that_meets_and_texts_that_count():
    rng = np.random.default_rng(0)
    there = rng.integers(1, 5, 600)

    def entry(method, share):
        right = rng.binomial(there, share)
        parts = np.stack([2 * right, there + there], axis=1)
        one = line(data="d", method=method)
        one["test"] |= {"entity_f1": float(parts[:, 0].sum() / parts[:, 1].sum()), "n": 4000}
        return one | packed(parts, "entity_f1") | {"gold_labels_used": 900, "gold_texts_used": 90}

    lines = [entry("cosine", 0.6), entry("gold-10", 0.3), entry("gold-100", 0.5), entry("gold-1000", 0.9)]
    found = worth(lines, "d")
    assert found.figure == "entity_f1" and found.gold_used == 90
    assert found.accuracy == pytest.approx(lines[0]["test"]["entity_f1"]) and found.accuracy == pytest.approx(
        0.6, abs=0.04
    )
    assert (
        found.accuracy_low < found.accuracy < found.accuracy_high and 100 < found.low < found.labels < found.high < 1000
    )
    assert picture(found, "d").axes[0].get_ylabel() == "test entity F1"
    for one in lines:  # lines from before, with right words only
        one["right"] = one.pop("parts")
    with pytest.raises(UserError, match="there are 0 and 0"):
        worth(lines, "d")


def test_what_is_missing_is_named():
    lines = synthetic(0.8, {10: 0.5})
    with pytest.raises(UserError, match="two numbers N or more; there are 3 and 1"):
        worth(lines, "d")
    with pytest.raises(UserError, match="there are 0 and 0"):
        worth(lines, "other")


def test_the_verb(review_folder, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "_in_a_process", lambda cell, options, _slots, _workers: cells.run_cell(cell, options))
    options = {"lfs": str(tmp_path / "rules.py"), "model": str(tiny_model), "max_steps": 2, "seeds": [0]}
    found = weakft.worth(review_folder, output=str(tmp_path / "w"), counts=[10, 40, 1000], **options)
    assert list(found.counts) == [10, 40, 150]  # as many as there are
    written = json.loads((tmp_path / "w" / "worth.json").read_text())
    assert written["sentence"].startswith("Your 3 labeling functions, with 50 validation labels")
    measured = {
        entry["method"]: entry["test"]["accuracy"] for entry in cells.read_lines(tmp_path / "w" / "cells.jsonl")
    }
    assert written["alone"] == pytest.approx(measured["valid"])
    assert "Fine-tuning on your 50 validation labels alone" in written["sentence"]
    assert (tmp_path / "w" / "worth.svg").is_file()
    page = (tmp_path / "w" / "worth.html").read_text()
    assert written["sentence"] in page and "<svg" in page and "150 gold labels" in page
    assert "50 validation labels alone" in page
    (review_folder / "test.csv").unlink()
    with pytest.raises(UserError, match="test split with gold labels"):
        weakft.worth(review_folder, output=str(tmp_path / "w2"), **options)


def test_the_validation_labels_alone_run_once(review_folder, tmp_path, monkeypatch):
    class Asked(Exception):
        pass

    def asked(config, progress):
        raise Asked(config.methods)

    def methods(**options):
        with pytest.raises(Asked) as caught:
            weakft.worth(review_folder, lfs=str(tmp_path / "rules.py"), output=str(tmp_path / "w"), **options)
        return caught.value.args[0]

    monkeypatch.setattr("weakft.comparison.run.run_comparison", asked)
    assert methods(counts=[10, 40]) == ["cosine", "valid", "gold-10", "gold-40"]
    train = pd.read_csv(review_folder / "train.csv")
    train.drop(columns="label").to_csv(review_folder / "train.csv", index=False)
    assert methods(counts=[10, 40]) == ["cosine", "valid", "valid-10", "valid-40"]
    assert methods(counts=[10, 1000]) == ["cosine", "valid-10", "valid-50"]
    train.to_csv(review_folder / "train.csv", index=False)
    (review_folder / "valid.csv").unlink()
    assert methods(counts=[10, 40]) == ["cosine", "gold-10", "gold-40"]


def test_labels_are_drawn_from_the_split_that_has_more(review_folder, tmp_path):
    train = pd.read_csv(review_folder / "train.csv")
    train.loc[5:, "label"] = None
    train.to_csv(review_folder / "train.csv", index=False)
    options = {"data": str(review_folder), "lfs": str(tmp_path / "rules.py")}
    assert _labels_at_hand(build(WorthConfig, options, "")) == ("valid", 50, 3, True)


def test_one_number_of_labels_is_no_curve(review_folder, tmp_path):
    with pytest.raises(UserError, match="counts"):
        weakft.worth(review_folder, lfs=str(tmp_path / "rules.py"), counts=[], output=str(tmp_path / "worth"))
    with pytest.raises(UserError, match="--counts: of 500 there is but 150 with the 150 texts"):
        weakft.worth(review_folder, lfs=str(tmp_path / "rules.py"), counts=[500], output=str(tmp_path / "worth"))
