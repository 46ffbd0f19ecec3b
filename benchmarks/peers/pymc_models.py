"""The ten posteriors written by hand in PyMC, each in the parameterisation that suits its data best."""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt


def _non_centred(name: str, location: Any, scale: Any, size: int) -> Any:
    return pm.Deterministic(name, location + scale * pm.Normal(f"{name}_raw", 0, 1, shape=size))


def eight_schools(data: dict[str, Any]) -> None:
    mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
    theta = _non_centred("theta", mu, tau, len(data["y"]))
    pm.Normal("y", theta, data["sigma"], observed=data["y"])


def radon_hierarchical_intercept(data: dict[str, Any]) -> None:
    mu, beta = pm.Normal("mu_alpha", 0, 10), pm.Normal("beta", 0, 10, shape=2)
    between, within = pm.HalfNormal("sigma_alpha", 1), pm.HalfNormal("sigma_y", 1)
    alpha = pm.Normal("alpha", mu, between, shape=data["J"])
    mean = alpha[data["county_idx"] - 1] + beta[0] * data["log_uppm"] + beta[1] * data["floor_measure"]
    pm.Normal("log_radon", mean, within, observed=data["log_radon"])


def radon_variable_intercept_slope(data: dict[str, Any]) -> None:
    mu_alpha, mu_beta = pm.Normal("mu_alpha", 0, 10), pm.Normal("mu_beta", 0, 10)
    sigma_alpha, sigma_beta, sigma_y = (pm.HalfNormal(name, 1) for name in ("sigma_alpha", "sigma_beta", "sigma_y"))
    alpha = pm.Normal("alpha", mu_alpha, sigma_alpha, shape=data["J"])
    beta = _non_centred("beta", mu_beta, sigma_beta, data["J"])
    county = data["county_idx"] - 1
    pm.Normal("log_radon", alpha[county] + beta[county] * data["floor_measure"], sigma_y, observed=data["log_radon"])


def kidscore_momhsiq(data: dict[str, Any]) -> None:
    beta, sigma = pm.Flat("beta", shape=3), pm.HalfCauchy("sigma", 2.5)
    pm.Normal("kid_score", beta[0] + beta[1] * data["mom_hs"] + beta[2] * data["mom_iq"], sigma, observed=data["kid_score"])


def earn_height(data: dict[str, Any]) -> None:
    beta, sigma = pm.Flat("beta", shape=2), pm.HalfFlat("sigma")
    pm.Normal("earn", beta[0] + beta[1] * data["height"], sigma, observed=data["earn"])


def glmm_poisson(data: dict[str, Any]) -> None:
    alpha = pm.Uniform("alpha", -20, 20)
    beta1, beta2, beta3 = (pm.Uniform(f"beta{power}", -10, 10) for power in (1, 2, 3))
    sigma, year = pm.Uniform("sigma", 0, 5), data["year"]
    eps = _non_centred("eps", 0, sigma, len(year))
    pm.Poisson("C", pt.exp(alpha + beta1 * year + beta2 * year**2 + beta3 * year**3 + eps), observed=data["C"])


def seeds(data: dict[str, Any]) -> None:
    alpha0, alpha1, alpha2, alpha12 = (pm.Normal(f"alpha{which}", 0, 1) for which in (0, 1, 2, 12))
    b = _non_centred("b", 0, pm.HalfCauchy("sigma", 1), len(data["n"]))
    logit = alpha0 + alpha1 * data["x1"] + alpha2 * data["x2"] + alpha12 * data["x1"] * data["x2"] + b
    pm.Binomial("n", n=data["N"], logit_p=logit, observed=data["n"])


def wells_interaction(data: dict[str, Any]) -> None:
    alpha, beta = pm.Flat("alpha"), pm.Flat("beta", shape=3)
    far, arsenic = data["dist"] / 100, data["arsenic"]
    pm.Bernoulli("switched", logit_p=alpha + beta[0] * far + beta[1] * arsenic + beta[2] * far * arsenic, observed=data["switched"])


def low_dim_gauss_mix(data: dict[str, Any]) -> None:
    mu = pm.Normal("mu", 0, 2, shape=2, transform=pm.distributions.transforms.ordered, initval=[-1.0, 1.0])
    sigma, theta = pm.HalfNormal("sigma", 2, shape=2), pm.Beta("theta", 5, 5)
    pm.NormalMixture("y", w=pt.stack([theta, 1 - theta]), mu=mu, sigma=sigma, observed=data["y"])


def irt_2pl(data: dict[str, Any]) -> None:
    items, people = data["y"].shape
    sigma_theta, sigma_a = pm.HalfCauchy("sigma_theta", 2), pm.HalfCauchy("sigma_a", 2)
    mu_b, sigma_b = pm.Normal("mu_b", 0, 5), pm.HalfCauchy("sigma_b", 2)
    theta = _non_centred("theta", 0, sigma_theta, people)
    a = pm.LogNormal("a", 0, sigma_a, shape=items)
    b = pm.Normal("b", mu_b, sigma_b, shape=items)
    pm.Bernoulli("y", logit_p=a[:, None] * (theta[None, :] - b[:, None]), observed=data["y"])
