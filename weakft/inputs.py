"""From options (and Python objects) to a data set, its labeling functions and its class names: where `label` and `train`
begin, and `votes` goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from weakft.config import DataOptions, TrainConfig, VoteOptions
from weakft.data import example
from weakft.data.dataset import Dataset, Gold, Splits, drawn
from weakft.data.labels import CLASSES, by_number
from weakft.data.objects import from_python
from weakft.data.readers import SPLIT_NAMES, read_splits, read_table
from weakft.data.tables import NONE, Columns
from weakft.data.wrench import is_wrench
from weakft.errors import Told, UserError, listed
from weakft.lfs import fingerprint
from weakft.lfs.columnwise import is_pattern
from weakft.lfs.core import is_labeling_function
from weakft.lfs.load import RuleSet, code_beside, from_objects, load_file, refuse_others
from weakft.tasks import prepare
from weakft.tasks.entities import OUTSIDE, refuse_other_schemes


@dataclass
class Given:
    """Python objects that stand in for files: splits as lists, frames or `datasets.Dataset`, and labeling functions."""

    train: Any = None
    valid: Any = None
    test: Any = None
    lfs: list[Any] | None = None
    label_names: list[str] | None = None

    def __post_init__(self) -> None:
        if self.label_names is not None:
            if isinstance(self.label_names, (str, Mapping, Set)) or not isinstance(self.label_names, Iterable):
                raise UserError(
                    f"label_names: expected a list of class names, in class order, found {self.label_names!r}."
                )
            self.label_names = list(map(str, self.label_names))

    @property
    def named(self) -> dict[str, str]:
        """What stands for these objects among a run's options, by the option's name: no file is called so."""
        held = {"data": self.train, "valid": self.valid, "test": self.test, "lfs": self.lfs}
        return dict.fromkeys([name for name, value in held.items() if value is not None], "(Python objects)")

    @classmethod
    def apart(cls, label_names: list[str] | None, **values: Any) -> tuple[Given, dict[str, str]]:
        """Arguments that are objects (``data`` is the training texts), and those that are paths, by the option's name."""
        paths = {name: str(value) for name, value in values.items() if isinstance(value, (str, PathLike))}
        objects = {"train" if name == "data" else name: v for name, v in values.items() if name not in paths}
        return cls(**objects, label_names=label_names), paths


def load_data(options: DataOptions, given: Given, label_names: list[str] | None, stream: bool = False) -> Splits:
    """Read the data set that the options or the Python objects name; ``stream`` as in `read_splits`.

    Raises
    ------
    UserError : see `weakft.data.readers` and `weakft.data.tables`.
    """
    columns = Columns(options.text_column, options.label_column, options.id_column, label_names or given.label_names)
    columns.absent = []
    if given.train is not None:
        splits = Splits(train=from_python(given.train, columns, "train"))
    elif options.data is None:
        splits = example.load()
    else:
        splits = read_splits(Path(options.data), columns, stream)
    apart = (("valid", options.valid, given.valid), ("test", options.test, given.test))
    if given.train is None and (options.data is None or is_wrench(Path(options.data))):
        _by_layout(splits, options, alone=all(path is None and value is None for _, path, value in apart))
    for name, path, value in apart:
        if path is None and value is None:
            continue
        if getattr(splits, name) is not None:
            whose = "--data has" if options.data else "without --data the embedded messages are read, which have"
            raise UserError(f"--{name} {'' if path is None else path}: {whose} a {name} split already.")
        setattr(splits, name, from_python(value, columns, name) if path is None else read_table(Path(path), columns))
    if columns.absent and not columns.labels_found:
        raise columns.absent[0]
    splits.label_names = splits.label_names or columns.label_names or columns.found_labels or None
    splits.found = bool(columns.found_labels) and columns.label_names is None
    return splits


def _by_layout(splits: Splits, options: DataOptions, alone: bool) -> None:
    """A data set whose layout says what is a text and what a label: without labels where none are asked for.

    alone : no split comes from a file of its own, whose columns could be named.

    Raises
    ------
    UserError : a column is named that nothing has.
    """
    names = {"text": options.text_column, "label": options.label_column, "id": options.id_column}
    if names["label"] == NONE:
        del names["label"]
        for _, split in splits.named():
            split.gold = None
    named = [f"--{what}-column {name}" for what, name in names.items() if name is not None]
    if named and alone:
        whose = (
            f"{options.data} is a WRENCH folder" if options.data else "without --data the embedded messages are read"
        )
        raise UserError(f"{', '.join(named)}: {whose}: it has no columns to name. Leave that out.")


