"""Stochastic variational inference with a normal guide on R^n.

The guides are those of NumPyro's `AutoDiagonalNormal` and `AutoMultivariateNormal` on the flat vector of latents. The ELBO is our own, for
two reasons: NumPyro's iterates over a Python set, so that its program differs with the hash seed, and it costs several compiled programs.

Models in raw units have posteriors that are thousands wide in one coordinate and thousandths in another, and Adam takes steps of one size. So
one guide begins at the fit of the variational engine, in its transported coordinates and its units; the transports' constants are trained with it.
A second one begins narrow at the origin of the non-centred coordinates, where priors are, and the better of the two is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pplang._infer.families import Block
from pplang._infer.loop import Loop, Process, Run
from pplang._infer.race import Race
from pplang._infer.settings import Progress, Settings
from pplang._infer.starts import finite_point
from pplang._infer.target import Arguments, Draws
from pplang._infer.transports import Coordinate

if TYPE_CHECKING:
    from pplang._infer.engine import Prepared

_FASTEST, _SLOWEST = 0.05, 5e-4
"""Adam's rate: it rises to the first over a twentieth of the steps and falls to the second along a cosine."""
_NARROW = 0.1
"""The first scale where nothing is known: at the origin, and in a coordinate in which the density is not curved downwards at the mode."""
_AVERAGED = 0.1
"""The guide that is returned is the mean, in its own parameters, over this last part of the steps: the noise of single steps cancels."""
_PARTICLES = 8
"""Draws of the guide per step, in antithetic pairs."""


def svi(ready: Prepared, settings: Settings, progress: Progress, meanwhile: Callable[[], object]) -> Draws:
    """Fit the guide and draw from it. meanwhile: called once the starts are known, while the guide's program, the longest, still compiles.

    The draws have one chain; `history["elbo"]`: (steps,), the estimate at each step. Raises NoStart if no finite density is found.
    """
    problem, full = ready.problem, settings.guide == "full-rank"
    target, layout = problem.target, problem.layout
    shapes = (target.arguments, _narrow(np.zeros(target.size), full))
    identity = f"svi {settings.guide} {settings.steps} {target.size}\n{layout.identity}\n{target.identity}"
    with ThreadPoolExecutor(1) as pool:
        loop = pool.submit(_compiled, ready, settings, shapes, identity)
        found = Race(problem, ready.dense, settings.seed, settings.tol, lambda remark: progress(0, 2 * settings.steps, remark)).run()
        origin = finite_point(problem, problem.zero(), np.random.Generator(np.random.Philox(settings.seed)), at_origin=True)
        meanwhile()
    starts = [(found.constants, _fitted(found.family, full)), (problem.zero(), _narrow(origin, full))]
    arguments = [({**target.arguments, **constants}, start) for constants, start in starts]
    runs = loop.result().run(arguments, settings.seed, settings.steps, progress, _remark)
    elbos = [run.records()["elbo"] for run in runs]
    kept = int(np.argmax([np.nan_to_num(elbo[-_averaged(settings) :].mean(), nan=-np.inf) for elbo in elbos]))
    (_, start), reached = starts[kept], runs[kept].result
    noise = np.random.Generator(np.random.Philox(settings.seed)).standard_normal((settings.draws, target.size))
    own = reached["location"] + (noise @ reached["spread"].T if full else noise * reached["spread"])
    z = start.center + (own @ start.units.T if full else own * start.units)
    return Draws(z[None], {}, {"elbo": elbos[kept]}, {name: reached[f"constant {name}"] for name in layout.constants})


def _compiled(ready: Prepared, settings: Settings, shapes: Any, identity: str) -> Loop:
    """The loop, while another thread fits."""
    import jax

    with jax.enable_x64(True):
        return Loop(shapes, lambda: _process(ready, settings), identity, numbers_per_step=1)


class _Start(NamedTuple):
    """Where a guide begins: its center (n,), the units in which it is fitted ((n,), full rank (n, n)), its scales in them (n,)."""

    center: Any
    units: Any
    scales: Any


def _fitted(family: Block, full: bool) -> _Start:
    units = family.deviations() if not full else np.zeros((len(family.mean), len(family.mean)))
    if full:
        p = family.dense
        units[np.ix_(family.order[:p], family.order[:p])] = family.root
        units[family.order[p:], family.order[p:]] = family.scale
    return _Start(family.means(), units, np.ones(len(family.mean)))


def _narrow(origin: np.ndarray, full: bool) -> _Start:
    return _Start(origin, np.eye(origin.size) if full else np.ones(origin.size), np.full(origin.size, _NARROW))


def _averaged(settings: Settings) -> int:
    return max(1, int(settings.steps * _AVERAGED))


def _remark(run: Run) -> str:
    return f"elbo {run.blocks[-1]['elbo'].mean():.1f}" if run.blocks else ""


class _Guide(NamedTuple):
    """A normal guide's parameters: its mean, the logarithm of its scales, and (full rank) a strictly lower triangle.

    A draw is location + L noise, L = diag(scale) (mean-field) or diag(scale) (I + strict lower triangle) (full rank).
    """

    location: Any
    log_scale: Any
    lower: Any


class _Evidence(NamedTuple):
    """What is trained of the transports, for each: the logarithm of the factor of its evidence, and how far b / h moves in sds of the
    pseudo-likelihood; both zero at the start."""

    growth: Any
    shift: Any


class _State(NamedTuple):
    guide: _Guide
    evidence: _Evidence
    optimiser: Any
    average: tuple[_Guide, _Evidence]
    key: Any
    start: _Start
    kept: dict[str, Any]


