"""What a distribution draws: kind, structure and sets of one draw; its arguments are checked on the way."""

from __future__ import annotations

from dataclasses import replace

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry, Support
from pplang._check.arguments import check_bounds, relaxed, type_argument
from pplang._check.signatures import ANY, match_letter
from pplang._check.types import Typer
from pplang._check.words import kind_words, over_words
from pplang._ir import expression as ir
from pplang._ir import interval
from pplang._ir.kinds import REAL, Boolean, Interval, Kind, Member
from pplang._records import dataclass


@dataclass(frozen=True)
class Draw:
    """One draw.

    kind None: not known (a fault was reported). sets: the axes it fills jointly. data: all arguments are known before inference.
    """

    kind: Kind | None
    sets: tuple[str, ...] = ()
    structure: str | None = None
    data: bool = True
    discrete: bool = False


def type_draw(typer: Typer, node: ir.Expression, *, event: tuple[str, ...] | None, outcome: Kind | None = None) -> Draw:
    """Type a distribution that is to fill the bare axes `event`; None when they do not fit and that is reported.

    outcome: the kind of the column that is drawn, as far as that tells the sets of the arguments.
    """
    if isinstance(node, ir.Mixture):
        return _mixture(typer, node, event)
    if not isinstance(node, ir.Distribution):
        return Draw(None)
    entry = DISTRIBUTIONS[node.name]
    letters = _letters(typer, node, entry, event)
    if entry.support.member_of is not None and isinstance(outcome, Member):
        letters.setdefault(entry.support.member_of, outcome.set)
    data = True
    intervals: dict[str, Interval] = {}
    inner: Draw | None = None
    for wanted, (name, argument) in _pairs(node, entry):
        if wanted.role == "distribution":
            inner = type_draw(typer, argument, event=_inner_event(typer, node, event), outcome=outcome)
            inner = inner if _accepts(typer, node, argument, inner) else Draw(None, data=inner.data)
            data = data and inner.data
        elif wanted.role == "value":
            found, is_data = type_argument(typer, node, wanted, argument, letters)
            data = data and is_data
            if found is not None:
                intervals[name] = found
    check_bounds(typer, node, intervals)
    draw = _wrapped(typer, node, inner, intervals, event) if inner is not None else _plain(entry, intervals, letters, event)
    return replace(draw, data=data)


def event_letters(node: ir.Expression) -> tuple[str, ...]:
    """The letters of the axes that one draw fills."""
    match node:
        case ir.Mixture(component=component):
            return event_letters(component)
        case ir.Distribution("Transformed"):
            bijection = node.argument("bijection")
            return BIJECTIONS[bijection.name].free if isinstance(bijection, ir.Bijection) else ()
        case ir.Distribution(name):
            entry = DISTRIBUTIONS[name]
            inner = next((value for _, value in node.arguments if isinstance(value, ir.Distribution | ir.Mixture)), None)
            return event_letters(inner) if entry.wrapper and not entry.event and inner is not None else entry.event
    return ()


def _pairs(node: ir.Distribution, entry: DistributionEntry) -> list[tuple[Argument, tuple[str, ir.Expression]]]:
    """The arguments beside what the signature says of them."""
    given = {name for name, _ in node.arguments}
    form = next(one for one in entry.forms if given <= {argument.name for argument in one.arguments})
    wanted = {argument.name: argument for argument in form.arguments}
    return [(wanted[name], (name, value)) for name, value in node.arguments]


def _letters(typer: Typer, node: ir.Distribution, entry: DistributionEntry, event: tuple[str, ...] | None) -> dict[str, str]:
    """What the letters of the signature stand for, as far as the axes to be filled say."""
    if event is None or (entry.wrapper and entry.event == ()):
        return {}
    if len(entry.event) != len(event):
        _misfit(typer, node, entry, event)
        return {}
    letters: dict[str, str] = {}
    for letter, axis in zip(entry.event, event, strict=True):
        match_letter(typer.environment, node.span, letter, axis, letters)
    return letters


