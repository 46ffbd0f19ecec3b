"""Inputs: sizes, labels, files, settings, defaults, joint constraints."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from data_programs import bound, codes, column, faults, kind, program, table

from pplang._data.input_files import parse_json
from pplang._data.structures import violations
from pplang._diagnostics import Problems
from pplang._ir.expression import Number, Product, Reference, Size, Sum
from pplang._ir.kinds import STRUCTURES, UNIT
from pplang._ir.program import Free, Gaps, IndexSet, Input, Labels, NumberRange, Pairs, ProductSet, Subsample


def given_input(name, *sets, of="real", **more):
    return Input(name, sets, kind(of), **more)


def numbers(name, last, first=1):
    return IndexSet(name, NumberRange(Number(first), last), declared=True)


ARM = IndexSet("Arm", Labels(("control", "treated")), declared=True)
TABLE = program(
    sets=[numbers("Row", Reference("n")), ARM],
    inputs=[given_input("n", of="count"), given_input("x", "Row", "Arm"), given_input("z", of="positive", default=Number(2))],
)


def test_sizes_follow_from_inputs_and_defaults_fill_in():
    data = bound(TABLE, (), {"n": 2, "x": [[1, 2], [3, 4]]})
    assert data.sets == {"Row": range(1, 3), "Arm": ("control", "treated")}
    assert (data.arrays["n"].shape, data.arrays["n"].dtype, int(data.arrays["n"])) == ((), np.int64, 2)
    assert data.arrays["x"].tolist() == [[1, 2], [3, 4]]
    assert float(data.arrays["z"]) == 2


@pytest.mark.parametrize(
    "x",
    [
        np.array([[1, 2], [3, 4]]),
        ((1, 2.0), (3, 4)),
        [{"treated": 2, "control": 1}, [3, 4]],
        {"1": [1, 2], "2": [3, 4]},
        [np.array([1, 2]), [3, 4]],
        [["1", "2"], ["3", "4"]],
    ],
)
def test_arrays_lists_and_tables_by_label(x):
    assert bound(TABLE, (), {"n": 2, "x": x}).arrays["x"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("x", "code"),
    [
        ([[1, 2, 3], [4, 5, 6]], "C40"),
        ([1, 2], "C40"),
        (5, "C40"),
        ([[[1], [2]], [[3], [4]]], "C40"),
        ([[1, 2], [3]], "C42"),
        ([[1, 2], 3], "C42"),
        ([[1, {"a": 2}], [3, 4]], "C42"),
        ([[1, object()], [3, 4]], "C42"),
        (np.ones((2, 2), complex), "C42"),
        ([{"control": 1}, [3, 4]], "C41"),
        ([{"control": 1, "treated": 2, "other": 3}, [3, 4]], "C41"),
        ([[1, None], [3, 4]], "C01"),
        ([[1, "a"], [3, 4]], "C04"),
        ([[1, float("inf")], [3, 4]], "C07"),
        ([], "C40"),
    ],
)
def test_values_that_do_not_fit(x, code):
    assert codes(TABLE, (), {"n": 2, "x": x}) == [code]


def test_both_sides_of_a_size_are_named():
    (fault,) = faults(TABLE, (), {"n": 3, "x": [[1, 2]]})
    assert fault.label == "the mapping of inputs gives 1 x 2, the model needs Row (3) x Arm (2)"


def test_what_depends_on_a_faulty_input_is_not_reported_too():
    assert codes(TABLE, (), {"n": -1, "x": [[1, 2]]}) == ["C06"]
    assert codes(TABLE, (), {"x": [[1, 2]]}) == ["I01"]


@pytest.mark.parametrize("n", [2.5, "two", None, 2**60, float("nan"), float("inf"), -1])
def test_counts_are_whole_numbers(n):
    assert len(codes(TABLE, (), {"n": n, "x": [[1, 2]]})) == 1


def test_undeclared_keys_are_a_note():
    data = bound(TABLE, (), {"n": 0, "x": np.ones((0, 2)), "extra": 1, "more": 2})
    assert [note.title for note in data.notes] == ["the model does not declare these inputs: extra and more"]


def test_optional_inputs_have_missing_values():
    of = program(sets=[ARM], inputs=[given_input("y", "Arm", of="unit", optional=True)])
    data = bound(of, (), {"y": [None, 0.5]})
    assert data.present["y"].tolist() == [False, True]
    assert 0 <= data.arrays["y"][0] <= 1


@pytest.mark.parametrize(("given_value", "position"), [("treated", 1), (1, 0), ("2", 1), (2.0, 1)])
def test_members_are_labels_or_numbers_from_one(given_value, position):
    of = program(sets=[ARM], inputs=[given_input("a", of="Arm")])
    assert int(bound(of, (), {"a": given_value}).arrays["a"]) == position


@pytest.mark.parametrize("given_value", ["placebo", 0, 3, -1, 1.5])
def test_members_that_do_not_exist(given_value):
    of = program(sets=[ARM], inputs=[given_input("a", of="Arm")])
    (fault,) = faults(of, (), {"a": given_value})
    assert (fault.code, fault.help) == ("C08", "the members of Arm are control and treated")


def test_in_a_number_range_a_number_is_the_member_itself():
    of = program(sets=[numbers("Level", Number(2), 0)], inputs=[given_input("a", "Level", of="Level")])
    data = bound(of, (), {"a": [2, 0, 1]})
    assert data.arrays["a"].tolist() == [2, 0, 1]
    assert codes(of, (), {"a": [3, 0, 1]}) == ["C08"]


def test_settings_replace_what_a_file_gives():
    data = bound(TABLE, (), {"n": 1, "x": [[1, 2]]}, settings=[("n", "2"), ("x", "[[1, 2], [3, 4]]"), ("z", "1e-3")])
    assert (int(data.arrays["n"]), data.arrays["x"].shape, float(data.arrays["z"])) == (2, (2, 2), 0.001)


@pytest.mark.parametrize("text", ["", "x", "[1", "[" * 5000, "2_0", "0x3", "-1", "1e999", "{}"])
def test_settings_that_are_no_positive_number(text):
    assert len(codes(TABLE, (), {"n": 0, "x": np.ones((0, 2))}, settings={"z": text})) == 1


def test_a_setting_for_no_input():
    (fault,) = faults(TABLE, (), {"n": 0, "x": np.ones((0, 2))}, settings=[("Z", "1")])
    assert (fault.code, fault.help) == ("I10", "did you mean --set z=1?")


# Sets ----------------------------------------------------------------------------------------------------------------


def test_sets_made_of_sets():
    n = Reference("n")
    sets = [
        numbers("Row", Sum((("+", Size("Arm")), ("+", n)))),
        numbers("Half", Product((("*", n), ("/", Number(2))))),
        ARM,
        IndexSet("Cut", Gaps("Arm")),
        IndexSet("Coordinate", Free("Arm")),
        IndexSet("Pair", Pairs("Row")),
        IndexSet("Cell", ProductSet(("Arm", "Half"))),
        IndexSet("Batch", Subsample("Row", Number(3))),
    ]
    data = bound(program(sets=sets, inputs=[given_input("n", of="count")]), (), {"n": 2})
    assert data.sets == {
        "Row": range(1, 5),
        "Half": range(1, 2),
        "Arm": ("control", "treated"),
        "Cut": ("control|treated",),
        "Coordinate": range(1, 2),
        "Pair": ("2,1", "3,1", "3,2", "4,1", "4,2", "4,3"),
        "Cell": ("control,1", "treated,1"),
        "Batch": range(1, 4),
    }
    assert codes(program(sets=sets, inputs=[given_input("n", of="count")]), (), {"n": 3}) == ["C32"]


@pytest.mark.parametrize(("last", "code"), [(-1, "C32"), (2**60, "C15"), (0, None)])
def test_ends_of_ranges(last, code):
    of = program(sets=[numbers("Row", Reference("n"))], inputs=[given_input("n", of="int")])
    assert bound(of, (), {"n": last}).sets["Row"] == range(1, 1) if code is None else codes(of, (), {"n": last}) == [code]


def test_a_range_with_an_astronomical_end():
    assert codes(program(sets=[numbers("Row", Number(10**400))])) == ["C32"]


def test_a_product_of_large_sets_is_refused_before_it_is_built():
    sets = [numbers("A", Number(10**6)), numbers("B", Number(10**6)), IndexSet("Cell", ProductSet(("A", "B")))]
    assert codes(program(sets=sets)) == ["C35"]


# Files ---------------------------------------------------------------------------------------------------------------


def written(path, name="inputs.json", **values):
    if name.endswith(".json"):
        (path / name).write_text(json.dumps(values))
    else:
        np.savez_compressed(path / name, **values)
    return path / name


@pytest.mark.parametrize("name", ["inputs.json", "inputs.npz"])
def test_inputs_from_a_file(tmp_path, name):
    assert bound(TABLE, (), written(tmp_path, name, n=1, x=[[1, 2]])).arrays["x"].tolist() == [[1, 2]]


def test_a_json_file_among_the_tables_holds_inputs(tmp_path):
    of = program(table(column("y", "real")), inputs=[given_input("n", of="count")])
    data = bound(of, [(None, written(tmp_path, n=3)), (None, {"y": [1]})])
    assert int(data.arrays["n"]) == 3
    assert data.schema["inputs"]["n"]["from"] == "inputs.json"


def test_two_files_may_not_contradict_each_other(tmp_path):
    assert codes(TABLE, (), [written(tmp_path, n=1, x=[[1, 2]]), {"n": 2}]) == ["I11"]


@pytest.mark.parametrize("part", ["inputs.csv", 3])
def test_sources_that_hold_no_inputs(part):
    assert codes(TABLE, (), part) == ["I12"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "I02"),
        ("{'a': 1}", "I02"),
        ('{"a": 1,}', "I02"),
        ('{"a": 1, "a": 2}', "I03"),
        ('{"a": {"b": 1, "b": 2}}', "I03"),
        ('{"a": NaN}', "I04"),
        ('{"a": -Infinity}', "I04"),
        ('{"a": ' + "9" * 5000 + "}", "I04"),
        ("[1]", "I06"),
        ("3", "I06"),
        ("[" * 101 + "]" * 101, "I05"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "I05"),
        ('{"a":' * 101 + "1" + "}" * 101, "I05"),
    ],
)
def test_json_that_is_refused(text, code):
    with pytest.raises(Problems) as caught:
        parse_json(text, "f.json")
    assert [one.code for one in caught.value.diagnostics] == [code]


def test_json_may_be_a_hundred_deep():
    assert "a" in parse_json('{"a": ' + "[" * 99 + "]" * 99 + "}", "f.json")


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    )
)
def test_any_json_value_binds_or_ends_in_diagnostics(value):
    try:
        data = bound(TABLE, (), {"n": 1, "x": value})
    except Problems:
        return
    assert data.arrays["x"].shape == (1, 2)


def test_an_npz_file_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "bad.npz", x=np.array([{"a": 1}], object))
    assert "I07" in codes(TABLE, (), tmp_path / "bad.npz")


def test_an_npz_array_that_claims_more_than_it_holds(tmp_path):
    path = written(tmp_path, "inputs.npz", x=np.ones(4))
    with zipfile.ZipFile(path) as archive:
        raw = archive.read("x.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", raw.replace(b"(4,), }          ", b"(4000000000000,)}"))
    assert codes(TABLE, (), path) == ["I08"]


@pytest.mark.parametrize("content", [b"", b"PK", b"nonsense"])
def test_files_that_are_no_npz(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    assert codes(TABLE, (), tmp_path / "bad.npz") == ["I08"]


def test_a_large_array_is_read_only_if_the_model_declares_it_with_axes(tmp_path):
    path = written(tmp_path, "inputs.npz", n=np.zeros(9_000_000))
    assert codes(TABLE, (), path) == ["I23"]


# Joint constraints ---------------------------------------------------------------------------------------------------

BROKEN = {
    "simplex": [0.5, 0.6, 0.0],
    "ordered": [1.0, 1.0, 2.0],
    "positive_ordered": [-1.0, 1.0, 2.0],
    "unit_vector": [1.0, 1.0, 0.0],
    "sum_to_zero": [1.0, 1.0, -1.0],
    "correlation": [[1.0, 2.0], [2.0, 1.0]],
    "correlation_cholesky": [[1.0, 0.0], [1.0, 1.0]],
    "covariance": [[1.0, 0.5], [0.4, 1.0]],
}


WHOLE = {
    "simplex": [0.5, 0.5, 0.0],
    "ordered": [-1.0, 1.0, 2.0],
    "positive_ordered": [0.5, 1.0, 2.0],
    "unit_vector": [0.6, 0.8, 0.0],
    "sum_to_zero": [1.0, 1.0, -2.0],
    "correlation": [[1.0, 0.9], [0.9, 1.0]],
    "correlation_cholesky": [[1.0, 0.0], [0.6, 0.8]],
    "covariance": [[1.0, 0.5], [0.5, 1.0]],
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_joint_constraints_by_value(structure):
    broken, whole = np.array(BROKEN[structure]), np.array(WHOLE[structure])
    stacked = np.stack([whole, broken, whole])
    assert violations(stacked, structure)[0].tolist() == [False, True, False]
    assert violations(whole, structure)[0].tolist() == [False]


def test_rounded_probabilities_are_a_simplex():
    assert not violations(np.array([0.3333333, 0.3333333, 0.3333334]), "simplex")[0].any()


def test_the_row_that_breaks_a_constraint_is_named():
    of = program(sets=[ARM], inputs=[Input("p", ("Arm", "Arm"), UNIT, "simplex")])
    (fault,) = faults(of, (), {"p": [[0.5, 0.5], [0.4, 0.4]]})
    assert (fault.code, fault.label) == ("C43", "p[2] in the mapping of inputs is not made of numbers of at least 0 that sum to 1")
