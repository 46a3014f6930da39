"""The page of a finished run: what it shows, what it leaves out, that it is safe, and what it says of broken folders."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, review_lfs, reviews
from sklearn.metrics import confusion_matrix

import weakft
from weakft import keywords, runs
from weakft.errors import UserError
from weakft.lfs.summary import wilson
from weakft.report import course, outcome, page, rows
from weakft.report.disagreements import KEPT, surest
from weakft.report.folder import Metrics, read
from weakft.report.svg import inline

FAST = {"device": "cpu", "precision": "fp32", "learning_rate": 2e-3, "max_length": 32, "initial_steps": 40}
FAST |= {"self_training_steps": 30, "period": 15, "eval_every": 10}
VOID = {"meta", "br"}
SHAPES = {"g", "path", "use", "text", "defs", "clippath", "rect", "style", "title"}


class Page(HTMLParser):
    """A page as its elements, the text of each section, and all of its text and attribute values."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self.attributes, self.open = [], [], []
        self.sections, self.cells, self.words = {}, {}, []
        self.feed(text)
        self.close()
        assert not self.open  # every element is closed

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id")))
        if tag in ("td", "th"):
            self.cells.setdefault(self.section, []).append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    @property
    def section(self):
        return next((name for tag, name in reversed(self.open) if tag == "section"), None)

    def handle_data(self, data):
        if any(tag == "style" for tag, _ in self.open):
            return
        self.words.append(data)
        self.sections[self.section] = self.sections.get(self.section, "") + data
        if any(tag in ("td", "th") for tag, _ in self.open):
            self.cells[self.section][-1] += data

    def text(self, section=None):
        return " ".join(self.sections.get(section, "").split())


def opened(run):
    return Page((run.folder / runs.REPORT).read_text(encoding="utf-8"))


def table(n, seed):
    texts, labels = reviews(n, seed)
    return pd.DataFrame({"text": texts, "label": labels})


def train(tiny_model, output, **changes):
    settings = {"data": table(200, 0), "lfs": review_lfs(), "valid": table(60, 1), "test": table(80, 2)}
    settings |= {"label_names": ["neg", "pos"], "model": str(tiny_model), "output": str(output), **FAST, **changes}
    return weakft.train(**{key: value for key, value in settings.items() if value is not None})


@pytest.fixture(scope="module")
def finished(tiny_model, tmp_path_factory):
    return train(tiny_model, tmp_path_factory.mktemp("runs") / "run", ceiling=True, seed=6)


@pytest.fixture(scope="module")
def shown(finished):
    return opened(finished)


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the finished run that a test may break."""
    return shutil.copytree(finished.folder, tmp_path / "run", ignore=shutil.ignore_patterns("model"))


def test_the_head_says_what_was_run(shown, finished):
    text = shown.text()
    for words in ("weakft (cosine)", "seed6", "cpu, fp32", "200 train, 60 valid, 80 test", "classes2"):
        assert words in text
    assert f"{finished.metrics['coverage']:.0%} of the training texts have a vote" in text
    assert "60 of the validation split, for choosing" in text
    assert page.clock(sum(finished.metrics["timing"].values())) in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trained_on_valid": True}, "60 of the validation split, trained on"),
        ({}, "60 of the validation split, for choosing, to weigh the rules, and to calibrate"),
        ({"calibrated": False}, "60 of the validation split, for choosing, and to weigh the rules"),
        (  # as runs of earlier versions
            {"trained_on_valid": None, "calibrated": None, "label_model": {"name": "majority", "balance": "own"}},
            "60 of the validation split, for choosing",
        ),
        ({"trained_on_valid": None, "method": "valid"}, "60 of the validation split, trained on"),
        ({"gold_labels_used_by_split": {"train": 1200, "valid": 0}}, "1,200 of the training split, trained on"),
        ({"gold_labels_used_by_split": {"train": 0, "valid": 0}}, "none"),
    ],
)
def test_gold_labels_and_what_for(folder, changes, said):
    metrics = json.loads((folder / runs.METRICS).read_text())
    metrics |= changes
    (folder / runs.METRICS).write_text(json.dumps({k: v for k, v in metrics.items() if v is not None}))
    assert dict(outcome.head(read(folder))["facts"])["gold labels used"] == said


def by_quadratic(right, n):
    """The score interval from its definition: the p whose distance to right / n is 1.96 of p's own standard errors."""
    z2, share = 1.959964**2, right / n
    return sorted(np.roots([1 + z2 / n, -2 * share - z2 / n, share**2]).real)


