"""The program of every example after every pass is kept beside it: a change of the compiler shows as a difference."""

from __future__ import annotations

import pytest

import pplang
from pplang._ir.text import text
from pplang._passes import pipeline
from pplang._passes.plan import inference
from tests.examples.update_programs import NAMES, compiled, folder, programs
from tests.properties.examine import examine_passes


@pytest.mark.parametrize("name", NAMES)
def test_programs_are_as_expected(name: str) -> None:
    found = {path.relative_to(folder(name)): path.read_text(encoding="utf-8") for path in folder(name).rglob("*.ppl")}
    wanted = {path.relative_to(folder(name)): program for path, program in programs(name).items()}
    assert found == wanted, "if the change is meant: python tests/examples/update_programs.py"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transported", [False, True], ids=["plain", "transported"])
def test_every_stage_reads_as_itself_and_passes_change_it_no_more(name: str, transported: bool) -> None:
    made = compiled(name, transported=transported)
    examine_passes(made)
    final = pplang.compile_text(text(made.program))
    for again in (False, True):  # all passes together
        # What is drawn after inference leaves a program that is compiled anew.
        assert pipeline.run(final.program, transported=again).program == inference(final.program)
