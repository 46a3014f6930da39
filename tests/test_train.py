"""The main job through the public API, on a tiny backbone: every method, the run folder, gold use, odd inputs."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import BAD, FILL, GOOD, ROOT, review_lfs, reviews

import weakft
from weakft.errors import UserError

LABELS = ["neg", "pos"]
FAST = {"device": "cpu", "precision": "fp32", "learning_rate": 2e-3, "max_length": 32, "initial_steps": 60}
FAST |= {"self_training_steps": 40, "period": 20, "label_names": LABELS}


def table(n, seed, label=True):
    texts, labels = reviews(n, seed)
    return pd.DataFrame({"text": texts, "label": labels} if label else {"text": texts})


@pytest.fixture
def job(tiny_model, tmp_path):
    """Call weakft.train on the reviews with a few overrides."""

    def run(output="run", **changes):
        settings = {
            "data": table(300, 0),
            "lfs": review_lfs(),
            "valid": table(80, 1),
            "test": table(80, 2),
            "model": str(tiny_model),
            "output": str(tmp_path / output),
            **FAST,
            **changes,
        }
        return weakft.train(**settings)

    return run


@pytest.fixture(scope="module")
def finished(tiny_model, tmp_path_factory):
    """One finished cosine run, shared by the tests that only look at it."""
    return weakft.train(
        table(300, 0),
        review_lfs(),
        valid=table(80, 1),
        test=table(80, 2),
        model=str(tiny_model),
        output=str(tmp_path_factory.mktemp("runs") / "run"),
        ceiling=True,
        **FAST,
    )


def test_cosine_beats_the_rules(finished):
    assert list(finished.table) == ["majority", "label-model", "weak", "cosine", "gold"]
    assert finished.table["cosine"]["accuracy"] > finished.table["majority"]["accuracy"] + 0.05
    assert finished.table["gold"]["accuracy"] > 0.9


def test_metrics_have_the_form_that_scripts_rely_on(finished):
    metrics = json.loads((finished.folder / "metrics.json").read_text())
    assert metrics["method"] == "cosine"
    assert metrics["seed"] == 0
    for split, n in (("test", 80), ("valid", 80)):
        assert set(metrics[split]) == {"accuracy", "macro_f1", "n"}
        assert metrics[split]["n"] == n
    assert metrics["gold_labels_used"] == 80
    assert {"labeling functions", "label model", "initial fine-tuning", "self-training"} <= set(metrics["timing"])
    assert metrics["versions"]["torch"]
    assert len(metrics["training"]["periods"]) == 2
    config = yaml.safe_load((finished.folder / "config.yaml").read_text())
    assert {config[name] for name in ("data", "valid", "test", "lfs")} == {"(Python objects)"}
    with pytest.raises(UserError, match=r"--lfs \(Python objects\): there is no such file"):
        weakft.train(**{name: value for name, value in config.items() if name != "data"}, data=config["data"])
    assert config["period"] == 20
    assert config["threshold"] == 0.0


def test_predictions_have_everything_but_the_training_gold(finished):
    frame = pd.read_parquet(finished.folder / "predictions.parquet")
    assert frame.groupby("split").size().to_dict() == {"train": 300, "valid": 80, "test": 80}
    assert frame[frame["split"] == "train"]["gold"].isna().all()
    assert frame[frame["split"] == "test"]["gold"].notna().all()
    assert {"vote_likes", "vote_dislikes", "vote_hates"} <= set(frame)
    np.testing.assert_allclose(frame[["p_neg", "p_pos"]].sum(axis=1), 1, atol=1e-5)
    silent = (frame[["vote_likes", "vote_dislikes", "vote_hates"]] < 0).all(axis=1)
    assert frame.loc[silent, "label_model_pos"].isna().all()
    test = frame[frame["split"] == "test"]
    assert (test["label"] == test["gold"]).mean() == pytest.approx(finished.metrics["test"]["accuracy"])
    assert pd.read_csv(finished.folder / "lf_summary.csv").shape[0] == 3


def test_the_model_folder_works_without_weakft(finished):
    """A process that cannot import weakft: pipeline and AutoModel load it, with the class names."""
    script = f"""
