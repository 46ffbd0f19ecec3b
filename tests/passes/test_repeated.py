"""Rows that repeat, counted once: the same density for every family, only where the data repeat, and no new compilation for other data like them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pplang
from pplang._ir import expression as ire
from pplang._ir.text import text
from pplang._lower.support import distinct
from pplang._model import Bound
from pplang._passes import collapse
from pplang._passes.plan import Rewrite, Stage
from pplang._plan_file import document, fingerprint, of
from pplang._prove import prove

EVERY_FAMILY = """
data Woman:
  district : District
  urban    : bool
  children : count
  trials   : count
  uses     : bool
  visits   : count
  calls    : count
  successes : count
  method   : Method
  answer   : Answer
  hours    : real
  weight   : positive
  score[Item] : count from "score_*"
  many     : real = log(1 + children)

index Method = {pill, coil, none}
index Answer ordered = {no, perhaps, yes}
index Cut = gaps(Answer)

a[d in District]  ~ Normal(0, 1)
b                 ~ Normal(0, 1)
cut[Cut]          ~ Ordered(Normal(0, 2))
phi               ~ HalfNormal(1)
taste[m in Method] ~ Normal(0, 1)
part[k in Item]   ~ Normal(0, 1)

centred[w in Woman] = many[w] - mean(many)
eta[w in Woman] = a[district[w]] + b * urban[w] + 0.1 * centred[w]
logits[w in Woman, m in Method] = taste[m] * (1 + urban[w]) + 0.1 * eta[w]

uses[w in Woman]      ~ Bernoulli(logit = eta[w] + sum(score[w, k] * part[k] for k in Item))
visits[w in Woman]    ~ Poisson(log = eta[w])
calls[w in Woman]     ~ NegBinomial(exp(eta[w]), phi)
successes[w in Woman] ~ Binomial(trials[w], logit = eta[w])
method[w in Woman]    ~ Categorical(logits = logits[w])
answer[w in Woman]    ~ OrderedLogistic(eta[w], cut)
hours[w in Woman]     ~ StudentT(4, eta[w], phi)
  weighted weight[w]
"""
FAMILIES = ("uses", "visits", "calls", "successes", "method", "answer", "hours")

ONE = """
data Woman:
  district : District
  urban    : bool
  use      : bool

