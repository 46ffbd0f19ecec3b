"""One labelling for all draws, where nothing in the program tells the members of a set apart (see `_passes.exchangeable`).

The posterior is the same whichever component is called which, so chains, or the draws of one chain, may have different labellings, and means of a
component mean nothing. Each draw's components are named anew: Stephens (2000), "Dealing with label switching in mixture models", algorithm 4.1 with
a normal density for each number of each component: means and sds of the components, then for each draw the permutation that is likeliest given
them, and again until nothing changes. In the end components are ordered by the mean of their first number, so that two fits name them alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from pplang._cache import TRACING
from pplang._diagnostics import Problems
from pplang._passes.exchangeable import exchangeable, scale_of

if TYPE_CHECKING:
    from pplang._model import Bound

_MOST_TURNS = 50
_LISTED = 5
"""Members of a set of which all permutations are gone through; for more the assignment problem is solved draw by draw."""

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Component:
    """A set whose members can change places. tables: the axes over it of what is kept; members: what has its members as values (positions); known_by:
    the unknowns that components are told apart by, each with the axis of the set, or the two axes of which the diagonal is looked at."""

    set: str
    tables: Mapping[str, tuple[int, ...]]
    members: tuple[str, ...]
    known_by: Mapping[str, tuple[int, ...]]


def components(bound: Bound) -> tuple[Component, ...]:
    """Those of a bound program, by the names under which draws are kept."""
    program = bound.model.program
    found = []
    for name in exchangeable(program):
        tables = {kept: tuple(place for place, over in enumerate(sets) if over == name) for kept, sets in bound.kept.items()}
        tables = {kept: places for kept, places in tables.items() if places}
        members = tuple(kept for kept, over in bound.kept_members.items() if over == name)
        scale = scale_of(program, name)
        latent = {site.name for site in program.sites if site.role == "latent"}
        known = {kept: places for kept, places in tables.items() if kept in latent and kept not in members and len(places) <= 2}
        first = {scale.name: known[scale.name]} if scale is not None and scale.name in known else {}
        if known:
            found.append(Component(name, tables, members, {**first, **known}))
    return tuple(found)


def relabelled(values: Values, found: Sequence[Component]) -> dict[str, np.ndarray]:
    """Draws (chains, draws, ...) by name, each with its components named anew."""
    named = dict(values)
    for one in found:
        numbers = _numbers(named, one)
        chains, draws, size, _ = numbers.shape
        if size > 1 and np.isfinite(numbers).all():
            chosen = _labelling(numbers.reshape(chains * draws, size, -1)).reshape(chains, draws, size)
            named = _called(named, one, chosen)
    return named


def nearest(values: Values, toward: Values, found: Sequence[Component]) -> dict[str, np.ndarray]:
    """The values of one point, its components called as those of another point that they are nearest to."""
    named = {name: np.asarray(value)[None, None] for name, value in values.items()}
    other = {name: np.asarray(value)[None, None] for name, value in toward.items()}
    for one in found:
        here, there = _numbers(named, one)[0], _numbers(other, one)[0, 0]
        if not (np.isfinite(here).all() and np.isfinite(there).all()):
            continue
        spread = np.concatenate([here[0], there]).std(0)
        named = _called(named, one, _likeliest(here, there, np.broadcast_to(np.maximum(spread, 1e-12), there.shape))[None])
    return {name: value[0, 0] for name, value in named.items()}


def called_alike(bound: Bound, constants: Values, point: np.ndarray, others: Values, other: np.ndarray) -> np.ndarray:
    """A point (n,) in the coordinates of some constants, in those of others, its components called as those of another point there that they
    are nearest to. The point itself where it has no values that could be called otherwise."""
    found = components(bound)
    if not found:
        return point
    here, there = bound.with_constants(constants), bound.with_constants(others)
    try:
        return there.unconstrain(nearest(_values(here, point), _values(there, other), found))
    except Problems:  # a probability that is rounded to zero, say
        return point


def _values(bound: Bound, point: np.ndarray) -> dict[str, np.ndarray]:
    with TRACING:
        return {name: np.asarray(value) for name, value in bound.constrain(point).items()}


def _numbers(values: Values, one: Component) -> np.ndarray:
    """What components are told apart by, (chains, draws, members, numbers)."""
    found = []
    for name, places in one.known_by.items():
        table = np.asarray(values[name], float)
        if len(places) == 2:
            table = np.moveaxis(np.diagonal(table, axis1=2 + places[0], axis2=2 + places[1]), -1, 2)
        else:
            table = np.moveaxis(table, 2 + places[0], 2)
        found.append(table.reshape(*table.shape[:3], -1))
    return np.concatenate(found, axis=-1)


def _labelling(numbers: np.ndarray) -> np.ndarray:
    """Of draws (draws, members, numbers) the place of each draw's component that is to be called by each label, (draws, members)."""
    draws, size, count = numbers.shape
    scale = numbers.reshape(-1, count).std(0)
    numbers = (numbers / np.where(scale > 0, scale, 1.0)).astype(float)
    starts = [
        np.broadcast_to(np.arange(size), (draws, size)),
        *(np.argsort(numbers[:, :, place], axis=1) for place in range(min(count, 10))),
    ]
    chosen = min((_settled(numbers, start) for start in starts), key=lambda found: _loss(_ordered(numbers, found)))
    order = np.argsort(_ordered(numbers, chosen)[:, :, 0].mean(0), kind="stable")
    return chosen[:, order]


