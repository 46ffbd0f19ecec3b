"""Normal likelihoods as statistics: the same density, whatever the rows, and only where it saves something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pplang
from pplang._ir import expression as ire
from pplang._ir.text import text
from pplang._lower.support import triangles
from pplang._model import Bound
from pplang._passes import collapse
from pplang._passes.plan import Rewrite, Stage
from pplang._prove import prove

TOP = """
data Home:
  county : County
  kind   : Kind
  floor  : real
  age    : real
  x[M]   : real from "x_*"
  soil   : real per County
  y      : real

a[c in County] ~ Normal(0, 1)
k[t in Kind]   ~ Normal(0, 1)
b              ~ Normal(0, 1)
u              ~ Normal(0, 1)
beta[m in M]   ~ Normal(0, 1)
sigma          ~ HalfNormal(1)
tau[c in County] ~ HalfNormal(1)
"""

MEANS = {
    "one number": "b",
    "by group": "a[county[i]]",
    "regression": "b + u * floor[i]",
    "slopes, and data that the group determines": "a[county[i]] + b * soil[county[i]] + u * floor[i]",
    "products of sums, signs, quotients": "(a[county[i]] - b * age[i] / 10) * (2 - floor[i]) / 3 - (u - 1)",
    "an offset": "0.5 * age[i] + a[county[i]] - 3",
    "a definition of the row's own": "base[i] * floor[i] + base[i]",
    "coefficients over a set": "b + sum(x[i, m] * beta[m] for m in M)",
    "coefficients twice, scaled": "sum(x[i, m] * beta[m] for m in M) + floor[i] - 2 * sum(beta[k] * x[i, k] for k in M) * u",
    "coefficients that all rows share": "sum(beta) + sum(beta[m] * floor[i] for m in M) + exp(a[county[i]])",
    "computed coefficients": "sum((x[i, m] - age[i]) * beta[m] for m in M) + b",
    "a branch by a category": "(if kind[i] == v then b else u) + a[county[i]] * floor[i]",
}
LISTED = "a[county[i]] + sum(x[i, m] * beta[m] for m in M)"
SCALES = {"one": "sigma", "by group": "tau[county[i]]", "known": "0.7"}


def model(mean: str, scale: str) -> pplang.Model:
    more = "base[i in Home] = a[county[i]] + u * age[i]\n" if "base" in mean else ""
    return pplang.compile_text(f"{TOP}{more}y[i in Home] ~ Normal({mean}, {scale})\n")


def homes(rows: int = 60, *, noise: float = 1.0, size: float = 1.0) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    county = rng.integers(0, 5, rows)
    county[:5] = range(5)
    floor = rng.normal(size=rows)
    columns = {f"x_{name}": rng.normal(size=rows) for name in "pqr"}
    y = size * (1 + county + floor) + noise * rng.normal(size=rows)
    return {
        "county": [f"c{one}" for one in county],
        "kind": list(rng.choice(["v", "w"], rows)),
        "floor": floor,
        "age": rng.normal(size=rows),
        "soil": np.array([0.3, -1, 2, 0.1, 4])[county],
        "y": y,
        **columns,
    }


def densities(bound: Bound, points: int = 2, seed: int = 0) -> np.ndarray:
    """At some points of the free coordinates, op by op."""
    import jax

    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        return np.array([float(bound.log_density(rng.normal(size=bound.size))) for _ in range(points)])


def stage(bound: Bound) -> Stage:
    return next(one for one in bound.compiled.stages if one.name == "collapse")


@pytest.mark.parametrize("mean", MEANS.values(), ids=MEANS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_density_is_the_same_and_the_program_reads_as_itself(mean: str, scale: str) -> None:
    made, data = model(mean, scale), homes()
    bound = made.bind(data)
    (choice,) = stage(bound).choices
    assert choice.action == "collapse", choice
    assert "y" not in stage(bound).program.site
    assert np.allclose(densities(bound), densities(made.bind(data, without=["collapse"])), rtol=1e-10, atol=0)
    again = pplang.compile_text(text(stage(bound).program))
    assert again.program == stage(bound).program
    assert collapse.apply(again.program, collapse.decide(again.program)).program == again.program


def test_a_printed_program_is_the_same_model() -> None:
    made, data = model(MEANS["coefficients over a set"], "tau[county[i]]"), homes()
    bound = made.bind(data)
    again = pplang.compile_text(text(stage(bound).program)).bind(data)
    assert np.allclose(densities(bound), densities(again), rtol=1e-12)


@pytest.mark.parametrize(
    "made_of", ["{p, q, r}", "Base + Slope\nindex Base = {p}\nindex Slope = {q, r}", "without(All, s)\nindex All = {p, q, r, s}"]
)
def test_coefficients_over_listed_labels_read_as_themselves(made_of: str) -> None:
    """In a list over a sum of sets their columns stand one by one."""
    made, data = pplang.compile_text(f"{TOP}index M = {made_of}\ny[i in Home] ~ Normal({LISTED}, sigma)\n"), homes()
    bound = made.bind(data)
    assert stage(bound).choices[0].action == "collapse"
    again = pplang.compile_text(text(stage(bound).program))
    assert again.program == stage(bound).program
    assert np.allclose(densities(bound), densities(made.bind(data, without=["collapse"])), rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("mean", "scale", "why"),
    [
        ("exp(b * floor[i])", "sigma", "not linear"),
        ("b + u * floor[i]", "sigma * exp(age[i])", "differs from row to row"),
        ("sum(x[i, m] * beta[m] for m in M) * sum(x[i, m] * beta[m] for m in M)", "sigma", "product of sums"),
        ("floor[i]", "sigma", "its mean is known"),
        ("b / (a[county[i]] + floor[i])", "sigma", "divides"),
    ],
)
def test_what_cannot_be_collapsed_is_left_with_a_reason(mean: str, scale: str, why: str) -> None:
    (choice,) = collapse.decide(model(mean, scale).program)
    assert choice.action == "leave"
    assert why in choice.reason


def test_an_unknown_that_is_multiplied_by_zero_stays_in_the_likelihood() -> None:
    """Without it a definite density would lose one of its unknowns."""
    program = pplang.compile_text("data Row:\n  y : real\n\nx ~ Normal(0, 1)\ny[i in Row] ~ Normal(0 * x, 1)\n").program
    (choice,) = collapse.decide(program)
    assert (choice.action, choice.reason) == ("leave", "x is multiplied by zero")


def test_each_row_with_its_own_unknown_is_left() -> None:
    made = pplang.compile_text("data Row:\n  y : real\n  s : positive\nt[r in Row] ~ Normal(0, 1)\ny[r in Row] ~ Normal(t[r], 1)\n")
    (choice,) = collapse.decide(made.program)
    assert (choice.action, choice.reason) == ("leave", "each row has unknowns of its own")


def test_groups_nearly_as_many_as_rows_are_left() -> None:
    made = model(MEANS["by group"], "sigma")
    (few,) = stage(made.bind(homes(6))).choices
    assert few.action == "leave"
    assert few.reason == "its 6 rows would become 6 numbers"
    (many,) = stage(made.bind(homes(60))).choices
    assert many.action == "collapse"


def test_two_groupings_are_collapsed_where_the_data_say_that_it_pays() -> None:
    made = model("a[county[i]] + k[kind[i]] + b * floor[i]", "tau[county[i]]")
    (blind,) = collapse.decide(made.program)
    assert blind.action == "leave"
    data = homes(200)
    bound = made.bind(data)
    (choice,) = stage(bound).choices
    assert choice.action == "collapse"
    assert "say all that its 200 rows do" in choice.reason
    assert np.allclose(densities(bound), densities(made.bind(data, without=["collapse"])), rtol=1e-10)


PLATES = """
input y[Person, Time] : real
index Person = 1..4
index Time = 1..9

