"""Events that come again, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kclpy_helper import repeats
from kclpy_helper.logs import Event, Level
from kclpy_helper.repeats import Repeats

if TYPE_CHECKING:
    import pytest

EVENT = Event("", Level.WARNING, "", "X", "no")


def test_the_count_is_said_once_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again after the next while, if there was more."""
    monkeypatch.setattr(repeats, "SECONDS", 0.0)
    said: list[str] = []
    fold = Repeats(lambda event: said.append(event.message))
    for _ in range(3):
        fold(EVENT)
    assert said == ["no"]
    fold.tick()
    fold(EVENT)
    fold.tick()
    assert said == ["no", "again, 2 times in 0 s: no", "again, once in 0 s: no"]


def test_what_has_not_come_again_is_news_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trouble that is back after it was over is written whole."""
    monkeypatch.setattr(repeats, "SECONDS", 0.0)
    said: list[str] = []
    fold = Repeats(lambda event: said.append(event.message))
    fold(EVENT)
    fold.tick()
    fold(EVENT)
    assert said == ["no", "no"]


def test_how_many_events_are_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the oldest, the count is said before it is forgotten."""
    monkeypatch.setattr(repeats, "_MOST", 2)
    said: list[str] = []
    fold = Repeats(lambda event: said.append(event.message))
    for message in ("a", "a", "b", "c"):
        fold(EVENT._replace(message=message))
    assert said == ["a", "b", "again, once in 0 s: a", "c"]
