"""Every program of the repository: parsed, checked and printed, it parses and checks to an equal program."""

from __future__ import annotations

from pathlib import Path

import pytest

from pplang._check import check
from pplang._ir.program import Program
from pplang._ir.text import text
from pplang._source import Source
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse

TESTS = Path(__file__).parent.parent
PROGRAMS = sorted(
    (*TESTS.glob("good/*.ppl"), *TESTS.glob("posteriordb/programs/*.ppl"), *TESTS.parent.glob("examples/*/*.ppl")),
    key=lambda path: path.name,
)


def program_of(written: str, name: str = "model.ppl") -> Program:
    source = Source(name, written)
    return check(parse(source), source)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_what_is_printed_is_the_same_program(path: Path) -> None:
    program = program_of(path.read_text(encoding="utf-8"), path.name)
    printed = text(program)
    again = program_of(printed)
    assert again == program
    assert text(again) == printed


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_what_is_formatted_is_the_same_program(path: Path) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    tree = parse(source)
    formatted = format_file(tree)
    again = Source(path.name, formatted)
    assert parse(again) == tree
    assert check(parse(again), again) == check(tree, source)
    assert format_file(parse(again)) == formatted


def test_every_addition_to_the_language_has_a_program() -> None:
    assert {path.name[:2] for path in PROGRAMS} >= {str(number) for number in range(39, 53)}
