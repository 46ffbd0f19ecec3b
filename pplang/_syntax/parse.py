"""Text to syntax tree.

words (tokens) -> layout (statements) -> the LALR parser, statement by statement, so that a fault in one leaves the others to be read. Where
a statement cannot be read, `mistakes` says what was probably meant; if it knows what to put instead, reading goes on with that, to find
what else is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from lark.exceptions import UnexpectedToken
from lark.lexer import Token

from pplang._diagnostics import Diagnostic, Problems
from pplang._source import Source, Span
from pplang._syntax import limits, tree
from pplang._syntax.failure import Failure
from pplang._syntax.faults import Faults
from pplang._syntax.grammar import grammar
from pplang._syntax.layout import Piece, pieces
from pplang._syntax.mistakes import explain, without_line
from pplang._syntax.wellformed import check_form
from pplang._syntax.words import read_words


def parse(source: Source) -> tree.File:
    """The tree of a model file.

    Raises `Problems` with every independent syntax fault, in file order: X codes, N04 for reserved words, L codes for limits.
    """
    _check_size(source)
    faults = Faults(source)
    tokens, comments = read_words(source, faults)
    statements: list[tree.Statement] = []
    for piece in pieces(tokens, source.text, faults):
        if not piece.damaged:
            statements += _read(piece, faults)
    check_form(statements, faults)
    faults.raise_if_any()
    return tree.File(tuple(statements), comments, source.line_starts)


def _check_size(source: Source) -> None:
    size = len(source.text.encode("utf-8", errors="surrogatepass"))
    if size > limits.FILE_BYTES:
        help_ = "numbers and labels belong in the data: read them with `data` or `input`"
        raise Problems([Diagnostic("L01", f"a model of {size:,} bytes; the limit is {limits.FILE_BYTES:,}", help=help_)], source)
    nul = source.text.find("\0")
    if nul >= 0:
        raise Problems([Diagnostic("L05", "a NUL character: this is not a text file", Span(nul, nul + 1), help="delete it")], source)


def _read(piece: Piece, faults: Faults) -> Sequence[tree.Statement]:
    """The statement of a piece; empty when it cannot be read (its faults are reported)."""
    tokens: Sequence[Token] | None = piece.tokens
    for _ in range(limits.REPORTED):
        if not tokens:
            break
        outcome = _attempt(tokens)
        if not isinstance(outcome, Failure):
            return outcome
        mistake = explain(outcome)
        faults.add(mistake.diagnostic)
        tokens = mistake.mended or without_line(tokens, outcome.at)
    return ()


def _attempt(tokens: Sequence[Token]) -> Sequence[tree.Statement] | Failure:
    interactive = grammar().start()
    for at, one in enumerate(tokens):
        try:
            interactive.feed_token(one)
        except UnexpectedToken:
            return Failure(tokens, at, frozenset(interactive.accepts()))
    try:
        result: Sequence[tree.Statement] = interactive.feed_eof(tokens[-1])
    except UnexpectedToken:
        return Failure(tokens, len(tokens), frozenset(interactive.accepts()))
    return result
