"""What labeling functions are worth: how many gold labels give a supervised model the same accuracy
(of slots: F1).

Reads the lines of a comparison (weakft's, and those of fine-tuning on N gold labels) with what each test text adds to
each run's figure; runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from weakft.comparison.cells import unpacked, unpacked_sources
from weakft.comparison.methods import COUNTED
from weakft.errors import UserError
from weakft.tasks.folds import by_source
from weakft.tasks.measure import HEADLINES, headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESAMPLES = 1000


@dataclass
class Worth:
    """The supervised curve, weakft's accuracy, and where they meet.

    counts [c] : numbers of labeled texts.   curve [c], curve_low, curve_high : mean accuracy of fine-tuning on so many, with
    its 95 % bootstrap interval.   accuracy, accuracy_low, accuracy_high : weakft's.   labels, low, high : how many labeled
    texts give that accuracy, with the interval; 0 stands for fewer than the smallest count, infinity for more than the
    largest.   gold_used : labeled texts that weakft read for choosing.   seeds, curve_seeds : of weakft's runs, and of those
    of the number N that has the fewest; the spread between seeds is not in the interval of what has one.   figure : which
    one counts, a key of `weakft.tasks.measure.HEADLINES`; it stands in for accuracy in all of the above.   alone, alone_low,
    alone_high : that of fine-tuning on the validation labels alone; None where it was not measured.   alone_differs : whether
    the 95 % interval of its difference to weakft's leaves 0 out.
    """

    counts: np.ndarray
    curve: np.ndarray
    curve_low: np.ndarray
    curve_high: np.ndarray
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    labels: float
    low: float
    high: float
    gold_used: int
    seeds: int
    curve_seeds: int
    figure: str
    alone: float | None = None
    alone_low: float | None = None
    alone_high: float | None = None
    alone_differs: bool = False


def crossing(counts: np.ndarray, accuracies: np.ndarray, level: float) -> float:
    """The number of gold labels at which a curve reaches ``level``.

    The curve through ``accuracies`` at ``counts`` (ascending) is made non-decreasing (isotonic regression) and linear in
    the logarithm of the count between them. 0 where the smallest count is above it, infinity where the largest is below.
    """
    rising = IsotonicRegression().fit_transform(np.arange(len(counts)), accuracies)
    if level < rising[0]:
        return 0.0
    if level > rising[-1]:
        return float("inf")
    after = int(np.argmax(rising >= level))
    if level == rising[after]:
        return float(counts[after])
    share = (level - rising[after - 1]) / (rising[after] - rising[after - 1])
    logs = np.log(counts.astype(float))
    return float(np.exp(logs[after - 1] + share * (logs[after] - logs[after - 1])))


def worth(lines: list[dict[str, Any]], data: str, method: str = "cosine", kind: str = "gold") -> Worth:
    """Compare ``method`` with ``kind``-N on a data set.

    The interval is a bootstrap over test texts (the same draw for all runs, so that hard texts weigh alike; rows of one text
    are drawn together) and over the seeds of each method. Runs of `valid`, where there are any, are measured beside them.

    Raises
    ------
    UserError : a line is missing that this needs.
    """
    ours: list[np.ndarray] = []
    alone: list[np.ndarray] = []
    supervised: dict[int, list[np.ndarray]] = {}
    used, figure = 0, "accuracy"
    mine = [line for line in lines if line["data"] == data]
    sources = next((some for line in mine if (some := unpacked_sources(line)) is not None), None)
    for line in mine:
        if (parts := unpacked(line)) is None:
            continue
        parts = parts if sources is None else by_source(parts, sources)
        counted = COUNTED.fullmatch(line["method"])
        if line["method"] == method:
            ours.append(parts)
            used, figure = line.get("gold_texts_used", line["gold_labels_used"]), headline(line["test"])
        elif line["method"] == "valid":
            alone.append(parts)
        elif counted and counted[1] == kind:
            supervised.setdefault(int(counted[2]), []).append(parts)
    if not ours or len(supervised) < 2:
        raise UserError(
            f"{data}: the worth of labeling functions takes runs of {method} and of {kind}-N for two numbers N or more; "
            f"there are {len(ours)} and {len(supervised)}."
        )
    if kind == "valid" and not alone:
        alone = supervised.get(used, [])  # all of them: the same runs
    counts = np.array(sorted(supervised))
    several = (ours, *(supervised[n] for n in counts), *([alone] if alone else []))
    runs = [np.stack(some).astype(np.float32) for some in several]
    rng = np.random.default_rng(0)
    drawn = np.array([_resample(runs, rng) for _ in range(RESAMPLES)])
    means = np.array([_figures(run, np.ones(run.shape[1], np.float32)).mean() for run in runs])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    curve = slice(1, 1 + len(counts))
    found = [crossing(counts, row[curve], row[0]) for row in drawn]
    of_valid: dict[str, Any] = {}
    if alone:
        least, most = np.percentile(drawn[:, -1] - drawn[:, 0], [2.5, 97.5])
        of_valid = {"alone": float(means[-1]), "alone_low": float(low[-1]), "alone_high": float(high[-1])}
        of_valid["alone_differs"] = bool(least > 0 or most < 0)
    return Worth(
        counts=counts,
        curve=means[curve],
        curve_low=low[curve],
        curve_high=high[curve],
        accuracy=float(means[0]),
        accuracy_low=float(low[0]),
        accuracy_high=float(high[0]),
        labels=crossing(counts, means[curve], float(means[0])),
        low=float(np.quantile(found, 0.025, method="lower")),
        high=float(np.quantile(found, 0.975, method="higher")),
        gold_used=used,
        seeds=len(ours),
        curve_seeds=min(map(len, supervised.values())),
        figure=figure,
        **of_valid,
    )


def _resample(runs: list[np.ndarray], rng: np.random.Generator) -> list[float]:
    """Mean figures over resampled texts and seeds; a run is [seeds, n, 2].

    The mean of s values drawn from s has (s - 1) / s of the variance that it should have (Efron and Tibshirani 1993, 5.3),
    which of few seeds is much too little: what the draw of seeds moves is made so much larger.
    """
    n = runs[0].shape[1]
    weights = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float32)
    drawn = []
    for run in runs:
        figures, seeds = _figures(run, weights), len(run)
        moved = figures[rng.integers(0, seeds, seeds)].mean() - figures.mean()
        drawn.append(float(np.clip(figures.mean() + moved * np.sqrt(seeds / max(1, seeds - 1)), 0.0, 1.0)))
    return drawn


def _figures(run: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The figure of each seed [seeds], of texts that count ``weights`` [n] times."""
    numerator, denominator = np.einsum("snp,n->ps", run, weights)
    return numerator / np.maximum(denominator, 1.0)


