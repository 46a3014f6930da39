"""The committed tables of the label models' speed are what the committed runs give."""

import json

import numpy as np
import pytest

from benchmarks.speed import fit_once, label_models


def test_the_page_is_generated_from_the_runs():
    runs = json.loads(label_models.RUNS.read_text(encoding="utf-8"))
    assert {label_models.key_of(run) for run in runs} <= set(label_models.plan(1))
    page = label_models.PAGE.read_text(encoding="utf-8")
    assert label_models.render(page, runs) == page


def test_figures_are_medians_a_case():
    run = dict(zip(label_models.KEY, ("snorkel", "trec", 10, 68, 6), strict=True))
    found = label_models.medians([run | {"fit_s": s} for s in (3.0, 1.0, 2.0)])
    assert found == {("snorkel", "trec", 10, 68, 6): {"fit_s": 2.0, "runs": 3}}


@pytest.mark.parametrize("kind", ["rules", "random"])
def test_made_votes_are_votes(kind):
    L = fit_once.make_votes(kind, 500, 9, 4)
    assert L.shape == (500, 9) and L.dtype == np.int8 and L.min() == -1 and L.max() == 3


@pytest.mark.parametrize("model", ["snorkel", "majority"])
def test_a_run_has_its_figures(model):
    figures = fit_once.main(model, "random", 300, 5, 3)
    assert (
        figures["distinct"] == len(np.unique(fit_once.make_votes("random", 300, 5, 3), axis=0))
        or figures["distinct"] == 300
    )
    assert figures["peak_mb"] > 0 and figures["fit_s"] >= 0