m ~ Normal(0, 1)
t[p in Person] ~ Normal(m, 1)
slope[p in Person] ~ Normal(0, 1)
sigma[p in Person] ~ HalfNormal(1)
y[p in Person, j in Time] ~ Normal(t[p] + slope[p] * j, sigma[p])
"""


def test_a_plate_of_the_rows_is_a_grouping_too() -> None:
    made = pplang.compile_text(PLATES)
    inputs = {"y": np.random.default_rng(0).normal(size=(4, 9))}
    bound = made.bind(inputs=inputs)
    assert stage(bound).choices[0].action == "collapse"
    assert np.allclose(densities(bound), densities(made.bind(inputs=inputs, without=["collapse"])), rtol=1e-10)


def test_small_residuals_of_large_outcomes_keep_their_digits() -> None:
    """Residuals of 1e-6 of the outcome's size, where yy - 2 ay + aa would have no correct digit left. The reference is in long doubles."""
    made, data = model("a[county[i]] + u * floor[i]", "sigma"), homes(noise=1e-3, size=1e3)
    bound = made.bind(data)
    latents = {"a": 1e3 * np.arange(1, 6) + 1e-3, "u": np.array(1e3 + 2e-3), "sigma": np.array(1e-3)}
    import jax

    with jax.enable_x64(True):
        found = float(bound.log_density(bound.unconstrain(latents)))
    exact = {name: np.asarray(value, np.longdouble) for name, value in latents.items()}
    county = np.array([int(one[1:]) for one in data["county"]])
    residual = np.asarray(data["y"], np.longdouble) - exact["a"][county] - exact["u"] * np.asarray(data["floor"], np.longdouble)
    likelihood = float(np.sum(-(residual**2) / (2 * exact["sigma"] ** 2) - np.log(exact["sigma"]) - np.log(2 * np.longdouble(np.pi)) / 2))
    others = _normal(latents["a"]) + _normal(latents["u"]) + _half_normal_free(latents["sigma"])
    assert abs(found - (likelihood + others)) <= 1e-8 * abs(likelihood)


