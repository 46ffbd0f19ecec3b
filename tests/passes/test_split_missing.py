"""Columns with empty cells: what is observed, what is estimated, what is predicted; densities by hand."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import pplang
from pplang._check import check
from pplang._ir.text import text
from pplang._passes import pipeline, split_missing
from pplang._passes.supported import unsupported
from pplang._prove import prove
from pplang._source import Source
from pplang._syntax.parse import parse

SURVEY = """
data Voter:
  age    : real
  income : real?
  vote   : bool?

m ~ Normal(0, 1)
s ~ HalfNormal(1)
b ~ Normal(0, 1)
@centered
income[v in Voter] ~ Normal(m + age[v], s)
  weighted 1 + age[v]
vote[v in Voter] ~ Bernoulli(logit = b * income[v])
"""
GAP = np.nan
VOTERS = {"age": [0.1, 0.5, -0.2, 0.3], "income": [2.0, GAP, 0.5, GAP], "vote": [1, 0, GAP, GAP]}


def program(source: str) -> Any:
    return check(parse(Source("m.ppl", source)), Source("m.ppl", source))


def log_density(bound: Any, values: dict[str, Any]) -> float:
    """Of the program before its latents are moved: without Jacobians."""
    from numpyro.infer.util import log_density

    with jax.enable_x64(True):
        return float(log_density(bound.numpyro_model, (), bound.arguments, values)[0])


def test_what_it_prints() -> None:
    after = pipeline.run(program(SURVEY), after="split_missing").program
    assert text(after).split("\n\n")[1:] == [
        "index Income_empty = empty(income)\nindex Vote_empty = empty(vote)",
        """m ~ Normal(0, 1)
s ~ HalfNormal(1)
b ~ Normal(0, 1)
income[v in Voter] ~ Normal(m + age[v], s)
  weighted 1 + age[v]
  where given(income[v])
@centered
income_empty[cell in Income_empty] ~ Normal(m + age[cell.Voter], s)
  weighted 1 + age[cell.Voter]
income_full[Voter] = completed(income, income_empty)
vote[v in Voter] ~ Bernoulli(logit = b * income_full[v])
  where given(vote[v])
vote_empty[cell in Vote_empty] ~ Bernoulli(logit = b * income_full[cell.Voter])
""",
    ]
    assert program(text(after)) == after
    assert split_missing.decide(after) == ()
    levels = {site.name: site.level for site in after.sites}
    assert levels["income_empty"] == "model"
    assert levels["vote_empty"] == "generated"


def test_density_by_hand() -> None:
    bound = pplang.compile_text(SURVEY.replace("@centered\n", "")).bind(VOTERS)
    m, s, b, cells = 0.3, 0.7, 0.4, np.array([1.5, 0.8])
    income = np.array([2.0, cells[0], 0.5, cells[1]])
    age = np.array(VOTERS["age"])
    expected = stats.norm(0, 1).logpdf(m) + stats.halfnorm(0, 1).logpdf(s) + stats.norm(0, 1).logpdf(b)
    expected += np.sum((1 + age) * stats.norm(m + age, s).logpdf(income))
    expected += np.sum(stats.bernoulli(1 / (1 + np.exp(-b * income[:2]))).logpmf([1, 0]))
    predicted = stats.bernoulli(1 / (1 + np.exp(-b * income[2:]))).logpmf([0, 1]).sum()
    values = {"m": m, "s": s, "b": b, "income_empty": cells, "vote_empty": np.array([0, 1])}
    np.testing.assert_allclose(log_density(bound, values), expected + predicted, rtol=1e-12)
    with jax.enable_x64(True):
        z = bound.unconstrain({"m": m, "s": s, "b": b, "income": cells})
        assert bound.size == 5
        back = bound.constrain(z)
    np.testing.assert_allclose(back["income"], cells, rtol=1e-12)
    assert back["vote"].shape == (2,)
    assert set(np.asarray(back["vote"]).tolist()) <= {0, 1}


def test_cells_are_labelled_by_their_rows() -> None:
    wide = """
data Animal:
  animal : key
  y[Visit] : real? from "y*"

