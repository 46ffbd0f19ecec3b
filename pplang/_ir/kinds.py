"""Kinds: what values a number can take. Intervals with open or closed ends, plus integrality, and the few that are not numbers.

Kinds do interval arithmetic: `1 - p` and `p * q` of units are units, `exp` of anything is positive.
"""

from __future__ import annotations

from math import inf

from pplang._records import dataclass


@dataclass(frozen=True)
class Interval:
    """A real (or, with `integer`, a whole) number between two bounds. An infinite end is open."""

    lower: float = -inf
    upper: float = inf
    lower_open: bool = False
    upper_open: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        if self.lower == -inf and not self.lower_open:
            object.__setattr__(self, "lower_open", True)
        if self.upper == inf and not self.upper_open:
            object.__setattr__(self, "upper_open", True)

    def within(self, other: Interval) -> bool:
        """Is every value of this kind a value of the other?"""
        above = self.lower > other.lower or (self.lower == other.lower and (self.lower_open or not other.lower_open))
        below = self.upper < other.upper or (self.upper == other.upper and (self.upper_open or not other.upper_open))
        return above and below and (self.integer or not other.integer)


@dataclass(frozen=True)
class Boolean:
    """True or false; 0 or 1 in arithmetic."""


@dataclass(frozen=True)
class Date:
    """A day; in arithmetic the number of days since 1970-01-01."""


@dataclass(frozen=True)
class Member:
    """A member of an index set."""

    set: str


@dataclass(frozen=True)
class Record:
    """The named heads of a net: (name, sets, kind) each."""

    fields: tuple[tuple[str, tuple[str, ...], Kind], ...]


Kind = Interval | Boolean | Date | Member | Record

REAL = Interval()
POSITIVE = Interval(0, inf, lower_open=True)
NONNEGATIVE = Interval(0, inf)
UNIT = Interval(0, 1)
INT = Interval(integer=True)
COUNT = Interval(0, inf, integer=True)

NAMED: dict[str, Kind] = {
    "real": REAL,
    "positive": POSITIVE,
    "nonnegative": NONNEGATIVE,
    "unit": UNIT,
    "int": INT,
    "count": COUNT,
    "bool": Boolean(),
    "date": Date(),
}
"""The kinds that a type name in the source can mean; `real(a, b)` and the names of index sets come beside them."""

STRUCTURES = (
    "simplex",
    "ordered",
    "positive_ordered",
    "correlation",
    "correlation_cholesky",
    "covariance",
    "unit_vector",
    "sum_to_zero",
)
"""Joint constraints on a whole table (on its last axis or last two axes); as a type name each is over real numbers."""
