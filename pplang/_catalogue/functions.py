"""Every function of the language, by name: what it takes, what is known of its result, and what computes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, pi

from pplang._catalogue.build import RUNTIME
from pplang._catalogue.entry import Argument, FunctionEntry
from pplang._ir.interval import negate
from pplang._ir.kinds import POSITIVE, REAL, Interval

_OPEN_UNIT = Interval(0, 1, lower_open=True, upper_open=True)
_SYMMETRIC_UNIT = Interval(-1, 1)
_Kind = Callable[..., Interval]


# What is known of a result from what is known of the arguments


def _increasing(f: Callable[[float], float], at_minus_infinity: float = -inf, at_infinity: float = inf) -> _Kind:
    """The kind rule of an increasing function: its values at the bounds. Where f is not defined there, and at infinity, the limit, open."""

    def kind(x: Interval) -> Interval:
        low, high = _value(f, x.lower, at_minus_infinity), _value(f, x.upper, at_infinity)
        return Interval(low, high, x.lower_open or low == at_minus_infinity, x.upper_open or high == at_infinity)

    return kind


def _value(f: Callable[[float], float], at: float, limit: float) -> float:
    try:
        value = f(at) if abs(at) != inf else limit
    except (ValueError, OverflowError):
        return limit
    return value


def _always(kind: Interval) -> _Kind:
    return lambda *_: kind


def _same(x: Interval, *_: Interval) -> Interval:
    return x


def _absolute(x: Interval) -> Interval:
    if x.lower >= 0:
        return x
    if x.upper <= 0:
        return negate(x)
    furthest, opened = max((-x.lower, x.lower_open), (x.upper, x.upper_open))
    return Interval(0, furthest, False, opened, x.integer)


def _cosh(x: Interval) -> Interval:
    return Interval(1, inf)


def _whole(f: Callable[[float], int]) -> _Kind:
    def kind(x: Interval) -> Interval:
        low, high = (bound if abs(bound) == inf else float(f(bound)) for bound in (x.lower, x.upper))
        return Interval(low, high, integer=True)

    return kind


def _smaller(x: Interval, y: Interval) -> Interval:
    low, low_open = min((x.lower, x.lower_open), (y.lower, y.lower_open))
    high, high_open = min((x.upper, not x.upper_open), (y.upper, not y.upper_open))
    return Interval(low, high, low_open, not high_open, x.integer and y.integer)


def _larger(x: Interval, y: Interval) -> Interval:
    return negate(_smaller(negate(x), negate(y)))


def _remainder(x: Interval, y: Interval) -> Interval:
    if y.lower >= 0:
        return Interval(0, y.upper, upper_open=True, integer=x.integer and y.integer)
    return Interval(integer=x.integer and y.integer)


def _cumulated(x: Interval) -> Interval:
    """Sums of one or more such numbers: of numbers at least 0 at least the first, and likewise below."""
    low, high = (x.lower if x.lower >= 0 else -inf), (x.upper if x.upper <= 0 else inf)
    return Interval(low, high, x.lower_open, x.upper_open, x.integer)


def _above(x: Interval, bound: Interval) -> Interval:
    return Interval(bound.lower, inf, lower_open=True)


def _below(x: Interval, bound: Interval) -> Interval:
    return Interval(-inf, bound.upper, upper_open=True)


def _between(x: Interval, low: Interval, high: Interval) -> Interval:
    return Interval(low.lower, high.upper, lower_open=True, upper_open=True)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# Short forms of entries


def _number(
    name: str,
    kind: _Kind,
    jax_path: str,
    numpy_path: str = "",
    *,
    takes: tuple[str, ...] = ("x",),
    domain: Interval | None = None,
    safe: float = 1.0,
    summary: str,
) -> FunctionEntry:
    """A function of numbers. A path without a dot is an attribute of both jax.numpy and numpy."""
    both = "." not in jax_path
    arguments = tuple(Argument(one) for one in takes)
    return FunctionEntry(
        name,
        arguments,
        kind,
        f"jax.numpy.{jax_path}" if both else jax_path,
        f"numpy.{jax_path}" if both else numpy_path,
        safe=safe,
        summary=summary,
        domain=domain,
    )


_SPECIAL = "jax.scipy.special."
_NUMERIC = RUNTIME + "numeric."
_OWN = RUNTIME + "functions."

ELEMENTARY = (
    _number("exp", _increasing(math.exp, 0.0), "exp", safe=0.0, summary="e to the power x"),
    _number("expm1", _increasing(math.expm1, -1.0), "expm1", safe=0.0, summary="exp(x) - 1, exact near zero"),
    _number("log", _increasing(math.log), "log", domain=POSITIVE, summary="the natural logarithm"),
    _number("log1p", _increasing(math.log1p), "log1p", domain=Interval(-1, inf, lower_open=True), summary="log(1 + x), exact near zero"),
    _number("log2", _increasing(math.log2), "log2", domain=POSITIVE, summary="the logarithm to base 2"),
    _number("log10", _increasing(math.log10), "log10", domain=POSITIVE, summary="the logarithm to base 10"),
    _number("sqrt", _increasing(math.sqrt, 0.0), "sqrt", domain=Interval(0, inf), summary="the square root"),
    _number("abs", _absolute, "abs", summary="the absolute value"),
    _number("sin", _always(_SYMMETRIC_UNIT), "sin", summary="the sine of an angle in radians"),
    _number("cos", _always(_SYMMETRIC_UNIT), "cos", summary="the cosine of an angle in radians"),
    _number("tan", _always(REAL), "tan", summary="the tangent of an angle in radians"),
    _number("asin", _increasing(math.asin), "arcsin", domain=_SYMMETRIC_UNIT, safe=0.0, summary="the angle with this sine"),
    _number("acos", _always(Interval(0, pi)), "arccos", domain=_SYMMETRIC_UNIT, safe=0.0, summary="the angle with this cosine"),
    _number("atan", _increasing(math.atan, -pi / 2, pi / 2), "arctan", summary="the angle with this tangent"),
    _number("atan2", _always(Interval(-pi, pi)), "arctan2", takes=("y", "x"), summary="the angle of the point (x, y)"),
    _number("sinh", _increasing(math.sinh), "sinh", summary="the hyperbolic sine"),
    _number("cosh", _cosh, "cosh", summary="the hyperbolic cosine"),
    _number("tanh", _increasing(math.tanh, -1.0, 1.0), "tanh", summary="the hyperbolic tangent"),
    _number("min", _smaller, RUNTIME + "extremes.smaller", "numpy.minimum", takes=("x", "y"), summary="the smaller of two numbers"),
    _number("max", _larger, RUNTIME + "extremes.larger", "numpy.maximum", takes=("x", "y"), summary="the larger of two numbers"),
    _number("mod", _remainder, "mod", takes=("x", "y"), summary="what is left of x after taking away whole multiples of y"),
    _number("floor", _whole(math.floor), "floor", summary="the largest whole number not above x"),
    _number("ceil", _whole(math.ceil), "ceil", summary="the smallest whole number not below x"),
    _number("round", _whole(round), "round", summary="the nearest whole number; halves go to the even one"),
)

STATISTICAL = (
    _number("logistic", _increasing(_logistic, 0.0, 1.0), _SPECIAL + "expit", "scipy.special.expit", safe=0.0, summary="1 / (1 + exp(-x))"),
    _number(
        "logit",
        _increasing(lambda p: math.log(p / (1 - p)) if p < 1 else inf),
        _SPECIAL + "logit",
        "scipy.special.logit",
        domain=_OPEN_UNIT,
        safe=0.5,
        summary="log(p / (1 - p)), the inverse of logistic",
    ),
    _number(
        "log_logistic",
        _increasing(lambda x: -_softplus(-x), -inf, 0.0),
        "jax.nn.log_sigmoid",
        "scipy.special.log_expit",
        summary="log(logistic(x)), exact in the tails",
    ),
    _number("softplus", _increasing(_softplus, 0.0), "jax.nn.softplus", _NUMERIC + "softplus", summary="log(1 + exp(x))"),
    _number(
        "lgamma",
        _always(REAL),
        _SPECIAL + "gammaln",
        "scipy.special.gammaln",
        domain=POSITIVE,
        summary="the logarithm of the gamma function",
    ),
    _number("digamma", _always(REAL), _SPECIAL + "digamma", "scipy.special.digamma", domain=POSITIVE, summary="the derivative of lgamma"),
    _number(
        "log_beta",
        _always(REAL),
        _OWN + "log_beta",
        "scipy.special.betaln",
        takes=("a", "b"),
        domain=POSITIVE,
        summary="the logarithm of the beta function",
    ),
    _number(
        "log_choose",
        _always(REAL),
        _OWN + "log_choose",
        _NUMERIC + "log_choose",
        takes=("n", "k"),
        summary="the logarithm of the number of ways to take k of n",
    ),
    _number("erf", _increasing(math.erf, -1.0, 1.0), _SPECIAL + "erf", "scipy.special.erf", summary="the error function"),
    _number("erfc", _always(Interval(0, 2)), _SPECIAL + "erfc", "scipy.special.erfc", summary="1 - erf(x), exact for large x"),
    _number(
        "normal_cdf",
        _increasing(lambda x: math.erfc(-x / math.sqrt(2)) / 2, 0.0, 1.0),
        _SPECIAL + "ndtr",
        "scipy.special.ndtr",
        summary="the probability that a standard normal is below x (Phi)",
    ),
    _number(
        "normal_log_cdf",
        _always(Interval(-inf, 0)),
        _SPECIAL + "log_ndtr",
        "scipy.special.log_ndtr",
        summary="log(normal_cdf(x)), exact in the tails",
    ),
    _number(
        "probit",
        _always(REAL),
        _SPECIAL + "ndtri",
        "scipy.special.ndtri",
        domain=_OPEN_UNIT,
        safe=0.5,
        summary="the inverse of normal_cdf",
    ),
)


def _vector(name: str = "x") -> Argument:
    return Argument(name, sets=("K",))


def _matrix(structure: str | None = None) -> Argument:
    return Argument("x", sets=("K", "K"), structure=structure)


_K, _KK = ("K",), ("K", "K")

TABLES = (
    FunctionEntry(
        "softmax",
        (_vector(),),
        _always(_OPEN_UNIT),
        "jax.nn.softmax",
        _NUMERIC + "softmax",
        _K,
        "simplex",
        summary="exp(x), divided by its sum",
    ),
    FunctionEntry(
        "log_softmax",
        (_vector(),),
        _always(Interval(-inf, 0)),
        "jax.nn.log_softmax",
        _NUMERIC + "log_softmax",
        _K,
        summary="log(softmax(x)), exact in the tails",
    ),
    FunctionEntry(
        "cumulative_sum",
        (_vector(),),
        _cumulated,
        _OWN + "cumulative_sum",
        _NUMERIC + "cumulative_sum",
        _K,
        summary="the sums of the first, the first two, ... in label order",
    ),
    FunctionEntry(
        "cholesky",
        (_matrix("covariance"),),
        _always(REAL),
        "jax.numpy.linalg.cholesky",
        "numpy.linalg.cholesky",
        _KK,
        summary="the lower triangular L with L L' = x",
    ),
    FunctionEntry("inverse", (_matrix(),), _always(REAL), "jax.numpy.linalg.inv", "numpy.linalg.inv", _KK, summary="the inverse matrix"),
    FunctionEntry("determinant", (_matrix(),), _always(REAL), "jax.numpy.linalg.det", "numpy.linalg.det", summary="the determinant"),
    FunctionEntry(
        "log_determinant",
        (_matrix(),),
        _always(REAL),
        _OWN + "log_determinant",
        _NUMERIC + "log_determinant",
        summary="the logarithm of the absolute value of the determinant",
    ),
)


def _constraining(
    name: str, kind: _Kind, summary: str, *bounds: str, free: str = "", event: tuple[str, ...] = (), structure: str | None = None
) -> FunctionEntry:
    """Free → constrained, the inverse of a bijection."""
    sets = (free,) if free else ()
    arguments = (Argument("x", sets=sets), *(Argument(one) for one in bounds))
    return FunctionEntry(name, arguments, kind, f"{RUNTIME}bijections.{name}", _NUMERIC + name, event, structure, safe=0.0, summary=summary)


BLOCKS = (
    FunctionEntry(
        "diagonal", (_vector(),), _always(REAL), _OWN + "diagonal", _NUMERIC + "diagonal", _KK, summary="the matrix with x on its diagonal"
    ),
    FunctionEntry(
        "solve_lower",
        (Argument("factor", sets=_KK), _vector()),
        _always(REAL),
        _OWN + "solve_lower",
        _NUMERIC + "solve_lower",
        _K,
        summary="the y with factor y = x, for a lower triangular factor",
    ),
    FunctionEntry(
        "evidence_factor",
        (Argument("root", sets=_KK), Argument("precision", sets=_KK)),
        _always(REAL),
        _OWN + "evidence_factor",
        _NUMERIC + "evidence_factor",
        _KK,
        summary="the lower triangular C with C C' = I + root' precision root",
    ),
    FunctionEntry(
        "evidence_shift",
        (Argument("factor", sets=_KK), Argument("root", sets=_KK), Argument("pull", sets=_K)),
        _always(REAL),
        _OWN + "evidence_shift",
        _NUMERIC + "evidence_shift",
        _K,
        summary="the y with factor factor' y = root' pull",
    ),
    FunctionEntry(
        "whitening_of",
        (_vector(), Argument("shift", sets=_K), Argument("factor", sets=_KK)),
        _always(REAL),
        _OWN + "whitening_of",
        _NUMERIC + "whitening_of",
        _K,
        summary="the y with factor' (y - shift) = x",
    ),
    FunctionEntry(
        "whitening_free",
        (_vector(), Argument("shift", sets=_K), Argument("factor", sets=_KK)),
        _always(REAL),
        _OWN + "whitening_free",
        _NUMERIC + "whitening_free",
        _K,
        summary="factor' (x - shift), the inverse of whitening_of",
    ),
)


CONSTRAINING = (
    _constraining("lower_of", _above, "lower + exp(x)", "lower"),
    _constraining("upper_of", _below, "upper - exp(x)", "upper"),
    _constraining("interval_of", _between, "lower + (upper - lower) * logistic(x)", "lower", "upper"),
    _constraining("affine_of", _always(REAL), "shift + scale * x", "shift", "scale"),
    _constraining("simplex_of", _always(_OPEN_UNIT), "proportions, by stick-breaking", free="free(K)", event=_K, structure="simplex"),
    _constraining("ordered_of", _always(REAL), "x[1], then steps of exp(x)", free="K", event=_K, structure="ordered"),
    _constraining("positive_ordered_of", _always(POSITIVE), "steps of exp(x) from zero", free="K", event=_K, structure="positive_ordered"),
    _constraining("ordered_lower_of", _above, "steps of exp(x) up from `lower`", "lower", free="K", event=_K, structure="ordered"),
    _constraining("ordered_upper_of", _below, "steps of exp(x) up to `upper`", "upper", free="K", event=_K, structure="ordered"),
    _constraining(
        "ordered_interval_of",
        _between,
        "stick-breaking steps from `lower` to `upper`",
        "lower",
        "upper",
        free="K",
        event=_K,
        structure="ordered",
    ),
    _constraining(
        "corr_cholesky_of",
        _always(_SYMMETRIC_UNIT),
        "the Cholesky factor of a correlation matrix, from partial correlations tanh(x)",
        free="pairs(K)",
        event=_KK,
        structure="correlation_cholesky",
    ),
    _constraining(
        "correlation_of",
        _always(_SYMMETRIC_UNIT),
        "a correlation matrix, from partial correlations tanh(x)",
        free="pairs(K)",
        event=_KK,
        structure="correlation",
    ),
    _constraining("sum_to_zero_of", _always(REAL), "numbers that sum to zero", free="free(K)", event=_K, structure="sum_to_zero"),
)


def _freeing(name: str, *bounds: str, constrained: tuple[str, ...] = (), free: tuple[str, ...] = ()) -> FunctionEntry:
    """Constrained → free, a bijection as a function."""
    arguments = (Argument("x", sets=constrained), *(Argument(one) for one in bounds))
    paths = f"{RUNTIME}freeing.{name}", f"{RUNTIME}numeric_freeing.{name}"
    return FunctionEntry(name, arguments, _always(REAL), *paths, free, summary=f"the inverse of {name.removesuffix('_free')}_of")


FREEING = (
    _freeing("lower_free", "lower"),
    _freeing("upper_free", "upper"),
    _freeing("interval_free", "lower", "upper"),
    _freeing("affine_free", "shift", "scale"),
    _freeing("simplex_free", constrained=_K, free=("free(K)",)),
    _freeing("ordered_free", constrained=_K, free=_K),
    _freeing("positive_ordered_free", constrained=_K, free=_K),
    _freeing("ordered_lower_free", "lower", constrained=_K, free=_K),
    _freeing("ordered_upper_free", "upper", constrained=_K, free=_K),
    _freeing("ordered_interval_free", "lower", "upper", constrained=_K, free=_K),
    _freeing("corr_cholesky_free", constrained=_KK, free=("pairs(K)",)),
    _freeing("correlation_free", constrained=_KK, free=("pairs(K)",)),
    _freeing("sum_to_zero_free", constrained=_K, free=("free(K)",)),
)

FUNCTIONS: dict[str, FunctionEntry] = {one.name: one for one in (*ELEMENTARY, *STATISTICAL, *TABLES, *BLOCKS, *CONSTRAINING, *FREEING)}
