"""The words in which messages speak of kinds, sets and names."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from pplang._catalogue.entry import DistributionEntry, Form
from pplang._ir.kinds import NAMED, Boolean, Date, Interval, Kind, Member


def an(noun: str) -> str:
    """The noun with its article: `a County`, `an Item`."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def count_of(number: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def kind_words(kind: Kind | None) -> str:
    """What a value of this kind is, after `this is ...`."""
    match kind:
        case Interval():
            return _interval_words(kind)
        case Boolean():
            return "true or false"
        case Date():
            return "a date"
        case Member(name):
            return an(name)
        case None:
            return "unknown"
    return "a record"


def _interval_words(kind: Interval) -> str:
    if kind.lower == kind.upper:
        return f"{kind.lower:g}"
    if kind == NAMED["count"]:
        return "a count"
    if not kind.integer:
        for word in ("real", "positive", "nonnegative"):
            if kind == NAMED[word]:
                return word
    whole, bounds = "a whole number", _bounds_words(kind)
    return ", ".join(one for one in (whole, bounds) if one) if kind.integer else bounds


def _bounds_words(kind: Interval) -> str:
    if kind.lower == -inf and kind.upper == inf:
        return ""
    if kind.lower == -inf:
        return "negative" if kind.upper == 0 and kind.upper_open else f"{'below' if kind.upper_open else 'at most'} {kind.upper:g}"
    if kind.upper == inf:
        return f"{'above' if kind.lower_open else 'at least'} {kind.lower:g}"
    return f"between {kind.lower:g} and {kind.upper:g}"


def values_words(kind: Kind | None) -> str:
    """What a distribution draws: `whole numbers`, `members of County`."""
    match kind:
        case Interval(integer=True):
            return "whole numbers"
        case Boolean():
            return "true or false"
        case Member(name):
            return f"members of {name}"
    return "real numbers"


def sets_words(sets: tuple[str, ...]) -> str:
    """`one value for each County`, `... for each School and Year`."""
    return "one number" if not sets else "one value for each " + " and ".join(sets)


def over_words(sets: tuple[str, ...]) -> str:
    """What a name is over: `over County`, `one number`."""
    return "over " + " and ".join(sets) if sets else "one number"


def fresh_letters(sets: Iterable[str], taken: Iterable[str]) -> list[str]:
    """A letter for each axis: `k` for Coef and Category, otherwise the first letter of the set; none of those taken, and none twice."""
    used = set(taken)
    found: list[str] = []
    for name in sets:
        first = "k" if name[:1] in "CK" else name[:1].lower()
        letter = next(
            one for one in (first, *"kijlmnpqrsuvwxyz", *(f"i{n}" for n in range(len(used) + 1))) if one.isidentifier() and one not in used
        )
        used.add(letter)
        found.append(letter)
    return found


def bound_axes(sets: Iterable[str], taken: Iterable[str] = ()) -> str:
    """`c in County, i in Item`: the axes of a left side, bound."""
    names = tuple(sets)
    return ", ".join(f"{letter} in {name}" for letter, name in zip(fresh_letters(names, taken), names, strict=True))


def near(name: str, candidates: Iterable[object]) -> str | None:
    """The candidate that was probably meant, or None. A mere difference of case always counts."""
    from difflib import get_close_matches

    names = [str(one) for one in candidates]
    same = [one for one in names if one.lower() == name.lower() and one != name]
    return next(iter(same or get_close_matches(name, names, 1, 0.72)), None)


def did_you_mean(name: str, candidates: Iterable[object]) -> str:
    """`did you mean ...?`, or nothing."""
    meant = near(name, candidates)
    return f"did you mean `{meant}`?" if meant else ""


def usage(entry: DistributionEntry) -> str:
    """How a distribution is written, every form of it."""

    def one(form: Form, *, first: bool) -> str:
        arguments = [
            argument.name if first or (n == 0 and len(form.arguments) > 1) else f"{argument.name} ="
            for n, argument in enumerate(form.arguments)
        ]
        return f"{entry.name}({', '.join(arguments)})"

    return " or ".join(dict.fromkeys(one(form, first=n == 0) for n, form in enumerate(entry.forms)))
