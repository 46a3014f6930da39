"""A labeling function: a named function of one example that votes for a class or abstains.

The same shape as Snorkel's (`name`, callable on an example, `pre`, `resources`), whose own objects work beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weakft.errors import UserError

Vote = int | str | None
"""A class's name or number (where names are numbers: its name); -1 or None abstains."""


class LabelingFunction:
    """Wraps a function of one example.

    Parameters
    ----------
    name : unique among the labeling functions of a file.
    f : takes an example (``x.text``, ``x.id``, one attribute a column) and ``resources`` by keyword; returns a class
        number, a class name, or -1 or None to abstain.
    resources : values passed to ``f`` by keyword.
    pre : preprocessors, called in order on the example before ``f`` (Snorkel's `Preprocessor` objects fit).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> lf = LabelingFunction("short", lambda x: 0 if len(x.text) < 5 else -1)
    >>> lf(SimpleNamespace(text="hi"))
    0
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Vote],
        resources: Mapping[str, Any] | None = None,
        pre: Sequence[Callable[[Any], Any]] | None = None,
    ) -> None:
        self.name, self.f = name, f
        if callable(pre):
            raise UserError(f"labeling function {name!r}: pre is one function; expected a list of them, pre=[...].")
        self.resources, self.pre = dict(resources or {}), list(pre or [])

    def __call__(self, x: Any) -> Vote:
        """Vote on an example."""
        for preprocessor in self.pre:
            x = preprocessor(x)
            if x is None:
                raise ValueError("Preprocessor should not return None")
        return self.f(x, **self.resources)

    def __repr__(self) -> str:
        return f"LabelingFunction({self.name!r})"


def labeling_function(
    name: str | Callable[..., Vote] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Callable[[Any], Any]] | None = None,
) -> Any:
    """Decorator that makes a `LabelingFunction`, with or without arguments (as in Snorkel).

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> @labeling_function()
    ... def has_link(x):
    ...     return "SPAM" if "http" in x.text else None
    >>> has_link(SimpleNamespace(text="see http://a.example")), has_link.name
    ('SPAM', 'has_link')
    """
    if callable(name):  # @labeling_function without parentheses
        return LabelingFunction(getattr(name, "__name__", "labeling_function"), name)

    def wrap(f: Callable[..., Vote]) -> LabelingFunction:
        return LabelingFunction(name or getattr(f, "__name__", "labeling_function"), f, resources, pre)  # type: ignore[arg-type]

    return wrap


def is_labeling_function(value: Any) -> bool:
    """Whether a value is a labeling function of weakft's or Snorkel's (without importing Snorkel)."""
    if isinstance(value, LabelingFunction):
        return True
    return not isinstance(value, type) and any(
        base.__module__.startswith("snorkel.labeling") and base.__name__ == "LabelingFunction"
        for base in type(value).__mro__
    )


def place(lf: Any) -> str:
    """``file, line N, function NAME`` of a labeling function, for messages."""
    function = getattr(lf, "f", None) or getattr(lf, "_f", None)
    code = getattr(function, "__code__", None)
    where = getattr(lf, "where", None) or (f"{code.co_filename}, line {code.co_firstlineno}" if code else "built in")
    return f"{where}, labeling function {lf.name!r}"
