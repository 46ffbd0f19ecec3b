"""The canonical layout of a model file.

Every comment is kept, at the end of its line or on lines of its own (a comment inside an expression moves above it). Blank lines group
statements: at most one in a row is kept. Within a group, the marks `~`, `=` and `:` of neighbours stand below each other; clauses stand
on lines of their own, indented; a line that is too long is broken in brackets and before operators.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pplang._source import Span
from pplang._syntax import tree
from pplang._syntax.expression_text import expression_text
from pplang._syntax.pretty import lay_out
from pplang._syntax.rows import BODY_INDENT, Row, rows

WIDTH = 120
_SPREAD = 20
"""Neighbours are aligned as long as the longest of their left sides is at most so much longer than the shortest."""


@dataclass
class _Item:
    """A row, or a comment on a line of its own (row None), with what has been found out about it."""

    first_line: int
    last_line: int
    row: Row | None = None
    comment: str = ""
    indent: int = 0
    blank_before: bool = False
    padding: int = 0


@dataclass
class _Remarks:
    """The comments of one row: above it, at the end of it, and, after the last row of a body, below it."""

    above: list[tuple[Span, str]] = field(default_factory=list)
    beside: str = ""
    below: list[tuple[Span, str]] = field(default_factory=list)


def format_file(file: tree.File) -> str:
    """The file as text in its canonical layout; parsing that gives an equal tree, formatting it the same text."""
    items = list(_items(file))
    _separate(items, file)
    for run in _aligned_runs(items):
        width = max(len(one.row.left) for one in run if one.row)
        for one in run:
            one.padding = width - len(one.row.left) if one.row else 0
    return "".join(_text(one) for one in items)


format_expression = expression_text


def _items(file: tree.File) -> Iterator[_Item]:
    """Rows and comments in the order in which they will stand."""
    all_rows = [row for statement in file.statements for row in rows(statement)]
    remarks, last = _placed(file, all_rows)
    for row, remark in zip(all_rows, remarks, strict=True):
        first, end = _line(file, row.span.start), _line(file, max(row.span.start, row.span.end - 1))
        for span, text in remark.above:
            line = min(_line(file, span.start), first)
            yield _Item(line, line, comment=text, indent=row.indent)
        yield _Item(first, end, row, remark.beside, row.indent)
        for span, text in remark.below:
            line = _line(file, span.start)
            yield _Item(line, line, comment=text, indent=BODY_INDENT)
    for span, text in last:
        line = _line(file, span.start)
        yield _Item(line, line, comment=text)


def _placed(file: tree.File, all_rows: Sequence[Row]) -> tuple[list[_Remarks], list[tuple[Span, str]]]:
    """Which row each comment belongs to; and the comments after the last row."""
    remarks = [_Remarks() for _ in all_rows]
    last: list[tuple[Span, str]] = []
    starts = [row.span.start for row in all_rows]
    for comment in file.comments:
        span, text = comment
        i = bisect_right(starts, span.start) - 1
        row = all_rows[i] if i >= 0 else None
        following = all_rows[i + 1] if i + 1 < len(all_rows) else None
        if row is not None and span.start < row.span.end:
            remarks[i].above.append(comment)
        elif row is not None and _line(file, span.start) == _line(file, row.span.end):
            remarks[i].beside = text
        elif row is not None and row.in_body and not (following and following.in_body) and _indented(file, span):
            remarks[i].below.append(comment)
        elif following is not None:
            remarks[i + 1].above.append(comment)
        else:
            last.append(comment)
    return remarks, last


def _line(file: tree.File, offset: int) -> int:
    return bisect_right(file.lines, offset)


def _indented(file: tree.File, span: Span) -> bool:
    return span.start > file.lines[_line(file, span.start) - 1]


def _separate(items: Sequence[_Item], file: tree.File) -> None:
    """Blank lines where the source has some; a tree without a source gets them around its blocks."""
    for before, one in pairwise(items):
        above, below = before.row, one.row
        if above is not None and below is not None and (above.role == "note" or below.role == "clause"):
            continue
        if file.lines:
            one.blank_before = one.first_line - before.last_line > 1
        elif above is not None and below is not None:
            one.blank_before = below.role == "head" or (above.in_body and not below.in_body)


def _aligned_runs(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    """Neighbours of one kind, without a blank line or another statement between them, whose left sides are not too unequal."""
    run: list[_Item] = []
    for one in items:
        if one.row is None or one.row.role in ("note", "clause"):
            if one.blank_before:
                yield from [run] if run else []
                run = []
            continue
        widths = [len(other.row.left) for other in [*run, one] if other.row]
        fits = bool(run) and run[-1].row is not None and run[-1].row.kind == one.row.kind and not one.blank_before
        if fits and max(widths) - min(widths) <= _SPREAD:
            run.append(one)
            continue
        yield from [run] if run else []
        run = [one] if one.row.kind else []
    yield from [run] if run else []


def _text(item: _Item) -> str:
    start = "\n" if item.blank_before else ""
    margin = " " * item.indent
    row = item.row
    if row is None:
        return f"{start}{margin}{item.comment}\n"
    left = margin + row.left + " " * item.padding + (f" {row.mark}" if row.mark else "")
    if row.right != "":
        left += " "
    right = lay_out(row.right, WIDTH, column=len(left), indent=item.indent)
    return f"{start}{left}{right}" + (f"  {item.comment}" if item.comment else "") + "\n"
