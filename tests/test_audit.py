"""CI's look for known vulnerabilities: what it makes of what pip-audit says."""

import importlib.util
import json
import subprocess

import pytest
from conftest import ROOT


@pytest.fixture
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(name, *ids):
    return {"name": name, "version": "1.0", "vulns": [{"id": i, "fix_versions": ["1.1"]} for i in ids]}


UNKNOWN = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ({"pypi": [package("torch"), UNKNOWN]}, 0, "0 known vulnerabilities in 1 of"),
        ({"pypi": [package("torch", "PYSEC-1", "PYSEC-2")]}, 1, "torch 1.0: PYSEC-1, mended in 1.1"),
        ({"pypi": [UNKNOWN], "osv": [package("jinja2", "GHSA-1")]}, 1, "jinja2 1.0: GHSA-1"),
        ({"pypi": [UNKNOWN], "osv": None}, 0, "NOT AUDITED"),
        ({"pypi": "slow", "osv": "slow"}, 0, "NOT AUDITED"),
    ],
)
def test_what_it_makes_of_the_answers(audit, monkeypatch, capsys, answers, code, said):
    def run(command, **options):
        answer = answers[command[command.index("--vulnerability-service") + 1]]
        if answer == "slow":
            raise subprocess.TimeoutExpired(command, options["timeout"])
        out = "" if answer is None else json.dumps({"dependencies": answer})
        return subprocess.CompletedProcess(command, 1, stdout=out)

    monkeypatch.setattr(audit.subprocess, "run", run)
    assert audit.main() == code
    assert said in capsys.readouterr().out


def test_an_accepted_advisory_passes(audit, monkeypatch):
    monkeypatch.setattr(audit, "ask", lambda *_: [package("torch", "PYSEC-1")])
    assert audit.main() == 1
    monkeypatch.setattr(audit, "ACCEPTED", {"PYSEC-1": "not the part that weakft calls"})
    assert audit.main() == 0


def test_the_direct_dependencies_are_those_of_the_project(audit):
    names = {pinned.partition("==")[0] for pinned in audit.direct()}
    assert {"torch", "transformers", "scikit-learn", "jinja2", "pytest"} <= names
    assert not any("+" in pinned for pinned in audit.direct())
    assert "huggingface-hub" not in names  # of transformers, not ours
