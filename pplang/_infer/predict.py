"""Draws of new rows, given those of a fit: the source runs forward over all rows, and what the fit knows stands fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pplang._cache import compiled
from pplang._data.dataset import Dataset
from pplang._data.extend import Extended
from pplang._diagnostics import InternalError
from pplang._infer.density import plates_first
from pplang._infer.holding import holding
from pplang._infer.target import Arguments
from pplang._ir.kinds import Member
from pplang._ir.program import Program, Site
from pplang._lower import Lowered, lower
from pplang._passes.predict import Predictive

_ROWS = 512
"""How many draws one call of the program takes; the last table is filled up with its first row."""
_BATCH = 64
"""How many draws are computed side by side."""


@dataclass(frozen=True)
class Held:
    """What is known of a site, over its members as NumPyro has them (plates first).

    values: (*members), or (draws, *members) where `each`; where: of which members; everything: of all of them.
    """

    values: np.ndarray
    where: np.ndarray
    each: bool

    @property
    def everything(self) -> bool:
        return bool(self.where.all())


def predictions(
    program: Program, predictive: Predictive, data: Dataset, both: Extended, draws: Callable[[str], np.ndarray | None], seed: int
) -> dict[str, np.ndarray]:
    """Draws of every relation of a program over new members: (draws, *new members) by name, members of sets by their number.

    program: for the rows of `data`, the fit's, and the new ones together. draws: of a name, (draws, *axes), as the fit keeps them, None where
    it has none.
    """
    import jax

    lowered = lower(program)
    sets = both.dataset.sets
    known = lowered.prepare(sets=sets, **both.dataset.values())
    arguments = lowered.select({**both.dataset.values(), **known})
    observed = {**data.arrays, **_computed(predictive.source, data)}
    held = {site.name: _held(site, predictive, data, observed, both, draws(site.name)) for site in program.sites if site.stochastic}
    held |= {one.name: _param(draws(one.name)) for one in program.params}
    count = max((len(one.values) for one in held.values() if one.each), default=1)
    wanted = [site for site in program.sites if (site.stochastic or site.report) and set(site.sets) & set(both.new)]
    run = _Run(lowered, sets, held, wanted, both.new)
    with jax.enable_x64(True):
        found = run(arguments, seed, count)
    limits = dict(predictive.limits)
    return {site.name: _limited(found, site.name, limits) for site in wanted if site.name not in limits.values()}


def _computed(source: Program, data: Dataset) -> dict[str, np.ndarray]:
    """What observed relations observe where the data are computed with first."""
    names = [site.name for site in source.sites if site.value is not None]
    made = lower(source).prepare(sets=data.sets, **data.values()) if names else {}
    return {name: made[name] for name in names}


def _limited(found: Mapping[str, np.ndarray], name: str, limits: Mapping[str, str]) -> np.ndarray:
    """No value where the relation does not hold (`where`)."""
    if name not in limits or found[limits[name]].all():
        return found[name]
    return np.where(found[limits[name]], found[name], np.nan)


def _param(values: np.ndarray | None) -> Held:
    assert values is not None
    return Held(values, np.ones(values.shape[1:], bool), each=True)


def _held(
    site: Site, predictive: Predictive, data: Dataset, observed: Mapping[str, np.ndarray], both: Extended, draws: np.ndarray | None
) -> Held:
    """The values that the fit has of a site, and those that new rows give."""
    known = observed.get(site.name, draws)
    if known is None:
        raise InternalError(f"the fit has no draws of {site.name}")
    if site.name in data.present and draws is not None:  # the cells that have a value, and draws of the others
        known = np.repeat(known.astype(draws.dtype)[None], len(draws), axis=0)
        known[:, ~data.present[site.name]] = draws
    each = known.ndim > len(site.sets)
    if isinstance(site.kind, Member) and site.kind.set in both.fitted:
        known = both.fitted[site.kind.set][known.astype(np.int64)]
    shape = tuple(len(both.dataset.sets[name]) for name in site.sets)
    places: Any = np.ix_(*(both.fitted[name] for name in site.sets))
    values, where = np.zeros((*known.shape[: int(each)], *shape), known.dtype), np.zeros(shape, bool)
    values[(slice(None), *places) if each else places] = known
    where[places] = True
    if site.name in predictive.given and site.name in both.dataset.present:
        there = both.dataset.present[site.name] & ~where
        values[..., there] = both.dataset.arrays[site.name][there]
        where |= there
    order = plates_first(site)
    return Held(values.transpose((0, *(1 + at for at in order)) if each else order), where.transpose(order), each)


class _Run:
    """The program, compiled for so many members and draws."""

    def __init__(self, lowered: Lowered, sets: Any, held: Mapping[str, Held], wanted: list[Site], new: Mapping[str, np.ndarray]) -> None:
        self._lowered, self._sets, self._held, self._wanted, self._new = lowered, sets, held, wanted, new

    def __call__(self, arguments: Arguments, seed: int, count: int) -> dict[str, np.ndarray]:
        same = {name: one.values for name, one in self._held.items() if not one.each}
        each = {name: one.values for name, one in self._held.items() if one.each}
        where = {name: one.where for name, one in self._held.items()}
        rows = {name: np.zeros((_ROWS, *values.shape[1:]), values.dtype) for name, values in each.items()}
        data = (dict(arguments), same, where, np.uint32(seed), np.int64(0), rows)
        sizes = {name: len(members) for name, members in self._sets.items()}
        labels = {name: members for name, members in self._sets.items() if name not in self._new}
        full = sorted(name for name, one in self._held.items() if one.everything)
        identity = "\n".join(
            ("predict", self._lowered.text, repr(sizes), repr(sorted(labels.items())), repr(full), repr(self._wanted_places()))
        )
        executable = compiled(lambda: (self._function, data), data, identity)
        parts: dict[str, list[np.ndarray]] = {}
        for begin in range(0, count, _ROWS):
            here = min(_ROWS, count - begin)
            for name, values in each.items():
                rows[name] = np.concatenate([values[begin : begin + here], np.repeat(values[:1], _ROWS - here, axis=0)])
            for name, value in executable(dict(arguments), same, where, np.uint32(seed), np.int64(begin), rows).items():
                parts.setdefault(name, []).append(np.asarray(value)[:here])
        return {name: np.concatenate(values) for name, values in parts.items()}

    def _wanted_places(self) -> list[tuple[str, list[list[int]]]]:
        return [(site.name, [self._new[name].tolist() for name in site.sets if name in self._new]) for site in self._wanted]

    def _function(self, arguments: Any, same: Any, where: Any, seed: Any, first: Any, rows: Any) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp
        from jax import lax
        from numpyro import handlers

        key = jax.random.PRNGKey(seed)
        full = {name for name, one in self._held.items() if one.everything}

        def one(numbered: tuple[Any, Any]) -> dict[str, Any]:
            number, each = numbered
            known = {name: (value, where[name]) for name, value in {**same, **each}.items()}
            with holding(known, full), handlers.seed(rng_seed=jax.random.fold_in(key, number)), handlers.trace() as trace:
                self._lowered.model(sets=self._sets, **arguments)
            return {site.name: self._of_new(site, trace[site.name]["value"]) for site in self._wanted}

        return dict(lax.map(one, (first + jnp.arange(_ROWS), rows), batch_size=_BATCH))

    def _of_new(self, site: Site, value: Any) -> Any:
        """The part of a relation that is over new members, with its axes as declared."""
        import jax.numpy as jnp

        value = jnp.transpose(value, np.argsort(plates_first(site)).tolist())
        for axis, name in enumerate(site.sets):
            if name in self._new:
                value = jnp.take(value, self._new[name], axis)
        return value
