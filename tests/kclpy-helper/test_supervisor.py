"""Restarts and signals, with programs that stand in for a daemon; each test runs in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.supervisor import AGAIN_SECONDS, Restarts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

PROGRAM = """
import sys
from kclpy_helper import supervisor
from kclpy_helper.daemon import Daemon
from kclpy_helper.logs import Event, Level
from kclpy_helper.supervisor import Restarts, Signals, Supervisor

supervisor.EXIT_SECONDS = 0.5

def new_daemon(examine):
    def on_line(line):
        print("daemon:", line, flush=True)
        examine(Event("", Level.ERROR, "", "", line))
    return Daemon([sys.executable, "-c", sys.argv[1]], on_line)

with Signals() as signals:
    restarts = Restarts(**{"base": 0.01, "cap": 0.02, **eval(sys.argv[2])})
    say = lambda level, text: print(text, flush=True)
    code = Supervisor(new_daemon, say, restarts, signals, grace=float(sys.argv[3])).run()
sys.exit(code)
"""
# Ends on SIGTERM as a JVM does, and in any case after a minute.
GRACEFUL = """
import signal, sys
signal.alarm(60)
def end(*_):
    {end}
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
while True: signal.pause()
"""
SHARD = "shardId-000000000000"
STARTED = f"print('Writing InitializeMessage to child process for shard {SHARD}', flush=True)\n"
CHILD_ENDED = f"print('Reached end of STDIN of child process for shard {SHARD} so', flush=True)\n"
FAILED = "print('Encountered an error during shutdown.', flush=True)"


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(self, daemon: str, restarts: str = "{}", grace: str = "30") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, daemon, restarts, grace],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for(self, text: str) -> None:
        """Read on to a line with `text`."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if text in line:
                return
        pytest.fail(f"no {text!r} in {self.lines}")

    def end(self) -> tuple[int, str]:
        """The exit code, and all that was written."""
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, "\n".join([*self.lines, rest])


@pytest.fixture
def supervised() -> Iterator[type[Supervised]]:
    """Makes supervisors, and ends those that still run."""
    started = []

    class Started(Supervised):
        def __init__(self, *arguments: str) -> None:
            super().__init__(*arguments)
            started.append(self.process)

    yield Started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_daemon_that_failed_is_started_again_as_often_as_allowed(supervised: type[Supervised]) -> None:
    """Then its exit code is ours."""
    code, output = supervised("print('here'); raise SystemExit(5)", "{'limit': 2}").end()
    assert code == 5
    assert output.count("daemon: here") == 3
    assert "not started again: 2 restarts in a row are the limit" in output


def test_without_restarts_the_first_exit_code_counts(supervised: type[Supervised]) -> None:
    """A supervisor of another kind restarts us."""
    code, output = supervised("print('here'); raise SystemExit(5)", "{'on_failure': False}").end()
    assert (code, output.count("daemon: here")) == (5, 1)


def test_an_end_that_nobody_asked_for_is_a_failure(supervised: type[Supervised]) -> None:
    """A daemon without credentials ends with 0."""
    code, output = supervised("", "{'limit': 1}").end()
    assert code == 1
    assert output.count("the MultiLangDaemon ended with 0 after 0 s: its log does not say why") == 2


def test_a_daemon_that_was_killed_has_a_shells_exit_code(supervised: type[Supervised]) -> None:
    """As by the kernel, for want of memory: 128 and the signal's number."""
    code, output = supervised("import os; os.kill(os.getpid(), 9)", "{'on_failure': False}").end()
    assert code == 137
    assert "the MultiLangDaemon ended with 137" in output


def test_what_would_end_the_same_way_is_not_started_again(supervised: type[Supervised]) -> None:
    """No restart makes an executable appear."""
    daemon = """print('Cannot run program "nope": error=2, No such file or directory'); raise SystemExit(1)"""
    code, output = supervised(daemon).end()
    assert code == 1
    assert output.count("MultiLangDaemon started") == 1
    assert "executableName cannot be started: nope: No such file or directory. Next:" in output


def test_what_the_daemon_tries_again_is_said_at_once(supervised: type[Supervised]) -> None:
    """It may go on for minutes."""
    daemon = "print('no: Unable to load credentials from any of the providers', flush=True)\n" + GRACEFUL.format(end="")
    run = supervised(daemon)
    run.wait_for("the MultiLangDaemon goes on trying: no AWS credentials were found")
    run.process.terminate()
    assert run.end()[0] == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_asks_the_daemon_to_end_and_all_is_well(supervised: type[Supervised], name: str) -> None:
    """Java ends with 143 then; we end with 0. A terminal signals our whole group, which the daemon is not in."""
    run = supervised(GRACEFUL.format(end="print('told', flush=True)"))
    run.wait_for("daemon: ready")
    os.killpg(run.process.pid, getattr(signal, name))
    code, output = run.end()
    assert code == 0
    assert output.count("daemon: told") == 1
    assert f"{name}: asking the MultiLangDaemon to end" in output


def test_a_second_signal_ends_the_daemon_at_once(supervised: type[Supervised]) -> None:
    """The exit code is the shell's for that signal; what the daemon still waited for is said."""
    run = supervised(STARTED + GRACEFUL.format(end="print('told', flush=True); signal.pause()"))
    run.wait_for("daemon: ready")
    run.process.terminate()
    run.wait_for("daemon: told")
    time.sleep(AGAIN_SECONDS)
    run.process.send_signal(signal.SIGINT)
    code, output = run.end()
    assert code == 128 + signal.SIGINT
    assert f"SIGINT again: killed the MultiLangDaemon, which waited for {SHARD} (in initialize for " in output


