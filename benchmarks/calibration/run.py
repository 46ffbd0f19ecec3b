"""Simulation-based calibration of the default fit (Talts, Betancourt, Simpson, Vehtari and Gelman 2018, "Validating Bayesian inference algorithms with
simulation-based calibration"): parameters from the prior, data from the parameters, a fit, and the rank of each parameter among its draws.

    python benchmarks/calibration/run.py [PROGRAM...] [--fits 100]
    python benchmarks/calibration/run.py --table                    # only RESULTS.md, from ranks.json

If the draws are those of the posterior all ranks are equally likely. `ranks.json` is written after each fit and gone on with. The chi-square test has
ten bins; the p-value of a program is the smallest of its quantities, times their number.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpyro.infer import Predictive
from scipy import stats

import pplang

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / "tests" / "good"
RANKS, PAGE = HERE / "ranks.json", HERE / "RESULTS.md"
DRAWS, BINS, LEAST_P = 99, 10, 1e-3

Table = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """table: columns that are given, and any values for the observed one. seen: from the values drawn to the table of a fit. quantities: whose
    ranks are taken; of a table the first three elements."""

    program: str
    table: Table
    observed: str
    quantities: tuple[str, ...]
    seen: Callable[[np.ndarray, np.random.Generator], Table]


def plain(name: str) -> Callable[[np.ndarray, np.random.Generator], Table]:
    return lambda values, rng: {name: values}


def with_gaps(values: np.ndarray, rng: np.random.Generator) -> Table:
    return {"sales": np.where(np.isin(np.arange(len(values)), [7, 8, 15, 22, 23]), np.nan, values)}


def censored(days: np.ndarray, rng: np.random.Generator) -> Table:
    end = rng.exponential(3.0, len(days)) + 0.05
    return {"days": np.maximum(np.minimum(days, end), 1e-12), "died": days <= end}


CASES = {
    "eight_schools": Case(
        "01_eight_schools",
        {"effect": np.zeros(8), "se": np.array([15.0, 10, 16, 11, 9, 11, 10, 18])},
        "effect",
        ("mu", "tau", "theta"),
        plain("effect"),
    ),
    "hmm": Case(
        "05_hmm",
        {"time": np.arange(40.0), "length": np.ones(40)},
        "length",
        ("start", "move", "rate", "shape"),
        plain("length"),
    ),
    "local_trend": Case(
        "06_local_trend",
        {"date": [str(day) for day in np.datetime64("2024-01-01") + 7 * np.arange(24)], "sales": np.zeros(24)},
        "sales",
        ("s_obs", "s_level", "s_slope", "level", "slope"),
        with_gaps,
    ),
    "survival": Case(
        "09_survival",
        {
            "clinic": [f"c{n % 6}" for n in range(48)],
            "arm": [("drug", "placebo")[n // 6 % 2] for n in range(48)],
            "days": np.ones(48),
            "died": np.ones(48, bool),
        },
        "days",
        ("shape", "effect", "s_clinic", "frailty"),
        censored,
    ),
}


def simulated(case: Case, count: int) -> Mapping[str, np.ndarray]:
    """Parameters from the prior and data given them, (count, ...) by name."""
    bound = pplang.compile(PROGRAMS / f"{case.program}.ppl").bind(case.table)
    given = {name: value for name, value in bound.arguments.items() if name != case.observed}
    with jax.enable_x64(True):
        return {
            name: np.asarray(value)
            for name, value in Predictive(bound.numpyro_model, num_samples=count)(jax.random.PRNGKey(7), **given).items()
        }


def ranks(case: Case, values: Mapping[str, np.ndarray], number: int) -> dict[str, Any]:
    """Of one fit: how many of 99 draws lie below the value that the data were simulated with, by quantity; and its verdict."""
    rng = np.random.default_rng(number)
    table = case.table | case.seen(values[case.observed][number], rng)
    fit = pplang.compile(PROGRAMS / f"{case.program}.ppl").fit(table, seed=number, chains=2, draws=300)
    found: dict[str, Any] = {"method": fit.method, "verdict": (fit.verdict or {})["word"]}
    for name in case.quantities:
        draws = fit.draws(name)
        draws = draws.reshape(draws.shape[0] * draws.shape[1], -1)
        chosen = draws[np.linspace(0, len(draws) - 1, DRAWS).astype(int)]
        below = (chosen < values[name][number].ravel()).sum(axis=0)
        found |= {f"{name} {place}" if len(below) > 1 else name: int(rank) for place, rank in enumerate(below[:3], 1)}
    return found


def p_value(found: list[int]) -> float:
    """That ranks from 0 to 99 are uniform: chi-square."""
    counts = np.bincount(np.array(found) * BINS // (DRAWS + 1), minlength=BINS)
    return float(stats.chisquare(counts).pvalue)


def table(known: Mapping[str, list[dict[str, Any]]]) -> str:
    lines = [
        "| program | fits | good, fair, poor | by nuts | quantities | smallest p | whose | p of the program |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, fits in known.items():
        quantities = [one for one in fits[0] if one not in ("method", "verdict")]
        values = {one: p_value([fit[one] for fit in fits]) for one in quantities}
        worst = min(values, key=lambda one: values[one])
        words = ", ".join(str(sum(fit["verdict"] == word for fit in fits)) for word in ("good", "fair", "poor"))
        chains = sum(fit["method"] == "nuts" for fit in fits)
        together = min(1.0, values[worst] * len(values))
        passed = "" if together > LEAST_P else " NOT CALIBRATED"
        lines.append(
            f"| {name} | {len(fits)} | {words} | {chains} | {len(values)} | {values[worst]:.3f} | {worst} | {together:.2g}{passed} |"
        )
    return "\n".join(lines)


def write(known: Mapping[str, list[dict[str, Any]]]) -> None:
    RANKS.write_text(json.dumps(known) + "\n", encoding="utf-8")
    head = (
        "# Calibration of the default fit\n\nRanks of parameters from the prior among the draws of `fit` with no method given, whatever its verdict "
        "(two chains of 300 draws\nwhere it came to NUTS). Made by `python benchmarks/calibration/run.py`.\n"
    )
    PAGE.write_text(f"{head}\n{table(known)}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="PROGRAM")
    parser.add_argument("--fits", type=int, default=100)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    known = json.loads(RANKS.read_text(encoding="utf-8")) if RANKS.exists() else {}
    for name in [] if options.table else options.names or CASES:
        values = simulated(CASES[name], options.fits)
        for number in range(len(known.get(name, [])), options.fits):
            known[name] = [*known.get(name, []), ranks(CASES[name], values, number)]
            write(known)
    write(known)
    print(table(known))


if __name__ == "__main__":
    main()