import sys
sys.modules["weakft"] = None
from transformers import AutoModelForSequenceClassification, pipeline
folder = {str(finished.folder / "model")!r}
print(AutoModelForSequenceClassification.from_pretrained(folder).config.id2label)
print(pipeline("text-classification", model=folder, device="cpu")("good great film")[0]["label"])
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", check=False)
    assert out.returncode == 0, out.stderr
    assert "{0: 'neg', 1: 'pos'}" in out.stdout
    assert out.stdout.splitlines()[-1] == "pos"
    assert (finished.folder / "model" / "model.safetensors").is_file()


def test_predict_and_evaluate_agree_with_the_run(finished, tmp_path):
    test = table(80, 2)
    frame = weakft.predict(finished.folder, test["text"].tolist())
    assert (frame["label"] == test["label"]).mean() == pytest.approx(finished.metrics["test"]["accuracy"], abs=0.02)
    assert weakft.evaluate(finished.folder, test)["accuracy"] == (frame["label"] == test["label"]).mean()


@pytest.mark.parametrize("method", ["weak", "gold", "valid", "majority", "label-model"])
def test_every_method_runs_in_the_same_engine(job, method):
    run = job(method=method)
    assert run.metrics["method"] == method
    assert run.metrics["test"]["n"] == 80
    assert (run.folder / "model").is_dir() == (method in ("weak", "gold", "valid"))
    used = {"weak": 80, "gold": 380, "valid": 80, "majority": 0, "label-model": 80}
    assert run.metrics["gold_labels_used"] == used[method]


def test_the_first_teacher_is_reported_and_teaches_only_where_there_is_something_to_learn_from(job, finished):
    record = finished.metrics["training"]["first_teacher"]
    assert record["rows"] == 300
    assert record["members"][0]["valid_figure"] == max(m["valid_figure"] for m in record["members"])
    small = job("small", data=table(24, 0), initial_steps=5, self_training_steps=5)
    assert "first_teacher" not in small.metrics["training"]
    papers = job("papers", first_teacher=False, initial_steps=5, self_training_steps=5)
    assert "first_teacher" not in papers.metrics["training"]


def test_use_valid_trains_on_the_validation_labels_and_says_so(job):
    run = job("semi", use_valid=True, data=table(300, 0, label=False), self_training_steps=150)
    assert run.metrics["gold_labels_used"] == 80 and "valid" not in run.metrics
    assert run.metrics["trained_on_valid"]
    assert run.table["valid"] == job("valid", method="valid", data=table(300, 0, label=False)).table["valid"]
    training = run.metrics["training"]
    alone = job("weak", method="weak", data=table(300, 0, label=False))
    assert (
        run.table["weak"] == alone.table["weak"] and training["initial"]["valid"]
    )  # the initial model is that of the rules
    assert training["self_training"]["valid"] == training["labels"]["valid"] == []  # no checkpoint is chosen
    share = run.metrics["training"]["first_teacher"]["labels_share"]  # the rules are hardly ever wrong here
    assert 0 <= share < 0.5 and "cross-fitting" in run.metrics["timing"]
    page = (run.folder / "report.html").read_text("utf-8")
    shown = " ".join(page.split())
    assert f"with {round(100 * share)} %" in shown and ". Beside it teaches" in shown
    assert "the mean of its weights and the student's, in the same shares" in shown.replace("&#39;", "'")
    assert run.table["cosine"]["accuracy"] > run.table["majority"]["accuracy"]


@pytest.mark.parametrize("main", [None, "initial"])
def test_the_student_goes_on_from_the_initial_model_where_that_has_most_of_the_say(job, monkeypatch, main):
    import weakft.training.self_training as module

    seen, original = [], module.self_train

    def noted(model, tokens, schedule, settings, pool, start, *given):
        seen.append((model.snapshot(), start.weights))
        return original(model, tokens, schedule, settings, pool, start, *given)

    monkeypatch.setattr(module, "self_train", noted)
    monkeypatch.setattr(module.FirstTeacher, "main", main)
    run = job("taught", initial_steps=5, self_training_steps=5)
    ((begins_with, of_initial),) = seen
    assert all(begins_with[name].equal(weights) for name, weights in of_initial.items()) == (main == "initial")
    said = "so the student went on from it"
    assert (said in " ".join((run.folder / "report.html").read_text("utf-8").split())) == (main == "initial")


