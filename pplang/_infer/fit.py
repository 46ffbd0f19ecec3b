"""A bound model and settings → a fit: run the engine, go back to the names of the source, keep what was given and what was done."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pplang import _files
from pplang._diagnostics import Diagnostic, Problems
from pplang._fit import Array, Fit, assemble
from pplang._infer.bases import too_small
from pplang._infer.density import set_sizes
from pplang._infer.doubts import doubts
from pplang._infer.draws import Constrainer
from pplang._infer.labels import components, relabelled
from pplang._infer.no_start import no_start
from pplang._infer.params import check_params, maximised, without_maximum
from pplang._infer.settings import Progress, Settings
from pplang._infer.target import Draws, NoStart

if TYPE_CHECKING:
    from pplang._data.dataset import Dataset
    from pplang._infer.engine import Prepared
    from pplang._infer.loop import Loop
    from pplang._model import Bound

Made = TypeVar("Made")

_MOST_TO_BEGIN = 10_000
"""Gradients that `nuts` spends at most on the fit that it begins with."""

_LIBRARIES = ("pplang", "jax", "jaxlib", "numpyro", "numpy", "optax")


def fit(bound: Bound, settings: Settings, progress: Progress) -> Fit:
    """The posterior. Raises `Problems`: F10 no start with a finite density, F11 more draws than fit into memory."""
    import jax

    from pplang._infer import engine

    method = chosen(bound, settings)
    remarks = doubts(bound)
    bound = bound.transported
    check_params(bound)
    _check_memory(bound, settings.draws * (settings.chains if method in ("nuts", "auto") else 1))
    with jax.enable_x64(True), ThreadPoolExecutor(2) as pool:
        # The way back is compiled while the engine compiles and runs, and so are chains that will be needed in any case.
        way_back = cache(lambda: pool.submit(_in_double_precision, lambda: Constrainer(bound.target)))
        most = settings.max_gradients if method in ("vi", "auto") or bound.compiled.moves else _MOST_TO_BEGIN
        ready = engine.prepared(bound, min(most, settings.max_gradients))
        try:
            level = maximised(bound, ready, settings, progress)
            if method == "svi":
                from pplang._infer.svi import svi

                draws = svi(ready, settings, progress, way_back)
                values = relabelled(way_back().result()(settings.seed, draws.z, draws.constants), components(bound))
            else:
                draws, values = _engine(bound, ready, level, replace(settings, method=method), progress, pool, way_back())
        except NoStart as failure:
            raise no_start(bound, failure.points) from None
    notes = (*remarks, *without_maximum(bound, level), *too_small(bound, values), *draws.notes)
    return _fit(bound, settings, replace(draws, notes=notes), values)


def chosen(bound: Bound, settings: Settings) -> str:
    """The method: `auto` means `vi` for a program with a `param`, which has no posterior.

    Raises `Problems` (F28): chains would take a `param` for a number that is known.
    """
    params = bound.model.program.params
    if settings.method == "nuts" and params:
        title = f"nuts cannot fit `{params[0].name}`: a `param` has no posterior to draw from"
        help = f"give it a prior: {params[0].name} ~ Normal(0, 1); or put the number that --method vi finds in its place"
        raise Problems([Diagnostic("F28", title, params[0].span, "without a prior", help=help)], bound.model.source)
    return "vi" if settings.method == "auto" and params else settings.method


def _engine(
    bound: Bound,
    ready: Prepared,
    level: Sequence[str],
    settings: Settings,
    progress: Progress,
    pool: ThreadPoolExecutor,
    way_back: Future[Constrainer],
) -> tuple[Draws, dict[str, np.ndarray]]:
    """`vi`, `nuts`, or `nuts` where `vi` is poor: draws, and their values by the names of the source. level: params without a maximum."""
    from pplang._infer import engine

    chains = pool.submit(_in_double_precision, lambda: _chains(bound, ready)) if settings.method == "nuts" else None
    try:
        found = engine.given_params(bound, engine.fitted(bound, settings, progress, ready), level)
    except NoStart:
        if settings.method == "vi":
            raise
        found = None
    # Chains in a density that does not fall would have no end: `auto` leaves it at saying so.
    enough = found is not None and (found.verdict.word != "poor" or found.verdict.improper)
    if found is not None and (settings.method == "vi" or (settings.method == "auto" and enough)):
        draws = engine.draws_of(bound, found, settings)
        return draws, relabelled(way_back.result()(settings.seed, draws.z, draws.constants), components(bound))
    from pplang._infer.sampling import sampled_draws

    return sampled_draws(bound, ready, found, chains.result() if chains else _chains(bound, ready), way_back.result(), settings, progress)


def _chains(bound: Bound, ready: Prepared) -> Loop:
    from pplang._infer.nuts import compiled_nuts

    return compiled_nuts(bound.target, len(ready.dense))


def _in_double_precision(make: Callable[[], Made]) -> Made:
    """JAX's setting is one of each thread."""
    import jax

    with jax.enable_x64(True):
        return make()


def _fit(bound: Bound, settings: Settings, draws: Draws, values: dict[str, np.ndarray]) -> Fit:
    program, dataset, constants = bound.model.program, bound.dataset, {**bound.constants, **draws.constants}
    observed = {site.name for site in program.sites if site.role in ("observed", "split")}
    arrays = {name: Array(program.axes_of(name), _with_gaps(dataset, name)) for name in dataset.arrays}
    reported = [site for site in bound.compiled.drawn.sites if site.report and site.level == "data"]
    known = {site.name: Array(site.sets, bound.known(site.name)) for site in reported}
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
            "method": draws.method,
            "seed": str(settings.seed),
            "settings": json.dumps(settings.used()),
            "plan": json.dumps(bound.compiled.plan()),
            "schema": json.dumps(dataset.schema),
            "versions": json.dumps(_versions()),
            "members": json.dumps(members(bound)),
            "notes": json.dumps([_as_json(one) for one in draws.notes if one.span is not None]),
            **draws.texts,
        },
        attributes={"inference_library": "pplang", "inference_library_version": _versions()["pplang"], "creation_library": "pplang"},
    )


def members(bound: Bound) -> dict[str, list[str | int]]:
    """The labels of the values of what is kept, where these are members of a set."""
    return {name: bound.coordinates(over).tolist() for name, over in bound.kept_members.items()}


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
    span = {site.name: site for site in bound.compiled.kept}[bound.kept_sites.get(largest, largest)].span
    raise Problems([Diagnostic("F11", title, span, "the largest of them", notes=(note,), help="ask for fewer --draws")], bound.model.source)


def _as_json(note: Diagnostic) -> dict[str, Any]:
    assert note.span is not None
    place = {"start": note.span.start, "end": note.span.end}
    return {"code": note.code, "severity": note.severity, "title": note.title, **place, "label": note.label, "help": note.help}
