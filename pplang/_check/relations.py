"""The relations of the program or of its guide: declared, resolved, typed, and made sites."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pplang._check import graph
from pplang._check.annotations import check_forms, check_places, read_notes
from pplang._check.arguments import check_declared, relaxed
from pplang._check.cells import of_given_cells
from pplang._check.clauses import Clauses, read_clauses, type_starting
from pplang._check.draws import Draw, type_draw
from pplang._check.environment import Entry, Environment
from pplang._check.expand import names_in
from pplang._check.resolve import Resolver
from pplang._check.shapes import axes_fit, draw_fills, value_fills
from pplang._check.steps import check_steps
from pplang._check.type_names import kind_of_type
from pplang._check.types import Typer
from pplang._check.widening import settle
from pplang._check.words import kind_words, values_words
from pplang._diagnostics import Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import Boolean, Interval, Kind, Member, Record
from pplang._ir.text import kind_text
from pplang._syntax import tree


@dataclass
class Resolved:
    """A relation with its names looked up, before it is typed."""

    node: tree.Relation
    axes: tuple[ir.Axis, ...]
    typer: Typer
    right: ire.Expression
    clauses: Clauses
    fills: bool

    @property
    def event(self) -> tuple[str, ...]:
        return tuple(axis.set for axis in self.axes if axis.variable is None)


@dataclass
class Relations:
    """Turns the relations of one scope (the program, or its guide) into sites."""

    environment: Environment
    in_guide: bool = False
    sites: dict[str, ir.Site] = field(default_factory=dict)
    targets: dict[str, tree.Relation] = field(default_factory=dict)
    resolved: dict[str, Resolved] = field(default_factory=dict)
    observing: dict[str, tree.Relation] = field(default_factory=dict)
    """The relations by `~` for names that another relation computes from the data."""
    ahead: set[str] = field(default_factory=set)
    """Names whose relation looks ahead (reported): circles through them are no news."""

    # names

    def declare(self, nodes: tuple[tree.Relation, ...]) -> None:
        """Every name that a relation defines, with its sets; kinds follow when it is typed."""
        for node in nodes:
            name = node.target.name
            before = self.environment.entries.get(name.name)
            axes = self.axes(node.target)
            if name.name in self.targets and self._observes(node, self.targets[name.name]):
                pair = sorted((node, self.targets[name.name]), key=lambda one: one.operator)
                self.targets[name.name], self.observing[name.name] = pair
            elif name.name in self.targets:
                first = self.targets[name.name].target.name.span
                self.environment.report("N03", f"`{name.name}` has two defining statements", name.span, "and again here", labels=(Label(first, "first here"),),
                                        help="keep one; to add a term to the log density use `factor`")  # fmt: skip
            elif before is not None:
                if self._relates_to(node, before):
                    self.targets[name.name] = node
                    before.data = before.data and (not before.optional or of_given_cells(node))
            elif self.environment.define(name.name, name.span):
                sets = tuple(axis.set for axis in axes)
                whole = name.span.to(node.right.span)
                self.environment.entries[name.name] = Entry(name.name, "site", sets, None, name.span, relation=whole)
                self.targets[name.name] = node

    def _observes(self, node: tree.Relation, before: tree.Relation) -> bool:
        """Do two relations of one name say what is observed and how it is distributed? (That it is data is checked when it is typed.)"""
        both = {node.operator, before.operator} == {"=", "~"} and node.target.name.name not in self.observing
        return both and not self.in_guide and self.environment.entries[node.target.name.name].what == "site"

    def _relates_to(self, node: tree.Relation, before: Entry) -> bool:
        """A relation for a name that exists: an observed column or input, or (in a guide) a latent of the program."""
        name = node.target.name
        if before.what == "site" and self.in_guide and node.operator == "~":
            return True
        if before.what in ("site", "param"):
            self.environment.define(name.name, name.span)
            return False
        if node.operator == "=":
            edit = f"a column can be computed where it is declared: {name.name} : {_type_of(before)} = ..." if before.what == "column" else (
                f"to give it a value when none is given, write a default: input {name.name} : {_type_of(before)} = ..."
            )  # fmt: skip
            self.environment.report("R10", f"the {before.what} `{name.name}` defined by `=`", name.span, "its values come from outside the model",
                                    help=f"to compute something from it use another name; {edit}")  # fmt: skip
            return False
        return True

    def axes(self, target: tree.Target) -> tuple[ir.Axis, ...]:
        """The axes of a left side as the program names them."""
        resolver = Resolver(self.environment)
        return tuple(self._axis(resolver, target, one) for one in target.axes)

    def _not_bound(self, target: tree.Target, node: tree.Axis) -> None:
        """`y[i] ~ ...`: which set does i run over? That of a column is known."""
        name, before = target.name.name, self.environment.entries.get(target.name.name)
        over = before.sets if before is not None and len(before.sets) == len(target.axes) else ("Set",) * len(target.axes)
        axes = ", ".join(f"{one.variable or one.set} in {set_name}" for one, set_name in zip(target.axes, over, strict=True))
        self.environment.report(
            "N07", f"`{node.set}` is not an index set", node.span, "over which set does it run?", help=f"say it on the left: {name}[{axes}]"
        )

    def _axis(self, resolver: Resolver, target: tree.Target, node: tree.Axis) -> ir.Axis:
        if node.variable is None and node.set not in self.environment.sets and node.set[:1].islower():
            self._not_bound(target, node)
            return ir.Axis(None, node.set)
        set_name = resolver.set_name(node.set, node.span) or node.set
        if node.variable is None:
            return ir.Axis(None, set_name)
        if node.variable in resolver.visible:
            resolver.report(
                "D11",
                f"`{node.variable}` is bound twice",
                node.span,
                "it already stands for the index before",
                help="use another letter for this one",
            )
        return ir.Axis(resolver.bind(node.variable, set_name), set_name)

    # all relations, in an order in which kinds are known when they are needed

    def relate_all(self) -> None:
        """Resolve and type every relation; a site is kept where nothing is wrong with it."""
        own = {name for name in self.targets if self.environment.entries[name].what == "site"}
        parents = {name: self._mentioned(node) & own for name, node in self.targets.items()}
        for group in graph.components(list(self.targets), parents):
            for name in group:
                self._resolve(self.targets[name], self.environment.entries[name])
            known = [name for name in group if name in self.resolved]
            if len(group) > 1 or group[0] in parents[group[0]]:
                settle(self.environment, {name: self.resolved[name] for name in known if self.environment.entries[name].what == "site"})
            for name in known:
                self._relate(self.resolved[name], self.environment.entries[name])
        for name, node in self.observing.items():
            if name in self.sites:
                self._observe(self.sites[name], node, self.environment.entries[name])

    def _mentioned(self, node: tree.Relation) -> set[str]:
        """The names that a relation may depend on, through functions too."""
        functions = self.environment.functions
        found: set[str] = set()
        pending: list[object] = [node.right, *node.clauses]
        while pending:
            new = {one.name for one in names_in(pending.pop())} - found
            found |= new
            pending += [functions[name].body for name in new if name in functions]
        return found

    # one relation

    def _resolve(self, node: tree.Relation, entry: Entry) -> None:
        if any(axis.set not in self.environment.sets for axis in node.target.axes):
            return
        resolver = Resolver(self.environment)
        axes = []
        for one in node.target.axes:
            variable = None if one.variable is None else resolver.bind(one.variable, one.set)
            axes.append(ir.Axis(variable, one.set))
        typer = Typer(self.environment, dict(resolver.variables))
        right = self._right(resolver, node)
        clauses = read_clauses(resolver, typer, node, tuple(axes), entry)
        fits = entry.what == "site" or axes_fit(self.environment, node, entry, tuple(axes))
        if fits and not resolver.is_invalid(right):
            fills = node.operator == "=" or draw_fills(self.environment, node, right)
            self.resolved[entry.name] = Resolved(node, tuple(axes), typer, right, clauses, fills)

    def _right(self, resolver: Resolver, node: tree.Relation) -> ire.Expression:
        if node.operator == "~":
            return resolver.distribution(node.right)
        distribution = _distribution_name(node.right)
        if distribution is None:
            return resolver.value(node.right)
        left, right = (
            self.environment.written(node.target.span, node.target.name.name),
            self.environment.written(node.right.span, f"{distribution}(...)"),
        )
        return resolver.report("D13", f"the distribution `{distribution}` where a value is needed", node.right.span, "`=` defines a value",
                               help=f"for a draw write {left} ~ {right}")  # fmt: skip

    def _relate(self, resolved: Resolved, entry: Entry) -> None:
        node, typer = resolved.node, resolved.typer
        draw = self._type(resolved, entry)
        if check_steps(self.environment, node, resolved.right, limited=resolved.clauses.where is not None):
            self.ahead.add(entry.name)
        kind = self._kind(node, entry, draw)
        if entry.what == "site":
            entry.kind, entry.structure = kind, draw.structure
            entry.data = draw.data and node.operator == "="
        if resolved.clauses.starting is not None:
            type_starting(typer, node, resolved.clauses.starting, resolved.event, entry)
        notes = read_notes(self.environment, node.notes)
        role: ir.Role = "deterministic"
        if node.operator == "~":
            known = not entry.optional or of_given_cells(node)
            role = "latent" if entry.what == "site" else "observed" if known else "split"
        check_places(self.environment, notes, "latent" if role in ("latent", "split") else "observed" if role == "observed" else "other")
        if entry.kind is not None:
            clauses = resolved.clauses
            declared = None if node.type is None else kind_of_type(self.environment, node.type)[0]
            self.sites[entry.name] = ir.Site(
                entry.name, resolved.axes, role, "data" if entry.data and role == "deterministic" else "model", resolved.right, entry.kind,
                draw.structure, clauses.starting, clauses.weight, clauses.where, clauses.fixing, node.report, notes, declared,
                span=node.target.name.span,
            )  # fmt: skip
            if role != "deterministic":
                check_forms(self.environment, notes, self.sites[entry.name])
        elif not self.environment.collector.failed:
            self.environment.report("D07", f"which set does `{entry.name}` draw from?", node.right.span, "a list does not say which index set it is over",
                                    help="give the list a name and a set: p[Side] = [0.5, 0.5], then use p")  # fmt: skip

    def _observe(self, computed: ir.Site, node: tree.Relation, entry: Entry) -> None:
        """The relation by `~` of a name whose values another one computes from the data."""
        name = entry.name
        alike = [one.variable is None for one in computed.axes] == [one.variable is None for one in node.target.axes]
        if not entry.data or computed.starting is not None or not alike:
            first, later = sorted((node.target.name.span, self.targets[name].target.name.span))
            edit = "keep one; to add a term to the log density use `factor`" if not entry.data else "write the two left sides alike"
            edit = "give the recurrence a name of its own" if computed.starting is not None else edit
            self.environment.report(
                "N03", f"`{name}` has two defining statements", later, "and again here", labels=(Label(first, "first here"),), help=edit
            )
            return
        del self.resolved[name], self.sites[name]
        observed = replace(entry, what="column")
        self._resolve(node, observed)
        if name in self.resolved:
            self._relate(self.resolved[name], observed)
        if name in self.sites:
            site = self.sites[name]
            letters = {a.variable: b.variable for a, b in zip(computed.axes, site.axes, strict=True) if a.variable and b.variable}
            value = ire.renamed(computed.right, letters)
            self.sites[name] = replace(
                site,
                value=value,
                declared_kind=computed.declared_kind,
                report=site.report or computed.report,
                notes=(*computed.notes, *site.notes),
            )

    def _type(self, resolved: Resolved, entry: Entry) -> Draw:
        node, typer, event = resolved.node, resolved.typer, resolved.event
        if node.operator == "~":
            outcome = entry.kind if entry.what != "site" else None
            return type_draw(typer, resolved.right, event=event if resolved.fills else None, outcome=outcome)
        typing = typer.type_of(resolved.right)
        value_fills(typer, node, typing, resolved.right, event)
        return Draw(typing.kind, event, typing.structure, typing.data)

    # kinds

    def _kind(self, node: tree.Relation, entry: Entry, draw: Draw) -> Kind | None:
        """The kind of the name, checked against what is declared or observed."""
        declared = None if node.type is None else kind_of_type(self.environment, node.type)[0]
        if node.type is not None and node.operator == "~":
            wanted = node.type.name
            edit = (
                f"leave it out; for a {wanted} draw write Truncated({self.environment.written(node.right.span)}, lower = 0)"
                if wanted in ("positive", "nonnegative")
                else "leave it out"
            )
            self.environment.report("K06", "a type on a drawn name", node.type.span, "the distribution says what it draws", help=edit)
        if entry.what != "site":
            self._observed(node, entry, draw)
            return entry.kind
        if draw.kind is None or declared is None:
            return draw.kind
        written = self.environment.written(node.right.span)
        edit = f"if you know better, say so: {kind_text(declared)}({written})" if node.type is not None and node.type.bounds is None else ""
        check_declared(self.environment, f"`{entry.name}`", declared, draw.kind, node.right.span, data=draw.data, edit=edit)
        return declared

    def _observed(self, node: tree.Relation, entry: Entry, draw: Draw) -> None:
        """Does the distribution draw the kind of value that the column holds? (K05)"""
        if draw.kind is None or entry.kind is None or isinstance(draw.kind, Record):
            return
        observed, drawn = self.environment.number(entry.kind), self.environment.number(draw.kind)
        shown = node.right.function.name if isinstance(node.right, tree.Call) and isinstance(node.right.function, tree.Name) else "this"
        edit = ""
        if isinstance(draw.kind, Member):
            edit = f"declare {entry.name} : {draw.kind.set}" if draw.kind != entry.kind else ""
        elif isinstance(entry.kind, Member) and observed is None:
            edit = f"draw it from Categorical or OrderedLogistic; or, if it is a number, declare {entry.name} : {'count' if drawn is not None and drawn.integer else 'real'}"
        elif drawn is not None and observed is not None and drawn.integer and not observed.integer:
            wanted = "bool" if isinstance(draw.kind, Boolean) else "count" if drawn.lower >= 0 else "int"
            edit = f"declare {entry.name} : {wanted}"
        if not edit and observed is not None and drawn is not None and entry.optional and not of_given_cells(node):
            self._fills(node, entry, draw.kind, observed, drawn)
        if edit:
            held = f"is {kind_words(entry.kind)}"
            declared = (Label(entry.span, f"`{entry.name}` {held}"),)
            self.environment.report("K05", f"{shown} draws {values_words(draw.kind)}, and `{entry.name}` {held}", node.right.span,
                                    f"draws {values_words(draw.kind)}", labels=declared, help=edit)  # fmt: skip

    def _fills(self, node: tree.Relation, entry: Entry, kind: Kind, observed: Interval, drawn: Interval) -> None:
        """Can the column hold all that may be drawn for an empty cell? (K05)"""
        if relaxed(drawn).within(relaxed(observed)):
            return
        written = self.environment.written(node.right.span)
        self.environment.report("K05", f"an empty cell may get a value that `{entry.name}` cannot hold", node.right.span, f"draws {values_words(kind)}",
                                labels=(Label(entry.span, f"`{entry.name}` is {kind_words(entry.kind)}"),) if entry.kind is not None else (),
                                help=f"bound it, {_bounded(written, observed, drawn)}; or declare {entry.name} : real?")  # fmt: skip


def _bounded(written: str, wanted: Interval, drawn: Interval) -> str:
    """A distribution cut off at the ends of a kind that it goes beyond."""
    ends = [f"lower = {wanted.lower:g}"] * (drawn.lower < wanted.lower) + [f"upper = {wanted.upper:g}"] * (drawn.upper > wanted.upper)
    return f"Truncated({', '.join([written, *ends])})"


def _type_of(entry: Entry) -> str:
    return "real" if entry.kind is None else kind_text(entry.kind)


def _distribution_name(node: tree.Expression) -> str | None:
    """The name of a distribution that is called where a definition stands."""
    from pplang._catalogue.distributions import DISTRIBUTIONS

    match node:
        case tree.Call(tree.Name(name)) if name in DISTRIBUTIONS or name == "Mixture":
            return name
    return None
