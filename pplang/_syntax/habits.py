"""Mistakes that come from other languages: Stan, R, Python, BUGS. Each rule looks at one failure and knows it or not."""

from __future__ import annotations

from pplang._syntax.brackets import is_foreign_brace
from pplang._syntax.failure import Failure, Mistake, mistake, name_before
from pplang._syntax.faults import place

_STAN_BLOCKS = frozenset({"data", "parameters", "model", "functions", "transformed data", "transformed parameters", "generated quantities"})
_STAN_TYPES = frozenset(
    "real int vector row_vector matrix array simplex unit_vector ordered positive_ordered corr_matrix cov_matrix cholesky_factor_corr".split()
)
_SIGNS = {"PLUS": "+", "MINUS": "-", "STAR": "*", "SLASH": "/"}


def stan_block(failure: Failure) -> Mistake | None:
    brace = next((i for i in range(len(failure.tokens)) if is_foreign_brace(failure.tokens, i)), None)
    if brace is None or brace < failure.head:
        return None
    before = failure.tokens[failure.head : brace]
    words = " ".join(one.value for one in before)
    span = place(failure.first, failure.tokens[brace])
    if words in _STAN_BLOCKS:
        help_ = "columns stand under `data NAME:`, constants are `input`s, and relations follow in any order; braces and types fall away"
        return mistake(failure, "X17", "there are no blocks here", "this is Stan", help_, span=span)
    if any(one.type == "FOR" for one in before[:1]):
        return _loop(failure)
    return mistake(
        failure, "X16", "braces do not group statements", help="take the braces away; each statement stands on a line of its own", span=span
    )


def loop(failure: Failure) -> Mistake | None:
    return _loop(failure) if failure.first.type == "FOR" else None


def _loop(failure: Failure) -> Mistake:
    help_ = "bind the index on the left: y[i in Row] ~ Normal(mu[i], sigma) holds for every Row"
    return mistake(
        failure, "X11", "there are no loops", "a relation over an index set says it for every member", help_, span=place(failure.first)
    )


def assignment_arrow(failure: Failure) -> Mistake | None:
    if not (failure.after_name and failure.token.value == "<" and failure.near(1).type == "MINUS" and failure.touches(1)):
        return None
    label = "for a definition write `=`, for a distribution write `~`"
    span = place(failure.token, failure.near(1))
    return mistake(failure, "X01", "`<-` is not used here", label, span=span, mended=failure.with_instead(0, 2, ("EQUAL", "=")))


def colon_equal(failure: Failure) -> Mistake | None:
    if not (failure.token.type == "EQUAL" and failure.near(-1).type == "COLON" and failure.touches(0)):
        return None
    needs_kind = failure.body_of == "DATA" or failure.first.type in ("INPUT", "PARAM")
    meant = (("COLON", ":"), ("NAME", "real"), ("EQUAL", "=")) if needs_kind else (("EQUAL", "="),)
    help_ = f"say the kind: {name_before(failure)} : real = ..." if needs_kind else "write `=`"
    span = place(failure.near(-1), failure.token)
    return mistake(failure, "X02", "`:=` is not used here", help=help_, span=span, mended=failure.with_instead(-1, 1, *meant))


def double_equal(failure: Failure) -> Mistake | None:
    if failure.token.value != "==" or not (failure.after_name or "EQUAL" in failure.expected):
        return None
    word = "" if failure.first.type == "NAME" else f"{failure.first.value} "
    mended = failure.with_instead(0, 1, ("EQUAL", "="))
    return mistake(failure, "X03", "`==` compares, it does not define", help=f"write {word}{name_before(failure)} = ...", mended=mended)


def double_star(failure: Failure) -> Mistake | None:
    if not (failure.token.type == failure.near(-1).type == "STAR" and failure.touches(0)):
        return None
    span = place(failure.near(-1), failure.token)
    return mistake(
        failure, "X04", "`**` is not used here", help="for a power write ^", span=span, mended=failure.with_instead(-1, 1, ("CARET", "^"))
    )


