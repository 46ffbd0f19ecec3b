"""What must hold of every program: the checks that the property tests and the long run share. A broken property is a `BrokenError`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from inspect import signature

import numpy as np

from pplang._check import check
from pplang._ir.kinds import REAL, Interval, Member
from pplang._ir.program import Empty, Input, Labels, NumberRange, Program
from pplang._ir.text import text
from pplang._lower import lower
from pplang._passes import pipeline
from pplang._passes.plan import Compiled, inference
from pplang._passes.supported import unsupported
from pplang._source import Source
from pplang._syntax.parse import parse
from tests.properties.machine import Lower, Machine, before_moving, machine
from tests.properties.outcome import DENSITY, MAP, BrokenError, Outcome
from tests.properties.programs import Case
from tests.properties.stages import Point, evaluator, move, start, unknowns
from tests.reference.evaluate import all_sets
from tests.reference.functions import OutsideDomainError


@lru_cache(maxsize=64)
def read(source_text: str) -> Program:
    """The typed program of a text that must be right."""
    source = Source("random.ppl", source_text)
    return check(parse(source), source)


# The program as text --------------------------------------------------------------------------------------------------


def examine_text(program: Program, what: str = "source") -> None:
    """The text of a program parses and checks to an equal program, and is itself left as it is."""
    written = text(program)
    again = read(written)
    if again != program:
        raise BrokenError(f"{what}: the text of the program reads as another one\n{written}\n{_difference(program, again)}")
    if text(again) != written:
        raise BrokenError(f"{what}: the text changes when it is read and written again")


def _difference(first: Program, second: Program) -> str:
    names = ("sets", "tables", "inputs", "params", "nets", "sites", "factors", "restrictions", "guide", "reward")
    for name in names:
        a, b = getattr(first, name), getattr(second, name)
        if a != b:
            if isinstance(a, tuple):
                pairs = itertools.zip_longest(a, b)
                return next(f"{name}: {x}\nagainst {y}" for x, y in pairs if x != y)
            return f"{name}: {a}\nagainst {b}"
    return ""


# Passes ---------------------------------------------------------------------------------------------------------------


def examine_passes(compiled: Compiled, sizes: Mapping[str, int] | None = None) -> None:
    """Each stage prints and reads; running any pass again changes nothing; annotations are obeyed. sizes: what the passes were told."""
    before = compiled.source
    for stage in compiled.stages:
        examine_text(stage.program, stage.name)
        module = next(one for one in pipeline.PASSES if stage.name == one.NAME)
        for one, where in ((stage.program, "as it is"), (read(text(stage.program)), "read again")):
            told = {"sizes": sizes} if "sizes" in signature(module.decide).parameters else {}
            again = module.apply(one, module.decide(one, **told))
            if again.program != stage.program or again.inverse:
                raise BrokenError(
                    f"{stage.name} run again on its result ({where}) changes it\n{text(stage.program)}\n-- to --\n{text(again.program)}"
                )
        if stage.name == "center":
            _obeyed(before, stage.program)
        before = stage.program


def _obeyed(before: Program, after: Program) -> None:
    for site in before.sites:
        if site.role == "latent" and any(note.name == "centered" for note in site.notes) and after.site[site.name] != site:
            raise BrokenError(f"`{site.name}` was moved in spite of @centered")


def examine_lowering(case: Case, compiled: Compiled, built: Machine, point: Point, outcome: Outcome) -> None:
    """The lowered density of every stage is that of the reference, relations have its values, gradients are finite where the density is."""
    found = built(point)
    names = ("source", *(stage.name for stage in compiled.stages))
    densities = list(found["densities"])
    if point.drawn is not None:
        outcome.agree("lowered density with what is discrete drawn", densities.pop(0), point.drawn[1], DENSITY)
    for at, density in zip(built.stages, densities, strict=True):
        outcome.agree(f"lowered density ({names[at]})", density, point.densities[at], DENSITY)
    reference = evaluator(case, inference(compiled.program), point.values[-1])
    sets = all_sets(compiled.program, case.sets, case.arrays)
    for name, value in found["computed"].items():
        if name in compiled.program.site:
            kind = compiled.program.site[name].kind
            numbers = isinstance(kind, Member) and not isinstance(sets[kind.set][0], str)
            # Members are places in the lowered model, numbers of a range in the reference.
            outcome.agree("lowered relations", np.asarray(sets[kind.set])[value] if numbers else value, reference.whole(name), DENSITY)
    if math.isfinite(point.densities[-1]):
        for name, slope in found["gradient"].items():
            if not np.isfinite(slope).all():
                raise BrokenError(f"the gradient in `{name}` is {slope} where the density is {point.densities[-1]}")
    if "jacobian" in found and math.isfinite(point.densities[-1]):
        _examine_jacobian(compiled, point, found["jacobian"], outcome)


def examine_gradients(compiled: Compiled, built: Machine, point: Point, rng: np.random.Generator) -> None:
    """Far from where a fit would begin, and at the origin, the gradient is finite wherever the density is."""
    for size in (0.0, 4.0):
        free = {name: size * rng.normal(size=value.shape) for name, value in point.values[-1].items()}
        found = built(replace(point, values=(*point.values[:-1], free)))
        density = found["densities"][-1]
        wrong = [name for name, slope in found["gradient"].items() if not np.isfinite(slope).all()]
        if np.isfinite(density) and wrong and _within_floats(compiled, found["computed"]):
            raise BrokenError(f"the gradient in `{wrong[0]}` is {found['gradient'][wrong[0]]} where the density is {density}, at {free}")


def _within_floats(compiled: Compiled, computed: Mapping[str, np.ndarray]) -> bool:
    """Is no relation's value infinite, or zero where it is positive?"""
    kinds = {name: compiled.program.site[name].kind for name in computed if name in compiled.program.site}
    positive = {name for name, kind in kinds.items() if isinstance(kind, Interval) and kind.lower >= 0 and kind.lower_open}
    return all(np.isfinite(computed[name]).all() and not (name in positive and (computed[name] == 0).any()) for name in kinds)


