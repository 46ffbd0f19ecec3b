"""Chains in the coordinates of their innovations, or between those and their values.

For x_t = a_t x_{t-1} + c_t + s_t z_t everything below the chain is summed up by evidence exp(b_t x_t - h_t x_t^2 / 2) for each member, as in
`transport`. What lies at or after t is then evidence h*_t, b*_t for x_t given x_{t-1} (the backward information filter, `precision_ahead` and
`pull_ahead`), so that each member is the transport of one element with the location m_t = a_t x_{t-1} + c_t:

    A_t = 1 + s_t^2 h*_t,   z_t = s_t (b*_t - h*_t m_t) / A_t + raw_t / sqrt(A_t),   x_t = (m_t + s_t^2 b*_t) / A_t + s_t raw_t / sqrt(A_t).

This is th = Q^-1 (P mu + b) + U^-T raw with Q = P + diag(h) = U U', U upper bidiagonal, P the tridiagonal precision of the prior: linear work,
exact for any constants, and with h = b = 0 the innovations themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pplang._check import graph
from pplang._check.recurrences import Recurrence
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.affine import affine_parts
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, Input, Note, NumberRange, Program, Site
from pplang._passes import places, transport
from pplang._passes.plan import Transport

ORIGIN = "innovate"
_ALONE = Note("centered")


def parts(program: Program, site: Site, recurrence: Recurrence) -> tuple[ire.Expression, ire.Expression] | None:
    """(a, c) of a normal chain that steps by one and is affine in its last member, neither depending on the chain; None for others."""
    right, starting = site.right, site.starting
    if not isinstance(right, ire.Distribution) or right.name != "Normal" or not isinstance(starting, ire.Distribution):
        return None
    if set(recurrence.longest[site.name]) != {1} or recurrence.whole or site.event:
        return None
    variable = recurrence.variable(site)
    indices = tuple(
        ire.Lag(variable, ire.Number(1)) if axis.variable == variable else ire.Variable(axis.variable or "") for axis in site.axes
    )
    mean, sd = right.argument("mean"), right.argument("sd")
    assert mean is not None
    found = affine_parts(mean, ire.Reference(site.name, indices))
    if found is None:
        return None
    others = [one for one in (*found, sd, *(value for _, value in starting.arguments)) if one is not None]
    names = {edge.parent for one in others for edge in graph.mentions(one)}
    return None if site.name in names | _above(program, names) else found


def _above(program: Program, names: set[str]) -> set[str]:
    """Every name on which some names depend."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        site = program.site.get(pending.pop())
        for edge in graph.edges(site) if site is not None and site.role != "observed" else ():
            if edge.parent not in found:
                found.add(edge.parent)
                pending.append(edge.parent)
    return found


@dataclass(frozen=True)
class Moved:
    """A chain rewritten: what takes its place, the way back, and what the engine has to know."""

    sites: tuple[Site, ...]
    inputs: tuple[Input, ...]
    inverse: tuple[Site, ...]
    log_jacobian: ire.Expression
    transport: Transport | None = None


