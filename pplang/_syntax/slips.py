"""Mistakes within the language: something forgotten, or something in the wrong place."""

from __future__ import annotations

from pplang._syntax.brackets import CLOSERS, STATEMENT_WORDS
from pplang._syntax.failure import Failure, Mistake, mistake, name_before
from pplang._syntax.faults import place
from pplang._syntax.words import reserved_word, reserved_words

_OPERANDS = frozenset({"NAME", "INT", "FLOAT", "STRING", "IF", "NOT"})
_BLOCKS = {"DATA": ("columns", "effect : real"), "GUIDE": ("relations", "z ~ Normal(0, 1)")}
_STATEMENTS = STATEMENT_WORDS | {"WEIGHTS"}


def statement_word_as_name(failure: Failure) -> Mistake | None:
    """`index ~ Normal(0, 1)`: the word opens a statement, so the parser stops only after it."""
    first = failure.first
    if failure.at != failure.head + 1 or first.type not in _STATEMENTS - {"AT"}:
        return None
    if failure.token.type not in ("TILDE", "EQUAL", "COLON", "OPEN_BRACKET"):
        return None
    mended = failure.with_instead(-1, 0, ("NAME", first.value)) if failure.token.type != "COLON" else None
    return Mistake(reserved_word(first, first.value), mended)


def reserved_as_name(failure: Failure) -> Mistake | None:
    word = failure.token
    if word.type == "NAME" or word.value not in reserved_words() or word.type == "WHOLE" or "NAME" not in failure.expected:
        return None
    if failure.near(1).type in _OPERANDS or (word.type in _STATEMENTS and failure.at == failure.line[0]):
        return None  # the word does its own work here, and something before it is missing
    return Mistake(reserved_word(word, word.value), failure.with_instead(0, 1, ("NAME", word.value)))


def missing_colon(failure: Failure) -> Mistake | None:
    if "COLON" not in failure.expected:
        return None
    if failure.token.type == "END_OF_LINE" and failure.first.type in _BLOCKS and not failure.body_of:
        code, title, edit = "X05", f"a `{failure.first.value}` line ends with a colon", "add : at the end of the line"
        return mistake(failure, code, title, help=edit, mended=failure.with_instead(0, 0, ("COLON", ":")))
    if failure.body_of == "DATA" and failure.token.type == "NAME":
        edit = f"write {name_before(failure)} : {failure.token.value}"
        return mistake(failure, "X05", "a colon is missing", help=edit, mended=failure.with_instead(0, 0, ("COLON", ":")))
    return None


def statement_in_body(failure: Failure) -> Mistake | None:
    """A relation among columns, or a declaration in a guide."""
    start, end = failure.line
    if not failure.body_of:
        return None
    line = failure.tokens[start:end]
    if failure.body_of == "DATA" and (line[0].type in _STATEMENTS or any(one.type == "TILDE" for one in line)):
        help_ = "take the spaces before it away; under `data` stand only columns, name : type"
        return mistake(failure, "X24", "a statement among the columns", "this is not a column", help_, span=place(line[0], line[-1]))
    if failure.body_of == "DATA" and failure.token.type == "EQUAL" and "COLON" in failure.expected:
        help_ = f"for a derived column say its kind, {name_before(failure)} : real = ...; for a relation take the spaces before it away"
        mended = failure.with_instead(0, 0, ("COLON", ":"), ("NAME", "real"))
        return mistake(failure, "X24", "a column without a kind", help=help_, mended=mended)
    if failure.body_of == "GUIDE" and line[0].type in _STATEMENTS - {"AT", "REPORT"}:
        help_ = "take the spaces before it away; in a guide stand only relations"
        return mistake(failure, "X37", "only relations stand in a guide", span=place(line[0], line[-1]), help=help_)
    return None


def missing_kind(failure: Failure) -> Mistake | None:
    if "COLON" not in failure.expected or failure.token.type not in ("EQUAL", "END_OF_LINE", "TILDE"):
        return None
    declares = {"INPUT": "an input", "PARAM": "a param", "DATA": "a column"}.get(failure.body_of or failure.first.type)
    if declares is None:
        return None
    example = f"write {'' if failure.body_of else failure.first.value + ' '}{name_before(failure)} : real"
    mended = None if failure.token.type == "TILDE" else failure.with_instead(0, 0, ("COLON", ":"), ("NAME", "real"))
    return mistake(failure, "X25", f"{declares} without a kind", help=f"{example} (or positive, unit, count, ...)", mended=mended)


def missing_body(failure: Failure) -> Mistake | None:
    if "INDENT" not in failure.expected:
        return None
    what, example = _BLOCKS[failure.first.type]
    head = place(failure.first, failure.tokens[-2] if len(failure.tokens) > 1 else None)
    return mistake(
        failure,
        "X06",
        f"`{failure.first.value}` without {what}",
        f"its {what} stand below, indented",
        f"for example   {example}",
        span=head,
    )


