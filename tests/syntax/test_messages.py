"""Mistakes: which message they get, and that the pages that explain the messages are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reading import ROOT, codes, faults

PAGES = ROOT / "pplang" / "_messages"


def sections(letter: str) -> dict[str, list[str]]:
    """The examples in the section of each code."""
    text = (PAGES / f"{letter}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (\w\d\d): .*$", text, flags=re.MULTILINE)[1:]
    return {code: re.findall(r"```ppl\n(.*?)```", body, flags=re.DOTALL) for code, body in zip(parts[::2], parts[1::2], strict=True)}


SYNTAX = sections("X")


@pytest.mark.parametrize("code", SYNTAX)
def test_examples_of_the_pages(code: str) -> None:
    wrong, right = SYNTAX[code]
    assert code in codes(wrong)
    assert codes(right) == []


def test_each_code_has_its_page_and_its_bad_program() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pplang" / "_syntax").glob("*.py"))
    raised = set(re.findall(r'"([XL]\d\d)"', source))
    assert raised - {"X17"} <= set(SYNTAX) | set(sections("L"))
    programs = {path.name[:3] for path in (ROOT / "tests" / "bad").glob("*.ppl")}
    in_tests = {"L01", "L03"}  # too long to keep as files
    assert raised - in_tests <= programs


def test_files_beyond_the_limits() -> None:
    (large,) = faults("#" * 1_000_001)
    assert large.title == "a model of 1,000,001 bytes; the limit is 1,000,000"
    (many,) = faults("x = 1\n" * 5_001)
    assert many.title == "more than 5,000 statements"
    assert many.span == (30_000, 30_005)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mu <- 1\ntau ~ HalfNormal(1)\ny ** 2\n", ["X01", "X23"]),
        ("data A:\n  x real\n  y : \n  z : real\nw <- 3\n", ["X05", "X38", "X01"]),
        ("y ~ Normal(mu, 1\nx <- 3\nz = (1\n", ["X07", "X01", "X07"]),
        ('a = "unclosed (\nb <- 3\n', ["X09", "X01"]),
        ("a = [(1, 2]\nb <- 3\n", ["X07", "X01"]),
        ("@centered\n\ndata ~ Normal(0, 1)\n", ["N04"]),
        ("guide:\n  z <- 3\n  param q : real\n  y ~ Normal(0, 1)\n", ["X01", "X37"]),
        ("while (x) {\n  y = 1\n}\nz <- 2\n", ["X16", "X01"]),
        ("x = 1 y = 2\nz <- 3\n", ["X20", "X01"]),
    ],
)
def test_independent_faults_are_reported_together_and_do_not_cascade(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_words_as_argument_names_and_labels_in_quotes() -> None:
    assert codes('y ~ Mixture(d for k in K, weights = w)\nx = solve(r, start = a, from = 0)\nindex A = {"for", "data"}') == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "bad").glob("[XL]*.ppl")), ids=lambda path: path.stem)
def test_bad_programs_have_the_fault_they_are_named_for(path: Path) -> None:
    found = codes(path.read_bytes().decode("utf-8"))
    assert path.name[:3] in found or path.name.startswith("L20")