def _normal(value: np.ndarray) -> float:
    return float(np.sum(-(value**2) / 2 - np.log(2 * np.pi) / 2))


def _half_normal_free(value: np.ndarray) -> float:
    """The density of HalfNormal(1) in log(value)."""
    return float(-(value**2) / 2 + np.log(2) - np.log(2 * np.pi) / 2 + np.log(value))


# A wrong pass is found ---------------------------------------------------------------------------------------------


def wrong(bound: Bound, change: Any) -> Bound:
    """The bound model whose `collapse` gives another program."""
    stages = tuple(
        replace(one, rewrite=Rewrite(change(one.program))) if one.name == "collapse" else one
        for one in bound.compiled.stages
        if one.name in ("forward", "collapse")
    )
    return Bound(bound.model, replace(bound.compiled, stages=stages), bound.dataset)


def without_the_rest(program: Any) -> Any:
    """Neither the residuals that no column explains nor the constants of the rows that are gone."""
    return replace(program, factors=())


def without_residuals(program: Any) -> Any:
    """What no column explains is forgotten."""
    return program.with_sites(tuple(one for one in program.sites if one.name != "y_common"))


def wrong_group(program: Any) -> Any:
    """All rows go to the group of the kind of that number."""
    root = program.site["y_root"]
    first = ire.Reference("county", (ire.Variable("i"),))
    condition = ire.Compare("!=", first, ire.Variable("c"))
    changed = replace(root, right=replace(root.right, condition=condition))
    return program.with_sites(tuple(changed if one is root else one for one in program.sites))


def precision_for_scale(program: Any) -> Any:
    seen = program.site["y_seen"]
    scale = ire.Product((("*", ire.Number(1)), ("/", ire.Reference("sigma"))))
    right = replace(seen.right, arguments=(seen.right.arguments[0], ("sd", scale)))
    return program.with_sites(tuple(replace(one, right=right) if one is seen else one for one in program.sites))


def test_the_proof_holds() -> None:
    bound = wrong(model("a[county[i]] + b * floor[i]", "sigma").bind(homes()), lambda program: program)
    (proof,) = prove(bound, points=2, prior_draws=10)
    assert proof.name == "collapse"
    assert proof.density < 1e-12


@pytest.mark.parametrize("change", [without_the_rest, without_residuals, wrong_group, precision_for_scale])
def test_a_wrong_rewriting_is_found(change: Any) -> None:
    bound = wrong(model("a[county[i]] + b * floor[i]", "sigma").bind(homes()), change)
    assert not all(one.holds for one in prove(bound, points=2, prior_draws=10))


# Triangles -----------------------------------------------------------------------------------------------------------


def test_triangles_have_the_cross_products_of_their_rows() -> None:
    rng = np.random.default_rng(1)
    rows, first, second = rng.normal(size=(300, 3)), rng.integers(0, 4, 300), rng.integers(0, 30, 300)
    second[first == 1] = 7  # some groups are empty, some have fewer rows than columns
    kept = rng.random(300) < 0.8
    found = triangles(rows, (first, second), (4, 30), where=kept)
    assert found.shape == (4, 30, 3, 3)
    assert (np.tril(found, -1) == 0).all()
    assert (np.diagonal(found, axis1=2, axis2=3) >= 0).all()
    for i in range(4):
        for j in range(30):
            chosen = rows[kept & (first == i) & (second == j)]
            assert np.allclose(found[i, j].T @ found[i, j], chosen.T @ chosen, atol=1e-12)


def test_triangles_of_no_rows_are_zero() -> None:
    assert (triangles(np.zeros((0, 2)), (), ()) == np.zeros((2, 2))).all()
