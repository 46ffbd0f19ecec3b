"""A Gaussian process seen through counts, exact and on a basis of 40 functions: a gradient, and a fit by `vi`.

    python benchmarks/processes/run.py [--exact 200] [--large 5000]

Both at `--exact` rows, the basis at `--large` rows too, where the exact process takes n^3 operations for a gradient and its n^2 numbers of memory several
times. Each gradient is one turn of a compiled loop; best of three alternating runs.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import jax
import numpy as np
from jax import lax

import pplang
from pplang._infer.settings import Settings
from pplang._model import Bound

MODEL = """
data Bin:
  x      : real
  deaths : count

length ~ InverseGamma(5, 5)
height ~ HalfNormal(1)
level  ~ Normal(0, 2)
K[i in Bin, j in Bin] = height^2 * exp(-(x[i] - x[j])^2 / (2 * length^2))
f[Bin] ~ GP(0, cov = K{basis})
deaths[i in Bin] ~ Poisson(log = level + f[i])
"""
EXACT, BASIS = MODEL.format(basis=""), MODEL.format(basis=", basis = 40, boundary = 2")
GRADIENTS = {True: 20, False: 200}


def data(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(-3, 3, size=rows))
    return {"x": x, "deaths": rng.poisson(np.exp(1 + np.sin(2 * x)))}


def timed(bound: Bound, gradients: int) -> Callable[[], float]:
    """A function that returns the seconds of one gradient."""
    density, arguments, size = bound.target.functions().log_density, bound.target.arguments, bound.size

    def moved(z: jax.Array) -> jax.Array:
        gradient = jax.grad(lambda point: density(point, arguments))
        return lax.fori_loop(0, gradients, lambda _, point: point + 1e-9 * gradient(point), z)

    run = jax.jit(moved).lower(np.zeros(size)).compile()

    def once() -> float:
        start = time.perf_counter()
        run(np.zeros(size)).block_until_ready()
        return (time.perf_counter() - start) / gradients

    return once


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--exact", type=int, default=200)
    options.add_argument("--large", type=int, default=5_000)
    chosen = options.parse_args()
    cases = [("exact", EXACT, chosen.exact), ("basis", BASIS, chosen.exact), ("basis", BASIS, chosen.large)]
    bounds = [pplang.compile_text(text).bind(data(rows)) for _, text, rows in cases]
    with jax.enable_x64(True):
        runs = [timed(bound.transported, GRADIENTS[name == "exact"]) for bound, (name, _, _) in zip(bounds, cases, strict=True)]
        best = np.min([[once() for once in runs] for _ in range(3)], axis=0) * 1e6
    print(f"{platform.machine()}, jax {jax.__version__}\n")
    print("| process | rows | gradient, µs | fit, s | gradients | verdict | length: mean, sd | f_error |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, _, rows), bound, micros in zip(cases, bounds, best, strict=True):
        start = time.perf_counter()
        fit = bound.fit(Settings(method="vi", draws=200))
        seconds, length = time.perf_counter() - start, fit.draws("length")
        assert fit.verdict is not None
        error = f"{np.median(fit.draws('f_error')):.1e}" if name == "basis" else ""
        found = f"{fit.verdict['gradients']:,} | {fit.verdict['word']} | {length.mean():.2f}, {length.std():.2f}"
        print(f"| {name} | {rows:,} | {micros:.0f} | {seconds:.0f} | {found} | {error} |", flush=True)


if __name__ == "__main__":
    main()
