"""The committed tables are what the committed lines give."""

from benchmarks.__main__ import README, RESULTS, SETS, render
from weakft.benchmark import CELLS
from weakft.comparison.cells import key_of, read_lines
from weakft.comparison.methods import find


def test_the_readme_is_generated_from_the_lines():
    lines = read_lines(RESULTS / CELLS)
    assert {line["data"] for line in lines} == set(SETS)
    assert len({key_of(line) for line in lines}) == len(lines)
    for line in lines:
        find(line["method"])
    text = README.read_text(encoding="utf-8")
    assert render(text, lines) == text
