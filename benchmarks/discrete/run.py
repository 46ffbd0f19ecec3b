"""A hidden Markov chain of 3 states and 1,000 steps, and 200 of them: compile time and time per gradient, beside NumPyro's enumeration.

    python benchmarks/discrete/run.py [--groups 1 200] [--steps 1000] [--write]

Both sides take the gradient of the log density in the unknowns (two tables of probabilities, means, a scale) at the same point, in double precision, in
one process; unknowns and data are arguments on both. The first call includes tracing and compiling; a gradient's time is the best of several, taken
in turns. Densities must agree to nine digits. `--write` puts the table into RESULTS.md. NumPyro's enumeration needs funsor (of the extra `dev`); pplang
does not.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.stats import norm
from numpyro.contrib.control_flow import scan

import pplang

HERE = Path(__file__).parent
STATES = 3
UNKNOWNS = ("start", "move", "centre", "spread")
Values = dict[str, Any]
MODEL = """
data Step ordered by time within animal:
  animal : Animal
  time   : real
  y      : real

index Mood = {resting, feeding, travelling}
start[Mood]           ~ Dirichlet(1)
move[m in Mood, Mood] ~ Dirichlet(1)
centre[m in Mood]     ~ Normal(0, 3)
spread                ~ HalfNormal(1)
mood[t in Step] ~ Categorical(move[mood[t-1]])
  starting Categorical(start)
y[t in Step] ~ Normal(centre[mood[t]], spread)
"""


class Timed:
    """A function (values, arguments) → log density, and its gradient: seconds of the first call, best of those afterwards; what it found."""

    def __init__(self, function: Callable[[Values, Values], Any], values: Values, arguments: Values) -> None:
        self.compiled = jax.jit(jax.value_and_grad(function))
        self.given = jax.device_put((values, arguments))
        started = time.perf_counter()
        density, gradients = jax.block_until_ready(self.compiled(*self.given))
        self.first, self.each = time.perf_counter() - started, float("inf")
        self.density, self.gradient = float(density), np.concatenate([np.ravel(gradients[name]) for name in UNKNOWNS])

    def again(self) -> None:
        started = time.perf_counter()
        jax.block_until_ready(self.compiled(*self.given))
        self.each = min(self.each, time.perf_counter() - started)


def simulated(groups: int, steps: int) -> np.ndarray:
    """(groups, steps)"""
    rng = np.random.default_rng(0)
    states = np.zeros((groups, steps), int)
    for t in range(1, steps):
        states[:, t] = np.where(rng.random(groups) < 0.9, states[:, t - 1], rng.integers(0, STATES, groups))
    return np.array([-2.0, 0.0, 2.0])[states] + rng.normal(size=states.shape)


def enumerated(groups: int) -> Callable[[Values, Values], Any]:
    """NumPyro's model with its own enumeration."""

    def model(y: Any) -> None:
        start = numpyro.sample("start", dist.Dirichlet(jnp.ones(STATES)))
        move = numpyro.sample("move", dist.Dirichlet(jnp.ones((STATES, STATES))).to_event(1))
        centre = numpyro.sample("centre", dist.Normal(0, 3).expand([STATES]).to_event(1))
        spread = numpyro.sample("spread", dist.HalfNormal(1))

        def step(carry: Any, now: Any) -> Any:
            before, t = carry
            weights = jnp.where(t == 0, start, move[before])
            with numpyro.plate("animals", groups, dim=-1):
                state = numpyro.sample("mood", dist.Categorical(weights), infer={"enumerate": "parallel"})
                numpyro.sample("y", dist.Normal(centre[state], spread), obs=now)
            return (state, t + 1), None

        scan(step, (0, 0), y.T)

    from numpyro.contrib.funsor import config_enumerate, enum
    from numpyro.contrib.funsor import log_density as enumerated_density

    return lambda values, given: enumerated_density(enum(config_enumerate(model), -2), (given["y"],), {}, values)[0]


