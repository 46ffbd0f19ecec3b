"""The functions and bijections of the language in plain Python, one element at a time; tables are lists or NumPy arrays of floats."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special


class OutsideDomainError(Exception):
    """A function of a number for which it has no value: by the language's rule the density is minus infinity there."""


def _checked(function: Callable[..., float], holds: Callable[..., bool]) -> Callable[..., float]:
    def checked(*arguments: float) -> float:
        if not holds(*arguments):
            raise OutsideDomainError
        return function(*arguments)

    return checked


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _log_sum_exp(values: Sequence[float]) -> float:
    largest = max(values)
    return largest if math.isinf(largest) else largest + math.log(math.fsum(math.exp(one - largest) for one in values))


def log_sum_exp(values: Sequence[float]) -> float:
    """log of the sum of exponentials; minus infinity of nothing."""
    return _log_sum_exp(values) if len(values) else -math.inf


NUMBERS: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "expm1": math.expm1,
    "log": _checked(math.log, lambda x: x > 0),
    "safe_log": lambda x: math.log(x) if x > 0 else -math.inf,
    "log1p": _checked(math.log1p, lambda x: x > -1),
    "log2": _checked(math.log2, lambda x: x > 0),
    "log10": _checked(math.log10, lambda x: x > 0),
    "sqrt": _checked(math.sqrt, lambda x: x >= 0),
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "min": min,
    "max": max,
    "mod": lambda x, y: x - y * math.floor(x / y),
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "logistic": _logistic,
    "logit": _checked(lambda p: math.log(p) - math.log1p(-p), lambda p: 0 < p < 1),
    "log_logistic": lambda x: -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x)),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "lgamma": _checked(math.lgamma, lambda x: x > 0),
    "digamma": lambda x: float(special.digamma(x)),
    "log_beta": lambda a, b: math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b),
    "log_choose": lambda n, k: math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1),
    "erf": math.erf,
    "erfc": math.erfc,
    "normal_cdf": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "normal_log_cdf": lambda x: float(special.log_ndtr(x)),
    "probit": lambda p: float(special.ndtri(p)),
    "lower_of": lambda x, low: low + math.exp(x),
    "upper_of": lambda x, high: high - math.exp(x),
    "interval_of": lambda x, low, high: low + (high - low) * _logistic(x),
    "affine_of": lambda x, shift, scale: shift + scale * x,
    "affine_free": lambda y, shift, scale: (y - shift) / scale,
    "lower_free": lambda y, low: math.log(y - low),
    "upper_free": lambda y, high: math.log(high - y),
    "interval_free": lambda y, low, high: math.log((y - low) / (high - y)),
}


# Tables: free coordinates to constrained values and back --------------------------------------------------------------


def softmax(x: Sequence[float]) -> list[float]:
    total = _log_sum_exp(x)
    return [math.exp(one - total) for one in x]


def simplex_of(x: Sequence[float]) -> list[float]:
    """Stick-breaking; equal parts are at zero."""
    left, parts = 1.0, []
    for k, one in enumerate(x):
        share = _logistic(one - math.log(len(x) - k))
        parts.append(left * share)
        left -= left * share
    return [*parts, left]


def simplex_free(p: Sequence[float]) -> list[float]:
    left, free = 1.0, []
    for k, one in enumerate(p[:-1]):
        rest = math.fsum(p[k + 1 :])
        free.append(math.log(one / rest) + math.log(len(p) - 1 - k))
        left -= one
    return free


def ordered_of(x: Sequence[float]) -> list[float]:
    values = list(x[:1])
    for step in x[1:]:
        values.append(values[-1] + math.exp(step))
    return values


def ordered_free(y: Sequence[float]) -> list[float]:
    return [*y[:1], *(math.log(b - a) for a, b in itertools.pairwise(y))]


def ordered_lower_of(x: Sequence[float], low: float) -> list[float]:
    return [low + math.fsum(map(math.exp, x[: k + 1])) for k in range(len(x))]


def ordered_lower_free(y: Sequence[float], low: float) -> list[float]:
    return [math.log(b - a) for a, b in zip([low, *y[:-1]], y, strict=True)]


def ordered_upper_of(x: Sequence[float], high: float) -> list[float]:
    return [high - math.fsum(map(math.exp, x[k:])) for k in range(len(x))]


