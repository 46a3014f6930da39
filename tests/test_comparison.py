"""The comparison: cells, what a killed one leaves, summaries, baselines, and the verb end to end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import line, reviews

import weakft
from weakft.benchmark import main
from weakft.comparison import cells, summary
from weakft.comparison.cells import Cell, append_lines, current, missing, packed, read_lines, unpacked, unpacked_sources
from weakft.comparison.methods import METHODS, find, order
from weakft.config import TrainConfig
from weakft.data.dataset import Dataset, Gold, labeled_rows
from weakft.errors import UserError


def test_every_method_has_options_that_exist():
    for name, entry in METHODS.items():
        TrainConfig(**entry.options)
        assert entry.meaning, name
    assert find("gold-50").options == {"method": "gold", "gold_labels": 50}
    assert find("probe-50").baseline.n == 50
    with pytest.raises(UserError, match="Did you mean 'cosine'"):
        find("cosin")
    with pytest.raises(UserError, match="no such method"):
        find("gold-0")
    assert sorted(["gold-100", "gold-20", "gold", "weak"], key=order) == ["weak", "gold", "gold-20", "gold-100"]


def test_methods_are_explained_those_with_a_number_too(capsys):
    main(["--explain"])
    said = dict(text.split(maxsplit=1) for text in capsys.readouterr().out.splitlines())
    assert list(said) == [*METHODS, "gold-N", "valid-N", "probe-N", "setfit-N"]
    assert said["valid-N"] == "fine-tuning on N gold labels of the validation split"
    assert find("valid-7").meaning == said["valid-N"].replace("N", "7")
    assert said["weak-measured"] == "fine-tuning on the measured vote's soft labels"  # each line is read alone


def test_a_line_cut_short_by_a_kill_does_not_count_and_is_replaced(tmp_path):
    path = tmp_path / "cells.jsonl"
    append_lines(path, [line(seed=0), line(seed=1)])
    with path.open("a") as file:
        file.write('{"data": "a", "method": "we')
    assert [entry["seed"] for entry in read_lines(path)] == [0, 1]
    append_lines(path, [line(seed=2)])
    assert [entry["seed"] for entry in read_lines(path)] == [0, 1, 2]
    with path.open("a") as file:  # whole, but for its end
        file.write(json.dumps(line(seed=3)))
    assert [entry["seed"] for entry in read_lines(path)] == [0, 1, 2]
    for content in ("5\n", "{}\n"):
        path.write_text(content)
        with pytest.raises(UserError, match="line 1: not JSON of a run"):
            read_lines(path)
    path.write_text('{"data": }\n' + json.dumps(line()) + "\n")
    with pytest.raises(UserError, match=r"line 1: not JSON"):
        read_lines(path)


def test_a_data_set_is_called_as_its_folder(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert [Cell(data, "weak", 0).name for data in ("", ".", "../mine", "x/y.csv")] == [
        "embedded",
        "mine",
        "mine",
        "y.csv",
    ]


def test_a_baseline_takes_the_labels_that_the_methods_take(tmp_path, tiny_model):
    """Class numbers, -1 where there is none, LABELS in the rules' file; the few labels may lack a class."""
    (tmp_path / "data").mkdir()
    for name, labels in (("train", [1, -1] * 10), ("test", [1, -1, 0, -1] * 5)):
        frame = pd.DataFrame({"text": reviews(20, 0)[0], "label": labels})
        frame.to_csv(tmp_path / "data" / f"{name}.csv", index=False)
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\nk = keywords('k', ['good'], 'pos')\n"
    )
    options = {"lfs": str(tmp_path / "rules.py"), "model": str(tiny_model), "max_steps": 2}
    for method in ("gold-6", "probe-6"):
        (found,) = cells.run_cell(Cell(str(tmp_path / "data"), method, 0), options)
        assert found["test"]["n"] == 10 and found["gold_labels_used"] == 6
    for method in ("gold-11", "probe-11"):
        with pytest.raises(UserError, match="10 texts with gold labels, fewer than the 11 asked for"):
            cells.run_cell(Cell(str(tmp_path / "data"), method, 0), options)


