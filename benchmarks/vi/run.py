"""`fit(method="vi")` on the models of the table, three seeds, the worst of each.

    python benchmarks/vi/run.py [NAME...]            # no NAME: all but the large ones
    python benchmarks/vi/run.py --kit               # every posterior of the kit, and how often the verdict is wrong
    python benchmarks/vi/run.py --truth NAME...      # NUTS in transported coordinates, long, for models without a reference

err: the largest |mean error| / sd over all numbers; sd: the ratio of sds that is farthest from 1. Both of the draws that the fit returns.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pplang import Bound, Fit
from pplang._infer.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
from models import CASES, DATABASE, KIT, LARGE, OPEN, Case

TRUTH = Path(__file__).parent / "truth.json"
Moments = dict[str, tuple[float, float]]


def truth_of(name: str, case: Case) -> Moments:
    """Mean and sd of every number, `theta[1]`, counted from 1; empty where nobody knows."""
    if case.reference is not None:
        found = json.loads((DATABASE / case.reference / "reference.json").read_text(encoding="utf-8"))
        return {key: (value["mean"], value["sd"]) for key, value in found.items() if not key.startswith("_")}
    known = json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {}
    return {key: tuple(value) for key, value in known.get(name, {}).items()}


def moments(draws: dict[str, np.ndarray]) -> Moments:
    """Of draws by name, (chains, draws, ...)."""
    found = {}
    for name, values in draws.items():
        flat = values.reshape(-1, *values.shape[2:])
        for where in np.ndindex(*flat.shape[1:]):
            label = f"{name}[{','.join(str(i + 1) for i in where)}]" if where else name
            column = flat[(slice(None), *where)]
            found[label] = (float(column.mean()), float(column.std()))
    return found


def compared(fit: Fit, truth: Moments) -> tuple[float, float]:
    """The largest error of a mean in sds, and the sd ratio that is farthest from 1."""
    names = {re.match(r"\w+", label)[0] for label in truth}  # type: ignore[index]
    found = moments({name: fit.draws(name) for name in names if name in fit})
    pairs = [(found[label], truth[label]) for label in truth if label in found and truth[label][1] > 0]
    if not pairs:
        return float("nan"), float("nan")
    errors = [abs(mean - true_mean) / true_sd for (mean, _), (true_mean, true_sd) in pairs]
    ratios = [sd / true_sd for (_, sd), (_, true_sd) in pairs]
    return max(errors), max(ratios, key=lambda ratio: abs(np.log(max(ratio, 1e-12))))


def nuts_from_a_fit(bound: Bound, draws: int) -> Moments:
    """The coordinates are those of a fit, exact for any constants."""
    fit = bound.fit(Settings(method="nuts", draws=draws, chains=2, target_accept=0.9, seed=7))
    return moments({name: fit.draws(name) for name in fit.names})


def make_truth(names: list[str], draws: int) -> None:
    known = json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {}
    for name in names:
        known[name] = nuts_from_a_fit({**CASES, **LARGE, **OPEN}[name].bind(), draws)
        TRUTH.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")
        print(name, {label: value for label, value in known[name].items() if "[" not in label}, flush=True)


@dataclass(frozen=True)
class Outcome:
    """One fit. bad: it is not what the reference says, by more than 0.2 sd of a mean or a quarter of an sd; None where nobody knows."""

    verdict: Mapping[str, Any]
    error: float
    ratio: float
    seconds: float

    @property
    def bad(self) -> bool | None:
        return None if np.isnan(self.error) else self.error > 0.2 or not 0.75 < self.ratio < 1.25


def outcomes(name: str, case: Case, seeds: int) -> list[Outcome]:
    bound, truth = case.bind(), truth_of(name, case)
    found = []
    for seed in range(seeds):
        started = time.monotonic()
        fit = bound.fit(Settings(method="vi", seed=seed, draws=8_000 if bound.size < 1_000 else 500))
        seconds = time.monotonic() - started
        assert fit.verdict is not None
        found.append(Outcome(fit.verdict, *compared(fit, truth), seconds))
    return found


def row(name: str, found: list[Outcome]) -> str:
    """The worst of the seeds."""
    gradients = max(one.verdict["gradients"] for one in found)
    shares = " ".join(f"{one.verdict['share']:.2f}" for one in found)
    words = ", ".join(sorted({one.verdict["word"] for one in found}))
    starts = ", ".join(one.verdict["start"] for one in found)
    ratio = max((one.ratio for one in found), key=lambda ratio: abs(np.log(max(ratio, 1e-12))))
    elbo = np.median([one.verdict["elbo"] for one in found])
    error, warm = max(one.error for one in found), min(one.seconds for one in found)
    return f"| {name} | {gradients:,} | {elbo:.2f} | {shares} | {error:.2f} | {ratio:.2f} | {words} | {starts} | {warm:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kit", action="store_true")
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--draws", type=int, default=10_000, help="of each of two chains, for --truth")
    options = parser.parse_args()
    if options.truth:
        make_truth(options.names, options.draws)
        return
    print(
        "| model | gradients, most | ELBO | importance ESS | err | sd | verdict | start | s, warm |\n|---|---|---|---|---|---|---|---|---|"
    )
    every = []
    for name in options.names or (KIT if options.kit else CASES):
        found = outcomes(name, {**KIT, **CASES, **LARGE, **OPEN}[name], options.seeds)
        every += [one for one in found if one.bad is not None]
        print(row(name, found), flush=True)
    good = [one for one in every if one.verdict["word"] == "good"]
    poor = [one for one in every if one.verdict["word"] == "poor"]
    print(f"\n{len(every)} fits with a reference, {sum(bool(one.bad) for one in every)} of them bad: ", end="")
    print(f"good {len(good)} (false {sum(bool(one.bad) for one in good)}), poor {len(poor)} (false {sum(not one.bad for one in poor)})")


if __name__ == "__main__":
    main()