def ordered_upper_free(y: Sequence[float], high: float) -> list[float]:
    return [math.log(b - a) for a, b in zip(y, [*y[1:], high], strict=True)]


def ordered_interval_of(x: Sequence[float], low: float, high: float) -> list[float]:
    parts = simplex_of(x)
    return [low + (high - low) * math.fsum(parts[: k + 1]) for k in range(len(x))]


def ordered_interval_free(y: Sequence[float], low: float, high: float) -> list[float]:
    ends = [low, *y, high]
    return simplex_free([(b - a) / (high - low) for a, b in itertools.pairwise(ends)])


def _size_of_pairs(pairs: int) -> int:
    return next(k for k in range(pairs + 3) if k * (k - 1) // 2 == pairs)


def corr_cholesky_of(x: Sequence[float]) -> np.ndarray:
    """Row by row: entry (i, j) is the partial correlation tanh(x) times what is left of the row's length."""
    size = _size_of_pairs(len(x))
    factor, free = np.zeros((size, size)), iter(x)
    for i in range(size):
        left = 1.0
        for j in range(i):
            factor[i, j] = math.tanh(next(free)) * math.sqrt(left)
            left -= factor[i, j] ** 2
        factor[i, i] = math.sqrt(left)
    return factor


def corr_cholesky_free(factor: np.ndarray) -> list[float]:
    free = []
    for i in range(len(factor)):
        for j in range(i):
            left = math.fsum(one * one for one in factor[i, j : i + 1])
            free.append(math.atanh(factor[i, j] / math.sqrt(left)))
    return free


def correlation_of(x: Sequence[float]) -> np.ndarray:
    factor = corr_cholesky_of(x)
    return factor @ factor.T


def sum_to_zero_of(x: Sequence[float]) -> list[float]:
    """The isometry that reflects the last axis onto the diagonal (1, ..., 1) / sqrt(K), restricted to its complement."""
    size = len(x) + 1
    mirror = np.zeros(size)
    mirror[-1] = 1.0
    mirror += 1 / math.sqrt(size)
    point = np.array([*x, 0.0])
    return list(point - 2 * mirror * (mirror @ point) / (mirror @ mirror))


def sum_to_zero_free(y: Sequence[float]) -> list[float]:
    size = len(y)
    mirror = np.zeros(size)
    mirror[-1] = 1.0
    mirror += 1 / math.sqrt(size)
    point = np.asarray(y, float)
    return list((point - 2 * mirror * (mirror @ point) / (mirror @ mirror))[:-1])


def chain_log_sum(first: np.ndarray, step: np.ndarray, weight: np.ndarray) -> float:
    """Path by path: for one chain whose rows stand in order."""
    length, size = np.shape(weight)
    steps = step if np.ndim(step) == 3 else np.repeat(np.asarray(step)[None], length, 0)

    def of(path: tuple[int, ...]) -> float:
        alone = [weight[t][state] for t, state in enumerate(path)]
        pairs = [steps[t + 1][a][b] for t, (a, b) in enumerate(itertools.pairwise(path))]
        return math.fsum([first[0][path[0]], *alone, *pairs])

    return log_sum_exp([of(path) for path in itertools.product(range(size), repeat=length)])


TABLES: dict[str, Callable[..., Any]] = {
    "softmax": softmax,
    "log_softmax": lambda x: [one - _log_sum_exp(x) for one in x],
    "cumulative_sum": lambda x: [math.fsum(x[: k + 1]) for k in range(len(x))],
    "cholesky": np.linalg.cholesky,
    "inverse": np.linalg.inv,
    "determinant": np.linalg.det,
    "log_determinant": lambda x: float(np.linalg.slogdet(x)[1]),
    "diagonal": np.diag,
    "chain_log_sum": chain_log_sum,
    "varying_chain_log_sum": chain_log_sum,
    "solve_lower": np.linalg.solve,
    "evidence_factor": lambda root, precision: np.linalg.cholesky(np.eye(len(root)) + root.T @ precision @ root),
    "diagonal_evidence_factor": lambda root, precision: np.linalg.cholesky(np.eye(len(root)) + root.T @ np.diag(precision) @ root),
    "lower_triangle": np.tril,
    "process_root": lambda cov, jitter: np.linalg.cholesky(cov + jitter * np.trace(cov) / len(cov) * np.eye(len(cov))),
    "evidence_shift": lambda factor, root, pull: np.linalg.solve(factor @ factor.T, root.T @ pull),
    "whitening_of": lambda x, shift, factor: shift + np.linalg.solve(factor.T, x),
    "whitening_free": lambda y, shift, factor: factor.T @ (y - shift),
    "simplex_of": simplex_of,
    "simplex_free": simplex_free,
    "ordered_of": ordered_of,
    "ordered_free": ordered_free,
    "positive_ordered_of": lambda x: ordered_lower_of(x, 0.0),
    "positive_ordered_free": lambda y: ordered_lower_free(y, 0.0),
    "ordered_lower_of": ordered_lower_of,
    "ordered_lower_free": ordered_lower_free,
    "ordered_upper_of": ordered_upper_of,
    "ordered_upper_free": ordered_upper_free,
    "ordered_interval_of": ordered_interval_of,
    "ordered_interval_free": ordered_interval_free,
    "corr_cholesky_of": corr_cholesky_of,
    "corr_cholesky_free": corr_cholesky_free,
    "correlation_of": correlation_of,
    "correlation_free": lambda r: corr_cholesky_free(np.linalg.cholesky(r)),
    "sum_to_zero_of": sum_to_zero_of,
    "sum_to_zero_free": sum_to_zero_free,
}


# Bijections: the constrained value and log |d constrained / d free| ---------------------------------------------------


def _log_slope_of_logistic(x: float) -> float:
    return -abs(x) - 2 * math.log1p(math.exp(-abs(x)))


def _log_slope_of_simplex(x: Sequence[float]) -> float:
    left, total = 1.0, []
    for k, one in enumerate(x):
        shifted = one - math.log(len(x) - k)
        total.append(_log_slope_of_logistic(shifted) + math.log(left))
        left *= 1 - _logistic(shifted)
    return math.fsum(total)


def _log_slope_of_factor(x: Sequence[float]) -> float:
    """Of the strict lower triangle of the factor with respect to x; in each row the map is triangular."""
    size, free, total = _size_of_pairs(len(x)), iter(x), []
    for i in range(size):
        left = 1.0
        for _ in range(i):
            z = next(free)
            total.append(-2 * math.log(math.cosh(z)) + 0.5 * math.log(left))
            left *= 1 / math.cosh(z) ** 2
    return math.fsum(total)


def _log_slope_of_correlation(x: Sequence[float]) -> float:
    """With that of the factor to its matrix, R_ij = sum_k L_ik L_jk: in each row triangular with the diagonals L_jj, j < i."""
    factor = corr_cholesky_of(x)
    size = len(factor)
    return _log_slope_of_factor(x) + math.fsum((size - 1 - j) * math.log(factor[j, j]) for j in range(size))


BIJECTIONS: dict[str, tuple[Callable[..., Any], Callable[..., float]]] = {
    "log": (math.exp, lambda x: x),
    "logit": (_logistic, _log_slope_of_logistic),
    "lower": (NUMBERS["lower_of"], lambda x, _low: x),
    "upper": (NUMBERS["upper_of"], lambda x, _high: x),
    "interval": (NUMBERS["interval_of"], lambda x, low, high: _log_slope_of_logistic(x) + math.log(high - low)),
    "affine": (NUMBERS["affine_of"], lambda _x, _shift, scale: math.log(abs(scale))),
    "whitening": (TABLES["whitening_of"], lambda _x, _shift, factor: -math.fsum(map(math.log, np.diag(factor)))),
    "simplex": (simplex_of, _log_slope_of_simplex),
    "ordered": (ordered_of, lambda x: math.fsum(x[1:])),
    "positive_ordered": (TABLES["positive_ordered_of"], math.fsum),
    "ordered_lower": (ordered_lower_of, lambda x, _low: math.fsum(x)),
    "ordered_upper": (ordered_upper_of, lambda x, _high: math.fsum(x)),
    "ordered_interval": (ordered_interval_of, lambda x, low, high: _log_slope_of_simplex(x) + len(x) * math.log(high - low)),
    "corr_cholesky": (corr_cholesky_of, _log_slope_of_factor),
    "correlation": (correlation_of, _log_slope_of_correlation),
    "sum_to_zero": (sum_to_zero_of, lambda _x: 0.0),
}
"""Name -> (free to constrained, its log Jacobian), both taking the free value and the further arguments."""
