"""Relations that look back: densities beside sums over single members, prior draws beside loops, gradients, and what is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from numpyro import handlers
from numpyro.infer.util import log_density
from scipy import stats

from pplang._ir.program import Program
from pplang._lower import Lowered, lower
from pplang._lower.runtime import backward, scans
from pplang._passes.supported import unsupported
from tests.lower.builders import arguments, program
from tests.reference.evaluate import Evaluator
from tests.reference.points import random_point

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Case:
    """A model with data for it."""

    text: str
    sets: dict[str, Any]
    data: dict[str, Any]


WEEK = {"Week": range(7)}
SHUFFLED = np.array([4.0, 1.0, 6.5, 2.0, 9.0, 3.0, 7.0])

CASES = {
    "random walk": Case(
        """
data Week ordered:
  sales : real
s ~ HalfNormal(1)
level[t in Week] ~ Normal(level[t-1], s)
  starting Normal(0, 10)
sales[t in Week] ~ Normal(level[t], 0.5)
""",
        WEEK,
        {"sales": RNG.normal(size=7)},
    ),
    "local trend by date": Case(
        """
data Week ordered by date:
  date  : real
  sales : real
s_level ~ HalfNormal(1)
s_slope ~ HalfNormal(0.1)
level[t in Week] ~ Normal(level[t-1] + slope[t-1], s_level)
  starting Normal(0, 10)
slope[t in Week] ~ Normal(slope[t-1], s_slope)
  starting Normal(0, 1)
sales[t in Week] ~ Normal(level[t], 0.5)
""",
        WEEK,
        {"sales": RNG.normal(size=7), "date": SHUFFLED},
    ),
    "groups in irregular time": Case(
        """
data Visit ordered by day within patient:
  patient : Patient
  day     : real
  score   : real
half_life ~ LogNormal(2, 1)
s         ~ HalfNormal(1)
keep[v in Visit]   = 0.5 ^ ((day[v] - day[v-1]) / half_life)
  starting 0
health[v in Visit] ~ Normal(keep[v] * health[v-1], s * sqrt(1 - keep[v]^2))
  starting Normal(0, s)
score[v in Visit]  ~ Normal(health[v], 0.3)
""",
        {"Visit": range(9), "Patient": ["a", "b", "c"]},
        {
            "patient": np.array([0, 1, 0, 2, 1, 0, 1, 1, 0]),
            "day": np.array([3.0, 1, 7, 2, 4, 1, 2, 9, 8]),
            "score": RNG.normal(size=9),
        },
    ),
    "second order": Case(
        """
data Week ordered:
  sales : real
a ~ Normal(0, 0.5)
b ~ Normal(0, 0.5)
x[t in Week] ~ Normal(a * x[t-1] + b * x[t-2], 1)
  starting Normal(0, 2)
sales[t in Week] ~ Normal(x[t], 0.5)
""",
        WEEK,
        {"sales": RNG.normal(size=7)},
    ),
    "season by a range of lags": Case(
        """
index Lag = 1..3
data Week ordered:
  sales : real
s ~ HalfNormal(1)
season[t in Week] ~ Normal(-sum(season[t - k] for k in Lag), s)
  starting Normal(0, 2)
sales[t in Week] ~ Normal(season[t], 0.5)
""",
        {"Week": range(7), "Lag": range(1, 4)},
        {"sales": RNG.normal(size=7)},
    ),
    "coupled states": Case(
        """
index Week ordered = 1..6
input seen[Week] : real
r ~ HalfNormal(1)
prey[t in Week] ~ LogNormal(log(prey[t-1]) + r - 0.1 * hunter[t-1], 0.3)
  starting LogNormal(0, 1)
hunter[t in Week] ~ LogNormal(log(hunter[t-1]) - 0.2 + 0.1 * prey[t], 0.3)
  starting LogNormal(0, 1)
seen[t in Week] ~ Normal(prey[t], 0.5)
""",
        {"Week": range(1, 7)},
        {"seen": RNG.normal(size=6) ** 2},
    ),
    "definitions between latents": Case(
        """
index Week ordered = 1..6
input seen[Week] : real
a ~ Normal(0, 1)
mean[t in Week] = a * x[t-1] + 0.1 * total[t-1]
  starting 0
total[t in Week] = total[t-1] + x[t]
  starting x[t]
x[t in Week] ~ Normal(mean[t], 1)
seen[t in Week] ~ Normal(x[t], 0.5)
""",
        {"Week": range(1, 7)},
        {"seen": RNG.normal(size=6)},
    ),
    "garch": Case(
        """
