"""Label models on votes with a known truth, and the choice among them."""

import numpy as np
import pytest

from weakft.errors import UserError
from weakft.label_models.base import LabelModel, covered, vote_shares
from weakft.label_models.bounded import BoundedVote
from weakft.label_models.choose import choose, valid_balance
from weakft.label_models.dawid_skene import DIAGONAL, SMOOTHING, DawidSkene
from weakft.label_models.majority import MajorityVote
from weakft.label_models.measured import MeasuredVote
from weakft.label_models.patterns import distinct
from weakft.label_models.registry import BUILT_IN, find
from weakft.label_models.snorkel import SnorkelLabelModel
from weakft.tasks.measure import log_loss
from weakft.ties import untied


def votes(n=3000, k=3, accuracies=(0.9, 0.8, 0.7, 0.6, 0.55), coverage=0.6, balance=None, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(k, n, p=balance)
    L = np.full((n, len(accuracies)), -1, np.int8)
    for j, accuracy in enumerate(accuracies):
        right = rng.random(n) < accuracy
        vote = np.where(right, y, (y + rng.integers(1, k, n)) % k)
        L[:, j] = np.where(rng.random(n) < coverage, vote, -1)
    return L, y


def test_vote_shares_by_hand():
    L = np.array([[0, 0, 1], [-1, 2, -1], [-1, -1, -1]])
    np.testing.assert_allclose(vote_shares(L, 3), [[2 / 3, 1 / 3, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]])
    assert covered(L).tolist() == [True, True, False]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_model_gives_rows_on_the_simplex_and_beats_chance(name):
    L, y = votes()
    model = find(name)(3, None, 0).fit(L)
    assert isinstance(model, LabelModel)
    p = model.predict_proba(L)
    assert p.shape == (3000, 3)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    rows = covered(L)
    assert (p[rows].argmax(1) == y[rows]).mean() > 0.7


def test_dawid_skene_beats_majority_where_accuracies_differ_and_finds_them():
    L, y = votes(n=8000, accuracies=(0.95, 0.6, 0.5, 0.5, 0.5), coverage=0.9)
    rows = covered(L)
    model = DawidSkene(3).fit(L)
    majority = vote_shares(L, 3)[rows].argmax(1)
    assert (model.predict_proba(L)[rows].argmax(1) == y[rows]).mean() > (majority == y[rows]).mean() + 0.05
    theta = np.exp(model.log_theta)
    for j, accuracy in enumerate((0.95, 0.6, 0.5, 0.5, 0.5)):
        assert np.diag(theta[j]).mean() == pytest.approx(accuracy, abs=0.05)


def test_dawid_skene_posterior_by_hand():
    model = DawidSkene(2, np.array([0.5, 0.5])).fit(np.full((1, 2), -1, np.int8))
    model.log_theta = np.log(np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.3, 0.7]]]))
    p = model.predict_proba(np.array([[0, 1], [-1, 1], [-1, -1]]))
    np.testing.assert_allclose(p[:, 0], [0.9 * 0.4 / (0.9 * 0.4 + 0.2 * 0.7), 0.4 / 1.1, 0.5], rtol=1e-5)


def test_dawid_skene_is_em_over_the_rows_themselves():
    """The textbook's EM with a one-hot of every row, from the same start and with the same pseudo-counts."""
    L, _ = votes(n=300, accuracies=(0.8, 0.7, 0.6))
    rows = covered(L)
    hot = (L[rows][:, :, None] == np.arange(3)).astype(float)
    p = vote_shares(L[rows], 3)
    for _ in range(4):
        prior = (p.sum(0) + 1) / (len(p) + 3)
        theta = np.einsum("ny,njv->jyv", p, hot) + SMOOTHING + DIAGONAL * np.eye(3)
        theta /= theta.sum(2, keepdims=True)
        p = prior * np.exp(np.einsum("njv,jyv->ny", hot, np.log(theta)))
        p /= p.sum(1, keepdims=True)
    ours = DawidSkene(3, iterations=4).fit(L)
    np.testing.assert_allclose(ours.predict_proba(L)[rows], p, atol=1e-6)
    np.testing.assert_allclose(np.exp(ours.log_theta), theta, atol=1e-6)


def test_bounded_vote_by_hand():
    """LF 0 votes 0 on three of four rows, where half are of class 0: at most two thirds right. LF 1 votes 1 on one row."""
    L = np.array([[0, -1], [0, -1], [-1, -1], [0, 1]], np.int8)
    p = BoundedVote(2, np.array([0.5, 0.5])).fit(L).predict_proba(L)
    broad, rare = 0.8 * 0.5 / 0.75, 0.8  # precisions: the first bounded by 0.5 / 0.75, the second not
    np.testing.assert_allclose(p[0], [broad, 1 - broad], rtol=1e-5)
    both = np.array([np.sqrt(broad * (1 - rare)), np.sqrt((1 - broad) * rare)])
    np.testing.assert_allclose(p[3], both / both.sum(), rtol=1e-5)


def test_no_presumed_vote_speaks_against_its_class():
    """However common the class, and however broad the rule: more votes for it never make it less probable."""
    L = np.full((200, 6), -1, np.int8)
    for votes_for in range(7):
        L[10 * votes_for : 10 * (votes_for + 1), :votes_for] = 0
    L = np.hstack([L, np.zeros((200, 1), np.int8)])  # a rule that says class 0 of everything
    for model in (BoundedVote(2, np.array([0.9, 0.1])), MeasuredVote(2, np.array([0.9, 0.1]))):
        p = model.fit(L).predict_proba(L)[:70:10, 0]
        assert p[0] >= 0.9 - 1e-6 and (np.diff(p) >= -1e-6).all(), p


def test_rules_for_one_class_keep_it_whatever_balance_is_given():
    """A balance is of all texts; where no rule votes for the other class, those with votes are of this one."""
    L = np.where(np.arange(300)[:, None] % 3 == 0, 1, -1).astype(np.int8).repeat(2, axis=1)
    for name in ("auto", "majority"):
        choice = choose(name, L, 2, 0, None, None, np.array([0.9, 0.1]))
        assert (choice.soft_labels[covered(L)].argmax(1) == 1).all()
        np.testing.assert_array_equal(choice.class_balance, [0.9, 0.1])
        assert not choice.warning


def test_the_balance_of_words_is_not_that_of_the_words_with_votes():
    """Nine words in ten are of class 0, and rules vote on the others only, mostly rightly: a balance of all words, given or
    counted on the validation split, would make nine of ten votes wrong."""
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.1).astype(int) * rng.integers(1, 3, 2000)
    heard = (y > 0) & (rng.random(2000) < 0.8)
    L = np.where(heard, np.where(rng.random(2000) < 0.9, y, 3 - y), -1)[:, None].repeat(2, axis=1).astype(np.int8)
    for given in (None, np.array([0.9, 0.05, 0.05])):
        for valid in ((None, None), (L[1500:], y[1500:])):
            choice = choose("auto", L[:1500], 3, 0, *valid, given, whole=False)
            rows = covered(L[:1500])
            assert (choice.soft_labels[rows].argmax(1) == L[:1500][rows, 0]).all()
            if given is not None:
                np.testing.assert_array_equal(choice.class_balance, given)
            elif valid[0] is not None:
                np.testing.assert_allclose(choice.class_balance, valid_balance(y[1500:], 3))


def test_ties_count_as_what_is_to_be_expected_of_them():
    L = np.tile(np.array([[0, 1], [1, 1], [0, 0], [1, 0]], np.int8), (50, 1))
    y = np.tile([1, 1, 0, 1], 50)
    candidates = choose("auto", L[:100], 2, 0, L[100:], y[100:]).candidates
    assert {c.accuracy for c in candidates if c.model == "majority" and c.balance == "own"} == {0.75}
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]] * 2000, np.float32)
    drawn = untied(p, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[1::2], p[1::2])
    assert abs((drawn[::2].argmax(1) == 0).mean() - 0.5) < 0.03 and (drawn[::2].argmax(1) < 2).all()
    np.testing.assert_allclose(drawn.sum(1), 1, rtol=1e-6)


