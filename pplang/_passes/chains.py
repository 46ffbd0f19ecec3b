"""Discrete latents in time: all paths of states are summed over by the forward recursion (Rabiner 1989), in log space.

A chain is a latent over an ordered set of which some term mentions a state and the one before. Its terms become three tables of log weights: of
the first state, of a step from one state to the next, and of each state alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Axis, Site
from pplang._ir.substitute import free_variables, substitute
from pplang._passes.elimination import NAME, Eliminated, Placement, Workplace, gathered, inseparable, own_binders, placed, summed_up
from pplang._passes.plan import Table
from pplang._passes.states import Discrete, drawn
from pplang._passes.terms import Indices, Term, replaced

VITERBI = "viterbi"
"""The annotation that asks for the most probable path."""


def axis_of(one: Discrete, terms: Sequence[Term]) -> int | None:
    """The axis along which terms step back from a state to an earlier one; None for a latent that is no chain."""
    for term in terms:
        for indices in term.mentions({one.name}).get(one.name, ()):
            for place, index in enumerate(indices):
                if isinstance(index, ire.Lag):
                    return place
    return None


def eliminate(work: Workplace, one: Discrete, terms: Sequence[Term], place: int) -> Eliminated:
    """Sum over all paths of a chain whose time is its axis number `place`. Raises CannotBeSummedError."""
    return _Chain(work, one, place).sum(terms)


class _Chain:
    def __init__(self, work: Workplace, one: Discrete, place: int) -> None:
        self.work, self.one = work, one
        self.place = place
        self.before = work.letter(one.letter)
        self.state, self.earlier = Axis(one.letter, one.states), Axis(self.before, one.states)
        self.definitions: list[Site] = []

    def sum(self, terms: Sequence[Term]) -> Eliminated:
        """The tables of the three kinds of weights, and the sum over all paths."""
        first: list[ire.Expression] = []
        step: list[ire.Expression] = []
        weight: list[ire.Expression] = []
        for term in terms:
            now, before = self._mentioned(term)
            found = placed(self.work, self.one, term, now)
            if before is None:
                value, more = gathered(self.work, self.one, term, found, self._states(found, now), (self.state,))
                self.definitions += more
                weight.append(value)
            else:
                states = self._states(found, now, before)
                start = found.value if found.starting is None else found.starting
                # Nothing that has no `starting` depends on a state before the first: any will do.
                begun = {at: ire.Variable(self.one.letter) for at in states}
                first.append(summed_up(found, replaced(start, begun)))
                value, more = gathered(self.work, self.one, term, found, states, (self.earlier, self.state), elsewhere=1)
                self.definitions += more
                step.append(value)
        return result(
            self.work, self.one, self.place, self.before, (build.add(*first), build.add(*step), build.add(*weight)), self.definitions
        )

    def _mentioned(self, term: Term) -> tuple[Indices, Indices | None]:
        """Where a term mentions the chain: at its element, and at the one before if it does so."""
        found = term.mentions(set(self.work.latents))
        others = [name for name in found if name != self.one.name]
        if others:
            other = self.work.latents[others[0]]
            raise inseparable(self.one, term, f"a chain is summed on its own, and `{other.site.name}` is not summed yet", other)
        now: Indices | None = None
        before: Indices | None = None
        for indices in found[self.one.name]:
            match indices[self.place]:
                case ire.Lag(variable, ire.Number(1)):
                    before = indices
                    implied = (*indices[: self.place], ire.Variable(variable), *indices[self.place + 1 :])
                case ire.Lag():
                    raise inseparable(self.one, term, "it looks back more than one step: a state may depend on the one before")
                case _:
                    implied = indices
            if now is not None and now != implied:
                raise inseparable(self.one, term, "it depends on two elements of it that are not neighbours")
            now = implied
        assert now is not None
        return now, before

    def _states(self, found: Placement, now: Indices, before: Indices | None = None) -> dict[tuple[str, Indices], ire.Expression]:
        """What stands for the states in a placed term."""
        values = {old: ire.Variable(new) for old, new in found.renamed.items()}

        def renamed(indices: Indices) -> Indices:
            return tuple(substitute(index, values) for index in indices)

        states: dict[tuple[str, Indices], ire.Expression] = {(self.one.name, renamed(now)): ire.Variable(self.one.letter)}
        if before is not None:
            states[self.one.name, renamed(before)] = ire.Variable(self.before)
        return states


def result(work: Workplace, one: Discrete, place: int, before: str, weights: tuple[ire.Expression, ire.Expression, ire.Expression],
           definitions: Sequence[Site]) -> Eliminated:  # fmt: skip
    """The sum over all paths of a chain, given the weights of a first state, of a step from the state `before`, and of each state."""
    others, time = tuple(axis for n, axis in enumerate(one.site.plates) if n != place), one.site.plates[place]
    state, earlier = Axis(one.letter, one.states), Axis(before, one.states)
    first, step, weight = weights
    varying = time.variable in free_variables([step])
    firsts = work.definition(one, "first", (*others, time, state), first)
    steps = work.definition(one, "step", (*others, *([time] if varying else []), earlier, state), step)
    each = work.definition(one, "weight", (*others, time, state), weight)
    at = tuple(ire.Variable(axis.variable) for axis in others if axis.variable is not None)
    given = tuple(ire.Reference(site.name, at) for site in (firsts, steps, each))
    total = build.call("varying_chain_log_sum" if varying else "chain_log_sum", *given)
    axes = tuple(Axis(None, axis.set) if n == place else axis for n, axis in enumerate(one.site.axes))
    binders = tuple(binder for binder in own_binders(one) if binder.variable != time.variable)
    arguments = tuple(zip(("first", "steps" if varying else "step", "weight"), given, strict=True))
    origin = (one.site.name, NAME)
    draws, paths = drawn(one, ire.Distribution("Chain", arguments), axes, origin), tuple[Site, ...]()
    if is_path_wanted(one):
        path = path_of(work, one)
        draws += drawn(path, ire.Distribution("MostProbablePath", arguments), axes, origin)
        paths = (path.site,)
    return Eliminated(
        Term(total, binders, source=one.site.name, span=one.site.span),
        (*definitions, firsts, steps, each),
        draws,
        Table(steps.name, steps.sets, (one.site.name, one.site.name), (one.states, one.states)),
        paths=paths,
    )


def is_path_wanted(one: Discrete) -> bool:
    """Is the most probable path asked for, beside draws?"""
    return any(note.name == VITERBI for note in one.site.notes)


def path_of(work: Workplace, one: Discrete) -> Discrete:
    """A latent beside another, of the same kind, that is to hold its most probable path."""
    name = work.name(f"{one.site.name}_path")
    states = name if one.name == one.site.name else work.name(f"{one.name}_path")
    site = replace(one.site, name=name, notes=(), starting=None, right=ire.Distribution("Flat"), origin=(one.site.name, NAME))
    return replace(one, site=site, name=states)
