"""From labeling functions and texts to label matrices, and from these to soft labels, with what is said of both.

The middle of `label` and `train`: `inputs` brings the data and the labeling functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weakft.config import TrainConfig, VoteOptions
from weakft.data.dataset import Dataset, Splits
from weakft.errors import UserError, listed
from weakft.lfs.apply import Failure, apply, check_labels, merge
from weakft.lfs.cache import apply_cached, default_folder
from weakft.lfs.load import RuleSet
from weakft.lfs.summary import summarise
from weakft.tasks.entities import agreed
from weakft.tasks.folds import per_row, sources

if TYPE_CHECKING:
    from weakft.label_models.choose import Choice

Advance = Callable[[int], None]


@dataclass
class Votes:
    """The label matrices of each split (None where there is no split or no votes for it), [r, m]."""

    names: list[str]
    train: np.ndarray
    valid: np.ndarray | None = None
    test: np.ndarray | None = None
    failures: dict[str, Failure] = field(default_factory=dict)


def cast_votes(
    options: VoteOptions,
    splits: Splits,
    rules: RuleSet | None,
    label_names: list[str],
    advance: Advance | None = None,
) -> Votes:
    """Apply the labeling functions to every split, or take the data's ready votes.

    Raises
    ------
    UserError : no ready votes, a vote that is no class, or no labeling function votes on any training row.
    """
    if rules is None:
        if splits.train.votes is None:
            raise UserError(
                f"{splits.train.source}: the examples have no weak_labels (ready votes); name a file with labeling "
                "functions: --lfs."
            )
        names = splits.lf_names or [f"lf_{j}" for j in range(splits.train.votes.shape[1])]
        votes = Votes(names, splits.train.votes, _ready(splits.valid), _ready(splits.test))
    else:
        check_labels(rules.lfs, splits.train.asked or label_names)
        matrices: dict[str, np.ndarray | None] = {}
        failures: dict[str, Failure] = {}
        for name in ("train", "valid", "test"):
            split = getattr(splits, name)
            if split is None:
                matrices[name] = None
                continue
            matrices[name], failed = _apply(options, rules, split, label_names, advance)
            merge(failures, failed)
        train = matrices["train"]
        assert train is not None
        votes = Votes([lf.name for lf in rules.lfs], train, matrices["valid"], matrices["test"], failures)
    if not (votes.train >= 0).any():
        rows = f"any of the {len(votes.train)} training rows"
        found = f"No labeling function votes on {rows}; there is nothing to learn from."
        raise UserError("\n".join([found, *map(str, votes.failures.values())]))
    return votes


def settled(votes: Votes, splits: Splits, label_names: list[str]) -> Votes:
    """The votes as label models read them: on words, functions that agree on an entity's type agree on the class."""
    if splits.train.words is None:
        return votes
    valid, test = (None if L is None else agreed(L, label_names) for L in (votes.valid, votes.test))
    return replace(votes, train=agreed(votes.train, label_names), valid=valid, test=test)


def _apply(
    options: VoteOptions, rules: RuleSet, split: Dataset, label_names: list[str], advance: Advance | None
) -> tuple[np.ndarray, dict[str, Failure]]:
    how: dict[str, Any] = {
        "strict": options.strict,
        "timeout": options.lf_timeout,
        "advance": advance,
        "processes": options.processes,
        "source": rules.file,
    }
    if options.cache:
        folder = default_folder() if options.cache_dir is None else Path(options.cache_dir)
        how["folder"] = folder
    found = [(apply_cached if options.cache else apply)(rules.lfs, part, label_names, **how) for part in split.parts()]
    failures: dict[str, Failure] = {}
    for _, failed in found:
        merge(failures, failed)
    return np.concatenate([L for L, _ in found]), failures


def aggregate(
    config: TrainConfig, splits: Splits, votes: Votes, label_names: list[str], beside: Sequence[str] = ()
) -> Choice:
    """The label model that the options name; ``auto`` chooses it on the validation split's gold labels, and a `Learner`
    learns there.

    beside : further label models whose soft labels are wanted (see `choose`).
    """
    from weakft.label_models.choose import choose
    from weakft.label_models.per_label import choose_each
    from weakft.label_models.registry import learns
    from weakft.label_models.silence import unvoted

    name, asked, balance = config.label_model, splits.train.asked, config.class_balance
    gold = splits.valid.gold if splits.valid is not None else None
    reads = gold is not None and votes.valid is not None and (name == "auto" or learns(name))
    known = gold.read("select") if reads and gold is not None else None
    valid_L = votes.valid if reads else None
    source = _sources(splits.valid) if reads else None
    if asked is not None:
        choice = choose_each(name, votes.train, asked, config.seed, valid_L, known, balance, beside, source)
    else:
        shares = None if balance is None else np.asarray(balance)
        whole = splits.train.words is None
        choice = choose(name, votes.train, len(label_names), config.seed, valid_L, known, shares, beside, whole, source)
    return choice.silenced(votes.train, unvoted(label_names, splits.train, votes.train, valid_L, known))


def _sources(valid: Dataset | None) -> np.ndarray | None:
    """Which text each validation row is of."""
    return None if valid is None else per_row(sources(valid.texts), valid.words, valid.asked)


def _ready(split: Dataset | None) -> np.ndarray | None:
    return None if split is None else split.votes


def lf_summary(votes: Votes, splits: Splits, label_names: list[str]) -> tuple[pd.DataFrame, int]:
    """The summary on the training rows, with accuracies from the validation split's gold where it has votes.

    Returns the summary and the number of gold labels it read.
    """
    gold = splits.valid.gold if splits.valid is not None and votes.valid is not None else None
    labels = gold.read("lf summary") if gold is not None else None
    source = None if labels is None else _sources(splits.valid)
    frame = summarise(
        votes.train, votes.names, label_names, votes.failures, votes.valid, labels, splits.train.asked, source
    )
    return frame, 0 if gold is None else gold.n_known


def unvoted_classes(votes: Votes, splits: Splits, labels: list[str]) -> Iterator[str]:
    """Says which classes of a text no labeling function ever votes for: no label model can find them."""
    if splits.train.widths is None:
        missing = [name for c, name in enumerate(labels) if not (votes.train == c).any()]
        if missing:
            yield f"No labeling function votes for {listed(missing)} on the training texts: nothing can be learned of that."
