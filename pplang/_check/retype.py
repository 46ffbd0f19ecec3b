"""The checker's facts for a program that a pass has made: order, kinds and levels computed again from its expressions."""

from __future__ import annotations

from dataclasses import replace

from pplang._check import graph
from pplang._check.draws import type_draw
from pplang._check.environment import Entry, Environment
from pplang._check.types import Typer
from pplang._check.widening import union
from pplang._diagnostics import Collector, InternalError
from pplang._ir import program as ir
from pplang._ir.substitute import bound_variables, unshadowed, variables_and_names

_PARTS = ("right", "starting", "weight", "where")
"""The expressions of a site."""


def environment_of(program: ir.Program) -> Environment:
    """What the checker would know of a typed program's names."""
    environment = Environment(Collector(), sets=dict(program.set), nets={net.name: net for net in program.nets})
    entries = environment.entries
    for column in program.column.values():
        complete = not (column.optional and column.name in program.site and program.site[column.name].role == "split")
        entries[column.name] = Entry(
            column.name, "column", column.sets, column.kind, structure=column.structure, data=complete, optional=column.optional
        )
    for one in program.inputs:
        known = not any(note.name == "tuned" for note in one.notes)
        complete = not (one.optional and one.name in program.site and program.site[one.name].role == "split")
        entries[one.name] = Entry(
            one.name, "input", one.sets, one.kind, structure=one.structure, data=known and complete, optional=one.optional
        )
    for param in program.params:
        entries[param.name] = Entry(param.name, "param", tuple(axis.set for axis in param.axes), param.kind, structure=param.structure)
    for site in program.sites:
        if site.role in ("latent", "deterministic") or site.value is not None:
            data = site.level == "data" or site.value is not None
            entries[site.name] = Entry(site.name, "site", site.sets, site.kind, structure=site.structure, data=data)
    return environment


def retype(program: ir.Program) -> ir.Program:
    """The program with its sites in order and with their kinds and levels; what a pass calls on its result.

    Raises InternalError when the pass has made something that does not check.
    """
    program = _with_letters_apart(program)
    environment = environment_of(program)
    names = [site.name for site in program.sites]
    parents = {site.name: graph.parents(site, program.site) for site in program.sites}
    ordered = graph.order(names, parents)
    if len(ordered) < len(names):
        raise InternalError(f"a pass made a circle among {sorted(set(names) - set(ordered))}")
    sites = [_typed(environment, program.site[name]) for name in ordered]
    if environment.collector.failed:
        raise InternalError(
            "a pass made a program that does not check: " + "; ".join(one.title for one in environment.collector.diagnostics)
        )
    sets = tuple(sorted(program.sets, key=lambda one: one.name))
    return replace(program, sets=sets, sites=graph.levels(sites, program.factors, program.restrictions, program.reward))


def _with_letters_apart(program: ir.Program) -> ir.Program:
    """What a pass moves below another index may bind a letter that stands for that index."""
    sites = []
    for site in program.sites:
        outer = frozenset(axis.variable for axis in site.axes if axis.variable is not None)
        parts = {name: part for name in _PARTS if (part := getattr(site, name)) is not None}
        if outer & bound_variables(parts.values()):
            taken = variables_and_names(program)
            site = replace(site, **{name: unshadowed(part, outer, taken) for name, part in parts.items()})  # type: ignore[arg-type]
        sites.append(site)
    return replace(program, sites=tuple(sites))


def _typed(environment: Environment, site: ir.Site) -> ir.Site:
    typer = Typer(environment, {axis.variable: axis.set for axis in site.axes if axis.variable is not None})
    if site.role in ("observed", "split"):
        return site
    started = None
    if site.role == "latent":
        draw = type_draw(typer, site.right, event=site.event)
        kind, structure, data = draw.kind, draw.structure, False
    else:
        typing = typer.type_of(site.right)
        started = None if site.starting is None else typer.type_of(site.starting)
        kind, structure, data = typing.kind, typing.structure, typing.data and (started is None or started.data)
    entry = environment.entries[site.name]
    kind = site.declared_kind or kind or site.kind
    if site.starting is not None:
        # The checker has settled a recurrence; what a pass has made beside it needs no settling, and is read again as narrow as it is.
        alone = site.origin is not None and site.origin[0] != site.name and site.name not in {edge.parent for edge in graph.edges(site)}
        kind = union([kind, started.kind]) or site.kind if alone and started is not None else site.kind
    entry.kind, entry.structure, entry.data = kind, structure, data
    level: ir.Level = "data" if data and site.role == "deterministic" else "model"
    return replace(site, kind=kind, structure=structure, level=level)
