"""What a distribution draws: kind, structure and sets of one draw; its arguments are checked on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument, DistributionEntry, Support
from pplang._check.environment import kind_words, sets_words
from pplang._check.types import ANY, Typer, Typing, match_letter
from pplang._ir import expression as ir
from pplang._ir import interval
from pplang._ir.kinds import REAL, Boolean, Interval, Kind, Member


@dataclass(frozen=True)
class Draw:
    """One draw. kind None: not known (a fault was reported). sets: the axes it fills jointly. data: every argument is known before inference."""

    kind: Kind | None
    sets: tuple[str, ...] = ()
    structure: str | None = None
    data: bool = True
    discrete: bool = False


def type_draw(typer: Typer, node: ir.Expression, *, event: tuple[str, ...] | None) -> Draw:
    """Type a distribution that is to fill the bare axes `event`; None when they do not fit and that is reported."""
    if isinstance(node, ir.Mixture):
        return _mixture(typer, node, event)
    if not isinstance(node, ir.Distribution):
        return Draw(None)
    entry = DISTRIBUTIONS[node.name]
    letters = _letters_of_event(typer, node, entry, event)
    data = True
    intervals: dict[str, Interval] = {}
    inner: Draw | None = None
    for wanted, (name, argument) in _pairs(node, entry):
        if wanted.role == "distribution":
            inner = type_draw(typer, argument, event=_inner_event(typer, node, event))
            _accepts(typer, node, argument, inner)
            data = data and inner.data
        elif wanted.role == "bijection":
            pass
        else:
            found, is_data = _argument(typer, node, wanted, argument, letters)
            data = data and is_data
            if found is not None:
                intervals[name] = found
    draw = _wrapped(typer, node, inner, intervals, event) if inner is not None else _plain(typer, entry, intervals, letters, event)
    return replace(draw, data=data)


def _pairs(node: ir.Distribution, entry: DistributionEntry) -> list[tuple[Argument, tuple[str, ir.Expression]]]:
    """The arguments beside what the signature says of them."""
    given = {name for name, _ in node.arguments}
    form = next(one for one in entry.forms if given <= {argument.name for argument in one.arguments})
    wanted = {argument.name: argument for argument in form.arguments}
    return [(wanted[name], (name, value)) for name, value in node.arguments]


def _letters_of_event(typer: Typer, node: ir.Distribution, entry: DistributionEntry, event: tuple[str, ...] | None) -> dict[str, str]:
    """What the letters of the signature stand for, as far as the axes to be filled say."""
    if event is None or (entry.wrapper and entry.event == ()):
        return {}
    if len(entry.event) != len(event):
        if not entry.event:
            typer.report("D03", "a scalar distribution cannot fill a bare axis", node.span, f"{node.name} draws one number")
        elif not event:
            typer.report("D04", "a joint distribution where one number is drawn", node.span, f"{node.name} draws a whole table at once",
                         help="give the left side a bare axis: x[Coef] ~ ...")  # fmt: skip
        else:
            typer.report("D03", f"{node.name} fills {len(entry.event)} axes, and {len(event)} are bare", node.span)
        return {}
    letters: dict[str, str] = {}
    for letter, axis in zip(entry.event, event, strict=True):
        match_letter(typer, node.span, letter, axis, letters)
    return letters


def _inner_event(typer: Typer, node: ir.Distribution, event: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The axes that the distribution inside a wrapper fills.

    `Ordered` and `SumToZero` are made of scalar draws; under `Transformed` the free axes tell the constrained ones.
    """
    if node.name in ("Ordered", "SumToZero"):
        return ()
    if node.name != "Transformed" or event is None:
        return event
    bijection = node.argument("bijection")
    assert isinstance(bijection, ir.Bijection)
    entry = BIJECTIONS[bijection.name]
    letters: dict[str, str] = {}
    for letter, axis in zip(entry.free, event, strict=False):
        match_letter(typer, node.span, letter, axis, letters)
    return tuple(letters.get(letter, ANY) for letter in entry.constrained)


