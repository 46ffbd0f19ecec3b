"""Annotations: which exist, where they may stand, what they take. They change how something is computed, never what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pplang._check.environment import near
from pplang._check.resolve import literal
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._syntax import tree

if TYPE_CHECKING:
    from pplang._check.declarations import Declarations

Place = Literal["data", "latent", "input", "other"]


@dataclass(frozen=True)
class Annotation:
    """What an annotation needs: where it may stand, how many numbers it takes (at least, at most), and the range they lie in."""

    place: Place
    arguments: tuple[int, int] = (0, 0)
    lower: float = float("-inf")
    upper: float = float("inf")


ANNOTATIONS = {
    "centered": Annotation("latent"),
    "noncentered": Annotation("latent"),
    "partial": Annotation("latent", (1, 1), 0, 1),
    "whiten": Annotation("latent"),
    "enumerate": Annotation("latent"),
    "relax": Annotation("latent", (0, 1), 0),
    "score": Annotation("latent"),
    "straight_through": Annotation("latent"),
    "init": Annotation("latent", (1, 1)),
    "minibatch": Annotation("data", (1, 1), 1),
    "tuned": Annotation("input"),
}
PARAMETERISATIONS = ("centered", "noncentered", "partial")


def read_note(declarations: Declarations, node: tree.Note) -> ir.Note | None:
    """One annotation with constant arguments; None when it is unknown or malformed (reported)."""
    if node.name not in ANNOTATIONS:
        meant = near({"centred": "centered", "noncentred": "noncentered", "non_centered": "noncentered"}.get(node.name, node.name), ANNOTATIONS)
        meant = node.name.replace("centred", "centered") if "centred" in node.name else meant
        declarations.report("A01", f"unknown annotation `@{node.name}`", node.span, f"did you mean `@{meant}`?" if meant else f"known are {', '.join('@' + one for one in ANNOTATIONS)}")
        return None
    wanted = ANNOTATIONS[node.name]
    values = [_number(one.value) for one in node.arguments]
    least, most = wanted.arguments
    usage = f"@{node.name}" + ("" if most == 0 else "(0.3)" if wanted.upper == 1 else "(0.5)" if node.name == "relax" else "(0)" if node.name == "init" else "(256)")
    if any(one is None for one in values) or not least <= len(values) <= most or any(one.name for one in node.arguments):
        declarations.report("A03", f"`@{node.name}` does not take these arguments", node.span, help=f"write {usage}")
        return None
    if any(one is not None and not wanted.lower <= one <= wanted.upper for one in values):
        declarations.report("A03", f"the argument of `@{node.name}` is out of range", node.span,
                            f"it lies between {wanted.lower:g} and {wanted.upper:g}" if wanted.upper < float("inf") else f"it is at least {wanted.lower:g}", help=f"write {usage}")  # fmt: skip
        return None
    return ir.Note(node.name, tuple(_expression(one.value) for one in node.arguments), span=node.span)


def check_places(declarations: Declarations, notes: tuple[ir.Note, ...], place: Place) -> None:
    """Are the annotations where they can mean something, and do they agree?"""
    seen: dict[str, ir.Note] = {}
    for note in notes:
        wanted = ANNOTATIONS[note.name].place
        if wanted != place:
            where = {"latent": "a latent relation, x ~ ...", "data": "a `data` table", "input": "an `input`"}[wanted]
            declarations.report("A02", f"`@{note.name}` has no meaning here", note.span, help=f"it stands before {where}")
        if note.name in seen:
            declarations.report("A04", f"`@{note.name}` twice", note.span, help="keep one")
        seen[note.name] = note
    chosen = [note for note in notes if note.name in PARAMETERISATIONS]
    if len({note.name for note in chosen}) > 1:
        names = " and ".join(f"`@{note.name}`" for note in chosen)
        declarations.report("A04", f"{names} contradict each other", chosen[-1].span, help="keep one of them")


def _number(node: tree.Expression) -> float | None:
    match node:
        case tree.Number(text):
            return float(literal(text))
        case tree.Negate(tree.Number(text)):
            return -float(literal(text))
    return None


def _expression(node: tree.Expression) -> ire.Expression:
    match node:
        case tree.Negate(tree.Number(text)):
            return ire.Negate(ire.Number(literal(text)))
        case tree.Number(text):
            return ire.Number(literal(text))
    raise AssertionError(node)