index Day ordered = 1..6
input y[Day] : real
input first : positive
mu ~ Normal(0, 1)
level ~ HalfNormal(1)
arch ~ Uniform(0, 1)
keep ~ Uniform(0, 1)
s[t in Day] = sqrt(level + arch * (y[t-1] - mu)^2 + keep * s[t-1]^2)
  starting first
y[t in Day] ~ Normal(mu, s[t])
""",
        {"Day": range(1, 7)},
        {"y": RNG.normal(size=6), "first": 0.7},
    ),
    "exponential smoothing within shops": Case(
        """
data Week ordered by date within shop:
  shop  : Shop
  date  : real
  sales : real
alpha ~ Uniform(0, 1)
smooth[t in Week] = alpha * sales[t-1] + (1 - alpha) * smooth[t-1]
  starting 0
sales[t in Week] ~ Normal(smooth[t], 1)
""",
        {"Week": range(7), "Shop": ["x", "y"]},
        {"sales": RNG.normal(size=7), "date": SHUFFLED, "shop": np.array([0, 1, 1, 0, 1, 1, 1])},
    ),
    "two axes, the first not the one that steps": Case(
        """
index Person = {a, b}
index Week ordered = 1..5
input y[Week, Person] : real
rho[p in Person] ~ Uniform(-1, 1)
x[p in Person, t in Week] ~ Normal(rho[p] * x[p, t-1], 1)
  starting Normal(0, 3)
y[t in Week, p in Person] ~ StudentT(4, x[p, t], 1)
""",
        {"Person": ["a", "b"], "Week": range(1, 6)},
        {"y": RNG.normal(size=(5, 2))},
    ),
    "vector states": Case(
        """
index State = {position, speed}
index Week ordered = 1..5
input y[Week] : real
input noise[State, State] : covariance
input turn[State, State] : real
x[t in Week, State] ~ MultiNormal(mean[t], cov = noise)
mean[t in Week, i in State] = sum(turn[i, j] * x[t-1, j] for j in State)
  starting 0
y[t in Week] ~ Normal(x[t, position], 1)
""",
        {"State": ["position", "speed"], "Week": range(1, 6)},
        {"y": RNG.normal(size=5), "noise": np.array([[1.0, 0.2], [0.2, 0.5]]), "turn": np.array([[1.0, 0.5], [-0.1, 0.9]])},
    ),
    "renewal: all that came before": Case(
        """
