"""Constrained → free, the bijections of the catalogue as functions of the constrained value; in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pplang._lower.runtime import bijections


def _inverse(transform: Any, x: ArrayLike) -> jax.Array:
    return transform._inverse(jnp.asarray(x))


def lower_free(x: ArrayLike, lower: ArrayLike) -> jax.Array:
    return jnp.log(jnp.asarray(x) - lower)


def upper_free(x: ArrayLike, upper: ArrayLike) -> jax.Array:
    return jnp.log(upper - jnp.asarray(x))


def interval_free(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> jax.Array:
    return jnp.log(jnp.asarray(x) - lower) - jnp.log(upper - jnp.asarray(x))


def affine_free(x: ArrayLike, shift: ArrayLike, scale: ArrayLike) -> jax.Array:
    return (jnp.asarray(x) - shift) / scale


def simplex_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.simplex(), x)


def ordered_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.ordered(), x)


def positive_ordered_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.positive_ordered(), x)


def ordered_lower_free(x: ArrayLike, lower: ArrayLike) -> jax.Array:
    return _inverse(bijections.ordered_lower(lower), x)


def ordered_upper_free(x: ArrayLike, upper: ArrayLike) -> jax.Array:
    return _inverse(bijections.ordered_upper(upper), x)


def ordered_interval_free(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> jax.Array:
    return _inverse(bijections.ordered_interval(lower, upper), x)


def corr_cholesky_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.corr_cholesky(), x)


def correlation_free(x: ArrayLike) -> jax.Array:
    return corr_cholesky_free(jnp.linalg.cholesky(jnp.asarray(x)))


def covariance_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.covariance(), x)


def sum_to_zero_free(x: ArrayLike) -> jax.Array:
    return _inverse(bijections.sum_to_zero(), x)
