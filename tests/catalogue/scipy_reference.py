"""The density of every distribution of the catalogue, by SciPy or by its formula in NumPy: independent of JAX and NumPyro.

`log_density(name, arguments, value)` takes our argument names. Distributions of one number broadcast over arguments and value; joint
distributions and their arguments are single draws. A distribution inside a wrapper is a pair (name, arguments).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import lgamma, pi
from typing import Any

import numpy as np
from scipy import special, stats
from scipy.special import logsumexp

Arguments = Mapping[str, Any]
Frozen = Any


class _Held:
    """A SciPy distribution of one number with its arguments. SciPy's own frozen one writes its documentation anew each time: half a millisecond."""

    def __init__(self, family: Any, *arguments: Any) -> None:
        self._family, self._arguments = family, arguments

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._family, name)
        return lambda *given, **named: method(*given, *self._arguments, **named)


class _Families:
    def __getattr__(self, name: str) -> Callable[..., Frozen]:
        return partial(_Held, getattr(stats, name))


held = _Families()
"""`stats`, for distributions of one number."""


def log_density(name: str, arguments: Arguments, value: Any) -> Any:
    """log of the density, or of the probability, of `value`; minus infinity outside the support."""
    if name in ("Bernoulli", "Binomial") and "logit" in arguments:
        return _successes(value, **arguments)
    if name in FROZEN:
        frozen = FROZEN[name](**arguments)
        value = np.asarray(value)
        with np.errstate(divide="ignore", invalid="ignore"):
            return frozen.logpmf(value) if hasattr(frozen, "pmf") else frozen.logpdf(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        return FORMULAS[name](value, **arguments)


def frozen(name: str, arguments: Arguments) -> Frozen:
    """The SciPy distribution of a scalar one; wrappers have none."""
    return FROZEN[name](**arguments)


def _odds(logit: Any) -> Any:
    return special.expit(logit)


def _successes(value: Any, logit: Any, trials: Any = 1) -> Any:
    """Of the logit itself: SciPy is given p, and 1 - p loses its digits, then vanishes, where p is nearly one."""
    value, trials = np.asarray(value, float), np.asarray(trials, float)
    possible = (value >= 0) & (value <= trials) & (value == np.floor(value))
    log_ways = -np.log1p(trials) - special.betaln(value + 1, trials - value + 1)
    log_chance = value * special.log_expit(logit) + (trials - value) * special.log_expit(-np.asarray(logit))
    return np.where(possible, log_ways + log_chance, -np.inf)


def _negative_binomial(mean: Any = None, dispersion: Any = None, log: Any = None, shape: Any = None, rate: Any = None) -> Frozen:
    if shape is not None:
        return held.nbinom(shape, rate / (1 + np.asarray(rate)))
    mean = np.exp(log) if mean is None else np.asarray(mean)
    return held.nbinom(dispersion, dispersion / (dispersion + mean))


def _covariance(
    cov: Any = None, scale: Any = None, corr: Any = None, corr_cholesky: Any = None, cholesky: Any = None, precision: Any = None
) -> np.ndarray:
    if cov is not None:
        return np.asarray(cov)
    if precision is not None:
        return np.linalg.inv(precision)
    if cholesky is not None:
        return np.asarray(cholesky) @ np.transpose(cholesky)
    corr = np.asarray(corr_cholesky) @ np.transpose(corr_cholesky) if corr is None else np.asarray(corr)
    scale = np.broadcast_to(scale, corr.shape[:1])
    return corr * np.outer(scale, scale)


def _vector(number_or_vector: Any, size: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(number_or_vector, float), (size,))


def _multi_normal(mean: Any, **second: Any) -> Frozen:
    cov = _covariance(**second)
    return stats.multivariate_normal(_vector(mean, len(cov)), cov)


def _gaussian_process(mean: Any, cov: Any, jitter: float = 1e-6) -> Frozen:
    cov = np.asarray(cov)
    return _multi_normal(mean, cov=cov + jitter * np.diag(cov).mean() * np.eye(len(cov)))


def _multi_student_t(degrees: Any, location: Any, scale_matrix: Any = None, cholesky: Any = None) -> Frozen:
    shape = _covariance(cov=scale_matrix, cholesky=cholesky)
    return stats.multivariate_t(_vector(location, len(shape)), shape, degrees)


FROZEN: dict[str, Callable[..., Frozen]] = {
    "Normal": lambda mean, sd: held.norm(mean, sd),
    "StudentT": lambda degrees, location, scale: held.t(degrees, location, scale),
    "Cauchy": lambda location, scale: held.cauchy(location, scale),
    "Laplace": lambda location, scale: held.laplace(location, scale),
    "Logistic": lambda location, scale: held.logistic(location, scale),
    "Gumbel": lambda location, scale: held.gumbel_r(location, scale),
    "SkewNormal": lambda location, scale, shape: held.skewnorm(shape, location, scale),
    "ExponentiallyModifiedNormal": lambda mean, sd, rate: held.exponnorm(1 / (np.asarray(rate) * sd), mean, sd),
    "Uniform": lambda lower, upper: held.uniform(lower, np.asarray(upper) - lower),
    "HalfNormal": lambda scale: held.halfnorm(0, scale),
    "HalfCauchy": lambda scale: held.halfcauchy(0, scale),
    "Exponential": lambda rate: held.expon(0, 1 / np.asarray(rate)),
    "Gamma": lambda shape, rate: held.gamma(shape, 0, 1 / np.asarray(rate)),
    "InverseGamma": lambda shape, scale: held.invgamma(shape, 0, scale),
    "ChiSquared": lambda degrees: held.chi2(degrees),
    "InverseChiSquared": lambda degrees: held.invgamma(np.asarray(degrees) / 2, 0, 0.5),
    "ScaledInverseChiSquared": lambda degrees, scale: held.invgamma(np.asarray(degrees) / 2, 0, degrees * np.asarray(scale) ** 2 / 2),
    "LogNormal": lambda location, scale: held.lognorm(scale, 0, np.exp(location)),
    "Weibull": lambda shape, scale: held.weibull_min(shape, 0, scale),
    "Frechet": lambda shape, scale: held.invweibull(shape, 0, scale),
    "Rayleigh": lambda scale: held.rayleigh(0, scale),
    "LogLogistic": lambda scale, shape: held.fisk(shape, 0, scale),
    "InverseGaussian": lambda mean, shape: held.invgauss(np.asarray(mean) / shape, 0, shape),
    "Gompertz": lambda shape, rate: held.gompertz(shape, 0, 1 / np.asarray(rate)),
    "Dagum": lambda concentration, sharpness, scale: held.mielke(np.asarray(concentration) * sharpness, sharpness, 0, scale),
    "Levy": lambda location, scale: held.levy(location, scale),
    "LogUniform": lambda lower, upper: held.loguniform(lower, upper),
    "Pareto": lambda minimum, shape: held.pareto(shape, 0, minimum),
    "ParetoType2": lambda location, scale, shape: held.lomax(shape, location, scale),
    "Beta": lambda a, b: held.beta(a, b),
    "BetaProportion": lambda mean, concentration: held.beta(mean * np.asarray(concentration), (1 - np.asarray(mean)) * concentration),
    "Bernoulli": lambda p=None, logit=None: held.bernoulli(_odds(logit) if p is None else p),
    "Binomial": lambda trials, p=None, logit=None: held.binom(trials, _odds(logit) if p is None else p),
    "BetaBinomial": lambda trials, a=None, b=None, mean=None, concentration=None: (
        held.betabinom(trials, a, b) if mean is None else held.betabinom(trials, mean * concentration, (1 - mean) * concentration)
    ),
    "Poisson": lambda rate=None, log=None: held.poisson(np.exp(log) if rate is None else rate),
    "NegBinomial": _negative_binomial,
    "Geometric": lambda p: held.geom(p, -1),
    "BetaNegBinomial": lambda successes, a, b: held.betanbinom(successes, a, b),
    "DiscreteUniform": lambda lower, upper: held.randint(lower, np.asarray(upper) + 1),
    "Hypergeometric": lambda draws, successes, failures: held.hypergeom(np.asarray(successes) + failures, successes, draws),
    "MultiNormal": _multi_normal,
    "MultiStudentT": _multi_student_t,
    "GP": _gaussian_process,
    "Wishart": lambda degrees, scale_matrix: stats.wishart(degrees, scale_matrix),
    "InverseWishart": lambda degrees, scale_matrix: stats.invwishart(degrees, scale_matrix),
}
"""Distributions that SciPy has."""


def _half_student_t(value: Any, degrees: Any, scale: Any) -> Any:
    return np.where(np.asarray(value) >= 0, held.t(degrees, 0, scale).logpdf(value) + np.log(2), -np.inf)


def _soft_laplace(value: Any, location: Any, scale: Any) -> Any:
    z = (np.asarray(value) - location) / scale
    return np.log(2 / (pi * np.asarray(scale))) - np.logaddexp(z, -z)


def _kumaraswamy(value: Any, a: Any, b: Any) -> Any:
    value = np.asarray(value)
    return np.where(
        (value > 0) & (value < 1), np.log(a * np.asarray(b)) + (a - 1) * np.log(value) + (b - 1) * np.log1p(-(value**a)), -np.inf
    )


def _skew_laplace(value: Any, location: Any, scale: Any, skew: Any) -> Any:
    z = 2 * (np.asarray(value) - location) / scale
    return np.log(2 * skew * (1 - skew) / scale) + np.where(z < 0, (1 - skew) * z, -skew * z)


def _von_mises(value: Any, mean: Any, concentration: Any) -> Any:
    inside = np.abs(value) <= pi
    return np.where(inside, concentration * (np.cos(np.asarray(value) - mean) - 1) - np.log(2 * pi * special.i0e(concentration)), -np.inf)


def _flat(value: Any, lower: Any = -np.inf, upper: Any = np.inf) -> Any:
    return np.where((np.asarray(value) >= lower) & (np.asarray(value) <= upper), 0.0, -np.inf)


def _multinomial(value: Any, trials: Any, p: Any = None, logits: Any = None) -> Any:
    return stats.multinomial(trials, special.softmax(logits) if p is None else p).logpmf(value)


def _dirichlet(value: Any, concentration: Any) -> Any:
    value = np.asarray(value)
    return stats.dirichlet(_vector(concentration, len(value))).logpdf(value / value.sum())


def _dirichlet_multinomial(value: Any, trials: Any, concentration: Any) -> Any:
    return stats.dirichlet_multinomial(_vector(concentration, len(value)), trials).logpmf(value)


def _categorical(value: Any, p: Any = None, logits: Any = None) -> Any:
    """`value` is a position in the set, of which p or logits has one number each on its last axis."""
    log_p = np.log(np.asarray(p, float)) if p is not None else np.asarray(logits) - logsumexp(logits, -1, keepdims=True)
    value = np.asarray(value, int)
    shape = np.broadcast_shapes(value.shape, log_p.shape[:-1])
    table = np.broadcast_to(log_p, (*shape, log_p.shape[-1]))
    return np.take_along_axis(table, np.broadcast_to(value, shape)[..., None], -1)[..., 0]


def _ordinal(noise: Frozen) -> Callable[..., Any]:
    def density(value: Any, eta: Any, cut: Any) -> Any:
        cut, value = np.asarray(cut), np.asarray(value, int)
        shape = np.broadcast_shapes(value.shape, np.shape(eta), cut.shape[:-1])
        ends = np.broadcast_to(cut, (*shape, cut.shape[-1])) - np.broadcast_to(eta, shape)[..., None]
        infinite = np.full((*shape, 1), np.inf)
        ends = np.concatenate([-infinite, ends, infinite], -1)
        low, high = (np.take_along_axis(ends, np.broadcast_to(value, shape)[..., None] + step, -1)[..., 0] for step in (0, 1))
        upper_half = low > 0
        larger = np.where(upper_half, noise.logsf(low), noise.logcdf(high))
        smaller = np.where(upper_half, noise.logsf(high), noise.logcdf(low))
        return larger + np.log1p(-np.exp(smaller - larger))

    return density


def _lkj_constant(size: int, shape: float) -> float:
    """log of the integral of det(R)^(shape - 1) over correlation matrices (Lewandowski, Kurowicka and Joe 2009, equation 16)."""
    total = 0.0
    for k in range(1, size):
        b = shape + (size - 1 - k) / 2
        total += (2 * shape - 2 + size - k) * (size - k) * np.log(2) + (size - k) * special.betaln(b, b)
    return float(total)


def _lkj(value: Any, shape: Any) -> Any:
    return (shape - 1) * np.linalg.slogdet(value)[1] - _lkj_constant(len(value), shape)


def _lkj_cholesky(value: Any, shape: Any) -> Any:
    """That of R = L L' with the Jacobian of the map, the product over rows k = 2..K of L_kk^(K - k)."""
    diagonal = np.diag(value)
    jacobian = sum((len(diagonal) - 1 - k) * np.log(diagonal[k]) for k in range(1, len(diagonal)))
    return 2 * (shape - 1) * np.log(diagonal).sum() + jacobian - _lkj_constant(len(value), shape)


def _mass(inner: tuple[str, Arguments], lower: Any, upper: Any) -> Any:
    """log P(lower <= X <= upper), by SciPy's functions of the nearer tail."""
    one = frozen(*inner) if inner[0] in FROZEN else _Wrapped(*inner)
    discrete = inner[0] in _COUNTS
    below = None if lower is None else (np.ceil(lower) - 1 if discrete else np.asarray(lower, float))
    if below is None:
        return np.zeros(()) if upper is None else one.logcdf(upper)
    if upper is None:
        return one.logsf(below)
    in_upper_half = one.cdf(below) > 0.5
    larger = np.where(in_upper_half, one.logsf(below), one.logcdf(upper))
    smaller = np.where(in_upper_half, one.logsf(upper), one.logcdf(below))
    return larger + np.log1p(-np.exp(smaller - larger))


class _Wrapped:
    """The tails of the distributions that SciPy lacks and that tests truncate."""

    def __init__(self, name: str, arguments: Arguments) -> None:
        self.name, self.arguments = name, arguments

    def cdf(self, x: Any) -> Any:
        if self.name == "HalfStudentT":
            return np.maximum(0, 2 * held.t(self.arguments["degrees"], 0, self.arguments["scale"]).cdf(x) - 1)
        if self.name == "SkewLaplace":
            location, scale, skew = (self.arguments[one] for one in ("location", "scale", "skew"))
            z = 2 * (np.asarray(x) - location) / scale
            return np.where(z < 0, skew * np.exp(np.minimum((1 - skew) * z, 0)), 1 - (1 - skew) * np.exp(-np.maximum(skew * z, 0)))
        if self.name == "Truncated":
            arguments = dict(self.arguments)
            inner = arguments.pop("distribution")
            lower, upper = arguments.get("lower"), arguments.get("upper")
            return np.exp(_mass(inner, lower, x) - _mass(inner, lower, upper))
        raise KeyError(self.name)

    def logcdf(self, x: Any) -> Any:
        return np.log(self.cdf(x))

    def logsf(self, x: Any) -> Any:
        return np.log1p(-self.cdf(x))


_COUNTS = (
    "Bernoulli",
    "Binomial",
    "BetaBinomial",
    "Poisson",
    "NegBinomial",
    "Geometric",
    "BetaNegBinomial",
    "DiscreteUniform",
    "Hypergeometric",
)


def _truncated(value: Any, distribution: tuple[str, Arguments], lower: Any = None, upper: Any = None) -> Any:
    value = np.asarray(value)
    inside = (value >= (-np.inf if lower is None else lower)) & (value <= (np.inf if upper is None else upper))
    return np.where(inside, log_density(*distribution, value) - _mass(distribution, lower, upper), -np.inf)


def _censored(value: Any, distribution: tuple[str, Arguments], right: Any = False, left: Any = False) -> Any:
    exact = np.where(left, _mass(distribution, None, value), log_density(*distribution, value))
    return np.where(right, _mass(distribution, value, None), exact)


def _interval(value: Any, distribution: tuple[str, Arguments], lower: Any, upper: Any) -> Any:
    value, lower, upper = (np.asarray(one, float) for one in (value, lower, upper))
    mass = _mass(distribution, lower, upper)
    counted = mass if distribution[0] in _COUNTS else np.where(lower < upper, mass, log_density(*distribution, value))
    return np.where((value >= lower) & (value <= upper), counted, -np.inf)


def _ordered(value: Any, distribution: tuple[str, Arguments]) -> Any:
    value = np.asarray(value)
    increasing = (np.diff(value, axis=-1) > 0).all(-1)
    separate = log_density(*distribution, np.moveaxis(value, -1, 0)).sum(0)
    return np.where(increasing, separate + lgamma(value.shape[-1] + 1), -np.inf)


def _sum_to_zero(value: Any, distribution: tuple[str, Arguments]) -> Any:
    """The joint normal density, divided by that of sum / sqrt(size) at zero, of which the orthonormal coordinates are independent."""
    value = np.asarray(value)
    sd = distribution[1]["sd"]
    return held.norm(0, sd).logpdf(value).sum(-1) - held.norm(0, sd).logpdf(0)


def _zero_inflated(value: Any, p: Any, distribution: tuple[str, Arguments]) -> Any:
    drawn = np.log1p(-np.asarray(p)) + log_density(*distribution, value)
    return np.where(np.asarray(value) == 0, np.logaddexp(np.log(p), drawn), drawn)


def _mixture(value: Any, component: tuple[str, Arguments], weights: Any) -> Any:
    """The arguments of the component have the index k of the mixture as their last axis."""
    return logsumexp(np.log(weights) + log_density(*component, np.asarray(value)[..., None]), -1)


def _sequential(value: Any, eta: Any, cut: Any) -> Any:
    """Member by member: every step below it taken, its own not."""

    def one(value: int, eta: float, *cut: float) -> float:
        taken = sum(-np.log1p(np.exp(-(eta - step))) for step in cut[:value])
        return float(taken + (-np.log1p(np.exp(eta - cut[value])) if value < len(cut) else 0.0))

    steps = np.moveaxis(np.asarray(cut), -1, 0)
    return np.vectorize(one)(value, eta, *steps)


def _adjacent(value: Any, eta: Any, cut: Any) -> Any:
    def one(value: int, eta: float, *cut: float) -> float:
        weights = [sum(eta - step for step in cut[:k]) for k in range(len(cut) + 1)]
        return float(weights[value] - logsumexp(weights))

    return np.vectorize(one)(value, eta, *np.moveaxis(np.asarray(cut), -1, 0))


FORMULAS: dict[str, Callable[..., Any]] = {
    "HalfStudentT": _half_student_t,
    "SkewLaplace": _skew_laplace,
    "SoftLaplace": _soft_laplace,
    "Kumaraswamy": _kumaraswamy,
    "VonMises": _von_mises,
    "Flat": _flat,
    "HalfFlat": lambda value: _flat(value, 0.0),
    "Dirichlet": _dirichlet,
    "Multinomial": _multinomial,
    "DirichletMultinomial": _dirichlet_multinomial,
    "Categorical": _categorical,
    "OrderedLogistic": _ordinal(held.logistic()),
    "OrderedProbit": _ordinal(held.norm()),
    "SequentialLogistic": _sequential,
    "AdjacentLogistic": _adjacent,
    "LKJ": _lkj,
    "LKJCholesky": _lkj_cholesky,
    "Truncated": _truncated,
    "Censored": _censored,
    "Interval": _interval,
    "Ordered": _ordered,
    "Independent": lambda value, distribution: log_density(*distribution, value).sum(-1),
    "SumToZero": _sum_to_zero,
    "ZeroInflated": _zero_inflated,
    "Mixture": _mixture,
}
"""Distributions that SciPy lacks, or has in another form."""

ELSEWHERE = ("Transformed", "Chain", "MostProbablePath")
"""Transformed: compared with its own distribution and the Jacobian by automatic differentiation, in test_bijections. Chain: compared with the sum
over all paths, in tests/lower/test_chains.py. MostProbablePath: with the best of all paths, in tests/lower/test_viterbi.py."""
