"""Chains that depend on one another, and chains that look back several steps: one chain over the joint states.

A joint state holds the states of all these latents at one time; of a latent that is looked back at p steps also those of the p - 1 times before.
So every term depends on a joint state and at most on the one before, and the sum over all paths is that of `chains`. What is remembered has to
agree with the state that it was: other steps have probability zero. Before the first time what is remembered is set to the first state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Member
from pplang._ir.program import Axis, IndexSet, ProductSet, Site
from pplang._ir.substitute import substitute
from pplang._passes import chains
from pplang._passes.elimination import NAME, Eliminated, Placement, Workplace, gathered, inseparable, placed, summed_up
from pplang._passes.states import Discrete, computed, possible
from pplang._passes.terms import Indices, Term, replaced
from pplang._records import dataclass


def together(work: Workplace, one: Discrete, terms: Sequence[Term]) -> tuple[Discrete, ...]:
    """A latent and all that terms tie to it, directly or through others, in the order of the program."""
    names = set(work.latents)
    found = {one.name}
    growing = True
    while growing:
        more = {name for term in terms if found & (mentioned := term.mentions(names).keys()) for name in mentioned} - found
        found |= more
        growing = bool(more)
    return tuple(latent for name, latent in work.latents.items() if name in found)


def eliminate(work: Workplace, group: Sequence[Discrete], terms: Sequence[Term], place: int) -> Eliminated:
    """Sum over all paths of some latents whose time is their axis number `place`. Raises CannotBeSummedError."""
    return _Joint(work, group, place).sum(terms)


class _Joint:
    def __init__(self, work: Workplace, group: Sequence[Discrete], place: int) -> None:
        self.work, self.group, self.place, self.lead = work, group, place, group[0]

    def sum(self, terms: Sequence[Term]) -> Eliminated:
        """The three tables of weights over joint states, the sum over all paths, and each latent read off a path."""
        self._check_members(terms)
        looks = [self._look(term) for term in terms]
        furthest = {one.name: max(look.back(one.name) for look in looks) for one in self.group}
        self.parts = [(one.name, ago) for one in self.group for ago in range(max(1, furthest[one.name]))]
        one, states = self._joint()
        before = self.work.letter("r")
        state, earlier = Axis(one.letter, one.states), Axis(before, one.states)
        first: list[ire.Expression] = []
        step: list[ire.Expression] = []
        weight: list[ire.Expression] = []
        definitions: list[Site] = []
        for term, look in zip(terms, looks, strict=True):
            found = placed(self.work, self.lead, term, look.now)
            here = self._states(found, look, one.letter, before)
            if look.furthest:
                # Nothing that has no `starting` depends on a state before the first: any will do.
                start = found.value if found.starting is None else found.starting
                first.append(summed_up(found, replaced(start, self._states(found, look, one.letter, None))))
                value, more = gathered(self.work, one, term, found, here, (earlier, state), elsewhere=1)
                step.append(value)
            else:
                value, more = gathered(self.work, one, term, found, here, (state,))
                weight.append(value)
            definitions += more
        remembered = [(name, ago) for name, ago in self.parts if ago]
        same = [ire.Compare("==", self._part(one.letter, name, ago), self._part(one.letter, name, 0)) for name, ago in remembered]
        kept = [ire.Compare("==", self._part(one.letter, name, ago), self._part(before, name, ago - 1)) for name, ago in remembered]
        weights = possible(build.add(*first), list(same)), possible(build.add(*step), list(kept)), build.add(*weight)
        done = chains.result(self.work, one, self.place, before, weights, definitions)
        read = [site for latent in self.group for site in self._read(latent, one.name, latent)]
        paths = []
        for latent in filter(chains.is_path_wanted, self.group):
            path = chains.path_of(self.work, latent)
            read += self._read(latent, done.paths[0].name, path)
            paths.append(path.site)
        latents = tuple(self.work.latents[name] for name, _ in self.parts) * 2
        table = replace(done.table, latents=tuple(part.called for part in latents), states=tuple(part.states for part in latents))
        return replace(done, draws=(*done.draws, *read), table=table, sets=(states,), paths=tuple(paths))

    def _check_members(self, terms: Sequence[Term]) -> None:
        for term in terms:
            first, *others = (self.work.latents[name] for name in term.mentions(set(self.work.latents)))
            other = next((one for one in others if one.site.sets != first.site.sets), None)
            if other is not None:
                raise inseparable(first, term, f"`{first.called}` and `{other.called}` are not of the same members", other)

    def _look(self, term: Term) -> _Look:
        now: Indices | None = None
        at: list[tuple[str, Indices, int]] = []
        for name, places in term.mentions(set(self.work.latents)).items():
            other = self.work.latents[name]
            for indices in places:
                implied, ago = indices, 0
                match indices[self.place]:
                    case ire.Lag(variable, ire.Number(int() as ago)) if ago > 0:
                        implied = (*indices[: self.place], ire.Variable(variable), *indices[self.place + 1 :])
                if any(isinstance(index, ire.Lag) for index in implied):
                    raise inseparable(self.lead, term, "it does not look back a fixed number of steps along one set")
                if now is not None and now != implied:
                    raise inseparable(
                        self.lead,
                        term,
                        "it depends on elements of it that do not follow one another",
                        None if other is self.lead else other,
                    )
                now = implied
                at.append((name, indices, ago))
        assert now is not None
        return _Look(now, tuple(at))

    def _joint(self) -> tuple[Discrete, IndexSet]:
        """The latent of joint states, and their set."""
        sets = tuple(self.work.latents[name].states for name, _ in self.parts)
        states = IndexSet(self.work.name("_".join(sets)), ProductSet(sets), declared=True)
        name = self.work.name("_".join([one.called for one in self.group] if len(self.group) > 1 else [self.lead.called, "states"]))
        notes = tuple(note for one in self.group for note in one.site.notes if note.name == chains.VITERBI)[:1]
        site = replace(self.lead.site, name=name, kind=Member(states.name), report=False, notes=notes)
        return Discrete(site, name, states.name, self.work.letter("s")), states

    def _read(self, latent: Discrete, joint: str, into: Discrete) -> tuple[Site, ...]:
        """The states of a latent in those of a relation of joint states, as the relations of another of the same kind."""
        here = build.element_of(latent.site, joint)
        return computed(into, self._part_of(here, latent.name, 0), (latent.called, NAME))

    def _part(self, variable: str, name: str, ago: int) -> ire.Expression:
        return self._part_of(ire.Variable(variable), name, ago)

    def _part_of(self, member: ire.Expression, name: str, ago: int) -> ire.Expression:
        """The state that a joint state holds of a latent, or of what it was some steps ago."""
        place = self.parts.index((name, ago))
        states = [self.work.latents[one].states for one, _ in self.parts[: place + 1]]
        return ire.Part(member, states[-1], states.count(states[-1]))

    def _states(self, found: Placement, look: _Look, state: str, before: str | None) -> dict[tuple[str, Indices], ire.Expression]:
        """What stands for the states in a placed term; before: None where there is no joint state before."""
        values = {old: ire.Variable(new) for old, new in found.renamed.items()}
        states = {}
        for name, indices, ago in look.at:
            renamed = tuple(substitute(index, values) for index in indices)
            states[name, renamed] = self._part(state, name, 0) if before is None or not ago else self._part(before, name, ago - 1)
        return states


@dataclass(frozen=True)
class _Look:
    """What a term mentions: now, the element that it is about; at: names, indices, and how many steps ago that is."""

    now: Indices
    at: tuple[tuple[str, Indices, int], ...]

    def back(self, name: str) -> int:
        """How far it looks back at a latent."""
        return max((ago for one, _, ago in self.at if one == name), default=0)

    @property
    def furthest(self) -> int:
        return max(ago for _, _, ago in self.at)