def test_what_is_done_or_measured_on_the_way_is_not_run():
    wanted = [Cell("x/a", m, s) for s in (0, 1) for m in ("majority", "weak", "cosine", "gold")]
    assert missing(wanted, []) == [Cell("x/a", m, s) for s in (0, 1) for m in ("cosine", "gold")]
    lines = [line(method="cosine"), line(method="gold")]
    assert [c.key for c in missing(wanted, lines)] == [
        ("a", "majority", 0),
        ("a", "weak", 0),
        ("a", "cosine", 1),
        ("a", "gold", 1),
    ]


@pytest.mark.parametrize("figure", ["accuracy", "micro_f1"])
def test_packed_parts_come_back(figure):
    rng = np.random.default_rng(0)
    parts = np.stack([rng.random(1001) < 0.7, np.ones(1001)], axis=1).astype(int)
    if figure != "accuracy":
        parts = rng.integers(0, 60_000, (1001, 2))
    entry = {"test": {figure: 0.5, "n": 1001}} | packed(parts, figure)
    assert (unpacked(entry) == parts).all() and unpacked_sources(entry) is None
    sources = np.arange(1001) // 3
    assert (unpacked_sources(packed(parts, figure, sources)) == sources).all()
    assert packed(parts, figure, np.arange(1001)) == packed(parts, figure)
    assert unpacked({"test": {figure: 0.5, "n": 1001}}) is None


def test_words_that_count_for_accuracy_keep_their_numbers():
    """Token texts of which none has a label at every word: a text is a part, its words are what is right."""
    parts = np.array([[1, 2], [2, 3], [1, 1]])
    entry = {"test": {"accuracy": 4 / 6, "n": 6}} | packed(parts, "accuracy")
    assert unpacked(entry).tolist() == parts.tolist()


def test_gold_labels_are_drawn_nested_and_with_the_seed():
    gold = np.array([-1, 0, 1, 0, -1, 1, 0, 1, 1, 0])
    texts = Dataset([""] * len(gold), [], gold=Gold(gold))
    few, more = labeled_rows(texts, 3, seed=1), labeled_rows(texts, 6, seed=1)
    assert len(few) == 3 and set(few) < set(more) and (gold[more] >= 0).all()
    assert list(labeled_rows(texts, 100, 0)) == list(np.flatnonzero(gold >= 0))
    assert any(list(labeled_rows(texts, 3, seed)) != list(few) for seed in range(5))


def test_the_summary_by_hand():
    lines = [
        line(method="weak", seed=0, accuracy=0.60),
        line(method="weak", seed=1, accuracy=0.70),
        line(method="gold", accuracy=0.85),
        line(
            method="cosine", accuracy=0.80, seconds=10.0, samples=600, timing={"self-training": 2.0, "predictions": 9}
        ),
    ]
    table = summary.frame(lines).set_index("method")
    assert table.loc["weak", "accuracy"] == pytest.approx(0.65)
    assert table.loc["weak", "accuracy_sd"] == pytest.approx(np.std([0.6, 0.7], ddof=1))
    assert table.loc["weak", "seeds"] == 2
    assert table.loc["cosine", "samples_per_second"] == pytest.approx(300)
    assert summary.gap_closed(table.reset_index())["a"] == pytest.approx(0.75)
    table.loc["gold", "headline"] = 0.6
    assert np.isnan(summary.gap_closed(table.reset_index())["a"])  # full supervision is no better: there is no gap
    text = summary.markdown(lines)
    assert "| weak | 0.650 ± 0.071 (2) |" in text and "| cosine | 0.800 (1) |" in text and "| cosine | 75% |\n" in text


