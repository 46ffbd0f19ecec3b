"""Params that an engine moves: `sigma_free = log(0.1) + sigma_free_move`, the latter an input that may be set anew at run time.

Of a program whose params live on R^n (after `unconstrain`); one that is not fitted by us keeps its params as they are, for other optimisers.
"""

from __future__ import annotations

from dataclasses import replace

from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, Input, Note, Param, Program, Site
from pplang._passes.plan import Rewrite

NAME = "movable"
_TUNED = Note("tuned")


def movable(rewrite: Rewrite) -> Rewrite:
    """The same with every param computed from its start and an input, whose default 0 leaves it there."""
    program = rewrite.program
    for param in program.params:
        program = _moved(program, param)
    return replace(rewrite, program=retype(replace(program, params=()))) if rewrite.program.params else rewrite


def _moved(program: Program, param: Param) -> Program:
    name = program.fresh_name(f"{param.name}_move")
    given = Input(name, tuple(axis.set for axis in param.axes), REAL, default=build.ZERO, notes=(_TUNED,), span=param.span)
    # A start that is computed may be a whole table over bare axes; else every member is computed by itself.
    bare = param.start is not None and not isinstance(param.start, ire.Number)
    axes = tuple(axis if bare or axis.variable else Axis(f"m{place}", axis.set) for place, axis in enumerate(param.axes))
    site = Site(param.name, axes, "deterministic", "model", build.ZERO, REAL, span=param.span, origin=(param.name, NAME))
    right = build.add(param.start or build.ZERO, build.element_of(site, name))
    return replace(program, inputs=(*program.inputs, given), sites=(replace(site, right=right), *program.sites))
