"""Trees of texts: operators, layout, spans."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import PROGRAMS, codes, expression, read

from pplang._syntax import tree
from pplang._syntax.wellformed import children


def N(name: str) -> tree.Name:
    return tree.Name(name)


a, b, c, d = map(N, "abcd")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_programs_parse(path: Path) -> None:
    assert read(path.read_text(encoding="utf-8")).statements


OPERATORS = {
    "a - b + c": tree.Sum((("+", a), ("-", b), ("+", c))),
    "a - (b + c)": tree.Sum((("+", a), ("-", tree.Sum((("+", b), ("+", c)))))),
    "(a - b) + c": tree.Sum((("+", tree.Sum((("+", a), ("-", b)))), ("+", c))),
    "a / b * c": tree.Product((("*", a), ("/", b), ("*", c))),
    "a + b * c": tree.Sum((("+", a), ("+", tree.Product((("*", b), ("*", c)))))),
    "-a": tree.Negate(a),
    "-a * b": tree.Product((("*", tree.Negate(a)), ("*", b))),
    "-a^b": tree.Negate(tree.Power(a, b)),
    "a^-b": tree.Power(a, tree.Negate(b)),
    "a^b^c": tree.Power(a, tree.Power(b, c)),
    "(a^b)^c": tree.Power(tree.Power(a, b), c),
    "a - -b": tree.Sum((("+", a), ("-", tree.Negate(b)))),
    "a * b^c": tree.Product((("*", a), ("*", tree.Power(b, c)))),
    "a^b[c]": tree.Power(a, tree.Index(b, (c,))),
    "not a": tree.Not(a),
    "not not a": tree.Not(tree.Not(a)),
    "not a == b": tree.Not(tree.Compare("==", a, b)),
    "not a and b": tree.Logical("and", (tree.Not(a), b)),
    "a and b and c": tree.Logical("and", (a, b, c)),
    "a or b and c or d": tree.Logical("or", (a, tree.Logical("and", (b, c)), d)),
    "a < b + c": tree.Compare("<", a, tree.Sum((("+", b), ("+", c)))),
    "a<-b": tree.Compare("<", a, tree.Negate(b)),
    "a <= b": tree.Compare("<=", a, b),
    "a > b": tree.Compare(">", a, b),
    "a >= b": tree.Compare(">=", a, b),
    "a != b": tree.Compare("!=", a, b),
    "if a then b else c": tree.IfElse(a, b, c),
    "if a then b else if c then d else a": tree.IfElse(a, b, tree.IfElse(c, d, a)),
    "if a or b then c + d else -a": tree.IfElse(tree.Logical("or", (a, b)), tree.Sum((("+", c), ("+", d))), tree.Negate(a)),
    "a[b, _]": tree.Index(a, (b, tree.Whole())),
    "a[b][c]": tree.Index(tree.Index(a, (b,)), (c,)),
    "a.b.c": tree.Field(tree.Field(a, "b"), "c"),
    "a(b)[c].d": tree.Field(tree.Index(tree.Call(a, (tree.Argument(None, b),)), (c,)), "d"),
    "a()": tree.Call(a, ()),
    "a(b, c = d)": tree.Call(a, (tree.Argument(None, b), tree.Argument("c", d))),
    "a(weights = b, from = c)": tree.Call(a, (tree.Argument("weights", b), tree.Argument("from", c))),
    "a(b for c in d if a)": tree.Call(a, (tree.Argument(None, tree.Generator(b, (tree.Binder("c", "d"),), a)),)),
    "a(b for c in d for b in a, c)": tree.Call(
        a, (tree.Argument(None, tree.Generator(b, (tree.Binder("c", "d"), tree.Binder("b", "a")), None)), tree.Argument(None, c))
    ),
    "[a, b + c]": tree.Table((a, tree.Sum((("+", b), ("+", c))))),
    '"a # b"': tree.Text("a # b"),
    "2.50e-3": tree.Number("2.50e-3"),
    "((((a))))": a,
}


@pytest.mark.parametrize("text", OPERATORS)
def test_operators(text: str) -> None:
    assert expression(text) == OPERATORS[text]


def test_sums_are_flat() -> None:
    right = expression(" + ".join("a" for _ in range(20_000)))
    assert isinstance(right, tree.Sum)
    assert len(right.terms) == 20_000


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark_do_not_matter(ending: str) -> None:
    text = "# first\ndata A:\n\tx : real\n\n\ty : real\nmu ~ N(0,\n 1)  # c\n# d\n\n  starting 3\n  + 4"
    plain = read(text)
    assert read("\ufeff" + text.replace("\n", ending)) == plain
    assert read(text + "\n") == plain
    assert len(plain.comments) == 3
    assert isinstance(plain.statements[1], tree.Relation)
    assert plain.statements[1].clauses == (tree.Starting(tree.Sum((("+", tree.Number("3")), ("+", tree.Number("4"))))),)


def test_empty_and_comments_only() -> None:
    assert read("").statements == ()
    assert read("\ufeff").statements == ()
    assert read("# nothing\n\n   # more").comments[1][1] == "# more"


@pytest.mark.parametrize(
    "second",
    ["+ b", "- b", "* b", "/ b", "^ b", "== b", "< b", "and b", "or b", "starting b", "weighted b", "where b", 'fixing "k" = b'],
)
def test_lines_that_continue(second: str) -> None:
    expected = read(f"x = a {second}\ny = c")
    for between in ("\n", "\n\n", "  # why\n", "\n  # why\n\n", "\n\t"):
        for indent in ("", "  "):
            assert read(f"x = a{between}{indent}{second}\ny = c") == expected


def test_continued_column_choice_and_net() -> None:
    assert read("data A:\n  x : real\n    = log(y)\n  z : real") == read("data A:\n  x : real = log(y)\n  z : real")
    assert read("x = if a\n  then b\n  else c") == read("x = if a then b else c")
    assert read("net f : A\n  -> 3 relu\n  -> B") == read("net f : A -> 3 relu -> B")
    assert read("x[i in I]\n  ~ Normal(0, 1)") == read("x[i in I] ~ Normal(0, 1)")


def test_annotations_on_their_own_line_and_on_the_same() -> None:
    same = read("@centered @partial(0.3) x ~ N(0, 1)")
    assert same == read("@centered\n\n# why\n@partial(0.3)\nx ~ N(0, 1)")
    assert same.statements[0].notes == (tree.Note("centered"), tree.Note("partial", (tree.Argument(None, tree.Number("0.3")),)))
    inside = read("guide:\n  @centered\n  x ~ N(0, 1)\n  @centered y ~ N(0, 1)").statements[0]
    assert isinstance(inside, tree.Guide)
    assert [len(one.notes) for one in inside.statements] == [1, 1]


def test_names_are_normalised() -> None:
    (relation,) = read("ﬁt = µ").statements  # a ligature; the micro sign
    assert isinstance(relation, tree.Relation)
    assert relation.target.name == N("fit")
    assert relation.right == N("μ")  # the Greek letter
    assert read("cafe\u0301 = 1") == read("café = 1")
    assert codes("ｄａｔａ = 1") == ["N04"]


@pytest.mark.parametrize("name", ["__import__", "lambda", "class", "None", "True", "def", "print", "σ", "Größe", "नाम", "eval", "x_"])
def test_ordinary_names(name: str) -> None:
    (relation,) = read(f"{name} ~ Normal(0, 1)").statements
    assert isinstance(relation, tree.Relation)
    assert relation.target.name.name == name


def test_the_whole_language() -> None:
    """Each construct of the reference once; what it becomes."""
    file = read(
        """
