"""A command and all that it starts, as one: it can be asked whether any of it is left, and be ended whole.

On POSIX it is a process group in a session of its own, so that a terminal's Ctrl-C reaches none of it; on Windows a job
object. With ``kclpy-helper`` gone, however it ended, Windows ends the job, and Linux sends the command SIGTERM.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_POLL_SECONDS = 0.05
_DEATH_SECONDS = 5.0
"""How long the kernel may take to end what was killed; what is stuck in it is left alone."""
_PR_SET_PDEATHSIG = 1

if sys.platform == "win32":
    import win32job

    class _Platform:
        def __init__(self, command: Sequence[str], **options: Any) -> None:
            self._job = win32job.CreateJobObject(None, "")
            limits = win32job.QueryInformationJobObject(self._job, win32job.JobObjectExtendedLimitInformation)
            limits["BasicLimitInformation"]["LimitFlags"] |= win32job.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
            win32job.SetInformationJobObject(self._job, win32job.JobObjectExtendedLimitInformation, limits)
            self.process = subprocess.Popen(command, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP, **options)
            win32job.AssignProcessToJobObject(self._job, self.process._handle)  # noqa: SLF001

        def _is_alive(self) -> bool:
            counts = win32job.QueryInformationJobObject(self._job, win32job.JobObjectBasicAccountingInformation)
            return bool(counts["ActiveProcesses"])

        def _end(self) -> None:
            win32job.TerminateJobObject(self._job, 1)

else:

    class _Platform:
        def __init__(self, command: Sequence[str], **options: Any) -> None:
            tie = _tie_to_parent() if sys.platform == "linux" else None
            self.process = subprocess.Popen(command, start_new_session=True, preexec_fn=tie, **options)  # noqa: PLW1509

        def _is_alive(self) -> bool:
            if self.process.poll() is None:
                return True
            group = self.process.pid
            with suppress(ChildProcessError):  # as process 1 we inherit what the command leaves, and have to bury it
                while os.waitpid(-group, os.WNOHANG)[0]:
                    pass
            try:
                os.killpg(group, 0)
            except (ProcessLookupError, PermissionError):  # macOS refuses where all are dead, and not all buried
                return False
            return True

        def _end(self) -> None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _tie_to_parent() -> Callable[[], None]:
        """What the new process does before it becomes the command (prctl(2), PR_SET_PDEATHSIG)."""
        prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

        def tie() -> None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM.value)
            if os.getppid() != parent:  # it ended before that was said
                os.kill(os.getpid(), signal.SIGTERM)

        return tie


class ProcessGroup(_Platform):
    """Starts ``command``, with the options of :class:`subprocess.Popen`; ``process`` is that of the command itself.

    On Linux the command gets SIGTERM when the thread that made this object ends. Raises :class:`OSError` where the command
    cannot be run.
    """

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for the last of the processes to end; whether it has."""
        deadline = time.monotonic() + seconds
        while self._is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def kill(self) -> None:
        """End all of the processes at once, and wait until they are gone."""
        self._end()
        self.wait(_DEATH_SECONDS)
