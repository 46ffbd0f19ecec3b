"""Is the fit good? Importance sampling from it, and what its weights say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pplang._infer.families import Block

Word = Literal["good", "fair", "poor"]

GOOD, FAIR = 0.2, 0.1
"""Least effective share of the importance draws."""
_SHIFT, _STRETCH = 0.2, 1.25
"""A mean that reweighting moves by more sds than that, or an sd that it changes by more than that factor, is named."""
_MOST_NAMED = 4


@dataclass(frozen=True)
class Verdict:
    """What is known of a fit's quality.

    share: effective share of the importance draws (Kish). k_hat: of the Pareto tail, shown but not judged by: with few hyperparameters and a
    Student-t proposal weights are bounded and it is noise. nested: the latents
    of a large plate were integrated out, and the share is that of the hyperparameters. concerned: labels of what is off. elbo: with its standard error.
    improper: labels of what the density does not fall along. given: the params, on which all of it is conditional.
    """

    word: Word
    share: float
    k_hat: float
    draws: int
    nested: bool
    reasons: tuple[str, ...]
    concerned: tuple[str, ...]
    moved: float
    most_moved: str
    elbo: float
    elbo_error: float
    gradients: int
    densities: int
    start: str
    status: str
    improper: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def lines(self) -> tuple[str, str]:
        """The two lines for the screen."""
        how = {"converged": "converged", "more": "not converged", "stalled": "stalled"}.get(self.status, self.status)
        first = f"vi: {how}, {self.gradients:,} gradients; elbo {self.elbo:.2f} (se {self.elbo_error:.2f})"
        check = f"check: importance ESS {self.share * self.draws:,.0f}/{self.draws:,} ({self.share:.0%}), k-hat {self.k_hat:.2f}"
        if self.nested:
            check += ", latents integrated out"
        if self.given:
            check += f", given {', '.join(self.given)}"
        if self.word == "good":
            return first, f"{check}: good. Reweighting moved no mean by more than {self.moved:.2f} sd ({self.most_moved})"
        about = f": {'; '.join(self.reasons)}"
        return first, f"{check}: {self.word.upper() if self.word == 'poor' else self.word}{about}"

    def to_json(self) -> dict[str, Any]:
        """All of it, and `lines`; a number that is not finite is null."""

        def plain(value: Any) -> Any:
            if isinstance(value, tuple):
                return list(value)
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return {**{key: plain(value) for key, value in vars(self).items()}, "lines": list(self.lines())}


@dataclass(frozen=True)
class Reweighted:
    """What importance weights do to each coordinate: shift of the mean in sds of the family, and ratio of the sds, both (n,)."""

    shift: np.ndarray
    ratio: np.ndarray


def reweighted(family: Block, points: np.ndarray, weights: np.ndarray) -> Reweighted:
    mean = weights @ points
    deviation = np.sqrt(np.maximum(weights @ (points - mean) ** 2, 0.0))
    own = family.deviations()
    return Reweighted((mean - family.means()) / own, deviation / own)


def judged(
    *,
    share: float,
    k_hat: float,
    log_weights: np.ndarray,
    found: Reweighted,
    labels: np.ndarray,
    status: str,
    agree: bool,
    elsewhere: np.ndarray | None,
    residual: float,
    tails: Sequence[int],
    level: Sequence[int] = (),
) -> tuple[Word, tuple[str, ...], tuple[str, ...]]:
    """The verdict's word, its reasons and the labels concerned.

    good: converged, the starts agree, nothing as high elsewhere, an effective share of 0.2, no far tail that makes a mean. fair: a share from
    0.1, or the climb ended a little early (residuals below 0.1 sd), and reweighting moves no mean by 0.2 sd and no sd by a quarter; or all is
    good but for a far tail. poor: anything else.
    """
    ratio = np.maximum(found.ratio, 1e-12)
    badness = np.maximum(np.abs(found.shift) / _SHIFT, np.abs(np.log(ratio)) / np.log(_STRETCH))
    worst = [int(i) for i in np.argsort(-badness, kind="stable")[:_MOST_NAMED] if badness[i] > 1]
    concerned = tuple(str(labels[i]) for i in worst)
    reasons = []
    if level:
        along = tuple(str(labels[i]) for i in level)
        reasons.append(f"the density does not fall along {', '.join(along)}: the posterior is improper, or nearly so")
        return "poor", tuple(reasons), along
    if not np.isfinite(log_weights).any():
        reasons.append("the density is not finite where the approximation is")
    if status != "converged":
        reasons.append({"stalled": "the climb stalled", "more": "not converged"}.get(status, status))
    if not agree:
        reasons.append("the two starts ended in different places")
    if elsewhere is not None:
        farthest = int(np.argmax(np.abs(elsewhere)))
        reasons.append(f"the density is as high elsewhere, {abs(elsewhere[farthest]):.0f} sds away in {labels[farthest]}")
        concerned = (str(labels[farthest]), *(label for label in concerned if label != labels[farthest]))
    if share < GOOD:
        reasons.append("the posterior is not near enough to normal" + (f" in {', '.join(concerned)}" if concerned else ""))
    if not reasons and not tails:
        return "good", (), concerned
    if tails:
        long = ", ".join(str(labels[i]) for i in tails)
        reasons.append(f"{long}: mean and sd are those of a far tail that hardly a draw reaches; quantiles can be used")
        if len(reasons) == 1:
            return "fair", tuple(reasons), tuple(str(labels[i]) for i in tails)
    early = status in ("converged", "more", "stalled") and residual < 0.1
    if agree and elsewhere is None and early and share >= FAIR and not worst and np.isfinite(k_hat):
        return "fair", tuple(reasons), concerned
    return "poor", tuple(reasons), concerned
