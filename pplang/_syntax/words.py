"""From text to tokens: Lark's lexer, then what a regular expression cannot say about a token (names, numbers, signs of other languages)."""

from __future__ import annotations

import math
import unicodedata
from functools import cache

from lark.lexer import Token

from pplang._diagnostics import Diagnostic, Label
from pplang._source import Source, Span
from pplang._syntax import limits
from pplang._syntax.faults import DAMAGE, Faults, instead, place
from pplang._syntax.foreign import foreign_sign, foreign_string, inner
from pplang._syntax.grammar import grammar

Comments = tuple[tuple[Span, str], ...]


@cache
def reserved_words() -> frozenset[str]:
    """The words of the grammar, which cannot be names."""
    return frozenset(word for word in grammar().words.values() if word.isidentifier())


def read_words(source: Source, faults: Faults) -> tuple[list[Token], Comments]:
    """All tokens (NEWLINE among them, also inside brackets) and all comments. What was reported is mended or marked as DAMAGE."""
    tokens: list[Token] = []
    comments: list[tuple[Span, str]] = []
    first_spelling: dict[str, tuple[str, Token]] = {}
    semicolons: list[Token] = []
    foreign_comments: list[Token] = []
    for one in grammar().tokens(source.text):
        match one.type:
            case "COMMENT":
                comments.append((place(one), one.value.rstrip()))
            case "NAME":
                tokens.append(_name(one, first_spelling, faults))
            case "INT" | "FLOAT":
                tokens.append(_number(one, faults))
            case "UNCLOSED_STRING":
                faults.add(_unclosed_string(one))
                tokens.append(instead(one, DAMAGE, ""))
            case "OTHER_STRING":
                faults.add(foreign_string(place(one), one.value))
                tokens.append(instead(one, "STRING", f'"{inner(one.value)}"'))
            case "FOREIGN_COMMENT":
                foreign_comments.append(one)
            case "FOREIGN" if one.value == ";":
                semicolons.append(one)
                tokens.append(instead(one, "NEWLINE", ";"))
            case "FOREIGN" if one.value == "\ufeff" and one.start_pos == 0:
                pass  # a byte-order mark
            case "FOREIGN":
                diagnostic, mended = foreign_sign(place(one), one.value)
                faults.add(diagnostic)
                tokens.append(instead(one, *(mended or (DAMAGE, ""))))
            case _:
                tokens.append(one)
    _report_habits(semicolons, foreign_comments, source, faults)
    return tokens, tuple(comments)


def _name(word: Token, first_spelling: dict[str, tuple[str, Token]], faults: Faults) -> Token:
    """The name, NFKC-normalised."""
    raw = word.value
    name = raw if raw.isascii() else unicodedata.normalize("NFKC", raw)
    if len(name) > limits.NAME_LENGTH:
        faults.add(_long_name(word))
        return instead(word, "NAME", name[: limits.NAME_LENGTH])
    if not raw.isidentifier() or not name.isidentifier():
        faults.add(_not_a_name(word, name))
    elif name in reserved_words():
        faults.add(reserved_word(word, name))
        return word
    spelling, first = first_spelling.setdefault(name, (raw, word))
    if spelling != raw:
        faults.add(_two_spellings(first, word))
    return word if name == raw else instead(word, "NAME", name)


def _number(digits: Token, faults: Faults) -> Token:
    value = float(digits.value)
    if math.isinf(value):
        title, label = "a number too large to compute with", "numbers go up to about 1.8e308"
    elif value == 0 and digits.value.lower().split("e")[0].strip("0."):
        title, label = "a number too close to zero to compute with", "this would become 0; numbers go down to about 5e-324"
    else:
        return digits
    faults.add(Diagnostic("L04", title, place(digits), label, help="work in other units, or on the log scale"))
    return instead(digits, digits.type, "0")


def _long_name(word: Token) -> Diagnostic:
    return Diagnostic(
        "L06",
        f"a name of {len(word.value)} characters",
        place(word),
        f"names have at most {limits.NAME_LENGTH} characters",
        help="choose a shorter name",
    )


def _not_a_name(word: Token, plain: str) -> Diagnostic:
    odd = next((one for one in word.value if not (one == "_" or ("a" + one).isidentifier())), word.value[0])
    base, digits = plain.rstrip("0123456789"), plain[len(plain.rstrip("0123456789")) :]
    power = base and digits and odd in "⁰¹²³⁴⁵⁶⁷⁸⁹"
    return Diagnostic(
        "X28",
        f"`{word.value}` is not a name",
        place(word),
        f"`{odd}` cannot stand in a name",
        help=f"for a power write {base}^{digits}" if power else "names are made of letters, digits and _, and do not begin with a digit",
    )


def _two_spellings(first: Token, second: Token) -> Diagnostic:
    return Diagnostic(
        "X29",
        "one name in two spellings",
        place(second),
        "this looks the same but is written with other characters",
        (Label(place(first), "first here"),),
        help="write both alike (copy the first over the second)",
    )


def reserved_word(word: Token, name: str) -> Diagnostic:
    """The user's name is one of the language's own words. Also used by the parser."""
    return Diagnostic(
        "N04",
        f"`{name}` is a word of the language",
        place(word),
        "it cannot be a name here",
        help=f'choose another name, such as {name}_; for a column {name}_ : real from "{name}", for a label "{name}"',
    )


def _unclosed_string(one: Token) -> Diagnostic:
    return Diagnostic(
        "X09", "a text that is not closed", place(one), 'the closing " is missing on this line', help='put a " where the text ends'
    )


def _report_habits(semicolons: list[Token], foreign_comments: list[Token], source: Source, faults: Faults) -> None:
    """What people bring along from other languages stands on every line: it is reported once."""
    if semicolons:
        faults.add(
            Diagnostic(
                "X10",
                "`;` is not used here",
                place(semicolons[0]),
                "a line ends by itself",
                notes=_elsewhere(semicolons, source),
                help="take the `;` away, and give each statement a line of its own",
            )
        )
    if foreign_comments:
        first = foreign_comments[0]
        start = place(first).start
        faults.add(
            Diagnostic(
                "X30",
                f"`{first.value[:2]}` does not begin a comment",
                Span(start, start + 2),
                "a comment begins with `#` and ends with the line",
                notes=_elsewhere(foreign_comments, source),
                help=f"write # instead of {first.value[:2]}",
            )
        )


def _elsewhere(tokens: list[Token], source: Source) -> tuple[str, ...]:
    """A note that names the further lines on which a fault stands."""
    _, *others = dict.fromkeys(source.position(place(one).start)[0] for one in tokens)
    if not others:
        return ()
    numbers = ", ".join(str(line) for line in others[:8]) + (" and more" if len(others) > 8 else "")
    return (f"also on line{'s' if len(others) > 1 else ''} {numbers}",)
