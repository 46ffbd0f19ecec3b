"""Predictions of new rows: against exact conditional answers, and what cannot be predicted is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import pplang
from pplang._diagnostics import Problems
from pplang.cli.main import main

GROUPS = """
data Row:
  g : Group
  x : real
  y : real

a[c in Group] ~ Normal(m, 1.5)
m ~ Normal(0, 2)
b ~ Normal(0, 1)
report line[i in Row] = a[g[i]] + b * (x[i] - mean(x))
y[i in Row] ~ Normal(line[i], 0.5)
"""
OWN = """
data Week ordered by week within shop:
  week  : int
  shop  : Shop
  sales : real

mean[s in Shop] ~ Normal(0, 3)
sales[t in Week] ~ Normal(mean[shop[t]] + 0.7 * (sales[t-1] - mean[shop[t]]), 0.5)
  starting Normal(mean[shop[t]], 2)
"""
TREND = """
data Week ordered:
  sales : real

slope[t in Week] ~ Normal(slope[t-1], 0.3)
  starting Normal(0, 1)
level[t in Week] ~ Normal(level[t-1] + slope[t-1], 0.2)
  starting Normal(10, 2)
sales[t in Week] ~ Normal(level[t], 0.8)
"""
PROCESS = """
data Point:
  x : real
  y : real

K[i in Point, j in Point] = 2 * exp(-abs(x[i] - x[j]))
f[Point] ~ GP(0, cov = K)
y[i in Point] ~ Normal(f[i], 0.5)
"""
MOODS = """
data Step ordered:
  y : real

index Mood = {low, high}

move[m in Mood, n in Mood] = log(if m == low then if n == low then 0.9 else 0.1 else if n == low then 0.3 else 0.7)
first[m in Mood] = 0
mood[t in Step] ~ Categorical(logits = move[mood[t-1]])
  starting Categorical(logits = first)
y[t in Step] ~ Normal(if mood[t] == low then 0 else 2, 1)
"""
COVARIATE = """
data Person:
  age    : positive
  income : real?
  spent  : real

index Part = {one, two}

mid ~ Normal(0, 1)
income[p in Person] ~ Normal(mid, 1)
spent[p in Person] ~ Normal(2 + income[p], 0.3)
"""


@cache
def fitted(model: str, draws: int = 4_000, **data: Any) -> pplang.Fit:
    return pplang.compile_text(model).fit({name: list(values) for name, values in data.items()}, method="vi", draws=draws, seed=1)


def conditional(mean: np.ndarray, cov: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the last elements of a normal vector given its first ones."""
    n = len(seen)
    gain = np.linalg.solve(cov[:n, :n], cov[:n, n:]).T
    return mean[n:] + gain @ (seen - mean[:n]), cov[n:, n:] - gain @ cov[:n, n:]


def agrees(draws: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> None:
    """Draws of a normal vector, (draws, elements): means within 4.5 standard errors, covariances likewise."""
    sd = np.sqrt(np.diag(cov))
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * sd / np.sqrt(len(draws)))
    assert np.all(np.abs(np.cov(draws.T) - cov) < 4.5 * np.sqrt((cov**2 + np.outer(sd, sd) ** 2) / len(draws)))


ROWS = {"g": tuple("aaabbbbc"), "x": (0.0, 1, 2, -1, 0, 1, 2, 3), "y": (1.0, 1.8, 2.1, -2, -1.1, 0.3, 1.2, 4)}


def test_known_groups_have_their_effects_and_new_ones_are_drawn() -> None:
    fit = fitted(GROUPS, **ROWS)
    new = {"g": ["b", "z", "a", "z"], "x": [0.5, 1, 4, -2]}
    made = fit.predict(new)
    old, x = np.array([*ROWS["g"], *new["g"]]), np.array([*ROWS["x"], *new["x"]]) - np.mean(ROWS["x"])
    cov = 4 + 2.25 * (old[:, None] == old) + np.outer(x, x) + 0.25 * np.eye(len(x))
    agrees(made.draws("y")[0], *conditional(np.zeros(len(x)), cov, np.array(ROWS["y"])))
    effects = np.stack([fit["a"].sel(Group="b"), made["a"].sel(Group="z"), fit["a"].sel(Group="a"), made["a"].sel(Group="z")], -1)
    np.testing.assert_allclose(made.draws("line"), effects + fit.draws("b")[..., None] * x[8:], rtol=1e-12)
    own = fit["a"].sel(Group=list(ROWS["g"])).values + fit.draws("b")[..., None] * x[:8]
    np.testing.assert_allclose(
        fit.draws("line"), own, rtol=1e-12
    )  # the likelihood is a few numbers: `line` is computed for the report alone
    assert made["a"].coords["Group"].values.tolist() == ["z"]
    assert made["y"].coords["Row"].values.tolist() == [1, 2, 3, 4]


