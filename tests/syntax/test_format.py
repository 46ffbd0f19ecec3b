"""The canonical layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import PROGRAMS, expression, read
from strategies import expressions, files

from pplang._syntax import tree
from pplang._syntax.format import WIDTH, format_expression, format_file


def formatted(text: str) -> str:
    """The layout of a text, after checks of what holds for every text."""
    file = read(text)
    result = format_file(file)
    again = read(result)
    assert again == file
    assert sorted(comment for _, comment in again.comments) == sorted(comment for _, comment in file.comments)
    assert format_file(again) == result
    return result


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_programs(path: Path) -> None:
    formatted(path.read_text(encoding="utf-8"))


@given(files)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_trees_print_and_parse_to_themselves(file: tree.File) -> None:
    text = format_file(file)
    assert read(text) == file
    assert format_file(read(text)) == text


@given(expressions)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_expressions_print_and_parse_to_themselves(one: tree.Expression) -> None:
    assert expression(format_expression(one)) == one


@given(files, st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_comments_anywhere_are_kept(file: tree.File, data: st.DataObject) -> None:
    """Comments go to the ends of lines, and to new lines, of any layout; inside brackets too."""
    lines = format_file(file).split("\n")
    for i in range(len(lines)):
        what = data.draw(st.sampled_from(["", "", "beside", "above", "blank"]))
        if what == "beside" and "#" not in lines[i]:
            lines[i] += f"  # beside {i}"
        elif what == "above":
            lines[i] = f"{data.draw(st.sampled_from(['', '  ', '     ']))}# above {i}\n{lines[i]}"
        elif what == "blank":
            lines[i] = "\n\n" + lines[i]
    formatted("\n".join(lines))


MINIMAL = {
    "(a * b) + c": "a * b + c",
    "a * (b + c)": "a * (b + c)",
    "a - (b - c)": "a - (b - c)",
    "(a - b) - c": "(a - b) - c",
    "-(a)": "-a",
    "-(a * b)": "-(a * b)",
    "(-a)^2": "(-a)^2",
    "-(a^2)": "-a^2",
    "a^(b^c)": "a^b^c",
    "(a^b)^c": "(a^b)^c",
    "a^(-b)": "a^-b",
    "a^(b * c)": "a^(b * c)",
    "(not a) == b": "(not a) == b",
    "not (a == b)": "not a == b",
    "(a and b) or c": "a and b or c",
    "a and (b or c)": "a and (b or c)",
    "1 + (if a then b else c)": "1 + (if a then b else c)",
    "if a then b else (if c then d else e)": "if a then b else if c then d else e",
    "(f)(x)[i].loc": "f(x)[i].loc",
    "(a + b)[i]": "(a + b)[i]",
    "level[t - 1]": "level[t-1]",
    "level[t + 1, i - j, _]": "level[t+1, i - j, _]",
    "f(a=b,c = d)": "f(a = b, c = d)",
    "[ 1,2 ,3 ]": "[1, 2, 3]",
    "sum((a*b) for i in I for j in J if (i==j))": "sum(a * b for i in I for j in J if i == j)",
}


@pytest.mark.parametrize("text", MINIMAL)
def test_no_more_parentheses_than_needed(text: str) -> None:
    assert format_expression(expression(text)) == MINIMAL[text]


def test_marks_of_a_group_stand_below_each_other() -> None:
    assert (
        formatted(
            """
mu~Normal(0,5)
theta[s in School]~Normal(mu,1)
  starting 3
report longer = 1



alone ~ Normal(0, 1)
"""
        )
        == """\
mu                 ~ Normal(0, 5)
theta[s in School] ~ Normal(mu, 1)
  starting 3
report longer      = 1

alone ~ Normal(0, 1)
"""
    )


def test_data_guide_and_declarations() -> None:
    assert (
        formatted(
            """@minibatch( 256 ) data Visit ordered by day within p:
   se:positive
   x[G] : real?   from "a" .. "b"

   z:real=log( x )
index Step ordered=1..20
index Room={hall,"the stairs"}
index Act={stay}
input drift[Room,Act]:simplex
input n:count=3
guide:
        q[i in I]=f(i)
            starting 2
        zz[i in I] ~ N(0,1)"""
        )
        == """\
@minibatch(256)
data Visit ordered by day within p:
  se   : positive
  x[G] : real? from "a".."b"

  z : real = log(x)
index Step ordered = 1..20
index Room = {hall, "the stairs"}
index Act  = {stay}
input drift[Room, Act] : simplex
input n                : count = 3
guide:
  q[i in I]  = f(i)
    starting 2
  zz[i in I] ~ N(0, 1)
"""
    )


def test_where_comments_go() -> None:
    assert (
        formatted(
            """# the model
data A:# head
  # about x
  x : real# beside x
  # after the last column
# before mu
@centered # why
mu ~ Normal(0, # inside
   1)  # end
# before the clause
  starting 3
# last"""
        )
        == """\
# the model
data A:  # head
  # about x
  x : real  # beside x
  # after the last column
# before mu
@centered  # why
# inside
mu ~ Normal(0, 1)  # end
  # before the clause
  starting 3
# last
"""
    )


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_other_systems(ending: str) -> None:
    text = "# one\n\nmu ~ N(0)  # two\n# three\n  starting 1\n\n# four\n"
    assert formatted(text.replace("\n", ending)) == formatted(text)


def test_long_lines_are_broken_at_operators_and_in_brackets() -> None:
    terms = " + ".join(f"coefficient[{i}] * column_{i}[n]" for i in range(6))
    text = formatted(
        f"y[n in Row] ~ Normal({terms}, sigma)\nz[n in Row] = {terms}\nindex K = {{{', '.join(f'label_{i}' for i in range(30))}}}"
    )
    assert max(map(len, text.split("\n"))) <= WIDTH
    assert "\n    + coefficient[3] * column_3[n]\n" in text


def test_deep_expressions() -> None:
    text = "x = " + "exp(1 + " * 100 + "a" + ")" * 100
    assert format_file(read(format_file(read(text)))) == format_file(read(text))


def test_empty_file() -> None:
    assert format_file(read("")) == ""
    assert formatted("\n\n# only this\n\n") == "# only this\n"
