"""How much the data say about each element of a site in transported coordinates, at the posterior mean of everything else.

With the precision h' of the pseudo-likelihood of an element's data, the scale t of its prior and the Fisher information I of the standard
member, A = I + h' t^2 (see `_passes.transport`): the ratio h' t^2 / I is that of what the data and the prior know, and h' t^2 / A the data's
share. A site of a block has the diagonal of L' H L in the place of h' t^2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pplang._check.graph import edges
from pplang._data.dataset import Dataset
from pplang._data.values import filler
from pplang._diagnostics import shown
from pplang._fit import Fit
from pplang._infer.bases import measured
from pplang._infer.density import plates_first, set_sizes
from pplang._ir import expression as ire
from pplang._ir.program import Empty, Program, Site
from pplang._ir.text import expression
from pplang._lower import lower
from pplang._lower.made_sets import with_made_sets
from pplang._passes.plan import Block, Compiled, Transport, kept_as

DETERMINED, UNINFORMED = 0.95, 0.05
"""Shares of the data from which on an element is said to be determined by them, and below which it is said to be left to its prior."""
_NAMED = 3
_LONGEST = 24
_NOTHING = 1e-3


@dataclass(frozen=True)
class Evidence:
    """ratio: h' t^2 / I of each element; labels: of the elements. scale: how the program writes t."""

    site: str
    scale: str
    ratio: np.ndarray
    labels: tuple[str, ...]

    @property
    def share(self) -> np.ndarray:
        """The data's share in what is known of each element."""
        return self.ratio / (1 + self.ratio)

    def sentence(self) -> str:
        """Where the elements lie, the extremes by name."""
        word = f"h {self.scale}²" if self.scale else "h"
        if len(self.ratio) == 1:
            return f"{word} is {_size(self.ratio[0])}, the data's share {self.share[0]:.0%}"
        low, high = int(np.argmin(self.ratio)), int(np.argmax(self.ratio))
        span = (
            f"{word} runs from {_size(self.ratio[low])} for {self.labels[low]} to {_size(self.ratio[high])} for {self.labels[high]} "
            f"(the data's share from {self.share[low]:.0%} to {self.share[high]:.0%})"
        )
        determined, left = self._those(self.share > DETERMINED), self._those(self.share < UNINFORMED)
        known = f"{determined} fully determined by the data" if determined else "no element is fully determined by its data"
        return "; ".join([span, known, *([f"{left} left to the prior"] if left else [])])

    def _those(self, chosen: np.ndarray) -> str:
        """`A and B are`, `12 of 85 elements are`."""
        places = np.flatnonzero(chosen)
        if len(places) == 0:
            return ""
        if len(places) > _NAMED:
            return f"{'all' if len(places) == len(self.ratio) else f'{len(places):,} of'} {len(self.ratio):,} elements are"
        *others, last = (self.labels[place] for place in places)
        return f"{', '.join(others)} and {last} are" if others else f"{last} is"

    def to_json(self) -> dict[str, float]:
        """h' t^2 / I by label."""
        return dict(zip(self.labels, map(float, self.ratio), strict=True))


def _size(ratio: float) -> str:
    """Two digits; nothing is nothing."""
    return "0" if ratio < _NOTHING else f"{ratio:.2g}"


def evidence(compiled: Compiled, fit: Fit) -> dict[str, Evidence]:
    """Of every transported site, by name; those whose values a fit cannot give (a correlation matrix has no mean that is one) are left out."""
    data, source = dataset(compiled.source, fit), compiled.drawn
    members = with_made_sets(compiled.program, data.sets, data.arrays)
    members |= {one.name: list(fit.content.coords.get(one.name, ())) for one in source.sets if isinstance(one.members, Empty)}
    means = {site.name: fit.draws(kept_as(site)).mean(axis=(0, 1)) for site in source.sites if kept_as(site) in fit.names}
    found: dict[str, Evidence] = {}
    every: tuple[Transport | Block, ...] = (*compiled.transports, *compiled.blocks)
    for one in every:
        wanted = one.factor if isinstance(one, Block) else one.spread
        if wanted is None or not all(name in fit.constants for name in (one.h, one.b)):
            continue
        program = _up_to(compiled.inverse(), wanted)
        sizes = set_sizes(program, members)
        zeros = {constant.name: np.zeros([sizes[axis] for axis in constant.sets]) for constant in compiled.constants}
        prepared = lower(program).prepare(sets=members, **{**zeros, **data.values(), **fit.constants, **means})
        found |= _of(source, one, prepared[wanted], members)
    return found


