"""Functions of the language in JAX, where JAX does not have them under one name. Tables are over the last axes; leading axes are plates."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pplang._lower.runtime.special import log_beta as log_beta
from pplang._lower.runtime.special import log_choose as log_choose


def cumulative_sum(x: ArrayLike) -> jax.Array:
    return jnp.cumsum(jnp.asarray(x), axis=-1)


def log_determinant(x: ArrayLike) -> jax.Array:
    """log |det x|"""
    return jnp.linalg.slogdet(x)[1]