def test_the_order_of_rows_and_what_they_say_of_the_outcome_do_not_matter() -> None:
    fit = fitted(GROUPS, **ROWS)
    made = fit.predict({"g": ["b", "z"], "x": [0.5, 1], "y": [100.0, 200]})
    assert made.remarks == ("`y` of the new rows is not used: it is what is predicted",)
    np.testing.assert_array_equal(made.draws("y"), fit.predict({"g": ["b", "z"], "x": [0.5, 1]}).draws("y"))
    assert not np.array_equal(made.draws("y"), fit.predict({"g": ["b", "z"], "x": [0.5, 1]}, seed=1).draws("y"))


WEEKS = {"week": (3, 1, 2, 1, 2), "shop": tuple("aaabb"), "sales": (2.0, 1, 3, -1, -2)}


def test_a_column_that_looks_back_at_itself_goes_on_from_the_last_row_of_its_group() -> None:
    made = fitted(OWN, **WEEKS).predict({"week": [5, 3, 1, 4], "shop": ["a", "b", "c", "a"]})
    # As a linear map of the mean (sd 3), the first value's own part (sd 2) and steps (sd 0.5); of one shop, in order.
    parts = np.zeros((5, 6))
    parts[0, :2] = 3, 2
    for t in range(1, 5):
        parts[t] = 0.7 * parts[t - 1]
        parts[t, 0] += 0.3 * 3
        parts[t, t + 1] = 0.5
    cov = parts @ parts.T
    draws = made.draws("sales")[0]
    agrees(draws[:, [3, 0]], *conditional(np.zeros(5), cov, np.array([1.0, 3, 2])))
    agrees(draws[:, [1]], *conditional(np.zeros(3), cov[:3, :3], np.array([-1.0, -2])))
    assert abs(draws[:, 2].std() - np.sqrt(13)) < 0.2


def test_coupled_states_go_on_together() -> None:
    made = fitted(TREND, sales=(9.5, 10.2, 11.4, 11.8, 13.1, 14.0)).predict({"week": [1, 2, 3]})
    levels = np.zeros((9, 20))
    slopes = np.zeros((9, 20))
    levels[0, 0], slopes[0, 1] = 2, 1
    for t in range(1, 9):
        levels[t], slopes[t] = levels[t - 1] + slopes[t - 1], slopes[t - 1]
        levels[t, 2 * t], slopes[t, 2 * t + 1] = 0.2, 0.3
    joint = np.concatenate([levels[:6], levels, slopes])
    cov = joint @ joint.T
    cov[:6, :6] += 0.64 * np.eye(6)
    mean = np.concatenate([np.full(15, 10.0), np.zeros(9)])
    expected, spread = conditional(mean, cov, np.array([9.5, 10.2, 11.4, 11.8, 13.1, 14.0]))
    chosen = np.r_[6:9, 15:18]
    agrees(np.concatenate([made.draws("level")[0], made.draws("slope")[0]], -1), expected[chosen], spread[np.ix_(chosen, chosen)])


def test_a_process_is_drawn_given_its_values_at_the_points_of_the_fit() -> None:
    x, new, y = np.array([0.0, 1, 2, 3.5]), np.array([0.5, 2.01, 9]), np.array([1.0, 0.2, -1, 0.4])
    draws = fitted(PROCESS, x=tuple(x), y=tuple(y)).predict({"x": new}).draws("f")[0]
    at = np.concatenate([x, new])
    cov = 2 * np.exp(-np.abs(at[:, None] - at)) + 2e-6 * np.eye(7)
    cov[:4, :4] += 0.25 * np.eye(4)
    agrees(draws, *conditional(np.zeros(7), cov, y))


def test_a_process_on_a_basis_keeps_its_functions() -> None:
    fit = pplang.compile_text(PROCESS.replace("abs(x[i] - x[j])", "(x[i] - x[j])^2").replace("cov = K)", "cov = K, basis = 6)")).fit(
        {"x": [0.0, 1, 2, 3.5], "y": [1.0, 0.2, -1, 0.4]}, method="svi", steps=1, draws=20
    )
    made = fit.predict({"x": [2.0, 4.1, 0.0]})
    np.testing.assert_allclose(made.draws("f")[..., [0, 2]], fit.draws("f")[..., [2, 0]], rtol=1e-12)
    with pytest.raises(Problems, match="f_inside"):  # beyond its boundary there is no process
        fit.predict({"x": [2.0, 9.0, 0.0]})


