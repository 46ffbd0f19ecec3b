"""Our quick `dataclass` means what the standard one means."""

import dataclasses
import pickle
from dataclasses import field

import pytest

from pplang._records import dataclass


@dataclass(frozen=True)
class Base:
    place: int = field(default=0, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Pair(Base):
    first: int
    second: tuple[int, ...] = ()


@dataclass(frozen=True)
class Twin(Base):
    first: int
    second: tuple[int, ...] = ()


@dataclass(frozen=True)
class Checked:
    value: float

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(self.value)


@dataclass(frozen=True)
class Listing:
    items: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Empty:
    pass


def test_comparison_leaves_out_what_takes_no_part() -> None:
    assert Pair(1, (2,), place=3) == Pair(1, (2,), place=4)
    assert hash(Pair(1, (2,), place=3)) == hash(Pair(1, (2,), place=4))
    assert Pair(1) != Pair(2)
    assert Pair(1) != Twin(1)
    assert Empty() == Empty()
    assert len({Empty(), Empty(), Pair(1), Pair(1)}) == 2


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pair(1).first = 2  # type: ignore[misc]


def test_what_builds_on_a_record_must_be_one() -> None:
    with pytest.raises(TypeError):

        @dataclasses.dataclass(frozen=True)
        class More(Pair):
            third: str = ""


def test_defaults_are_made_anew() -> None:
    assert Listing().items == []
    assert Listing().items is not Listing().items
    assert Listing([1]).items == [1]


def test_arguments_are_checked_as_ever() -> None:
    with pytest.raises(TypeError):
        Pair()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Pair(1, (), 2)  # type: ignore[misc]
    with pytest.raises(ValueError):
        Checked(-1.0)
    with pytest.raises(ValueError):
        Checked(-2.0)


def test_it_works_with_the_tools_for_dataclasses() -> None:
    assert dataclasses.replace(Pair(1, place=5), second=(3,)) == Pair(1, (3,))
    assert dataclasses.replace(Pair(1, place=5), second=(3,)).place == 5
    assert [one.name for one in dataclasses.fields(Pair)] == ["place", "first", "second"]
    assert pickle.loads(pickle.dumps(Pair(1, (2,)))) == Pair(1, (2,))
    assert repr(Pair(1, (2,), place=3)) == "Pair(first=1, second=(2,))"
    match Pair(1, (2,)):
        case Pair(first, second):
            assert (first, second) == (1, (2,))


def test_a_field_may_be_called_values() -> None:
    @dataclass(frozen=True)
    class Table:
        first: int
        values: str
        last: int = 3

    assert (Table(1, "two").first, Table(1, "two").values, Table(1, "two").last) == (1, "two", 3)
