"""One fit by one tool, in a process of its own: import, build, compile, warm up, draw.

    python benchmarks/peers/worker.py TOOL MODEL SEED STARTED OUTPUT.npz

TOOL is auto, nuts or vi (ours), numpyro, pymc, stan, auto_normal, auto_multivariate or pathfinder. STARTED is the clock (seconds since the epoch)
when the process was started. The file holds the
draws (chain, draw, …), `total` (seconds from then to the draws), `sampling` (seconds of the call that samples, with compilation where the tool
compiles there) and `gradients` (warm-up and draws of all chains). Four chains of 1,000 + 1,000 everywhere.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHAINS, WARMUP, DRAWS = 4, 1000, 1000
STEPS, RATE = 10_000, 0.01
Result = tuple[dict[str, Any], float, Callable[[], dict[str, Any]]]
"""Draws, seconds of sampling, and what is told once the clock has stopped: `gradients`, and of independent draws `effective`, Kish's number."""


def ours(method: str, model: str, seed: int) -> Result:
    """Through the public interface; the seconds of sampling run from the first report of progress to the end."""
    from models import CASES, PROGRAMS

    import pplang

    case, marks = CASES[model], list[float]()
    fit = pplang.compile(PROGRAMS / f"{case.program}.ppl").fit(
        *case.tables(),
        inputs=case.inputs(),
        method=method,
        chains=CHAINS,
        warmup=WARMUP,
        draws=DRAWS if method == "nuts" else CHAINS * DRAWS,
        seed=seed,
        progress=lambda *_: marks.append(time.perf_counter()),
    )
    draws = {name: fit.draws(name) for name in case.compared}
    verdict = fit.verdict
    assert verdict is not None
    told = {"gradients": verdict["gradients"], "by": fit.method, "word": verdict["word"]}
    if fit.method == "vi":
        told["effective"] = min(verdict["share"] * verdict["draws"], CHAINS * DRAWS)
    return draws, time.perf_counter() - marks[0], lambda: told