def test_what_was_reached_with_wilson_intervals(shown, finished):
    cells = shown.cells["reached"]
    for i, figures in enumerate(finished.table.values(), start=1):
        low, high = by_quadratic(round(figures["accuracy"] * 80), 80)
        expected = [f"{figures['accuracy']:.3f}", f"{low:.3f}–{high:.3f}", f"{figures['macro_f1']:.3f}", "80"]
        assert cells[6 * i + 2 : 6 * i + 6] == expected
    assert len(cells) == 6 * (1 + len(finished.table))
    assert "fully supervised (ceiling)" in cells
    assert outcome.reached(read(finished.folder))["rows"][3]["ours"]


def test_intervals_of_words_are_said_to_take_them_for_independent(shown, folder):
    metrics = json.loads((folder / runs.METRICS).read_text())
    for figures in metrics["table"].values():
        figures["entity_f1"] = 0.5
    metrics["task"] = "tokens"
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    of_words = Page(page.write(folder).read_text(encoding="utf-8")).text("reached")
    assert "a share of independent tokens" in of_words and "independent" not in shown.text("reached")


def test_rows_of_one_text_count_once_in_the_interval(shown, folder):
    metrics = json.loads((folder / runs.METRICS).read_text())
    for figures in metrics["table"].values():
        figures |= {"accuracy": 0.75, "texts": 20}
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    told = Page(page.write(folder).read_text(encoding="utf-8"))
    low, high = by_quadratic(15, 20)
    assert told.cells["reached"][9] == f"{low:.3f}–{high:.3f}"
    assert "comes from 20 different texts" in told.text("reached")
    assert "different texts" not in shown.text("reached")


def test_wilsons_numbers():
    """The score method's column of table I in Newcombe 1998, Statistics in Medicine 17:857."""
    for right, n, expected in (
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ):
        assert wilson(right, n) == pytest.approx(expected, abs=5e-5)


def outcome_of(weak, cosine, gold=None, **changes):
    figures = {"weak": weak, "cosine": cosine, "gold": gold}
    content = {"method": "cosine", "seed": 0, "data": "d", "model": "m", "labels": ["a", "b"], "rows": {}, "timing": {}}
    content |= {"gold_labels_used_by_split": {}, "training": {"self_training": {"steps": 10}}}
    content["table"] = {k: {"accuracy": v, "macro_f1": v, "n": 200} for k, v in figures.items() if v is not None}
    return outcome.sentence(Metrics.model_validate(content | changes))


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((0.7, 0.8), "raised the test accuracy of fine-tuning on weak labels by 10.0 points, from 0.700 to 0.800: "),
        ((0.7, 0.8), "20 more of the 200 texts are right.$"),
        ((0.7, 0.8, 0.95), "closes 40% of the gap to full supervision .0.950..$"),
        ((0.7, 0.8, 0.75), "That is more than full supervision reached .0.750..$"),
        ((0.7, 0.8, 0.705), "There was no gap to close: full supervision reached 0.705.$"),
        ((0.7, 0.8, 0.6), "There was no gap to close: full supervision reached 0.600.$"),
        ((0.7, 0.7, 0.9), "gave nothing .* both have 140 of 200 test texts right. It closed nothing of the gap"),
        (
            (0.7, 0.69, 0.9),
            "lowered .* by 1.0 point, from 0.700 to 0.690: 2 fewer of the 200 texts are right. It closed",
        ),
    ],
)
def test_the_outcome_in_words(figures, said):
    assert re.search(said, outcome_of(*figures))


