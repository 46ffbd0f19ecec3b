"""Stochastic variational inference with a normal guide on R^n.

The guides are those of NumPyro's `AutoDiagonalNormal` and `AutoMultivariateNormal` on the flat vector of latents. The ELBO is our own, for
two reasons: NumPyro's iterates over a Python set, so that its program differs with the hash seed, and it costs several compiled programs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pplang._infer.loop import Loop, Process, Run
from pplang._infer.settings import Progress, Settings
from pplang._infer.start import find_start
from pplang._infer.target import Arguments, Draws, NoStart, Target

_FASTEST, _SLOWEST = 0.1, 1e-3
"""Adam's rate: it rises to the first over a twentieth of the steps and falls to the second along a cosine."""
_FIRST_SCALE = 0.1
_AVERAGED = 0.1
"""The guide that is returned is the mean, in its own parameters, over this last part of the steps: the noise of single steps cancels."""


_PARTICLES = 8
"""Draws of the guide per step, in antithetic pairs."""


def svi(target: Target, settings: Settings, progress: Progress) -> Draws:
    """Fit the guide and draw from it.

    The draws have one chain; `history["elbo"]`: (steps,), the estimate at each step. Raises NoStart if no finite density is found.
    """
    identity = f"svi {settings.guide} {settings.steps} {target.size}"
    loop = Loop(target, lambda: _process(target, settings), identity, numbers_per_step=1)
    (run,) = loop.run(settings.seed, 1, settings.steps, progress, _remark)
    if not run.result["go_on"]:
        raise NoStart(run.result["location"][None])
    location, spread = run.result["location"], run.result["spread"]
    noise = np.random.Generator(np.random.Philox(settings.seed)).standard_normal((settings.draws, target.size))
    z = location + (noise * spread if spread.ndim == 1 else noise @ spread.T)
    return Draws(z[None], {}, {"elbo": run.records()["elbo"]})


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
    started: Any


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
    averaged = max(1, int(settings.steps * _AVERAGED))

    def negative_elbo(guide: _Guide, key: Any, arguments: Arguments) -> Any:
        half = jax.random.normal(key, (_PARTICLES // 2, size))
        noise = jnp.concatenate([half, -half])
        spread = _spread(guide)
        z = guide.location + (noise @ spread.T if full else noise * spread)
        density = jax.vmap(lambda point: functions.log_density(point, arguments))(z)
        entropy = jnp.sum(guide.log_scale) + 0.5 * size * (1 + jnp.log(2 * jnp.pi))
        return -(jnp.mean(density) + entropy)

    def begin(seed: Any, run: Any, arguments: Arguments) -> _State:
        key = jax.random.fold_in(jax.random.PRNGKey(seed), run)
        start = find_start(lambda z: functions.log_density(z, arguments), key, size, first_radius=0.0)
        lower = jnp.zeros((size, size)) if full else None
        guide = _Guide(start.point, jnp.full(size, jnp.log(_FIRST_SCALE)), lower)
        return _State(guide, optimiser.init(guide), guide, key, start.found)

    def step(state: _State, number: Any, arguments: Arguments) -> tuple[_State, dict[str, Any]]:
        key = jax.random.fold_in(state.key, number)
        loss, gradient = jax.value_and_grad(negative_elbo)(state.guide, key, arguments)
        sound = jnp.isfinite(loss) & jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(gradient)]).all()
        updates, optimised = optimiser.update(gradient, state.optimiser)
        moved = optax.apply_updates(state.guide, updates), optimised
        # A draw of the guide outside the region where the density is finite says nothing about the way: that step is not taken.
        guide, optimised = jax.tree.map(lambda new, old: jnp.where(sound, new, old), moved, (state.guide, state.optimiser))
        share = 1 / jnp.maximum(1, number + 1 - (settings.steps - averaged))
        average = jax.tree.map(lambda mean, new: mean + share * (new - mean), state.average, guide)
        return _State(guide, optimised, average, state.key, state.started), {"elbo": -loss}

    def result(state: _State) -> dict[str, Any]:
        return {"location": state.average.location, "spread": _spread(state.average), "go_on": state.started}

    return Process(begin, step, result)
