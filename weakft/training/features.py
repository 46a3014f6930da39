"""Frozen features of texts, token means of an encoder's layers and word n-grams, and the views the first teacher looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from weakft.tasks.relation import two_entities
from weakft.training.batching import TokenizedTexts
from weakft.training.discriminant import View
from weakft.training.loop import Progress
from weakft.training.model import EndModel

LEXICAL_DIMENSIONS = 200
LEXICAL_TERMS = 50_000


@torch.inference_mode()
def embed(
    model: EndModel,
    tokens: TokenizedTexts,
    rows: np.ndarray,
    progress: Progress | None = None,
    ranges: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 [len(rows), 2 s d] of the last and of the middle hidden layer, each of length 1: means over s
    ``ranges`` of tokens, or where rows are words what stands at these; and the classifier's logits [len(rows), k], from the
    same forward pass.

    ranges : [len(tokens), s, 2], first token and the one behind the last; None: the whole text.
    """
    was_training = model.module.training
    model.module.eval()
    if ranges is None:
        ranges = np.stack([np.zeros_like(tokens.lengths), tokens.lengths], axis=-1)[:, None]
    features = np.zeros((len(rows), 0), dtype=np.float32)
    logits = np.zeros((len(rows), len(model.label_names)), dtype=np.float32)

    def fill(batch: np.ndarray) -> None:
        nonlocal features
        inputs, place = model.collate(tokens, rows[batch])
        with model.accelerator.autocast():
            output = model.module(**inputs, output_hidden_states=True)
        states = output.hidden_states
        layers = (states[-1].float(), states[len(states) // 2].float())
        if place is None:
            first, behind = torch.from_numpy(ranges[rows[batch]]).to(model.device).split(1, dim=-1)
            positions = torch.arange(states[-1].shape[1], device=model.device)
            inside = ((positions >= first) & (positions < behind)).float()  # [b, s, tokens]
            found = [inside @ layer for layer in layers]  # a mean's length does not matter
        else:
            found = [layer[place][:, None] for layer in layers]
        vectors = torch.cat([F.normalize(v, dim=-1).flatten(1) for v in found], dim=-1).cpu().numpy()
        if not features.shape[1]:
            features = np.zeros((len(rows), vectors.shape[1]), dtype=np.float32)
        features[batch], logits[batch] = vectors, model.read(inputs, output.logits, place).float().cpu().numpy()
        if progress is not None:
            progress.advance(len(batch))

    model.in_batches(tokens, rows, fill)
    model.module.train(was_training)
    return features, logits


def token_ranges(model: EndModel, texts: list[str], spans: list[tuple[tuple[int, int], ...]]) -> np.ndarray:
    """Character ranges (s a text) as token ranges [n, s, 2]; one that holds no token is the whole text's."""
    encoded = model.tokenizer(texts, truncation=True, max_length=model.max_length, return_offsets_mapping=True)
    ranges = np.zeros((len(texts), len(spans[0]), 2), dtype=np.int64)
    for i, offsets in enumerate(encoded["offset_mapping"]):
        start, end = np.asarray(offsets).T
        for j, (first, behind) in enumerate(spans[i]):
            inside = np.flatnonzero((end > start) & (end > first) & (start < behind))
            ranges[i, j] = (inside[0], inside[-1] + 1) if len(inside) else (0, len(offsets))
    return ranges


def lexical(texts: list[str], others: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Word uni- and bigrams (TF-IDF) in a few dimensions (LSA), fitted on ``texts``: float32 [n, p] of both lists.

    For what an encoder was not trained on: another language, product names, codes. None where there are too few words, or
    the same in all ``texts``.
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
    reduced = reduction.fit_transform(counts).astype(np.float32)
    if reduced.std(0).mean() < 1e-6:  # of rows of length 1; rounding
        return None
    return reduced, reduction.transform(vectorizer.transform(others)).astype(np.float32)


@dataclass
class Part:
    """Some rows of tokenized texts, with these rows in words."""

    tokens: TokenizedTexts
    rows: np.ndarray
    texts: list[str]


INITIAL = "initial model"
"""The name of the view by the model that was fine-tuned on the weak labels, and how the names begin of all that is its."""


def text_views(
    model: EndModel, pristine: dict[str, Any], pool: Part, valid: Part, progress: Progress
) -> tuple[list[View], tuple[np.ndarray, np.ndarray]]:
    """Views of pool and validation texts by the model as it is, by its pre-trained weights ``pristine`` (which stay loaded),
    and by these beside the words; and the model's logits for both parts.
    """
    progress.start("first teacher: features", 2 * (len(pool.rows) + len(valid.rows)))
    tuned, logits = zip(
        *(embed(model, p.tokens, p.rows, progress, _anchored(model, p)) for p in (pool, valid)), strict=True
    )
    model.restore(pristine)
    frozen = _frozen(model, (pool, valid), progress)
    device = "cpu" if model.device.type == "mps" else model.device  # Apple's has no float64
    views = [View.of(INITIAL, *tuned, device=device), View.of("encoder", *frozen, device=device)]
    words = lexical(pool.texts, valid.texts)
    if words is not None:
        scale = frozen[0].std(0).mean() / words[0].std(0).mean()
        both = [np.hstack([f, scale * w]) for f, w in zip(frozen, words, strict=True)]
        views.append(View.of("encoder and words", *both, device=device))
    return views, (logits[0], logits[1])


def _anchored(model: EndModel, part: Part) -> np.ndarray | None:
    """The anchors' places as ranges [n, s, 2], where the class is read there."""
    if not model.anchors:
        return None
    places = part.tokens.places(model.anchors)
    return np.stack([places, places + 1], axis=-1)


def _frozen(model: EndModel, parts: tuple[Part, ...], progress: Progress) -> list[np.ndarray]:
    """The encoder's features of whole texts. Where two entities are marked in every text: of these and of what stands
    between them, because a mean over the text does not tell which two are meant.
    """
    marked = [[two_entities(text) for text in part.texts] for part in parts]
    if not all(found is not None for part in marked for found in part):
        return [embed(model, p.tokens, p.rows, progress)[0] for p in parts]
    features = []
    for part in marked:
        texts, spans = zip(*(found for found in part if found is not None), strict=True)
        ranges = token_ranges(model, list(texts), list(spans))
        tokens = TokenizedTexts(list(texts), model.tokenizer, model.max_length)
        features.append(embed(model, tokens, np.arange(len(texts)), progress, ranges)[0])
    return features