def lonely_note(failure: Failure) -> Mistake | None:
    if failure.head < len(failure.tokens) or failure.token.type != "END_OF_LINE" or failure.first.type:
        return None
    span = place(failure.tokens[0], failure.tokens[1]) if len(failure.tokens) > 1 else None
    return mistake(failure, "X26", "an annotation of nothing", help="put it on the line above the statement that it is about", span=span)


def range_as_axis(failure: Failure) -> Mistake | None:
    """`theta[i in 1..8]`, `theta[8] ~`, `sum(x[k] for k in 1..3)`."""
    number = failure.token.type == "INT" and "NAME" in failure.expected and not failure.wants_operand
    bound = failure.near(-1).type == "IN"
    function = failure.near(-2).type == "IN" and failure.token.type in ("OPEN_PARENTHESIS", "COLON", "DOTS")
    in_target = failure.open_bracket is not None and failure.open_bracket.type == "OPEN_BRACKET"
    if not ((number and (bound or in_target)) or function):
        return None
    help_ = "name it: index K = 1..8, then write k in K" if bound or function else "name the set: index K = 1..8, then theta[k in K]"
    return mistake(failure, "X34", "an index set has a name", "this is not the name of a set", help_)


def empty_place(failure: Failure) -> Mistake | None:
    """`x[i, ]`, `f(a, )`, `[1, 2, ]`, `x[]`."""
    before, opener = failure.near(-1), failure.open_bracket
    after_comma = before.type == "COMMA" and failure.token.type in CLOSERS | {"COMMA"}
    after_opener = before is opener and failure.token.type in CLOSERS | {"COMMA"}
    if opener is None or not (after_comma or after_opener):
        return None
    if "WHOLE" in failure.expected:
        help_ = "write _ to keep that axis whole"
        return mistake(failure, "X18", "an empty place in an index", help=help_, mended=failure.with_instead(0, 0, ("WHOLE", "_")))
    if opener.type == "OPEN_BRACE" and after_opener:
        return mistake(failure, "X36", "a list without labels", help="list them: index Arm = {control, treated}")
    if after_comma:
        mended = failure.with_instead(-1, 0) if failure.token.type != "COMMA" else None
        return mistake(failure, "X18", "a comma with nothing after it", help="take the comma away", span=place(before), mended=mended)
    return mistake(failure, "X18", "nothing between the brackets", help="write what belongs there", span=place(before, failure.token))


def bad_label(failure: Failure) -> Mistake | None:
    opener = failure.open_bracket
    if opener is None or opener.type != "OPEN_BRACE" or not {"NAME", "STRING"} <= failure.expected:
        return None
    if failure.token.value in reserved_words():
        return None
    help_ = 'anything else goes in quotes: {"0.5 mg", "1 mg"}'
    return mistake(failure, "X36", "labels are names, whole numbers or texts", help=help_)


def equal_for_comparison(failure: Failure) -> Mistake | None:
    if failure.token.type != "EQUAL" or not failure.after_operand:
        return None
    conditional = failure.open_bracket is not None or any(one.type in ("IF", "WHERE", "RESTRICT") for one in failure.tokens[: failure.at])
    if conditional:
        mended = failure.with_instead(0, 1, ("COMPARISON", "==")) if "COMPARISON" in failure.expected else None
        return mistake(failure, "X33", "`=` defines, it does not compare", help="to compare write ==", mended=mended)
    help_ = "one statement defines one name; write a second statement"
    return mistake(failure, "X33", "a second `=` in one statement", help=help_)


def chained_comparison(failure: Failure) -> Mistake | None:
    if failure.token.type != "COMPARISON" or not failure.after_operand or "AND" not in failure.expected:
        return None
    mended = failure.with_instead(0, 1, ("AND", "and"))
    return mistake(failure, "X32", "comparisons are not chained", help="write both out: 0 < x and x < 1", mended=mended)


def broken_if(failure: Failure) -> Mistake | None:
    if failure.token.type == "IF" and failure.after_operand:
        help_ = "a choice is written: if condition then a else b; a condition follows a `for`: sum(x[k] for k in K if x[k] > 0)"
        return mistake(failure, "X35", "`if` does not follow what it is about", help=help_)
    missing = next((word for word in ("THEN", "ELSE") if word in failure.expected), None)
    if missing is None or failure.token.type in ("EQUAL", "COMPARISON"):
        return None
    title = f"`{missing.lower()}` is missing"
    return mistake(failure, "X35", title, help="an `if` has three parts: if condition then a else b")


def misplaced_for(failure: Failure) -> Mistake | None:
    """`for i, j in I`, `for i in I, j in J`, `y = x[i] for i in I`."""
    one = failure.token
    if (one.type == "COMMA" and failure.near(-2).type == "FOR") or (one.type == "IN" and failure.near(-2).type == "COMMA"):
        return mistake(failure, "X39", "each index has a `for` of its own", help="write: for i in I for j in J")
    if one.type == "FOR" and failure.open_bracket is None:
        help_ = f"bind the index on the left, {name_before(failure)}[i in I] = ...; or reduce: sum(x[i] for i in I)"
        return mistake(failure, "X39", "`for` stands only inside a call such as sum(...)", help=help_)
    return None


