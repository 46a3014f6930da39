"""The pages: a finished run folder, or the worth of labeling functions, to one HTML file that needs nothing else.

Reads plain data and knows how a number is written; what is shown is decided in the panels' modules. Everything in a page
but matplotlib's drawing is escaped, and the page allows no script.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from weakft import runs
from weakft.errors import UserError
from weakft.report import course, outcome, rows
from weakft.report.folder import read
from weakft.tasks.measure import HEADLINES

if TYPE_CHECKING:
    from markupsafe import Markup


def write(folder: Path, final: Path | None = None) -> Path:
    """Draw the page of the run in ``folder`` into it and return its path.

    final : where the run will lie, where that is another place: what the page calls it.

    Raises
    ------
    UserError : no finished run, or a broken file of it (see `weakft.report.folder.read`).
    """
    run = read(folder)
    page = render(
        "run.html.j2",
        head=outcome.head(run),
        reached=outcome.reached(run),
        labels=rows.label_panel(run),
        confusions=rows.confusion_panel(run),
        label_models=course.label_models(run),
        rules=rows.rules(run),
        training=course.training(run),
        texts=rows.texts(run),
        foot=outcome.foot(run, final or folder),
    )
    target = folder / runs.REPORT
    try:
        runs.write_text(target, page)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}.") from error
    return target


def attempt(folder: Path, final: Path, say: Callable[[str], None]) -> None:
    """Draw the page at the end of training: whatever goes wrong is said, and hours of training are not lost to it."""
    try:
        write(folder, final)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        say(f"No report ({reason}). The run itself is whole; to try again: {outcome.command(final)}")


def worth_page(figures: dict[str, Any], picture: Markup | None) -> str:
    """The page of `weakft worth`.

    figures : the content of worth.json.   picture : the curve as an <svg> element, or None.
    """
    lines = [
        {"name": f"{n:,} gold labels", "ours": False, "accuracy": mean, "interval": (low, high)}
        for n, mean, low, high in zip(
            *(figures[key] for key in ("counts", "curve", "curve_low", "curve_high")), strict=True
        )
    ]
    interval = (figures["accuracy_low"], figures["accuracy_high"])
    ours = {"name": "the rules (weakft)", "ours": True, "accuracy": figures["accuracy"], "interval": interval}
    lines.insert(sum(mean < figures["accuracy"] for mean in figures["curve"]), ours)
    if figures["alone"] is not None:
        interval = (figures["alone_low"], figures["alone_high"])
        name = f"{figures['gold_used']:,} validation labels alone"
        lines.append({"name": name, "ours": False, "accuracy": figures["alone"], "interval": interval})
    shown = {key: figures[key] for key in ("data", "sentence", "seeds", "curve_seeds", "gold_used")}
    shown["measured"] = HEADLINES[figures["figure"]]
    return render("worth.html.j2", rows=lines, picture=picture, **shown)


def render(template: str, **panels: Any) -> str:
    """Fill a template of this folder; a name that it does not know is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "figure": figure,
        "share": share,
        "interval": interval,
        "count": count,
        "clock": clock,
    }
    return environment.get_template(template).render(**panels)


def figure(value: float | None, digits: int = 3) -> str:
    """0.843; a dash for what is not there."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Two digits are as much as a share of a few votes bears."""
    return figure(value, 2)


def interval(ends: tuple[float, float], digits: int = 3) -> str:
    """0.798–0.880."""
    return "–" if math.isnan(ends[0]) else f"{ends[0]:.{digits}f}–{ends[1]:.{digits}f}"


def count(n: int) -> str:
    """1,069."""
    return f"{n:,.0f}"


def clock(seconds: float) -> str:
    """8.2 s, 49 s, 4 min 9 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
