"""Relations, factors, restrictions, the guide: each resolved, typed and made a record of the program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._check import graph
from pplang._check.annotations import check_places
from pplang._check.declarations import Declarations
from pplang._check.draws import Draw, relaxed, type_draw
from pplang._check.environment import Entry, Environment, kind_words, sets_words
from pplang._check.resolve import Invalid, Resolver
from pplang._check.types import ANY, Typer, Typing
from pplang._diagnostics import Collector, Label
from pplang._ir import expression as ire
from pplang._ir import interval
from pplang._ir import program as ir
from pplang._ir.kinds import COUNT, NONNEGATIVE, POSITIVE, REAL, UNIT, Boolean, Interval, Kind, Member, Record
from pplang._source import Span
from pplang._syntax import tree


@dataclass
class Relations:
    """Turns the relations of one scope (the program, or its guide) into sites."""

    declarations: Declarations
    environment: Environment
    budget: list[int]
    sites: dict[str, ir.Site] = field(default_factory=dict)
    targets: dict[str, tree.Relation] = field(default_factory=dict)
    in_guide: bool = False

    def declare(self, nodes: tuple[tree.Relation, ...]) -> None:
        """Every name that a relation defines, with its sets; kinds follow when it is typed."""
        for node in nodes:
            name = node.target.name
            before = self.environment.entries.get(name.name)
            axes = self.declarations.axes(node.target.axes)
            if before is not None and name.name not in self.targets and self._relates_to(node, before, axes):
                self.targets[name.name] = node
            elif before is None and self.declarations.define(name):
                sets = tuple(axis.set for axis in axes)
                self.environment.entries[name.name] = Entry(name.name, "site", sets, None, name.span)
                self.targets[name.name] = node
            elif before is not None and name.name in self.targets:
                first = self.targets[name.name].target.name.span
                self.report("N03", f"`{name.name}` has two defining statements", name.span, "and again here", labels=(Label(first, "first here"),),
                            help="keep one; to add a term to the log density use `factor`")  # fmt: skip

    def _relates_to(self, node: tree.Relation, before: Entry, axes: tuple[ir.Axis, ...]) -> bool:
        """A relation for a name that exists: an observed column or input, or (in a guide) a latent of the program."""
        name = node.target.name
        sets = tuple(axis.set for axis in axes)
        if before.what == "site" and self.in_guide and node.operator == "~":
            return True
        if before.what in ("site", "param"):
            self.declarations.define(name)
            return False
        if node.operator == "=":
            self.report("R10", f"the {before.what} `{name.name}` defined by `=`", name.span, "its values come from the data",
                        help=f"write `~` for how it arises, or compute another name from it; a column is computed inside `data`: {name.name} : real = ...")  # fmt: skip
            return False
        fits = len(sets) == len(before.sets) and all(self.environment.indexes(a, b) for a, b in zip(sets, before.sets, strict=True))
        if not fits and all(axis.set in self.environment.sets for axis in axes):
            left = ", ".join(f"{one[0].lower()} in {one}" for one in before.sets)
            self.report("D15", f"`{name.name}` is over {' and '.join(before.sets) or 'nothing'}", node.target.span,
                        f"the left side is over {' and '.join(sets) or 'nothing'}", help=f"write {name.name}[{left}]" if left else f"write {name.name}")  # fmt: skip
        return fits

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.declarations.report(code, title, span, label, help=help, labels=labels)

    # one relation

    def relate(self, name: str) -> None:
        """Resolve and type the relation of a name, and keep the site if nothing is wrong with it."""
        node = self.targets[name]
        axes = self.declarations.axes(node.target.axes) if all(axis.set in self.environment.sets for axis in node.target.axes) else ()
        if len(axes) != len(node.target.axes):
            return
        resolver, typer = self._scope(axes)
        right = resolver.distribution(node.right) if node.operator == "~" else resolver.value(node.right)
        clauses = self._clauses(node, resolver, axes)
        entry = self.environment.entries[name]
        if isinstance(right, Invalid):
            return
        if node.operator == "=" and entry.what == "site":
            entry.data = True
            entry.kind = self._invariant(entry, typer, right, clauses) if node.type is None else self.declarations.kind(node.type)[0]
        draw = self._type(node, typer, right, axes)
        self._steps(node, right, clauses, entry)
        kind = self._kind(node, entry, draw, typer)
        if entry.what == "site":
            entry.kind, entry.structure = kind, draw.structure
            entry.data = draw.data and node.operator == "="
        if clauses.starting is not None:
            self._starting(node, typer, clauses.starting, axes, entry)
        if kind is None:
            return
        role: ir.Role = "deterministic"
        if node.operator == "~":
            role = "latent" if entry.what == "site" else "split" if entry.optional else "observed"
        place = "latent" if role in ("latent", "split") else "other"
        notes = self.declarations.notes(node.notes)
        check_places(self.declarations, notes, place)  # type: ignore[arg-type]
        declared = None if node.type is None else self.declarations.kind(node.type)[0]
        self.sites[name] = ir.Site(
            name, axes, role, "data" if entry.data and role == "deterministic" else "model", right, kind, draw.structure,
            clauses.starting, clauses.weight, clauses.where, clauses.fixing, node.report, notes, declared, span=node.target.name.span,
        )  # fmt: skip

    def _invariant(self, entry: Entry, typer: Typer, right: ire.Expression, clauses: Clauses) -> Kind:
        """What may be assumed of a name's earlier values in its own definition: the narrowest kind that they keep once they have it."""
        quiet = replace(self.environment, collector=Collector(), entries={**self.environment.entries})
        if clauses.starting is None or not any(isinstance(one, ire.Reference) and one.name == entry.name for one in ire.walk(right)):
            return REAL
        for kind in (UNIT, COUNT, POSITIVE, NONNEGATIVE):
            quiet.entries[entry.name] = replace(entry, kind=kind)
            trial = Typer(quiet, typer.variables)
            results = [quiet.number(trial.type_of(one).kind) for one in (right, clauses.starting)]
            if all(one is not None and one.within(kind) for one in results):
                return kind
        return REAL

    def _scope(self, axes: tuple[ir.Axis, ...]) -> tuple[Resolver, Typer]:
        variables = {axis.variable: axis.set for axis in axes if axis.variable is not None}
        resolver = Resolver(self.environment, self.declarations.functions, dict(variables), {one: one for one in variables}, budget=self.budget)
        return resolver, Typer(self.environment, resolver.variables)

    def _type(self, node: tree.Relation, typer: Typer, right: ire.Expression, axes: tuple[ir.Axis, ...]) -> Draw:
        event = tuple(axis.set for axis in axes if axis.variable is None)
        if node.operator == "~":
            return type_draw(typer, right, event=event if self._fills(node, right, axes) else None)
        typing = typer.type_of(right)
        self._shape(node, typer, typing, right, event)
        return Draw(typing.kind, event, typing.structure, typing.data)

    def _fills(self, node: tree.Relation, right: ire.Expression, axes: tuple[ir.Axis, ...]) -> bool:
        """Does one draw fill exactly the bare axes?"""
        letters, shown = _event(right), _name(right)
        bare = [one for one in node.target.axes if one.variable is None]
        bound = [one for one in node.target.axes if one.variable is not None]
        name = node.target.name.name
        if len(bare) == len(letters):
            return True
        if not letters:
            free = _letters(bare, bound)
            written = ", ".join(f"{free.pop(0)} in {one.set}" if one.variable is None else f"{one.variable} in {one.set}" for one in node.target.axes)
            self.report("D03", "a scalar distribution cannot fill a bare axis", bare[0].span, f"{shown} draws one number",
                        help=f"for one independent draw per member write {name}[{written}]")  # fmt: skip
        elif not bare and len(bound) >= len(letters):
            split = bound[-len(letters) :]
            written = ", ".join(one.set if one in split else f"{one.variable} in {one.set}" for one in node.target.axes)
            sets = " x ".join(one.set for one in split)
            what = "matrix" if len(letters) == 2 else "table"
            self.report("D04", "a joint draw split into separate ones", split[-1].span, f"{shown} draws the whole {sets} {what} at once",
                        labels=tuple(Label(one.span, "") for one in split[:-1]), help=f"write {name}[{written}] ~ {shown}(...)")  # fmt: skip
        else:
            axes_word = "axis" if len(letters) == 1 else "axes"
            self.report("D04", f"{shown} draws a whole table at once", node.target.span, f"it fills {len(letters)} bare {axes_word}, and there {'is' if len(bare) == 1 else 'are'} {len(bare)}",
                        help=f"write {name}[{', '.join(['Coef'] * len(letters))}] ~ {shown}(...), with index Coef = {{...}} for the members")  # fmt: skip
        return False

    def _shape(self, node: tree.Relation, typer: Typer, typing: Typing, right: ire.Expression, event: tuple[str, ...]) -> None:
        """In `x[...] = e`, e is over exactly the bare axes: the left side is the shape."""
        if typing.kind is None:
            return
        if isinstance(right, ire.TableLiteral) and len(event) == 1:
            labels = self.environment.labels(event[0])
            if labels is not None and len(labels) != len(right.items):
                self.report("D12", f"{len(right.items)} values for {len(labels)} members", right.span, f"{event[0]} has {', '.join(map(str, labels))}")
            return
        if typing.sets == event or ANY in typing.sets:
            return
        if not event:
            typer._whole_table(right, typing)
        else:
            bound = ", ".join(f"{one[0].lower()} in {one}" for one in event)
            self.report("D10", "the two sides have different axes", node.target.span, f"the right side is {sets_words(typing.sets)}",
                        help=f"to compute one element at a time write {node.target.name.name}[{bound}] = ...")  # fmt: skip

    def _kind(self, node: tree.Relation, entry: Entry, draw: Draw, typer: Typer) -> Kind | None:
        """The kind of the name, checked against what is declared or observed."""
        declared = None if node.type is None else self.declarations.kind(node.type)[0]
        if node.type is not None and node.operator == "~":
            self.report("K06", "a type on a drawn name", node.type.span, "the distribution says what it draws", help="leave the type out")
        if entry.what != "site":
            self._observed(node, entry, draw)
            return entry.kind
        if draw.kind is None or declared is None:
            return draw.kind
        given, wanted = self.environment.number(draw.kind), self.environment.number(declared)
        if isinstance(declared, Member) or isinstance(draw.kind, Member) or given is None or wanted is None:
            if draw.kind != declared:
                self.report("K06", f"`{node.target.name.name}` is declared {kind_words(declared)}", node.right.span, f"this is {kind_words(draw.kind)}")
        elif not draw.data and not relaxed(given).within(relaxed(wanted)):
            self.report("K06", f"`{node.target.name.name}` is declared {kind_words(declared)}", node.right.span, f"this is {kind_words(draw.kind)}",
                        help=f"if you know better, say so: {kind_words(declared)}(...)")  # fmt: skip
        return declared

    def _observed(self, node: tree.Relation, entry: Entry, draw: Draw) -> None:
        """Does the distribution draw the kind of value that the column holds?"""
        if draw.kind is None or entry.kind is None or isinstance(draw.kind, Record):
            return
        observed, drawn = self.environment.number(entry.kind), self.environment.number(draw.kind)
        name, shown = entry.name, _name_of(node.right)
        if isinstance(draw.kind, Member) or (isinstance(entry.kind, Member) and observed is None):
            if draw.kind != entry.kind:
                self.report("K05", f"{shown} draws {kind_words(draw.kind)}, and `{name}` holds {kind_words(entry.kind)}", node.target.name.span,
                            help=f"declare {name} : {draw.kind.set}" if isinstance(draw.kind, Member) else "use a distribution of numbers on a column of numbers")  # fmt: skip
        elif drawn is not None and observed is not None and drawn.integer and not observed.integer:
            edit = "bool" if isinstance(draw.kind, Boolean) else "count" if drawn.lower >= 0 else "int"
            self.report("K05", f"{shown} draws {'true or false' if edit == 'bool' else 'whole numbers'}, and `{name}` is {kind_words(entry.kind)}",
                        node.target.name.span, help=f"declare {name} : {edit}")  # fmt: skip

    # clauses

    def _clauses(self, node: tree.Relation, resolver: Resolver, axes: tuple[ir.Axis, ...]) -> Clauses:
        found = Clauses()
        typer = Typer(self.environment, resolver.variables)
        observed = self.environment.entries[node.target.name.name].what != "site"
        for clause in node.clauses:
            self._repeated(node, clause)
            if isinstance(clause, tree.Starting):
                found.starting = resolver.distribution(clause.value) if node.operator == "~" else resolver.value(clause.value)
                found.starting = None if isinstance(found.starting, Invalid) else found.starting
            elif isinstance(clause, tree.Fixing):
                self._fixing(node, clause, resolver, axes, found)
            else:
                value = resolver.value(clause.value)
                if isinstance(value, Invalid):
                    continue
                if isinstance(clause, tree.Weighted):
                    found.weight = self._weight(node, clause, typer, value)
                else:
                    found.where = self._where(clause.span, typer, value, allowed=observed and node.operator == "~")
        return found

    def _repeated(self, node: tree.Relation, clause: tree.Clause) -> None:
        same = [one for one in node.clauses if type(one) is type(clause)]
        if len(same) > 1 and clause is same[-1] and not isinstance(clause, tree.Fixing):
            word = type(clause).__name__.lower()
            self.report("R03", f"two `{word}` clauses", clause.span, help="keep one")

    def _weight(self, node: tree.Relation, clause: tree.Weighted, typer: Typer, value: ire.Expression) -> ire.Expression:
        if node.operator == "=":
            self.report("R03", "`weighted` on a definition", clause.span, "it multiplies a log density, and `=` has none", help="weight the observed relation")
        found, data = typer.number(value)
        if found is not None and found.lower < 0 and not data:
            self.report("K01", "a weight that may be negative", clause.value.span, f"this is {kind_words(found)}", help="weights are at least zero")
        return value

    def _where(self, span: Span, typer: Typer, value: ire.Expression, *, allowed: bool) -> ire.Expression:
        if not allowed:
            self.report("R01", "`where` on a relation that is not observed", span, "it limits an observed relation or a factor",
                        help="to define elements in another way use `if ... then ... else ...`")  # fmt: skip
        if not typer.condition(value):
            self.report("R01", "a condition that depends on a latent", value.span, "`where` is decided by the data alone")
        return value

    def _fixing(self, node: tree.Relation, clause: tree.Fixing, resolver: Resolver, axes: tuple[ir.Axis, ...], found: Clauses) -> None:
        observed = self.environment.entries[node.target.name.name].what != "site"
        plates = [axis for axis in axes if axis.variable is not None]
        if node.operator == "=" or observed or len(plates) != 1 or len(axes) != 1:
            self.report("R02", "`fixing` needs a latent with one bound axis", clause.span, help="write b[a in Age] ~ Flat()   fixing young = 0")
            return
        label = clause.label
        raw: str | int = label.name if isinstance(label, tree.Name) else label.value if isinstance(label, tree.Text) else int(label.text)
        member = resolver.label_of(plates[0].set, raw, clause.span)
        value = resolver.value(clause.value)
        if isinstance(member, ire.Member) and not isinstance(value, Invalid):
            if not Typer(self.environment, {}).number(value)[1]:
                self.report("R02", "a fixed value that depends on a latent", clause.value.span, help="fix it at a number, or at something computed from data")
            found.fixing = (*found.fixing, (member.label, value))

    def _starting(self, node: tree.Relation, typer: Typer, starting: ire.Expression, axes: tuple[ir.Axis, ...], entry: Entry) -> None:
        """`starting` is of the same type as the right side."""
        event = tuple(axis.set for axis in axes if axis.variable is None)
        if node.operator == "~":
            draw = type_draw(typer, starting, event=event if len(_event(starting)) == len(event) else None)
            kind: Kind | None = draw.kind
            if isinstance(entry.kind, Member) != isinstance(draw.kind, Member) and draw.kind is not None and entry.kind is not None:
                self.report("T06", "`starting` draws something else", starting.span, f"{kind_words(draw.kind)}, and the name is {kind_words(entry.kind)}")
        else:
            typing = typer.type_of(starting)
            kind = typing.kind
            if typing.sets and typing.sets != event:
                typer._whole_table(starting, typing)
            entry.data = entry.data and typing.data
        if entry.what == "site" and isinstance(entry.kind, Interval) and isinstance(kind, Interval):
            entry.kind = interval.union(entry.kind, kind)

    def _steps(self, node: tree.Relation, right: ire.Expression, clauses: Clauses, entry: Entry) -> None:
        """A relation that looks back needs a beginning, and only data can be looked at ahead."""
        steps = list(graph.lags(right))
        starting = next((one for one in node.clauses if isinstance(one, tree.Starting)), None)
        if steps and starting is None and clauses.where is None:
            first = min(steps, key=lambda one: one.span)
            over = next((axis.set for axis in node.target.axes if axis.variable == first.variable), "member")
            place = next((one for one in ire.walk(right) if isinstance(one, ire.Reference) and first in one.indices), first)
            edit = "starting Normal(0, 10)" if node.operator == "~" else "starting 0"
            self.report("T01", "a recurrence without a beginning", place.span, f"what is this for the first {over}?", help=f"add a line below:   {edit}")
        if not steps and starting is not None and clauses.starting is not None:
            self.report("T04", "`starting` on a relation that does not look back", starting.span, help="leave it out, or refer to an earlier member, x[t-1]")
        for one in ire.walk(right):
            if isinstance(one, ire.Reference):
                for index in one.indices:
                    if isinstance(index, ire.Lag) and isinstance(index.by, ire.Number) and index.by.value < 0:
                        looked = self.environment.entries.get(one.name)
                        if looked is not None and looked.what in ("site", "param") and not looked.data:
                            self.report("T03", "a look ahead at a latent", one.span, f"`{one.name}` is not data", help="turn the relation round: let the later one depend on the earlier")


