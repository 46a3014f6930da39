"""Token embeddings of which only the words trained on learn: the same results as with all of them."""

import numpy as np
import pytest
import torch
from conftest import reviews
from transformers import BertConfig, BertForMaskedLM

from weakft.training.model import EndModel
from weakft.training.vocabulary import PartlyLearned, learning

TEXTS = reviews(40, 0)[0]
UNSEEN = ["hate love x y z", "z [MASK] y"]


@pytest.fixture
def trained(tiny_model):
    """Train some steps on the texts; the end model. ``tokens``: those that learn, None: the whole embedding."""

    def run(part: bool, rate: float = 1e-3) -> EndModel:
        model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
        model.module.eval()  # no dropout, so that both see the same
        tokens = model.tokenize([text for text in TEXTS if "hate" not in text and "love" not in text])

        def steps() -> None:
            optimizer = torch.optim.AdamW(model.module.parameters(), lr=rate, weight_decay=1e-4)
            for step in range(12):
                logits, _ = model.forward(tokens, np.arange(step, step + 8))
                torch.nn.functional.cross_entropy(logits, torch.arange(8) % 2).backward()
                torch.nn.utils.clip_grad_norm_(model.module.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()

        if not part:
            steps()
            return model
        with learning(model.module, tokens.vocabulary):
            assert isinstance(model.module.get_input_embeddings(), PartlyLearned)
            steps()
            inside = model.predict(model.tokenize(UNSEEN)), model.snapshot()
        np.testing.assert_array_equal(model.predict(model.tokenize(UNSEEN)), inside[0])
        for name, value in model.module.state_dict().items():
            assert torch.equal(value, inside[1][name]), name
        return model

    return run


def test_what_is_learned_is_the_same(trained):
    whole, part = trained(False).module.state_dict(), trained(True).module.state_dict()
    assert whole.keys() == part.keys()
    for name, value in whole.items():
        torch.testing.assert_close(part[name], value, rtol=1e-4, atol=2e-6)
    words = "bert.embeddings.word_embeddings.weight"
    assert (whole[words] - trained(True, rate=0.0).module.state_dict()[words]).abs().max() > 1e-3  # something was


def test_a_snapshot_is_of_the_whole_embedding_and_comes_back(tiny_model, tmp_path):
    model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
    tokens = model.tokenize(TEXTS)
    before = model.snapshot()
    with learning(model.module, tokens.vocabulary):
        embedding = model.module.get_input_embeddings()
        with torch.no_grad():
            embedding.learned += 1.0
        changed = model.snapshot()
        model.save(tmp_path)
        model.restore(before)
        assert torch.equal(embedding.learned, before["bert.embeddings.word_embeddings.weight"][embedding.tokens])
    for name, value in model.snapshot().items():
        assert torch.equal(value, before[name])
    for name, value in EndModel.load(tmp_path).snapshot().items():
        assert torch.equal(value, changed[name])


def test_what_is_frozen_stays_frozen(tiny_model):
    model = EndModel(str(tiny_model), ["neg", "pos"], precision="fp32", device="cpu")
    with model.frozen_encoder(), learning(model.module, model.tokenize(TEXTS).vocabulary):
        assert not model.module.get_input_embeddings().learned.requires_grad
    assert model.module.get_input_embeddings().weight.requires_grad


def test_an_embedding_that_is_the_output_too_is_left_alone():
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    tied = BertForMaskedLM(BertConfig(vocab_size=30, **size))
    before = tied.get_input_embeddings()
    with learning(tied, np.arange(5)):
        assert tied.get_input_embeddings() is before