def _settled(numbers: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Moments and permutations in turn, until no permutation changes."""
    for _ in range(_MOST_TURNS):
        ordered = _ordered(numbers, chosen)
        new = _likeliest(numbers, ordered.mean(0), _spread(ordered))
        if (new == chosen).all():
            break
        chosen = new
    return chosen


def _ordered(numbers: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.take_along_axis(numbers, chosen[:, :, None], axis=1)


def _spread(ordered: np.ndarray) -> np.ndarray:
    """Standard deviations; of numbers on one scale, so that none counts beyond a ten-thousandth of that."""
    return np.maximum(ordered.std(0), 1e-4)


def _loss(ordered: np.ndarray) -> float:
    return float(np.log(_spread(ordered)).sum())


def _likeliest(numbers: np.ndarray, means: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """For each draw the permutation with the highest density given the moments of each component, (draws, members)."""
    size = numbers.shape[1]
    precision = 1 / spread**2
    # cost[n, j, k]: of calling component j of draw n by label k
    cost = 0.5 * (numbers**2 @ precision.T - 2 * numbers @ (means * precision).T) + (0.5 * means**2 * precision + np.log(spread)).sum(1)
    if size <= _LISTED:
        listed = np.array(list(permutations(range(size))))
        sums = cost[:, listed, np.arange(size)].sum(-1)
        return listed[np.argmin(sums, axis=1)]
    from scipy.optimize import linear_sum_assignment

    return np.stack([linear_sum_assignment(one.T)[1] for one in cost])


def _called(values: Values, one: Component, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """All that the set indexes, and its members themselves, by the new names. chosen: (chains, draws, members)."""
    named = dict(values)
    for name, places in one.tables.items():
        table = named[name]
        for place in places:
            shape = [1] * table.ndim
            shape[:2], shape[2 + place] = chosen.shape[:2], chosen.shape[2]
            table = np.take_along_axis(table, chosen.reshape(shape), axis=2 + place)
        named[name] = table
    new_place = np.argsort(chosen, axis=2)
    for name in one.members:
        states = named[name]
        flat = states.reshape(*states.shape[:2], -1).astype(int)
        named[name] = np.take_along_axis(new_place, flat, axis=2).reshape(states.shape).astype(states.dtype)
    return named
