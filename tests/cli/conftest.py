"""A folder with models and data, and a way to run the command line in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SCHOOLS = """\
# Eight schools.
data School:
  school : key
  effect : real
  se     : positive

mu                  ~ Normal(0, 5)
tau                 ~ HalfCauchy(5)
theta[s in School]  ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""

DATA = "school,effect,se\nA,28,15\nB,8,10\nC,-3,16\nD,7,11\nE,-1,9\nF,1,11\nG,18,10\nH,12,18\n"

BAD = SCHOOLS.replace("Normal(theta[s]", "Normal(tehta[s]").replace("HalfCauchy(5)", "HalfCauchy(scal)")

INPUTS = """\
input n : count
input prior : positive = 2

p ~ Beta(prior, prior)
k ~ Binomial(n, p)
input k : count
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"schools.ppl": SCHOOLS, "schools.csv": DATA, "bad.ppl": BAD, "inputs.ppl": INPUTS}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process."""
    from pplang.cli.main import main

    def run(*arguments: str) -> Ran:
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run


@pytest.fixture
def process(folder: Path) -> Callable[..., Ran]:
    """Run a command line in a process of its own."""

    def process(*arguments: str, stdin: str | bytes = "", **environment: str) -> Ran:
        sent = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "pplang", *arguments], input=sent, capture_output=True, cwd=folder, env={**os.environ, **environment}
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return process
