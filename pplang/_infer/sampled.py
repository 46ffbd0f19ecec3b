"""Have the chains converged? What their draws say, and which site of the source is at fault."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pplang._diagnostics import Diagnostic, shown
from pplang._infer.convergence import ess_bulk, ess_tail, r_hat
from pplang._infer.nuts import DEEPEST_TREE
from pplang._infer.verdict import Word
from pplang._ir.program import Site

_R_HAT_GOOD, _R_HAT_FAIR = 1.02, 1.05
_ESS_GOOD, _ESS_FAIR = 100, 25
"""Effective draws of every number, of each chain."""
_DIVERGING_GOOD, _DIVERGING_FAIR = 0.001, 0.01
_E_BFMI = 0.3
_DEEP = 0.01
_MOST_LOOKED_AT = 2_000


@dataclass(frozen=True)
class Number:
    """One number of the posterior: the name of its draws, its site, its label, and how well it is known."""

    name: str
    site: Site
    label: str
    r_hat: float
    bulk: float
    tail: float


@dataclass(frozen=True)
class Sampled:
    """What is known of the draws of NUTS. r_hat, ess_bulk, ess_tail: the worst of the latents of the source. e_bfmi: the smallest of the chains.

    divergences, deepest (trajectories that ended for their length): counts. way: how the chains began. guarded: how often the coordinates were
    drawn back. gradients: of the fit, of the warm-up, of the draws. before: the fit's verdict.
    """

    word: Word
    reasons: tuple[str, ...]
    concerned: tuple[str, ...]
    r_hat: float
    ess_bulk: float
    ess_tail: float
    e_bfmi: float
    divergences: int
    deepest: int
    draws: int
    warmup: int
    way: str
    guarded: int
    gradients: tuple[int, int, int]
    notes: tuple[Diagnostic, ...]
    before: Mapping[str, Any] | None
    worst: str

    def lines(self) -> tuple[str, str]:
        """The two lines for the screen."""
        fit, warm, draws = self.gradients
        first = f"nuts: {self.way}, {fit + warm + draws:,} gradients (fit {fit:,}, warm-up {warm:,}, draws {draws:,})"
        diverged = f"{self.divergences:,} divergent" if self.divergences else "none divergent"
        found = (
            f"check: R-hat at most {self.r_hat:.3f}, bulk ESS from {self.ess_bulk:,.0f}, tail ESS from {self.ess_tail:,.0f} ({self.worst})"
        )
        word = self.word.upper() if self.word == "poor" else self.word
        return first, f"{found}, {diverged}: {word}" + (f": {'; '.join(self.reasons)}" if self.reasons else "")

    def to_json(self) -> dict[str, Any]:
        """All of it, and `lines`; a number that is not finite is null."""

        def plain(value: Any) -> Any:
            if isinstance(value, float) and not math.isfinite(value):
                return None
            return list(value) if isinstance(value, tuple) else value

        found = {name: plain(value) for name, value in vars(self).items() if name not in ("notes", "before")}
        fit, warm, draws = self.gradients
        counts = {"gradients": fit + warm + draws, "gradients_of": {"fit": fit, "warmup": warm, "draws": draws}}
        before = {} if self.before is None else {"before": self.before}
        return {**found, **counts, **before, "lines": list(self.lines())}


def numbers(sites: Mapping[str, Site], values: Mapping[str, np.ndarray], members: Mapping[str, Any]) -> list[Number]:
    """R-hat and effective sizes of the latents of the source, (chains, draws, ...) by name; of very many, an even choice."""
    each = max(10, _MOST_LOOKED_AT // max(1, len(sites)))
    found = []
    for name, site in sites.items():
        chains, draws, *shape = values[name].shape
        flat = values[name].astype(float).reshape(chains, draws, math.prod(shape))
        count = flat.shape[2]
        for i in np.unique(np.linspace(0, count - 1, min(count, each)).astype(int)) if count else ():
            column = flat[..., i]
            if np.ptp(column) == 0:  # a corner of a Cholesky factor is always 1
                continue
            label = shown(_label(name, site, np.unravel_index(int(i), shape), members))
            found.append(Number(name, site, label, r_hat(column), ess_bulk(column), ess_tail(column)))
    return found


def _label(name: str, site: Site, position: tuple[Any, ...], members: Mapping[str, Any]) -> str:
    if not position:
        return name
    return f"{name}[{', '.join(str(members[of][int(i)]) if of in members else str(i + 1) for of, i in zip(site.sets, position, strict=False))}]"


def verdict(
    *,
    found: list[Number],
    statistics: Mapping[str, np.ndarray],
    values: Mapping[str, np.ndarray],
    way: str,
    warmup: int,
    guarded: int,
    gradients: tuple[int, int, int],
    alone: bool,
    before: Mapping[str, Any] | None,
) -> Sampled:
    """alone: is there one chain only, although the fit has seen the density as high in two places?"""
    chains, draws = statistics["lp"].shape
    worst_r_hat = max((one.r_hat for one in found), default=math.nan)
    bulk = min((one.bulk for one in found), default=math.nan)
    tail = min((one.tail for one in found), default=math.nan)
    e_bfmi = min(_e_bfmi(energies) for energies in statistics["energy"])
    divergences = int(statistics["diverging"].sum())
    deepest = int((statistics["tree_depth"] >= DEEPEST_TREE).sum())
    notes = tuple(_notes(found, statistics, values, e_bfmi))
    reasons, words = [], ["good"]

    def judge(bad: bool, worse: bool, reason: str) -> None:
        if bad:
            reasons.append(reason)
            words.append("poor" if worse else "fair")

    judge(not worst_r_hat <= _R_HAT_GOOD and bool(found), not worst_r_hat <= _R_HAT_FAIR, "the chains do not agree")
    least = min(bulk, tail)
    judge(not least >= _ESS_GOOD * chains and bool(found), not least >= _ESS_FAIR * chains, "few effective draws")
    share = divergences / (chains * draws)
    judge(share > _DIVERGING_GOOD, share > _DIVERGING_FAIR, "divergent transitions")
    judge(e_bfmi < _E_BFMI, e_bfmi < _E_BFMI / 2, "the energy is explored slowly")
    judge(deepest > _DEEP * chains * draws, False, "trajectories were cut short")
    judge(alone, True, "the density is as high in two places, and there is one chain only")
    concerned = tuple(dict.fromkeys(note.label.split("`")[1] for note in notes if "`" in note.label))
    worst = min(found, key=lambda one: one.bulk).label if found else ""
    return Sampled(
        word=next(word for word in ("poor", "fair", "good") if word in words),
        reasons=tuple(reasons),
        concerned=concerned,
        r_hat=worst_r_hat,
        ess_bulk=bulk,
        ess_tail=tail,
        e_bfmi=e_bfmi,
        divergences=divergences,
        deepest=deepest,
        draws=chains * draws,
        warmup=warmup,
        way=way,
        guarded=guarded,
        gradients=gradients,
        notes=notes,
        before=before,
        worst=worst,
    )


def _e_bfmi(energies: np.ndarray) -> float:
    """Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo": how far one iteration moves the energy."""
    variance = float(energies.var())
    return float((np.diff(energies) ** 2).mean() / variance) if variance > 0 else 1.0