def test_shares_of_the_gap_are_averaged_over_the_sets_that_all_methods_have():
    at = {"weak": 0.6, "gold": 0.8, "cosine": 0.7, "valid": 0.65}
    lines = [line(d, m, accuracy=a + 0.05 * (d == "b" and m == "cosine")) for d in "ab" for m, a in at.items()]
    lines += [line("c", m, accuracy=a) for m, a in at.items() if m != "valid"]
    text = summary.markdown(lines)
    assert "| method | a | b | c | mean of a, b |" in text
    assert "| cosine | 50% | 75% | 50% | 62% |" in text and "| valid | 25% | 25% | – | 25% |" in text


def test_runs_that_found_nothing_to_train_themselves_on_are_counted():
    def stage(steps):
        return {"training": {"initial": {"steps": 9}, "self_training": {"steps": steps}}}

    lines = [line(d, "cosine-published", s, **stage(0 if d == "a" else 50 * s)) for d in "ab" for s in (0, 1)]
    lines += [line("a", "cosine", **stage(50)), line("a", "weak", training={"initial": {"steps": 9}})]
    assert "In 3 of 4 runs of `cosine-published` (a 2, b 1) self-training found no rows" in summary.markdown(lines)
    assert "self-training found no rows" not in summary.markdown(lines[-2:])


def test_the_majority_vote_in_another_ones_place_and_unlike_runs_are_told():
    said = "Snorkel's model diverges. The majority vote takes its place."
    here, there = ({"device": device, "versions": {"weakft": "1.0"}} for device in ("cpu", "NVIDIA H200"))
    lines = [line("a", "snorkel", 0, warning=said), line("a", "snorkel", 1, warning=said), line("b", "snorkel")]
    lines += [line("a", "cosine", 0, **here), line("a", "cosine", 1, **there), line("b", "cosine", 0, **here)]
    text = summary.markdown(lines)
    assert text.count(said) == 1 and f"`snorkel` on a: {said}" in text
    assert "`cosine` on a is the mean of unlike runs: weakft 1.0, NVIDIA H200; weakft 1.0, cpu." in text
    assert "`cosine` on b" not in text
    lines[3]["versions"] = {"weakft": "not installed"}
    assert "unlike" not in summary.markdown(lines)


def test_labels_of_words_are_told_by_their_texts():
    text = summary.markdown([line(method="gold-10", gold_labels_used=53, gold_texts_used=10)])
    assert "| labeled texts |" in text and text.splitlines()[-1].endswith("| 10 |")


def test_of_data_sets_without_runs_now_the_last_lines_data_counts():
    def given(method, data, rules=None):
        return line(method=method, origin={"data": data} | ({"rules": rules} if rules else {}))

    lines = [given("majority", "old", "r1"), given("gold-20", "old"), given("tfidf", "new", "r1"), line(method="weak")]
    lines.append(given("majority", "new", "r2"))
    assert [entry["method"] for entry in current(lines, [])] == ["weak", "majority"]
    assert current(lines, [Cell("x/b", "majority", 0, "other")]) == lines[-2:]


def test_words_and_labels_are_no_texts_a_second():
    cost = {"method": "cosine", "seconds": 10.0, "timing": {"self-training": 2.0}}
    texts, words = line(data="a", samples=600, **cost), line(data="b", samples=60_000, **cost)
    words["test"]["entity_f1"] = 0.5
    rates = summary.frame([texts, words]).set_index("data")["samples_per_second"]
    assert rates["a"] == pytest.approx(300) and np.isnan(rates["b"])
    assert "| cosine | weakft | 10 (2) | 300 (1) |" in summary.markdown([texts, words])


def test_a_picture_and_files(tmp_path):
    lines = [line(data=d, method=m, seed=s, accuracy=0.5 + s / 10) for d in "ab" for m in METHODS for s in (0, 1)]
    written = summary.write(lines, tmp_path)
    assert [path.name for path in written] == ["summary.md", "summary.csv", "summary.svg"]
    assert len(pd.read_csv(tmp_path / "summary.csv")) == 2 * len(METHODS)
    assert "<svg" in (tmp_path / "summary.svg").read_text()


