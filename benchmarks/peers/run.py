"""Our fits beside NumPyro, PyMC with nutpie, and Stan, on ten posteriors with known answers; and `vi` beside other normal approximations.

    python -m venv .cache/peers && .cache/peers/bin/pip install pymc nutpie pystan numpyro blackjax
    python benchmarks/peers/run.py --peers .cache/peers/bin/python --json FILE [--rounds 3] [--models NAME ...] [--tools NAME ...]
    python benchmarks/peers/run.py --peers .cache/peers/bin/python --json FILE --vi [...]
    python benchmarks/peers/run.py --json FILE --table [--vi]      # the tables of what has been run

For each posterior the tools alternate; each fit is a process of its own, once with empty caches (cold) and once again (warm); the best of the
rounds counts. Everyone gives 4 chains of 1,000 + 1,000 (`auto` 4,000 draws where it does not sample), in double precision, on the cores there are.
A tool that fails, or takes longer than --limit seconds, has its reason in the file, and the run goes on. With --json a run takes up where the last
one ended: a model all of whose tools stand in the file is not run again (--again: those that failed are).

Columns: seconds from the start of the process to the draws, cold and warm; seconds of sampling alone (warm); gradients of warm-up and draws, with
what was spent on choosing coordinates; the least effective number of draws over all compared unknowns (bulk ESS; for independent draws by
importance resampling, Kish's number); that number per second of sampling and per 1,000 gradients; whether the means agree with the reference
within 0.2 sd and the sds within 25%.

With --vi: ours; NumPyro's AutoNormal and AutoMultivariateNormal, Adam at 0.01, 10,000 steps of one draw; BlackJAX's Pathfinder, one path, 4,000 draws
(a gradient and 200 densities are counted for each place of its path). Error and sd ratio are the worst over all numbers, of 4,000 draws each.
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
APPROXIMATIONS = ("vi", "auto_normal", "auto_multivariate", "pathfinder")
ELSEWHERE = ("pymc", "stan", "pathfinder")
"""Tools of the other interpreter."""

HEADS = "| model | tool | cold s | warm s | sampling s | gradients | effective | per second | per 1,000 gradients | error, sd ratio |"
HEADS_OF_VI = "| model | tool | cold s | warm s | gradients | error | sd ratio | |"


class Failed(Exception):
    """A tool gave no draws; why."""


def once(python: str, tool: str, model: str, seed: int, caches: Path, limit: float) -> dict[str, Any]:
    """One process. Raises Failed."""
    output = caches / "draws.npz"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT) if tool in (*OURS, "vi") else "",
        "PYTHONPYCACHEPREFIX": str(caches.parent / "bytecode"),
        "PPLANG_CACHE_DIR": str(caches / "pplang"),
        "JAX_COMPILATION_CACHE_DIR": "" if tool in (*OURS, "vi") else str(caches / "jax"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "XDG_CACHE_HOME": str(caches / "home"),
    }
    command = [python, str(HERE / "worker.py"), tool, model, str(seed), repr(time.time()), str(output)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"longer than {limit:.0f} s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode or not output.exists():
        print(f"{tool} on {model}: {done.stderr[-2000:]}", file=sys.stderr)
        raise Failed((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:200])
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


def compare(model: str, pythons: dict[str, str], rounds: int, folder: Path, limit: float) -> list[dict[str, Any]]:
    """A row for each tool: best times of the rounds, the rest of the last warm run; `failed` with the reason where one round gave no draws."""
    rows: dict[str, dict[str, Any]] = {tool: {"model": model, "tool": tool} for tool in pythons}
    for seed in range(1, rounds + 1):
        for tool, python in pythons.items():
            caches, row = folder / tool, rows[tool]
            shutil.rmtree(caches, ignore_errors=True)
            caches.mkdir()
            try:
                cold = float(once(python, tool, model, seed, caches, limit)["total"])
                row.update(_measured(row, cold, once(python, tool, model, seed, caches, limit)))
            except Failed as failure:
                row["failed"] = str(failure)
            except (KeyError, ValueError, ArithmeticError) as error:  # draws that cannot be compared
                row["failed"] = f"{type(error).__name__}: {error}"
    return list(rows.values())


def _measured(row: dict[str, Any], cold: float, found: dict[str, Any]) -> dict[str, Any]:
    draws = {name.removeprefix("draws "): values for name, values in found.items() if name.startswith("draws ")}
    error, ratio = met(CASES[row["model"]], draws)
    more: dict[str, Any] = {}
    if row["tool"] in TOOLS:
        more["effective"] = float(found["effective"]) if "effective" in found else effective(draws)
    return {
        "cold": min(row.get("cold", np.inf), cold),
        "warm": min(row.get("warm", np.inf), float(found["total"])),
        "sampling": min(row.get("sampling", np.inf), float(found["sampling"])),
        "gradients": int(found["gradients"]),
        "error": error,
        "ratio": ratio,
        "by": f"({found['by']}: {found['word']})" if "by" in found else "",
        **more,
    }


def line(row: dict[str, Any]) -> str:
    if "warm" not in row:
        return f"| {row['model']} | {row['tool']} | failed: {row['failed'].replace('|', '/')} |"
    agrees = "yes" if row["error"] <= 0.2 and abs(row["ratio"] - 1) <= 0.25 else "NO"
    times = f"{row['cold']:.1f}", f"{row['warm']:.1f}"
    tool = f"{row['tool']} {row['by']}".strip() + (" (a round failed)" if "failed" in row else "")
    if row["tool"] in APPROXIMATIONS:
        cells: tuple[str, ...] = (*times, f"{row['gradients']:,}", f"{row['error']:.2f}", f"{row['ratio']:.2f}", agrees)
    else:
        cells = (
            *times,
            f"{row['sampling']:.2f}",
            f"{row['gradients']:,}",
            f"{row['effective']:,.0f}",
            f"{row['effective'] / row['sampling']:,.0f}",
            f"{1000 * row['effective'] / row['gradients']:.1f}",
            f"{row['error']:.2f}, {row['ratio']:.2f} ({agrees})",
        )
    return "| " + " | ".join((row["model"], tool, *cells)) + " |"


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


def table(rows: list[dict[str, Any]], tools: tuple[str, ...]) -> None:
    """What has been run, as markdown."""
    heads = HEADS_OF_VI if tools == APPROXIMATIONS else HEADS
    print(heads, "|" + "---|" * (heads.count("|") - 1), sep="\n")
    chosen = [row for model in CASES for tool in tools for row in rows if (row["model"], row["tool"]) == (model, tool)]
    print(*map(line, chosen), sep="\n", flush=True)
    if tools == TOOLS:
        print()
        ratios(chosen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", default=sys.executable, metavar="PYTHON", help="the interpreter that has pymc, nutpie, pystan and blackjax"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--tools", nargs="+", choices=(*TOOLS, *APPROXIMATIONS))
    parser.add_argument("--vi", action="store_true", help="normal approximations instead of samplers")
    parser.add_argument("--limit", type=float, default=1_200, metavar="SECONDS", help="of one process")
    parser.add_argument("--json", type=Path, help="keep the rows, and take up where they end")
    parser.add_argument("--again", action="store_true", help="run again what has failed")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args()
    if not DATABASE.is_dir():
        print(f"the posteriors are not here: {DATABASE}", file=sys.stderr)
        return 1
    every = APPROXIMATIONS if options.vi else TOOLS
    tools = [tool for tool in every if tool in (options.tools or every)]
    rows: list[dict[str, Any]] = []
    if options.json and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    for model in [] if options.table else options.models:
        known = [row for row in rows if row["model"] == model and row["tool"] in tools and not (options.again and "failed" in row)]
        if len(known) == len(tools):
            continue
        pythons = {tool: options.peers if tool in ELSEWHERE else sys.executable for tool in tools}
        with tempfile.TemporaryDirectory() as folder:
            found = compare(model, pythons, options.rounds, Path(folder), options.limit)
        rows = [row for row in rows if row["model"] != model or row["tool"] not in tools] + found
        if options.json:
            partial = options.json.with_suffix(".partial")
            partial.write_text(json.dumps(rows, default=float), encoding="utf-8")
            partial.replace(options.json)
        print(*map(line, found), sep="\n", file=sys.stderr, flush=True)
    table(rows, every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
