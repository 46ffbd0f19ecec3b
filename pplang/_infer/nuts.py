"""The no-U-turn sampler of NumPyro, each chain a compiled loop on its own core."""

from __future__ import annotations

from typing import Any

import numpy as np

from pplang._infer.loop import Loop, Process, Run
from pplang._infer.settings import Progress, Settings
from pplang._infer.start import find_start
from pplang._infer.target import Arguments, Draws, NoStart, Target

_DEEPEST_TREE = 10


def nuts(target: Target, settings: Settings, progress: Progress) -> Draws:
    """Draws of the posterior. Statistics by ArviZ's names; warm-up is not kept.

    `history["inverse_metric"]`: (chains, n), the variances that the metric was adapted to. Raises NoStart if no finite density is found.
    """
    identity = f"nuts {settings.warmup} {settings.target_accept!r} {target.size}\n{target.identity}"
    loop = Loop(target.arguments, lambda: _process(target, settings), identity, numbers_per_step=target.size + 8)
    runs = loop.run(
        target.arguments, settings.seed, settings.chains, settings.warmup + settings.draws, progress, lambda run: _remark(run, settings)
    )
    if not all(run.result["go_on"] for run in runs if run.result):
        raise NoStart(np.stack([run.result["z"] for run in runs if run.result]))
    kept = [{name: rows[settings.warmup :] for name, rows in run.records().items()} for run in runs]
    together = {name: np.stack([records[name] for records in kept]) for name in kept[0]}
    steps = together["n_steps"]
    statistics = {name: rows for name, rows in together.items() if name != "z"}
    statistics["tree_depth"] = np.ceil(np.log2(steps + 1)).astype(np.int64)
    return Draws(together["z"], statistics, {"inverse_metric": np.stack([run.result["inverse_metric"] for run in runs])})


def _remark(run: Run, settings: Settings) -> str:
    if not run.blocks:
        return ""
    stage = "warm-up" if run.done < settings.warmup else "draws"
    return f"{stage}, {run.blocks[-1]['n_steps'].mean():.0f} steps each"


def _process(target: Target, settings: Settings) -> Process:
    import jax
    from numpyro.infer.hmc import hmc
    from numpyro.infer.util import ParamInfo

    functions = target.functions()

    def prepared(arguments: Arguments, point: ParamInfo, key: Any) -> tuple[Any, Any]:
        """The kernel, and its state at a point. NumPyro's kernel works only after its initialiser has run in the same trace."""
        initialise, sample = hmc(lambda z: -functions.log_density(z, arguments), algo="NUTS")
        return sample, initialise(
            point, settings.warmup, rng_key=key, target_accept_prob=settings.target_accept, max_tree_depth=_DEEPEST_TREE
        )

    def begin(seed: Any, run: Any, arguments: Arguments) -> Any:
        key, key_of_start = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(seed), run))
        start = find_start(lambda z: functions.log_density(z, arguments), key_of_start, target.size, first_radius=2.0)
        return prepared(arguments, ParamInfo(start.point, -start.density, -start.gradient), key)[1], start.found

    def step(state: Any, number: Any, arguments: Arguments) -> tuple[Any, dict[str, Any]]:
        sampler, started = state
        sample, _ = prepared(arguments, ParamInfo(sampler.z, sampler.potential_energy, sampler.z_grad), sampler.rng_key)
        step_size = sampler.adapt_state.step_size
        sampler = sample(sampler)
        record = {
            "z": sampler.z,
            "lp": -sampler.potential_energy,
            "energy": sampler.energy,
            "diverging": sampler.diverging,
            "acceptance_rate": sampler.accept_prob,
            "n_steps": sampler.num_steps,
            "step_size": step_size,
        }
        return (sampler, started), record

    def result(state: Any) -> dict[str, Any]:
        sampler, started = state
        return {"z": sampler.z, "inverse_metric": sampler.adapt_state.inverse_mass_matrix, "go_on": started}

    return Process(begin, step, result)
