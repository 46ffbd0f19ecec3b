"""`fit(method="nuts")` beside NUTS of NumPyro on the centred, the non-centred and the learned parameterisation of the same program.

    python benchmarks/nuts/run.py [NAME...] [--seeds 3] [--ours] [--further]

Smallest bulk ESS of all unknowns of the source for 1,000 gradients, every gradient counted: choosing coordinates, warm-up, draws. Two chains of 800
draws, target acceptance 0.8. The others have 400 iterations of warm-up from a metric of ones, as NumPyro begins. Learned: NumPyro's `LocScaleReparam`
with the exponents of 3,000 steps of its ELBO with 4 particles (Gorinova, Moore and Hoffman, 2020), every step 4 gradients.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from numpyro import handlers
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO, init_to_median
from numpyro.infer.autoguide import AutoNormal
from numpyro.infer.reparam import LocScaleReparam

import pplang
from pplang._infer.convergence import ess_bulk, r_hat
from pplang._infer.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "vi"))
from models import CASES, KIT, OPEN, Case

CHAINS, DRAWS, WARMUP = 2, 800, 400
STEPS, PARTICLES = 3_000, 4

BARS: dict[str, float | None] = {
    "funnel10": 78,
    "eight_schools": 78,
    "eight_s10": 91,
    "eight_t4": None,
    "mixed20": 97.5,
    "radon_hier": 45.5,
    "radon_slope": 18,
    "nested": 39,
    "lkj": 39,
    "glmm": 26,
    "gp30": 39,
    "gp_pois": None,
    "seeds": 19.5,
    "crossed, balanced": 50,
    "crossed, unbalanced": 50,
}
"""Effective draws for 1,000 gradients: those of the design times 1.3, but for radon with a block of two effects and the crossed ones."""

FURTHER = (
    "radon_all-radon_variable_slope_centered",
    "radon_all-radon_variable_intercept_slope_centered",
    "radon_mn-radon_partially_pooled_centered",
    "radon_mn-radon_variable_intercept_centered",
    "radon_mn-radon_hierarchical_intercept_centered",
    "radon_mod-radon_county",
    "pilots-pilots",
    "irt_2pl-irt_2pl",
    "seeds_data-seeds_stanified_model",
    "dogs-dogs_nonhierarchical",
)


@dataclass(frozen=True)
class Run:
    """per: smallest bulk ESS for 1,000 gradients. gradients: in all. word: how the chains began, and their verdict."""

    per: float
    r_hat: float
    divergences: int
    gradients: int
    word: str = ""


def judged(values: dict[str, np.ndarray], gradients: int, divergences: int, word: str = "") -> Run:
    """values: (chains, draws, ...) by name."""
    sizes, worst = [], []
    for draws in values.values():
        flat = draws.reshape(*draws.shape[:2], -1)
        for column in np.moveaxis(flat, 2, 0):
            if np.ptp(column) > 0:
                sizes.append(ess_bulk(column))
                worst.append(r_hat(column))
    return Run(1_000 * min(sizes) / gradients, max(worst), divergences, gradients, word)


def ours(bound: pplang.Bound) -> Callable[[int], Run]:
    def run(seed: int) -> Run:
        fit = bound.fit(Settings(method="nuts", chains=CHAINS, draws=DRAWS, seed=seed))
        assert fit.verdict is not None
        values = {name: fit.draws(name) for name in bound.unknowns}
        word = f"{fit.verdict['way'].removeprefix('begun ')}, {fit.verdict['word']}"
        return judged(values, fit.verdict["gradients"], fit.verdict["divergences"], word)

    return run


def sampled(model: Callable[[], None], names: tuple[str, ...], spent: Callable[[int], int] = lambda seed: 0) -> Callable[[int], Run]:
    """NumPyro's own sampler; deterministic sites hold the values of the source."""
    chains = MCMC(NUTS(model), num_warmup=WARMUP, num_samples=DRAWS, num_chains=CHAINS, chain_method="sequential", progress_bar=False)

    def run(seed: int) -> Run:
        with jax.enable_x64(True):
            extra = ("num_steps", "diverging")
            first, second = jax.random.split(jax.random.PRNGKey(1_000 + seed))
            chains.warmup(first, extra_fields=extra, collect_warmup=True)
            gradients = int(chains.get_extra_fields()["num_steps"].sum()) + spent(seed)
            chains.run(second, extra_fields=extra)
            found = chains.get_extra_fields()
            values = {name: np.asarray(value) for name, value in chains.get_samples(group_by_chain=True).items() if name in names}
        missing = set(names) - set(values)
        assert not missing, missing
        return judged(values, gradients + int(found["num_steps"].sum()), int(found["diverging"].sum()))

    return run


