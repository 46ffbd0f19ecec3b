"""Which bijection makes a latent free."""

from __future__ import annotations

import pytest

from pplang._check import check
from pplang._ir.expression import Bijection
from pplang._ir.text import expression
from pplang._passes.unconstrain import bijection_within
from pplang._source import Source
from pplang._syntax.parse import parse

CHOICES = {
    "x ~ Normal(0, 1)": None,
    "x ~ HalfNormal(1)": "log",
    "x ~ Beta(1, 1)": "logit",
    "x ~ Uniform(0, 1)": "logit",
    "x ~ Uniform(0, 5)": "interval(0, 5)",
    "x ~ Uniform(low, 5)": "interval(low, 5)",
    "x ~ Flat(lower = 2.5)": "lower(2.5)",
    "x ~ Flat(upper = low)": "upper(low)",
    "x ~ Truncated(HalfNormal(1), upper = 3)": "interval(0, 3)",
    "x ~ Truncated(HalfNormal(1), lower = -1)": "log",
    "x ~ Truncated(HalfNormal(1), lower = low)": "lower(max(low, 0))",
    "x[K] ~ Ordered(Normal(0, 1))": "ordered",
    "x[K] ~ Ordered(Flat())": "ordered",
    "x[K] ~ Ordered(HalfNormal(1))": "positive_ordered",
    "x[K] ~ Ordered(Flat(lower = 1))": "ordered_lower(1)",
    "x[K] ~ Ordered(Flat(upper = low))": "ordered_upper(low)",
    "x[K] ~ Ordered(Beta(2, 1))": "ordered_interval(0, 1)",
    "x[K] ~ Dirichlet(1)": "simplex",
    "x[K] ~ SumToZero(Normal(0, 1))": "sum_to_zero",
    "x[K, K] ~ LKJ(2)": "correlation",
    "x[K, K] ~ LKJCholesky(2)": "corr_cholesky",
    "x ~ Normal(0, 1)\nrestrict x > low": "lower(low)",
    "x ~ HalfNormal(1)\nrestrict x < 3": "interval(0, 3)",
}


@pytest.mark.parametrize("line", CHOICES)
def test_choice_of_a_bijection(line: str) -> None:
    source = Source("m.ppl", f"index K = 1..3\nlow ~ Normal(0, 1)\n{line}\nz[k in K] ~ Normal(0, 1)\n")
    program = check(parse(source), source)
    found: Bijection | None = bijection_within(program, program.site["x"])
    assert (None if found is None else expression(found)) == CHOICES[line]
