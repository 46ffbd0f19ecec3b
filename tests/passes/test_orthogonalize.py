"""Coordinates of orthogonal columns: the same density for any rows and priors, found wrong when it is, and only for designs of full rank."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pplang
from pplang._diagnostics import Problems, render
from pplang._explain.sentences import explanation
from pplang._ir import expression as ire
from pplang._ir.text import text
from pplang._model import Bound
from pplang._passes import orthogonalize
from pplang._passes.plan import Rewrite, Stage
from pplang._plan_file import Plan, fingerprint, of
from pplang._prove import prove

TOP = """
data Home:
  county : County
  x      : real
  z      : real
  w[M]   : real from "w_*"
  y      : {kind}

index Coef = 1..3
index Part = {{base, slope}}

"""
PRIORS = {
    "a number": "a ~ Normal(1, 2)\n",
    "numbers": "a ~ Normal(1, 2)\nb ~ StudentT(4, 0, 3)\n",
    "members": "beta[k in Coef] ~ Normal(k, 2)\n",
    "labels": "gamma[k in Part] ~ Normal(if k == base then 3 else 0, 2)\n",
    "a table": "delta[m in M] ~ Laplace(0, 1)\n",
    "flat": "a ~ Flat()\nbeta[k in Coef] ~ Flat()\n",
}
PREDICTORS = {
    "numbers": ("numbers", "a + b * x[i]"),
    "labels": ("labels", "gamma[base] * x[i] - gamma[slope] * (z[i] - 1)"),
    "a sum over labels, and a number": ("a number,labels", "a - sum((if k == base then x[i] else z[i]) * gamma[k] for k in Part)"),
    "members": ("members", "beta[1] + beta[2] * x[i] + beta[3] * x[i] * z[i]"),
    "a number and a table": ("a number,a table", "a + sum(w[i, m] * delta[m] for m in M)"),
    "computed columns of two tables": ("numbers,members,a table", "a + b * x[i]^2 + sum(x[i]^(k+2) * beta[k] for k in Coef) + sum((w[i, m] - z[i]) * delta[m] for m in M)"),
    "flat, and definitions": ("flat", "base[i] + beta[3] * x[i] * z[i]"),
    "beside others": ("numbers", "a + b * x[i] + u[county[i]]"),
}  # fmt: skip
FAMILIES = {
    "normal": ("real", "Normal({}, 0.7)"),
    "logit": ("bool", "Bernoulli(logit = {})"),
    "log": ("count", "Poisson(exp({}))"),
    "robust": ("real", "StudentT(4, {}, 2)"),
}


def model(predictor: str, family: str) -> pplang.Model:
    priors, mean = PREDICTORS[predictor]
    kind, likelihood = FAMILIES[family]
    more = "u[c in County] ~ Normal(0, 1)\n" if "u[" in mean else ""
    more += "base[i in Home] = a + beta[1] * x[i] + beta[2] * z[i]\n" if "base[i]" in mean else ""
    drawn = "".join(PRIORS[one] for one in priors.split(","))
    return pplang.compile_text(f"{TOP.format(kind=kind)}{drawn}{more}y[i in Home] ~ {likelihood.format(mean)}\n")


def homes(rows: int = 40, kind: str = "real") -> dict[str, Any]:
    rng = np.random.default_rng(2)
    x = 3 + rng.normal(size=rows)
    outcome = {"real": rng.normal(size=rows), "bool": rng.random(rows) < 0.5, "count": rng.poisson(2.0, rows)}[kind]
    county = [f"c{n % 3}" for n in range(rows)]
    wide = {f"w_{name}": x + 0.1 * rng.normal(size=rows) for name in "pqr"}
    return {"county": county, "x": x, "z": 0.99 * x + 0.1 * rng.normal(size=rows), "y": outcome, **wide}


def asked(made: pplang.Model, action: str = "orthogonalize", site: str = "y") -> Plan:
    """A plan that settles the pass."""
    entries = [{"site": site, "action": action}]
    return of({"model": fingerprint(made.program), "plan": {"orthogonalize": entries}}, made.program, "plan.json")


def stage(bound: Bound) -> Stage:
    return next(one for one in bound.compiled.stages if one.name == "orthogonalize")


def bound_of(predictor: str, family: str = "logit", **options: Any) -> Bound:
    made = model(predictor, family)
    return made.bind(homes(kind=FAMILIES[family][0]), plan=asked(made), **options)


def only(bound: Bound) -> Bound:
    """Without the passes after it."""
    place = [one.name for one in bound.compiled.stages].index("orthogonalize")
    return Bound(bound.model, replace(bound.compiled, stages=bound.compiled.stages[: place + 1]), bound.dataset)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_the_proof_holds_and_the_program_reads_as_itself(predictor: str) -> None:
    bound = bound_of(predictor)
    (choice,) = stage(bound).choices
    assert choice.action == "orthogonalize"
    for one in prove(only(bound), points=2, prior_draws=0):
        assert one.holds, one
        assert one.jacobian is not None
    made = stage(bound).program
    again = pplang.compile_text(text(made)).program
    assert again == made
    assert orthogonalize.apply(again, orthogonalize.decide(again, sizes=bound.dataset.sizes)).program == again
    assert not orthogonalize.decide(again)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_gets_along_with_the_passes_after_it(family: str) -> None:
    bound = bound_of("beside others", family)
    for one in prove(bound.transported, points=2, prior_draws=50):
        assert one.holds, one


def test_columns_are_orthogonal_and_of_unit_size_in_the_coordinates() -> None:
    """The predictor of each row, as a linear map of the coordinates, has the same length in each of them and no correlations."""
    bound = bound_of("computed columns of two tables")
    names = stage(bound).program
    known = {**bound.dataset.values(), **bound.transformed_arguments}
    inverse = np.asarray(known["y_inverse"])
    data = homes()
    x, z = np.asarray(data["x"]), np.asarray(data["z"])
    wide = np.stack([np.asarray(data[f"w_{name}"]) - z for name in "pqr"], 1)
    columns = np.column_stack([np.ones_like(x), x**2, x**3, x**4, x**5, wide])
    assert [site.name for site in names.sites if site.role == "latent"] == ["a_turned", "b_turned", "beta_turned", "delta_turned"]
    turned = columns @ inverse
    np.testing.assert_allclose(turned.T @ turned / len(x), np.eye(8), atol=1e-8)
    assert (np.tril(inverse, -1) == 0).all()


# A wrong pass is found -------------------------------------------------------------------------------------------------


def wrong(bound: Bound, change: Any) -> Bound:
    """The bound model with the rewriting spoilt."""
    bound = only(bound)
    stages = tuple(replace(one, rewrite=change(one.rewrite)) if one.name == "orthogonalize" else one for one in bound.compiled.stages)
    return Bound(bound.model, replace(bound.compiled, stages=stages), bound.dataset)


def other_sign(rewrite: Rewrite) -> Rewrite:
    """The declared Jacobian is that of the way back."""
    return replace(rewrite, log_jacobian=tuple(ire.Negate(one) for one in rewrite.log_jacobian))


def no_jacobian_in_the_density(rewrite: Rewrite) -> Rewrite:
    (factor,) = rewrite.program.factors
    assert isinstance(factor.value, ire.Sum)
    (_, first), *_ = factor.value.terms
    return replace(rewrite, program=replace(rewrite.program, factors=(replace(factor, value=first),)))


def no_prior(rewrite: Rewrite) -> Rewrite:
    (factor,) = rewrite.program.factors
    (term,) = rewrite.log_jacobian
    return replace(rewrite, program=replace(rewrite.program, factors=(replace(factor, value=term),)))


def transposed(rewrite: Rewrite) -> Rewrite:
    """R' in the place of R^-1."""
    changed = []
    for site in rewrite.program.sites:
        if site.name == "y_inverse":
            site = replace(site, right=ire.Call("inverse", (ire.Reference("y_transposed"),)))
            turn = next(one for one in rewrite.program.sites if one.name == "y_turn")
            assert isinstance(turn.right, ire.Product)
            (first, entry), *rest = turn.right.factors
            assert isinstance(entry, ire.Reference)
            other = replace(turn, name="y_transposed", right=ire.Product(((first, replace(entry, indices=entry.indices[::-1])), *rest)))
            changed.append(other)
        changed.append(site)
    return replace(rewrite, program=rewrite.program.with_sites(tuple(changed)))


