"""Special functions that JAX lacks, or of which it lacks a derivative. All work element by element and broadcast."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import betainc, digamma, gammaln
from jax.typing import ArrayLike


def safe_log(x: ArrayLike) -> jax.Array:
    """log(x), minus infinity with a zero gradient where x is not positive."""
    positive = jnp.asarray(x) > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), -jnp.inf)


def log_difference(larger: ArrayLike, smaller: ArrayLike) -> jax.Array:
    """log(exp(larger) - exp(smaller)); minus infinity with a zero gradient where the difference is not positive."""
    gap = jnp.where(jnp.isneginf(smaller), jnp.inf, jnp.asarray(larger) - jnp.where(jnp.isneginf(smaller), 0.0, smaller))
    apart = gap > 0
    return jnp.where(apart, larger + jnp.log(-jnp.expm1(-jnp.where(apart, gap, 1.0))), -jnp.inf)


def log_sum_exp(terms: ArrayLike, axis: int | tuple[int, ...] = -1) -> jax.Array:
    """log of the sum of exponentials; minus infinity with a zero gradient where every term is."""
    terms = jnp.asarray(terms)
    top = lax.stop_gradient(jnp.max(terms, axis, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    return safe_log(jnp.exp(terms - top).sum(axis)) + jnp.squeeze(top, axis)


def times_log(count: ArrayLike, x: ArrayLike) -> jax.Array:
    """count * log(x); 0 where count is 0, whatever x is, else minus infinity where x is 0: both with a zero gradient."""
    counted = jnp.asarray(count) > 0
    return jnp.where(counted, count * safe_log(jnp.where(counted, x, 1.0)), 0.0)


def times_log1m(count: ArrayLike, x: ArrayLike) -> jax.Array:
    """count * log(1 - x); 0 where count is 0, whatever x is, else minus infinity where x is 1: both with a zero gradient."""
    counted = jnp.asarray(count) > 0
    below = counted & (jnp.asarray(x) < 1)
    return jnp.where(counted, jnp.where(below, count * jnp.log1p(-jnp.where(below, x, 0.0)), -jnp.inf), 0.0)


def log_choose(n: ArrayLike, k: ArrayLike) -> jax.Array:
    """log of the number of ways to take k of n."""
    n, k = jnp.asarray(n, float), jnp.asarray(k, float)
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def log_beta(a: ArrayLike, b: ArrayLike) -> jax.Array:
    """log of the beta function; JAX's own has seven digits only."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def log_rising(x: ArrayLike, k: ArrayLike) -> jax.Array:
    """log(Gamma(x + k) / (Gamma(x) x^k)), which tends to 0 for large x.

    From x = 30 on by the difference of two Stirling series, since that of two log gamma functions loses all its digits.
    """
    x, k = jnp.asarray(x), jnp.asarray(k)
    large = x > 30
    big, small = jnp.where(large, x, 30.0), jnp.where(large, 1.0, x)
    series = (big + k - 0.5) * jnp.log1p(k / big) - k + _stirling(big + k) - _stirling(big)
    return jnp.where(large, series, gammaln(small + k) - gammaln(small) - k * jnp.log(small))


def _stirling(x: jax.Array) -> jax.Array:
    """The rest of log Gamma(x) in Stirling's formula, for x of 30 or more (Abramowitz and Stegun 6.1.41)."""
    inverse = 1 / x
    square = inverse**2
    return inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


