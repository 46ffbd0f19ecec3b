"""What a pass decides and what it gives: choices with reasons, and the rewritten program with the way back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from math import inf
from typing import Any

from pplang._ir import expression as ire
from pplang._ir.kinds import NAMED, REAL, Interval, Kind
from pplang._ir.program import Axis, Input, Program, Site
from pplang._records import dataclass


@dataclass(frozen=True)
class Choice:
    """What a pass does with one site, and why, in a sentence for the user.

    action: the pass's own word ("noncenter", "log", "leave" …). numbers: what the choice looked at or fixes, by name.
    """

    site: str
    action: str
    reason: str
    numbers: tuple[tuple[str, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"site": self.site, "action": self.action, "reason": self.reason, "numbers": dict(self.numbers)}


@dataclass(frozen=True)
class Hyperparameter:
    """One that a site's evidence may move with: its name, and the inputs that hold phi0 (`centre`) and V (`slope`).

    own: there is one value for each member of the site's plates (the element of a coarser effect that each is nested in), not the same for all.
    """

    site: str
    centre: str
    slope: str
    own: bool = False


@dataclass(frozen=True)
class Transport:
    """A site in transported coordinates: names in the rewritten program of what the engine reads and of the inputs it sets.

    On the scale of the transport (log theta where `log`) theta = location + scale (shift + spread raw); see `_passes.transport`.
    growth is f, None where it is 1. step: of a chain, what a member is multiplied by on the way to the next (see `_passes.innovate`).
    """

    site: str
    raw: str
    log: bool
    location: str | None
    scale: str | None
    shift: str | None
    spread: str | None
    growth: str | None
    h: str
    b: str
    hyperparameters: tuple[Hyperparameter, ...]
    step: str | None = None


@dataclass(frozen=True)
class Block:
    """Latents that move as vectors of K elements: names of what the engine reads and sets, as in `Transport`; see `_passes.joint`.

    values, shift: (plates, K); factor, h: (plates, K, K), h (plates, K) where the evidence is `diagonal`; location, root: the same, or without
    the plates; b: (plates, K); a slope: (plates, K, sets of the hyperparameter); a centre: over the sets of the hyperparameter, or over the plates
    of one that is their own.
    """

    sites: tuple[str, ...]
    raw: str
    values: str
    location: str
    root: str
    shift: str
    factor: str
    growth: str | None
    h: str
    b: str
    hyperparameters: tuple[Hyperparameter, ...]
    diagonal: bool = False


@dataclass(frozen=True)
class Table:
    """A table of log weights that summing over discrete latents needs.

    site: its name; sets: its axes. latents, states: those whose states it goes through for each element, and the sets of these states.
    """

    site: str
    sets: tuple[str, ...]
    latents: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True)
class Rewrite:
    """A pass applied.

    inverse: deterministic sites that compute each new latent from the names of the program before (`theta_raw[s] = (theta[s] - mu) / tau`).
    tables: what summing over discrete latents needs. integrated: continuous latents that are generated from here on, and drawn exactly.
    transports: what has run-time constants, for the engine to set; they are inputs of `program` with the default 0.
    log_jacobian: terms whose sum is log |d old latents / d new latents|: log density before + these = log density after.
    added: latents that the program before does not have in any form; with these integrated out the densities are the same.
    paths: relations that the program draws beside the names of the source, for the fit to keep (see `@viterbi`).
    """

    program: Program
    inverse: tuple[Site, ...] = ()
    log_jacobian: tuple[ire.Expression, ...] = ()
    transports: tuple[Transport, ...] = ()
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    integrated: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    paths: tuple[Site, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One pass of a run: its name, its choices, and the program after it."""

    name: str
    choices: tuple[Choice, ...]
    rewrite: Rewrite

    @property
    def program(self) -> Program:
        return self.rewrite.program

    @property
    def summed(self) -> tuple[str, ...]:
        """The latents that it has summed or integrated out."""
        return tuple(choice.site for choice in self.choices) if self.rewrite.tables else self.rewrite.integrated


Different = Callable[[tuple[str, ...]], int]
"""How many different rows some columns and inputs have, where the data are known."""

Pins = Mapping[str, tuple[Choice, ...]]
"""Choices that are settled beforehand, by pass: those of a plan file."""


