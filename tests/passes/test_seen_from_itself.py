"""An outcome may say how it was seen: rounded, or censored at its own value."""

from __future__ import annotations

import jax
import numpy as np
from scipy import stats

import pplang

ROUNDED = """
data Row:
  y : real
  z : positive

m ~ Normal(0, 2)
y[i in Row] ~ Interval(Normal(m, 1), y[i] - 0.5, y[i] + 0.5)
z[i in Row] ~ Censored(Exponential(1), right = z[i] >= 3)
"""


def test_rounded_and_censored_at_their_own_values() -> None:
    y, z = np.array([1.0, -2.0, 0.0]), np.array([0.5, 3.0, 3.0])
    bound = pplang.compile_text(ROUNDED).bind({"y": y, "z": z})
    m = 0.3
    expected = stats.norm(0, 2).logpdf(m) + np.log(stats.norm(m, 1).cdf(y + 0.5) - stats.norm(m, 1).cdf(y - 0.5)).sum()
    expected += stats.expon.logpdf(0.5) + 2 * stats.expon.logsf(3.0)
    with jax.enable_x64(True):
        np.testing.assert_allclose(bound.log_density(np.array([m])), expected, rtol=1e-10)
