"""Annotations: which exist, where they may stand, what they take. They change how something is computed, never what it means."""

from __future__ import annotations

from math import inf
from typing import Literal

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._check.environment import Environment
from pplang._check.type_names import constant, literal
from pplang._check.words import near
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._records import dataclass
from pplang._syntax import tree

Place = Literal["data", "latent", "observed", "input", "other"]
_WHERE = {
    "latent": "a latent relation, x ~ ...",
    "relation": "a relation, x ~ ...",
    "data": "a `data` table",
    "input": "an `input`",
}


@dataclass(frozen=True)
class Annotation:
    """What an annotation needs: where it may stand, how many numbers it takes (at least, at most), and the range they lie in."""

    place: Literal["data", "latent", "input", "relation"]
    usage: str
    arguments: tuple[int, int] = (0, 0)
    lower: float = -inf
    upper: float = inf


ANNOTATIONS = {
    "centered": Annotation("latent", "@centered"),
    "noncentered": Annotation("latent", "@noncentered"),
    "partial": Annotation("latent", "@partial(0.3)", (1, 1), 0, 1),
    "expand": Annotation("relation", "@expand"),
    "whiten": Annotation("latent", "@whiten"),
    "integrate": Annotation("latent", "@integrate"),
    "viterbi": Annotation("latent", "@viterbi"),
    "enumerate": Annotation("latent", "@enumerate"),
    "relax": Annotation("latent", "@relax(0.5)", (0, 1), 0),
    "score": Annotation("latent", "@score"),
    "straight_through": Annotation("latent", "@straight_through"),
    "init": Annotation("latent", "@init(0)", (1, 1)),
    "minibatch": Annotation("data", "@minibatch(256)", (1, 1), 1),
    "tuned": Annotation("input", "@tuned"),
}
_OWN = ("tuned",)
"""Written by the compiler alone: no news for a user who asks which there are."""
PARAMETERISATIONS = ("centered", "noncentered", "partial")
MOVING = ("noncentered", "partial")
SCALE_MIXTURES = ("StudentT", "Cauchy", "Laplace")
"""Normal distributions whose variance is drawn: what `@expand` can write out."""


def read_notes(environment: Environment, nodes: tuple[tree.Note, ...]) -> tuple[ir.Note, ...]:
    """Annotations with constant arguments; those that are unknown or malformed are reported and left out."""
    found = (_read(environment, one) for one in nodes)
    return tuple(one for one in found if one is not None)


def _read(environment: Environment, node: tree.Note) -> ir.Note | None:
    if node.name not in ANNOTATIONS:
        known = [one for one in ANNOTATIONS if one not in _OWN]
        american = node.name.replace("centred", "centered").replace("_", "")
        meant = american if american in known else near(node.name, known)
        environment.report("A01", f"unknown annotation `@{node.name}`", node.span, f"did you mean `@{meant}`?" if meant else "",
                           help="" if meant else f"the annotations are {', '.join('@' + one for one in known)}")  # fmt: skip
        return None
    wanted = ANNOTATIONS[node.name]
    values = [constant(one.value) for one in node.arguments]
    least, most = wanted.arguments
    if any(one is None for one in values) or not least <= len(values) <= most or any(one.name for one in node.arguments):
        takes = "takes no arguments" if most == 0 else "takes one number"
        environment.report("A03", f"`@{node.name}` {takes}", node.span, help=f"write {wanted.usage}")
        return None
    if any(one is not None and not wanted.lower <= one <= wanted.upper for one in values):
        bounds = f"between {wanted.lower:g} and {wanted.upper:g}" if wanted.upper < inf else f"at least {wanted.lower:g}"
        environment.report(
            "A03", f"the number in `@{node.name}` is out of range", node.span, f"it must be {bounds}", help=f"write {wanted.usage}"
        )
        return None
    return ir.Note(node.name, tuple(_expression(one.value) for one in node.arguments), span=node.span)


def check_places(environment: Environment, notes: tuple[ir.Note, ...], place: Place) -> None:
    """Are the annotations where they can mean something, and do they agree?"""
    seen: set[str] = set()
    for note in notes:
        wanted = ANNOTATIONS[note.name]
        if wanted.place != place and not (wanted.place == "relation" and place in ("latent", "observed")):
            environment.report(
                "A02", f"`@{note.name}` has no meaning here", note.span, help=f"put it before {_WHERE[wanted.place]}, or leave it out"
            )
        if note.name in seen:
            environment.report("A04", f"`@{note.name}` twice", note.span, help="keep one of them")
        seen.add(note.name)
    chosen = [note for note in notes if note.name in PARAMETERISATIONS]
    if len({note.name for note in chosen}) > 1:
        names = " and ".join(f"`@{note.name}`" for note in chosen)
        environment.report("A04", f"{names} contradict each other", chosen[-1].span, help="keep one of them")


def check_forms(environment: Environment, notes: tuple[ir.Note, ...], site: ir.Site) -> None:
    """Has a draw what it would be moved by? One number's distribution needs a location or a scale, a joint one is moved by its factor; and
    only some distributions are normal ones of an unknown variance."""
    right = site.right
    entry = DISTRIBUTIONS.get(right.name) if isinstance(right, ire.Distribution) else None
    what = f"`{right.name}`" if isinstance(right, ire.Distribution) else "a mixture"
    plain = not (site.event or site.where or site.weight or site.starting or site.fixing)
    for note in notes:
        if note.name in MOVING and (entry is None or (entry.family is None and not entry.event)):
            title = f"`@{note.name}` before a draw that has no location and scale to move it by"
            environment.report("A05", title, note.span, f"{what} is not of a location-scale family", help="leave the annotation out")
        if note.name == "expand" and (entry is None or entry.name not in SCALE_MIXTURES or not plain):
            label = f"{what} is not one of {', '.join(SCALE_MIXTURES)}" if plain else "not with a clause or a bare axis"
            environment.report("A05", "`@expand` before a draw that it cannot expand", note.span, label, help="leave the annotation out")


def _expression(node: tree.Expression) -> ire.Expression:
    """A literal with its sign."""
    match node:
        case tree.Negate(operand):
            return ire.Negate(_expression(operand))
        case tree.Number(text):
            return ire.Number(literal(text))
    raise AssertionError(node)