def sentence(found: Worth, rules: int) -> str:
    """The answer in words."""
    smallest, largest = int(found.counts[0]), int(found.counts[-1])
    one = rules == 1
    what = "Your labeling function" if one else f"Your {rules} labeling functions"
    if found.gold_used:
        what += f", with {found.gold_used} validation labels to choose by,"
    what += " is worth" if one else " are worth"
    if found.labels == 0:
        said = f"{what} fewer than {smallest} labeled examples"
    elif np.isinf(found.labels):
        said = f"{what} more than {largest} labeled examples, the most that were tried"
        if (found.curve >= found.accuracy).any():
            best = int(found.curve.argmax())
            said += f", though {found.counts[best]} had {found.curve[best]:.3f} and more of them less"
    else:
        said = f"{what} about {_rounded(found.labels)} labeled examples"
    low, high = (named(end, smallest, largest) for end in (found.low, found.high))
    without = ", without the spread between seeds" if 1 in (found.seeds, found.curve_seeds) else ""
    said += f" (95 % interval {low}{'' if low == high else f' to {high}'}{without})."
    return f"{said} {_alone(found)}".rstrip()


def _alone(found: Worth) -> str:
    """What fine-tuning on the validation labels alone was measured at; empty where it was not."""
    if found.alone is None:
        return ""
    labels, theirs, ours = f"{found.gold_used} validation labels", f"{found.alone:.3f}", f"{found.accuracy:.3f}"
    said = f"Fine-tuning on your {labels} alone reaches a test {HEADLINES[found.figure]} of {theirs}"
    if not found.alone_differs:
        return f"{said}, which cannot be told apart from weakft with the rules ({ours})."
    if found.alone < found.accuracy:
        return f"{said}, less than weakft with the rules ({ours})."
    return f"{said}, more than weakft with the rules ({ours}): use both, weakft train --use-valid."


def named(n: float, smallest: int, largest: int) -> str:
    """A number of labels in words: two significant digits, or that it lies outside what was tried."""
    if n == 0:
        return f"below {smallest}"
    return f"above {largest}" if np.isinf(n) else _rounded(n)


def _rounded(n: float) -> str:
    """Two significant digits: more would pretend."""
    digits = max(0, int(np.floor(np.log10(max(n, 1)))) - 1)
    return str(round(n / 10**digits) * 10**digits)


def picture(found: Worth, title: str) -> Figure:
    """The supervised curve, weakft's accuracy as a line, and where they meet."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    panel = figure.subplots()
    panel.fill_between(found.counts, found.curve_low, found.curve_high, color="#cbd5e1", alpha=0.6, lw=0)
    panel.plot(found.counts, found.curve, "o-", color="#334155", label="fine-tuning on N gold labels")
    panel.axhspan(found.accuracy_low, found.accuracy_high, color="#fed7aa", alpha=0.5, lw=0)
    panel.axhline(found.accuracy, color="#c2410c", label="weakft")
    if 0 < found.labels < np.inf:
        panel.plot([found.labels] * 2, [panel.get_ylim()[0], found.accuracy], ":", color="#c2410c")
        panel.annotate(
            f"{_rounded(found.labels)} labels",
            (found.labels, panel.get_ylim()[0]),
            xytext=(6, 8),
            textcoords="offset points",
        )
    if found.gold_used:
        panel.axvline(found.gold_used, color="#94a3b8", ls="--", lw=1, label="size of the validation split")
    if found.alone is not None:
        panel.plot([found.gold_used], [found.alone], "D", color="#0f766e", label="the validation labels alone")
    panel.set_xscale("log")
    panel.set_xticks(found.counts, [str(n) for n in found.counts])
    panel.minorticks_off()
    panel.set_xlabel("gold labels")
    panel.set_ylabel(f"test {HEADLINES[found.figure]}")
    panel.set_title(title, fontsize=11, loc="left", parse_math=False)
    panel.grid(color="#e2e8f0")
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=9)
    return figure
