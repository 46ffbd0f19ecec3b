"""Warm-up and draws of several chains, from given points and a given metric."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from pplang._infer.families import Block
from pplang._infer.loop import Loop, Run
from pplang._infer.nuts import Plan, Start, metric
from pplang._infer.settings import Progress
from pplang._infer.target import Arguments

_BEGIN, _END, _FIRST = 75, 50, 25
"""Iterations of warm-up before the first window, after the last, and of the first window: those of Stan."""
_PRIOR = 5
"""How many draws the metric so far counts for beside those of a window."""


@dataclass(frozen=True)
class Points:
    """Where chains begin: points (chains, n), log densities (chains,), gradients (chains, n)."""

    points: np.ndarray
    densities: np.ndarray
    gradients: np.ndarray


@dataclass
class Chains:
    """Chains of the compiled sampler.

    arguments: the model's. family: its covariance is the first metric of every chain. acceptance: the mean rate that step sizes are adapted to.
    """

    loop: Loop
    arguments: Arguments
    family: Block
    begin: Points
    acceptance: float
    seed: int
    progress: Progress
    gradients: int = 0
    families: list[Block] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    warmup: int = 0

    def __post_init__(self) -> None:
        count = len(self.begin.points)
        self.runs = [self.loop.fresh(number) for number in range(count)]
        self.families = [self.family] * count

    def warm(self, steps: int, *, adapt: bool) -> list[dict[str, np.ndarray]]:
        """Warm-up, or more of it; `adapt`: of the metric too, not of the step sizes only. The records of each chain."""
        done = self.runs[0].done
        self.warmup = done + steps
        kept: list[list[dict[str, np.ndarray]]] = [[] for _ in self.runs]
        for first, last, learn in windows(steps) if adapt else [(0, steps, False)]:
            self._go_on(done + last, done + first, "warm-up")
            for number, run in enumerate(self.runs):
                records = run.records()
                kept[number].append(records)
                if learn:
                    self.families[number] = learned(self.families[number], records["z"])
                run.forget()
        return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {} for parts in kept]

    def draw(self, count: int) -> dict[str, np.ndarray]:
        """So many further draws, (chains, count, ...) by name."""
        self._go_on(self.runs[0].done + count, 0, "draws")
        records = [run.records() for run in self.runs]
        for run in self.runs:
            run.forget()
        return {name: np.stack([one[name] for one in records]) for name in records[0] if name != "pulled"}

    def _go_on(self, until: int, window: int, stage: str) -> None:
        plan = Plan(np.float64(self.acceptance), np.int64(window), np.int64(self.warmup))
        arguments = []
        for number, family in enumerate(self.families):
            start = Start(
                self.begin.points[number],
                np.float64(self.begin.densities[number]),
                self.begin.gradients[number],
                np.float64(len(family.mean) ** -0.25 if len(family.mean) else 1.0),
            )
            arguments.append((self.arguments, metric(family), plan, start))
        before = [len(run.blocks) for run in self.runs]

        def remark(run: Run) -> str:
            return f"{stage}, {run.blocks[-1]['n_steps'].mean():.0f} steps each" if run.blocks else stage

        self.loop.run(arguments, self.seed, until, self.progress, remark, self.runs)
        self.gradients += sum(
            int(block["n_steps"].sum()) for run, first in zip(self.runs, before, strict=True) for block in run.blocks[first:]
        )


def learned(family: Block, z: np.ndarray) -> Block:
    """A family with the covariance of draws (m, n), shrunk towards its own."""
    p, count = family.dense, len(z)
    own = z[:, family.order] - z.mean(axis=0)[family.order]
    noise = np.concatenate([own[:, :p] @ np.linalg.inv(family.root).T, own[:, p:] / family.scale], axis=1)
    share = count / (count + _PRIOR)
    variances = share * (noise**2).sum(axis=0) / max(1, count - 1) + 1 - share
    dense = (
        noise[:, :p].T @ noise[:, :p] / max(1, count - 1) * share + (1 - share) * np.eye(p) if count >= 2 * p else np.diag(variances[:p])
    )
    return replace(family, root=family.root @ np.linalg.cholesky(dense), scale=family.scale * np.sqrt(variances[p:]))


def windows(steps: int) -> list[tuple[int, int, bool]]:
    """Stan's: (first, after the last, is the metric learned from it). A beginning, windows each twice as long as the one before, an end."""
    if steps < 20:
        return [(0, steps, False)] if steps else []
    begin, end, length = _BEGIN, _END, _FIRST
    if begin + end + length > steps:
        begin, end = int(0.15 * steps), int(0.1 * steps)
        length = steps - begin - end
    found, first, last = [(0, begin, False)], begin, steps - end
    while first < last:
        after = first + length if 3 * length <= last - first else last
        found.append((first, after, True))
        first, length = after, 2 * length
    return [*found, (last, steps, False)]
