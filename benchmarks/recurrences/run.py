"""What a gradient costs as a chain grows: 1,000 and 10,000 steps, by innovations and in transported coordinates.

    python benchmarks/recurrences/run.py

Each gradient is one turn of a compiled loop that moves the point a little along it, as a sampler would. Best of five alternating runs.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import jax
import numpy as np
from jax import lax

import pplang
from pplang._model import Bound

RANDOM_WALK = """
data Step ordered:
  y : real
s     ~ HalfNormal(1)
sigma ~ HalfNormal(1)
x[t in Step] ~ Normal(x[t-1], s)
  starting Normal(0, 10)
y[t in Step] ~ Normal(x[t], sigma)
"""
AUTOREGRESSION = """
data Step ordered:
  y : real
rho   ~ Uniform(-1, 1)
s     ~ HalfNormal(1)
sigma ~ HalfNormal(1)
x[t in Step] ~ Normal(rho * x[t-1], s)
  starting Normal(0, 10)
y[t in Step] ~ Normal(x[t], sigma)
"""
GARCH = """
data Step ordered:
  y : real
level ~ HalfNormal(1)
arch  ~ Uniform(0, 0.5)
keep  ~ Uniform(0, 0.5)
s[t in Step] = sqrt(level + arch * y[t-1]^2 + keep * s[t-1]^2)
  starting 1
y[t in Step] ~ Normal(0, s[t])
"""
GRADIENTS = 200
LENGTHS = (1_000, 10_000)


def timed(bound: Bound) -> tuple[Callable[[], float], float]:
    """A function that returns the seconds of one gradient, and the seconds that compiling took."""
    target, size = bound.target, bound.size
    density = target.functions().log_density
    arguments = dict(target.arguments)
    for name in arguments:
        if name.endswith("_h"):
            arguments[name] = np.ones_like(arguments[name])

    def moved(z: jax.Array) -> jax.Array:
        gradient = jax.grad(lambda point: density(point, arguments))
        return lax.fori_loop(0, GRADIENTS, lambda _, point: point + 1e-9 * gradient(point), z)

    start = time.perf_counter()
    run = jax.jit(moved).lower(np.zeros(size)).compile()
    compiling = time.perf_counter() - start

    def once() -> float:
        start = time.perf_counter()
        run(np.zeros(size)).block_until_ready()
        return (time.perf_counter() - start) / GRADIENTS

    return once, compiling


def main() -> None:
    y = np.cumsum(np.random.default_rng(1).normal(size=max(LENGTHS))) * 0.1
    print(f"{platform.machine()}, jax {jax.__version__}, {GRADIENTS} gradients a run\n")
    print("| model | coordinates | 1,000 steps, µs | 10,000 steps, µs | ratio | compiling, s |")
    print("|---|---|---|---|---|---|")
    with jax.enable_x64(True):
        for model, text in (("random walk", RANDOM_WALK), ("AR(1)", AUTOREGRESSION), ("GARCH(1, 1)", GARCH)):
            for form in ("innovations", "transport") if model != "GARCH(1, 1)" else ("definitions",):
                bounds = [pplang.compile_text(text).bind({"y": y[:count]}) for count in LENGTHS]
                runs = [timed(bound.transported if form == "transport" else bound) for bound in bounds]
                best = np.min([[once() for once, _ in runs] for _ in range(5)], axis=0) * 1e6
                compiled = " and ".join(f"{compiling:.1f}" for _, compiling in runs)
                print(f"| {model} | {form} | {best[0]:.0f} | {best[1]:.0f} | {best[1] / best[0]:.1f} | {compiled} |", flush=True)


if __name__ == "__main__":
    main()