def _argument(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, letters: dict[str, str]) -> tuple[Interval | None, bool]:
    """Check one argument: its shape against the signature, its kind against what is asked for."""
    typing = typer.type_of(argument)
    if typing.kind is None:
        return None, typing.data
    if not wanted.sets:
        if typing.sets:
            typer._whole_table(argument, typing)
            return None, typing.data
    elif typing.sets or not wanted.number_allowed:
        _table(typer, node, wanted, argument, typing, letters)
    if isinstance(wanted.kind, Boolean):
        typer.condition(argument)
        return None, typing.data
    found = typer.environment.number(typing.kind)
    if found is None:
        typer._not_a_number(argument, typing.kind)
    elif isinstance(wanted.kind, Interval):
        _kind(typer, node, wanted, argument, found, typing.data)
    return found, typing.data


def _table(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, typing: Typing, letters: dict[str, str]) -> None:
    if len(typing.sets) == len(wanted.sets):
        for letter, found in zip(wanted.sets, typing.sets, strict=True):
            match_letter(typer, argument.span, letter, found, letters)
    elif typing.sets:
        typer.report("D09", f"`{wanted.name}` of {node.name} has the wrong shape", argument.span,
                     f"this has {sets_words(typing.sets)}; a table over {len(wanted.sets)} set{'s' * (len(wanted.sets) != 1)} is needed")  # fmt: skip
    else:
        shown = argument.name if isinstance(argument, ir.Reference) else None
        typer.report("D08", "one number where a table is needed", argument.span, f"`{wanted.name}` of {node.name} is a whole table",
                     help=f"leave out the index: {shown}" if shown and isinstance(argument, ir.Reference) and argument.indices else "")  # fmt: skip


def relaxed(kind: Interval) -> Interval:
    """The kind with its ends closed: an end that is reached with probability zero does no harm in an argument."""
    return Interval(kind.lower, kind.upper, integer=kind.integer)


def _kind(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, found: Interval, data: bool) -> None:
    """A distribution argument must be proved to lie where it has to; what is made of data is checked by value when they arrive."""
    assert isinstance(wanted.kind, Interval)
    asked = relaxed(wanted.kind)
    impossible = found.upper < asked.lower or found.lower > asked.upper
    literal = found.lower == found.upper and wanted.kind.lower_open and found.lower == wanted.kind.lower
    if not impossible and not literal and (data or relaxed(found).within(asked)):
        return
    if asked.integer and not found.integer and relaxed(found).within(replace(asked, integer=False)) and not impossible:
        typer.report("K01", f"`{wanted.name}` of {node.name} must be a whole number", argument.span, f"this is {kind_words(found)}")
        return
    role = _ROLES.get(wanted.name, f"`{wanted.name}` of {node.name}")
    may = "that is" if impossible or literal else "that may be"
    fault = f"{role} {may} " + ("negative" if asked.lower == 0 and asked.upper == float("inf") and not literal else f"outside {kind_words(wanted.kind)}" if not literal else "zero")
    shown = f"`{argument.name}`" if isinstance(argument, ir.Reference) else "this"
    typer.report("K01", fault, argument.span, f"{shown} is {_origin(typer, argument, found)}", help=_edit(argument, asked))


_ROLES = {"sd": "a scale", "scale": "a scale", "rate": "a rate", "shape": "a shape", "p": "a probability"}


def _origin(typer: Typer, argument: ir.Expression, found: Interval) -> str:
    return kind_words(found)


def _edit(argument: ir.Expression, asked: Interval) -> str:
    shown = argument.name if isinstance(argument, ir.Reference) and not argument.indices else "..."
    if asked.lower == 0 and asked.upper == float("inf"):
        prior = f", or give `{shown}` a positive prior such as HalfNormal(1)" if shown != "..." else ""
        return f"use exp({shown}){prior}; if you know that it is positive, positive({shown}) says so"
    if (asked.lower, asked.upper) == (0, 1):
        return f"use logistic({shown}), or a prior on the unit interval such as Beta(1, 1)"
    return ""


# what the draw is


