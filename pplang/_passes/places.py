"""The data that number the members of each sequence of an ordered set from 1, which passes need where `starting` may not stand."""

from __future__ import annotations

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Interval
from pplang._ir.program import Axis, Program, Site
from pplang._source import Span

_PLACES = Interval(1, integer=True)


def wanted(over: str) -> str:
    """What they would be called: `week_place`."""
    return f"{over.lower()}_place"


def known(program: Program, over: str) -> str | None:
    """Their name where the program has them already."""
    site = program.site.get(wanted(over))
    return site.name if site is not None and site.starting == build.ONE and site.sets == (over,) else None


def made(name: str, variable: str, over: str, origin: tuple[str, str], span: Span) -> Site:
    """The relation that computes them: one more than the member before, beginning with 1."""
    before = ire.Reference(name, (ire.Lag(variable, ire.Number(1)),))
    return Site(
        name,
        (Axis(variable, over),),
        "deterministic",
        "data",
        build.add(before, build.ONE),
        _PLACES,
        starting=build.ONE,
        origin=origin,
        span=span,
    )