def _examine_jacobian(compiled: Compiled, point: Point, jacobian: Mapping[str, np.ndarray], outcome: Outcome) -> None:
    """log density after - log density before = log |det d original / d free|. Params carry no density and are left out."""
    last = inference(compiled.program)
    free = [name for name in unknowns(last) if name in last.site]
    columns = [jacobian[name].reshape(len(jacobian[name]), math.prod(jacobian[name].shape[1:])) for name in free]
    if not columns:
        return
    matrix = np.concatenate(columns, 1)
    sign, log_determinant = np.linalg.slogdet(matrix)
    if not sign:
        raise BrokenError("the map from free to original coordinates is singular")
    first = [stage.name for stage in compiled.stages].index("marginalize") + 1
    outcome.agree("log |det| by automatic differentiation", point.densities[-1], point.densities[first] + log_determinant, DENSITY)


def examine_inverse(case: Case, compiled: Compiled, point: Point, outcome: Outcome) -> None:
    """`Compiled.inverse()`, lowered to NumPy, gives the free coordinates of a point."""
    program = compiled.inverse()
    if not any(isinstance(program.set[axis].members, Empty) for one in program.inputs for axis in one.sets if axis in program.set):
        examine_text(program, "inverse")  # nobody may write such an input: how many cells are empty is known only after the data
    known = {**point.values[1], **point.values[0]}
    wanted = {name: value for name, value in known.items() if name in program.input}
    back = lower(program)
    found = back.prepare(sets=case.sets, **back.keywords({**case.arrays, **wanted}))
    for name in unknowns(inference(compiled.program)):
        value = found[name] if name in found else wanted[name]
        outcome.agree("inverse program", value, point.values[-1][name], MAP)


def with_constants(case: Case, compiled: Compiled, rng: np.random.Generator) -> Case:
    """The case with what the passes have made: the sets that they list, and random values for their inputs (constants of coordinates)."""
    made = [one for one in compiled.program.input.values() if one.name not in compiled.source.input]
    listed = {one.name: one.members.labels for one in compiled.program.sets if isinstance(one.members, Labels)}
    source = evaluator(case, compiled.source, {})
    for one in compiled.program.sets:
        if isinstance(one.members, NumberRange) and one.name not in case.sets:
            listed[one.name] = range(int(source.number(one.members.first, {})), int(source.number(one.members.last, {})) + 1)
    sets = all_sets(compiled.program, {**listed, **case.sets}, case.arrays)
    listed |= {one.name: sets[one.name] for one in compiled.program.sets if isinstance(one.members, Empty)}
    values = {one.name: _constant(one, tuple(len(sets[axis]) for axis in one.sets), rng) for one in made}
    return replace(case, sets={**listed, **case.sets}, arrays={**case.arrays, **values})


def _constant(one: Input, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A precision where it is over pairs of one set; otherwise a number of its kind."""
    value = rng.normal(size=shape)
    if len(one.sets) >= 2 and one.sets[-1] == one.sets[-2]:
        return value @ np.swapaxes(value, -1, -2)
    return value if one.kind == REAL else value**2


def how(seed: int) -> dict[str, int | bool]:
    """The ways in which the program of a seed is examined: all are met in turn. One in 25 is compiled by XLA."""
    return {"seed": seed, "jacobian": seed % 4 == 0, "transported": seed % 2 == 1, "sized": seed % 3 == 0, "compiled": seed % 25 == 24}


def examine(
    case: Case,
    seed: int = 0,
    *,
    points: int = 2,
    jacobian: bool = False,
    transported: bool = False,
    sized: bool = False,
    compiled: bool = False,
    lower: Lower = lower,
) -> Outcome:
    """All of it, for one program at a few random points. Raises `BrokenError`, or whatever pplang raises and should not.

    transported: latents get coordinates with constants, for which random ones are put in. sized: the passes know the sizes of the index sets.
    compiled: the lowered models are compiled by XLA; else what JAX has traced of them is evaluated in NumPy.
    """
    outcome = Outcome()
    program = read(case.text)
    examine_text(program)
    sizes = {name: len(members) for name, members in all_sets(program, case.sets, case.arrays).items()} if sized else None
    made = pipeline.run(program, transported=transported, sizes=sizes)
    examine_passes(made, sizes)
    if unsupported(program) is not None:
        outcome.unsupported = True
        return outcome
    case = with_constants(case, made, np.random.default_rng(seed))
    built = machine(case, made, jacobian=jacobian and bool(unknowns(before_moving(made))), compiled=compiled, lower=lower)
    rng = np.random.default_rng(seed)
    for _ in range(points):
        try:
            point = move(case, made, start(case, made, rng), outcome)
        except (OverflowError, ZeroDivisionError, OutsideDomainError, np.linalg.LinAlgError):
            outcome.skipped += 1
            continue
        if any(math.isnan(one) for one in point.densities):
            outcome.skipped += 1
            continue
        examine_inverse(case, made, point, outcome)
        examine_lowering(case, made, built, point, outcome)
        if not outcome.points:
            examine_gradients(made, built, point, rng)
        outcome.points += 1
    return outcome
