"""Discrete latents summed out one after the other: variable elimination on tables over plates.

To eliminate z, all terms that mention it are brought to its own plates (a term with more plates is summed over the others; rows that point at
an element of z through a column are summed by group) and added up to a table of log weights, one for each state of z and of the other latents
that the terms mention. Its logsumexp over the states of z is a term of what remains; softmax of it is the distribution of z given the rest, from
which z is drawn after sampling (Koller and Friedman 2009, chapter 9; with plates: Obermeyer et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._diagnostics import Diagnostic, Label
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, IndexSet, Program, Site
from pplang._ir.substitute import free_variables, fresh_variable, substitute
from pplang._passes import places
from pplang._passes.plan import Table
from pplang._passes.states import CannotBeSummedError, Discrete, drawn
from pplang._passes.terms import Indices, Term, replaced
from pplang._records import dataclass
from pplang._source import NOWHERE

NAME = "marginalize"


@dataclass(frozen=True)
class Eliminated:
    """One latent less: the new term, the definitions that it needs, the relations that draw the latent afterwards, its table; sets that are new."""

    term: Term
    definitions: tuple[Site, ...]
    draws: tuple[Site, ...]
    table: Table
    sets: tuple[IndexSet, ...] = ()
    paths: tuple[Site, ...] = ()
    """The most probable values of latents for which they are asked, as relations of the source would have them."""


class Workplace:
    """What all eliminations of one program share: its latents by name of state, and names and letters that are taken."""

    def __init__(self, program: Program, latents: Sequence[Discrete], taken: set[str]) -> None:
        self.program = program
        self.latents = {one.name: one for one in latents}
        self.taken = taken
        self.named = set(self.latents)
        self.places: dict[str, Site] = {}

    def name(self, wanted: str) -> str:
        """A name for a new relation, or a new set."""
        found = self.program.fresh_name(wanted, self.named | {site.name for site in self.places.values()})
        self.named.add(found)
        return found

    def place(self, variable: str, over: str) -> ire.Expression:
        """Where a member of an ordered set stands in its sequence, from 1 on."""
        name = places.known(self.program, over)
        if name is None and over not in self.places:
            made = self.name(places.wanted(over))
            self.places[over] = places.made(made, variable, over, (over, NAME), NOWHERE)
        return ire.Reference(name or self.places[over].name, (ire.Variable(variable),))

    def letter(self, wanted: str) -> str:
        """A variable that nothing else is called."""
        found = fresh_variable(wanted, self.taken)
        self.taken.add(found)
        return found

    def is_data(self, node: ire.Expression, plates: Iterable[ire.Binder]) -> bool:
        variables = {one.variable: one.set for one in plates}
        return Typer(environment_of(self.program), variables).type_of(node).data

    def definition(
        self, one: Discrete, part: str, axes: tuple[Axis, ...], value: ire.Expression, starting: ire.Expression | None = None
    ) -> Site:
        name = self.name(f"{one.called}_{part}")
        return Site(name, axes, "deterministic", "model", value, REAL, starting=starting, origin=(one.called, NAME), span=one.site.span)


def own_binders(one: Discrete) -> tuple[ire.Binder, ...]:
    return tuple(ire.Binder(axis.variable, axis.set) for axis in one.site.plates if axis.variable is not None)


@dataclass(frozen=True)
class Placement:
    """A term with the plates of a latent: `value` in the latent's own variables, once for each combination of `rest` for which `condition` holds."""

    value: ire.Expression
    rest: tuple[ire.Binder, ...]
    condition: ire.Expression | None
    starting: ire.Expression | None
    renamed: Mapping[str, str]


