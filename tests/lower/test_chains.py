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


def test_gradients_beside_those_of_the_sum_over_all_paths() -> None:
    """With a chain that has ended, a transition that cannot be, and derivatives by central differences of the sum path by path."""
    first, weight, step = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.normal(size=(3, 3))
    step[0, 2] = -np.inf
    rows = np.array([[4, 0, 2], [1, 3, -1]])

    def slowly(first: np.ndarray, step: np.ndarray, weight: np.ndarray) -> float:
        return sum(chain_log_sum(first[one], step, weight[one]) for one in ([4, 0, 2], [1, 3]))

    with jax.enable_x64(True):
        gradient = jax.grad(lambda *tables: chains.chain_log_sum(*tables, rows), argnums=(0, 1, 2))
        found = [np.asarray(one) for one in jax.jit(gradient)(jnp.asarray(first), jnp.asarray(step), jnp.asarray(weight))]
    assert found[1][0, 2] == 0
    tables = [first, step, weight]
    for place, table in enumerate(tables):
        for at in zip(*np.nonzero(np.isfinite(table)), strict=True):
            moved = [
                [one + (sign * 1e-6 * (at == np.indices(one.shape).T).all(-1).T if n == place else 0) for n, one in enumerate(tables)]
                for sign in (1, -1)
            ]
            assert found[place][at] == pytest.approx((slowly(*moved[0]) - slowly(*moved[1])) / 2e-6, abs=1e-7)
