"""A command and what it starts: nothing of it is left, whoever ends it, and however we end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from kclpy_helper.process_group import ProcessGroup

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")

# Starts a process that ignores what asks it to end and has closed all pipes, says its number, and ends.
LEAVES_ONE = """
import subprocess, sys
child = 'import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.closerange(0, 3); time.sleep(60)'
print(subprocess.Popen([sys.executable, '-c', child]).pid, flush=True)
"""


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that is dead and not yet buried does not count."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.05)


def test_what_outlives_the_command_is_seen_and_ended() -> None:
    """Though it holds none of our pipes."""
    group = ProcessGroup([sys.executable, "-c", LEAVES_ONE], stdout=subprocess.PIPE)
    assert group.process.stdout
    left = int(group.process.stdout.readline())
    group.process.communicate()
    assert not group.wait(0.2)
    assert is_alive(left)
    group.kill()
    assert group.wait(0)
    assert not is_alive(left)


def test_a_group_that_is_gone_is_waited_for_no_longer() -> None:
    """Ending it once more does no harm."""
    group = ProcessGroup([sys.executable, "-c", ""])
    assert group.wait(30)
    group.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_a_command_is_asked_to_end_when_we_are_gone(tmp_path: Path) -> None:
    """We may be killed, and have no time to say so."""
    told = tmp_path / "told"
    command = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(told)!r}).touch(), sys.exit()))\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    ours = (
        "import sys, time\nfrom kclpy_helper.process_group import ProcessGroup\n"
        f"print(ProcessGroup([sys.executable, '-c', {command!r}]).process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", ours], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = {process.stdout.readline().strip() for _ in range(2)}
        pid = int((lines - {"ready"}).pop())
        process.send_signal(signal.SIGKILL)
        wait_until_dead(pid)
    assert told.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper in place of process 1")
def test_what_is_left_is_buried_where_we_inherit_it() -> None:
    """As process 1 of a container does: a dead process that nobody buries would look alive for ever."""
    code = (
        "import ctypes, subprocess, sys, time\n"
        "ctypes.CDLL(None).prctl(36, 1)\n"  # PR_SET_CHILD_SUBREAPER
        "from kclpy_helper.process_group import ProcessGroup\n"
        f"group = ProcessGroup([sys.executable, '-c', {LEAVES_ONE!r}], stdout=subprocess.PIPE)\n"
        "group.process.communicate()\n"
        "assert not group.wait(0.2)\n"
        "start = time.monotonic()\ngroup.kill()\nassert group.wait(0)\n"
        "assert time.monotonic() - start < 4"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_command_that_cannot_be_run_raises() -> None:
    """Popen's own error."""
    with pytest.raises(FileNotFoundError):
        ProcessGroup(["/nowhere/java"])
