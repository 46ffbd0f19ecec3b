"""The forward recursion against going through all paths."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pplang._lower.runtime import chains
from tests.reference.functions import chain_log_sum

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("rows", [None, np.array([[2, 0, 1], [3, -1, -1]])], ids=["one chain", "two groups"])
@pytest.mark.parametrize("varying", [False, True])
def test_the_sum_over_all_paths(rows: np.ndarray | None, varying: bool) -> None:
    first, weight = RNG.normal(size=(2, 4, 2))
    steps = RNG.normal(size=(4, 2, 2))
    steps[2, 0, 1] = -np.inf
    step = steps if varying else steps[2]
    function = chains.varying_chain_log_sum if varying else chains.chain_log_sum
    orders = [[0, 1, 2, 3]] if rows is None else [[2, 0, 1], [3]]
    expected = sum(chain_log_sum(first[one], step[one] if varying else step, weight[one]) for one in orders)
    with jax.enable_x64(True):
        assert float(function(first, step, weight, rows)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("impossible", [True, False], ids=["on logarithms", "on probabilities"])
def test_gradients_beside_those_of_the_sum_over_all_paths(impossible: bool) -> None:
    """With a chain that has ended, perhaps a transition that cannot be, and derivatives by central differences of the sum path by path."""
    first, weight, step = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3))
    step[0, 2] = -np.inf if impossible else 0.3
    rows = np.array([[4, 0, 2], [1, 3, -1]])

    def slowly(first: np.ndarray, step: np.ndarray, weight: np.ndarray) -> float:
        return sum(chain_log_sum(first[one], step, weight[one]) for one in ([4, 0, 2], [1, 3]))

    with jax.enable_x64(True):
        gradient = jax.grad(lambda *tables: chains.chain_log_sum(*tables, rows), argnums=(0, 1, 2))
        found = [np.asarray(one) for one in jax.jit(gradient)(jnp.asarray(first), jnp.asarray(step), jnp.asarray(weight))]
    assert (found[1][0, 2] == 0) == impossible
    tables = [first, step, weight]
    for place, table in enumerate(tables):
        for at in zip(*np.nonzero(np.isfinite(table)), strict=True):
            moved = [
                [one + (sign * 1e-6 * (at == np.indices(one.shape).T).all(-1).T if n == place else 0) for n, one in enumerate(tables)]
                for sign in (1, -1)
            ]
            assert found[place][at] == pytest.approx((slowly(*moved[0]) - slowly(*moved[1])) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("range_of_steps", [1.0, 200.0, 400.0])
def test_weights_that_underflow_beside_one_another(range_of_steps: float) -> None:
    """Emissions that differ by thousands, states that are impossible at a row, and paths that only pay later, next to the recursion on logarithms."""
    step = np.array([[0.0, -range_of_steps], [-range_of_steps, 0.0]])
    first, weight = np.array([[0.0, -900.0]]).repeat(6, 0), np.zeros((6, 2))
    weight[1], weight[3], weight[4] = (-3000.0, 0.0), (0.0, -np.inf), (-700.0, 5.0)
    expected = chain_log_sum(first, step, weight)
    with jax.enable_x64(True):
        found, slope = jax.value_and_grad(chains.chain_log_sum, 2)(*map(jnp.asarray, (first, step, weight)))
    assert float(found) == pytest.approx(expected, rel=1e-12)
    assert np.asarray(slope).sum(1) == pytest.approx(1.0, rel=1e-12)
    assert np.asarray(slope)[3, 1] == 0


def test_a_chain_that_cannot_be() -> None:
    weight = np.zeros((3, 2))
    weight[1] = -np.inf
    with jax.enable_x64(True):
        found, slope = jax.value_and_grad(chains.chain_log_sum, 2)(jnp.zeros((3, 2)), jnp.zeros((2, 2)), jnp.asarray(weight))
    assert float(found) == -np.inf
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("impossible", [True, False], ids=["on logarithms", "on probabilities"])
def test_many_chains_side_by_side(impossible: bool) -> None:
    """Of different lengths, against each on its own, and eight of them, whose weights are taken another way."""
    lengths = RNG.integers(1, 6, 40)
    order = RNG.permutation(lengths.sum())
    parts = np.split(order, np.cumsum(lengths)[:-1])
    rows = np.array([[*part, *[-1] * (5 - len(part))] for part in parts])
    first, weight, step = RNG.normal(size=(len(order), 3)), 30 * RNG.normal(size=(len(order), 3)), RNG.normal(size=(3, 3))
    if impossible:
        step[0, 2] = -np.inf
    with jax.enable_x64(True):
        slope = jax.jit(jax.value_and_grad(chains.chain_log_sum, (0, 1, 2)))
        total, (_, by_step, by_weight) = slope(first, step, weight, rows)
        _, (_, _, by_weight_of_few) = slope(first, step, weight, rows[:8])
    assert float(total) == pytest.approx(sum(chain_log_sum(first[part], step, weight[part]) for part in parts), rel=1e-12)
    assert np.asarray(by_weight).sum(1) == pytest.approx(1.0, rel=1e-12)
    assert np.asarray(by_step).sum() == pytest.approx(len(order) - len(parts), rel=1e-12)
    few = np.concatenate(parts[:8])
    assert np.asarray(by_weight)[few] == pytest.approx(np.asarray(by_weight_of_few)[few], abs=1e-12)
