"""A bound model in other people's hands: NumPyro, plain JAX, pickle."""

from __future__ import annotations

import pickle

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from helpers_infer import SCHOOL_DATA, SCHOOLS, schools
from numpyro import handlers
from numpyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO, log_likelihood
from numpyro.infer.autoguide import AutoNormal
from numpyro.infer.util import log_density
from numpyro.optim import Adam

import pplang

POINT = {"mu": 4.0, "tau": 3.0, "theta": np.linspace(-2, 9, 8)}


def by_hand(values: dict[str, np.ndarray]) -> float:
    """The log density of SCHOOLS in the names of the source."""
    from scipy import stats

    effect, se = np.array(SCHOOL_DATA["effect"]), np.array(SCHOOL_DATA["se"])
    prior = stats.norm.logpdf(values["mu"], 0, 5) + stats.halfcauchy.logpdf(values["tau"], scale=5)
    return float(
        prior + stats.norm.logpdf(values["theta"], values["mu"], values["tau"]).sum() + stats.norm.logpdf(effect, values["theta"], se).sum()
    )


def test_the_names_of_the_source_are_its_sites() -> None:
    bound = schools()
    trace = handlers.trace(handlers.seed(bound.numpyro_model, 0)).get_trace(**bound.arguments)
    sampled = [name for name, site in trace.items() if site["type"] == "sample"]
    assert sampled == ["mu", "tau", "theta", "effect", "again"]
    assert all(isinstance(value, np.ndarray) for value in bound.arguments.values())


def test_the_density_is_that_of_the_source_and_its_jacobian() -> None:
    bound = schools()
    with jax.enable_x64(True):
        z = bound.unconstrain(POINT)
        density = float(bound.log_density(z))
        jacobian = np.log(POINT["tau"]) + 8 * np.log(POINT["tau"])  # tau = exp(tau_free), theta = mu + tau theta_raw
        assert density == pytest.approx(by_hand(POINT) + jacobian, rel=1e-12)  # type: ignore[arg-type]
        transformed, _ = log_density(
            bound.transformed_model,
            (),
            bound.transformed_arguments,
            {one.name: part for one, part in zip(bound.latents, parts(bound, z), strict=True)},
        )
        assert density == pytest.approx(float(transformed), rel=1e-12)
        gradient = jax.jit(jax.grad(bound.log_density))(z)
    assert np.isfinite(gradient).all()