@pytest.mark.parametrize(("share", "counts", "goes_on"), [(0.2, 0.2, False), (0.6, 0.6, False), (0.7, 0.5, True)])
def test_with_use_valid_the_weights_are_the_mean_of_the_labels_model_and_the_student(
    job, monkeypatch, share, counts, goes_on
):
    import torch
    from safetensors.torch import load_file

    import weakft.training.self_training as module

    starts, students, original = [], [], module.self_train

    def noted(model, *given):
        starts.append(model.snapshot())
        found = original(model, *given)
        students.append(model.snapshot())
        return found

    monkeypatch.setattr(module, "self_train", noted)
    monkeypatch.setattr(module, "share_of", lambda *_: share)
    run = job("semi", use_valid=True, self_training_steps=60)
    saved, of_labels = (
        load_file(folder / "model" / "model.safetensors")
        for folder in (run.folder, job("valid", method="valid").folder)
    )
    for name, weights in saved.items():
        torch.testing.assert_close(weights, (1 - counts) * students[0][name] + counts * of_labels[name])
    assert not all(students[0][name].equal(weights) for name, weights in of_labels.items())
    assert all(starts[0][name].equal(weights) for name, weights in of_labels.items()) == goes_on


def test_continued_fine_tuning_starts_from_the_methods_model(job):
    weak = job("weak", method="weak", initial_steps=3)
    run = job("continued", method="weak", initial_steps=3, continue_on_valid=True)
    assert run.metrics["training"]["initial"] == weak.metrics["training"]["initial"]
    assert run.metrics["training"]["continued"]["steps"] == 400 and "valid" not in run.metrics
    assert run.table["weak"]["accuracy"] > weak.table["weak"]["accuracy"]
    assert run.metrics["gold_labels_used"] == 80


def test_head_first_trains_the_head_and_then_everything(job, tiny_model, monkeypatch):
    from weakft.training import methods

    encoders = []
    original = methods.fine_tune

    def spy(model, *rest):
        before = [p.detach().clone() for p in model.module.base_model.parameters()]
        result = original(model, *rest)
        after = model.module.base_model.parameters()
        encoders.append(all(bool((a == b).all()) for a, b in zip(before, after, strict=True)))
        return result

    monkeypatch.setattr(methods, "fine_tune", spy)
    job(method="weak", head_steps=5, initial_steps=5)
    assert encoders == [True, False]  # unchanged, then changed
    encoders.clear()
    job("semi", use_valid=True, head_steps=5, initial_steps=5, self_training_steps=5)
    assert encoders == [True, False] * 2  # the labels' model is the method valid's


def test_a_weakly_supervised_run_never_reads_training_gold(job, monkeypatch):
    from weakft.data.dataset import Gold
    from weakft.pipeline import train as pipeline  # noqa: F401  the module must be loaded before patching

    reads = []
    original = Gold.read

    def spy(self, purpose):
        reads.append((len(self), purpose))
        return original(self, purpose)

    monkeypatch.setattr(Gold, "read", spy)
    job(data=table(301, 0), test=table(79, 2))
    assert {n for n, _ in reads} == {80, 79}
    assert [purpose for n, purpose in reads if n == 79] == ["measure"]  # test labels, once


def test_objects_stand_beside_files(job, tmp_path, tiny_model):
    """A frame of validation texts beside a file of training texts; and never two of a split."""
    table(120, 0, label=False).to_csv(tmp_path / "a.csv", index=False)
    rows = {"train": 120, "valid": 80, "test": 79}
    given = {"valid": table(80, 1), "test": table(79, 2), "label_names": LABELS, "method": "majority"}
    run = weakft.train(tmp_path / "a.csv", review_lfs(), output=str(tmp_path / "run"), **given)
    assert run.metrics["rows"] == rows and run.metrics["test"]
    labeled = weakft.label(tmp_path / "a.csv", review_lfs(), valid=table(80, 1), label_names=LABELS)
    assert labeled.gold_labels_used == 80
    (tmp_path / "both").mkdir()
    for name in ("train", "valid"):
        table(80, 1).to_csv(tmp_path / "both" / f"{name}.csv", index=False)
    with pytest.raises(UserError, match="--data has a valid split already"):
        weakft.train(tmp_path / "both", review_lfs(), **given)


