"""A point of a program taken through the passes by the reference interpreter alone: each keeps the density, as its contract says.

A pass that moves latents declares the way there and a Jacobian. One that sums latents out is held to a sum over all their values; one that adds
latents to an integral over them; the one that splits columns with empty cells to the density of the columns with those filled in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pplang._ir import expression as ire
from pplang._ir.kinds import Boolean, Interval, Member
from pplang._ir.program import Empty, ProductSet, Program, Site, given
from pplang._passes.plan import Compiled, Rewrite, Stage, inference
from tests.properties.outcome import DENSITY, MAP, QUADRATURE, Outcome, Values
from tests.properties.programs import Case
from tests.reference.evaluate import At, Evaluator
from tests.reference.functions import log_sum_exp
from tests.reference.points import random_point

_STEP, _NEGLIGIBLE = 0.15, 40.0
"""Between logarithms of a mixing variable, over which the trapezoidal rule converges exponentially: a Laplace z scales from its location is off by
2 exp(-2 pi^2 / (z step^2)), 1e-15 for 25 scales. How far below its peak it ends."""


@dataclass(frozen=True)
class Point:
    """Of each program of a run, the source first: values of its unknowns, and the log density by the reference.

    drawn: of the program with the relations that draw what was summed out, its values and density; None where nothing was.
    """

    values: tuple[Values, ...]
    densities: tuple[float, ...]
    drawn: tuple[Values, float] | None


def programs(compiled: Compiled) -> tuple[Program, ...]:
    """The source, and the program of inference after each pass; before `forward` it has what is drawn afterwards too."""
    names = [stage.name for stage in compiled.stages]
    return compiled.source, *(
        stage.program if place < names.index("forward") else inference(stage.program) for place, stage in enumerate(compiled.stages)
    )


def unknowns(program: Program) -> list[str]:
    return [*(one.name for one in program.params), *(site.name for site in program.sites if site.role == "latent")]


def evaluator(case: Case, program: Program, values: Values) -> Evaluator:
    return Evaluator(program, case.sets, {**case.arrays, **values})


def filled(case: Case, program: Program, rng: np.random.Generator) -> Values:
    """The columns with empty cells, with some value in each of these."""
    found = {}
    for site in program.sites:
        if site.role == "split":
            whole = np.array(case.arrays[site.name])
            empty = ~case.arrays[given(site.name)]
            whole[empty] = [_some_value(case, site, rng) for _ in range(int(empty.sum()))]
            found[site.name] = whole
    return found


def _some_value(case: Case, site: Site, rng: np.random.Generator) -> float:
    match site.kind:
        case Member(name):
            return float(rng.integers(len(case.sets[name])))
        case Boolean():
            return float(rng.integers(2))
        case Interval(lower, upper, integer=True):
            return float(rng.integers(4))
        case Interval(lower, upper):
            return float(rng.normal() if lower < 0 else rng.uniform(0.1, 0.9) if upper == 1 else np.exp(0.5 * rng.normal()))
    raise NotImplementedError(site.kind)


def start(case: Case, compiled: Compiled, rng: np.random.Generator) -> Values:
    """Values for all latents and params of a source, and for the empty cells of its columns.

    Params that the passes make inputs of have the values that follow from these.
    """
    program, last = compiled.source, compiled.program
    settling = {one.name for one in program.params if not last.params and one.name in last.site}
    settled = {name: evaluator(case, last, {}).whole(name) for name in settling}
    whole = filled(case, program, rng)
    return {**random_point(program, case.sets, {**case.arrays, **whole, **settled}, rng), **whole}


def move(case: Case, compiled: Compiled, values: Values, outcome: Outcome) -> Point:
    """Take values of the source's latents through the passes; every stage by the reference alone."""
    before, found = compiled.source, [dict(values)]
    densities, drawn = [evaluator(case, before, values).joint()], None
    for stage, after in zip(compiled.stages, programs(compiled)[1:], strict=True):
        if after == before:
            found.append(found[-1])
            densities.append(densities[-1])
            continue
        if stage.rewrite.tables:
            drawn = _drawn(case, stage, found[-1])
            now = {name: found[-1][name] for name in unknowns(after)}
            total = _sum(case, before, [name for name in unknowns(before) if name not in now], found[-1])
            outcome.agree("sum over all values of what is discrete", evaluator(case, after, now).joint(), total, DENSITY)
            outcome.agree("density with what is discrete drawn", drawn[1], densities[-1], DENSITY)
        elif stage.name == "split_missing":
            now = {**{name: found[-1][name] for name in unknowns(before)}, **_cells(case, after, found[-1])}
            outcome.agree("density with cells filled in", evaluator(case, after, now).joint(), densities[-1], DENSITY)
        else:
            now = _moved(case, before, stage.rewrite, after, found[-1])
            if stage.rewrite.added:
                _integrated(case, before, stage, found[-1], now, outcome)
            else:
                _moved_density(case, before, stage, after, found[-1], now, densities[-1], outcome)
        found.append(now)
        densities.append(evaluator(case, after, now).joint())
        before = after
    return Point(tuple(found), tuple(densities), drawn)


