"""What `collapse` saves: a gradient, and a whole fit, with the likelihood as statistics and row by row.

    python benchmarks/collapse/run.py                 # gradients of the radon posteriors, and of a million simulated rows
    python benchmarks/collapse/run.py --fits          # also `nuts` on 919 and on a million rows

Each gradient is timed inside one compiled loop, 64-bit, on one core; the variants take turns, and the best of sixty short turns counts. The posteriors of
posteriordb are read from ../shared/posteriordb, and left out where that is absent.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pplang
from pplang import Bound

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "posteriordb"))
from cases import CASES, DATABASE, PROGRAMS  # noqa: E402

POSTERIORS = tuple(name for name in CASES if name.startswith("radon_") and not name.endswith("noncentered"))
RADON = ROOT / "examples" / "radon"
STEPS, TURNS = 400, 60
ROWS = 1_000_000


def gradient_loop(bound: Bound) -> Callable[[], float]:
    """A function that runs a compiled loop of gradients and gives the microseconds of one."""
    with jax.enable_x64(True):
        arguments = {name: jnp.asarray(value) for name, value in bound.target.arguments.items()}
        functions = bound.target.functions()

        def loop(z: Any, known: Mapping[str, Any]) -> Any:
            slope = jax.grad(lambda at: functions.log_density(at, known))
            return jax.lax.fori_loop(0, STEPS, lambda _, at: at - 1e-9 * jnp.tanh(slope(at)), z)

        start = jnp.zeros(bound.size)
        compiled = jax.jit(loop).lower(start, arguments).compile()

        def run() -> float:
            with jax.enable_x64(True):
                before = time.perf_counter()
                compiled(start, arguments).block_until_ready()
                return 1e6 * (time.perf_counter() - before) / STEPS

        return run


def best(variants: Mapping[str, Bound]) -> dict[str, float]:
    loops = {name: gradient_loop(bound) for name, bound in variants.items()}
    turns = [{name: loop() for name, loop in loops.items()} for _ in range(TURNS)]
    return {name: min(turn[name] for turn in turns) for name in loops}


def posterior(name: str) -> tuple[pplang.Model, tuple[Path, ...], dict[str, Any]]:
    folder = DATABASE / name
    text = (PROGRAMS / f"{CASES[name]}.ppl").read_text(encoding="utf-8")
    values = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    inputs = {key: value for key, value in values.items() if f"\ninput {key} " in f"\n{text}" or f"\ninput {key}[" in f"\n{text}"}
    tables = (folder / "data.csv",) if "\ndata " in f"\n{text}" else ()
    return pplang.compile(PROGRAMS / f"{CASES[name]}.ppl"), tables, inputs


def simulated(rows: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Homes as in examples/radon, in as many counties."""
    rng = np.random.default_rng(seed)
    uranium = rng.normal(0, 0.4, 85)
    basement, upstairs = rng.normal(1.4 + 0.7 * uranium, 0.2), rng.normal(-0.6, 0.3, 85)
    county, floor = rng.integers(0, 85, rows), (rng.random(rows) < 0.17).astype(float)
    return {
        "county": county,
        "floor": floor,
        "uranium": uranium[county],
        "log_radon": rng.normal(basement[county] + upstairs[county] * floor, 0.7),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", action="store_true", help="also fits by nuts")
    chosen = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].platform}, {STEPS} gradients in a loop, best of {TURNS}\n")
    print("| posterior | rows | row by row, µs | collapsed, µs | ratio |\n|---|---|---|---|---|")
    model = pplang.compile(RADON / "radon.ppl")
    cases = [("examples/radon", model, (RADON / "radon.csv",), {})]
    cases += [(name, *posterior(name)) for name in POSTERIORS if (DATABASE / name).exists()]
    for name, one, tables, inputs in cases:
        bound = one.bind(*tables, inputs=inputs)
        found = best({"rows": one.bind(*tables, inputs=inputs, without=["collapse"]), "collapsed": bound})
        rows = next(len(bound.sets[table.name]) for table in one.program.tables)
        print(
            f"| {name} | {rows:,} | {found['rows']:.2f} | {found['collapsed']:.2f} | {found['collapsed'] / found['rows']:.2f} |", flush=True
        )
    many = simulated(ROWS)
    found = best({"few": model.bind(RADON / "radon.csv"), "many": model.bind(many)})
    print(f"\n{ROWS:,} simulated rows: {found['many']:.2f} µs, 919 rows: {found['few']:.2f} µs, ratio {found['many'] / found['few']:.2f}")
    if chosen.fits:
        seconds = {}
        for name, data in (("919 rows", simulated(919)), (f"{ROWS:,} rows", many)) * 2:
            before = time.perf_counter()
            model.fit(data, method="nuts", seed=1)
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - before)
        print(f"nuts, 4 chains of 1,000 + 1,000: {', '.join(f'{name}: {value:.1f} s' for name, value in seconds.items())}")


if __name__ == "__main__":
    main()