def test_class_names_that_disagree_with_the_rule_files_are_refused(tmp_path):
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\nk = keywords('k', ['good'], 1)"
    )
    with pytest.raises(UserError, match=r"LABELS is \['neg', 'pos'\], but label_names is \['pos', 'neg'\]"):
        weakft.label(["good"], tmp_path / "rules.py", label_names=["pos", "neg"])
    with pytest.raises(UserError, match="lfs: expected a list of labeling functions or a file's name, found 5"):
        weakft.label(["good"], 5, label_names=LABELS)


@pytest.mark.parametrize(
    ("valid", "shape"), [([("good", "pos"), ("bad", "neg")], "pairs of sentences"), ([["a", "b"]], "token lists")]
)
def test_a_split_of_another_shape_is_refused(valid, shape):
    with pytest.raises(UserError, match=f"valid: holds {shape}, where the training texts .train. are single texts"):
        weakft.label(["good", "bad"], review_lfs(), valid=valid, label_names=LABELS)


def test_where_nothing_is_selected_the_labels_model_is_the_result(job):
    """Not its mean with a network that was never trained."""
    options = {"threshold": 1.0, "least_selected": 0.0}
    run = job("semi", use_valid=True, **options)
    assert run.metrics["training"]["self_training"]["steps"] == 0
    assert run.table["cosine"] == run.table["valid"]


def test_where_the_student_collapses_the_labels_model_is_the_result(job, monkeypatch):
    import torch

    from weakft.training import self_training

    original = self_training.self_train

    def dead(model, *rest):
        found = original(model, *rest)
        with torch.no_grad():
            model.module.classifier.weight.zero_()
            model.module.classifier.bias.copy_(torch.tensor([9.0, -9.0]))
        return found

    monkeypatch.setattr(self_training, "self_train", dead)
    with pytest.warns(UserWarning, match="The student predicts a single class"):
        run = job("semi", use_valid=True, self_training_steps=5)
    assert run.table["cosine"] == run.table["valid"]


def test_a_class_balance_that_is_given_is_the_one_of_all_stages(job):
    run = job(class_balance=[0.9, 0.1])
    members = run.metrics["training"]["first_teacher"]["members"]
    assert not any("uniform" in member["name"] or "estimated" in member["name"] for member in members)
    on_train = pd.read_parquet(run.folder / "predictions.parquet").query("split == 'train'")
    assert on_train["p_neg"].mean() > 0.6  # half of them are


def test_the_ceiling_beside_a_continued_run_is_of_the_training_labels_alone(job):
    alone = job("a", method="gold").table["gold"]
    assert job("b", method="weak", continue_on_valid=True, ceiling=True).table["gold"] == alone


def test_training_gold_changes_nothing(job):
    wrong = table(300, 0)
    wrong["label"] = ["pos"] * 300
    right = job("a").metrics["test"]
    assert job("b", data=wrong).metrics["test"] == right
    assert job("c", data=table(300, 0, label=False)).metrics["test"] == right


def test_same_seed_same_run_and_weak_is_cosines_first_stage(job):
    first, again = job("a", method="cosine"), job("b", method="cosine")
    assert first.metrics["test"] == again.metrics["test"]
    a, b = (pd.read_parquet(r.folder / "predictions.parquet")["p_pos"] for r in (first, again))
    np.testing.assert_array_equal(a, b)
    assert job("c", method="weak").table["weak"] == first.table["weak"]


def test_without_valid_and_test_it_says_so_and_reports_no_test_figure(tiny_model, tmp_path):
    from weakft.config import TrainConfig, build
    from weakft.display import Silent
    from weakft.inputs import Given
    from weakft.pipeline import train

    progress = Silent()
    options = {k: v for k, v in FAST.items() if k != "label_names"}
    config = build(TrainConfig, {"model": str(tiny_model), "output": str(tmp_path / "r"), **options}, "test")
    run = train(config, Given(train=reviews(200, 0)[0], lfs=review_lfs(), label_names=LABELS), progress)
    assert "test" not in run.metrics
    assert "valid" not in run.metrics
    assert run.metrics["gold_labels_used"] == 0
    assert any("No validation split" in m for m in progress.messages)
    assert run.metrics["training"]["initial"]["steps"] == 60  # the fixed schedule