def placed(work: Workplace, one: Discrete, term: Term, indices: Indices) -> Placement:
    """Bring a term to the plates of a latent that it mentions at some indices. Raises CannotBeSummedError."""
    binders = own_binders(one)
    sets = {plate.variable: plate.set for plate in term.plates}
    renamed: dict[str, str] = {}
    pointing: list[tuple[ire.Expression, ire.Binder]] = []
    for index, binder in zip(indices, binders, strict=True):
        if isinstance(index, ire.Variable) and sets.get(index.name) == binder.set and index.name not in renamed:
            renamed[index.name] = binder.variable
        elif free_variables([index]) <= set(sets) and work.is_data(index, term.plates):
            pointing.append((index, binder))
        else:
            raise inseparable(one, term, "which element of it is meant depends on something unknown, or on a sum over several")
    for plate in term.plates:
        if plate.variable not in renamed:
            inside = plate.variable in {binder.variable for binder in binders}
            renamed[plate.variable] = work.letter(plate.variable) if inside else plate.variable
    values = {name: ire.Variable(new) for name, new in renamed.items() if name != new}
    rest = tuple(
        ire.Binder(renamed[plate.variable], plate.set)
        for plate in term.plates
        if renamed[plate.variable] not in {binder.variable for binder in binders}
    )
    tests: list[ire.Expression] = [
        ire.Compare("==", substitute(index, values), ire.Variable(binder.variable)) for index, binder in pointing
    ]
    value, starting = substitute(term.value, values), None if term.starting is None else substitute(term.starting, values)
    if term.condition is not None and tests:
        # By itself the condition on the element that is meant is a sum by group.
        counted = substitute(term.condition, values)
        value = ire.IfElse(counted, value, build.ZERO)
        starting = None if starting is None else ire.IfElse(counted, starting, build.ZERO)
    elif term.condition is not None:
        tests.append(substitute(term.condition, values))
    condition = None if not tests else tests[0] if len(tests) == 1 else ire.Logical("and", tuple(tests))
    return Placement(value, rest, condition, starting, renamed)


def gathered(work: Workplace, one: Discrete, term: Term, found: Placement, states: Mapping[tuple[str, Indices], ire.Expression],
             axes: tuple[Axis, ...], elsewhere: int = 0) -> tuple[ire.Expression, tuple[Site, ...]]:  # fmt: skip
    """A placed term as one number for each element of the latent and each state, and the definitions that it needs.

    states: what stands for each state that it mentions; axes: those of these states. elsewhere: how many of the first members of a sequence are
    not looked at, because their terms stand elsewhere.
    """
    value, start = replaced(found.value, states), None if found.starting is None else replaced(found.starting, states)
    definitions: tuple[Site, ...] = ()
    if start is not None and any(isinstance(node, ire.Lag) for node in ire.walk(value)):
        # `starting` belongs to a relation: the term becomes one of its own.
        variables = {*(binder.variable for binder in own_binders(one)), *(binder.variable for binder in found.rest)}
        plates = tuple(Axis(new, plate.set) for plate in term.plates if (new := found.renamed[plate.variable]) in variables)
        mentioned = free_variables([value, start])
        used = tuple(axis for axis in axes if axis.variable in mentioned)
        site = work.definition(one, f"{term.source or 'term'}_term", (*plates, *used), value, start)
        definitions = (site,)
        value = build.element_of(site)
    if start is not None:
        sets = {found.renamed[plate.variable]: plate.set for plate in term.plates}
        back = {variable: steps for variable, steps in _steps_back(found.value, states).items() if steps > elsewhere}
        tests = [ire.Compare(">", work.place(variable, sets[variable]), ire.Number(steps)) for variable, steps in sorted(back.items())]
        if tests:
            value = ire.IfElse(tests[0] if len(tests) == 1 else ire.Logical("and", tuple(tests)), value, start)
    return summed_up(found, value), definitions


def summed_up(found: Placement, value: ire.Expression) -> ire.Expression:
    """A value for each of the rows of a placed term as one number for each element of the latent."""
    if found.rest:
        return ire.Reduce("sum", value, found.rest, found.condition)
    return value if found.condition is None else ire.IfElse(found.condition, value, build.ZERO)


def _steps_back(node: ire.Expression, states: Iterable[tuple[str, Indices]]) -> dict[str, int]:
    """How far an expression looks back at some states, by the variables that it steps from."""
    found: dict[str, int] = {}
    for name, indices in states:
        for index in indices:
            match index:
                case ire.Lag(variable, ire.Number(int() as steps)) if ire.Reference(name, indices) in ire.walk(node):
                    found[variable] = max(steps, found.get(variable, 0))
    return found