a[d in District] ~ Normal(0, 1)
b ~ Normal(0, 1)
use[w in Woman] ~ Bernoulli(logit = a[district[w]] + b * urban[w])
"""


def women(rows: int = 400, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    urban = rng.integers(0, 2, rows)
    return {"district": rng.choice(["e", "n", "s", "w"], rows), "urban": urban, "use": rng.random(rows) < 0.3 + 0.3 * urban}


def every_family(rows: int = 300) -> dict[str, Any]:
    """A few kinds of women, many of each."""
    rng = np.random.default_rng(2)
    few = 12
    kind = rng.integers(0, few, rows)
    columns = {
        "district": np.array(list("ensw"))[rng.integers(0, 4, few)],
        "urban": rng.integers(0, 2, few),
        "children": rng.integers(0, 4, few),
        "trials": rng.integers(3, 6, few),
        "uses": rng.integers(0, 2, few),
        "visits": rng.integers(0, 5, few),
        "calls": rng.integers(0, 5, few),
        "successes": rng.integers(0, 3, few),
        "method": np.array(["pill", "coil", "none"])[rng.integers(0, 3, few)],
        "answer": np.array(["no", "perhaps", "yes"])[rng.integers(0, 3, few)],
        "hours": rng.normal(size=few),
        "weight": rng.integers(1, 4, few) / 2,
        "score_p": rng.integers(0, 3, few),
        "score_q": rng.integers(0, 3, few),
    }
    return {name: column[kind] for name, column in columns.items()}


def stage(bound: Bound) -> Stage:
    return next(one for one in bound.compiled.stages if one.name == "collapse")


def densities(bound: Bound, points: int = 2) -> np.ndarray:
    import jax

    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        return np.array([float(bound.log_density(rng.normal(size=bound.size))) for _ in range(points)])


def test_density_is_the_same_for_every_family_and_the_program_reads_as_itself() -> None:
    made, data = pplang.compile_text(EVERY_FAMILY), every_family()
    bound = made.bind(data)
    assert {one.site: one.action for one in stage(bound).choices} == dict.fromkeys(FAMILIES, "count")
    assert stage(bound).choices[0].reason == "its 300 rows are 12 different ones, each counted once and weighted by how often it occurs"
    program = stage(bound).program
    assert not {*FAMILIES, "eta", "logits"} & set(program.site)  # nothing is computed for each row any more
    assert np.allclose(densities(bound), densities(made.bind(data, without=["collapse"])), rtol=1e-12, atol=0)
    again = pplang.compile_text(text(program))
    assert again.program == program
    assert collapse.apply(again.program, collapse.decide(again.program)).program == program
    assert np.allclose(densities(bound), densities(again.bind(data)), rtol=1e-12, atol=0)


def test_the_proof_holds_and_the_program_is_small() -> None:
    bound = pplang.compile_text(ONE).bind(women())
    proof = next(one for one in prove(bound, points=2, prior_draws=10) if one.name == "collapse")
    assert proof.holds
    assert proof.density < 1e-12
    assert {len(bound.transformed_arguments[name]) for name in ("use_district", "use_urban", "use_count")} == {16}
    assert not {"use", "district", "urban"} & set(bound.transformed_arguments)


def test_a_normal_likelihood_that_is_not_linear_is_counted() -> None:
    made = pplang.compile_text(
        "data Row:\n  x : count\n  y : real\nb ~ Normal(0, 1)\ns ~ HalfNormal(1)\ny[i in Row] ~ Normal(exp(b * x[i]), s)\n"
    )
    rng = np.random.default_rng(0)
    (choice,) = stage(made.bind({"x": rng.integers(0, 3, 300), "y": rng.integers(0, 9, 300) / 2})).choices
    assert choice.action == "count"
    (choice,) = stage(made.bind({"x": rng.integers(0, 3, 300), "y": rng.normal(size=300)})).choices
    assert (choice.action, choice.reason) == ("leave", "its mean is not linear in the unknowns, with data as coefficients")


# Where it is not done ------------------------------------------------------------------------------------------------


def test_rows_that_do_not_repeat_enough_are_left_with_numbers() -> None:
    made = pplang.compile_text(ONE)
    (few,) = stage(made.bind(women(110))).choices
    assert (few.action, few.reason) == ("leave", "its 110 rows are 16 different ones: counting these would save too little")
    assert dict(few.numbers) == {"rows": 110, "different": 16}
    measured = pplang.compile_text(ONE.replace("urban    : bool", "urban    : real"))
    (choice,) = stage(measured.bind({**women(), "urban": np.random.default_rng(0).normal(size=400)})).choices
    assert (choice.action, choice.reason) == ("leave", "its 400 rows are 400 different ones: counting these would save too little")
    assert collapse.decide(made.program) == ()  # nobody knows without data


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: one.replace("a[district[w]]", "c[w]") + "c[w in Woman] ~ Normal(0, 1)\n", "each row has unknowns of its own"),
        (lambda one: one + "  where urban[w]\n", "its relation has clauses, which are about single rows"),
        (lambda one: one.replace("b * urban[w]", "b * sum(urban[v] for v in Woman if v == w)"), "it depends on which row it is"),
        (
            lambda one: one.replace("b * urban[w]", "urban[w] * s[w]") + "s[w in Woman] = s[w-1] + b starting b\n",
            "`s` is not computed row by row",
        ),
    ],
)
def test_what_cannot_be_counted_says_why(change: Any, why: str) -> None:
    written = change(ONE).replace("data Woman:", "data Woman ordered:")
    (choice,) = collapse.decide(pplang.compile_text(written).program, wanted={"use": "count"})
    assert (choice.action, choice.reason) == ("leave", why)


# Plans ---------------------------------------------------------------------------------------------------------------


def test_a_plan_settles_whether_rows_are_counted() -> None:
    made = pplang.compile_text(ONE)

    def planned(action: str) -> Any:
        entries = {"collapse": [{"site": "use", "action": action}]}
        return of({"model": fingerprint(made.program), "plan": entries}, made.program, "plan.json")

    (left,) = stage(made.bind(women(), plan=planned("leave"))).choices
    assert (left.action, left.reason) == ("leave", "fixed by the plan")
    small = made.bind(women(40), plan=planned("count"))
    assert "use_seen" in stage(small).program.site
    assert "use_seen" in stage(small.transported).program.site
    bound = made.bind(women())
    again = of(json.loads(json.dumps(document(bound.compiled, {}))), made.program, "plan.json")
    assert made.compiled(plan=again).program == bound.compiled.program  # without the data
    with pytest.raises(pplang.Problems, match="cannot be"):
        made.compiled(plan=planned("collapse"))


# New data ------------------------------------------------------------------------------------------------------------


def test_other_rows_of_as_many_kinds_need_no_compilation() -> None:
    made = pplang.compile_text(ONE)
    first, other = made.bind(women(400, seed=1)), made.bind(women(500, seed=2))
    assert (first.arguments["use"].shape, first.sets["Use_kind"]) == ((400,), range(1, 17))
    shapes = [{name: array.shape for name, array in one.transformed_arguments.items()} for one in (first, other)]
    assert shapes[0] == shapes[1]
    same = made.bind(women(400, seed=2))
    assert same.target.identity == first.target.identity
    data = women(400)
    data["use"][data["district"] == "e"] = False
    assert made.bind(data).target.identity != first.target.identity  # 14 kinds


# A wrong pass is found -----------------------------------------------------------------------------------------------


def changed(program: Any, name: str, **changes: Any) -> Any:
    return program.with_sites(tuple(replace(one, **changes) if one.name == name else one for one in program.sites))


def without_the_count(program: Any) -> Any:
    return changed(program, "use_seen", weight=None)


def wrong_gather(program: Any) -> Any:
    """The first rows of the table in the place of the first rows of the kinds."""
    urban = program.site["use_urban"].right
    return changed(program, "use_urban", right=ire.Call("abs", (ire.Sum((("+", ire.Number(1)), ("-", urban))),)))


def forgotten_covariate(program: Any) -> Any:
    """Rows that differ in what the likelihood reads are taken for the same."""
    sets = tuple(
        replace(one, members=replace(one.members, names=("use", "district"))) if one.name == "Use_kind" else one for one in program.sets
    )
    return replace(program, sets=sets)


@pytest.mark.parametrize("change", [without_the_count, wrong_gather, forgotten_covariate])
def test_a_wrong_rewriting_is_found(change: Any) -> None:
    bound = pplang.compile_text(ONE).bind(women())
    stages = tuple(
        replace(one, rewrite=Rewrite(change(one.program))) if one.name == "collapse" else one
        for one in bound.compiled.stages
        if one.name in ("forward", "collapse")
    )
    wrong = Bound(bound.model, replace(bound.compiled, stages=stages), bound.dataset)
    assert not all(one.holds for one in prove(wrong, points=2, prior_draws=10))


# Kinds of rows -------------------------------------------------------------------------------------------------------


def test_kinds_are_told_apart_bit_by_bit_in_order_of_their_first_rows() -> None:
    rng = np.random.default_rng(0)
    table, letter = rng.integers(0, 2, (500, 3)) / 10, rng.integers(5, 8, 500)
    first, count = distinct([table, letter, letter > 6])
    rows = [(tuple(a), b) for a, b in zip(table.tolist(), letter.tolist(), strict=True)]
    assert [rows[place] for place in first] == list(dict.fromkeys(rows))
    assert count.tolist() == [rows.count(rows[place]) for place in first]
    assert len(distinct([np.array([0.0, -0.0, 0.0])])[0]) == 2


def test_different_rows_are_numbered_in_what_is_drawn() -> None:
    made = pplang.compile_text(
        "data Row:\n  use : bool\n  y : real\n\nindex Kind = distinct(use)\na[k in Kind] ~ Normal(0, 1)\ny[i in Row] ~ Normal(sum(a), 1)\n"
    )
    bound = made.bind({"use": [True, False, True], "y": [1.0, 2.0, 3.0]})
    assert bound.coordinates("Kind").tolist() == [1, 2]
