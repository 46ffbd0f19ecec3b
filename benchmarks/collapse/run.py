"""What `collapse` saves: a gradient, and a whole fit, with the likelihood as statistics (or its different rows counted) and row by row.

    python benchmarks/collapse/run.py                 # gradients of the radon posteriors, of models whose rows repeat, and of a million rows
    python benchmarks/collapse/run.py --only radon    # of the models whose names hold a word
    python benchmarks/collapse/run.py --fits          # only `nuts` on 919 and on a million rows

Each gradient is timed inside one compiled loop, 64-bit, on one core; the variants take turns, and the best of sixty short turns counts. The posteriors of
posteriordb are read from ../shared/posteriordb, and left out where that is absent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pplang
from pplang import Bound

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
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
    parser.add_argument("--fits", action="store_true", help="only fits by nuts")
    parser.add_argument("--only", default="", metavar="WORD", help="only models whose names hold this")
    chosen = parser.parse_args()
    model = pplang.compile(RADON / "radon.ppl")
    if chosen.fits:
        fits(model)
        return
    print(f"jax {jax.__version__}, {jax.devices()[0].platform}, {STEPS} gradients in a loop, best of {TURNS}\n")
    print("| posterior | rows | numbers or kinds | row by row, µs | collapsed, µs | ratio |\n|---|---|---|---|---|---|")
    cases = [("examples/radon", model, (RADON / "radon.csv",), {})]
    cases += [(name, *posterior(name)) for name in POSTERIORS if (DATABASE / name).exists()]
    cases += repeating()
    for name, one, tables, inputs in cases:
        if chosen.only in name:
            bound = one.bind(*tables, inputs=inputs)
            found = best({"rows": one.bind(*tables, inputs=inputs, without=["collapse"]), "collapsed": bound})
            (choice,) = next(stage.choices for stage in bound.compiled.stages if stage.name == "collapse")
            rows, left = (f"{value:,.0f}" for _, value in choice.numbers)
            times = f"{found['rows']:.2f} | {found['collapsed']:.2f} | {found['collapsed'] / found['rows']:.2f}"
            print(f"| {name} | {rows} | {left} | {times} |", flush=True)
    if not chosen.only:
        found = best({"few": model.bind(RADON / "radon.csv"), "many": model.bind(simulated(ROWS))})
        ratio = found["many"] / found["few"]
        print(f"\n{ROWS:,} simulated rows: {found['many']:.2f} µs, 919 rows: {found['few']:.2f} µs, ratio {ratio:.2f}")


def repeating() -> list[tuple[str, pplang.Model, tuple[Any, ...], dict[str, Any]]]:
    """Models whose rows repeat: contraception without age, and the votes of 1988."""
    contraception = pplang.compile(HERE / "contraception.ppl")
    found = [("contraception without age", contraception, (ROOT / "examples" / "contraception" / "contraception.csv",), {})]
    folder = DATABASE / "election88-election88_full"
    if folder.exists():
        constants = json.loads((folder / "consts.json").read_text(encoding="utf-8"))
        inputs = {"n_state": constants["n_state"]}
        found.append(("election88-election88_full", pplang.compile(HERE / "election88.ppl"), (folder / "data.csv",), inputs))
    return found


def fits(model: pplang.Model) -> None:
    """Whole fits by nuts of simulated rows, few and many, by turns."""
    seconds: dict[str, float] = {}
    for name, data in (("919 rows", simulated(919)), (f"{ROWS:,} rows", simulated(ROWS))) * 2:
        before = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            model.fit(data, method="nuts", seed=1).save(Path(folder) / "radon.fit.nc")
        seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - before)
        print(f"{name}: {time.perf_counter() - before:.1f} s", flush=True)
    few, many = seconds.values()
    print(f"nuts, 4 chains of 1,000 draws, with the fit file: {few:.1f} s and {many:.1f} s, ratio {many / few:.2f}")


if __name__ == "__main__":
    main()
