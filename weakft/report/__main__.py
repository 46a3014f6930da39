"""`python -m weakft.report RUN`."""

from __future__ import annotations

import sys

from weakft.cli import run
from weakft.report import main

if __name__ == "__main__":
    sys.exit(run(main))
