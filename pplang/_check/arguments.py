"""The arguments of a distribution: their shapes against its signature, their kinds against what it asks for."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import Argument
from pplang._check import faults
from pplang._check.environment import Environment
from pplang._check.known import Typing
from pplang._check.signatures import ANY, match_letter
from pplang._check.types import Typer
from pplang._check.vocabulary import ASSERTIONS
from pplang._check.words import count_of, kind_words, over_words, usage
from pplang._diagnostics import Label
from pplang._ir import expression as ir
from pplang._ir.kinds import Boolean, Interval, Kind, Member
from pplang._ir.program import SumSet
from pplang._ir.text import kind_text
from pplang._source import NOWHERE, Span


def type_argument(
    typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, letters: dict[str, str]
) -> tuple[Interval | None, bool]:
    """Check one argument; its interval where it is a number or a table of numbers, and whether it is data."""
    typing = typer.type_of(argument)
    if typing.kind is None:
        return None, typing.data
    if wanted.sets and (typing.sets or not wanted.number_allowed):
        _table(typer, node, wanted, argument, typing, letters)
    elif typing.sets:
        typer.whole_table(argument, typing)
        return None, typing.data
    if isinstance(wanted.kind, Boolean):
        typer.condition(argument)
        return None, typing.data
    found = typer.environment.number(typing.kind)
    if found is None:
        typer.not_a_number(argument, typing.kind)
    elif isinstance(wanted.kind, Interval):
        _kind(typer, node, wanted, argument, found, typing.data)
    return found, typing.data


def _table(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, typing: Typing, letters: dict[str, str]) -> None:
    environment = typer.environment
    if len(typing.sets) == len(wanted.sets):
        for letter, found in zip(wanted.sets, typing.sets, strict=True):
            match_letter(environment, argument.span, letter, found, letters)
        _length(typer, argument, typing, letters.get(wanted.sets[0]))
    elif typing.sets:
        shape = "a table over one set" if len(wanted.sets) == 1 else "a matrix, a table over two sets,"
        environment.report(
            "D09",
            f"`{wanted.name}` of {node.name} has another shape",
            argument.span,
            f"this is {over_words(typing.sets)}, and {shape} is needed",
            help=f"write {usage(DISTRIBUTIONS[node.name])}",
        )
    else:
        faults.number_for_a_table(environment, argument, f"`{wanted.name}` of {node.name} is a whole table")


def _length(typer: Typer, argument: ir.Expression, typing: Typing, over: str | None) -> None:
    if isinstance(argument, ir.TableLiteral) and typing.sets == (ANY,) and over is not None:
        list_length(typer, argument, over)


def list_length(typer: Typer, node: ir.TableLiteral, over: str) -> None:
    """D12: a list has one value for each member of the set that it fills, as far as the model knows them."""
    is_sum = over in typer.environment.sets and isinstance(typer.environment.sets[over].members, SumSet)
    if is_sum or has_tables(typer, node):
        _fill_sum(typer, node, over)
        return
    labels = typer.environment.labels(over) if over in typer.environment.sets else None
    if labels is not None and len(labels) != len(node.items):
        shown = ", ".join(map(str, labels[:10])) + (", ..." if len(labels) > 10 else "")
        typer.report("D12", f"{count_of(len(node.items), 'value')} for {count_of(len(labels), 'member')}", node.span, f"{over} has {shown}",
                     help="write one value for each of them, in this order")  # fmt: skip


def has_tables(typer: Typer, node: ir.TableLiteral) -> bool:
    """Is an item of a list a table?"""
    return any(typer.type_of(item).sets for item in node.items)


def _fill_sum(typer: Typer, node: ir.TableLiteral, over: str) -> None:
    """D12: a list over a sum of sets has, in order, a table over each summand, or a number for each member that the model lists."""
    wanted = _items(typer, over)
    given = [one for item in node.items for one in _given(typer, item)]
    if given != wanted:
        typer.report("D12", f"a list that does not fill {over}", node.span, "a table in a list fills one of the sets that a sum is made of",
                     help="write, in the order of the sum, a table over each set and a number for each label")  # fmt: skip


def _given(typer: Typer, item: ir.Expression) -> list[str | None]:
    """What an item fills: a number one label, a table its set, a table over a sum all that the sum is made of."""
    (over, *_) = typer.type_of(item).sets or (None,)
    is_sum = over in typer.environment.sets and isinstance(typer.environment.sets[over].members, SumSet)
    return _items(typer, over) if over is not None and is_sum else [over]


def _items(typer: Typer, over: str) -> list[str | None]:
    """What fills a set in a list: None for each label that the model lists, a set for a table over it."""
    members = typer.environment.sets[over].members if over in typer.environment.sets else None
    if isinstance(members, SumSet):
        return [item for one in members.sets for item in _items(typer, one)]
    labels = typer.environment.labels(over) if members is not None else None
    return [over] if labels is None else [None] * len(labels)


# kinds


def relaxed(kind: Interval) -> Interval:
    """The kind with its ends closed: an end that is reached with probability zero does no harm in an argument."""
    return Interval(kind.lower, kind.upper, integer=kind.integer)


def _kind(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, found: Interval, data: bool) -> None:
    """A distribution argument must be proved to lie where it has to; what is made of data is checked by value when they arrive."""
    assert isinstance(wanted.kind, Interval)
    asked = relaxed(wanted.kind)
    below = found.upper < asked.lower or (found.upper == asked.lower and found.upper_open)
    impossible = below or found.lower > asked.upper or (found.lower == asked.upper and found.lower_open)
    is_literal = found.lower == found.upper
    forbidden_end = is_literal and found.lower == wanted.kind.lower and wanted.kind.lower_open
    if (
        not impossible
        and not forbidden_end
        and (data or relaxed(found).within(asked))
        and not (is_literal and asked.integer and not found.integer)
    ):
        return
    role = _ROLES.get(wanted.name, f"`{wanted.name}` of {node.name}")
    certain = "that is" if impossible or is_literal or forbidden_end else "that may be"
    in_range = relaxed(found).within(replace(asked, integer=False)) and not impossible
    if asked.integer and in_range:
        fault, edit = f"{role} that is not a whole number", "give it a count: a column or input of type count, or a whole number"
    elif asked.lower == 0 and asked.upper == inf:
        fault, edit = (
            f"{role} {certain} {'zero' if forbidden_end else 'negative'}",
            _positive_edit(typer, node, wanted, argument, is_literal),
        )
    else:
        fault, edit = (
            f"{role} {certain} outside {asked.lower:g} to {asked.upper:g}",
            _bounded_edit(typer, node, wanted, argument, asked, is_literal),
        )
    label, labels = _origin(typer, argument, found)
    typer.environment.report("K01", fault, argument.span, label, help=edit, labels=labels)


_ROLES = {"sd": "a scale", "scale": "a scale", "rate": "a rate", "shape": "a shape", "p": "a probability"}


def _origin(typer: Typer, argument: ir.Expression, found: Interval) -> tuple[str, tuple[Label, ...]]:
    """What the argument is, and the relation that made it so."""
    if not isinstance(argument, ir.Reference):
        return f"this is {kind_words(found)}", ()
    environment = typer.environment
    entry = environment.entries[argument.name]
    line, written = environment.line(entry.relation), environment.written(entry.relation, "")
    source = f" (from {written}, line {line})" if entry.relation != NOWHERE and written else ""
    return f"`{environment.written(argument.span, argument.name)}` is {kind_words(found)}{source}", ()


def _positive_edit(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, is_literal: bool) -> str:
    written = typer.environment.written(argument.span)
    if is_literal:
        return "write a number above zero"
    log_form = next((form for form in DISTRIBUTIONS[node.name].forms if any(one.name == "log" for one in form.arguments)), None)
    if log_form is not None and wanted.name in ("rate", "mean"):
        return f"if this is on the log scale write {node.name}(log = {written}); otherwise use exp({written})"
    if isinstance(argument, ir.Negate):
        return "leave out the minus sign"
    if isinstance(argument, ir.Reference) and not argument.indices and typer.environment.entries[argument.name].what == "site":
        return f"use exp({written}), or give `{written}` a positive prior such as HalfNormal(1)"
    return f"use exp({written}); or, if you know that it is never negative, positive({written})"


def _bounded_edit(typer: Typer, node: ir.Distribution, wanted: Argument, argument: ir.Expression, asked: Interval, is_literal: bool) -> str:
    written = typer.environment.written(argument.span)
    if (asked.lower, asked.upper) != (0, 1):
        return ""
    if is_literal:
        return "write a number from 0 to 1"
    logit = any(one.name == "logit" for form in DISTRIBUTIONS[node.name].forms for one in form.arguments)
    if logit and wanted.name == "p":
        return f"if this is on the log-odds scale write {node.name}(logit = {written})" + (
            f", keeping `{node.arguments[0][0]}`" if node.arguments[0][0] != "p" else ""
        )
    return f"use logistic({written}), or give it a prior from 0 to 1, such as Beta(1, 1)"


def check_declared(environment: Environment, what: str, declared: Kind, found: Kind, span: Span, *, data: bool, edit: str) -> None:
    """K06: a declared type that what is given does not have. Numbers made of data are looked at when the data arrive."""
    wanted, given = environment.number(declared), environment.number(found)
    if declared == found or (isinstance(declared, Interval) and given is not None and data):
        return
    if isinstance(declared, Interval) and wanted is not None and given is not None and not isinstance(found, Member):
        if relaxed(given).within(relaxed(wanted)):
            return
    else:
        edit = ""
    environment.report(
        "K06",
        f"{what} is declared {kind_text(declared)}",
        span,
        f"this is {kind_words(found)}",
        help=edit or "give it a value of its type, or change the type",
    )


def check_promises(environment: Environment) -> None:
    """Are the arguments of functions of the types that the functions declare?"""
    for one in environment.promises:
        typing = Typer(environment, one.variables).type_of(one.value)
        if typing.kind is not None:
            written = environment.written(one.value.span)
            edit = f"if you know better, say so: {kind_text(one.kind)}({written})" if kind_text(one.kind) in ASSERTIONS else ""
            what = f"the argument `{one.argument}` of `{one.function}`"
            check_declared(environment, what, one.kind, typing.kind, one.value.span, data=typing.data, edit=edit)


def check_bounds(typer: Typer, node: ir.Distribution, intervals: dict[str, Interval]) -> None:
    """K01: bounds of which the lower is above the upper for certain."""
    lower, upper = intervals.get("lower"), intervals.get("upper")
    if lower is None or upper is None:
        return
    crossed = (
        lower.lower > upper.upper
        if node.name == "Interval" or (upper.integer and lower.integer and DISTRIBUTIONS[node.name].support.integer)
        else lower.lower >= upper.upper
    )
    if crossed:
        place = node.argument("upper")
        assert place is not None
        typer.report("K01", f"bounds of {node.name} in the wrong order", place.span, f"the lower bound is {kind_words(lower)}, the upper {kind_words(upper)}",
                     help="the lower bound comes first")  # fmt: skip
