"""Small helpers of these tests."""

from __future__ import annotations

from pathlib import Path

from pplang._diagnostics import Diagnostic, Problems
from pplang._source import Source
from pplang._syntax import tree
from pplang._syntax.parse import parse

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path for folder in ("tests/good", "examples", "tests/posteriordb") for path in (ROOT / folder).rglob("*.ppl"))


def read(text: str) -> tree.File:
    return parse(Source("model.ppl", text))


def expression(text: str) -> tree.Expression:
    (relation,) = read(f"x = {text}").statements
    assert isinstance(relation, tree.Relation)
    return relation.right


def faults(text: str) -> tuple[Diagnostic, ...]:
    try:
        read(text)
    except Problems as problems:
        return problems.diagnostics
    return ()


def codes(text: str) -> list[str]:
    return [one.code for one in faults(text)]
