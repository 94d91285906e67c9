"""A daemon as a child process: what it writes, how it ends, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from kclpy import stopping
from kclpy_helper.daemon import STOPPING_VARIABLE, Daemon

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX's")


class Lines(list[str]):
    """Collects lines, and lets a test wait for one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._changed:
            self.append(line)
            self._changed.notify_all()

    def wait_for(self, line: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: line in self, timeout=30), f"no {line!r} in {self}"


@pytest.fixture
def lines() -> Lines:
    return Lines()


def daemon_of(code: str, lines: Lines, **options: object) -> Daemon:
    return Daemon([sys.executable, "-c", code], lines, **options)  # type: ignore[arg-type]


# A child that, like a shard's, ignores signals; the daemon waits for its end.
WITH_CHILD = """
import signal, subprocess, sys
child = '''
import signal, sys, time
for each in (signal.SIGTERM, signal.SIGINT): signal.signal(each, signal.SIG_IGN)
print('child ready', flush=True)
{child}
'''
process = subprocess.Popen([sys.executable, '-c', child], stdin=subprocess.PIPE)
def end(*_):
    print('daemon told', flush=True)
    {end}
signal.signal(signal.SIGTERM, end)
print('daemon ready', flush=True)
signal.pause()
"""


def ended(group: int) -> bool:
    """Whether no process of the group is left soon; one that is dead and not yet buried by init does not count."""
    for _ in range(100):
        processes = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True)
        states = [line.split()[1] for line in processes.stdout.splitlines() if line.split()[0] == str(group)]
        if all(state.startswith("Z") for state in states):
            return True
        time.sleep(0.1)
    return False


def test_every_line_of_both_streams_arrives(lines: Lines) -> None:
    """Both stdout and stderr, without line ends; what is no UTF-8 is replaced."""
    code = "import os; os.write(1, b'one\\n'); os.write(2, 'zw\\u00f6lf\\r\\n'.encode()); os.write(1, b'\\xff\\nlast')"
    with daemon_of(code, lines) as daemon:
        assert daemon.wait(30) == 0
    assert lines == ["one", "zwölf", "\ufffd", "last"]


def test_the_exit_code_is_the_daemons(lines: Lines) -> None:
    """poll() and wait() give it as Popen does."""
    with daemon_of("raise SystemExit(3)", lines) as daemon:
        assert daemon.wait(30) == 3
        assert daemon.poll() == 3


def test_environment_and_folder_are_passed_on(lines: Lines, tmp_path: Path) -> None:
    """They are the daemon's, and so its children's."""
    code = "import os; print(os.getcwd(), os.environ['X'])"
    with daemon_of(code, lines, environment={**os.environ, "X": "1"}, cwd=tmp_path) as daemon:
        daemon.wait(30)
    assert lines == [f"{tmp_path} 1"]


def test_terminate_is_for_the_daemon_alone(lines: Lines) -> None:
    """The daemon ends its children itself: they are not signalled, and are heard out."""
    code = WITH_CHILD.format(
        child="sys.stdin.read(); print('child ends', flush=True)",
        end="process.communicate(); sys.exit(143)",
    ).replace("signal.SIGTERM, signal.SIGINT", "")
    with daemon_of(code, lines) as daemon:
        lines.wait_for("child ready")
        lines.wait_for("daemon ready")
        assert daemon.stop(30) == 143
        assert ended(daemon.pid)
    assert lines[-2:] == ["daemon told", "child ends"]


@pytest.mark.parametrize(("folder", "there"), [(".", "True"), ("nowhere", "False")])
def test_the_children_know_of_a_stop_before_the_daemon_does(
    lines: Lines, tmp_path: Path, folder: str, there: str
) -> None:
    """A file appears, whose name they have; where it cannot, the daemon is told all the same."""
    code = (
        "import os, signal, sys\n"
        "def there(*_): print(os.path.exists(os.environ['KCLPY_STOPPING']), flush=True)\n"
        "signal.signal(signal.SIGTERM, lambda *_: (there(), sys.exit()))\n"
        "there()\n"
        "signal.pause()"
    )
    with daemon_of(code, lines, stopping=tmp_path / folder / "stopping") as daemon:
        lines.wait_for("False")
        assert daemon.stop(30) == 0
    assert lines == ["False", there]


def test_the_variable_is_the_one_that_kclpy_reads() -> None:
    """The helper does not depend on the core."""
    assert stopping.STOPPING_VARIABLE == STOPPING_VARIABLE


def test_the_word_of_a_stop_comes_before_the_signal(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard that the signal gives up may be taken up again at once."""
    path, there = tmp_path / "stopping", []
    terminate = subprocess.Popen.terminate
    monkeypatch.setattr(subprocess.Popen, "terminate", lambda self: (there.append(path.exists()), terminate(self)))
    with daemon_of("import signal; signal.pause()", lines, stopping=path) as daemon:
        daemon.stop(30)
    assert there == [True]


def test_a_daemon_that_does_not_end_is_killed_with_its_children(lines: Lines) -> None:
    """After the grace period the whole process group is killed."""
    code = WITH_CHILD.format(child="time.sleep(60)", end="signal.pause()")
    with daemon_of(code, lines) as daemon:
        lines.wait_for("child ready")
        lines.wait_for("daemon ready")
        assert daemon.stop(0.5) == -signal.SIGKILL
        assert ended(daemon.pid)
    assert "daemon told" in lines


def test_a_child_that_outlives_the_daemon_is_killed(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stuck child ignores the end of its stdin; it does not survive wait()."""
    monkeypatch.setattr("kclpy_helper.daemon.LEFTOVER_SECONDS", 0.2)
    code = WITH_CHILD.format(child="time.sleep(60)", end="sys.exit(143)")
    with daemon_of(code, lines) as daemon:
        lines.wait_for("child ready")
        lines.wait_for("daemon ready")
        assert daemon.stop(30) == 143
        assert ended(daemon.pid)


def test_leaving_the_block_kills_everything(lines: Lines) -> None:
    """An exception in the block leaves no process behind."""
    code = WITH_CHILD.format(child="time.sleep(60)", end="signal.pause()")
    daemon = daemon_of(code, lines)

    def fail() -> None:
        with daemon:
            lines.wait_for("child ready")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ended(daemon.pid)


def test_a_terminals_ctrl_c_does_not_reach_the_daemon(lines: Lines) -> None:
    """It has a process group of its own."""
    with daemon_of("import os; print(os.getpgrp() == os.getpid())", lines) as daemon:
        daemon.wait(30)
    assert lines == ["True"]


def test_sigint_works_in_a_daemon_of_a_background_job() -> None:
    """A shell's background job ignores SIGINT and would hand that on: the daemon gets the default back."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from kclpy_helper.daemon import Daemon\n"
        "show = 'import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)'\n"
        "with Daemon([sys.executable, '-c', show], print) as daemon: daemon.wait()\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "True"]


def test_a_command_that_cannot_be_started_raises(lines: Lines) -> None:
    """Popen's own error, which names the file."""
    with pytest.raises(FileNotFoundError, match="/nowhere/java"):
        Daemon(["/nowhere/java"], lines).start()
