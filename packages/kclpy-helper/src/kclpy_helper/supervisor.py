"""Keeps a daemon running: signals are passed on, a daemon that ended by itself is started again."""

from __future__ import annotations

import math
import queue
import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kclpy_helper.ending import Inquest, exit_words
from kclpy_helper.logs import Level
from kclpy_helper.standstill import Standstill

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self

    from kclpy_helper.daemon import Daemon
    from kclpy_helper.logs import Event

_POLL_SECONDS = 0.1
_SIGHUP = getattr(signal, "SIGHUP", None)
AGAIN_SECONDS = 1.0
"""When another signal counts as a second one, for an end at once.

A terminal that is closed sends SIGHUP twice within a millisecond, and wrappers signal a process and its group.
"""
EXIT_SECONDS = 10.0
"""How long a daemon may take to end beyond ``shutdownGraceMillis``: its JVM writes the archive of its classes as it ends."""
_STOPPED = (0, 128 + signal.SIGTERM) if sys.platform != "win32" else (0, 1)
"""The exit codes of a daemon that was asked to end, and did."""


class Signals:
    """Remembers, in a block, the signals that ask for an end, instead of obeying them.

    One that is ignored, as by ``nohup`` and by a shell's background jobs, stays so.
    """

    def __init__(self) -> None:
        self._received: queue.SimpleQueue[tuple[int, float]] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    def next(self, seconds: float) -> tuple[int, float] | None:
        """The number of the next signal within ``seconds``, and when it came (:func:`time.monotonic`)."""
        try:
            return self._received.get(timeout=seconds)
        except queue.Empty:
            return None

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        self._received.put((signum, time.monotonic()))  # a SimpleQueue's is made to be called from a handler

    def __enter__(self) -> Self:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            signum = getattr(signal, name, None)
            if signum is not None and signal.getsignal(signum) is not signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)


@dataclass(frozen=True, slots=True)
class Restarts:
    """Whether and when a daemon that ended by itself is started again.

    The wait is random between half of a limit and the limit, which doubles from ``base`` to ``cap`` seconds with each failure
    in a row. A daemon that ran for ``well`` seconds begins a new row.
    """

    on_failure: bool = True
    limit: int | None = None
    """How many in a row; None is no limit."""
    base: float = 1.0
    cap: float = 60.0
    well: float = 300.0

    def wait(self, failures: int) -> float:
        """How many seconds to wait after so many failures in a row."""
        limit = min(self.cap, self.base * 2 ** min(failures - 1, 30))
        return random.uniform(limit / 2, limit)


@dataclass
class _Life:
    """How a daemon was run: until it ended by itself, or until ``stop_signal`` at ``stop_time``."""

    inquest: Inquest
    stop_signal: int = 0
    stop_time: float = 0.0
    killed: bool = False
    """Whether it was not left to end by itself."""
    at_once: bool = False
    """Whether that was asked for."""
    code: int = 0
    """Its exit code, as a shell has it."""


