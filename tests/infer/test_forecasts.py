"""Rows whose outcome is empty: gaps are filled and the future is forecast, against the exact answer for normal chains."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pplang
from pplang._ir.text import text
from pplang._passes import pipeline, split_missing

GAP = np.nan
LEVEL = """
data Week ordered:
  sales : real?

level[t in Week] ~ Normal(level[t-1], 0.5)
  starting Normal(10, 2)
sales[t in Week] ~ Normal(level[t], 0.8)
"""
OWN = """
data Week ordered:
  sales : real?

mean ~ Normal(0, 3)
sales[t in Week] ~ Normal(mean + 0.7 * (sales[t-1] - mean), 0.5)
  starting Normal(mean, 2)
"""
SALES = np.array([10.3, 10.9, GAP, GAP, 12.1, 11.6, 11.9, 12.8, GAP, 12.9, 13.0, GAP, GAP, GAP])


def conditioned(mean: np.ndarray, cov: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the empty cells of a normal vector given the others."""
    empty, seen = np.isnan(values), ~np.isnan(values)
    gain = np.linalg.solve(cov[np.ix_(seen, seen)], cov[np.ix_(seen, empty)]).T
    return mean[empty] + gain @ (values[seen] - mean[seen]), cov[np.ix_(empty, empty)] - gain @ cov[np.ix_(seen, empty)]


def kalman(values: np.ndarray, first: float, first_sd: float, step_sd: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """One-step predictions of a local level: mean and variance of each value given those before, by the textbook filter."""
    means, variances = np.zeros(len(values)), np.zeros(len(values))
    mean, variance = first, first_sd**2
    for t, value in enumerate(values):
        means[t], variances[t] = mean, variance + noise**2
        if not np.isnan(value):
            gain = variance / (variance + noise**2)
            mean, variance = mean + gain * (value - mean), variance * (1 - gain)
        variance += step_sd**2
    return means, variances


def agrees(draws: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> None:
    """Draws of a normal vector, (draws, cells): means within 4.5 standard errors, covariances likewise."""
    sd = np.sqrt(np.diag(cov))
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * sd / np.sqrt(len(draws)))
    error = np.sqrt((cov**2 + np.outer(sd, sd) ** 2) / len(draws))
    assert np.all(np.abs(np.cov(draws.T) - cov) < 4.5 * error)


def test_forecasts_of_a_local_level_are_those_of_the_kalman_filter() -> None:
    fit = pplang.compile_text(LEVEL).fit({"sales": SALES}, method="vi", draws=4_000, seed=1)
    assert fit["sales"].coords["Sales_empty"].values.tolist() == [3, 4, 9, 12, 13, 14]
    draws = fit.draws("sales")[0]
    t = np.arange(len(SALES))
    levels = 4 + 0.25 * np.minimum(t, t[:, None])
    agrees(draws, *conditioned(np.full(len(t), 10.0), levels + 0.64 * np.eye(len(t)), SALES))
    means, variances = kalman(SALES, 10, 2, 0.5, 0.8)
    assert np.all(np.abs(draws[:, -3:].mean(0) - means[-3:]) < 4.5 * np.sqrt(variances[-3:] / len(draws)))
    np.testing.assert_allclose(draws[:, -3:].var(0), variances[-3:], rtol=0.12)


def test_forecasts_of_a_column_that_looks_back_at_itself() -> None:
    fit = pplang.compile_text(OWN).fit({"sales": SALES}, method="vi", draws=4_000, seed=1)
    t = np.arange(len(SALES))
    # With m ~ N(0, 3) the values are jointly normal: m + an autoregression that begins with sd 2.
    own = np.zeros((len(t), len(t)))
    for row in t:
        own[row, row] = 4.0 if row == 0 else 0.49 * own[row - 1, row - 1] + 0.25
        own[row + 1 :, row] = own[row, row] * 0.7 ** np.arange(1, len(t) - row)
        own[row, row + 1 :] = own[row + 1 :, row]
    agrees(fit.draws("sales")[0], *conditioned(np.zeros(len(t)), own + 9.0, SALES))


def test_density_by_hand_and_what_it_prints() -> None:
    bound = pplang.compile_text(OWN).bind({"sales": [1.0, GAP, 2.0, GAP]})
    after = pipeline.run(bound.model.program, after="split_missing").program
    assert text(after).split("\n\n")[2:] == [
        "mean ~ Normal(0, 3)\n"
        "sales[t in Week] ~ Normal(mean + 0.7 * (sales_full[t-1] - mean), 0.5)\n"
        "  starting Normal(mean, 2)\n"
        "  where given(sales[t])\n"
        "sales_empty[cell in Sales_empty] ~ Flat()\n"
        "sales_full[Week] = completed(sales, sales_empty)\n"
        "sales_density[t in Week] = logpdf(Normal(mean + 0.7 * (sales_full[t-1] - mean), 0.5), sales_full[t])\n"
        "  starting logpdf(Normal(mean, 2), sales_full[t])",
        "factor sum(sales_density[t] for t in Week if not given(sales[t]))\n",
    ]
    assert pplang.compile_text(text(after)).program == after
    assert split_missing.decide(after) == ()
    full = np.array([1.0, 0.4, 2.0, 1.7])
    location = 0.3 + 0.7 * (full[:-1] - 0.3)
    expected = stats.norm(0, 3).logpdf(0.3) + stats.norm(0.3, 2).logpdf(1.0) + stats.norm(location, 0.5).logpdf(full[1:]).sum()
    with jax.enable_x64(True):
        z = bound.unconstrain({"mean": 0.3, "sales": full[[1, 3]]})
        assert float(bound.log_density(z)) == pytest.approx(expected, rel=1e-12)


def test_within_groups_and_bounds() -> None:
    """Gaps of positive values in the sequences of two groups, the first of one of them, weighted, at two lags."""
    source = """
data Visit ordered by day within patient:
  patient : Patient
  day     : real
  dose    : positive?
  weight  : positive

dose[v in Visit] ~ LogNormal(0.5 * log(dose[v-1]), 0.5)
  starting LogNormal(1, 0.4)
  weighted weight[v]
"""
    table: dict[str, Any] = {
        "patient": ["a", "b", "a", "b", "b"],
        "day": [1.0, 1.0, 2.0, 2.0, 3.0],
        "dose": [GAP, 1.5, 2.0, GAP, 0.7],
        "weight": [1.0, 2.0, 0.5, 1.5, 3.0],
    }
    bound = pplang.compile_text(source).bind(table)
    dose, weight = np.array([1.2, 1.5, 2.0, 0.9, 0.7]), np.array(table["weight"])
    of = {0: None, 1: None, 2: 0, 3: 1, 4: 3}
    expected = 0.0
    for row, before in of.items():
        location, sd = (1.0, 0.4) if before is None else (0.5 * np.log(dose[before]), 0.5)
        expected += weight[row] * stats.lognorm(sd, 0, np.exp(location)).logpdf(dose[row])
    order = [int(label) - 1 for label in bound.coordinates("Dose_empty")]
    cells = dose[order]
    with jax.enable_x64(True):
        z = bound.unconstrain({"dose": cells})
        jacobian = np.log(cells).sum()
        assert float(bound.log_density(z)) == pytest.approx(expected + jacobian, rel=1e-10)
