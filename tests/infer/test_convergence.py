import numpy as np
import pytest

from pplang._infer import convergence


def autoregressive(chains: int, draws: int, carry: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((chains, draws))
    for t in range(1, draws):
        noise[:, t] += carry * noise[:, t - 1]
    return noise


SAMPLES = {
    "independent": autoregressive(4, 1000, 0.0, 1),
    "slow": autoregressive(4, 1000, 0.95, 2),
    "anticorrelated": autoregressive(4, 1000, -0.5, 3),
    "one chain apart": autoregressive(4, 500, 0.3, 4) + np.array([0, 0, 0, 2.0])[:, None],
    "odd length": autoregressive(3, 333, 0.5, 5),
    "one chain": autoregressive(1, 400, 0.5, 6),
    "heavy tails": np.random.default_rng(7).standard_cauchy((4, 600)),
    "counts, with ties": np.random.default_rng(8).poisson(1.5, (4, 500)).astype(float),
    "different scales": autoregressive(4, 500, 0.2, 9) * np.array([1, 1, 1, 5.0])[:, None],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_numbers_are_those_of_arviz(name: str) -> None:
    from arviz_stats.base import array_stats

    draws = SAMPLES[name]
    if draws.shape[0] > 1:  # arviz gives none for one chain, we compare its halves
        assert convergence.r_hat(draws) == pytest.approx(float(array_stats.rhat(draws, chain_axis=0, draw_axis=1)), rel=1e-6)
    assert convergence.ess_bulk(draws) == pytest.approx(float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="bulk")), rel=1e-6)
    assert convergence.ess_tail(draws) == pytest.approx(
        float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="tail", prob=(0.05, 0.95))), rel=1e-6
    )


def test_a_constant_has_no_diagnostics() -> None:
    draws = np.ones((4, 100))
    assert np.isnan([convergence.r_hat(draws), convergence.ess_bulk(draws), convergence.ess_tail(draws)]).all()