def _plain(typer: Typer, entry: DistributionEntry, intervals: dict[str, Interval], letters: dict[str, str], event: tuple[str, ...] | None) -> Draw:
    support, event = entry.support, event or ()
    if support.boolean:
        return Draw(Boolean(), event, discrete=True)
    if support.member_of is not None:
        found = letters.get(support.member_of)
        return Draw(Member(found) if found and found != ANY else None, event, discrete=True)
    return Draw(_interval(support, intervals), event, support.structure, discrete=support.integer)


def _interval(support: Support, intervals: dict[str, Interval]) -> Interval:
    """The kind of a draw; bounds that are arguments are as wide as what is known of them. Ends of continuous draws are open."""

    def end(bound: float | str, side: str) -> float:
        if isinstance(bound, str):
            known = intervals.get(bound)
            return (getattr(known, side) if known else float("-inf" if side == "lower" else "inf"))  # fmt: skip
        return bound

    open_ends = not support.integer
    return Interval(end(support.lower, "lower"), end(support.upper, "upper"), open_ends, open_ends, support.integer)


def _wrapped(typer: Typer, node: ir.Distribution, inner: Draw, intervals: dict[str, Interval], event: tuple[str, ...] | None) -> Draw:
    """The draw of a wrapper follows from that of its distribution."""
    number, event = typer.environment.number(inner.kind), event or ()
    match node.name:
        case "Transformed":
            bijection = node.argument("bijection")
            assert isinstance(bijection, ir.Bijection)
            for one in bijection.arguments:
                typer.type_of(one)
            return Draw(REAL, event)
        case "Ordered":
            if inner.discrete:
                typer.report("N10", "`Ordered` of a discrete distribution", node.span, "ties have no order", help="use a continuous distribution")
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
            return Draw(interval.intersection(number, Interval(low, high, ends_open, ends_open)), event, inner.structure, discrete=inner.discrete)
    return Draw(inner.kind, event, inner.structure, discrete=inner.discrete)


def _accepts(typer: Typer, node: ir.Distribution, argument: ir.Expression, inner: Draw) -> None:
    """Which distributions a wrapper can take."""
    if not isinstance(argument, ir.Distribution):
        return
    entry = DISTRIBUTIONS[argument.name]
    if not entry.proper and node.name not in ("Transformed", "Ordered"):
        typer.report("K07", f"`{argument.name}` inside `{node.name}`", argument.span, "an improper density cannot be normalised",
                     help=f"{argument.name}(lower = ..., upper = ...) has bounds of its own")  # fmt: skip
    elif node.name in ("Truncated", "Censored", "Interval") and not entry.cumulative:
        typer.report("K07", f"`{argument.name}` inside `{node.name}`", argument.span, f"{argument.name} has no cumulative distribution function here")
    elif node.name == "SumToZero" and argument.name != "Normal":
        typer.report("K07", f"`{argument.name}` inside `SumToZero`", argument.span, "only a Normal is implemented", help="write SumToZero(Normal(0, s))")
    elif node.name == "ZeroInflated" and not inner.discrete:
        typer.report("K07", f"`{argument.name}` inside `ZeroInflated`", argument.span, "only counts can be zero-inflated",
                     help="for continuous outcomes write a Mixture, or model zeros in a column of their own")  # fmt: skip


def _mixture(typer: Typer, node: ir.Mixture, event: tuple[str, ...] | None) -> Draw:
    inner_typer = Typer(typer.environment, {**typer.variables, node.binder.variable: node.binder.set})
    component = type_draw(inner_typer, node.component, event=event)
    weights = inner_typer.type_of(node.weights)
    if weights.kind is not None and weights.sets not in ((node.binder.set,), (), (ANY,)):
        typer.report("D09", "weights over the wrong set", node.weights.span, f"this has {sets_words(weights.sets)}; one for each {node.binder.set} is needed")
    elif weights.kind is not None:
        found = typer.environment.number(weights.kind)
        if found is not None and not weights.data and not relaxed(found).within(Interval(0, float("inf"))):
            typer.report("K01", "a weight that may be negative", node.weights.span, f"this is {kind_words(found)}",
                         help="weights sum to one: give them a Dirichlet, or use softmax")  # fmt: skip
    return replace(component, data=component.data and weights.data)