def summed(bound: pplang.Bound) -> tuple[Callable[[Values, Values], Any], Values]:
    """Our program without its discrete latents, and its arguments."""
    from pplang._infer.density import site_densities
    from pplang._passes import pipeline

    other = type(bound)(bound.model, pipeline.run(bound.model.program, after="marginalize"), bound.dataset)
    model, arguments = other.transformed_model, other.transformed_arguments
    return lambda values, given: sum(site_densities(model, values, given).values()), arguments


def by_hand(groups: int) -> Callable[[Values, Values], Any]:
    """The forward recursion on scaled probabilities in a few lines of JAX, differentiated by it: no priors but constants are left out."""

    def density(values: Values, given: Values) -> Any:
        centre, spread, y = values["centre"], values["spread"], given["y"]
        weights = norm.logpdf(y.T[:, :, None], centre, spread)
        largest = weights.max(-1)

        def step(before: Any, likelihood: Any) -> Any:
            now = before * likelihood
            whole = now.sum(-1, keepdims=True)
            return now / whole @ values["move"], jnp.log(whole[:, 0])

        begin = jnp.broadcast_to(values["start"], (groups, STATES))
        parts = jax.lax.scan(step, begin, jnp.exp(weights - largest[..., None]))[1]
        priors = 4 * jnp.log(2.0) + norm.logpdf(centre, 0.0, 3.0).sum() + norm.logpdf(spread) + jnp.log(2.0)
        return (parts + largest).sum() + priors

    return density


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 200])
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with jax.enable_x64(True):
        jax.block_until_ready(jax.jit(jax.grad(jnp.square))(1.0))  # JAX itself has started before either side is timed
    lines = ["| chains x steps | | first call (s) | gradient (ms) | ratio first | ratio gradient |", "|---|---|---|---|---|---|"]
    for groups in options.groups:
        y = simulated(groups, options.steps)
        rows = {
            "animal": np.repeat([f"a{n}" for n in range(groups)], options.steps).tolist(),
            "time": np.tile(np.arange(float(options.steps)), groups),
            "y": y.ravel(),
        }
        bound = pplang.compile_text(MODEL).bind(rows)
        rng = np.random.default_rng(1)
        values = {
            "start": rng.dirichlet(np.ones(STATES)),
            "move": rng.dirichlet(np.ones(STATES), STATES),
            "centre": rng.normal(size=STATES),
            "spread": np.array(1.3),
        }
        with jax.enable_x64(True):
            ours, theirs = Timed(summed(bound)[0], values, summed(bound)[1]), Timed(enumerated(groups), values, {"y": y})
            plain = Timed(by_hand(groups), values, {"y": y})
            for _ in range(options.repeats):
                for one in (ours, theirs, plain):
                    one.again()
        gap = abs(ours.density - theirs.density) / abs(theirs.density)
        slope = np.max(np.abs(ours.gradient - theirs.gradient)) / np.max(np.abs(theirs.gradient))
        print(f"{groups} x {options.steps}: densities differ by {gap:.1e}, gradients by {slope:.1e} (relative)", flush=True)
        assert gap < 1e-9
        assert abs(plain.density - theirs.density) < 1e-9 * abs(theirs.density)
        for name, one in (("pplang", ours), ("a scan in plain JAX", plain), ("NumPyro + funsor", theirs)):
            ratios = f"{theirs.first / one.first:.1f} | {theirs.each / one.each:.1f}"
            lines.append(f"| {groups} x {options.steps} | {name} | {one.first:.2f} | {1e3 * one.each:.2f} | {ratios} |")
    table = "\n".join(lines)
    print(table)
    if options.write:
        results = HERE / "RESULTS.md"
        before, _, after = re.split(r"(?ms)(^\|.*\|$)", results.read_text(encoding="utf-8"), maxsplit=1)
        results.write_text(before + table + after, encoding="utf-8")


if __name__ == "__main__":
    main()
