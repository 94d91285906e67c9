"""What of the events is written, and what becomes of those that come again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import pytest
from kclpy_helper.log import Log
from kclpy_helper.logs import JVM, Event, Level, plain

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = Event(
    "2026-01-02T03:04:05.678+00:00", Level.ERROR, "", "Scheduler", "two\nlines", "E: no\n\tat a.B.c(B.java:1)"
)


def written(level: Level, *events: Event, render: Callable[[Event], str] = plain) -> list[str]:
    """The lines of a log of `level` after `events`."""
    file = io.BytesIO()
    with Log(cast("io.RawIOBase", file), render, level) as log:
        for event in events:
            log(event)
        log.say(Level.INFO, "said")
    return file.getvalue().decode().splitlines()


@pytest.mark.parametrize(
    ("level", "lines"),
    [(Level.DEBUG, ["E: no\n\tat a.B.c(B.java:1)", "said"]), (Level.INFO, ["E: no", "said"]), (Level.ERROR, ["E: no"])],
)
def test_the_log_has_what_is_at_its_level(level: Level, lines: list[str]) -> None:
    """And the frames of stack traces for DEBUG only."""
    found = written(level, EVENT, render=lambda event: event.exception or event.message)
    assert found == "\n".join(lines).splitlines()


def test_text_that_no_encoding_has_is_written_escaped() -> None:
    """A lone surrogate, as Python makes it of a file name that is not UTF-8."""
    assert written(Level.ERROR, EVENT._replace(message="a\udcffb", exception=""))[0].endswith("Scheduler: a\\udcffb")


def test_what_the_daemon_says_again_is_counted() -> None:
    """Whatever numbers and ids differ in it; the count follows at the end, or after a minute."""
    events = [
        EVENT._replace(message=f"Connection refused: /127.0.0.1:{port}, request 5f-{port:x}", exception="")
        for port in (4001, 4002, 4003)
    ]
    found = written(Level.INFO, *events)
    assert found[0].endswith("Scheduler: Connection refused: /127.0.0.1:4001, request 5f-fa1")
    assert "again, 2 times in 0 s: Connection refused: /127.0.0.1:4001" in found[-1]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("level", "event"),
    [
        (Level.DEBUG, EVENT),
        (Level.INFO, EVENT._replace(of_child=True)),
        (Level.INFO, EVENT._replace(level=Level.INFO)),
        (Level.INFO, EVENT._replace(logger=JVM)),
    ],
    ids=["for debug", "a record processor's", "information", "the JVM's own"],
)
def test_nothing_else_is_folded(level: Level, event: Event) -> None:
    """A record processor's lines are its own, and who debugs wants all."""
    assert written(level, event, event).count(plain(event).splitlines()[0]) == 2


def test_the_same_of_another_shard_is_news() -> None:
    """Each shard is a trouble of its own."""
    found = written(Level.INFO, EVENT._replace(shard="shardId-1"), EVENT._replace(shard="shardId-2"))
    assert sum("Scheduler: two" in line for line in found) == 2
