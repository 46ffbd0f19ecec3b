"""Short ways to check a model in a test."""

from __future__ import annotations

from pplang._check import check
from pplang._diagnostics import Diagnostic, Problems
from pplang._ir.program import Program
from pplang._source import Source
from pplang._syntax.parse import parse


def program(text: str) -> Program:
    """The typed program of a model that is right."""
    source = Source("model.ppl", text)
    return check(parse(source), source)


def faults(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of a model; () when it is right."""
    try:
        program(text)
    except Problems as problems:
        return problems.diagnostics
    return ()


def codes(text: str) -> list[str]:
    """The codes of a model's diagnostics, in file order."""
    return [one.code for one in faults(text)]
