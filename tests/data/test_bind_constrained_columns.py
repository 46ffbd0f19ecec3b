"""Columns whose values together obey a constraint."""

from __future__ import annotations

import pytest

import pplang
from pplang._diagnostics import Problems
from pplang._ir.text import text

SOIL = """
data Soil:
  part[Part] : simplex from "part_*"

w[Part] ~ Dirichlet(1)
part[s in Soil, Part] ~ Dirichlet(10 * size(Part))
y ~ Normal(sum(w[k] * part[s, k] for s in Soil for k in Part), 1)
"""


def test_a_row_that_is_no_simplex() -> None:
    model = pplang.compile_text(SOIL)
    assert "part[Part] : simplex from" in text(model.program)
    good = {"part_a": [0.2, 0.5], "part_b": [0.8, 0.5]}
    assert model.bind(good).dataset.arrays["part"].shape == (2, 2)
    with pytest.raises(Problems) as caught:
        model.bind({"part_a": [0.2, 0.5], "part_b": [0.8, 0.6]})
    (found,) = caught.value.diagnostics
    assert found.code == "C43"
    assert "row 2" in found.label