def test_nothing_moved_is_said_of_every_figure():
    same = {"accuracy": 0.7, "macro_f1": 0.6, "n": 60, "micro_f1": 0.636}
    said = outcome_of(0, 0, task="multi-label", table={"weak": same, "cosine": same})
    assert said == "Self-training gave nothing over fine-tuning on weak labels: both have a test micro-F1 of 0.636."


def test_the_figure_that_counts_is_the_tasks_where_nothing_was_measured():
    content = {"method": "weak", "seed": 0, "data": "d", "model": "m", "labels": ["a", "b"], "rows": {}, "timing": {}}
    content |= {"gold_labels_used_by_split": {}, "table": {}}
    for task, figure in (
        ("tokens", "entity_f1"),
        ("multi-label", "micro_f1"),
        ("pair", "accuracy"),
        (None, "accuracy"),
    ):
        assert Metrics.model_validate(content | {"task": task}).headline == figure


def test_no_words_where_nothing_is_compared(shown, finished):
    assert outcome_of(0.7, 0.8, training={"initial": {"steps": 10}}) == ""  # no self-training
    assert outcome_of(0.7, 0.8, method="weak") == ""
    assert "validation labels, raised" in outcome_of(
        0.7, 0.8, training={"self_training": {"steps": 1}, "continued": {"steps": 1}}
    )
    figures = {name: {"accuracy": v, "macro_f1": v, "n": 200} for name, v in (("valid", 0.7), ("cosine", 0.8))}
    said = outcome_of(0, 0, table=figures)  # the validation labels were trained on
    assert "raised the test accuracy of fine-tuning on the validation labels by 10.0 points" in said
    assert (
        outcome_of(0, 0, table={"weak": figures["valid"]})
        == outcome_of(0, 0, table={"cosine": figures["cosine"]})
        == ""
    )
    assert outcome.sentence(read(finished.folder).metrics) in shown.text("reached")


def votes_beat(majority, cosine, entity_f1=None, **changes):
    figures = {"majority": {"accuracy": majority}, "cosine": {"accuracy": cosine}}
    figures = {name: f | {"macro_f1": 0.5, "entity_f1": entity_f1, "n": 200} for name, f in figures.items()}
    content = {"method": "cosine", "seed": 0, "data": "d", "model": "m", "labels": ["a", "b"], "rows": {}, "timing": {}}
    content |= {"gold_labels_used_by_split": {}, "table": figures}
    return outcome.votes_beat(Metrics.model_validate(content | changes))


def test_votes_that_are_right_more_often_than_the_model(shown, folder):
    assert "(majority vote of the LFs, 0.790) are right more often than the model" in votes_beat(0.79, 0.62)
    assert "--method majority" in votes_beat(0.79, 0.62)
    assert votes_beat(0.66, 0.62) == votes_beat(0.62, 0.79) == votes_beat(0.79, 0.62, method="majority") == ""
    assert votes_beat(0.79, 0.62, entity_f1=0.3) == ""  # most words are of no entity
    assert "(majority vote of the LFs, 0.925) are right more often" in shown.text("reached")  # so small is the model
    metrics = json.loads((folder / runs.METRICS).read_text())
    metrics["table"]["cosine"]["accuracy"] = 0.9
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    assert "right more often" not in Page(page.write(folder).read_text(encoding="utf-8")).text("reached")


def test_the_confusion_matrix(shown, finished):
    frame = pd.read_parquet(finished.folder / runs.PREDICTIONS)
    test = frame[frame["split"] == "test"]
    expected = confusion_matrix(test["gold"], test["label"], labels=["neg", "pos"])
    cells = shown.cells["confusions"][5:]  # behind the headings
    for i, name in enumerate(("neg", "pos")):
        line = cells[5 * i : 5 * i + 5]
        total = expected[i].sum()
        assert line == [name, *(str(n) if n else "·" for n in expected[i]), str(total), f"{expected[i, i] / total:.2f}"]