def increment(failure: Failure) -> Mistake | None:
    sign = _SIGNS.get(failure.token.type)
    if not (failure.after_name and sign and failure.near(1).type == "EQUAL" and failure.touches(1)):
        return None
    target = name_before(failure)
    if target == "target":
        help_ = "to add a term to the log density write: factor ..."
    else:
        help_ = f"nothing is ever changed; say at once what `{target}` is, or give the new value a name of its own"
    span = place(failure.token, failure.near(1))
    return mistake(failure, "X12", f"`{sign}=` is not used here", help=help_, span=span, mended=failure.with_instead(0, 2, ("EQUAL", "=")))


def colon_range(failure: Failure) -> Mistake | None:
    """`1:N`, and `x[:, 1]`."""
    in_expression = failure.after_operand or failure.open_bracket is not None or failure.first.type == "INDEX"
    if failure.token.type != "COLON" or failure.body_of == "DATA" or not in_expression:
        return None
    if failure.near(-1).type in ("OPEN_BRACKET", "COMMA") and "WHOLE" in failure.expected:
        help_ = "write _ to keep that axis whole"
        return mistake(failure, "X18", "an empty place in an index", help=help_, mended=failure.with_instead(0, 1, ("WHOLE", "_")))
    first, last = failure.near(-1), failure.near(1)
    if first.type not in ("INT", "NAME", "CLOSE_BRACKET", "CLOSE_PARENTHESIS") or last.type not in ("INT", "NAME", "OPEN_PARENTHESIS"):
        return None
    simple = first.type != "CLOSE_BRACKET" and first.type != "CLOSE_PARENTHESIS" and last.type != "OPEN_PARENTHESIS"
    span = place(first, last) if simple else place(failure.token)
    if failure.first.type == "INDEX":
        return mistake(
            failure,
            "X15",
            "a range is written with two dots",
            help=f"write {_range(failure)}",
            span=span,
            mended=failure.with_instead(0, 1, ("DOTS", "..")),
        )
    help_ = f"name the set once, index K = {_range(failure)}, and use the name"
    return mistake(failure, "X15", "a range stands only in an `index` statement", help=help_, span=span)


def range_outside_index(failure: Failure) -> Mistake | None:
    if failure.token.type != "DOTS":
        return None
    help_ = f"name the set once, index K = {_range(failure)}, and use the name"
    return mistake(failure, "X15", "a range stands only in an `index` statement", help=help_)


def _range(failure: Failure) -> str:
    first, last = failure.near(-1), failure.near(1)
    return f"{first.value}..{last.value}" if first.type in ("INT", "NAME") and last.type in ("INT", "NAME") else "1..N"


def ternary(failure: Failure) -> Mistake | None:
    if failure.token.type != "OPTIONAL" or not failure.after_operand:
        return None
    return mistake(failure, "X35", "`? :` is not used here", help="write: if condition then a else b")


def declaration(failure: Failure) -> Mistake | None:
    """`real mu;`, `vector[N] y`, `def f(x):`, `import x`, `let x = 3`."""
    if failure.first.type != "NAME" or not failure.after_name:
        return None
    word = failure.first.value
    if word in _STAN_TYPES:
        help_ = "an unknown is declared by its relation, mu ~ Normal(0, 5); a constant by `input n : count`; a column in `data`"
    elif word in ("def", "function", "func"):
        help_ = "write: fn f(a, b) = a + b"
    elif word in ("import", "library", "require", "include", "using", "package"):
        help_ = "a model stands for itself; distributions and functions are all at hand"
    elif word in ("let", "var", "const", "val"):
        help_ = "write the definition alone: x = 3"
    elif word in ("return", "print", "while", "class", "try", "repeat"):
        help_ = "a model has no steps to carry out; to keep a value in the output write: report x = ..."
    else:
        return None
    if failure.token.type not in ("NAME", "COMPARISON", "OPEN_PARENTHESIS", "STRING", "INT"):
        return None
    return mistake(failure, "X31", f"`{word}` does not begin a statement", help=help_, span=place(failure.first))


def brace_in_expression(failure: Failure) -> Mistake | None:
    if failure.token.type != "OPEN_BRACE":
        return None
    return mistake(failure, "X16", "braces do not belong here", help="a table is written [1, 0, 0]; braces list the labels of an `index`")


HABITS = (
    loop,
    stan_block,
    assignment_arrow,
    colon_equal,
    double_equal,
    double_star,
    increment,
    colon_range,
    range_outside_index,
    ternary,
    declaration,
    brace_in_expression,
)