def _notes(
    found: list[Number], statistics: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray], e_bfmi: float
) -> Iterator[Diagnostic]:
    """Each trouble at the relation that it shows in most."""
    if not found:
        return
    chains, draws = statistics["lp"].shape
    worst = max(found, key=lambda one: one.r_hat)
    if worst.r_hat > _R_HAT_GOOD:
        yield _note(
            "F20",
            f"the chains do not agree (R-hat {worst.r_hat:.2f})",
            worst.site,
            f"most of all in `{worst.label}`",
            "draw more (--draws); where it stays, the data leave two explanations open: a prior or an order (Ordered) must choose",
        )
    least = min(found, key=lambda one: min(one.bulk, one.tail))
    if min(least.bulk, least.tail) < _ESS_GOOD * chains:
        yield _note(
            "F24",
            f"only {min(least.bulk, least.tail):,.0f} effective draws of {chains * draws:,}",
            least.site,
            f"of `{least.label}`",
            f"--samples-to-ess {_ESS_GOOD * chains} draws until there are enough; a covariate far from zero or a vague prior may be the cause",
        )
    diverging = statistics["diverging"]
    sites = {one.name: one.site for one in found}
    if diverging.any():
        name, low = _gathered(diverging, {name: values[name] for name in sites})
        yield _note(
            "F21",
            f"{int(diverging.sum()):,} divergent {'transition' if diverging.sum() == 1 else 'transitions'}: parts of the posterior may be missed",
            sites[name],
            f"they gather where `{name}` is {'small' if low else 'large'}",
            "--target-accept 0.95 takes smaller steps; a prior that keeps a scale away from zero, or a tail short, removes the cause",
        )
    if e_bfmi < _E_BFMI:
        name = _heaviest({name: values[name] for name in sites}, statistics["energy"])
        yield _note(
            "F22",
            f"the energy is explored slowly (E-BFMI {e_bfmi:.2f})",
            sites[name],
            f"it moves with `{name}`",
            "a long tail: give it a prior with a shorter one",
        )
    deepest = int((statistics["tree_depth"] >= DEEPEST_TREE).sum())
    if deepest > _DEEP * chains * draws:
        slowest = min(found, key=lambda one: one.bulk)
        yield _note(
            "F23",
            f"{deepest:,} trajectories were cut short at {2**DEEPEST_TREE:,} steps",
            slowest.site,
            f"the slowest is `{slowest.label}`",
            "unknowns that the data bind tightly together, or in very different units: standardise covariates, or leave one of two equals out",
        )


def _note(code: str, title: str, site: Site, label: str, help: str) -> Diagnostic:
    return Diagnostic(code, title, site.span, label, help=help, severity="warning")


def _gathered(diverging: np.ndarray, values: Mapping[str, np.ndarray]) -> tuple[str, bool]:
    """The name whose values at divergent transitions have the most unusual ranks, and whether these are low. Those of few numbers first: scales
    are where the trouble is."""
    chosen, farthest, low = next(iter(values)), -1.0, True
    for name, draws in values.items():
        flat = draws.reshape(diverging.size, -1)
        for column in flat.T[:50]:
            ranks = np.argsort(np.argsort(column, kind="stable"), kind="stable") / max(1, len(column) - 1)
            off = float(ranks[diverging.ravel()].mean() - 0.5) / math.sqrt(flat.shape[1])
            if abs(off) > farthest:
                chosen, farthest, low = name, abs(off), off < 0
    return chosen, low


def _heaviest(values: Mapping[str, np.ndarray], energy: np.ndarray) -> str:
    """The name with a number whose rank goes most with the energy."""
    ranks_of_energy = np.argsort(np.argsort(energy.ravel()))

    def follows(draws: np.ndarray) -> float:
        flat = draws.reshape(energy.size, -1).astype(float)
        columns = [np.argsort(np.argsort(np.abs(column - np.median(column)))) for column in flat.T[:50] if np.ptp(column) > 0]
        return max((abs(float(np.corrcoef(ranks_of_energy, column)[0, 1])) for column in columns), default=0.0)

    return max(values, key=lambda name: follows(values[name]))
