"""Constants of transports that are set by hand: arguments of what is compiled, and worth it where they are exact."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import pplang
from pplang._infer import convergence

MODEL = """
data School:
  effect : real
  se     : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[s in School] ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""
BY_HAND = MODEL.replace("theta[s in School] ~ Normal(mu, tau)", "eta[s in School] ~ Normal(0, 1)\ntheta[s in School] = mu + tau * eta[s]")
DATA = {"effect": np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), "se": np.array([15.0, 10, 16, 11, 9, 11, 10, 18])}


def transported(scale: float = 1.0) -> pplang.Bound:
    """Exact constants of data with another scale: h = 1 / se^2, b = h y."""
    data = {name: scale * values for name, values in DATA.items()}
    h = 1 / data["se"] ** 2
    return pplang.compile_text(MODEL).bind(data).transported.with_constants({"theta_h": h, "theta_b": h * data["effect"]})


def sampled(bound: pplang.Bound, *, seed: int, chains: int, warmup: int, draws: int) -> tuple[np.ndarray, int]:
    """Draws of z by NumPyro's NUTS, (chains, draws, n), and the gradients that they took."""
    from numpyro.infer import MCMC, NUTS

    with jax.enable_x64(True):
        kernel = NUTS(potential_fn=lambda z: -bound.log_density(z))
        mcmc = MCMC(kernel, num_warmup=warmup, num_samples=draws, num_chains=chains, chain_method="sequential", progress_bar=False)
        start = np.zeros((chains, bound.size)) if chains > 1 else np.zeros(bound.size)
        mcmc.run(jax.random.PRNGKey(seed), init_params=start, extra_fields=("num_steps",))
        z = np.asarray(mcmc.get_samples(group_by_chain=True))
        return z, int(np.sum(mcmc.get_extra_fields()["num_steps"]))


def test_without_evidence_the_draws_are_those_of_the_non_centred_program() -> None:
    bound = pplang.compile_text(MODEL).bind(DATA).transported
    by_hand = pplang.compile_text(BY_HAND).bind(DATA)
    sizes: dict[str, Any] = {"seed": 3, "chains": 1, "warmup": 30, "draws": 30}
    first, second = (sampled(one, **sizes)[0] for one in (bound, by_hand))
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-9)


def test_setting_constants_compiles_nothing() -> None:
    compiled: list[str] = []
    first, other, data = transported(), transported().with_constants({"theta_b": np.zeros(8)}), transported(2.0)
    with jax.enable_x64(True):
        density = jax.jit(jax.value_and_grad(first.target.functions().log_density))
        z = np.linspace(-1, 1, first.size)
        found = [density(z, first.target.arguments)]
        jax.monitoring.register_event_duration_secs_listener(lambda name, seconds, **_: compiled.append(name))
        try:
            found += [density(z, one.target.arguments) for one in (other, data)]
        finally:
            jax.monitoring.clear_event_listeners()
        assert not [name for name in compiled if "compile" in name]
        for one, (value, gradient) in zip((first, other, data), found, strict=True):
            wanted, slope = jax.value_and_grad(one.log_density)(z)
            np.testing.assert_allclose(value, wanted, rtol=1e-12)
            np.testing.assert_allclose(gradient, slope, rtol=1e-9)
    assert len({one.target.identity for one in (first, other, data)}) == 1


@pytest.mark.slow
def test_exact_constants_are_worth_130_draws_for_each_1000_gradients() -> None:
    bound = transported()
    rates = []
    for seed in (1, 2, 3):
        z, gradients = sampled(bound, seed=seed, chains=4, warmup=1000, draws=1000)
        with jax.enable_x64(True):
            values = jax.vmap(jax.vmap(bound.constrain))(z)
        table = [np.asarray(values["mu"]), np.log(np.asarray(values["tau"])), *np.moveaxis(np.asarray(values["theta"]), -1, 0)]
        rates.append(1000 * min(convergence.ess_bulk(one) for one in table) / gradients)
    assert np.mean(rates) >= 130, rates
