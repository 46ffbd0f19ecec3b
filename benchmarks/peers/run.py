"""Our fits beside NumPyro, PyMC with nutpie, and Stan, on ten posteriors with known answers.

    python -m venv .cache/peers && .cache/peers/bin/pip install pymc nutpie pystan
    python benchmarks/peers/run.py --peers .cache/peers/bin/python [--rounds 3] [--models NAME ...] [--tools NAME ...] [--json FILE]

For each posterior the tools alternate; each fit is a process of its own, once with empty caches (cold) and once again (warm); the best of the
rounds counts. Everyone gives 4 chains of 1,000 + 1,000 (`auto` 4,000 draws where it does not sample), in double precision, on the cores there are.

Columns: seconds from the start of the process to the draws, cold and warm; seconds of sampling alone (warm); gradients of warm-up and draws, with
what was spent on choosing coordinates; the least effective number of draws over all compared unknowns (bulk ESS; for independent draws by
importance resampling, Kish's number); that number per second of sampling and per 1,000 gradients; whether the means agree with the reference
within 0.2 sd and the sds within 25%.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from models import CASES, DATABASE, ROOT, Case  # noqa: E402

OURS = ("auto", "nuts")
TOOLS = (*OURS, "numpyro", "pymc", "stan")


def once(python: str, tool: str, model: str, seed: int, caches: Path) -> dict[str, Any]:
    """One process. Raises CalledProcessError when the tool fails."""
    output = caches / "draws.npz"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT) if tool in OURS else "",
        "PYTHONPYCACHEPREFIX": str(caches.parent / "bytecode"),
        "PPLANG_CACHE_DIR": str(caches / "pplang"),
        "JAX_COMPILATION_CACHE_DIR": str(caches / "jax"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "XDG_CACHE_HOME": str(caches / "home"),
    }
    command = [python, str(HERE / "worker.py"), tool, model, str(seed), repr(time.time()), str(output)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{tool} on {model}: {done.stderr[-2000:]}")
    with np.load(output) as found:
        return {name: found[name] for name in found.files}


def effective(draws: dict[str, np.ndarray]) -> float:
    """The least bulk ESS over all numbers compared."""
    from arviz_stats.base import array_stats

    return min(
        float(array_stats.ess(column, chain_axis=0, draw_axis=1, method="bulk"))
        for values in draws.values()
        for column in np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0)
    )


def met(case: Case, draws: dict[str, np.ndarray]) -> tuple[float, float]:
    """The largest error of a mean, in reference sds, and the ratio of sds furthest from 1."""
    reference = json.loads((DATABASE / case.posterior / "reference.json").read_text(encoding="utf-8"))
    errors, ratios = [0.0], [1.0]
    for name, values in draws.items():
        for index in np.ndindex(values.shape[2:]):
            known = reference.get(f"{name}[{','.join(str(i + 1) for i in index)}]" if index else name)
            if known is None or known.get("heavy_tail"):
                continue
            column = values[(slice(None), slice(None), *index)]
            errors.append(abs(column.mean() - known["mean"]) / known["sd"])
            ratios.append(column.std() / known["sd"])
    return max(errors), max(ratios, key=lambda ratio: abs(np.log(ratio)))


def compare(model: str, pythons: dict[str, str], rounds: int, folder: Path) -> list[dict[str, Any]]:
    """A row for each tool: best times of the rounds, the rest of the last warm run."""
    rows: dict[str, dict[str, Any]] = {
        tool: {"model": model, "tool": tool, "cold": np.inf, "warm": np.inf, "sampling": np.inf} for tool in pythons
    }
    for seed in range(1, rounds + 1):
        for tool, python in pythons.items():
            caches, row = folder / tool, rows[tool]
            shutil.rmtree(caches, ignore_errors=True)
            caches.mkdir()
            try:
                row["cold"] = min(row["cold"], float(once(python, tool, model, seed, caches)["total"]))
                found = once(python, tool, model, seed, caches)
            except RuntimeError as failure:
                print(failure, file=sys.stderr)
                row["failed"] = True
                continue
            draws = {name.removeprefix("draws "): values for name, values in found.items() if name.startswith("draws ")}
            row["warm"] = min(row["warm"], float(found["total"]))
            row["sampling"] = min(row["sampling"], float(found["sampling"]))
            row["gradients"], row["effective"] = (
                int(found["gradients"]),
                float(found["effective"]) if "effective" in found else effective(draws),
            )
            row["error"], row["ratio"] = met(CASES[model], draws)
            row["by"] = f"({found['by']}: {found['word']})" if "by" in found else ""
    return list(rows.values())


def line(row: dict[str, Any]) -> str:
    if "effective" not in row:
        return f"| {row['model']} | {row['tool']} | failed |"
    agrees = "yes" if row["error"] <= 0.2 and abs(row["ratio"] - 1) <= 0.25 else "NO"
    cells = (
        row["model"],
        f"{row['tool']} {row['by']}".strip(),
        f"{row['cold']:.1f}",
        f"{row['warm']:.1f}",
        f"{row['sampling']:.2f}",
        f"{row['gradients']:,}",
        f"{row['effective']:,.0f}",
        f"{row['effective'] / row['sampling']:,.0f}",
        f"{1000 * row['effective'] / row['gradients']:.1f}",
        f"{row['error']:.2f}, {row['ratio']:.2f} ({agrees})",
    )
    return "| " + " | ".join(cells) + " |"


def ratios(rows: list[dict[str, Any]]) -> None:
    """Ours over the best of the peers, model by model, and the geometric means that the bars are about."""
    for tool in OURS:
        by_kind: dict[bool, list[float]] = {True: [], False: []}
        for model in {row["model"]: None for row in rows}:
            mine = next((row for row in rows if row["model"] == model and row["tool"] == tool and "effective" in row), None)
            peers = [row for row in rows if row["model"] == model and row["tool"] not in OURS and "effective" in row]
            if mine is None or not peers:
                continue
            speed = mine["effective"] / mine["sampling"] / max(row["effective"] / row["sampling"] for row in peers)
            by_kind[CASES[model].linear].append(speed)
            cold, warm = (mine[when] / min(row[when] for row in peers) for when in ("cold", "warm"))
            print(
                f"{tool} / best peer, {model}: cold {cold:.2f} x, warm {warm:.2f} x the seconds; {speed:.2f} x the effective draws per second of sampling"
            )
        for linear, values in by_kind.items():
            if values:
                kind = "Gaussian and linear" if linear else "others"
                print(f"{tool}, geometric mean over {len(values)} ({kind}): {np.exp(np.mean(np.log(values))):.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="the interpreter that has pymc, nutpie and pystan")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--json", type=Path, help="keep the rows")
    options = parser.parse_args()
    if not DATABASE.is_dir():
        print(f"the posteriors are not here: {DATABASE}", file=sys.stderr)
        return 1
    pythons = {tool: options.peers if tool in ("pymc", "stan") else sys.executable for tool in options.tools}
    rows = []
    print("| model | tool | cold s | warm s | sampling s | gradients | effective | per second | per 1,000 gradients | error, sd ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            found = compare(model, pythons, options.rounds, Path(folder))
            rows += found
            print(*(line(row) for row in found), sep="\n", flush=True)
            if options.json:
                options.json.write_text(json.dumps(rows, default=float), encoding="utf-8")
    ratios(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