def test_many_classes_are_collapsed_to_the_most_confused():
    rng = np.random.default_rng(0)
    labels = [f"class {i}" for i in range(20)]
    gold = rng.integers(0, 20, 4000)
    predicted = np.where(rng.random(4000) < gold / 40, (gold + 1) % 20, gold)  # the later, the more confused
    names = np.array(labels)
    found = rows.confusions(pd.Series(names[gold]), pd.Series(names[predicted]), labels)
    wrong = {c: int(((gold == c) != (predicted == c)).sum()) for c in range(20)}
    kept = sorted(sorted(wrong, key=lambda c: -wrong[c])[:12])
    assert found.names == [*(labels[c] for c in kept), rows.OTHERS] and found.dropped == 8
    for i, c in enumerate(kept):
        for j, d in enumerate(kept):
            assert found.counts[i, j] == ((gold == c) & (predicted == d)).sum()
        assert found.counts[i, 12] == ((gold == c) & ~np.isin(predicted, kept)).sum()
    assert found.counts[12, 12] == (~np.isin(gold, kept) & ~np.isin(predicted, kept)).sum()
    assert found.counts.sum() == 4000
    assert rows.confusions(pd.Series(names[gold]), pd.Series(names[predicted]), labels, most=20).dropped == 0


def test_the_label_models(shown, finished):
    chosen = finished.metrics["label_model"]
    cells = shown.cells["label-models"]
    assert len(cells) == 4 + sum(3 if c["error"] else 4 for c in chosen["candidates"])
    assert cells[4] == chosen["candidates"][0]["model"]
    assert cells[6:8] == [f"{chosen['candidates'][0][key]:.3f}" for key in ("log_loss", "accuracy")]
    assert f"Taken: {chosen['name']} with the" in shown.text("label-models")
    assert chosen["reason"] in shown.text("label-models")


def test_labeling_functions_and_their_agreement_with_the_model(shown, finished):
    frame = pd.read_parquet(finished.folder / runs.PREDICTIONS)
    cells, n = shown.cells["rules"], 0
    for name in ("likes", "dislikes", "hates"):
        same = [
            row["label"] == ("neg", "pos")[row[f"vote_{name}"]]
            for _, row in frame[frame["split"] == "train"].iterrows()
            if row[f"vote_{name}"] >= 0
        ]
        line = cells[cells.index(name) :][:8]
        assert line[7] == f"{sum(same) / len(same):.2f} of {len(same)}"
        summary = finished.lf_summary.set_index("name").loc[name]
        assert line[2:5] == [f"{summary[key]:.2f}" for key in ("coverage", "overlaps", "conflicts")]
        assert line[5] == f"{summary['accuracy']:.2f} of {summary['votes_checked']}"
        n += len(same)
    assert n > 100
    assert len(cells) == 8 * 4


def test_a_rule_without_votes_has_no_agreement():
    train_rows = pd.DataFrame({"vote_a": [-1, -1], "label": ["x", "y"]})
    assert rows.agreement(train_rows, "vote_a", ["x", "y"]) == (None, 0)
    assert rows.agreement(train_rows, "vote_b", ["x", "y"]) == (None, 0)


def test_training_its_curve_and_its_periods(shown, finished):
    record = finished.metrics["training"]
    cells = shown.cells["training"]
    at = cells.index("self-training")
    kept = record["self_training"]["best_step"]
    assert cells[at + 1] == "30" and cells[at + 3] == (str(kept) if kept else "none: the model before it is better")
    assert cells[at + 4] == f"{record['self_training']['valid_figure']:.3f}"
    for member in record["first_teacher"]["members"]:
        assert cells[cells.index(member["kind"]) + 2] == f"{member['valid_figure']:.3f}"
    at = cells.index("from step") + 5
    for period in record["periods"]:
        assert cells[at : at + 3] == [str(period["step"]), str(period["pool"]), str(period["selected"])]
        at += 5
    assert shown.elements.count("svg") == 1
    assert "Validation accuracy over the steps of training" in shown.text("training")


def test_a_student_that_is_worse_than_the_initial_model_is_said_to_be(folder):
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["training"]["self_training"]["best_step"] = 0
    path.write_text(json.dumps(metrics))
    shown = Page(weakft.report(folder).read_text())
    assert "none: the model before it is better" in shown.text("training")


