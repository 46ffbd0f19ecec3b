from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplang._data.cells import MISSING_WORDS, Text, Typed, cells_from_array, cells_from_objects
from pplang._data.labels import lookup
from pplang._data.values import Reading, convert, filler
from pplang._ir.kinds import COUNT, INT, NONNEGATIVE, POSITIVE, REAL, UNIT, Boolean, Date, Interval, Member


def read(texts, kind, **reading):
    return convert(Text(texts), kind, Reading(**reading))


def faulty(texts, kind, **reading):
    """Code and positions of each fault."""
    return [(fault.code, fault.positions.tolist()) for fault in read(texts, kind, **reading).faults]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_written_out_are_read_back_to_the_last_bit(numbers):
    assert read([repr(number) for number in numbers], REAL).values.tolist() == numbers


@pytest.mark.parametrize("text", ["1.5", "-2", "+3", "1e5", "2.5E-3", ".5", "7.", " 4 ", "\t1"])
def test_ascii_decimals_are_numbers(text):
    assert read([text], REAL).values.tolist() == [float(text)]
    assert not faulty(["", text], REAL)


@pytest.mark.parametrize("text", ["1_000", "٣", "1,5", "0x10", "1e", "-", "one", "1 2", "$5", "50%", "1+1", "é", "na"])
def test_anything_else_is_not_a_number(text):
    assert faulty(["1", text], REAL) == [("C04", [1])]


@pytest.mark.parametrize("text", sorted(MISSING_WORDS))
def test_words_for_an_empty_cell_are_absent_and_hold_a_value_inside_the_kind(text):
    for kind in (REAL, POSITIVE, UNIT, COUNT, Interval(3, 4), Boolean(), Date()):
        converted = read([text, {Boolean(): "1", Date(): "2024-01-01"}.get(kind, "3.0" if kind != UNIT else "1")], kind)
        assert converted.present.tolist() == [False, True]
        assert not converted.faults
        if isinstance(kind, Interval):
            assert kind.lower <= converted.values[0] <= kind.upper


def test_a_further_word_for_an_empty_cell():
    assert read(["-99", "3"], REAL, missing=MISSING_WORDS | {"-99"}).present.tolist() == [False, True]


def test_all_faults_of_a_column_are_found_at_once():
    assert faulty(["x", "-1", "2.5", "inf", "9007199254740992", "3"], COUNT) == [
        ("C04", [0]),
        ("C07", [3]),
        ("C05", [2]),
        ("C15", [4]),
        ("C06", [1]),
    ]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (POSITIVE, ["1e-300", "5"], ["0", "-1"]),
        (NONNEGATIVE, ["0"], ["-1e-9"]),
        (UNIT, ["0", "1"], ["1.0000001", "-0.1"]),
        (Interval(0, 4), ["0", "4"], ["4.1"]),
        (Interval(0, 4, lower_open=True, upper_open=True), ["2"], ["0", "4"]),
        (INT, ["-3", "4.0", "1e3"], ["3.5"]),
        (COUNT, ["0"], ["-1"]),
    ],
)
def test_ends_of_kinds_are_open_or_closed(kind, good, bad):
    assert not faulty(good, kind)
    assert [position for _, positions in faulty(bad, kind) for position in positions] == list(range(len(bad)))


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e400", "-1e999"])
def test_infinities_are_told_from_text(text):
    assert faulty([text], REAL) == [("C07", [0])]


def test_whole_numbers_become_int64():
    assert read(["1", "2.0", "-3"], INT).values.dtype == np.int64


@pytest.mark.parametrize("texts", [["0", "1"], ["True", "FALSE"], ["yes", "No"], ["1.0", "0"]])
def test_spellings_of_truth(texts):
    assert not faulty(texts, Boolean())


def test_one_spelling_in_a_column():
    assert faulty(["yes", "no", "1", "true", ""], Boolean()) == [("C14", [2, 3])]


@pytest.mark.parametrize("text", ["2", "T", "y", "on", "-1", "0.5"])
def test_other_words_are_no_truth_values(text):
    assert faulty(["1", text], Boolean()) == [("C13", [1])]


def test_dates_are_days_since_1970():
    assert read(["1970-01-01", "1970-01-31", "1969-12-31", "2024-02-29"], Date()).values.tolist() == [0, 30, -1, 19782]


@pytest.mark.parametrize("text", ["2024-02-30", "20240101", "2024-1-1", "2024-W01-1", "01/02/2024", "2024-01-01 12:00", "٢٠٢٤-٠١-٠١"])
def test_only_iso_dates_are_dates(text):
    assert faulty(["2024-01-01", text], Date()) == [("C16", [1])]


def test_times_of_day_are_no_dates():
    stamps = np.array(["2024-01-01T00:00", "2024-01-01T06:00"], "datetime64[s]")
    converted = convert(Typed(stamps, np.zeros(2, bool)), Date(), Reading())
    assert [(fault.code, fault.positions.tolist()) for fault in converted.faults] == [("C16", [1])]


def test_members_are_positions_and_a_declared_label_wins_over_a_word_for_missing():
    position = lookup(("NA", "b"))
    converted = read(["b", "NA", "", "b "], Member("S"), position=position)
    assert converted.values.tolist() == [1, 0, 0, 1]
    assert converted.present.tolist() == [True, True, False, True]


def test_unknown_labels_are_found():
    assert faulty(["b", "c", "b", "d"], Member("S"), position=lookup(("a", "b"))) == [("C08", [1, 3])]


@pytest.mark.parametrize("values", [[1, 2, 1], [1.0, 2.0, 1.0], ["1", "2.0", "1"], [True, False]])
def test_labels_of_numbers_and_of_texts_agree(values):
    cells = cells_from_objects(values)
    labels = ("True", "False") if isinstance(values[0], bool) else (1, 2)
    assert convert(cells, Member("S"), Reading(position=lookup(labels))).values.tolist() == [0, 1, 0][: len(values)]


def test_typed_missing_values_are_no_labels():
    cells = cells_from_objects([2.0, None, math.nan, 2.0])
    converted = convert(cells, Member("S"), Reading(position=lookup((2,))))
    assert converted.present.tolist() == [True, False, False, True]
    assert not converted.faults


def test_big_integers_are_not_rounded_silently():
    cells = cells_from_array(np.array([2**53 + 1, 5]))
    assert [fault.code for fault in convert(cells, COUNT, Reading()).faults] == ["C15"]
    assert [fault.code for fault in convert(cells_from_objects([2**80, 5]), COUNT, Reading()).faults] == ["C15"]


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.booleans())
def test_fillers_are_inside_their_kind(low, width, integer):
    kind = Interval(math.floor(low), math.floor(low) + math.ceil(width), integer=integer)
    assert kind.lower <= filler(kind) <= kind.upper
    assert not integer or filler(kind) == int(filler(kind))
