"""Laying out text that may be broken over lines: groups that stand on one line if they fit, and else break at each of their places.

After Wadler, "A prettier printer" (2003), with consistent breaking and without recursion: a document may be nested as deeply as a model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """A place where a line may end: `flat` when it does not."""

    flat: str


@dataclass(frozen=True)
class Group:
    """Parts that are laid out together. Its lines after the first are indented by `nest` more than what surrounds it."""

    parts: tuple[Document, ...]
    nest: int
    width: int


Document = str | Break | Group


def group(*parts: Document, nest: int = 0) -> Group:
    return Group(parts, nest, sum(_width(part) for part in parts))


def joined(parts: list[Document], separator: str, place: Break) -> tuple[Document, ...]:
    """The parts with a separator and a place to break between each two."""
    result: list[Document] = []
    for i, part in enumerate(parts):
        result += [separator, place, part] if i and separator else [place, part] if i else [part]
    return tuple(result)


def flat(document: Document) -> str:
    """On one line, whatever its length."""
    return lay_out(document, _width(document))


def lay_out(document: Document, width: int, *, column: int = 0, indent: int = 0) -> str:
    """The text of a document that begins in a column, on lines of at most `width` characters where its breaks allow that."""
    pieces: list[str] = []
    todo: list[tuple[Document, int, bool]] = [(document, indent, False)]
    while todo:
        part, margin, broken = todo.pop()
        if isinstance(part, Group):
            splits = column + part.width + _until_break(todo) > width
            todo += [(inner, margin + part.nest, splits) for inner in reversed(part.parts)]
        elif isinstance(part, Break) and broken:
            pieces.append("\n" + " " * margin)
            column = margin
        else:
            text = part.flat if isinstance(part, Break) else part
            pieces.append(text)
            column += len(text)
    return "".join(pieces)


def _width(part: Document) -> int:
    return len(part) if isinstance(part, str) else len(part.flat) if isinstance(part, Break) else part.width


def _until_break(todo: list[tuple[Document, int, bool]]) -> int:
    """How much text must follow on the same line: up to the next place where a line surely ends."""
    width = 0
    for part, _, broken in reversed(todo):
        if isinstance(part, Break) and broken:
            break
        if isinstance(part, Group):
            break
        width += _width(part)
    return width
