"""`innovate`: chains in coordinates between their values and their innovations, exact for any constants, and fitted by the engine's rules."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

import pplang
from pplang._infer import transports
from pplang._infer.density import set_sizes
from pplang._infer.transports import State
from pplang._ir.text import text
from pplang._model import Bound
from pplang._passes import pipeline
from pplang._prove import prove
from tests.lower.builders import program
from tests.lower.test_recurrences import CASES

PANEL = """
data Visit ordered by day within patient:
  patient : Patient
  day     : real
  score   : real

half_life ~ LogNormal(2, 1)
mu        ~ Normal(0, 2)
s         ~ HalfNormal(1)
keep[v in Visit]   = 0.5 ^ ((day[v] - day[v-1]) / half_life)
  starting 0
health[v in Visit] ~ Normal(mu + keep[v] * (health[v-1] - mu), s * sqrt(1 - keep[v]^2))
  starting Normal(mu, 2 * s)
score[v in Visit]  ~ Normal(health[v], 0.3)
"""
PANEL_DATA = {"patient": ["a", "b", "a", "c", "b", "a"], "day": [3.0, 1, 7, 2, 4, 1], "score": [0.5, -1.0, 0.3, 2.0, 0.1, 1.1]}

TREND = """
data Week ordered:
  sales : real

s_level ~ HalfNormal(1)
s_slope ~ HalfNormal(0.1)
sigma   ~ HalfNormal(1)
level[t in Week] ~ Normal(level[t-1] + slope[t-1], s_level)
  starting Normal(0, 10)
slope[t in Week] ~ Normal(slope[t-1], s_slope)
  starting Normal(0, 1)
sales[t in Week] ~ Normal(level[t], sigma)
"""


@cache
def panel() -> Bound:
    return pplang.compile_text(PANEL).bind(PANEL_DATA).transported


def constants(bound: Bound, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random ones, evidence nonnegative."""
    sizes = set_sizes(bound.compiled.program, bound.sets)
    shapes = {one.name: [sizes[name] for name in one.sets] for one in bound.compiled.constants}
    return {name: rng.gamma(1, 2, shape) if name.endswith("_h") else 0.3 * rng.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.slow
def test_the_panel_is_exact_for_any_constants() -> None:
    bound = panel()
    for proof in prove(bound, points=3, prior_draws=1_000, constants=constants(bound, np.random.default_rng(1))):
        assert proof.holds, proof.line()


@pytest.mark.slow
def test_two_chains_of_which_one_drives_the_other_are_exact_for_any_constants() -> None:
    plain = pplang.compile_text(TREND).bind({"sales": [0.3, 0.1, 0.8, 1.0]})
    for bound in (plain, plain.transported):
        for proof in prove(bound, points=3, prior_draws=1_000, constants=constants(bound, np.random.default_rng(1))):
            assert proof.holds, proof.line()


@pytest.mark.parametrize("transported", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_what_is_printed_is_the_program_and_is_left_alone(name: str, transported: bool) -> None:
    after = pipeline.run(program(CASES[name].text), transported=transported, after="innovate").program
    again = program(text(after))
    assert again == after
    assert pipeline.run(again, transported=transported, after="innovate").program == after


@cache
def functions() -> tuple[Any, Any, Any]:
    """Density and gradient, the states of the transports, and the values by name, at a point and with constants."""
    bound = panel()
    states, target = transports.layout(bound).function(), bound.target.functions()
    density = jax.jit(jax.value_and_grad(target.log_density))
    return density, jax.jit(states), jax.jit(lambda z, arguments: target.constrain(z, jax.random.PRNGKey(0), arguments))


def gradient(point: np.ndarray, given: dict[str, np.ndarray]) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(functions()[0](point, {**panel().target.arguments, **given})[1])


def state(point: np.ndarray, beside: np.ndarray, given: dict[str, np.ndarray]) -> State:
    with jax.enable_x64(True):
        (found,) = functions()[1](point, beside, {**panel().target.arguments, **given})
    return State(*map(np.asarray, found))


def values(point: np.ndarray, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with jax.enable_x64(True):
        found = functions()[2](point, {**panel().target.arguments, **given})
    return {name: np.asarray(one) for name, one in found.items()}


def test_with_the_exact_evidence_the_coordinates_are_standard_normal() -> None:
    bound = panel()
    exact = {name: 0 * value for name, value in constants(bound, np.random.default_rng(1)).items()}
    exact["health_h"] = np.full(6, 0.3**-2)
    exact["health_b"] = 0.3**-2 * bound.dataset.arrays["score"]
    (site,) = transports.layout(bound).sites
    for seed in range(3):
        point = np.random.default_rng(seed).normal(size=bound.size)
        assert gradient(point, exact)[site.positions[:, 0]] == pytest.approx(-point[site.positions[:, 0]], abs=1e-9)


def test_child_scores_are_the_gradient_of_the_likelihood() -> None:
    bound = panel()
    point, given = np.random.default_rng(4).normal(size=bound.size), constants(bound, np.random.default_rng(5))
    found = state(point, gradient(point, given), given).children[:, 0]
    assert found == pytest.approx((bound.dataset.arrays["score"] - values(point, given)["health"]) / 0.3**2, rel=1e-9)


def test_constants_change_under_the_values() -> None:
    bound, rng = panel(), np.random.default_rng(6)
    (site,) = transports.layout(bound).sites
    before, after = constants(bound, rng), constants(bound, rng)
    point = rng.normal(size=bound.size)
    beside = np.zeros(bound.size)
    beside[site.positions] = state(point, beside, before).standard
    moved = point.copy()
    moved[site.positions] = state(point, beside, after).raw
    wanted = values(point, before)
    for name, value in values(moved, after).items():
        assert value == pytest.approx(wanted[name], rel=1e-9), name
