"""The empty cells of a discrete column, as a discrete latent over all rows of which most are known.

`split_missing` has left three relations of a column `smokes : bool?`: the cells that have a value, the others, and the table of both. A sum over
the others needs to know which row each belongs to. So the table takes their place: a latent with a state for each row, whose log weight is that
of the relation where the cell is empty, and where it has a value zero at that value and minus infinity elsewhere. After sampling the empty
cells are read off the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pplang._check.graph import mentions
from pplang._ir import expression as ire
from pplang._ir.kinds import Boolean
from pplang._ir.program import Empty, Program, Site
from pplang._records import dataclass


@dataclass(frozen=True)
class Cells:
    """site: the relation of the empty cells; column: the name of the column (or input) that they belong to; rows: its axes' variables."""

    site: Site
    column: str
    rows: tuple[ire.Expression, ...]

    @property
    def has_value(self) -> ire.Expression:
        """Whether the cell of a row has a value."""
        return ire.Given(self.column, self.rows)

    def agrees(self, value: ire.Expression) -> ire.Expression:
        """Whether a value is that of the cell of its row."""
        known = ire.Reference(self.column, self.rows)
        if isinstance(self.site.kind, Boolean):
            return ire.IfElse(value, known, ire.Not(known))
        return ire.Compare("==", value, known)

    def drawn(self, table: Site, origin: tuple[str, str]) -> Site:
        """The relation that reads the empty cells off the table of all."""
        (axis,) = self.site.axes
        assert axis.variable is not None
        places = tuple(ire.Part(ire.Variable(axis.variable), one) for one in table.sets)
        right = ire.Reference(table.name, places)
        return replace(self.site, role="deterministic", right=right, level="generated", notes=(), weight=None, origin=origin)


def with_tables(program: Program, is_discrete: Callable[[Site], bool]) -> tuple[Program, dict[str, Cells]]:
    """The program in which the tables of discrete columns with empty cells are latents, and what these stand for, by their names."""
    found: dict[str, Cells] = {}
    for cells in [site for site in program.sites if is_discrete(site)]:
        table = _table(program, cells)
        if table is None:
            continue
        observed = program.site[table.right.name]  # type: ignore[union-attr]
        rows = tuple(ire.Variable(axis.variable) for axis in observed.axes if axis.variable is not None)
        found[table.name] = Cells(cells, observed.name, rows)
        latent = replace(cells, name=table.name, axes=observed.axes, right=observed.right, weight=observed.weight, origin=table.origin)
        program = program.with_sites(tuple(latent if one is table else one for one in program.sites if one is not cells))
    return program, found


def _table(program: Program, cells: Site) -> Site | None:
    """The relation that completes a column by these cells, where they are of the same distribution as the others and stand nowhere else."""
    users = [one for one in program.sites if any(edge.parent == cells.name for edge in mentions(one.right))]
    if len(users) != 1 or len(cells.axes) != 1 or not isinstance(users[0].right, ire.Completed):
        return None
    (table,) = users
    column = table.right.name  # type: ignore[union-attr]
    observed = program.site.get(column)
    if table.right != ire.Completed(column, ire.Reference(cells.name)) or program.set[cells.sets[0]].members != Empty(column):
        return None
    if observed is None or observed.role != "observed" or observed.event or observed.starting is not None:
        return None
    places: dict[str, ire.Expression] = {
        axis.variable: ire.Part(ire.Variable(cells.axes[0].variable or ""), axis.set) for axis in observed.axes if axis.variable is not None
    }

    def placed(node: ire.Expression) -> ire.Expression:
        return places.get(node.name, node) if isinstance(node, ire.Variable) else node

    return table if ire.rewrite(observed.right, placed) == cells.right else None
