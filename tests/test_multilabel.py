"""Any number of labels a text: reading, votes for and against, a label model a label, training, figures, and the way back."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import weakft
from weakft.data.dataset import Dataset, Gold
from weakft.data.labels import by_labels
from weakft.data.objects import from_python
from weakft.data.readers import read_splits, read_table
from weakft.data.rows import described, identified, shown
from weakft.data.tables import Columns
from weakft.errors import UserError
from weakft.label_models.choose import choose
from weakft.label_models.per_label import choose_each
from weakft.label_models.silence import fill, unvoted, usable
from weakft.lfs.apply import apply
from weakft.lfs.cache import apply_cached
from weakft.lfs.summary import summarise
from weakft.tasks.measure import Truth
from weakft.tasks.multilabel import MultiLabel
from weakft.training import objectives as ob
from weakft.training.loop import Validator
from weakft.training.model import EndModel
from weakft.training.pseudo_labels import Selection, select

LABELS = ["praise", "blame", "book"]
TEXTS = ["good book", "bad", "the film"]


def texts(some=TEXTS, **more):
    return by_labels(Dataset(list(some), [f"t{i}" for i in range(len(some))], **more), LABELS)


def test_lists_and_columns_of_labels_are_read_from_every_source(tmp_path):
    lists = pd.DataFrame({"text": TEXTS, "labels": [["praise", "book"], ["blame"], []], "note": [1, 2, 3]})
    lists.to_parquet(tmp_path / "a.parquet")
    lists.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    lists.to_json(tmp_path / "a.json", orient="records")
    read = [read_table(tmp_path / f"a.{kind}", Columns(label_names=LABELS)) for kind in ("parquet", "jsonl", "json")]
    marks = pd.DataFrame({"text": TEXTS, "praise": [1, 0, 0], "blame": [0, 1, 0], "book": [1, 0, 0], "note": [1, 2, 3]})
    marks.to_csv(tmp_path / "b.csv", index=False)
    columns = Columns(label="praise, blame, book")
    for data in [*read, from_python(lists, Columns(label_names=LABELS), "a"), read_table(tmp_path / "b.csv", columns)]:
        assert (
            data.asked == LABELS and data.n_rows == 9 and len(data) == 3 and list(data.columns) == ["text", "note"][1:]
        )
        assert data.gold.read("measure").tolist() == [1, 0, 1, 0, 1, 0, 0, 0, 0]
    found = Columns()
    assert from_python(lists, found, "a").asked == found.found_labels == sorted(LABELS)
    written = marks.assign(praise=["1.0", "", "0.0"])
    assert from_python(written, Columns(label="praise,blame,book"), "a").gold.read("measure")[::3].tolist() == [
        1,
        -1,
        0,
    ]
    unknown = marks.assign(blame=["no", None, "yes"], praise=[True, False, None])
    data = from_python(unknown, Columns(label="praise,blame,book"), "a")
    assert data.gold.read("measure").tolist() == [1, 0, 1, 0, -1, 0, -1, 1, 0]
    lists["labels"] = [["praise"], None, []]
    assert (
        from_python(lists, Columns(label_names=LABELS), "a").gold.read("measure").tolist()
        == [1, 0, 0] + [-1] * 3 + [0] * 3
    )


@pytest.mark.parametrize(
    ("frame", "label", "message"),
    [
        (
            {"text": ["a", "b"], "labels": [["praise"], ["prase"]]},
            None,
            "row 2, .* unknown label 'prase'.*Did you mean 'praise'",
        ),
        ({"text": ["a"], "labels": [["book", "book"]]}, None, "row 1, .*'book' stands twice"),
        ({"text": ["a"], "labels": [["book", None]]}, None, r"row 1, .*\['book', None\] has an empty label"),
        ({"text": ["a"], "labels": [[True]]}, None, "row 1, .*unknown label True"),
        (
            {"text": ["a", "b"], "labels": [[0, 0, 1], [1, 0, 0]]},
            None,
            r"row 1, .*\[0, 0, 1\] looks like a mark for each of 3 labels",
        ),
        (
            {"text": ["a", "b"], "labels": [[False, True, True], [True, False, True]]},
            None,
            "row 1, .*looks like a mark .*--label-column FIRST,SECOND",
        ),
        ({"text": ["a"], "x": [1], "y": [2]}, "x,y", "row 1, column 'y': expected 1 or 0 .*, found 2"),
        ({"text": ["a"], "x": [1], "y": [1]}, "x,z", "no column 'z' for the label"),
        ({"text": ["a"], "x": [1], "y": [1]}, "x,x", "names a column twice"),
    ],
)
def test_bad_labels_are_named(frame, label, message):
    with pytest.raises(UserError, match=message):
        from_python(pd.DataFrame(frame), Columns(label=label, label_names=None if label else LABELS), "train")


def test_numbers_of_both_of_two_labels_are_no_marks():
    frame = pd.DataFrame({"text": ["a", "b"], "labels": [[0, 1], [0, 1]]})
    assert from_python(frame, Columns(label_names=["x", "y"]), "d").gold.read("measure").tolist() == [1] * 4
    frame["labels"] = [[0, 1], [1, 0]]
    with pytest.raises(UserError, match=r"row 2, .*\[1, 0\] looks like a mark for each of 2 labels"):
        from_python(frame, Columns(label_names=["x", "y"]), "d")


def test_a_label_called_as_a_vote_against_another_is_refused():
    with pytest.raises(
        UserError, match="of the labels 'fun' and 'not fun' the second is also a vote against the first"
    ):
        from_python(pd.DataFrame({"text": ["a", "b"], "labels": [["fun"], ["not fun"]]}), Columns(), "d")


def test_nothing_but_empty_lists():
    frame = pd.DataFrame({"text": TEXTS, "labels": [[], [], []]})
    with pytest.raises(UserError, match="the labels are unknown: write LABELS"):
        weakft.label(frame, [weakft.keywords("k", ["good"], "praise")])


def test_later_splits_may_lack_a_class_and_may_not_bring_one(tmp_path):
    pd.DataFrame({"text": list("abc"), "label": list("xyz")}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"text": list("ab"), "label": list("xz")}).to_csv(tmp_path / "valid.csv", index=False)
    columns = Columns()
    splits = read_splits(tmp_path, columns)
    assert columns.found_labels == ["x", "y", "z"] and splits.valid.gold.read("measure").tolist() == [0, 2]
    pd.DataFrame({"text": ["a"], "label": ["w"]}).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(UserError, match=r"test.csv.* unknown label 'w'"):
        read_splits(tmp_path, Columns())


def test_wrench_folders_with_lists_of_labels_are_read_and_bad_ones_named(tmp_path):
    (tmp_path / "label.json").write_text(json.dumps(dict(enumerate(LABELS))))
    rows = [
        {"data": {"text": "good book"}, "label": [0, 2], "weak_labels": [0, [0, 2], -1]},
        {"data": {"text": "bad"}, "label": -1, "weak_labels": [-1, -1, 1]},
    ]

    def read(*some):
        (tmp_path / "train.json").write_text(json.dumps(dict(enumerate(some))))
        return read_splits(tmp_path, Columns()).train

    data = read(*rows)
    assert data.asked == LABELS and data.gold.read("measure").tolist() == [1, 0, 1, -1, -1, -1]
    assert data.votes.tolist() == [[1, 1, -1], [-1] * 3, [-1, 1, -1], [-1] * 3, [-1, -1, 1], [-1] * 3]
    assert read(*rows[::-1]).gold.read("measure").tolist() == [-1, -1, -1, 1, 0, 1]
    for bad, message in (
        ({**rows[1], "label": 1}, "example '1': label 1 is no list of numbers from 0 to 2"),
        ({**rows[1], "label": [3]}, "example '1': label .* is no list of numbers"),
        ({**rows[1], "weak_labels": [0, [7], -1]}, "example '1': vote 1 is .7., expected -1"),
        ({**rows[1], "weak_labels": [0]}, "example '1': 1 votes in weak_labels, expected 3"),
    ):
        with pytest.raises(UserError, match=message):
            read(rows[0], bad)
    (tmp_path / "valid.json").write_text(json.dumps({"0": rows[0]}))
    unlabeled = read(rows[1])  # what its votes mean is known from the validation split
    assert unlabeled.asked == LABELS and unlabeled.gold is None
    assert unlabeled.votes.tolist() == [[-1] * 3, [-1, -1, 1], [-1] * 3]


def test_a_task_of_labels_refuses_what_has_one_label():
    with pytest.raises(
        UserError, match="--task multi-label: expected a list of labels in every row.*found one label a row"
    ):
        MultiLabel.prepare(Dataset(["a"], ["0"], gold=Gold(np.array([1]))), LABELS)
    with pytest.raises(UserError, match="the labels are unknown"):
        MultiLabel.prepare(Dataset(["a"], ["0"]), None)
    with pytest.raises(UserError, match="its labels are .*; expected .* in this order"):
        MultiLabel.prepare(texts(), LABELS[::-1])
    with pytest.raises(UserError, match="has the label 'a' only"):
        MultiLabel.prepare(by_labels(Dataset(["a"], ["0"]), ["a"]), None)


@weakft.labeling_function()
def of_both(x):
    return ["praise", "not blame"] if "good" in x.text else None


@weakft.labeling_function()
def by_number(x):
    return 2 if "book" in x.text else -1


PATTERNS = [weakft.keywords("bad", ["bad"], "blame"), weakft.regex("film", "film", "not book")]


def test_functions_vote_for_and_against_labels_whatever_applies_them(tmp_path):
    lfs, data = [of_both, by_number, *PATTERNS], texts()
    L, failures = apply(lfs, data, ["no", "yes"])
    assert not failures and L.reshape(3, 3, 4).tolist() == [
        [[1, -1, -1, -1], [0, -1, -1, -1], [-1, 1, -1, -1]],
        [[-1] * 4, [-1, -1, 1, -1], [-1] * 4],
        [[-1] * 4, [-1] * 4, [-1, -1, -1, 0]],
    ]
    many = texts(TEXTS * 700)
    expected = np.tile(L, (700, 1))
    assert (apply(lfs, many, ["no", "yes"])[0] == expected).all()
    assert (apply(lfs, many, ["no", "yes"], timeout=5.0)[0] == expected).all()  # row by row
    assert (apply(lfs, many, ["no", "yes"], processes=2)[0] == expected).all()
    for _ in range(2):
        assert (apply_cached(lfs, many, ["no", "yes"], tmp_path)[0] == expected).all()
    frame = summarise(L, [lf.name for lf in lfs], ["no", "yes"], asked=LABELS).set_index("name")
    assert frame.loc["of_both", "polarity"] == "praise, not blame" and frame.loc["film", "polarity"] == "not book"
    assert frame["coverage"].tolist() == pytest.approx([1 / 3] * 4)


@pytest.mark.parametrize("timeout", [None, 60.0])  # by column, and row by row
def test_patterns_that_abstain(timeout):
    none = [weakft.keywords("a", ["the"], None), weakft.keywords("b", ["the"], -1)]
    assert (apply(none, texts(), ["no", "yes"], timeout=timeout)[0] == -1).all()
    data = texts()
    data.asked = ["p", "q", "-1"]
    for lf in (none[1], weakft.LabelingFunction("f", lambda x: -1), weakft.LabelingFunction("g", lambda x: ["p", -1])):
        with pytest.raises(UserError, match="voted -1, which abstains and is the name of a class"):
            apply([lf], data, ["no", "yes"], timeout=timeout)


def test_where_labels_are_named_by_numbers_a_vote_is_a_name():
    lfs = [weakft.LabelingFunction(str(said), lambda x, said=said: said) for said in (2, [3, "not 2"], -1)]
    L, _ = apply(lfs, by_labels(Dataset(["a text"], ["0"]), ["1", "2", "3"]), ["no", "yes"])
    assert L.tolist() == [[-1, -1, -1], [1, 0, -1], [-1, 1, -1]]
    with pytest.raises(UserError, match="voted '0'; the labels are '1', '2', '3'"):
        apply(
            [weakft.LabelingFunction("none", lambda x: 0)],
            by_labels(Dataset(["a"], ["0"]), ["1", "2", "3"]),
            ["no", "yes"],
        )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "prase",
            "voted 'prase'; the labels are 'praise', 'blame', 'book'.*against one: 'not praise'.*Did you mean 'praise'",
        ),
        (["praise", "not praise"], "voted both for and against 'praise'"),
        (3, "voted 3; expected -1 .abstain. or 0 to 2"),
        (True, "returned True .bool."),
        ([None], "returned None"),
        (["praise", -1], r"returned \['praise', -1\]; -1 .abstain. stands alone"),
    ],
)
def test_a_vote_that_is_no_label_is_named(said, message):
    with pytest.raises(UserError, match=message):
        apply([weakft.LabelingFunction("odd", lambda x: said)], texts(), ["no", "yes"])


def test_silence_speaks_against_a_label_only_where_no_function_does():
    data = texts(TEXTS[:2])
    L = np.array([[1, -1], [-1, 0], [-1, -1], [-1, -1], [-1, -1], [-1, -1]])
    silent = unvoted(["no", "yes"], data, L)
    assert silent[0].tolist() == [1, 0] and np.isnan(silent[1]).all() and silent[2].tolist() == [1, 0]
    assert usable(L, data, silent).tolist() == [True, True, True, False, False, False]
    gold = np.array([1, 0, 1, 1, 0, 0])
    silent = unvoted(["no", "yes"], data, L, L, gold)
    np.testing.assert_allclose(silent[[0, 2]], [[1 / 2, 1 / 2], [2 / 3, 1 / 3]])
    filled = fill(np.full((6, 2), 0.25), L, silent)
    assert filled[:2].tolist() == [[0.25] * 2] * 2 and filled[4].tolist() == [0.25] * 2
    np.testing.assert_allclose(filled[[3, 5]], silent[[0, 2]])


def test_each_label_has_the_label_model_it_would_have_alone():
    rng = np.random.default_rng(0)
    gold = rng.random((400, 2)) < (0.5, 0.1)
    right = rng.random((400, 2, 5)) < 0.85
    L = np.where(rng.random((400, 2, 5)) < 0.6, np.where(right, gold[..., None], ~gold[..., None]), -1).astype(np.int8)
    L[:, 0, 3:], L[:, 1, :1] = -1, -1  # functions that never speak of a label are not its label model's
    flat, truth = L.reshape(-1, 5), gold.ravel().astype(int)
    both = choose_each("auto", flat, ["a", "b"], 0, flat, truth)
    for at, columns in enumerate((slice(0, 3), slice(1, 5))):
        mine = np.ascontiguousarray(L[:, at, columns])
        seen = np.where((mine >= 0).any(1), gold[:, at], -1)
        alone = choose("auto", mine, 2, 0, mine, seen)
        np.testing.assert_allclose(both.soft_labels[at::2], alone.soft_labels, atol=1e-6)
    np.testing.assert_allclose(both.class_balance[:, 1], (gold.sum(0) + 1) / 402)
    assert [c.model.split(":")[0] for c in both.candidates] == ["a", "b"]
    np.testing.assert_allclose(both.posterior(flat[:4]), both.soft_labels[:4], atol=1e-6)
    with pytest.raises(UserError, match=r"Label 'b'.*no row of it that has a vote and a label"):
        choose_each("measured", flat, ["a", "b"], 0, flat, np.where(np.arange(800) % 2 == 0, truth, -1))
    L[:, 1] = -1
    some = choose_each("majority", L.reshape(-1, 5), ["a", "b"], 0, None, None, [0.5, 0.2])
    assert some.warning == "No labeling function votes on 'b'." and some.class_balance.tolist() == [
        [0.5, 0.5],
        [0.8, 0.2],
    ]


@settings(deadline=None, max_examples=200, derandomize=True)
@given(data=st.data())
def test_figures_of_labels_are_scikit_learns(data):
    q, n = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 8))
    bits = st.lists(st.integers(0, 1), min_size=n * q, max_size=n * q)
    predicted, gold = np.array(data.draw(bits)), np.array(data.draw(bits))
    found = Truth(gold, ["no", "yes"], asked=[str(i) for i in range(q)]).measure(np.eye(2)[predicted])
    theirs = gold.reshape(n, q), predicted.reshape(n, q)
    assert found["micro_f1"] == pytest.approx(f1_score(*theirs, average="micro", zero_division=0.0))
    there = (theirs[0] | theirs[1]).any(axis=0)
    each = f1_score(*theirs, average=None, zero_division=0.0)[there]
    assert found["macro_f1"] == pytest.approx(each.mean() if there.any() else 0.0)
    assert found["accuracy"] == pytest.approx((gold == predicted).mean())


def test_contrastive_pairs_are_texts_of_which_one_has_the_label():
    features = torch.tensor([[0.0, 0.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]], requires_grad=True)
    labels, classes = torch.tensor([0, 1, 0, 1]), torch.tensor([1, 0, 1, 0])
    # of label 0 both have it, 2 apart; of label 1 neither has it
    assert ob.contrastive_loss(features, classes, labels=labels).item() == pytest.approx(4.0)
    none = ob.contrastive_loss(features, torch.zeros(4, dtype=torch.long), labels=labels)
    none.backward()
    assert none.item() == 0 and features.grad.abs().sum() == 0


def test_every_label_is_selected_for_itself():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1], 60).astype(np.float32)
    rows, balance = np.arange(60), np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    found = select(rows, p, 0.3, balance, 0.2, True, kinds=3)
    for kind in range(3):
        mine = rows % 3 == kind
        alone = select(rows[mine], p[mine], 0.3, balance[kind], 0.2, True)
        here = found.rows % 3 == kind
        assert (found.rows[here] == alone.rows).all() and np.allclose(found.targets[here], alone.targets)
        np.testing.assert_allclose(found.weights[here], alone.weights / alone.weights.mean(), rtol=1e-5)
    unsure = select(np.arange(60), np.full((60, 2), 0.5, np.float32), 0.3, balance, 1.0, True, kinds=3)
    assert (
        len(unsure.rows) == 60 and unsure.weights[unsure.rows % 3 == 0].max() < 0.01
    )  # nothing known is not made much of
    targets = np.tile(np.eye(2, dtype=np.float32)[[0]], (200, 1))
    targets[[1, 0]] = [0, 1]  # of each label one text in a hundred has it
    even = Selection(np.arange(200), targets, np.ones(200, np.float32)).evened(2)
    counts = np.bincount(even.rows, minlength=200)
    assert counts[0] == counts[1] == 5 and (counts[2:] == 1).all()


@pytest.fixture
def model(tiny_model):
    return EndModel(str(tiny_model), LABELS, task=MultiLabel(), precision="fp32", device="cpu", max_length=8)


def test_parts_of_texts_sum_to_the_micro_f1():
    rng = np.random.default_rng(0)
    gold = rng.integers(-1, 2, 90)
    truth = Truth(gold, ["no", "yes"], asked=LABELS)
    p = np.eye(2)[rng.integers(0, 2, 90)]
    parts = truth.parts(p)
    assert parts.shape == (30, 2)
    assert parts[:, 0].sum() / parts[:, 1].sum() == pytest.approx(truth.figure(p))


def test_the_estimator_gives_an_indicator_matrix(tiny_model):
    given = {"method": "weak", "model": str(tiny_model), "valid": opinions(20, 1), "options": {"initial_steps": 4}}
    estimator = weakft.WeakClassifier(opinion_lfs(), LABELS, **given)
    fitted = estimator.fit(opinions(60, 0).drop(columns="labels"))
    test = opinions(20, 2)
    p, there = fitted.predict_proba(test["text"]), fitted.predict(test)
    assert fitted.classes_.tolist() == LABELS and p.shape == there.shape == (20, 3)
    np.testing.assert_array_equal(there, p > 0.5)
    marks = np.array([[label in labels for label in LABELS] for labels in test["labels"]])
    assert fitted.score(test["text"], marks.astype(int)) == (there == marks).all(axis=1).mean()


def test_a_row_is_the_sigmoid_of_its_label(model):
    tokens = model.tokenize([*TEXTS, "so it was very"])
    assert len(tokens) == 12 and tokens.n_sequences == 4 and tokens.count(np.array([0, 1, 5])) == 2
    p = model.predict(tokens)
    encoded = model.tokenizer([*TEXTS, "so it was very"], padding=True, return_tensors="pt")
    model.module.eval()
    with torch.inference_mode():
        logits = model.module(**encoded).logits
    np.testing.assert_allclose(p[:, 1].reshape(4, 3), logits.sigmoid(), atol=1e-5)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-6)
    rows = np.array([11, 0, 4, 5])
    np.testing.assert_allclose(model.predict(tokens, rows), p[rows], atol=1e-6)
    assert model.forward(tokens, rows)[1].shape == (4, 32)


def opinions(n, seed):
    """Texts that praise, blame, both or neither, some of a book."""
    rng = np.random.default_rng(seed)
    rows = {"text": [], "labels": []}
    for _ in range(n):
        labels = [label for label, share in zip(LABELS, (0.5, 0.4, 0.3), strict=True) if rng.random() < share]
        parts = {"praise": ["good", "great", "nice", "love"], "blame": ["bad", "awful", "poor"], "book": ["book"]}
        words = [str(rng.choice(parts[label])) for label in labels] + list(rng.choice(["the", "a", "it", "was"], 2))
        rows["text"].append(" ".join(rng.permutation(words)))
        rows["labels"].append(labels)
    return pd.DataFrame(rows)


def opinion_lfs():
    return [
        weakft.keywords("good", ["good", "great"], "praise"),
        weakft.keywords("bad", ["bad", "awful"], "blame"),
        weakft.keywords("book", ["book"], "book"),
        weakft.labeling_function("bookless")(
            lambda x: "not book" if "the" in x.text and "book" not in x.text else None
        ),
    ]


@pytest.fixture(scope="module")
def run(tiny_model, tmp_path_factory):
    return weakft.train(
        opinions(160, 0).drop(columns="labels"),
        opinion_lfs(),
        valid=opinions(60, 1),
        test=opinions(60, 2),
        label_names=LABELS,
        model=str(tiny_model),
        learning_rate=3e-3,
        max_steps=150,
        output=str(tmp_path_factory.mktemp("run") / "run"),
    )


def test_a_run_from_votes_on_labels_to_a_standard_model_and_back(run, tmp_path):
    test = opinions(60, 2)
    assert run.metrics["test"]["n"] == 180 and run.metrics["gold_labels_used_by_split"] == {"train": 0, "valid": 180}
    ours = run.table["cosine"]["micro_f1"]
    there = sum(map(len, test["labels"]))
    assert ours > 1.1 * 2 * there / (180 + there)  # yes to every label: all that is known before training
    frame = pd.read_parquet(run.folder / "predictions.parquet")
    part = frame[frame["split"] == "test"]
    assert part["asked"].tolist() == LABELS * 60 and set(part["gold"]) == {"no", "yes"}
    again = weakft.predict(run.folder, test["text"].tolist())
    assert list(again.columns) == ["id", "labels", *(f"p_{label}" for label in LABELS)] and len(again) == 60
    np.testing.assert_allclose(
        again[[f"p_{label}" for label in LABELS]], part["p_yes"].to_numpy().reshape(60, 3), atol=1e-5
    )
    has = (part["p_yes"] > 0.5).to_numpy().reshape(60, 3)
    assert again["labels"].tolist() == [", ".join(np.array(LABELS)[row]) for row in has]
    assert len(weakft.predict(run.folder, test)) == 60  # a column of labels is no matter
    figures = weakft.evaluate(run.folder, test)
    assert figures["micro_f1"] == pytest.approx(ours) and figures["n"] == 180
    marks = test.assign(**{label: [int(label in has) for has in test["labels"]] for label in LABELS}).drop(
        columns="labels"
    )
    marks.to_csv(tmp_path / "test.csv", index=False)
    read = weakft.evaluate(run.folder, tmp_path / "test.csv", label_column=",".join(LABELS))
    assert read["micro_f1"] == pytest.approx(ours)
    with pytest.raises(UserError, match="its labels are|model's classes are"):
        weakft.evaluate(run.folder, tmp_path / "test.csv", label_column=",".join(LABELS[::-1]))
    loaded = AutoModelForSequenceClassification.from_pretrained(run.folder / "model")
    assert loaded.config.problem_type == "multi_label_classification"
    assert [loaded.config.id2label[i] for i in range(3)] == LABELS
    assert AutoTokenizer.from_pretrained(run.folder / "model")


def test_the_report_speaks_of_labels(run):
    page = (run.folder / "report.html").read_text("utf-8")
    assert "How well each label is found" in page and "micro-F1" in page and "labels of texts" in page
    assert "3, any number a text" in page
    summary = pd.read_csv(run.folder / "lf_summary.csv").set_index("name")
    assert summary.loc["bookless", "polarity"] == "not book" and summary.loc["good", "coverage"] < 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"method": "gold", "gold_labels": 10},
        {"use_valid": True},
        {"method": "weak"},
        {"first_teacher": False},
        {"method": "majority"},
    ],
)
def test_other_methods_run_on_labels(tiny_model, tmp_path, options):
    found = weakft.train(
        opinions(80, 0),
        None if options.get("method") == "gold" else opinion_lfs(),
        valid=opinions(40, 1),
        test=opinions(20, 2),
        label_names=LABELS,
        model=str(tiny_model),
        max_steps=6,
        output=str(tmp_path / "run"),
        **options,
    )
    assert found.metrics["test"]["n"] == 60 and "micro_f1" in found.metrics["test"]


def test_unlabeled_files_follow_the_labels_of_the_rules(tmp_path):
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['praise', 'book']\n"
        "good = keywords('good', ['good'], 'praise')\nbook = keywords('book', ['book'], ['book', 'not praise'])\n"
    )
    pd.DataFrame({"text": ["good", "a book"]}).to_parquet(tmp_path / "data.parquet")
    found = weakft.label(tmp_path / "data.parquet", tmp_path / "rules.py", task="multi-label")
    assert found.L.tolist() == [[1, -1], [-1, -1], [-1, 0], [-1, 1]]
    marked = pd.DataFrame({"text": ["good book"], "labels": [["praise", "book"]]})
    marked.to_parquet(tmp_path / "valid.parquet")  # of which the task follows by itself, and for streamed texts
    again = weakft.label(tmp_path / "data.parquet", tmp_path / "rules.py", valid=str(tmp_path / "valid.parquet"))
    assert (again.L == found.L).all() and again.gold_labels_used == 2


def test_rows_are_told_apart_for_tables_words_and_persons():
    data, rows = texts(), np.array([1, 8])
    assert identified(data)["asked"] == LABELS * 3 and identified(data)["id"][3] == "t1"
    assert described(data, rows) == ["good book", "the film"]
    assert shown(data, rows) == ["«blame» good book", "«book» the film"]


def test_mitrs_slots_are_what_mitr_holds(real_data, tmp_path):
    from benchmarks.sets.slots import derive

    derive(real_data / "mitr", tmp_path)
    splits = read_splits(tmp_path, Columns())
    train, whole = splits.train, json.loads((real_data / "mitr" / "train.json").read_text("utf-8"))
    assert len(train) == len(whole) and train.asked == splits.label_names and "O" not in train.asked
    gold = train.gold.read("measure").reshape(len(train), -1)
    names = json.loads((real_data / "mitr" / "label.json").read_text("utf-8"))
    for at in (0, 17, 4000):
        types = {names[str(c)] for c in list(whole.values())[at]["label"]} - {"O"}
        assert {label for label, has in zip(train.asked, gold[at], strict=True) if has} == types
    rows = train.votes >= 0
    assert rows.any() and (train.votes[rows] == 1).all()


def test_the_page_on_labels_votes_as_it_says(tmp_path):
    from pathlib import Path

    page = (Path(__file__).parent.parent / "docs" / "tasks.md").read_text("utf-8")
    code = next(part.split("```")[0] for part in page.split("```python\n")[1:] if "thanks" in part)
    (tmp_path / "rules.py").write_text(code)
    some = ["It came late, refund me", "Thank you!", "Thank you " * 9, "nothing here"]
    pd.DataFrame({"text": some}).to_csv(tmp_path / "data.csv", index=False)
    found = weakft.label(tmp_path / "data.csv", tmp_path / "rules.py", task="multi-label")
    votes = found.L.reshape(4, 3, 3).max(axis=2)
    assert votes.tolist() == [[1, 1, 0], [0, -1, 1], [-1, -1, 1], [-1, -1, -1]]


@pytest.mark.parametrize("method", ["tfidf", "probe", "probe-20"])
def test_the_baselines_answer_each_label(tiny_model, tmp_path, method):
    from weakft.comparison.cells import Cell, run_cell

    for name, n in (("train", 120), ("valid", 40), ("test", 60)):
        opinions(n, len(name)).to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['praise', 'blame', 'book']\n"
        "lfs = [keywords('g', ['good', 'great', 'nice'], 'praise'), keywords('b', ['bad', 'awful'], 'blame'),\n"
        "       keywords('k', ['book'], 'book')]\n"
    )
    options = (
        {"lfs": str(tmp_path / "rules.py"), "model": str(tiny_model)}
        if method != "probe-20"
        else {"model": str(tiny_model)}
    )
    (line,) = run_cell(Cell(str(tmp_path), method, 0), options)
    assert line["test"]["n"] == 180 and line["test"]["micro_f1"] > 0.5


@pytest.mark.parametrize("balance", [[0.5, 0.5], [0.5, 0.5, 1.5], [0.5, 0.5, -0.1]])
def test_a_class_balance_is_a_share_of_the_texts_for_each_label(tiny_model, tmp_path, balance):
    with pytest.raises(
        UserError, match="expected 3 shares from 0 to 1, of the texts that have each of praise, blame, book"
    ):
        weakft.train(
            opinions(20, 0)["text"].tolist(),
            opinion_lfs(),
            valid=opinions(20, 1),
            label_names=LABELS,
            model=str(tiny_model),
            class_balance=balance,
            output=str(tmp_path / "run"),
        )


def test_numpys_abstention_and_a_majority_that_says_no(tiny_model, tmp_path):
    from weakft.lfs import labeling_function

    @labeling_function()
    def for_or_against(x):
        return np.int64(-1) if "nothing" in x.text else ["food", "not price"]

    texts = pd.DataFrame(
        {"text": ["food here", "more food", "nothing at all"] * 4, "food": [None] * 12, "price": [None] * 12}
    )
    test = pd.DataFrame({"text": ["nothing here", "food"], "food": [0, 1], "price": [0, 0]})
    options = {"label_names": ["food", "price"], "task": "multi-label", "test": test, "method": "majority"}
    run = weakft.train(texts, [for_or_against], output=str(tmp_path / "run"), label_column="food,price", **options)
    assert not run.metrics["failures"] and run.metrics["test"]["accuracy"] == 1.0


def columns_of(frame):
    marks = {label: [int(label in labels) for labels in frame["labels"]] for label in LABELS}
    return frame[["text"]].assign(**marks)


def test_a_label_without_gold_on_validation_is_said_and_not_lost_to_use_valid(tiny_model, tmp_path, monkeypatch):
    from weakft.training import self_training

    monkeypatch.setattr(self_training, "TEACHER_ROWS", 30)
    monkeypatch.setattr(self_training, "TEACHER_TEXTS", 40)
    options = {
        "model": str(tiny_model),
        "max_steps": 4,
        "output": str(tmp_path / "run"),
        "label_column": "praise,blame,book",
    }
    given = columns_of(opinions(160, 0)), opinion_lfs()
    valid = columns_of(opinions(60, 1)).assign(book=None)
    with pytest.warns(UserWarning, match="has no gold label of 'book': what is chosen by it can lose that"):
        found = weakft.train(*given, valid=valid, **options)
    assert found.metrics["training"]["first_teacher"]["rows"] == 40 * len(LABELS)  # not 30 of all labels
    with pytest.raises(UserError, match="--use-valid: valid has no gold label, yes or no, of 'book'"):
        weakft.train(*given, valid=valid, use_valid=True, **options)


def test_classes_and_labels_without_gold():
    some = Truth(np.array([0, 2, -1]), ["a", "b", "c"])
    assert Validator(None, some).without_gold == ["b"]
    assert Validator(None, Truth(np.array([0, 1, -1, -1]), asked=["a", "b"])).without_gold == []
    assert Validator(None, Truth(np.array([0, -1, 1, -1]), asked=["a", "b"])).without_gold == ["b"]
