"""What a user would try first, outside the engine: logistic regression on word counts or on a frozen encoder, SetFit.

A baseline takes the options of a run and returns the test split's probabilities with the gold labels it cost. It learns
from the label model's soft labels of the covered texts (`tfidf`, `probe`) or from a few gold labels (`Counted`, `SetFit`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from weakft.config import TrainConfig
from weakft.data.dataset import Dataset, Splits, labeled_rows
from weakft.data.rows import described
from weakft.errors import UserError
from weakft.inputs import Given, load
from weakft.label_models.silence import usable
from weakft.needs import enough
from weakft.tasks import choose
from weakft.tasks.measure import Truth
from weakft.votes import aggregate, cast_votes, settled


@dataclass
class Outcome:
    """Test probabilities [r, k] and gold labels, and the number of other gold labels that were read, and of their texts."""

    probabilities: np.ndarray
    truth: Truth
    gold_labels_used: int
    gold_texts_used: int


Used = tuple[int, int]
"""Gold labels that were read, and their texts."""

PAIRS = 20
"""Positive and negative pairs of each text that SetFit is tuned on (the paper's R)."""

INVERSE_REGULARIZATION = 10.0
"""scikit-learn's C, for rows of length 1 to 2."""

Baseline = Callable[[TrainConfig, Given], Outcome]


def tfidf(config: TrainConfig, given: Given) -> Outcome:
    """TF-IDF of word uni- and bigrams, logistic regression."""
    splits, soft_labels, rows, used = _weak_labels(config, given)
    test = _test(splits)
    train, at = _featured(splits.train, rows)
    other, at_test = _featured(test, np.arange(test.n_rows))
    texts, others = (described(split, np.arange(split.n_rows)) for split in (train, other))
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    try:
        vectorizer.fit(texts)
    except ValueError as error:  # scikit-learn's word for an empty vocabulary
        raise UserError(f"{splits.train.source}: TF-IDF finds no word in two texts: {error}.") from error
    features = vectorizer.transform(texts)[at], vectorizer.transform(others)[at_test]
    return _outcome(*features, rows, soft_labels, _truth(splits), used)


def probe(config: TrainConfig, given: Given) -> Outcome:
    """Token means of the frozen encoder's last and middle layer (`training.features.embed`), logistic regression."""
    splits, soft_labels, rows, used = _weak_labels(config, given)
    train, test = _embeddings(config, splits, rows, soft_labels.shape[1])
    return _outcome(train, test, rows, soft_labels, _truth(splits), used)


@dataclass(frozen=True)
class Counted:
    """The probe on ``n`` gold labels of the training split, drawn as `--method gold --gold-labels n` draws them."""

    n: int

    def __call__(self, config: TrainConfig, given: Given) -> Outcome:
        """Run it."""
        splits, rows, classes, k = _few_labels(config, given, self.n)
        train, test = _embeddings(config, splits, rows, k)
        targets = np.eye(k, dtype=np.float32)[classes]
        return _outcome(train, test, rows, targets, _truth(splits), (len(rows), self.n))


@dataclass(frozen=True)
class SetFit:
    """SetFit (Tunstall et al. 2022, arXiv 2209.11055) by its own library, with its defaults, on ``n`` gold labels of the
    training split, drawn as for `Counted`: the encoder is tuned on pairs of them, a logistic regression follows.
    """

    n: int

    def __call__(self, config: TrainConfig, given: Given) -> Outcome:
        """Run it."""
        try:
            import setfit
            from datasets import Dataset
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise UserError(
                "The baseline setfit-N needs its library. Install it: pip install 'weakft[setfit]'."
            ) from error
        import transformers

        from weakft.training.backbone import resolve

        splits, rows, classes, k = _few_labels(config, given, self.n)
        test = _test(splits)
        if test.widths is not None:
            raise UserError("The baseline setfit-N gives a text one label; it knows neither tokens nor several labels.")
        transformers.set_seed(config.seed)
        body = SentenceTransformer(resolve(config.model), device="cpu" if config.device == "cpu" else None)
        model = setfit.SetFitModel(body, LogisticRegression())  # its from_pretrained would unpickle a head found there
        few = Dataset.from_dict({"text": [splits.train.texts[row] for row in rows], "label": classes.tolist()})
        with tempfile.TemporaryDirectory() as scratch:
            options = setfit.TrainingArguments(
                scratch, num_iterations=PAIRS, num_epochs=1, seed=config.seed, save_strategy="no", report_to="none"
            )
            setfit.Trainer(model=model, args=options, train_dataset=few).train()
        probabilities = np.zeros((len(test.texts), k))
        probabilities[:, model.model_head.classes_] = model.predict_proba(test.texts, as_numpy=True)
        return Outcome(probabilities, _truth(splits), len(rows), self.n)


def _few_labels(config: TrainConfig, given: Given, n: int) -> tuple[Splits, np.ndarray, np.ndarray, int]:
    """The splits, ``n`` rows of the training split that have gold labels, their classes, and the number of classes."""
    splits, _, labels = load(config, given, needs_rules=False)
    if splits.train.gold is None:
        raise UserError(f"{splits.train.source}: needs gold labels in the training split; there are none.")
    enough(n, splits.train)
    gold = splits.train.gold.read("train")
    rows = labeled_rows(splits.train, n, config.seed)
    return splits, rows, gold[rows], len(labels)


def _weak_labels(config: TrainConfig, given: Given) -> tuple[Splits, np.ndarray, np.ndarray, Used]:
    """The splits, the soft labels [len(rows), k] of the covered training rows, these rows, and what was read."""
    splits, rules, labels = load(config, given)
    votes = settled(cast_votes(config, splits, rules, labels), splits, labels)
    choice = aggregate(config, splits, votes, labels)
    rows = np.flatnonzero(usable(votes.train, splits.train, choice.silent))
    texts = len(splits.valid.labeled) if choice.gold_used and splits.valid is not None else 0
    return splits, choice.soft_labels[rows], rows, (choice.gold_used, texts)


def _test(splits: Splits) -> Dataset:
    assert splits.test is not None and splits.test.gold is not None  # `run.load_compared`
    return splits.test


def _truth(splits: Splits) -> Truth:
    return Truth.of(_test(splits), splits.label_names or (), "measure")


def _embeddings(config: TrainConfig, splits: Splits, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    from weakft.training.features import embed
    from weakft.training.plan import untrained

    test = _test(splits)
    task = None if test.words is None else choose(config.task, splits.train)  # pairs and relations: as whole texts
    model = untrained(config, [str(c) for c in range(k)], task)
    parts = ((splits.train, rows), (test, np.arange(test.n_rows)))
    found = []
    for split, some in parts:
        once, again = np.unique(_featured(split, some)[1], return_inverse=True)
        found.append(embed(model, model.tokenize(split.texts), once)[0][again])
    return found[0], found[1]


def _featured(split: Dataset, rows: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """The split with a row for all that has features of its own, and which of those each of ``rows`` has: labels that are
    asked of a text share the text's.
    """
    return (split, rows) if split.asked is None else (replace(split, asked=None), split.places(rows)[0])


def _outcome(train: Any, test: Any, rows: np.ndarray, targets: np.ndarray, truth: Truth, used: Used) -> Outcome:
    """Fit on ``train``, the features of ``rows``, with soft ``targets`` [len(rows), k]; of several labels each for itself."""
    probabilities = np.zeros((test.shape[0], targets.shape[1]))
    kinds = len(truth.asked or [""])
    for kind in range(kinds):
        mine = np.flatnonzero(rows % kinds == kind)
        if len(mine):
            probabilities[kind::kinds] = _fitted(train[mine], test[kind::kinds], targets[mine])
    return Outcome(probabilities, truth, *used)


def _fitted(train: Any, test: Any, targets: np.ndarray) -> np.ndarray:
    """The test rows' probabilities [r, k] by a logistic regression in which a row stands once a class, weighted by its share;
    classes without a row get no probability.
    """
    at, classes = np.nonzero(targets > 0.01)
    probabilities = np.zeros((test.shape[0], targets.shape[1]))
    if len(np.unique(classes)) == 1:
        probabilities[:, classes[0]] = 1.0
    else:
        model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=1000)
        model.fit(train[at], classes, sample_weight=targets[at, classes])
        probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities
