"""What the methods of a comparison are: each a name for options of `weakft.train`, or a baseline outside its engine.

Knows nothing of how cells run. `gold-50`, `valid-50`, `probe-50` and `setfit-50` (any number) are found by their pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from weakft.comparison import baselines
from weakft.errors import UserError, nearest


@dataclass(frozen=True)
class Entry:
    """A method: what it means, and the options of `weakft.train` or the baseline that make it."""

    meaning: str
    options: dict[str, Any] = field(default_factory=dict)
    baseline: baselines.Baseline | None = None

    @property
    def reads_rules(self) -> bool:
        """Whether labeling functions, or ready votes, are anything to it."""
        if self.baseline is not None:
            return not isinstance(self.baseline, (baselines.Counted, baselines.SetFit))
        return self.options.get("method") not in WITHOUT_RULES


PUBLISHED: dict[str, Any] = {
    "label_model": "majority",
    "first_teacher": False,
    "balanced_pseudo_labels": False,
    "threshold": 0.6,
    "least_selected": 0.0,
    "initial_steps": 150,
    "self_training_steps": 400,
    "period": 50,
    "contrastive_weight": 1.0,
    "distance": "cosine",
    "smoothing": 0.1,
    "confidence_weights": True,
    "sharpened_pseudo_labels": True,
}
"""COSINE as published: the paper's algorithm (not its code's faults) and its script's weights, on the majority vote
(its shares as soft labels, not one class with ties at random); T1 of the script, T2 and T3 in proportion to our budget,
since its 2,500 steps of self-training are for GPUs.
"""

ONE_PERIOD: dict[str, Any] = {"period": 1_000_000}
"""The first pseudo-labels are the only ones."""

METHODS: dict[str, Entry] = {
    "majority": Entry("majority vote of the LFs", {"method": "majority"}),
    "label-model": Entry("label model chosen on validation", {"method": "label-model"}),
    "snorkel": Entry("Snorkel's label model", {"method": "label-model", "label_model": "snorkel"}),
    "dawid-skene": Entry("Dawid-Skene", {"method": "label-model", "label_model": "dawid-skene"}),
    "bounded": Entry("bounded vote", {"method": "label-model", "label_model": "bounded"}),
    "measured": Entry(
        "vote by accuracies measured on validation", {"method": "label-model", "label_model": "measured"}
    ),
    "tfidf": Entry("TF-IDF and logistic regression on the label model's labels", baseline=baselines.tfidf),
    "probe": Entry("frozen encoder and logistic regression on the label model's labels", baseline=baselines.probe),
    "weak": Entry("fine-tuning on soft weak labels", {"method": "weak"}),
    "weak-hard": Entry("fine-tuning on hard weak labels", {"method": "weak", "hard_labels": True}),
    "weak-majority": Entry(
        "fine-tuning on the majority vote, a class a text (what COSINE's paper starts from)",
        {"method": "weak", "label_model": "majority", "hard_labels": True},
    ),
    "weak-calibrated": Entry(
        "fine-tuning on soft weak labels, calibrated on validation", {"method": "weak", "calibrated_end_model": True}
    ),
    "weak-measured": Entry(
        "fine-tuning on the measured vote's soft labels", {"method": "weak", "label_model": "measured"}
    ),
    "cosine-published": Entry("COSINE as published", {"method": "cosine", **PUBLISHED}),
    "cosine": Entry("weakft", {"method": "cosine"}),
    "cosine+valid": Entry("weakft, trained on the validation labels too", {"use_valid": True}),
    "weak-continued": Entry(
        "fine-tuning on weak labels, then on the validation labels", {"method": "weak", "continue_on_valid": True}
    ),
    "cosine-continued": Entry("weakft, then fine-tuning on the validation labels", {"continue_on_valid": True}),
    "valid": Entry("fine-tuning on the validation labels alone", {"method": "valid"}),
    "gold": Entry("full supervision", {"method": "gold"}),
    "gold-calibrated": Entry(
        "full supervision, calibrated on validation", {"method": "gold", "calibrated_end_model": True}
    ),
    "gold-head-first": Entry(
        "full supervision, linear probe and then fine-tuning (Kumar et al. 2022)", {"method": "gold", "head_steps": 200}
    ),
    "weak-head-first": Entry("weak labels, linear probe and then fine-tuning", {"method": "weak", "head_steps": 200}),
    "cosine-no-contrastive": Entry("weakft without the contrastive term", {"contrastive_weight": 0.0}),
    "cosine-no-smoothing": Entry("weakft without confidence regularization", {"smoothing": 0.0}),
    "cosine-hard": Entry("weakft with hard pseudo-labels", {"hard_pseudo_labels": True}),
    "cosine-weights": Entry("weakft with confidence weights", {"confidence_weights": True}),
    "cosine-sharpening": Entry("weakft with sharpened pseudo-labels", {"sharpened_pseudo_labels": True}),
    "cosine-no-calibration": Entry(
        "weakft, the first teacher not calibrated, its predictions sharpened and weighed", {"calibrated_teacher": False}
    ),
    "cosine-end-not-calibrated": Entry(
        "weakft, the end model as self-training leaves it", {"calibrated_end_model": False}
    ),
    "cosine-plain": Entry(
        "weakft with the first teacher's labels alone, and their cross-entropy alone",
        {"contrastive_weight": 0.0, "smoothing": 0.0, **ONE_PERIOD},
    ),
    "cosine-no-balancing": Entry("weakft with pseudo-labels not balanced", {"balanced_pseudo_labels": False}),
    "cosine-no-period": Entry("weakft with one period: the teacher is never refreshed", ONE_PERIOD),
    "cosine-no-first-teacher": Entry("weakft without the first teacher", {"first_teacher": False}),
    "cosine-half": Entry("weakft with the surest half and what is above the threshold", {"threshold": 0.6}),
    "cosine-no-least": Entry("weakft with the threshold alone", {"threshold": 0.6, "least_selected": 0.0}),
    "cosine-majority": Entry("weakft on the majority vote", {"label_model": "majority"}),
    "cosine-measured": Entry("weakft on the vote by measured accuracies", {"label_model": "measured"}),
    "published+auto": Entry(
        "COSINE as published, label model and class balance chosen", PUBLISHED | {"label_model": "auto"}
    ),
    "published+all": Entry("COSINE as published, all rows selected", PUBLISHED | {"threshold": 0.0}),
    "published+first-teacher": Entry(
        "COSINE as published, first teacher and its class balance, a fresh student",
        PUBLISHED | {"first_teacher": True, "calibrated_teacher": False},
    ),
}
"""By name, in the order of the tables."""

GIVES = {"cosine": ("majority", "label-model", "weak"), "cosine+valid": ("valid",)}
"""What a run of a method measures on its way."""

WITHOUT_RULES = ("gold", "valid")
"""Methods of `weakft.train` to which labeling functions are nothing."""

COUNTS = {
    "gold": "fine-tuning on {} gold labels of the training split",
    "valid": "fine-tuning on {} gold labels of the validation split",
    "probe": "frozen encoder and logistic regression on {} gold labels",
    "setfit": "SetFit on {} gold labels",
}
"""Methods that take a number of gold labels, with what they mean, in the order of the tables."""

COUNTED = re.compile(rf"({'|'.join(COUNTS)})-([1-9]\d*)")


def find(name: str) -> Entry:
    """The method of a name.

    Raises
    ------
    UserError : there is none, with the nearest name.
    """
    if name in METHODS:
        return METHODS[name]
    counted = COUNTED.fullmatch(name)
    if counted is None:
        known = [*METHODS, *(f"{kind}-N" for kind in COUNTS)]
        raise UserError(
            f"--methods {name}: there is no such method.{nearest(name, known)} `weakft benchmark --explain` lists them; "
            "gold-N, valid-N, probe-N and setfit-N take any number."
        )
    kind, n = counted[1], int(counted[2])
    meaning = COUNTS[kind].format(n)
    if kind == "setfit":
        return Entry(meaning, baseline=baselines.SetFit(n))
    if kind == "probe":
        return Entry(meaning, baseline=baselines.Counted(n))
    return Entry(meaning, {"method": kind, "gold_labels": n})


def explained() -> dict[str, str]:
    """What each method means, by name; those that take a number with N for it."""
    meanings = {name: entry.meaning for name, entry in METHODS.items()}
    return meanings | {f"{kind}-N": meaning.format("N") for kind, meaning in COUNTS.items()}


def order(name: str) -> tuple[int, int]:
    """Sorts methods as in `METHODS`, counted ones by their number behind them."""
    counted = COUNTED.fullmatch(name)
    if counted:
        return len(METHODS) + list(COUNTS).index(counted[1]), int(counted[2])
    return list(METHODS).index(name) if name in METHODS else len(METHODS) + len(COUNTS), 0
