"""Random syntax trees, as the parser makes them: for properties of anything that reads a tree."""

from __future__ import annotations

from hypothesis import strategies as st

from pplang._syntax import tree
from pplang._syntax.words import reserved_words

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_αβμσΣéжक"


def _is_name(text: str) -> bool:
    return text not in reserved_words() and text.isidentifier()


names = st.text(alphabet=_LETTERS + "0123456789", min_size=1, max_size=8).filter(_is_name) | st.sampled_from(
    ["mu", "tau", "lambda", "class", "__import__", "None", "x_1"]
)
name_nodes = st.builds(tree.Name, names)
set_names = st.builds(tree.SetName, names)
integers = st.integers(0, 10**6).map(lambda value: tree.Number(str(value)))
floats = st.floats(min_value=1e-300, max_value=1e300).map(repr).filter(lambda text: "." in text or "e" in text).map(tree.Number)
written_floats = st.sampled_from(["2.50", "1e-6", "1E5", "0.0", "3.0e+10", "007", "0"]).map(tree.Number)
numbers = integers | floats | written_floats
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\r\n\0'), max_size=8).map(tree.Text)
labels = name_nodes | integers | texts.filter(lambda text: not text.value.lstrip().startswith(("=", "+", "-", "@")))


def _list(elements: st.SearchStrategy, min_size: int, max_size: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(elements, min_size=min_size, max_size=max_size).map(tuple)


def _chain(operand: st.SearchStrategy, signs: list[str]) -> st.SearchStrategy[tuple]:
    """Two or more operands, each with the sign before it; the first with the plain one."""
    rest = _list(st.tuples(st.sampled_from(signs), operand), 1)
    return st.tuples(operand, rest).map(lambda pair: ((signs[0], pair[0]), *pair[1]))


binders = st.builds(tree.Binder, names, names)


def _larger(inner: st.SearchStrategy) -> st.SearchStrategy:
    generators = st.builds(tree.Generator, inner, _list(binders, 1, 2), st.none() | inner)
    arguments = st.builds(tree.Argument, st.none(), inner | generators) | st.builds(
        tree.Argument, names | st.sampled_from(["weights", "from"]), inner
    )
    return st.one_of(
        st.builds(tree.Sum, _chain(inner, ["+", "-"])),
        st.builds(tree.Product, _chain(inner, ["*", "/"])),
        st.builds(tree.Negate, inner),
        st.builds(tree.Power, inner, inner),
        st.builds(tree.Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner),
        st.builds(tree.Logical, st.sampled_from(["and", "or"]), _list(inner, 2)),
        st.builds(tree.Not, inner),
        st.builds(tree.IfElse, inner, inner, inner),
        st.builds(tree.Index, inner, _list(inner | st.just(tree.Whole()), 1)),
        st.builds(tree.Call, inner, _list(arguments, 0)),
        st.builds(tree.Field, inner, names),
        st.builds(tree.Table, _list(inner, 1)),
    )


expressions = st.recursive(name_nodes | numbers | texts, _larger, max_leaves=12)
_small = st.recursive(name_nodes | numbers, _larger, max_leaves=4)

notes = _list(st.builds(tree.Note, names, _list(st.builds(tree.Argument, st.none(), _small), 0, 2)), 0, 2)
dimensions = _list(st.builds(tree.Dimension, names, st.booleans()), 0, 2)
types = st.builds(tree.Type, names, st.none() | st.tuples(_small, _small))
patterns = texts.map(lambda text: text.value)
sources = st.one_of(
    st.builds(tree.FromPattern, patterns),
    st.builds(tree.FromRange, patterns, patterns),
    st.builds(tree.FromList, _list(name_nodes | texts, 1)),
)
columns = st.builds(
    tree.Column, name_nodes, dimensions, types, st.booleans(), st.none() | set_names, st.none() | sources, st.none() | _small
)
orders = st.builds(tree.Order, st.none() | name_nodes, st.none() | name_nodes)
data = st.builds(tree.Data, name_nodes, st.none() | orders, _list(columns, 1), notes)
members = st.one_of(
    st.builds(tree.LabelList, _list(labels, 1, 5)),
    st.builds(tree.NumberRange, _small, _small),
    _small,
)
index_sets = st.builds(tree.IndexSet, name_nodes, st.booleans(), st.none() | set_names, members, notes)
inputs = st.builds(tree.Input, name_nodes, dimensions, types, st.booleans(), st.none() | _small, notes)
axes = _list(st.builds(tree.Axis, st.none() | names, names), 0)
targets = st.builds(tree.Target, name_nodes, axes)
params = st.builds(tree.Param, targets, types, st.none() | _small, notes)
layers = st.builds(tree.Layer, st.integers(0, 1000), names)
heads = st.builds(tree.Head, names, dimensions, st.none() | types)
nets = st.builds(tree.Net, name_nodes, _list(set_names, 1, 2), _list(layers, 0), _list(heads, 1, 2), notes)
weights = st.builds(tree.Weights, name_nodes, expressions, notes)
function_arguments = st.builds(tree.FunctionArgument, names, dimensions, st.none() | types)
functions = st.builds(tree.Function, name_nodes, _list(function_arguments, 0), expressions, notes)
clauses = st.builds(
    lambda once, fixing: (*once, *fixing),
    _list(
        st.one_of(
            st.builds(tree.Starting, _small),
            st.builds(tree.Weighted, _small),
            st.builds(tree.Where, _small),
        ),
        0,
    ).filter(lambda found: len({type(one) for one in found}) == len(found)),
    _list(st.builds(tree.Fixing, name_nodes | texts | integers, _small), 0, 2),
)
relations = st.builds(tree.Relation, targets, st.none() | types, st.sampled_from(["~", "="]), expressions, clauses, st.booleans(), notes)
factors = st.builds(tree.Factor, expressions, clauses, notes)
restricts = st.builds(tree.Restrict, _small, st.just(()), st.none(), notes) | st.builds(
    tree.Restrict, _small, _list(binders, 1, 2), st.none() | _small, notes
)
maximizes = st.builds(tree.Maximize, expressions, notes)
guides = st.builds(tree.Guide, _list(relations, 1), notes)

statements = st.one_of(
    data, index_sets, inputs, params, nets, weights, functions, relations, relations, factors, restricts, maximizes, guides
)
files = st.builds(tree.File, _list(statements, 0, 5))
