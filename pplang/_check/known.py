"""What typing an expression gives."""

from __future__ import annotations

from pplang._ir.kinds import Kind
from pplang._records import dataclass


@dataclass(frozen=True)
class Typing:
    """What is known of an expression. kind None: something in it is wrong and reported, or not typed yet.

    sets: the axes that are left, in order; a list whose set the context decides is over ANY. data: known before inference.
    """

    kind: Kind | None
    sets: tuple[str, ...] = ()
    structure: str | None = None
    data: bool = True


UNKNOWN = Typing(None)
