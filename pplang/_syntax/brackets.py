"""Which bracket belongs to which, before anything is parsed: one missing bracket must not swallow the rest of the file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lark.lexer import Token

from pplang._diagnostics import Diagnostic, Label
from pplang._syntax import limits
from pplang._syntax.faults import DAMAGE, Faults, place

CLOSER = {"OPEN_PARENTHESIS": "CLOSE_PARENTHESIS", "OPEN_BRACKET": "CLOSE_BRACKET", "OPEN_BRACE": "CLOSE_BRACE"}
CLOSERS = frozenset(CLOSER.values())
_SIGN = {"OPEN_PARENTHESIS": ")", "OPEN_BRACKET": "]", "OPEN_BRACE": "}"}
STATEMENT_WORDS = frozenset({"DATA", "INDEX", "INPUT", "PARAM", "NET", "FN", "REPORT", "FACTOR", "RESTRICT", "MAXIMIZE", "GUIDE", "AT"})
"""Words that begin a statement and stand nowhere else (`weights` may name an argument)."""


def unmatched_brackets(tokens: Sequence[Token], text: str, faults: Faults) -> frozenset[int]:
    """The positions (in `tokens`) of brackets without a partner, and of the first that is nested too deeply. Each has been reported."""
    open_ones: list[int] = []
    unclosed: list[int] = []
    bad: set[int] = set()
    excused: set[int] = set()
    too_deep = 0  # how many of the open ones are beyond the limit; they are not kept, so no text makes this slow
    for i, one in enumerate(tokens):
        if open_ones and tokens[i - 1].type == "NEWLINE" and _surely_begins_statement(tokens, i, open_ones, text):
            unclosed += open_ones
            open_ones.clear()
            too_deep = 0
        if one.type == DAMAGE:
            excused.update(open_ones)  # what closes them may be part of what could not be read
        if one.type in CLOSER:
            if len(open_ones) < limits.NESTING:
                open_ones.append(i)
                continue
            if not too_deep:
                faults.add(too_deeply_nested(one))
            too_deep += 1
            bad.add(i)
        elif one.type in CLOSERS and too_deep:
            too_deep -= 1
            bad.add(i)
        elif one.type in CLOSERS:
            partner = next((k for k in reversed(open_ones) if CLOSER[tokens[k].type] == one.type), None)
            if partner is None:
                faults.add(_nothing_to_close(one, tokens[open_ones[-1]] if open_ones else None))
                bad.update([i, *open_ones[-1:]])
                del open_ones[-1:]
                continue
            while (last := open_ones.pop()) != partner:
                unclosed.append(last)
    unclosed += open_ones
    _report_unclosed([tokens[i] for i in sorted(unclosed) if i not in excused], text, faults)
    return frozenset(bad.union(unclosed))


def _surely_begins_statement(tokens: Sequence[Token], i: int, open_ones: Sequence[int], text: str) -> bool:
    """At the start of a line, with a word or a `~` that cannot stand in brackets (loops and blocks of other languages excepted)."""
    start = place(tokens[i]).start
    if start > 0 and text[start - 1] not in "\r\n":
        return False
    if tokens[i].type not in STATEMENT_WORDS:
        end = i
        while end < len(tokens) and tokens[end].type not in ("NEWLINE", "TILDE"):
            end += 1
        if end == len(tokens) or tokens[end].type == "NEWLINE":
            return False
    return not any(is_foreign_brace(tokens, k) for k in open_ones)


def is_foreign_brace(tokens: Sequence[Token], i: int) -> bool:
    """A `{` that opens neither the labels of an index nor a list of columns."""
    return tokens[i].type == "OPEN_BRACE" and (i == 0 or tokens[i - 1].type not in ("EQUAL", "FROM"))


def too_deeply_nested(one: Token) -> Diagnostic:
    return Diagnostic(
        "L02",
        "nested too deeply",
        place(one),
        f"more than {limits.NESTING} levels",
        help="give parts of it names of their own with `=`",
    )


def _nothing_to_close(closer: Token, innermost: Token | None) -> Diagnostic:
    labels = (Label(place(innermost), "this one is open"),) if innermost is not None else ()
    help_ = f"write {_SIGN[innermost.type]} here, or take it away" if innermost is not None else "take it away, or open it before"
    return Diagnostic("X08", f"`{closer.value}` closes nothing", place(closer), labels=labels, help=help_)


def _report_unclosed(openers: Sequence[Token], text: str, faults: Faults) -> None:
    """One message for each line, however many brackets it leaves open."""
    for _, group in groupby(openers, key=lambda one: text.count("\n", 0, place(one).start)):
        on_line = list(group)
        missing = "".join(_SIGN[one.type] for one in reversed(on_line)) if len(on_line) <= 20 else "what closes them"
        faults.add(
            Diagnostic(
                "X07",
                "a bracket that is never closed" if len(on_line) == 1 else f"{len(on_line)} brackets that are never closed",
                place(on_line[0]),
                "opened here",
                tuple(Label(place(one), "and here") for one in on_line[1:4]),
                help=f"add {missing} where it ends",
            )
        )
