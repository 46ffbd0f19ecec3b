"""Where the parser stopped, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from lark.lexer import Token

from pplang._diagnostics import Diagnostic
from pplang._records import dataclass
from pplang._source import Span
from pplang._syntax.brackets import CLOSER, CLOSERS
from pplang._syntax.faults import instead, place, token
from pplang._syntax.layout import first_after_notes


@dataclass(frozen=True)
class Mistake:
    """What is wrong; and, where it is clear what was meant, the tokens of the whole statement with that in place, to read on."""

    diagnostic: Diagnostic
    mended: tuple[Token, ...] | None = None


@dataclass(frozen=True)
class Failure:
    """The first token of a statement that cannot stand where it does (`at` is one past the last when more was needed)."""

    tokens: Sequence[Token]
    at: int
    expected: frozenset[str]

    @cached_property
    def token(self) -> Token:
        if self.at < len(self.tokens):
            return self.tokens[self.at]
        end = place(self.tokens[-1]).end
        return token("END_OF_LINE", "", end, end)

    def near(self, distance: int) -> Token:
        """The token so many after the failing one (before it, when negative); an empty one beyond the ends."""
        i = self.at + distance
        return self.tokens[i] if 0 <= i < len(self.tokens) else token("", "", 0, 0)

    @cached_property
    def head(self) -> int:
        """The position of the first token after the annotations."""
        return first_after_notes(self.tokens)

    @property
    def first(self) -> Token:
        return self.tokens[self.head] if self.head < len(self.tokens) else token("", "", 0, 0)

    @cached_property
    def line(self) -> tuple[int, int]:
        """From where to where the line of the failing token goes: a column, a relation of a guide, or the whole statement."""
        inside = min(self.at, len(self.tokens) - 1)
        starts = [i for i in range(inside + 1) if i == 0 or self.tokens[i - 1].type in ("END_OF_LINE", "INDENT")]
        return starts[-1], next(i for i in range(inside, len(self.tokens)) if self.tokens[i].type in ("END_OF_LINE", "DEDENT"))

    @cached_property
    def body_of(self) -> str:
        """DATA or GUIDE when the failing token stands in such a body, else nothing."""
        inside = any(one.type == "INDENT" for one in self.tokens[: self.at])
        return self.first.type if inside else ""

    @property
    def after_name(self) -> bool:
        """A relation is being read, and it is time for its `~` or `=`."""
        return "TILDE" in self.expected

    @property
    def after_operand(self) -> bool:
        """An expression could go on with an operator, or be over."""
        return not self.expected.isdisjoint(("PLUS", "AND"))

    @property
    def wants_operand(self) -> bool:
        """An expression has to begin."""
        return {"NAME", "FLOAT", "OPEN_PARENTHESIS"} <= self.expected

    @cached_property
    def open_bracket(self) -> Token | None:
        """The innermost bracket around the failing token."""
        stack = []
        for one in self.tokens[: self.at]:
            if one.type in CLOSER:
                stack.append(one)
            elif one.type in CLOSERS and stack:
                stack.pop()
        return stack[-1] if stack else None

    def touches(self, distance: int) -> bool:
        """Whether the token before `near(distance)` stands directly against it."""
        return place(self.near(distance - 1)).end == place(self.near(distance)).start

    def with_instead(self, start: int, end: int, *new: tuple[str, str]) -> tuple[Token, ...]:
        """The tokens with those from `near(start)` to before `near(end)` replaced by others (type, value)."""
        old = self.tokens[self.at + start] if start < end else self.token
        return (*self.tokens[: self.at + start], *(instead(old, *one) for one in new), *self.tokens[self.at + end :])


def mistake(
    failure: Failure,
    code: str,
    title: str,
    label: str = "",
    help: str = "",
    *,
    span: Span | None = None,
    mended: tuple[Token, ...] | None = None,
) -> Mistake:
    """A mistake at the failing token, unless `span` says otherwise."""
    return Mistake(Diagnostic(code, title, span or place(failure.token), label, help=help), mended)


def name_before(failure: Failure) -> str:
    """The name that the statement defines, as far as can be seen."""
    start, _ = failure.line
    names = [one.value for one in failure.tokens[max(start, failure.head) : failure.at] if one.type == "NAME"]
    return names[0] if names else "x"
