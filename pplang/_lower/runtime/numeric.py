"""Functions of the language in NumPy, where neither NumPy nor SciPy has them under one name. For the data part: nothing here imports JAX.

Tables are over the last axis (matrices over the last two); leading axes are plates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def softplus(x: ArrayLike) -> Array:
    """log(1 + exp(x))"""
    return np.logaddexp(0.0, x)


def softmax(x: ArrayLike) -> Array:
    return np.exp(log_softmax(x))


def log_softmax(x: ArrayLike) -> Array:
    x = np.asarray(x, float)
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def cholesky(x: ArrayLike) -> Array:
    """The lower triangular factor; not a number where a matrix has none."""
    x = np.asarray(x, float)
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        if x.ndim == 2:
            return np.full(x.shape, np.nan)
        return np.stack([cholesky(one) for one in x])


def cumulative_sum(x: ArrayLike) -> Array:
    return np.cumsum(np.asarray(x), axis=-1)


def log_determinant(x: ArrayLike) -> Array:
    """log |det x|"""
    return np.asarray(np.linalg.slogdet(np.asarray(x, float))[1])


def log_choose(n: ArrayLike, k: ArrayLike) -> Array:
    """log of the number of ways to take k of n."""
    from scipy.special import gammaln

    n, k = np.asarray(n, float), np.asarray(k, float)
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def lower_of(x: ArrayLike, bound: ArrayLike) -> Array:
    return np.asarray(bound) + np.exp(x)


def upper_of(x: ArrayLike, bound: ArrayLike) -> Array:
    return np.asarray(bound) - np.exp(x)


def interval_of(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    return np.asarray(low, float) + (np.asarray(high, float) - np.asarray(low, float)) * _logistic(x)


def _logistic(x: ArrayLike) -> Array:
    return np.exp(-np.logaddexp(0.0, -np.asarray(x, float)))


def affine_of(x: ArrayLike, shift: ArrayLike, scale: ArrayLike) -> Array:
    return np.asarray(shift, float) + np.asarray(scale, float) * np.asarray(x, float)


def simplex_of(x: ArrayLike) -> Array:
    """Stick-breaking: part k takes logistic(x_k - log(K - k)) of what is left."""
    x = np.asarray(x, float)
    size = x.shape[-1]
    part = _logistic(x - np.log(np.arange(size, 0, -1)))
    left = np.cumprod(1 - part, axis=-1)
    ones = np.ones((*x.shape[:-1], 1))
    return np.concatenate([part, ones], -1) * np.concatenate([ones, left], -1)


def ordered_of(x: ArrayLike) -> Array:
    x = np.asarray(x, float)
    return np.cumsum(np.concatenate([x[..., :1], np.exp(x[..., 1:])], -1), -1)


def positive_ordered_of(x: ArrayLike) -> Array:
    return np.cumsum(np.exp(x), -1)


def ordered_lower_of(x: ArrayLike, bound: ArrayLike) -> Array:
    return np.expand_dims(bound, -1) + np.cumsum(np.exp(x), -1)


def ordered_upper_of(x: ArrayLike, bound: ArrayLike) -> Array:
    return np.expand_dims(bound, -1) - np.cumsum(np.exp(x)[..., ::-1], -1)[..., ::-1]


def ordered_interval_of(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    width = np.expand_dims(np.asarray(high) - low, -1)
    return np.expand_dims(low, -1) + width * np.cumsum(simplex_of(x)[..., :-1], -1)


def corr_cholesky_of(x: ArrayLike) -> Array:
    """The Cholesky factor of a correlation matrix; tanh(x) are partial correlations, row by row of its lower triangle."""
    partial = np.tanh(np.asarray(x, float))
    size = (1 + int(np.sqrt(1 + 8 * partial.shape[-1]))) // 2
    factor = np.zeros((*partial.shape[:-1], size, size))
    rows, columns = np.tril_indices(size, -1)
    factor[..., rows, columns] = partial
    left = np.sqrt(np.cumprod(1 - factor**2, axis=-1))
    shifted = np.concatenate([np.ones((*left.shape[:-1], 1)), left[..., :-1]], -1)
    factor[..., range(size), range(size)] = 1.0
    return factor * np.tril(shifted)


def correlation_of(x: ArrayLike) -> Array:
    factor = corr_cholesky_of(x)
    return factor @ np.swapaxes(factor, -1, -2)


def covariance_of(x: ArrayLike) -> Array:
    """A covariance matrix, from its Cholesky factor: below the diagonal row by row, then the logarithms of the diagonal."""
    x = np.asarray(x, float)
    size = (int(np.sqrt(1 + 8 * x.shape[-1])) - 1) // 2
    factor = np.zeros((*x.shape[:-1], size, size))
    rows, columns = np.tril_indices(size, -1)
    factor[..., rows, columns] = x[..., : len(rows)]
    factor[..., range(size), range(size)] = np.exp(x[..., len(rows) :])
    return factor @ np.swapaxes(factor, -1, -2)


def sum_to_zero_of(x: ArrayLike) -> Array:
    """An isometry of R^(K - 1) onto the vectors of R^K that sum to zero."""
    x = np.asarray(x, float)
    size = x.shape[-1] + 1
    total = x.sum(-1, keepdims=True)
    shift = total / (np.sqrt(size) + size)
    return np.concatenate([x - shift, -total / np.sqrt(size)], -1)


def _transposed(x: ArrayLike) -> Array:
    return np.swapaxes(np.asarray(x, float), -1, -2)


def diagonal(x: ArrayLike) -> Array:
    x = np.asarray(x, float)
    return x[..., None] * np.eye(x.shape[-1])


def lower_triangle(x: ArrayLike) -> Array:
    return np.tril(np.asarray(x, float))


def process_root(cov: ArrayLike, jitter: ArrayLike) -> Array:
    cov = np.asarray(cov, float)
    variance = np.diagonal(cov, axis1=-2, axis2=-1).mean(-1)
    return cholesky(cov + (np.asarray(jitter, float) * variance)[..., None, None] * np.eye(cov.shape[-1]))


def solve_lower(factor: ArrayLike, x: ArrayLike) -> Array:
    return _solved(np.asarray(factor, float), x)


def _solved(matrix: Array, x: ArrayLike) -> Array:
    solution: Array = np.linalg.solve(matrix, np.asarray(x, float)[..., None])[..., 0]
    return solution


def evidence_factor(root: ArrayLike, precision: ArrayLike) -> Array:
    root = np.asarray(root, float)
    return cholesky(np.eye(root.shape[-1]) + _transposed(root) @ np.asarray(precision, float) @ root)


def diagonal_evidence_factor(root: ArrayLike, precision: ArrayLike) -> Array:
    root = np.asarray(root, float)
    return cholesky(np.eye(root.shape[-1]) + _transposed(root) @ (np.asarray(precision, float)[..., None] * root))


def evidence_shift(factor: ArrayLike, root: ArrayLike, pull: ArrayLike) -> Array:
    factor = np.asarray(factor, float)
    right = _transposed(root) @ np.asarray(pull, float)[..., None]
    return _solved(factor @ _transposed(factor), right[..., 0])


def whitening_of(x: ArrayLike, shift: ArrayLike, factor: ArrayLike) -> Array:
    return np.asarray(shift, float) + _solved(_transposed(factor), x)


def whitening_free(x: ArrayLike, shift: ArrayLike, factor: ArrayLike) -> Array:
    freed: Array = (_transposed(factor) @ (np.asarray(x, float) - shift)[..., None])[..., 0]
    return freed


def safe_log(x: ArrayLike) -> Array:
    """log(x), minus infinity at 0"""
    x = np.asarray(x, float)
    return np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), -np.inf)


def chain_log_sum(first: ArrayLike, step: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> Array:
    """The log of the sum over all paths: tables (..., T, K), (..., K, K), (..., T, K); see `runtime.chains`."""
    size = np.shape(weight)[-2]
    return varying_chain_log_sum(first, np.repeat(np.expand_dims(np.asarray(step, float), -3), size, -3), weight, rows)


def varying_chain_log_sum(first: ArrayLike, steps: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> Array:
    """The same with steps (..., T, K, K)."""
    first, steps, weight = np.asarray(first, float), np.asarray(steps, float), np.asarray(weight, float)
    total = np.zeros(())
    for chain in np.arange(weight.shape[-2])[None] if rows is None else np.asarray(rows):
        alpha = np.zeros(())
        for count, row in enumerate(chain[chain >= 0]):
            before = first[..., row, :] if count == 0 else np.logaddexp.reduce(alpha[..., :, None] + steps[..., row, :, :], axis=-2)
            alpha = before + weight[..., row, :]
        total = total + np.logaddexp.reduce(alpha, axis=-1)
    return np.asarray(total)
