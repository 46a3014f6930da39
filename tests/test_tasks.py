"""Tasks: which one a data set is, how its texts are shown, where the class is read, and that predict finds it again."""

import json
import time

import numpy as np
import pandas as pd
import pytest
import torch

import weakft
from weakft.data.dataset import Dataset, Gold
from weakft.data.objects import from_python
from weakft.data.readers import read_splits, read_table
from weakft.data.tables import Columns
from weakft.errors import UserError
from weakft.tasks import choose, restored
from weakft.tasks.base import BadText, check
from weakft.tasks.classification import Classification
from weakft.tasks.folds import fold_of, sources
from weakft.tasks.marks import parse
from weakft.tasks.measure import Truth
from weakft.tasks.multilabel import MultiLabel
from weakft.tasks.pair import Pair
from weakft.tasks.relation import Relation
from weakft.tasks.tokens import Tokens
from weakft.training.batching import TokenizedTexts, around, around_both
from weakft.training.model import EndModel

GENE = "the [GENE]p53 gene[\\GENE] binds <CHEMICAL>aspirin</CHEMICAL>."


def split(texts):
    return Dataset(texts, [str(i) for i in range(len(texts))])


def test_surely_better_is_what_a_bootstrap_over_the_texts_says():
    rng, sure = np.random.default_rng(0), 0
    for chance in np.linspace(0.0, 0.3, 40):
        gold = rng.integers(0, 2, 240)
        p, q = (np.eye(2)[np.where(rng.random(240) < wrong, 1 - gold, gold)] for wrong in (0.2, 0.2 + chance))
        for truth in (Truth(gold), Truth(gold, asked=["x", "y", "z"])):
            texts = 240 if truth.asked is None else 80
            of_p, of_q = truth.parts(p), truth.parts(q)
            drawn = rng.integers(0, texts, (1000, texts))
            (a, b), (c, d) = (of[drawn].sum(1).T for of in (of_p, of_q))
            z = (truth.figure(p) - truth.figure(q)) / (a / b - c / d).std()
            if abs(z - 2) > 0.2:  # the bootstrap's own error
                assert truth.surely_better(p, q) == (z > 2)
            sure += truth.surely_better(p, q)
            assert not truth.surely_better(p, p)
    assert 10 < sure < 70
    assert not Truth(np.full(3, -1)).surely_better(np.eye(2)[[0, 1, 1]], np.eye(2)[[0, 0, 0]])


