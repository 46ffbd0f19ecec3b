"""Is there a place far from the approximation where the density is as high? Importance weights cannot see a region that they never visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pplang._infer.families import Block
from pplang._infer.problem import Constants, Problem
from pplang._infer.quasi_newton import climbed

_FAR = 6.0
"""In standard deviations of a dense coordinate. A normal density is 18 nats lower there."""
_AS_HIGH = 5.0
_STEPS, _MOST = 30, 60


def elsewhere(
    problem: Problem, constants: Constants, family: Block, seed: int, called_alike: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray | None:
    """Climb from far away, in the whitened coordinates of the fit; at most 121 gradients. Where a climb ends far off and nearly as high (or
    higher) as the middle of the fit, how many sds each coordinate is off, (n,) in the flat order; None where no climb does.

    called_alike: a point with the components that can change places called as those of the fit that they are nearest to; what is far off only
    because they are called otherwise is not elsewhere.

    One climb begins at the mirror image of the fit about zero, for symmetric targets, one at random. Raises Exhausted.
    """
    if not family.dense:
        return None
    scores = problem.scores(constants)
    whitening = np.linalg.pinv(family.root)

    def score(noise: np.ndarray) -> tuple[float, np.ndarray]:
        densities, gradients = scores(family.points(noise[None]))
        return float(densities[0]), family.pulled(gradients)[0]

    middle, _ = score(np.zeros(len(family.mean)))
    for start in _starts(family, seed):
        away = start - family.mean
        noise = np.concatenate([whitening @ away[: family.dense], away[family.dense :] / family.scale])
        peak = climbed(score, noise, steps=_STEPS, most=_MOST)
        if peak is not None and peak.density > middle - _AS_HIGH:
            dense, point = family.order[: family.dense], family.points(peak.point[None])[0]
            off = (point - family.means()) / family.deviations()
            if np.abs(off[dense]).max() > _FAR:
                called = (called_alike(point) - family.means()) / family.deviations()
                off = called if np.isfinite(called).all() else off
                if np.abs(off[dense]).max() > _FAR:
                    return off
    return None


def _starts(family: Block, seed: int) -> Iterator[np.ndarray]:
    """In own order. Latents that are diagonal stay where they are."""
    p = family.dense
    yield np.concatenate([-family.mean[:p], family.mean[p:]])
    generator = np.random.Generator(np.random.Philox([seed, 4]))
    reach = 2 * np.maximum(1.0, np.abs(family.mean[:p]))
    yield np.concatenate([reach * generator.standard_normal(p), family.mean[p:]])
