"""Stochastic variational inference with a normal guide on R^n.

The guides are those of NumPyro's `AutoDiagonalNormal` and `AutoMultivariateNormal` on the flat vector of latents. The ELBO is our own, for
two reasons: NumPyro's iterates over a Python set, so that its program differs with the hash seed, and it costs several compiled programs.

Models in raw units have posteriors that are thousands wide in one coordinate and thousandths in another, and Adam takes steps of one size. So
one guide begins at the mode, with the widths of the density there, and is fitted in these units. In a hierarchy the mode may be far from where
the mass is, and the way back long. So a second one begins narrow at the origin, where priors are, and the better of the two is kept.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from pplang._infer.loop import Loop, Process, Run
from pplang._infer.mode import Mode, Scores, find_mode, first_point
from pplang._infer.settings import Progress, Settings
from pplang._infer.target import Arguments, Draws, Target

_FASTEST, _SLOWEST = 0.05, 5e-4
"""Adam's rate: it rises to the first over a twentieth of the steps and falls to the second along a cosine."""
_NARROW = 0.1
"""The first scale where nothing is known: at the origin, and in a coordinate in which the density is not curved downwards at the mode."""
_AVERAGED = 0.1
"""The guide that is returned is the mean, in its own parameters, over this last part of the steps: the noise of single steps cancels."""
_PARTICLES = 8
"""Draws of the guide per step, in antithetic pairs."""


def svi(target: Target, settings: Settings, progress: Progress) -> Draws:
    """Fit the guide and draw from it.

    The draws have one chain; `history["elbo"]`: (steps,), the estimate at each step. Raises NoStart if no finite density is found.
    """
    full = settings.guide == "full-rank"
    shapes = _narrow(np.zeros(target.size), full)
    identity = f"svi {settings.guide} {settings.steps} {target.size}\n{target.identity}"
    with ThreadPoolExecutor(1) as pool:
        loop = pool.submit(_compiled, target, settings, (target.arguments, shapes), identity)
        scores = Scores(target)
        origin = first_point(scores, target.size, settings.seed)
        starts = (_wide(find_mode(scores, origin, settings.seed), full), _narrow(origin, full))
    runs = loop.result().run([(target.arguments, start) for start in starts], settings.seed, settings.steps, progress, _remark)
    elbos = [run.records()["elbo"] for run in runs]
    kept = int(np.argmax([np.nan_to_num(elbo[-_averaged(settings) :].mean(), nan=-np.inf) for elbo in elbos]))
    start, location, spread = starts[kept], runs[kept].result["location"], runs[kept].result["spread"]
    noise = np.random.Generator(np.random.Philox(settings.seed)).standard_normal((settings.draws, target.size))
    own = location + (noise @ spread.T if full else noise * spread)
    z = start.center + (own @ start.units.T if full else own * start.units)
    return Draws(z[None], {}, {"elbo": elbos[kept]})


def _compiled(target: Target, settings: Settings, shapes: Any, identity: str) -> Loop:
    """The loop, while another thread looks for the mode."""
    import jax

    with jax.enable_x64(True):
        return Loop(shapes, lambda: _process(target, settings), identity, numbers_per_step=1)


class _Start(NamedTuple):
    """Where a guide begins: its center (n,), the units in which it is fitted ((n,), full rank (n, n)), its scales in them (n,)."""

    center: Any
    units: Any
    scales: Any


def _wide(mode: Mode, full: bool) -> _Start:
    scales, known = mode.scales()
    return _Start(mode.point, mode.root() if full else scales, np.where(known | full, 1.0, _NARROW))


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


class _State(NamedTuple):
    guide: _Guide
    optimiser: Any
    average: _Guide
    key: Any
    start: _Start


def _spread(guide: _Guide) -> Any:
    """Scales (n,) of the mean-field guide, the Cholesky factor (n, n) of the full-rank one."""
    import jax.numpy as jnp

    scale = jnp.exp(guide.log_scale)
    if guide.lower is None:
        return scale
    return scale[:, None] * (jnp.tril(guide.lower, -1) + jnp.eye(scale.size))


def _process(target: Target, settings: Settings) -> Process:
    """Adam on the negative ELBO, its entropy part exact, its density part a mean over antithetic pairs of draws of the guide."""
    import jax
    import jax.numpy as jnp
    import optax

    functions = target.functions()
    size, full = target.size, settings.guide == "full-rank"
    warming = max(1, settings.steps // 20)
    rate = optax.warmup_cosine_decay_schedule(_SLOWEST, _FASTEST, warming, max(settings.steps, warming + 1), _SLOWEST)
    optimiser = optax.adam(rate)
    averaged = _averaged(settings)

    def negative_elbo(guide: _Guide, key: Any, data: Arguments, start: _Start) -> Any:
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
        return _State(guide, optimiser.init(guide), guide, jax.random.fold_in(jax.random.PRNGKey(seed), run), start)

    def step(state: _State, number: Any, arguments: tuple[Arguments, _Start]) -> tuple[_State, dict[str, Any]]:
        key = jax.random.fold_in(state.key, number)
        loss, gradient = jax.value_and_grad(negative_elbo)(state.guide, key, arguments[0], state.start)
        sound = jnp.isfinite(loss) & jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(gradient)]).all()
        # The location moves in units of the guide's scales of the moment where they have grown, so that it goes far where the guide is wide.
        spread = _spread(state.guide._replace(log_scale=jnp.maximum(state.guide.log_scale, 0.0)))
        there, back = (lambda v: v @ spread, lambda v: spread @ v) if full else (lambda v: v * spread, lambda v: v * spread)
        updates, optimised = optimiser.update(gradient._replace(location=there(gradient.location)), state.optimiser)
        moved = optax.apply_updates(state.guide, updates._replace(location=back(updates.location))), optimised
        # A draw of the guide outside the region where the density is finite says nothing about the way: that step is not taken.
        guide, optimised = jax.tree.map(lambda new, old: jnp.where(sound, new, old), moved, (state.guide, state.optimiser))
        share = 1 / jnp.maximum(1, number + 1 - (settings.steps - averaged))
        average = jax.tree.map(lambda mean, new: mean + share * (new - mean), state.average, guide)
        return state._replace(guide=guide, optimiser=optimised, average=average), {"elbo": -loss}

    def result(state: _State) -> dict[str, Any]:
        return {"location": state.average.location, "spread": _spread(state.average), "go_on": jnp.array(True)}

    return Process(begin, step, result)
