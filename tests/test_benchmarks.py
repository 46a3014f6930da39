"""The committed table is what the committed lines give."""

import pytest

from benchmarks import main_table


def test_the_table_is_generated_from_the_lines():
    lines = main_table.read_results()
    assert {line["method"] for line in lines} <= set(main_table.METHODS)
    keys = [(line["data"], line["method"], line["seed"]) for line in lines]
    assert len(keys) == len(set(keys))
    assert main_table.table(lines) == main_table.TABLE.read_text(encoding="utf-8")


def test_gap_closed_by_hand():
    import pandas as pd

    assert main_table.gap_closed(pd.Series({"weak": 0.6, "cosine": 0.75, "gold": 0.8})) == pytest.approx(0.75)
