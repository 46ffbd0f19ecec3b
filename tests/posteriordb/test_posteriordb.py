"""NUTS through the whole house against posteriors with known answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases import DATABASE, IN_THE_SUITE, one_fit_each
from run import fit, judge

import pplang

HERE = Path(__file__).parent
needs_the_kit = pytest.mark.skipif(not DATABASE.exists(), reason=f"posteriordb's kit is not there: {DATABASE}")


@pytest.mark.parametrize("path", sorted((HERE / "programs").glob("*.ppl")), ids=lambda path: path.stem)
def test_program_checks(path: Path) -> None:
    pplang.compile(path)


@needs_the_kit
@pytest.mark.parametrize("name", IN_THE_SUITE)
def test_matches_the_reference(name: str) -> None:
    met, report = judge(name, fit(name))
    assert met, report


@needs_the_kit
@pytest.mark.slow
@pytest.mark.parametrize("names", one_fit_each(), ids=lambda names: names[0])
def test_every_posterior_matches_its_reference(names: tuple[str, ...]) -> None:
    result = fit(names[0])
    judged = {name: judge(name, result) for name in names}
    failed = {name: report for name, (met, report) in judged.items() if not met}
    assert not failed, "\n\n".join(f"{name}\n{report}" for name, report in failed.items())