def test_the_curve_holds_every_look(finished):
    training = read(finished.folder).metrics.training
    stages = {"first": training.initial, "second": training.self_training}
    lines = [line for line in course.picture(stages).axes[0].lines if line.get_label() in stages]
    for line, done, stage in zip(lines, (0, training.initial.steps), stages.values(), strict=True):
        assert list(zip(line.get_xdata() - done, line.get_ydata(), strict=True)) == stage.valid


def test_without_matplotlib_a_table_and_the_extra_that_brings_the_picture(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    shown = Page(weakft.report(folder).read_text())
    assert "svg" not in shown.elements
    assert "pip install 'weakft[plots]'" in shown.text("training")
    looks = read(folder).metrics.training.initial.valid
    cells = shown.cells["training"][shown.cells["training"].index("step") :]
    assert cells[2:5] == ["initial fine-tuning", str(looks[0][0]), f"{looks[0][1]:.3f}"]


def test_thinning_keeps_the_first_and_the_last_look():
    looks = [(step, step / 1000) for step in range(10, 510, 10)]
    thin = course.thinned({"a": looks, "b": looks[:3]})
    assert [entry for entry in thin if entry[0] == "b"] == [("b", *look) for look in looks[:3]]
    many = [(step, accuracy) for name, step, accuracy in thin if name == "a"]
    assert len(many) == course.LOOKS and many[0] == looks[0] and many[-1] == looks[-1]
    assert set(many) <= set(looks)


def test_texts_to_look_at(shown, finished):
    frame = pd.read_parquet(finished.folder / runs.DISAGREEMENTS)
    assert 0 < len(frame) <= KEPT
    predictions = pd.read_parquet(finished.folder / runs.PREDICTIONS).set_index("id")
    given, text = reviews(200, 0)[0], shown.text("texts")
    on_train = predictions[predictions["split"] == "train"]
    against = []
    for name, row in on_train.iterrows():
        theirs = {c: row[f"label_model_{c}"] for c in ("neg", "pos")}
        if not np.isnan(theirs["neg"]) and theirs[row["label"]] < max(theirs.values()) - 1e-6:
            against.append((row[f"p_{row['label']}"], name))
    assert list(frame["probability"]) == pytest.approx(sorted((p for p, _ in against), reverse=True)[:KEPT])
    assert set(frame["id"]) <= {name for _, name in against}
    for line in frame.itertuples():
        assert line.text in text and f"{line.label_model} → {line.model} {line.probability:.3f}" in text
        assert line.model == on_train.loc[line.id, "label"] != line.label_model
        assert line.text == given[on_train.index.get_loc(line.id)]


def test_the_surest_disagreements_by_hand():
    nothing = float("nan")
    frame = pd.DataFrame(
        {
            "id": list("abcdef"),
            "vote_one": [0, 0, -1, 1, 0, 0],
            "vote_two": [-1, 1, -1, -1, -1, -1],
            "label_model_x": [0.9, 0.5000004, nothing, 0.2, 0.9, 0.7],
            "label_model_y": [0.1, 0.4999996, nothing, 0.8, 0.1, 0.3],
            "p_x": [0.3, 0.1, 0.0, 0.9, 0.6, 0.1],
            "p_y": [0.7, 0.9, 1.0, 0.1, 0.4, 0.9],
        }
    )
    found = surest(frame, lambda rows: [f"text {i}" for i in frame["id"].iloc[rows]], ["x", "y"])
    # b is undecided but for rounding, c has no votes, e agrees; d and f are equally sure and stay in order
    assert found["id"].tolist() == ["d", "f", "a"]
    assert found["text"].tolist() == ["text d", "text f", "text a"]
    assert found["votes"].tolist() == ["one: y", "one: x", "one: x"]
    assert found["label_model"].tolist() == ["y", "x", "x"] and found["model"].tolist() == ["x", "y", "y"]
    assert found["probability"].tolist() == [0.9, 0.9, 0.7]
    many = pd.concat([frame] * 30, ignore_index=True)
    assert len(surest(many, lambda rows: [""] * len(rows), ["x", "y"])) == KEPT
    frame.loc[0, "vote_two"] = 1
    assert surest(frame, lambda rows: [""] * len(rows), ["x", "y"])["votes"].iloc[2] == "one: x; two: y"


def test_long_texts_are_cut():
    assert rows.cut("x" * 300) == "x" * 300
    assert rows.cut("x" * 301) == "x" * 299 + "…"
    assert rows.cut("x" * 290 + " " * 20 + "y") == "x" * 290 + "…"


def test_the_foot_lists_changed_options_versions_and_the_command(shown, finished):
    text = shown.text()
    assert "seed: 6" in text and "ceiling: True" in text and "period: 15" in text
    assert "threshold:" not in text  # its default
    assert f"torch {finished.metrics['versions']['torch']}" in text
    assert f"This page anew: weakft report {finished.folder}" in text


def test_panels_without_data_are_left_out(tiny_model, tmp_path):
    gold = opened(train(tiny_model, tmp_path / "gold", method="gold", self_training_steps=None))
    assert set(gold.cells) == {"reached", "confusions", "training"}
    votes = opened(train(tiny_model, tmp_path / "votes", method="label-model"))
    assert set(votes.cells) == {"reached", "confusions", "label-models", "rules"}
    assert "agrees with model" not in votes.text("rules")
    blind = opened(train(tiny_model, tmp_path / "blind", method="majority", test=None, valid=None))
    assert set(blind.cells) == {"rules"}
    assert "backbone" not in blind.text() and "right" not in blind.cells["rules"]
    bare = opened(train(tiny_model, tmp_path / "bare", test=None, valid=None))
    assert set(bare.cells) == {"rules", "training"} and "texts" in bare.sections
    assert "svg" not in bare.elements and "First teacher" not in bare.text("training")


EVIL = "<script>alert(1)</script> & \"x\" 'y'"


def test_what_users_write_is_escaped_and_nothing_can_run(tiny_model, tmp_path):
    data = tmp_path / "<script>a & \"b\" 'c' $d$"
    data.mkdir()
    labels = {"neg": f"no {EVIL}", "pos": "<b onclick='x'>yes</b>"}
    for name, n, seed in (("train", 150, 0), ("valid", 50, 1), ("test", 60, 2)):
        texts, gold = reviews(n, seed)
        frame = pd.DataFrame({"text": [f"{text} {EVIL}" for text in texts], "label": [labels[g] for g in gold]})
        frame.to_csv(data / f"{name}.csv", index=False)
    lfs = [keywords(f"lf {EVIL}", ["good", "great", "nice"], labels["pos"]), keywords("</td>", ["bad"], labels["neg"])]
    run = train(tiny_model, tmp_path / "run", data=str(data), lfs=lfs, valid=None, test=None, label_names=None)
    written = (run.folder / runs.REPORT).read_text(encoding="utf-8")
    shown = Page(written)
    html = {"html", "head", "meta", "title", "style", "body", "header", "section", "footer", "div", "span", "h1", "h2"}
    html |= {"h3", "p", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "i", "b", "strong", "code", "ol"}
    assert set(shown.elements) <= html | SHAPES | {"li", "figure", "svg"}
    assert "script" not in shown.elements
    assert not [name for name, _ in shown.attributes if name.startswith("on") or name in ("src", "href")]
    assert all(value.startswith("#") for name, value in shown.attributes if name == "xlink:href")
    assert "<script" not in written.lower() and "http://" not in written and "https://" not in written
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in shown.attributes
    assert data.name in shown.text()
    assert f"lf {EVIL}" in shown.cells["rules"] and "</td>" in shown.cells["rules"]
    assert set(labels.values()) <= set(shown.cells["confusions"])
    first = pd.read_parquet(run.folder / runs.DISAGREEMENTS).iloc[0]
    assert EVIL in first["text"] and first["text"] in shown.text("texts")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (runs.METRICS, None, "run: is not a finished run: it has no metrics.json"),
        (runs.METRICS, "{", "metrics.json: is broken"),
        (runs.METRICS, '{"method": "cosine"}', "metrics.json: is broken: seed: Field required"),
        (runs.CONFIG, None, "config.yaml: is missing"),
        (runs.CONFIG, "a: [", "config.yaml: is broken"),
        (runs.CONFIG, "- a", "config.yaml: is broken: expected option names with values, found list"),
        (runs.PREDICTIONS, None, "predictions.parquet: is missing"),
        (runs.PREDICTIONS, "PAR1", "predictions.parquet: is broken"),
        (runs.LF_SUMMARY, None, "lf_summary.csv: is missing"),
        (runs.LF_SUMMARY, "", "lf_summary.csv: is broken"),
        (runs.LF_SUMMARY, "name,polarity\na,b\n", "lf_summary.csv: is broken: it has no column 'coverage'"),
        (runs.DISAGREEMENTS, "x", "disagreements.parquet: is broken"),
    ],
)
def test_a_broken_folder_is_named_and_the_old_page_stays(folder, name, content, message):
    before = (folder / runs.REPORT).read_bytes()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=re.escape(message)):
        weakft.report(folder)
    assert (folder / runs.REPORT).read_bytes() == before