def test_a_rare_rule_overrules_a_broad_one():
    L, y = votes(n=4000, k=4, accuracies=(0.8, 0.8), coverage=0.4)
    L = np.hstack([L, np.zeros((4000, 1), np.int8)])  # a rule that says class 0 of everything
    rows = covered(L[:, :2])
    bounded = BoundedVote(4).fit(L).predict_proba(L)[rows].argmax(1)
    majority = vote_shares(L, 4)[rows].argmax(1)
    assert (bounded == y[rows]).mean() > (majority == y[rows]).mean() + 0.15


def test_measured_vote_by_hand():
    """LF 0 is right on 3 of 4 labeled rows, LF 1 on 1 of 2; the presumption is worth ten rows more."""
    labeled = np.array([[0, -1], [0, -1], [0, 1], [0, 1]], np.int8)
    L = np.array([[0, -1], [0, 1], [-1, 1], [-1, -1]], np.int8)
    model = MeasuredVote(2, np.array([0.5, 0.5])).learn(labeled, np.array([0, 0, 1, 0]))
    p = model.fit(L).predict_proba(L)
    first, second = (3 + 10 * 0.8) / 14, (1 + 10 * 0.8) / 12  # neither votes on more than half of the rows of L
    np.testing.assert_allclose(p[0], [first, 1 - first], rtol=1e-5)
    both = np.array([first * (1 - second), (1 - first) * second])
    np.testing.assert_allclose(p[1], both / both.sum(), rtol=1e-5)
    np.testing.assert_allclose(p[2:], [[1 - second, second], [0.5, 0.5]], rtol=1e-5)


def test_measured_accuracies_tell_which_rules_are_wrong():
    """Two rules of four are wrong more often than right, and votes never meet: only labels tell which."""
    L, y = votes(n=6000, k=2, accuracies=(0.9, 0.85, 0.2, 0.25), coverage=0.5)
    L[np.arange(6000)[:, None] % 4 != np.arange(4)] = -1
    seen, gold = L[5500:], y[5500:]
    choice = choose("measured", L[:5500], 2, 0, seen, gold)
    assert choice.name == "measured" and choice.gold_used == 500 and "are measured" in choice.reason
    rows = covered(L[:5500])
    others = [
        find(name)(2, None, 0).fit(L[:5500]).predict_proba(L[:5500]) for name in ("majority", "snorkel", "bounded")
    ]
    best = max((p[rows].argmax(1) == y[:5500][rows]).mean() for p in others)
    assert (choice.soft_labels[rows].argmax(1) == y[:5500][rows]).mean() > best + 0.1


def test_measured_accuracies_are_judged_on_rows_that_they_have_not_seen():
    """Sixty rules that guess, thirty labeled rows: on these very rows they seem to know something."""
    L, y = votes(n=1030, k=2, accuracies=(0.5,) * 60, coverage=0.3)
    seen, gold = L[1000:], y[1000:]
    model = MeasuredVote(2).learn(seen, gold).fit(L[:1000])
    measured = next(c for c in choose("measured", L[:1000], 2, 0, seen, gold).candidates if c.balance == "own")
    assert (model.predict_proba(seen).argmax(1) == gold).mean() > measured.accuracy + 0.1


def test_measured_accuracies_are_judged_on_texts_that_they_have_not_seen():
    """The same, each labeled row four times: the other three rows of a text tell what it is."""
    L, y = votes(n=1030, k=2, accuracies=(0.5,) * 60, coverage=0.3)
    text = np.repeat(np.arange(1000, 1030), 4)

    def judged(source):
        given = (L[text], y[text], None, (), True, source)
        return next(c for c in choose("measured", L[:1000], 2, 0, *given).candidates if c.balance == "own").accuracy

    assert judged(text) < 0.6 < judged(None) - 0.1


