"""Known vulnerabilities in the packages that pyproject.toml names, in the versions that are installed (pip-audit).

Asks PyPI, then OSV. Fails where one is found. Where neither service can be reached, or knows any of the packages (a mirror
has no advisories), it says so and passes: then nothing is known.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SERVICES = ("pypi", "osv")
SECONDS = 25
"""That a service has: both stay below a minute."""

ACCEPTED: dict[str, str] = {}
"""Advisories that are no danger here: their id, and why."""


def direct() -> list[str]:
    """``name==version`` of each package that pyproject.toml names and that is installed."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *(n for extra in project["optional-dependencies"].values() for n in extra)]
    found = set()
    for requirement in named:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            found.add(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            continue
    return sorted(found)


def ask(service: str, requirements: Path) -> list[dict] | None:
    """What a service says of each package that it knows, None where it cannot be reached or knows none."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--vulnerability-service",
        service,
        "--requirement",
        str(requirements),
    ]
    command += ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False).stdout
        known = [package for package in json.loads(said)["dependencies"] if "skip_reason" not in package]
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return known or None


def main() -> int:
    """Return the exit code."""
    packages = direct()
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(packages) + "\n", encoding="utf-8")
        answers = ((service, ask(service, requirements)) for service in SERVICES)
        service, known = next((answer for answer in answers if answer[1] is not None), ("", None))
    if known is None:
        print(
            f"NOT AUDITED: no advisories of {' or '.join(SERVICES)} can be reached from here ({len(packages)} packages)."
        )
        return 0
    found = [(p["name"], p["version"], v) for p in known for v in p["vulns"] if v["id"] not in ACCEPTED]
    for name, installed, advisory in found:
        mended = ", ".join(advisory["fix_versions"]) or "no version yet"
        print(f"{name} {installed}: {advisory['id']}, mended in {mended}")
    print(f"{len(found)} known vulnerabilities in {len(known)} of {len(packages)} packages that {service} knows.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
