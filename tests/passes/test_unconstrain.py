"""Which bijection makes a latent free."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

import pplang
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


def test_covariance_matrices_with_a_wishart_prior() -> None:
    """The density on R^6 each is SciPy's times |d matrix / d free|: of S = L L' that is 2^n prod L[i, i]^(n - i + 1), i from 0, log diagonals free."""
    model = """
data Row:
  g : K
  y : real

index K = {a, b, c}
input V[K, K] : covariance

S[K, K] ~ Wishart(5, V)
P[K, K] ~ InverseWishart(6, V)
y[i in Row] ~ Normal(S[g[i], a] + P[g[i], b], 1)
"""
    scale, y = np.array([[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 0.7]]), np.array([1.0, 2, 3])
    bound = pplang.compile_text(model).bind({"g": list("abc"), "y": y}, inputs={"V": scale})
    assert bound.size == 12
    rng = np.random.default_rng(0)
    wishart, inverse = stats.wishart(5, scale), stats.invwishart(6, scale)
    for _ in range(2):
        drawn = {"S": wishart.rvs(random_state=rng), "P": inverse.rvs(random_state=rng)}
        with jax.enable_x64(True):
            z = bound.unconstrain(drawn)
            found, back = float(bound.log_density(z)), bound.constrain(z)
        expected = wishart.logpdf(drawn["S"]) + inverse.logpdf(drawn["P"]) + stats.norm(drawn["S"][:, 0] + drawn["P"][:, 1]).logpdf(y).sum()
        for name, matrix in drawn.items():
            np.testing.assert_allclose(back[name], matrix, rtol=1e-9)
            expected += 3 * np.log(2) + np.log(np.diag(np.linalg.cholesky(matrix))) @ [4, 3, 2]
        assert found == pytest.approx(expected, rel=1e-10)
