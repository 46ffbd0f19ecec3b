"""Chains integrated out: densities against the normal distribution of all data, draws against its conditional, proofs, refusals."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pplang
from pplang._ir.text import text
from pplang._passes import pipeline
from pplang._passes.supported import unsupported
from pplang._prove import prove

GAP = np.nan
LEVEL = """
data Week ordered:
  sales : real?

s_level ~ HalfNormal(1)
s_obs ~ HalfNormal(1)
@integrate
level[t in Week] ~ Normal(level[t-1], s_level)
  starting Normal(10, 2)
sales[t in Week] ~ Normal(level[t], s_obs)
"""
SALES = np.array([10.3, 10.9, GAP, GAP, 12.1, 11.6, 11.9, 12.8, GAP, 12.9, 13.0, GAP])

PANEL = """
data Visit ordered by day within patient:
  patient : Patient
  day     : real
  dose    : real
  score   : real
  second  : real

half_life ~ LogNormal(1, 0.5)
s ~ HalfNormal(1)
b ~ Normal(0, 1)
keep[v in Visit] = 0.5 ^ ((day[v] - day[v-1]) / half_life)
  starting 0
@integrate
health[v in Visit] ~ Normal(0.3 + keep[v] * health[v-1], s * sqrt(1 - keep[v]^2))
  starting Normal(b, 2 * s)
score[v in Visit] ~ Normal(health[v] + b * dose[v], 0.4)
second[w in Visit] ~ Normal(2 - (1 + dose[w]^2) * health[w], 0.7)
"""


def visits() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    patient = ["b", "a", "b", "a", "a", "b", "b"]
    table = {name: rng.normal(size=7) for name in ("dose", "score", "second")}
    return {"patient": patient, "day": [1.0, 2.0, 2.5, 3.0, 7.0, 1.5, 9.0], **table}


def level_moments(s_level: float, s_obs: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and covariance of the levels, and covariance of the data."""
    t = np.arange(len(SALES))
    cov = 4 + s_level**2 * np.minimum(t, t[:, None])
    return np.full(len(t), 10.0), cov, cov + s_obs**2 * np.eye(len(t))


def test_density_of_a_local_level_is_that_of_the_data() -> None:
    bound = pplang.compile_text(LEVEL).bind({"sales": SALES})
    assert bound.size == 2
    seen = ~np.isnan(SALES)
    for s_level, s_obs in ((0.4, 0.9), (1e-3, 2.0), (3.0, 1e-3)):
        mean, _, cov = level_moments(s_level, s_obs)
        expected = stats.halfnorm(0, 1).logpdf([s_level, s_obs]).sum() + np.log([s_level, s_obs]).sum()
        expected += stats.multivariate_normal(mean[seen], cov[np.ix_(seen, seen)]).logpdf(SALES[seen])
        with jax.enable_x64(True):
            z = bound.unconstrain({"s_level": s_level, "s_obs": s_obs})
            found, gradient = jax.value_and_grad(bound.log_density)(z)
        assert float(found) == pytest.approx(expected, rel=1e-8)
        assert np.isfinite(gradient).all()


def test_density_within_groups_with_two_outcomes() -> None:
    table = visits()
    bound = pplang.compile_text(PANEL).bind(table)
    half_life, s, b = 2.0, 0.8, -0.4
    day, dose = np.array(table["day"]), table["dose"]
    mean, cov = np.zeros(7), np.zeros((7, 7))
    for patient in "ab":
        rows = sorted((row for row in range(7) if table["patient"][row] == patient), key=lambda row: day[row])
        for place, row in enumerate(rows):
            if place == 0:
                mean[row], cov[row, row] = b, 4 * s**2
                continue
            last = rows[place - 1]
            keep = 0.5 ** ((day[row] - day[last]) / half_life)
            mean[row] = 0.3 + keep * mean[last]
            cov[row, rows[:place]] = cov[rows[:place], row] = keep * cov[last, rows[:place]]
            cov[row, row] = keep**2 * cov[last, last] + s**2 * (1 - keep**2)
    slopes = np.vstack([np.eye(7), -np.diag(1 + dose**2)])
    of_data = stats.multivariate_normal(
        np.concatenate([b * dose, np.full(7, 2.0)]) + slopes @ mean,
        slopes @ cov @ slopes.T + np.diag([0.16] * 7 + [0.49] * 7),
    )
    expected = of_data.logpdf(np.concatenate([table["score"], table["second"]]))
    expected += stats.lognorm(0.5, 0, np.e).logpdf(half_life) + stats.halfnorm(0, 1).logpdf(s) + stats.norm(0, 1).logpdf(b)
    with jax.enable_x64(True):
        z = bound.unconstrain({"half_life": half_life, "s": s, "b": b})
        assert float(bound.log_density(z)) == pytest.approx(expected + np.log(half_life) + np.log(s), rel=1e-10)