def numpyro_(model: str, data: dict[str, Any], compared: tuple[str, ...], seed: int) -> Result:
    """Chains in parallel on host devices: faster here than vectorised chains wherever the model gathers, and level elsewhere."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CHAINS}"
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    import numpy as np
    import numpyro_models
    from numpyro.infer import MCMC, NUTS

    sampler = MCMC(
        NUTS(getattr(numpyro_models, model)),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="parallel",
        progress_bar=False,
    )
    started, key = time.perf_counter(), jax.random.PRNGKey(seed)
    sampler.run(key, data, extra_fields=("num_steps",))
    samples = sampler.get_samples(group_by_chain=True)
    draws = {name: np.asarray(samples[name]) for name in compared}
    seconds = time.perf_counter() - started

    def gradients() -> dict[str, Any]:
        drawing = int(sampler.get_extra_fields()["num_steps"].sum())
        sampler.warmup(key, data, extra_fields=("num_steps",), collect_warmup=True)
        return {"gradients": drawing + int(sampler.get_extra_fields()["num_steps"].sum())}

    return draws, seconds, gradients


def pymc_(model: str, data: dict[str, Any], compared: tuple[str, ...], seed: int) -> Result:
    import nutpie
    import pymc as pm
    import pymc_models

    with pm.Model() as built:
        getattr(pymc_models, model)(data)
    compiled = nutpie.compile_pymc_model(built)
    started = time.perf_counter()
    trace = nutpie.sample(compiled, chains=CHAINS, tune=WARMUP, draws=DRAWS, seed=seed, progress_bar=False, save_warmup=True)
    seconds = time.perf_counter() - started
    steps = sum(int(group["n_steps"].sum()) for group in (trace.warmup_sample_stats, trace.sample_stats))
    return {name: trace.posterior[name].to_numpy() for name in compared}, seconds, lambda: {"gradients": steps}


def stan_(model: str, data: dict[str, Any], compared: tuple[str, ...], seed: int) -> Result:
    import numpy as np
    import stan

    program = (Path(__file__).parent / "stan" / f"{model}.stan").read_text(encoding="utf-8")
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in data.items()}
    built = stan.build(program, data=plain, random_seed=seed)
    started = time.perf_counter()
    fit = built.sample(num_chains=CHAINS, num_warmup=WARMUP, num_samples=DRAWS, save_warmup=True)
    seconds = time.perf_counter() - started
    draws = {}
    for name in compared:  # (…, draw, chain), warm-up first
        shape = tuple(fit.dims[fit.param_names.index(name)])
        values = fit[name].reshape(*shape, WARMUP + DRAWS, CHAINS, order="F")[..., WARMUP:, :]
        draws[name] = np.moveaxis(values, (-1, -2), (0, 1))
    return draws, seconds, lambda: {"gradients": int(fit["n_leapfrog__"].sum())}


def _guided(guide: str) -> Callable[..., Result]:
    """NumPyro's automatic guides as their documentation has them: Adam, one draw of the guide for each step."""

    def run(model: str, data: dict[str, Any], compared: tuple[str, ...], seed: int) -> Result:
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        import numpy as np
        import numpyro
        import numpyro_models
        from numpyro.infer import SVI, Predictive, Trace_ELBO, autoguide

        program = getattr(numpyro_models, model)
        approximation = getattr(autoguide, guide)(program)
        started, key = time.perf_counter(), jax.random.PRNGKey(seed)
        found = SVI(program, approximation, numpyro.optim.Adam(RATE), Trace_ELBO()).run(key, STEPS, data, progress_bar=False)
        latents = approximation.sample_posterior(key, found.params, sample_shape=(CHAINS * DRAWS,))
        samples = {**latents, **Predictive(program, latents, batch_ndims=1)(key, data)}
        draws = {name: np.asarray(samples[name])[None] for name in compared}
        return draws, time.perf_counter() - started, lambda: {"gradients": STEPS}

    return run


def pathfinder(model: str, data: dict[str, Any], compared: tuple[str, ...], seed: int) -> Result:
    """BlackJAX's, one path from NumPyro's start. Counted are the gradient and the 200 densities at each place of its path, not its line searches."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    import numpy as np
    import numpyro_models
    from blackjax.vi import pathfinder as method
    from numpyro.infer.util import initialize_model

    key, each = jax.random.PRNGKey(seed), 200
    parts = initialize_model(key, getattr(numpyro_models, model), model_args=(data,))

    @jax.jit
    def run(key: Any, z: Any) -> Any:
        state, info = method.approximate(key, lambda z: -parts.potential_fn(z), z, num_samples=each)
        found, _ = method.sample(key, state, CHAINS * DRAWS)
        return jax.vmap(parts.postprocess_fn)(found), info.path.elbo

    started = time.perf_counter()
    values, elbos = run(key, parts.param_info.z)
    draws = {name: np.asarray(values[name])[None] for name in compared}
    seconds = time.perf_counter() - started
    return draws, seconds, lambda: {"gradients": int(np.isfinite(elbos).sum()) * (1 + each)}


PEERS = {
    "numpyro": numpyro_,
    "pymc": pymc_,
    "stan": stan_,
    "auto_normal": _guided("AutoNormal"),
    "auto_multivariate": _guided("AutoMultivariateNormal"),
    "pathfinder": pathfinder,
}


def main() -> None:
    tool, model, seed, started, output = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parent))
    from models import CASES

    case = CASES[model]
    draws, seconds, told = PEERS[tool](model, case.data(), case.compared, int(seed)) if tool in PEERS else ours(tool, model, int(seed))
    total = time.time() - float(started)
    import numpy as np

    np.savez(output, total=total, sampling=seconds, **told(), **{f"draws {name}": values for name, values in draws.items()})


if __name__ == "__main__":
    main()
