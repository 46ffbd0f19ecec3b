"""Lines and indentation: from tokens to pieces, each one statement with its annotations and, for `data` and `guide`, its body.

The grammar sees END_OF_LINE, INDENT and DEDENT in the places where this module puts them.

- A newline inside brackets means nothing.
- A line that begins with an operator or with a clause word continues the one before, across blank lines and comments too.
- Statements begin at the left edge; the indented lines after the head of a `data` or `guide` are its body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lark.lexer import Token

from pplang._diagnostics import Diagnostic
from pplang._records import dataclass
from pplang._syntax.brackets import CLOSER, CLOSERS, is_foreign_brace, unmatched_brackets
from pplang._syntax.faults import DAMAGE, Faults, instead, place, token

_CLAUSES = frozenset({"STARTING", "WEIGHTED", "WHERE", "FIXING"})
_OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "CARET", "COMPARISON", "AND", "OR", "TILDE", "EQUAL", "ARROW"})
_CONTINUES = _OPERATORS | _CLAUSES | {"THEN", "ELSE"}
_DEFINES = frozenset({"TILDE", "EQUAL", "COLON"})
_BLOCKS = frozenset({"DATA", "GUIDE"})


class Line:
    """A logical line: the tokens of one statement, head, column or annotation, wherever the line breaks are."""

    def __init__(self, indent: str) -> None:
        self.indent = indent
        self.tokens: list[Token] = []
        self.damaged = False

    @property
    def only_notes(self) -> bool:
        """Whether the line holds annotations and nothing else."""
        return first_after_notes(self.tokens) == len(self.tokens)


@dataclass(frozen=True)
class Piece:
    """The tokens of one statement, ready for the parser. damaged: what is wrong with it has been said already."""

    tokens: tuple[Token, ...]
    damaged: bool = False


def pieces(tokens: Sequence[Token], text: str, faults: Faults) -> Iterator[Piece]:
    """The statements of a file, in order."""
    lines = _logical_lines(tokens, unmatched_brackets(tokens, text, faults), text, faults)
    i = 0
    while i < len(lines):
        first = i
        while lines[i].only_notes and i + 1 < len(lines):
            i += 1
        head = lines[first : i + 1]
        i += 1
        body: list[Line] = []
        if _opens_body(head[-1]):
            while i < len(lines) and (lines[i].indent or (_unindented(body) and _looks_like_column(head[-1], lines[i]))):
                body.append(lines[i])
                i += 1
        _check_indentation(head, body, faults)
        yield _piece(head, body)


def _piece(head: Sequence[Line], body: Sequence[Line]) -> Piece:
    tokens = [one for line in head for one in _ended(line)]
    sound = [line for line in body if not line.damaged]
    if sound:
        start, end = place(sound[0].tokens[0]).start, place(sound[-1].tokens[-1]).end
        tokens += [token("INDENT", "", start, start), *(one for line in sound for one in _ended(line)), token("DEDENT", "", end, end)]
    return Piece(tuple(tokens), any(line.damaged for line in head) or bool(body and not sound))


def _ended(line: Line) -> Iterable[Token]:
    end = place(line.tokens[-1]).end
    return (*line.tokens, token("END_OF_LINE", "", end, end))


# Logical lines ---------------------------------------------------------------------------------------------------------


def _logical_lines(tokens: Sequence[Token], unmatched: frozenset[int], text: str, faults: Faults) -> list[Line]:
    lines: list[Line] = []
    depth = 0
    new_line = True
    for i, one in enumerate(tokens):
        if one.type == "NEWLINE":
            new_line = new_line or depth == 0
            if one.value == ";" and depth > 0:
                lines[-1].tokens.append(instead(one, "COMMA", ","))
            continue
        if new_line:
            new_line = False
            indent = _indentation(text, place(one).start)
            if not (lines and _continues(lines[-1], tokens, i, indent, faults)):
                lines.append(Line(indent))
        if i in unmatched or one.type == DAMAGE:
            lines[-1].damaged = True
        if i not in unmatched:
            depth += (one.type in CLOSER) - (one.type in CLOSERS)
        if one.type != DAMAGE and not (i in unmatched and one.type in CLOSERS):
            lines[-1].tokens.append(one)
    return [line for line in lines if line.tokens]


def _indentation(text: str, start: int) -> str:
    """The white space before the first token of a line."""
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    before = text[line_start:start].lstrip("\ufeff")
    return before[: len(before) - len(before.lstrip(" \t"))]


def _continues(line: Line, tokens: Sequence[Token], i: int, indent: str, faults: Faults) -> bool:
    """Whether the line that begins with token `i` goes on with the line before."""
    first = tokens[i]
    following = tokens[i + 1].type if i + 1 < len(tokens) else ""
    if first.type in _CLAUSES and following in _DEFINES:
        return False  # someone uses the word as a name
    if first.type in _CONTINUES:
        return True
    last = line.tokens[-1].type if line.tokens else ""
    if line.damaged or last == "COLON":
        return bool(indent) and not _opens_body(line)  # the body of a loop, perhaps: it is part of the same mistake
    if len(indent) > len(line.indent) and last in _OPERATORS:
        faults.add(_operator_at_end(line.tokens[-1]))
        return True
    return False


def _operator_at_end(operator: Token) -> Diagnostic:
    return Diagnostic(
        "X21",
        "a line that ends too early",
        place(operator),
        "what comes after it stands on the next line",
        help=f"begin the next line with `{operator.value}`: a line that begins with an operator continues the one before",
    )


# Heads and bodies ------------------------------------------------------------------------------------------------------


def first_after_notes(tokens: Sequence[Token]) -> int:
    """The position after `@name` and `@name(...)` at the beginning of a statement."""
    i = 0
    while i + 1 < len(tokens) and tokens[i].type == "AT":
        i += 2
        if i < len(tokens) and tokens[i].type == "OPEN_PARENTHESIS":
            depth = 0
            while i < len(tokens):
                depth += (tokens[i].type in CLOSER) - (tokens[i].type in CLOSERS)
                i += 1
                if depth == 0:
                    break
        while i < len(tokens) and tokens[i].type == "END_OF_LINE":
            i += 1
    return i


def _opens_body(line: Line) -> bool:
    rest = line.tokens[first_after_notes(line.tokens) :]
    if not rest or rest[0].type not in _BLOCKS:
        return False
    second = rest[1].type if len(rest) > 1 else ""
    foreign = any(is_foreign_brace(rest, i) for i in range(len(rest)))
    return not foreign and (second not in _DEFINES | {"OPEN_BRACKET"} or (rest[0].type == "GUIDE" and second == "COLON"))


def _unindented(body: Sequence[Line]) -> bool:
    return not any(line.indent for line in body)


def _looks_like_column(head: Line, line: Line) -> bool:
    """After a `data` without a body: `name : type` at the left edge, which nothing but a column can be."""
    types = [one.type for one in line.tokens]
    is_data = any(one.type == "DATA" for one in head.tokens)
    return is_data and types[0] == "NAME" and "COLON" in types[1:2] + types[4:5] and "TILDE" not in types


def _check_indentation(head: Sequence[Line], body: Sequence[Line], faults: Faults) -> None:
    for line in head:
        if line.indent and not line.damaged:
            faults.add(
                _indentation_fault(
                    line, "an indented line that belongs to nothing", "statements begin at the left edge", "take the spaces away"
                )
            )
    if _unindented(body) and body:
        label = f"this belongs to {_called(head[-1])}"
        faults.add(_indentation_fault(body[0], "a column that is not indented", label, "indent all columns by two spaces"))
        return
    for line in body:
        expected = body[0].indent
        if line.indent == expected or line.damaged:
            continue
        if "\t" in line.indent + expected and line.indent.expandtabs(4) != line.indent:
            faults.add(_indentation_fault(line, "an uneven indentation", "tabs here, other white space above", "indent with spaces only"))
        else:
            label = f"indented by {len(line.indent)}, the lines above by {len(expected)}"
            faults.add(_indentation_fault(line, "an uneven indentation", label, "indent all lines of a body alike"))


def _called(head: Line) -> str:
    """How a message names a data block: `data School`."""
    rest = head.tokens[first_after_notes(head.tokens) :]
    return "`" + " ".join(one.value for one in rest[:2]) + "`"


def _indentation_fault(line: Line, title: str, label: str, edit: str) -> Diagnostic:
    return Diagnostic("X06", title, place(line.tokens[0]), label, help=edit)
