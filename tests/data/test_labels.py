from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplang._data.labels import in_natural_order, in_order, label_of, lookup


@pytest.mark.parametrize(
    ("text", "label"),
    [("1", 1), ("1.0", 1), (" 1 ", 1), ("1.000", 1), ("-3", -3), ("0", 0), ("10", 10), ("100.0", 100)],
)
def test_a_whole_number_however_written_is_one_label(text, label):
    assert label_of(text) == label


@pytest.mark.parametrize(
    "text", ["01", "1.5", "+1", "1e3", "1.", ".0", "-0", "--1", "", "٣", "1_000", "12345678901234567890", "AITKIN", "-", "00"]
)
def test_any_other_text_is_the_label_it_looks_like(text):
    assert label_of(text) == text


def test_canonically_equivalent_texts_are_one_label():
    assert label_of("Sa\u0303o") == label_of("S\u00e3o")


def test_integers_stand_in_numeric_order_and_strings_by_code_point():
    assert in_order([10, 9, 9, 2]) == (2, 9, 10)
    assert in_order(["b", "B", "a"]) == ("B", "a", "b")


def test_one_string_among_integers_makes_all_of_them_strings_in_order():
    assert in_order([10, 9, "x"]) == (10, 9, "x")


def test_numbers_in_names_are_compared_as_numbers():
    assert in_natural_order(["y_10", "y_2", "y_1", "x_3", "y_02b"]) == ["x_3", "y_1", "y_2", "y_02b", "y_10"]


@given(st.lists(st.text(alphabet="ab019_", max_size=6), unique=True))
def test_natural_order_does_not_depend_on_the_order_given(names):
    assert in_natural_order(names) == in_natural_order(names[::-1])
    assert sorted(in_natural_order(names)) == sorted(names)


def test_lookup_finds_declared_labels_however_they_are_written():
    position = lookup(("1", "01", "drug A"))
    assert [position(label_of(text)) for text in ("1.0", "01", "drug A", "2")] == [0, 1, 2, None]


def test_lookup_in_a_range_takes_integers_only():
    position = lookup(range(3, 10**12))
    assert [position(3), position(10**11), position(2), position("3")] == [0, 10**11 - 3, None, None]
