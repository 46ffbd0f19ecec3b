"""Every function of the language, by name: what it takes, what is known of its result, and what computes it."""

from __future__ import annotations

import math
from math import inf, pi

from pplang._catalogue.build import RUNTIME
from pplang._catalogue.entry import Argument, FunctionEntry
from pplang._catalogue.kind_rules import (
    KindRule,
    above,
    absolute,
    always,
    below,
    between,
    cosh,
    cumulated,
    increasing,
    larger,
    logistic,
    remainder,
    smaller,
    softplus,
    whole,
)
from pplang._ir.kinds import NONNEGATIVE, POSITIVE, REAL, Interval

_OPEN_UNIT = Interval(0, 1, lower_open=True, upper_open=True)
_SYMMETRIC_UNIT = Interval(-1, 1)


# Short forms of entries


def _number(
    name: str,
    kind: KindRule,
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
_OWN_CHAINS, _NUMERIC_CHAINS = RUNTIME + "backward.", RUNTIME + "numeric_backward."

ELEMENTARY = (
    _number("exp", increasing(math.exp, 0.0), "exp", safe=0.0, summary="e to the power x"),
    _number("expm1", increasing(math.expm1, -1.0), "expm1", safe=0.0, summary="exp(x) - 1, exact near zero"),
    _number("log", increasing(math.log), "log", domain=POSITIVE, summary="the natural logarithm"),
    _number(
        "safe_log",
        increasing(lambda x: math.log(x) if x > 0 else -inf),
        RUNTIME + "special.safe_log",
        RUNTIME + "numeric.safe_log",
        domain=NONNEGATIVE,
        summary="log(x), and minus infinity with a gradient of zero at x = 0: the log of a probability that may be zero",
    ),
    _number("log1p", increasing(math.log1p), "log1p", domain=Interval(-1, inf, lower_open=True), summary="log(1 + x), exact near zero"),
    _number("log2", increasing(math.log2), "log2", domain=POSITIVE, summary="the logarithm to base 2"),
    _number("log10", increasing(math.log10), "log10", domain=POSITIVE, summary="the logarithm to base 10"),
    _number("sqrt", increasing(math.sqrt, 0.0), "sqrt", domain=Interval(0, inf), summary="the square root"),
    _number("abs", absolute, "abs", summary="the absolute value"),
    _number("sin", always(_SYMMETRIC_UNIT), "sin", summary="the sine of an angle in radians"),
    _number("cos", always(_SYMMETRIC_UNIT), "cos", summary="the cosine of an angle in radians"),
    _number("tan", always(REAL), "tan", summary="the tangent of an angle in radians"),
    _number("asin", increasing(math.asin), "arcsin", domain=_SYMMETRIC_UNIT, safe=0.0, summary="the angle with this sine"),
    _number("acos", always(Interval(0, pi)), "arccos", domain=_SYMMETRIC_UNIT, safe=0.0, summary="the angle with this cosine"),
    _number("atan", increasing(math.atan, -pi / 2, pi / 2), "arctan", summary="the angle with this tangent"),
    _number("atan2", always(Interval(-pi, pi)), "arctan2", takes=("y", "x"), summary="the angle of the point (x, y)"),
    _number("sinh", increasing(math.sinh), "sinh", summary="the hyperbolic sine"),
    _number("cosh", cosh, "cosh", summary="the hyperbolic cosine"),
    _number("tanh", increasing(math.tanh, -1.0, 1.0), "tanh", summary="the hyperbolic tangent"),
    _number("min", smaller, RUNTIME + "extremes.smaller", "numpy.minimum", takes=("x", "y"), summary="the smaller of two numbers"),
    _number("max", larger, RUNTIME + "extremes.larger", "numpy.maximum", takes=("x", "y"), summary="the larger of two numbers"),
    _number("mod", remainder, "mod", takes=("x", "y"), summary="what is left of x after taking away whole multiples of y"),
    _number("floor", whole(math.floor), "floor", summary="the largest whole number not above x"),
    _number("ceil", whole(math.ceil), "ceil", summary="the smallest whole number not below x"),
    _number("round", whole(round), "round", summary="the nearest whole number; halves go to the even one"),
)

STATISTICAL = (
    _number("logistic", increasing(logistic, 0.0, 1.0), _SPECIAL + "expit", "scipy.special.expit", safe=0.0, summary="1 / (1 + exp(-x))"),
    _number(
        "logit",
        increasing(lambda p: math.log(p / (1 - p)) if p < 1 else inf),
        _SPECIAL + "logit",
        "scipy.special.logit",
        domain=_OPEN_UNIT,
        safe=0.5,
        summary="log(p / (1 - p)), the inverse of logistic",
    ),
    _number(
        "log_logistic",
        increasing(lambda x: -softplus(-x), -inf, 0.0),
        "jax.nn.log_sigmoid",
        "scipy.special.log_expit",
        summary="log(logistic(x)), exact in the tails",
    ),
    _number("softplus", increasing(softplus, 0.0), "jax.nn.softplus", _NUMERIC + "softplus", summary="log(1 + exp(x))"),
    _number(
        "lgamma",
        always(REAL),
        _SPECIAL + "gammaln",
        "scipy.special.gammaln",
        domain=POSITIVE,
        summary="the logarithm of the gamma function",
    ),
    _number("digamma", always(REAL), _SPECIAL + "digamma", "scipy.special.digamma", domain=POSITIVE, summary="the derivative of lgamma"),
    _number(
        "log_beta",
        always(REAL),
        _OWN + "log_beta",
        "scipy.special.betaln",
        takes=("a", "b"),
        domain=POSITIVE,
        summary="the logarithm of the beta function",
    ),
    _number(
        "log_choose",
        always(REAL),
        _OWN + "log_choose",
        _NUMERIC + "log_choose",
        takes=("n", "k"),
        summary="the logarithm of the number of ways to take k of n",
    ),
    _number("erf", increasing(math.erf, -1.0, 1.0), _SPECIAL + "erf", "scipy.special.erf", summary="the error function"),
    _number("erfc", always(Interval(0, 2)), _SPECIAL + "erfc", "scipy.special.erfc", summary="1 - erf(x), exact for large x"),
    _number(
        "normal_cdf",
        increasing(lambda x: math.erfc(-x / math.sqrt(2)) / 2, 0.0, 1.0),
        _SPECIAL + "ndtr",
        "scipy.special.ndtr",
        summary="the probability that a standard normal is below x (Phi)",
    ),
    _number(
        "normal_log_cdf",
        always(Interval(-inf, 0)),
        _SPECIAL + "log_ndtr",
        "scipy.special.log_ndtr",
        summary="log(normal_cdf(x)), exact in the tails",
    ),
    _number(
        "probit",
        always(REAL),
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
        always(_OPEN_UNIT),
        "jax.nn.softmax",
        _NUMERIC + "softmax",
        _K,
        "simplex",
        summary="exp(x), divided by its sum",
    ),
    FunctionEntry(
        "log_softmax",
        (_vector(),),
        always(Interval(-inf, 0)),
        "jax.nn.log_softmax",
        _NUMERIC + "log_softmax",
        _K,
        summary="log(softmax(x)), exact in the tails",
    ),
    FunctionEntry(
        "cumulative_sum",
        (_vector(),),
        cumulated,
        _OWN + "cumulative_sum",
        _NUMERIC + "cumulative_sum",
        _K,
        summary="the sums of the first, the first two, ... in label order",
    ),
    FunctionEntry(
        "cholesky",
        (_matrix("covariance"),),
        always(REAL),
        "jax.numpy.linalg.cholesky",
        _NUMERIC + "cholesky",
        _KK,
        summary="the lower triangular L with L L' = x",
    ),
    FunctionEntry("inverse", (_matrix(),), always(REAL), "jax.numpy.linalg.inv", "numpy.linalg.inv", _KK, summary="the inverse matrix"),
    FunctionEntry("determinant", (_matrix(),), always(REAL), "jax.numpy.linalg.det", "numpy.linalg.det", summary="the determinant"),
    FunctionEntry(
        "log_determinant",
        (_matrix(),),
        always(REAL),
        _OWN + "log_determinant",
        _NUMERIC + "log_determinant",
        summary="the logarithm of the absolute value of the determinant",
    ),
)


def _constraining(
    name: str, kind: KindRule, summary: str, *bounds: str, free: str = "", event: tuple[str, ...] = (), structure: str | None = None
) -> FunctionEntry:
    """Free → constrained, the inverse of a bijection."""
    sets = (free,) if free else ()
    arguments = (Argument("x", sets=sets), *(Argument(one) for one in bounds))
    return FunctionEntry(name, arguments, kind, f"{RUNTIME}bijections.{name}", _NUMERIC + name, event, structure, safe=0.0, summary=summary)


CHAINS = (
    FunctionEntry(
        "chain_log_sum",
        (Argument("first", sets=("T", "K")), Argument("step", sets=_KK), Argument("weight", sets=("T", "K"))),
        always(REAL),
        f"{RUNTIME}chains.chain_log_sum",
        _NUMERIC + "chain_log_sum",
        summary="the log of the sum over all paths z of exp(first[1, z[1]] + step[z[1], z[2]] + ... + weight[1, z[1]] + ...), along an ordered set T",
        along="T",
    ),
    FunctionEntry(
        "varying_chain_log_sum",
        (Argument("first", sets=("T", "K")), Argument("steps", sets=("T", "K", "K")), Argument("weight", sets=("T", "K"))),
        always(REAL),
        f"{RUNTIME}chains.varying_chain_log_sum",
        _NUMERIC + "varying_chain_log_sum",
        summary="the same, with the weights of a step to t in steps[t]",
        along="T",
    ),
)


BLOCKS = (
    FunctionEntry(
        "diagonal", (_vector(),), always(REAL), _OWN + "diagonal", _NUMERIC + "diagonal", _KK, summary="the matrix with x on its diagonal"
    ),
    FunctionEntry(
        "lower_triangle",
        (_matrix(),),
        always(REAL),
        _OWN + "lower_triangle",
        _NUMERIC + "lower_triangle",
        _KK,
        summary="x with zeros above its diagonal",
    ),
    FunctionEntry(
        "process_root",
        (Argument("cov", sets=_KK), Argument("jitter")),
        always(REAL),
        _OWN + "process_root",
        _NUMERIC + "process_root",
        _KK,
        summary="the lower triangular L with L L' = cov + jitter * mean of its diagonal, on the diagonal",
    ),
    FunctionEntry(
        "solve_lower",
        (Argument("factor", sets=_KK), _vector()),
        always(REAL),
        _OWN + "solve_lower",
        _NUMERIC + "solve_lower",
        _K,
        summary="the y with factor y = x, for a lower triangular factor",
    ),
    FunctionEntry(
        "evidence_factor",
        (Argument("root", sets=_KK), Argument("precision", sets=_KK)),
        always(REAL),
        _OWN + "evidence_factor",
        _NUMERIC + "evidence_factor",
        _KK,
        summary="the lower triangular C with C C' = I + root' precision root",
    ),
    FunctionEntry(
        "diagonal_evidence_factor",
        (Argument("root", sets=_KK), Argument("precision", sets=_K)),
        always(REAL),
        _OWN + "diagonal_evidence_factor",
        _NUMERIC + "diagonal_evidence_factor",
        _KK,
        summary="the same for a diagonal precision",
    ),
    FunctionEntry(
        "evidence_shift",
        (Argument("factor", sets=_KK), Argument("root", sets=_KK), Argument("pull", sets=_K)),
        always(REAL),
        _OWN + "evidence_shift",
        _NUMERIC + "evidence_shift",
        _K,
        summary="the y with factor factor' y = root' pull",
    ),
    FunctionEntry(
        "whitening_of",
        (_vector(), Argument("shift", sets=_K), Argument("factor", sets=_KK)),
        always(REAL),
        _OWN + "whitening_of",
        _NUMERIC + "whitening_of",
        _K,
        summary="the y with factor' (y - shift) = x",
    ),
    FunctionEntry(
        "whitening_free",
        (_vector(), Argument("shift", sets=_K), Argument("factor", sets=_KK)),
        always(REAL),
        _OWN + "whitening_free",
        _NUMERIC + "whitening_free",
        _K,
        summary="factor' (x - shift), the inverse of whitening_of",
    ),
)


EVIDENCE_AHEAD = (
    FunctionEntry(
        "precision_ahead",
        (Argument("precision", sets=_K), Argument("step", sets=_K), Argument("scale", sets=_K)),
        always(NONNEGATIVE),
        _OWN_CHAINS + "precision_ahead",
        _NUMERIC_CHAINS + "precision_ahead",
        _K,
        summary="the evidence for each member of a chain x[t] = step[t] x[t-1] + ... + scale[t] z[t], its own and that of all after it",
        sequence=True,
    ),
    FunctionEntry(
        "pull_ahead",
        tuple(Argument(one, sets=_K) for one in ("pull", "ahead", "step", "drift", "scale")),
        always(REAL),
        _OWN_CHAINS + "pull_ahead",
        _NUMERIC_CHAINS + "pull_ahead",
        _K,
        summary="where that evidence pulls each member of a chain with a drift; `ahead` is what precision_ahead gives",
        sequence=True,
    ),
)


CONSTRAINING = (
    _constraining("lower_of", above, "lower + exp(x)", "lower"),
    _constraining("upper_of", below, "upper - exp(x)", "upper"),
    _constraining("interval_of", between, "lower + (upper - lower) * logistic(x)", "lower", "upper"),
    _constraining("affine_of", always(REAL), "shift + scale * x", "shift", "scale"),
    _constraining("simplex_of", always(_OPEN_UNIT), "proportions, by stick-breaking", free="free(K)", event=_K, structure="simplex"),
    _constraining("ordered_of", always(REAL), "x[1], then steps of exp(x)", free="K", event=_K, structure="ordered"),
    _constraining("positive_ordered_of", always(POSITIVE), "steps of exp(x) from zero", free="K", event=_K, structure="positive_ordered"),
    _constraining("ordered_lower_of", above, "steps of exp(x) up from `lower`", "lower", free="K", event=_K, structure="ordered"),
    _constraining("ordered_upper_of", below, "steps of exp(x) up to `upper`", "upper", free="K", event=_K, structure="ordered"),
    _constraining(
        "ordered_interval_of",
        between,
        "stick-breaking steps from `lower` to `upper`",
        "lower",
        "upper",
        free="K",
        event=_K,
        structure="ordered",
    ),
    _constraining(
        "corr_cholesky_of",
        always(_SYMMETRIC_UNIT),
        "the Cholesky factor of a correlation matrix, from partial correlations tanh(x)",
        free="pairs(K)",
        event=_KK,
        structure="correlation_cholesky",
    ),
    _constraining(
        "correlation_of",
        always(_SYMMETRIC_UNIT),
        "a correlation matrix, from partial correlations tanh(x)",
        free="pairs(K)",
        event=_KK,
        structure="correlation",
    ),
    _constraining(
        "covariance_of",
        always(REAL),
        "a covariance matrix, from its Cholesky factor: below the diagonal row by row, then the logarithms of the diagonal",
        free="triangle(K)",
        event=_KK,
        structure="covariance",
    ),
    _constraining("sum_to_zero_of", always(REAL), "numbers that sum to zero", free="free(K)", event=_K, structure="sum_to_zero"),
)


def _freeing(name: str, *bounds: str, constrained: tuple[str, ...] = (), free: tuple[str, ...] = ()) -> FunctionEntry:
    """Constrained → free, a bijection as a function."""
    arguments = (Argument("x", sets=constrained), *(Argument(one) for one in bounds))
    paths = f"{RUNTIME}freeing.{name}", f"{RUNTIME}numeric_freeing.{name}"
    return FunctionEntry(name, arguments, always(REAL), *paths, free, summary=f"the inverse of {name.removesuffix('_free')}_of")


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
    _freeing("covariance_free", constrained=_KK, free=("triangle(K)",)),
    _freeing("sum_to_zero_free", constrained=_K, free=("free(K)",)),
)

FUNCTIONS: dict[str, FunctionEntry] = {
    one.name: one for one in (*ELEMENTARY, *STATISTICAL, *TABLES, *CHAINS, *BLOCKS, *EVIDENCE_AHEAD, *CONSTRAINING, *FREEING)
}
