"""A matplotlib figure as SVG inside a page: its text in the page's type, its colours the page's, light and dark.

Knows nothing of what is drawn. matplotlib is imported by who draws.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, ACCENT, GRID = "#334155", "#c2410c", "#e2e8f0"
VARIABLES = {
    INK: "--ink",
    ACCENT: "--accent",
    GRID: "--line",
    "#cbd5e1": "--band",
    "#fed7aa": "--accent-band",
    "#94a3b8": "--quiet",
    "#000000": "--ink",
}
"""Colours of the pictures, and the page's names for them; the pictures' own files keep the colours."""


def inline(figure: Figure, title: str) -> Markup:
    """The figure as an <svg> element, described by ``title`` for those who cannot see it.

    Raises
    ------
    ImportError : matplotlib is missing.
    """
    from matplotlib import rc_context

    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # the salt makes the ids, and so the page, the same every time
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "weakft"}):
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg role="img" viewBox="\1">', drawn, count=1)
    drawn = drawn.replace("*{stroke-linejoin", "svg *{stroke-linejoin")
    for color, variable in VARIABLES.items():
        drawn = drawn.replace(f": {color}", f": var({variable})")
    head, body = drawn.split(">", 1)
    return Markup(f"{head}><title>{escape(title)}</title>{body}")