@dataclass(frozen=True)
class Compiled:
    """A program taken through the passes: `source` as the user wrote it, `stages` in order. pins: choices that were settled beforehand."""

    source: Program
    stages: tuple[Stage, ...] = field(default=())
    pins: Pins = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The program after the last pass: what is fitted."""
        return self.stages[-1].program if self.stages else self.source

    @property
    def drawn(self) -> Program:
        """The source with its columns of empty cells split in two and its processes on a basis written out: every name in it that has no value
        is drawn or computed."""
        written = [stage for stage in self.stages if stage.name in ("split_missing", "approximate")]
        return written[-1].program if written else self.source

    @property
    def kept(self) -> tuple[Site, ...]:
        """The relations of `drawn`, and those that a pass was asked to draw beside them."""
        return (*self.drawn.sites, *(one for stage in self.stages for one in stage.rewrite.paths))

    def before(self, name: str) -> Program:
        """The program as it stands before a pass."""
        names = [stage.name for stage in self.stages]
        place = names.index(name) if name in names else len(names)
        return self.stages[place - 1].program if place else self.source

    @property
    def inference(self) -> Program:
        """`program` without the relations that are drawn or computed after inference: its density is what is fitted."""
        return inference(self.program)

    @property
    def summed(self) -> tuple[str, ...]:
        """The latents that are summed or integrated out; `program` draws them."""
        return tuple(name for stage in self.stages for name in stage.summed)

    @property
    def tables(self) -> tuple[Table, ...]:
        """What summing over discrete latents needs."""
        return tuple(one for stage in self.stages for one in stage.rewrite.tables)

    def after(self, name: str) -> Program:
        """The program as it stands after a pass. Raises KeyError when that pass has not run."""
        return {stage.name: stage.program for stage in self.stages}[name]

    @property
    def transports(self) -> tuple[Transport, ...]:
        """Every site in transported coordinates."""
        return tuple(one for stage in self.stages for one in stage.rewrite.transports)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every group of sites that move together."""
        return tuple(one for stage in self.stages for one in stage.rewrite.blocks)

    @property
    def constants(self) -> tuple[Input, ...]:
        """The inputs that passes have added: the constants of the transports, and what params are moved by."""
        known = {one.name for one in self.source.inputs}
        return tuple(one for one in self.program.inputs if one.name not in known)

    @property
    def moves(self) -> tuple[str, ...]:
        """The inputs that the params are moved by, in the order of the params; none where params are left as they are."""
        if self.program.params or not self.source.params:
            return ()
        return tuple(one.name for one in self.program.inputs[-len(self.source.params) :])

    def completion(self) -> Program:
        """A program that computes and draws what is left of `drawn` once its latents have their values.

        The latents of inference stand in it with no distribution, since their values are put in, and all their axes bound; what is observed is
        left out.
        """
        later = {choice.site for stage in self.stages if stage.name == "forward" for choice in stage.choices}

        def given(site: Site) -> Site:
            axes = tuple(Axis(axis.variable or f"axis_{place}", axis.set) for place, axis in enumerate(site.axes))
            return replace(site, right=ire.Distribution("Flat"), axes=axes, starting=None, weight=None, where=None, fixing=())

        kept = (site for site in self.kept if site.role != "observed")
        sites = tuple(given(site) if site.stochastic and site.name not in later else site for site in kept)
        return replace(self.drawn, sites=sites, factors=(), restrictions=(), reward=None)

    def plan(self) -> dict[str, list[dict[str, Any]]]:
        """Every choice, by pass; data for JSON."""
        return {stage.name: [choice.to_json() for choice in stage.choices] for stage in self.stages}

    def inverse(self) -> Program:
        """A program that computes every latent of `program` from those of `drawn`: the latter are its inputs, all its sites are data.

        Its lowering's `prepare` is the map from a user's values to the coordinates in which the fit runs.
        """
        from pplang._check.retype import retype

        later = {site.name for site in self.program.sites if site.level == "generated"}
        sites = [site for site in self.drawn.sites if site.level != "generated" and site.name not in later]
        latents = [site for site in sites if site.role == "latent"]
        params = self.drawn.params
        given = (
            *(Input(site.name, site.sets, _declarable(site.kind, site.structure), site.structure) for site in latents),
            *(
                Input(param.name, tuple(axis.set for axis in param.axes), _declarable(param.kind, param.structure), param.structure)
                for param in params
            ),
        )
        known = [site for site in sites if site.role == "deterministic"]
        added = [site for stage in self.stages for site in stage.rewrite.inverse]
        sets = self.program.sets
        return retype(
            replace(
                self.drawn,
                sets=sets,
                inputs=(*self.drawn.inputs, *(replace(one, notes=()) for one in self.constants), *given),
                params=(),
                sites=tuple(replace(site, level="data") for site in (*known, *added)),
                factors=(),
                restrictions=(),
                guide=None,
                reward=None,
            )
        )


def kept_as(site: Site) -> str:
    """The name under which the draws of a site of `Compiled.drawn` are kept: those of a column's empty cells under the column's."""
    return site.origin[0] if site.origin is not None and site.origin[1] == "split_missing" else site.name


def inference(program: Program) -> Program:
    """A program without the relations that are drawn or computed after inference."""
    return program.with_sites(tuple(site for site in program.sites if site.level != "generated"))


def as_data(program: Program, names: Collection[str]) -> Program:
    """A program in which some latents are observed: inputs, whose values are given."""
    given = tuple(Input(name, program.site[name].sets, _declarable(program.site[name].kind, None)) for name in names)
    sites = tuple(replace(site, role="observed", notes=()) if site.name in names else site for site in program.sites)
    return replace(program, inputs=(*program.inputs, *given), sites=sites)


def _declarable(kind: Kind, structure: str | None) -> Kind:
    """The narrowest kind around `kind` that a type in the source can say."""
    if structure is not None:
        return NAMED["unit"] if structure == "simplex" else REAL
    if not isinstance(kind, Interval) or kind in NAMED.values():
        return kind
    if inf not in (-kind.lower, kind.upper):
        within_unit = (kind.lower, kind.upper, kind.integer) == (0, 1, False)
        return NAMED["unit"] if within_unit else Interval(kind.lower, kind.upper, integer=kind.integer)
    return next(NAMED[name] for name in ("count", "int", "positive", "nonnegative", "real") if kind.within(NAMED[name]))  # type: ignore[arg-type]