def test_the_verb_runs_and_resumes(review_folder, tiny_model, tmp_path, monkeypatch):
    pytest.importorskip("setfit", reason="one of the methods needs the extra setfit")
    monkeypatch.setattr(cells, "_in_a_process", lambda cell, options, _slots, _workers: cells.run_cell(cell, options))
    options = {"lfs": str(tmp_path / "rules.py"), "model": str(tiny_model), "max_steps": 3, "seeds": [0]}
    options |= {
        "output": str(tmp_path / "out"),
        "methods": ["weak", "cosine", "gold-20", "probe-20", "setfit-4", "probe", "tfidf"],
    }
    table = weakft.benchmark([review_folder], **options).set_index("method")
    assert set(table.index) == {"majority", "label-model", *options["methods"]}
    assert table.loc["gold-20", "gold_labels_used"] == 20 and table.loc["cosine", "gold_labels_used"] == 50
    assert table.loc["setfit-4", "gold_labels_used"] == 4 and table.loc["setfit-4", "accuracy"] > 0
    assert table.loc["probe-20", "gold_labels_used"] == 20 and table.loc["tfidf", "gold_labels_used"] == 50
    assert table.loc["tfidf", "accuracy"] > 0.6
    for entry in read_lines(tmp_path / "out" / "cells.jsonl"):
        assert unpacked(entry)[:, 0].mean() == pytest.approx(entry["test"]["accuracy"])

    def never(*_):
        raise AssertionError("ran again")

    monkeypatch.setattr(cells, "_in_a_process", never)
    assert len(weakft.benchmark([review_folder], **options)) == len(table)
    with pytest.raises(UserError, match="made with --max-steps 3, and now --max-steps is 4"):
        weakft.benchmark([review_folder], **{**options, "max_steps": 4})
    with pytest.raises(UserError, match="and now --lfs is by default"):
        weakft.benchmark([review_folder], **{**options, "lfs": None})
    other = f"{tmp_path}/../{tmp_path.name}/rules.py"  # the same file, and how errors are told
    assert len(weakft.benchmark([review_folder], **{**options, "lfs": other, "debug": True})) == len(table)


def test_a_failed_run_is_named_and_costs_nobody_else(review_folder, tiny_model, tmp_path):
    (tmp_path / "broken").mkdir()
    options = {"lfs": str(tmp_path / "rules.py"), "model": str(tiny_model), "max_steps": 2, "seeds": [0]}
    with pytest.raises(UserError, match=r"^1 of 2 data sets were left out .* summed up in .*summary\.md"):
        weakft.benchmark(
            [tmp_path / "broken", review_folder], methods=["majority"], output=str(tmp_path / "out"), **options
        )
    assert [entry["data"] for entry in read_lines(tmp_path / "out" / "cells.jsonl")] == ["reviews"]