def test_a_loss_that_is_not_finite_stops_with_the_best_checkpoint(job, monkeypatch):
    from weakft.training import stages

    original, calls = stages.soft_cross_entropy, []

    def poisoned(logits, y):
        calls.append(1)
        return original(logits, y) * (float("nan") if len(calls) > 30 else 1.0)

    monkeypatch.setattr(stages, "soft_cross_entropy", poisoned)
    run = job(method="weak")
    assert run.metrics["training"]["initial"]["stopped"] == "loss not finite"
    assert run.metrics["training"]["initial"]["skipped"] == 5
    assert run.metrics["test"]["accuracy"] > 0.5
    assert np.isfinite(pd.read_parquet(run.folder / "predictions.parquet")["p_pos"]).all()


def test_collapse_is_noticed(job, monkeypatch):
    import torch

    from weakft.training import stages

    monkeypatch.setattr(stages, "soft_cross_entropy", lambda z, y: torch.relu(5 - (z[:, 1] - z[:, 0])).mean())
    run = job(method="weak", patience=0, initial_steps=200, eval_every=10)
    assert run.metrics["training"]["initial"]["stopped"] == "collapse"


def test_an_lf_that_raises_does_not_sink_the_run(job):
    from weakft import labeling_function

    @labeling_function()
    def fragile(x):
        return "pos" if x.text.split()[6] == "good" else None

    run = job(lfs=[*review_lfs(), fragile], method="majority")
    assert run.metrics["failures"]["fragile"] > 0
    with pytest.raises(UserError, match="fragile"):
        job(lfs=[*review_lfs(), fragile], method="majority", strict=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lfs": [weakft.keywords("k", ["zzz"], "pos")]}, "No labeling function votes on any of the 300"),
        ({"methodd": "weak"}, "unknown option 'methodd'. Did you mean 'method'"),
        ({"learning_rate": -1}, "option 'learning_rate'"),
        ({"class_balance": [0.5, 0.2]}, "expected 2 shares that sum to 1"),
        ({"model": "no/such-model"}, "Cannot load the backbone 'no/such-model'"),
        ({"label_model": "snorkle"}, "Did you mean 'snorkel'"),
        ({"method": "gold", "data": table(20, 0, label=False)}, "needs gold labels of the training split"),
        ({"method": "valid", "valid": None}, "needs a validation split"),
        ({"use_valid": True, "valid": None}, "--use-valid needs a validation split"),
        ({"use_valid": True, "method": "weak"}, "--use-valid is for --method cosine"),
        ({"continue_on_valid": True, "method": "gold"}, "for the methods cosine and weak"),
        ({"method": "gold", "gold_labels": 5_000}, "300 texts with gold labels, fewer than the 5,000 asked for"),
        ({"gold_labels": 5}, "--gold-labels 5 is for the methods gold and valid"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(job, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        job(**changes)
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_there_is_refused_before_any_work(job):
    called = []
    rule = weakft.LabelingFunction("rule", lambda x: called.append(x) or 1)
    with pytest.raises(UserError, match="Cannot load the backbone"):
        job(model="no/such-model", lfs=[rule])
    assert not called


def test_an_earlier_run_is_replaced_whole_and_other_folders_never(job, tmp_path):
    first = job(method="weak", max_steps=2)
    assert (first.folder / "model").is_dir()
    assert not (job(method="label-model").folder / "model").exists()
    (first.folder / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"holds notes.txt, which is not part of a weakft run"):
        job(method="majority")
    (first.folder / "notes.txt").rename(first.folder / ".report.html.partial")  # as a killed process leaves it
    job(method="majority")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(UserError, match="is not a weakft run"):
        job("mine", method="majority")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "run"]


def test_scorers_find_the_classes_whatever_their_order(tiny_model):
    from sklearn.metrics import get_scorer

    texts, gold = reviews(60, 2)
    scores = []
    for names in (["neg", "pos"], ["pos", "neg"]):
        options = {k: v for k, v in FAST.items() if k != "label_names"}
        fitted = weakft.WeakClassifier(review_lfs(), names, model=str(tiny_model), options=options).fit(
            reviews(200, 0)[0]
        )
        assert fitted.classes_.tolist() == ["neg", "pos"]
        scores.append([get_scorer(name)(fitted, texts, gold) for name in ("accuracy", "roc_auc", "neg_log_loss")])
    for accuracy, auc, log_loss in scores:
        assert accuracy > 0.7 and auc > 0.8 and log_loss > -0.7


def test_the_estimator_keeps_scikit_learns_conventions(tiny_model):
    import pickle

    from sklearn.base import clone

    options = {k: v for k, v in FAST.items() if k != "label_names"}
    estimator = weakft.WeakClassifier(review_lfs(), LABELS, model=str(tiny_model), valid=table(80, 1), options=options)
    copy = clone(estimator)
    assert copy.get_params()["model"] == str(tiny_model)
    texts, labels = reviews(80, 2)
    fitted = copy.fit(reviews(300, 0)[0])
    assert fitted.score(texts, labels) > 0.7
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(again.predict_proba(texts), fitted.predict_proba(texts), atol=1e-6)
    assert set(again.predict(texts)) <= {"neg", "pos"}
    with pytest.raises(UserError, match="WeakClassifier: seed in options"):
        copy.set_params(options={"seed": 1}).fit(texts)
    with pytest.raises(UserError, match="class names are unknown"):
        copy.set_params(options=options, label_names=None, valid=None).fit(texts)
    with pytest.raises(UserError, match="method 'majority' trains no model to predict with"):
        copy.set_params(label_names=LABELS, method="majority").fit(texts)
    assert copy.score(texts, labels) > 0.7  # as the fit before left it


def test_from_python_what_was_not_meant_is_a_warning_where_weakft_was_called(tmp_path):
    @weakft.labeling_function()
    def broken(x):
        return x.txet

    valid = table(20, 1).rename(columns={"label": "sentiment"})
    with pytest.warns(UserWarning, match="no gold labels") as warned:
        weakft.label(table(50, 0), [*review_lfs(), broken], valid=valid, label_names=LABELS, cache=False)
    said = [str(w.message) for w in warned]
    assert {w.filename for w in warned} == {__file__}
    assert any("no gold labels among its columns ('sentiment')" in line for line in said)
    assert any("broken" in line and "raised on 70 rows" in line for line in said)
    assert not any("classification: 50 training texts" in line for line in said)  # that is no mistake


@pytest.mark.parametrize("asked", [64, 65])
def test_more_tokens_than_the_encoder_reads_are_told_of(tiny_model, tmp_path, asked):
    options = {"model": str(tiny_model), "max_length": asked, "max_steps": 2, "device": "cpu", "method": "weak"}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        weakft.train(table(40, 0), review_lfs(), label_names=LABELS, output=tmp_path / "run", cache=False, **options)
    told = [str(w.message) for w in said if "--max-length" in str(w.message)]
    assert told == ([f"--max-length 65: {tiny_model} reads 64 tokens of a text at most."] if asked == 65 else [])


def test_unknown_class_names_are_asked_for_where_they_can_be_given():
    with pytest.raises(UserError, match=r"class names are unknown: name them in class order, label_names=\[\.\.\.\]"):
        weakft.label(table(50, 0, label=False), review_lfs())


def test_label_returns_the_matrix_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labeled = weakft.label(table(50, 0), review_lfs(), label_names=LABELS)
    assert labeled.L.shape == (50, 3)
    assert labeled.L.dtype == np.int8
    assert not list(tmp_path.iterdir())


def test_the_import_is_light():
    script = "import sys, weakft, weakft.config; print('torch' in sys.modules, callable(weakft.train))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("k", [77, 150])
def test_very_many_classes(tiny_model, tmp_path, recwarn, k):
    """As many classes and rules: no warning, a report of a size to read, every class in the predictions."""
    rng = np.random.default_rng(0)
    names = [f"class {c}" for c in range(k)]

    def made(n):
        classes = rng.integers(0, k, n)
        return pd.DataFrame({"text": [f"the film was word{c}" for c in classes], "label": [names[c] for c in classes]})

    rules = [weakft.keywords(f"k{c}", [f"word{c}"], names[c]) for c in range(k)]
    run = weakft.train(
        made(800)["text"].tolist(), rules, valid=made(150), test=made(100), label_names=names, model=str(tiny_model),
        output=str(tmp_path / "run"), max_steps=3, first_teacher=False,
    )  # fmt: skip
    assert run.table["label-model"]["accuracy"] == 1.0
    frame = pd.read_parquet(run.folder / "predictions.parquet")
    assert {f"p_{name}" for name in names} <= set(frame)
    assert (run.folder / "report.html").stat().st_size < 300_000
    assert not [w for w in recwarn if "fragmented" in str(w.message)]


def test_a_class_of_one_in_a_hundred_is_not_lost(tiny_model, tmp_path):
    def rare(n, seed):
        rng = np.random.default_rng(seed)
        few = set(rng.permutation(n)[: n // 100].tolist())
        drawn = [[*rng.choice(BAD if i in few else GOOD, 2), *rng.choice(FILL, 4)] for i in range(n)]
        labels = ["neg" if i in few else "pos" for i in range(n)]
        return pd.DataFrame({"text": [" ".join(rng.permutation(words)) for words in drawn], "label": labels})

    run = weakft.train(
        rare(1000, 0)[["text"]],
        [weakft.keywords("likes", ["good", "great", "fine"], "pos"), weakft.keywords("no", ["bad", "awful"], "neg")],
        valid=rare(400, 1),
        test=rare(1000, 2),
        label_names=["neg", "pos"],
        model=str(tiny_model),
        learning_rate=1e-3,
        output=str(tmp_path / "run"),
        checkpoint_every=0,
    )
    assert all(period["classes"] == 2 for period in run.metrics["training"]["periods"])
    assert run.table["cosine"]["macro_f1"] > max(0.9, run.table["majority"]["macro_f1"])


def test_rules_that_raise_on_other_splits_are_reported(job):
    from weakft import labeling_function

    @labeling_function()
    def stars(x):
        return "pos" if x.stars > 3 else None

    data = table(300, 0).assign(stars=5)
    run = job(data=data, lfs=[*review_lfs(), stars], method="majority")
    assert run.metrics["failures"] == {"stars": 160}
    assert run.lf_summary.set_index("name")["errors"]["stars"] == 160


@pytest.mark.parametrize("label_model", ["majority", "snorkel", "auto"])
def test_texts_without_votes_get_the_commonest_class(job, label_model):
    from weakft import keywords

    rules = [keywords("a", ["bad"], "neg"), keywords("b", GOOD, "pos"), keywords("c", ["great"], "pos")]
    run = job(lfs=rules, method="label-model", label_model=label_model)
    frame = pd.read_parquet(run.folder / "predictions.parquet")
    silent = (frame.filter(like="vote_") < 0).all(axis=1)
    assert silent.sum() > 50 and (frame["label"][silent] == "pos").all()


def test_the_ceiling_beside_votes_alone(job):
    run = job(method="majority", ceiling=True)
    assert set(run.table) == {"majority", "gold"} and run.metrics["gold_labels_used"] == 0
    assert run.metrics["gold_labels_in_lf_summary"] == 80
    with pytest.raises(UserError, match="--ceiling is the run of --method gold"):
        job(method="gold", ceiling=True)


def test_the_rules_classes_count_without_their_votes(job, tmp_path):
    (tmp_path / "rules.py").write_text(
        "from weakft import keywords\nLABELS = ['neg', 'pos']\na = keywords('a', ['x'], 0)\n"
    )
    named = table(300, 0)
    numbers = named.assign(label=named["label"].map({"neg": 0, "pos": 1}).where(named.index > 5, -1))
    run = job(method="gold", data=numbers, lfs=str(tmp_path / "rules.py"), label_names=None)
    assert run.metrics["labels"] == ["neg", "pos"] and run.metrics["gold_labels_used_by_split"]["train"] == 294


def test_a_finished_run_of_other_rules_is_not_taken_for_this_one(job):
    job(method="majority")
    assert job(method="majority", resume=True).table
    with pytest.raises(UserError, match="of other data or labeling functions"):
        job(method="majority", resume=True, lfs=review_lfs()[:2])


@pytest.mark.parametrize(
    "option", [{"epochs": float("inf")}, {"epochs": 1e300}, {"margin": float("nan")}, {"seed": 2**32}]
)
def test_numbers_that_nothing_can_be_done_with(job, option):
    with pytest.raises(UserError, match=f"option '{next(iter(option))}'"):
        job(**option)
