"""What must hold of every program: the checks that the property tests and the long run share. A broken property is a `BrokenError`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from pplang._check import check
from pplang._ir.kinds import REAL
from pplang._ir.program import Input, Labels, Program, Site
from pplang._ir.text import text
from pplang._lower import Lowered, lower
from pplang._passes import pipeline
from pplang._passes.plan import Compiled, Rewrite
from pplang._passes.supported import unsupported
from pplang._source import Source
from pplang._syntax.parse import parse
from tests.properties.programs import Case
from tests.reference.evaluate import Evaluator, all_sets
from tests.reference.functions import OutsideDomainError
from tests.reference.points import random_point

DENSITY, MAP = 1e-8, 1e-10
"""How far a density and a coordinate may be off, relative to the larger of one and its size."""

Values = Mapping[str, np.ndarray]


class BrokenError(AssertionError):
    """A property that does not hold, with what was found."""


@dataclass
class Outcome:
    """The largest errors seen in one program, by what was compared. skipped: points whose values leave the floats.

    unsupported: it cannot be fitted yet, so that only its text was examined.
    """

    errors: dict[str, float] = field(default_factory=dict)
    points: int = 0
    skipped: int = 0
    unsupported: bool = False

    def agree(self, what: str, found: Any, expected: Any, tolerance: float) -> None:
        """Compare numbers or tables; raises `BrokenError` where they differ."""
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        if found.shape != expected.shape:
            raise BrokenError(f"{what}: the shape is {found.shape}, not {expected.shape}")
        if not found.size:
            return
        with np.errstate(invalid="ignore"):
            gap = np.where(found == expected, 0.0, np.abs(found - expected) / np.maximum(1, np.abs(expected)))
        worst = float(np.max(np.where(np.isnan(gap), np.inf, gap)))
        self.errors[what] = max(worst, self.errors.get(what, 0.0))
        if not worst <= tolerance:
            raise BrokenError(f"{what}: {found} where {expected} is right (off by {worst:.2g})")


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


def examine_passes(compiled: Compiled) -> None:
    """Each stage prints and reads; running any pass again changes nothing; annotations are obeyed."""
    before = compiled.source
    for stage in compiled.stages:
        examine_text(stage.program, stage.name)
        module = next(one for one in pipeline.PASSES if stage.name == one.NAME)
        for one, where in ((stage.program, "as it is"), (read(text(stage.program)), "read again")):
            again = module.apply(one, module.decide(one))
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


# Values ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """The latents and params of each program of a run, the source first; and the log densities by the reference."""

    values: tuple[Values, ...]
    densities: tuple[float, ...]


def unknowns(program: Program) -> list[str]:
    return [*(one.name for one in program.params), *(site.name for site in program.sites if site.role == "latent")]


def move(case: Case, compiled: Compiled, values: Values, outcome: Outcome) -> Point:
    """Take values of the source's latents through the passes by their declared inverses; every stage by the reference alone.

    Checks that each way there is undone by the program's own relations, and the declared Jacobian.
    """
    before, found = compiled.source, [dict(values)]
    densities = [_evaluator(case, before, values).joint()]
    for stage in compiled.stages:
        now = _moved(case, before, stage.rewrite, found[-1])
        after = _evaluator(case, stage.program, now)
        for name in unknowns(before):
            if name in stage.program.site or name in stage.program.param:
                outcome.agree(f"{stage.name}: way back to `{name}`", after.whole(name), found[-1][name], MAP)
        densities.append(after.joint())
        if math.isfinite(densities[-2]):
            left_out = sum(
                _evaluator(case, before, found[-1]).site_density(one.name) for one in before.sites if _dropped(one, stage.program)
            )
            moved = Evaluator(stage.program, case.sets, {**case.arrays, **found[-1], **now})
            jacobian = math.fsum(moved.number(term, {}) for term in stage.rewrite.log_jacobian)
            outcome.agree(f"{stage.name}: density and Jacobian", densities[-1] + left_out, densities[-2] + jacobian, DENSITY)
        found.append(now)
        before = stage.program
    return Point(tuple(found), tuple(densities))


def _dropped(site: Site, after: Program) -> bool:
    return site.role == "latent" and site.name not in after.site


def _evaluator(case: Case, program: Program, values: Values) -> Evaluator:
    return Evaluator(program, case.sets, {**case.arrays, **values})


def _moved(case: Case, before: Program, rewrite: Rewrite, values: Values) -> dict[str, np.ndarray]:
    after = rewrite.program
    both = _evaluator(case, replace(before, sites=(*before.sites, *rewrite.inverse), sets=after.sets, inputs=after.inputs), values)
    new = {site.name for site in rewrite.inverse}
    return {name: both.whole(name) if name in new else values[name] for name in unknowns(rewrite.program)}


# Lowering -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Machine:
    """The lowered models of all stages in one compiled function, called with the values of all stages.

    stages: the places, in (source, stage, stage, ...), of the programs that differ from the one before; the last is always there.
    """

    stages: tuple[int, ...]
    programs: tuple[Program, ...]
    arguments: tuple[dict[str, np.ndarray], ...]
    function: Any

    def __call__(self, point: Point) -> dict[str, Any]:
        with jax.enable_x64(True):
            values = tuple(_as_sampled(program, point.values[at]) for program, at in zip(self.programs, self.stages, strict=True))
            return jax.device_get(self.function(values, self.arguments))


Lower = Callable[[Program], Lowered]


def machine(case: Case, compiled: Compiled, *, jacobian: bool, lower: Lower = lower) -> Machine:
    """jacobian: also the Jacobian matrix of the source's latents in the free ones, by automatic differentiation."""
    every = (compiled.source, *(stage.program for stage in compiled.stages))
    stages = tuple(at for at, one in enumerate(every) if at == len(every) - 1 or one != every[at + 1])
    programs = tuple(every[at] for at in stages)
    lowered = tuple(lower(one) for one in programs)
    arguments = tuple(_arguments(case, one) for one in lowered)
    original = unknowns(compiled.after("forward"))

    def all_stages(values: Any, known: Any) -> dict[str, Any]:
        densities = [_density(one, case, value, given)[0] for one, value, given in zip(lowered[:-1], values, known, strict=False)]
        final = lambda z: _density(lowered[-1], case, z, known[-1])  # noqa: E731
        (density, computed), gradient = jax.value_and_grad(final, has_aux=True)(values[-1])
        found = {"densities": [*densities, density], "gradient": gradient, "computed": computed}
        if jacobian:
            found["jacobian"] = jax.jacobian(lambda z: _coordinates(compiled.source, case, original, z, final(z)[1]))(values[-1])
        return found

    return Machine(stages, programs, arguments, jax.jit(all_stages, compiler_options=_FAST))