def test_what_cannot_be_compared_on_is_told_before_anything_runs(review_folder, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("ran")

    monkeypatch.setattr(cells, "_in_a_process", never)
    (review_folder / "test.csv").unlink()
    options = {"lfs": str(tmp_path / "rules.py"), "output": str(tmp_path / "out")}
    with pytest.raises(UserError, match="reviews: a comparison needs a test split with gold labels; there is none"):
        weakft.benchmark([review_folder], **options)
    (tmp_path / "rules.py").write_text("LABELS = [")
    with pytest.raises(UserError, match=r"rules.py, line 1"):
        weakft.benchmark([review_folder], **options)


def test_rules_that_are_missing_are_told_before_anything_runs(review_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "_in_a_process", lambda cell, *_: [line(cell.name, cell.method, cell.seed)])
    options = {"output": str(tmp_path / "out"), "methods": ["gold", "cosine"], "seeds": [0]}
    with pytest.raises(UserError, match="reviews: cosine needs labeling functions"):
        weakft.benchmark([review_folder], **options)
    assert not read_lines(tmp_path / "out" / "cells.jsonl")
    assert len(weakft.benchmark([review_folder], lfs=str(tmp_path / "rules.py"), **options)) == 2


def test_methods_that_nobody_named_are_left_out_where_there_are_no_labels_for_them(
    review_folder, tmp_path, monkeypatch
):
    ran, said = [], []
    monkeypatch.setattr("weakft.display.Silent.say", lambda _, message: said.append(message))
    monkeypatch.setattr(
        cells, "_in_a_process", lambda cell, *_: ran.append(cell.method) or [line(cell.name, cell.method, cell.seed)]
    )
    texts = pd.read_csv(review_folder / "train.csv").drop(columns="label")
    texts.to_csv(review_folder / "train.csv", index=False)
    options = {"lfs": str(tmp_path / "rules.py"), "seeds": [0], "output": str(tmp_path / "out")}
    weakft.benchmark([review_folder], **options)
    assert "gold" not in ran and "valid" in ran
    assert "reviews: has no gold labels for gold, which are left out." in said
    weakft.benchmark([review_folder], methods=["gold"], **options)
    assert ran[-1] == "gold"  # which says itself what it misses


def test_whatever_ends_a_run_costs_nobody_else_and_what_it_did_not_measure_runs(review_folder, tmp_path, monkeypatch):
    ran, odd = [], [KeyError("odd")]

    def here(cell, options, _slots, _workers):
        ran.append(cell.method)
        if cell.method == "gold" and odd:
            raise odd.pop()
        return [line(cell.name, cell.method, cell.seed)]

    monkeypatch.setattr(cells, "_in_a_process", here)
    options = {"lfs": str(tmp_path / "rules.py"), "output": str(tmp_path / "out"), "seeds": [0, 0]}
    with pytest.raises(UserError, match="1 of 2 runs failed"):
        weakft.benchmark([review_folder], methods=["gold", "probe", "gold"], **options)
    assert sorted(ran) == ["gold", "probe"] and len(read_lines(tmp_path / "out" / "cells.jsonl")) == 1
    ran.clear()
    odd.append(KeyError("odd"))
    with pytest.raises(UserError, match="1 of 3 runs failed"):
        weakft.benchmark([review_folder], methods=["gold", "probe", "weak", "cosine"], **options)
    assert sorted(ran) == ["cosine", "gold", "weak"]  # this cosine has no line of weak


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from slowly import slow
from weakft.comparison import cells

threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT)).start()
cells.run_cell = slow
todo = [cells.Cell("", "majority", seed) for seed in range(5)]
try:
    cells.run_cells(todo, {}, Path(sys.argv[1]), 1, lambda *_: None)
except KeyboardInterrupt as error:
    print(error)
