"""integrate: the states of a normal chain that `@integrate` asks for are integrated out exactly; they come back by smoothing.

    @integrate
    level[t in Week] ~ Normal(level[t-1], s)
      starting Normal(0, 10)
    sales[t in Week] ~ Normal(level[t], s_obs)

Given all else the data of each member are evidence exp(k_t + b_t x_t - h_t x_t^2 / 2) for it, and what lies at or after t is evidence h*_t, b*_t for x_t
(the backward information filter, see `innovations`). With x_t = a_t x_{t-1} + c_t + s_t z_t and A_t = 1 + s_t^2 h*_t,

    log p(data) = sum_t k_t + (s_t^2 b*_t^2 + 2 c_t b*_t - h*_t c_t^2) / (2 A_t) - log(A_t) / 2,
    x_t | x_{t-1}, data ~ Normal((a_t x_{t-1} + c_t + s_t^2 b*_t) / A_t, s_t / sqrt(A_t)),

where the first member has the mean of its beginning in the place of c_t. The sum becomes a factor; the second line is a generated relation, drawn once for
each posterior draw. It is the Kalman filter and smoother run the other way (Durbin and Koopman 2012, chapter 4), with the gaps of the data as they come.
After it: no latent of inference has `@integrate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pplang._check import graph
from pplang._check.recurrences import Recurrence, groups
from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.affine import affine_parts
from pplang._ir.program import Factor, Program, Site
from pplang._ir.substitute import substitute
from pplang._passes import innovate, innovations
from pplang._passes.plan import Choice, Rewrite

NAME = "integrate"
NOTE = "integrate"


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each chain that `@integrate` asks for."""
    reason = "it and what is observed of it are normal: integrated out by the filter of Kalman, drawn back by smoothing"
    return tuple(Choice(site.name, "integrate", reason) for site in asked(program) if refusal(program, site) is None)


def asked(program: Program) -> Iterator[Site]:
    """The latents of inference with the annotation."""
    for site in program.sites:
        if site.role == "latent" and site.level == "model" and any(note.name == NOTE for note in site.notes):
            yield site


def refusal(program: Program, site: Site) -> str | None:
    """Why a latent cannot be integrated out, in words that follow "because"; None where it can be."""
    recurrence = _recurrence(program, site)
    if recurrence is None or innovate.obstacle(site) is not None or innovations.parts(program, site, recurrence) is None:
        return "it is no normal chain in which each member is a multiple of the last plus something known"
    users = _users(program, site)
    extra = [*(factor.value for factor in program.factors), *(one.condition for one in program.restrictions)]
    if any(edge.parent == site.name for root in extra for edge in graph.mentions(root)):
        return "a factor or a restriction mentions it"
    if not users:
        return "nothing is observed of it"
    for one in users:
        why = _unfit(program, site, one)
        if why is not None:
            return f"`{one.name}` depends on it and {why}"
    shared = {name for one in users for name in _unknowns(one) - {site.name} if name in program.site}
    other = next((one for one in asked(program) if one.name in shared), None)
    return None if other is None else f"what is observed of it depends on `{other.name}` too, which is to be integrated out"


def _recurrence(program: Program, site: Site) -> Recurrence | None:
    return next((group for group in groups(program) if isinstance(group, Recurrence) and group.sites == (site.name,)), None)


def _users(program: Program, site: Site) -> list[Site]:
    """The other relations of inference that mention a latent."""
    inference = (one for one in program.sites if one.name != site.name and one.level != "generated")
    return [one for one in inference if any(edge.parent == site.name for edge in graph.edges(one))]


def _unknowns(site: Site) -> set[str]:
    return {edge.parent for edge in graph.edges(site) if edge.parent != site.name}


def _unfit(program: Program, chain: Site, child: Site) -> str | None:
    """Why a relation is no normal observation of single members of a chain; None where it is."""
    if child.role != "observed" or child.value is not None or child.name not in {**program.column, **program.input}:
        return "is not a column that is observed"
    if not isinstance(child.right, ire.Distribution) or child.right.name != "Normal":
        return "is not normal"
    if child.weight is not None or child.starting is not None or child.event:
        return "has clauses or bare axes"
    return None if _observed(chain, child) is not None else "is not of the form Normal(a * x[t] + b, s), for the same members"


