"""What the data make of a model: sizes, and how the engine will move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pplang._diagnostics import shown
from pplang._ir.program import Labels

if TYPE_CHECKING:
    from pplang._model import Bound


def remarks(bound: Bound) -> tuple[str, ...]:
    """How many members the sets that the data bring have; how many unknown numbers there are, and how many of them transports move."""
    program, transported = bound.model.program, bound.transported
    used = {name for site in program.sites for name in site.sets}
    listed = [one.name for one in program.sets if one.name in used and not isinstance(one.members, Labels) and one.name in bound.sets]
    sizes = ", ".join(f"{len(bound.sets[name]):,} {shown(name)}" for name in listed)
    raw = {*(one.raw for one in transported.compiled.transports), *(one.raw for one in transported.compiled.blocks)}
    moved = sum(latent.size for latent in transported.latents if latent.name in raw)
    unknown = f"{bound.size:,} unknown {'number' if bound.size == 1 else 'numbers'}"
    engine = f", {moved:,} of them in coordinates that auto and vi fit to the data, element by element" if moved else ""
    return tuple(one for one in (sizes, unknown + engine) if one)
