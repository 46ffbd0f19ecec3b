"""What a grammar cannot say about the form of a tree: its limits, and clauses written twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pplang._diagnostics import Diagnostic, Label
from pplang._source import Span
from pplang._syntax import limits, tree
from pplang._syntax.faults import Faults

_EXPRESSIONS = tree.Expression.__args__
_FORMULA_SIGNS = ("=", "+", "-", "@")


def check_form(statements: Sequence[tree.Statement], faults: Faults) -> None:
    """Report statements beyond the limit, deep nesting, double clauses, and labels that a spreadsheet would run as formulas."""
    lines = [line for statement in statements for line in _lines(statement)]
    if len(lines) > limits.STATEMENTS:
        title = f"more than {limits.STATEMENTS:,} statements"
        faults.add(
            Diagnostic("L03", title, lines[limits.STATEMENTS].span, "one too many", help="index sets say many things in one relation")
        )
    for statement in statements:
        deep = _too_deep(statement)
        if deep is not None:
            label = f"more than {limits.NESTING} levels"
            faults.add(Diagnostic("L02", "nested too deeply", deep, label, help="give parts of it names of their own with `=`"))
    for line in lines:
        _check_clauses(line, faults)
        _check_labels(line, faults)


def _lines(statement: tree.Statement) -> tuple[tree.Node, ...]:
    """A statement, with the columns or relations of its body."""
    match statement:
        case tree.Data(columns=body) | tree.Guide(statements=body):
            return (statement, *body)
    return (statement,)


def _too_deep(statement: tree.Statement) -> Span | None:
    """Where expressions first stand in more than the allowed number of others. Walks without recursion."""
    todo: list[tuple[tree.Node, int]] = [(statement, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > limits.NESTING:
            return Span(node.span.start, min(node.span.end, node.span.start + 1))
        inside = depth + isinstance(node, _EXPRESSIONS)
        todo += [(child, inside) for child in children(node)]
    return None


def children(node: tree.Node) -> Iterator[tree.Node]:
    """The nodes directly below a node."""
    todo = [value for name, value in vars(node).items() if name != "span"]
    while todo:
        value = todo.pop()
        if isinstance(value, tree.Node):
            yield value
        elif isinstance(value, tuple):
            todo += value


def _check_clauses(line: tree.Node, faults: Faults) -> None:
    first: dict[type, tree.Clause] = {}
    for clause in getattr(line, "clauses", ()):
        if isinstance(clause, tree.Fixing):
            continue
        earlier = first.setdefault(type(clause), clause)
        if earlier is not clause:
            word = type(clause).__name__.lower()
            labels = (Label(_word(earlier, word), "first here"),)
            faults.add(Diagnostic("X27", f"two `{word}` clauses", _word(clause, word), "and again here", labels, help="keep one"))


def _word(clause: tree.Clause, word: str) -> Span:
    return Span(clause.span.start, clause.span.start + len(word))


def _check_labels(line: tree.Node, faults: Faults) -> None:
    if not (isinstance(line, tree.IndexSet) and isinstance(line.members, tree.LabelList)):
        return
    for label in line.members.labels:
        if isinstance(label, tree.Text) and label.value.lstrip().startswith(_FORMULA_SIGNS):
            title = f"a label that begins with {label.value.lstrip()[0]}"
            note = "in a table of results, a spreadsheet would run it as a formula"
            faults.add(Diagnostic("X36", title, label.span, notes=(note,), help="choose another label, and recode the column"))
