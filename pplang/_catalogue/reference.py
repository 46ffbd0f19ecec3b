"""The page of the manual that lists the whole catalogue."""

from __future__ import annotations

from math import inf

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.continuous import ABOVE_ZERO, IN_THE_UNIT, ON_THE_LINE
from pplang._catalogue.discrete import CHOOSING, COUNTING, YES_OR_NO
from pplang._catalogue.entry import Argument, DistributionEntry, Form, FunctionEntry, Support
from pplang._catalogue.functions import BLOCKS, CHAINS, CONSTRAINING, ELEMENTARY, EVIDENCE_AHEAD, FREEING, STATISTICAL, TABLES
from pplang._catalogue.joint import JOINT, WRAPPERS
from pplang._ir.kinds import NAMED, Interval, Kind

_INTRODUCTION = """\
# The catalogue

Generated from `pplang/_catalogue`; do not edit.

Every distribution and function of the language. Names, the order of arguments and their meaning are Stan's where Stan has them. Arguments
are given by position or by name; those written with `=` below only by name. Beside each
argument stands what it must be: its kind, and in brackets the index sets that it is over when it is a table. Where "or a number" is added,
one number means the same for every member.
"""

_WRAPPER_NOTES = """\
All are normalised. `Truncated`, `Censored` and `Interval` need a distribution of one number that says "cumulative" below or is a wrapper
itself. Both bounds of `Truncated` belong to the support, and so do those of `Interval`: for counts `Truncated(Poisson(3), lower = 1)` has no
zeros. A value marked `right` in `Censored` counts as P(X >= value), one marked `left` as P(X <= value). `Ordered` needs a distribution that
does not depend on the ordered axis, its density is K! times the product on increasing vectors. `SumToZero` takes a `Normal`, whose mean
plays no part; its density is taken on the hyperplane of vectors that sum to zero, with the power K - 1 of the standard deviation (Stan's
`sum_to_zero_vector` with a normal prior has K). Flat distributions cannot be wrapped.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    return (
        "\n\n".join(
            (
                _INTRODUCTION.strip(),
                *_distributions("Distributions of a real number", ON_THE_LINE),
                *_distributions("Distributions of a positive number", ABOVE_ZERO),
                *_distributions("Distributions of a proportion", IN_THE_UNIT),
                *_distributions("Distributions of truth values and counts", (*YES_OR_NO, *COUNTING)),
                *_distributions("Distributions of members of a set", CHOOSING),
                *_distributions("Joint distributions", JOINT),
                *_distributions("Distributions made of distributions", WRAPPERS, _WRAPPER_NOTES.strip()),
                *_functions("Functions", ELEMENTARY),
                *_functions("Functions for statistics", STATISTICAL),
                *_functions("Functions of tables", TABLES),
                *_functions("Functions of chains of discrete states, which the compiler uses", CHAINS),
                *_functions("Functions of blocks, which the compiler uses", BLOCKS),
                *_functions("Functions of chains, which the compiler uses", EVIDENCE_AHEAD),
                _bijections(),
                *_functions("Functions from free to constrained values", CONSTRAINING),
                *_functions("Functions from constrained to free values", FREEING),
            )
        )
        + "\n"
    )


def _distributions(title: str, entries: tuple[DistributionEntry, ...], note: str = "") -> list[str]:
    return [f"## {title}", *([note] if note else []), *(_distribution(one) for one in entries)]


def _distribution(entry: DistributionEntry) -> str:
    forms = "\n".join(_form(entry, form) for form in entry.forms)
    facts = [f"Draws: {_support(entry.support, entry.event)}."] if entry.support != Support() or not entry.wrapper else []
    facts += ["Cumulative."] if entry.cumulative and not entry.wrapper else []
    return f"### {entry.name}\n\n{entry.summary}{' ' if facts else ''}{' '.join(facts)}\n\n{forms}"


def _form(entry: DistributionEntry, form: Form) -> str:
    """`Name(a, b =)`: by position as far as the form agrees with the first one."""
    first = entry.forms[0].arguments
    agrees = [one.name == other.name for one, other in zip(form.arguments, first, strict=False)]
    by_position = len(form.arguments) if form is entry.forms[0] else (*agrees, False).index(False)
    given = [_given(one, by_name=place >= by_position) for place, one in enumerate(form.arguments)]
    meanings = ", ".join(_meaning(one) for one in form.arguments)
    return f"- `{entry.name}({', '.join(given)})`{': ' if meanings else ''}{meanings}"


def _given(argument: Argument, *, by_name: bool) -> str:
    if argument.default is not None:
        return f"{argument.name} = {argument.default:g}"
    return f"{argument.name} =" if by_name else argument.name


def _meaning(argument: Argument) -> str:
    if argument.role != "value":
        return f"`{argument.name}` a {argument.role}"
    what = argument.structure.replace("_", " ") if argument.structure else _kind(argument.kind)
    over = f"[{', '.join(argument.sets)}]" if argument.sets else ""
    return f"`{argument.name}` {what}{over}" + (" or a number" if argument.number_allowed else "")


def _kind(kind: Kind) -> str:
    for word, named in NAMED.items():
        if kind == named:
            return word
    assert isinstance(kind, Interval)
    return _between(kind.lower, kind.upper, kind.lower_open, kind.upper_open)


def _between(lower: float | str, upper: float | str, lower_open: bool, upper_open: bool) -> str:
    low = "minus infinity" if lower == -inf else f"{lower:.4g}" if not isinstance(lower, str) else f"`{lower}`"
    high = "infinity" if upper == inf else f"{upper:.4g}" if not isinstance(upper, str) else f"`{upper}`"
    ends = [end for end, opened in ((low, lower_open and lower != -inf), (high, upper_open and upper != inf)) if opened]
    return f"from {low} to {high}" + (f" ({' and '.join(ends)} excluded)" if ends else "")


def _support(support: Support, event: tuple[str, ...]) -> str:
    if support.boolean:
        return "true or false"
    if support.member_of is not None:
        return f"a member of {support.member_of}"
    what = "whole numbers" if support.integer else "numbers"
    if (support.lower, support.upper, support.lower_open, support.structure) == (0, inf, True, None):
        return "positive numbers"
    bounded = (support.lower, support.upper) != (-inf, inf)
    where = (
        f" {_between(support.lower, support.upper, support.lower_open, support.upper_open)}" if bounded and not support.structure else ""
    )
    shape = f"a table over [{', '.join(event)}] of " if event else ""
    joint = f", {_STRUCTURES[support.structure]}" if support.structure else ""
    return shape + what + where + joint


_STRUCTURES = {
    "simplex": "which sum to one",
    "ordered": "increasing",
    "correlation": "a correlation matrix",
    "correlation_cholesky": "the Cholesky factor of a correlation matrix",
    "covariance": "a covariance matrix",
    "sum_to_zero": "which sum to zero",
}


def _functions(title: str, entries: tuple[FunctionEntry, ...]) -> list[str]:
    return [f"## {title}", "\n".join(_function(one) for one in entries)]


def _function(entry: FunctionEntry) -> str:
    arguments = ", ".join(one.name + (f"[{', '.join(one.sets)}]" if one.sets else "") for one in entry.arguments)
    gives = f", over [{', '.join(entry.event)}]" if entry.event else ""
    domain = f"; for arguments {_kind(entry.domain)}" if entry.domain else ""
    return f"- `{entry.name}({arguments})`: {entry.summary}{gives}{domain}"


def _bijections() -> str:
    lines = []
    for one in BIJECTIONS.values():
        arguments = f"({', '.join(one.arguments)})" if one.arguments else ""
        lines.append(f"- `{one.name}{arguments}`: {one.summary}; `{one.inverse}` goes back")
    introduction = "The second argument of `Transformed`: maps from a constrained value to free numbers."
    return "\n\n".join(("## Bijections", introduction, "\n".join(lines)))
