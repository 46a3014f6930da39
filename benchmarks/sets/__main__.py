"""`python -m benchmarks.sets NAME`: make a data set's folder, where it is not there yet, and say where it is."""

import sys

from benchmarks.sets import MADE, folder
from weakft.cli import run as run_cli
from weakft.errors import UserError


def main(args: list[str]) -> None:
    """Make what is named."""
    if len(args) != 1 or args[0] not in MADE:
        raise UserError(f"python -m benchmarks.sets NAME: expected one of {', '.join(MADE)}.")
    print(folder(args[0]))


if __name__ == "__main__":
    sys.exit(run_cli(main))