_FAST = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
"""Each program is compiled once and run twice, so that the compiler's time is what counts."""


def _arguments(case: Case, lowered: Lowered) -> dict[str, np.ndarray]:
    return lowered.select({**case.arrays, **lowered.prepare(sets=case.sets, **lowered.keywords(case.arrays))})


def _density(lowered: Lowered, case: Case, values: Any, known: Any) -> tuple[Any, dict[str, Any]]:
    """The log density, and the values of all relations that the model has as sites."""
    model = handlers.substitute(lowered.model, data=values)
    trace = handlers.trace(model).get_trace(sets=case.sets, **known)
    sampled = [one for one in trace.values() if one["type"] == "sample"]
    unexpected = {one["name"] for one in sampled if not one["is_observed"]} - set(values)
    if unexpected:
        raise BrokenError(f"the model draws {sorted(unexpected)}, which are no latents of the program")
    terms = (one["fn"].log_prob(one["value"]) * (1.0 if one["scale"] is None else one["scale"]) for one in sampled)
    computed = {one["name"]: one["value"] for one in trace.values() if one["type"] == "deterministic"}
    return sum((jnp.sum(one) for one in terms), start=jnp.zeros(())), computed


def _as_sampled(program: Program, values: Values) -> dict[str, np.ndarray]:
    """Tables as NumPyro has them: bound axes before bare ones."""
    found = {}
    for name, value in values.items():
        axes = program.site[name].axes if name in program.site else ()
        order = sorted(range(value.ndim), key=lambda place, axes=axes: bool(axes) and axes[place].variable is None)
        found[name] = np.array(np.transpose(value, order))
    return found


def _coordinates(source: Program, case: Case, original: list[str], free: Any, computed: Mapping[str, Any]) -> Any:
    """The source's latents as a flat vector of as many numbers as there are free ones (a simplex without its last part, and so on)."""
    parts = []
    for name in original:
        value = computed.get(name, free.get(name))
        site = source.site.get(name)
        structure = site.structure if site is not None else None
        if site is not None and name in computed:
            order = sorted(range(jnp.ndim(value)), key=lambda place, axes=site.axes: axes[place].variable is None)
            value = jnp.transpose(value, order)
        if site is not None and site.fixing:
            labels = [label for label, _ in site.fixing]
            value = value[np.array([one not in labels for one in all_sets(source, case.sets, case.arrays)[site.sets[0]]])]
        if structure == "simplex":
            value = value[..., :-1]
        elif structure == "sum_to_zero":
            size = value.shape[-1]
            basis, _ = np.linalg.qr(np.eye(size)[:, 1:] - 1 / size)
            value = value @ basis
        elif structure in ("correlation", "correlation_cholesky"):
            rows, columns = np.tril_indices(value.shape[-1], -1)
            value = value[..., rows, columns]
        parts.append(jnp.ravel(value))
    return jnp.concatenate([jnp.zeros(0), *parts])


