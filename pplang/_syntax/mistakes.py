"""What to say where the parser stops: the first rule that knows the mistake, else what could have stood there."""

from __future__ import annotations

from collections.abc import Sequence

from lark.lexer import Token

from pplang._syntax.failure import Failure, Mistake, mistake
from pplang._syntax.grammar import grammar
from pplang._syntax.habits import HABITS
from pplang._syntax.slips import SLIPS
from pplang._syntax.words import reserved_words

_OPERAND = frozenset({"NAME", "INT", "FLOAT", "STRING", "OPEN_PARENTHESIS", "OPEN_BRACKET", "MINUS", "IF", "NOT", "WHOLE"})
_OPERATOR = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "CARET", "COMPARISON", "AND", "OR", "OPEN_PARENTHESIS", "OPEN_BRACKET", "DOT"})
_NAMED = {
    "NAME": "a name",
    "INT": "a whole number",
    "FLOAT": "a number",
    "STRING": "a text in quotes",
    "END_OF_LINE": "the end of the line",
    "INDENT": "indented lines",
    "DEDENT": "the end of the indented lines",
    "COMPARISON": "a comparison",
}


def explain(failure: Failure) -> Mistake:
    """The message for a failure, and how to read on."""
    for rule in (*HABITS, *SLIPS):
        known = rule(failure)
        if known is not None:
            return known
    return _unexpected(failure)


def _unexpected(failure: Failure) -> Mistake:
    one = failure.token
    if one.type == "END_OF_LINE":
        title = "a line that ends too early"
    elif one.value in reserved_words():
        title = f"the word `{one.value}` cannot stand here"
    else:
        title = f"`{one.value}` cannot stand here"
    return mistake(failure, "X38", title, help=_what_fits(failure.expected))


def _what_fits(expected: frozenset[str]) -> str:
    kinds: list[str] = []
    rest = set(expected) - {"$END"}
    if {"NAME", "FLOAT", "OPEN_PARENTHESIS"} <= rest:
        kinds.append("an expression")
        rest -= _OPERAND
    elif "PLUS" in rest:
        kinds.append("an operator")
        rest -= _OPERATOR
    kinds += [
        _NAMED[type_] if type_ in _NAMED else f"`{grammar().words[type_]}`" for type_ in sorted(rest, key=lambda one: (one in _NAMED, one))
    ]
    if len(kinds) > 6:
        kinds = [*kinds[:6], "..."]
    return "here may stand: " + ", ".join(kinds) if kinds else "nothing more may follow"


def without_line(tokens: Sequence[Token], at: int) -> tuple[Token, ...] | None:
    """A block without the faulty line of its body, so that its other lines are still read; None where nothing is left."""
    failure = Failure(tokens, at, frozenset())
    start, end = failure.line
    if not failure.body_of or at >= len(tokens) or tokens[end].type != "END_OF_LINE":
        return None
    rest = (*tokens[:start], *tokens[end + 1 :])
    body = rest[next(i for i, one in enumerate(rest) if one.type == "INDENT") + 1 :]
    return rest if any(one.type not in ("DEDENT", "END_OF_LINE") for one in body) else None