def _spread(guide: _Guide) -> Any:
    """Scales (n,) of the mean-field guide, the Cholesky factor (n, n) of the full-rank one."""
    import jax.numpy as jnp

    scale = jnp.exp(guide.log_scale)
    if guide.lower is None:
        return scale
    return scale[:, None] * (jnp.tril(guide.lower, -1) + jnp.eye(scale.size))


def _moved(sites: Sequence[Coordinate], arguments: Arguments, evidence: _Evidence) -> dict[str, Any]:
    """The transports' constants by name: H, b and V times the factor, b moved."""
    import jax.numpy as jnp

    found: dict[str, Any] = {}
    for site, growth, shift in zip(sites, evidence.growth, evidence.shift, strict=True):
        transport, factor = site.transport, jnp.exp(growth)
        h, b = arguments[transport.h], arguments[transport.b]
        matrices = len(site.h_shape) > len(site.shape)
        precision = jnp.diagonal(h, axis1=-2, axis2=-1) if matrices else h
        size = jnp.where(precision > 0, jnp.sqrt(jnp.where(precision > 0, precision, 1.0)), 0.0)
        wide = factor[..., None] if matrices else factor
        found[transport.h] = h * (factor[..., None, None] if matrices else factor)
        found[transport.b] = wide * (b + size * shift)
        for hyper in transport.hyperparameters:
            slopes = arguments[hyper.slope]
            found[hyper.slope] = slopes * wide.reshape(wide.shape + (1,) * (slopes.ndim - wide.ndim))
    return found


def _process(ready: Prepared, settings: Settings) -> Process:
    """Adam on the negative ELBO, its entropy part exact, its density part a mean over antithetic pairs of draws of the guide."""
    import jax
    import jax.numpy as jnp
    import optax

    target, sites = ready.problem.target, ready.problem.layout.sites
    functions = target.functions()
    size, full = target.size, settings.guide == "full-rank"
    warming = max(1, settings.steps // 20)
    rate = optax.warmup_cosine_decay_schedule(_SLOWEST, _FASTEST, warming, max(settings.steps, warming + 1), _SLOWEST)
    optimiser = optax.adam(rate)
    averaged = _averaged(settings)

    def negative_elbo(trained: tuple[_Guide, _Evidence], key: Any, data: Arguments, start: _Start) -> Any:
        guide, evidence = trained
        data = {**data, **_moved(sites, data, evidence)}
        center, units, _ = start
        half = jax.random.normal(key, (_PARTICLES // 2, size))
        noise = jnp.concatenate([half, -half])
        spread = _spread(guide)
        own = guide.location + (noise @ spread.T if full else noise * spread)
        z = center + (own @ units.T if full else own * units)
        density = jax.vmap(lambda point: functions.log_density(point, data))(z)
        stretch = jnp.linalg.slogdet(units)[1] if full else jnp.sum(jnp.log(units))
        entropy = jnp.sum(guide.log_scale) + stretch + 0.5 * size * (1 + jnp.log(2 * jnp.pi))
        return -(jnp.mean(density) + entropy)

    def begin(seed: Any, run: Any, arguments: tuple[Arguments, _Start]) -> _State:
        start = arguments[1]
        guide = _Guide(jnp.zeros(size), jnp.log(start.scales), jnp.zeros((size, size)) if full else None)
        rows = tuple(one.shape[:-1] if len(one.h_shape) > len(one.shape) else one.shape for one in sites)
        evidence = _Evidence(tuple(jnp.zeros(row) for row in rows), tuple(jnp.zeros(one.shape) for one in sites))
        key = jax.random.fold_in(jax.random.PRNGKey(seed), run)
        return _State(
            guide,
            evidence,
            optimiser.init((guide, evidence)),
            (guide, evidence),
            key,
            start,
            {name: arguments[0][name] for name in ready.problem.layout.constants},
        )

    def step(state: _State, number: Any, arguments: tuple[Arguments, _Start]) -> tuple[_State, dict[str, Any]]:
        key = jax.random.fold_in(state.key, number)
        trained = state.guide, state.evidence
        loss, (gradient, of_evidence) = jax.value_and_grad(negative_elbo)(trained, key, arguments[0], state.start)
        sound = jnp.isfinite(loss) & jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves((gradient, of_evidence))]).all()
        # The location moves in units of the guide's scales of the moment where they have grown, so that it goes far where the guide is wide.
        spread = _spread(state.guide._replace(log_scale=jnp.maximum(state.guide.log_scale, 0.0)))
        there, back = (lambda v: v @ spread, lambda v: spread @ v) if full else (lambda v: v * spread, lambda v: v * spread)
        (updates, of_evidence), optimised = optimiser.update(
            (gradient._replace(location=there(gradient.location)), of_evidence), state.optimiser
        )
        moved = optax.apply_updates(trained, (updates._replace(location=back(updates.location)), of_evidence)), optimised
        # A draw of the guide outside the region where the density is finite says nothing about the way: that step is not taken.
        trained, optimised = jax.tree.map(lambda new, old: jnp.where(sound, new, old), moved, (trained, state.optimiser))
        share = 1 / jnp.maximum(1, number + 1 - (settings.steps - averaged))
        average = jax.tree.map(lambda mean, new: mean + share * (new - mean), state.average, trained)
        return state._replace(guide=trained[0], evidence=trained[1], optimiser=optimised, average=average), {"elbo": -loss}

    def result(state: _State) -> dict[str, Any]:
        guide, evidence = state.average
        moved = {**state.kept, **_moved(sites, state.kept, evidence)}
        constants = {f"constant {name}": moved[name] for name in ready.problem.layout.constants}
        return {"location": guide.location, "spread": _spread(guide), **constants, "go_on": jnp.array(True)}

    return Process(begin, step, result)
