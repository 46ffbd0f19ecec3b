"""What the maximum of a marginal likelihood costs, and how far from the exact one it is.

    python benchmarks/params/run.py [NAME...] [--seeds 2]

Gradients: all of the fit, the verdict's race included. off: nats by which the exact marginal likelihood (closed form, or quadrature with 60 nodes) is
lower than at its maximum; half the square of the distance in standard errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

import pplang

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
EFFECTS = np.array([4.1, -7.3, 9.9, 0.2, -3.8, 12.4, -1.1, 2.6, -8.7, 5.5, 6.1, -2.0])
DRAWN = np.array([12.0, -3, 4, 20, 8, -9, 1, 15, 3, 7, -14, 22, 9])


@dataclass(frozen=True)
class Case:
    """log_likelihood: of the params in the order of the program, those that are positive as logarithms (`logs`), one vector."""

    text: str
    data: dict[str, Any]
    logs: tuple[str, ...]
    log_likelihood: Callable[[np.ndarray], float]
    start: np.ndarray


def normal_effects() -> Case:
    text = "data Group:\n  y : real\n\nparam mu : real = 0\nparam tau : positive = 1\n"
    text += "theta[g in Group] ~ Normal(mu, tau)\ny[g in Group] ~ Normal(theta[g], 2)\n"
    y = 60_000 + EFFECTS

    def log_likelihood(at: np.ndarray) -> float:
        return float(stats.norm.logpdf(y, at[0], np.sqrt(np.exp(2 * at[1]) + 4)).sum())

    return Case(text, {"y": y}, ("tau",), log_likelihood, np.array([60_000.0, 1.5]))


def drawn_mean() -> Case:
    text = "data Group:\n  y : real\n\nparam tau : positive = 1\nmu ~ Normal(0, 20)\n"
    text += "theta[g in Group] ~ Normal(mu, tau)\ny[g in Group] ~ Normal(theta[g], 2)\n"

    def log_likelihood(at: np.ndarray) -> float:
        covariance = (np.exp(2 * at[0]) + 4) * np.eye(len(DRAWN)) + 400
        return float(stats.multivariate_normal.logpdf(DRAWN, np.zeros(len(DRAWN)), covariance))

    return Case(text, {"y": DRAWN}, ("tau",), log_likelihood, np.array([2.0]))


def integrated(logs: np.ndarray, groups: int) -> float:
    """logs: (groups x rows, nodes), the log likelihood of each row at each node."""
    by_group = logs.reshape(groups, -1, len(NODES)).sum(axis=1)
    return float(np.log((WEIGHTS / WEIGHTS.sum() * np.exp(by_group)).sum(axis=1)).sum())


def poisson() -> Case:
    text = "index Arm = 1..6\ndata Row:\n  arm   : Arm\n  group : Group\n  y     : count\n\nparam b[k in Arm] : real\nparam tau : positive = 1\n"
    text += "theta[g in Group] ~ Normal(0, tau)\ny[i in Row] ~ Poisson(exp(b[arm[i]] + theta[group[i]]))\n"
    generator = np.random.default_rng(0)
    group, arm = np.repeat(np.arange(40), 6), np.tile(np.arange(1, 7), 40)
    b = np.array([0.2, 0.5, 1.0, 1.5, -0.5, 0.8])
    y = generator.poisson(np.exp(b[arm - 1] + 0.6 * generator.normal(size=40)[group]))

    def log_likelihood(at: np.ndarray) -> float:
        return integrated(stats.poisson.logpmf(y[:, None], np.exp(at[arm - 1][:, None] + np.exp(at[6]) * NODES)), 40)

    return Case(text, {"arm": arm, "group": group, "y": y}, ("tau",), log_likelihood, np.append(b, -0.5))


def logistic() -> Case:
    text = "data Row:\n  group : Group\n  x     : real\n  y     : bool\n\nparam b0 : real\nparam b1 : real\nparam tau : positive = 1\n"
    text += "theta[g in Group] ~ Normal(0, tau)\ny[i in Row] ~ Bernoulli(logit = b0 + b1 * x[i] + theta[group[i]])\n"
    generator = np.random.default_rng(1)
    group, x = np.repeat(np.arange(30), 8), generator.normal(size=240)
    y = generator.uniform(size=240) < 1 / (1 + np.exp(-(0.3 + 0.8 * x + generator.normal(size=30)[group])))

    def log_likelihood(at: np.ndarray) -> float:
        logits = (at[0] + at[1] * x)[:, None] + np.exp(at[2]) * NODES
        return integrated(-np.logaddexp(0, np.where(y[:, None], -logits, logits)), 30)

    return Case(text, {"group": group, "x": x, "y": y}, ("tau",), log_likelihood, np.array([0.3, 0.8, 0.0]))


CASES = {"normal effects": normal_effects, "drawn mean": drawn_mean, "Poisson": poisson, "logistic": logistic}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    print("| model | gradients | off, nats | verdict |\n|---|---|---|---|")
    for name in options.names or CASES:
        case = CASES[name]()
        highest = -optimize.minimize(lambda at, case=case: -case.log_likelihood(at), case.start, method="Nelder-Mead", tol=1e-9).fun
        model, cells = pplang.compile_text(case.text), []
        for seed in range(options.seeds):
            fit = model.fit(case.data, draws=100, seed=seed)
            assert fit.verdict is not None
            values = [np.ravel(fit.draws(param)[0, 0]) for param in fit.verdict["given"]]
            at = np.concatenate(
                [np.log(value) if param in case.logs else value for param, value in zip(fit.verdict["given"], values, strict=True)]
            )
            cells.append((fit.verdict["gradients"], highest - case.log_likelihood(at), fit.verdict["word"]))
        gradients, off, words = zip(*cells, strict=True)
        print(
            f"| {name} | {' '.join(f'{one:,}' for one in gradients)} | {' '.join(f'{one:.5f}' for one in off)} | {', '.join(words)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
