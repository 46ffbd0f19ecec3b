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


def test_every_code_has_a_message_and_a_case():
    explained = {
        code for letter in "CI" for code in re.findall(r"^## ([A-Z]\d\d): ", (MESSAGES / f"{letter}.md").read_text(), re.MULTILINE)
    }
    shown = {code for case in CASES for code in re.findall(r"\[([CI]\d\d)\]", (case / "expected.txt").read_text(encoding="utf-8"))}
    assert shown <= explained
    assert explained - shown <= NOT_FROM_FILES


def test_every_code_in_the_source_is_explained():
    explained = {
        code for letter in "CIO" for code in re.findall(r"^## ([A-Z]\d\d): ", (MESSAGES / f"{letter}.md").read_text(), re.MULTILINE)
    }
    package = MESSAGES.parent
    raised = {
        code
        for path in [*(package / "_data").glob("*.py"), package / "_files.py"]
        for code in re.findall(r'"([CIO]\d\d)"', path.read_text())
    }
    assert raised <= explained
