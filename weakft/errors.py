"""What is said to a user: the one error type that means "you can mend this" (one paragraph, exit code 2, no traceback), and
notes that warn of nothing.
"""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """Something in the user's input, options or files is wrong.

    The message names the file, row, column or function, what was found, what was expected, and what to do.
    The command line prints it without a traceback (unless ``--debug``) and exits with code 2.
    """


class Told(str):
    """A note of what was done as asked: the command line shows it as any other, from Python it is no warning."""

    __slots__ = ()


def nearest(word: str, known: list[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known word closest to ``word``, or an empty string."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names as a message shows them: in quotes, the first ``most`` of them and how many more there are."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
