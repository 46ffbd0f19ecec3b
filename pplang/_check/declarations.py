"""Tables, index sets, inputs, params and nets: what exists, and over which sets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pplang._check.environment import Entry, Environment, near
from pplang._check.resolve import Resolver, literal
from pplang._diagnostics import Diagnostic, Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import NAMED, STRUCTURES, Interval, Kind, Member
from pplang._source import Span
from pplang._syntax import tree

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "gelu", "elu", "silu", "linear")
DERIVED_SETS = {"gaps": ir.Gaps, "free": ir.Free, "pairs": ir.Pairs}


@dataclass
class Declarations:
    """Reads the declarations of a file into an environment and the records of the program."""

    environment: Environment
    functions: dict[str, tree.Function] = field(default_factory=dict)
    definitions: dict[str, Span] = field(default_factory=dict)
    """Every name of the one namespace, with the place of its definition."""
    tables: list[ir.Table] = field(default_factory=list)
    inputs: list[ir.Input] = field(default_factory=list)
    params: list[ir.Param] = field(default_factory=list)

    def read(self, statements: tuple[tree.Statement, ...]) -> None:
        """Sets first (everything is over them), then names, then what is computed of them."""
        self._name_sets(statements)
        for one in statements:
            if isinstance(one, tree.Function):
                self.define(one.name)
                self.functions[one.name.name] = one
        for one in statements:
            if isinstance(one, tree.Input) and self.define(one.name):
                # The ends of a range are made of inputs, so that these come first.
                kind, structure = self.kind(one.type)
                sets = self._dimension_sets(one.dimensions)
                tuned = any(note.name == "tuned" for note in one.notes)
                entry = Entry(one.name.name, "input", sets, kind, one.name.span, structure, data=not tuned, optional=one.optional)
                self.environment.entries[one.name.name] = entry
        for one in statements:
            if isinstance(one, tree.IndexSet):
                self._declared_set(one)
        for one in statements:
            if isinstance(one, tree.Data):
                self._table(one)
            elif isinstance(one, tree.Input):
                self._input(one)
            elif isinstance(one, tree.Param):
                self._param(one)
            elif isinstance(one, tree.Net):
                self._net(one)

    def define(self, name: tree.Name) -> bool:
        """Take a name; False (and N03) when it is taken already."""
        first = self.definitions.setdefault(name.name, name.span)
        if first is name.span or first == name.span:
            return True
        help = "rename one of the columns: y2 : real from \"y\"" if name.name in self.environment.entries and self.environment.entries[name.name].what == "column" else "keep one; to add a term to the log density use `factor`"  # noqa: E501
        self.report("N03", f"`{name.name}` has two defining statements", name.span, "and again here", labels=(Label(first, "first here"),), help=help)
        return False

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = ()) -> None:
        self.environment.collector.add(Diagnostic(code, title, span, label, labels, (), help))

    # index sets

    def _name_sets(self, statements: tuple[tree.Statement, ...]) -> None:
        """Every set gets an entry before anything refers to it."""
        for one in statements:
            if isinstance(one, tree.IndexSet):
                self._new_set(ir.IndexSet(one.name.name, ir.Levels(), one.ordered, True, span=one.name.span), one.name)
        for one in statements:
            if isinstance(one, tree.Data):
                self._new_set(ir.IndexSet(one.name.name, ir.Rows(one.name.name), one.order is not None, span=one.name.span), one.name)
        for one in statements:
            if isinstance(one, tree.Data):
                for column in one.columns:
                    self._sets_of_column(column)

    def _sets_of_column(self, column: tree.Column) -> None:
        """A capitalised type is a category whose levels form a set; matched columns form a set too."""
        name = column.type.name
        if name not in NAMED and name not in STRUCTURES and name != "key" and name not in self.environment.sets and name[:1].isupper():
            self.environment.sets[name] = ir.IndexSet(name, ir.Levels(), span=column.type.span)
        for dimension in column.dimensions:
            known = self.environment.sets.get(dimension.set)
            if known is None:
                self.environment.sets[dimension.set] = ir.IndexSet(dimension.set, ir.Columns(), dimension.ordered, span=dimension.span)
            elif dimension.ordered and not known.declared:
                self.environment.sets[dimension.set] = replace(known, ordered=True)

    def _new_set(self, index_set: ir.IndexSet, name: tree.Name) -> None:
        if not name.name[:1].isupper() and name.name[:1].lower() != name.name[:1].upper():
            self.report("N14", f"the index set `{name.name}` begins with a small letter", name.span, help=f"index sets start with a capital: {name.name[:1].upper()}{name.name[1:]}")
        if self.define(name):
            self.environment.sets[name.name] = index_set

    def _declared_set(self, node: tree.IndexSet) -> None:
        name = node.name.name
        before = self.environment.sets.get(name)
        if before is None or before.span != node.name.span:
            return
        members = self._members(node)
        if members is None:
            return
        within = None if node.within is None else Resolver(self.environment, self.functions).set_name(node.within.name, node.within.span)
        self.environment.sets[name] = replace(before, members=members, within=within, notes=self.notes(node.notes))

    def _members(self, node: tree.IndexSet) -> ir.Members | None:
        resolver = Resolver(self.environment, self.functions)
        match node.members:
            case tree.LabelList(labels):
                return self._labels(node, labels)
            case tree.NumberRange(first, last):
                return ir.NumberRange(self._whole_number(resolver, first), self._whole_number(resolver, last))
            case tree.Product(factors) if all(operator == "*" and isinstance(one, tree.Name) for operator, one in factors):
                names = [resolver.set_name(one.name, one.span) for _, one in factors if isinstance(one, tree.Name)]
                return ir.ProductSet(tuple(one for one in names if one)) if all(names) else None
            case tree.Call(tree.Name(function), arguments) if function in DERIVED_SETS and len(arguments) == 1:
                base = self._set_argument(resolver, arguments[0])
                return None if base is None else DERIVED_SETS[function](base)
            case tree.Call(tree.Name("subsample"), arguments) if len(arguments) == 2:
                base = self._set_argument(resolver, arguments[0])
                return None if base is None else ir.Subsample(base, self._whole_number(resolver, arguments[1].value))
        self.report("N15", f"this is not a set: the members of `{node.name.name}`", node.members.span,
                    help="write {a, b, c}, 1..n, Row * Col, gaps(S) or subsample(S, n)")  # fmt: skip
        return None

    def _labels(self, node: tree.IndexSet, labels: tuple[tree.Name | tree.Text | tree.Number, ...]) -> ir.Members:
        found: list[str | int] = []
        for one in labels:
            label: str | int = one.name if isinstance(one, tree.Name) else one.value if isinstance(one, tree.Text) else _integer_label(one)
            if label in found or str(label) in map(str, found):
                self.report("N16", f"`{label}` is listed twice in {node.name.name}", one.span, help="keep one")
            if isinstance(label, str) and label[:1] in "=+-@":
                self.report("N17", f"the label `{label}` begins with `{label[:1]}`", one.span, "a spreadsheet would take it for a formula", help="choose another label")
            found.append(label)
        return ir.Labels(tuple(found))

    def _set_argument(self, resolver: Resolver, argument: tree.Argument) -> str | None:
        if isinstance(argument.value, tree.Name):
            return resolver.set_name(argument.value.name, argument.value.span)
        self.report("N12", "a value where an index set is needed", argument.span, help="give the name of a set: gaps(Opinion)")
        return None

    def _whole_number(self, resolver: Resolver, node: tree.Expression) -> ire.Expression:
        return resolver.value(node)

    # tables

    def _table(self, node: tree.Data) -> None:
        name = node.name.name
        columns = tuple(one for column in node.columns if (one := self._column(name, column)) is not None)
        by_name = {one.name: one for one in columns}
        order = None
        if node.order is not None:
            for part in (node.order.by, node.order.within):
                if part is not None and part.name not in by_name:
                    meant = near(part.name, by_name)
                    self.report("T07", f"`{part.name}` is no column of {name}", part.span, f"did you mean `{meant}`?" if meant else "",
                                help="" if meant else f"add the column to `data {name}`")  # fmt: skip
                elif part is not None and by_name[part.name].optional:
                    self.report("T08", f"the order of {name} may have empty cells", part.span, f"`{part.name}` is optional", help=f"write {part.name} without `?`")
            order = ir.Order(node.order.by.name if node.order.by else None, node.order.within.name if node.order.within else None)
            within = by_name.get(order.within or "")
            if within is not None and not isinstance(within.kind, Member):
                assert node.order.within is not None
                self.report("T09", f"`{order.within}` is not a category", node.order.within.span, help=f"give it a set: {order.within} : {(order.within or '').capitalize()}")
        self.tables.append(ir.Table(name, columns, order, self.notes(node.notes), span=node.name.span))

    def _column(self, table: str, node: tree.Column) -> ir.Column | None:
        if node.type.name == "key":
            return ir.Column(node.name.name, (table,), Member(table), key=True, span=node.name.span)
        kind, structure = self.kind(node.type)
        base = table
        if node.per is not None:
            base = Resolver(self.environment, self.functions).set_name(node.per.name, node.per.span) or table
        sets = (base, *(one.set for one in node.dimensions))
        if not self.define(node.name) or kind is None:
            if kind is None:
                self.environment.entries.setdefault(node.name.name, Entry(node.name.name, "column", sets, None, node.name.span, data=True))
            return None
        self.environment.entries[node.name.name] = Entry(
            node.name.name, "column", sets, kind, node.name.span, structure, data=True, optional=node.optional
        )
        if node.dimensions and node.source is None and node.value is None:
            self.report("N18", f"which columns make up `{node.name.name}`?", node.name.span, f"it is over {' and '.join(one.set for one in node.dimensions)}",
                        help=f'say which: {node.name.name}[{node.dimensions[0].set}] : {node.type.name} from "{node.name.name}_*"')  # fmt: skip
        source: ir.FromPattern | ir.FromRange | ir.FromList | None = None
        match node.source:
            case tree.FromPattern(pattern):
                source = ir.FromPattern(pattern)
                if pattern.count("*") > 1:
                    self.report("N19", "a pattern with more than one `*`", node.source.span, help="write one `*`, or list the columns: from {a, b}")
                elif bool(node.dimensions) != ("*" in pattern):
                    self.report("N19", f"the pattern \"{pattern}\" does not fit", node.source.span,
                                "many columns need an axis" if "*" in pattern else "one column has no axis of its own",
                                help=f'write {node.name.name}[Set] : {node.type.name} from "{pattern}"' if "*" in pattern else f"write {node.name.name} without brackets")  # fmt: skip
            case tree.FromRange(first, last):
                source = ir.FromRange(first, last)
            case tree.FromList(columns):
                source = ir.FromList(tuple(one.name if isinstance(one, tree.Name) else one.value for one in columns))
        return ir.Column(node.name.name, sets, kind, node.optional, node.per.name if node.per else None, source, None, span=node.name.span)

    def derived_columns(self, statements: tuple[tree.Statement, ...]) -> None:
        """Columns computed of others, once every name is known."""
        for node in statements:
            if not isinstance(node, tree.Data):
                continue
            position = next(n for n, table in enumerate(self.tables) if table.name == node.name.name)
            table = self.tables[position]
            values = {column.name.name: self._derived(table.name, column) for column in node.columns if column.value is not None}
            columns = tuple(replace(one, value=values[one.name]) if one.name in values else one for one in table.columns)
            self.tables[position] = replace(table, columns=columns)

    def _derived(self, table: str, node: tree.Column) -> ire.Expression:
        assert node.value is not None
        resolver = Resolver(self.environment, self.functions, {ir.ROW: table}, row_table=table)
        return resolver.value(node.value)

    # inputs, params, nets

    def _input(self, node: tree.Input) -> None:
        entry = self.environment.entries.get(node.name.name)
        if entry is None or entry.span != node.name.span or entry.kind is None:
            return
        default = None if node.default is None else Resolver(self.environment, self.functions).value(node.default)
        notes = self.notes(node.notes)
        self.inputs.append(ir.Input(entry.name, entry.sets, entry.kind, entry.structure, node.optional, default, notes, span=entry.span))

    def _dimension_sets(self, dimensions: tuple[tree.Dimension, ...]) -> tuple[str, ...]:
        resolver = Resolver(self.environment, self.functions)
        return tuple(resolver.set_name(one.set, one.span) or one.set for one in dimensions)

    def axes(self, nodes: tuple[tree.Axis, ...]) -> tuple[ir.Axis, ...]:
        """The axes of a target; a variable that is bound twice is reported."""
        resolver = Resolver(self.environment, self.functions)
        found: list[ir.Axis] = []
        for one in nodes:
            if one.variable is not None and one.variable in [axis.variable for axis in found]:
                self.report("D11", f"`{one.variable}` is bound twice", one.span, help="use another letter for the second axis")
            found.append(ir.Axis(one.variable, resolver.set_name(one.set, one.span) or one.set))
        return tuple(found)

    def _param(self, node: tree.Param) -> None:
        kind, structure = self.kind(node.type)
        axes = self.axes(node.target.axes)
        name = node.target.name
        if not self.define(name):
            return
        self.environment.entries[name.name] = Entry(name.name, "param", tuple(one.set for one in axes), kind, name.span, structure)
        if kind is None:
            return
        resolver = Resolver(self.environment, self.functions)
        for axis in axes:
            if axis.variable is not None:
                resolver.variables[axis.variable] = axis.set
                resolver.visible[axis.variable] = axis.variable
        start = None if node.start is None else resolver.value(node.start)
        self.params.append(ir.Param(name.name, axes, kind, structure, start, self.notes(node.notes), span=name.span))

    def _net(self, node: tree.Net) -> None:
        if not self.define(node.name):
            return
        resolver = Resolver(self.environment, self.functions)
        inputs = tuple(resolver.set_name(one.name, one.span) or one.name for one in node.inputs)
        for layer in node.layers:
            if layer.activation not in ACTIVATIONS:
                meant = near(layer.activation, ACTIVATIONS)
                self.report("N20", f"unknown activation `{layer.activation}`", layer.span, f"did you mean `{meant}`?" if meant else f"known are {', '.join(ACTIVATIONS)}")
        heads = []
        for head in node.heads:
            kind = NAMED["real"] if head.type is None else self.kind(head.type)[0]
            if not head.dimensions and head.name in self.environment.sets:
                heads.append(ir.Head("", (head.name,), kind or NAMED["real"]))
            else:
                heads.append(ir.Head(head.name, self._dimension_sets(head.dimensions), kind or NAMED["real"]))
        layers = tuple((layer.width, layer.activation) for layer in node.layers)
        self.environment.nets[node.name.name] = ir.Net(node.name.name, inputs, layers, tuple(heads), None, self.notes(node.notes), span=node.name.span)

    # types and notes

    def kind(self, node: tree.Type) -> tuple[Kind | None, str | None]:
        """The kind (and joint structure) that a type name means; (None, None) when there is none (reported)."""
        if node.bounds is not None:
            return self._bounded(node), None
        if node.name in NAMED:
            return NAMED[node.name], None
        if node.name in STRUCTURES:
            return (NAMED["unit"] if node.name == "simplex" else NAMED["real"]), node.name
        if node.name in self.environment.sets:
            return Member(node.name), None
        meant = near(node.name, [*NAMED, *STRUCTURES, *self.environment.sets])
        other = {"float": "real", "number": "real", "integer": "int", "string": "a category: a name with a capital", "boolean": "bool", "vector": "real, with axes in brackets"}
        label = f"did you mean `{meant}`?" if meant else f"write {other[node.name]}" if node.name in other else f"known are {', '.join(NAMED)}, and index sets"
        self.report("N21", f"unknown type `{node.name}`", node.span, label)
        return None, None

    def _bounded(self, node: tree.Type) -> Kind | None:
        """`real(0, 4)`: an interval, both ends included."""
        assert node.bounds is not None
        ends = [_constant(one) for one in node.bounds]
        base = NAMED.get(node.name)
        if not isinstance(base, Interval) or None in ends:
            self.report("N21", "the bounds of a type are two numbers", node.span, help="write real(0, 4), or int(0, 10)")
            return None
        low, high = ends
        assert low is not None and high is not None
        if not low < high:
            self.report("N21", "bounds in the wrong order", node.span, f"{low:g} is not below {high:g}", help=f"write {node.name}({high:g}, {low:g})")
            return None
        return Interval(low, high, integer=base.integer)

    def notes(self, nodes: tuple[tree.Note, ...]) -> tuple[ir.Note, ...]:
        """Annotations; their arguments are constants, or names that the annotation gives a meaning."""
        from pplang._check.annotations import read_note

        found = (read_note(self, one) for one in nodes)
        return tuple(one for one in found if one is not None)


def _constant(node: tree.Expression) -> float | None:
    match node:
        case tree.Number(text):
            return float(literal(text))
        case tree.Negate(operand):
            inner = _constant(operand)
            return None if inner is None else -inner
    return None


def _integer_label(node: tree.Number) -> str | int:
    return int(node.text) if node.text.isdigit() else node.text
