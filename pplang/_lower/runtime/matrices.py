"""Cholesky factors, triangular systems and products with vectors over the last axes, for each member of the plates, which lead.

Matrices of a few rows are written out entry by entry: a call of LAPACK for each costs ten times its arithmetic, and one more in the derivative.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

WRITTEN_OUT = 4
"""Up to so many rows. With 6 the derivative of what is written out is slower than LAPACK's."""


def cholesky(x: jax.Array) -> jax.Array:
    """The lower triangular factor (..., K, K) of a symmetric matrix; not a number where there is none."""
    size = x.shape[-1]
    if size > WRITTEN_OUT:
        return jnp.linalg.cholesky(x)
    found: dict[tuple[int, int], jax.Array] = {}
    for j in range(size):
        found[j, j] = jnp.sqrt(x[..., j, j] - sum(found[j, k] ** 2 for k in range(j)))
        for i in range(j + 1, size):
            found[i, j] = (x[..., i, j] - sum(found[i, k] * found[j, k] for k in range(j))) / found[j, j]
    zero = jnp.zeros(x.shape[:-2], x.dtype)
    return jnp.stack([jnp.stack([found.get((i, j), zero) for j in range(size)], -1) for i in range(size)], -2)


def solved(factor: Any, x: Any, *, transposed: bool = False) -> jax.Array:
    """The solution (..., K) of a lower triangular system, or of its transpose, for vectors (..., K); leading axes broadcast."""
    factor, x = jnp.asarray(factor), jnp.asarray(x)
    size = factor.shape[-1]
    if size > WRITTEN_OUT:
        batch = jnp.broadcast_shapes(factor.shape[:-2], x.shape[:-1])
        factor, x = jnp.broadcast_to(factor, (*batch, size, size)), jnp.broadcast_to(x, (*batch, size))
        return jax.lax.linalg.triangular_solve(factor, x[..., None], left_side=True, lower=True, transpose_a=transposed)[..., 0]
    found: dict[int, jax.Array] = {}
    for i in reversed(range(size)) if transposed else range(size):
        entry = {k: factor[..., k, i] if transposed else factor[..., i, k] for k in range(size)}
        found[i] = (x[..., i] - sum(entry[k] * known for k, known in found.items())) / entry[i]
    return jnp.stack([found[i] for i in range(size)], -1)


def times(matrix: Any, x: Any) -> jax.Array:
    """A matrix times vectors (..., K); leading axes broadcast."""
    matrix, x = jnp.asarray(matrix), jnp.asarray(x)
    return (matrix * x[..., None, :]).sum(-1) if matrix.shape[-1] <= WRITTEN_OUT else (matrix @ x[..., None])[..., 0]
