"""Colour, progress, and our own faults."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from pplang.cli import terminal

Run = Callable[..., Any]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in the place of standard error. (No fixture: pytest puts its own stream there between fixtures and test.)"""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    return stream


def diagnosed(run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    stream = screen(monkeypatch)
    run("check", "bad.ppl")
    return stream.getvalue()


def test_colour_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1;31merror" in diagnosed(run, monkeypatch)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert "\x1b" not in diagnosed(run, monkeypatch)


def test_an_empty_no_color_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[1;31m" in diagnosed(run, monkeypatch)


def test_a_progress_bar_is_drawn_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = screen(monkeypatch)
    with terminal.ProgressBar(quiet=False) as bar:
        bar(50, 100, "warm-up")
        bar(51, 100, "too soon to be drawn")
    drawn = stream.getvalue()
    assert "50%" in drawn
    assert "warm-up" in drawn
    assert "too soon" not in drawn
    assert drawn.endswith("\r\x1b[K")


def test_no_progress_bar_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = screen(monkeypatch)
    with terminal.ProgressBar(quiet=True) as bar:
        bar(1, 2, "")
    assert stream.getvalue() == ""
    monkeypatch.setattr("sys.stderr", plain := io.StringIO())
    with terminal.ProgressBar(quiet=False) as bar:
        bar(1, 2, "")
    assert plain.getvalue() == ""


def test_our_own_faults_ask_for_a_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(chosen: object) -> int:
        raise RuntimeError("what\nnow")

    monkeypatch.setattr("pplang.cli.check.run", broken)
    ran = run("check", "schools.ppl")
    assert ran.status == 70
    assert ran.err.count("\n") == 1
    assert "report" in ran.err
    with pytest.raises(RuntimeError):
        run("check", "schools.ppl", "--debug")
    monkeypatch.setenv("PPLANG_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run("check", "schools.ppl")
