"""Discrete latents are summed out exactly: next to going through all their values with the reference interpreter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import pplang
from pplang._infer.density import site_densities
from pplang._infer.fit import members
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Boolean, Member
from pplang._ir.program import Site
from pplang._model import Bound
from pplang._passes import marginalize, pipeline
from pplang._passes.plan import kept_as
from pplang._prove import prove
from tests.passes.discrete_programs import EXAMPLES
from tests.properties.examine import examine_passes
from tests.reference.evaluate import Evaluator

Values = dict[str, np.ndarray]
NAMES = tuple(EXAMPLES)
DRAWS = 4_000


@cache
def bound_of(name: str) -> Bound:
    """An example with its data, taken through all passes."""
    example = EXAMPLES[name]
    tables = (example.data,) if example.data else ()
    return pplang.compile_text(example.text).bind(*tables, inputs=example.inputs or None)


class Found(NamedTuple):
    """What the compiled program says at a point: draws of all names; the density of the program without discrete latents; a gradient of the
    last program, and its density a step ahead and behind in each direction."""

    draws: Values
    summed: float
    gradient: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray


STEP = 1e-5


@cache
def found_of(name: str) -> Found:
    """All that is asked of an example, in one compiled program."""
    bound = bound_of(name)
    z = np.random.default_rng(0).normal(size=bound.size)
    other = Bound(bound.model, pipeline.run(bound.model.program, after="marginalize"), bound.dataset)

    def everything(z: Any, keys: Any) -> Any:
        draws = jax.vmap(lambda key: bound.constrain(z, key))(keys)
        kept = {site.name: kept_as(site) for site in bound.compiled.drawn.sites}
        latents = {latent.name: draws[kept[latent.name]][0] for latent in other.latents}
        summed = sum(site_densities(other.transformed_model, latents, other.transformed_arguments).values())
        around = jax.vmap(bound.log_density)
        steps = STEP * np.eye(bound.size)
        return draws, summed, jax.grad(bound.log_density)(z), around(z + steps), around(z - steps)

    with jax.enable_x64(True):
        draws, summed, *rest = jax.jit(everything)(z, jax.random.split(jax.random.PRNGKey(0), DRAWS))
        values = {one: np.asarray(value) for one, value in draws.items()}
        return Found(values, float(summed), *map(np.asarray, rest))


def states(bound: Bound, site: Site) -> range:
    """All values that one element of a discrete latent may have."""
    match site.kind:
        case Member(name):
            return range(len(bound.sets[name]))
        case Boolean():
            return range(2)
    kind = bound.compiled.program.site[f"{site.name.replace('_empty', '_full')}_state"].kind
    assert isinstance(kind, Member)
    return bound.sets[kind.set]  # type: ignore[return-value]


def assignments(bound: Bound) -> Iterator[Values]:
    """Every combination of values of the discrete latents."""
    sites = [bound.compiled.drawn.site[name] for name in bound.compiled.summed]
    shapes = [tuple(len(bound.sets[axis]) for axis in site.sets) for site in sites]
    every = [itertools.product(states(bound, site), repeat=int(np.prod(shape))) for site, shape in zip(sites, shapes, strict=True)]
    for chosen in itertools.product(*map(list, every)):
        yield {site.name: np.reshape(value, shape) for site, value, shape in zip(sites, chosen, shapes, strict=True)}


def joint(bound: Bound, values: Values) -> float:
    """The log density of the source by the reference interpreter."""
    return Evaluator(bound.compiled.before("marginalize"), bound.dataset.sets, {**bound.dataset.values(), **values}).joint()


@cache
def enumerated(name: str) -> tuple[list[tuple[Values, float]], float]:
    """Every assignment with its log density beside the continuous latents of `found_of`, and the log of the sum."""
    bound = bound_of(name)
    latents = [
        site for site in bound.compiled.before("marginalize").sites if site.role == "latent" and site.name not in bound.compiled.summed
    ]
    values = {site.name: found_of(name).draws[kept_as(site)][0] for site in latents}
    with np.errstate(all="ignore"):
        found = [(one, joint(bound, {**values, **one})) for one in assignments(bound)]
    return found, float(np.logaddexp.reduce([density for _, density in found]))


@pytest.mark.parametrize("name", NAMES)
def test_density_is_the_sum_over_all_values(name: str) -> None:
    _, total = enumerated(name)
    assert found_of(name).summed == pytest.approx(total, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_draws_have_the_exact_probabilities(name: str) -> None:
    found, total = enumerated(name)
    draws, summed, drawn_site = found_of(name).draws, bound_of(name).compiled.summed, bound_of(name).compiled.drawn.site
    drawn = np.concatenate([np.reshape(np.asarray(draws[kept_as(drawn_site[one])], int), (DRAWS, -1)) for one in summed], axis=1)
    rows, frequencies = np.unique(drawn, axis=0, return_counts=True)
    exact = {tuple(int(v) for one in values.values() for v in np.ravel(one)): np.exp(density - total) for values, density in found}
    expected = np.array([exact[tuple(map(int, row))] for row in rows]) * DRAWS
    # Every combination that was drawn can be; chi-squared over the common ones, the rest as one.
    assert (expected > 0).all()
    common = expected > 8
    rest = DRAWS - expected[common].sum()
    statistic = ((frequencies[common] - expected[common]) ** 2 / expected[common]).sum()
    statistic += (frequencies[~common].sum() - rest) ** 2 / max(rest, 1.0)
    assert statistic < common.sum() + 1 + 5 * np.sqrt(2 * (common.sum() + 1))


@pytest.mark.parametrize("name", [name for name in NAMES if "@viterbi" in EXAMPLES[name].text])
def test_the_most_probable_path_is_the_best_of_all(name: str) -> None:
    found, _ = enumerated(name)
    best, _ = max(found, key=lambda one: one[1])
    draws = found_of(name).draws
    paths = [one for one in draws if one.endswith("_path")]
    assert paths
    assert members(bound_of(name)).keys() >= set(paths) or name == "factorial"
    for path in paths:
        assert (draws[path] == best[path.removesuffix("_path")]).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_and_those_of_differences(name: str) -> None:
    found = found_of(name)
    assert np.isfinite(found.gradient).all()
    assert found.gradient == pytest.approx((found.ahead - found.behind) / (2 * STEP), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_program_prints_and_is_left_alone_when_run_again(name: str) -> None:
    compiled = bound_of(name).compiled
    examine_passes(compiled)
    actions = {choice.site: choice.action for stage in compiled.stages if stage.name == "marginalize" for choice in stage.choices}
    assert actions == EXAMPLES[name].actions
    assert marginalize.obstacle(compiled.program) is None


def test_values_that_follow_from_a_drawn_state_agree_with_it() -> None:
    draws = found_of("two outcomes").draws
    assert np.array_equal(draws["first"], draws["z"] == 0)
    lives = found_of("occupancy").draws
    assert lives["share"] == pytest.approx(lives["lives"].mean(-1))


def test_a_fit_knows_the_labels_of_states() -> None:
    assert members(bound_of("mixture")) == {"z": [1, 2, 3]}
    assert members(bound_of("empty cells")) == {"class": ["low", "middle", "high"]}


PROVED = [pytest.param(name, marks=[] if name == "groups" else pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", PROVED)
def test_the_proof_holds(name: str) -> None:
    proofs = prove(bound_of(name), points=2, prior_draws=50)
    assert proofs[0].name == "marginalize"
    assert all(one.holds for one in proofs), proofs


def test_the_proof_finds_a_sum_that_is_wrong() -> None:
    bound = bound_of("species")
    (place,) = (n for n, stage in enumerate(bound.compiled.stages) if stage.name == "marginalize")
    stage = bound.compiled.stages[place]
    site = stage.program.site["present_weight"]
    wrong = replace(site, right=build.add(site.right, ire.Number(0.01)))
    sites = tuple(wrong if one.name == site.name else one for one in stage.program.sites)
    stages = list(bound.compiled.stages)
    stages[place] = replace(stage, rewrite=replace(stage.rewrite, program=stage.program.with_sites(sites)))
    proof = prove(Bound(bound.model, replace(bound.compiled, stages=tuple(stages)), bound.dataset), points=2, prior_draws=50)[0]
    assert proof.name == "marginalize"
    assert not proof.holds
