"""Whatever the text: a tree or diagnostics, soon, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import PROGRAMS, codes, faults

from pplang._diagnostics import Problems, render
from pplang._source import Source
from pplang._syntax import limits
from pplang._syntax.format import format_file
from pplang._syntax.parse import parse
from pplang._syntax.words import reserved_words

SIGNS = [
    *"~=:,.?+-*/^()[]{}<>@#\"'_;&|!%$\\` \t\n\r",
    "..", "->", "==", "!=", "<=", ">=", "<-", ":=", "**", "+=", "//", "/*", "*/", "&&", "||", "%in%", "\n  ", "\n    ", "\n\n", "\r\n",
]  # fmt: skip
WORDS = [
    *sorted(reserved_words()),
    "x",
    "mu",
    "Normal",
    "School",
    "real",
    "1",
    "2.5",
    "1e400",
    '"a"',
    "σ",
    "x²",
    "∑",
    "“",
    "\ufeff",
    "\x00",
]


def survives(text: str) -> None:
    """Parse, and print what comes of it; only `Problems` may be raised, and its text must render."""
    source = Source("any.ppl", text)
    try:
        file = parse(source)
    except Problems as problems:
        assert problems.diagnostics
        assert render(problems.diagnostics, source)
        assert all(one.code[0] in "XL" or one.code == "N04" for one in problems.diagnostics)
        return
    again = parse(Source("again.ppl", format_file(file)))
    assert again == file


@given(st.text(max_size=200))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_random_text(text: str) -> None:
    survives(text)


@given(st.lists(st.sampled_from(SIGNS + WORDS), max_size=60))
@settings(max_examples=1000, deadline=None, derandomize=True)
def test_token_soup(parts: list[str]) -> None:
    survives("".join(parts))


@given(st.lists(st.sampled_from(SIGNS + WORDS), max_size=60))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_token_soup_with_spaces(parts: list[str]) -> None:
    survives(" ".join(parts))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_mutated_programs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    chance = random.Random(path.name)
    for _ in range(12):
        mutant = text
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(mutant) + 1)
            end = min(len(mutant), start + chance.choice([0, 0, 1, 1, 2, 10]))
            mutant = mutant[:start] + chance.choice(["", *SIGNS, *WORDS]) + mutant[end:]
        survives(mutant)


HOSTILE = {
    "parentheses": ("x = " + "(" * 10_000 + "1" + ")" * 10_000, ["L02"]),
    "open parentheses": ("x = " + "(" * 10_000, ["X07", "L02"]),
    "brackets": ("x = " + "[" * 10_000 + "1" + "]" * 10_000, ["L02"]),
    "signs": ("x = " + "-" * 20_000 + "1", ["L02"]),
    "nots": ("x = " + "not " * 20_000 + "a", ["L02"]),
    "powers": ("x = " + "2^" * 50_000 + "2", ["L02"]),
    "choices": ("x = " + "if a then b else " * 20_000 + "c", ["L02"]),
    "calls of calls": ("x = a" + "()" * 50_000, ["L02"]),
    "indices of indices": ("x = a" + "[i]" * 20_000, ["L02"]),
    "fields of fields": ("x = a" + ".b" * 50_000, ["L02"]),
    "statements": ("x = 1\n" * 5_001, ["L03"]),
    "columns": ("data A:\n" + "  x : real\n" * 5_000, ["L03"]),
    "a large number": ("x = 1e400", ["L04"]),
    "many digits": ("x = " + "9" * 100_000, ["L04"]),
    "a tiny number": ("x = 1e-400", ["L04"]),
    "a wide layer": ("net f : A -> " + "9" * 5_000 + " relu -> B", ["L04"]),
    "NUL": ("x = 1\0", ["L05"]),
    "a long name": ("x" * 201 + " = 1", ["L06"]),
    "a long line": ("x = " + "a + " * 1_250_000 + "1", ["L01"]),
    "one line of quotes": ('"' * 300_000, ["X23"]),
    "one line of comment signs": ("/*" * 150_000, ["X30"]),
    "one line of percent signs": ("%" * 200_000, ["X13"] * limits.REPORTED),
    "unclosed everywhere": ("x = (\n" * 20_000, ["X07"] * (limits.REPORTED - 1)),
    "semicolons": (";" * 100_000, ["X10"]),
    "surrogates": ("x = \ud800", ["X19"]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text(name: str) -> None:
    text, expected = HOSTILE[name]
    found = codes(text)
    assert found[: len(expected)] == expected


def test_limits_are_not_hit_early() -> None:
    assert codes("x = " + "(" * 200 + "1" + ")" * 200) == []
    assert codes("x = " + "exp(" * 200 + "1" + ")" * 200) == []
    assert codes("x = " + "-" * 200 + "1") == []
    assert codes("x = " + "exp(" * 201 + "1" + ")" * 201) == ["L02"]
    assert codes("x = " + "-" * 201 + "1") == ["L02"]
    assert codes("x = 1.7e308 + 5e-324 + 0e-999 + " + "9" * 308) == []
    assert codes("x = 1\n" * 5_000) == []
    assert codes("x" * 200 + " = 1") == []
    assert codes("#" * 1_000_000) == []
    assert codes("#" * 1_000_001) == ["L01"]


def test_faults_are_capped_and_in_file_order() -> None:
    found = faults("x <- 1\n" * 1_000)
    assert len(found) == limits.REPORTED
    starts = [one.span.start for one in found if one.span]
    assert starts == sorted(starts)
