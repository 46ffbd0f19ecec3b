"""What our own distributions draw, against SciPy, and the moments that any of them offers. Seeds are fixed.

The samplers of NumPyro's classes are NumPyro's to test; that we name their arguments right is seen from densities and moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from pplang._catalogue.distributions import DISTRIBUTIONS
from tests.catalogue.build import build, form_for
from tests.catalogue.cases import COV, TRUNCATED
from tests.catalogue.scipy_reference import FROZEN, frozen, log_density

DRAWS = 2000
LEAST_P_VALUE = 1e-4

CONTINUOUS: dict[str, dict[str, Any]] = {
    "Normal": {"mean": 1.0, "sd": 0.5},
    "StudentT": {"degrees": 3.0, "location": 1.0, "scale": 0.5},
    "Cauchy": {"location": 1.0, "scale": 0.5},
    "Laplace": {"location": 1.0, "scale": 0.5},
    "Logistic": {"location": 1.0, "scale": 0.5},
    "Gumbel": {"location": 1.0, "scale": 0.5},
    "SkewNormal": {"location": 1.0, "scale": 0.5, "shape": -2.0},
    "ExponentiallyModifiedNormal": {"mean": 1.0, "sd": 0.5, "rate": 2.0},
    "Uniform": {"lower": -1.0, "upper": 3.0},
    "HalfNormal": {"scale": 2.0},
    "HalfCauchy": {"scale": 2.0},
    "Exponential": {"rate": 2.0},
    "Gamma": {"shape": 1.5, "rate": 2.0},
    "InverseGamma": {"shape": 4.5, "scale": 2.0},
    "ChiSquared": {"degrees": 3.0},
    "InverseChiSquared": {"degrees": 9.0},
    "ScaledInverseChiSquared": {"degrees": 9.0, "scale": 2.0},
    "LogNormal": {"location": 1.0, "scale": 0.5},
    "Weibull": {"shape": 1.5, "scale": 2.0},
    "Frechet": {"shape": 1.5, "scale": 2.0},
    "Rayleigh": {"scale": 2.0},
    "LogLogistic": {"scale": 2.0, "shape": 1.5},
    "InverseGaussian": {"mean": 2.0, "shape": 1.5},
    "Gompertz": {"shape": 0.5, "rate": 0.7},
    "Dagum": {"concentration": 1.5, "sharpness": 3.0, "scale": 2.0},
    "Levy": {"location": 1.0, "scale": 0.5},
    "LogUniform": {"lower": 0.1, "upper": 30.0},
    "Pareto": {"minimum": 2.0, "shape": 1.5},
    "ParetoType2": {"location": 1.0, "scale": 2.0, "shape": 1.5},
    "Beta": {"a": 0.7, "b": 2.0},
    "BetaProportion": {"mean": 0.3, "concentration": 4.0},
}
COUNTS: dict[str, dict[str, Any]] = {
    "Bernoulli": {"p": 0.3},
    "Binomial": {"trials": 7, "p": 0.3},
    "BetaBinomial": {"trials": 7, "a": 2.0, "b": 3.0},
    "Poisson": {"log": 1.1},
    "NegBinomial": {"mean": 3.0, "dispersion": 1.5},
    "Geometric": {"p": 0.3},
    "BetaNegBinomial": {"successes": 3.0, "a": 5.0, "b": 2.0},
    "DiscreteUniform": {"lower": 2, "upper": 6},
    "Hypergeometric": {"draws": 6, "successes": 5, "failures": 7},
}
WITHOUT_SCIPY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("HalfStudentT", {"degrees": 3.0, "scale": 2.0}),
    ("SkewLaplace", {"location": 1.0, "scale": 2.0, "skew": 0.3}),
    ("SoftLaplace", {"location": 1.0, "scale": 2.0}),
    ("Kumaraswamy", {"a": 0.7, "b": 2.0}),
)
WRAPPED_COUNTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Truncated", {"distribution": ("Poisson", {"rate": 3.0}), "lower": 1, "upper": 6}),
    ("Truncated", {"distribution": ("NegBinomial", {"mean": 3.0, "dispersion": 1.5}), "lower": 2}),
    ("Truncated", {"distribution": ("Binomial", {"trials": 9, "p": 0.4}), "upper": 3}),
    ("ZeroInflated", {"p": 0.3, "distribution": ("Poisson", {"rate": 3.0})}),
    ("Mixture", {"component": ("Poisson", {"rate": np.array([1.0, 9.0])}), "weights": np.array([0.3, 0.7])}),
    ("Categorical", {"p": np.array([0.2, 0.5, 0.3])}),
    ("OrderedLogistic", {"eta": 0.4, "cut": np.array([-1.0, 0.3, 2.0])}),
    ("OrderedProbit", {"eta": 0.4, "cut": np.array([-1.0, 0.3, 2.0])}),
    ("SequentialLogistic", {"eta": 0.4, "cut": np.array([0.3, -1.0, 2.0])}),
    ("AdjacentLogistic", {"eta": 0.4, "cut": np.array([0.3, -1.0, 2.0])}),
)


def _ours(name: str, arguments: dict[str, Any]) -> bool:
    return form_for(DISTRIBUTIONS[name], set(arguments)).numpyro.startswith("pplang.")


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def _draws(name: str, arguments: dict[str, Any], size: int | None = None, count: int = DRAWS) -> np.ndarray:
    return np.asarray(build(name, arguments, size).sample(jax.random.PRNGKey(20), (count,)))


@pytest.mark.parametrize("name", [name for name, arguments in CONTINUOUS.items() if _ours(name, arguments)])
def test_continuous_draws(name: str) -> None:
    draws = _draws(name, CONTINUOUS[name])
    assert draws.shape == (DRAWS,)
    assert stats.kstest(draws, frozen(name, CONTINUOUS[name]).cdf).pvalue > LEAST_P_VALUE


def _numeric_cdf(name: str, arguments: dict[str, Any], draws: np.ndarray) -> Any:
    """The cumulative distribution function by the trapezoid rule on a fine grid over the draws."""
    grid = np.linspace(draws.min(), draws.max(), 200_001)
    density = np.exp(log_density(name, arguments, grid))
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    return lambda x: np.interp(x, grid, mass / mass[-1])


@pytest.mark.parametrize(("name", "arguments"), WITHOUT_SCIPY, ids=[name for name, _ in WITHOUT_SCIPY])
def test_continuous_draws_without_scipy(name: str, arguments: dict[str, Any]) -> None:
    draws = _draws(name, arguments)
    assert stats.kstest(draws, _numeric_cdf(name, arguments, draws)).pvalue > LEAST_P_VALUE


_SMOOTH = [case for case in TRUNCATED if all(np.ndim(one) == 0 for one in case.arguments.values() if not isinstance(one, tuple))]
_SMOOTH = [case for case in _SMOOTH if np.asarray(case.inside).dtype == np.float64 and "lower" in case.arguments]


@pytest.mark.parametrize("case", _SMOOTH[::3], ids=str)
def test_truncated_draws(case: Any) -> None:
    draws = _draws(case.name, case.arguments, count=500)
    lower = case.arguments["lower"]
    assert (draws >= lower).all()
    grid = np.append(lower, draws)
    assert stats.kstest(draws, _numeric_cdf(case.name, case.arguments, grid)).pvalue > LEAST_P_VALUE


def _assert_frequencies(draws: np.ndarray, probability: Any) -> None:
    """Chi-square over the values that are expected five times or more, the rest taken together."""
    values = np.arange(0, 60)
    expected = probability(values) * len(draws)
    common = expected >= 5
    observed = np.array([(draws == value).sum() for value in values[common]])
    rest = len(draws) - expected[common].sum()
    cells, wanted = (
        (np.append(observed, len(draws) - observed.sum()), np.append(expected[common], rest))
        if rest > 1e-6
        else (observed, expected[common])
    )
    assert cells.sum() == len(draws)
    assert stats.chisquare(cells, wanted * len(draws) / wanted.sum()).pvalue > LEAST_P_VALUE


@pytest.mark.parametrize("name", [name for name, arguments in COUNTS.items() if _ours(name, arguments)])
def test_discrete_draws(name: str) -> None:
    _assert_frequencies(_draws(name, COUNTS[name]), frozen(name, COUNTS[name]).pmf)


@pytest.mark.parametrize(("name", "arguments"), WRAPPED_COUNTS, ids=[name for name, _ in WRAPPED_COUNTS])
def test_discrete_draws_without_scipy(name: str, arguments: dict[str, Any]) -> None:
    members = len(arguments["cut"]) + 1 if "cut" in arguments else len(arguments["p"]) if name == "Categorical" else 60

    def probability(values: np.ndarray) -> np.ndarray:
        return np.where(values < members, np.exp(log_density(name, arguments, np.minimum(values, members - 1))), 0.0)

    _assert_frequencies(_draws(name, arguments), probability)


@pytest.mark.parametrize("name", [*CONTINUOUS, *COUNTS])
def test_moments_that_are_offered_are_right(name: str) -> None:
    arguments = {**CONTINUOUS, **COUNTS}[name]
    found, wanted = build(name, arguments), frozen(name, arguments)
    try:
        mean, variance = found.mean, found.variance
    except NotImplementedError:
        pytest.skip("no moments offered")
    if np.isfinite(wanted.mean()) and np.isfinite(mean).all():
        np.testing.assert_allclose(mean, wanted.mean(), rtol=1e-6)
    if np.isfinite(wanted.var()) and np.isfinite(variance).all():
        np.testing.assert_allclose(variance, wanted.var(), rtol=1e-6)


P = np.array([0.2, 0.5, 0.3])
JOINT_MEANS: tuple[tuple[str, dict[str, Any], Any, Any], ...] = (
    ("Multinomial", {"trials": 9, "p": P}, 9 * P, 9 * P * (1 - P)),
    ("DirichletMultinomial", {"trials": 9, "concentration": 4 * P}, 9 * P, 9 * P * (1 - P) * 13 / 5),
    ("MultiNormal", {"mean": P, "scale": np.sqrt(np.diag(COV)), "corr": np.eye(3)}, P, np.diag(COV)),
    ("MultiStudentT", {"degrees": 12.0, "location": P, "scale_matrix": COV}, P, np.diag(COV) * 12 / 10),
    ("GP", {"mean": P, "cov": COV, "jitter": 0.5}, P, np.diag(COV) + 0.5 * np.diag(COV).mean()),
    ("SumToZero", {"distribution": ("Normal", {"mean": 0.0, "sd": 2.0})}, 0.0, 4 * (1 - 1 / 3)),
    ("Ordered", {"distribution": ("Uniform", {"lower": 0.0, "upper": 1.0})}, np.array([1, 2, 3]) / 4, np.array([3, 4, 3]) / 80),
)


@pytest.mark.parametrize(("name", "arguments", "mean", "variance"), JOINT_MEANS, ids=[one[0] for one in JOINT_MEANS])
def test_joint_draws_have_their_moments(name: str, arguments: dict[str, Any], mean: Any, variance: Any) -> None:
    draws = _draws(name, arguments, 3, 4000)
    error = 5 * np.sqrt(np.asarray(variance) / len(draws)) + 1e-12
    assert (np.abs(draws.mean(0) - mean) < error).all()
    np.testing.assert_allclose(draws.var(0), np.broadcast_to(variance, draws.shape[1:]), rtol=0.25, atol=1e-12)


def test_draws_of_ordered_and_sum_to_zero_obey() -> None:
    ordered = _draws("Ordered", {"distribution": ("Normal", {"mean": np.array([0.0, 5.0]), "sd": 1.0})}, 4, 50)
    assert ordered.shape == (50, 2, 4)
    assert (np.diff(ordered, axis=-1) > 0).all()
    centred = _draws("SumToZero", {"distribution": ("Normal", {"mean": 0.0, "sd": 1.0})}, 4, 50)
    np.testing.assert_allclose(centred.sum(-1), 0, atol=1e-12)


def test_censored_and_interval_draw_from_what_they_wrap() -> None:
    normal = ("Normal", {"mean": 1.0, "sd": 0.5})
    for name, rest in (("Censored", {"right": True}), ("Interval", {"lower": 3.0, "upper": 4.0})):
        draws = _draws(name, {"distribution": normal, **rest})
        assert stats.kstest(draws, stats.norm(1, 0.5).cdf).pvalue > LEAST_P_VALUE


def test_flat_refuses_to_draw() -> None:
    for name in ("Flat", "HalfFlat"):
        with pytest.raises(NotImplementedError, match="improper"):
            _draws(name, {})


def test_every_reference_with_draws_is_covered() -> None:
    joint = {"MultiNormal", "MultiStudentT", "GP", "Wishart", "InverseWishart"}
    assert set(FROZEN) - joint == {*CONTINUOUS, *COUNTS}
