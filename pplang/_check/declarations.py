"""What a file declares beside its relations: functions, inputs, params, nets. Names first, so that statements may stand in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

from pplang._check.annotations import check_places, read_notes
from pplang._check.arguments import relaxed
from pplang._check.environment import Entry, Environment
from pplang._check.resolve import Resolver
from pplang._check.tables import declare_table, derived_columns
from pplang._check.type_names import kind_of_type
from pplang._check.types import Typer
from pplang._check.words import kind_words, near
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import NAMED, Interval, Member
from pplang._ir.text import kind_text
from pplang._syntax import tree

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "gelu", "elu", "silu", "linear")


@dataclass
class Declarations:
    """Reads the declarations of a file into an environment and the records of the program."""

    environment: Environment
    statements: tuple[tree.Statement, ...]
    tables: list[ir.Table] = field(default_factory=list)
    inputs: list[ir.Input] = field(default_factory=list)
    params: list[ir.Param] = field(default_factory=list)

    # names

    def names(self) -> None:
        """Every name with its sets and kind; expressions come later."""
        for one in self.statements:
            match one:
                case tree.Function():
                    if self.environment.define(one.name.name, one.name.span):
                        self.environment.functions[one.name.name] = one
                case tree.Data():
                    self.tables.append(declare_table(self.environment, one))
                case tree.Input():
                    self._input(one)
                case tree.Param():
                    self._param(one)
                case tree.Net():
                    self._net(one)

    def _input(self, node: tree.Input) -> None:
        if not self.environment.define(node.name.name, node.name.span):
            return
        kind, structure = kind_of_type(self.environment, node.type)
        resolver = Resolver(self.environment)
        sets = tuple(resolver.set_name(one.set, one.span) or one.set for one in node.dimensions)
        notes = read_notes(self.environment, node.notes)
        check_places(self.environment, notes, "input")
        tuned = any(note.name == "tuned" for note in notes)
        self.environment.entries[node.name.name] = Entry(
            node.name.name, "input", sets, kind, node.name.span, structure, data=not tuned, optional=node.optional
        )
        if kind is not None:
            self.inputs.append(ir.Input(node.name.name, sets, kind, structure, node.optional, None, notes, span=node.name.span))

    def _param(self, node: tree.Param) -> None:
        name = node.target.name
        if not self.environment.define(name.name, name.span):
            return
        kind, structure = kind_of_type(self.environment, node.type)
        resolver = Resolver(self.environment)
        sets = tuple(resolver.set_name(one.set, one.span) or one.set for one in node.target.axes)
        self.environment.entries[name.name] = Entry(name.name, "param", sets, kind, name.span, structure)
        notes = self._no_notes(node.notes)
        axes = tuple(ir.Axis(axis.variable, set_name) for axis, set_name in zip(node.target.axes, sets, strict=True))
        if kind is not None:
            self.params.append(ir.Param(name.name, axes, kind, structure, None, notes, span=name.span))

    def _net(self, node: tree.Net) -> None:
        environment, name = self.environment, node.name.name
        if not environment.define(name, node.name.span):
            return
        resolver = Resolver(environment)
        inputs = tuple(resolver.set_name(one.name, one.span) or one.name for one in node.inputs)
        for layer in node.layers:
            if layer.width == 0:
                environment.report(
                    "N20", "a layer of width 0", layer.span, "nothing can pass through it", help=f"write -> 16 {layer.activation}"
                )
            if layer.activation not in ACTIVATIONS:
                meant = near(layer.activation, ACTIVATIONS)
                environment.report("N20", f"unknown activation `{layer.activation}`", layer.span, f"did you mean `{meant}`?" if meant else "",
                                   help="" if meant else f"the activations are {', '.join(ACTIVATIONS)}")  # fmt: skip
        heads = tuple(self._head(resolver, one, alone=len(node.heads) == 1) for one in node.heads)
        layers = tuple((layer.width, layer.activation) for layer in node.layers)
        environment.nets[name] = ir.Net(name, inputs, layers, heads, None, self._no_notes(node.notes), span=node.name.span)

    def _head(self, resolver: Resolver, node: tree.Head, *, alone: bool) -> ir.Head:
        kind = (NAMED["real"] if node.type is None else kind_of_type(self.environment, node.type)[0]) or NAMED["real"]
        if not node.dimensions and (alone or node.name in self.environment.sets):
            return ir.Head("", (resolver.set_name(node.name, node.span) or node.name,), kind)
        return ir.Head(node.name, tuple(resolver.set_name(one.set, one.span) or one.set for one in node.dimensions), kind)

    def _no_notes(self, nodes: tuple[tree.Note, ...]) -> tuple[ir.Note, ...]:
        notes = read_notes(self.environment, nodes)
        check_places(self.environment, notes, "other")
        return notes

    # expressions

    def expressions(self) -> None:
        """What is computed in declarations: defaults, starting values, derived columns. Every name is known by now."""
        nodes = {one.name.name: one for one in self.statements if isinstance(one, tree.Data)}
        self.tables = [derived_columns(self.environment, nodes[table.name], table) for table in self.tables]
        inputs = {one.name.span: one for one in self.statements if isinstance(one, tree.Input)}
        self.inputs = [self._with_default(one, inputs[one.span]) for one in self.inputs]
        params = {one.target.name.span: one for one in self.statements if isinstance(one, tree.Param)}
        self.params = [self._with_start(one, params[one.span]) for one in self.params]
        for one in self.statements:
            if isinstance(one, tree.IndexSet | tree.Function | tree.Weights | tree.Factor | tree.Restrict | tree.Maximize | tree.Guide):
                self._no_notes(one.notes)

    def _with_default(self, one: ir.Input, node: tree.Input) -> ir.Input:
        if node.default is None:
            return one
        value = Resolver(self.environment).value(node.default)
        return ir.Input(one.name, one.sets, one.kind, one.structure, one.optional, value, one.notes, span=one.span)

    def _with_start(self, one: ir.Param, node: tree.Param) -> ir.Param:
        resolver = Resolver(self.environment)
        axes = tuple(ir.Axis(None if axis.variable is None else resolver.bind(axis.variable, axis.set), axis.set) for axis in one.axes)
        start = None if node.start is None else resolver.value(node.start)
        return ir.Param(one.name, axes, one.kind, one.structure, start, one.notes, span=one.span)

    # types, once all relations are typed

    def types(self) -> None:
        """Check what is computed in declarations: it is data, and of the kind declared."""
        for one in self.inputs:
            for axis in one.sets:
                self._known_size(one, axis)
            self._known_members(one)
            if one.default is not None:
                self._constant("R07", f"the default of `{one.name}`", one.default, one.sets, one.kind, {})
        for column in (column for table in self.tables for column in table.columns):
            self._known_members(column)
        for param in self.params:
            if param.start is not None:
                variables = {axis.variable: axis.set for axis in param.axes if axis.variable}
                bare = tuple(axis.set for axis in param.axes if axis.variable is None)
                self._constant("R07", f"the starting value of `{param.name}`", param.start, bare, param.kind, variables)
        for index_set in self.environment.sets.values():
            self._size(index_set)

    def _constant(self, code: str, what: str, node: ire.Expression, sets: tuple[str, ...], kind: object, variables: dict[str, str]) -> None:
        """A value given in a declaration. One number stands for the same at every member."""
        typer = Typer(self.environment, variables)
        typing = typer.type_of(node)
        if typing.kind is None:
            return
        if typing.sets and typing.sets != sets and not (isinstance(node, ire.TableLiteral) and len(sets) == 1):
            typer.whole_table(node, typing)
        found = self.environment.number(typing.kind)
        if not typing.data:
            self.environment.report(
                code, f"{what} is not known before fitting", node.span, "this depends on a latent or a param", help="write a number"
            )
        elif (
            found is not None
            and isinstance(kind, Interval)
            and not relaxed(found).within(relaxed(kind))
            and (found.lower == found.upper or found.upper < kind.lower)
        ):
            self.environment.report(
                "K01",
                f"{what} is outside its type",
                node.span,
                f"this is {kind_words(found)}, and the type is {kind_text(kind)}",
                help=f"write a value that is {kind_words(kind)}",
            )

    def _known_size(self, one: ir.Input, axis: str) -> None:
        found = self.environment.sets.get(axis)
        tuned = any(note.name == "tuned" for note in one.notes)  # the engine sets it, once all data are read
        if found is not None and isinstance(found.members, ir.Empty | ir.Distinct) and not tuned:
            what = "which cells are empty" if isinstance(found.members, ir.Empty) else "how many rows are different"
            self.environment.report("N15", f"`{one.name}` is given for each of {axis}", one.span, f"{what} is known only after all data are read",
                                    help=f"give it for all of {' x '.join(self.environment.parts(axis))}")  # fmt: skip

    def _known_members(self, one: ir.Column | ir.Input) -> None:
        """No data can name the members of a set that follows from columns."""
        over = one.sets if isinstance(one, ir.Column) else ()
        for name in (*over, *((one.kind.set,) if isinstance(one.kind, Member) else ())):
            found = self.environment.sets.get(name)
            if found is not None and isinstance(found.members, ir.Empty | ir.Distinct):
                holds = f"has a value for each of {name}" if name in over else f"holds members of {name}"
                made = "the empty cells" if isinstance(found.members, ir.Empty) else "the different rows"
                self.environment.report("N15", f"`{one.name}` {holds}", one.span, f"its members are {made} of columns: no data can name them",
                                        help=f"give `{one.name}` a set of its own, with another name")  # fmt: skip

    def _size(self, index_set: ir.IndexSet) -> None:
        members = index_set.members
        parts = (
            (members.first, members.last)
            if isinstance(members, ir.NumberRange)
            else (members.count,)
            if isinstance(members, ir.Subsample)
            else ()
        )
        for part in parts:
            found, data = Typer(self.environment, {}).number(part)
            if found is not None and not data:
                self.environment.report("N15", f"the size of {index_set.name} depends on a latent", part.span, "how many members a set has is known before fitting",
                                        help="declare the number as an input: input n : count")  # fmt: skip
            elif found is not None and not found.integer:
                name = part.name if isinstance(part, ire.Reference) else None
                self.environment.report("N15", f"the size of {index_set.name} is no whole number", part.span, f"this is {kind_words(found)}",
                                        help=f"declare it as a count: input {name} : count" if name in self.environment.entries else "write a whole number")  # fmt: skip