def parts(bound: pplang.Bound, z: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([latent.size for latent in bound.latents])
    return [z[end - latent.size : end].reshape(latent.shape) for latent, end in zip(bound.latents, ends, strict=True)]


def test_constrain_undoes_unconstrain() -> None:
    bound = schools()
    with jax.enable_x64(True):
        z = np.random.default_rng(0).standard_normal(bound.size)
        values = bound.constrain(z)
        assert list(values) == list(bound.names)
        np.testing.assert_allclose(bound.unconstrain(values), z, atol=1e-12)
        np.testing.assert_allclose(bound.constrain(bound.unconstrain(POINT))["theta"], POINT["theta"], atol=1e-12)


AXES = """
index Coef = {intercept, slope}
index Group = {a, b, c}
m[Coef, g in Group] ~ MultiNormal(zero, cov = S)
zero[k in Coef] = 0
input S[Coef, Coef] : covariance
w[Coef] ~ Dirichlet(one)
one[k in Coef] = 1
"""


def test_axes_are_those_of_the_source_whatever_numpyro_does() -> None:
    """NumPyro keeps plates before the axes of a draw; the source may write them after."""
    bound = pplang.compile_text(AXES).bind(inputs={"S": [[1.0, 0.5], [0.5, 2.0]]})
    with jax.enable_x64(True):
        z = np.random.default_rng(1).standard_normal(bound.size)
        values = bound.constrain(z)
        assert values["m"].shape == (2, 3)
        assert values["w"].shape == (2,)
        np.testing.assert_allclose(bound.unconstrain(values), z, atol=1e-12)
    fit = pplang.compile_text(AXES).fit(inputs={"S": [[1.0, 0.5], [0.5, 2.0]]}, method="nuts", seed=1)
    draws = fit.draws("m").reshape(-1, 2, 3)
    np.testing.assert_allclose(np.cov(draws[:, :, 0].T), [[1, 0.5], [0.5, 2]], atol=0.2)
    assert fit.posterior["m"].dims == ("chain", "draw", "Coef", "Group")


def test_numpyro_takes_it_as_a_model_of_its_own() -> None:
    bound = schools()
    mcmc = MCMC(NUTS(bound.numpyro_model), num_warmup=50, num_samples=50, progress_bar=False)
    mcmc.run(jax.random.PRNGKey(0), **bound.arguments)
    assert mcmc.get_samples()["theta"].shape == (50, 8)
    likelihood = log_likelihood(bound.numpyro_model, mcmc.get_samples(), **bound.arguments)
    assert likelihood["effect"].shape == (50, 8)
    prior = Predictive(bound.numpyro_model, num_samples=20)(jax.random.PRNGKey(1), **bound.arguments)
    assert prior["again"].shape == (20, 8)
    without = {name: value for name, value in bound.arguments.items() if name != "effect"}
    prior = Predictive(bound.numpyro_model, num_samples=20)(jax.random.PRNGKey(1), **without)
    assert prior["effect"].shape == (20, 8)


def test_a_guide_of_numpyro_fits_it() -> None:
    bound = schools()
    model = handlers.block(bound.numpyro_model, hide=["again"])
    svi = SVI(model, AutoNormal(model), Adam(0.01), Trace_ELBO())
    result = svi.run(jax.random.PRNGKey(0), 100, progress_bar=False, **bound.arguments)
    assert np.isfinite(result.losses).all()


def test_handlers_condition_and_intervene() -> None:
    bound = schools()
    fixed = handlers.condition(bound.numpyro_model, {"tau": 2.5})
    trace = handlers.trace(handlers.seed(fixed, 0)).get_trace(**bound.arguments)
    assert float(trace["tau"]["value"]) == 2.5
    assert trace["tau"]["is_observed"]
    np.testing.assert_allclose(trace["spread"]["value"], 6.25)
    done = handlers.do(bound.numpyro_model, {"mu": 100.0, "tau": 1e-6})
    trace = handlers.trace(handlers.seed(done, 0)).get_trace(**bound.arguments)
    np.testing.assert_allclose(trace["theta"]["value"], 100, atol=1e-3)


def test_it_runs_in_the_callers_precision() -> None:
    bound = schools()
    z = np.zeros(bound.size)
    assert bound.log_density(z).dtype == np.float32
    with jax.enable_x64(True):
        assert bound.log_density(z).dtype == np.float64


def test_pickling() -> None:
    model = pplang.compile_text(SCHOOLS, name="schools.ppl")
    assert pickle.loads(pickle.dumps(model)) == model
    bound = schools()
    _ = bound.numpyro_model, bound.target
    copy = pickle.loads(pickle.dumps(bound))
    z = np.linspace(-1, 1, bound.size)
    assert float(copy.log_density(z)) == float(bound.log_density(z))
    fit = model.fit(SCHOOL_DATA, steps=20, draws=10)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fit)).draws("mu"), fit.draws("mu"))
    for function in (bound.numpyro_model, bound.transformed_model):
        pickle.loads(pickle.dumps(function))


def test_a_distribution_object_stays_where_it_was_made() -> None:
    """Asking for the density under tracing leaves no tracer behind."""
    bound = schools()
    jax.jit(bound.log_density)(np.zeros(bound.size))
    assert np.isfinite(float(bound.log_density(np.zeros(bound.size))))
    assert isinstance(dist.Normal(0, 1).log_prob(0.0).item(), float)