def test_contents_that_do_not_fit_together_are_named(folder):
    frame = pd.read_parquet(folder / runs.PREDICTIONS)
    frame.assign(gold="maybe").to_parquet(folder / runs.PREDICTIONS)
    with pytest.raises(
        UserError, match=r"predictions.parquet: is broken: gold 'maybe' is none of the classes neg, pos"
    ):
        weakft.report(folder)
    frame.assign(vote_likes=7).to_parquet(folder / runs.PREDICTIONS)
    with pytest.raises(UserError, match=r"predictions.parquet: is broken: vote_likes has votes"):
        weakft.report(folder)
    frame.drop(columns="label").to_parquet(folder / runs.PREDICTIONS)
    with pytest.raises(UserError, match=r"predictions.parquet: is broken: it has no column 'label'"):
        weakft.report(folder)
    metrics = json.loads((folder / runs.METRICS).read_text())
    metrics["table"]["weak"]["accuracy"] = "good"
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    with pytest.raises(
        UserError, match=r"metrics.json: is broken: table.weak.accuracy: Input should be a valid number"
    ):
        weakft.report(folder)


def test_a_run_of_an_earlier_version_has_a_page(folder):
    (folder / runs.DISAGREEMENTS).unlink()
    metrics = json.loads((folder / runs.METRICS).read_text())
    for key in ("trained_on_valid", "device", "precision", "versions"):
        metrics.pop(key)
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    shown = Page(weakft.report(folder).read_text())
    assert "texts" not in shown.sections and set(shown.cells) >= {"reached", "rules", "training"}


