"""Files and frames as tables of cells."""

from __future__ import annotations

import csv as standard_csv
import io
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from data_programs import bound, codes, column, csv, faults, program, table

from pplang._data.csv_text import parse_delimited
from pplang._diagnostics import Problems

ROW = program(table(column("county", "County"), column("y", "real")))
DATA = {"county": ["b", "a", "b"], "y": [1.5, 2.0, -3.0]}


def code_of(text, delimiter=","):
    with pytest.raises(Problems) as caught:
        parse_delimited(text, "f.csv", delimiter)
    return [one.code for one in caught.value.diagnostics]


def cells(text, name, delimiter=","):
    return list(parse_delimited(text, "f.csv", delimiter).read(name).cells)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end):
    assert cells(f"a,b{end}1,2{end}3,4{end}", "b") == ["2", "4"]


def test_quoted_cells_hold_delimiters_line_breaks_and_quotes():
    assert cells('a,b\n"x, ""y""\nz",2\n', "a") == ['x, "y"\nz']


def test_names_are_stripped_and_a_nameless_first_column_is_allowed():
    assert parse_delimited(", a\n1,2\n", "f.csv", ",").names == ("", "a")


def test_blank_lines_do_not_count_as_rows_but_keep_their_numbers():
    raw = parse_delimited("\na,b\n1,2\n\n  \n3,4\n\n", "f.csv", ",")
    assert raw.rows == 2
    assert [raw.row_number(0), raw.row_number(1)] == [3, 6]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "C20"),
        ("\n \n", "C20"),
        (",,\n,,\n", "C20"),
        ("a,b\n", "C21"),
        ("a,b\n\n\n", "C21"),
        ("a,b\n1\n", "C23"),
        ("a,b\n1,2,3\n", "C23"),
        ("a;b\n1;2\n", "C24"),
        ("a\tb\n1\t2\n", "C24"),
        ("a|b\n1|2\n", "C24"),
        ("a,a\n1,2\n", "C26"),
        ('a,b\n"1,2\n', "C27"),
        ('a,b\n"1"x,2\n', "C27"),
        ("a,b\n" + "x" * 200_000 + ",1\n", "C27"),
    ],
)
def test_faults_of_form(text, code):
    assert code_of(text) == [code]


def test_ragged_rows_are_numbered_as_in_the_file():
    with pytest.raises(Problems) as caught:
        parse_delimited("a,b\n1,2\n3\n" + "4,5\n" * 20_000 + "6,7,8\n", "f.csv", ",")
    assert caught.value.diagnostics[0].notes == ("the header has 2 cells; row 3 has 1 cell, row 20004 has 3 cells",)


def test_a_tab_separated_file_goes_by_its_ending(tmp_path):
    path = csv(tmp_path, "county\ty\nb, c\t1.5\n", "data.TSV")
    assert bound(ROW, path).sets["County"] == ("b, c",)


def test_a_byte_order_mark_is_dropped(tmp_path):
    assert bound(ROW, csv(tmp_path, "\ufeffcounty,y\nb,1.5\n")).sets["County"] == ("b",)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
    )
)
def test_what_the_csv_module_writes_is_read_back(rows):
    stream = io.StringIO(newline="")
    standard_csv.writer(stream).writerows([("name", "y"), *rows])
    raw = parse_delimited(stream.getvalue(), "f.csv", ",")
    assert list(raw.read("name").cells) == [name for name, _ in rows]
    assert [float(cell) for cell in raw.read("y").cells] == [number for _, number in rows]


@settings(deadline=None)
@given(st.text(alphabet='a1,;"\n\r\t\0 |é', max_size=40))
def test_any_text_gives_a_table_or_diagnostics(text):
    try:
        raw = parse_delimited(text, "f.csv", ",")
    except Problems:
        return
    assert all(len(raw.read(name)) == raw.rows for name in raw.names)


# Frames and mappings -------------------------------------------------------------------------------------------------


def pandas_frame():
    return pytest.importorskip("pandas").DataFrame(DATA)


def polars_frame():
    return pytest.importorskip("polars").DataFrame(DATA)


def arrow_table():
    return pytest.importorskip("pyarrow").table(DATA)


def arrays():
    return {name: np.array(values) for name, values in DATA.items()}


def parquet_file(tmp_path):
    pytest.importorskip("pyarrow.parquet").write_table(arrow_table(), tmp_path / "data.parquet")
    return tmp_path / "data.parquet"


