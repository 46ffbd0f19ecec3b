"""Distributions of waiting times that NumPyro lacks, or has without what truncation needs. Arguments broadcast; they are the catalogue's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr
from jax.typing import ArrayLike
from numpyro.distributions import constraints
from numpyro.distributions.util import validate_sample

from pplang._lower.runtime.continuous import Scalar


class InverseGaussian(Scalar):
    """When Brownian motion with drift first reaches a level (Wald): variance mean^3 / shape."""

    arg_constraints = {"mean_": constraints.positive, "shape_": constraints.positive}
    support = constraints.positive
    mean_: jax.Array
    shape_: jax.Array

    def __init__(self, mean: ArrayLike, shape: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(mean_=mean, shape_=shape, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(value)
        squared = self.shape_ * (value - self.mean_) ** 2 / (2 * self.mean_**2 * value)
        return 0.5 * (jnp.log(self.shape_) - jnp.log(2 * jnp.pi) - 3 * jnp.log(value)) - squared

    def cdf(self, value: ArrayLike) -> jax.Array:
        value = jnp.asarray(value)
        root = jnp.sqrt(self.shape_ / value)
        above = jnp.exp(2 * self.shape_ / self.mean_ + log_ndtr(-root * (value / self.mean_ + 1)))
        return jnp.exp(log_ndtr(root * (value / self.mean_ - 1))) + above

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Michael, Schucany and Haas (1976)."""
        first, second = jax.random.split(key)
        shape = self.shape(sample_shape)
        y = jax.random.normal(first, shape) ** 2 * self.mean_ / (2 * self.shape_)
        smaller = self.mean_ / (1 + y + jnp.sqrt(y * (2 + y)))
        lower = jax.random.uniform(second, shape) * (self.mean_ + smaller) <= self.mean_
        return jnp.where(lower, smaller, self.mean_**2 / smaller)


class Gompertz(Scalar):
    """Lifetimes whose hazard shape * rate * exp(rate x) grows exponentially with age."""

    arg_constraints = {"shape_": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    shape_: jax.Array
    rate: jax.Array

    def __init__(self, shape: ArrayLike, rate: ArrayLike, *, validate_args: bool | None = None) -> None:
        super().__init__(shape_=shape, rate=rate, validate_args=validate_args)

    @validate_sample
    def log_prob(self, value: ArrayLike) -> jax.Array:
        grown = self.rate * jnp.asarray(value)
        return jnp.log(self.shape_) + jnp.log(self.rate) + grown - self.shape_ * jnp.expm1(grown)

    def cdf(self, value: ArrayLike) -> jax.Array:
        return -jnp.expm1(-self.shape_ * jnp.expm1(self.rate * jnp.asarray(value)))

    def icdf(self, q: ArrayLike) -> jax.Array:
        return jnp.log1p(-jnp.log1p(-jnp.asarray(q)) / self.shape_) / self.rate

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.icdf(self._uniform(key, sample_shape))