mu[k in Visit] ~ Normal(0, 1)
y[i in Animal, k in Visit] ~ Normal(mu[k], 1)
x[i in Animal] ~ Normal(y[i, y1] - y[i, y2], 1)
report d[k in Visit] = mean(y[i, k] for i in Animal)
z ~ Normal(sum(x), 1)
w[i in Animal] = x[i]
factor w["a"]
"""
    data = {"animal": ["b", "a", "c"], "y1": [1.0, GAP, 3.0], "y2": [GAP, 2.0, GAP]}
    bound = pplang.compile_text(wide).bind(data)
    assert bound.sets["Y_empty"] == ("b,y2", "a,y1", "c,y2")
    assert bound.kept["y"] == ("Y_empty",)
    assert list(bound.coordinates("Y_empty")) == ["b,y2", "a,y1", "c,y2"]
    mu, cells, x = np.array([0.2, -0.1]), np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.3])
    y = np.array([[1.0, 0.5], [0.6, 2.0], [3.0, 0.7]])
    expected = stats.norm(0, 1).logpdf(mu).sum() + stats.norm(mu, 1).logpdf(y).sum() + stats.norm(y[:, 0] - y[:, 1], 1).logpdf(x).sum()
    expected += stats.norm(x.sum(), 1).logpdf(0.4) + x[1]
    values = {"mu": mu, "y_empty": cells, "x": x, "z": 0.4}
    np.testing.assert_allclose(log_density(bound, values), expected, rtol=1e-12)
    with jax.enable_x64(True):
        report = bound.constrain(bound.unconstrain({"mu": mu, "y": cells, "x": x}))["d"]
    np.testing.assert_allclose(report, y.mean(0), rtol=1e-12)


def test_rows_of_an_ordered_table_keep_their_numbers() -> None:
    source = "data Week ordered by day:\n  day : real\n  y : real?\n\nm ~ Normal(0, 1)\ny[t in Week] ~ Normal(m, 1)\n"
    bound = pplang.compile_text(source).bind({"day": [3.0, 1.0, 2.0], "y": [GAP, 5.0, GAP]})
    assert list(bound.coordinates("Y_empty")) == [3, 1]


def test_nothing_empty_is_the_plain_program() -> None:
    full = {**VOTERS, "income": [2.0, 1.0, 0.5, 3.0], "vote": [1, 0, 0, 1]}
    source = SURVEY.replace("@centered\n", "")
    bound, plain = (pplang.compile_text(one).bind(full) for one in (source, source.replace("?", "")))
    z = np.array([0.1, -0.3, 0.5])
    with jax.enable_x64(True):
        assert bound.size == plain.size == 3
        np.testing.assert_allclose(bound.log_density(z), plain.log_density(z), rtol=1e-12)
        assert bound.constrain(z)["income"].shape == (0,)


def test_group_level_columns_and_inputs() -> None:
    source = """
data Home:
  county : County
  uranium : real? per County
  radon : real

input dose[County] : real?
m ~ Normal(0, 1)
uranium[c in County] ~ Normal(m, 2)
dose[c in County] ~ Normal(1, 1)
radon[i in Home] ~ Normal(uranium[county[i]] + dose[county[i]], 1)
"""
    data = {"county": ["b", "a", "b", "c"], "uranium": [1.0, GAP, 1.0, GAP], "radon": [1.0, 2.0, 3.0, 4.0]}
    bound = pplang.compile_text(source).bind(data, inputs={"dose": [0.5, GAP, 2.0]})
    assert bound.sets["Uranium_empty"] == ("a", "c")
    uranium, dose = np.array([0.3, 1.0, -0.4]), np.array([0.5, 0.9, 2.0])
    expected = stats.norm(0, 1).logpdf(0.2) + stats.norm(0.2, 2).logpdf(uranium).sum() + stats.norm(1, 1).logpdf(dose).sum()
    expected += stats.norm((uranium + dose)[[1, 0, 1, 2]], 1).logpdf(data["radon"]).sum()
    values = {"m": 0.2, "uranium_empty": uranium[[0, 2]], "dose_empty": np.array([0.9])}
    np.testing.assert_allclose(log_density(bound, values), expected, rtol=1e-12)


def test_the_proof_holds() -> None:
    proofs = prove(
        pplang.compile_text(SURVEY.replace("@centered\n", "").replace("  weighted 1 + age[v]\n", "")).bind(VOTERS),
        points=2,
        prior_draws=200,
    )
    assert {"center", "unconstrain"} <= {one.name for one in proofs}
    assert all(one.holds for one in proofs)


def test_a_fit_keeps_the_cells_under_the_name_of_the_column() -> None:
    from pplang._explain.evidence import evidence

    rng = np.random.default_rng(1)
    x = rng.normal(1, 0.5, 30)
    y = 2 * x + rng.normal(0, 0.2, 30)
    seen_x, seen_y = np.where(np.arange(30) < 3, GAP, x), np.where(np.arange(30) > 27, GAP, y)
    source = """
