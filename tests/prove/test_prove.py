"""The proof holds on programs as they are, with any constants of the transports, and finds passes that are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pplang
from pplang._infer.density import set_sizes
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._model import Bound
from pplang._passes import pipeline
from pplang._prove import prove

SCHOOLS = """
data School:
  effect : real
  se     : positive

mu ~ Normal(0, 5)
tau ~ HalfCauchy(5)
theta[s in School] ~ Normal(mu, tau)
effect[s in School] ~ Normal(theta[s], se[s])
"""
SCHOOLS_DATA = {"effect": [28.0, 8, -3, 7], "se": [15.0, 10, 16, 11]}

SLOPES = """
data Visit:
  person : Person
  day    : real
  score  : real

level ~ Normal(0, 2)
change ~ Normal(0, 2)
s_level ~ HalfNormal(1)
s_change ~ HalfNormal(1)
sigma ~ Exponential(1)
share[p in Person] ~ Beta(2, 2)
w[Part] ~ Dirichlet(2)
start[p in Person] ~ Normal(level, s_level)
slope[p in Person] ~ Normal(change, s_change)
score[v in Visit] ~ Normal(start[person[v]] + slope[person[v]] * day[v] + share[person[v]] * w[a], sigma)

index Part = {a, b, c}
"""
SLOPES_DATA = {
    "person": ["x", "x", "y", "y", "y", "z"],
    "day": [0.0, 1, 0, 1, 2, 1],
    "score": [1.0, 2, 0.5, 1.5, 1.2, 3.0],
}


def bound(text: str, data: dict[str, list[float]], *, transported: bool) -> Bound:
    model = pplang.compile_text(text)
    plain = model.bind(data)
    return Bound(model, pipeline.run(model.program, transported=transported), plain.dataset)


def constants(bound: Bound, seed: int = 0) -> dict[str, np.ndarray]:
    """Random constants: evidence at least 0, of blocks positive semidefinite."""
    rng, sizes = np.random.default_rng(seed), set_sizes(bound.compiled.program, bound.sets)
    found = {one.name: rng.normal(size=[sizes[axis] for axis in one.sets]) for one in bound.compiled.constants}
    for one in bound.compiled.transports:
        found[one.h] = np.abs(found[one.h])
    for block in bound.compiled.blocks:
        found[block.h] = found[block.h] @ np.swapaxes(found[block.h], -1, -2)
    return found


@pytest.mark.parametrize(("text", "data"), [(SCHOOLS, SCHOOLS_DATA), (SLOPES, SLOPES_DATA)], ids=["schools", "slopes"])
def test_non_centred_programs_keep_their_meaning(text: str, data: dict[str, list[float]]) -> None:
    proofs = prove(bound(text, data, transported=False), points=3, prior_draws=500)
    assert [one.name for one in proofs] == ["center", "unconstrain"]
    assert all(one.holds for one in proofs), proofs
    assert proofs[-1].round_trip is not None
    assert all(one.jacobian is not None for one in proofs)


@pytest.mark.parametrize(("text", "data"), [(SCHOOLS, SCHOOLS_DATA), (SLOPES, SLOPES_DATA)], ids=["schools", "slopes"])
def test_transported_programs_keep_their_meaning_for_any_constants(text: str, data: dict[str, list[float]]) -> None:
    made = bound(text, data, transported=True)
    assert made.compiled.transports or made.compiled.blocks
    for one in prove(made, points=3, prior_draws=500, constants=constants(made)):
        assert one.holds, one


def test_effects_that_meet_in_a_child_are_one_block() -> None:
    made = bound(SLOPES, SLOPES_DATA, transported=True)
    assert [block.sites for block in made.compiled.blocks] == [("start", "slope")]


def broken(made: Bound, change: object) -> Bound:
    """The bound model with the `center` stage's rewriting changed."""
    stages = tuple(replace(one, rewrite=change(one.rewrite)) if one.name == "center" else one for one in made.compiled.stages)  # type: ignore[operator]
    return Bound(made.model, replace(made.compiled, stages=stages), made.dataset)


def test_a_wrong_jacobian_is_found() -> None:
    made = bound(SCHOOLS, SCHOOLS_DATA, transported=False)
    wrong = broken(made, lambda rewrite: replace(rewrite, log_jacobian=tuple(ire.Negate(one) for one in rewrite.log_jacobian)))
    assert not prove(wrong, points=2, prior_draws=100)[0].holds


def without_location(site: object) -> object:
    """`theta = tau * theta_raw`: the mean is lost."""
    return (
        replace(site, right=build.multiply(ire.Reference("tau"), ire.Reference("theta_raw", (ire.Variable("s"),))))
        if site.name == "theta"
        else site
    )  # type: ignore[attr-defined, type-var]


def test_a_dropped_location_is_found() -> None:
    made = bound(SCHOOLS, SCHOOLS_DATA, transported=False)
    stages = tuple(
        replace(one, rewrite=replace(one.rewrite, program=one.program.with_sites(tuple(map(without_location, one.program.sites)))))  # type: ignore[arg-type]
        if one.name in ("center", "unconstrain")
        else one
        for one in made.compiled.stages
    )
    wrong = Bound(made.model, replace(made.compiled, stages=stages), made.dataset)
    assert not all(one.holds for one in prove(wrong, points=2, prior_draws=300))


def test_a_scale_taken_for_a_precision_is_found() -> None:
    def swapped(site: object) -> object:
        value = build.add(ire.Reference("mu"), build.divide(ire.Reference("theta_raw", (ire.Variable("s"),)), ire.Reference("tau")))
        return replace(site, right=value) if site.name == "theta" else site  # type: ignore[attr-defined, type-var]

    made = bound(SCHOOLS, SCHOOLS_DATA, transported=False)
    stages = tuple(
        replace(one, rewrite=replace(one.rewrite, program=one.program.with_sites(tuple(map(swapped, one.program.sites)))))  # type: ignore[arg-type]
        if one.name in ("center", "unconstrain")
        else one
        for one in made.compiled.stages
    )
    wrong = Bound(made.model, replace(made.compiled, stages=stages), made.dataset)
    assert not all(one.holds for one in prove(wrong, points=2, prior_draws=300))
