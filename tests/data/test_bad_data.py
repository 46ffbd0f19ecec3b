"""Every fault of the data is told in words that let a stranger mend the file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bad_data import CASES, outcome

MESSAGES = Path(__file__).parent.parent.parent / "pplang" / "_messages"

NOT_FROM_FILES = {"C29", "C34", "C36", "C37", "C38", "C39", "I07", "I08", "I23", "I09", "I22", "I12", "C30"}
"""Raised only for frames, arrays and machines, or notes: tested beside the code that raises them."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_data_with_a_fault_gives_exactly_the_expected_text(case):
    assert outcome(case) == (case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_named_after_its_first_code(case):
    assert f"[{case.name.split('_')[0]}]" in (case / "expected.txt").read_text(encoding="utf-8")


def codes_in(text, pattern):
    """The codes that reading and binding data raise: those from 50 on belong to other rooms."""
    return {code for code in re.findall(pattern, text, re.MULTILINE) if int(code[1:]) < 50}


def explained():
    return {code for letter in "CIO" for code in codes_in((MESSAGES / f"{letter}.md").read_text(encoding="utf-8"), r"^## ([A-Z]\d\d): ")}


def test_every_code_in_the_source_has_a_section_and_every_section_a_code():
    package = MESSAGES.parent
    sources = [*(package / "_data").glob("*.py"), package / "_files.py"]
    assert {code for path in sources for code in codes_in(path.read_text(encoding="utf-8"), r'"([CIO]\d\d)"')} == explained()


def test_every_code_has_a_case():
    shown = {code for case in CASES for code in codes_in((case / "expected.txt").read_text(encoding="utf-8"), r"\[([CI]\d\d)\]")}
    assert {code for code in explained() if code[0] != "O"} - shown == NOT_FROM_FILES
