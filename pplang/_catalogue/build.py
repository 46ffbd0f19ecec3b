"""Short forms in which the tables of the catalogue are written."""

from __future__ import annotations

from math import inf

from pplang._catalogue.entry import Argument, Form, Support
from pplang._ir.kinds import COUNT, NONNEGATIVE, POSITIVE, REAL, UNIT, Interval

NUMPYRO = "numpyro.distributions."
RUNTIME = "pplang._lower.runtime."

REALS = Support()
POSITIVES = Support(0, inf, lower_open=True)
OPEN_UNIT = Support(0, 1, lower_open=True, upper_open=True)
OPEN_UNIT_KIND = Interval(0, 1, lower_open=True, upper_open=True)
COUNTS = Support(0, inf, integer=True)


def real(name: str, *sets: str, number: bool = False) -> Argument:
    return Argument(name, REAL, sets, number_allowed=number)


def positive(name: str, *sets: str, number: bool = False, default: float | None = None) -> Argument:
    return Argument(name, POSITIVE, sets, number_allowed=number, default=default)


def nonnegative(name: str) -> Argument:
    return Argument(name, NONNEGATIVE)


def unit(name: str) -> Argument:
    return Argument(name, UNIT)


def count(name: str) -> Argument:
    return Argument(name, COUNT)


def simplex(name: str, letter: str) -> Argument:
    return Argument(name, UNIT, (letter,), structure="simplex")


def matrix(name: str, structure: str, letter: str = "K") -> Argument:
    return Argument(name, REAL, (letter, letter), structure=structure)


def distribution(name: str = "distribution") -> Argument:
    return Argument(name, role="distribution")


def form(path: str, *arguments: Argument, sizes: tuple[tuple[str, str], ...] = (), along: str | None = None, **renamed: str) -> Form:
    """A form implemented at `path`; `renamed` gives the keywords there that differ from the names of the arguments."""
    keywords = tuple((one.name, renamed.get(one.name, one.name)) for one in arguments)
    return Form(arguments, path, keywords, sizes, along)