def test_another_label_model_may_learn_from_labels(monkeypatch):
    """What `measured` is known by is its method `learn`."""

    class Flips(MajorityVote):
        def learn(self, L, gold):
            self.flip = (vote_shares(L, 2).argmax(1) == gold).mean() < 0.5
            return self

        def posterior(self, rows):
            p = super().posterior(rows)
            return np.ascontiguousarray(p[:, ::-1]) if self.flip else p

    monkeypatch.setitem(BUILT_IN, "flips", Flips)
    L, y = votes(n=600, k=2, accuracies=(0.1, 0.2, 0.2))
    choice = choose("flips", L[:500], 2, 0, L[500:], y[500:])
    rows = covered(L[:500])
    assert choice.learned and (choice.soft_labels[rows].argmax(1) == y[:500][rows]).mean() > 0.7
    assert not choose("majority", L[:500], 2, 0, L[500:], y[500:]).learned


def test_auto_does_not_measure():
    """Its candidates do not learn from the labels that they are compared on."""
    L, y = votes(n=500)
    choice = choose("auto", L[:400], 3, 0, L[400:], y[400:])
    assert "measured" not in {c.model for c in choice.candidates} and set(choice.others) == {"runner-up"}
    assert not choice.learned


def test_what_measures_is_fitted_beside_the_choice_and_does_not_change_it():
    L, y = votes(n=500)
    given = (L[:400], 3, 0, L[400:], y[400:])
    alone, both = choose("auto", *given), choose("auto", *given, beside=["measured"])
    assert both.candidates == alone.candidates and both.learned
    np.testing.assert_array_equal(both.soft_labels, alone.soft_labels)
    np.testing.assert_array_equal(both.others["runner-up"], alone.others["runner-up"])
    np.testing.assert_array_equal(both.others["measured"], choose("measured", *given).soft_labels)
    for unlike in (
        choose("majority", *given, beside=["measured"]),
        choose("auto", L, 3, 0, None, None, beside=["measured"]),
    ):
        assert "measured" not in unlike.others and not unlike.learned


def test_measuring_asks_for_labels():
    L, y = votes(n=500)
    assert choose("measured", L[:400], 3, 0, L[400:], y[400:]).name == "measured"
    for given in ((None, None), (np.full_like(L[400:], -1), y[400:]), (L[400:], np.full(100, -1))):
        with pytest.raises(UserError, match="no row of it that has a vote and a label"):
            choose("measured", L[:400], 3, 0, *given)


def test_majority_with_a_balance_has_that_mean():
    L, _ = votes(balance=[0.7, 0.2, 0.1], accuracies=(0.6, 0.6, 0.6))
    balance = np.array([0.7, 0.2, 0.1])
    p = MajorityVote(3, balance).fit(L).predict_proba(L)
    np.testing.assert_allclose(p[covered(L)].mean(0), balance, atol=0.01)
    np.testing.assert_allclose(p[~covered(L)], np.tile(balance, ((~covered(L)).sum(), 1)), rtol=1e-5)


def test_snorkel_with_two_lfs_says_what_to_do():
    with pytest.raises(UserError, match="at least 3 labeling functions, found 2"):
        SnorkelLabelModel(2).fit(np.zeros((4, 2), np.int8))


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'snorkel'"):
        find("snorkle")


def test_no_log_loss_is_a_negative_zero():
    assert str(log_loss(np.eye(2), np.array([0, 1]))) == "0.0"


