"""Do intervals from incomplete data cover what the complete data say? `python benchmarks/missing/run.py [--repetitions 50]`

Radon in Minnesota: 30% of the counties' uranium and 30% of the homes' radon are deleted at random, the model is fitted to what is left, and its
intervals are held against the posterior means of the fit to all data, and against the deleted values themselves.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import pplang

HERE = Path(__file__).parent
RADON = HERE.parents[1] / "examples" / "radon" / "radon.csv"
NAMES = ("level", "change", "gamma", "s_level", "s_change", "sigma", "m_soil", "s_soil")
LEVELS = (0.5, 0.8, 0.9)
SHARE = 0.3


@dataclass(frozen=True)
class Coverage:
    """For each of `LEVELS`: how often intervals covered the complete-data means of the parameters, the deleted uranium, the deleted radon."""

    parameters: np.ndarray
    predictors: np.ndarray
    outcomes: np.ndarray
    words: tuple[str, ...]


def radon(homes: int | None = None) -> dict[str, Any]:
    """The table, or its first homes."""
    with RADON.open() as file:
        rows = list(csv.DictReader(file))[:homes]
    return {
        "county": [row["county"] for row in rows],
        **{n: np.array([float(row[n]) for row in rows]) for n in ("floor", "log_radon", "uranium")},
    }


def deleted(data: dict[str, Any], rng: np.random.Generator) -> tuple[dict[str, Any], list[str], np.ndarray]:
    """The data with gaps, the counties whose uranium is gone, and the rows whose radon is."""
    counties = sorted(set(data["county"]))
    gone = sorted(rng.choice(counties, round(SHARE * len(counties)), replace=False))
    rows = np.sort(rng.choice(len(data["county"]), round(SHARE * len(data["county"])), replace=False))
    uranium = np.where(np.isin(data["county"], gone), np.nan, data["uranium"])
    outcome = data["log_radon"].copy()
    outcome[rows] = np.nan
    return {**data, "uranium": uranium, "log_radon": outcome}, gone, rows


def covered(draws: np.ndarray, truth: np.ndarray | float) -> np.ndarray:
    """(levels,): the share of the truths within the central intervals of draws (draws, ...)."""
    ends = [np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0) for level in LEVELS]
    return np.array([np.mean((low <= truth) & (truth <= high)) for low, high in ends])


def study(repetitions: int, homes: int | None = None, seed: int = 0) -> Coverage:
    """Fit the complete data once, and incomplete ones many times."""
    data, model = radon(homes), pplang.compile(HERE / "radon.ppl")
    complete = model.fit(data, method="vi", draws=4000)
    means = np.array([complete.draws(name).mean() for name in NAMES])
    of_county = dict(zip(data["county"], data["uranium"], strict=True))
    found: list[list[np.ndarray]] = []
    words = []
    for repetition in range(repetitions):
        gaps, counties, rows = deleted(data, np.random.default_rng([seed, repetition]))
        fit = model.fit(gaps, method="vi", draws=1000, seed=repetition)
        parameters = np.stack([fit.draws(name)[0] for name in NAMES], -1)
        found.append(
            [
                covered(parameters, means),
                covered(fit.draws("uranium")[0], np.array([of_county[one] for one in counties])),
                covered(fit.draws("log_radon")[0], data["log_radon"][rows]),
            ]
        )
        assert fit.verdict is not None
        words.append(fit.verdict["word"])
    parameters, predictors, outcomes = np.mean(np.array(found), axis=0)
    return Coverage(parameters, predictors, outcomes, tuple(words))


def table(found: Coverage) -> str:
    """In Markdown."""
    lines = ["| intervals | complete-data means of 8 parameters | deleted uranium | deleted radon |", "|---|---|---|---|"]
    rows = zip(LEVELS, found.parameters, found.predictors, found.outcomes, strict=True)
    lines += [f"| {level:.0%} | {a:.1%} | {b:.1%} | {c:.1%} |" for level, a, b, c in rows]
    counts = ", ".join(f"{found.words.count(word)} {word}" for word in dict.fromkeys(found.words))
    return "\n".join([*lines, "", f"{len(found.words)} repetitions; verdicts: {counts}."])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--homes", type=int, default=None)
    chosen = parser.parse_args()
    print(table(study(chosen.repetitions, chosen.homes)))
