"""The committed tables are what the committed lines give."""

import pandas as pd

from benchmarks import front
from benchmarks.__main__ import ON_GPU, README, RESULTS, SETS, render, render_front
from benchmarks.ood import __main__ as ood
from weakft.benchmark import CELLS
from weakft.comparison.cells import key_of, read_lines
from weakft.comparison.methods import find


def test_the_readme_is_generated_from_the_lines():
    lines, on_gpu = (read_lines(folder / CELLS) for folder in (RESULTS, ON_GPU))
    for some in (lines, on_gpu):
        assert {line["data"] for line in some} == set(SETS)
        assert len({key_of(line) for line in some}) == len(some)
        for line in some:
            find(line["method"])
    text = README.read_text(encoding="utf-8")
    assert render(text, lines, on_gpu) == text
    first_page = front.README.read_text(encoding="utf-8")
    assert render_front(first_page, lines) == first_page
    assert ood.render(text, read_lines(ood.LINES)) == text


def test_questions_of_another_style_have_trecs_classes(real_data):
    import json

    styled = pd.read_csv(ood.STYLED)
    assert set(styled["label"]) == set(json.loads((real_data / "trec" / "label.json").read_text()).values())
    assert styled["text"].is_unique and len(styled) == 151
    trec = {row["data"]["text"] for row in json.loads((real_data / "trec" / "train.json").read_text()).values()}
    assert not trec & set(styled["text"])
