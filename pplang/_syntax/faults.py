"""Gathering of syntax faults."""

from __future__ import annotations

from dataclasses import dataclass

from lark.lexer import Token

from pplang._diagnostics import Collector, Diagnostic
from pplang._source import Source, Span
from pplang._syntax import limits

DAMAGE = "DAMAGE"
"""The type of a token that cannot be read. Its fault has been reported, so nothing more is said about the statement it stands in."""

_ONCE = frozenset({"X17"})
"""Faults that come in packs: the blocks of a whole Stan program need one message."""


@dataclass
class Faults(Collector):
    """Collects diagnostics, and raises `Problems` at once when there are so many that reading on helps nobody."""

    source: Source

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic.code in _ONCE and any(one.code == diagnostic.code for one in self.diagnostics):
            return
        super().add(diagnostic)
        if len(self.diagnostics) >= limits.REPORTED:
            self.raise_if_any()


def place(first: Token, last: Token | None = None) -> Span:
    """The span of a token, or from one token to another."""
    return Span(first.start_pos or 0, (last or first).end_pos or 0)


def token(type_: str, value: str, start: int, end: int) -> Token:
    """A token that the text does not hold in this form."""
    return Token(type_, value, start_pos=start, end_pos=end)


def instead(old: Token, type_: str, value: str) -> Token:
    """Another token in the place of one."""
    return token(type_, value, old.start_pos or 0, old.end_pos or 0)
