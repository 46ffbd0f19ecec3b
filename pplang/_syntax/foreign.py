"""Signs of other languages and of typeset mathematics: what to write instead."""

from __future__ import annotations

import unicodedata

from pplang._diagnostics import Diagnostic
from pplang._source import Span

Mended = tuple[str, str]
"""Type and value of the token that was probably meant."""

_WORDS = {"&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}

_TYPESET: dict[str, tuple[str, str]] = {
    "×": ("STAR", "*"),
    "·": ("STAR", "*"),
    "⋅": ("STAR", "*"),
    "∗": ("STAR", "*"),
    "÷": ("SLASH", "/"),
    "∕": ("SLASH", "/"),
    "−": ("MINUS", "-"),
    "–": ("MINUS", "-"),
    "—": ("MINUS", "-"),
    "∼": ("TILDE", "~"),
    "～": ("TILDE", "~"),
    "≤": ("COMPARISON", "<="),
    "≥": ("COMPARISON", ">="),
    "≠": ("COMPARISON", "!="),
    "→": ("ARROW", "->"),
    "←": ("EQUAL", "="),
    "≔": ("EQUAL", "="),
    "∈": ("IN", "in"),
    "∧": ("AND", "and"),
    "∨": ("OR", "or"),
    "¬": ("NOT", "not"),
    "…": ("DOTS", ".."),
    "，": ("COMMA", ","),
    "：": ("COLON", ":"),
    "（": ("OPEN_PARENTHESIS", "("),
    "）": ("CLOSE_PARENTHESIS", ")"),
}

_FUNCTIONS = {"√": "sqrt(x)", "∑": "sum(x[k] for k in K)", "∏": "prod(x[k] for k in K)"}


def foreign_sign(span: Span, sign: str) -> tuple[Diagnostic, Mended | None]:
    """The message for a sign that the language does not have, and the token that was meant where there is one."""
    if sign in _WORDS:
        word = _WORDS[sign]
        return Diagnostic("X14", f"`{sign}` is not used here", span, help=f"write the word: {word}"), (word.upper(), word)
    if sign.startswith("%"):
        return _percent(span, sign), None
    if sign in _TYPESET:
        type_, plain = _TYPESET[sign]
        return Diagnostic("X19", f"`{sign}` is not used here", span, _name_of(sign), help=f"write {plain}"), (type_, plain)
    return Diagnostic("X19", "a character that means nothing here", span, _name_of(sign), help=_edit(sign)), None


def _percent(span: Span, sign: str) -> Diagnostic:
    instead = {
        "%*%": "a matrix product is written out: sum(x[i, k] * b[k] for k in K)",
        "%in%": "there is no membership test; compare with `==` and join with `or`",
    }
    return Diagnostic(
        "X13",
        f"`{sign}` is not used here",
        span,
        help=instead.get(sign, "there is no remainder; for a share write 0.05 instead of 5%, and let the data bring a cycle as a column"),
    )


def _edit(sign: str) -> str:
    if sign in _FUNCTIONS:
        return f"write {_FUNCTIONS[sign]}"
    if sign == "$":
        return "a column is used by its name alone: weight[i], not data$weight"
    if sign == "\\":
        return "a long line needs no sign: break it inside brackets, or begin the next line with an operator"
    if unicodedata.category(sign) == "Zs":
        return "replace it by an ordinary space"
    if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp"):
        return "it cannot be seen; delete it (type the line again if it is hard to find)"
    return "delete it, or write it with letters and the signs + - * / ^"


def _name_of(sign: str) -> str:
    name = unicodedata.name(sign, "")
    return f"this is U+{ord(sign):04X}" + (f", {name.lower()}" if name else "")


def foreign_string(span: Span, text: str) -> Diagnostic:
    """Text in quotes of another kind."""
    return Diagnostic("X09", f"a text stands in double quotes, not in {text[0]}", span, help=f'write "{inner(text)}"')


def inner(text: str) -> str:
    """What stands between the quotes; the closing one may be missing."""
    return text[1:].rstrip("'’“”»\"")
