"""Small constructors of Python syntax. Text from a model only ever enters as `ast.Constant` or as an identifier of `names.Names`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

Code = ast.expr


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def constant(value: str | float | None) -> ast.expr:
    """A literal; a negative number is a negated one, so that `(-1) ** 2` keeps its parentheses."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def dotted(path: str) -> Code:
    """`jnp.linalg.cholesky`."""
    first, *rest = path.split(".")
    code: Code = name(first)
    for part in rest:
        code = ast.Attribute(code, part, ast.Load())
    return code


def call(function: Code | str, *arguments: Code, **keywords: Code) -> Code:
    target = dotted(function) if isinstance(function, str) else function
    return ast.Call(target, list(arguments), [ast.keyword(key, value) for key, value in keywords.items()])


_OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(), "**": ast.Pow(),
    "@": ast.MatMult(), "&": ast.BitAnd(), "|": ast.BitOr(),
}  # fmt: skip
_COMPARISONS: dict[str, ast.cmpop] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(), "is": ast.Is(),
}  # fmt: skip


def binary(left: Code, operator: str, right: Code) -> Code:
    return ast.BinOp(left, _OPERATORS[operator], right)


def compare(left: Code, operator: str, right: Code) -> Code:
    return ast.Compare(left, [_COMPARISONS[operator]], [right])


def negative(operand: Code) -> Code:
    return ast.UnaryOp(ast.USub(), operand)


def whole() -> ast.Slice:
    return ast.Slice()


def subscript(base: Code, slots: Sequence[Code]) -> Code:
    """`base[slots]`; slots that keep whole trailing axes are left out."""
    kept = list(slots)
    while kept and isinstance(kept[-1], ast.Slice):
        kept.pop()
    if not kept:
        return base
    inside = kept[0] if len(kept) == 1 else ast.Tuple(kept, ast.Load())
    return ast.Subscript(base, inside, ast.Load())


def tuple_of(items: Sequence[Code]) -> ast.Tuple:
    return ast.Tuple(list(items), ast.Load())


def integers(items: Sequence[int]) -> Code:
    """A tuple of small integers."""
    return tuple_of([constant(one) for one in items])


def assign(target: str, value: Code) -> ast.stmt:
    return ast.Assign([ast.Name(target, ast.Store())], value)


def assign_item(target: Code, slots: Sequence[Code], value: Code) -> ast.stmt:
    inside = slots[0] if len(slots) == 1 else ast.Tuple(list(slots), ast.Load())
    return ast.Assign([ast.Subscript(target, inside, ast.Store())], value)


def conditional(condition: Code, then: Code, otherwise: Code) -> Code:
    return ast.IfExp(condition, then, otherwise)


def size(set_name: str) -> Code:
    """`len(sets["School"])`."""
    return call("len", members(set_name))


def members(set_name: str) -> Code:
    """`sets["School"]`: the labels of an index set, in order."""
    return ast.Subscript(name("sets"), ast.Constant(set_name), ast.Load())


def literal(code: Code) -> float | None:
    """The value of a numeric literal."""
    match code:
        case ast.Constant(int() | float() as value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return -value
    return None


def either_or(first: Code, second: Code) -> Code:
    return ast.BoolOp(ast.Or(), [first, second])


def is_plain_constant(code: Code) -> bool:
    return isinstance(code, ast.Constant) or (isinstance(code, ast.UnaryOp) and isinstance(code.operand, ast.Constant))