@pytest.mark.parametrize("model", [LEVEL, PANEL], ids=["level", "panel"])
def test_the_proof_holds(model: str) -> None:
    """Joint density = density without the states x density of the relation that draws them."""
    data = {"sales": SALES} if model is LEVEL else visits()
    proofs = {one.name: one for one in prove(pplang.compile_text(model).bind(data), points=3, prior_draws=0)}
    assert proofs["integrate"].density < 1e-10
    assert all(one.holds for one in proofs.values())


def test_states_come_back_by_smoothing() -> None:
    source = LEVEL.replace(
        "s_level ~ HalfNormal(1)\ns_obs ~ HalfNormal(1)\n", "s_level = 0.5\ns_obs = 0.8\nother ~ Normal(0, 1)\nfactor other\n"
    )
    bound = pplang.compile_text(source).bind({"sales": SALES})
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.PRNGKey(1), 4_000)
        draws = jax.vmap(lambda key: bound.constrain(np.zeros(1), key))(keys)
    seen = ~np.isnan(SALES)
    mean, cov, of_data = level_moments(0.5, 0.8)
    gain = np.linalg.solve(of_data[np.ix_(seen, seen)], cov[seen]).T
    smoothed, left = mean + gain @ (SALES - mean)[seen], cov - gain @ cov[seen]
    level, sd = np.asarray(draws["level"]), np.sqrt(np.diag(left))
    assert np.all(np.abs(level.mean(0) - smoothed) < 4.5 * sd / np.sqrt(4_000))
    assert np.all(np.abs(np.cov(level.T) - left) < 4.5 * np.sqrt((left**2 + np.outer(sd, sd) ** 2) / 4_000))
    # Empty cells are drawn from their relation, given the states.
    np.testing.assert_allclose(np.asarray(draws["sales"]).var(0), np.diag(left)[~seen] + 0.64, rtol=0.12)


def test_what_it_makes_reads_as_itself() -> None:
    for model in (LEVEL, PANEL):
        after = pipeline.run(pplang.compile_text(model).program, after="integrate").program
        again = pplang.compile_text(text(after)).program
        assert again == after
        assert pipeline.run(again, after="integrate").program == pipeline.run(after, after="integrate").program
        assert "@integrate" not in text(after)


def test_without_it_the_posterior_is_the_same() -> None:
    """The two densities differ by that of the states, given all else, at any values of these: so does their ratio between two points."""
    data = {"sales": SALES}
    fits = [pplang.compile_text(one).fit(data, method="vi", draws=2_000) for one in (LEVEL, LEVEL.replace("@integrate\n", ""))]
    for name in ("s_level", "s_obs", "level", "sales"):
        one, other = (fit.draws(name)[0].reshape(2_000, -1) for fit in fits)
        sd = other.std(0)
        assert np.all(np.abs(one.mean(0) - other.mean(0)) < 0.2 * sd), name
        assert np.all(np.abs(np.log(one.std(0) / sd)) < 0.2), name


REFUSED = {
    "is not normal": LEVEL.replace("sales[t in Week] ~ Normal(", "sales[t in Week] ~ StudentT(4, "),
    "is no normal chain": LEVEL.replace("Normal(level[t-1], s_level)", "Normal(sin(level[t-1]), s_level)"),
    "is not a column that is observed": LEVEL + "x[t in Week] ~ Normal(level[t], 1)\nfactor sum(x)\n",
    "is not of the form": LEVEL.replace("Normal(level[t], s_obs)", "Normal(exp(level[t]), s_obs)"),
    "a factor": LEVEL + "factor -level[1]\n",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_integrated_is_refused(words: str) -> None:
    found = unsupported(pplang.compile_text(REFUSED[words]).program)
    assert found is not None and found.code == "F01"
    assert words in (found.help or "")
