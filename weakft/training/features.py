"""Frozen features of texts, token means of an encoder's layers and word n-grams, and the views the first teacher looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from weakft.training.batching import TokenizedTexts, length_sorted_batches
from weakft.training.discriminant import View
from weakft.training.loop import Progress
from weakft.training.model import EndModel

LEXICAL_DIMENSIONS = 200
LEXICAL_TERMS = 50_000


@torch.inference_mode()
def embed(
    model: EndModel, tokens: TokenizedTexts, rows: np.ndarray, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 [len(rows), 2d], the token means of the last and of the middle hidden layer, each of length 1;
    and the classifier's logits [len(rows), k], from the same forward pass.
    """
    was_training = model.module.training
    model.module.eval()
    features = np.zeros((len(rows), 0), dtype=np.float32)
    logits = np.zeros((len(rows), len(model.label_names)), dtype=np.float32)
    for batch in length_sorted_batches(tokens.lengths[rows], model.inference_tokens):
        inputs = tokens.collate(rows[batch], model.device)
        with model.accelerator.autocast():
            output = model.module(**inputs, output_hidden_states=True)
        states = output.hidden_states
        mask = inputs["attention_mask"].unsqueeze(-1).float()
        means = [(s.float() * mask).sum(1) / mask.sum(1) for s in (states[-1], states[len(states) // 2])]
        vectors = torch.cat([F.normalize(m, dim=-1) for m in means], dim=-1).cpu().numpy()
        if not features.shape[1]:
            features = np.zeros((len(rows), vectors.shape[1]), dtype=np.float32)
        features[batch], logits[batch] = vectors, output.logits.float().cpu().numpy()
        if progress is not None:
            progress.advance(len(batch))
    model.module.train(was_training)
    return features, logits


def lexical(texts: list[str], others: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Word uni- and bigrams (TF-IDF) in a few dimensions (LSA), fitted on ``texts``: float32 [n, p] of both lists.

    For what an encoder was not trained on: another language, product names, codes. None where there are too few words.
    """
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=LEXICAL_TERMS)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return None
    dimensions = min(LEXICAL_DIMENSIONS, min(counts.shape) - 1)
    if dimensions < 2:
        return None
    reduction = TruncatedSVD(dimensions, random_state=0)
    return (
        reduction.fit_transform(counts).astype(np.float32),
        reduction.transform(vectorizer.transform(others)).astype(np.float32),
    )


@dataclass
class Part:
    """Some rows of tokenized texts, with the texts of these rows."""

    tokens: TokenizedTexts
    rows: np.ndarray
    texts: list[str]


def text_views(
    model: EndModel, pristine: dict[str, Any], pool: Part, valid: Part, progress: Progress
) -> tuple[list[View], tuple[np.ndarray, np.ndarray]]:
    """Views of pool and validation texts by the model as it is, by its pre-trained weights ``pristine`` (which stay
    loaded), and by these beside the words; and the model's logits for both parts.
    """
    progress.start("first teacher: features", 2 * (len(pool.rows) + len(valid.rows)))
    tuned, logits = zip(*(embed(model, p.tokens, p.rows, progress) for p in (pool, valid)), strict=True)
    model.restore(pristine)
    frozen = [embed(model, p.tokens, p.rows, progress)[0] for p in (pool, valid)]
    views = [View.of("initial model", *tuned), View.of("encoder", *frozen)]
    words = lexical(pool.texts, valid.texts)
    if words is not None:
        scale = frozen[0].std(0).mean() / words[0].std(0).mean()
        both = [np.hstack([f, scale * w]) for f, w in zip(frozen, words, strict=True)]
        views.append(View.of("encoder and words", *both))
    return views, (logits[0], logits[1])
