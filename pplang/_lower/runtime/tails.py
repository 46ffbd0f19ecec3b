"""Cumulative distribution functions on the log scale, exact in both tails: what truncation and censoring are made of.

A distribution joins by registering what it has; the default takes its `cdf`. `log_cdf` is log P(X <= x), `log_survival` is log P(X > x),
for continuous and discrete distributions alike.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import betainc, erf, gammainc, gammaincc, log_ndtr
from jax.typing import ArrayLike
from numpyro.distributions import constraints

from pplang._lower.runtime import continuous, discrete
from pplang._lower.runtime.special import log_difference, regularized_beta, safe_log, student_tail


def is_discrete(distribution: dist.Distribution) -> bool:
    """Does it draw whole numbers?"""
    return bool(distribution.support.is_discrete)


def bounds(distribution: dist.Distribution) -> tuple[ArrayLike | None, ArrayLike | None]:
    """The ends of the support of a distribution of one number; None where it has none."""
    constraint: Any = distribution.support
    lower = getattr(constraint, "lower_bound", None)
    upper = getattr(constraint, "upper_bound", None)
    if constraint is constraints.boolean:
        lower, upper = 0, 1
    if constraint is constraints.circular:
        lower, upper = -jnp.pi, jnp.pi
    return lower, upper


def _infinite_bounds(distribution: dist.Distribution) -> tuple[jax.Array, jax.Array]:
    lower, upper = bounds(distribution)
    return jnp.asarray(-jnp.inf if lower is None else lower, float), jnp.asarray(jnp.inf if upper is None else upper, float)


def log_cdf(distribution: dist.Distribution, x: ArrayLike) -> jax.Array:
    """log P(X <= x), for any x."""
    return _log_tails(distribution, x)[0]


def log_survival(distribution: dist.Distribution, x: ArrayLike) -> jax.Array:
    """log P(X > x), for any x."""
    return _log_tails(distribution, x)[1]


def _log_tails(distribution: dist.Distribution, x: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Both; outside the support they are 0 and minus infinity, and the formulas see a value inside it."""
    x = jnp.asarray(x, float)
    lower, upper = _infinite_bounds(distribution)
    if is_discrete(distribution):
        x = jnp.floor(x)
        below, above = x < lower, x >= upper
    else:
        below, above = x <= lower, x >= upper
    inside = ~below & ~above
    feasible = jnp.where(
        jnp.isinf(lower), jnp.where(jnp.isinf(upper), 0.0, upper - 1), jnp.where(jnp.isinf(upper), lower + 1, (lower + upper) / 2)
    )
    middle = lower if is_discrete(distribution) else feasible
    low, high = tails(distribution, jnp.where(inside, x, jnp.where(jnp.isinf(middle), 0.0, middle)))
    return jnp.where(inside, low, jnp.where(below, -jnp.inf, 0.0)), jnp.where(inside, high, jnp.where(below, 0.0, -jnp.inf))


def log_mass(distribution: dist.Distribution, lower: ArrayLike | None, upper: ArrayLike | None) -> jax.Array:
    """log P(lower <= X <= upper), taken in the tail that loses nothing. None is no bound."""
    if lower is not None and is_discrete(distribution):
        lower = jnp.ceil(jnp.asarray(lower, float)) - 1
    if lower is None:
        return jnp.zeros(distribution.batch_shape) if upper is None else log_cdf(distribution, upper)
    low, low_rest = _log_tails(distribution, lower)
    if upper is None:
        return low_rest
    high, high_rest = _log_tails(distribution, upper)
    in_upper_half = low > low_rest
    larger = jnp.where(in_upper_half, low_rest, high)
    smaller = jnp.where(in_upper_half, high_rest, low)
    return log_difference(larger, smaller)


