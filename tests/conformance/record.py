"""Stands between a MultiLangDaemon and its child, and writes down what the two say, byte for byte.

    executableName = python record.py FOLDER program argument ...

Each shard's process writes a file of its own to FOLDER. A line that begins with ``> `` went from the daemon to the
child, one with ``< `` the other way; their order is the one in which they were said. stderr is not recorded.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast


class Recorder:
    """Passes lines on, each only once it is in the transcript."""

    def __init__(self, transcript: BinaryIO) -> None:
        self._transcript = transcript
        self._lock = threading.Lock()

    def pump(self, mark: bytes, source: BinaryIO, target: BinaryIO) -> None:
        """Until ``source`` ends, or nobody reads ``target`` any more."""
        with suppress(BrokenPipeError), target:
            for line in source:
                with self._lock:
                    self._transcript.write(mark + line)
                    self._transcript.flush()
                target.write(line)
                target.flush()


def main(folder: Path, command: list[str]) -> int:
    """Run the child, and end as it does."""
    # Like the child: who is to end is told by the daemon, on stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with (folder / f"{os.getpid()}.transcript").open("wb") as transcript:
        recorder = Recorder(transcript)
        # Not sys.stdin, which cannot be closed at the end of the process while a thread reads it.
        daemon = open(0, "rb", closefd=False)  # noqa: SIM115
        to_child = (b"> ", daemon, cast("BinaryIO", child.stdin))
        threading.Thread(target=recorder.pump, args=to_child, daemon=True).start()
        recorder.pump(b"< ", cast("BinaryIO", child.stdout), open(1, "wb", closefd=False))  # noqa: SIM115
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
