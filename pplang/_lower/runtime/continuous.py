"""Distributions of one real number that NumPyro lacks, as NumPyro distributions. Arguments broadcast; they are the catalogue's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.special import gammaincc, gammaln, log_ndtr
from jax.typing import ArrayLike
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes, validate_sample


class Scalar(dist.Distribution):
    """A distribution of one number whose arguments are the keys of `arg_constraints`, given by keyword."""

    def __init__(self, *, validate_args: bool | None = None, **arguments: ArrayLike) -> None:
        shape = jnp.broadcast_shapes(*(jnp.shape(value) for value in arguments.values()))
        for name, value in zip(arguments, promote_shapes(*arguments.values(), shape=shape), strict=True):
            setattr(self, name, value)
        super().__init__(shape, validate_args=validate_args)

    def _uniform(self, key: jax.Array, sample_shape: tuple[int, ...]) -> jax.Array:
        return jax.random.uniform(key, self.shape(sample_shape), minval=jnp.finfo(jnp.result_type(float)).tiny)


class HalfStudentT(Scalar):
    """|x| of a StudentT(degrees, 0, scale)."""

    arg_constraints = {"degrees": constraints.positive, "scale": constraints.positive}
    support = constraints.positive
    reparametrized_params = ["scale"]
    degrees: jax.Array
    scale: jax.Array

    @property
    def whole(self) -> dist.StudentT:
        """The distribution before folding."""
        return dist.StudentT(self.degrees, 0.0, self.scale)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return self.whole.log_prob(value) + jnp.log(2.0)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return jnp.abs(self.whole.sample(key, sample_shape))


class InverseGamma(Scalar):
    """1 / x has a Gamma(shape, scale)."""

    arg_constraints = {"shape_": constraints.positive, "scale": constraints.positive}
    support = constraints.positive
    reparametrized_params = ["shape_", "scale"]
    shape_: jax.Array
    scale: jax.Array

    def __init__(self, shape: ArrayLike, scale: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(shape_=shape, scale=scale, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        a = self.shape_
        return a * jnp.log(self.scale) - gammaln(a) - (a + 1) * jnp.log(value) - self.scale / value

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.scale / dist.Gamma(self.shape_, 1.0).expand(self.batch_shape).sample(key, sample_shape)

    def cdf(self, value: ArrayLike) -> jax.Array:
        return gammaincc(self.shape_, self.scale / value)

    @property
    def mean(self) -> jax.Array:
        return jnp.where(self.shape_ > 1, self.scale / (self.shape_ - 1), jnp.inf)

    @property
    def variance(self) -> jax.Array:
        a = self.shape_
        return jnp.where(a > 2, self.scale**2 / ((a - 1) ** 2 * jnp.abs(a - 2)), jnp.inf)


def inverse_chi_squared(degrees: ArrayLike) -> InverseGamma:
    """1 / x has a ChiSquared(degrees)."""
    return InverseGamma(jnp.asarray(degrees) / 2, 0.5)


def scaled_inverse_chi_squared(degrees: ArrayLike, scale: ArrayLike) -> InverseGamma:
    """degrees * scale^2 / x has a ChiSquared(degrees)."""
    half = jnp.asarray(degrees) / 2
    return InverseGamma(half, half * jnp.asarray(scale) ** 2)


def rayleigh(scale: ArrayLike) -> dist.Weibull:
    """The length of a plane vector with two Normal(0, scale) parts."""
    return dist.Weibull(scale=jnp.sqrt(2.0) * jnp.asarray(scale), concentration=2.0)


class Frechet(Scalar):
    """1 / x has a Weibull(shape, 1 / scale)."""

    arg_constraints = {"shape_": constraints.positive, "scale": constraints.positive}
    support = constraints.positive
    reparametrized_params = ["shape_", "scale"]
    shape_: jax.Array
    scale: jax.Array

    def __init__(self, shape: ArrayLike, scale: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(shape_=shape, scale=scale, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        log_ratio = jnp.log(value) - jnp.log(self.scale)
        return jnp.log(self.shape_ / self.scale) - (1 + self.shape_) * log_ratio - jnp.exp(-self.shape_ * log_ratio)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.icdf(self._uniform(key, sample_shape))

    def cdf(self, value: ArrayLike) -> jax.Array:
        return jnp.exp(-((jnp.asarray(value) / self.scale) ** -self.shape_))

    def icdf(self, q: ArrayLike) -> jax.Array:
        return self.scale * (-jnp.log(q)) ** (-1 / self.shape_)


class LogLogistic(Scalar):
    """log(x) has a Logistic(log(scale), 1 / shape)."""

    arg_constraints = {"scale": constraints.positive, "shape_": constraints.positive}
    support = constraints.positive
    reparametrized_params = ["scale", "shape_"]
    scale: jax.Array
    shape_: jax.Array

    def __init__(self, scale: ArrayLike, shape: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(scale=scale, shape_=shape, validate_args=validate_args)

    def log_odds(self, value: ArrayLike) -> jax.Array:
        """logit of the cumulative distribution function."""
        return self.shape_ * (jnp.log(value) - jnp.log(self.scale))

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        z = self.log_odds(value)
        return jnp.log(self.shape_) - jnp.log(value) + jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.icdf(self._uniform(key, sample_shape))

    def cdf(self, value: ArrayLike) -> jax.Array:
        return jax.nn.sigmoid(self.log_odds(value))

    def icdf(self, q: ArrayLike) -> jax.Array:
        return self.scale * jnp.exp((jnp.log(q) - jnp.log1p(-jnp.asarray(q))) / self.shape_)


class Pareto(Scalar):
    """A power law above `minimum`: P(X > x) = (minimum / x)^shape."""

    arg_constraints = {"minimum": constraints.positive, "shape_": constraints.positive}
    reparametrized_params = ["minimum", "shape_"]
    minimum: jax.Array
    shape_: jax.Array

    def __init__(self, minimum: ArrayLike, shape: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(minimum=minimum, shape_=shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.greater_than_eq(self.minimum)

    def log_survival(self, value: ArrayLike) -> jax.Array:
        return self.shape_ * (jnp.log(self.minimum) - jnp.log(value))

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.log(self.shape_) - jnp.log(value) + self.log_survival(value)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.minimum * self._uniform(key, sample_shape) ** (-1 / self.shape_)

    def cdf(self, value: ArrayLike) -> jax.Array:
        return -jnp.expm1(self.log_survival(value))


class ParetoType2(Scalar):
    """The Lomax distribution from `location` on: P(X > x) = (1 + (x - location) / scale)^-shape."""

    arg_constraints = {"location": constraints.real, "scale": constraints.positive, "shape_": constraints.positive}
    reparametrized_params = ["location", "scale", "shape_"]
    location: jax.Array
    scale: jax.Array
    shape_: jax.Array

    def __init__(self, location: ArrayLike, scale: ArrayLike, shape: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(location=location, scale=scale, shape_=shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.greater_than_eq(self.location)

    def log_survival(self, value: ArrayLike) -> jax.Array:
        return -self.shape_ * jnp.log1p((value - self.location) / self.scale)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        z = (value - self.location) / self.scale
        return jnp.log(self.shape_ / self.scale) - (self.shape_ + 1) * jnp.log1p(z)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.location + self.scale * jnp.expm1(-jnp.log(self._uniform(key, sample_shape)) / self.shape_)

    def cdf(self, value: ArrayLike) -> jax.Array:
        return -jnp.expm1(self.log_survival(value))


class SkewNormal(Scalar):
    """2 / scale * phi(z) * Phi(shape * z) with z = (x - location) / scale (Azzalini 1985)."""

    arg_constraints = {"location": constraints.real, "scale": constraints.positive, "shape_": constraints.real}
    support = constraints.real
    reparametrized_params = ["location", "scale", "shape_"]
    location: jax.Array
    scale: jax.Array
    shape_: jax.Array

    def __init__(self, location: ArrayLike, scale: ArrayLike, shape: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(location=location, scale=scale, shape_=shape, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        z = (value - self.location) / self.scale
        return dist.Normal(self.location, self.scale).log_prob(value) + jnp.log(2.0) + log_ndtr(self.shape_ * z)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        folded, free = jax.random.normal(key, (2, *self.shape(sample_shape)))
        delta = self.shape_ / jnp.sqrt(1 + self.shape_**2)
        return self.location + self.scale * (delta * jnp.abs(folded) + jnp.sqrt(1 - delta**2) * free)


class SkewLaplace(Scalar):
    """Stan's skew double exponential: slopes 2 (1 - skew) / scale below `location` and 2 skew / scale above it."""

    arg_constraints = {"location": constraints.real, "scale": constraints.positive, "skew": constraints.unit_interval}
    support = constraints.real
    reparametrized_params = ["location", "scale", "skew"]
    location: jax.Array
    scale: jax.Array
    skew: jax.Array

    def __init__(self, location: ArrayLike, scale: ArrayLike, skew: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(location=location, scale=scale, skew=skew, validate_args=validate_args)

    def exponent(self, value: ArrayLike) -> jax.Array:
        """How far `value` is from `location`, in units of its side; positive on both sides."""
        z = 2 * (value - self.location) / self.scale
        return jnp.where(z < 0, -(1 - self.skew) * z, self.skew * z)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.log(2 * self.skew * (1 - self.skew) / self.scale) - self.exponent(value)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        up, down = jax.random.exponential(key, (2, *self.shape(sample_shape))) * self.scale / 2
        return self.location + up / self.skew - down / (1 - self.skew)

    def cdf(self, value: ArrayLike) -> jax.Array:
        tail = jnp.exp(-self.exponent(value))
        return jnp.where(value < self.location, self.skew * tail, 1 - (1 - self.skew) * tail)


class ExponentiallyModifiedNormal(Scalar):
    """The sum of a Normal(mean, sd) and an Exponential(rate)."""

    arg_constraints = {"center": constraints.real, "sd": constraints.positive, "rate": constraints.positive}
    support = constraints.real
    reparametrized_params = ["center", "sd", "rate"]
    center: jax.Array
    sd: jax.Array
    rate: jax.Array

    def __init__(self, mean: ArrayLike, sd: ArrayLike, rate: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(center=mean, sd=sd, rate=rate, validate_args=validate_args)

    def log_tail(self, value: ArrayLike) -> jax.Array:
        """log of density / rate, which is also what the normal's cumulative distribution function exceeds the cumulative one by."""
        z = (value - self.center) / self.sd
        k = self.rate * self.sd
        return k * (k / 2 - z) + log_ndtr(z - k)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.log(self.rate) + self.log_tail(value)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        normal_key, wait_key = jax.random.split(key)
        shape = self.shape(sample_shape)
        return self.center + self.sd * jax.random.normal(normal_key, shape) + jax.random.exponential(wait_key, shape) / self.rate


class Flat(dist.ImproperUniform):
    """The improper density one, between bounds that may depend on parameters (None: no bound). It has no draws."""

    def __init__(self, lower: ArrayLike | None = None, upper: ArrayLike | None = None, *, validate_args: bool | None = None) -> None:
        shape = jnp.broadcast_shapes(*(jnp.shape(bound) for bound in (lower, upper) if bound is not None))
        super().__init__(_between(lower, upper), shape, (), validate_args=validate_args)

    def log_prob(self, value: ArrayLike) -> jax.Array:
        """Minus infinity outside the bounds, whether or not NumPyro's validation is on: they may be parameters."""
        return jnp.where(self.support(jnp.asarray(value)), jnp.zeros(self.batch_shape), -jnp.inf)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        raise NotImplementedError("a flat prior is improper: it has no draws; use a proper one, such as Normal(0, 10)")


def HalfFlat() -> Flat:
    """The improper density one above zero."""
    return Flat(lower=0.0)


def _between(lower: ArrayLike | None, upper: ArrayLike | None) -> Any:
    match lower, upper:
        case None, None:
            return constraints.real
        case _, None:
            return constraints.greater_than(lower)
        case None, _:
            return constraints.less_than(upper)
    return constraints.open_interval(lower, upper)
