"""Chains with their states sampled, and integrated out (`@integrate`): what a fit of `vi` costs, and what its verdict is.

    python benchmarks/recurrences/integrate.py

The Nile's flow (Durbin and Koopman 2012, chapter 2; the data set of statsmodels) as a local level, and an autoregression of 1,000 steps with noise.
CPU seconds are those of a second fit in the same process, so that nothing is compiled.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from statsmodels.datasets import nile

import pplang

PAGE = Path(__file__).parent / "INTEGRATE.md"
LEVEL = """
data Year ordered:
  y : real

s_level ~ HalfNormal(100)
s_obs ~ HalfNormal(200)
@integrate
x[t in Year] ~ Normal(x[t-1], s_level)
  starting Normal(1000, 300)
y[t in Year] ~ Normal(x[t], s_obs)
"""
AUTO = """
data Year ordered:
  y : real

keep ~ Uniform(0, 1)
s ~ HalfNormal(1)
noise ~ HalfNormal(1)
@integrate
x[t in Year] ~ Normal(keep * x[t-1], s)
  starting Normal(0, s / sqrt(1 - keep^2))
y[t in Year] ~ Normal(x[t], noise)
"""


def autoregression(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = np.zeros(count)
    for t in range(1, count):
        x[t] = 0.9 * x[t - 1] + 0.5 * rng.normal()
    return x + 0.7 * rng.normal(size=count)


def measured(text: str, y: np.ndarray) -> list[str]:
    """Gradients, CPU seconds and verdict of a fit, and the first scale."""
    bound = pplang.compile_text(text).bind({"y": y})
    from pplang._infer.settings import Settings

    bound.fit(Settings("vi", 1))
    begun = time.process_time()
    fit = bound.fit(Settings("vi", 2))
    seconds = time.process_time() - begun
    verdict = fit.verdict or {}
    scale = fit.draws(fit.names[0])
    return [f"{bound.size:,}", f"{verdict['gradients']:,}", f"{seconds:.2f}", verdict["word"], f"{scale.mean():.3g} ± {scale.std():.2g}"]


def main() -> None:
    rows = ["| series | states | unknowns | gradients | CPU seconds | verdict | first unknown |", "|---|---|---|---|---|---|---|"]
    for name, text, y in (
        ("Nile, 100 years", LEVEL, np.asarray(nile.load_pandas().data["volume"], float)),
        ("autoregression, 1,000 steps", AUTO, autoregression(1_000)),
    ):
        for states, model in (("sampled", text.replace("@integrate\n", "")), ("integrated out", text)):
            rows.append(f"| {name} | {states} | {' | '.join(measured(model, y))} |")
            print(json.dumps(rows[-1]), flush=True)
    head = "# States sampled, and integrated out\n\nThe second fit of `vi` in a process: `python benchmarks/recurrences/integrate.py`.\n\n"
    PAGE.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