def test_auto_takes_the_lowest_validation_log_loss():
    L, y = votes(balance=[0.8, 0.15, 0.05], accuracies=(0.7, 0.6, 0.6))
    choice = choose("auto", L[:2500], 3, 0, L[2500:], y[2500:])
    losses = [c.log_loss for c in choice.candidates]
    assert losses == sorted(losses)
    assert (choice.candidates[0].model, choice.candidates[0].balance) == (choice.name, choice.balance)
    assert {c.balance for c in choice.candidates} == {"own", "uniform", "valid"}
    assert choice.gold_used == 500
    second = next(c for c in choice.candidates if c.model != choice.name)
    prior = {"own": None, "uniform": np.full(3, 1 / 3), "valid": valid_balance(y[2500:], 3)}[second.balance]
    runner_up = find(second.model)(3, prior, 0).fit(L[:2500]).predict_proba(L[:2500])
    np.testing.assert_allclose(choice.others["runner-up"], runner_up, atol=1e-6)
    np.testing.assert_allclose(choice.class_balance, valid_balance(y[2500:], 3))


def test_auto_finds_the_distinct_rows_once(monkeypatch):
    calls = []
    monkeypatch.setattr("weakft.label_models.choose.distinct", lambda L: calls.append(L.shape) or distinct(L))
    monkeypatch.setattr("weakft.label_models.base.distinct", lambda L: pytest.fail("found again"))
    L, y = votes(n=600, coverage=1.0)
    choose("auto", L[:500], 3, 0, L[500:], y[500:])
    assert calls == [(500, 5), (100, 5)]


class Brought:
    """A label model of another package: it knows label matrices only."""

    def __init__(self, n_classes, class_balance=None, seed=0):
        self.n_classes = n_classes

    def fit(self, L):
        self.seen = L
        return self

    def predict_proba(self, L):
        return vote_shares(L, self.n_classes).astype(np.float32)


def test_a_model_of_another_package_is_given_the_matrix(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "brought", Brought)
    L, y = votes(n=600)
    for valid in ((L[500:], y[500:]), (None, None)):
        choice = choose("brought", L[:500], 3, 0, *valid)
        np.testing.assert_array_equal(choice.model.seen, L[:500])
        np.testing.assert_allclose(choice.soft_labels, vote_shares(L[:500], 3), rtol=1e-6)


def test_auto_without_validation_falls_back_and_says_so():
    L, _ = votes()
    choice = choose("auto", L, 3, 0, None, None)
    assert choice.gold_used == 0
    assert choice.class_balance is None
    assert "has the majority vote's class on" in choice.reason
    two = choose("auto", L[:, :2], 3, 0, None, None)
    assert two.name == "majority"


class Broken(Brought):
    """A label model whose soft labels are all the same value."""

    value = float("nan")

    def predict_proba(self, L):
        return np.full((len(L), self.n_classes), self.value, np.float32)


NONE = "no probabilities"


@pytest.mark.parametrize(("value", "said"), [(np.nan, NONE), (np.inf, NONE), (0.5, NONE), (1 / 3, "the same whatever")])
@pytest.mark.parametrize("with_valid", [True, False])
def test_the_majority_vote_stands_in_for_a_fit_that_came_to_nothing(monkeypatch, value, said, with_valid):
    monkeypatch.setitem(BUILT_IN, "broken", Broken)
    monkeypatch.setattr(Broken, "value", value)
    L, y = votes(n=600)
    choice = choose("broken", L[:500], 3, 0, *((L[500:], y[500:]) if with_valid else (None, None)))
    assert choice.name == "majority" and isinstance(choice.model, MajorityVote)
    assert said in choice.warning and "The majority vote takes its place." in choice.warning
    np.testing.assert_array_equal(choice.soft_labels, MajorityVote(3).fit(L[:500]).predict_proba(L[:500]))


def test_auto_leaves_out_a_family_that_diverged_and_names_it(monkeypatch):
    monkeypatch.setitem(BUILT_IN, "dawid-skene", Broken)
    L, y = votes(n=600)
    choice = choose("auto", L[:500], 3, 0, L[500:], y[500:])
    assert choice.name != "dawid-skene" and np.isfinite(choice.soft_labels).all()
    assert [c.error for c in choice.candidates if c.model == "dawid-skene"] == ["The label model Broken failed on this "
        "label matrix: the soft labels are no probabilities."] * 3  # fmt: skip


