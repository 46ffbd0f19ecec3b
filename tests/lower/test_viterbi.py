"""The most probable path against all paths."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import numpy as np
import pytest

from pplang._lower.runtime.viterbi import MostProbablePath, VaryingMostProbablePath


def best_path(first: np.ndarray, steps: np.ndarray, weight: np.ndarray, line: Sequence[int]) -> tuple[int, ...]:
    """steps: (T, K, K)."""

    def total(path: tuple[int, ...]) -> float:
        moves = sum(steps[row][a, b] for row, a, b in zip(line[1:], path, path[1:], strict=False))
        return float(first[line[0]][path[0]] + moves + sum(weight[row][state] for row, state in zip(line, path, strict=True)))

    return max(itertools.product(range(weight.shape[-1]), repeat=len(line)), key=total)


@pytest.mark.parametrize("lines", [[[0, 1, 2, 3, 4, 5]], [[2, 0, 5, 1], [3], [4]]], ids=["one chain", "three groups"])
@pytest.mark.parametrize("varying", [False, True])
def test_the_best_of_all_paths(lines: list[list[int]], varying: bool) -> None:
    """Of two tables at once; the first may not make one of the steps."""
    rng = np.random.default_rng(2)
    first, weight = rng.normal(size=(2, 2, 6, 3))
    steps = 2 * rng.normal(size=(2, 6, 3, 3))
    steps[0, :, 0, 1] = -np.inf
    if not varying:
        steps[:] = steps[:, :1]
    rows = None if len(lines) == 1 else np.array([[*line, *[-1] * (4 - len(line))] for line in lines])
    expected = np.zeros((2, 6), int)
    for table, line in itertools.product(range(2), lines):
        expected[table, line] = best_path(first[table], steps[table], weight[table], line)
    of = VaryingMostProbablePath if varying else MostProbablePath
    with jax.enable_x64(True):
        path = of(first, steps if varying else steps[:, 0], weight, rows)
        drawn = np.asarray(path.sample(jax.random.PRNGKey(0), (2,)))
        assert np.asarray(path.log_prob(drawn[0])).tolist() == [0.0, 0.0]
        assert np.asarray(path.log_prob((drawn[0] + [[0], [1]]) % 3)).tolist() == [0.0, -np.inf]
    assert (drawn == expected).all()
