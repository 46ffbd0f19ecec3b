"""marginalize: discrete latents are summed out; they come back as relations that are drawn once per posterior draw.

A membership `z[i] ~ Categorical(w)` with one relation that depends on it becomes a `Mixture`; otherwise the relations that depend on discrete
latents become tables of log weights and a `factor` of their logsumexp, see `elimination`; a chain, whose states depend on those before, is summed
by the forward recursion, see `chains`. After it: no latent of inference is discrete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod

from pplang._check.graph import mentions
from pplang._check.retype import retype
from pplang._diagnostics import Diagnostic
from pplang._ir import expression as ire
from pplang._ir.kinds import Interval, Member
from pplang._ir.program import Factor, Labels, NumberRange, ProductSet, Program, Site
from pplang._ir.substitute import substitute, variables_and_names
from pplang._passes import chains, joint_chains, unconstrain
from pplang._passes.elimination import Eliminated, Workplace, eliminate, own_binders
from pplang._passes.plan import Choice, Rewrite, Table
from pplang._passes.states import CannotBeSummedError, Discrete, is_discrete_latent, with_states
from pplang._passes.terms import Term, collect, replaced
from pplang._records import dataclass

NAME = "marginalize"
MOST_STATES, MOST_NUMBERS = 20_000, 50_000_000
"""How many joint states a sum goes through for one element, and how many numbers its table holds, at most."""


def obstacle(program: Program) -> Diagnostic | None:
    """What keeps the discrete latents of a program from being summed out, or None."""
    try:
        if any(map(is_discrete_latent, program.sites)):
            summing = _Summing(program).run()
            return too_many(program, summing.tables, _known_sizes(summing.program))
    except CannotBeSummedError as found:
        return found.diagnostic
    return None


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each discrete latent, in the order in which they are summed out; none where `obstacle` says what stands in the way."""
    if not any(map(is_discrete_latent, program.sites)):
        return ()
    try:
        return _Summing(program).run().choices
    except CannotBeSummedError:
        return ()


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """The program without discrete latents."""
    if not choices:
        return Rewrite(program)
    summing = _Summing(program).run(tuple(one.site for one in choices))
    return Rewrite(retype(summing.result()), tables=tuple(summing.tables), paths=tuple(summing.paths))


def too_many(program: Program, tables: Iterable[Table], sizes: Mapping[str, int]) -> Diagnostic | None:
    """E03 for the first table with more joint states, or more numbers in all, than there may be. sizes: of the index sets, as far as known."""
    for one in tables:
        if any(name not in sizes for name in one.states):
            continue
        states, numbers = prod(sizes[name] for name in one.states), prod(sizes.get(name, 1) for name in one.sets)
        if states > MOST_STATES or numbers > MOST_NUMBERS:
            largest = max(zip(one.latents, one.states, strict=True), key=lambda pair: sizes[pair[1]])[0]
            names = " and ".join(f"`{name}`" for name in dict.fromkeys(one.latents))
            what = f"{states:,} {'states' if len(one.latents) == 1 else 'joint states'}"
            at = f" for each of {numbers // states:,} elements" if numbers > states else ""
            return Diagnostic(
                "E03",
                f"too many states to sum over {names}",
                program.site[largest].span,
                f"{what}{at}; a sum goes through {MOST_STATES:,} at most, and {MOST_NUMBERS:,} in all",
                help=f"bound `{largest}` more tightly, or use a continuous one in its place",
            )
    return None


def _known_sizes(program: Program) -> dict[str, int]:
    """The sizes of the sets that the model itself lists."""
    found = {}
    for one in program.sets:
        match one.members:
            case Labels(labels):
                found[one.name] = len(labels)
            case NumberRange(ire.Number(int() as first), ire.Number(int() as last)):
                found[one.name] = last - first + 1
    for one in program.sets:
        if isinstance(one.members, ProductSet) and all(part in found for part in one.members.sets):
            found[one.name] = prod(found[part] for part in one.members.sets)
    return found


@dataclass(frozen=True)
class _Step:
    """Latents that are eliminated together, how, and what that gives."""

    latents: tuple[Discrete, ...]
    done: Eliminated
    action: str


