"""Tables become arrays: sets, groups, wide columns, joins, order."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from data_programs import bound, codes, column, csv, faults, key, program, table

from pplang._data.labels import lookup
from pplang._ir.expression import Number, Product, Reference
from pplang._ir.program import Columns, IndexSet, Labels, NumberRange, Order, Rows

HOME = program(table(column("county", "County"), column("y", "real"), column("u", "real", per="County")))


def test_levels_and_positions():
    data = bound(HOME, {"county": ["b", "a", "b"], "y": [1, 2, 3], "u": [5, 6, 5]})
    assert data.sets == {"Row": range(1, 4), "County": ("a", "b")}
    assert {name: array.tolist() for name, array in data.arrays.items()} == {"county": [1, 0, 1], "y": [1, 2, 3], "u": [6, 5]}
    assert (data.arrays["y"].dtype, data.arrays["county"].dtype) == (np.float64, np.int64)
    assert data.coordinates("County").tolist() == ["a", "b"]
    assert data.position("County", "b") == 1


def test_columns_of_one_category_share_their_levels():
    data = bound(program(table(column("home", "Team"), column("away", "Team"))), {"home": ["x", "y"], "away": ["z", "x"]})
    assert data.sets["Team"] == ("x", "y", "z")
    assert data.arrays["away"].tolist() == [2, 0]


def test_listed_labels_fix_order_and_membership():
    of = program(table(column("arm", "Arm")), sets=[IndexSet("Arm", Labels(("treated", "control", "placebo")), declared=True)])
    data = bound(of, {"arm": ["control", "treated"]})
    assert data.arrays["arm"].tolist() == [1, 0]
    assert data.sets["Arm"] == ("treated", "control", "placebo")
    assert codes(of, {"arm": ["other"]}) == ["C08"]


def test_a_declared_label_wins_over_a_word_for_missing(tmp_path):
    of = program(table(column("code", "Code", optional=True)), sets=[IndexSet("Code", Labels(("NA", "US")), declared=True)])
    data = bound(of, csv(tmp_path, "code\nNA\nnull\nUS\n"))
    assert data.present["code"].tolist() == [True, False, True]


def test_a_number_range_fixes_an_integer_category():
    of = program(table(column("county", "County")), sets=[IndexSet("County", NumberRange(Number(3), Number(7)), declared=True)])
    data = bound(of, {"county": [7, 3]})
    assert data.sets["County"] == range(3, 8)
    assert data.arrays["county"].tolist() == [4, 0]
    assert codes(of, {"county": [2]}) == ["C08"]


def test_group_columns_must_be_constant_also_in_being_empty():
    of = program(table(column("county", "County"), column("u", "real", per="County", optional=True)))
    assert codes(of, {"county": ["a", "a"], "u": [1.0, None]}) == ["C02"]
    data = bound(of, {"county": ["a", "a", "b"], "u": [None, None, 2.0]})
    assert data.present["u"].tolist() == [False, True]


def test_groups_without_rows():
    sets = [IndexSet("County", Labels(("a", "b")), declared=True)]
    assert codes(program(table(column("county", "County"), column("u", "real", per="County")), sets=sets), {"county": ["a"], "u": [1]}) == [
        "C33"
    ]
    of = program(table(column("county", "County"), column("u", "real", per="County", optional=True)), sets=sets)
    assert bound(of, {"county": ["a"], "u": [1]}).present["u"].tolist() == [True, False]


# Columns of the file -------------------------------------------------------------------------------------------------


def test_a_pattern_takes_its_columns_as_they_stand():
    data = bound(program(table(column("x", "real", "g_*", over="Gene"))), {"g_b": [1, 2], "z": [0, 0], "g_a": [3, 4]})
    assert data.sets["Gene"] == ("g_b", "g_a")
    assert data.arrays["x"].tolist() == [[1, 3], [2, 4]]
    assert [note.title for note in data.notes] == ["the table Row has columns that the model does not use: z"]


def test_columns_of_an_ordered_pattern_stand_in_natural_order():
    of = program(table(column("y", "bool", "y_*", over="Time")), sets=[IndexSet("Time", Columns(), ordered=True)])
    assert bound(of, {"y_10": [1], "y_2": [0], "y_1": [1]}).sets["Time"] == ("y_1", "y_2", "y_10")


def test_ranges_and_lists_of_columns():
    of = program(table(column("x", "real", ("X_8", "X_11"), over="K"), column("z", "real", ["b", "a"], over="L")))
    data = bound(of, {"X_11": [4], "X_10": [3], "X_9": [2], "X_8": [1], "a": [5], "b": [6]})
    assert data.sets["K"] == ("X_8", "X_9", "X_10", "X_11")
    assert data.sets["L"] == ("b", "a")
    assert data.arrays["z"].tolist() == [[6, 5]]


@pytest.mark.parametrize(
    ("ends", "missing"), [(("X_1", "X_3"), "X_3"), (("X_3", "X_1"), "X_3"), (("X_1", "Y_3"), "Y_3"), (("X_1", "X_999999999999"), "X_9")]
)
def test_every_column_of_a_range_must_be_there(ends, missing):
    (fault,) = faults(program(table(column("x", "real", ends, over="K"))), {"X_1": [1], "X_2": [1]})
    assert fault.code == "C03"
    assert missing in fault.title


def test_the_longer_literal_beginning_has_the_column():
    of = program(table(column("x", "real", "g_*", over="A"), column("z", "real", "g_b_*", over="B"), column("named", "real", "g_n")))
    data = bound(of, {"g_1": [1], "g_b_1": [2], "g_n": [3]})
    assert (data.sets["A"], data.sets["B"], data.arrays["named"].tolist()) == (("g_1",), ("g_b_1",), [3])


def test_a_tie_between_patterns():
    of = program(table(column("x", "real", "g_*", over="A"), column("z", "real", "g_*", over="B")))
    assert codes(of, {"g_1": [1]}) == ["C18"]


def test_patterns_that_share_a_set_agree_on_what_the_star_stands_for():
    of = program(table(column("before", "real", "pre_*", over="Visit"), column("after", "real", "post_*", over="Visit")))
    data = bound(of, {"pre_1": [1], "pre_2": [2], "post_2": [20], "post_1": [10]})
    assert data.sets["Visit"] == (1, 2)
    assert data.arrays["after"].tolist() == [[10, 20]]
    assert codes(of, {"pre_1": [1], "post_2": [2]}) == ["C19"]


@pytest.mark.parametrize("members", [Labels(("y_2", "y_1")), NumberRange(Number(1), Number(2)), Labels((2, 1))])
def test_a_listed_set_orders_the_columns(members):
    of = program(table(column("y", "real", "y_*", over="Time")), sets=[IndexSet("Time", members, declared=True)])
    expected = [10, 20] if isinstance(members, NumberRange) else [20, 10]
    assert bound(of, {"y_2": [20], "y_1": [10]}).arrays["y"].tolist() == [expected]
    assert codes(of, {"y_3": [20], "y_1": [10]}) == ["C19"]


def test_names_are_compared_after_normalisation():
    assert bound(program(table(column("caf\u00e9", "real"))), {"cafe\u0301": [1]}).arrays["café"].tolist() == [1]


def test_a_wide_category_pools_its_levels():
    data = bound(program(table(column("drug", "Drug", "d_*", over="Visit"))), {"d_1": ["a", "c"], "d_2": ["b", "a"]})
    assert data.sets["Drug"] == ("a", "b", "c")
    assert data.arrays["drug"].tolist() == [[0, 1], [2, 0]]


# Several tables ------------------------------------------------------------------------------------------------------

JOINED = program(
    table(column("county", "County"), column("y", "real"), name="Home"),
    table(key("name", "County"), column("u", "real"), name="County"),
)


def test_a_second_table_is_joined_by_label():
    data = bound(JOINED, [(None, {"county": ["1.0", "2", "1"], "y": [1, 2, 3]}), ("County", {"name": [2, 1, 3], "u": [20.0, 10, 30]})])
    assert data.sets["County"] == (2, 1, 3)
    assert data.arrays["county"].tolist() == [1, 0, 1]
    assert data.arrays["u"].tolist() == [20, 10, 30]


def test_a_label_without_its_row():
    (fault,) = faults(JOINED, [(None, {"county": ["a", "b"], "y": [1, 2]}), ("County", {"name": ["a"], "u": [1]})])
    assert fault.code == "C09"


def test_tables_may_be_given_by_name_in_a_mapping():
    from data_programs import bind, evaluate

    tables = {"County": {"name": ["a"], "u": [1]}, "Home": {"county": ["a"], "y": [1]}}
    assert bind(JOINED, tables, evaluate=evaluate).arrays["u"].tolist() == [1]


def test_a_row_number_names_a_row_of_a_table_without_a_key():
    of = program(table(column("y", "real"), name="Tract"), table(column("node", "Tract"), name="Edge"))
    data = bound(of, [(None, {"y": [1, 2, 3]}), ("Edge", {"node": [3, 1]})])
    assert data.arrays["node"].tolist() == [2, 0]
    assert codes(of, [(None, {"y": [1, 2, 3]}), ("Edge", {"node": [4]})]) == ["C09"]


def test_faults_of_all_tables_are_reported_together():
    found = codes(JOINED, [(None, {"county": ["a", None], "y": ["x", "1"]}), ("County", {"name": ["a"], "u": [float("inf")]})])
    assert sorted(found) == ["C01", "C04", "C07"]


# Order ---------------------------------------------------------------------------------------------------------------

VISIT = program(
    table(
        column("patient", "Patient"),
        column("day", "real"),
        column("y", "real"),
        column("dose", "real", per="Patient"),
        name="Visit",
        order=Order("day", "patient"),
    )
)


def visits(rows):
    names = ("patient", "day", "y", "dose")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def test_rows_are_sorted_within_contiguous_groups():
    data = bound(VISIT, visits([("b", 2, 1.0, 5), ("a", 9, 2.0, 6), ("b", 1, 3.0, 5), ("a", 1, 4.0, 6)]))
    assert data.arrays["patient"].tolist() == [0, 0, 1, 1]
    assert data.arrays["day"].tolist() == [1, 9, 1, 2]
    assert data.arrays["y"].tolist() == [4, 2, 3, 1]
    assert data.arrays["dose"].tolist() == [6, 5]
    assert data.order["Visit"].tolist() == [3, 1, 2, 0]
    assert data.coordinates("Visit").tolist() == [4, 2, 3, 1]
    assert data.schema["tables"]["Visit"]["order"] == [3, 1, 2, 0]


def test_two_rows_of_a_group_at_the_same_place():
    assert codes(VISIT, visits([("a", 1, 1.0, 5), ("b", 1, 2.0, 6), ("a", 1, 3.0, 5)])) == ["C45"]


def test_rows_as_they_stand_are_kept_and_groups_gathered():
    of = program(table(column("animal", "Animal"), column("y", "real"), name="Step", order=Order(None, "animal")))
    data = bound(of, {"animal": ["b", "a", "b", "a"], "y": [1, 2, 3, 4]})
    assert data.arrays["y"].tolist() == [2, 4, 1, 3]


def test_keys_links_and_inputs_follow_the_sorted_rows():
    of = program(
        table(key("name", "Node"), column("time", "int"), column("parent", "Node", optional=True), name="Node", order=Order("time")),
        inputs=[_input("w", ("Node",))],
    )
    data = bound(of, {"name": ["c", "a", "b"], "time": [3, 1, 2], "parent": ["b", None, "a"]}, {"w": [30, 10, 20]})
    assert data.sets["Node"] == ("a", "b", "c")
    assert data.arrays["parent"].tolist()[1:] == [0, 1]
    assert data.present["parent"].tolist() == [False, True, True]
    assert data.arrays["w"].tolist() == [10, 20, 30]


def _input(name, sets):
    from pplang._ir.kinds import REAL
    from pplang._ir.program import Input

    return Input(name, sets, REAL)


row = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 50), st.floats(-5, 5))


@settings(deadline=None)
@given(st.lists(row, min_size=1, max_size=12, unique_by=lambda one: one[:2]), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    rows = [(*one, {"a": 1, "b": 2, "c": 3}[one[0]]) for one in rows]
    shuffled = random.sample(rows, len(rows))
    assert bound(VISIT, visits(rows)).fingerprint() == bound(VISIT, visits(shuffled)).fingerprint()
    unordered = program(table(*(column(one.name, one.kind, per=one.per) for one in VISIT.tables[0].columns)))
    first, second = bound(unordered, visits(rows)), bound(unordered, visits(shuffled))
    assert first.sets == second.sets
    assert first.arrays["dose"].tolist() == second.arrays["dose"].tolist()
    names = ("patient", "day", "y")
    assert sorted(zip(*(first.arrays[name].tolist() for name in names), strict=True)) == sorted(
        zip(*(second.arrays[name].tolist() for name in names), strict=True)
    )


cell = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    st.integers(),
    st.floats(),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=6))
def test_any_cells_bind_or_end_in_diagnostics(rows):
    from pplang._diagnostics import Problems

    of = program(table(column("a", "A"), column("b", "real"), column("c", "bool", optional=True)))
    try:
        data = bound(of, {name: [one[at] for one in rows] for at, name in enumerate("abc")})
    except Problems:
        return
    assert np.isfinite(data.arrays["b"]).all()
    assert all(lookup(data.sets["A"])(label) is not None for label in data.sets["A"])


# Notes and schema ----------------------------------------------------------------------------------------------------


def test_an_optional_column_without_values_is_a_warning():
    data = bound(program(table(column("y", "real", optional=True))), {"y": [None, None]})
    assert [(note.code, note.severity) for note in data.notes] == [("C12", "warning")]


def test_the_schema_is_json():
    import json

    data = bound(JOINED, [(None, {"county": ["a"], "y": [1]}), ("County", {"name": ["a"], "u": [1]})])
    schema = json.loads(json.dumps(data.schema))
    assert schema["sets"] == {"Home": {"origin": "rows", "first": 1, "last": 1}, "County": {"origin": "rows", "members": ["a"]}}
    assert schema["tables"]["Home"]["columns"]["county"] == {"kind": "County", "sets": ["Home"], "optional": False, "from": ["county"]}


def test_a_fingerprint_sees_values_missing_cells_and_labels():
    of = program(table(column("c", "C"), column("y", "real", optional=True)))
    prints = [
        bound(of, {"c": c, "y": y}).fingerprint()
        for c, y in ((["a"], [1.0]), (["b"], [1.0]), (["a"], [2.0]), (["a"], [None]), (["a"], [0.0]))
    ]
    assert len(set(prints)) == 5


def test_derived_columns_are_left_to_the_program():
    twice = Product((("*", Number(2)), ("*", Reference("y"))))
    data = bound(program(table(column("y", "real"), column("z", "real", value=twice))), {"y": [1]})
    assert set(data.arrays) == {"y"}


def test_memory_is_checked_before_it_is_taken():
    from pplang._ir.kinds import REAL
    from pplang._ir.program import Axis, Site

    huge = IndexSet("Huge", NumberRange(Number(1), Number(10**12)), declared=True)
    rows = IndexSet("Row", Rows("Row"))
    site = Site("x", (Axis("h", "Huge"),), "latent", "model", Number(0), REAL)
    assert codes(program(table(column("y", "real")), sets=[rows, huge], sites=(site,)), {"y": [1]}) == ["C35"]
    assert bound(program(table(column("y", "real")), sets=[rows, huge]), {"y": [1]}).sets["Huge"] == range(1, 10**12 + 1)


def test_rows_of_no_group_take_no_part_in_its_value():
    of = program(table(column("county", "County", optional=True), column("u", "real", per="County")))
    assert bound(of, {"county": ["a", None, "a"], "u": [1, 2, 1]}).arrays["u"].tolist() == [1]


def test_the_groups_come_from_one_column():
    assert codes(program(table(column("a", "S"), column("b", "S"), column("u", "real", per="S"))), {"a": ["x"], "b": ["x"], "u": [1]}) == [
        "C46"
    ]
