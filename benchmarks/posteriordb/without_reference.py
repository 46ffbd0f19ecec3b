"""The posteriors of the kit that have no reference draws: do two ways to sample them agree?

    python benchmarks/posteriordb/without_reference.py              # what `without_reference.json` lacks, smallest data first
    python benchmarks/posteriordb/without_reference.py NAME...      # these, again
    python benchmarks/posteriordb/without_reference.py --table      # only WITHOUT_REFERENCE.md, anew

The one is `--method nuts`, chains in the coordinates and with the scales of the fit that they begin in. The other is NumPyro's NUTS on the program's free
coordinates as they come (the density `Bound.log_density`), begun near zero, knowing nothing of that fit: 4 chains of 1,000 draws after 1,000 of warm-up.
They agree where no mean of an unknown differs by more than 4 standard errors (both effective sample sizes counted) or 0.1 sd, whichever is more. Each
posterior is a process of its own that is given up after `--limit` seconds, and the results are written after each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpyro.infer import MCMC, NUTS

import pplang
from pplang._infer import convergence

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = ROOT / "tests" / "posteriordb" / "without_reference"
DATABASE = ROOT.parent / "shared" / "posteriordb"
RESULTS, PAGE = HERE / "without_reference.json", HERE / "WITHOUT_REFERENCE.md"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.ppl"))
CHAINS, WARMUP, DRAWS = 4, 1000, 1000
LARGEST_R_HAT = 1.01
HEAD = """# Posteriors without reference draws

Chains that begin in the fit of `vi`, beside NumPyro's NUTS that knows nothing of it, on the same density: `python benchmarks/posteriordb/without_reference.py`.
Difference: of the means of the unknown that differs most, in its sds, and in standard errors of the difference. R-hat is the largest of all unknowns.

"""


def bound_of(name: str) -> pplang.Bound:
    """A program with the data of its posterior."""
    model = pplang.compile(PROGRAMS / f"{name}.ppl")
    values = json.loads((DATABASE / name / "data.json").read_text(encoding="utf-8"))
    tables = {one.name: {c.name: values[c.name] for c in one.columns if c.name in values} for one in model.program.tables}
    return model.bind(tables=tables, inputs={key: value for key, value in values.items() if key in model.program.input})


def plain(bound: pplang.Bound, seed: int) -> tuple[dict[str, np.ndarray], int]:
    """NumPyro's NUTS: draws by name, (chains, draws, ...), and divergent transitions."""
    with jax.enable_x64(True):
        start = 0.1 * np.random.default_rng(seed).normal(size=(CHAINS, bound.size))
        kernel = NUTS(potential_fn=lambda z: -bound.log_density(z))
        chains = MCMC(kernel, num_warmup=WARMUP, num_samples=DRAWS, num_chains=CHAINS, chain_method="sequential", progress_bar=False)
        chains.run(jax.random.PRNGKey(seed), init_params=start, extra_fields=("diverging",))
        points = np.asarray(chains.get_samples()).reshape(-1, bound.size)
        keys = jax.random.split(jax.random.PRNGKey(seed + 1), len(points))
        found = jax.jit(lambda z, keys: jax.lax.map(lambda one: bound.constrain(*one), (z, keys), batch_size=100))(points, keys)
        draws = {name: np.asarray(value).reshape(CHAINS, DRAWS, *value.shape[1:]) for name, value in found.items()}
        return draws, int(np.sum(chains.get_extra_fields()["diverging"]))


def numbers(draws: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """(chains, draws) of every number that is not the same in all draws."""
    found = {}
    for name in names:
        for place in np.ndindex(*draws[name].shape[2:]):
            one = draws[name][(slice(None), slice(None), *place)].astype(float)
            if np.ptp(one) > 0:
                found[f"{name}[{', '.join(str(at + 1) for at in place)}]" if place else name] = one
    return found


def compared(name: str) -> dict[str, Any]:
    """Both ways to sample one posterior."""
    bound = bound_of(name)
    names = [one for one in bound.unknowns if one in bound.kept]
    started = time.monotonic()
    from pplang._infer.settings import Settings

    fit = bound.fit(Settings("nuts", 1, DRAWS, CHAINS))
    whitened, seconds = numbers({one: fit.draws(one) for one in names}, names), time.monotonic() - started
    started = time.monotonic()
    draws, divergent = plain(bound, seed=2)
    others, plain_seconds = numbers(draws, names), time.monotonic() - started
    verdict = fit.verdict or {}
    differences = {}
    for label in whitened.keys() & others.keys():
        one, other = whitened[label], others[label]
        sd = max(one.std(), other.std())
        gap = abs(one.mean() - other.mean())
        error = np.hypot(one.std() / np.sqrt(convergence.ess_bulk(one)), other.std() / np.sqrt(convergence.ess_bulk(other)))
        differences[label] = (float(gap / sd), float(gap / error))
    worst = max(
        differences, key=lambda label: differences[label][0] / max(0.1, 4 * differences[label][0] / max(differences[label][1], 1e-9))
    )
    return {
        "unknowns": bound.size,
        "verdict": verdict["word"],
        "r_hat": max(map(convergence.r_hat, whitened.values())),
        "divergences": verdict.get("divergences"),
        "gradients": verdict.get("gradients"),
        "seconds": round(seconds, 1),
        "plain_r_hat": max(map(convergence.r_hat, others.values())),
        "plain_divergences": divergent,
        "plain_seconds": round(plain_seconds, 1),
        "worst": worst,
        "difference": differences[worst][0],
        "errors": differences[worst][1],
    }


def row(name: str, found: dict[str, Any] | None) -> str:
    if found is None or "verdict" not in found:
        return f"| {name} | {'not run yet' if found is None else found['failure']} | | | | | | | |"
    agree = found["difference"] <= 0.1 or found["errors"] <= 4
    clean = found["r_hat"] < LARGEST_R_HAT and not found["divergences"]
    usable = found["plain_r_hat"] < LARGEST_R_HAT
    remark = ("" if agree else "DIFFER " if usable else "plain NUTS does not converge ") + ("" if clean else "not clean")
    return (
        f"| {name} | {found['unknowns']:,} | {found['verdict']} | {found['r_hat']:.3f} | {found['divergences']} | {found['plain_r_hat']:.3f} | "
        f"{found['plain_divergences']} | {found['difference']:.2f} sd, {found['errors']:.1f} errors `{found['worst']}` | {remark.strip()} |"
    )


def write(results: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    rows = [
        "| posterior | unknowns | verdict | R-hat | divergent | plain: R-hat | divergent | largest difference | |",
        "|---|---|---|---|---|---|---|---|---|",
        *(row(name, results.get(name)) for name in NAMES),
    ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--limit", type=int, default=3600, help="seconds for one posterior")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--one", metavar="NAME", help="compare this one, and print what was found as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(compared(options.one)))
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    waiting = [name for name in NAMES if name in options.names or not (options.names or name in results)]
    for name in [] if options.table else sorted(waiting, key=lambda name: (DATABASE / name / "data.json").stat().st_size):
        command = [sys.executable, __file__, "--one", name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=options.limit, check=False)
            failure = done.stderr.strip().splitlines()[-1:] or ["failed"]
            results[name] = json.loads(done.stdout) if done.returncode == 0 else {"failure": failure[0][:120]}
        except subprocess.TimeoutExpired:
            results[name] = {"failure": f"not within {options.limit} s"}
        write(results)
        print(row(name, results[name]), flush=True)
    write(results)


if __name__ == "__main__":
    main()
