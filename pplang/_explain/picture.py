"""What a picture of a model shows: its sites and data as nodes, index sets as nested plates, what depends on what, and what the passes touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Literal

from pplang._check.graph import placed_mentions
from pplang._diagnostics import shown
from pplang._explain.sentences import PHRASES
from pplang._ir import expression as ire
from pplang._ir.kinds import Member
from pplang._ir.program import Factor, Program, Site
from pplang._ir.text import expression
from pplang._passes.plan import Compiled
from pplang._records import dataclass

Look = Literal["latent", "observed", "deterministic", "data", "factor"]
_LONGEST = 30


@dataclass(frozen=True)
class Node:
    """name: its identity. sets: the plates it stands in. lines: what is written in it, the first its title; touched: (pass, what it did).

    later: left until after the inference. whole: all of its text, for who points at it.
    """

    name: str
    look: Look
    sets: tuple[str, ...]
    lines: tuple[str, ...]
    touched: tuple[tuple[str, str], ...] = ()
    later: bool = False
    whole: str = ""


@dataclass(frozen=True)
class Arrow:
    """label: the column that gathers the parent's elements, or the step back."""

    parent: str
    child: str
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """plates: the sets of nodes, with how they are called; passes: in their order, those that touched something."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    plates: Mapping[str, str]
    passes: tuple[str, ...]


def picture(compiled: Compiled, sizes: Mapping[str, int] | None = None) -> Picture:
    """The picture of the source program, with what the passes do to it. sizes: of index sets, where they are known."""
    program = compiled.source
    touched = _touched(compiled)
    sites = [_site_node(site, touched.get(site.name, ())) for site in program.sites]
    factors = {f"factor {number}": factor for number, factor in enumerate(program.factors, start=1)}
    arrows = [*_arrows(program, ((site.name, _parts(site)) for site in program.sites))]
    arrows += _arrows(program, ((name, (factor.value, factor.weight, factor.where)) for name, factor in factors.items()))
    used = dict.fromkeys(arrow.parent for arrow in arrows)
    data = [_data_node(program, name, touched.get(name, ())) for name in used if name not in program.site]
    nodes = (*data, *sites, *(_factor_node(name, factor) for name, factor in factors.items()))
    plates = {name: _plate(name, sizes or {}) for node in nodes for name in node.sets}
    passes = {name for node in nodes for name, _ in node.touched}
    return Picture(nodes, tuple(arrows), plates, tuple(stage.name for stage in compiled.stages if stage.name in passes))


def _plate(name: str, sizes: Mapping[str, int]) -> str:
    return f"{shown(name)} ({sizes[name]:,})" if name in sizes else shown(name)


def _touched(compiled: Compiled) -> dict[str, tuple[tuple[str, str], ...]]:
    """By site of the source: each pass that did something with it or with what an earlier pass made of it."""
    origin: dict[str, str] = {}
    found: dict[str, list[tuple[str, str]]] = {}
    for stage in compiled.stages:
        for choice in stage.choices:
            phrase = PHRASES.get((stage.name, choice.action), choice.action).format(**dict(choice.numbers))
            found.setdefault(origin.get(choice.site, choice.site), []).append((stage.name, phrase))
        origin |= {site.name: origin.get(site.origin[0], site.origin[0]) for site in stage.program.sites if site.origin is not None}
    return {name: tuple(dict.fromkeys(many)) for name, many in found.items()}


def _site_node(site: Site, touched: tuple[tuple[str, str], ...]) -> Node:
    look: Look = "deterministic" if site.role == "deterministic" else "latent" if site.role == "latent" else "observed"
    sign = "=" if site.role == "deterministic" else "~"
    kept = tuple(one for one in touched if one[0] != "forward")
    whole = f"{shown(site.name)} {sign} {expression(site.right)}"
    return Node(
        site.name, look, _unique(site.sets), (shown(site.name), f"{sign} {_short(site.right)}"), kept, site.level == "generated", whole
    )


def _short(node: ire.Expression) -> str:
    """A relation's right side where it is short; else the name of its distribution, or its beginning."""
    written = expression(node)
    if len(written) <= _LONGEST:
        return written
    if isinstance(node, ire.Distribution):
        return f"{node.name}(…)"
    return "Mixture(…)" if isinstance(node, ire.Mixture) else f"{written[: _LONGEST - 1]}…"


def _data_node(program: Program, name: str, touched: tuple[tuple[str, str], ...]) -> Node:
    return Node(name, "data", _unique(program.axes_of(name)), (shown(name),), touched)


def _factor_node(name: str, factor: Factor) -> Node:
    return Node(name, "factor", (), (name,), whole=expression(factor.value))


def _unique(sets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sets))


def _parts(site: Site) -> tuple[ire.Expression | None, ...]:
    return (site.right, site.weight, site.where, site.starting, *(value for _, value in site.fixing))


def _arrows(program: Program, relations: Iterable[tuple[str, tuple[ire.Expression | None, ...]]]) -> Iterator[Arrow]:
    """One for each pair, with all its labels."""
    for child, parts in relations:
        labels: dict[str, dict[str, None]] = {}
        mentioned = [*chain.from_iterable(placed_mentions(part) for part in parts if part is not None)]
        for reference, edge in mentioned:
            if not _is_index(program, edge.parent):
                labels.setdefault(edge.parent, {}).update(dict.fromkeys(_labels(reference)))
        yield from (Arrow(parent, child, ", ".join(many)) for parent, many in labels.items())


def _is_index(program: Program, name: str) -> bool:
    """A column that only says which: it stands at the arrows that it makes."""
    return name in program.column and isinstance(program.column[name].kind, Member)


def _labels(reference: ire.Reference) -> Iterator[str]:
    for index in reference.indices:
        match index:
            case ire.Reference(name, _):
                yield shown(name)
            case ire.Lag(variable, ire.Number(by)):
                yield f"{shown(variable)} {'−' if by > 0 else '+'} {abs(by)}"
            case ire.Lag(variable, _):
                yield f"earlier {shown(variable)}"
            case ire.Member(_, label):
                yield shown(label)
