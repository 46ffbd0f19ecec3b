from __future__ import annotations

import os
import stat

import pytest

from pplang import _files
from pplang._diagnostics import Problems


def code(call, *arguments):
    with pytest.raises(Problems) as caught:
        call(*arguments)
    return [one.code for one in caught.value.diagnostics]


def test_text_is_read_without_its_mark_and_with_its_line_ends(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert _files.read_text(tmp_path / "a", 100) == "a\r\nb"


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"caf\xe9", "I24"), ("é".encode("utf-16"), "I24"), (b"a\0b", "I25"), (b"x" * 101, "I23"), (b"\xed\xa0\x80", "I24")],
)
def test_files_that_are_not_the_text_wanted(tmp_path, content, expected):
    (tmp_path / "a").write_bytes(content)
    assert code(_files.read_text, tmp_path / "a", 100) == [expected]


def test_exactly_the_limit_may_be_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert len(_files.read_text(tmp_path / "a", 100)) == 100


def test_missing_files_folders_and_names_with_nul(tmp_path):
    (tmp_path / "model.ppl").touch()
    assert code(_files.read_text, tmp_path / "modle.ppl", 9) == ["I20"]
    assert code(_files.read_text, tmp_path / "model.ppl" / "x", 9) == ["I20"]
    assert code(_files.read_text, tmp_path, 9) == ["I21"]
    assert code(_files.read_text, "a\0b", 9) == ["I22"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "a").touch(mode=0)
    assert code(_files.read_text, tmp_path / "a", 9) == ["I22"]


def test_what_was_written_is_whole(tmp_path):
    _files.write_text_atomic(tmp_path / "out.txt", "é\n", False)
    assert (tmp_path / "out.txt").read_bytes() == "é\n".encode()
    assert os.listdir(tmp_path) == ["out.txt"]


def test_an_existing_file_is_replaced_only_by_force(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    assert code(_files.write_text_atomic, tmp_path / "out.txt", "new", False) == ["O01"]
    assert (tmp_path / "out.txt").read_text() == "old"
    _files.write_text_atomic(tmp_path / "out.txt", "new", True)
    assert (tmp_path / "out.txt").read_text() == "new"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    def race():
        with _files.atomic_path(tmp_path / "out.txt", False) as temporary:
            temporary.write_text("ours")
            (tmp_path / "out.txt").write_text("theirs")

    assert code(race) == ["O01"]
    assert (tmp_path / "out.txt").read_text() == "theirs"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interruption_leaves_nothing(tmp_path, interruption):
    def interrupted():
        with _files.atomic_path(tmp_path / "out.txt", False) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_a_dangling_link_is_not_written_through(tmp_path):
    (tmp_path / "out.txt").symlink_to(tmp_path / "elsewhere")
    assert code(_files.write_text_atomic, tmp_path / "out.txt", "new", False) == ["O01"]
    _files.write_text_atomic(tmp_path / "out.txt", "new", True)
    assert not (tmp_path / "elsewhere").exists()


def test_targets_that_cannot_be_written(tmp_path):
    assert code(_files.check_target, tmp_path, True) == ["O02"]
    assert code(_files.check_target, tmp_path / "no" / "out.txt", True) == ["O02"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    _files.write_text_atomic(tmp_path / "ours", "", False)
    (tmp_path / "theirs").touch()
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "theirs").stat().st_mode)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (64e6, "64 MB"), (8e12, "8.0 TB"), (5e30, "5000000000000 EB")]
)
def test_sizes_for_people(size, text):
    assert _files.size_text(size) == text


def test_some_memory_may_be_spent():
    assert 1e6 < _files.spendable_memory() < 1e15
