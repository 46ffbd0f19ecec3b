"""Members of a part of a set, and of a summand, stand at their places in the whole, in indices and in comparisons."""

from __future__ import annotations

import numpy as np
import pytest

import pplang

TOP = """
data Row:
  h : H
  y : real

index G = {p, q, r}
index H = {u, v}
index Odd = without(G, q)
index All = H + Odd
b[k in All] ~ Normal(0, 1)
"""
B = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("mean", "value"),
    [
        ("sum(b[k] * (1 + b[k]) for k in Odd)", [0.3 * 1.3 + 0.4 * 1.4] * 2),
        ("sum(if k == h[i] then b[h[i]] else 0 for k in All)", [0.1, 0.2]),
        ("sum(if h[i] == k then 1 else b[k] for k in All)", [1.9, 1.8]),
        ("sum(if k == v then b[k] else 0 for k in All)", [0.2, 0.2]),
        ("sum(if k == r then b[k] else 0 for k in Odd)", [0.4, 0.4]),
        ("sum(if k == j then b[k] else 0 for k in All for j in Odd)", [0.7, 0.7]),
    ],
)
def test_members_stand_at_their_places(mean: str, value: list[float]) -> None:
    import jax

    bound = pplang.compile_text(f"{TOP}y[i in Row] ~ Normal({mean}, 1)\n").bind({"h": ["u", "v"], "y": np.zeros(2)})
    with jax.enable_x64(True):
        density = float(bound.log_density(B))
    assert density == pytest.approx(-0.5 * (B @ B + np.square(value).sum() + 6 * np.log(2 * np.pi)), rel=1e-12)