def quantile(distribution: dist.Distribution, log_below: ArrayLike, log_above: ArrayLike) -> jax.Array:
    """The x with log P(X <= x) = log_below and log P(X > x) = log_above (for a discrete one the least x that reaches it), by bisection.

    The search is in asinh(x), so that 200 halvings reach every float64; of the two logarithms the smaller one is compared.
    """
    largest = jnp.finfo(jnp.result_type(float)).max / 4
    lower, upper = (jnp.clip(bound, -largest, largest) for bound in _infinite_bounds(distribution))
    below, above = jnp.broadcast_arrays(log_below, log_above)
    shape = jnp.broadcast_shapes(below.shape, distribution.batch_shape)
    start = jnp.broadcast_to(lower - (1 if is_discrete(distribution) else 0), shape)
    bracket = jnp.arcsinh(start), jnp.broadcast_to(jnp.arcsinh(upper), shape)

    def halve(_: int, bracket: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        left, right = bracket
        middle = (left + right) / 2
        low, high = _log_tails(distribution, jnp.sinh(middle))
        reached = jnp.where(below < above, low >= below, high <= above)
        return jnp.where(reached, left, middle), jnp.where(reached, middle, right)

    _, right = jax.lax.fori_loop(0, 200, halve, bracket)
    found = jnp.sinh(right)
    return jnp.round(found) if is_discrete(distribution) else found


# What each distribution knows of its tails. Inside the support only.


@singledispatch
def tails(distribution: dist.Distribution, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """log P(X <= x) and log P(X > x) for x inside the support."""
    below = distribution.cdf(x)
    return safe_log(below), safe_log(1 - below)


def _finite_exp(x: jax.Array) -> jax.Array:
    """exp below its overflow, level above: an infinity here would meet a slope of 0 in the other tail, and make it NaN."""
    return jnp.exp(jnp.minimum(x, 709.0))


def _with_survival(log_above: jax.Array) -> tuple[jax.Array, jax.Array]:
    return safe_log(-jnp.expm1(log_above)), log_above


@tails.register
def _(distribution: dist.Normal, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.loc) / distribution.scale
    return log_ndtr(z), log_ndtr(-z)


@tails.register
def _(distribution: dist.LogNormal, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (jnp.log(x) - distribution.loc) / distribution.scale
    return log_ndtr(z), log_ndtr(-z)


@tails.register
def _(distribution: dist.HalfNormal, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = x / distribution.scale
    return safe_log(erf(z / jnp.sqrt(2.0))), log_ndtr(-z) + jnp.log(2.0)


@tails.register
def _(distribution: dist.Logistic, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.loc) / distribution.scale
    return jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)


@tails.register
def _(distribution: continuous.LogLogistic, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = distribution.log_odds(x)
    return jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)


@tails.register
def _(distribution: dist.Laplace, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.loc) / distribution.scale
    near = -_size(z) - jnp.log(2.0)
    far = jnp.log1p(-jnp.exp(near))
    return jnp.where(z < 0, near, far), jnp.where(z < 0, far, near)


@tails.register
def _(distribution: dist.Cauchy, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.loc) / distribution.scale
    return jnp.log(jnp.arctan2(1.0, -z) / jnp.pi), jnp.log(jnp.arctan2(1.0, z) / jnp.pi)


@tails.register
def _(distribution: dist.HalfCauchy, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = x / distribution.scale
    return safe_log(2 * jnp.arctan(z) / jnp.pi), jnp.log(2 * jnp.arctan2(1.0, z) / jnp.pi)


@tails.register
def _(distribution: dist.StudentT, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.loc) / distribution.scale
    near = safe_log(student_tail(_size(z), distribution.df))
    far = jnp.log1p(-jnp.exp(near))
    return jnp.where(z < 0, near, far), jnp.where(z < 0, far, near)


@tails.register
def _(distribution: continuous.HalfStudentT, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _with_survival(safe_log(2 * student_tail(x / distribution.scale, distribution.degrees)))


def _size(z: jax.Array) -> jax.Array:
    """|z|, with the derivative 1 at 0: there z counts as the least of the positive numbers."""
    return jnp.where(z < 0, -z, z)


@tails.register
def _(distribution: dist.Gumbel, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    below = -_finite_exp(-(x - distribution.loc) / distribution.scale)
    return below, safe_log(-jnp.expm1(below))


@tails.register
def _(distribution: continuous.SkewLaplace, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    exponent, skew = distribution.exponent(x), distribution.skew
    left = x < distribution.location
    near = -exponent + jnp.log(jnp.where(left, skew, 1 - skew))
    far = jnp.log1p(-jnp.exp(near))
    return jnp.where(left, near, far), jnp.where(left, far, near)


@tails.register
def _(distribution: continuous.ExponentiallyModifiedNormal, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    z = (x - distribution.center) / distribution.sd
    return log_difference(log_ndtr(z), distribution.log_tail(x)), jnp.logaddexp(log_ndtr(-z), distribution.log_tail(x))


@tails.register
def _(distribution: dist.Uniform, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    width = distribution.high - distribution.low
    return safe_log((x - distribution.low) / width), safe_log((distribution.high - x) / width)


@tails.register
def _(distribution: dist.Exponential, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _with_survival(-distribution.rate * x)


@tails.register
def _(distribution: dist.Weibull, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _with_survival(-_finite_exp(distribution.concentration * (jnp.log(x) - jnp.log(distribution.scale))))


@tails.register(continuous.Pareto)
@tails.register(continuous.ParetoType2)
def _(distribution: continuous.Pareto | continuous.ParetoType2, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _with_survival(distribution.log_survival(x))


@tails.register
def _(distribution: continuous.Frechet, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    below = -_finite_exp(-distribution.shape_ * (jnp.log(x) - jnp.log(distribution.scale)))
    return below, safe_log(-jnp.expm1(below))


@tails.register
def _(distribution: dist.Gamma, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, scaled = distribution.concentration, distribution.rate * x
    return safe_log(gammainc(a, scaled)), safe_log(gammaincc(a, scaled))


@tails.register
def _(distribution: continuous.InverseGamma, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, scaled = distribution.shape_, distribution.scale / x
    return safe_log(gammaincc(a, scaled)), safe_log(gammainc(a, scaled))


@tails.register
def _(distribution: dist.Beta, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, b = distribution.concentration1, distribution.concentration0
    return safe_log(regularized_beta(a, b, x)), safe_log(regularized_beta(b, a, 1 - x))


@tails.register
def _(distribution: dist.Poisson, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return safe_log(gammaincc(x + 1, distribution.rate)), safe_log(gammainc(x + 1, distribution.rate))


@tails.register
def _(distribution: discrete.PoissonLog, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return tails(distribution.by_rate, x)


@tails.register(dist.BinomialProbs)
@tails.register(dist.BinomialLogits)
def _(distribution: dist.BinomialProbs | dist.BinomialLogits, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    n = jnp.asarray(distribution.total_count, float)
    left = jnp.maximum(n - x, 1.0)
    p, q = _chances(distribution)
    return safe_log(betainc(left, x + 1, q)), safe_log(betainc(x + 1, left, p))


def _chances(distribution: dist.BinomialProbs | dist.BinomialLogits) -> tuple[jax.Array, jax.Array]:
    if isinstance(distribution, dist.BinomialLogits):
        return jax.nn.sigmoid(distribution.logits), jax.nn.sigmoid(-distribution.logits)
    return distribution.probs, 1 - distribution.probs


@tails.register
def _(distribution: discrete.NegBinomial, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, log_odds = distribution.dispersion, distribution.log_odds
    below = regularized_beta(a, x + 1, jax.nn.sigmoid(-log_odds))
    return safe_log(below), safe_log(regularized_beta(x + 1, a, jax.nn.sigmoid(log_odds)))


@tails.register
def _(distribution: dist.GeometricProbs, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _with_survival((x + 1) * jnp.log1p(-distribution.probs))


@tails.register
def _(distribution: dist.DiscreteUniform, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    count = distribution.high - distribution.low + 1.0
    return safe_log((x - distribution.low + 1) / count), safe_log((distribution.high - x) / count)


@tails.register
def _(distribution: dist.BernoulliLogits, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.nn.log_sigmoid(-distribution.logits) + 0 * x, jax.nn.log_sigmoid(distribution.logits) + 0 * x
