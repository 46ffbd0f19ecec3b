"""What went wrong, as data: diagnostics, and the one place that turns them into text.

A diagnostic is a fact about the user's model or data. Whoever finds the fault builds the record beside the check; nobody formats.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pplang._source import Source, Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Label:
    """A further place that the message points at."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One fault (or remark), with the place it stands at and an edit that mends it.

    code: a letter for the room that found it and a number, e.g. "D02"; explained by `pplang message D02`.
    title: a short sentence in plain words, lower case, no full stop.
    span: the place in the model, None where the fault has no place there (a file, an option).
    label: what the reader sees at that place.
    labels: further places; notes: further facts, one line each; help: the edit that mends it.
    """

    code: str
    title: str
    span: Span | None = None
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    severity: Severity = "error"

    def to_json(self, source: Source | None) -> dict[str, Any]:
        """The same facts for machines; positions are 1-based lines and columns."""

        def place(span: Span) -> dict[str, int]:
            assert source is not None
            line, column = source.position(span.start)
            end_line, end_column = source.position(span.end)
            return {"line": line, "column": column, "end_line": end_line, "end_column": end_column}

        located = source is not None
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "file": source.name if source else None,
            "place": place(self.span) if located and self.span else None,
            "label": self.label,
            "labels": [{"place": place(one.span), "text": one.text} for one in self.labels] if located else [],
            "notes": list(self.notes),
            "help": self.help,
        }


class Problems(Exception):
    """The user's model or data have faults: every one that was found, in file order.

    `source` is the model that the spans point into; None when the faults have no place in a model.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], source: Source | None = None) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda one: one.span.start if one.span else -1))
        self.source = source
        super().__init__(self.diagnostics, source)

    def __str__(self) -> str:
        return "\n" + render(self.diagnostics, self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.diagnostics, self.source)


class InternalError(Exception):
    """A fault of pplang's own. Never raised for anything a user can do."""


@dataclass
class Collector:
    """Gathers diagnostics so that independent faults are reported together."""

    source: Source | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    @property
    def failed(self) -> bool:
        return any(one.severity == "error" for one in self.diagnostics)

    def raise_if_any(self) -> None:
        """Raise `Problems` if an error was found."""
        if self.failed:
            raise Problems(self.diagnostics, self.source)


def shown(text: object) -> str:
    """A user's label or name, safe to print: control characters and bidirectional marks are escaped."""

    def safe(character: str) -> str:
        harmless = unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        return character if harmless else f"\\u{ord(character):04x}"

    return "".join(safe(character) for character in str(text))


_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}


def render(diagnostics: Iterable[Diagnostic], source: Source | None, *, colour: bool = False) -> str:
    """All diagnostics as text for a terminal; blocks are separated by an empty line and the text ends with a newline."""
    return "\n".join(_render_one(one, source, colour) for one in diagnostics)


def _render_one(diagnostic: Diagnostic, source: Source | None, colour: bool) -> str:
    paint, bold, plain = (_COLOURS[diagnostic.severity], "\x1b[1m", "\x1b[0m") if colour else ("", "", "")
    lines = [f"{paint}{diagnostic.severity}[{diagnostic.code}]{plain}{bold}: {shown(diagnostic.title)}{plain}"]
    if source is not None and diagnostic.span is not None:
        line, column = source.position(diagnostic.span.start)
        lines.append(f"  --> {shown(source.name)}:{line}:{column}")
        places = sorted([*diagnostic.labels, Label(diagnostic.span, diagnostic.label)], key=lambda one: one.span)
        width = len(str(max(source.position(place.span.start)[0] for place in places)))
        previous = None
        for place in places:
            lines += _excerpt(source, place, width, paint, plain, repeat_line=source.position(place.span.start)[0] != previous)
            previous = source.position(place.span.start)[0]
    lines += [f"note: {shown(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        first, *rest = diagnostic.help.split("\n")
        lines += [f"help: {shown(first)}", *(f"      {shown(more)}" for more in rest)]
    return "\n".join(lines) + "\n"


_WIDEST = 160


def _excerpt(source: Source, place: Label, width: int, paint: str, plain: str, *, repeat_line: bool) -> list[str]:
    """The source line of a place and the carets under it; a very long line is cut around the place."""
    number, column = source.position(place.span.start)
    whole = source.line(number)
    first = max(0, column - 1 - _WIDEST // 2) if len(whole) > _WIDEST else 0
    visible = whole[first : first + _WIDEST]
    text = shown(visible.replace("\t", " "))
    before = shown(visible[: column - 1 - first].replace("\t", " "))
    under = shown(visible[column - 1 - first : place.span.end - place.span.start + column - 1 - first].replace("\t", " "))
    carets = "^" * max(1, _columns(under))
    pointer = f"{' ' * width} | {' ' * _columns(before)}{paint}{carets}{plain} {shown(place.text)}".rstrip()
    return [f"{number:>{width}} | {text}".rstrip(), pointer] if repeat_line else [pointer]


def _columns(text: str) -> int:
    """How many terminal columns a text takes."""
    return sum(0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