"""


def test_ctrl_c_ends_all_of_it(tmp_path):
    (tmp_path / "script.py").write_text(INTERRUPTED)
    (tmp_path / "slowly.py").write_text("import time\n\ndef slow(cell, options):\n    time.sleep(600)\n")
    command = [sys.executable, tmp_path / "script.py", tmp_path / "cells.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "the same command goes on with the rest" in done.stdout, done.stderr


def test_a_script_without_a_guard_runs_once(review_folder, tmp_path):
    """`multiprocessing` would run it again in each process that it spawns."""
    (tmp_path / "script.py").write_text(
        "import weakft\nprint('began')\n"
        "table = weakft.benchmark('reviews', lfs='rules.py', methods=['majority'], seeds=[0, 1])\n"
        "print('ended', len(table), table.seeds[0])\n"
    )
    for command, given in (([sys.executable, "script.py"], None), ([sys.executable, "-"], "script.py")):
        done = subprocess.run(
            command,
            input=given and (tmp_path / given).read_text().replace("rules.py'", "rules.py', output='other'"),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
        )
        assert done.stdout == "began\nended 1 2\n", done.stderr


def test_lines_that_cannot_be_written_end_all_of_it(review_folder, tmp_path, monkeypatch):
    ran = []

    def here(cell, options, _slots, _workers):
        ran.append(cell.seed)
        time.sleep(0.2)
        return [line(cell.name, cell.method, cell.seed)]

    def full(path, lines):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cells, "_in_a_process", here)
    monkeypatch.setattr(cells, "append_lines", full)
    options = {"lfs": str(tmp_path / "rules.py"), "methods": ["majority"], "seeds": list(range(9))}
    with pytest.raises(UserError, match=r"cells.jsonl: cannot be written: No space left on device. The other runs are"):
        weakft.benchmark([review_folder], output=str(tmp_path / "out"), **options)
    assert len(ran) < 9
    ran.clear()
    (tmp_path / "other" / "cells.jsonl").mkdir(parents=True)
    (tmp_path / "other" / "options.yaml").write_text((tmp_path / "out" / "options.yaml").read_text())
    with pytest.raises(UserError, match=r"cells.jsonl: cannot be written: Is a directory"):
        weakft.benchmark([review_folder], output=str(tmp_path / "other"), **options)
    assert not ran


def test_mistakes_are_named(review_folder, tmp_path):
    with pytest.raises(UserError, match="no such method"):
        weakft.benchmark([review_folder], methods=["cosinus-x"], output=str(tmp_path / "o"))
    with pytest.raises(UserError, match="two data sets are called"):
        weakft.benchmark([review_folder, tmp_path / "other" / "reviews"], output=str(tmp_path / "o"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="holds no comparison"):
        weakft.benchmark([review_folder], output=str(tmp_path / "mine"))


HELD = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import getpid
from weakft.comparison.cells import _settle

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_settle, initargs=(0, 1))
    print(pool.submit(getpid).result(), flush=True)
    pool.submit(time.sleep, 600).result()
"""


def test_a_killed_comparison_leaves_no_process(tmp_path):
    (tmp_path / "held.py").write_text(HELD)
    parent = subprocess.Popen([sys.executable, tmp_path / "held.py"], stdout=subprocess.PIPE, text=True)
    child = Path(f"/proc/{parent.stdout.readline().strip()}/stat")
    if not child.parent.parent.is_dir():
        pytest.skip("no /proc here")
    assert child.is_file()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while child.is_file() and child.read_text().rsplit(")", 1)[1].split()[0] != "Z":  # Z: ended, nobody asked yet
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_edit_beside_rules_that_cannot_be_hashed_runs_them_again(review_folder, tmp_path, monkeypatch):
    ran = []

    def here(cell, options, _slots, _workers):
        ran.append(cell.method)
        return [line(cell.name, cell.method, cell.seed, accuracy=0.5)]

    monkeypatch.setattr(cells, "_in_a_process", here)
    rules = "from functools import lru_cache\nfrom words_beside import LIKES\nfrom weakft import LabelingFunction\n"
    rules += "LABELS = ['neg', 'pos']\nlikes = lru_cache(lambda text: 1 if set(text.split()) & LIKES else None)\n"
    rules += "like = LabelingFunction('like', lambda x: likes(x.text))\n"
    (tmp_path / "rules.py").write_text(rules)
    for word, times in (("good", 1), ("good", 1), ("great", 2)):
        (tmp_path / "words_beside.py").write_text(f"LIKES = {{{word!r}}}")
        weakft.benchmark(
            [review_folder],
            lfs=str(tmp_path / "rules.py"),
            seeds=[0],
            output=str(tmp_path / "out"),
            methods=["majority"],
        )
        assert len(ran) == times


