"""The branch that is not taken leaves the gradient alone; assertions that fail give minus infinity and never NaN."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lower.builders import density, gradient

ROWS = "data Row:\n  x : real\n  y : real\n"
DATA = {"x": np.array([-1.0, 0.0, 0.5, 2.0]), "y": np.array([0.3, -0.2, 1.0, 0.5])}
SETS = {"Row": range(4)}

BRANCHES = {
    "logarithm": "if x[i] > 0 then log(x[i] * exp(b)) else b",
    "root": "if x[i] * b > 0 then sqrt(x[i] * b) else b",
    "quotient": "if x[i] != 0 then b / x[i] else b",
    "quotient of latents": "if b != 0.8 then 1 / (b - 0.8) else b * x[i]",
    "power": "if x[i] > 0 then x[i] ^ b else b",
    "nested": "if x[i] > 0 then (if x[i] > 1 then log(x[i] - 1 + exp(b)) else b) else sqrt(b - x[i])",
    "overflow": "if x[i] > -5 then b else exp(1000 * (1 + b))",
    "second operand of and": "if x[i] > 0 and log(x[i]) > 0 then b * log(x[i]) else b",
    "sum over those that qualify": "b * sum(log(x[j] * exp(b)) for j in Row if x[j] > 0)",
    "density": "if x[i] > 0 then logpdf(LogNormal(b, 1), x[i]) else b",
}


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_gradients_are_finite(branch: str) -> None:
    text = f"{ROWS}b ~ Normal(0, 1)\nm[i in Row] = {branch}\ny[i in Row] ~ Normal(m[i], 1)\n"
    latents = {"b": 0.8}
    assert np.isfinite(density(text, DATA, SETS, latents))
    slope = gradient(text, DATA, SETS, latents)["b"]
    assert np.isfinite(slope)
    if branch != BRANCHES["quotient of latents"]:
        up, down = (density(text, DATA, SETS, {"b": 0.8 + step}) for step in (1e-6, -1e-6))
        assert slope == pytest.approx((up - down) / 2e-6, rel=1e-5)


@pytest.mark.parametrize("scale", ["positive(b)", "sqrt(b)", "exp(log(b))", "b ^ 0.5 + 0.1"])
def test_a_failed_assertion_is_minus_infinity(scale: str) -> None:
    text = f"{ROWS}b ~ Normal(0, 1)\ns = {scale}\ny[i in Row] ~ Normal(0, positive(s))\n"
    assert np.isfinite(density(text, DATA, SETS, {"b": 0.5}))
    assert density(text, DATA, SETS, {"b": -0.5}) == -np.inf
    assert np.isfinite(gradient(text, DATA, SETS, {"b": -0.5})["b"])


def test_rows_left_out_do_not_touch_the_gradient() -> None:
    text = (
        "data Row:\n  x : real\n  y : nonnegative\n"
        + "b ~ Normal(0, 1)\ny[i in Row] ~ LogNormal(b * log(x[i]), 1) where x[i] > 0 and y[i] > 0\n"
    )
    data = {"x": DATA["x"], "y": np.array([1.0, 0, 0, 2])}
    assert np.isfinite(gradient(text, data, SETS, {"b": 0.8})["b"])


def test_weights_of_zero_leave_rows_out() -> None:
    text = "data Row:\n  w : nonnegative\n  y : real\nb ~ Normal(0, 1)\ny[i in Row] ~ Normal(b, 1) weighted w[i]\n"
    weights = np.array([0.0, 2, 0, 1])
    found = density(text, {"w": weights, "y": DATA["y"]}, SETS, {"b": 0.4})
    each = -0.5 * (DATA["y"] - 0.4) ** 2 - 0.5 * np.log(2 * np.pi)
    assert found == pytest.approx(-0.5 * 0.16 - 0.5 * np.log(2 * np.pi) + (weights * each).sum(), rel=1e-12)


def test_what_is_computed_after_inference_asserts_nothing() -> None:
    text = f"{ROWS}b ~ Normal(0, 1)\ny[i in Row] ~ Normal(b, 1)\nreport r = sqrt(b)\n"
    assert np.isfinite(density(text, DATA, SETS, {"b": -0.5}))
