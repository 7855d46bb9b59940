"""Bars on stderr."""

from __future__ import annotations

import pytest

from liptwin import progress
from liptwin.progress import Bars


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", -1.0)


def go_on_together(bars: Bars) -> None:
    one, other = bars("ab", 2, "frying"), bars("cd", 2, "boiling")
    assert [*zip(one, other, strict=False)] == [("a", "c"), ("b", "d")]
    assert list(one) == list(other) == []


@pytest.mark.usefixtures("impatient")
def test_what_goes_on_at_once_has_a_bar_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    bars = Bars()
    go_on_together(bars)
    seen = capsys.readouterr()
    assert "frying" in seen.err and "boiling" in seen.err and not seen.out
    assert list(bars("e", 1, "stirring")) == ["e"]
    assert "stirring" in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_nothing_is_drawn_where_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    go_on_together(Bars())
    assert capsys.readouterr() == ("", "")


def test_short_work_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    go_on_together(Bars())
    assert capsys.readouterr() == ("", "")