@pytest.mark.parametrize("source", [pandas_frame, polars_frame, arrow_table, arrays, lambda: DATA])
def test_every_kind_of_table_gives_the_data_of_the_csv_file(source, tmp_path):
    written = csv(tmp_path, "county,y\nb,1.5\na,2\nb,-3\n")
    assert bound(ROW, source()).fingerprint() == bound(ROW, written).fingerprint()


def test_a_parquet_file_gives_the_data_of_the_csv_file(tmp_path):
    written = csv(tmp_path, "county,y\nb,1.5\na,2\nb,-3\n")
    assert bound(ROW, parquet_file(tmp_path)).fingerprint() == bound(ROW, written).fingerprint()


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "data.parquet").write_bytes(b"PAR1 nonsense")
    assert codes(ROW, tmp_path / "data.parquet") == ["C30"]


@pytest.mark.parametrize("library", ["narwhals", "pyarrow"])
def test_a_library_that_is_not_installed(library, tmp_path, monkeypatch):
    source = pandas_frame() if library == "narwhals" else parquet_file(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.parquet", None)
    assert codes(ROW, source) == ["C29"]


MIXED = program(
    table(
        column("n", "count", optional=True),
        column("b", "bool", optional=True),
        column("d", "date", optional=True),
        column("c", "C", optional=True),
    )
)
MISSING = {"n": [3, None], "b": [True, None], "d": [date(1970, 1, 2), None], "c": ["x", None]}


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "dict"])
def test_nulls_of_every_type(library):
    if library == "dict":
        frame = MISSING
    elif library == "pyarrow":
        frame = pytest.importorskip("pyarrow").table(MISSING)
    else:
        frame = pytest.importorskip(library).DataFrame(MISSING)
    data = bound(MIXED, frame)
    assert {name: array[0] for name, array in data.arrays.items()} == {"n": 3, "b": True, "d": 1, "c": 0}
    assert all(mask.tolist() == [True, False] for mask in data.present.values())


def test_pandas_categories_nullable_integers_and_timestamps():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "n": pandas.array([3, None], dtype="Int64"),
            "b": pandas.array([True, None], dtype="boolean"),
            "d": pandas.to_datetime(["1970-01-02", None]),
            "c": pandas.Categorical(["x", None]),
        }
    )
    assert bound(MIXED, frame).fingerprint() == bound(MIXED, MISSING).fingerprint()


def test_column_names_of_pandas_need_not_be_strings():
    pandas = pytest.importorskip("pandas")
    data = bound(program(table(column("y", "real", "7"))), pandas.DataFrame({7: [1.0, 2.0]}))
    assert data.arrays["y"].tolist() == [1, 2]


def test_a_pandas_frame_with_two_columns_of_one_name():
    pandas = pytest.importorskip("pandas")
    assert codes(ROW, pandas.DataFrame([[1, 2, 3]], columns=["county", "y", "y"])) == ["C26"]


def test_a_lazy_frame_is_to_be_collected():
    polars = pytest.importorskip("polars")
    (fault,) = faults(ROW, polars.LazyFrame(DATA))
    assert (fault.code, fault.help) == ("C39", "call .collect() on it first")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (3, "C39"),
        ({"county": ["a"], "y": [1.0, 2.0]}, "C38"),
        ({"county": [], "y": []}, "C21"),
        ({"county": ["a"], "y": [[1.0]]}, "C37"),
        ({"county": ["a"], "y": np.ones((1, 1))}, "C37"),
        ({"county": ["a"], "y": np.ones(1, complex)}, "C37"),
        ({"county": "a", "y": [1.0]}, "C37"),
        ({"county": ["a"], "y": 1.0}, "C37"),
        ({"county": ["a\0b"], "y": [1.0]}, "C34"),
        ({"county": ["\ud800"], "y": [1.0]}, "C34"),
    ],
)
def test_sources_that_are_no_tables(source, code):
    assert codes(ROW, source) == [code]


def test_masked_arrays_and_decimals():
    data = bound(
        program(table(column("y", "real", optional=True), column("z", "real"))),
        {"y": np.ma.MaskedArray([1.0, 2.0], [True, False]), "z": [Decimal("1.5"), Decimal(2)]},
    )
    assert data.present["y"].tolist() == [False, True]
    assert data.arrays["z"].tolist() == [1.5, 2]


def test_rows_of_a_mapping_count_from_one():
    (fault,) = faults(ROW, {"county": ["a", "b"], "y": [1.0, None]})
    assert fault.label == "the table Row has 1 empty cell here (row 2)"