def test_surely_likelier_is_what_a_bootstrap_over_the_texts_says():
    rng, sure = np.random.default_rng(0), 0
    for closer in np.linspace(0.0, 0.2, 40):
        gold = rng.integers(0, 3, 240)
        q = rng.dirichlet(np.ones(3), 240)
        p = rng.dirichlet(np.ones(3), 240)
        p[np.arange(240), gold] += closer
        p /= p.sum(1, keepdims=True)
        truth = Truth(gold, texts=[str(i // 2) for i in range(240)])
        gains = np.log(np.maximum(np.stack([p, q])[:, np.arange(240), gold], 1e-3)) @ np.repeat(np.eye(120), 2, axis=0)
        z = (gains[0] - gains[1]).sum() / (gains[0] - gains[1])[rng.integers(0, 120, (1000, 120))].sum(1).std()
        if abs(z - 3) > 0.3:  # the bootstrap's own error
            assert truth.surely_likelier(p, q) == (z > 3)
        sure += truth.surely_likelier(p, q)
        assert not truth.surely_likelier(p, p) and not truth.surely_likelier(q, p)
    assert 10 < sure < 35
    assert not Truth(np.full(3, -1)).surely_likelier(np.eye(2)[[0, 1, 1]], np.eye(2)[[0, 0, 0]])


def test_the_standard_error_is_the_binomial_one_and_never_none():
    of_20, of_500 = (Truth(np.zeros(n, int)) for n in (20, 500))
    assert of_20.standard_error(0.95) == pytest.approx(np.sqrt(0.95 * 0.05 / 20))
    assert of_500.standard_error(0.998) == pytest.approx(np.sqrt(0.998 * 0.002 / 500))
    ends = [of_20.standard_error(1.0), of_20.standard_error(0.0)]
    assert ends == pytest.approx([np.sqrt(21 / 22 * 1 / 22 / 20)] * 2)
    assert of_500.standard_error(1.0) < of_500.standard_error(0.998)
    assert of_20.standard_error(float("nan")) == Truth(np.full(3, -1)).standard_error(1.0) == 0.5


def test_rows_of_one_text_are_no_independent_ones():
    """Each text four times, by other marks: nothing is surer for it."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 2, 60)
    p, q = (np.eye(2)[np.where(rng.random(60) < wrong, 1 - gold, gold)] for wrong in (0.2, 0.35))
    alone, texts = Truth(gold), [f"<e1>x</e1> {i} y" for i in range(60)]
    more = [mark for text in texts for mark in (text, text.replace("x", " x "), text.replace("<e1>x</e1>", "x"), text)]
    four = Truth(gold.repeat(4), texts=more)
    assert not alone.surely_better(p, q) and not four.surely_better(p.repeat(4, 0), q.repeat(4, 0))
    assert Truth(gold.repeat(4)).surely_better(p.repeat(4, 0), q.repeat(4, 0))
    assert four.standard_error(0.8) == alone.standard_error(0.8)
    some = Truth(np.array([0, -1, 1, 1]), texts=["a", "b", "c", "c"])
    np.testing.assert_array_equal(some.part_sources, [0, 2, 2])
    words = Truth(np.zeros(5, int), words=np.array([2, 1, 2]), texts=["x y", "z", "x y"])
    np.testing.assert_array_equal(words.part_sources, [0, 1, 0])
    of_both = Truth(np.zeros(6, int), asked=["p", "q"], texts=["x", "y", "x"])
    np.testing.assert_array_equal(of_both.part_sources, [0, 1, 0])


def test_most_texts_say_which_task_it_is():
    plain = ["a good film", "a bad film"]
    assert isinstance(choose("auto", split(plain)), Classification)
    assert isinstance(choose("auto", split([GENE, *plain])), Classification)
    task = choose("auto", split([GENE, GENE, "a bad film"]))
    assert isinstance(task, Relation) and task.names == ["CHEMICAL", "GENE"]
    assert isinstance(choose("classification", split([GENE])), Classification)
    assert isinstance(choose("relation", split([GENE])), Relation)
    with pytest.raises(UserError, match="--task relation: expected two marked entities"):
        choose("relation", split(plain))
    with pytest.raises(
        UserError, match="--task relations: expected auto, tokens, multi-label, .* Did you mean 'relation'"
    ):
        choose("relations", split(plain))


def test_a_name_that_comes_late_is_known():
    assert Relation.of(split([GENE] * 2000 + ["[DRUG]x[/DRUG] [GENE]y[/GENE]"])).names == ["CHEMICAL", "DRUG", "GENE"]


def test_texts_that_differ_in_their_marks_alone_are_of_one_source():
    texts = ["[A]p53[/A] binds [B]c1[/B] or c2", "another", "[A]p53[/A] binds c1 or [B]c2[/B]", "another", "a third"]
    np.testing.assert_array_equal(sources(texts), [0, 1, 0, 1, 2])
    assert sources([]).shape == (0,)
    ids, gold = list("abcde"), Gold(np.arange(5))
    np.testing.assert_array_equal(Truth.of(Dataset(texts, ids, gold=gold), "v", "select").sources, [0, 1, 0, 1, 2])
    asked = Dataset(["x", "y", "x"], list("abc"), gold=Gold(np.zeros(6)), asked=["p", "q"])
    of_both = Truth.of(asked, ["no", "yes"], "select")
    np.testing.assert_array_equal(of_both.sources, [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(of_both.each()[1].sources, [0, 1, 0])
    words = Dataset(["x y", "z", "x y"], list("abc"), gold=Gold(np.zeros(5)), words=np.array([2, 1, 2]))
    np.testing.assert_array_equal(Truth.of(words, ["O"], "select").sources, [0, 0, 1, 0, 0])


def test_folds_part_texts_evenly_and_no_text():
    source = np.repeat(np.arange(23) * 7, [1, 2, 3] * 7 + [4, 5])
    fold = fold_of(source, 5, seed=0)
    texts = {number: {*fold[source == number]} for number in source}
    assert all(len(folds) == 1 for folds in texts.values())
    assert sorted(np.bincount([min(folds) for folds in texts.values()])) == [4, 4, 5, 5, 5]
    assert (fold_of(source, 5, seed=1) != fold).any()
    assert set(fold_of(np.zeros(3), 5, seed=0)) == {0} and fold_of(np.zeros(0), 5, seed=0).shape == (0,)


def test_html_and_citations_are_no_marks():
    assert isinstance(choose("auto", split(["I <b>love</b> this <i>film</i>", "<p>one</p><p>two</p>"])), Classification)
    start = time.process_time()
    assert parse(" ".join(f"text [{i}] and <x{i}>" for i in range(20_000))).entities == []
    assert time.process_time() - start < 5  # quadratic would take minutes


def test_a_pairs_name_that_comes_late_is_known():
    texts = ["a [A]b[/A] [SEP] c [A]d[/A]"] * 1500 + ["a [B]b[/B] [SEP] c [A]d[/A]"]
    assert choose("auto", split(texts)).names == ["A", "B"]


def test_marks_are_shown_in_one_notation():
    task = Relation(["GENE", "CHEMICAL"])
    assert task.opens == ["[CHEMICAL]", "[GENE]"]
    (shown,) = task.shown([GENE])
    assert shown.split() == "the [GENE] p53 gene [/GENE] binds [CHEMICAL] aspirin [/CHEMICAL] .".split()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing marked", "found 0"),
        ("[GENE]p53[/GENE] alone", "found 1"),
        ("[GENE]p53[/GENE] [GENE]a[/GENE] [GENE]b[/GENE]", "found 3"),
        ("[GENE]p53 [CHEMICAL]x[/CHEMICAL] y[/GENE]", "found 1; entities cannot be nested"),
        ("[GENE]p53[/GENE] [DRUG]x[/DRUG]", "an entity is marked 'DRUG'; in training there were CHEMICAL, GENE"),
        ("[GENE]p53[/GENE] [CHEMICAL] [/CHEMICAL]", "found ' '"),
        ("[GENE]p53 [CHEMICAL][/GENE] [CHEMICAL]x[/CHEMICAL]", r"found 'p53 \[CHEMICAL\]'"),
        ("[GENE]p53[/GENE] [CHEMICAL]x[/CHEMICAL] so [GENE] it", "without its other half, in 'so .GENE. it'"),
        (r"[GENE]p53[\GENE] [CHEMICAL]x[\CHEMICAL] so [\GENE] it", "without its other half, in 'so"),
        ("<GENE>p53</GENE> <CHEMICAL>x</CHEMICAL> so <GENE> it", "without its other half, in 'so <GENE> it'"),
        ("<GENE>p53 <CHEMICAL>x</GENE> of y</CHEMICAL>", "found 'p53 <CHEMICAL>x'"),
        ("<GENE>p53 </CHEMICAL> x</GENE> <CHEMICAL>y</CHEMICAL>", "found 'p53 </CHEMICAL> x'"),
    ],
)
def test_bad_marks_are_named_with_their_row(text, problem):
    task = Relation(["GENE", "CHEMICAL"])
    with pytest.raises(BadText, match=problem) as caught:
        task.shown([GENE, text])
    assert caught.value.row == 1
    data = from_python([GENE, text], Columns(), "train")
    with pytest.raises(UserError, match=r"train: row 2 \(id '1'\): .*" + problem):
        check(task, data)


def test_settings_make_the_task_again():
    for task in (Relation(["b", "a"]), Classification()):
        again = restored(json.loads(json.dumps(task.settings())))
        assert type(again) is type(task) and again.opens == task.opens
    assert isinstance(restored({}), Classification)


@pytest.mark.parametrize(("first", "second"), [(2, 5), (40, 44), (90, 97), (3, 95), (50, 70)])
def test_a_long_text_keeps_what_is_around_its_anchors(first, second):
    sequence = np.arange(1000, 1100, dtype=np.int32)
    sequence[first], sequence[second] = 1, 2
    at = around(sequence, [1, 2], 20)
    kept = sequence[at]
    assert len(kept) == 20 and kept[0] == 1000 and kept[-1] == 1099
    assert {1, 2} <= set(kept.tolist())
    assert (np.diff(at) > 0).all()  # in order
    if second - first < 18:
        assert set(range(first, second + 1)) <= set(at.tolist())


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [(30, 30, (8, 9)), (4, 40, (4, 13)), (40, 4, (13, 4))],
)
@pytest.mark.parametrize("anchored", [True, False])
def test_a_long_pair_is_cut_on_both_sides(left, right, kept, anchored):
    sides = [None, *[0] * left, None, *[1] * right, None]
    sequence = np.arange(len(sides))
    anchors = [left, left + 1 + right] if anchored else []  # the last token of each sentence
    at = around_both(sequence, sides, anchors, 20)
    found = [sides[i] for i in at]
    assert len(at) == 20 and (np.diff(at) > 0).all()
    assert (found.count(0), found.count(1), found.count(None)) == (*kept, 3)
    if anchored:
        assert set(anchors) <= set(at.tolist())
    else:
        assert found.count(0) == len([i for i in at if sides[i] == 0 and i <= kept[0]])  # its beginning


def relation_model(folder, **options):
    return EndModel(str(folder), ["no", "yes"], task=Relation(["A", "B"]), precision="fp32", device="cpu", **options)


TEXTS = ["the [A]good[/A] film [B]book[/B] was", "[B]a song[/B] it [A]bad[/A]"]


def test_the_class_is_read_at_the_entities(tiny_model):
    model = relation_model(tiny_model)
    model.module.eval()
    tokens = model.tokenize(TEXTS)
    assert tokens.places(model.anchors).tolist() == [[2, 6], [1, 6]]
    logits, features = model.forward(tokens, np.arange(2))
    inputs = tokens.collate(np.arange(2))
    with torch.no_grad():
        states = model.module.base_model(**inputs).last_hidden_state
        expected = torch.stack([states[0, [2, 6]].mean(0), states[1, [1, 6]].mean(0)])
        head = model.module.classifier(expected)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(logits, head, atol=1e-5, rtol=0)


def test_a_marks_token_begins_as_its_name(tiny_model):
    model = EndModel(str(tiny_model), ["no", "yes"], task=Relation(["book", "good film"]), precision="fp32")
    rows, vocabulary = model.module.get_input_embeddings().weight, model.tokenizer.get_vocab()
    assert torch.equal(rows[vocabulary["[book]"]], rows[vocabulary["book"]])
    both = (rows[vocabulary["good"]] + rows[vocabulary["film"]]) / 2
    torch.testing.assert_close(rows[vocabulary["[/good film]"]], both)


def test_a_saved_relation_model_is_found_again(tiny_model, tmp_path):
    from transformers import AutoModelForTokenClassification

    model = relation_model(tiny_model)
    expected = model.predict(model.tokenize(TEXTS))
    model.save(tmp_path / "model")
    assert AutoModelForTokenClassification.from_pretrained(tmp_path / "model").config.id2label == {0: "no", 1: "yes"}
    frame = weakft.predict(tmp_path / "model", TEXTS)
    np.testing.assert_allclose(
        frame[["p_no", "p_yes"]].to_numpy(), expected, atol=5e-3
    )  # it predicts in bf16 where there is
    with pytest.raises(UserError, match=r"texts: row 2 \(id '1'\): expected two marked entities"):
        weakft.predict(tmp_path / "model", [TEXTS[0], "nothing marked"])


def test_texts_without_anchors_are_cut_at_their_end(tiny_model):
    model = EndModel(str(tiny_model), ["no", "yes"], precision="fp32", max_length=6)
    tokens = TokenizedTexts(["a b was it very so and"], model.tokenizer, 6)
    assert tokens.lengths.tolist() == [6]


def pairs(n, seed):
    """Sentences that hold a good and a bad word each; which of them is marked A makes the class."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        good, bad = rng.choice(["good", "great", "fine"]), rng.choice(["bad", "awful", "poor"])
        yes = bool(rng.random() < 0.5)
        first, second = (good, bad) if yes else (bad, good)
        fill = list(rng.choice(["film", "book", "song", "the", "it"], 3))
        marked = [f"[A]{first}[/A]", f"[B]{second}[/B]"]
        texts.append(" ".join([fill[0], *rng.permutation(marked), *fill[1:]]))
        labels.append("yes" if yes else "no")
    return texts, labels


def test_a_relation_is_learned_end_to_end(tiny_model, tmp_path):
    texts, _ = pairs(400, 0)
    valid, test = (pd.DataFrame(dict(zip(("text", "label"), pairs(80, seed), strict=True))) for seed in (1, 2))
    rules = [
        weakft.regex("good first", r"\[A\](good|great)\b", "yes"),
        weakft.regex("bad first", r"\[A\](bad|awful)\b", "no"),
        weakft.regex("good second", r"\[B\]good\b", "no"),
    ]
    options = {"learning_rate": 1e-3, "initial_steps": 400, "patience": 0, "precision": "fp32", "method": "weak"}
    run = weakft.train(
        texts, rules, valid=valid, test=test, label_names=["no", "yes"], model=str(tiny_model), seed=0,
        output=str(tmp_path / "run"), **options,
    )  # fmt: skip
    assert run.table["weak"]["accuracy"] > 0.75  # the words alone say nothing: 0.5
    again = weakft.predict(tmp_path / "run", test["text"].tolist())
    assert (again["label"] == test["label"]).mean() == pytest.approx(run.table["weak"]["accuracy"])


def test_a_run_names_the_row_without_marks(tiny_model, tmp_path):
    texts = [*pairs(50, 0)[0], "nothing marked"]
    rules = [weakft.keywords("film", ["film"], "yes"), weakft.keywords("book", ["book"], "no")]
    with pytest.raises(UserError, match=r"row 51 \(id '50'\).*--task classification"):
        weakft.train(texts, rules, label_names=["no", "yes"], model=str(tiny_model), output=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


PAIRS = [["a good film", "the film was good"], ["a bad book", "a good song"]]


def test_pairs_are_read_from_every_source(tmp_path):
    frame = pd.DataFrame(PAIRS, columns=["premise", "hypothesis"]).assign(label=["yes", "no"])
    expected = [" [SEP] ".join(pair) for pair in PAIRS]
    frame.to_csv(tmp_path / "pairs.csv", index=False)
    for data in (read_table(tmp_path / "pairs.csv", Columns()), from_python(frame, Columns(), "train")):
        assert data.texts == expected
        assert data.columns == {"premise": [a for a, _ in PAIRS], "hypothesis": [b for _, b in PAIRS]}
        assert data.gold.read("measure").tolist() == [1, 0]
    assert from_python([tuple(pair) for pair in PAIRS], Columns(), "train").texts == expected
    other = frame.rename(columns={"premise": "left", "hypothesis": "right"})
    assert from_python(other, Columns(text="left, right"), "train").texts == expected
    assert from_python(frame, Columns(text="premise"), "train").texts == [a for a, _ in PAIRS]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("  ", "row 2, column 'sentence2': expected a text, found only white space"),
        ("a [SEP] b", "row 2: expected two sentences, found a sentence with ' [SEP] ' in it"),
        ("b [SEP] ", "row 2: expected two sentences, found a sentence with ' [SEP] ' in it"),
    ],
)
def test_a_bad_pair_is_named_with_its_row(second, message):
    import re

    with pytest.raises(UserError, match=re.escape(message)):
        from_python([("a", "b"), ("c", second)], Columns(), "train")
    with pytest.raises(UserError, match="row 1: expected two sentences"):  # it would be read as "a" and "[SEP] b"
        from_python([("a [SEP]", "b"), ("c", "d")], Columns(), "train")


def test_wrench_pairs_have_their_word_marked(tmp_path):
    (tmp_path / "label.json").write_text('{"0": "different", "1": "same"}')
    words = {"word": "run", "start1": 0, "end1": 3, "start2": 4, "end2": 7}
    row = {"data": {"sentence1": "Run rogue.", "sentence2": "She ran far.", **words}, "label": 0, "weak_labels": [1]}
    (tmp_path / "train.json").write_text(json.dumps({"0": row}))
    data = read_splits(tmp_path, Columns()).train
    assert data.texts == ["[WORD]Run[/WORD] rogue. [SEP] She [WORD]ran[/WORD] far."]
    assert data.columns["sentence1"] == ["Run rogue."]
    row["data"]["sentence2"] = ""
    (tmp_path / "train.json").write_text(json.dumps({"7": row}))
    with pytest.raises(
        UserError, match="example '7': expected two sentences in sentence1 and sentence2, found an empty"
    ):
        read_splits(tmp_path, Columns())


def test_every_real_pair_is_one(real_data):
    splits = read_splits(real_data / "wic", Columns())
    task = choose("auto", splits.train)
    assert isinstance(task, Pair) and task.names == ["WORD"]
    for _, split in splits.named():
        assert all(side.count("[WORD]") == 1 for pair in task.shown(split.texts) for side in pair)


def test_pairs_are_shown_as_two_sentences(tiny_model):
    task = choose("auto", split([" [SEP] ".join(pair) for pair in PAIRS]))
    assert isinstance(task, Pair) and not task.names
    model = EndModel(str(tiny_model), ["no", "yes"], task=task, precision="fp32", device="cpu")
    inputs = model.tokenize([" [SEP] ".join(pair) for pair in PAIRS]).collate(np.arange(2))
    expected = model.tokenizer([a for a, _ in PAIRS], [b for _, b in PAIRS], padding=True, return_tensors="pt")
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert torch.equal(inputs[name], expected[name]), name
    assert inputs["token_type_ids"].any()
    with pytest.raises(BadText, match="text 1: expected two sentences"):
        task.shown(["one sentence"])


def test_a_marked_pair_is_read_at_its_words(tiny_model, tmp_path):
    texts = ["a [W]good[/W] film [SEP] it was [W]good[/W]", "[W]bad[/W] [SEP] so [W]bad[/W] a song"]
    task = choose("pair", split(texts))
    assert task.opens == ["[W]"]
    model = EndModel(str(tiny_model), ["no", "yes"], task=task, precision="fp32", device="cpu", max_length=14)
    tokens = model.tokenize(texts)
    assert tokens.places(model.anchors).tolist() == [[2, 9], [1, 6]]
    cut = model.tokenize(["a film [W]good[/W] [SEP] " + "it " * 20 + "[W]good[/W]"])
    assert cut.lengths.tolist() == [14] and cut.places(model.anchors).shape == (1, 2)
    model.save(tmp_path / "model")
    assert weakft.predict(tmp_path / "model", texts)["label"].isin(["no", "yes"]).all()
    with pytest.raises(UserError, match="expected one marked entity"):
        weakft.predict(tmp_path / "model", ["a film [SEP] it was [W]good[/W]"])


def test_pairs_train_end_to_end_and_rules_see_both_sentences(tiny_model, tmp_path):
    rng = np.random.default_rng(0)
    words = ["good", "great", "bad", "awful", "film", "book"]
    rows = [(*rng.choice(words, 2),) for _ in range(200)]
    frame = pd.DataFrame(rows, columns=["sentence1", "sentence2"])

    @weakft.labeling_function()
    def same(x):
        return "same" if x.sentence1 == x.sentence2 else "different" if x.sentence1[0] != x.sentence2[0] else -1

    weakft.train(
        frame,
        [same],
        label_names=["different", "same"],
        model=str(tiny_model),
        max_steps=5,
        output=str(tmp_path / "run"),
    )
    again = weakft.predict(tmp_path / "run", frame)
    assert len(again) == 200


def test_the_page_on_adding_a_task_works(tiny_model, tmp_path, monkeypatch):
    from pathlib import Path

    from weakft import tasks

    page = (Path(__file__).parent.parent / "docs" / "tasks.md").read_text("utf-8")
    blocks = [part.split("```")[0] for part in page.split("## Adding a task")[1].split("```python\n")[1:]]
    (tmp_path / "aspect.py").write_text(blocks[0])
    monkeypatch.syspath_prepend(tmp_path)
    from aspect import Aspect

    namespace = {
        "Tokens": Tokens,
        "MultiLabel": MultiLabel,
        "Pair": Pair,
        "Relation": Relation,
        "Aspect": Aspect,
        "Classification": Classification,
    }
    exec(blocks[1], namespace)
    monkeypatch.setattr(tasks, "TASKS", namespace["TASKS"])
    texts = [f"the [X]{word}[/X] was very {word}" for word in ("good", "bad", "film") * 20]
    rules = [weakft.keywords("good", ["good"], "yes"), weakft.keywords("bad", ["bad"], "no")]
    run = tmp_path / "run"
    weakft.train(texts, rules, label_names=["no", "yes"], model=str(tiny_model), max_steps=4, output=str(run))
    settings = json.loads((run / "model" / "config.json").read_text())["weakft"]
    assert settings == {"task": "aspect", "names": ["X"]}
    assert len(weakft.predict(run, texts[:3])) == 3
    with pytest.raises(UserError, match="expected one marked entity"):
        weakft.predict(run, ["nothing marked"])
