"""Reductions: their values, and that sums of products build nothing larger than what they read."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from numpyro.infer.util import log_density

from pplang._lower import lower
from tests.lower.builders import arguments, program

RNG = np.random.default_rng(2)
N, G, H = 60, 40, 30
HEADER = """
index I = 1..60
index G = 1..40
index H = 1..30
input x[I, G] : real
input z[I, H] : real
input w[G] : positive
input group[I] : G
input t[I] : real
input y[I] : real
b[g in G] ~ Normal(0, 1)
c[h in H] ~ Normal(0, 1)
m[g in G, h in H] ~ Normal(0, 1)
s ~ Normal(0, 1)
"""
SETS = {"I": range(1, N + 1), "G": range(1, G + 1), "H": range(1, H + 1)}
X, Z, W, T, Y = RNG.normal(size=(N, G)), RNG.normal(size=(N, H)), RNG.gamma(2, size=G), RNG.normal(size=N), RNG.normal(size=N)
GROUP = RNG.integers(0, G, N)
DATA = {"x": X, "z": Z, "w": W, "group": GROUP, "t": T, "y": Y}
B, C, M, S = RNG.normal(size=G), RNG.normal(size=H), RNG.normal(size=(G, H)), 0.7
LATENTS = {"b": B, "c": C, "m": M, "s": S}

SUMS: dict[str, tuple[str, Any]] = {
    "matrix times vector": ("r[i in I] = sum(x[i, g] * b[g] for g in G)", X @ B),
    "scaled": ("r[i in I] = sum(s * x[i, g] * b[g] / w[g] for g in G) / 2", S * (X @ (B / W)) / 2),
    "of two terms": ("r[i in I] = sum(x[i, g] * b[g] - x[i, g]^2 * s for g in G)", X @ B - (X**2).sum(1) * S),
    "negated": ("r[i in I] = -sum(-(x[i, g] * b[g]) + 1 for g in G)", X @ B - G),
    "two tables at once": ("r[i in I] = sum(x[i, g] * m[g, h] * z[i, h] for g in G for h in H)", np.einsum("ig,gh,ih->i", X, M, Z)),
    "quadratic form": ("r[g in G, k in G] = sum(m[g, h] * m[k, h] for h in H)", M @ M.T),
    "gathered": ("r[i in I] = sum(m[group[i], h] * c[h] for h in H)", M[GROUP] @ C),
    "with a condition on both": ("r[i in I] = sum(b[g] for g in G if w[g] > t[i])", (W[None, :] > T[:, None]) @ B),
    "with a condition on what is summed": ("r[i in I] = sum(x[i, g] * b[g] for g in G if w[g] > 1)", (X * (W > 1)) @ B),
    "of a difference squared": ("r = sum((b[g] - s)^2 for g in G)", ((B - S) ** 2).sum()),
    "without the variable": ("r = sum(s for g in G)", S * G),
    "product of sums": ("r = sum(b[g] for g in G) * sum(c[h] * s for h in H)", B.sum() * C.sum() * S),
    "outer": ("r = sum(b[g] * c[h] for g in G for h in H)", B.sum() * C.sum()),
    "members of a group": ("r[g in G] = sum(b[group[i]] * t[i] for i in I if group[i] == g)", np.bincount(GROUP, B[GROUP] * T, G)),
    "members of a group with a mean": (
        "r[g in G] = sum(b[group[i]] * t[i] + s for i in I if g == group[i]) / 2",
        (np.bincount(GROUP, B[GROUP] * T, G) + S * np.bincount(GROUP, minlength=G)) / 2,
    ),
    "members of a group, weighted by the group": ("r[g in G] = sum(b[g] * t[i] for i in I if group[i] == g)", B * np.bincount(GROUP, T, G)),
    "numbers of a range": ("r = sum(g * b[g] for g in G)", np.arange(1, G + 1) @ B),
}


def results(text: str) -> tuple[np.ndarray, Any]:
    """The value of `r`, and the program of the whole log density."""
    lowered = lower(program(HEADER + f"report {text}\ny[i in I] ~ Normal(s, 1)\n"))
    with jax.enable_x64(True):
        known = arguments(lowered, DATA, SETS)

        def run(latents: Any, known: Any) -> Any:
            density, trace = log_density(lowered.model, (), {"sets": SETS, **known}, latents)
            return density, trace["r"]["value"]

        return np.asarray(run(LATENTS, known)[1]), jax.make_jaxpr(run)(LATENTS, known)


def largest(jaxpr: Any) -> int:
    """The largest array that a program makes."""
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [int(np.prod(out.aval.shape)) for out in equation.outvars]
        sizes += [largest(inner.jaxpr) for inner in equation.params.values() if hasattr(inner, "jaxpr")]
    return max(sizes)


@pytest.mark.parametrize(("text", "wanted"), SUMS.values(), ids=SUMS)
def test_sums(text: str, wanted: Any) -> None:
    found, jaxpr = results(text)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)
    assert largest(jaxpr.jaxpr) <= max(N * G, N * H, G * H)


OTHERS: dict[str, tuple[str, Any]] = {
    "mean": ("r = mean(b)", B.mean()),
    "mean of products": ("r[i in I] = mean(x[i, g] * b[g] for g in G)", X @ B / G),
    "mean of some": ("r = mean(b[g] for g in G if w[g] > 1)", B[W > 1].mean()),
    "largest": ("r[g in G] = max(m[g, h] for h in H)", M.max(1)),
    "smallest of some": ("r[h in H] = min(m[g, h] for g in G if w[g] > 1)", M[W > 1].min(0)),
    "product": ("r = prod(b[g] for g in G if w[g] > 2)", B[W > 2].prod()),
    "any": ("r[h in H] = if any(m[g, h] > 1 for g in G) then 1 else 0", (M > 1).any(0)),
    "all of some": ("r = if all(b[g] < 3 for g in G if w[g] > 1) then 1 else 0", (B[W > 1] < 3).all()),
    "logsumexp": ("r[i in I] = logsumexp(x[i, g] + b[g] for g in G)", np.log(np.exp(X + B).sum(1))),
    "logsumexp of some": ("r = logsumexp(b[g] for g in G if w[g] > 1)", np.log(np.exp(B[W > 1]).sum())),
    "standard deviation": ("r = sd(b)", B.std(ddof=1)),
    "standard deviation of some": ("r = sd(b[g] for g in G if w[g] > 1)", B[W > 1].std(ddof=1)),
    "largest of a constant": ("r = max(s for g in G)", S),
    "reduction of a reduction": ("r = max(sum(m[g, h] * c[h] for h in H) for g in G)", (M @ C).max()),
    "data under a condition on another variable": ("r = sum(w[g] * w[g] for i in I for g in G if t[i] > 0)", (W**2).sum() * (T > 0).sum()),
    "how many": ("r[g in G] = sum(1 for i in I if group[i] == g)", np.bincount(GROUP, minlength=G)),
}


@pytest.mark.parametrize(("text", "wanted"), OTHERS.values(), ids=OTHERS)
def test_other_reductions(text: str, wanted: Any) -> None:
    np.testing.assert_allclose(results(text)[0], wanted, rtol=1e-11)


def test_a_condition_keeps_what_it_leaves_out_from_spoiling_the_sum() -> None:
    found, _ = results("r = sum(log(b[g]) * w[g] for g in G if b[g] > 0)")
    np.testing.assert_allclose(found, (np.log(B[B > 0]) * W[B > 0]).sum(), rtol=1e-11)


def test_reductions_of_data_are_made_once() -> None:
    lowered = lower(program(HEADER + "report r[i in I] = s * sum(x[i, g]^2 for g in G) + log(abs(t[i]))\ny[i in I] ~ Normal(s, 1)\n"))
    before, after = lowered.text.split("def model")
    assert "np.sum" in before
    assert "np.log" in before
    assert "sum(" not in after
    assert "log(" not in after
    assert sum(name.startswith("known_") for name in lowered.arguments) == 2