@pytest.mark.parametrize(
    ("first", "second", "pause"),
    [
        (signal.SIGTERM, signal.SIGTERM, 0.0),
        (signal.SIGHUP, signal.SIGHUP, 0.0),
        (signal.SIGINT, signal.SIGHUP, AGAIN_SECONDS),
    ],
    ids=["a wrapper's", "a closed terminal's", "a hang-up later"],
)
def test_the_same_end_said_twice_is_one(
    supervised: type[Supervised], first: signal.Signals, second: signal.Signals, pause: float
) -> None:
    """A wrapper signals a process and its group, a terminal that is closed hangs up twice: no checkpoint is cut short."""
    run = supervised(GRACEFUL.format(end="import time; print('told', flush=True); time.sleep(1.5)"))
    run.wait_for("daemon: ready")
    run.process.send_signal(first)
    run.wait_for("daemon: told")
    time.sleep(pause)
    run.process.send_signal(second)
    code, output = run.end()
    assert code == 0
    assert "again" not in output


@pytest.mark.parametrize(
    ("before", "code", "last"),
    [
        (
            STARTED,
            143,
            f"was killed: the record processors were not done in shutdownGraceMillis: {SHARD} (in initialize",
        ),
        ("", 0, "the MultiLangDaemon has ended as it was asked to"),
    ],
    ids=["with a record processor", "with threads of its own"],
)
def test_a_daemon_that_does_not_end_in_its_time_is_killed(
    supervised: type[Supervised], before: str, code: int, last: str
) -> None:
    """A stop takes its grace period and a margin at the most; that went well if all record processors were done."""
    run = supervised(before + GRACEFUL.format(end="signal.pause()"), "{}", "0.1")
    run.wait_for("daemon: ready")
    run.process.terminate()
    ended, output = run.end()
    assert ended == code
    assert "not ended in shutdownGraceMillis and 0 s more: killed the MultiLangDaemon" in output
    assert last in output.splitlines()[-1]


def test_a_daemon_that_ought_to_end_and_does_not_is_killed_and_started_again(supervised: type[Supervised]) -> None:
    """A process that a record processor has started may hold the pipe that the daemon reads to its end."""
    run = supervised(CHILD_ENDED + GRACEFUL.format(end=""), "{'limit': 1}", "0.1")
    code, output = run.end()
    assert code == 1
    assert output.count(f"process of {SHARD} ended: the MultiLangDaemon ends, in 1 s at most") == 2
    assert output.count("not ended in shutdownGraceMillis and 0 s more: killed the MultiLangDaemon") == 2
    assert f"the MultiLangDaemon was killed after 1 s: the record processor's process of {SHARD} ended. Next:" in output


def test_a_stop_meets_a_daemon_that_is_ending(supervised: type[Supervised]) -> None:
    """It does not begin the time anew, and it did not go well."""
    run = supervised(CHILD_ENDED + GRACEFUL.format(end="signal.pause()"), "{}", "1.5")
    run.wait_for("daemon: ready")
    time.sleep(1)
    start = time.monotonic()
    run.process.terminate()
    assert run.end()[0] == 128 + signal.SIGTERM
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize(
    ("end", "expected"),
    [(FAILED, 143), ("sys.exit(1)", 1), (CHILD_ENDED.strip(), 143), ("pass", 0)],
    ids=["not in time", "failed", "lost a record processor", "well"],
)
def test_a_stop_that_left_record_processors_behind_is_a_failure(
    supervised: type[Supervised], end: str, expected: int
) -> None:
    """So is one of a daemon that was failing already; not one that only took its time."""
    run = supervised(STARTED + GRACEFUL.format(end=end))
    run.wait_for("daemon: ready")
    run.process.terminate()
    assert run.end()[0] == expected


def test_a_signal_ends_the_wait_for_a_restart(supervised: type[Supervised]) -> None:
    """With 0: there is no daemon left to ask."""
    run = supervised("raise SystemExit(5)", "{'base': 1000.0, 'cap': 1000.0}")
    run.wait_for("restart 1 in")
    run.process.terminate()
    assert run.end()[0] == 0


def test_an_ignored_signal_stays_ignored(supervised: type[Supervised]) -> None:
    """As nohup ignores SIGHUP for what it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = supervised(GRACEFUL.format(end=""))
    finally:
        signal.signal(signal.SIGHUP, before)
    run.wait_for("daemon: ready")
    run.process.send_signal(signal.SIGHUP)
    run.process.terminate()
    code, output = run.end()
    assert code == 0
    assert "SIGHUP" not in output


def test_waits_double_up_to_a_limit_and_are_random() -> None:
    """Between half of the limit and the limit, so that workers that fail together do not start together."""
    restarts = Restarts(base=1, cap=60)
    for failures, limit in ((1, 1), (2, 2), (6, 32), (7, 60), (10_000, 60)):
        waits = {restarts.wait(failures) for _ in range(50)}
        assert len(waits) > 1
        assert limit / 2 <= min(waits) <= max(waits) <= limit


def test_the_row_of_failures_ends_where_the_daemon_ran_well(supervised: type[Supervised]) -> None:
    """So that a limit is one of failures in a row."""
    run = supervised("raise SystemExit(5)", "{'limit': 1, 'well': 0.0}")
    for _ in range(3):
        run.wait_for("restart 1 in")
    run.process.terminate()
    assert run.end()[0] == 0