@dataclass
class Clauses:
    starting: ire.Expression | None = None
    weight: ire.Expression | None = None
    where: ire.Expression | None = None
    fixing: tuple[tuple[str | int, ire.Expression], ...] = ()


def _event(node: ire.Expression) -> tuple[str, ...]:
    """The letters of the axes that one draw fills."""
    match node:
        case ire.Mixture(component=component):
            return _event(component)
        case ire.Distribution("Transformed"):
            bijection = node.argument("bijection")
            return BIJECTIONS[bijection.name].free if isinstance(bijection, ire.Bijection) else ()
        case ire.Distribution(name):
            entry = DISTRIBUTIONS[name]
            inner = next((value for argument, value in node.arguments if isinstance(value, ire.Distribution | ire.Mixture)), None)
            return _event(inner) if entry.wrapper and not entry.event and inner is not None else entry.event
    return ()


def _name(node: ire.Expression) -> str:
    return node.name if isinstance(node, ire.Distribution) else "Mixture"


def _name_of(node: tree.Expression) -> str:
    match node:
        case tree.Call(tree.Name(name)):
            return name
    return "the distribution"


def _letters(bare: list[tree.Axis], bound: list[tree.Axis]) -> list[str]:
    """Fresh letters for axes: `k` for Coef and Category, otherwise the set's first letter."""
    taken = {one.variable for one in bound}
    found: list[str] = []
    for axis in bare:
        wanted = ["k" if axis.set[0] in "CK" else axis.set[0].lower(), *"kijlmnpqrs"]
        letter = next(one for one in wanted if one not in taken)
        taken.add(letter)
        found.append(letter)
    return found


