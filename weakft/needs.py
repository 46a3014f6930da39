"""What a method needs of the data, and refuses to begin without."""

from __future__ import annotations

from collections.abc import Iterator

from weakft.config import EngineOptions, TrainConfig
from weakft.data.dataset import Dataset, Splits
from weakft.errors import UserError, listed
from weakft.tasks import choose
from weakft.tasks.base import check as check_texts

# Options that only some methods read, by what they are for.
OF_WEAK_LABELS = {"hard_labels", "patience"}
OF_LABEL_MODELS = {"label_model", "class_balance"}
OF_SELF_TRAINING = set(
    "period threshold least_selected contrastive_weight margin distance smoothing hard_pseudo_labels confidence_weights "
    "sharpened_pseudo_labels balanced_pseudo_labels first_teacher calibrated_teacher".split()
)
OF_RULES = {"strict", "lf_timeout", "processes", "cache", "cache_dir"}
OF_TRAINING = set(EngineOptions.model_fields) - {"debug", "task", *OF_LABEL_MODELS}


def votes(config: TrainConfig) -> bool:
    """Whether a method looks at votes at all."""
    return config.method not in ("gold", "valid")


def check(config: TrainConfig, splits: Splits, labels: list[str]) -> None:
    """Refuse what a method needs and the data lacks, before any work."""
    no_valid_gold = _no_valid_gold(splits)
    task = choose(config.task, splits.train)
    for _, split in splits.named():
        check_texts(task, split, "Mend the row, or train on the texts as they are with --task classification.")
    if (config.method == "gold" or config.ceiling) and (splits.train.gold is None or not splits.train.gold.n_known):
        raise UserError(
            f"{splits.train.source}: {'--ceiling' if config.ceiling else '--method gold'} needs gold labels of the "
            "training split; there are none (name their column with --label-column)."
        )
    if config.ceiling and config.method == "gold":
        raise UserError("--ceiling is the run of --method gold on all labels: leave it out.")
    if config.gold_labels is not None and config.method not in ("gold", "valid"):
        raise UserError(
            f"--gold-labels {config.gold_labels} is for the methods gold and valid, not for {config.method}."
        )
    if config.gold_labels is not None:
        enough(config.gold_labels, splits.valid if config.method == "valid" else splits.train)
    if config.use_valid and config.method != "cosine":
        raise UserError(f"--use-valid is for --method cosine, not for {config.method}.")
    if config.continue_on_valid and config.method not in ("cosine", "weak"):
        raise UserError(f"--continue-on-valid is for the methods cosine and weak, not for {config.method}.")
    if config.continue_on_valid and no_valid_gold:
        raise UserError("--continue-on-valid needs a validation split with gold labels; there is none.")
    if config.calibrated_end_model and (no_valid_gold or config.use_valid or config.continue_on_valid):
        raise UserError("--calibrated-end-model needs a validation split with gold labels that are not trained on.")
    if config.use_valid and (no_valid_gold or not config.first_teacher):
        raise UserError("--use-valid needs a validation split with gold labels, and the first teacher on.")
    if config.use_valid and splits.valid and splits.valid.gold and splits.valid.asked:
        asked, known = splits.valid.asked, splits.valid.gold.known
        without = [label for at, label in enumerate(asked) if not known[at :: len(asked)].any()]
        if without:
            raise UserError(
                f"--use-valid: {splits.valid.source} has no gold label, yes or no, of {listed(without)}, which cannot be "
                "learned from it then. Fill in some, or leave --use-valid out."
            )
    if config.use_valid and config.self_training_steps == 0:
        raise UserError("--use-valid trains on the labels in self-training, which --self-training-steps 0 leaves out.")
    if config.method == "valid" and no_valid_gold:
        raise UserError("--method valid needs a validation split with gold labels; there is none.")
    if config.class_balance is not None:
        _check_balance(config.class_balance, labels, splits.train.asked)
    if config.ceiling or config.method not in ("majority", "label-model"):
        from weakft.training import backbone

        backbone.check(config.model)


def _no_valid_gold(splits: Splits) -> bool:
    return splits.valid is None or splits.valid.gold is None


def enough(n: int, split: Dataset | None) -> None:
    """Refuse to train on more gold labels than a split has."""
    if split is not None and n > len(split.labeled):
        raise UserError(
            f"{split.source}: {len(split.labeled):,} texts with gold labels, fewer than the {n:,} asked for."
        )


def ignored(config: TrainConfig, splits: Splits) -> Iterator[str]:
    """Says which options were set that nothing in this run reads."""
    trains = config.ceiling or config.method not in ("majority", "label-model")
    cosine, few = config.method == "cosine", config.gold_labels is not None
    self_trains = cosine and config.self_training_steps != 0
    several = splits.train.words is not None or splits.train.asked is not None
    all_steps = config.initial_steps is not None and (not self_trains or config.self_training_steps is not None)
    cases = (
        (not trains, OF_TRAINING),
        (not cosine, OF_SELF_TRAINING | {"self_training_steps"}),
        (not votes(config) or config.votes == "from-data", OF_RULES),
        (config.self_training_steps == 0, OF_SELF_TRAINING),
        (config.method not in ("weak", "cosine"), OF_WEAK_LABELS),
        (not votes(config) or config.method == "majority", OF_LABEL_MODELS),
        ((config.method == "valid" or few) and not config.ceiling, {"eval_every", "calibrated_end_model"}),
        (several and not self_trains, {"class_balance"}),
        (several, {"calibrated_end_model", "calibrated_teacher"}),
        (
            _no_valid_gold(splits),
            {"patience", "eval_every", "calibrated_end_model", "first_teacher", "calibrated_teacher"},
        ),
        (not config.first_teacher or config.class_balance is not None, {"calibrated_teacher"}),
        (all_steps and not config.continue_on_valid, {"epochs"}),
        (config.threshold == 0, {"least_selected"}),
        (config.contrastive_weight == 0, {"margin", "distance"}),
    )
    unread = {name for unused, names in cases if unused for name in names}
    fields = TrainConfig.model_fields
    found = [n for n in fields if n in unread and getattr(config, n) != fields[n].default]
    if found:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in found)
        ready = ", --votes from-data" if config.votes == "from-data" else ""
        yield f"Not read in this run (--method {config.method}{ready}): {flags}."


def _check_balance(balance: list[float], labels: list[str], asked: list[str] | None) -> None:
    names = labels if asked is None else asked
    shares = len(balance) == len(names) and min(balance) >= 0
    if asked is None and not (shares and abs(sum(balance) - 1) <= 1e-3):
        raise UserError(
            f"--class-balance {balance}: expected {len(names)} shares that sum to 1, for {', '.join(names)}."
        )
    if asked is not None and not (shares and max(balance) <= 1):
        raise UserError(
            f"--class-balance {balance}: expected {len(names)} shares from 0 to 1, of the texts that have each of "
            f"{', '.join(names)}."
        )
