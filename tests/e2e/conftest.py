"""Runs of installed commands that can be watched, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

SCRIPTS = Path(sysconfig.get_path("scripts"))
MARK = "KCLPY_TEST_RUN"


class Watched:
    """A command in a session of its own, as a terminal starts one.

    Its processes carry a mark in their environment, and its temporary folders are in `temporary`. It has a runtime folder
    of its own, unless its environment names one.
    """

    def __init__(self, command: Sequence[str | Path], folder: Path, env: Mapping[str, str]) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        (folder / "runtime").mkdir(mode=0o700)
        self.environment = env
        self._mark = f"{MARK}={uuid.uuid4().hex}"
        self._output = {name: folder / name for name in ("stdout", "stderr")}
        self._start = time.monotonic()
        # A background job of a shell ignores SIGINT, and would hand that on; a terminal's command does not.
        sigint = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._process = self._start_process(command, folder, env)
        finally:
            signal.signal(signal.SIGINT, sigint)

    def _start_process(
        self, command: Sequence[str | Path], folder: Path, env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with self._output["stdout"].open("wb") as stdout, self._output["stderr"].open("wb") as stderr:
            return subprocess.Popen(
                command,
                cwd=folder,
                env={
                    **os.environ,
                    "NO_COLOR": "1",
                    "TMPDIR": str(self.temporary),
                    "XDG_RUNTIME_DIR": str(folder / "runtime"),
                    **env,
                    **dict([self._mark.split("=")]),
                },
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> str:
        return self._output["stdout"].read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._output["stderr"].read_text(encoding="utf-8")

    def wait_for(self, *texts: str, seconds: float = 150) -> None:
        """Wait until stderr holds all the texts."""
        self.wait_until(lambda: all(text in self.stderr for text in texts), seconds)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 150) -> None:
        """Wait until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self._process.poll() is None, f"it ended too early:\n{self.stderr}"
            assert time.monotonic() < deadline, f"it is not so far in {seconds} s:\n{self.stderr}"
            time.sleep(0.1)

    def wait(self, seconds: float = 200) -> tuple[int, float]:
        """Wait for the end; the exit code, and how many seconds it took from the start."""
        code = self._process.wait(seconds)
        return code, time.monotonic() - self._start

    def interrupt(self, signum: signal.Signals) -> None:
        """Signal the whole process group, as a terminal does."""
        os.killpg(self._process.pid, signum)

    def processes(self) -> list[str]:
        """What is running of it, wherever it has gone: whatever carries the mark."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # it has ended meanwhile, or is another user's
        return found

    def kill(self) -> None:
        """End it and all that it has started."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue
        self._process.wait()


Watch = Callable[..., Watched]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """Starts an installed command, and ends it after the tests whatever happened."""
    started = []

    def start(*command: str | Path, env: Mapping[str, str] = {}) -> Watched:
        watched = Watched([SCRIPTS / command[0], *command[1:]], tmp_path_factory.mktemp("run"), env)
        started.append(watched)
        return watched

    yield start
    for watched in started:
        watched.kill()
