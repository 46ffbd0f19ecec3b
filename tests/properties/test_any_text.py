"""Nothing but diagnostics comes of a text that is no program; what is one goes through every pass and the lowering."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.any_text import mutant, survives

BATCHES, EACH = 8, 250
"""Two thousand texts here; a million by `python -m tests.properties.run --texts 1000000`."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_spoilt_programs(batch: int) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(batch * EACH, (batch + 1) * EACH):
        written = mutant(Random(seed))
        try:
            outcomes[survives(written)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}\n{written}")
            raise
    assert outcomes["refused"] > EACH / 10
    assert outcomes["compiled"] + outcomes["checked"] > EACH / 100


@given(st.randoms(use_true_random=False).map(mutant))
@settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_spoilt_programs_by_hypothesis(written: str) -> None:
    survives(written)
