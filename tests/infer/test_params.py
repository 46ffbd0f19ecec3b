"""`param`: maximum marginal likelihood, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import pplang

GROUPS = """
data Group:
  y : real

param mu : real = 0
param tau : positive = 1

theta[g in Group] ~ Normal(mu, tau)
y[g in Group] ~ Normal(theta[g], 2)
report variance = tau^2
again[g in Group] ~ Normal(theta[g], tau)
"""
Y = 60_000 + np.array([4.1, -7.3, 9.9, 0.2, -3.8, 12.4, -1.1, 2.6, -8.7, 5.5, 6.1, -2.0])


def fit(text: str, data: dict[str, np.ndarray], **settings: object) -> pplang.Fit:
    return pplang.compile_text(text).fit(data, **{"draws": 400, **settings})  # type: ignore[arg-type]


def single(found: pplang.Fit, name: str) -> float:
    values = found.draws(name)
    assert (values == values.ravel()[0]).all()
    return float(values.ravel()[0])


@pytest.fixture(scope="module")
def groups() -> pplang.Fit:
    return fit(GROUPS, {"y": Y})


def test_effects_with_an_unknown_mean_and_scale_far_from_their_starts(groups: pplang.Fit) -> None:
    """y is Normal(mu, sqrt(tau^2 + 4)) with the effects integrated out; the joint density has its maximum at another place."""
    assert groups.method == "vi"
    assert groups.notes == ()
    tau = np.sqrt(Y.var() - 4)
    spread = np.sqrt(Y.var())
    assert abs(single(groups, "mu") - Y.mean()) < 0.002 * spread / np.sqrt(len(Y))
    assert abs(single(groups, "tau") - tau) < 0.002 * spread**2 / tau / np.sqrt(2 * len(Y))
    assert groups.verdict is not None
    assert groups.verdict["gradients"] < 6_000


def test_what_is_drawn_is_drawn_given_the_params(groups: pplang.Fit) -> None:
    tau = single(groups, "tau")
    share = tau**2 / (tau**2 + 4)
    theta = groups.draws("theta")[0]
    assert np.abs(theta.mean(axis=0) - (Y.mean() + share * (Y - Y.mean()))).max() < 0.25
    np.testing.assert_allclose(theta.std(axis=0), 2 * np.sqrt(share), rtol=0.2)
    assert single(groups, "variance") == pytest.approx(tau**2)
    np.testing.assert_allclose((groups.draws("again")[0] - theta).std(), tau, rtol=0.1)
    assert groups.verdict is not None
    assert (groups.verdict["word"], groups.verdict["given"]) == ("good", ["mu", "tau"])


def test_a_scale_beside_a_latent_mean() -> None:
    y = np.array([1.3, 0.2, 2.9, 4.4, -0.6, 3.1, 2.2])
    text = "data Row:\n  y : real\n\nparam sigma : positive = 0.1\nm ~ Normal(0, 1)\ny[i in Row] ~ Normal(m, sigma)\n"

    def minus_log_likelihood(log_sigma: float) -> float:
        covariance = np.exp(2 * log_sigma) * np.eye(len(y)) + 1
        return -float(stats.multivariate_normal.logpdf(y, np.zeros(len(y)), covariance))

    exact = optimize.minimize_scalar(minus_log_likelihood, bracket=(-1, 1)).x
    for method in ("vi", "svi"):
        found = fit(text, {"y": y}, method=method, steps=200)
        assert found.method == method
        assert abs(np.log(single(found, "sigma")) - exact) < 0.05 / np.sqrt(2 * len(y))


def test_effects_whose_mean_is_drawn_and_scale_far_from_its_start() -> None:
    """Given the scale all is normal: proposals are exact once they have followed the param, and so is the maximum."""
    y = np.array([12.0, -3, 4, 20, 8, -9, 1, 15, 3, 7, -14, 22, 9])
    text = "data Group:\n  y : real\n\nparam tau : positive = 1\nmu ~ Normal(0, 20)\n"
    text += "theta[g in Group] ~ Normal(mu, tau)\ny[g in Group] ~ Normal(theta[g], 2)\n"

    def minus_log_likelihood(log_tau: float) -> float:
        covariance = (np.exp(2 * log_tau) + 4) * np.eye(len(y)) + 400
        return -float(stats.multivariate_normal.logpdf(y, np.zeros(len(y)), covariance))

    exact = optimize.minimize_scalar(minus_log_likelihood, bracket=(1, 3)).x
    found = fit(text, {"y": y})
    assert abs(np.log(single(found, "tau")) - exact) < 4e-4
    assert found.verdict is not None
    assert found.verdict["gradients"] < 12_000


def test_effects_that_are_not_normal_given_the_data() -> None:
    """Logistic effects, their scale and the coefficients: the likelihood by quadrature is hardly higher anywhere."""
    generator = np.random.default_rng(2)
    group, x = np.repeat(np.arange(30), 8), generator.normal(size=240)
    logits = 0.3 + 0.8 * x + generator.normal(size=30)[group]
    y = generator.uniform(size=240) < 1 / (1 + np.exp(-logits))
    text = "data Row:\n  group : Group\n  x     : real\n  y     : bool\n\nparam b0 : real\nparam b1 : real\nparam tau : positive = 1\n"
    text += "theta[g in Group] ~ Normal(0, tau)\ny[i in Row] ~ Bernoulli(logit = b0 + b1 * x[i] + theta[group[i]])\n"
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def minus_log_likelihood(at: np.ndarray) -> float:
        logit = (at[0] + at[1] * x)[:, None] + np.exp(at[2]) * nodes
        each = -np.logaddexp(0, np.where(y[:, None], -logit, logit)).reshape(30, 8, -1).sum(axis=1)
        return -float(np.log((weights / weights.sum() * np.exp(each)).sum(axis=1)).sum())

    found = fit(text, {"group": group, "x": x, "y": y})
    at = np.array([single(found, "b0"), single(found, "b1"), np.log(single(found, "tau"))])
    assert minus_log_likelihood(at) - optimize.minimize(minus_log_likelihood, at).fun < 1e-3


LINE = "data Row:\n  x : real\n  y : {kind}\n\nparam b[k in Term] : real\nindex Term = {{constant, slope}}\n"


def test_without_latents_it_is_maximum_likelihood() -> None:
    x = np.linspace(-1, 1, 20)
    y = 3 - 2 * x + np.sin(7 * x)
    text = LINE.format(kind="real") + "param s : positive\ny[i in Row] ~ Normal(b[constant] + b[slope] * x[i], s)\n"
    found = fit(text, {"x": x, "y": y})
    slope, constant = np.polyfit(x, y, 1)
    np.testing.assert_allclose(found.draws("b")[0, 0], [constant, slope], atol=1e-4)
    assert single(found, "s") == pytest.approx(np.std(y - constant - slope * x), rel=1e-4)


def test_a_likelihood_without_a_maximum_is_poor_and_told() -> None:
    """Separated outcomes: the slope has no largest value."""
    x = np.linspace(-1, 1, 20)
    text = LINE.format(kind="bool") + "y[i in Row] ~ Bernoulli(logit = b[constant] + b[slope] * x[i])\n"
    found = fit(text, {"x": x, "y": x > 0})
    assert [one.code for one in found.notes] == ["F27"]
    assert found.verdict is not None
    assert found.verdict["word"] == "poor"
    assert "no maximum along b" in found.verdict["reasons"][-1]


def test_a_param_that_nothing_depends_on_is_refused() -> None:
    text = "data Row:\n  y : real\n\nparam m : real\nparam idle : positive\ny[i in Row] ~ Normal(m, 1)\nz ~ Normal(0, idle)\n"
    with pytest.raises(pplang.Problems) as caught:
        fit(text, {"y": Y})
    assert [(one.code, "`idle`" in one.title) for one in caught.value.diagnostics] == [("F12", True)]


def test_chains_are_refused() -> None:
    with pytest.raises(pplang.Problems) as caught:
        fit(GROUPS, {"y": Y}, method="nuts")
    (problem,) = caught.value.diagnostics
    assert problem.code == "F28"
    assert "mu ~ Normal" in problem.help