def test_the_call_returns_the_path_and_draws_the_same_page_again(finished, folder):
    before = (finished.folder / runs.REPORT).read_bytes()
    assert weakft.report(str(finished.folder)) == finished.folder / runs.REPORT == weakft.report(finished)
    assert (finished.folder / runs.REPORT).read_bytes() == before
    (folder / runs.REPORT).unlink()
    here = f"weakft report {finished.folder}", f"weakft report {folder}"
    assert weakft.report(folder).read_text() == before.decode().replace(*here)


def verb(*args):
    command = [sys.executable, "-m", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_verb(folder):
    for command in (("weakft", "report"), ("weakft.report",)):
        (folder / runs.REPORT).unlink()
        out = verb(*command, folder)
        assert out.returncode == 0, out.stderr
        assert out.stdout == f"{folder / runs.REPORT}\n"
        assert (folder / runs.REPORT).is_file()
    out = verb("weakft", "report", folder.parent)
    assert out.returncode == 2
    assert out.stderr == f"weakft: {folder.parent}: is not a finished run: it has no metrics.json.\n"


def test_the_page_is_drawn_without_torch(folder):
    script = (
        f"import sys, weakft; weakft.report({str(folder)!r}); print({{'torch', 'transformers'}} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout == "set()\n"
    script = "import sys, weakft.report, weakft.__main__; print({'pandas', 'jinja2', 'torch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout == "set()\n"


def test_a_page_that_fails_does_not_take_the_run_with_it(tiny_model, tmp_path, monkeypatch):
    from weakft.config import TrainConfig, build
    from weakft.display import Silent
    from weakft.inputs import Given
    from weakft.pipeline import train as pipeline

    def broken(*_args, **_panels):
        raise ZeroDivisionError("no room\nfor this")

    monkeypatch.setattr(page, "render", broken)
    progress = Silent()
    config = build(TrainConfig, {"model": str(tiny_model), "output": str(tmp_path / "r"), "max_steps": 2}, "test")
    given = Given(train=table(60, 0), lfs=review_lfs(), test=table(20, 1), label_names=["neg", "pos"])
    run = pipeline(config, given, progress)
    assert (run.folder / "model" / "model.safetensors").is_file() and (run.folder / runs.METRICS).is_file()
    assert not list(run.folder.glob("*report*"))
    said = "No report (ZeroDivisionError: no room for this). The run itself is whole; to try again: weakft report"
    assert f"{said} {run.folder}" in progress.messages
    monkeypatch.undo()
    assert weakft.report(run).is_file()


WORTH = {"data": EVIL, "sentence": f"Your 3 labeling functions are worth {EVIL}.", "counts": [10, 100, 1000]}
WORTH |= {"curve": [0.5, 0.7, 0.9], "curve_low": [0.45, 0.65, 0.85], "curve_high": [0.55, 0.75, 0.95]}
WORTH |= {"accuracy": 0.8, "accuracy_low": 0.77, "accuracy_high": 0.83, "gold_used": 1234, "seeds": 3}
WORTH |= {"figure": "entity_f1", "curve_seeds": 2, "alone": None, "alone_low": None, "alone_high": None}


def test_the_page_of_what_the_rules_are_worth():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title(f"a title {EVIL}")
    written = page.worth_page(WORTH, inline(figure, f"described {EVIL}"))
    shown = Page(written)
    assert "script" not in shown.elements and "<script" not in written
    assert WORTH["sentence"] in shown.text()
    assert "1,234 validation labels" in shown.text() and "3 seeds" in shown.text()
    assert f"described {EVIL}" in shown.text("picture") and f"a title {EVIL}" in shown.text("picture")
    assert shown.cells["figures"][4::4] == [
        "10 gold labels",
        "100 gold labels",
        "the rules (weakft)",
        "1,000 gold labels",
    ]
    assert shown.cells["figures"][14:16] == ["0.800", "0.770–0.830"]
    assert "Test entity F1" in shown.text("figures")
    plain = Page(page.worth_page(WORTH | {"gold_used": 0, "seeds": 1}, None))
    assert "picture" not in plain.sections and "1 seed of weakft, which read no validation labels" in plain.text()
    assert "is without the spread between seeds" in plain.text()
    assert "at least 2 of each number" in shown.text() and "is without the spread" not in shown.text()
    alone = Page(page.worth_page(WORTH | {"alone": 0.81, "alone_low": 0.79, "alone_high": 0.83}, None))
    cells = alone.cells["figures"]
    assert cells[20:24:2] == ["1,234 validation labels alone", "0.810"] and cells[23] == "0.790–0.830"


def test_colours_in_pictures_are_the_pages():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, 1], [0, 1], color="#c2410c")
    drawn = str(inline(figure, "t"))
    assert "var(--accent)" in drawn and "#c2410c" not in drawn
    assert "<?xml" not in drawn and "<!DOCTYPE" not in drawn


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (8.24, "8.2 s"), (49.4, "49 s"), (59.7, "1 min 0 s"), (249, "4 min 9 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds, said):
    assert page.clock(seconds) == said


def test_figures():
    assert page.figure(0.8434) == "0.843" and page.figure(None) == page.figure(float("nan")) == "–"
    assert page.share(0.5) == "0.50" and page.count(1069) == "1,069"
    assert page.interval((0.1, 0.25), 2) == "0.10–0.25" and page.interval(wilson(0, 0)) == "–"