def axes_after_kind(failure: Failure) -> Mistake | None:
    if failure.token.type != "OPEN_BRACKET" or not {"EQUAL", "OPEN_PARENTHESIS", "END_OF_LINE"} <= failure.expected:
        return None
    help_ = f"write {name_before(failure)}[Gene] : {failure.near(-1).value}, with the name of an index set"
    return mistake(failure, "X34", "axes stand after the name, not after the kind", help=help_)


def unquoted_pattern(failure: Failure) -> Mistake | None:
    if failure.near(-1).type != "FROM" or failure.token.type != "NAME":
        return None
    return mistake(failure, "X09", "the name of a column in the file stands in quotes", help=f'write from "{failure.token.value}"')


def missing_operator(failure: Failure) -> Mistake | None:
    """`2 x`, `a b`, `f(a b)`."""
    if not failure.after_operand or failure.token.type not in _OPERANDS:
        return None
    before, one = failure.near(-1), failure.token
    rest = [later.type for later in failure.tokens[failure.at : failure.line[1]]]
    if failure.open_bracket is None and not {"TILDE", "EQUAL"}.isdisjoint(rest):
        return mistake(failure, "X20", "a second statement on one line", help="begin a new line here")
    if before.type in ("INT", "FLOAT") and one.type == "NAME":
        help_ = f"write {before.value} * {one.value}"
    elif failure.open_bracket is not None:
        help_ = "put an operator such as *, or a comma, between them"
    else:
        help_ = "put an operator such as * between them, or begin a new line"
    mended = None if one.type in ("IF", "NOT") else failure.with_instead(0, 0, ("STAR", "*"))
    return mistake(failure, "X20", "something is missing between these", help=help_, span=place(before, one), mended=mended)


def missing_comma(failure: Failure) -> Mistake | None:
    if "COMMA" not in failure.expected or failure.open_bracket is None or failure.token.type not in _OPERANDS:
        return None
    span = place(failure.near(-1), failure.token)
    return mistake(
        failure,
        "X20",
        "a comma is missing",
        help="write a comma between them",
        span=span,
        mended=failure.with_instead(0, 0, ("COMMA", ",")),
    )


def bad_beginning(failure: Failure) -> Mistake | None:
    if failure.at != failure.line[0] or failure.token.type == "END_OF_LINE":
        return None
    what = {"DATA": "a column begins with its name", "GUIDE": "a relation begins with the name it defines"}.get(failure.body_of)
    help_ = what or "a relation begins with the name it defines, other statements with a word such as data, index, input or report"
    return mistake(failure, "X23", f"nothing begins with `{failure.token.value}`", help=help_)


def unfinished(failure: Failure) -> Mistake | None:
    if not failure.wants_operand or failure.at == 0:
        return None
    before = failure.near(-1)
    if failure.token.type == "END_OF_LINE":
        return mistake(failure, "X21", "a line that ends too early", help=f"write what comes after `{before.value}`", span=place(before))
    label = f"before this, something is missing after `{before.value}`"
    return mistake(failure, "X21", "a part is missing", label, help="write it, or take away what leads up to it")


def undefined(failure: Failure) -> Mistake | None:
    if not failure.after_name:
        return None
    name = name_before(failure)
    if failure.token.type == "END_OF_LINE":
        left = _written(failure)
        help_ = f"write   {left} ~ Normal(0, 1)   or   {left} = 1"
        span = place(failure.tokens[failure.line[0]], failure.near(-1))
        return mistake(failure, "X22", f"nothing is said about `{name}`", help=help_, span=span)
    name = "x" if failure.token.type == "OPEN_PARENTHESIS" else name
    help_ = f"a relation begins with the name it defines: {name} ~ Normal(0, 1)   or   {name} = 1"
    return mistake(failure, "X23", "`~` or `=` is missing", f"after `{failure.near(-1).value}` comes `~` or `=`", help_)


def _written(failure: Failure) -> str:
    """The left side of a relation as the user wrote it, without its annotations."""
    start = max(failure.line[0], failure.head)
    words = (one.value for one in failure.tokens[start : failure.at])
    return "".join(f" {word} " if word == "in" else f"{word} " if word in (",", "report") else word for word in words)


SLIPS = (
    statement_word_as_name,
    lonely_note,
    missing_body,
    statement_in_body,
    missing_colon,
    missing_kind,
    range_as_axis,
    empty_place,
    bad_label,
    equal_for_comparison,
    chained_comparison,
    broken_if,
    misplaced_for,
    axes_after_kind,
    unquoted_pattern,
    reserved_as_name,
    missing_operator,
    missing_comma,
    bad_beginning,
    unfinished,
    undefined,
)
