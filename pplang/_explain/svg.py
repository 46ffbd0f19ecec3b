"""A picture of a model as SVG that stands alone: no scripts, no links, every text of the user's escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from pplang._explain.boxes import Box, Point, absolute
from pplang._explain.layers import routed
from pplang._explain.picture import Arrow, Node, Picture

_FONT, _LINE, _MARGIN = 13.0, 17.0, 14.0
_SMALL = 10.5
_COLOURS = ("#b3541e", "#1f5fa8", "#2f7d4f", "#8a3f8f", "#a03030", "#4b6a75", "#8a6d1a", "#3f4fa0", "#5a7d1f", "#7a4a30")
"""One for each pass."""
_LOOKS = {
    "latent": 'fill="#ffffff" stroke="#333333"',
    "observed": 'fill="#cfd6df" stroke="#333333"',
    "deterministic": 'fill="#ffffff" stroke="#333333" stroke-dasharray="5 3"',
    "data": 'fill="#f4f1e8" stroke="#b5ac90"',
    "factor": 'fill="#333333" stroke="#333333"',
}
_WORDS = {"latent": "unknown", "observed": "observed", "deterministic": "computed", "data": "data", "factor": "factor"}


def svg(picture: Picture) -> str:
    """The document."""
    nodes = {node.name: node for node in picture.nodes}
    root = _boxes(picture)
    arrows = {(one.parent, one.child): one for one in picture.arrows if one.parent != one.child}
    labelled = {one.parent: width(one.label, _SMALL) for one in arrows.values() if one.label}
    routes = routed(root, list(arrows), labelled)
    colours = dict(zip(picture.passes, (_COLOURS[n % len(_COLOURS)] for n in range(len(picture.passes))), strict=True))
    body: list[str] = []
    absolute(root, lambda box, corner, depth: body.extend(_plate(box, corner, depth, picture)) if box.plate and box.name else None)
    body += [line for pair, points in routes.items() for line in _arrow(arrows[pair], points)]
    loops = {one.parent: one for one in picture.arrows if one.parent == one.child}
    absolute(root, lambda box, corner, depth: body.extend(_node(nodes[box.name], box, corner, colours, loops)) if not box.plate else None)
    body += [line for pair, points in routes.items() for line in _label(arrows[pair], points, list(arrows.values()))]
    key, key_width, key_height = _key(picture, colours, root.height + _MARGIN)
    wide, high = max(root.width, key_width) + 2 * _MARGIN, root.height + key_height + 3 * _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="{_FONT:g}">',
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" '
            'orient="auto"><path d="M0,0.5 L8,4 L0,7.5 Z" fill="#555555"/></marker></defs>',
            f'<rect width="{wide:.0f}" height="{high:.0f}" fill="#ffffff"/>',
            f'<g transform="translate({_MARGIN:g},{_MARGIN:g})">',
            *body,
            *key,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _boxes(picture: Picture) -> Box:
    """The nodes in their plates. A plate of several sets stands in the largest plate of fewer of them that there is."""
    root = Box("", plate=True)
    groups: dict[frozenset[str], Box] = {frozenset(): root}
    for sets in sorted({node.sets for node in picture.nodes}, key=lambda sets: (len(set(sets)), sets)):
        if frozenset(sets) not in groups:
            around = max((one for one in groups if one < set(sets)), key=len)
            box = Box(f"plate {len(groups)}", plate=True)
            box.name = " × ".join(picture.plates[name] for name in sets if name not in around)
            groups[around].items.append(box)
            groups[frozenset(sets)] = box
    for node in picture.nodes:
        groups[frozenset(node.sets)].items.append(_sized(node))
    for number, box in enumerate(groups.values()):
        box.name = f"{number}:{box.name}" if box is not root else ""
    return root


def _sized(node: Node) -> Box:
    if node.look == "factor":
        return Box(node.name, 16.0, 16.0)
    texts = [(node.lines[0], _FONT), *((line, _SMALL) for line in node.lines[1:]), *((phrase, _SMALL) for _, phrase in node.touched)]
    return Box(node.name, max(48.0, max(width(text, size) for text, size in texts) + 22), _LINE * len(texts) + 10)


def width(text: str, size: float) -> float:
    """About how wide a text is in Helvetica, rather too wide than too narrow."""

    def one(character: str) -> float:
        if unicodedata.combining(character):
            return 0.0
        if unicodedata.east_asian_width(character) in "WF":
            return 1.05
        return 0.34 if character in " iljtfI.,;:'|![]()/" else 0.92 if character in "mwMW@%…—" else 0.72 if character.isupper() else 0.6

    return size * sum(map(one, text))


def _text(x: float, y: float, text: str, **attributes: str) -> str:
    written = "".join(f" {name.replace('_', '-')}={quoteattr(value)}" for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{written}>{escape(text)}</text>'


def _plate(box: Box, corner: Point, depth: int, picture: Picture) -> Iterator[str]:
    x, y = corner
    fill = ("#fafbfc", "#f3f6f9")[depth % 2]
    yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8" fill="{fill}" stroke="#8796a5"/>'
    label = box.name.partition(":")[2]
    yield _text(x + 10, y + 17, label, fill="#4a5b6c", font_size=f"{_FONT:g}", font_style="italic")


def _node(node: Node, box: Box, corner: Point, colours: dict[str, str], loops: dict[str, Arrow]) -> Iterator[str]:
    x, y = corner
    round_ends = 3.0 if node.look in ("data", "factor") else min(18.0, box.height / 2)
    faded = ' opacity="0.6"' if node.later else ""
    yield f"<g{faded}><title>{escape(node.whole or node.lines[0])}</title>"
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{round_ends:g}" {_LOOKS[node.look]}/>'
    yield shape
    middle = x + box.width / 2
    if node.look == "factor":
        yield _text(x + box.width + 5, y + 12, node.lines[0], font_size=f"{_SMALL:g}", fill="#333333")
    else:
        place = y + _LINE
        yield _text(middle, place, node.lines[0], text_anchor="middle", font_weight="normal" if node.look == "data" else "bold")
        for line in node.lines[1:]:
            place += _LINE
            yield _text(middle, place, line, text_anchor="middle", font_size=f"{_SMALL:g}", fill="#444444")
        for name, phrase in node.touched:
            place += _LINE
            yield _text(middle, place, phrase, text_anchor="middle", font_size=f"{_SMALL:g}", fill=colours[name])
    yield "</g>"
    if node.name in loops:
        right, top = x + box.width, y + box.height / 2
        yield (
            f'<path d="M{right:.1f},{top + 8:.1f} c22,10 22,-26 0,-16" fill="none" stroke="#555555" stroke-width="1.2" marker-end="url(#head)"/>'
        )
        yield _halo(right + 18, top + 4, loops[node.name].label, "start")


def _arrow(arrow: Arrow, points: Sequence[Point]) -> Iterator[str]:
    """Straight through rows, curved between them."""
    (x, y), path = points[0], [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for nx, ny in points[1:]:
        if abs(nx - x) < 0.5:
            path.append(f"L{nx:.1f},{ny:.1f}")
        else:
            half = (y + ny) / 2
            path.append(f"C{x:.1f},{half:.1f} {nx:.1f},{half:.1f} {nx:.1f},{ny:.1f}")
        x, y = nx, ny
    yield f'<path d="{" ".join(path)}" fill="none" stroke="#555555" stroke-width="1.2" marker-end="url(#head)"/>'


def _label(arrow: Arrow, points: Sequence[Point], arrows: Sequence[Arrow]) -> Iterator[str]:
    """Where the arrow turns: near its parent, or near its child where arrows of the parent carry different labels."""
    if not arrow.label:
        return
    first = max(range(len(points) - 1), key=lambda n: (points[n + 1][0] != points[n][0], points[n + 1][1] - points[n][1]))
    share = 0.7 if len({one.label for one in arrows if one.parent == arrow.parent}) > 1 else 0.3
    (x, y), (nx, ny) = points[first], points[first + 1]
    bend = share * share * (3 - 2 * share)  # the curve's own way across
    yield _halo(x + bend * (nx - x), y + share * (ny - y) + 3, arrow.label, "middle")


def _halo(x: float, y: float, text: str, anchor: str) -> str:
    """A text that can be read on a line."""
    around = _text(x, y, text, text_anchor=anchor, font_size=f"{_SMALL:g}", fill="#ffffff", stroke="#ffffff", stroke_width="4")
    return around + _text(x, y, text, text_anchor=anchor, font_size=f"{_SMALL:g}", fill="#6b4a1c")


def _key(picture: Picture, colours: dict[str, str], top: float) -> tuple[list[str], float, float]:
    """What the looks and colours mean; its width and height."""
    lines, x = [], 0.0
    used = {node.look for node in picture.nodes}
    for look in _LOOKS:
        if look in used:
            lines.append(
                f'<rect x="{x:.1f}" y="{top + 2:.1f}" width="20" height="12" rx="{3 if look in ("data", "factor") else 6}" {_LOOKS[look]}/>'
            )
            lines.append(_text(x + 26, top + 12, _WORDS[look], font_size=f"{_SMALL:g}", fill="#333333"))
            x += 26 + width(_WORDS[look], _SMALL) + 16
    if any(node.later for node in picture.nodes):
        lines.append(_text(x, top + 12, "pale: after the inference", font_size=f"{_SMALL:g}", fill="#888888"))
        x += width("pale: after the inference", _SMALL) + 16
    for name, colour in colours.items():
        lines.append(_text(x, top + 12, name, font_size=f"{_SMALL:g}", fill=colour))
        x += width(name, _SMALL) + 16
    return lines, x, 18.0