# Passes that move -----------------------------------------------------------------------------------------------------


def _moved(case: Case, before: Program, rewrite: Rewrite, after: Program, values: Values) -> dict[str, np.ndarray]:
    both = evaluator(case, replace(before, sites=(*before.sites, *rewrite.inverse), sets=after.sets, inputs=after.inputs), values)
    new = {site.name for site in rewrite.inverse}
    return {name: both.whole(name) if name in new else values[name] for name in unknowns(after)}


def _moved_density(
    case: Case, before: Program, stage: Stage, program: Program, old: Values, now: Values, density: float, outcome: Outcome
) -> None:
    """The way there is undone by the program's own relations, and the densities differ by the declared Jacobian."""
    after = evaluator(case, program, now)
    for name in unknowns(before):
        if name in program.site or name in program.param:
            outcome.agree(f"{stage.name}: way back to `{name}`", after.whole(name), old[name], MAP)
    if math.isfinite(density):
        gone = [site.name for site in before.sites if site.role == "latent" and site.name not in program.site]
        left_out = sum(evaluator(case, before, old).site_density(name) for name in gone)
        moved = Evaluator(program, case.sets, {**case.arrays, **old, **now})
        jacobian = math.fsum(moved.number(term, {}) for term in stage.rewrite.log_jacobian)
        outcome.agree(f"{stage.name}: density and Jacobian", after.joint() + left_out, density + jacobian, DENSITY)


# Empty cells ----------------------------------------------------------------------------------------------------------


def _cells(case: Case, after: Program, values: Values) -> Values:
    """The latents that stand for the empty cells of a column."""
    cells = {site.name: site.origin[0] for site in after.sites if site.role == "latent" and site.origin is not None}
    return {name: values[column][~case.arrays[given(column)]] for name, column in cells.items()}


# What is summed out ---------------------------------------------------------------------------------------------------


def _sum(case: Case, before: Program, names: Sequence[str], values: Values) -> float:
    """The log of the sum of the density over all values of some latents, one combination after the other."""
    depending = _depending(before, names)
    sites = [one.name for one in before.sites if one.stochastic and one.name in depending]
    factors = [one for one in before.factors if depending & set(_mentioned(one.value))]
    constant = evaluator(case, before, values)
    known = [constant.site_density(one.name) for one in before.sites if one.stochastic and one.name not in depending]
    known += [constant.factor(one) for one in before.factors if one not in factors]
    totals = []
    for chosen in _combinations(case, before, names, values):
        one = evaluator(case, before, {**values, **chosen})
        totals.append(math.fsum([*map(one.site_density, sites), *map(one.factor, factors)]))
    return math.fsum([*known, log_sum_exp(totals)])


def _combinations(case: Case, program: Program, names: Sequence[str], values: Values) -> Iterator[Values]:
    shapes = [np.shape(values[name]) for name in names]
    each = [
        itertools.product(_states(case, program.site[name]), repeat=math.prod(shape)) for name, shape in zip(names, shapes, strict=True)
    ]
    for chosen in itertools.product(*map(list, each)):
        yield {name: np.reshape(np.array(one, float), shape) for name, one, shape in zip(names, chosen, shapes, strict=True)}


def _states(case: Case, site: Site) -> range:
    match site.kind:
        case Member(name):
            return range(len(case.sets[name]))
        case Boolean():
            return range(2)
    return case.counts[site.name]


def _depending(program: Program, names: Sequence[str]) -> set[str]:
    """The relations that some latents enter, directly or through definitions; the latents themselves."""
    found = set(names)
    definitions = [site for site in program.sites if site.role == "deterministic"]
    while more := {site.name for site in definitions if site.name not in found and found & _parents(site)}:
        found |= more
    return found | {site.name for site in program.sites if site.stochastic and found & _parents(site)}


def _parents(site: Site) -> set[str]:
    return {name for part in (site.right, site.starting, site.weight) if part is not None for name in _mentioned(part)}


def _mentioned(node: ire.Expression) -> Iterator[str]:
    return (one.name for one in ire.walk(node) if isinstance(one, ire.Reference))


def _drawn(case: Case, stage: Stage, values: Values) -> tuple[Values, float]:
    """Values for the program that draws what was summed out, and its density at them."""
    program, found = stage.program, dict(values)
    reference = Evaluator(program, case.sets, case.arrays)
    joint = {}
    for site in program.sites:
        if site.level == "generated" and isinstance(site.right, ire.Part) and isinstance(site.right.member, ire.Reference):
            assert site.origin is not None
            own = values[site.name] if site.name in values else _states_of(reference, site, values[site.origin[0]])
            joint.setdefault(site.right.member.name, []).append((site.right, own))
    for site in program.sites:
        if site.level == "generated" and site.role == "latent" and site.name not in values:
            assert site.origin is not None
            if site.name in joint:
                found[site.name] = _joint_states(reference, site, joint[site.name])
            elif site.origin[0] in case.arrays:
                found[site.name] = _completed_states(case, reference, site, values)
            else:
                found[site.name] = _states_of(reference, site, values[site.origin[0]])
    computed = {site.name for site in program.sites if site.role == "deterministic"}
    found = {name: value for name, value in found.items() if name not in computed}
    return {name: found[name] for name in unknowns(program)}, evaluator(case, program, found).joint()


def _completed_states(case: Case, reference: Evaluator, site: Site, values: Values) -> np.ndarray:
    """The same of a whole column of which some cells are latent."""
    assert site.origin is not None
    column, whole = site.origin[0], np.array(case.arrays[site.origin[0]])
    (cells,) = (one.name for one in reference.program.sites if one.sets and reference.program.set[one.sets[0]].members == Empty(column))
    whole[~case.arrays[given(column)]] = values[cells]
    return whole if isinstance(reference.program.kind_of(column), Member) else _states_of(reference, site, whole)


def _states_of(reference: Evaluator, site: Site, whole: np.ndarray) -> np.ndarray:
    """The places in the set of its states of the values of a latent."""
    assert isinstance(site.kind, Member)
    members = list(reference.sets[site.kind.set])
    is_truth = members == ["no", "yes"]
    return np.vectorize(lambda one: int(one) if is_truth else members.index(int(one)), otypes=[float])(whole)


def _joint_states(reference: Evaluator, site: Site, parts: Sequence[tuple[ire.Part, np.ndarray]]) -> np.ndarray:
    """The places of joint states, given the states of each latent that they hold now: each is followed by what is remembered of it, or at the
    first times by the first of its states."""
    assert isinstance(site.kind, Member)
    members = reference.program.set[site.kind.set].members
    assert isinstance(members, ProductSet)
    owners = {[n for n, one in enumerate(members.sets) if one == part.set][part.occurrence - 1]: own for part, own in parts}
    along = next(place for place, axis in enumerate(site.axes) if axis.variable is None)
    found = np.zeros(np.shape(parts[0][1]))
    for at in np.ndindex(found.shape):
        for place, over in enumerate(members.sets):
            owner = max(one for one in owners if one <= place)
            time = At(site.axes[along].set, at[along])
            for _ in range(place - owner):
                time = reference._stepped(time, 1) or time
            state = owners[owner][(*at[:along], time.position, *at[along + 1 :])]
            found[at] = found[at] * len(reference.sets[over]) + state
    return found


# What is added --------------------------------------------------------------------------------------------------------


def _integrated(case: Case, before: Program, stage: Stage, old: Values, now: Values, outcome: Outcome) -> None:
    """Each relation that was given a mixing variable, integrated over it at its last member; everything else as it was."""
    program = stage.program
    first, after = evaluator(case, before, old), evaluator(case, program, now)
    changed = []
    for name in stage.rewrite.added:
        origin = program.site[name].origin
        assert origin is not None
        owner = origin[0]
        changed.append((name, owner))
        place = tuple(size - 1 for size in np.shape(now[name]))
        found = _integral(case, program, now, name, owner, place)
        outcome.agree("a mixing variable integrated out", found, _term(first, owner, place), QUADRATURE)
    left = first.joint() - math.fsum(first.site_density(owner) for _, owner in changed)
    kept = after.joint() - math.fsum(after.site_density(one) for pair in changed for one in pair)
    outcome.agree("density of what is not mixed", kept, left, DENSITY)


def _integral(case: Case, program: Program, values: Values, name: str, owner: str, place: tuple[int, ...]) -> float:
    """The log of the integral of two relations over an element of the first, outwards from its value."""
    terms: list[float] = []
    for direction, first in ((1, 0), (-1, -1)):
        for step in itertools.count():
            table = np.array(values[name])
            table[place] *= math.exp(_STEP * (first + direction * step))
            at = evaluator(case, program, {**values, name: table})
            terms.append(_term(at, name, place) + _term(at, owner, place) + math.log(table[place]))
            if terms[-1] < max(terms) - _NEGLIGIBLE:
                break
    return log_sum_exp(terms) + math.log(_STEP)


def _term(at: Evaluator, name: str, place: tuple[int, ...]) -> float:
    """The log density of one element of a relation."""
    site = at.program.site[name]
    where = {axis.variable: At(axis.set, position) for axis, position in zip(site.axes, place, strict=True) if axis.variable is not None}
    return at.log_density(site.right, at.draw(site, where), where)
