"""The bijections between supports and R^n."""

from __future__ import annotations

from pplang._catalogue.build import RUNTIME
from pplang._catalogue.entry import BijectionEntry


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
        _entry("covariance", "covariance_of", "covariance matrices", constrained=("K", "K"), free=("triangle(K)",)),
        _entry("sum_to_zero", "sum_to_zero_of", "numbers that sum to zero", constrained=_K, free=("free(K)",)),
    )
}
