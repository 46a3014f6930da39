"""Token embeddings of which only the words that are trained on learn: a step need not touch the others.

A vocabulary has tens or hundreds of thousands of rows, and a data set a few thousand of them. Those of other tokens have no
gradient and no momentum, so that AdamW leaves them where they are, and yet each step would set their gradients to zero,
clip them and update them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PartlyLearned(nn.Module):
    """Stands in for an embedding [v, d] of which the rows of some ``tokens`` [m] learn, as a parameter [m, d].

    Its outputs, gradients and state (one tensor `weight` [v, d]) are those of the embedding. What differs is weight decay:
    it does not reach the other rows.
    """

    def __init__(self, embedding: nn.Embedding, tokens: Tensor) -> None:
        super().__init__()
        self._whole = [embedding]  # in a list: no submodule, its rows are none of the parameters
        self.tokens = tokens
        whole = embedding.weight
        self.learned = nn.Parameter(whole.detach()[tokens], requires_grad=whole.requires_grad)
        self.place = torch.full((embedding.num_embeddings,), -1, dtype=torch.long, device=whole.device)
        self.place[tokens] = torch.arange(len(tokens), device=whole.device)
        pad = embedding.padding_idx
        self.pad = None if pad is None or self.place[pad] < 0 else int(self.place[pad])

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of tokens, of any of the vocabulary."""
        place = self.place[ids]
        learned = F.embedding(place.clamp_min(0), self.learned, self.pad)
        return torch.where((place < 0)[..., None], F.embedding(ids, self._whole[0].weight.detach()), learned)

    def settle(self) -> nn.Embedding:
        """The embedding, with what its rows have learned."""
        with torch.no_grad():
            self._whole[0].weight[self.tokens] = self.learned
        return self._whole[0]

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[prefix + "weight"] = self.settle().weight.detach()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        with torch.no_grad():
            self._whole[0].weight.copy_(state_dict[prefix + "weight"])
            self.learned.copy_(self._whole[0].weight[self.tokens])


@contextmanager
def learning(module: Any, tokens: np.ndarray) -> Iterator[None]:
    """A block in which of ``module``'s token embedding only the rows of these tokens learn. A model of transformers whose
    embedding is of a kind of its own, or serves as output as well, is left as it is.
    """
    embedding = module.get_input_embeddings()
    if not _plain(embedding) or _shared(module, embedding.weight):
        yield
        return
    partly = PartlyLearned(embedding, torch.from_numpy(tokens).to(embedding.weight.device))
    module.set_input_embeddings(partly)
    try:
        yield
    finally:
        module.set_input_embeddings(partly.settle())


def _plain(embedding: nn.Module) -> bool:
    settings = ("max_norm", "scale_grad_by_freq", "sparse")
    return type(embedding) is nn.Embedding and not any(getattr(embedding, name) for name in settings)


def _shared(module: nn.Module, weight: Tensor) -> bool:
    return sum(p is weight for _, p in module.named_parameters(remove_duplicate=False)) != 1
