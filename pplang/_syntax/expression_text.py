"""Expressions back to text, with no more parentheses than they need."""

from __future__ import annotations

from pplang._syntax import tree
from pplang._syntax.pretty import Break, Document, flat, group, joined

# How tightly an expression holds together; an operand that is looser than its place allows gets parentheses.
_ANY, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _POWER, _POSTFIX = range(10)
_SPACE = Break(" ")
_NOTHING = Break("")


def expression_text(expression: tree.Expression) -> str:
    """An expression on one line."""
    return flat(document(expression))


def document(expression: tree.Expression, place: int = _ANY) -> Document:
    """An expression ready to be laid out. Outside brackets, lines can only break before an operator: so it breaks nowhere else."""
    inside = _document(expression)
    return group("(", inside, ")") if _tightness(expression) < place else inside


def _tightness(expression: tree.Expression) -> int:
    match expression:
        case tree.IfElse() | tree.Generator():
            return _ANY
        case tree.Logical(operator="or"):
            return _OR
        case tree.Logical():
            return _AND
        case tree.Not():
            return _NOT
        case tree.Compare():
            return _COMPARE
        case tree.Sum():
            return _SUM
        case tree.Product():
            return _PRODUCT
        case tree.Negate():
            return _UNARY
        case tree.Power():
            return _POWER
    return _POSTFIX


def _document(expression: tree.Expression) -> Document:
    match expression:
        case tree.Number(text=text):
            return text
        case tree.Text(value=value):
            return f'"{value}"'
        case tree.Name(name=name):
            return name
        case tree.Whole():
            return "_"
        case tree.Sum(terms=terms):
            return _chain(terms, _PRODUCT)
        case tree.Product(factors=factors):
            return _chain(factors, _UNARY)
        case tree.Negate(operand=operand):
            return group("-", document(operand, _UNARY))
        case tree.Power(base=base, exponent=exponent):
            return group(document(base, _POSTFIX), "^", document(exponent, _UNARY))
        case tree.Compare(operator=operator, left=left, right=right):
            return group(document(left, _SUM), _SPACE, f"{operator} ", document(right, _SUM), nest=4)
        case tree.Logical(operator=operator, operands=operands):
            tightness = _AND if operator == "or" else _NOT
            return _chain(tuple((operator, operand) for operand in operands), tightness)
        case tree.Not(operand=operand):
            return group("not ", document(operand, _NOT))
        case tree.IfElse():
            return _if_else(expression)
        case tree.Index(base=base, slots=slots):
            return group(document(base, _POSTFIX), *_brackets("[", [_slot(one) for one in slots], "]"), nest=4)
        case tree.Generator():
            return group(document(expression.element), *_generator(expression), nest=4)
        case tree.Call(function=function, arguments=arguments):
            return group(document(function, _POSTFIX), *_brackets("(", [_argument(one) for one in arguments], ")"), nest=4)
        case tree.Field(base=base, name=name):
            return group(document(base, _POSTFIX), f".{name}")
        case tree.Table(items=items):
            return group(*_brackets("[", [document(one) for one in items], "]"), nest=4)


def _chain(operands: tuple[tuple[str, tree.Expression], ...], tightness: int) -> Document:
    """`a + b - c`: broken, each operator begins a line."""
    (_, first), *others = operands
    parts: list[Document] = [document(first, tightness)]
    for operator, operand in others:
        parts += [_SPACE, f"{operator} ", document(operand, tightness)]
    return group(*parts, nest=4)


def _if_else(expression: tree.IfElse) -> Document:
    """A chain of `else if` keeps its flat form; a choice in the condition or the first branch stands in parentheses."""
    condition, then = document(expression.condition, _OR), document(expression.then, _OR)
    return group("if ", condition, _SPACE, "then ", then, _SPACE, "else ", document(expression.otherwise), nest=4)


def _brackets(opening: str, parts: list[Document], closing: str) -> tuple[Document, ...]:
    if not parts:
        return (opening, closing)
    return (opening, _NOTHING, *joined(parts, ",", _SPACE), closing)


def _slot(slot: tree.Expression) -> Document:
    """A step in an order is written close: `level[t-1]`."""
    match slot:
        case tree.Sum(terms=((_, tree.Name(name=name)), (sign, tree.Number(text=text)))):
            return f"{name}{sign}{text}"
    return document(slot)


def argument_list(arguments: tuple[tree.Argument, ...]) -> Document:
    """`(a, b = c)`."""
    return group(*_brackets("(", [_argument(one) for one in arguments], ")"), nest=4)


def _argument(argument: tree.Argument) -> Document:
    value = document(argument.value)
    return value if argument.name is None else group(f"{argument.name} = ", value)


def _generator(generator: tree.Generator) -> list[Document]:
    parts: list[Document] = []
    for binder in generator.binders:
        parts += [_SPACE, binder_text(binder)]
    if generator.condition is not None:
        parts += [_SPACE, "if ", document(generator.condition, _OR)]
    return parts


def binder_text(binder: tree.Binder) -> str:
    return f"for {binder.variable} in {binder.set}"
