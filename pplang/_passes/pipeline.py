"""The passes in their one order, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

from pplang._ir.program import Program
from pplang._passes import (
    approximate,
    center,
    collapse,
    elements,
    expand_mixtures,
    forward,
    innovate,
    integrate,
    marginalize,
    movable,
    orthogonalize,
    pinned,
    split_missing,
    unconstrain,
    whiten,
)
from pplang._passes.plan import Choice, Compiled, Different, Pins, Stage

PASSES: tuple[ModuleType, ...] = (
    split_missing,
    approximate,
    forward,
    expand_mixtures,
    marginalize,
    integrate,
    orthogonalize,
    elements,
    collapse,
    center,
    whiten,
    innovate,
    unconstrain,
)
NAMES: tuple[str, ...] = tuple(one.NAME for one in PASSES)
OPTIONAL: tuple[str, ...] = ("expand_mixtures", "integrate", "orthogonalize", "collapse", "center", "whiten", "innovate")
"""Those that can be left out: without the others a program cannot be fitted."""


def run(
    program: Program,
    *,
    without: Iterable[str] = (),
    after: str | None = None,
    transported: bool = False,
    pins: Pins | None = None,
    sizes: Mapping[str, int] | None = None,
    different: Different | None = None,
) -> Compiled:
    """Decide and apply each pass in turn.

    `without`: names of passes to skip; `after`: the last pass to run; `transported`: latents get coordinates whose constants an engine will set
    (until then they are the non-centred ones), and params inputs that it moves; `pins`: choices that are settled beforehand; `sizes`: of the
    index sets, `different`: of rows, where the data are known. Raises ValueError for a name that is no pass, `Problems` (I82, I83) for pins that
    do not fit the program.
    """
    skipped = set(without)
    for name in (*skipped, *([after] if after else [])):
        if name not in NAMES:
            raise ValueError(name)
    source, stages, pins = program, list[Stage](), pins or {}
    for one in PASSES:
        if one.NAME not in skipped:
            choices = _decided(one, program, transported, sizes, different, pins.get(one.NAME, ()))
            rewrite = one.apply(program, choices)
            if one is unconstrain and transported:
                rewrite = movable.movable(rewrite)
            stages.append(Stage(one.NAME, choices, rewrite))
            program = rewrite.program
            if one is approximate and sizes is not None:
                sizes = approximate.with_basis(program, sizes)
        if after == one.NAME:
            break
    pinned.check_names([source, *(stage.program for stage in stages)], pins, NAMES)
    return Compiled(source, tuple(stages), pins)


def _decided(
    one: ModuleType,
    program: Program,
    transported: bool,
    sizes: Mapping[str, int] | None,
    different: Different | None,
    wanted: tuple[Choice, ...],
) -> tuple[Choice, ...]:
    """What a pass chooses, told what it asks for."""
    if one is center:
        return center.decide(program, transported=transported, fixed=pinned.fixed(program, wanted), sizes=sizes)
    if one is whiten:
        return whiten.decide(program, transported=transported, fixed=pinned.fixed_vectors(program, wanted), sizes=sizes)
    if one is innovate:
        return innovate.decide(program, transported=transported, fixed=pinned.chains(program, wanted))
    if one is orthogonalize:
        choices = orthogonalize.decide(program, sizes=sizes, wanted={choice.site: choice for choice in wanted})
        pinned.check_designs(program, choices, wanted)
    elif one is collapse:
        choices = collapse.decide(program, sizes=sizes, different=different, wanted={choice.site: choice.action for choice in wanted})
    else:
        choices = one.decide(program)
    pinned.check_same(one.NAME, choices, wanted)
    return choices