def dense(n=400, m=100, seed=0):
    """Votes on which Snorkel's descent diverges: very many rules that vote on every row and nearly always agree."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.1).astype(np.int8)
    return np.where(rng.random((n, m)) < 0.01, 1 - y[:, None], y[:, None]).astype(np.int8), y


@pytest.mark.parametrize("name", ["snorkel", "auto"])
def test_snorkels_model_diverges_on_very_many_rules_that_agree(name):
    L, y = dense()
    with pytest.raises(UserError, match="its gradient descent diverges"):
        SnorkelLabelModel(2).fit(L)
    choice = choose(name, L, 2, 0, None, None)
    assert choice.name == "majority" and (choice.soft_labels.argmax(1) == y).all()
    assert "gradient descent diverges" in choice.warning
    measured = choose("auto", L[:300], 2, 0, L[300:], y[300:])
    assert any("diverges" in c.error for c in measured.candidates) and measured.candidates[0].accuracy == 1.0


def test_a_descent_that_is_cut_short_while_it_diverges_is_noticed():
    """All its parameters are finite still; cut to [0.01, 0.99] they would pass for probabilities."""
    with pytest.raises(UserError, match="its gradient descent diverges"):
        SnorkelLabelModel(2, epochs=20).fit(dense()[0])


def test_a_named_model_below_chance_is_kept_with_a_warning(monkeypatch):
    class Contrary(Brought):
        def predict_proba(self, L):
            return np.roll(vote_shares(L, self.n_classes), 1, axis=1).astype(np.float32)

    monkeypatch.setitem(BUILT_IN, "contrary", Contrary)
    choice = choose("contrary", votes(n=500)[0], 3, 0, None, None)
    assert choice.name == "contrary" and "less than chance would" in choice.warning
    assert not choose("majority", votes(n=500)[0], 3, 0, None, None).warning


def test_a_run_says_that_the_label_model_diverged_and_records_it(tmp_path):
    """Through the pipeline: a message, metrics.json, and a run that ends well."""
    from weakft.config import TrainConfig, build
    from weakft.display import Silent
    from weakft.inputs import Given
    from weakft.lfs.core import LabelingFunction
    from weakft.pipeline import train

    L, _ = dense(n=100)
    rules = [LabelingFunction(f"r{j}", lambda x, j=j: int(L[int(x.id), j])) for j in range(L.shape[1])]
    options = {"method": "label-model", "label_model": "snorkel", "output": str(tmp_path / "run"), "cache": False}
    said = Silent()
    given = Given(train=[f"text {i}" for i in range(100)], lfs=rules, label_names=["a", "b"])
    run = train(build(TrainConfig, options, "test"), given, said)
    assert run.metrics["label_model"]["name"] == "majority"
    assert "diverges" in run.metrics["label_model"]["warning"]
    assert any("The majority vote takes its place" in message for message in said.messages)


def test_a_given_balance_is_the_only_one_tried():
    L, y = votes()
    choice = choose("majority", L, 3, 0, L[:50], y[:50], np.array([0.5, 0.3, 0.2]))
    assert [c.balance for c in choice.candidates] == ["given"]


def test_auto_on_real_votes_is_no_worse_than_the_published_models(real_data):
    """The data README's figures: majority vote 0.863 on youtube, Snorkel's model taken blindly 0.766."""
    from weakft.data.readers import read_splits
    from weakft.data.tables import Columns

    splits = read_splits(real_data / "youtube", Columns())
    choice = choose("auto", splits.train.votes, 2, 0, splits.valid.votes, splits.valid.gold.read("select"))
    gold, rows = splits.train.gold.read("measure"), covered(splits.train.votes)
    assert (choice.soft_labels[rows].argmax(1) == gold[rows]).mean() > 0.863
