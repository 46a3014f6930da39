"""Model folders that are not whole, or not to be trusted, are refused in a sentence."""

import shutil

import pytest
import torch

from weakft.errors import UserError
from weakft.training.backbone import load_classifier
from weakft.training.model import EndModel

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tiny_model, tmp_path):
    model = EndModel(str(tiny_model), ["no", "yes"], precision="fp32", device="cpu")
    model.save(tmp_path / "model")
    assert EndModel.load(tmp_path / "model").label_names == ["no", "yes"]
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[:5000], "incomplete metadata|not fully covered|header"),
        (lambda whole: b"garbage" * 100, "header too large"),
        (lambda whole: b"", "header too small"),
    ],
)
def test_weights_that_are_not_whole(folder, content, message):
    (folder / WEIGHTS).write_bytes(content((folder / WEIGHTS).read_bytes()))
    with pytest.raises(UserError, match=message):
        EndModel.load(folder)


@pytest.mark.parametrize(
    "content", ["[]", '{"id2label": null}', '{"id2label": ["a"]}', '{"id2label": {"0": "a"}, "weakft": "x"}']
)
def test_a_config_of_another_shape(folder, content):
    (folder / "config.json").write_text(content, "utf-8")
    with pytest.raises(UserError, match="expected the config of a classifier"):
        EndModel.load(folder)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="There is no model folder .*gone"):
        EndModel.load(tmp_path / "gone")


def test_a_model_without_its_head(folder, tiny_model):
    shutil.copy(tiny_model / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(UserError, match="weights are missing .*the first: classifier"):
        EndModel.load(folder)


def test_weights_that_could_carry_code_are_not_read(folder):
    state = load_classifier(str(folder), ["no", "yes"])[1].state_dict()
    (folder / WEIGHTS).unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="no file named model.safetensors"):
        EndModel.load(folder)


def test_a_tokenizer_that_is_missing_or_another_model_s(folder):
    larger = EndModel(str(folder), ["no", "yes"], precision="fp32", device="cpu").tokenizer
    larger.add_tokens(["q", "r", "s"])
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)  # transformers 4 writes it beside
    with pytest.raises(UserError, match="expected the tokenizer that the model was trained with|Cannot load"):
        EndModel.load(folder)
    larger.save_pretrained(folder)
    with pytest.raises(UserError, match="the tokenizer has .* tokens and the model rows for"):
        EndModel.load(folder)


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("{", "{]", "expected the config of a classifier"),
        ('"1": "yes"', '"1": "yes", "2": "perhaps"', "2 weights are missing .* or of another shape"),
        ('"hidden_size": 32', '"hidden_size": 64', "weights are missing .* or of another shape"),
        ('"hidden_size": 32', '"hidden_size": "x"', "Cannot load"),
        ('"names": []', '"names": 3', "weakft.names is 3; expected a list"),
        ('"names": []', '"names": ["a", 3]', "expected a list"),
        ('"1": "yes"', '"2": "yes"', "expected the config of a classifier with id2label"),
        (
            '"task": "classification"',
            '"task": "nonsense"',
            "weakft.task is 'nonsense'; expected one of tokens, multi-label, pair",
        ),
    ],
)
def test_a_config_that_is_not_ours(folder, was, becomes, message):
    config = folder / "config.json"
    text = config.read_text("utf-8")
    assert was in text
    config.write_text(text.replace(was, becomes), "utf-8")
    with pytest.raises(UserError, match=message):
        EndModel.load(folder)


def test_a_text_is_no_longer_than_roberta_has_positions_for(tmp_path):
    """Its first ones are taken: a text's begin behind that of the padding."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    words = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", "good", "film"])}
    rules = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    rules.pre_tokenizer = pre_tokenizers.Whitespace()
    rules.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    names = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>"}
    marks = {f"{name}_token": word for name, word in names.items()}
    PreTrainedTokenizerFast(tokenizer_object=rules, **marks).save_pretrained(tmp_path)
    torch.manual_seed(0)
    RobertaModel(
        RobertaConfig(
            vocab_size=len(words),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            max_position_embeddings=66,
            type_vocab_size=1,
        )
    ).save_pretrained(tmp_path)
    model = EndModel(str(tmp_path), ["neg", "pos"], device="cpu", precision="fp32")
    assert model.max_length == 64
    assert model.predict(model.tokenize(["good film " * 100])).shape == (1, 2)
