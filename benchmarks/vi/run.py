"""`fit(method="vi")` on the models of the table, three seeds, the worst of each.

    python benchmarks/vi/run.py [NAME...]            # no NAME: all but the large ones
    python benchmarks/vi/run.py --truth NAME...      # NUTS in transported coordinates, long, for models without a reference

err: the largest |mean error| / sd over all numbers; sd: the ratio of sds that is farthest from 1. Both of the draws that the fit returns.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from pplang import Bound, Fit
from pplang._infer.draws import Constrainer
from pplang._infer.engine import fitted
from pplang._infer.nuts import nuts
from pplang._infer.settings import Settings, silent

sys.path.insert(0, str(Path(__file__).parent))
from cases import CASES, DATABASE, LARGE, Case

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


def nuts_in_transported_coordinates(bound: Bound, draws: int) -> Moments:
    """The coordinates are those of a fit, exact for any constants; the sampler is NumPyro's."""
    moved = bound.transported
    with jax.enable_x64(True):
        constants = fitted(moved, Settings(method="vi"), silent).fitted.constants
        target = replace(moved.target, arguments={**moved.target.arguments, **constants})
        sampled = nuts(target, Settings(method="nuts", draws=draws, warmup=1_000, chains=2, target_accept=0.9, seed=7), silent)
        return moments(Constrainer(target, 2 * draws)(7, sampled.z, {}))


def make_truth(names: list[str], draws: int) -> None:
    known = json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {}
    for name in names:
        known[name] = nuts_in_transported_coordinates({**CASES, **LARGE}[name].bind(), draws)
        TRUTH.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")
        print(name, {label: value for label, value in known[name].items() if "[" not in label}, flush=True)


def row(name: str, case: Case, seeds: int) -> str:
    bound, truth = case.bind(), truth_of(name, case)
    results = []
    for seed in range(seeds):
        started = time.monotonic()
        fit = bound.fit(Settings(method="vi", seed=seed, draws=8_000 if bound.size < 1_000 else 500))
        seconds = time.monotonic() - started
        verdict = fit.verdict
        assert verdict is not None
        results.append((verdict, compared(fit, truth), seconds))
    gradients = [verdict["gradients"] for verdict, _, _ in results]
    shares = [verdict["share"] for verdict, _, _ in results]
    words = ", ".join(sorted({verdict["word"] for verdict, _, _ in results}))
    starts = ", ".join(verdict["start"] for verdict, _, _ in results)
    error = max(error for _, (error, _), _ in results)
    ratio = max((ratio for _, (_, ratio), _ in results), key=lambda ratio: abs(np.log(max(ratio, 1e-12))))
    elbo = np.median([verdict["elbo"] for verdict, _, _ in results])
    shown = " ".join(f"{share:.2f}" for share in shares)
    warm = min(seconds for _, _, seconds in results)
    return f"| {name} | {bound.size} | {max(gradients):,} | {elbo:.2f} | {shown} | {error:.2f} | {ratio:.2f} | {words} | {starts} | {warm:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--draws", type=int, default=10_000, help="of each of two chains, for --truth")
    options = parser.parse_args()
    if options.truth:
        make_truth(options.names, options.draws)
        return
    print(
        "| model | n | gradients, most | ELBO | importance ESS | err | sd | verdict | start | s, warm |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.names or CASES:
        print(row(name, {**CASES, **LARGE}[name], options.seeds), flush=True)


if __name__ == "__main__":
    main()
