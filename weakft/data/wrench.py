"""WRENCH's layout (Zhang et al. 2021): label.json, lfs.json and train/valid/test.json, whose examples have ready votes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from weakft.data.dataset import ABSTAIN, Dataset, Gold, Splits, vote_type
from weakft.data.formats import read_json
from weakft.data.labels import CLASSES, NO, YES, by_labels
from weakft.data.pairs import COLUMNS as PAIRS
from weakft.data.pairs import join
from weakft.data.pairs import marked as mark_word
from weakft.data.tables import unwritable
from weakft.data.words import by_words, join_words
from weakft.errors import UserError


def is_wrench(folder: Path) -> bool:
    """Whether a folder is in WRENCH's layout."""
    return (folder / "label.json").is_file()


def read_wrench(folder: Path) -> Splits:
    """Read WRENCH's layout: label.json, optional lfs.json, and train/valid/test.json with ready votes.

    Raises
    ------
    UserError : with the file and the example's key, where a label or a vote is not one of the classes.
    """
    names = read_json(folder / "label.json")
    if not isinstance(names, dict) or sorted(map(str, names)) != sorted(str(i) for i in range(len(names))):
        raise UserError(f'{folder / "label.json"}: expected {{"0": "name", "1": "name", ...}} without gaps.')
    label_names = [str(names[str(i)]) for i in range(len(names))]
    lf_names = read_json(folder / "lfs.json") if (folder / "lfs.json").is_file() else None
    if lf_names is not None and not (isinstance(lf_names, list) and all(isinstance(name, str) for name in lf_names)):
        raise UserError(f'{folder / "lfs.json"}: expected a list of the labeling functions\' names, ["name", ...].')
    if lf_names is not None and len(set(lf_names)) != len(lf_names):
        twice = next(name for name in lf_names if lf_names.count(name) > 1)
        raise UserError(f"{folder / 'lfs.json'}: two labeling functions are named {twice!r}; give each its own name.")
    if not (folder / "train.json").is_file():
        raise UserError(f"{folder}: has label.json but no train.json.")
    files = {part: folder / f"{part}.json" for part in ("train", "valid", "test")}
    examples = {part: _examples(file) for part, file in files.items() if file.is_file()}
    several = any(_has_labels(row) for rows in examples.values() for row in rows.values())
    train = _split(files["train"], examples["train"], several, label_names, lf_names)
    if lf_names is None and train.votes is not None:
        lf_names = [f"lf_{j}" for j in range(train.votes.shape[1])]
    valid, test = (
        _split(files[part], examples[part], several, label_names, lf_names) if part in examples else None
        for part in ("valid", "test")
    )
    return Splits(train, valid, test, label_names, lf_names, folder.resolve().name)


def _examples(path: Path) -> dict[str, Any]:
    rows = read_json(path)
    if not isinstance(rows, dict) or not rows:
        raise UserError(f'{path}: expected {{"0": {{"data": ..., "label": ..., "weak_labels": [...]}}, ...}}.')
    return rows


def _split(
    path: Path, rows: dict[str, Any], several: bool, label_names: list[str], lf_names: list[str] | None
) -> Dataset:
    """A split of examples; ``several``: those of the folder are texts with any number of labels."""
    n_classes = len(label_names)
    texts, gold, votes = [], [], []
    width = len(lf_names) if lf_names is not None else None
    by_token: bool | None = None
    for key, row in rows.items():
        where = f"{path}: example {key!r}"
        data = row.get("data") if isinstance(row, dict) else None
        if not isinstance(data, dict):
            raise UserError(f"{where}: expected data to be an object, found {type(data).__name__}.")
        texts.append(_text(data, where))
        try:
            texts[-1].encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{where}: {unwritable([], 'text', error)}") from error
        tokens = isinstance(data.get("text"), list)
        if by_token not in (None, tokens):
            raise UserError(
                f"{where}: data.text is {'' if tokens else 'not '}a list of tokens, unlike in those before."
            )
        by_token = tokens
        label, weak = row.get("label", ABSTAIN), row.get("weak_labels")
        if tokens:
            count = len(data["text"])
            labels = _per_token([ABSTAIN] * count if label in (None, ABSTAIN) else label, count, "label", where)
            lists = [] if weak is None else _per_token(weak, count, "weak_labels", where)
        elif several:
            n_classes = len(CLASSES)
            labels, lists = _by_label(label, weak, len(label_names), where)
        else:
            labels, lists = [label], [] if weak is None else [weak]
        gold += [_class(label, n_classes, where) for label in labels]
        for some in lists:
            width = _check_votes(some, width, n_classes, where)
        votes += lists
    if votes and len(votes) != len(gold):
        what = "tokens" if by_token else "labels" if several else "examples"
        raise UserError(f"{path}: {len(votes)} of {len(gold)} {what} have weak_labels; expected all or none.")
    split = Dataset(texts=texts, ids=[str(key) for key in rows], columns=_columns(rows), source=str(path))
    if by_token:
        split = by_words(split, joined=True)
    elif several:
        split = by_labels(split, label_names)
    classes = np.array(gold)
    split.gold = Gold(classes) if (classes != ABSTAIN).any() else None
    split.votes = np.array(votes, dtype=vote_type(n_classes)) if votes else None
    return split


