"""A MultiLangDaemon as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _NEW_GROUP = 0
STOPPING_VARIABLE = "KCLPY_STOPPING"
"""The environment variable by which the shards' processes know of a stop; see `kclpy.stopping`."""
_LEFTOVER_SECONDS = 5.0
"""How long the shards' processes may outlive their daemon; it closed their stdin, on which they end."""


class Daemon:
    """Runs the command of a MultiLangDaemon; its verbs are :class:`subprocess.Popen`'s.

    The daemon and its children form a process group of their own, so that a terminal's Ctrl-C reaches none of them,
    and stopping is this object's alone to do. Every line that any of them writes goes to ``on_line``, without its
    line end, from a thread of this object.

    ``stopping`` is a file that appears before the daemon is asked to end, for its record processors (`kclpy.stopping`).

    On Windows a process cannot be asked to end, so there :meth:`terminate` ends the daemon at once, and its record
    processors see no ``shutdownRequested``.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_line: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stopping: Path | None = None,
    ) -> None:
        self.command = tuple(command)
        self._on_line = on_line
        self._environment = dict(os.environ if environment is None else environment)
        if stopping:
            self._environment[STOPPING_VARIABLE] = str(stopping)
        self._cwd = cwd
        self._stopping = stopping

    def start(self) -> None:
        """Start the daemon. Raises :class:`OSError` where its executable cannot be run."""
        with _sigint_not_ignored():
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,  # has no effect on Windows
                creationflags=_NEW_GROUP,
            )
        self._reader = threading.Thread(
            target=self._read,
            args=(cast("IO[bytes]", self._process.stdout),),
            name="MultiLangDaemon output",
            daemon=True,
        )
        self._reader.start()

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self._on_line(line.decode("utf-8", "replace").rstrip("\r\n"))

    @property
    def pid(self) -> int:
        """The process id of the daemon, and on POSIX the id of its process group."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while the daemon runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the daemon, its children and its output have ended; the daemon's exit code.

        Children that outlive it are killed. Raises :class:`subprocess.TimeoutExpired` where the daemon runs on after
        ``timeout`` seconds.
        """
        code = self._process.wait(timeout)
        self._reader.join(_LEFTOVER_SECONDS)
        if self._reader.is_alive():  # a child still holds the pipe
            self._kill_group()
            self._reader.join(_LEFTOVER_SECONDS)
        return code

    def terminate(self) -> None:
        """Ask the daemon, and not its children, to end: it tells them, and waits ``shutdownGraceMillis`` for them."""
        self.announce_stop()
        self._process.terminate()

    def announce_stop(self) -> None:
        """Let the children know that the daemon is being stopped; without room for the file it is stopped all the same."""
        if self._stopping:
            with suppress(OSError):
                self._stopping.touch()

    def let_go(self) -> None:
        """End the daemon at once, and wait for its children, which end by themselves."""
        self._process.kill()
        self.wait()

    def kill(self) -> None:
        """End the daemon and its children at once."""
        if self.poll() is None:
            self._kill_group()

    def stop(self, grace: float) -> int:
        """Ask the daemon to end, kill it after ``grace`` seconds, and return its exit code."""
        self.terminate()
        try:
            return self.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait()

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            command = ["taskkill", "/F", "/T", "/PID", str(self.pid)]
            subprocess.run(command, capture_output=True, check=False)
        else:
            with suppress(ProcessLookupError, PermissionError):  # all gone, on macOS if not buried yet
                os.killpg(self.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.wait()


@contextmanager
def _sigint_not_ignored() -> Iterator[None]:
    """A JVM that inherits an ignored SIGINT ignores it for good, and background jobs of a shell start like that."""
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