@jax.custom_jvp
def regularized_beta(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> jax.Array:
    """The regularised incomplete beta function I_x(a, b), differentiable in all three arguments (JAX's is in x only)."""
    return betainc(a, b, x)


@regularized_beta.defjvp
def _regularized_beta_jvp(primals: tuple[ArrayLike, ...], tangents: tuple[ArrayLike, ...]) -> tuple[jax.Array, jax.Array]:
    a, b, x = (jnp.asarray(one) for one in primals)
    value = betainc(a, b, x)
    by_a, by_b = _shape_derivatives(a, b, x, value)
    inside = (x > 0) & (x < 1)
    safe = jnp.where(inside, x, 0.5)
    by_x = jnp.where(inside, jnp.exp((a - 1) * jnp.log(safe) + (b - 1) * jnp.log1p(-safe) - log_beta(a, b)), 0.0)
    return value, by_a * tangents[0] + by_b * tangents[1] + by_x * tangents[2]


def _shape_derivatives(a: jax.Array, b: jax.Array, x: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The derivatives of I_x(a, b) in a and b, by quadrature of the smaller tail.

    With E the mean over a Beta(a, b) truncated to the tail T of mass F: dF/da = F (E_T log t - psi(a) + psi(a + b)), likewise in b with
    log(1 - t). The integrals are taken in u = logit t, where the integrand is smooth and has one peak, over the part of it that counts.
    """
    swap = x > a / (a + b)
    x = jnp.clip(x, np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
    tail_a, tail_b = jnp.where(swap, b, a), jnp.where(swap, a, b)
    end = jnp.where(swap, jnp.log1p(-x) - jnp.log(x), jnp.log(x) - jnp.log1p(-x))
    log_t, log_1t, density = _tail_nodes(tail_a, tail_b, end)
    total = jnp.where(swap, 1 - value, value)
    by_tail_a = (density * log_t).sum(0) - total * (digamma(tail_a) - digamma(tail_a + tail_b))
    by_tail_b = (density * log_1t).sum(0) - total * (digamma(tail_b) - digamma(tail_a + tail_b))
    inside = (value > 0) & (value < 1)
    by_a = jnp.where(swap, -by_tail_b, by_tail_a)
    by_b = jnp.where(swap, -by_tail_a, by_tail_b)
    return jnp.where(inside, by_a, 0.0), jnp.where(inside, by_b, 0.0)


def _tail_nodes(a: jax.Array, b: jax.Array, end: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """log t, log(1 - t) and density times weight at the nodes of (-inf, end] in u = logit t.

    The integrand is exp(a u) / (1 + exp u)^(a + b): log-concave with slope a - (a + b) t at u, which is at least `slope` up to `end`; the
    curvature there gives the width of a peak. Two panels: a near one in which a peak lies, a far one over the exponential tail.
    """
    t = jax.nn.sigmoid(end)
    slope = jnp.maximum(a - (a + b) * t, 0.0)
    curvature = (a + b) * t * (1 - t)
    reach = 40.0 / (slope / 2 + jnp.sqrt(slope**2 / 4 + curvature) + 1e-300)
    far = jnp.maximum(reach, 45.0 / a)
    near = jnp.minimum(reach, far / 2)
    pieces = []
    for start, width in ((end, near), (end - near, far - near)):
        u = start - width * (1 - _NODES.reshape(-1, *(1,) * jnp.ndim(end))) / 2
        weight = width * _WEIGHTS.reshape(-1, *(1,) * jnp.ndim(end)) / 2
        log_t, log_1t = jax.nn.log_sigmoid(u), jax.nn.log_sigmoid(-u)
        pieces.append((log_t, log_1t, weight * jnp.exp(a * log_t + b * log_1t - log_beta(a, b))))
    log_t, log_1t, density = (jnp.concatenate(parts) for parts in zip(*pieces, strict=True))
    return log_t, log_1t, density


@jax.custom_jvp
def student_tail(z: ArrayLike, degrees: ArrayLike) -> jax.Array:
    """P(T > z) for z >= 0 and T standard Student t. Differentiable at z = 0 too, where the incomplete beta function is not."""
    z, degrees = jnp.asarray(z), jnp.asarray(degrees)
    return betainc(degrees / 2, 0.5, degrees / (degrees + z**2)) / 2


@student_tail.defjvp
def _student_tail_jvp(primals: tuple[ArrayLike, ...], tangents: tuple[ArrayLike, ...]) -> tuple[jax.Array, jax.Array]:
    z, degrees = (jnp.asarray(one) for one in primals)
    x = degrees / (degrees + z**2)
    value = betainc(degrees / 2, 0.5, x)
    density = jnp.exp(degrees / 2 * jnp.log(x) - log_beta(degrees / 2, 0.5)) * jnp.sqrt(x / degrees)
    by_half, _ = _shape_derivatives(degrees / 2, jnp.asarray(0.5), x, value)
    by_degrees = by_half / 4 + density * z / (2 * degrees)
    return value / 2, -density * tangents[0] + by_degrees * tangents[1]