def _observed(chain: Site, child: Site) -> tuple[ire.Expression, ire.Expression, ire.Expression, dict[str, ire.Expression]] | None:
    """(a, b, s) of Normal(a x + b, s), and what the child's variables are called in the chain's relation."""
    assert isinstance(child.right, ire.Distribution)
    mean, sd = child.right.argument("mean"), child.right.argument("sd")
    assert mean is not None and sd is not None
    found = {part for part in ire.walk(mean) if isinstance(part, ire.Reference) and part.name == chain.name}
    if len(found) != 1:
        return None
    (own,) = found
    letters = [index.name for index in own.indices if isinstance(index, ire.Variable)]
    if len(letters) != len(chain.axes) or set(letters) != {axis.variable for axis in child.axes} or len(set(letters)) < len(letters):
        return None
    parts = affine_parts(mean, own)
    others = (*(parts or ()), sd, *((child.where,) if child.where is not None else ()))
    if parts is None or any(edge.parent == chain.name for one in others for edge in graph.mentions(one)):
        return None
    renamed: dict[str, ire.Expression] = {
        letter: ire.Variable(axis.variable or "") for letter, axis in zip(letters, chain.axes, strict=True)
    }
    return *parts, sd, renamed


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each chain as a factor and a relation that draws it."""
    places: set[str] = set()
    for choice in choices:
        builder = _Builder(program, program.site[choice.site])
        program = builder.eliminated()
        places |= set(builder.places.values())
    if not choices:
        return Rewrite(program)
    program = retype(program)
    # What numbers the members is used again by other chains, and on their way back.
    return Rewrite(program, tuple(program.site[name] for name in sorted(places)), integrated=tuple(choice.site for choice in choices))


class _Builder(innovations.Builder):
    origin = NAME

    def __init__(self, program: Program, site: Site) -> None:
        super().__init__(program, program, site, _recurrence(program, site))

    def eliminated(self) -> Program:
        """The chain as a generated relation, and its data as a factor."""
        assert self.recurrence is not None and self.starting is not None
        affine = innovations.parts(self.program, self.site, self.recurrence)
        assert affine is not None
        children = _users(self.program, self.site)
        scale = self.scale(named=True)
        step, drift = self.known("step", affine[0]), self.known("drift", affine[1])
        offset = self._offset(affine[1])
        known, pull, precision = (build.add(*terms) for terms in zip(*map(self._evidence_of, children), strict=True))
        precision, pull = self.define("precision", precision), self.define("pull", pull)
        ahead = self.along_time("ahead", "precision_ahead", precision, step, scale)
        drawn_to = self.along_time("pull_ahead", "pull_ahead", pull, ahead, step, drift, scale)
        square = build.power(scale, ire.Number(2))
        total = self.define("total", build.add(build.ONE, build.multiply(ahead, square)))
        two = ire.Number(2)
        quadratic = build.subtract(
            build.add(build.multiply(square, build.power(drawn_to, two)), build.multiply(two, offset, drawn_to)),
            build.multiply(ahead, build.power(offset, two)),
        )
        halves = build.divide(build.subtract(build.divide(quadratic, total), build.call("log", total)), two)
        evidence = self.define("evidence", build.add(known, halves))

        def smoothed(of: ire.Distribution) -> ire.Expression:
            mean = build.divide(build.add(self.location_of(of), build.multiply(square, drawn_to)), total)
            return ire.Distribution("Normal", (("mean", mean), ("sd", build.divide(scale, build.call("sqrt", total)))))

        notes = tuple(note for note in self.site.notes if note.name != NOTE)
        drawn = replace(self.site, right=smoothed(self.right), starting=smoothed(self.starting), notes=notes, origin=(self.site.name, NAME))
        gone = {self.site.name, *(one.name for one in children)}
        kept = tuple(one for one in self.program.sites if one.name not in gone)
        factor = Factor(build.sum_over(self.site, evidence), span=self.site.span)
        return self.program.with_sites((*kept, *self.sites, drawn), factors=(*self.program.factors, factor))

    def _offset(self, drift: ire.Expression) -> ire.Expression:
        """c of each member; where there is no past, the mean of the beginning."""
        assert self.starting is not None
        then, first = self._joined(drift, self.location_of(self.starting))
        made = self.define("offset", then)
        if first is not None:
            self.sites[-1] = replace(self.sites[-1], starting=first)
        return made

    def _evidence_of(self, child: Site) -> tuple[ire.Expression, ire.Expression, ire.Expression]:
        """k, b and h that one observed relation gives each member: its log density at x = 0, and the two that go with x and x^2."""
        found = _observed(self.site, child)
        assert found is not None
        *parts, renamed = found
        slope, rest, sd = (substitute(one, renamed) for one in parts)
        own = ire.Reference(child.name, tuple(substitute(ire.Variable(axis.variable or ""), renamed) for axis in child.axes))
        variance = build.power(sd, ire.Number(2))
        known = ire.LogDensity(ire.Distribution("Normal", (("mean", rest), ("sd", sd))), own)
        pull = build.divide(build.multiply(slope, build.subtract(own, rest)), variance)
        precision = build.divide(build.ONE if build.is_number(slope, 1) else build.power(slope, ire.Number(2)), variance)
        if child.where is None:
            return known, pull, precision
        where = substitute(child.where, renamed)
        return ire.IfElse(where, known, build.ZERO), ire.IfElse(where, pull, build.ZERO), ire.IfElse(where, precision, build.ZERO)