class _Summing:
    """The eliminations of one program, one after the other."""

    def __init__(self, program: Program) -> None:
        taken = variables_and_names(program)
        self.source = program
        self.program, self.latents = with_states(program, taken)
        found = collect(self.program, self.latents)
        self.terms = list(found.terms)
        self.lifted = set(found.lifted)
        self.kept = {site.name: site for site in found.kept}
        self.factors = list(found.factors)
        self.work = Workplace(self.program, self.latents, taken)
        self.choices: tuple[Choice, ...] = ()
        self.tables: list[Table] = []
        self.definitions: list[Site] = []
        self.draws: list[Site] = []
        self.paths: list[Site] = []
        self.mixed: dict[str, Site] = {}

    def run(self, order: Sequence[str] = ()) -> _Summing:
        """Eliminate every latent, in the order given or in one that is cheap. Raises CannotBeSummedError."""
        waiting = list(self.latents)
        while waiting:
            first = [min(waiting, key=lambda latent: order.index(latent.unknown.name))] if order else waiting
            step = self._next(first)
            waiting = [one for one in waiting if one not in step.latents]
            self._take(step)
        return self

    def _next(self, waiting: Sequence[Discrete]) -> _Step:
        """The latent whose table of weights is smallest, of those that can be eliminated now; where none can, some chains together."""
        names = set(self.work.latents)
        tried: list[tuple[float, int, _Step]] = []
        failure: CannotBeSummedError | None = None
        for action in ("alone", "together"):
            for place, one in enumerate(waiting):
                terms = [term for term in self.terms if one.name in term.mentions(names)]
                kept = set(self.work.named), set(self.work.taken)
                try:
                    step = self._alone(one, terms) if action == "alone" else self._together(one, terms)
                except CannotBeSummedError as found:
                    failure = found if failure is None or action == "together" else failure
                else:
                    tried += [(self._size(step.done.table), place, step)] if step is not None else []
                self.work.named, self.work.taken = kept
            if tried:
                break
        else:
            assert failure is not None
            raise failure
        _, _, step = min(tried, key=lambda found: found[:2])
        made = (*step.done.definitions, *step.done.draws)
        self.work.named |= {site.name for site in made} | {one.name for one in step.done.sets}
        self.work.taken |= {axis.variable for site in made for axis in site.axes if axis.variable is not None}
        return step

    def _alone(self, one: Discrete, terms: Sequence[Term]) -> _Step:
        place = chains.axis_of(one, terms)
        if place is not None:
            return _Step((one,), chains.eliminate(self.work, one, terms, place), "chain")
        return _Step((one,), eliminate(self.work, one, terms), "sum")

    def _together(self, one: Discrete, terms: Sequence[Term]) -> _Step | None:
        """A chain with all that it depends on and that depends on it; None for what is no chain."""
        place = chains.axis_of(one, terms)
        if place is None:
            return None
        group = joint_chains.together(self.work, one, self.terms)
        names = {latent.name for latent in group}
        concerned = [term for term in self.terms if names & term.mentions(names).keys()]
        return _Step(group, joint_chains.eliminate(self.work, group, concerned, place), "chain")

    def _size(self, table: Table) -> float:
        """How many states a table goes through for each element, as far as the model says; 10 for a set that the data give."""
        known = _known_sizes(self.program)
        return prod(known.get(name, 10) for name in table.states)

    def _take(self, step: _Step) -> None:
        names = set(self.work.latents)
        own, done, action = {one.name for one in step.latents}, step.done, step.action
        one = step.latents[0]
        terms = [term for term in self.terms if own & term.mentions(names).keys()]
        mixture = self._mixture(one, terms) if action == "sum" else None
        self.terms = [term for term in self.terms if term not in terms]
        self.definitions += done.definitions
        self.draws += done.draws
        self.paths += done.paths
        self.tables.append(done.table)
        if mixture is not None:
            self.mixed[mixture.name] = mixture
            action = "mixture"
        elif done.term.mentions(names):
            self.terms.append(done.term)
        else:
            value = done.term.value
            self.factors.append(Factor(ire.Reduce("sum", value, done.term.plates) if done.term.plates else value, span=one.site.span))
        self.program = replace(self.program, sets=(*self.program.sets, *done.sets))
        self.choices += tuple(Choice(one.unknown.name, action, _reason(one, terms, done, action)) for one in step.latents)

    def _mixture(self, one: Discrete, terms: Sequence[Term]) -> Site | None:
        """The one relation that depends on a membership, as a mixture; None where it takes more than that."""
        site, right = one.site, one.site.right
        if one.cells is not None:
            return None
        others = [term for term in terms if term.own is None]
        if len(terms) != 2 or len(others) != 1 or not isinstance(site.kind, Member) or not isinstance(right, ire.Distribution):
            return None
        child = self.program.site.get(others[0].source)
        weights = right.argument("p")
        if child is None or right.name != "Categorical" or weights is None or site.starting is not None:
            return None
        scalar = not child.event and child.structure is None and child.weight is None and child.starting is None
        if not scalar or child.name not in self.lifted or set(child.sets) != set(site.sets) or len(child.sets) != len(site.sets):
            return None
        names = set(self.work.latents)
        density = others[0].value
        (indices,) = others[0].mentions(names)[one.name]
        aligned = all(isinstance(index, ire.Variable) for index in indices)
        if not aligned or list(others[0].mentions(names)) != [one.name] or not isinstance(density, ire.LogDensity):
            return None
        renamed = {binder.variable: index for binder, index in zip(own_binders(one), indices, strict=True)}
        component = replaced(density.distribution, {(one.name, indices): ire.Variable(one.letter)})
        mixture = ire.Mixture(component, ire.Binder(one.letter, one.states), substitute(weights, renamed))
        return replace(child, right=mixture, origin=(child.name, NAME))

    def result(self) -> Program:
        """The program with tables, factors and draws in the place of the latents and of what depends on them."""
        sites: list[Site] = []
        gone = {one.site.name for one in self.latents}
        for site in self.program.sites:
            if site.name in self.mixed:
                sites.append(self.mixed[site.name])
            elif site.name in self.lifted:
                if site.name in self.kept:
                    sites.append(self.kept[site.name])
                elif site.role == "latent":
                    sites.append(_without_density(site))
            elif site.name not in gone:
                sites.append(site)
        places = [site for site in self.work.places.values() if self._is_mentioned(site)]
        return replace(self.program, sites=(*sites, *places, *self.definitions, *reversed(self.draws)), factors=tuple(self.factors))

    def _is_mentioned(self, place: Site) -> bool:
        return any(edge.parent == place.name for site in self.definitions for edge in mentions(site.right))