def examine_lowering(case: Case, compiled: Compiled, built: Machine, point: Point, outcome: Outcome) -> None:
    """The lowered density of every stage is that of the reference, relations have its values, gradients are finite where the density is."""
    found = built(point)
    names = ("source", *(stage.name for stage in compiled.stages))
    for at, density in zip(built.stages, found["densities"], strict=True):
        outcome.agree(f"lowered density ({names[at]})", density, point.densities[at], DENSITY)
    reference = _evaluator(case, compiled.program, point.values[-1])
    for name, value in found["computed"].items():
        if name in compiled.program.site:
            outcome.agree("lowered relations", value, reference.whole(name), DENSITY)
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
        found = built(Point((*point.values[:-1], free), point.densities))
        density = found["densities"][-1]
        wrong = [name for name, slope in found["gradient"].items() if not np.isfinite(slope).all()]
        if np.isfinite(density) and wrong:
            raise BrokenError(f"the gradient in `{wrong[0]}` is {found['gradient'][wrong[0]]} where the density is {density}, at {free}")


def _examine_jacobian(compiled: Compiled, point: Point, jacobian: Mapping[str, np.ndarray], outcome: Outcome) -> None:
    """log density after - log density before = log |det d original / d free|. Params carry no density and are left out."""
    free = [name for name in unknowns(compiled.program) if name in compiled.program.site]
    rows = _rows_of_latents(compiled, point)
    columns = [jacobian[name].reshape(len(jacobian[name]), -1) for name in free]
    if not columns:
        return
    matrix = np.concatenate(columns, 1)[rows]
    sign, log_determinant = np.linalg.slogdet(matrix)
    if not sign:
        raise BrokenError("the map from free to original coordinates is singular")
    first = [stage.name for stage in compiled.stages].index("forward") + 1
    outcome.agree("log |det| by automatic differentiation", point.densities[-1], point.densities[first] + log_determinant, DENSITY)


def _rows_of_latents(compiled: Compiled, point: Point) -> slice:
    """Coordinates of the params come first."""
    return slice(sum(point.values[0][one.name].size for one in compiled.source.params), None)


def examine_inverse(case: Case, compiled: Compiled, point: Point, outcome: Outcome) -> None:
    """`Compiled.inverse()`, lowered to NumPy, gives the free coordinates of a point."""
    program = compiled.inverse()
    examine_text(program, "inverse")
    wanted = {name: value for name, value in point.values[0].items() if name in program.input}
    back = lower(program)
    found = back.prepare(sets=case.sets, **back.keywords({**case.arrays, **wanted}))
    for name in unknowns(compiled.program):
        value = found[name] if name in found else wanted[name]
        outcome.agree("inverse program", value, point.values[-1][name], MAP)


def with_constants(case: Case, compiled: Compiled, rng: np.random.Generator) -> Case:
    """The case with what the passes have made: the sets that they list, and random values for their inputs (constants of coordinates)."""
    made = [one for one in compiled.program.input.values() if one.name not in compiled.source.input]
    sets = Evaluator(compiled.program, case.sets, {}).sets
    values = {one.name: _constant(one, tuple(len(sets[axis]) for axis in one.sets), rng) for one in made}
    listed = {one.name: one.members.labels for one in compiled.program.sets if isinstance(one.members, Labels)}
    return Case(case.text, {**listed, **case.sets}, {**case.arrays, **values})


def _constant(one: Input, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A precision where it is over pairs of one set; otherwise a number of its kind."""
    value = rng.normal(size=shape)
    if len(one.sets) >= 2 and one.sets[-1] == one.sets[-2]:
        return value @ np.swapaxes(value, -1, -2)
    return value if one.kind == REAL else value**2


def examine(
    case: Case, seed: int = 0, *, points: int = 2, jacobian: bool = False, transported: bool = False, lower: Lower = lower
) -> Outcome:
    """All of it, for one program at a few random points. Raises `BrokenError`, or whatever pplang raises and should not.

    transported: latents get coordinates with constants, for which random ones are put in.
    """
    outcome = Outcome()
    program = read(case.text)
    examine_text(program)
    compiled = pipeline.run(program, transported=transported)
    examine_passes(compiled)
    if unsupported(program) is not None:
        outcome.unsupported = True
        return outcome
    case = with_constants(case, compiled, np.random.default_rng(seed))
    built = machine(case, compiled, jacobian=jacobian and bool(unknowns(compiled.program)), lower=lower)
    rng = np.random.default_rng(seed)
    for _ in range(points):
        try:
            point = move(case, compiled, random_point(program, case.sets, case.arrays, rng), outcome)
        except (OverflowError, ZeroDivisionError, OutsideDomainError):
            outcome.skipped += 1
            continue
        if any(math.isnan(one) for one in point.densities):
            outcome.skipped += 1
            continue
        examine_inverse(case, compiled, point, outcome)
        examine_lowering(case, compiled, built, point, outcome)
        if not outcome.points:
            examine_gradients(compiled, built, point, rng)
        outcome.points += 1
    return outcome
