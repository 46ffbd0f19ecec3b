"""Distributions made of distributions. All are normalised (SumToZero: on its hyperplane); `base` is a NumPyro distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaln, logsumexp
from jax.typing import ArrayLike
from numpyro.distributions import constraints, transforms

from pplang._lower.runtime.bijections import OrderedBetween
from pplang._lower.runtime.special import safe_log
from pplang._lower.runtime.tails import bounds, is_discrete, log_cdf, log_mass, log_survival, quantile, tails


def _shape(base: dist.Distribution, *arguments: ArrayLike | None) -> tuple[int, ...]:
    return jnp.broadcast_shapes(base.batch_shape, *(jnp.shape(one) for one in arguments if one is not None))


class Truncated(dist.Distribution):
    """`base`, of one number, given lower <= x <= upper; a bound may be left out."""

    arg_constraints = {"lower": constraints.real, "upper": constraints.real}
    pytree_data_fields = ("base", "lower", "upper")

    def __init__(
        self, base: dist.Distribution, lower: ArrayLike | None = None, upper: ArrayLike | None = None, *, validate_args: bool | None = None
    ) -> None:
        self.base, self.lower, self.upper = base, lower, upper
        super().__init__(_shape(base, lower, upper), validate_args=validate_args)

    def get_args(self) -> dict[str, ArrayLike]:
        return {name: value for name, value in (("lower", self.lower), ("upper", self.upper)) if value is not None}

    @property
    def ends(self) -> tuple[ArrayLike | None, ArrayLike | None]:
        """The bounds, narrowed to the support of `base` (None: no bound at all)."""
        low, high = bounds(self.base)
        ends = [_narrower(jnp.maximum, self.lower, low), _narrower(jnp.minimum, self.upper, high)]
        if is_discrete(self.base):
            ends = [
                None if end is None else nearest(jnp.asarray(end, float)) for end, nearest in zip(ends, (jnp.ceil, jnp.floor), strict=True)
            ]
        return ends[0], ends[1]

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        lower, upper = self.ends
        if is_discrete(self.base):
            return constraints.integer_greater_than(lower) if upper is None else constraints.integer_interval(lower, upper)
        if lower is None:
            return constraints.real if upper is None else constraints.less_than_eq(upper)
        return constraints.greater_than_eq(lower) if upper is None else constraints.interval(lower, upper)

    @property
    def log_normalizer(self) -> jax.Array:
        """log of the probability that `base` lies between the bounds."""
        return log_mass(self.base, self.lower, self.upper)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        """Minus infinity outside the bounds, whether or not NumPyro's validation is on: the bounds may be parameters."""
        value = jnp.asarray(value)
        inside = jnp.ones((), bool)
        if self.lower is not None:
            inside &= value >= self.lower
        if self.upper is not None:
            inside &= value <= self.upper
        return jnp.where(inside, self.base.log_prob(value) - self.log_normalizer, -jnp.inf)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        u = jax.random.uniform(key, self.shape(sample_shape), minval=jnp.finfo(jnp.result_type(float)).tiny)
        before = -jnp.inf if self.lower is None else _log_before(self.base, self.lower)
        after = -jnp.inf if self.upper is None else log_survival(self.base, self.upper)
        below = jnp.logaddexp(before, jnp.log(u) + self.log_normalizer)
        above = jnp.logaddexp(after, jnp.log1p(-u) + self.log_normalizer)
        drawn = quantile(self.base, below, above)
        drawn = drawn if self.lower is None else jnp.maximum(drawn, self.lower)
        drawn = drawn if self.upper is None else jnp.minimum(drawn, self.upper)
        return drawn.astype(int) if is_discrete(self.base) else drawn


def _narrower(choose: Callable[..., jax.Array], first: ArrayLike | None, second: ArrayLike | None) -> ArrayLike | None:
    if first is None or second is None:
        return second if first is None else first
    return choose(first, second)


def _log_before(base: dist.Distribution, value: ArrayLike) -> jax.Array:
    """log P(X < value)."""
    return log_cdf(base, jnp.ceil(jnp.asarray(value, float)) - 1 if is_discrete(base) else value)


