"""Directions in which a density does not fall: the posterior is improper there, or as good as that."""

from __future__ import annotations

import numpy as np

from pplang._infer.families import Block
from pplang._infer.problem import Constants, Problem

_AWAY = np.array([10.0, 30.0, 100.0])
"""Standard deviations of the family. A normal tail falls by 50 nats on the way to the first of them, a Cauchy tail by 5."""
_FALLS = 1.0
_SHARE = 0.1


def flat(problem: Problem, constants: Constants, family: Block) -> list[int]:
    """Positions in the flat vector of the dense coordinates that make up the directions in which the log density, at three ever greater
    distances from the middle, is not lower by a nat. Looked at are the principal axes of the family and the coordinates themselves; that costs twelve
    densities for each dense coordinate."""
    p = family.dense
    if not p:
        return []
    deviations = np.sqrt((family.root**2).sum(axis=1))
    own = np.linalg.svd(family.root / deviations[:, None])[0]  # principal axes, in sds of each coordinate
    middle = family.means()
    axes = np.concatenate([own.T, np.eye(p)])
    signed = np.concatenate([axes, -axes])
    points = np.repeat(middle[None], len(signed) * len(_AWAY) + 1, axis=0)
    steps = (signed * deviations)[:, None] * _AWAY[None, :, None]
    with np.errstate(over="ignore", invalid="ignore"):
        points[1:, family.order[:p]] += steps.reshape(-1, p)
        densities = problem.densities(constants, points)
        fallen = densities[0] - densities[1:].reshape(len(signed), len(_AWAY))
    level = (fallen < _FALLS).all(axis=1) & np.isfinite(fallen).all(axis=1)
    found = np.abs(signed[level]).max(axis=0, initial=0.0) if level.any() else np.zeros(p)
    return [int(position) for position in family.order[:p][found > _SHARE]]
