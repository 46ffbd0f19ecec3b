"""The bijections between supports and R^n, and which one a support has."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from pplang._catalogue.build import RUNTIME
from pplang._catalogue.entry import BijectionEntry, Support


def _entry(
    name: str,
    inverse: str,
    summary: str,
    *arguments: str,
    constrained: tuple[str, ...] = (),
    free: tuple[str, ...] = (),
    tables: bool = False,
) -> BijectionEntry:
    return BijectionEntry(name, inverse, f"{RUNTIME}bijections.{name}", arguments, constrained, free, summary, tables)


_K = ("K",)

BIJECTIONS: dict[str, BijectionEntry] = {
    one.name: one
    for one in (
        _entry("log", "exp", "numbers above zero"),
        _entry("logit", "logistic", "numbers between zero and one"),
        _entry("lower", "lower_of", "numbers above `lower`", "lower"),
        _entry("upper", "upper_of", "numbers below `upper`", "upper"),
        _entry("interval", "interval_of", "numbers between `lower` and `upper`", "lower", "upper"),
        _entry("affine", "affine_of", "numbers in units of `scale` from `shift`", "shift", "scale"),
        _entry(
            "whitening",
            "whitening_of",
            "numbers about `shift`, of precision factor factor'",
            "shift",
            "factor",
            constrained=_K,
            free=_K,
            tables=True,
        ),
        _entry("simplex", "simplex_of", "proportions that sum to one", constrained=_K, free=("free(K)",)),
        _entry("ordered", "ordered_of", "increasing numbers", constrained=_K, free=_K),
        _entry("positive_ordered", "positive_ordered_of", "increasing numbers above zero", constrained=_K, free=_K),
        _entry("ordered_lower", "ordered_lower_of", "increasing numbers above `lower`", "lower", constrained=_K, free=_K),
        _entry("ordered_upper", "ordered_upper_of", "increasing numbers below `upper`", "upper", constrained=_K, free=_K),
        _entry(
            "ordered_interval",
            "ordered_interval_of",
            "increasing numbers between `lower` and `upper`",
            "lower",
            "upper",
            constrained=_K,
            free=_K,
        ),
        _entry("corr_cholesky", "corr_cholesky_of", "Cholesky factors of correlation matrices", constrained=("K", "K"), free=("pairs(K)",)),
        _entry("correlation", "correlation_of", "correlation matrices", constrained=("K", "K"), free=("pairs(K)",)),
        _entry("sum_to_zero", "sum_to_zero_of", "numbers that sum to zero", constrained=_K, free=("free(K)",)),
    )
}


@dataclass(frozen=True)
class Choice:
    """A bijection with its arguments: numbers, or names of the distribution's arguments that are the bounds."""

    name: str
    arguments: tuple[float | str, ...] = ()


_STRUCTURES = {
    "simplex": "simplex",
    "correlation": "correlation",
    "correlation_cholesky": "corr_cholesky",
    "sum_to_zero": "sum_to_zero",
}
"""Structures that have one bijection; "ordered" has one for each choice of bounds, "covariance" and "unit_vector" have none."""


def bijection_for(support: Support) -> Choice | None:
    """The bijection that makes a draw free; None where it is free already.

    Raises KeyError for a support without one (covariance matrices, unit vectors) and ValueError for a discrete support.
    """
    if support.integer or support.boolean or support.member_of is not None:
        raise ValueError("a discrete draw has no bijection to the real line")
    if support.structure not in (None, "ordered", "positive_ordered"):
        return Choice(_STRUCTURES[support.structure])
    lower = 0.0 if support.structure == "positive_ordered" else support.lower
    bounds = tuple(bound for bound in (lower, support.upper) if bound not in (-inf, inf))
    if support.structure is None:
        return _for_number(bounds, has_lower=lower != -inf)
    if bounds == (0.0,) and lower == 0:
        return Choice("positive_ordered")
    names = {0: "ordered", 1: "ordered_lower" if lower != -inf else "ordered_upper", 2: "ordered_interval"}
    return Choice(names[len(bounds)], bounds)


def _for_number(bounds: tuple[float | str, ...], *, has_lower: bool) -> Choice | None:
    if not bounds:
        return None
    if len(bounds) == 2:
        return Choice("logit") if bounds == (0, 1) else Choice("interval", bounds)
    if not has_lower:
        return Choice("upper", bounds)
    return Choice("log") if bounds == (0,) else Choice("lower", bounds)
