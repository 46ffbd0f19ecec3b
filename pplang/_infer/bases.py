"""Processes on a basis that is too small, or ends too near, for the length scales that were found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pplang._diagnostics import Diagnostic, shown
from pplang._passes import waves

if TYPE_CHECKING:
    from pplang._model import Bound

LARGEST_ERROR = 0.05
"""Of the covariance, as a share of the variance."""
_STEP = 5


def too_small(bound: Bound, values: Mapping[str, np.ndarray]) -> tuple[Diagnostic, ...]:
    """Warnings (F35), with what would do. values: draws by name, (chains, draws, ...)."""
    return tuple(_warnings(bound, values))


def _warnings(bound: Bound, values: Mapping[str, np.ndarray]) -> Iterator[Diagnostic]:
    reported = {site.origin: site.name for site in bound.compiled.drawn.sites if site.origin is not None}
    stage = next((one for one in bound.compiled.stages if one.name == waves.NAME), None)
    for choice in stage.choices if stage is not None else ():
        names = [reported[choice.site, one] for one in (waves.ERROR, waves.FUNCTIONS, waves.ROOM)]
        error, functions, room = (_typical(values[name]) if name in values else float(np.max(bound.known(name))) for name in names)
        if error <= LARGEST_ERROR:
            continue
        given = dict(choice.numbers)
        count, boundary = given["basis"], given["boundary"]
        near = room > boundary
        few = functions > count
        what = f"{count:g} functions are too few" if few or not near else f"they vanish at boundary = {boundary:g}, which is too near"
        title = f"the basis of `{shown(choice.site)}` is too small: {what}"
        wanted = _STEP * math.ceil((functions if few else count + 1) / _STEP) if few or not near else count
        help = f"write basis = {wanted:g}" + (f", boundary = {math.ceil(10 * room) / 10:g}" if near else "")
        label = f"its covariance is off by {error:.0%} of the variance (median of the draws)"
        yield Diagnostic("F35", title, bound.model.program.site[choice.site].right.span, label, help=help, severity="warning")


def _typical(draws: np.ndarray) -> float:
    """The median over the draws; the largest of several processes."""
    return float(np.max(np.median(draws, axis=(0, 1))))
