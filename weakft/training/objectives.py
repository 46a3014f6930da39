"""COSINE's loss terms as pure functions of tensors (Yu et al. 2021, arXiv 2010.07835, section 3).

Every term is a mean, so that neither the batch size nor the number of selected rows scales a step. Shapes: `logits`
[b, k], `targets` [b, k] rows on the simplex, `weights` [b], `features` [b, d]. Knows nothing of models or data.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Distance = Literal["euclidean", "cosine"]


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy to soft labels, eq. (2) with soft targets: mean over rows of -sum_j y_j log f_j(x)."""
    return -(targets * F.log_softmax(logits, dim=-1)).sum(-1).mean()


def classification_loss(logits: Tensor, pseudo_labels: Tensor, confidence: Tensor) -> Tensor:
    """L_c, eq. (6) and (7): mean over the selected rows of w(x) KL(y~(x) || f(x))."""
    log_f = F.log_softmax(logits, dim=-1)
    divergence = (torch.xlogy(pseudo_labels, pseudo_labels) - pseudo_labels * log_f).sum(-1)
    return (confidence * divergence).mean()


def contrastive_loss(
    features: Tensor,
    classes: Tensor,
    margin: float = 1.0,
    distance: Distance = "euclidean",
    labels: Tensor | None = None,
) -> Tensor:
    """R_1, eq. (8) and (9): mean over all pairs i < j of W d^2 + (1 - W) max(0, margin - d)^2.

    W is 1 where ``classes`` [b] (the pseudo-labels' argmax) agree, else 0. ``euclidean`` is
    d^2 = ||v_i - v_j||^2 / dim, ``cosine`` is d = 1 - cos(v_i, v_j). No pair gives 0 (still differentiable).
    labels : [b], which one of several labels a row asks for (class 1: the text has it). Pairs are then rows of one label, of
    which at least one has it: texts that both lack a label need not be alike.
    """
    same = classes[:, None] == classes
    pairs = torch.ones_like(same).triu(1)
    if labels is not None:
        has = classes == 1
        pairs &= (labels[:, None] == labels) & (has[:, None] | has)
    v = features.float()
    if distance == "cosine":
        unit = F.normalize(v, dim=-1)
        d = 1.0 - unit @ unit.T
        squared = d**2
    else:
        v = v - v.detach().mean(0)  # no distance changes, and products of features that lie close round less
        lengths = v.pow(2).sum(-1)
        squared = (lengths[:, None] + lengths - 2.0 * v @ v.T).clamp_min(0.0) / v.shape[-1]
        d = (squared + 1e-12).sqrt()  # the root's gradient is infinite at zero
    terms = torch.where(same, squared, (margin - d).clamp_min(0.0).pow(2))
    return (terms * pairs).sum() / pairs.sum().clamp_min(1)


def confidence_regularization(logits: Tensor) -> Tensor:
    """R_2, eq. (10): mean over rows of KL(uniform || f(x)); it keeps the student from growing over-confident."""
    log_f = F.log_softmax(logits, dim=-1)
    k = logits.shape[-1]
    return (-log_f.mean(-1) - math.log(k)).mean()
