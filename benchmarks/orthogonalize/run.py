"""What `orthogonalize` saves: the same fit with the coefficients in their own coordinates and in those of orthogonal columns.

    python benchmarks/orthogonalize/run.py [NAME...] [--seeds 2] [--methods vi nuts svi]

For `vi` the gradients, the verdict and the effective share of the importance draws; for `nuts` the smallest bulk ESS over all unknowns of the source
for 1,000 gradients, every gradient counted, of two chains of 800 draws; for `svi` (mean-field, 5,000 steps) the worst error of a mean, in posterior
sds, and the ratio of sds that is farthest from 1, against the first `nuts` fit. Posteriors are read from ../shared/posteriordb; `wide` and `skewed`
are simulated.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pplang
from pplang._fit import Fit
from pplang._infer.convergence import ess_bulk
from pplang._infer.settings import Settings
from pplang._plan_file import fingerprint, of

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "posteriordb"))
from cases import CASES, DATABASE, PROGRAMS  # noqa: E402

NAMES = (
    "mesquite-logmesquite",
    "earnings-logearn_interaction",
    "nes1980-nes",
    "GLM_Binomial_data-GLM_Binomial_model",
    "wells_data-wells_dae_inter_model",
    "skewed",
    "wide",
)
LOGIT = """
data Row:
  x[K] : real from "x_*"
  y    : bool

alpha ~ Normal(0, 5)
beta[k in K] ~ Normal(0, 5)
y[i in Row] ~ Bernoulli(logit = alpha + sum(x[i, k] * beta[k] for k in K))
"""


def simulated(columns: int, rows: int, scale: float, seed: int = 1) -> dict[str, np.ndarray]:
    """Columns that share a factor (correlations of 0.9), with means far from zero and sizes that differ up to `scale`-fold."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(rows, 1))
    x = np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.normal(size=(rows, columns))
    y = rng.random(rows) < 1 / (1 + np.exp(-(x @ rng.normal(0, 0.3, columns))))
    sizes = scale ** np.linspace(0, 1, columns)
    return {**{f"x_{k}": sizes[k] * (x[:, k] + 3 * (scale > 1)) for k in range(columns)}, "y": y}


def bound_of(name: str, action: str) -> pplang.Bound:
    if name in ("wide", "skewed"):
        model = pplang.compile_text(LOGIT)
        data: tuple[Any, ...] = (simulated(150, 3_000, 1.0) if name == "wide" else simulated(12, 500, 1e4),)
    else:
        model, data = pplang.compile(PROGRAMS / f"{CASES[name]}.ppl"), (DATABASE / name / "data.csv",)
    (child,) = (site.name for site in model.program.sites if site.role == "observed")
    plan = {"model": fingerprint(model.program), "plan": {"orthogonalize": [{"site": child, "action": action}]}}
    return model.bind(*data, plan=of(plan, model.program, "plan"))


def values(fit: Fit, bound: pplang.Bound) -> np.ndarray:
    """All unknowns, (chains, draws, n)."""
    return np.concatenate([(draws := fit.draws(name)).reshape(*draws.shape[:2], -1) for name in bound.unknowns], axis=2)


def vi(bound: pplang.Bound, seed: int) -> str:
    fit = bound.fit(Settings(method="vi", seed=seed))
    assert fit.verdict is not None
    return f"{fit.verdict['gradients']:,} {fit.verdict['word']} {fit.verdict.get('share', 0):.2f}"


def nuts(bound: pplang.Bound, seed: int) -> tuple[str, np.ndarray]:
    fit = bound.fit(Settings(method="nuts", chains=2, draws=800, seed=seed))
    assert fit.verdict is not None
    draws = values(fit, bound)
    smallest = min(ess_bulk(column) for column in np.moveaxis(draws, 2, 0))
    return f"{1_000 * smallest / fit.verdict['gradients']:.1f} of {fit.verdict['gradients']:,}", draws.reshape(-1, draws.shape[2])


def svi(bound: pplang.Bound, seed: int, truth: np.ndarray) -> str:
    found = values(bound.fit(Settings(method="svi", seed=seed, draws=4_000)), bound)[0]
    error = np.abs(found.mean(0) - truth.mean(0)) / truth.std(0)
    ratio = found.std(0) / truth.std(0)
    return f"{error.max():.2f}, {ratio[np.argmax(np.abs(np.log(ratio)))]:.2f}"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", default=NAMES)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--methods", nargs="+", default=["vi", "nuts"])
    chosen = options.parse_args()
    for name in chosen.names:
        truth: np.ndarray | None = None
        for action in ("leave", "orthogonalize"):
            bound = bound_of(name, action)
            row: dict[str, list[str]] = {method: [] for method in chosen.methods}
            for seed in range(chosen.seeds):
                if "vi" in row:
                    row["vi"].append(vi(bound, seed))
                if "nuts" in row:
                    told, draws = nuts(bound, seed)
                    row["nuts"].append(told)
                    truth = draws if truth is None else truth
                if "svi" in row and truth is not None:
                    row["svi"].append(svi(bound, seed, truth))
            print(json.dumps({"name": name, "coordinates": action, **row}), flush=True)


if __name__ == "__main__":
    main()
