"""The passes in their one order, on one page."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from pplang._ir.program import Program
from pplang._passes import center, forward, unconstrain
from pplang._passes.plan import Compiled, Stage

PASSES: tuple[ModuleType, ...] = (forward, center, unconstrain)
NAMES: tuple[str, ...] = tuple(one.NAME for one in PASSES)
OPTIONAL: tuple[str, ...] = ("center",)
"""Those that can be left out: without the others a program cannot be fitted."""


def run(program: Program, *, without: Iterable[str] = (), after: str | None = None, transported: bool = False) -> Compiled:
    """Decide and apply each pass in turn.

    `without`: names of passes to skip; `after`: the last pass to run; `transported`: latents get coordinates whose constants an engine will set
    (until then they are the non-centred ones). Raises ValueError for a name that is no pass.
    """
    skipped = set(without)
    for name in (*skipped, *([after] if after else [])):
        if name not in NAMES:
            raise ValueError(name)
    source, stages = program, list[Stage]()
    for one in PASSES:
        if one.NAME not in skipped:
            choices = one.decide(program, transported=transported) if one is center else one.decide(program)
            rewrite = one.apply(program, choices)
            stages.append(Stage(one.NAME, choices, rewrite))
            program = rewrite.program
        if after == one.NAME:
            break
    return Compiled(source, tuple(stages))