def _without_density(site: Site) -> Site:
    """A continuous latent whose density depends on a discrete one and stands in a factor: its own relation says only where it lies."""
    bounds = unconstrain.bounds_of(site.right)
    arguments = tuple((name, end) for name, end in (("lower", bounds.lower), ("upper", bounds.upper)) if end is not None)
    if site.structure is not None or site.event or not isinstance(site.kind, Interval):
        raise CannotBeSummedError(
            Diagnostic(
                "E02",
                f"the distribution of the table `{site.name}` depends on a discrete latent",
                site.span,
                "only numbers drawn one by one may depend on what is summed over",
                help="draw its elements one by one",
            )
        )
    return replace(site, right=ire.Distribution("Flat", arguments), weight=None, starting=None, origin=(site.name, NAME))


def _reason(one: Discrete, terms: Sequence[Term], done: Eliminated, action: str) -> str:
    what = f"the empty cells are summed over {one.states}" if one.cells is not None else f"summed over {one.states}"
    children = [f"`{term.source}`" if term.source else "a factor" for term in terms if term.own != one.name]
    users = " and ".join(dict.fromkeys(children)) or "nothing else"
    match action:
        case "mixture":
            return f"summed over {one.states}: {users} becomes a mixture"
        case "chain":
            together = list(dict.fromkeys(name for name in done.table.latents if name != one.called))
            steps = len(done.table.latents) // 2
            if together:
                follow = f"its states and those of {' and '.join(together)} follow one another"
                users = " and ".join(dict.fromkeys(name for name in children if name.strip("`") not in together)) or "nothing else"
            else:
                follow = f"its states look back {steps} steps" if steps > 1 else "its states follow one another"
            return f"{follow}: summed over all paths by the forward recursion, for {users}"
    with_others = [name for name in done.table.latents if name != one.called]
    beside = f", for each state of {' and '.join(with_others)}" if with_others else ""
    return f"{what}{beside}: the log densities of {users} are added up for each of its states"
