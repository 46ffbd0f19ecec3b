"""A bound model and settings → a fit: run the engine, go back to the names of the source, keep what was given and what was done."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems
from pplang._fit import Array, Fit, assemble
from pplang._infer.density import set_sizes, site_densities, unflatten
from pplang._infer.draws import Constrainer
from pplang._infer.settings import Progress, Settings
from pplang._infer.target import Draws, NoStart, Target

if TYPE_CHECKING:
    from pplang._data.dataset import Dataset
    from pplang._model import Bound

_LIBRARIES = ("pplang", "jax", "jaxlib", "numpyro", "numpy", "optax")


def fit(bound: Bound, settings: Settings, progress: Progress) -> Fit:
    """The posterior. Raises `Problems`: F10 no start with a finite density, F11 more draws than fit into memory."""
    import jax

    if settings.method == "vi":
        bound = bound.transported
    chains = settings.chains if settings.method == "nuts" else 1
    _check_memory(bound, chains * settings.draws)
    target = bound.target
    with jax.enable_x64(True), ThreadPoolExecutor(1) as pool:
        # The way back is compiled while the engine compiles and runs.
        way_back = pool.submit(_constrainer, target, chains * settings.draws)
        try:
            draws = _draws(bound, settings, progress)
        except NoStart as failure:
            raise _no_start(bound, failure.points) from None
        values = way_back.result()(settings.seed, draws.z, draws.constants)
    return _fit(bound, settings, draws, values)


def _draws(bound: Bound, settings: Settings, progress: Progress) -> Draws:
    """What the engine of the method gives."""
    if settings.method == "vi":
        from pplang._infer.engine import vi

        return vi(bound, settings, progress)
    if settings.method == "svi":
        from pplang._infer.svi import svi

        return svi(bound.target, settings, progress)
    from pplang._infer.nuts import nuts

    return nuts(bound.target, settings, progress)


def _constrainer(target: Target, count: int) -> Constrainer:
    import jax

    with jax.enable_x64(True):
        return Constrainer(target, count)


def _fit(bound: Bound, settings: Settings, draws: Draws, values: dict[str, np.ndarray]) -> Fit:
    program, dataset, constants = bound.model.program, bound.dataset, {**bound.constants, **draws.constants}
    observed = {site.name for site in program.sites if site.role in ("observed", "split")}
    arrays = {name: Array(program.axes_of(name), _with_gaps(dataset, name)) for name in dataset.arrays}
    known = {site.name: Array(site.sets, bound.arguments[site.name]) for site in program.sites if site.report and site.level == "data"}
    return assemble(
        posterior={name: Array(axes, values[name]) for name, axes in bound.kept.items()},
        statistics=draws.statistics,
        history=draws.history,
        observed={name: array for name, array in arrays.items() if name in observed},
        constant={name: array for name, array in arrays.items() if name not in observed} | known,
        transport={one.name: Array(one.sets, constants[one.name]) for one in bound.compiled.constants if one.name in constants},
        coordinates=bound.coordinates,
        texts={
            "model": bound.model.source.text,
            "name": bound.model.source.name,
            "method": settings.method,
            "seed": str(settings.seed),
            "settings": json.dumps(settings.used()),
            "plan": json.dumps(bound.compiled.plan()),
            "schema": json.dumps(dataset.schema),
            "versions": json.dumps(_versions()),
            **draws.texts,
        },
        attributes={"inference_library": "pplang", "inference_library_version": _versions()["pplang"], "creation_library": "pplang"},
    )


def _with_gaps(dataset: Dataset, name: str) -> np.ndarray:
    """The values of a column or input, NaN in its empty cells."""
    values, present = dataset.arrays[name], dataset.present.get(name)
    return values if present is None or present.all() else np.where(present, values, np.nan)


def _versions() -> dict[str, str]:
    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:  # run from the sources, not installed
            return "unknown"

    return {name: of(name) for name in _LIBRARIES}


def _check_memory(bound: Bound, count: int) -> None:
    sizes = set_sizes(bound.compiled.drawn, bound.sets)
    sites = {name: math.prod(sizes[one] for one in axes) for name, axes in bound.kept.items()}
    need = 3 * 8 * count * (sum(sites.values()) + bound.size)  # on R^n, by name, and once more while writing
    if need <= _files.spendable_memory():
        return
    largest = max(sites, key=lambda name: sites[name])
    title = f"{count:,} draws would take {_files.size_text(need)}, and {_files.size_text(_files.spendable_memory())} are free"
    note = f"the largest is `{largest}`, {sites[largest]:,} numbers in each draw"
    span = bound.model.program.site[largest].span
    raise Problems([Diagnostic("F11", title, span, "the largest of them", notes=(note,), help="ask for fewer --draws")], bound.model.source)


def _no_start(bound: Bound, points: np.ndarray) -> Problems:
    """F10, naming the relations whose density is not finite at the points that were tried last."""
    import jax

    @jax.jit
    def densities(z: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        return site_densities(bound.transformed_model, unflatten(z, bound.latents), arguments)

    with jax.enable_x64(True):
        tried = [densities(z, bound.transformed_arguments) for z in points]
    blamed = [name for name in tried[0] if not any(np.isfinite(one[name]) for one in tried)]
    sites = [bound.model.program.site[name] for name in blamed if name in bound.model.program.site]
    title = "no starting point was found: the density is not finite at any of 100"
    help = "check that the data are possible under the model: its bounds, the domains of its functions, the scales of its priors"
    if not sites:
        return Problems([Diagnostic("F10", title, help=help)], bound.model.source)
    found = [Diagnostic("F10", title, site.span, f"`{site.name}` has no finite density", help=help) for site in sites]
    return Problems(found, bound.model.source)
