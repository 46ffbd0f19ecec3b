"""Distribution expressions as NumPyro distributions whose batch dimensions are the plates of a statement."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry, Form
from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.kinds import REAL, Boolean, Interval
from pplang._ir.program import SumSet
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.faults import Watched
from pplang._lower.indexing import chains
from pplang._lower.repeats import names_in
from pplang._lower.terms import Axis, Term, aligned, full, ordered, union
from pplang._lower.unit import Scope, free_axes, hoist, rule


@dataclass(frozen=True)
class Draw:
    """What one draw fills: its batch axes (plates, in order) and the sets of its event dimensions."""

    batch: tuple[Axis, ...]
    event: tuple[str, ...]


def distribution(node: ir.Expression, scope: Scope, draw: Draw) -> Code:
    """The code of a distribution object. Arguments that lack leading batch axes are left to broadcast."""
    match node:
        case ir.Mixture():
            return _mixture(node, scope, draw)
        case ir.Distribution():
            entry = DISTRIBUTIONS[node.name]
            form = form_of(entry, node)
            return _call(entry, form, node, scope, draw)
    raise InternalError(f"{type(node).__name__} where a distribution is needed")


def form_of(entry: DistributionEntry, node: ir.Distribution) -> Form:
    """The form that the given arguments match: the first that has all of them and lacks none without a default."""
    given = {name for name, _ in node.arguments}
    for form in entry.forms:
        names = {one.name for one in form.arguments}
        if given <= names and all(one.default is not None or one.name in given for one in form.arguments) and form.numpyro:
            return form
    raise InternalError(f"no form of {entry.name} has the arguments {sorted(given)}")


def _call(entry: DistributionEntry, form: Form, node: ir.Distribution, scope: Scope, draw: Draw) -> Code:
    sizes = _letter_sizes(entry, form, node, scope, draw)
    keyword = dict(form.keywords)
    arguments: dict[str, Code] = {}
    for wanted in form.arguments:
        given = node.argument(wanted.name)
        if given is None:
            assert wanted.default is not None
            arguments[keyword[wanted.name]] = code.constant(wanted.default)
        elif wanted.role == "distribution":
            arguments[keyword[wanted.name]] = distribution(given, scope, replace(draw, event=_inner_event(entry, node, scope, draw)))
        elif wanted.role == "bijection":
            assert isinstance(given, ir.Bijection)
            arguments[keyword[wanted.name]] = bijection(given, scope, draw)
        else:
            term = _watched(entry, wanted, given, scope)
            arguments[keyword[wanted.name]] = _argument(wanted, given, scope, draw, sizes) if term is None else aligned(term, draw.batch)
    extra = {word: sizes[letter] for letter, word in form.sizes}
    if form.along is not None:
        rows = chains(scope, draw.event[entry.event.index(form.along)])
        extra |= {} if rows is None else {"rows": rows}
    return ast.Call(scope.unit.imports.path(form.numpyro), [], [ast.keyword(k, v) for k, v in {**arguments, **extra}.items()])


def _inner_event(entry: DistributionEntry, node: ir.Distribution, scope: Scope, draw: Draw) -> tuple[str, ...]:
    """The sets of one draw of a wrapped distribution."""
    chosen = node.argument("bijection")
    if not isinstance(chosen, ir.Bijection):
        return () if entry.event else draw.event
    bijective = BIJECTIONS[chosen.name]
    letters: dict[str, str] = {}
    for letter, set_name in zip(bijective.free, draw.event, strict=True):
        if "(" in letter:
            members = scope.unit.program.set[set_name].members
            base = members.sets[-1] if isinstance(members, SumSet) else members.set  # type: ignore[union-attr]
            letters[letter[letter.index("(") + 1 : -1]] = base
        else:
            letters[letter] = set_name
    return tuple(letters[letter] for letter in bijective.constrained)


def _letter_sizes(entry: DistributionEntry, form: Form, node: ir.Distribution, scope: Scope, draw: Draw) -> dict[str, Code]:
    """The sizes that the letters of a signature stand for, from what is drawn and from the tables given."""
    sizes = {letter: code.size(set_name) for letter, set_name in zip(entry.event, draw.event, strict=False)}
    for wanted in form.arguments:
        given = node.argument(wanted.name)
        if wanted.sets and given is not None and wanted.role == "value":
            for letter, set_name in zip(wanted.sets, scope.value(given).event, strict=False):
                if set_name in scope.unit.program.set:
                    sizes.setdefault(letter, code.size(set_name))
    return sizes


def _argument(wanted: Argument, given: ir.Expression, scope: Scope, draw: Draw, sizes: dict[str, Code]) -> Code:
    boolean = isinstance(wanted.kind, Boolean)
    term = scope.value(given) if boolean else scope.number(given)
    if not boolean and isinstance(wanted.kind, Interval) and not wanted.kind.integer:
        term = as_float(term)
    if wanted.sets and not term.event:
        if not wanted.number_allowed:
            raise InternalError(f"a number where `{wanted.name}` needs a table")
        return _repeated(scope, term, draw.batch, [sizes[letter] for letter in wanted.sets])
    return aligned(term, draw.batch)


def _watched(entry: DistributionEntry, wanted: Argument, given: ir.Expression, scope: Scope) -> Term | None:
    """The term of an argument made of data, if `prepare` has computed it in order to look at it."""
    if not isinstance(wanted.kind, Interval) or (wanted.sets and not isinstance(given, ir.Reference)):
        return None
    if wanted.structure in ("covariance", "correlation"):
        _watch_matrix(entry, wanted, given, scope)
        return None
    return watch(scope, given, wanted.kind, f"`{wanted.name}` of {entry.name}")


_ROUNDING = 1e-6
"""How far below zero eigenvalues of the covariance of a process may be, which has its jitter added."""


def _watch_matrix(entry: DistributionEntry, wanted: Argument, given: ir.Expression, scope: Scope) -> None:
    """See to it that a matrix made of data, whose structure nothing has checked yet, is looked at when they arrive."""
    prepare, program = scope.unit.prepare, scope.unit.program
    if prepare is None or scope.guard is not None or not isinstance(given, ir.Reference) or given.name not in program.site:
        return
    site = program.site[given.name]
    if site.level == "data" and site.structure is None and all(isinstance(one, ir.Variable) for one in given.indices):
        sets, role = site.sets[:-2], f"`{wanted.name}` of {entry.name}"
        definite = _ROUNDING if entry.name == "GP" else 0.0
        prepare.watched.append(Watched(given.name, given.name, given.span, sets, role=role, definite=definite))


def watch(scope: Scope, given: ir.Expression, wanted: Interval, role: str) -> Term | None:
    """See to it that a value made of data is looked at when they arrive, unless its kind says enough. The term, if `prepare` has it."""
    unit, prepare = scope.unit, scope.unit.prepare
    if prepare is None or scope.guard is not None or wanted == REAL:
        return None
    axes = free_axes(scope, given, at_least=1)
    found = scope.kind(given)
    if axes is None or (isinstance(found, Interval) and found.within(wanted)):
        return None
    if isinstance(given, ir.Reference) and all(isinstance(one, ir.Variable) for one in given.indices):
        prepare.watched.append(Watched(given.name, given.name, given.span, unit.program.axes_of(given.name), wanted=wanted, role=role))
        return None
    term = hoist(scope, given, axes, lambda other: other.number(given))
    if term.event:
        return None
    assert isinstance(term.code, ast.Name)
    sets = tuple(axis.set for axis in term.axes)
    prepare.watched.append(Watched(term.code.id, "", given.span, sets, names_in([given]), wanted, role))
    return term


def _repeated(scope: Scope, term: Term, batch: Sequence[Axis], sizes: list[Code]) -> Code:
    """One number that means the same for every member."""
    if not term.axes:
        shape = sizes[0] if len(sizes) == 1 else code.tuple_of(sizes)
        return code.call(scope.unit.function("full"), shape, term.code)
    axes = batch[batch.index(term.axes[0]) :]
    return full(scope.unit.array, term, ordered([*axes]), sizes)


def as_float(term: Term) -> Term:
    """A whole-number literal as the real number it stands for: `Normal(0, 5)` draws reals."""
    value = code.literal(term.code)
    return term if value is None else replace(term, code=code.constant(float(value)), type="real")


def bijection(node: ir.Bijection, scope: Scope, draw: Draw) -> Code:
    """A NumPyro transform from the free to the constrained values."""
    entry = BIJECTIONS[node.name]
    arguments = {
        name: aligned(as_float(scope.number(value)), draw.batch)
        for name, value in zip(entry.arguments, node.arguments, strict=True)
    }  # fmt: skip
    return code.call(scope.unit.imports.path(entry.numpyro), **arguments)


def _mixture(node: ir.Mixture, scope: Scope, draw: Draw) -> Code:
    """Components are the last batch dimension of their distribution."""
    entry = DISTRIBUTIONS["Mixture"]
    inner = scope.bind((node.binder,))
    axis = inner.axis(node.binder.variable)
    keyword = dict(entry.forms[0].keywords)
    component = distribution(node.component, inner, Draw((*draw.batch, axis), draw.event))
    weights = inner.number(node.weights)
    if weights.event:
        probabilities = aligned(weights, draw.batch)
    else:
        probabilities = full(scope.unit.array, weights, ordered([*weights.axes, axis]))
        probabilities = aligned(replace(weights, code=probabilities, axes=ordered([*weights.axes, axis])), (*draw.batch, axis))
    return code.call(
        scope.unit.imports.path(entry.forms[0].numpyro), **{keyword["component"]: component, keyword["weights"]: probabilities}
    )


@rule(ir.LogDensity)
def _log_density(node: ir.LogDensity, scope: Scope) -> Term:
    value = scope.value(node.value)
    if scope.guard is not None:
        value = _guarded_value(node.distribution, scope, value)
    batch = ordered([*value.axes, *free_batch(node.distribution, scope)])
    made = distribution(node.distribution, scope, Draw(batch, value.event))
    result = code.call(ast.Attribute(made, "log_prob", ast.Load()), aligned(value, batch))
    return Term(result, batch, data=False)


def free_batch(node: ir.Expression, scope: Scope) -> tuple[Axis, ...]:
    """The axes that the arguments of a distribution have."""
    match node:
        case ir.Mixture():
            inner = scope.bind((node.binder,))
            own = inner.axis(node.binder.variable)
            found = [*free_batch(node.component, inner), *inner.value(node.weights).axes]
            return ordered(axis for axis in found if axis != own)
        case ir.Distribution():
            parts = [value for _, value in node.arguments]
            terms = [scope.value(one) for one in parts if not isinstance(one, ir.Distribution | ir.Mixture | ir.Bijection)]
            inner_axes = [axis for one in parts if isinstance(one, ir.Distribution | ir.Mixture) for axis in free_batch(one, scope)]
            extra = [axis for one in parts if isinstance(one, ir.Bijection) for part in one.arguments for axis in scope.value(part).axes]
            return ordered([*union(terms), *inner_axes, *extra])
    return ()


def _guarded_value(node: ir.Expression, scope: Scope, value: Term) -> Term:
    safe = inside_support(node)
    return value if safe is None else scope.guarded(value, safe)


def inside_support(node: ir.Expression) -> float | None:
    """A value at which the density is finite whatever the arguments; None where every number (or none that is known) is one."""
    if not isinstance(node, ir.Distribution):
        return None
    entry = DISTRIBUTIONS[node.name]
    if entry.wrapper:
        first = next((value for _, value in node.arguments if isinstance(value, ir.Distribution)), None)
        return None if first is None or node.name == "Transformed" else inside_support(first)
    low, high = entry.support.lower, entry.support.upper
    if entry.support.member_of or entry.event or isinstance(low, str) or low == -float("inf"):
        return None
    if isinstance(high, str) or high == float("inf"):
        return 0.0 if entry.support.integer else low + 1.0
    return float(low) if entry.support.integer else (low + high) / 2