@tails.register
def _(distribution: Truncated, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    whole = distribution.log_normalizer
    after = jnp.floor(x) + 1 if is_discrete(distribution.base) else x
    return log_mass(distribution.base, distribution.lower, x) - whole, log_mass(distribution.base, after, distribution.upper) - whole


class _Recorded(dist.Distribution):
    """Draws are those of `base`; only how a recorded value counts differs."""

    base: dist.Distribution

    @property
    def support(self) -> constraints.Constraint:
        return self.base.support

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.base.expand(self.batch_shape).sample(key, sample_shape)


def _counting(base: dist.Distribution, where: ArrayLike) -> dist.Distribution:
    """`base`, whose parameters have no slope where it does not count: there its density may be infinite, which times zero is no number."""

    def kept(parameter: ArrayLike) -> ArrayLike:
        real = jnp.issubdtype(jnp.result_type(parameter), jnp.floating)
        return jnp.where(where, parameter, jax.lax.stop_gradient(parameter)) if real else parameter

    return jax.tree.map(kept, base)


class Censored(_Recorded):
    """A value counts as P(X >= value) where `right` holds, as P(X <= value) where `left` does, and by its density elsewhere."""

    arg_constraints: dict[str, Any] = {}
    pytree_data_fields = ("base", "right", "left")

    def __init__(
        self, base: dist.Distribution, right: ArrayLike | None = None, left: ArrayLike | None = None, *, validate_args: bool | None = None
    ) -> None:
        self.base, self.right, self.left = base, right, left
        super().__init__(_shape(base, right, left), validate_args=validate_args)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        right, left = (jnp.asarray(False if one is None else one) for one in (self.right, self.left))
        result = _counting(self.base, ~right & ~left).log_prob(value)
        if self.left is not None:
            result = jnp.where(left, log_cdf(_counting(self.base, left & ~right), value), result)
        if self.right is not None:
            result = jnp.where(right, log_mass(_counting(self.base, right), value, None), result)
        return result


class Interval(_Recorded):
    """A value counts as P(lower <= X <= upper); where the bounds are equal, by its density. A value outside them is impossible."""

    arg_constraints: dict[str, Any] = {}
    pytree_data_fields = ("base", "lower", "upper")

    def __init__(self, base: dist.Distribution, lower: ArrayLike, upper: ArrayLike, *, validate_args: bool | None = None) -> None:
        self.base, self.lower, self.upper = base, lower, upper
        super().__init__(_shape(base, lower, upper), validate_args=validate_args)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value, lower, upper = (jnp.asarray(one) for one in (value, self.lower, self.upper))
        if is_discrete(self.base):
            counted = log_mass(self.base, lower, upper)
        else:
            mass = log_mass(_counting(self.base, lower < upper), lower, upper)
            counted = jnp.where(lower < upper, mass, _counting(self.base, lower >= upper).log_prob(value))
        return jnp.where((value >= lower) & (value <= upper), counted, -jnp.inf)


class Ordered(dist.Distribution):
    """`size` independent draws of `base`, sorted: density size! times the product, on increasing vectors."""

    arg_constraints: dict[str, Any] = {}
    pytree_data_fields = ("base",)

    def __init__(self, base: dist.Distribution, size: int, *, validate_args: bool | None = None) -> None:
        self.base = base
        super().__init__(base.batch_shape, (size,), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        lower, upper = bounds(self.base)
        return OrderedBetween(lower, upper)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(value)
        increasing = (value[..., 1:] > value[..., :-1]).all(-1)
        separate = self.base.log_prob(jnp.moveaxis(value, -1, 0)).sum(0)
        return jnp.where(increasing, separate + gammaln(self.event_shape[0] + 1.0), -jnp.inf)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        drawn = self.base.sample(key, self.event_shape + sample_shape)
        return jnp.sort(jnp.moveaxis(drawn, 0, -1), -1)


def independent(base: dist.Normal, size: int) -> dist.Distribution:
    """`size` independent draws of Normal(m, s) as one joint draw."""
    location, scale = (jnp.expand_dims(jnp.broadcast_to(part, base.batch_shape), -1) for part in (base.loc, base.scale))
    return dist.Normal(location, scale).expand((*base.batch_shape, size)).to_event(1)


def sum_to_zero(base: dist.Normal, size: int) -> dist.TransformedDistribution:
    """`size` draws of Normal(m, s) given that their sum is zero (m plays no part), a normalised density on that hyperplane.

    The density is taken in orthonormal coordinates of the hyperplane: -(size - 1) / 2 log(2 pi s^2) - sum x^2 / (2 s^2). Stan's
    sum_to_zero_vector with a normal prior has size in place of size - 1, which is not normalised in s.
    """
    # NumPyro's ZeroSumNormal has one scale for all its draws.
    scale = jnp.expand_dims(jnp.broadcast_to(base.scale, base.batch_shape), -1)
    free = dist.Normal(0.0, scale).expand((*base.batch_shape, size - 1)).to_event(1)
    return dist.TransformedDistribution(free, transforms.ZeroSumTransform(1))


class ZeroInflated(dist.Distribution):
    """Zero with probability `gate`, otherwise a draw of `base`."""

    arg_constraints = {"gate": constraints.unit_interval}
    pytree_data_fields = ("base", "gate")

    def __init__(self, gate: ArrayLike, base: dist.Distribution, *, validate_args: bool | None = None) -> None:
        self.gate, self.base = gate, base
        super().__init__(_shape(base, gate), validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        return self.base.support

    def log_prob(self, value: ArrayLike) -> jax.Array:
        drawn = _log1m(self.gate) + self.base.log_prob(value)
        return jnp.where(jnp.asarray(value) == 0, _log_sum(safe_log(self.gate), drawn), drawn)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        gate_key, base_key = jax.random.split(key)
        empty = jax.random.uniform(gate_key, self.shape(sample_shape)) < self.gate
        return jnp.where(empty, 0, self.base.expand(self.batch_shape).sample(base_key, sample_shape))


@tails.register
def _(distribution: ZeroInflated, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    low, high = tails(distribution.base, x)
    rest = _log1m(distribution.gate)
    return _log_sum(safe_log(distribution.gate), rest + low), rest + high


def _log1m(p: ArrayLike) -> jax.Array:
    """log(1 - p), minus infinity with a zero gradient at p = 1."""
    below = jnp.asarray(p) < 1
    return jnp.where(below, jnp.log1p(-jnp.where(below, p, 0.0)), -jnp.inf)


def _log_sum(x: ArrayLike, y: ArrayLike) -> jax.Array:
    """log(exp x + exp y); a term that is minus infinity takes no part in the gradient."""
    return _log_sum_exp(jnp.stack(jnp.broadcast_arrays(x, y), -1))


def _log_sum_exp(terms: jax.Array) -> jax.Array:
    """logsumexp over the last axis; terms that are minus infinity take no part in the gradient."""
    possible = ~jnp.isneginf(terms)
    total = logsumexp(jnp.where(possible, terms, 0.0), -1, where=possible)
    return jnp.where(possible.any(-1), total, -jnp.inf)


class Mixture(dist.Distribution):
    """A draw of component k with probability weights[..., k]; the components are the last batch axis of `base` (of one number)."""

    arg_constraints = {"weights": constraints.independent(constraints.unit_interval, 1)}
    pytree_data_fields = ("base", "weights")

    def __init__(self, base: dist.Distribution, weights: ArrayLike, *, validate_args: bool | None = None) -> None:
        self.base, self.weights = base, weights
        super().__init__(_shape(base, weights)[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """The components must share a support that does not depend on parameters."""
        return self.base.support

    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(value)[..., None]
        return _log_sum_exp(safe_log(self.weights) + self.base.log_prob(value))

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        choice_key, base_key = jax.random.split(key)
        shape = (*self.batch_shape, jnp.shape(self.weights)[-1])
        every = self.base.expand(shape).sample(base_key, sample_shape)
        weights = jnp.broadcast_to(safe_log(self.weights), every.shape)
        chosen = jax.random.categorical(choice_key, weights)
        return jnp.take_along_axis(every, chosen[..., None], -1)[..., 0]


@tails.register
def _(distribution: Mixture, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    low, high = log_cdf(distribution.base, x[..., None]), log_survival(distribution.base, x[..., None])
    weights = safe_log(distribution.weights)
    return _log_sum_exp(weights + low), _log_sum_exp(weights + high)


def transformed(base: dist.Distribution, bijection: transforms.Transform) -> dist.Distribution:
    """The free value of which `bijection` (free → constrained) makes a draw of `base`: a distribution on all of R^n."""
    if isinstance(base, dist.LKJ):
        # The matrix loses accuracy on its way to the factor and back, and NumPyro cannot invert it; the factor's own law is exact.
        base = dist.LKJCholesky(base.dimension, base.concentration)
        bijection = transforms.CorrCholeskyTransform()
    return dist.TransformedDistribution(base, bijection.inv)
