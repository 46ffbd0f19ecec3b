"""What can be told of a model and its data before they are fitted: unknowns that no data depend on, covariates that do not vary, components
that can change places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pplang._check.graph import mentions
from pplang._diagnostics import Diagnostic, Problems, shown
from pplang._ir import expression as ire
from pplang._ir.program import Site
from pplang._passes.exchangeable import exchangeable, told

if TYPE_CHECKING:
    from pplang._model import Bound


def doubts(bound: Bound) -> tuple[Diagnostic, ...]:
    """Notes. Raises `Problems` (F12): an unknown with a flat prior that no data depend on has no distribution at all."""
    found = [*_unused(bound), *_constant(bound), *_interchangeable(bound)]
    faults = [one for one in found if one.severity == "error"]
    if faults:
        raise Problems(faults, bound.model.source)
    return tuple(found)


def _unused(bound: Bound) -> Iterator[Diagnostic]:
    program = bound.model.program
    later = {choice.site for stage in bound.compiled.stages if stage.name == "forward" for choice in stage.choices}
    for site in program.sites:
        if site.name not in later or site.role != "latent":
            continue
        if any(isinstance(part, ire.Distribution) and part.name == "Flat" for part in ire.walk(site.right)):
            title = f"no data depend on `{site.name}`, and its prior is flat: it has no distribution"
            yield Diagnostic(
                "F12", title, site.span, "nothing observed depends on it", help="use it, leave it out, or give it a proper prior"
            )
        elif not _informed(bound, site, later):
            title = f"no data depend on `{site.name}`: its draws are those of its prior"
            yield Diagnostic("F25", title, site.span, "nothing observed depends on it", help="use it, or leave it out", severity="warning")


def _informed(bound: Bound, site: Site, later: set[str]) -> bool:
    """Does it depend on anything that the data say something about? A prediction does."""
    program = bound.model.program
    pending, seen = [site.name], set[str]()
    while pending:
        for edge in mentions(program.site[pending.pop()].right):
            if edge.parent in seen or edge.parent not in program.site:
                continue
            seen.add(edge.parent)
            parent = program.site[edge.parent]
            if parent.role == "latent" and parent.name not in later:
                return True
            pending.append(parent.name)
    return False


def _constant(bound: Bound) -> Iterator[Diagnostic]:
    """Covariates in a sum of terms, times an unknown, that have one value in every row."""
    program = bound.model.program
    known = {**bound.dataset.arrays, **bound.arguments}
    unknown = {site.name for site in program.sites if site.level == "model"}
    told: set[str] = set()
    for site in program.sites:
        if site.level == "data":
            continue
        for term in (term for part in ire.walk(site.right) if isinstance(part, ire.Sum) for _, term in part.terms):
            if not isinstance(term, ire.Product) or not any(edge.parent in unknown for edge in mentions(term)):
                continue
            for _, factor in term.factors:
                if not isinstance(factor, ire.Reference) or factor.name in unknown or factor.name in told or not factor.indices:
                    continue
                values = np.asarray(known.get(factor.name, ()))
                if values.size > 1 and values.dtype.kind in "fiub" and (values == values.ravel()[0]).all():
                    told.add(factor.name)
                    value = shown(f"{float(values.ravel()[0]):g}")
                    title = f"`{factor.name}` is {value} in every row: what it is multiplied by cannot be told from an intercept"
                    help = "leave the term out, or check the column"
                    yield Diagnostic("F26", title, factor.span, f"always {value}", help=help, severity="warning")


def _interchangeable(bound: Bound) -> Iterator[Diagnostic]:
    program = bound.model.program
    for name in exchangeable(program):
        fact, edit = told(program, name)
        site = next(site for site in program.sites if site.role == "latent" and name in site.sets)
        yield Diagnostic("F36", fact, site.span, "one of the tables that they index", help=edit, severity="note")