def of_bases(compiled: Compiled, fit: Fit) -> tuple[str, ...]:
    """How far the processes on a basis are from their kernels, a sentence for each."""

    def values(name: str) -> np.ndarray:
        return fit.draws(name) if name in fit.names else fit.content.groups["constant_data"][name].values[None, None]

    return tuple(one.sentence() for one in measured(compiled, values))


def dataset(program: Program, fit: Fit) -> Dataset:
    """The data in a fit file; NaN are the empty cells of what may have some."""
    import json

    groups = fit.content.groups
    arrays = {name: one.values for group in ("observed_data", "constant_data") for name, one in groups.get(group, {}).items()}
    written = json.loads(fit.content.texts["schema"]).get("sets", {})
    sets = {name: one["members"] if "members" in one else range(one["first"], one["last"] + 1) for name, one in written.items()}
    present = {name: ~np.isnan(arrays[name].astype(float)) for name in program.optional if name in arrays}
    fillers = {name: filler(program.kind_of(name)) for name in present}
    return Dataset(sets, {**arrays, **{name: np.where(present[name], arrays[name], fillers[name]) for name in present}}, present)


def _of(source: Program, one: Transport | Block, found: np.ndarray, members: Mapping[str, Sequence[Any]]) -> dict[str, Evidence]:
    """spread is sqrt(I / A), and factor a root of A = I + L' H L."""
    if isinstance(one, Transport):
        return {one.site: _made(source.site[one.site], 1 / found**2 - 1, members)}
    diagonal = np.einsum("...ij,...ij->...i", found, found) - 1
    if len(one.sites) == 1:
        (site,) = (source.site[name] for name in one.sites)
        whole = np.transpose(diagonal, np.argsort(plates_first(site)))
        right = whole.shape == tuple(len(members[name]) for name in site.sets)  # a sum to zero has one coordinate less than elements
        return {site.name: replace(_made(site, whole, members), scale="(its root)")} if right else {}
    return {name: _made(source.site[name], diagonal[..., place], members) for place, name in enumerate(one.sites)}


def _made(site: Site, ratio: np.ndarray, members: Mapping[str, Sequence[Any]]) -> Evidence:
    axes = [members[name] for name in site.sets]
    labels = tuple(shown(", ".join(str(axis[i]) for axis, i in zip(axes, place, strict=True))) for place in np.ndindex(*ratio.shape))
    return Evidence(site.name, _scale(site), np.maximum(ratio.ravel(), 0.0), labels)


def _scale(site: Site) -> str:
    """The scale of a relation where it is short."""
    from pplang._catalogue.distributions import DISTRIBUTIONS

    right = site.right
    family = DISTRIBUTIONS[right.name].family if isinstance(right, ire.Distribution) else None
    scale = right.argument(family.scale) if isinstance(right, ire.Distribution) and family is not None and family.scale else None
    written = "" if scale is None else expression(scale)
    if len(written) > _LONGEST:
        return "(its scale)"
    return written if isinstance(scale, ire.Reference | ire.Number) else f"({written})" if written else ""


def _up_to(program: Program, wanted: str) -> Program:
    """The program with only what a name is computed from."""
    needed, pending = set[str](), [wanted]
    while pending:
        name = pending.pop()
        if name in program.site and name not in needed:
            needed.add(name)
            pending += [edge.parent for edge in edges(program.site[name])]
    return replace(program, sites=tuple(site for site in program.sites if site.name in needed))
