"""Asks the program of ``executableName`` to speak the MultiLangDaemon's protocol."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from kclpy_helper.command import extra_environment
from kclpy_helper.executable import words_of
from kclpy_helper.paths import is_file

if TYPE_CHECKING:
    from kclpy_helper.properties import Properties

SHARD_ID = "shardId-999999999999"
"""A shard that no stream has: what a record processor keeps for it harms no other."""

_LINE = 64 * 1024
"""Bytes of a line that are looked at; the rest counts as another line."""
_STDERR_LINES = 15
_LEFTOVER_SECONDS = 2.0
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


class Probed(NamedTuple):
    """How the program answered.

    ``problem`` is empty where it did as a record processor's process must. ``noise`` is the first line on its stdout that
    is none of the protocol, ``stderr`` the end of what it wrote there. ``left`` is what was written in the present folder.
    """

    problem: str
    noise: str | None
    stderr: str
    seconds: float
    left: tuple[str, ...] = ()


class _Problem(Exception):  # noqa: N818  (it is a finding, not a failure)
    """What the program did wrong."""


def probe_aside(app: Properties, line: int, seconds: float) -> Probed:
    """Probe the program in an empty folder, where what it writes does no harm, and in the present one if it needs that.

    It finds its script and its modules nevertheless. Raises :class:`OSError` where it cannot be started.
    """
    here = Path.cwd()
    before = _written(here)
    words = words_of(app.executable_name)
    scripts = [number for number, word in enumerate(words) if number and is_file(here / word)]
    for number in [0, *scripts[:1]]:
        if number or Path(words[0]).name != words[0]:
            words[number] = str(here / words[number])
    modules = os.pathsep.join([str(here), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        aside = {"PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1", **dict.fromkeys(_TEMPORARY, folder)}
        answer = _probe(words, {**_environment(app), **aside}, line, seconds, folder)
    if answer.problem and answer.seconds < seconds:  # one that hangs would hang again
        answer = probe_executable(app, line, seconds)
    after = _written(here)
    return answer._replace(left=tuple(sorted(name for name in after if after[name] != before.get(name))))


def _written(folder: Path) -> dict[str, int]:
    """When each entry of ``folder`` was written last."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries}


def probe_executable(app: Properties, line: int, seconds: float) -> Probed:
    """Start the program as the daemon of KCL ``line`` does, let it answer ``initialize`` and the loss of the lease, and end it.

    It gets no records and is asked for no checkpoint. Like the daemon's, its command is ``executableName`` split at spaces
    (ExecutableName of MultiLangDaemonConfig), its program comes from PATH, and its environment and folder are ours. It is
    killed, with what it started, after ``seconds``. Raises :class:`OSError` where it cannot be started.
    """
    return _probe(words_of(app.executable_name), _environment(app), line, seconds, None)


def _environment(app: Properties) -> dict[str, str]:
    return {**os.environ, **extra_environment(app)}


def _probe(words: list[str], environment: dict[str, str], line: int, seconds: float, folder: str | None) -> Probed:
    program = shutil.which(words[0], path=environment.get("PATH")) or words[0]
    lost = {"action": "shutdown", "reason": "ZOMBIE"} if line == 1 else {"action": "leaseLost"}
    start = {
        "action": "initialize",
        "shardId": SHARD_ID,
        "sequenceNumber": "TRIM_HORIZON",
        "subSequenceNumber": 0,
    }
    began = time.monotonic()
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [program, *words[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        conversation = _Conversation(process, began + seconds)
        problem = ""
        try:
            for message in (start, lost):
                conversation.ask(message)
            conversation.end()
        except _Problem as found:
            problem = str(found)
        finally:
            conversation.close()
        stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _LINE))
        said = stderr.read().decode("utf-8", "replace").splitlines()[-_STDERR_LINES:]
    return Probed(problem, conversation.noise, "\n".join(said), time.monotonic() - began)


class _Conversation:
    """The daemon's side of the pipes of ``process``, until ``deadline``."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self.noise: str | None = None
        self._process = process
        self._deadline = deadline
        self._stdin = cast("IO[bytes]", process.stdin)
        self._lines: queue.Queue[bytes] = queue.Queue(100)
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with cast("IO[bytes]", self._process.stdout) as stdout:
            while line := stdout.readline(_LINE):
                self._lines.put(line)
        self._lines.put(b"")

    def ask(self, message: dict[str, Any]) -> None:
        """Send ``message``, and wait for its status."""
        action = message["action"]
        with suppress(OSError):  # it has ended: that it does not answer says it better
            self._stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            self._stdin.flush()
        while True:
            line = self._line(f"does not answer {action}")
            if not line:
                raise _Problem(f"ended without an answer to {action}, with exit code {self._exit_code()}")
            answer = _parse(line)
            if answer == {"action": "status", "responseFor": action}:
                return
            if answer.get("action") == "status":
                raise _Problem(f"answers {action} with a status for {answer.get('responseFor')}")
            if answer.get("action") == "checkpoint":
                raise _Problem(f"asks for a checkpoint in {action}, where there is none to make")
            self._is_noise(line)

    def end(self) -> None:
        """Close its stdin, on which it has to end with 0."""
        with suppress(OSError):
            self._stdin.close()
        while line := self._line("does not end when its stdin does"):
            self._is_noise(line)
        if code := self._exit_code():
            raise _Problem(f"ends with exit code {code}")

    def close(self) -> None:
        """Kill what is left of it, and of what it started."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._stdin.close()
        self._process.wait()
        with suppress(queue.Empty):  # a process that left the group may hold stdout
            while not self._ended:
                self._ended = not self._lines.get(timeout=_LEFTOVER_SECONDS)

    def _line(self, otherwise: str) -> bytes:
        left = self._deadline - time.monotonic()  # a program that never stops writing never leaves the queue empty
        try:
            line = self._lines.get(timeout=left) if left > 0 else None
        except queue.Empty:
            line = None
        if line is None:
            raise _Problem(f"{otherwise} within the time limit")
        self._ended = not line
        return line

    def _exit_code(self) -> int:
        try:
            return self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _Problem("closes its stdout and runs on") from None

    def _is_noise(self, line: bytes) -> None:
        if line.strip() and self.noise is None:
            self.noise = line.decode("utf-8", "replace").rstrip()


def _parse(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