def forgotten_rows(rewrite: Rewrite) -> Rewrite:
    """A coefficient without what the columns after its own say of it."""
    sites = []
    for site in rewrite.program.sites:
        if site.role == "deterministic" and site.level == "model" and isinstance(site.right, ire.Sum):
            site = replace(site, right=site.right.terms[0][1])
        sites.append(site)
    return replace(rewrite, program=rewrite.program.with_sites(tuple(sites)))


@pytest.mark.parametrize("change", [other_sign, no_jacobian_in_the_density, no_prior, transposed, forgotten_rows])
def test_a_wrong_rewriting_is_found(change: Any) -> None:
    assert not all(one.holds for one in prove(wrong(bound_of("a number and a table"), change), points=2, prior_draws=0))


# When ------------------------------------------------------------------------------------------------------------------

MANY = """
data Row:
  x[K] : real from "x_*"
  y    : bool

a ~ Normal(0, 5)
beta[k in K] ~ Normal(0, 5)
y[i in Row] ~ Bernoulli(logit = a + sum(x[i, k] * beta[k] for k in K))
"""


def many(columns: int, rows: int = 130, *, twice: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found = {f"x_{k}": rng.normal(size=rows) for k in range(columns)}
    if twice:
        found["x_1"] = 2 * found["x_0"]
    return {**found, "y": rng.random(rows) < 0.5}


def test_designs_that_the_engines_do_not_hold_whole_are_turned() -> None:
    made = pplang.compile_text(MANY)
    (blind,) = orthogonalize.decide(made.program)
    assert blind.action == "leave"
    (few,) = stage(made.bind(many(99))).choices
    assert (few.action, few.reason) == ("leave", "the engines hold the covariance of its 100 coefficients whole")
    bound = made.bind(many(100))
    (choice,) = stage(bound).choices
    assert choice.action == "orthogonalize"
    assert "of 101 coefficients" in choice.reason
    assert dict(choice.numbers)["condition"] > 1
    assert "condition number" in choice.reason
    assert "y: its coefficients in coordinates of orthogonal columns; of 101 coefficients" in explanation(bound.compiled).text()
    (kept,) = stage(made.bind(many(100), plan=asked(made, "leave"))).choices
    assert (kept.action, kept.reason) == ("leave", "fixed by the plan")
    assert [one.name for one in made.bind(many(100), without=["orthogonalize"]).compiled.stages][3] != "orthogonalize"
    (same,) = next(one for one in bound.transported.compiled.stages if one.name == "orthogonalize").choices
    assert same == choice


def test_designs_without_full_rank_and_with_proper_priors_are_left_with_the_reason() -> None:
    made = pplang.compile_text(MANY)
    (choice,) = stage(made.bind(many(100, twice=True))).choices
    assert choice.action == "leave"
    assert choice.reason == "its 101 columns have rank 100: in some direction only the priors know the coefficients"
    (wide,) = stage(made.bind(many(140))).choices
    assert (wide.action, wide.reason[:38]) == ("leave", "it has 141 coefficients and 130 rows: ")
    with pytest.raises(Problems, match="I83"):
        made.bind(many(100, twice=True), plan=asked(made))


def test_annotations_and_other_forms_are_left_alone() -> None:
    for prior in ("@centered\na ~ Normal(0, 1)", "a ~ Normal(s, 1)", "a ~ HalfNormal(1)", "a ~ Truncated(Normal(0, 1), lower = 0)"):
        program = pplang.compile_text(
            f"{TOP.format(kind='real')}s ~ Normal(0, 1)\n{prior}\nb ~ Normal(0, 1)\ny[i in Home] ~ Normal(a + b * x[i], 1)\n"
        ).program
        assert not orthogonalize.decide(program), prior
    twice = pplang.compile_text(f"{TOP.format(kind='real')}a ~ Flat()\nb ~ Flat()\ny[i in Home] ~ Normal(a + b * x[i] + a * b * z[i], 1)\n")
    assert len(orthogonalize.decide(twice.program)) <= 1


def test_a_plan_cannot_ask_for_what_there_is_not() -> None:
    """`@centered` keeps a coefficient as it is: the plan and the annotation contradict each other."""
    made = pplang.compile_text(
        f"{TOP.format(kind='real')}@centered\na ~ Normal(0, 1)\nb ~ Normal(0, 1)\ny[i in Home] ~ Normal(a + b * x[i], 1)\n"
    )
    with pytest.raises(Problems, match="I83"):
        made.bind(homes(), plan=asked(made))
    made = model("numbers", "normal")
    with pytest.raises(Problems, match="I83"):
        made.bind(homes(), plan=asked(made, "turn"))


# Rank ------------------------------------------------------------------------------------------------------------------

FLAT = """
data Row:
  warm : bool
  cold : bool
  x    : real
  z    : real
  y    : bool

"""
LOST = {
    "alpha ~ Flat()\nb ~ Flat()\nc ~ Flat()\ny[i in Row] ~ Bernoulli(logit = alpha + b * warm[i] + c * cold[i])\n": (
        "the data cannot tell `alpha`, `b` and `c` apart, and their priors are flat: they have no distribution",
        "in every row cold[i] = 1 - warm[i]",
    ),
    "index K = 1..2\nbeta[k in K] ~ Flat()\ny[i in Row] ~ Bernoulli(logit = beta[1] * x[i] + beta[2] * (3 * x[i]))\n": (
        "the data cannot tell `beta[1]` and `beta[2]` apart, and their priors are flat: they have no distribution",
        "in every row 3 * x[i] = 3 * x[i]",
    ),
    "a ~ Normal(0, 1)\nb ~ Flat()\nc ~ Flat()\ny[i in Row] ~ Bernoulli(logit = a + b * x[i] + c * (warm[i] * cold[i]))\n": (
        "`c` is multiplied by zero in every row, and its prior is flat: it has no distribution",
        "help: leave out the term of `c`, or give `c` a proper prior: c ~ Normal(0, 1)",
    ),
    "a ~ Flat()\nb ~ Flat()\nindex K = 1..9\nbeta[k in K] ~ Flat()\ny[i in Row] ~ Bernoulli(logit = a + b * z[i] + sum(x[i]^k * beta[k] for k in K))\n": (
        "the data cannot tell `a`, `b`, `beta[1]`, `beta[2]`, `beta[3]`, `beta[4]`, `beta[5]` and 2 others apart",
        "there are more coefficients than rows",
    ),
}  # fmt: skip
KNOWN = (
    "alpha ~ Normal(0, 1)\nb ~ Flat()\nc ~ Flat()\ny[i in Row] ~ Bernoulli(logit = alpha + b * warm[i] + c * cold[i])\n",
    "alpha ~ Flat()\nb ~ Normal(0, 1)\nc ~ Normal(0, 1)\ny[i in Row] ~ Bernoulli(logit = alpha + b * warm[i] + c * cold[i])\n",
    "a ~ Flat()\nb ~ Flat()\ny[i in Row] ~ Bernoulli(logit = a * x[i] + b * x[i] * 1.001 + b^2 * z[i])\n",
    "a ~ Flat()\nb ~ Flat()\ny[i in Row] ~ Bernoulli(logit = a * x[i] + b * (2 * x[i]))\nz[i in Row] ~ Normal(b * warm[i], 1)\n",
)


def rows() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    warm = np.arange(8) % 2 == 0
    return {"warm": warm, "cold": ~warm, "x": rng.normal(size=8), "z": rng.normal(size=8), "y": rng.random(8) < 0.5}


@pytest.mark.parametrize("relations", LOST)
def test_flat_coefficients_that_the_data_cannot_tell_apart_are_refused(relations: str) -> None:
    made = pplang.compile_text(FLAT + relations)
    with pytest.raises(Problems) as found:
        made.bind(rows())
    shown = render(found.value.diagnostics, made.source)
    assert "[F29]" in shown
    for part in LOST[relations]:
        assert part in shown


@pytest.mark.parametrize("relations", KNOWN)
def test_a_proper_prior_or_another_relation_tells_them_apart(relations: str) -> None:
    pplang.compile_text(FLAT + relations).bind(rows())
