"""How far processes on a basis are from their kernels, with the hyperparameters that were found; and what would do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pplang._diagnostics import Diagnostic, shown
from pplang._passes import waves

if TYPE_CHECKING:
    from pplang._model import Bound
    from pplang._passes.plan import Compiled

LARGEST_ERROR = 0.05
"""Of the covariance, as a share of the variance."""
_STEP = 5


@dataclass(frozen=True)
class Basis:
    """error: of the covariance as a share of the variance; enough, room: how many functions and what boundary would do: medians over the draws,
    the largest where there are several processes. count, boundary: those that it has."""

    process: str
    error: float
    enough: float
    room: float
    count: float
    boundary: float

    def sentence(self) -> str:
        return (
            f"{shown(self.process)}: its covariance is off by {self.error:.1%} of the variance (median of the draws); "
            f"basis = {self.enough:g}, boundary = {_up(self.room):g} would do"
        )


def measured(compiled: Compiled, values: Callable[[str], np.ndarray]) -> Iterator[Basis]:
    """Of each process on a basis. values: draws of what is reported, (chains, draws, ...)."""
    reported = {site.origin: site.name for site in compiled.drawn.sites if site.origin is not None}
    stage = next((one for one in compiled.stages if one.name == waves.NAME), None)
    for choice in stage.choices if stage is not None else ():
        parts = (values(reported[choice.site, part]) for part in (waves.ERROR, waves.FUNCTIONS, waves.ROOM))
        error, enough, room = (float(np.max(np.median(one, axis=(0, 1)))) for one in parts)
        given = dict(choice.numbers)
        yield Basis(choice.site, error, enough, room, given["basis"], given["boundary"])


def too_small(bound: Bound, values: Mapping[str, np.ndarray]) -> tuple[Diagnostic, ...]:
    """Warnings (F35). values: draws by name, (chains, draws, ...)."""

    def of(name: str) -> np.ndarray:
        return values[name] if name in values else bound.known(name)[None, None]

    found = (one for one in measured(bound.compiled, of) if one.error > LARGEST_ERROR)
    return tuple(_warning(bound, one) for one in found)


def _warning(bound: Bound, one: Basis) -> Diagnostic:
    near, few = one.room > one.boundary, one.enough > one.count
    more = few or not near
    what = f"{one.count:g} functions are too few" if more else f"they vanish at boundary = {one.boundary:g}, which is too near"
    wanted = _STEP * math.ceil((one.enough if few else one.count + 1) / _STEP) if more else one.count
    return Diagnostic(
        "F35",
        f"the basis of `{shown(one.process)}` is too small: {what}",
        bound.model.program.site[one.process].right.span,
        f"its covariance is off by {one.error:.0%} of the variance (median of the draws)",
        help=f"write basis = {wanted:g}" + (f", boundary = {_up(one.room):g}" if near else ""),
        severity="warning",
    )


def _up(boundary: float) -> float:
    return math.ceil(10 * boundary) / 10