data Row:
  x : real?
  y : real?

m ~ Normal(0, 1)
s ~ HalfNormal(1)
b ~ Normal(0, 2)
x[i in Row] ~ Normal(m, s)
y[i in Row] ~ Normal(b * x[i], 0.2)
"""
    model = pplang.compile_text(source)
    fit = model.fit({"x": seen_x, "y": seen_y}, method="vi", draws=400)
    assert fit["x"].dims == ("chain", "draw", "X_empty")
    assert fit["x"].coords["X_empty"].values.tolist() == [1, 2, 3]
    assert fit["y"].coords["Y_empty"].values.tolist() == [29, 30]
    for name, truth in (("x", x[:3]), ("y", y[28:])):
        draws = fit.draws(name)[0]
        assert np.all(np.abs(draws.mean(0) - truth) < 4 * draws.std(0))
        assert np.all(draws.std(0) < 0.35)
    np.testing.assert_array_equal(fit.content.groups["observed_data"]["x"].values, seen_x)
    bound = model.bind({"x": seen_x, "y": seen_y}).transported
    ratio = evidence(bound.compiled, fit)["x_empty"]
    assert ratio.labels == ("1", "2", "3")
    assert np.all(ratio.ratio > 1)  # the outcome says more of each cell than the other cells do


def test_a_column_may_be_mentioned_where_its_cell_has_a_value() -> None:
    source = """
data Row:
  x : bool?
  y : real

b ~ Normal(0, 1)
x[i in Row] ~ Bernoulli(0.5)
  where given(x[i])
y[i in Row] ~ Normal(if given(x[i]) then b * x[i] else 0.5, 1)
"""
    bound = pplang.compile_text(source).bind({"x": [1, GAP, 0], "y": [0.2, 0.4, -0.1]})
    expected = stats.norm(0, 1).logpdf(0.7) + 2 * np.log(0.5) + stats.norm([0.7, 0.5, 0], 1).logpdf([0.2, 0.4, -0.1]).sum()
    np.testing.assert_allclose(log_density(bound, {"b": 0.7}), expected, rtol=1e-12)
    with pytest.raises(pplang.Problems) as caught:
        program(source.replace("if given(x[i]) then b * x[i] else 0.5", "if given(x[i]) then 0.5 else b * x[i]"))
    assert [one.code for one in caught.value.diagnostics] == ["R09"]


def test_whoever_uses_an_observed_name_means_the_data_also_where_it_is_left_out() -> None:
    source = """
data Row:
  n : count
  y : real

rate ~ Gamma(2, 1)
n[i in Row] ~ Poisson(rate)
  where y[i] > 0
y[i in Row] ~ Normal(n[i], 1)
"""
    bound = pplang.compile_text(source).bind({"n": [3, 4], "y": [2.0, -1.0]})
    expected = stats.gamma(2).logpdf(1.5) + stats.poisson(1.5).logpmf(3) + stats.norm([3, 4], 1).logpdf([2, -1]).sum()
    np.testing.assert_allclose(log_density(bound, {"rate": 1.5}), expected, rtol=1e-12)


REFUSED = {
    "looks back": "data Week ordered:\n  y : count?\n\ny[t in Week] ~ Poisson(1 + y[t-1])\n  starting Poisson(1)\n",
    "bounds that look back": "data Week ordered:\n  y : real?\n\n"
    "y[t in Week] ~ Truncated(Normal(0, 1), lower = y[t-1])\n  starting Normal(0, 1)\n",
    "joint draw": 'data Row:\n  y[Part] : real? from "y*"\n\nS[i in Part, j in Part] = if i == j then 1 else 0\n'
    "m[k in Part] = 0\ny[i in Row, Part] ~ MultiNormal(m, cov = S)\n",
    "`where`": "data Row:\n  x : real?\n  y : real\n\nx[i in Row] ~ Normal(0, 1)\n  where y[i] > 0\n",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_fitted_is_refused(words: str) -> None:
    found = unsupported(program(REFUSED[words]))
    assert found is not None
    assert words in found.title
