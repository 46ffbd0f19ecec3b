"""Nested effects: that each is given the one element of the coarser effect that it meets, and that the rewriting is exact."""

from __future__ import annotations

import numpy as np
import pytest

import pplang
from pplang._infer.problem import Ledger, Problem
from pplang._infer.race import refitted
from pplang._infer.transports import layout
from pplang._ir.text import expression
from pplang._passes import center, crossed
from pplang._prove import prove
from tests.prove.helpers_prove import bound, constants

CLASSES = """
data Pupil:
  class  : Class
  school : School per Class
  sex    : Sex
  score  : real

mu ~ Normal(0, 5)
tau ~ HalfNormal(2)
of_school[s in School] ~ Normal(mu, tau)
of_class[c in Class] ~ Normal(0, tau)
eta[i in Pupil] = of_class[class[i]] + of_school[school[class[i]]]
score[i in Pupil] ~ Normal(eta[i], 0.5)
"""
PUPILS = {
    "class": list("aabbccdd"),
    "school": list("ppppqqqq"),
    "sex": list("fmfmfmfm"),
    "score": [0.1, 0.4, 1.2, 1.0, -1.0, -0.7, 0.3, 0.2],
}


def parents(text: str, name: str) -> list[str]:
    program = pplang.compile_text(text).program
    return [f"{one}[{', '.join(map(expression, indices))}]" for one, indices in crossed.parents(program, [name], ()).items()]


def test_the_element_is_found_through_definitions() -> None:
    assert parents(CLASSES, "of_class") == ["of_school[school[c]]"]
    assert parents(CLASSES, "of_school") == []


def test_what_is_no_effect_of_one_plate_has_no_parent() -> None:
    program = pplang.compile_text(CLASSES + "one ~ Normal(mu, tau)\npair[c in Class, x in Sex] ~ Normal(mu, tau)\n").program
    assert crossed.parents(program, ["one"], ()) == crossed.parents(program, ["pair"], ()) == {}


def test_an_effect_of_each_row_is_nested_in_all_others() -> None:
    text = CLASSES.replace("Normal(eta[i], 0.5)", "Normal(eta[i] + own[i], 0.5)") + "own[j in Pupil] ~ Normal(0, tau)\n"
    assert parents(text, "own") == ["of_school[school[class[j]]]", "of_class[class[j]]"]
    program = pplang.compile_text(text).program
    found = {one.site: one.action for one in center.decide(program, transported=True, sizes={"School": 5, "Class": 9, "Pupil": 60})}
    assert set(found.values()) == {"transport"}


def test_of_crossed_effects_beside_one_of_each_row_the_smaller_is_a_vector() -> None:
    text = """
data Answer:
  person : Person
  item   : Item
  y      : count

tau ~ HalfNormal(2)
u[p in Person] ~ Normal(0, tau)
v[i in Item] ~ Normal(0, tau)
own[n in Answer] ~ Normal(0, tau)
y[n in Answer] ~ Poisson(log = u[person[n]] + v[item[n]] + own[n])
"""
    program = pplang.compile_text(text).program
    found = {one.site: one for one in center.decide(program, transported=True, sizes={"Person": 20, "Item": 12, "Answer": 240})}
    assert {name: one.action for name, one in found.items()} == {"u": "transport", "v": "factor", "own": "transport"}
    assert found["own"].reason.endswith("; given v, with which it is crossed; given u[person[n]], in which it is nested")


@pytest.mark.parametrize(
    "written",
    [
        "of_school[school[class[i]]] + of_sex[sex[i]]",  # nested in the one, crossed with the other
        "of_school[school[class[i]]] * of_sex[sex[i]]",
    ],
)
def test_what_differs_within_an_element_is_no_parent(written: str) -> None:
    text = CLASSES.replace("of_school[school[class[i]]]", written) + "of_sex[x in Sex] ~ Normal(0, tau)\n"
    assert parents(text, "of_class") == ["of_school[school[c]]"]


def test_several_elements_for_each_are_no_parents() -> None:
    """The letter of the child may be that of the finer effect: it is not the same index."""
    by_pupil = CLASSES.replace("school : School per Class", "school : School").replace("school[class[i]]", "school[i]")
    assert parents(by_pupil, "of_class") == []
    assert parents(by_pupil.replace("c in Class", "i in Class"), "of_class") == []
    whole = CLASSES.replace("of_school[school[class[i]]]", "sum(of_school[s] for s in School)")
    assert parents(whole, "of_class") == []
    two = CLASSES.replace("score[i in Pupil]", "score[i in Pupil] ~ Normal(eta[i] + of_school[school[class[i]]] / 2, 0.5)\n#")
    assert parents(two, "of_class") == ["of_school[school[c]]"]


def test_nested_effects_keep_their_meaning_for_any_constants() -> None:
    made = bound(CLASSES, PUPILS, transported=True)
    assert not made.compiled.blocks
    for one in prove(made, points=2, prior_draws=100, constants=constants(made)):
        assert one.holds, one


SLOPES = """
data Pupil:
  class  : Class
  school : School per Class
  x      : real
  score  : real

tau ~ HalfNormal(2)
of_school[s in School] ~ Normal(0, tau)
level[c in Class] ~ Normal(0, tau)
slope[k in Class] ~ Normal(1, tau)
score[i in Pupil] ~ Normal(level[class[i]] + slope[class[i]] * x[i] + of_school[school[class[i]]], 0.5)
"""


def test_a_block_within_an_effect_keeps_its_meaning_for_any_constants() -> None:
    made = bound(SLOPES, {**{name: PUPILS[name] for name in ("class", "school", "score")}, "x": [0.0, 1] * 4}, transported=True)
    (block,) = made.compiled.blocks
    assert [one.site for one in block.hyperparameters if one.own] == ["class_effects_of_school"]
    for one in prove(made, points=2, prior_draws=100, constants=constants(made)):
        assert one.holds, one


def test_the_regression_finds_the_evidence_given_the_parent() -> None:
    """With a normal child the slope over the parent is minus the precision of the class's pupils; the school's evidence is what they tell with the
    classes integrated out."""
    import jax

    made = bound(CLASSES, PUPILS, transported=True)
    arranged = layout(made)
    with jax.enable_x64(True):
        problem = Problem(made.target, arranged, 64, Ledger(1_000))
        points = np.random.default_rng(2).normal(size=(64, problem.size))
        found = refitted(problem, problem.zero(), points, problem.scores(problem.zero())(points)[1])
    assert found is not None
    assert np.allclose(found["of_class_h"], 2 / 0.25, rtol=0.02)
    assert np.allclose(found["of_class_V_of_school"], -2 / 0.25, rtol=0.02)
