"""Functions of the language in JAX, where JAX does not have them under one name. Tables are over the last axes; leading axes are plates."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pplang._lower.runtime import matrices
from pplang._lower.runtime.special import log_beta as log_beta
from pplang._lower.runtime.special import log_choose as log_choose


def cumulative_sum(x: ArrayLike) -> jax.Array:
    return jnp.cumsum(jnp.asarray(x), axis=-1)


def completed(table: ArrayLike, places: tuple[ArrayLike, ...], cells: ArrayLike) -> jax.Array:
    """A table whose elements at `places` (positions along each axis, of shape (n,)) are replaced by `cells`, (n,)."""
    return jnp.asarray(table, jnp.result_type(table, cells)).at[places].set(cells)


def log_determinant(x: ArrayLike) -> jax.Array:
    """log |det x|"""
    return jnp.linalg.slogdet(x)[1]


def _transposed(x: Any) -> jax.Array:
    return jnp.swapaxes(jnp.asarray(x), -1, -2)


def diagonal(x: ArrayLike) -> jax.Array:
    """(..., K) → (..., K, K)"""
    x = jnp.asarray(x)
    return x[..., None] * jnp.eye(x.shape[-1])


def lower_triangle(x: ArrayLike) -> jax.Array:
    return jnp.tril(jnp.asarray(x))


def process_root(cov: ArrayLike, jitter: ArrayLike) -> jax.Array:
    """The Cholesky factor of the covariance of a Gaussian process; `jitter` is relative to the mean of the diagonal."""
    cov = jnp.asarray(cov)
    variance = jnp.diagonal(cov, axis1=-2, axis2=-1).mean(-1)
    return matrices.cholesky(cov + (jitter * variance)[..., None, None] * jnp.eye(cov.shape[-1]))


def solve_lower(factor: ArrayLike, x: ArrayLike) -> jax.Array:
    """The y with factor y = x."""
    return matrices.solved(factor, x)


def evidence_factor(root: ArrayLike, precision: ArrayLike) -> jax.Array:
    """The Cholesky factor of I + L' H L, which is never near singular."""
    root = jnp.asarray(root)
    return matrices.cholesky(jnp.eye(root.shape[-1]) + _transposed(root) @ jnp.asarray(precision) @ root)


def diagonal_evidence_factor(root: ArrayLike, precision: ArrayLike) -> jax.Array:
    """The same for H given by its diagonal."""
    root = jnp.asarray(root)
    return matrices.cholesky(jnp.eye(root.shape[-1]) + _transposed(root) @ (jnp.asarray(precision)[..., None] * root))


def evidence_shift(factor: ArrayLike, root: ArrayLike, pull: ArrayLike) -> jax.Array:
    """(C C')^-1 L' r"""
    return matrices.solved(factor, matrices.solved(factor, matrices.times(_transposed(root), pull)), transposed=True)


def whitening_of(x: ArrayLike, shift: ArrayLike, factor: ArrayLike) -> jax.Array:
    """shift + C'^-1 x"""
    return jnp.asarray(shift) + matrices.solved(factor, x, transposed=True)


def whitening_free(x: ArrayLike, shift: ArrayLike, factor: ArrayLike) -> jax.Array:
    """C' (x - shift)"""
    return matrices.times(_transposed(factor), jnp.asarray(x) - shift)


def times(factor: ArrayLike, x: ArrayLike) -> jax.Array:
    """C x"""
    return matrices.times(factor, x)


def root_solved(root: ArrayLike, x: ArrayLike) -> jax.Array:
    """L'^-1 x"""
    return matrices.solved(root, x, transposed=True)