def test_a_hidden_state_goes_on_from_the_last_one() -> None:
    y = (0.1, 2.2, 1.9, 1.4)
    made = fitted(MOODS, y=y).predict({"step": [1, 2, 3]})
    move, filtered = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0.5, 0.5])
    for place, value in enumerate(y):
        filtered = (filtered if place == 0 else filtered @ move) * stats.norm.pdf(value, [0, 2], 1)
        filtered /= filtered.sum()
    high = [(filtered @ np.linalg.matrix_power(move, steps))[1] for steps in (1, 2, 3)]
    draws = made.draws("mood")[0]
    np.testing.assert_allclose(draws.mean(0), high, atol=4.5 * 0.5 / np.sqrt(len(draws)))
    assert made.members == {"mood": ["low", "high"]}
    assert abs(np.mean(draws[:, 1] == draws[:, 0]) - (high[0] * 0.7 + (1 - high[0]) * 0.9)) < 4.5 * 0.5 / np.sqrt(len(draws))
    np.testing.assert_allclose(made.draws("y")[0][:, 2].mean(), 2 * high[2], atol=0.12)


PEOPLE = {"age": (30.0, 31, 32, 33, 34), "income": (1.0, float("nan"), 0.4, float("nan"), 2), "spent": (3.1, 2.2, 2.4, 3.3, 4.1)}


def test_covariates_with_a_relation_are_used_where_given_and_else_drawn() -> None:
    fit = fitted(COVARIATE, **PEOPLE)
    made = fit.predict({"income": [5.0, float("nan")]})
    np.testing.assert_array_equal(made.draws("income")[..., 0], 5)
    agrees(made.draws("spent")[0][:, :1], np.array([7.0]), np.array([[0.09]]))
    mid = fit.draws("mid")
    assert abs(made.draws("income")[0, :, 1].std() - np.sqrt(1 + mid.var())) < 0.1
    absent = fit.predict({"age": [1.0, 2]})
    assert absent.remarks == ("the new rows have no `income`: it is drawn from its relation",)
    np.testing.assert_allclose(absent.draws("income").mean(), mid.mean(), atol=0.1)


RECORDED = """
data Row:
  x : real
  y : real

b ~ Normal(0, 1)
y[i in Row] ~ Censored(Normal(b * log(x[i]), 0.1), right = y[i] >= 1)
  where x[i] > 0
"""


def test_an_outcome_is_predicted_whole_and_only_where_it_is_defined() -> None:
    fit = pplang.compile_text(RECORDED).fit({"x": [1.0, 4, -1], "y": [0.1, 1, 0]}, method="svi", steps=1, draws=50)
    draws = fit.predict({"x": [-2.0, np.exp(100)]}).draws("y")
    assert np.isnan(draws[..., 0]).all()
    np.testing.assert_allclose(draws[..., 1], 100 * fit.draws("b"), atol=0.6)


# What is told -------------------------------------------------------------------------------------------------------------

BAD = {
    "a column that is needed": (GROUPS, ROWS, {"g": ["a"], "z": [1.0]}, "C03", "no column x"),
    "text for a number": (GROUPS, ROWS, {"g": ["a"], "x": ["tall"]}, "C04", "tall"),
    "an empty cell": (GROUPS, ROWS, {"g": ["a", "b"], "x": [1.0, float("nan")]}, "C01", "empty"),
    "a row within the series": (OWN, WEEKS, {"week": [2], "shop": ["a"]}, "C52", "last row of a"),
    "two rows of one place": (OWN, WEEKS, {"week": [7, 7], "shop": ["a", "a"]}, "C45", "both have 7"),
}


@pytest.mark.parametrize("name", BAD)
def test_rows_that_do_not_fit_the_model(name: str) -> None:
    model, data, new, code, words = BAD[name]
    with pytest.raises(pplang.Problems) as raised:
        fitted(model, **data).predict(new)
    assert raised.value.diagnostics[0].code == code
    assert words in str(raised.value)


def made_fit(model: str, **data: Any) -> pplang.Fit:
    """A fit of a few steps: enough to see what is refused."""
    return pplang.compile_text(model).fit(method="svi", steps=1, draws=2, **data)


