"""`weakft VERB ...` and `python -m weakft VERB ...`: the same verbs as the modules `weakft.VERB`."""

from __future__ import annotations

import sys
from importlib import import_module

from weakft.cli import USER_ERROR, run
from weakft.errors import nearest
from weakft.verbs import VERBS


def main() -> int:
    """Dispatch to a verb; return the exit code."""
    args = sys.argv[1:]
    if not args or args[0] in ("-h", "--help"):
        print("usage: weakft VERB [OPTIONS]   (weakft VERB --help lists a verb's options)\n")
        for verb, meaning in VERBS.items():
            print(f"  {verb:<11}{meaning}")
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"weakft {version('weakft')}")
        return 0
    if args[0] not in VERBS:
        print(
            f"weakft: there is no verb {args[0]!r}; there are {', '.join(VERBS)}.{nearest(args[0], list(VERBS))}",
            file=sys.stderr,
        )
        return USER_ERROR
    return run(import_module(f"weakft.{args[0]}").main, args[1:])


if __name__ == "__main__":
    sys.exit(main())