def load_rules(options: VoteOptions, given: Given) -> RuleSet | None:
    """The labeling functions, or None where ready votes of the data are to be used.

    Raises
    ------
    UserError : the data needs labeling functions and none are named, or their file is at fault.
    """
    if given.lfs is not None:
        if options.votes == "from-data":
            raise UserError("lfs and votes='from-data' exclude each other; leave one out.")
        if not is_labeling_function(given.lfs) and not isinstance(given.lfs, Iterable):
            raise UserError(f"lfs: expected a list of labeling functions or a file's name, found {given.lfs!r}.")
        lfs = [given.lfs] if is_labeling_function(given.lfs) else given.lfs
        values = dict(lfs) if isinstance(lfs, Mapping) else list(lfs)
        refuse_others(values, "lfs")
        return from_objects([values], given.label_names, "lfs")
    if options.votes == "from-data":
        if options.lfs is not None:
            raise UserError("--lfs and --votes from-data exclude each other; leave one out.")
        return None
    if options.lfs is not None:
        return load_file(Path(options.lfs))
    if options.data is None and given.train is None:
        return load_file(example.LFS)
    raise UserError(
        "Which labeling functions? Name their file with --lfs labeling_functions/NAME.py, or use the ready votes of a "
        "WRENCH folder with --votes from-data."
    )


def load(
    options: VoteOptions, given: Given, needs_rules: bool = True, stream: bool = False
) -> tuple[Splits, RuleSet | None, list[str]]:
    """Data, labeling functions and class names of a row that belong together; ``stream`` as in `read_splits`.

    Raises
    ------
    UserError : the class names are unknown, or the rules' and the data's disagree.
    """
    named = options.lfs is not None or given.lfs is not None  # its LABELS count without its votes, too
    rules = load_rules(options, given) if needs_rules or named else None
    task: str = getattr(options, "task", "auto")
    draws = isinstance(options, TrainConfig) and options.max_rows is not None
    if rules and rules.label_names and given.label_names not in (None, rules.label_names):
        raise UserError(
            f"{rules.source}: LABELS is {rules.label_names}, but label_names is {given.label_names}. Both must name the same "
            "classes in the same order; leave label_names out."
        )
    splits = load_data(options, given, rules.label_names if rules else None, (stream or draws) and task == "auto")
    if given.label_names not in (None, splits.label_names):
        raise UserError(
            f"label_names is {given.label_names}, but the data's classes are {splits.label_names}. Both must name the same "
            "classes in the same order; leave label_names out."
        )
    if isinstance(options, TrainConfig) and options.max_rows is not None:
        whole = len(splits.train)
        splits.train = drawn(splits.train, options.max_rows, options.seed)
        splits.left_out = whole - len(splits.train)
    labels = (rules.label_names if rules else None) or splits.label_names
    prepare(task, splits, labels)
    if labels is None:
        where = "write LABELS = [...] in the file with the labeling functions"
        if given.lfs is not None:
            where = "name them in class order, label_names=[...]"
        raise UserError(f"The class names are unknown: {where}, or give data with gold labels.")
    if rules and rules.label_names and splits.label_names and rules.label_names != splits.label_names:
        raise UserError(
            f"{rules.source}: LABELS is {rules.label_names}, but the data's classes are {splits.label_names}"
            f"{' (without --data: the embedded messages)' if options.data is None and given.train is None else ''}. "
            "Both must name the same classes in the same order."
        )
    twice = next(
        (name for name in (splits.train.asked or labels) if (splits.train.asked or labels).count(name) > 1), None
    )
    if twice is not None:
        raise UserError(f"{splits.train.source}: two classes are named {twice!r}; give each its own name.")
    if splits.train.asked is not None:
        return splits, rules, CLASSES
    if splits.train.words is not None:
        refuse_other_schemes(labels, rules.source if rules and rules.label_names else splits.train.source)
    if len(labels) < 2:
        raise UserError(f"The data has one class only, {labels}; classification needs two or more.")
    return splits, rules, labels


