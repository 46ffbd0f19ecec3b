"""Why no starting point was found: the relations whose density is not finite, with the rows and values at fault."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._infer.density import plates_first, unflatten
from pplang._infer.vectors import without_root
from pplang._ir.program import Site

if TYPE_CHECKING:
    from pplang._model import Bound

_HELP = "check that the data are possible under the model: its bounds, the domains of its functions, the scales of its priors"


_DOMAIN = " (domain"
"""The lowering's name for the condition that functions in a relation are defined begins so, after the relation's."""


def no_start(bound: Bound, points: np.ndarray) -> Problems:
    """F10, naming the relations whose density is not finite at any of the points that were tried last, (tries, n)."""
    import jax

    with jax.enable_x64(True):
        spoilt = without_root(bound, points)
        tried = [_densities(bound, z) for z in points]
    if spoilt:
        return Problems([_indefinite(bound, name) for name in spoilt], bound.model.source)
    title = "no starting point was found: the density is not finite at any of 100"
    found = []
    for name in tried[0]:
        hopeless = np.all([~np.isfinite(one[name]) for one in tried], axis=0)
        site = _source(bound, name.partition(_DOMAIN)[0]) if hopeless.any() else None
        if site is not None:
            undefined = f"`{site.name}` takes a function of what it is not defined for (log of a negative number)"
            own = _label(bound, site, hopeless) if name == site.name else f"`{site.name}` has no finite density"
            label = undefined if _DOMAIN in name else own
            found.append(Diagnostic("F10", title, site.span, label, help=_HELP))
    return Problems(dict.fromkeys(found) if found else [Diagnostic("F10", title, help=_HELP)], bound.model.source)


def _source(bound: Bound, name: str) -> Site | None:
    """The relation of the source that one of the transformed program is, or has come from; None where it is of our own making."""
    program = bound.model.program
    while name not in program.site:
        made = bound.compiled.program.site.get(name)
        if made is None or made.origin is None or made.origin[0] == name:
            return None
        name = made.origin[0]
    return program.site[name]


def _indefinite(bound: Bound, name: str) -> Diagnostic:
    """F10 for a vector whose covariance has no Cholesky factor."""
    title = "no starting point was found: a covariance is not positive definite at any of 100"
    help = "see that it is one for every value of what it is made of; where rounding is at fault, add to its diagonal (`jitter` of a GP)"
    return Diagnostic("F10", title, bound.model.program.site[name].span, f"the covariance of `{name}`", help=help)


def _densities(bound: Bound, z: np.ndarray) -> Mapping[str, np.ndarray]:
    """The log density of each site, element by element where the distribution has elements."""
    values: dict[str, Any] = unflatten(z, bound.latents)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that values are outside the support is what is looked for
        return _traced(bound, values)


def _traced(bound: Bound, values: dict[str, Any]) -> Mapping[str, np.ndarray]:
    from numpyro import handlers

    trace = handlers.trace(handlers.substitute(bound.transformed_model, data=values)).get_trace(**bound.transformed_arguments)
    return {name: np.asarray(site["fn"].log_prob(site["value"])) for name, site in trace.items() if site["type"] == "sample"}


def _label(bound: Bound, site: Site, hopeless: np.ndarray) -> str:
    """Which members have no density, and the value that the first of them has in the data."""
    sets = [site.sets[place] for place in plates_first(site)]
    sizes = [len(bound.sets[name]) if name in bound.sets else -1 for name in sets]
    count = int(hopeless.sum())
    if not sets or list(hopeless.shape) != sizes[: hopeless.ndim] or not hopeless.ndim:
        return f"`{site.name}` has no finite density"
    first = np.argwhere(hopeless)[0]
    where = ", ".join(shown(bound.sets[name][i]) for name, i in zip(sets, first, strict=False))
    said = f"`{site.name}` has no finite density for {count:,} of {hopeless.size:,} (first: {shown(sets[0])} {where}"
    known = bound.dataset.arrays.get(site.name)
    if known is not None and known.shape == hopeless.shape:
        return f"{said}, where it is {float(known[tuple(first)]):g})"
    return f"{said})"
