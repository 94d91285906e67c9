"""Keeps a daemon running: signals are passed on, a daemon that ended by itself is started again."""

from __future__ import annotations

import queue
import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kclpy_helper.ending import Inquest
from kclpy_helper.logs import Level

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self

    from kclpy_helper.daemon import Daemon
    from kclpy_helper.logs import Event

_POLL_SECONDS = 0.1
_KILLED = 128 + 9
_FINAL_SECONDS = 5.0
"""How long a daemon may take to end once all record processors have answered; see docs/failures-of-the-daemon.md."""
_STOPPED = (0, 128 + signal.SIGTERM) if sys.platform != "win32" else (0, 1)
"""The exit codes of a daemon that was asked to end, and did."""


class Signals:
    """Remembers, in a block, the signals that ask for an end, instead of obeying them.

    One that is ignored, as by ``nohup`` and by a shell's background jobs, stays so.
    """

    def __init__(self) -> None:
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._before: dict[int, Any] = {}

    def next(self, seconds: float) -> int:
        """The number of the next signal within ``seconds``, or 0."""
        try:
            return self._received.get(timeout=seconds)
        except queue.Empty:
            return 0

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        self._received.put(signum)  # a SimpleQueue's is made to be called from a handler

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
class Supervisor:
    """Runs daemons, one after the other, that ``new_daemon`` makes of what is to be done with each event."""

    new_daemon: Callable[[Callable[[Event], None]], Daemon]
    say: Callable[[Level, str], None]
    restarts: Restarts
    signals: Signals

    def run(self) -> int:
        """Run until a stop is asked for or a daemon ended for good; the exit code.

        It is 0 after a stop that was asked for and went well, 128 and the signal's number after a second signal, and else the
        daemon's, or 1 where that is 0: nobody asked it to end. Raises :class:`OSError` where java cannot be run.
        """
        failures = 0
        wait = 0.0
        while not self.signals.next(wait):
            started = time.monotonic()
            inquest = Inquest()
            code, signum = self._run_one(inquest)
            if signum:
                return self._after_stop(code, signum, inquest)
            seconds = time.monotonic() - started
            self.say(Level.ERROR, f"the MultiLangDaemon ended with {code} after {seconds:.0f} s: {inquest}")
            failures = 1 if seconds >= self.restarts.well else failures + 1
            if not self._is_to_restart(inquest, failures):
                return code or 1
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

    def _run_one(self, inquest: Inquest) -> tuple[int, int]:
        """Run a daemon until it ends; its exit code as a shell has it, and the last signal that asked for it, or 0."""

        def examine(event: Event) -> None:
            if inquest(event) and inquest.cause and inquest.cause.retried:
                self.say(Level.ERROR, f"the MultiLangDaemon goes on trying: {inquest}")

        signum = 0
        with self.new_daemon(examine) as daemon:
            self.say(Level.INFO, f"MultiLangDaemon started with {daemon.command[0]}, process {daemon.pid}")
            while daemon.poll() is None:
                if received := self.signals.next(_POLL_SECONDS):
                    name = signal.Signals(received).name
                    if signum:
                        self.say(Level.WARNING, f"{name} again: ending the MultiLangDaemon at once")
                        daemon.kill()
                    else:
                        self.say(Level.INFO, f"{name}: asking the MultiLangDaemon to end")
                        daemon.terminate()
                    signum = received
                if signum and inquest.answered and time.monotonic() - inquest.answered > _FINAL_SECONDS:
                    self.say(
                        Level.INFO,
                        "all record processors have answered: not waiting for the MultiLangDaemon's own threads",
                    )
                    daemon.let_go()
                    return 0, signum
            code = daemon.wait()
            return (code if code >= 0 else 128 - code), signum

    def _after_stop(self, code: int, signum: int, inquest: Inquest) -> int:
        if code == _KILLED:
            return 128 + signum
        if inquest.unfinished or code not in _STOPPED:
            self.say(Level.ERROR, f"the MultiLangDaemon was stopped with {code}: {inquest}")
            return code or 1
        self.say(Level.INFO, "the MultiLangDaemon has ended as it was asked to")
        return 0
