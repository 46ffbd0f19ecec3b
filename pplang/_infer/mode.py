"""The highest point of a density, and how wide the density is there: what a fit in raw units must know before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._infer.quasi_newton import climbed
from pplang._infer.target import NoStart, Target

_ROWS = 64
_TRIES = 100
_STEPS, _GRADIENTS = 500, 3_000
_DENSE = 200
"""Up to so many dimensions the whole Hessian is computed; beyond, its diagonal from random probes."""
_FLATTEST = 1e-12


@dataclass(frozen=True)
class Mode:
    """point: (n,). hessian: of the negative log density, (n, n), or its diagonal (n,) where n is large."""

    point: np.ndarray
    hessian: np.ndarray

    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """For each coordinate 1 / sqrt(curvature), and whether it is believable; 1 where the density is not curved downwards."""
        diagonal = np.diag(self.hessian) if self.hessian.ndim == 2 else self.hessian
        known = np.isfinite(diagonal) & (diagonal > _FLATTEST)
        return np.where(known, 1 / np.sqrt(np.where(known, diagonal, 1.0)), 1.0), known

    def root(self) -> np.ndarray:
        """A matrix L, (n, n), with L L' near the inverse Hessian: of the scales alone where the rest is not known or not curved downwards."""
        scales, known = self.scales()
        if self.hessian.ndim == 1 or not np.isfinite(self.hessian).all():
            return np.diag(scales)
        relative = np.where(np.outer(known, known), self.hessian * np.outer(scales, scales), np.eye(len(scales)))
        values, vectors = np.linalg.eigh((relative + relative.T) / 2)
        values = np.where(values > 1e-10, values, 1.0)
        return scales[:, None] * (vectors / np.sqrt(values))


class Scores:
    """Log densities and gradients at points, compiled once."""

    def __init__(self, target: Target) -> None:
        data = (target.arguments, np.zeros((_ROWS, target.size)), np.int64(0))
        self._arguments = target.arguments
        self._executable = compiled(lambda: (_program(target), data), data, f"scores\n{target.identity}")

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """points: (m, n) → (m,), (m, n)."""
        parts = [self._some(points[first : first + _ROWS]) for first in range(0, len(points), _ROWS)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _some(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.zeros((_ROWS, points.shape[1]))
        rows[: len(points)] = points
        densities, gradients = self._executable(self._arguments, rows, np.int64(len(points)))
        return np.asarray(densities)[: len(points)], np.asarray(gradients)[: len(points)]


def find_mode(scores: Scores, start: np.ndarray, seed: int) -> Mode:
    """A mode, uphill from a point at which the density is finite."""

    def score(point: np.ndarray) -> tuple[float, np.ndarray]:
        densities, gradients = scores(point[None])
        return float(densities[0]), gradients[0]

    peak = climbed(score, start, steps=_STEPS, most=_GRADIENTS)
    point = start if peak is None else peak.point
    return Mode(point, _hessian(scores, point, seed))


def first_point(scores: Scores, size: int, seed: int) -> np.ndarray:
    """0 if the density and its gradient are finite there, else a point from (-2, 2), ever nearer to 0. Raises NoStart."""
    generator = np.random.Generator(np.random.Philox(seed))
    radius = np.minimum(2.0, np.linspace(4.0, 0.0, _TRIES, endpoint=False))
    points = generator.uniform(-1, 1, (_TRIES, size)) * radius[:, None]
    points[0] = 0
    for first in range(0, _TRIES, 10):
        some = points[first : first + 10]
        densities, gradients = scores(some)
        finite = np.flatnonzero(np.isfinite(densities) & np.isfinite(gradients).all(axis=1))
        if finite.size:
            return some[finite[0]]
    raise NoStart(points[-3:])


def _hessian(scores: Scores, point: np.ndarray, seed: int) -> np.ndarray:
    """By central differences of gradients, twice: the second time with steps of a tenth of the scales that the first has found."""
    probes = (
        np.eye(point.size) if point.size <= _DENSE else np.random.Generator(np.random.Philox(seed)).choice((-1.0, 1.0), (_ROWS, point.size))
    )
    lengths = 1e-3 * np.maximum(1.0, np.abs(point))
    for _ in range(2):
        above, below = (scores(point + sign * probes * lengths)[1] for sign in (1, -1))
        bend = -(above - below) / 2
        hessian = bend / lengths[:, None] if point.size <= _DENSE else np.mean(probes * bend, axis=0) / lengths
        lengths = 0.1 * Mode(point, hessian).scales()[0]
    return hessian


def _program(target: Target) -> Any:
    import jax
    import jax.numpy as jnp
    from jax import lax

    functions = target.functions()

    def scores(arguments: Any, points: Any, count: Any) -> tuple[Any, Any]:
        def at(row: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            density, gradient = jax.value_and_grad(lambda z: functions.log_density(z, arguments))(points[row])
            return carry[0].at[row].set(density), carry[1].at[row].set(gradient)

        return lax.fori_loop(0, count, at, (jnp.zeros(len(points)), jnp.zeros(points.shape)))

    return scores
