"""Families that are made of others, as one writes them: hurdles, densities of one's own, steps through ordered grades; by SciPy."""

from __future__ import annotations

import jax
import numpy as np
from scipy import stats
from scipy.special import expit

import pplang

HURDLE = """
data Visit:
  spent : nonnegative
  items : count
  grade : Grade
  hits  : count
  wait  : positive
  bought : bool = spent > 0

index Grade ordered = {low, middle, high}
index Step = gaps(Grade)

p ~ Beta(2, 2)
m ~ Normal(0, 1)
cut[k in Step] ~ Normal(0, 1)
bought[v in Visit] ~ Bernoulli(p)
spent[v in Visit] ~ LogNormal(m, 1)
  where bought[v]
items[v in Visit] ~ Truncated(Poisson(log = m), lower = 1)
  where items[v] > 0
grade[v in Visit] ~ SequentialLogistic(m, cut)
hits[v in Visit] ~ BetaBinomial(7, mean = p, concentration = 4)
factor sum(-exp(m) * wait[v] + m for v in Visit)
"""


def test_hurdles_ordinals_and_a_density_of_ones_own() -> None:
    data = {
        "spent": np.array([0.0, 2.5, 0.3, 0.0]),
        "items": [0, 2, 1, 0],
        "grade": ["low", "high", "middle", "low"],
        "hits": [0, 3, 7, 1],
        "wait": np.array([0.5, 1.0, 2.0, 0.1]),
    }
    bound = pplang.compile_text(HURDLE).bind(data)
    p, m, cut = 0.3, 0.4, np.array([-0.2, 0.9])
    rate = np.exp(m)
    expected = stats.beta(2, 2).logpdf(p) + stats.norm(0, 1).logpdf(m) + stats.norm(0, 1).logpdf(cut).sum()
    expected += stats.bernoulli(p).logpmf([0, 1, 1, 0]).sum() + stats.lognorm(1, scale=rate).logpdf([2.5, 0.3]).sum()
    expected += stats.poisson(rate).logpmf([2, 1]).sum() - 2 * np.log1p(-np.exp(-rate))
    first, second = expit(m - cut)
    expected += np.log([1 - first, first * second, first * (1 - second), 1 - first]).sum()
    expected += stats.betabinom(7, 4 * p, 4 * (1 - p)).logpmf([0, 3, 7, 1]).sum()
    expected += stats.expon(scale=1 / rate).logpdf(data["wait"]).sum()
    expected += np.log(p) + np.log1p(-p)  # the Jacobian of p on the logit scale
    with jax.enable_x64(True):
        z = bound.unconstrain({"p": p, "m": m, "cut": cut})
        density, gradient = jax.value_and_grad(bound.log_density)(z)
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    assert np.isfinite(gradient).all()
