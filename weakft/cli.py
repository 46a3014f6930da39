"""The command line: options to typed configs (tyro), errors to one paragraph and exit code 2."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from weakft.config import Options, build, read_file
from weakft.errors import UserError
from weakft.verbs import VERBS

C = TypeVar("C", bound=Options)
USER_ERROR = 2
UNREAD = 141


def parse(kind: type[C], args: list[str], prog: str, positional: tuple[str, ...] = ()) -> C:
    """Parse flags into an options object; ``--config FILE`` sets the defaults that flags override.

    positional : options that may stand without their flag, in this order.
    """
    import tyro

    args, file = _take_config(args)
    for name in positional:
        if args and not args[0].startswith("-"):
            args = [*args[1:], f"--{name}", args[0]]
    values = read_file(file) if file is not None else {}
    required = {name: "" for name, f in kind.model_fields.items() if f.is_required() and name not in values}
    default: Any = None
    if values:
        default = build(kind, {**required, **values}, f"--config {file}")
    extra = {"default": default} if default is not None else {}
    parsed = tyro.cli(
        kind,
        args=args,
        prog=prog,
        description=_described(kind, prog, positional),
        **extra,
    )
    for name in required:
        if getattr(parsed, name) == "":
            raise UserError(f"{prog}: --{name} is missing, on the command line and in {file or '--config'}.")
    return parsed


def _described(kind: type[Options], prog: str, positional: tuple[str, ...]) -> str:
    """What the help of a verb says first: what it does, and how its options are given."""
    does = VERBS.get(prog.removeprefix("weakft "))
    said = [f"{does[0].upper()}{does[1:]}." if does else str(kind.__doc__)]
    if positional:
        flags = [f"--{n} FILE" for n, f in kind.model_fields.items() if f.is_required() and n not in positional]
        usage = " ".join([prog, *map(str.upper, positional), *flags])
        said.append(f"In short: {usage} ({' and '.join(map(str.upper, positional))} may stand without its flag).")
    return " ".join([*said, "--config FILE reads options from a YAML or TOML file; flags override it."])


def _take_config(args: list[str]) -> tuple[list[str], Path | None]:
    for i, arg in enumerate(args):
        if arg == "--config":
            if i + 1 >= len(args):
                raise UserError("--config needs a file name.")
            return args[:i] + args[i + 2 :], Path(args[i + 1])
        if arg.startswith("--config="):
            return args[:i] + args[i + 1 :], Path(arg.removeprefix("--config="))
    return args, None


def _debugs(args: list[str]) -> bool:
    """Whether the flags, or the file that they name, ask for tracebacks."""
    if "--debug" in args:
        return True
    try:
        _, file = _take_config(args)
        return file is not None and read_file(file).get("debug") is True
    except (UserError, PermissionError):  # the file itself is at fault
        return False


def run(main: Callable[[list[str]], None], args: list[str] | None = None) -> int:
    """Call a verb and turn its errors into an exit code: 0 done, 2 the user can mend it, 130 or 143
    interrupted (Ctrl-C, SIGTERM), 141 standard output was closed."""
    args = sys.argv[1:] if args is None else args
    try:
        main(args)
        sys.stdout.flush()  # here, where a reader that stopped is seen
    except (UserError, PermissionError) as error:
        if _debugs(args):
            raise
        problem = f"{error.filename}: {error.strerror}." if isinstance(error, PermissionError) else error
        print(f"weakft: {problem}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt as error:
        print(f"weakft: {error}" if str(error) else "weakft: interrupted; nothing was written.", file=sys.stderr)
        return 128 + getattr(error, "number", signal.SIGINT)
    except BrokenPipeError:  # as by ``| head``
        if _debugs(args):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        print("weakft: stopped, because its output is no longer read.", file=sys.stderr)
        return UNREAD
    return 0
