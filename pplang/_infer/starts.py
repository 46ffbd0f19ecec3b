"""Where the variational engine begins: wide, or at a mode that quasi-Newton steps find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pplang._infer import transports
from pplang._infer.families import Block
from pplang._infer.problem import Constants, Problem
from pplang._infer.quasi_newton import Curvature, climbed
from pplang._infer.regression import probed
from pplang._infer.target import NoStart
from pplang._infer.transports import Coordinate, State

_WIDTH = 0.3
"""Standard deviation of hyperparameters at the wide start."""
_PROBES = 8
_TRIES = 20
_MOST_TRIED = 100
_PATH = 250
_FLAT = 1e-8
"""Least curvature that is believed, relative to that of single coordinates: intercept and slope of raw covariates come near it."""


@dataclass(frozen=True)
class Start:
    """Constants of the transports, and the family to begin with."""

    name: str
    constants: Constants
    family: Block


def wide(problem: Problem, dense: np.ndarray) -> Start:
    """Non-centred coordinates, hyperparameters N(0, 0.3^2), latents N(0, 1). dense: positions of the coordinates with a dense covariance."""
    order, dense_count = ordered(problem.size, dense), len(dense)
    family = Block(order, np.zeros(problem.size), _WIDTH * np.eye(dense_count), np.full(problem.size - dense_count, _WIDTH))
    return Start("wide", problem.zero(), family.restarted(problem.layout.positions))


def ordered(size: int, dense: np.ndarray) -> np.ndarray:
    return np.concatenate([dense, np.setdiff1d(np.arange(size), dense)]).astype(np.int64)


def finite_point(problem: Problem, constants: Constants, generator: np.random.Generator, *, at_origin: bool = False) -> np.ndarray:
    """A point at which density and gradient are finite: uniform on (-2, 2) in each coordinate, ever nearer to 0 in the second half of the tries,
    since that is where priors put ordinary values. at_origin: 0 is tried first. Raises NoStart."""
    tried = []
    for number in range(_MOST_TRIED):
        radius = min(2.0, 4.0 * (1 - number / _MOST_TRIED)) * (number > 0 or not at_origin)
        tried.append(radius * generator.uniform(-1, 1, problem.size))
        densities, gradients = problem.checked_scores(constants, tried[-1][None])
        if np.isfinite(densities).all() and np.isfinite(gradients).all():
            return tried[-1]
    raise NoStart(np.stack(tried[-3:]))


def peaked(problem: Problem, dense: np.ndarray, seed: int) -> Start:
    """A mode in non-centred coordinates, constants from the curvature there, and the Hessian of the dense coordinates.

    Raises NoStart when the density is not finite at any of 20 points.
    """
    scores = problem.scores(problem.zero())

    def score(point: np.ndarray) -> tuple[float, np.ndarray]:
        densities, gradients = scores(point[None])
        return float(densities[0]), gradients[0]

    generator = np.random.Generator(np.random.Philox(seed))
    tried = []
    for number in range(_TRIES):
        radius = 0.1 if number == 0 else 2.0 * (1 - number / _TRIES)
        start = radius * generator.standard_normal(problem.size)
        tried.append(start)
        peak = climbed(score, start, steps=200, most=_PATH)
        if peak is not None:
            break
    else:
        raise NoStart(np.stack(tried))
    constants, point = _probed(problem, peak.point, generator)
    widths = _widths(problem, peak.curvature)
    hessian = _hessian(problem, constants, point, dense, widths)
    order, p = ordered(problem.size, dense), len(dense)
    family = Block(order, point[order], _root(hessian), widths[order[p:]])
    return Start("mode", constants, family.restarted(problem.layout.positions))


def _probed(problem: Problem, point: np.ndarray, generator: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The transports' constants from the curvature at a point, leaf to root; and the point in their coordinates."""
    constants, layout = problem.zero(), problem.layout
    for level in layout.levels():
        for index in level:
            site = layout.sites[index]
            offsets = _offsets(site, generator, problem.size)
            at, ahead, behind = (_seen(problem, constants, points, index) for points in (point[None], point + offsets, point - offsets))
            found = probed(site, at, ahead, behind)
            if all(np.isfinite(value).all() for value in found.values()):
                beside = transports.standards(layout, problem.states(constants, point[None]), point[None])
                constants = {**constants, **found}
                point = transports.moved(point[None], site, problem.states(constants, point[None], beside)[index])[0]
    return constants, point


def _seen(problem: Problem, constants: Constants, points: np.ndarray, index: int) -> State:
    """A site's state with its child scores."""
    return problem.states(constants, points, problem.scores(constants)(points)[1])[index]


_STEP = 1e-3


def _offsets(site: Coordinate, generator: np.random.Generator, size: int) -> np.ndarray:
    """Small steps of each coordinate of a site's vectors in turn, along random signs, (m, n); one vector alone needs no signs."""
    rounds = _PROBES if len(site.positions) > 1 else 1
    offsets = np.zeros((rounds, site.width, size))
    for k in range(site.width):
        offsets[:, k, site.positions[:, k]] = _STEP * generator.choice([-1.0, 1.0], (rounds, len(site.positions)))
    return offsets.reshape(-1, size)


def _widths(problem: Problem, curvature: Curvature) -> np.ndarray:
    """Rough standard deviations (n,) from the quasi-Newton steps."""
    if not curvature.pairs or problem.size > 2_000:
        return np.full(problem.size, _WIDTH)
    variances = np.array([curvature.times(unit)[i] for i, unit in enumerate(np.eye(problem.size))])
    return np.clip(np.sqrt(np.maximum(variances, 0)), 1e-12, 1.0)


def _hessian(problem: Problem, constants: Constants, point: np.ndarray, dense: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Minus the Hessian of the dense coordinates, by central differences of gradients: steps are small beside the scale of each coordinate."""
    scores = problem.scores(constants)
    steps = _STEP * widths[dense]
    for _ in range(3):
        offsets = np.zeros((len(dense), problem.size))
        offsets[np.arange(len(dense)), dense] = steps
        _, gradients = scores(np.concatenate([point + offsets, point - offsets]))
        ahead, behind = np.split(gradients[:, dense], 2)
        hessian = (behind - ahead) / (2 * steps[:, None])
        curvatures = np.diag(hessian)
        with np.errstate(invalid="ignore", divide="ignore"):
            long = ~np.isfinite(curvatures) | (steps * np.sqrt(np.abs(curvatures)) > 0.1)
        if not long.any():
            break
        shorter = np.where(np.isfinite(curvatures), _STEP / np.sqrt(np.maximum(np.abs(curvatures), 1e-300)), 1e-3 * steps)
        steps = np.where(long, shorter, steps)
    return (hessian + hessian.T) / 2


def _root(hessian: np.ndarray) -> np.ndarray:
    """A root of the inverse, where curvature has the wrong sign or is nearly zero of scale 1 in units of the coordinates."""
    if not np.isfinite(hessian).all():
        return _WIDTH * np.eye(len(hessian))
    curvatures = np.diag(hessian)
    units = np.where(curvatures > 0, np.maximum(np.abs(curvatures), 1e-300), 1.0) ** -0.5
    values, vectors = np.linalg.eigh(hessian * units[:, None] * units)
    root: np.ndarray = units[:, None] * vectors * np.where(values > _FLAT, values, 1.0) ** -0.5
    return root