def _misfit(typer: Typer, node: ir.Distribution, entry: DistributionEntry, event: tuple[str, ...]) -> None:
    if not entry.event:
        typer.report(
            "D03",
            "a scalar distribution cannot fill a bare axis",
            node.span,
            f"{node.name} draws one number, and {' and '.join(event)} is to be filled",
        )
    elif not event:
        typer.report("D04", "a joint distribution where one number is drawn", node.span, f"{node.name} draws a whole table at once",
                     help="give the left side a bare axis: x[Coef] ~ ...")  # fmt: skip
    else:
        typer.report(
            "D04",
            f"{node.name} fills {len(entry.event)} bare {'axis' if len(entry.event) == 1 else 'axes'}, and there are {len(event)}",
            node.span,
        )


def _inner_event(typer: Typer, node: ir.Distribution, event: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The axes that the distribution inside a wrapper fills.

    `Ordered` and `SumToZero` are made of scalar draws; under `Transformed` the free axes tell the constrained ones.
    """
    if node.name in ("Ordered", "SumToZero", "Independent"):
        inner = node.argument("distribution")
        return () if inner is None or not event_letters(inner) else None
    if node.name != "Transformed" or event is None:
        return event
    bijection = node.argument("bijection")
    if not isinstance(bijection, ir.Bijection):
        return None
    entry = BIJECTIONS[bijection.name]
    letters: dict[str, str] = {}
    for letter, axis in zip(entry.free, event, strict=False):
        match_letter(typer.environment, node.span, letter, axis, letters)
    return tuple(letters.get(letter, ANY) for letter in entry.constrained)


# what the draw is


def _plain(entry: DistributionEntry, intervals: dict[str, Interval], letters: dict[str, str], event: tuple[str, ...] | None) -> Draw:
    support, event = entry.support, event or ()
    if support.boolean:
        return Draw(Boolean(), event, discrete=True)
    if support.member_of is not None:
        found = letters.get(support.member_of)
        return Draw(Member(found) if found and found != ANY else None, event, discrete=True)
    return Draw(_interval(support, intervals), event, support.structure, discrete=support.integer)


def _interval(support: Support, intervals: dict[str, Interval]) -> Interval:
    """The kind of a draw; bounds that are arguments are as wide as what is known of them. Ends of continuous draws are open."""

    def lower() -> float:
        if isinstance(support.lower, str):
            return intervals[support.lower].lower if support.lower in intervals else float("-inf")
        return support.lower

    def upper() -> float:
        if isinstance(support.upper, str):
            return intervals[support.upper].upper if support.upper in intervals else float("inf")
        return support.upper

    open_ends = not support.integer
    return Interval(lower(), upper(), open_ends, open_ends, support.integer)


def _wrapped(typer: Typer, node: ir.Distribution, inner: Draw, intervals: dict[str, Interval], event: tuple[str, ...] | None) -> Draw:
    """The draw of a wrapper follows from that of its distribution."""
    number, event = typer.environment.number(inner.kind), event or ()
    if inner.kind is None:
        return Draw(None, event)
    match node.name:
        case "Transformed":
            bijection = node.argument("bijection")
            if isinstance(bijection, ir.Bijection) and not BIJECTIONS[bijection.name].tables:
                for one in bijection.arguments:
                    typer.number(one)
            return Draw(REAL, event)
        case "Ordered":
            positive = number is not None and number.lower >= 0
            return Draw(inner.kind, event, "positive_ordered" if positive else "ordered")
        case "SumToZero":
            return Draw(REAL, event, "sum_to_zero")
        case "ZeroInflated":
            return Draw(None if number is None else interval.union(number, interval.point(0)), event, discrete=True)
        case "Truncated" if number is not None:
            low = intervals.get("lower", Interval()).lower
            high = intervals.get("upper", Interval()).upper
            ends_open = not inner.discrete
            return Draw(
                interval.intersection(number, Interval(low, high, ends_open, ends_open)), event, inner.structure, discrete=inner.discrete
            )
    return Draw(inner.kind, event, inner.structure, discrete=inner.discrete)


def _accepts(typer: Typer, node: ir.Distribution, argument: ir.Expression, inner: Draw) -> bool:
    """Can a wrapper take this distribution? (K07)"""
    if not isinstance(argument, ir.Distribution):
        return True
    entry = DISTRIBUTIONS[argument.name]
    if not entry.proper and node.name not in ("Transformed", "Ordered"):
        return _refuse(typer, node.name, argument, "an improper density cannot be normalised", _flat_edit(typer, node, argument))
    if node.name in ("Truncated", "Censored", "Interval") and not entry.cumulative:
        why = "draws a table, and bounds are on numbers" if entry.event else "has no cumulative distribution function here"
        return _refuse(typer, node.name, argument, f"{argument.name} {why}", "`restrict` limits a region without renormalising")
    if node.name == "Ordered" and inner.discrete:
        return _refuse(typer, node.name, argument, "whole numbers tie, and ties have no order", "use a continuous distribution")
    if node.name in ("Ordered", "SumToZero", "Independent") and entry.event:
        return _refuse(typer, node.name, argument, f"{argument.name} draws a table; {node.name} takes a distribution of one number", "")
    if node.name in ("SumToZero", "Independent") and argument.name != "Normal":
        return _refuse(
            typer,
            node.name,
            argument,
            "only the normal distribution has a simple form under this condition",
            "write SumToZero(Normal(0, s))",
        )
    if node.name == "ZeroInflated" and not inner.discrete:
        return _refuse(
            typer,
            node.name,
            argument,
            "only counts can be zero-inflated",
            "for a continuous outcome, model whether it is zero in a column of its own",
        )
    return True


def _refuse(typer: Typer, wrapper: str, argument: ir.Distribution, why: str, edit: str) -> bool:
    typer.report("K07", f"`{argument.name}` inside `{wrapper}`", argument.span, why, help=edit)
    return False


def _flat_edit(typer: Typer, node: ir.Distribution, argument: ir.Distribution) -> str:
    """`Truncated(Flat(), lower = 0)` is `Flat(lower = 0)`."""
    bounds = [f"{name} = {typer.environment.written(value.span)}" for name, value in node.arguments if name in ("lower", "upper")]
    if node.name == "Truncated" and argument.name == "Flat" and bounds:
        return f"write Flat({', '.join(bounds)})"
    return "use a proper distribution, such as Normal(0, 10)"


def _mixture(typer: Typer, node: ir.Mixture, event: tuple[str, ...] | None) -> Draw:
    inner = Typer(typer.environment, {**typer.variables, node.binder.variable: node.binder.set})
    component = type_draw(inner, node.component, event=event)
    weights = inner.type_of(node.weights)
    if isinstance(node.component, ir.Distribution) and not DISTRIBUTIONS[node.component.name].proper:
        _refuse(
            typer,
            "Mixture",
            node.component,
            "an improper density has no share in a mixture",
            "use a proper distribution, such as Normal(0, 10)",
        )
        component = Draw(None)
    if weights.kind is None:
        return component
    number = typer.environment.number(weights.kind)
    if weights.sets not in ((node.binder.set,), (), (ANY,)):
        typer.report(
            "D09",
            "weights over the wrong set",
            node.weights.span,
            f"these are {over_words(weights.sets)}; one for each {node.binder.set} is needed",
            help=f"draw them over the components: w[{node.binder.set}] ~ Dirichlet(1)",
        )
    elif number is None:
        typer.not_a_number(node.weights, weights.kind)
    elif not weights.data and not relaxed(number).within(Interval(0, float("inf"))):
        typer.report("K01", "weights that may be negative", node.weights.span, f"each is {kind_words(number)}",
                     help=f"weights are shares of one: draw them from a Dirichlet, or write softmax({typer.environment.written(node.weights.span)})")  # fmt: skip
    return replace(component, data=component.data and weights.data)
