"""Lines of the daemon and of its children, as events, and events as lines."""

from __future__ import annotations

import json

import pytest
from kclpy_helper.logs import Event, Level, Reader, as_json, plain

MARK = "5ca1ab1e"
SHARD = "shardId-000000000000"
PACKAGE = "software.amazon.kinesis.multilang"


def event_line(level: str, logger: str, message: str, exception: str = "") -> str:
    """As logging/run.xml has the daemon write it."""
    return f"{MARK}2026-01-02T03:04:05.678+00:00\t{level}\t{logger}\t{message}\u2029{exception}"


def child_lines(text: str, shard: str = SHARD) -> tuple[str, str]:
    """What the daemon writes for a line on a child's stderr: an event, and then the line."""
    message = f"Received error line from subprocess [{text}] for shard {shard}"
    return event_line("ERROR", f"{PACKAGE}.DrainChildSTDERRTask", message), text


def read(*lines: str) -> list[Event]:
    reader = Reader(MARK)
    return [event for line in lines if (event := reader(line))]


@pytest.mark.parametrize(
    ("line", "level", "logger", "message"),
    [
        (f"2026-01-02 03:04:05,678 WARNING [{SHARD}] orders.db: slow", Level.WARNING, "orders.db", "slow"),
        ("ERROR:orders:no such order", Level.ERROR, "orders", "no such order"),
        ("2026-01-02 03:04:05,678 - orders - CRITICAL - lost", Level.CRITICAL, "orders", "lost"),
        ("2026-01-02T03:04:05Z [DEBUG] looking", Level.DEBUG, "processor", "looking"),
        ("WARN: low on disk", Level.WARNING, "processor", "low on disk"),
        (
            '{"level": "error", "event": "lost"}',
            Level.ERROR,
            "processor",
            '{"level": "error", "event": "lost"}',
        ),
        ("12 records, ERROR rate 0", Level.INFO, "processor", "12 records, ERROR rate 0"),
        ("INFORMATION is no level", Level.INFO, "processor", "INFORMATION is no level"),
        ("tabs\tand ]brackets[ stay", Level.INFO, "processor", "tabs\tand ]brackets[ stay"),
    ],
)
def test_a_childs_line_comes_once_at_its_own_level(line: str, level: Level, logger: str, message: str) -> None:
    """Neither as an error, as the daemon logs it, nor a second time, as the daemon prints it."""
    (event,) = read(*child_lines(line))
    assert event == Event("2026-01-02T03:04:05.678+00:00", level, SHARD, logger, message, of_child=True)


def test_equal_lines_of_several_shards_are_each_kept() -> None:
    """The repetitions may come in any order after the events."""
    (first, echo), (second, _) = child_lines("same"), child_lines("same", "shardId-000000000001")
    assert [event.shard for event in read(first, second, echo, echo)] == [SHARD, "shardId-000000000001"]
    assert len(read(first, echo, first, echo)) == 2


def test_a_line_that_nobody_announced_is_kept() -> None:
    """Each event allows one repetition: the JVM's own words are not lost because a child said the same."""
    event, echo = child_lines("OutOfMemoryError")
    assert [(found.logger, found.level) for found in read(event, echo, echo)] == [
        ("processor", Level.INFO),
        ("java", Level.WARNING),
    ]


def test_a_traceback_is_an_error_up_to_its_last_line() -> None:
    """Its lines have no level; what follows is information again, and other shards are not affected."""
    text = ["Traceback (most recent call last):", '  File "a.py", line 1', "ValueError: bad", "going on"]
    lines = [line for each in text[:2] for line in child_lines(each)]
    lines += child_lines("meanwhile", "shardId-000000000001")
    lines += [line for each in text[2:] for line in child_lines(each)]
    levels = {event.message: event.level for event in read(*lines)}
    assert levels == dict(zip([*text[:3], "meanwhile", "going on"], [Level.ERROR] * 3 + [Level.INFO] * 2, strict=True))


def test_the_last_words_of_kclpy_are_an_error() -> None:
    """They say why a record processor's process ends."""
    (event,) = read(*child_lines("kclpy: 'app:Nope': module 'app' has no attribute 'Nope'"))
    assert event.level is Level.ERROR


def test_a_line_on_a_childs_stdout_has_its_shard() -> None:
    """The daemon skips it, and says so for information."""
    message = f"Skipping unexpected line on STDOUT for shard {SHARD}: printed: 1"
    (event,) = read(event_line("INFO", f"{PACKAGE}.GetNextMessageTask", message))
    assert (event.shard, event.level, event.message, event.of_child) == (SHARD, Level.INFO, "printed: 1", True)


def test_the_daemons_own_information_is_for_debug() -> None:
    """Its warnings and errors keep their level; line ends come back."""
    info, error = read(
        event_line("INFO", "software.amazon.kinesis.A", f"Initializing {SHARD}"),
        event_line("ERROR", "software.amazon.kinesis.B$C", "one\u2028two", "E: no\u2028\tat a.B.c(B.java:1)\u2028"),
    )
    assert (info.level, info.logger) == (Level.DEBUG, "A")
    assert error[1:] == (Level.ERROR, "", "B$C", "one\ntwo", "E: no\n\tat a.B.c(B.java:1)", False)