@dataclass
class Supervisor:
    """Runs daemons, one after the other, that ``new_daemon`` makes of what is to be done with each event.

    ``grace`` is their ``shutdownGraceMillis`` in seconds, ``worker`` their ``workerId``; ``tick`` is called several times a
    second.
    """

    new_daemon: Callable[[Callable[[Event], None]], Daemon]
    say: Callable[[Level, str], None]
    restarts: Restarts
    signals: Signals
    grace: float
    worker: str = ""
    tick: Callable[[], None] = lambda: None

    def run(self) -> int:
        """Run until a stop is asked for or a daemon ended for good; the exit code.

        It is 0 after a stop that was asked for and went well, 128 and the signal's number where the daemon was killed for a
        stop, otherwise the daemon's, or 1 where that is 0, because nobody asked it to end, or where it had to be killed. Raises
        :class:`OSError` where java cannot be run.
        """
        failures = 0
        wait = 0.0
        while not self.signals.next(wait):
            started = time.monotonic()
            life = self._run_one()
            if life.stop_signal:
                return self._after_stop(life)
            seconds = time.monotonic() - started
            how = "was killed" if life.killed else f"ended with {exit_words(life.code)}"
            self.say(Level.ERROR, f"the MultiLangDaemon {how} after {seconds:.0f} s: {life.inquest.why(life.code)}")
            failures = 1 if seconds >= self.restarts.well else failures + 1
            if not self._is_to_restart(life.inquest, failures):
                return 1 if life.killed else life.code or 1
            wait = self.restarts.wait(failures)
            self.say(Level.WARNING, f"restart {failures} in {wait:.1f} s")
        return 0

    def _is_to_restart(self, inquest: Inquest, failures: int) -> bool:
        if not self.restarts.on_failure:
            return False
        if inquest.permanent:
            self.say(Level.ERROR, "not started again: it would end the same way")
            return False
        if self.restarts.limit is not None and failures > self.restarts.limit:
            self.say(Level.ERROR, f"not started again: {self.restarts.limit} restarts in a row are the limit")
            return False
        return True

    def _run_one(self) -> _Life:
        """Run a daemon until it ends."""
        life = _Life(inquest := Inquest())
        standstill = Standstill(inquest, self.worker, self.say)

        def examine(event: Event) -> None:
            inquest(event)
            standstill(event)

        deadline = math.inf
        with self.new_daemon(examine) as daemon:
            self.say(Level.INFO, f"MultiLangDaemon started with {daemon.command[0]}, process {daemon.pid}")
            while daemon.poll() is None:
                if received := self.signals.next(_POLL_SECONDS):
                    self._obey(*received, life, daemon)
                if deadline == math.inf and (life.stop_signal or inquest.final):
                    deadline = time.monotonic() + self.grace + EXIT_SECONDS
                    if not life.stop_signal:
                        seconds = self.grace + EXIT_SECONDS
                        self.say(
                            Level.WARNING,
                            f"{inquest.explanation}: the MultiLangDaemon ends, in {seconds:.0f} s at most",
                        )
                elif time.monotonic() > deadline and not life.killed:
                    inquest.time_is_over()
                    self._kill(life, daemon, f"not ended in shutdownGraceMillis and {EXIT_SECONDS:.0f} s more")
                standstill.tick()
                self.tick()
            code = daemon.wait()
            life.code = code if code >= 0 else 128 - code
        return life

    def _obey(self, signum: int, when: float, life: _Life, daemon: Daemon) -> None:
        name = signal.Signals(signum).name
        if not life.stop_signal:
            life.inquest.shards.stop_requested()
            daemon.terminate()
            life.stop_signal, life.stop_time = signum, when
            self.say(Level.INFO, f"{name}: asking the MultiLangDaemon to end, within {self.grace:.0f} s")
        elif signum != _SIGHUP and when - life.stop_time >= AGAIN_SECONDS:
            life.stop_signal, life.at_once = signum, True
            self._kill(life, daemon, f"{name} again")

    def _kill(self, life: _Life, daemon: Daemon, reason: str) -> None:
        life.killed = True
        daemon.kill()
        waited_for = ", ".join(life.inquest.shards.unfinished())
        self.say(
            Level.WARNING, f"{reason}: killed the MultiLangDaemon{waited_for and f', which waited for {waited_for}'}"
        )

    def _after_stop(self, life: _Life) -> int:
        code = 128 + life.stop_signal if life.killed else life.code
        if life.at_once:
            return code
        if life.inquest.unfinished or not (code in _STOPPED or life.killed or life.inquest.archive_failed):
            how = "killed" if life.killed else f"stopped with {exit_words(code)}"
            self.say(Level.ERROR, f"the MultiLangDaemon was {how}: {life.inquest.why(code)}")
            return code or 1
        self.say(Level.INFO, "the MultiLangDaemon has ended as it was asked to")
        return 0