def learned(model: Callable[[], None], names: tuple[str, ...], sites: list[str]) -> Callable[[int], Run]:
    """`LocScaleReparam` with exponents trained by the ELBO."""

    def run(seed: int) -> Run:
        with jax.enable_x64(True):
            moved = handlers.reparam(model, config={site: LocScaleReparam(None) for site in sites})
            svi = SVI(moved, AutoNormal(moved, init_loc_fn=init_to_median), optax.adam(0.02), Trace_ELBO(PARTICLES))
            found = svi.run(jax.random.PRNGKey(seed), STEPS, progress_bar=False).params
            exponents = {name: value for name, value in found.items() if name.endswith("_centered")}
        return sampled(handlers.substitute(moved, data=exponents), names, lambda _: STEPS * PARTICLES)(seed)

    return run


def ways(case: Case, *, learn: bool) -> dict[str, Callable[[int], Run]]:
    bound = case.bind()
    moved = bound.transported
    centred = pplang.Bound(bound.model, bound.model.compiled(without=["center"]), bound.dataset)
    names = bound.unknowns

    def model_of(one: pplang.Bound) -> Callable[[], None]:
        return partial(one.transformed_model, **one.transformed_arguments)

    sites = [one.site for one in moved.compiled.transports if not one.log] + [site for one in moved.compiled.blocks for site in one.sites]
    found: dict[str, Callable[[int], Run]] = {"ours": ours(bound)}
    if sites:
        found |= {"CP": sampled(model_of(centred), names), "NCP": sampled(model_of(moved), names)}
        if learn:
            found["learned"] = learned(model_of(centred), names, sites)
    return found


def cell(runs: list[Run]) -> str:
    text = f"{np.mean([one.per for one in runs]):.1f}"
    return text + (f" ({sum(one.divergences for one in runs)} div.)" if any(one.divergences for one in runs) else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ours", action="store_true", help="without the others")
    parser.add_argument("--further", action="store_true", help="ten further posteriors of the kit, without the learned parameterisation")
    options = parser.parse_args()
    print(
        "| model | bar | ours | each seed | R-hat | gradients | begun, verdict | CP | NCP | learned |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.names or (FURTHER if options.further else BARS):
        case = {**KIT, **CASES, **OPEN}.get(name)
        if case is None:  # its construct cannot be fitted yet
            continue
        runs: dict[str, list[Run]] = {}
        for way, run in ways(case, learn=not options.further).items():
            if way == "ours" or not options.ours:
                runs[way] = attempts(run, options.seeds)
        mine: Any = runs["ours"]
        bar = f"{BARS[name]:.0f}" if BARS.get(name) else "-"
        words = ", ".join(sorted({one.word for one in mine}))
        others = " | ".join(cell(runs[way]) if runs.get(way) else "-" for way in ("CP", "NCP", "learned"))
        each = " ".join(f"{one.per:.0f}" for one in mine)
        gradients = np.mean([one.gradients for one in mine])
        print(
            f"| {name} | {bar} | {cell(mine)} | {each} | {max(one.r_hat for one in mine):.3f} | {gradients:,.0f} | {words} | {others} |",
            flush=True,
        )


def attempts(run: Callable[[int], Run], seeds: int) -> list[Run]:
    """One run for each seed; none where the sampler cannot be built for the program (a reparameterisation that NumPyro refuses)."""
    try:
        return [run(seed) for seed in range(seeds)]
    except (ValueError, AssertionError) as error:
        print(f"<!-- {type(error).__name__}: {str(error)[:200]} -->", flush=True)
        return []


if __name__ == "__main__":
    main()
