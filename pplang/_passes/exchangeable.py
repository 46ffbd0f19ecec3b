"""Which components can change places: index sets whose members nothing in a program tells apart.

Where a mixture, or a discrete latent, runs over the members of a set that are listed in the model, and everything that is indexed by them is said
in one way for all, the posterior is the same whichever member is called which (label switching: Stephens 2000). Not a rewrite: the members stay as
they are, and draws are given one labelling afterwards (`_infer.labels`).

The test is of the text, and errs to one side: a label, a table written out, data by component, an order, or a construct that is not known to treat
all members alike, and the members count as told apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from pplang._ir import expression as ire
from pplang._ir import kinds
from pplang._ir.program import Column, Input, Labels, NumberRange, Program, Site
from pplang._ir.text import expression as print_expression

_ALIKE = frozenset({"Dirichlet"})
"""Joint distributions over the members that are the same for all, where their arguments are."""


def exchangeable(program: Program) -> tuple[str, ...]:
    """The sets over which a mixture or a discrete latent runs, and whose members nothing tells apart, in the order of the program."""
    if program.nets or program.guide or program.reward or program.params:
        return ()
    candidates = set(_mixed_over(program))
    return tuple(one.name for one in program.sets if one.name in candidates and _alike(program, one.name))


def scale_of(program: Program, name: str) -> Site | None:
    """The first unknown with a number for each member of a set, drawn one by one: by it the members could be put in order."""
    for site in program.sites:
        if (
            site.role == "latent"
            and site.sets == (name,) == tuple(axis.set for axis in site.plates)
            and isinstance(site.right, ire.Distribution)
        ):
            return site
    return None


def told(program: Program, name: str) -> tuple[str, str]:
    """What is said of such a set: the fact, and the edit that puts its members in order ("" where no unknown has a number for each)."""
    fact = f"nothing tells the members of `{name}` apart: which of them is called what is arbitrary, and draws are given one labelling"
    site = scale_of(program, name)
    if site is None or any(isinstance(node, ire.Variable) for node in ire.walk(site.right)):
        return fact, ""
    return fact, f"to call them by the order of `{site.name}`, write {site.name}[{name}] ~ Ordered({print_expression(site.right)})"


def _mixed_over(program: Program) -> Iterator[str]:
    for site in program.sites:
        if site.role == "latent" and isinstance(site.kind, kinds.Member):
            yield site.kind.set
        for node in ire.walk(site.right):
            if isinstance(node, ire.Mixture):
                yield node.binder.set


def _alike(program: Program, name: str) -> bool:
    one = program.set[name]
    if not isinstance(one.members, Labels | NumberRange) or one.ordered:
        return False
    data: tuple[Column | Input, ...] = (*program.column.values(), *program.input.values())
    by_member = any(name in known.sets or (isinstance(known.kind, kinds.Member) and known.kind.set == name) for known in data)
    derived = any(other.name != name and name in _sets_of(other.members) for other in program.sets)
    if by_member or derived or not any(name in site.sets for site in program.sites if site.role == "latent"):
        return False
    test = _Test(program, name)
    return (
        all(map(test.of_site, program.sites))
        and all(test.of(part) for factor in program.factors for part in (factor.value, factor.weight, factor.where))
        and not any(binder.set == name for restrict in program.restrictions for binder in restrict.binders)
        and all(test.of(part) for restrict in program.restrictions for part in (restrict.condition, restrict.where))
    )


def _sets_of(members: object) -> tuple[str, ...]:
    """The sets that a set is made of."""
    found = (getattr(members, "set", None), *getattr(members, "sets", ()))
    return tuple(one for one in found if one is not None)


class _Test:
    """Does an expression treat all members of a set alike? Members may stand in index slots and be compared for being the same; that is all."""

    def __init__(self, program: Program, name: str) -> None:
        self.program, self.name = program, name

    def of_site(self, site: Site) -> bool:
        variables = frozenset(axis.variable for axis in site.plates if axis.set == self.name and axis.variable is not None)
        parts = (site.right, site.starting, site.weight, site.where, site.value)
        if self.name not in site.sets and not any(part is not None and self._mentioned(part, variables) for part in parts):
            return True
        joint = self.name in site.event and site.stochastic
        if joint and not (isinstance(site.right, ire.Distribution) and site.right.name in _ALIKE):
            return False
        if self.name in site.sets and (site.fixing or site.structure not in (None, "simplex")):
            return False
        return all(self.of(part, variables, root=True) for part in parts)

    def of(self, node: ire.Expression | None, variables: frozenset[str] = frozenset(), *, root: bool = False) -> bool:
        """variables: those bound to the members. root: may the whole be a member?"""
        if node is None:
            return True
        if self._is_member(node, variables) and not root:
            return False
        match node:
            case ire.Member(name):
                return name != self.name
            case ire.Variable():
                return True
            case ire.Lag(variable):
                return variable not in variables
            case ire.Part() | ire.TableLiteral() | ire.NetCall() | ire.RecordField() | ire.Bijection() | ire.Element():
                return False
            case ire.Reference():
                return all(self.of(index, variables, root=True) for index in node.indices)
            case ire.Compare():
                same = node.operator in ("==", "!=")
                return self.of(node.left, variables, root=same) and self.of(node.right, variables, root=same)
            case ire.Call() if self._takes_tables(node) and self._mentioned(node, variables):
                return False
            case ire.Reduce():
                within = self._bound(node.binders, variables)
                parts = (node.element, node.condition)
                return node.operation != "triangle" and all(self.of(part, within) for part in parts)
            case ire.Mixture():
                within = self._bound((node.binder,), variables)
                return self.of(node.component, within) and self.of(node.weights, variables)
            case ire.LogDensity():
                return self.of(node.distribution, variables) and self.of(node.value, variables, root=True)
        return all(self.of(child, variables) for child in ire.children(node))

    def _bound(self, binders: tuple[ire.Binder, ...], variables: frozenset[str]) -> frozenset[str]:
        own = {binder.variable for binder in binders}
        return (variables - own) | {binder.variable for binder in binders if binder.set == self.name}

    def _is_member(self, node: ire.Expression, variables: frozenset[str]) -> bool:
        """Is its value a member of the set? Then it may not be taken for a number."""
        if isinstance(node, ire.Variable):
            return node.name in variables
        if not isinstance(node, ire.Reference):
            return False
        kind = self.program.kind_of(node.name)
        return isinstance(kind, kinds.Member) and kind.set == self.name

    def _mentioned(self, node: ire.Expression, variables: frozenset[str]) -> bool:
        """Does it depend on which member is which?"""
        for part in ire.walk(node):
            match part:
                case ire.Variable(name) if name in variables:
                    return True
                case ire.Member(name) if name == self.name:
                    return True
                case ire.Mixture() if part.binder.set == self.name:
                    return True
                case ire.Reduce() if any(binder.set == self.name for binder in part.binders):
                    return True
                case ire.Reference(name) if self._is_member(part, variables) or self.name in self.program.axes_of(name):
                    return True
        return False

    @staticmethod
    def _takes_tables(node: ire.Call) -> bool:
        from pplang._catalogue.functions import FUNCTIONS

        entry = FUNCTIONS.get(node.function)
        return entry is not None and (bool(entry.event) or any(argument.sets for argument in entry.arguments))
