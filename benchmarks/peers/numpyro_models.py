"""The ten posteriors written by hand in NumPyro, each in the parameterisation that suits its data best: what an expert would write.

Latents that are sampled non-centred or transformed are also recorded under their own names, so that draws compare across tools.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer.reparam import LocScaleReparam

NON_CENTRED = LocScaleReparam(0.0)


def eight_schools(data: dict[str, Any]) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("school", len(data["y"])), numpyro.handlers.reparam(config={"theta": NON_CENTRED}):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, data["sigma"]), obs=data["y"])


def radon_hierarchical_intercept(data: dict[str, Any]) -> None:
    mu = numpyro.sample("mu_alpha", dist.Normal(0, 10))
    beta = numpyro.sample("beta", dist.Normal(0, 10).expand([2]))
    between = numpyro.sample("sigma_alpha", dist.HalfNormal(1))
    within = numpyro.sample("sigma_y", dist.HalfNormal(1))
    alpha = numpyro.sample("alpha", dist.Normal(mu, between).expand([data["J"]]))
    mean = alpha[data["county_idx"] - 1] + beta[0] * data["log_uppm"] + beta[1] * data["floor_measure"]
    numpyro.sample("log_radon", dist.Normal(mean, within), obs=data["log_radon"])


def radon_variable_intercept_slope(data: dict[str, Any]) -> None:
    mu_alpha = numpyro.sample("mu_alpha", dist.Normal(0, 10))
    mu_beta = numpyro.sample("mu_beta", dist.Normal(0, 10))
    sigma_alpha = numpyro.sample("sigma_alpha", dist.HalfNormal(1))
    sigma_beta = numpyro.sample("sigma_beta", dist.HalfNormal(1))
    sigma_y = numpyro.sample("sigma_y", dist.HalfNormal(1))
    alpha = numpyro.sample("alpha", dist.Normal(mu_alpha, sigma_alpha).expand([data["J"]]))
    with numpyro.handlers.reparam(config={"beta": NON_CENTRED}):
        beta = numpyro.sample("beta", dist.Normal(mu_beta, sigma_beta).expand([data["J"]]))
    county = data["county_idx"] - 1
    numpyro.sample("log_radon", dist.Normal(alpha[county] + beta[county] * data["floor_measure"], sigma_y), obs=data["log_radon"])


def kidscore_momhsiq(data: dict[str, Any]) -> None:
    beta = numpyro.sample("beta", dist.ImproperUniform(dist.constraints.real_vector, (), (3,)))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
    mean = beta[0] + beta[1] * data["mom_hs"] + beta[2] * data["mom_iq"]
    numpyro.sample("kid_score", dist.Normal(mean, sigma), obs=data["kid_score"])


def earn_height(data: dict[str, Any]) -> None:
    beta = numpyro.sample("beta", dist.ImproperUniform(dist.constraints.real_vector, (), (2,)))
    sigma = numpyro.sample("sigma", dist.ImproperUniform(dist.constraints.positive, (), ()))
    numpyro.sample("earn", dist.Normal(beta[0] + beta[1] * data["height"], sigma), obs=data["earn"])


def glmm_poisson(data: dict[str, Any]) -> None:
    alpha = numpyro.sample("alpha", dist.Uniform(-20, 20))
    beta1, beta2, beta3 = (numpyro.sample(f"beta{power}", dist.Uniform(-10, 10)) for power in (1, 2, 3))
    sigma = numpyro.sample("sigma", dist.Uniform(0, 5))
    year = data["year"]
    with numpyro.handlers.reparam(config={"eps": NON_CENTRED}):
        eps = numpyro.sample("eps", dist.Normal(0, sigma).expand([len(year)]))
    numpyro.sample("C", dist.Poisson(jnp.exp(alpha + beta1 * year + beta2 * year**2 + beta3 * year**3 + eps)), obs=data["C"])


def seeds(data: dict[str, Any]) -> None:
    alpha0, alpha1, alpha2, alpha12 = (numpyro.sample(f"alpha{which}", dist.Normal(0, 1)) for which in (0, 1, 2, 12))
    sigma = numpyro.sample("sigma", dist.HalfCauchy(1))
    with numpyro.handlers.reparam(config={"b": NON_CENTRED}):
        b = numpyro.sample("b", dist.Normal(0, sigma).expand([len(data["n"])]))
    logit = alpha0 + alpha1 * data["x1"] + alpha2 * data["x2"] + alpha12 * data["x1"] * data["x2"] + b
    numpyro.sample("n", dist.Binomial(total_count=data["N"], logits=logit), obs=data["n"])


def wells_interaction(data: dict[str, Any]) -> None:
    alpha = numpyro.sample("alpha", dist.ImproperUniform(dist.constraints.real, (), ()))
    beta = numpyro.sample("beta", dist.ImproperUniform(dist.constraints.real_vector, (), (3,)))
    far, arsenic = data["dist"] / 100, data["arsenic"]
    logit = alpha + beta[0] * far + beta[1] * arsenic + beta[2] * far * arsenic
    numpyro.sample("switched", dist.Bernoulli(logits=logit), obs=data["switched"])


def low_dim_gauss_mix(data: dict[str, Any]) -> None:
    mu = numpyro.sample("mu", dist.ImproperUniform(dist.constraints.ordered_vector, (), (2,)))
    numpyro.factor("prior", dist.Normal(0, 2).log_prob(mu).sum())
    sigma = numpyro.sample("sigma", dist.HalfNormal(2).expand([2]))
    theta = numpyro.sample("theta", dist.Beta(5, 5))
    mixing = dist.Categorical(probs=jnp.stack([theta, 1 - theta]))
    numpyro.sample("y", dist.MixtureSameFamily(mixing, dist.Normal(mu, sigma)), obs=data["y"])


def irt_2pl(data: dict[str, Any]) -> None:
    items, people = data["y"].shape
    sigma_theta = numpyro.sample("sigma_theta", dist.HalfCauchy(2))
    sigma_a = numpyro.sample("sigma_a", dist.HalfCauchy(2))
    mu_b = numpyro.sample("mu_b", dist.Normal(0, 5))
    sigma_b = numpyro.sample("sigma_b", dist.HalfCauchy(2))
    with numpyro.handlers.reparam(config={"theta": NON_CENTRED}):
        theta = numpyro.sample("theta", dist.Normal(0, sigma_theta).expand([people]))
    a = numpyro.sample("a", dist.LogNormal(0, sigma_a).expand([items]))
    b = numpyro.sample("b", dist.Normal(mu_b, sigma_b).expand([items]))
    numpyro.sample("y", dist.Bernoulli(logits=a[:, None] * (theta[None, :] - b[:, None])), obs=data["y"])
