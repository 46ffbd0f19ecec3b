"""Hyperparameters whose mean and sd are made in a tail that no draw reaches.

A vague prior on a positive number (a precision with the prior Gamma(0.001, 0.001)) leaves a tail of little mass and great length. Neither the
approximation nor its importance weights see it, and the true sd is that of the tail.
"""

from __future__ import annotations

import numpy as np

from pplang._infer.families import Block
from pplang._infer.problem import Constants, Problem

_REACH = np.array([5.0, 6.0, 8.0, 10.0, 13.0])
"""How far up the tail is followed, in sds of the logarithm."""
_LITTLE = 4.0
"""A tail counts when what it adds to the second moment is at least exp(-4) of the rest, at a single place."""


def heavy(problem: Problem, constants: Constants, family: Block, logarithmic: np.ndarray) -> list[int]:
    """Of the dense coordinates that are logarithms (positions in the flat vector), those with such a tail.

    Along the regression line of the fit on the coordinate u, with density p(u): the second moment of exp(u) is the integral of p(u) exp(2 u),
    whose logarithm has for a normal p its maximum 2 sd^2 above the middle.
    """
    covariance, order = family.covariance(), family.order
    found = []
    for place in range(family.dense):
        if order[place] not in logarithmic:
            continue
        deviation = float(np.sqrt(covariance[place, place]))
        steps = np.concatenate([[0.0], _REACH])
        own = np.tile(family.mean, (len(steps), 1))
        own[:, : family.dense] += steps[:, None] * covariance[place] / deviation
        points = np.empty_like(own)
        points[:, order] = own
        densities = problem.densities(constants, points)
        moments = densities[1:] - densities[0] + 2 * deviation * _REACH
        if (moments[np.isfinite(moments)] > 2 * deviation**2 - _LITTLE).any():
            found.append(int(order[place]))
    return found
