"""Crossed effects: which of them become vectors, and that the rewriting is exact."""

from __future__ import annotations

import pytest

import pplang
from pplang._passes import center
from pplang._prove import prove
from tests.prove.helpers_prove import bound, constants

THREE = """
data Row:
  a : A
  b : B
  c : C
  y : real

mu ~ Normal(0, 5)
tau[k in Part] ~ HalfNormal(2)
sigma ~ HalfNormal(2)
u[i in A] ~ Normal(0, tau[first])
v[j in B] ~ Normal(mu, tau[second])
w[k in C] ~ Normal(0, 1 / tau[second])
eta[n in Row] = u[a[n]] + v[b[n]]
y[n in Row] ~ Normal(eta[n] + w[c[n]], sigma)

index Part = {first, second}
"""
ROWS = {"a": list("xyxyz"), "b": list("ppqqp"), "c": list("klmnk"), "y": [1.0, 2, 0.5, 1.5, 3.0]}


def actions(text: str, **sizes: int) -> dict[str, tuple[str, dict[str, float]]]:
    program = pplang.compile_text(text).program
    return {one.site: (one.action, dict(one.numbers)) for one in center.decide(program, transported=True, sizes=sizes)}


def test_all_but_the_largest_are_vectors_the_smallest_first() -> None:
    found = actions(THREE, A=30, B=20, C=40)
    assert found == {"u": ("factor", {"order": 1}), "v": ("factor", {"order": 0}), "w": ("transport", {})}


def test_large_factors_and_unknown_sizes_are_left_as_they_are() -> None:
    assert [one for one, _ in actions(THREE, A=150, B=60, C=400).values()] == ["transport", "factor", "transport"]
    assert [one for one, _ in actions(THREE).values()] == ["transport"] * 3


def test_a_product_is_no_crossing() -> None:
    assert [one for one, _ in actions(THREE.replace("u[a[n]] + v[b[n]]", "u[a[n]] * v[b[n]]"), A=3, B=4, C=5).values()] == [
        "factor",
        "factor",
        "transport",
    ]
    assert [one for one, _ in actions(THREE.replace("+ v[b[n]]\n", "* v[b[n]]\n").replace(" + w[c[n]]", ""), A=3, B=4, C=5).values()][
        :2
    ] == ["transport"] * 2


@pytest.mark.slow
def test_vectors_given_one_another_keep_their_meaning_for_any_constants() -> None:
    made = bound(THREE, ROWS, transported=True)
    assert [block.sites for block in made.compiled.blocks] == [("v",), ("u",)]
    (last,) = made.compiled.transports
    assert [one.site for one in last.hyperparameters][-2:] == ["v", "u"]
    for one in prove(made, points=2, prior_draws=200, constants=constants(made)):
        assert one.holds, one


TWO = """
data Row:
  a : A
  b : B
  y : real

tau ~ HalfNormal(2)
u[i in A] ~ Normal(1, tau)
v[j in B] ~ Normal(0, tau)
y[n in Row] ~ Normal(u[a[n]] + v[b[n]], 1)
"""


def test_a_vector_and_what_is_given_it_keep_their_meaning_for_any_constants() -> None:
    made = bound(TWO, {"a": list("xyxy"), "b": list("ppqr"), "y": [1.0, 2, 0, -1]}, transported=True)
    assert ([one.sites for one in made.compiled.blocks], [one.site for one in made.compiled.transports]) == ([("u",)], ["v"])
    for one in prove(made, points=2, prior_draws=100, constants=constants(made)):
        assert one.holds, one
