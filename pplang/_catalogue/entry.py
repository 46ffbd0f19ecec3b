"""The records of which the catalogue's tables are made. Adding a distribution or function is adding one of these.

No NumPy, JAX or NumPyro here: what implements an entry is named by dotted path and resolved when lowering.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from pplang._ir.kinds import REAL, Interval, Kind
from pplang._records import dataclass


@dataclass(frozen=True)
class Argument:
    """One argument of a distribution.

    kind: what each number must be. sets: () for a number, otherwise letters that stand for index sets, e.g. ("K",) for a vector over the
    same set as the other arguments and the draw that use "K"; ("K", "K") for a matrix. number_allowed: where a table is asked for, one
    number may be given and means the same for every member. default: used when the argument is left out.
    role "distribution" / "bijection": the argument is a distribution (of a wrapper) or a bijection instead of numbers.
    structure: a joint constraint that the table must be known to satisfy ("simplex" ...), one of kinds.STRUCTURES; checked by value for
    data. A correlation matrix is a covariance matrix, and a positive ordered vector an ordered one.
    """

    name: str
    kind: Kind = REAL
    sets: tuple[str, ...] = ()
    number_allowed: bool = False
    default: float | None = None
    role: str = "value"
    structure: str | None = None


@dataclass(frozen=True)
class Support:
    """Where a draw lives: the set on which the density is finite. A bound given as a string is the name of an argument; in a form
    without that argument there is no such bound.

    A latent draw of a continuous distribution lies strictly between the bounds (almost surely), so the kind of a latent has both ends open:
    `s ~ HalfNormal(1)` is positive, `p ~ Uniform(0, 1)` is never 0 or 1. What is observed may lie on a closed bound.
    Bounds together with a structure ("ordered") hold for each of the numbers. A wrapper's support follows from its distribution.

    member_of: the letter of the index set that a draw is a member of (Categorical). structure: a joint constraint of the draw
    (kinds.STRUCTURES), None where its numbers are free of one another.
    """

    lower: float | str = -inf
    upper: float | str = inf
    lower_open: bool = False
    upper_open: bool = False
    integer: bool = False
    boolean: bool = False
    member_of: str | None = None
    structure: str | None = None


@dataclass(frozen=True)
class Form:
    """One way to give the arguments (`Bernoulli(p)`, `Bernoulli(logit =)`).

    arguments: in order; only those of the first form can be given by position alone.
    numpyro: dotted path of the class (or function) that implements it, called with keywords only. "": a pass writes it out (GP with a basis).
    keywords: our argument name → its keyword there.
    sizes: (letter of the event, keyword): the size of that index set is passed as this keyword, a Python int (`LKJ`, `Ordered`).
    """

    arguments: tuple[Argument, ...]
    numpyro: str
    keywords: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[str, str], ...] = ()
    along: str | None = None
    """The letter of an ordered set along which the draw runs: its chains of rows are passed as `rows`, where they are not simply all rows."""


@dataclass(frozen=True)
class LocationScale:
    """x = location + scale * z with z from the standard member. On the log scale (`log`): log x does so.

    location, scale: argument names; None: the family has none (0 for the location; on the log scale x = scale * standard member).
    standard: the other arguments, which the standard member shares (`degrees` of StudentT). information: the Fisher information of the
    location in the standard member (a number, or a function of the standard arguments by name), see the evidence transport.
    """

    location: str | None
    scale: str | None
    log: bool = False
    inverse_scale: bool = False
    """The scale argument is a rate: scale = 1 / rate."""
    standard: tuple[str, ...] = ()
    information: float | Callable[..., float] | None = None


@dataclass(frozen=True)
class DistributionEntry:
    """A distribution: Stan's name-like spelling, Stan's argument order and meaning.

    event: letters of the index sets of one draw; () is a scalar, ("K",) a joint vector, ("K", "K") a joint matrix.
    wrapper: an argument of it (role "distribution") is a distribution, given to the implementation as an object; its support and
    what it accepts follow from that distribution, in code. summary: one line for the reference page. proper: False for Flat, which has
    no draws.
    cumulative: a cumulative distribution function is implemented, so that it can be truncated and censored.
    """

    name: str
    forms: tuple[Form, ...]
    support: Support
    event: tuple[str, ...] = ()
    family: LocationScale | None = None
    summary: str = ""
    wrapper: bool = False
    proper: bool = True
    cumulative: bool = True


@dataclass(frozen=True)
class FunctionEntry:
    """A function of numbers (`sets` all ()) or of whole tables.

    arguments: kinds that are asked of the arguments, in order; `sets` as in Argument. kind: from the kinds of the arguments to that of the
    result. event: letters of the sets of the result. path: attribute path below the array module, present in both NumPy and jax.numpy
    ("exp"), or a full dotted path pair in `numpy_path` / `jax_path` where they differ. safe: a value at which the function and its gradient
    are finite, put in for the arguments of a branch that is not taken.
    domain: the kind outside of which the value is not finite (log: POSITIVE), an assertion by the user (settled: density minus infinity).
    """

    name: str
    arguments: tuple[Argument, ...]
    kind: Callable[..., Interval]
    jax_path: str
    numpy_path: str
    event: tuple[str, ...] = ()
    structure: str | None = None
    safe: float = 1.0
    summary: str = ""
    domain: Interval | None = None
    along: str | None = None
    """The letter of an ordered set along which the function runs, as in Form."""
    sequence: bool = False
    """The members of its last set follow one another: the implementation is told the order of rows (`order`) and which have a predecessor."""


@dataclass(frozen=True)
class BijectionEntry:
    """A map from a constrained support to R^n, the second argument of `Transformed`.

    name: as written in `.ppl`, names the map constrained → free (`log`). inverse: the catalogue function free → constrained (`exp`,
    `simplex_of`), which must have an entry in the functions table with the same extra arguments. arguments: names of extra arguments
    (`lower`, `upper`). free: the set letters of the free value, where "free(K)" / "pairs(K)" are derived sets.
    numpyro: dotted path of a class or function giving a numpyro Transform free → constrained, called with the extra arguments by keyword.
    constrained: letters of the constrained value's event sets.
    """

    name: str
    inverse: str
    numpyro: str
    arguments: tuple[str, ...] = ()
    constrained: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    summary: str = ""
    tables: bool = False
    """The extra arguments are whole tables."""

    @property
    def forward(self) -> str:
        """The catalogue function constrained → free."""
        return self.name if self.inverse in ("exp", "logistic") else f"{self.name}_free"