@pytest.mark.parametrize(
    ("logger", "message", "shard"),
    [
        ("software.amazon.kinesis.lifecycle.ShardConsumer", f"{SHARD}: no", SHARD),
        ("software.amazon.kinesis.multilang.MessageWriter", f"Encountered I/O error while writing for {SHARD}", SHARD),
        ("com.amazonaws.services.kinesis.clientlibrary.lib.worker.ProcessTask", f"No: {SHARD}", SHARD),
        ("software.amazon.kinesis.lifecycle.ShutdownTask", f"{SHARD} has children shardId-000000000002", ""),
        ("software.amazon.kinesis.leases.LeaseRenewer", f"Lost lease {SHARD}", ""),
        ("com.amazonaws.services.kinesis.clientlibrary.lib.worker.Worker", f"Assigned: {SHARD}", ""),
        ("com.amazonaws.services.kinesis.clientlibrary.lib.worker.ShardSyncTask", f"Found {SHARD}", ""),
    ],
)
def test_a_line_is_a_shards_if_its_own_task_wrote_it(logger: str, message: str, shard: str) -> None:
    """What the worker says about a shard, or about several, is the worker's."""
    (event,) = read(event_line("WARN", logger, message))
    assert event.shard == shard


def test_what_is_left_on_a_childs_stdout_is_the_childs() -> None:
    """The daemon says so when the process has ended."""
    (event,) = read(event_line("INFO", f"{PACKAGE}.DrainChildSTDOUTTask", f"Drained line for shard {SHARD}: no"))
    assert (event.of_child, event.message) == (True, "no")


def test_half_a_line_is_no_reason_to_stop_reading() -> None:
    """A daemon that is killed may leave one."""
    assert len(read(event_line("ERROR", "x.Y", "no")[:45])) == 1


def test_the_mark_of_another_run_is_no_mark() -> None:
    """A child cannot speak for the daemon, because it does not know the mark."""
    forged = event_line("ERROR", "x.Y", "Unable to load region from any of the providers").replace(MARK, "00000000")
    (event,) = read(*child_lines(forged))
    assert event.of_child


def test_the_frames_of_a_start_that_failed_are_for_debug() -> None:
    """The daemon prints that stack trace, and does not log it."""
    events = read("java.lang.RuntimeException: no", "\tat a.B.main(B.java:1)", "\t... 8 more", "Caused by: c.D: why")
    assert [event.level for event in events] == [Level.WARNING, Level.DEBUG, Level.DEBUG, Level.WARNING]


EVENT = Event(
    "2026-01-02T03:04:05.678+00:00", Level.ERROR, SHARD, "Scheduler", "two\nlines", "E: no\n\tat a.B.c(B.java:1)"
)


def test_plain_text_says_when_how_bad_where_and_what() -> None:
    """An exception follows in lines of its own."""
    assert plain(EVENT) == (
        f"2026-01-02T03:04:05.678+00:00 ERROR [{SHARD}] Scheduler: two\nlines\nE: no\n\tat a.B.c(B.java:1)"
    )
    assert plain(EVENT._replace(shard="", exception="")).endswith("ERROR Scheduler: two\nlines")


def test_json_is_one_object_a_line() -> None:
    """What there is not is null."""
    line = as_json(EVENT._replace(shard="", exception=""))
    assert "\n" not in line
    assert json.loads(line) == {
        "timestamp": "2026-01-02T03:04:05.678+00:00",
        "level": "ERROR",
        "shard": None,
        "logger": "Scheduler",
        "message": "two\nlines",
        "exception": None,
    }


HOSTILE = EVENT._replace(message="\x1b[31mred\x1b[0m\x1b[2J\r2026 INFO forged\u2028\u2029\x85\x9b", exception="")


def test_a_child_does_not_steer_the_terminal_of_who_reads_the_log() -> None:
    """What would is escaped; where colours are shown, so are a child's own, and nothing else of it."""
    rest = r"\x1b[2J\x0d2026 INFO forged\u2028\u2029\x85\x9b"
    assert plain(HOSTILE).endswith(r": \x1b[31mred\x1b[0m" + rest)
    assert plain(HOSTILE, colours=True).endswith(": \x1b[31mred\x1b[0m" + rest)


def test_a_line_of_json_is_one_for_every_reader() -> None:
    """Also for those that end lines at U+2028, U+2029 and U+0085, as Python's splitlines() does; the text is the same."""
    line = as_json(HOSTILE._replace(message=f"{HOSTILE.message}é"))
    assert line.splitlines() == [line]
    assert all(character.isprintable() for character in line)
    assert "é" in line
    assert json.loads(line)["message"] == f"{HOSTILE.message}é"