def eliminate(work: Workplace, one: Discrete, terms: Sequence[Term]) -> Eliminated:
    """Sum over the states of a latent. `terms`: all that mention it. Raises CannotBeSummedError."""
    names = set(work.latents)
    states: dict[tuple[str, Indices], ire.Expression] = {}
    others: dict[tuple[str, Indices], Axis] = {}
    placements: list[tuple[Term, Placement]] = []
    for term in terms:
        at = term.mentions(names)[one.name]
        if len(at) > 1:
            raise inseparable(one, term, "it depends on two elements of it at once")
        found = placed(work, one, term, at[0])
        placements.append((term, found))
        shifted = replace(term, value=found.value, starting=found.starting)
        for name, several in shifted.mentions(names).items():
            for indices in several:
                if name == one.name:
                    states[name, indices] = ire.Variable(one.letter)
                elif (name, indices) not in others:
                    other = work.latents[name]
                    _reachable(one, term, other, indices, found)
                    first = all(known != name for known, _ in others)
                    letter = other.letter if first else work.letter(other.letter)
                    others[name, indices] = Axis(letter, other.states)
                    states[name, indices] = ire.Variable(letter)
    axes = (*others.values(), Axis(one.letter, one.states))
    parts, definitions = [], list[Site]()
    for term, found in placements:
        value, more = gathered(work, one, term, found, states, axes)
        parts.append(value)
        definitions += more
    weight = work.definition(one, "weight", (*one.site.plates, *axes), build.add(*parts))
    binders = own_binders(one)
    rest = tuple(ire.Reference(name, indices) for name, indices in others)
    own = tuple(ire.Variable(binder.variable) for binder in binders)
    state = ire.Variable(one.letter)
    total = ire.Reduce("logsumexp", ire.Reference(weight.name, (*own, *rest, state)), (ire.Binder(one.letter, one.states),))

    def given(states: tuple[ire.Expression, ...]) -> ire.Distribution:
        return ire.Distribution("Categorical", (("logits", ire.Reference(weight.name, (*own, *states))),))

    # Where there is no state before, none of the weights depends on it: any state will do.
    nearby = tuple(ire.Reference(name, tuple(map(_now, indices))) for name, indices in others)
    draws = drawn(one, given(rest), one.site.axes, (one.called, NAME), given(nearby) if nearby != rest else None)
    latents = (*(work.latents[name].called for name, _ in others), one.called)
    table = Table(weight.name, weight.sets, latents, tuple(axis.set for axis in axes))
    return Eliminated(Term(total, binders, source=one.called, span=one.site.span), (*definitions, weight), draws, table)


def _reachable(one: Discrete, term: Term, other: Discrete, indices: Indices, found: Placement) -> None:
    """Another latent that a term mentions must belong to the latent's own element, not to each of the rows that are summed; or to the one before."""
    if free_variables(indices) - {binder.variable for binder in own_binders(one)}:
        raise inseparable(one, term, f"each of its rows brings in another `{other.called}`", other)
    if any(isinstance(index, ire.Lag) and index.by != build.ONE for index in indices):
        raise inseparable(one, term, f"it looks back more than one step at `{other.called}`", other)


def _now(index: ire.Expression) -> ire.Expression:
    return ire.Variable(index.variable) if isinstance(index, ire.Lag) else index


def inseparable(one: Discrete, term: Term, why: str, other: Discrete | None = None) -> CannotBeSummedError:
    """E02 for a term that ties elements of a latent together."""
    what = f"`{term.source}`" if term.source else "this factor"
    labels = (Label(one.site.span, "this latent"),) if term.span != one.site.span and one.site.span != NOWHERE else ()
    title = f"{what} mixes elements of the discrete latent `{one.called}` that cannot be summed one by one"
    help = "give each element rows of its own, or replace the latent by a continuous one"
    if other is not None:
        title = f"{what} mixes the discrete latents `{one.called}` and `{other.called}` over different sets"
        help = "all combinations of their values would have to be gone through: fix one of the two, or make it continuous"
    return CannotBeSummedError(Diagnostic("E02", title, term.span, why, labels, help=help))
