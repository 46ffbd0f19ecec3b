"""Small matrices are written out entry by entry, larger ones are LAPACK's: both against NumPy, and their derivatives against one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pplang._lower.runtime import matrices

SIZES = (1, 2, 3, matrices.WRITTEN_OUT, matrices.WRITTEN_OUT + 1)


def positive(size: int) -> np.ndarray:
    rows = np.random.default_rng(size).normal(size=(3, size, size))
    return rows @ rows.swapaxes(-1, -2) + np.eye(size)


@pytest.mark.parametrize("size", SIZES)
def test_factors_solutions_and_products_are_numpy_s(size: int) -> None:
    matrix = positive(size)
    x = np.random.default_rng(100 + size).normal(size=(2, 3, size))
    with jax.enable_x64(True):
        factor = np.linalg.cholesky(matrix)
        np.testing.assert_allclose(matrices.cholesky(jnp.asarray(matrix)), factor, rtol=1e-12, atol=1e-13)
        for transposed in (False, True):
            triangle = factor.swapaxes(-1, -2) if transposed else factor
            solution = np.linalg.solve(np.broadcast_to(triangle, (2, 3, size, size)), x[..., None])[..., 0]
            np.testing.assert_allclose(matrices.solved(factor, x, transposed=transposed), solution, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(matrices.times(factor, x), np.einsum("pij,spj->spi", factor, x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("size", [2, 3, matrices.WRITTEN_OUT])
def test_derivatives_are_lapack_s(size: int) -> None:
    weights = np.random.default_rng(size).normal(size=(3, size))

    def value(cholesky: Callable[[jax.Array], jax.Array], solved: Callable[..., Any]) -> Callable[[jax.Array], jax.Array]:
        def of(rows: jax.Array) -> jax.Array:
            factor = cholesky(rows @ jnp.swapaxes(rows, -1, -2) + jnp.eye(size))
            return jnp.sum(jnp.sin(solved(factor, solved(factor, weights), transposed=True))) + jnp.sum(jnp.cos(factor))

        return of

    def lapack(factor: jax.Array, x: Any, *, transposed: bool = False) -> jax.Array:
        return jax.lax.linalg.triangular_solve(factor, jnp.asarray(x)[..., None], left_side=True, lower=True, transpose_a=transposed)[
            ..., 0
        ]

    rows = np.random.default_rng(7).normal(size=(3, size, size))
    with jax.enable_x64(True):
        ours = jax.grad(value(matrices.cholesky, matrices.solved))(jnp.asarray(rows))
        theirs = jax.grad(value(jnp.linalg.cholesky, lapack))(jnp.asarray(rows))
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_a_matrix_that_has_no_factor_gives_no_number() -> None:
    with jax.enable_x64(True):
        assert np.isnan(matrices.cholesky(jnp.asarray([[1.0, 2.0], [2.0, 1.0]]))[1, 1])