def test_what_has_no_new_members() -> None:
    fit = made_fit(
        """
data Shop:
  shop : key
  size : real

data Sale:
  shop : Shop
  kind : Kind
  area : Area
  y    : real

index Area = {north, south}

share[Kind] ~ Dirichlet(1)
free[k in Kind] ~ Flat()
total[k in Kind] = sum(y[i] for i in Sale if kind[i] == k)
y[i in Sale] ~ Normal(size[shop[i]] + share[kind[i]] + free[kind[i]] + (if area[i] == north then 1 else 0), 1)
""",
        tables={
            "Shop": {"shop": ["a", "b"], "size": [1.0, 2]},
            "Sale": {"shop": ["a", "a", "b"], "kind": ["u", "v", "u"], "area": ["north", "south", "south"], "y": [1.0, 2, 3]},
        },
    )

    def told(**tables: Any) -> str:
        with pytest.raises(pplang.Problems) as raised:
            fit.predict(tables=tables)
        return str(raised.value)

    sale = {"shop": ["b"], "kind": ["v"], "area": ["south"]}
    assert fit.predict(tables={"Sale": sale}).names == ("y",)
    joint = told(Sale=sale | {"kind": ["w"]})
    assert "F40" in joint and "`share` has no new members: all of Kind are drawn together" in joint
    assert "labels without their row in the table Shop" in told(Sale=sale | {"shop": ["c"]})
    assert "labels that Area does not have" in told(Sale=sale | {"area": ["west"]})
    assert "rows of the table Shop that the fit had" in told(Sale=sale, Shop={"shop": ["b"], "size": [1.0]})
    assert fit.predict(tables={"Sale": sale | {"shop": ["c"]}, "Shop": {"shop": ["c"], "size": [1.0]}}).names == ("y",)


def test_the_file_follows_arviz_and_the_commands_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import arviz_base  # noqa: F401
    import xarray

    fitted(GROUPS, **ROWS).save(tmp_path / "rows.fit.nc")
    (tmp_path / "new.csv").write_text("g,x\nb,0.5\nz,1\n")
    target = tmp_path / "new.nc"
    assert main(["predict", str(tmp_path / "rows.fit.nc"), str(tmp_path / "new.csv"), "-o", str(target), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "predictions for new rows; 4,000 draws" in printed and "y[2]" in printed
    tree = xarray.open_datatree(target)
    assert set(tree.children) == {"predictions", "predictions_constant_data", "pplang"}
    assert dict(tree["predictions"].sizes) == {"chain": 1, "draw": 4000, "Group": 1, "Row": 2}
    assert tree["predictions_constant_data"]["x"].values.tolist() == [0.5, 1]
    expected = fitted(GROUPS, **ROWS).predict({"g": ["b", "z"], "x": [0.5, 1]})
    np.testing.assert_array_equal(tree["predictions"]["y"].values, expected.draws("y"))
    tree.close()
    assert main(["summary", str(target)]) == 0
    assert capsys.readouterr().out == printed
    assert main(["draws", str(target), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("chain,draw,a[z],line[1],line[2],y[1],y[2]\n")
    assert main(["predict", str(target), str(tmp_path / "new.csv")]) == 1


@pytest.mark.slow
def test_held_out_rows_are_covered_as_often_as_they_should_be() -> None:
    """Data from the prior, a fit of some rows, and the rank of each other row (half of them of new groups) among its predictions."""
    model = pplang.compile_text(
        """
data Row:
  g : Group
  y : real

s ~ HalfNormal(1)
m ~ Normal(0, 1)
a[c in Group] ~ Normal(m, s)
y[i in Row] ~ Normal(a[g[i]], 0.5)
"""
    )
    rng = np.random.default_rng(5)
    known, new = [], []
    for seed in range(100):
        effects = rng.normal() + abs(rng.normal()) * rng.normal(size=8)
        groups = np.repeat(np.arange(6), 4)
        seen = {"g": [f"g{one}" for one in groups], "y": effects[groups] + 0.5 * rng.normal(size=24)}
        asked = np.array([0, 5, 6, 7])
        later = effects[asked] + 0.5 * rng.normal(size=4)
        draws = model.fit(seen, draws=300, chains=2, seed=seed).predict({"g": [f"g{one}" for one in asked]}, seed=seed).draws("y")
        below = (draws.reshape(-1, 4) < later).mean(0)
        known += below[:2].tolist()
        new += below[2:3].tolist()  # two new groups of one fit share its m and s
    assert stats.kstest(known, "uniform").pvalue > 1e-3
    assert stats.kstest(new, "uniform").pvalue > 1e-3
