"""Programs with which the long run has found something, cut down."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from pplang._ir.program import given
from pplang._lower.runtime.wrappers import Censored
from tests.properties.arithmetic import Traced
from tests.properties.examine import examine
from tests.properties.programs import Case

_TIMED = "data Obs ordered by moment:\n  moment : real\n  y : real\ny[o in Obs] ~ Normal(x[o], 1)\n"
_TIMES = {"moment": np.array([0.1, 0.5, 1.0, 2.0]), "y": np.array([0.5, -1.0, 0.3, 2.0])}
FOUND = {
    "a density inside a condition that has more axes than its arguments": Case(
        "data Trial:\n  plot : Plot\n  y : bool\nlives[p in Plot] ~ Bernoulli(0.9)\ny[t in Trial] ~ Bernoulli(if lives[plot[t]] then 0.4 else 0.1)\n",
        {"Trial": range(1, 5), "Plot": ("a", "b")},
        {"plot": np.array([0, 1, 1, 0]), "y": np.array([True, False, True, True])},
    ),
    "a scale that depends on the last member": Case(
        f"{_TIMED}x[o in Obs] ~ Normal(0.3 * x[o-1], 0.7 * sqrt(1 + x[o-1]^2))\n  starting Normal(0, 2)\n", {"Obs": range(1, 5)}, _TIMES
    ),
    "a letter that a relation binds, moved below an index of that letter": Case(
        "data Obs:\n  place : Place\n  y : real\nindex Gene = {u, v}\ninput offset[Gene] : real\non[g in Place] ~ Bernoulli(0.5)\n"
        "y[o in Obs] ~ Normal(if on[place[o]] then 0 else mean(offset), 1)\n",
        {"Obs": range(1, 4), "Place": ("a", "b"), "Gene": ("u", "v")},
        {"place": np.array([0, 1, 1]), "y": np.array([0.5, -1.0, 0.3]), "offset": np.array([0.4, 0.8])},
    ),
    "a chain of positive values that stays where it is": Case(
        "data Obs ordered by moment:\n  moment : real\n  y : real\ns ~ HalfNormal(1)\n@centered\n"
        "x[o in Obs] ~ LogNormal(0.5 * log(x[o-1]), s)\n  starting LogNormal(0, s)\ny[o in Obs] ~ Normal(x[o], 1)\n",
        {"Obs": range(1, 5)},
        _TIMES,
    ),
    "a chain of shares": Case(
        "data Obs ordered by moment:\n  moment : real\n  y : real\n"
        "x[o in Obs] ~ Beta(1 + 5 * x[o-1], 2)\n  starting Beta(1, 2)\ny[o in Obs] ~ Normal(x[o], 1)\n",
        {"Obs": range(1, 5)},
        _TIMES,
    ),
    "a step that the data give": Case(
        f"{_TIMED}x[o in Obs] ~ Normal(0.5 ^ (moment[o] - moment[o-1]) * x[o-1], 0.8)\n  starting Normal(0, 2)\n",
        {"Obs": range(1, 5)},
        _TIMES,
    ),
    "transported empty cells": Case(
        "data Row:\n  income : real?\n  y : real\nm ~ Normal(0, 1)\nincome[r in Row] ~ Normal(m, 1)\ny[r in Row] ~ Normal(income[r], 1)\n",
        {"Row": range(1, 5)},
        {
            "income": np.array([0.5, 0.5, 1.0, 0.5]),
            "y": np.array([0.1, 2.0, -1.0, 0.3]),
            given("income"): np.array([True, False, True, False]),
        },
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    assert examine(FOUND[name], transported=True, jacobian=True).points == 2


@pytest.mark.parametrize("right", [True, np.array([True, False])])
def test_a_density_that_does_not_count_has_no_slope(right: bool | np.ndarray) -> None:
    """The density of a Gumbel far below its location overflows, where it is censored and that does not matter."""
    value = np.array([0.5, 7.0])

    def density(location: jax.Array) -> jax.Array:
        return Censored(dist.Gumbel(location * jnp.array([1e6, 7.0]), 1.0), right=right).log_prob(value).sum()

    with jax.enable_x64(True):
        found, slope = jax.value_and_grad(density)(1.0)
    assert np.isfinite(found)
    assert np.isfinite(slope)


def test_traced_functions_are_evaluated_as_jax_does() -> None:
    """Of operations that programs seldom have: products along an axis, scatters, sorted and cut tables, with their derivatives."""
    table = np.random.default_rng(3).normal(size=(3, 7))

    def function(x: jax.Array) -> jax.Array:
        taken = x[jnp.array([0, 2, 2])][:, ::2].at[1].add(x[0, :4]).at[0, jnp.array([1, 9])].set(0.0, mode="drop")
        last = jnp.take(x, jnp.array([1, 8]), axis=1, mode="fill", fill_value=0.5)
        return (
            jnp.prod(x, -1).sum()
            + jnp.cumsum(taken, 0)[-1].max()
            + jnp.sort(x, 1)[:, 2].sum()
            + last.sum()
            + jax.lax.cumlogsumexp(x[0]).sum()
        )

    with jax.enable_x64(True):
        expected = jax.value_and_grad(function)(table)
        found = Traced(jax.value_and_grad(function), table)(table)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