def _has_labels(row: Any) -> bool:
    """Whether an example is a text with any number of labels: a list of them, and no list of tokens."""
    if not isinstance(row, dict):
        return False
    data = row.get("data")
    return isinstance(row.get("label"), list) and isinstance(data, dict) and not isinstance(data.get("text"), list)


def _columns(rows: dict[str, Any]) -> dict[str, list[Any]]:
    """What the examples' data hold beside the text, a value an example."""
    names = dict.fromkeys(name for row in rows.values() for name in row["data"] if name not in ("text", "id"))
    return {name: [row["data"].get(name) for row in rows.values()] for name in names}


def _text(data: dict[str, Any], where: str) -> str:
    """The text of an example: ``text``, whole or as a token list, or the sentences of a pair (in the layout of Words in
    Context with its word marked in both).
    """
    pair = next((names for names in PAIRS if "text" not in data and data.keys() >= set(names)), None)
    if pair is not None:
        try:
            sides = [
                mark_word(data[name], data.get(f"start{i}"), data.get(f"end{i}")) for i, name in enumerate(pair, 1)
            ]
            return join(*sides)
        except (TypeError, ValueError) as error:
            raise UserError(f"{where}: expected two sentences in {pair[0]} and {pair[1]}, found {error}.") from error
    text = data.get("text")
    if isinstance(text, list):
        try:
            return join_words(text)
        except ValueError as error:
            raise UserError(f"{where}: expected data.text to be a list of tokens, found {error}.") from error
    if isinstance(text, str) and not text.strip():
        raise UserError(f"{where}: expected a text, found {text!r}. Remove the example or fill it in.")
    if not isinstance(text, str):
        raise UserError(f"{where}: expected data.text to be a string or a list of tokens, found {type(text).__name__}.")
    return text


def _by_label(label: Any, weak: Any, n: int, where: str) -> tuple[list[int], list[list[Any]]]:
    """Of a text with any number of labels: the class of each label's row, and its votes. A vote is -1 or the numbers of the
    labels that a labeling function votes for, one or a list.
    """
    numbers = range(n)
    if label in (None, ABSTAIN):
        gold = [ABSTAIN] * n
    elif not isinstance(label, list) or any(isinstance(v, bool) or v not in numbers for v in label):
        raise UserError(f"{where}: label {label!r} is no list of numbers from 0 to {n - 1}, unlike that of others.")
    else:
        gold = [YES if i in label else NO for i in numbers]
    if weak is None:
        return gold, []
    if not isinstance(weak, list):
        raise UserError(f"{where}: weak_labels is {weak!r}, expected a list of votes.")
    votes: list[list[Any]] = [[ABSTAIN] * len(weak) for _ in numbers]
    for j, vote in enumerate(weak):
        for number in vote if isinstance(vote, list) else [vote]:
            if isinstance(number, bool) or not isinstance(number, int) or not ABSTAIN <= number < n:
                raise UserError(f"{where}: vote {j} is {vote!r}, expected -1 (abstain) or numbers from 0 to {n - 1}.")
            if number != ABSTAIN:
                votes[number][j] = YES
    return gold, votes


def _per_token(values: Any, count: int, name: str, where: str) -> list[Any]:
    if not isinstance(values, list) or len(values) != count:
        found = f"a list of {len(values)}" if isinstance(values, list) else repr(values)
        raise UserError(f"{where}: expected {name} to be a list of {count}, one a token; found {found}.")
    return values


def _class(label: Any, n_classes: int, where: str) -> int:
    label = ABSTAIN if label is None else label
    if isinstance(label, bool) or not isinstance(label, int) or not ABSTAIN <= label < n_classes:
        raise UserError(f"{where}: label {label!r} is not -1 or 0 to {n_classes - 1}.")
    return label


def _check_votes(weak: Any, width: int | None, n_classes: int, where: str) -> int:
    """Refuse votes that are none; return their number."""
    if not isinstance(weak, list):
        raise UserError(f"{where}: weak_labels is {weak!r}, expected a list of votes.")
    if width is not None and len(weak) != width:
        raise UserError(f"{where}: {len(weak)} votes in weak_labels, expected {width}, as in those before.")
    for j, vote in enumerate(weak):
        if isinstance(vote, bool) or not isinstance(vote, int) or not ABSTAIN <= vote < n_classes:
            raise UserError(f"{where}: vote {j} is {vote!r}, expected -1 (abstain) to {n_classes - 1}.")
    return len(weak)