def understood(
    task: str, splits: Splits, rules: RuleSet | None, labels: list[str], votes: bool = True
) -> Iterator[str]:
    """What the input was taken for, and what of it may not have been meant, for the user to see before any work.

    votes : whether any are needed.
    """
    train, names = splits.train, splits.train.asked or labels
    said = [f"{task}: {len(train):,} training texts"]
    for name, split in (("validation", splits.valid), ("test", splits.test)):
        if split is not None:
            said.append(f"{len(split):,} {name} texts ({len(split.labeled):,} with gold labels)")
    found = "; ready votes" if rules is None else f"; {len(rules.lfs)} labeling functions"
    counted = rules is not None and votes and splits.found and by_number(names)
    order = " (found in the data; votes that are numbers count them from 0 in this order)" if counted else ""
    kind = "labels" if train.asked else "classes"
    yield Told(f"{', '.join(said)}; {kind} {listed(names)}{order}{found if votes else ''}.")
    if train.words is not None and OUTSIDE not in labels:
        yield (
            f"No class is called {OUTSIDE!r}: every word counts as one of an entity. Where one of {listed(names)} means that "
            f"it is in none, name the classes: LABELS = [{OUTSIDE!r}, ...] in the file with the labeling functions."
        )
    for name in ("text", "id"):
        if name in train.columns:
            yield f"Column {name!r} is none that labeling functions see: x.{name} is what was named in its place."
    for flag, split in (("--valid", splits.valid), ("--test", splits.test)):
        if split is not None and split.gold is None:
            yield f"{split.source} ({flag}): {without_gold(split)}."
        elif split is not None and split.words is not None and split.gold is not None:
            yield from _incomplete(split, split.gold, flag)
    if splits.passed_over:
        yield (
            f"Not read: {listed(splits.passed_over)}. The files of a split are called {', '.join(SPLIT_NAMES)}, or are named "
            "with --valid and --test."
        )


def _incomplete(split: Dataset, gold: Gold, flag: str) -> Iterator[str]:
    """Says what is measured where some words of a text have no gold label."""
    words = np.asarray(split.words)
    labeled = np.bincount(split.places(np.flatnonzero(gold.known))[0], minlength=len(split))
    whole, missing = (labeled == words).sum(), ((labeled > 0) & (labeled < words)).sum()
    if missing:
        what = f"entities are counted in the {whole:,} that have all" if whole else "only single words are measured"
        yield f"{split.source} ({flag}): {missing:,} texts have words without a gold label: {what}."


def without_gold(split: Dataset, purpose: str = "") -> str:
    """That a split has no gold labels (for ``purpose``), where they were looked for, and what to do."""
    if split.label_columns:
        names = ", ".join(map(repr, split.label_columns))
        where = f": column {names} is empty (or -1) in all {len(split):,} rows; fill it in, or name another"
    else:
        others = f" among its columns ({listed(list(split.columns))})" if split.columns else ""
        where = f"{others}; name their column"
    return f"no gold labels{purpose}{where} with --label-column"


def origin(splits: Splits, rules: RuleSet | None) -> dict[str, str]:
    """What a run is given, as short hashes: of the ``data`` (class names, texts, ids, gold labels, ready votes) and, where
    there are any, of the ``rules``, with what they read beside the texts. Gold labels are not read for it. A labeling
    function that cannot be hashed counts as its file with all that lies beside it; without a file it is none that was met
    before, nor is a column that cannot be hashed, unless the rules are patterns, which read none.
    """
    total = hashlib.sha256(repr(splits.label_names).encode())
    for name, split in splits.named():
        gold = None if split.gold is None else split.gold.fingerprint()
        columns = (name, fingerprint.of_values(split.texts), fingerprint.of_values(split.ids), gold, split.asked)
        total.update(repr(columns).encode() + (b"" if split.votes is None else split.votes.tobytes()))
    found = {"data": total.hexdigest()[:16]}
    if rules is not None:
        total = hashlib.sha256(repr(rules.label_names).encode())
        for _, split in splits.named():  # what only rules read
            for name, values in split.columns.items():
                try:
                    total.update(repr((name, fingerprint.of_values(values))).encode())
                except fingerprint.Unknown:
                    total.update(b"" if all(map(is_pattern, rules.lfs)) else os.urandom(16))
        unknown = False
        for lf in rules.lfs:
            try:
                content = fingerprint.of_function(lf)
            except fingerprint.Unknown:
                content, unknown = "", True
            total.update(repr((lf.name, content)).encode())
        if unknown:
            for code in [os.urandom(16)] if rules.file is None else code_beside(rules.file):
                total.update(code)
        found["rules"] = total.hexdigest()[:16]
    return found
