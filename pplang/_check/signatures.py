"""Letters of a signature against index sets: a vector and a matrix over the same K must be over the same set."""

from __future__ import annotations

from collections.abc import Mapping

from pplang._check.environment import Environment
from pplang._check.words import near
from pplang._ir.program import Free, Gaps, Pairs, SumSet
from pplang._source import Span

ANY = "?"
"""The set of a list literal before its context is known."""

_MADE_BY: dict[str, type[Gaps] | type[Free] | type[Pairs]] = {"gaps": Gaps, "free": Free, "pairs": Pairs}


def match_letter(environment: Environment, span: Span, letter: str, found: str, letters: dict[str, str]) -> None:
    """Bind a letter of a signature to a set, or check that it agrees with what it is bound to."""
    if found == ANY or found not in environment.sets or found in environment.broken:
        return
    if "(" in letter:
        operation, letter = _parts(letter)
        members = environment.sets[found].members
        if operation == "triangle":
            base = _of_triangle(environment, found)
            if base is None:
                of = letters.get(letter, "S")
                help = f"declare the sets, index Pair = pairs({of}) and index Triangle = Pair + {of}, and use a table over Triangle"
                label = f"a table over the pairs of {of}, then over {of}, is needed"
                environment.report("D09", f"a table over {found} where one over a triangle is needed", span, label, help=help)
            else:
                letters.setdefault(letter, base)
            return
        if not isinstance(members, _MADE_BY[operation]):
            _not_derived(environment, span, operation, letters.get(letter), found)
            return
        found = members.set
    bound = letters.setdefault(letter, found)
    if bound != found and not environment.indexes(found, bound):
        environment.report(
            "D09",
            "a table over the wrong set",
            span,
            f"this is over {found}, and a table over {bound} is needed here",
            help=f"give it one value for each {bound}",
        )


def _of_triangle(environment: Environment, name: str) -> str | None:
    """K where a set is `pairs(K) + K`."""
    members = environment.sets[name].members
    match members:
        case SumSet((below, base)) if environment.sets[below].members == Pairs(base):
            return base
    return None


def _parts(letter: str) -> tuple[str, str]:
    """`gaps(K)` is the operation `gaps` and the letter `K`."""
    operation, _, inner = letter.rstrip(")").partition("(")
    return operation, inner


def _not_derived(environment: Environment, span: Span, operation: str, base: str | None, found: str) -> None:
    of = base or "S"
    declared = [one.name for one in environment.sets.values() if isinstance(one.members, _MADE_BY[operation]) and one.members.set == base]
    edit = (
        f"use a table over {declared[0]}"
        if declared
        else f"declare the set, index {_new_name(environment, operation)} = {operation}({of}), and use a table over it"
    )
    what = {"gaps": f"one value between each two members of {of} is needed", "free": "one value fewer is needed"}.get(
        operation, f"a table over {operation}({of}) is needed"
    )
    environment.report("D09", f"a table over {found} where one over {operation}({of}) is needed", span, what, help=edit)


def _new_name(environment: Environment, operation: str) -> str:
    wanted = {"gaps": "Cut", "free": "Coordinate", "pairs": "Pair"}[operation]
    return wanted if near(wanted, environment.sets) != wanted and wanted not in environment.sets else f"{wanted}2"


def derived_set(environment: Environment, letter: str, letters: Mapping[str, str]) -> str | None:
    """The set that a letter of a signature stands for; `free(K)` is the declared set made that way."""
    if "(" not in letter:
        return letters.get(letter)
    operation, inner = _parts(letter)
    if operation == "triangle":
        return next((name for name in environment.sets if _of_triangle(environment, name) == letters.get(inner)), None)
    for one in environment.sets.values():
        if isinstance(one.members, _MADE_BY[operation]) and one.members.set == letters.get(inner):
            return one.name
    return None