class Builder(transport.Builder):
    """source: the program in which no chain has been moved yet, where the evidence is read off."""

    origin = ORIGIN

    def __init__(self, source: Program, program: Program, site: Site, recurrence: Recurrence | None) -> None:
        super().__init__(program, site, source=source)
        self.recurrence = recurrence
        self.stepping = stepping(site)
        self.own = build.element_of(site)
        self.starting = site.starting if isinstance(site.starting, ire.Distribution) else None
        self.places: dict[str, str] = {}

    # both forms

    def innovations(self) -> Moved:
        """`x_raw` standard, `x` computed of it."""
        family, own = self.family, self.own
        scale = self.scale()
        raw_name = self.name("raw")
        raw = ire.Reference(raw_name, own.indices)
        first, then = (None if one is None else self._valued(one, scale, raw) for one in (self.starting, self.right))
        assert then is not None
        normal = ire.Distribution("Normal", (("mean", build.ZERO), ("sd", build.ONE)))
        base = normal if family.log else self._standard()
        along = build.call("log", own) if family.log else own
        then_back, first_back = (
            None if one is None else build.divide(build.subtract(along, self.location_of(one)), scale)
            for one in (self.right, self.starting)
        )
        assert then_back is not None
        term = build.call("log", scale)
        term = build.add(term, along) if family.log else term
        drawn, computed = self._relations(raw_name, base, then, first)
        then_back, first_back = self._joined(then_back, first_back)
        inverse = replace(drawn, role="deterministic", right=then_back, starting=first_back, notes=(), report=False)
        return Moved((*self.sites, drawn, computed), (), (*self.sites, inverse), build.sum_over(self.site, term))

    def transported(self) -> Moved:
        """The coordinates whose constants an engine sets."""
        assert self.recurrence is not None and self.starting is not None
        affine = parts(self.source, self.source.site[self.site.name], self.recurrence)
        assert affine is not None
        own = self.own
        scale = self.scale(named=True)
        step, drift = self.known("step", affine[0]), self.known("drift", affine[1])
        location = self.following("location", self.location_of(self.right), self.location_of(self.starting))
        hypers, weight, pull = self._evidence(own)
        h_name, b_name = self.constant("h", self.site.sets, nonnegative=True), self.constant("b", self.site.sets)
        h, b = ire.Reference(h_name, own.indices), ire.Reference(b_name, own.indices)
        growth = self.define("growth", build.call("exp", weight), ()) if weight is not None else build.ONE
        precision = self.define("precision", build.multiply(growth, h))
        toward = self.define("pull", build.multiply(growth, build.add(b, *pull)))
        ahead = self.along_time("ahead", "precision_ahead", precision, step, scale)
        drawn_to = self.along_time("pull_ahead", "pull_ahead", toward, ahead, step, drift, scale)
        square = build.power(scale, ire.Number(2))
        total = build.add(build.ONE, build.multiply(ahead, square))
        spread = self.define("spread", build.divide(build.ONE, build.call("sqrt", total)))
        shrunk = build.power(spread, ire.Number(2))
        residual = build.subtract(drawn_to, build.multiply(ahead, location))
        shift = self.define("shift", build.multiply(scale, residual, shrunk))
        raw_name = self.name("raw")
        raw = ire.Reference(raw_name, own.indices)
        base = ire.Distribution(
            "Transformed", (("distribution", self._standard()), ("bijection", ire.Bijection("affine", (shift, spread))))
        )
        noise = build.multiply(scale, spread, raw)

        def value(of: ire.Distribution) -> ire.Expression:
            return build.add(build.multiply(build.add(self.location_of(of), build.multiply(square, drawn_to)), shrunk), noise)

        drawn, computed = self._relations(raw_name, base, value(self.right), value(self.starting))
        back = build.divide(build.subtract(build.divide(build.subtract(own, location), scale), shift), spread)
        inverse = replace(drawn, role="deterministic", right=back, notes=(), report=False)
        term = build.sum_over(self.site, build.call("log", build.multiply(scale, spread)))
        record = Transport(
            site=self.site.name,
            raw=raw_name,
            log=False,
            location=transport.named(location),
            scale=transport.named(scale),
            shift=transport.named(shift),
            spread=transport.named(spread),
            growth=transport.named(growth),
            h=h_name,
            b=b_name,
            hyperparameters=hypers,
            step=transport.named(step),
        )
        return Moved((*self.sites, drawn, computed), tuple(self.inputs), (*self.sites, inverse), term, record)

    def _relations(self, raw: str, base: ire.Expression, then: ire.Expression, first: ire.Expression | None) -> tuple[Site, Site]:
        """The coordinate, drawn, and the chain, computed."""
        site, origin = self.site, (self.site.name, ORIGIN)
        kept = tuple(note for note in site.notes if note.name not in ("centered", "noncentered", "partial"))
        then, first = self._joined(then, first)
        drawn = replace(site, name=raw, right=base, starting=None, kind=REAL, notes=(*kept, _ALONE), origin=origin)
        computed = replace(site, role="deterministic", right=then, starting=first, notes=(), origin=origin)
        return drawn, computed

    def _valued(self, of: ire.Distribution, scale: ire.Expression, raw: ire.Expression) -> ire.Expression:
        inside = build.add(self.location_of(of), build.multiply(scale, raw))
        return build.call("exp", inside) if self.family.log else inside

    # parts

    def location_of(self, one: ire.Distribution) -> ire.Expression:
        assert self.family.location is not None
        return one.argument(self.family.location) or build.ZERO

    def scale_of(self, one: ire.Distribution) -> ire.Expression:
        assert self.family.scale is not None
        scale = one.argument(self.family.scale) or build.ONE
        return build.divide(build.ONE, scale) if self.family.inverse_scale else scale

    def scale(self, *, named: bool = False) -> ire.Expression:
        """The scale of every member; a name of its own where the beginning has another one."""
        then = self.scale_of(self.right)
        first = then if self.starting is None else self.scale_of(self.starting)
        if _looks_back(then) and self.starting is not None:
            return self.following("scale", then, first)
        if first == then:
            return self.define("scale", then) if named else then
        return self.define("scale", ire.IfElse(self._has_past(), then, first))

    def known(self, part: str, value: ire.Expression) -> ire.Expression:
        """A definition for all members; where there is no past it does not matter."""
        return self.following(part, value, build.ZERO)

    def following(self, part: str, value: ire.Expression, first: ire.Expression) -> ire.Expression:
        """A definition with a beginning, if it looks back."""
        made = self.define(part, value)
        if _looks_back(value):
            self.sites[-1] = replace(self.sites[-1], starting=first)
        return made

    def _joined(self, then: ire.Expression, first: ire.Expression | None) -> tuple[ire.Expression, ire.Expression | None]:
        """A definition and its beginning; in one, where the definition itself does not look back."""
        if first is None or first == then or _looks_back(then):
            return then, None if first == then else first
        return ire.IfElse(self._has_past(), then, first), None

    def along_time(self, part: str, function: str, *tables: ire.Expression) -> ire.Expression:
        """A function of whole tables over the stepping axis; its value at the member."""
        stepping = self.stepping
        assert stepping is not None

        def whole(one: ire.Expression) -> ire.Expression:
            assert isinstance(one, ire.Reference)
            slots: list[ire.Expression] = [ire.Whole() if slot == ire.Variable(stepping) else slot for slot in one.indices]
            while slots and isinstance(slots[-1], ire.Whole):
                slots.pop()
            return ire.Reference(one.name, tuple(slots))

        axes = tuple(Axis(None, axis.set) if axis.variable == stepping else axis for axis in self.site.axes)
        name = self.name(part)
        value = build.call(function, *map(whole, tables))
        self.sites.append(Site(name, axes, "deterministic", "model", value, REAL, origin=(self.site.name, ORIGIN), span=self.site.span))
        return ire.Reference(name, self.own.indices)

    def _has_past(self) -> ire.Expression:
        """Is the place of a member in its sequence beyond the steps that the relation takes back?"""
        variable = self.stepping
        assert variable is not None
        over = next(axis.set for axis in self.site.axes if axis.variable == variable)
        place = ire.Reference(self._place(variable, over), (ire.Variable(variable),))
        lags = list(graph.lags(self.site.right))
        fixed = max((int(one.by.value) for one in lags if isinstance(one.by, ire.Number)), default=0)
        ranges = {binder.set for one in ire.walk(self.site.right) for binder in getattr(one, "binders", ())
                  if any(lag.by == ire.Variable(binder.variable) for lag in lags)}  # fmt: skip
        tests = [ire.Compare(">", place, ire.Number(fixed))] if fixed else []
        for one in sorted(ranges):
            members = self.program.set[one].members
            assert isinstance(members, NumberRange)
            tests.append(ire.Compare(">", place, members.last))
        return tests[0] if len(tests) == 1 else ire.Logical("and", tuple(tests))

    def _place(self, variable: str, over: str) -> str:
        """The name of the data that number the members of each sequence, made if need be."""
        known = places.known(self.program, over) or self.places.get(over)
        if known is not None:
            return known
        name = self.places[over] = self.program.fresh_name(places.wanted(over))
        self.sites.append(places.made(name, variable, over, (self.site.name, ORIGIN), self.site.span))
        return name


def stepping(site: Site) -> str | None:
    """The one plate variable from which a relation steps back; None where there are several, or none."""
    plates = {axis.variable for axis in site.axes}
    found = {one.variable for one in graph.lags(site.right) if one.variable in plates}
    return found.pop() if len(found) == 1 else None


def _looks_back(node: ire.Expression) -> bool:
    return any(isinstance(one, ire.Lag) for one in ire.walk(node))
