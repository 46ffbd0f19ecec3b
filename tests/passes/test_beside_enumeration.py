"""Densities and gradients of programs without their discrete latents, beside NumPyro's own enumeration (by funsor) of models written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan
from numpyro.contrib.funsor import config_enumerate, enum
from numpyro.contrib.funsor import log_density as enumerated_density

import pplang
from pplang._infer.density import site_densities
from pplang._passes import pipeline

RNG = np.random.default_rng(4)
ROWS = 12
DATA = {
    "animal": ["a"] * 6 + ["b"] * 6,
    "time": np.tile(np.arange(6.0), 2),
    "place": ["north", "north", "south"] * 4,
    "year": np.arange(ROWS) + 1900.0,
    "y": RNG.normal(size=ROWS),
    "seen": RNG.random(ROWS) < 0.3,
    "n": RNG.poisson(4, ROWS),
}

HIDDEN_MARKOV = """
data Step ordered by time within animal:
  animal : Animal
  time   : real
  y      : real

index Mood = 1..3
start[Mood]           ~ Dirichlet(1)
move[m in Mood, Mood] ~ Dirichlet(1)
centre[m in Mood]     ~ Normal(0, 3)
spread                ~ HalfNormal(1)
mood[t in Step] ~ Categorical(move[mood[t-1]])
  starting Categorical(start)
y[t in Step] ~ Normal(centre[mood[t]], spread)
"""


def hidden_markov() -> None:
    start = numpyro.sample("start", dist.Dirichlet(jnp.ones(3)))
    move = numpyro.sample("move", dist.Dirichlet(jnp.ones((3, 3))).to_event(1))
    centre = numpyro.sample("centre", dist.Normal(0, 3).expand([3]).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(1))

    def step(carry: Any, now: Any) -> Any:
        before, t = carry
        weights = jnp.where(t == 0, start, move[before])
        with numpyro.plate("animals", 2, dim=-1):
            state = numpyro.sample("mood", dist.Categorical(weights), infer={"enumerate": "parallel"})
            numpyro.sample("y", dist.Normal(centre[state], spread), obs=now)
        return (state, t + 1), None

    scan(step, (0, 0), DATA["y"].reshape(2, 6).T)


MIXTURE = """
data Row:
  y : real

index Part = 1..3
w[Part] ~ Dirichlet(2)
centre[k in Part] ~ Normal(0, 3)
spread[k in Part] ~ HalfNormal(1)
z[i in Row] ~ Categorical(w)
y[i in Row] ~ Normal(centre[z[i]], spread[z[i]])
"""


def mixture() -> None:
    w = numpyro.sample("w", dist.Dirichlet(jnp.full(3, 2.0)))
    centre = numpyro.sample("centre", dist.Normal(0, 3).expand([3]).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(1).expand([3]).to_event(1))
    with numpyro.plate("rows", ROWS):
        z = numpyro.sample("z", dist.Categorical(w), infer={"enumerate": "parallel"})
        numpyro.sample("y", dist.Normal(centre[z], spread[z]), obs=DATA["y"])


OCCUPANCY = """
data Visit:
  place : Place
  seen  : bool
  y     : real

psi ~ Beta(1, 1)
a ~ Normal(0, 2)
b ~ Normal(0, 1)
lives[s in Place] ~ Bernoulli(psi)
p[v in Visit] = if lives[place[v]] then logistic(a + b * y[v]) else 0
seen[v in Visit] ~ Bernoulli(p[v])
"""


def occupancy() -> None:
    psi = numpyro.sample("psi", dist.Beta(1, 1))
    a, b = numpyro.sample("a", dist.Normal(0, 2)), numpyro.sample("b", dist.Normal(0, 1))
    for name in ("north", "south"):
        rows = np.array(DATA["place"]) == name
        lives = numpyro.sample(f"lives {name}", dist.Bernoulli(psi), infer={"enumerate": "parallel"})
        p = jax.nn.sigmoid(a + b * DATA["y"][rows])
        with numpyro.plate(name, int(rows.sum())):
            numpyro.sample(f"seen {name}", dist.Bernoulli(jnp.where(lives == 1, p, 0.0)), obs=DATA["seen"][rows].astype(float))


CHANGE_POINT = """
data Year ordered by year:
  year : real
  n    : count

early ~ Gamma(2, 0.5)
late  ~ Gamma(2, 0.5)
change ~ DiscreteUniform(1901, 1912)
rate[t in Year] = if year[t] < change then early else late
n[t in Year] ~ Poisson(rate[t])
"""


def change_point() -> None:
    early, late = (numpyro.sample(name, dist.Gamma(2, 0.5)) for name in ("early", "late"))
    change = numpyro.sample("change", dist.Categorical(jnp.full(12, 1 / 12)), infer={"enumerate": "parallel"})
    with numpyro.plate("years", ROWS):
        numpyro.sample("n", dist.Poisson(jnp.where(np.arange(ROWS) < change + 1, early, late)), obs=DATA["n"])


def simplex(*shape: int) -> np.ndarray:
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


CASES: dict[str, tuple[str, Callable[[], None], dict[str, Any]]] = {
    "hidden Markov": (
        HIDDEN_MARKOV,
        hidden_markov,
        {"start": simplex(3), "move": simplex(3, 3), "centre": RNG.normal(size=3), "spread": 1.3},
    ),
    "mixture": (MIXTURE, mixture, {"w": simplex(3), "centre": RNG.normal(size=3), "spread": np.array([0.5, 1.0, 2.0])}),
    "occupancy": (OCCUPANCY, occupancy, {"psi": 0.4, "a": -0.3, "b": 0.8}),
    "change point": (CHANGE_POINT, change_point, {"early": 3.0, "late": 5.0}),
}


@pytest.mark.parametrize("name", CASES)
def test_densities_and_gradients(name: str) -> None:
    text, model, values = CASES[name]
    model_of_ours = pplang.compile_text(text)
    columns = {column: DATA[column] for column in model_of_ours.program.column}
    bound = model_of_ours.bind({one: list(column) for one, column in columns.items()})
    summed = type(bound)(bound.model, pipeline.run(bound.model.program, after="marginalize"), bound.dataset)
    run, arguments = summed.transformed_model, summed.transformed_arguments
    values = {one: np.asarray(value) for one, value in values.items()}
    with jax.enable_x64(True):
        found, slope = jax.jit(jax.value_and_grad(lambda at: sum(site_densities(run, at, arguments).values())))(values)
        counted = enum(config_enumerate(model), -2)
        expected, other = jax.jit(jax.value_and_grad(lambda at: enumerated_density(counted, (), {}, at)[0]))(values)
    assert float(found) == pytest.approx(float(expected), rel=1e-11)
    for one in values:
        assert np.asarray(slope[one]) == pytest.approx(np.asarray(other[one]), rel=1e-8, abs=1e-10), one
