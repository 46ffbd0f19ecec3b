"""L-BFGS (Nocedal 1980, "Updating quasi-Newton matrices with limited storage"), for a starting point; SciPy's takes long to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

_MEMORY = 20
_LONGEST_SEARCH = 30
_NEAR = 1e-6


@dataclass
class Curvature:
    """What the last steps say of the inverse Hessian. pairs: (step, change of the gradient)."""

    pairs: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        if step @ change > 1e-10 * np.sqrt((step @ step) * (change @ change)):
            self.pairs = [*self.pairs[-(_MEMORY - 1) :], (step, change)]

    def times(self, vector: np.ndarray) -> np.ndarray:
        """The inverse Hessian times a vector, by the two-loop recursion."""
        result, weights = vector.copy(), []
        for step, change in reversed(self.pairs):
            weight = (step @ result) / (step @ change)
            result -= weight * change
            weights.append(weight)
        if self.pairs:
            step, change = self.pairs[-1]
            result *= (step @ change) / (change @ change)
        for (step, change), weight in zip(self.pairs, reversed(weights), strict=True):
            result += step * (weight - (change @ result) / (step @ change))
        return result


@dataclass(frozen=True)
class Peak:
    point: np.ndarray
    density: float
    curvature: Curvature


@np.errstate(over="ignore", invalid="ignore")
def climbed(
    score: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, *, steps: int, most: int, near: float = _NEAR
) -> Peak | None:
    """Near a maximum of a log density; None where it is not finite at the start. One gradient for each evaluation, at most `most`.

    near: half of that may be left to gain.
    """
    density, gradient = score(start)
    if not (np.isfinite(density) and np.isfinite(gradient).all()):
        return None
    point, curvature, used = start, Curvature(), 1
    for _ in range(steps):
        direction = curvature.times(gradient)
        if not curvature.pairs:
            direction = gradient / max(1.0, float(np.linalg.norm(gradient)))
        slope = float(direction @ gradient)  # of a quadratic, twice the density that is still to gain
        if not slope > (near if curvature.pairs else 0.0) or used >= most:
            break
        found, evaluations = _searched(score, point, density, direction, slope, most - used)
        used += evaluations
        if found is None:
            if not curvature.pairs:
                break
            curvature = Curvature()
            continue
        further, higher, steeper = found
        curvature.learn(further - point, gradient - steeper)
        small = higher - density < 1e-8 * max(1.0, abs(density))
        point, density, gradient = further, higher, steeper
        if small:
            break
    return Peak(point, density, curvature)


def _searched(
    score: Callable[[np.ndarray], tuple[float, np.ndarray]],
    point: np.ndarray,
    density: float,
    direction: np.ndarray,
    slope: float,
    most: int,
) -> tuple[tuple[np.ndarray, float, np.ndarray] | None, int]:
    """A step that meets the weak Wolfe conditions, by doubling and bisection (Lewis and Overton 2013); the best point where time runs out."""
    low, high, length = 0.0, np.inf, 1.0
    best: tuple[np.ndarray, float, np.ndarray] | None = None
    for tried in range(1, min(_LONGEST_SEARCH, most) + 1):
        further = point + length * direction
        value, gradient = score(further)
        if not (np.isfinite(value) and np.isfinite(gradient).all()) or value < density + 1e-4 * length * slope:
            high = length
        elif direction @ gradient > 0.9 * slope:
            low, best = length, (further, value, gradient)
        else:
            return (further, value, gradient), tried
        length = (low + high) / 2 if np.isfinite(high) else 2 * length
    return best, min(_LONGEST_SEARCH, most)