index Day ordered = 1..6
input serial[Day] : nonnegative
input deaths[Day] : count
r ~ HalfNormal(2)
seed ~ HalfNormal(5)
cases[t in Day] = if t == 1 then seed else r * sum(cases[s] * serial[t - s] for s in Day if s < t)
deaths[t in Day] ~ Poisson(0.1 + cases[t])
""",
        {"Day": range(1, 7)},
        {"serial": np.array([0.4, 0.3, 0.2, 0.05, 0.03, 0.02]), "deaths": np.array([0, 1, 3, 2, 5, 8])},
    ),
}


@cache
def compiled(name: str) -> tuple[Program, Lowered]:
    found = program(CASES[name].text)
    return found, lower(found)


@pytest.mark.parametrize("name", CASES)
def test_density_is_the_sum_over_members(name: str) -> None:
    case = CASES[name]
    model, lowered = compiled(name)
    assert unsupported(model) is None
    values = random_point(model, case.sets, case.data, np.random.default_rng(2))
    latents = {one: np.asarray(value, float) for one, value in values.items() if one in model.site and model.site[one].role == "latent"}
    wanted = Evaluator(model, case.sets, {**case.data, **values}).joint()
    with jax.enable_x64(True):
        known = {"sets": case.sets, **arguments(lowered, case.data, case.sets)}

        def density(point: Mapping[str, Any]) -> Any:
            return log_density(lowered.model, (), known, point)[0]

        found, slopes = jax.jit(jax.value_and_grad(density))(latents)
        assert float(found) == pytest.approx(wanted, rel=1e-10)
        for one, slope in slopes.items():
            assert np.isfinite(slope).all(), one
        rng = np.random.default_rng(3)
        way = {one: rng.normal(size=value.shape) for one, value in latents.items()}
        ahead, behind = (density({one: value + h * way[one] for one, value in latents.items()}) for h in (1e-5, -1e-5))
        slope = sum(float((slopes[one] * way[one]).sum()) for one in latents)
        assert (ahead - behind) / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-6)


def drawn(name: str, count: int, **more: Any) -> dict[str, np.ndarray]:
    """Draws of every site from the prior."""
    case = CASES[name]
    model, lowered = compiled(name)
    data = {**case.data, **more}
    known = arguments(lowered, {one: value for one, value in data.items() if one not in model.site}, case.sets)

    def once(key: Any) -> dict[str, Any]:
        trace = handlers.trace(handlers.seed(lowered.model, key)).get_trace(sets=case.sets, **known)
        return {one: site["value"] for one, site in trace.items() if site["type"] == "sample"}

    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(once))(jax.random.split(jax.random.PRNGKey(3), count))
    return {one: np.asarray(value) for one, value in found.items()}


def test_prior_draws_of_groups_in_irregular_time_are_stationary() -> None:
    # The innovations' scale is such that every visit has the standard deviation s, and two visits of a patient correlate by the time between.
    draws = drawn("groups in irregular time", 4_000)
    case = CASES["groups in irregular time"]
    health = draws["health"] / draws["s"][:, None]
    assert np.abs(health.std(axis=0) - 1).max() < 0.05
    patient, day = case.data["patient"], case.data["day"]
    keep = 0.5 ** (np.abs(day[:, None] - day) / draws["half_life"][:, None, None])
    wanted = np.where(patient[:, None] == patient, keep.mean(axis=0), 0.0)
    assert np.abs(health.T @ health / len(health) - wanted).max() < 0.08


def test_prior_draws_of_coupled_states_agree_with_a_loop() -> None:
    draws = drawn("coupled states", 4_000)
    rng = np.random.default_rng(4)
    r = np.abs(rng.normal(size=4_000))
    prey, hunter = [np.exp(rng.normal(size=4_000))], [np.exp(rng.normal(size=4_000))]
    for _ in range(5):
        prey.append(prey[-1] * np.exp(r - 0.1 * hunter[-1] + 0.3 * rng.normal(size=4_000)))
        hunter.append(hunter[-1] * np.exp(-0.2 + 0.1 * prey[-1] + 0.3 * rng.normal(size=4_000)))
    for name, wanted in (("prey", prey), ("hunter", hunter)):
        for t in range(6):
            assert stats.ks_2samp(draws[name][:, t], wanted[t]).pvalue > 1e-4, (name, t)


def test_observed_names_that_are_looked_back_at_are_drawn_too() -> None:
    draws = drawn("garch", 4_000)
    rng = np.random.default_rng(4)
    mu, level, arch, keep = rng.normal(size=4_000), np.abs(rng.normal(size=4_000)), rng.uniform(size=4_000), rng.uniform(size=4_000)
    s = np.full(4_000, 0.7)
    for t in range(6):
        y = rng.normal(mu, s)
        assert stats.ks_2samp(draws["y"][:, t], y).pvalue > 1e-4, t
        s = np.sqrt(level + arch * (y - mu) ** 2 + keep * s**2)


def test_a_value_that_is_held_is_kept_by_those_that_look_back_at_it() -> None:
    case, (_, lowered) = CASES["coupled states"], compiled("coupled states")
    known = arguments(lowered, {}, case.sets)
    held = handlers.condition(handlers.seed(lowered.model, jax.random.PRNGKey(1)), {"prey": np.full(6, 2.0)})
    hunter = np.asarray(handlers.trace(held).get_trace(sets=case.sets, **known)["hunter"]["value"])
    steps = np.log(hunter[1:]) - np.log(hunter[:-1])
    assert np.abs(steps).max() < 4 * 0.3  # mean -0.2 + 0.1 * 2 = 0


def test_what_is_compiled_does_not_grow_with_time() -> None:
    text = CASES["garch"].text
    lowered = lower(program(text))

    def size(count: int) -> int:
        sets = {"Day": range(1, count + 1)}
        known = {"sets": sets, **arguments(lowered, {"y": np.zeros(count), "first": 1.0}, sets)}
        point = {"mu": 0.0, "level": 1.0, "arch": 0.1, "keep": 0.1}
        with jax.enable_x64(True):
            return len(str(jax.make_jaxpr(jax.grad(lambda values: log_density(lowered.model, (), known, values)[0]))(point)).splitlines())

    assert size(5_000) == size(50)


def test_all_at_once_is_one_after_the_other() -> None:
    rng = np.random.default_rng(8)
    step, added, square, variance, precision = rng.normal(size=(5, 11, 2))
    square, variance, precision = square**2, variance**2, precision**2
    one = np.ones((11, 2))
    with jax.enable_x64(True):
        linear = [np.asarray(way(step, added)) for way in (scans.linear_at_once, scans.linear_in_turn)]
        riccati = [np.asarray(way(square, variance, precision)) for way in (backward.riccati_at_once, backward.riccati_in_turn)]
        carried = np.asarray(backward.riccati_at_once(one, 0 * one, precision))
    assert linear[0] == pytest.approx(linear[1], rel=1e-10)
    assert riccati[0] == pytest.approx(riccati[1], rel=1e-10)
    # Members without noise hand their evidence on whole.
    assert carried == pytest.approx(np.cumsum(precision, axis=0), rel=1e-12)
