"""The methods find posteriors that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from helpers_infer import CONJUGATE, SCHOOL_DATA, SCHOOLS, conjugate_posterior

import pplang

Y = np.random.default_rng(11).normal(2.5, 3, 40)


@pytest.mark.parametrize(
    "settings",
    [{"method": "auto"}, {"method": "nuts"}, {"method": "svi"}, {"method": "svi", "guide": "full-rank"}],
    ids=["auto", "nuts", "mean-field", "full-rank"],
)
def test_a_conjugate_normal_mean(settings: dict[str, str]) -> None:
    mean, sd = conjugate_posterior(Y)
    fit = pplang.compile_text(CONJUGATE).fit({"y": Y}, seed=3, draws=2000, **settings)  # type: ignore[arg-type]
    draws = fit.draws("mu")
    assert abs(draws.mean() - mean) < 0.1 * sd
    assert abs(draws.std() / sd - 1) < 0.08


def test_full_rank_finds_a_correlation_that_mean_field_cannot() -> None:
    """Of a + b only the sum is known: posterior sd of each is nearly that of its prior, of the sum it is small."""
    model = pplang.compile_text("data Row:\n  y : real\n\na ~ Normal(0, 1)\nb ~ Normal(0, 1)\ny[i in Row] ~ Normal(a + b, 1)\n")
    data = {"y": np.full(50, 0.5)}
    precision = np.array([[51.0, 50], [50, 51]])
    sd = np.sqrt(np.linalg.inv(precision)[0, 0])
    full = model.fit(data, method="svi", guide="full-rank", seed=1)
    mean_field = model.fit(data, method="svi", guide="mean-field", seed=1)
    assert abs(full.draws("a").std() / sd - 1) < 0.1
    assert np.corrcoef(full.draws("a").ravel(), full.draws("b").ravel())[0, 1] < -0.9
    assert abs(mean_field.draws("a").std() * np.sqrt(51) - 1) < 0.1


def test_svi_trains_the_coordinates_of_a_hierarchy() -> None:
    """A mean-field guide in non-centred coordinates makes tau's middle 68% half as wide as here, in transported ones it is nearly right: 4.2."""
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="svi", seed=1, draws=4_000, steps=1_500)
    low, high = np.quantile(fit.draws("tau"), (0.16, 0.84))
    assert 3.2 < high - low < 5.2
    (evidence,) = (one.values for name, one in fit.content.groups["transport"].items() if name.endswith("_h"))
    assert np.median(evidence * np.array(SCHOOL_DATA["se"]) ** 2) == pytest.approx(1, abs=0.5)  # 1 / se^2 would be exact


def test_generated_relations_are_drawn_after_inference() -> None:
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", seed=5, draws=1000)
    assert fit.names == ("mu", "tau", "theta", "spread", "again")
    np.testing.assert_allclose(fit.draws("spread"), fit.draws("tau") ** 2, rtol=1e-12)
    z = (fit.draws("again") - fit.draws("theta")) / np.array(SCHOOL_DATA["se"])
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02
    assert abs(np.corrcoef(z[..., 0].ravel(), z[..., 1].ravel())[0, 1]) < 0.06


def test_chains_agree_and_statistics_are_kept() -> None:
    fit = pplang.compile_text(SCHOOLS).fit(SCHOOL_DATA, method="nuts", seed=5, draws=1000)
    rows = {row.label: row for row in fit.summary().rows}
    assert max(row.r_hat for row in rows.values() if row.r_hat) < 1.02
    assert set(fit.sample_stats) == {"acceptance_rate", "diverging", "energy", "lp", "n_steps", "step_size", "tree_depth"}
    assert all(variable.values.shape == (4, 1000) for variable in fit.sample_stats.values())
    assert 0.6 < fit.sample_stats["acceptance_rate"].values.mean() < 0.99


def test_a_model_that_observes_nothing_is_sampled() -> None:
    """Neal's funnel: the marginal of v is its prior."""
    fit = pplang.compile_text("v ~ Normal(0, 3)\nindex K = 1..9\nx[k in K] ~ Normal(0, exp(v / 2))\n").fit(method="nuts", seed=1)
    assert abs(fit.draws("v").mean()) < 0.3
    assert abs(fit.draws("v").std() - 3) < 0.3


def test_a_start_without_a_finite_density_names_the_relation() -> None:
    model = pplang.compile_text("data Row:\n  y : real\n\nhigh ~ Uniform(0, 10)\ny[i in Row] ~ Uniform(0, high)\n")
    for method in ("svi", "nuts", "auto"):
        with pytest.raises(pplang.Problems) as caught:
            model.fit({"y": [3.0, 12.0]}, method=method, steps=10, warmup=5, draws=5)
        (problem,) = caught.value.diagnostics
        assert problem.code == "F10"
        assert "`y`" in problem.label


def test_more_draws_than_memory_are_refused_before_any_work() -> None:
    model = pplang.compile_text("index K = 1..1000000\nx[k in K] ~ Normal(0, 1)\n")
    with pytest.raises(pplang.Problems) as caught:
        model.fit(draws=10_000_000)
    assert [one.code for one in caught.value.diagnostics] == ["F11"]


def test_settings_out_of_range_are_reported_together() -> None:
    with pytest.raises(pplang.Problems) as caught:
        pplang.compile_text(CONJUGATE).fit({"y": Y}, method="nutz", draws=0, seed=-1, target_accept=1.5)
    assert [one.code for one in caught.value.diagnostics] == ["I70", "I71", "I71", "I71"]


def test_the_defaults_of_fit_are_those_of_the_settings() -> None:
    import inspect

    from pplang._infer.settings import Settings

    parameters = inspect.signature(pplang.Model.fit).parameters
    for name, value in vars(Settings()).items():
        assert parameters[name].default == value