data Visit ordered by day within patient:
  patient : Patient
  x[Gene ordered] : real? from "X_2".."X_25"
  y : real per Patient from {a, "b c"}
  z : real(0, 1) = log(x)
  w[Item, Gene] : int from "w_*"
data Step ordered:
  s : count
data Day ordered within g:
  s : count
index Arm ordered = {control, "drug A", 1}
index K = 1..n - 1
index Cell = Row * Col
index Cut = gaps(Arm)
index Grade within Item = 1..levels
input y[Item, Person] : bool?
input n : count = 5
param taste[r in Room, A] : real = 0
net e : A, B -> 128 relu -> 3 tanh -> loc[L], scale[L] : positive
weights e ~ Normal(0, s)
fn f(a, v[K], w : positive) = a
report x[i in I, J] : positive ~ N(a) weighted b starting c where d fixing "k" = 0 fixing 1 = 2
factor a where b
restrict mu[m] > 0 for m in C if m == c
restrict a < b
maximize a
guide:
  q[i in I] = e(x[i])
    starting 0
"""
    )
    kinds = [type(one).__name__ for one in file.statements]
    assert kinds == (
        ["Data"] * 3
        + ["IndexSet"] * 5
        + ["Input"] * 2
        + ["Param", "Net", "Weights", "Function", "Relation", "Factor", "Restrict", "Restrict", "Maximize", "Guide"]
    )
    visit, step, day, arm, span, cell, _, grade = file.statements[:8]
    assert isinstance(visit, tree.Data) and isinstance(step, tree.Data) and isinstance(day, tree.Data)
    assert visit.order == tree.Order(N("day"), N("patient"))
    assert step.order == tree.Order() and day.order == tree.Order(None, N("g"))
    assert visit.columns[1] == tree.Column(
        N("x"), (tree.Dimension("Gene", True),), tree.Type("real"), True, None, tree.FromRange("X_2", "X_25")
    )
    assert visit.columns[2].per == tree.SetName("Patient")
    assert visit.columns[2].source == tree.FromList((a, tree.Text("b c")))
    assert visit.columns[3].type == tree.Type("real", (tree.Number("0"), tree.Number("1")))
    assert visit.columns[3].value == tree.Call(N("log"), (tree.Argument(None, N("x")),))
    assert isinstance(arm, tree.IndexSet) and isinstance(span, tree.IndexSet) and isinstance(cell, tree.IndexSet)
    assert arm.ordered and arm.members == tree.LabelList((N("control"), tree.Text("drug A"), tree.Number("1")))
    assert span.members == tree.NumberRange(tree.Number("1"), tree.Sum((("+", N("n")), ("-", tree.Number("1")))))
    assert cell.members == tree.Product((("*", N("Row")), ("*", N("Col"))))
    assert isinstance(grade, tree.IndexSet) and grade.within == tree.SetName("Item")
    relation = file.statements[14]
    assert isinstance(relation, tree.Relation)
    assert relation == tree.Relation(
        tree.Target(N("x"), (tree.Axis("i", "I"), tree.Axis(None, "J"))),
        tree.Type("positive"),
        "~",
        tree.Call(N("N"), (tree.Argument(None, a),)),
        (
            tree.Weighted(b),
            tree.Starting(c),
            tree.Where(d),
            tree.Fixing(tree.Text("k"), tree.Number("0")),
            tree.Fixing(tree.Number("1"), tree.Number("2")),
        ),
        True,
    )
    net = file.statements[11]
    assert net == tree.Net(
        N("e"),
        (tree.SetName("A"), tree.SetName("B")),
        (tree.Layer(128, "relu"), tree.Layer(3, "tanh")),
        (tree.Head("loc", (tree.Dimension("L"),), None), tree.Head("scale", (tree.Dimension("L"),), tree.Type("positive"))),
    )
    assert file.statements[16] == tree.Restrict(
        tree.Compare(">", tree.Index(N("mu"), (N("m"),)), tree.Number("0")),
        (tree.Binder("m", "C"),),
        tree.Compare("==", N("m"), c),
    )


def test_spans_are_exact() -> None:
    text = "@init(0)\nreport mu[i in I] : real ~ Normal(a[i, k] + (b) * -c^2, f(q for q in Q).loc)  # end\n  starting [1, 2]\n"
    (relation,) = read(text).statements
    assert isinstance(relation, tree.Relation)
    seen: dict[str, str] = {}
    todo: list[tree.Node] = [relation]
    while todo:
        node = todo.pop()
        seen[text[node.span.start : node.span.end]] = type(node).__name__
        todo += children(node)
    assert seen == {
        text[9:-1]: "Relation",
        "@init(0)": "Note",
        "0": "Number",
        "mu[i in I]": "Target",
        "mu": "Name",
        "i in I": "Axis",
        "real": "Type",
        "Normal(a[i, k] + (b) * -c^2, f(q for q in Q).loc)": "Call",
        "Normal": "Name",
        "a[i, k] + (b) * -c^2": "Sum",
        "a[i, k]": "Index",
        "a": "Name",
        "i": "Name",
        "k": "Name",
        "(b) * -c^2": "Product",
        "(b)": "Name",
        "-c^2": "Negate",
        "c^2": "Power",
        "c": "Name",
        "2": "Number",
        "f(q for q in Q).loc": "Field",
        "f(q for q in Q)": "Call",
        "f": "Name",
        "q for q in Q": "Generator",
        "q": "Name",
        "for q in Q": "Binder",
        "starting [1, 2]": "Starting",
        "[1, 2]": "Table",
        "1": "Number",
    }


def test_spans_of_data() -> None:
    text = '\ufeffdata A ordered by t within g:\r\n  x[G ordered] : real(0, 1)? per C from "x_*" = 3\r\n'
    (data,) = read(text).statements
    assert isinstance(data, tree.Data)
    (column,) = data.columns

    def shown(node: tree.Node | None) -> str:
        assert node is not None
        return text[node.span.start : node.span.end]

    assert shown(data) == text[1:-2]
    assert shown(data.order) == "ordered by t within g"
    assert shown(column) == 'x[G ordered] : real(0, 1)? per C from "x_*" = 3'
    assert [shown(one) for one in (column.name, column.dimensions[0], column.type)] == ["x", "G ordered", "real(0, 1)"]
    assert [shown(one) for one in (column.per, column.source, column.value)] == ["per C", 'from "x_*"', "3"]
