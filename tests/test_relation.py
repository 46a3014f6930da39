"""Marked entities: found in every notation, and read at their tokens."""

import json

import numpy as np
import pytest

from weakft.tasks.relation import two_entities


@pytest.mark.parametrize(
    "text",
    [
        "the [GENE]p53 gene[\\GENE] binds [CHEMICAL]aspirin[\\CHEMICAL].",
        "the [GENE]p53 gene[/GENE] binds [CHEMICAL]aspirin[/CHEMICAL].",
        "the <GENE>p53 gene</GENE> binds <CHEMICAL>aspirin</CHEMICAL>.",
    ],
)
def test_entities_in_the_order_of_their_names(text):
    plain, (chemical, gene, between) = two_entities(text)
    assert plain == "the p53 gene binds aspirin."
    assert [plain[slice(*span)] for span in (chemical, gene, between)] == ["aspirin", "p53 gene", " binds "]


def test_entities_that_touch_stay_words_of_their_own():
    plain, (first, second, _) = two_entities("by [A]prostacyclin[\\A][B]prostacyclin receptor[\\B]")
    assert plain == "by prostacyclin prostacyclin receptor"
    assert (plain[slice(*first)], plain[slice(*second)]) == ("prostacyclin", "prostacyclin receptor")


@pytest.mark.parametrize("text", ["no marks", "[A]one[\\A] only", "[A]open [B]x[\\B]", "[A]1[\\A] [B]2[\\B] [C]3[\\C]"])
def test_anything_but_two_entities_is_a_text_like_others(text):
    assert two_entities(text) is None


def test_every_real_relation_is_found(real_data):
    rows = json.loads((real_data / "chemprot" / "test.json").read_text("utf-8")).values()
    for row in rows:
        plain, spans = two_entities(row["data"]["text"])
        assert "CHEMICAL]" not in plain and all(0 <= a <= b <= len(plain) for a, b in spans)


def test_token_ranges_and_the_means_over_them(tiny_model):
    import torch

    from weakft.training.features import embed, token_ranges
    from weakft.training.model import EndModel

    model = EndModel(str(tiny_model), ["a", "b"], max_length=8, precision="fp32")
    texts = ["a b c d", "a bb", "b " * 40]
    ranges = token_ranges(model, texts, [((0, 1), (2, 5)), ((2, 4), (1, 2)), ((78, 79), (0, 1))])
    words = [model.tokenizer.tokenize(text) for text in texts]
    assert ranges[0].tolist() == [[1, 2], [2, 4]]
    assert ranges[1].tolist() == [[2, 1 + len(words[1])], [0, 2 + len(words[1])]]  # a blank holds no token: everything
    assert ranges[2].tolist() == [[0, 8], [1, 2]]  # cut off
    features, _ = embed(model, model.tokenize(texts), np.arange(3), None, ranges)
    with torch.inference_mode():
        model.module.eval()
        inputs = model.tokenizer(texts[0], return_tensors="pt")
        last = model.module(**inputs, output_hidden_states=True).hidden_states[-1][0]
    expected = last[2:4].mean(0)
    width = last.shape[1]
    np.testing.assert_allclose(features[0, width : 2 * width], expected / expected.norm(), atol=1e-5)
