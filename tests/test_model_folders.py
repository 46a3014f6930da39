"""Model folders that are not whole, or not to be trusted, are refused in a sentence."""

import json
import shutil

import numpy as np
import pytest
import torch

from weakft.data.pairs import SEPARATOR
from weakft.errors import UserError
from weakft.tasks.pair import Pair
from weakft.tasks.relation import Relation
from weakft.tasks.tokens import Tokens
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


def backbone(tiny_model, folder, name, **settings):
    """A model of another kind with random weights and the tiny one's tokenizer."""
    import transformers

    shutil.copytree(tiny_model, folder)
    (folder / WEIGHTS).unlink()
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=30, pad_token_id=0, **settings)
    getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
    return str(folder)


def test_what_is_no_encoder_is_refused_when_it_is_loaded(tiny_model, tmp_path):
    def refused(message, *given, task=None):
        with pytest.raises(UserError, match=message):
            EndModel(*given, ["no", "yes"], device="cpu", task=task)

    small = {"d_model": 16, "n_head": 2}
    bart = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("layers", 1), ("ffn_dim", 16))}
    bart |= {"d_model": 16, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_start_token_id": 3}
    refused("BartForSeq.* hidden states", backbone(tiny_model, tmp_path / "bart", "Bart", eos_token_id=3, **bart))
    refused(
        "a longer one is beside it", backbone(tiny_model, tmp_path / "xlnet", "XLNet", n_layer=2, d_inner=16, **small)
    )
    funnel = backbone(
        tiny_model, tmp_path / "f", "Funnel", block_sizes=[1, 1], d_head=8, d_inner=16, num_decoder_layers=1, **small
    )
    refused("keeps no hidden state a token", funnel)
    model = EndModel(str(tiny_model), ["no", "yes"], device="cpu")
    model.tokenizer.pad_token = None
    model.save(tmp_path / "unpadded")
    refused("without a padding token", str(tmp_path / "unpadded"))
    words = (tiny_model / "vocab.txt").read_text("utf-8").split()
    from transformers import BertJapaneseTokenizer

    slow = shutil.copytree(tiny_model, tmp_path / "slow", ignore=shutil.ignore_patterns("tokenizer*"))
    (slow / "vocab.txt").write_text("\n".join(words), "utf-8")
    BertJapaneseTokenizer(
        str(slow / "vocab.txt"), word_tokenizer_type="basic", subword_tokenizer_type="wordpiece"
    ).save_pretrained(slow)
    for task in (Tokens(), Pair(), Relation(["A"])):
        refused(f"written in Python .* --task {task.name} needs", str(slow), task=task)
    assert EndModel(str(slow), ["no", "yes"], device="cpu").predict


def test_a_model_that_has_a_head_gets_a_fresh_one(folder):
    """The trained one's classes may be others, or the same in another order; what was pre-trained stays."""
    trained = EndModel.load(folder)
    fresh = [EndModel(str(folder), ["yes", "no"], device="cpu", seed=seed) for seed in (0, 0, 1)]
    weights = [model.tap.head.weight for model in (trained, *fresh)]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[3])
    assert torch.equal(weights[1], weights[2])
    for ours, theirs in zip(
        fresh[0].module.base_model.parameters(), trained.module.base_model.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs.cpu())


def test_a_folder_that_weakft_did_not_write_is_read_as_its_config_says(folder):
    config = folder / "config.json"
    told = json.loads(config.read_text("utf-8"))
    del told["weakft"]
    config.write_text(json.dumps(told | {"problem_type": "multi_label_classification"}), "utf-8")
    model = EndModel.load(folder)
    p = model.predict(model.tokenize(["good film"]))
    assert not model.task.exclusive and p.shape == (2, 2)  # of each label: no and yes
    logits = model.module(**model.tokenizer("good film", return_tensors="pt").to(model.device)).logits[0]
    assert p[:, 1] == pytest.approx(torch.sigmoid(logits).detach().cpu().numpy(), abs=0.01)
    config.write_text(json.dumps(told | {"problem_type": "regression"}), "utf-8")
    with pytest.raises(UserError, match="a regression"):
        EndModel.load(folder)


def test_predicting_draws_nothing(folder):
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.RandomState(3).random()
    model = EndModel.load(folder)
    model.predict(model.tokenize(["good film"]))
    assert np.random.random() == expected and torch.initial_seed() == 3


def test_a_model_that_knows_no_sides_is_not_told_any(tiny_model, tmp_path):
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    name = backbone(tiny_model, tmp_path / "roberta", "Roberta", type_vocab_size=1, max_position_embeddings=66, **sizes)
    model = EndModel(name, ["no", "yes"], device="cpu", task=Pair())
    assert model.predict(model.tokenize([f"good film{SEPARATOR}bad film"])).shape == (1, 2)
    model.save(tmp_path / "saved")
    assert EndModel.load(tmp_path / "saved").predict
