"""The lowered models of all stages of a program, and their derivatives by JAX, as one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from pplang._ir.kinds import Interval, Kind
from pplang._ir.program import Program
from pplang._lower import Lowered, lower
from pplang._passes.plan import Compiled, inference
from tests.properties.arithmetic import Traced
from tests.properties.outcome import BrokenError, Values
from tests.properties.programs import Case
from tests.properties.stages import Point, programs, unknowns
from tests.reference.evaluate import all_sets

Lower = Callable[[Program], Lowered]

_FAST = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
"""A program is compiled once and run twice, so that the compiler's time is what counts."""


@dataclass
class Machine:
    """Called with the values of all stages it gives their densities, and of the last the gradient and the values of its relations.

    stages: the places, in (source, stage, stage, ...), of the programs that differ from the one before; the last is always there. drawing: with
    the program that draws what was summed out. function: traced when it is first called.
    """

    stages: tuple[int, ...]
    programs: tuple[Program, ...]
    drawing: Program | None
    arguments: tuple[dict[str, np.ndarray], ...]
    function: Any
    compiled: bool
    _made: Any = None

    def __call__(self, point: Point) -> dict[str, Any]:
        with jax.enable_x64(True):
            values = [_as_sampled(program, point.values[at]) for program, at in zip(self.programs, self.stages, strict=True)]
            drawn = []
            if self.drawing is not None:
                assert point.drawn is not None
                drawn = [_as_sampled(self.drawing, point.drawn[0])]
            given = ([*drawn, *values], self.arguments)
            if self._made is None:
                self._made = jax.jit(self.function, compiler_options=_FAST) if self.compiled else Traced(self.function, *given)
            return jax.device_get(self._made(*given))


def machine(case: Case, made: Compiled, *, jacobian: bool, compiled: bool, lower: Lower = lower) -> Machine:
    """jacobian: also the Jacobian matrix of the latents before they are moved in the free ones, by automatic differentiation."""
    every = programs(made)
    stages = [at for at, one in enumerate(every) if at == len(every) - 1 or one != every[at + 1]]
    stages = [at for at in stages if all(site.role != "split" for site in every[at].sites)]
    drawing = next((stage.program for stage in made.stages if stage.rewrite.tables), None)
    lowered = [lower(one) for one in (*([drawing] if drawing is not None else []), *(every[at] for at in stages))]
    arguments = tuple(_arguments(case, one) for one in lowered)
    moved = before_moving(made)
    original = [site.name for site in moved.sites if site.role == "latent"]

    def all_stages(values: Any, known: Any) -> dict[str, Any]:
        densities = [_density(one, case, value, given)[0] for one, value, given in zip(lowered[:-1], values, known, strict=False)]
        final = lambda z: _density(lowered[-1], case, z, known[-1])  # noqa: E731
        (density, computed), gradient = jax.value_and_grad(final, has_aux=True)(values[-1])
        found = {"densities": [*densities, density], "gradient": gradient, "computed": computed}
        if jacobian:
            found["jacobian"] = jax.jacobian(lambda z: _coordinates(moved, case, original, z, final(z)[1]))(values[-1])
        return found

    return Machine(tuple(stages), tuple(every[at] for at in stages), drawing, arguments, all_stages, compiled)


def before_moving(made: Compiled) -> Program:
    """The program of inference whose latents are moved by the passes that follow."""
    return inference(made.after("marginalize"))


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
    """Tables as NumPyro has them: bound axes before bare ones; what is counted in whole numbers."""
    found = {}
    for name in unknowns(program):
        value, axes = np.asarray(values[name]), program.site[name].axes if name in program.site else ()
        order = sorted(range(value.ndim), key=lambda place, axes=axes: bool(axes) and axes[place].variable is None)
        found[name] = np.array(np.transpose(value, order), np.int64 if _is_counted(program.kind_of(name)) else float)
    return found


def _is_counted(kind: Kind) -> bool:
    return not isinstance(kind, Interval) or kind.integer


def _coordinates(program: Program, case: Case, original: list[str], free: Any, computed: Mapping[str, Any]) -> Any:
    """The latents of a program as a flat vector of as many numbers as there are free ones (a simplex without its last part, and so on)."""
    parts = []
    for name in original:
        value, site = computed.get(name, free.get(name)), program.site[name]
        structure = site.structure
        if name in computed:
            order = sorted(range(jnp.ndim(value)), key=lambda place, axes=site.axes: axes[place].variable is None)
            value = jnp.transpose(value, order)
        if site.fixing:
            labels = [label for label, _ in site.fixing]
            value = value[np.array([one not in labels for one in all_sets(program, case.sets, case.arrays)[site.sets[0]]])]
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
