"""The order in which a file is checked: declarations, names, relations by dependency, what refers to all of them, the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from pplang._check import graph
from pplang._check.declarations import Declarations
from pplang._check.draws import type_draw
from pplang._check.environment import Environment, near
from pplang._check.relations import Relations
from pplang._check.resolve import LARGEST, Invalid, Resolver, TooLarge
from pplang._check.types import Typer
from pplang._diagnostics import Collector, Diagnostic, Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import REAL, Interval
from pplang._source import Source, Span
from pplang._syntax import tree


def check(file: tree.File, source: Source) -> ir.Program:
    """The typed program of a parsed file.

    Raises `Problems` with all independent faults, in file order.
    """
    checker = _Checker(file, source)
    try:
        program = checker.run()
    except TooLarge:
        program = None
    checker.environment.collector.raise_if_any()
    assert program is not None
    return program


@dataclass
class _Checker:
    file: tree.File
    source: Source

    def __post_init__(self) -> None:
        self.environment = Environment(Collector(self.source))
        self.declarations = Declarations(self.environment)
        self.budget = [LARGEST]
        self.relations = Relations(self.declarations, self.environment, self.budget)

    def run(self) -> ir.Program:
        statements = self.file.statements
        if not statements:
            self.report("N22", "an empty model", Span(0, 0), help="write at least one relation, such as mu ~ Normal(0, 1)")
        nodes = tuple(one for one in statements if isinstance(one, tree.Relation))
        self.declarations.read(statements)
        self.relations.declare(nodes)
        self.declarations.derived_columns(statements)
        self._type_derived_columns()
        self._type_inputs()
        self._unused_functions()
        for name in self._by_dependency():
            self.relations.relate(name)
        self._settle_levels()
        factors = tuple(one for node in statements if isinstance(node, tree.Factor) for one in self._factor(node))
        restrictions = tuple(one for node in statements if isinstance(node, tree.Restrict) for one in self._restrict(node))
        self._weights(statements)
        guide = self._guide([one for one in statements if isinstance(one, tree.Guide)])
        reward = self._reward([one for one in statements if isinstance(one, tree.Maximize)])
        sites = self._sites(factors, restrictions, reward)
        self._optional_columns(sites)
        return ir.Program(
            tuple(self.environment.sets[name] for name in sorted(self.environment.sets)),
            tuple(self.declarations.tables), tuple(self.declarations.inputs), tuple(self.declarations.params),
            tuple(self.environment.nets.values()), sites, factors, restrictions, guide, reward,
        )  # fmt: skip

    def report(self, code: str, title: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = (), notes: tuple[str, ...] = ()) -> None:
        self.environment.collector.add(Diagnostic(code, title, span, label, labels, notes, help))

    # what declarations compute

    def _type_derived_columns(self) -> None:
        for table in self.declarations.tables:
            columns = {one.name: one for one in table.columns if one.value is not None}
            parents = {name: {edge.parent for edge in graph.mentions(one.value)} for name, one in columns.items() if one.value is not None}
            _, cycle = graph.order(list(columns), parents)
            self._report_cycle(cycle, {name: one.span for name, one in columns.items()})
            for column in columns.values():
                assert column.value is not None
                typer = Typer(self.environment, {ir.ROW: table.name})
                typing = typer.type_of(column.value)
                if typing.sets:
                    typer._whole_table(column.value, typing)
                for one in ire.walk(column.value):
                    entry = self.environment.entries.get(one.name) if isinstance(one, ire.Reference) else None
                    if entry is not None and not entry.data and entry.what != "site":
                        self.report("R11", "a column computed from something that is not data", one.span, help="write it as a relation outside `data`")
                    elif entry is not None and entry.optional:
                        self.report("R11", f"a column computed from `{entry.name}`, which may be empty", one.span,
                                    help=f"write it as a relation: {column.name}[i in {table.name}] = ...")  # fmt: skip

    def _type_inputs(self) -> None:
        for one in self.declarations.inputs:
            if one.default is not None:
                Typer(self.environment, {}).type_of(one.default)
        for param in self.declarations.params:
            if param.start is not None:
                typer = Typer(self.environment, {axis.variable: axis.set for axis in param.axes if axis.variable})
                typing = typer.type_of(param.start)
                found = self.environment.number(typing.kind)
                if not typing.data:
                    self.report("R12", f"the starting value of `{param.name}` depends on a latent", param.start.span, help="start at a number")
                elif found is not None and isinstance(param.kind, Interval) and (found.lower > param.kind.upper or found.upper < param.kind.lower):
                    self.report("K01", f"`{param.name}` starts outside its type", param.start.span)
        for index_set in self.environment.sets.values():
            for part in (getattr(index_set.members, "first", None), getattr(index_set.members, "last", None), getattr(index_set.members, "count", None)):
                if part is not None:
                    found, data = Typer(self.environment, {}).number(part)
                    if found is not None and not data:
                        self.report("N15", f"the size of {index_set.name} depends on a latent", part.span, "index sets are known before inference")
                    elif found is not None and not found.integer:
                        self.report("N15", f"the size of {index_set.name} is no whole number", part.span, help="declare the input as `count`")

    def _unused_functions(self) -> None:
        """Look for unknown names in functions that nothing calls, so that they are found now and not when one does."""
        for name, function in self.declarations.functions.items():
            known = {one.name for one in function.arguments}
            for one in _names(function.body):
                bound = {binder.variable for binder in _nodes(function.body, tree.Binder)}
                if one.name not in known | bound and one.name not in self.environment.entries and not self._is_known(one.name):
                    meant = near(one.name, [*known, *self.environment.entries])
                    if not any(isinstance(node, tree.Index | tree.Compare) for node in _parents_of(function.body, one)):
                        self.report("N01" if meant else "N02", f"unknown name `{one.name}` in the function `{name}`", one.span, f"did you mean `{meant}`?" if meant else "")

    def _is_known(self, name: str) -> bool:
        from pplang._catalogue.distributions import DISTRIBUTIONS
        from pplang._catalogue.functions import FUNCTIONS
        from pplang._check.resolve import ASSERTIONS, REDUCTIONS

        others = (self.environment.sets, self.environment.nets, self.declarations.functions, FUNCTIONS, DISTRIBUTIONS, REDUCTIONS, ASSERTIONS, ("size", "logpdf", "Mixture"))
        return any(name in one for one in others)

    # relations

    def _by_dependency(self) -> list[str]:
        """Names so that what a relation mentions is typed before it, as far as there is no circle (a recurrence, or a fault found later)."""
        targets = self.relations.targets
        drawn_or_computed = {name for name in targets if self.environment.entries[name].what == "site"}
        parents = {name: self._mentioned(node) & drawn_or_computed for name, node in targets.items()}
        found: list[str] = []
        left = list(targets)
        while left:
            ordered, cycle = graph.order(left, parents)
            found += ordered
            left = [name for name in left if name not in set(ordered)]
            if left:
                # A circle: draws tell their kind without their arguments; of what is defined nothing is known but that it is a number.
                first = next((name for name in cycle if targets[name].operator == "~"), cycle[0])
                for name in cycle:
                    if targets[name].operator == "=" and self.environment.entries[name].kind is None:
                        self.environment.entries[name].kind = REAL
                found.append(first)
                left.remove(first)
        return found

    def _settle_levels(self) -> None:
        """A definition is data when all that it mentions is; one that looks back at others can only be told from all of them together."""
        entries, sites = self.environment.entries, self.relations.sites
        defined = [site for site in sites.values() if site.role == "deterministic"]
        parents = {site.name: {edge.parent for edge in graph.edges(site)} for site in defined}
        for site in defined:
            entries[site.name].data = True
        changed = True
        while changed:
            changed = False
            for site in defined:
                if entries[site.name].data and not all(entries[parent].data for parent in parents[site.name]):
                    entries[site.name].data = False
                    changed = True
        for site in defined:
            sites[site.name] = replace(site, level="data" if entries[site.name].data else "model")

    def _mentioned(self, node: tree.Relation) -> set[str]:
        found = {one.name for one in _names(node)}
        pending = [name for name in found if name in self.declarations.functions]
        seen = set(pending)
        while pending:
            inside = {one.name for one in _names(self.declarations.functions[pending.pop()].body)}
            found |= inside
            new = {name for name in inside if name in self.declarations.functions} - seen
            seen |= new
            pending += new
        return found

    def _sites(self, factors: tuple[ir.Factor, ...], restrictions: tuple[ir.Restrict, ...], reward: ir.Maximize | None) -> tuple[ir.Site, ...]:
        """The sites in order, with levels; circles and endless sums are reported."""
        sites = self.relations.sites
        names = [name for name in self.relations.targets if name in sites]
        parents = {name: graph.parents(sites[name], sites) for name in names}
        for name in names:
            if name in parents[name]:
                self._report_cycle([name], {name: sites[name].span})
        ordered, cycle = graph.order(names, parents)
        self._report_cycle(cycle, {name: site.span for name, site in sites.items()})
        if cycle:
            return ()
        found = graph.levels((sites[name] for name in ordered), factors, restrictions, reward)
        for site in found:
            self._endless(site)
        return found

    def _report_cycle(self, cycle: list[str], spans: dict[str, Span]) -> None:
        if not cycle:
            return
        # The circle runs from each name to one that it needs.
        first = min(cycle, key=lambda name: spans[name].start)
        start = cycle.index(first)
        path = [*cycle[start:], *cycle[:start], first]
        if len(cycle) == 1:
            self.report("G01", f"`{first}` is defined by itself", spans[first], help=f"look back in time, {first}[t-1], or name the two things differently")
            return
        last = max(cycle, key=lambda name: spans[name].start)
        self.report("G01", "these define each other", spans[last], f"{' -> '.join(path)}, with no step back in time",
                    help="decide which comes first; one of the two should not mention the other")  # fmt: skip

    def _endless(self, site: ir.Site) -> None:
        """Discrete latents are summed over, so that they need an end."""
        if site.role != "latent" or site.level != "model" or not isinstance(site.kind, Interval) or not site.kind.integer:
            return
        if site.kind.upper == float("inf") and not self._known_bound(site):
            name = site.right.name if isinstance(site.right, ire.Distribution) else "it"
            node = self.relations.targets[site.name].right
            shown = self.source.text[node.span.start : node.span.end] if node.span.end - node.span.start < 60 else f"{name}(...)"
            self.report("E01", "a latent count with no upper limit", site.span, "pplang sums over discrete latents, and this one has infinitely many values",
                        help=f"bound it, Truncated({shown}, upper = 100), or use its marginal if you know it")  # fmt: skip

    def _known_bound(self, site: ir.Site) -> bool:
        """An upper end that is an argument, known from the data (`Binomial(n, p)`, `DiscreteUniform(1, nmax)`)."""
        from pplang._catalogue.distributions import DISTRIBUTIONS

        right = site.right
        while isinstance(right, ire.Distribution) and DISTRIBUTIONS[right.name].wrapper:
            if right.argument("upper") is not None:
                return True
            inner = next((value for _, value in right.arguments if isinstance(value, ire.Distribution)), None)
            if inner is None:
                return False
            right = inner
        return isinstance(right, ire.Distribution) and isinstance(DISTRIBUTIONS[right.name].support.upper, str)

    def _optional_columns(self, sites: tuple[ir.Site, ...]) -> None:
        """A column with empty cells that is used needs a relation that says how the values arise."""
        related = {site.name for site in sites}
        used = {edge.parent: site for site in sites for edge in graph.edges(site)}
        for entry in self.environment.entries.values():
            if entry.optional and entry.name not in related and entry.name in used and entry.name not in self.relations.targets:
                axes = ", ".join(f"{one[0].lower()} in {one}" for one in entry.sets)
                self.report("R09", f"`{entry.name}` may be empty, and nothing says how its values arise", entry.span,
                            help=f"add a relation: {entry.name}[{axes}] ~ Normal(m, s)")  # fmt: skip

    # terms beside the relations

    def _resolver(self) -> Resolver:
        return Resolver(self.environment, self.declarations.functions, budget=self.budget)

    def _factor(self, node: tree.Factor) -> Iterator[ir.Factor]:
        resolver = self._resolver()
        value = resolver.value(node.value)
        if isinstance(value, Invalid):
            return
        typer = Typer(self.environment, {})
        typer.number(value)
        parts: dict[str, ire.Expression] = {}
        for clause in node.clauses:
            if isinstance(clause, tree.Weighted | tree.Where):
                found = resolver.value(clause.value)
                if isinstance(found, Invalid):
                    continue
                parts["weight" if isinstance(clause, tree.Weighted) else "where"] = found
                if isinstance(clause, tree.Where):
                    typer.condition(found)
                else:
                    typer.number(found)
            else:
                self.report("R08", f"`{type(clause).__name__.lower()}` on a factor", clause.span, help="leave it out")
        yield ir.Factor(value, parts.get("weight"), parts.get("where"), notes=self.declarations.notes(node.notes), span=node.span)

    def _restrict(self, node: tree.Restrict) -> Iterator[ir.Restrict]:
        resolver = self._resolver()
        with resolver.bound(node.binders) as binders:
            condition = resolver.value(node.condition)
            where = None if node.where is None else resolver.value(node.where)
            typer = Typer(self.environment, dict(resolver.variables))
            if isinstance(condition, Invalid) or isinstance(where, Invalid) or any(not one.set for one in binders):
                return
            typer.condition(condition)
            if where is not None:
                typer.condition(where)
        if not self._restrictable(condition):
            self.report("R04", "a restriction of another form", node.condition.span, "it must bound one element of a latent",
                        help="the forms are: x < bound, x[k] > bound for k in K, x[a] < x[b] with x a latent name")  # fmt: skip
            return
        yield ir.Restrict(condition, binders, where, self.declarations.notes(node.notes), span=node.span)

    def _restrictable(self, condition: ire.Expression) -> bool:
        """One bound on an element of a latent: `x < e`, `x[k] > e`, `x[a] < x[b]`."""
        if not isinstance(condition, ire.Compare) or condition.operator in ("==", "!="):
            return False
        return any(isinstance(one, ire.Reference) and self._is_latent(one.name) for one in (condition.left, condition.right))

    def _is_latent(self, name: str) -> bool:
        site = self.relations.sites.get(name)
        return site is not None and site.role == "latent" and isinstance(site.kind, Interval) and not site.kind.integer

    def _weights(self, statements: tuple[tree.Statement, ...]) -> None:
        for node in statements:
            if not isinstance(node, tree.Weights):
                continue
            net = self.environment.nets.get(node.net.name)
            if net is None:
                meant = near(node.net.name, self.environment.nets)
                self.report("N01" if meant else "N02", f"unknown net `{node.net.name}`", node.net.span, f"did you mean `{meant}`?" if meant else "")
                continue
            prior = self._resolver().distribution(node.distribution)
            if not isinstance(prior, Invalid):
                type_draw(Typer(self.environment, {}), prior, event=())
                self.environment.nets[net.name] = replace(net, prior=prior)

    def _guide(self, nodes: list[tree.Guide]) -> ir.Guide | None:
        for extra in nodes[1:]:
            self.report("R06", "a second `guide:`", extra.span, help="put all of it into one")
        if not nodes:
            return None
        scope = self.environment.extended()
        relations = Relations(self.declarations, scope, self.budget, in_guide=True)
        relations.declare(nodes[0].statements)
        for name, node in relations.targets.items():
            site = self.relations.sites.get(name)
            if node.operator == "~" and (site is None or site.role != "latent"):
                self.report("R06", f"`{name}` is no latent of the model", node.target.name.span, help="a guide draws the latents of the model")
                continue
            inner = replace(scope.entries[name], kind=None) if site is None else replace(scope.entries[name])
            scope.entries[name] = inner
            relations.relate(name)
            if site is not None and name in relations.sites and relations.sites[name].sets != site.sets:
                self.report("R06", f"`{name}` is over {' and '.join(site.sets) or 'nothing'} in the model", node.target.span)
        return ir.Guide(tuple(relations.sites[name] for name in relations.targets if name in relations.sites))

    def _reward(self, nodes: list[tree.Maximize]) -> ir.Maximize | None:
        for extra in nodes[1:]:
            self.report("R05", "a second `maximize`", extra.span, help="add the two rewards")
        if not nodes:
            return None
        for site in self.relations.sites.values():
            if site.role in ("observed", "split"):
                self.report("R05", "`maximize` beside an observed relation", nodes[0].span, "a reward is maximised under the model alone",
                            labels=(Label(site.span, "observed here"),), help="leave out the observation, or the reward")  # fmt: skip
                break
        value = self._resolver().value(nodes[0].value)
        if isinstance(value, Invalid):
            return None
        Typer(self.environment, {}).number(value)
        return ir.Maximize(value, span=nodes[0].span)


def _nodes(node: object, kind: type) -> Iterator[object]:
    """All syntax nodes of a kind, outermost first, without recursion."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, kind):
            yield one
        if isinstance(one, tree.Node):
            pending += [getattr(one, part.name) for part in reversed(fields(one)) if part.name != "span"]
        elif isinstance(one, tuple) and not isinstance(one, Span):
            pending += reversed(one)


def _names(node: object) -> Iterator[tree.Name]:
    for one in _nodes(node, tree.Name):
        assert isinstance(one, tree.Name)
        yield one


def _parents_of(root: object, child: object) -> Iterator[tree.Node]:
    """The nodes that directly hold a node."""
    for one in _nodes(root, tree.Node):
        assert isinstance(one, tree.Node)
        for part in fields(one):
            value = getattr(one, part.name)
            if value is child or (isinstance(value, tuple) and any(item is child for item in value)):
                yield one


