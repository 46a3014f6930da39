"""What the terminal shows: no number is cut, and nothing of the user's is taken for markup."""

from __future__ import annotations

import io

import pandas as pd
import pytest
import yaml
from rich.console import Console

from weakft.cli import run
from weakft.display import TerminalProgress, show_run, show_summary
from weakft.job import Run
from weakft.label import main as label_main
from weakft.report import outcome
from weakft.report.folder import FinishedRun, Metrics
from weakft.runs import CONFIG


def console(width=80):
    return Console(file=io.StringIO(), width=width, emoji=False)


def summary(checked, errors):
    row = {"name": "mentions_of_refunds_or_returns", "polarity": "negative, positive"}
    row |= {"coverage": 0.48, "overlaps": 0.31, "conflicts": 1.0, "errors": errors}
    if checked:
        row |= {"votes_checked": 1900, "accuracy": 1.0, "ci_low": 0.36, "ci_high": 0.79}
    return pd.DataFrame([row, row | {"name": "k", "polarity": ""}])


@pytest.mark.parametrize("width", [40, 80, 88, 100, 200])
@pytest.mark.parametrize("errors", [0, 12345])
@pytest.mark.parametrize("checked", [False, True])
def test_no_number_of_the_summary_is_cut(checked, errors, width):
    out = console(width)
    show_summary(out, summary(checked, errors), 2000)
    lines = out.file.getvalue().splitlines()
    numbers = ["0.48", "0.31", "1.00"] + (["1.00 of 1900", "0.36–0.79"] if checked else [])
    numbers += [str(errors)] if errors else []
    headings = ["coverage", "overlaps", "conflicts"] + (["accuracy", "95 % CI"] if checked else [])
    headings += ["errors"] if errors else []
    assert all(heading in lines[1] for heading in headings)
    rows = [line for line in lines if "0.48" in line]
    assert len(rows) == 2 and all(f"{number} " in f"{row} " for row in rows for number in numbers)
    if width == 80 and not errors:
        assert max(map(len, lines)) <= 80  # it fits


def test_no_count_of_a_progress_bar_is_cut():
    out = console()
    with TerminalProgress(out) as bars:
        bars.start("first teacher: candidates", 16680)
        bars.advance(16680, "bounded, validation split's class balance")
        bars.start("labeling functions", 16680)
        bars.advance(16680)
    said = out.file.getvalue()
    assert said.count("16680/16680") == 2 and said.count("0:00:0") == 2


def test_a_note_is_said_once():
    out = console()
    with TerminalProgress(out) as bars:
        for note in ("the encoder reads 512 tokens", "no test split", "the encoder reads 512 tokens"):
            bars.say(note)
    said = out.file.getvalue()
    assert said.count("512 tokens") == 1 and said.count("no test split") == 1


def test_what_the_user_names_is_not_read_as_markup(review_folder, capsys):
    place = review_folder.parent
    args = ["--data", str(review_folder), "--lfs", str(place / "rules.py"), "--output", str(place / "v[" / "x]")]
    assert run(label_main, args) == 0
    said = capsys.readouterr()
    assert "v[/x]" in said.out.replace("\n", "") and not said.err
    out = console()
    with TerminalProgress(out) as bars:
        bars.start("runs", 1)
        bars.advance(1, "a[/b], weak")
    assert "a[/b], weak" in out.file.getvalue()


def test_a_link_as_output_of_label_stays(review_folder):
    place = review_folder.parent
    (place / "votes").symlink_to(place / "target")
    args = ["--data", str(review_folder), "--lfs", str(place / "rules.py"), "--output", str(place / "votes")]
    for _ in range(2):
        assert run(label_main, args) == 0
        assert (place / "votes").is_symlink() and (place / "target" / "label_matrix.parquet").is_file()


@pytest.mark.parametrize(
    ("method", "n", "said"),
    [
        ("gold", 3, "fine-tuning on 3 gold labels"),
        ("gold", None, "fully supervised (ceiling)"),
        ("valid", 1, "fine-tuning on 1 validation label"),
        ("valid", None, "fine-tuning on the validation labels"),
    ],
)
def test_a_run_on_a_few_gold_labels_is_called_that(tmp_path, method, n, said):
    figures = {"accuracy": 0.5, "macro_f1": 0.5, "n": 8}
    table = {method: figures, "gold": figures}
    used = {"train": n or 9, "valid": 0}
    metrics = {"method": method, "seed": 0, "data": "d", "model": "m", "labels": ["a", "b"], "rows": {"test": 8}}
    metrics |= {"table": table, "timing": {}, "gold_labels_used": n or 9, "gold_labels_used_by_split": used}
    metrics |= {"trained_on_valid": False, "calibrated": False, "gold_labels_in_lf_summary": 0}
    (tmp_path / CONFIG).write_text(yaml.safe_dump({"gold_labels": n}))
    out = console(100)
    show_run(out, Run(tmp_path, metrics, None, table))
    shown = {line.strip("│").split("│")[0].strip() for line in out.file.getvalue().splitlines() if "│" in line}
    expected = {said} | ({"fully supervised (ceiling)"} if method == "valid" else set())
    assert shown == expected
    finished = FinishedRun(Metrics.model_validate(metrics), {"gold_labels": n}, pd.DataFrame(), None, None)
    assert {row["name"] for row in outcome.reached(finished)["rows"]} == expected
    assert dict(outcome.head(finished)["facts"])["method"] == said