@pytest.mark.parametrize("method", ["majority", "tfidf", "gold-20", "probe-20"])
def test_what_changes_under_a_comparison_is_not_filed_as_what_was(
    review_folder, tiny_model, tmp_path, monkeypatch, method
):
    edits = []

    def edited(cell, options, _slots, _workers):
        if edits:
            edits.pop()()
        return cells.run_cell(cell, options)

    monkeypatch.setattr(cells, "_in_a_process", edited)
    options = {"lfs": str(tmp_path / "rules.py"), "methods": [method], "output": str(tmp_path / "out")}
    options |= {"model": str(tiny_model), "max_steps": 2}
    rules, test = tmp_path / "rules.py", review_folder / "test.csv"
    edits.append(lambda: rules.write_text(rules.read_text().replace("'awful'", "'poor'")))
    if method in ("gold-20", "probe-20"):  # rules are nothing to them
        weakft.benchmark([review_folder], seeds=[0], **options)
    else:
        with pytest.raises(UserError, match="1 of 1 runs failed"):
            weakft.benchmark([review_folder], seeds=[0], **options)
    weakft.benchmark([review_folder], seeds=[0], **options)
    edits.append(lambda: test.write_text("\n".join(test.read_text().splitlines()[:-1])))
    said = []
    monkeypatch.setattr("weakft.display.Silent.say", lambda _, message: said.append(message))
    with pytest.raises(UserError, match="1 of 1 runs failed"):
        weakft.benchmark([review_folder], seeds=[1], **options)
    assert any("the labeling functions changed while the comparison ran; run it again" in message for message in said)
    assert [entry["seed"] for entry in read_lines(tmp_path / "out" / "cells.jsonl")] == [0]


def test_the_embedded_messages_are_what_a_cell_says_it_was_given(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "_in_a_process", lambda cell, options, _slots, _workers: cells.run_cell(cell, options))
    methods = ["majority", "gold-20", "tfidf", "probe-20"]
    found = weakft.benchmark(
        model=str(tiny_model), max_steps=2, methods=methods, seeds=[0], output=str(tmp_path / "out")
    )
    assert sorted(found["method"]) == sorted(methods)


def test_other_rules_run_again_and_gold_does_not(review_folder, tmp_path, monkeypatch):
    ran = []

    def here(cell, options, _slots, _workers):
        ran.append(cell.method)
        return [line(cell.name, cell.method, cell.seed, accuracy=0.1 * len(ran))]

    monkeypatch.setattr(cells, "_in_a_process", here)
    options = {
        "lfs": str(tmp_path / "rules.py"),
        "seeds": [0],
        "output": str(tmp_path / "out"),
        "methods": ["majority", "gold-20"],
    }
    weakft.benchmark([review_folder], **options)
    weakft.benchmark([review_folder], **options)
    assert ran == ["majority", "gold-20"]
    rules = (tmp_path / "rules.py").read_text()
    (tmp_path / "rules.py").write_text(rules.replace("'awful'", "'poor'"))
    found = weakft.benchmark([review_folder], **options).set_index("method")["accuracy"]
    assert ran[2:] == ["majority"] and found.to_dict() == pytest.approx({"majority": 0.3, "gold-20": 0.2})
    (tmp_path / "rules.py").write_text(rules)
    assert weakft.benchmark([review_folder], **options).set_index("method")["accuracy"]["majority"] == pytest.approx(
        0.1
    )
    (review_folder / "test.csv").write_text("text,label\ngood,pos\n")
    weakft.benchmark([review_folder], **options)
    assert ran[3:] == ["majority", "gold-20"]
    (review_folder / "test.csv").write_text("text,label,stars\ngood,pos,5\n")  # a rule may read it
    weakft.benchmark([review_folder], **options)
    assert ran[5:] == ["majority"]


def test_objects_in_place_of_files_are_refused():
    frame = pd.DataFrame({"text": ["good film"]})
    for given in (frame, [frame]):
        with pytest.raises(UserError, match="expected a path or a list of paths, found DataFrame"):
            weakft.benchmark(given)
