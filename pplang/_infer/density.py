"""From a lowered program to the functions that an engine traces: NumPyro's handlers on a flat vector of latents."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pplang._diagnostics import InternalError
from pplang._infer.target import Arguments, Functions
from pplang._ir.program import Free, Gaps, Labels, Pairs, ProductSet, Program, Site, SumSet, Without

LoweredModel = Callable[..., None]
"""A NumPyro model, called with its arguments by keyword."""


@dataclass(frozen=True)
class Latent:
    """A site of the transformed program that lives on R^n, and its shape."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def unflatten(z: Any, latents: Sequence[Latent]) -> dict[str, Any]:
    """The parts of a flat vector (n,), in the order of the latents."""
    ends = np.cumsum([latent.size for latent in latents])
    return {latent.name: z[end - latent.size : end].reshape(latent.shape) for latent, end in zip(latents, ends, strict=True)}


def functions(
    transformed: LoweredModel,
    drawing: LoweredModel,
    completing: LoweredModel,
    latents: Sequence[Latent],
    original: Sequence[Site],
    kept: Mapping[str, Site],
    later: Collection[str],
    params: Sequence[str],
) -> Functions:
    """The density of the transformed model, and the values of a draw by the names of the source.

    drawing: the transformed model with relations that draw what was summed out. original: the sites of the transformed program that have the
    names of the source's latents. kept: the sites of the source whose values are wanted, by the name to give them. later: what is drawn or
    computed after inference; where any of `kept` is, `completing` computes all of them, given the latents with their axes as declared.
    params: of the source; their values are wanted too.
    """
    from numpyro import handlers

    def log_density(z: Any, arguments: Arguments) -> Any:
        return sum(site_densities(transformed, unflatten(z, latents), arguments).values(), start=0.0 * z.sum())

    def constrain(z: Any, key: Any, arguments: Arguments) -> dict[str, Any]:
        model, later_key = drawing, key
        if drawing is not transformed:
            import jax

            later_key, own = jax.random.split(key)
            model = handlers.seed(drawing, own)
        trace = handlers.trace(handlers.substitute(model, data=unflatten(z, latents))).get_trace(**arguments)
        held = {name: trace[name]["value"] for name in params}
        if any(site.name in later for site in kept.values()):
            found = {site.name: (site, trace[site.name]) for site in original}
            values = {name: _as_declared(site, one["value"], one["type"] == "sample") for name, (site, one) in found.items()} | held
            trace = handlers.trace(handlers.substitute(handlers.seed(completing, later_key), data=values)).get_trace(**arguments)
            sampled = {name: one["type"] == "sample" and name not in values for name, one in trace.items()}
            return held | {name: _as_declared(site, trace[site.name]["value"], sampled[site.name]) for name, site in kept.items()}
        # Here a stochastic site of the source may be a computed one of the transformed model, which has its axes as declared already.
        return held | {
            name: _as_declared(site, trace[site.name]["value"], trace[site.name]["type"] == "sample") for name, site in kept.items()
        }

    return Functions(log_density, constrain)


def plates_first(site: Site) -> tuple[int, ...]:
    """The permutation of a site's declared axes that NumPyro has them in: plates, then the axes of one draw."""
    if not site.stochastic:
        return tuple(range(len(site.axes)))
    bound = [place for place, axis in enumerate(site.axes) if axis.variable is not None]
    return (*bound, *(place for place in range(len(site.axes)) if place not in bound))


def drawn(site: Site, traced: Mapping[str, Any]) -> Any:
    """The value of a stochastic site of the source as NumPyro has it, from a trace of a program that may compute it, with its axes as
    declared."""
    value = traced["value"]
    return value if traced["type"] == "sample" else value.transpose(plates_first(site))


def _as_declared(site: Site, value: Any, sampled: bool = True) -> Any:
    """The value of a site with its axes in the order of the source."""
    return value.transpose(np.argsort(plates_first(site))) if sampled and site.axes else value


def site_densities(model: LoweredModel, values: Mapping[str, Any], arguments: Arguments) -> dict[str, Any]:
    """The log density of each site, in the order of the program: so sums are made in the same order in every process."""
    import jax.numpy as jnp
    from numpyro import handlers

    trace = handlers.trace(handlers.substitute(model, data=dict(values))).get_trace(**arguments)

    def density(site: Mapping[str, Any]) -> Any:
        density = site["fn"].log_prob(site["value"])
        return jnp.sum(density if site["scale"] is None else site["scale"] * density)

    return {name: density(site) for name, site in trace.items() if site["type"] == "sample"}


def set_sizes(program: Program, members: Mapping[str, Sequence[Any]]) -> dict[str, int]:
    """How many members each index set of a program has; those that passes made are derived from the others."""
    sizes: dict[str, int] = {}

    def size(name: str) -> int:
        if name in members:
            return len(members[name])
        match program.set[name].members:
            case Free(base) | Gaps(base):
                return size(base) - 1
            case Pairs(base):
                return size(base) * (size(base) - 1) // 2
            case Without(base, labels):
                return len([one for one in members[base] if one not in labels])
            case Labels(labels):
                return len(labels)
            case ProductSet(parts):
                return math.prod(size(part) for part in parts)
            case SumSet(parts):
                return sum(size(part) for part in parts)
            case other:
                raise InternalError(f"the size of {name} ({other}) is not known")

    for one in program.sets:
        sizes[one.name] = size(one.name)
    return sizes
