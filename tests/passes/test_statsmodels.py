"""Chains integrated out against the Kalman filter of statsmodels, both with the same normal distribution of the first state."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter

import pplang

STEPS = 400


def filtered(y: np.ndarray, keep: float, drift: np.ndarray, step: float, noise: float, first: tuple[float, float]) -> float:
    """log p(y) by statsmodels: y = x + noise, x = keep x before + drift + step; first: mean and sd of x at the first time."""
    model = KalmanFilter(1, 1, nobs=len(y), design=[[1.0]], selection=[[1.0]])
    model.bind(y.copy())
    model["transition"], model["state_cov"], model["obs_cov"] = [[keep]], [[step**2]], [[noise**2]]
    model["state_intercept"] = drift[None, :]
    model.initialize_known(np.array([first[0]]), np.array([[first[1] ** 2]]))
    return float(model.loglike())


def found(model: str, y: np.ndarray, **values: float | np.ndarray) -> float:
    """The log density of pplang at these values, Jacobian included."""
    bound = pplang.compile_text(model).bind({"y": y})
    with jax.enable_x64(True):
        return float(bound.log_density(bound.unconstrain(values)))


def series(seed: int, gaps: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = 10 + np.cumsum(0.3 * rng.normal(size=STEPS)) + 0.8 * rng.normal(size=STEPS)
    y[[5, 6, 7, 100, STEPS - 1]] = np.nan if gaps else y[[5, 6, 7, 100, STEPS - 1]]
    return y


@pytest.mark.parametrize("s", [0.4, 1e-3])
def test_local_level_with_gaps(s: float) -> None:
    model = """
data Row ordered:
  y : real?

s_level ~ HalfNormal(1)
s_obs ~ HalfNormal(1)
@integrate
x[t in Row] ~ Normal(x[t-1], s_level)
  starting Normal(10, 2)
y[t in Row] ~ Normal(x[t], s_obs)
"""
    y, noise = series(1, gaps=True), 0.8
    expected = filtered(y, 1.0, np.zeros(STEPS), s, noise, (10, 2))
    prior = stats.halfnorm.logpdf([s, noise]).sum() + np.log([s, noise]).sum()
    assert found(model, y, s_level=s, s_obs=noise) == pytest.approx(expected + prior, rel=1e-8)


def test_autoregression_with_noise() -> None:
    model = """
data Row ordered:
  y : real

m ~ Normal(10, 5)
keep ~ Uniform(0, 1)
s ~ HalfNormal(1)
@integrate
x[t in Row] ~ Normal(keep * x[t-1], s)
  starting Normal(0, s / sqrt(1 - keep^2))
y[t in Row] ~ Normal(m + x[t], 0.5)
"""
    y, m, keep, s = series(2, gaps=False), 9.5, 0.93, 0.6
    expected = filtered(y - m, keep, np.zeros(STEPS), s, 0.5, (0, s / np.sqrt(1 - keep**2)))
    prior = stats.norm(10, 5).logpdf(m) + stats.halfnorm.logpdf(s) + np.log(s) + np.log(keep * (1 - keep))
    assert found(model, y, m=m, keep=keep, s=s) == pytest.approx(expected + prior, rel=1e-8)


def test_local_trend_given_its_slopes() -> None:
    model = """
data Row ordered:
  y : real

slope[t in Row] ~ Normal(slope[t-1], 0.1)
  starting Normal(0, 0.5)
@integrate
x[t in Row] ~ Normal(x[t-1] + slope[t-1], 0.3)
  starting Normal(10, 2)
y[t in Row] ~ Normal(x[t], 0.8)
"""
    y, rng = series(3, gaps=False), np.random.default_rng(4)
    steps = rng.normal(size=STEPS)
    slopes = np.cumsum(steps * np.r_[0.5, np.full(STEPS - 1, 0.1)])
    expected = filtered(y, 1.0, slopes, 0.3, 0.8, (10, 2))
    assert found(model, y, slope=slopes) == pytest.approx(expected + stats.norm.logpdf(steps).sum(), rel=1e-8)
