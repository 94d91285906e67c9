"""The program around the conversation: the pipe, the signals, the log and the exit code.

The only module that touches streams and signals.
"""

from __future__ import annotations

import os
import signal
import sys
from _thread import start_new_thread
from time import sleep

from kclpy import log
from kclpy.child import Child
from kclpy.errors import EndOfStreamError, KclpyError, LineTooLongError, ProcessorFailedError, SetupError
from kclpy.failure import ON_ERROR_VARIABLE, Stop, policy_from_environment
from kclpy.processors import checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import RawIOBase
    from types import FrameType
    from typing import TypeAlias

    from kclpy.checkpointer import CheckpointEvery
    from kclpy.failure import FailurePolicy
    from kclpy.processors import Processor

    Handler: TypeAlias = signal.Handlers | Callable[[int, FrameType | None], object]

MAX_LINE_BYTES = 256 * 1024 * 1024
"""The longest line that is read from the daemon.

10 MiB, which is what one GetRecords call returns, is 14 MiB in base64; de-aggregated into 500,000 KPL records of 20
bytes each it is a line of about 130 MB.
"""
EXIT_GRACE_SECONDS = 10.0
"""How long the program's own threads may take to end after a failure."""
MANY_BYTES = 1024 * 1024
FREED_BYTES = 32 * 1024 * 1024 - 64 * 1024
"""Allocated and freed once, untouched, when a line turns out to be longer than MANY_BYTES.

glibc gives memory beyond a threshold back to the system, and would do so after each of such batches, only to ask for it
again; the threshold follows what was freed, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD).
"""
KEEP_BYTES = 16 * 1024 * 1024
"""The longest line whose buffer is kept for the next: that of a full GetRecords call."""


def run(
    processor: Processor,
    *,
    on_error: FailurePolicy | None = None,
    checkpoint: CheckpointEvery | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> None:
    """Process the records of one shard, until the daemon closes the pipe.

    `processor` is a class, an instance or a factory of a record processor (v1, v2 or v3), or a function that takes the
    records of a batch, after each of which is checkpointed. `on_error` says what happens when it raises: `Stop()`,
    `Skip()` or `DeadLetter(callback)`; by default what KCLPY_ON_ERROR says, or else `Stop()`. `checkpoint` checkpoints
    on the processor's behalf.

    Takes stdin and stdout for the protocol: `print` writes to stderr from then on, and reading stdin finds its end.
    Takes no notice of SIGINT and SIGTERM, unless the program has handlers of its own: the daemon says when to stop.

    Exits the program, with a word on stderr, if the processor failed (EXIT_PROCESSOR_FAILED), if the set-up was wrong
    (EXIT_SETUP), or if the daemon broke the protocol (EXIT_PROTOCOL).
    """

    def serve() -> None:
        pipe = take_over(max_line_bytes)
        policy = on_error or policy_from_environment(os.environ.get(ON_ERROR_VARIABLE), Stop())
        serve_until_end(Child(pipe, checked(processor), policy, checkpoint))

    exit_on_error(serve)


def serve_until_end(child: Child) -> None:
    """Let `child` perform what the daemon asks for, until the stream ends. Raises as `Child.step` does."""
    try:
        while True:
            log.configure_if_imported()
            if child.step() is None:
                return
    finally:
        child.close()


def exit_on_error(serve: Callable[[], None]) -> None:
    """Call `serve`; for an error of kclpy's say on stderr what was wrong, and exit with its code."""
    try:
        serve()
    except KclpyError as error:
        if isinstance(error, ProcessorFailedError):
            import traceback

            traceback.print_exception(error.__cause__)
        print(f"kclpy: {error}", file=sys.stderr, flush=True)
        start_new_thread(_end_for_sure, (error.exit_code,))
        sys.exit(error.exit_code)


def _end_for_sure(exit_code: int) -> None:  # pragma: no cover - run in a bare thread, which coverage does not see
    """End the process though a thread that the processor left behind keeps it alive; the daemon waits for its end."""
    sleep(EXIT_GRACE_SECONDS)
    os._exit(exit_code)


class Pipe:
    """Lines from and to the daemon, over two unbuffered binary files.

    Reads into one buffer, over and over, and hands out views of it: fresh memory for every line costs more than
    decoding it.
    """

    def __init__(self, reader: RawIOBase, writer: RawIOBase, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._reader = reader
        self._writer = writer
        self._max_line_bytes = max_line_bytes
        self._buffer = bytearray(64 * 1024)
        self._start = self._end = 0
        self._line = memoryview(b"")

    def read_line(self) -> memoryview:
        """The next line, empty at the end of the stream; good until the next call. Raises LineTooLongError."""
        self._line.release()
        if len(self._buffer) > KEEP_BYTES and self._start == self._end:
            self._buffer = bytearray(64 * 1024)
            self._start = self._end = 0
        searched = self._start
        while (newline := self._buffer.find(b"\n", searched, self._end)) < 0:
            length = self._end - self._start
            if length > self._max_line_bytes:
                raise LineTooLongError(self._max_line_bytes)
            if not self._fill():
                return self._take(self._end)
            searched = self._start + length
        if newline - self._start > self._max_line_bytes:
            raise LineTooLongError(self._max_line_bytes)
        return self._take(newline + 1)

    def _fill(self) -> int:
        """Read what there is, behind the beginning of a line; how many bytes, 0 at the end of the stream."""
        if self._start:
            length = self._end - self._start
            self._buffer[:length] = self._buffer[self._start : self._end]
            self._start, self._end = 0, length
        if self._end == len(self._buffer):
            if len(self._buffer) == MANY_BYTES:
                bytes(FREED_BYTES)
            self._buffer.extend(bytes(len(self._buffer)))
        with memoryview(self._buffer) as view:
            count = self._reader.readinto(view[self._end :]) or 0
        self._end += count
        return count

    def _take(self, end: int) -> memoryview:
        self._line = memoryview(self._buffer)[self._start : end]
        self._start = end
        return self._line

    def write_line(self, line: bytes) -> None:
        """Send `line`. Raises EndOfStreamError if nobody reads any more."""
        try:
            while line:
                line = line[self._writer.write(line) :]
        except OSError as error:
            raise EndOfStreamError(f"before it had taken an answer ({error})") from None


def take_over(max_line_bytes: int = MAX_LINE_BYTES) -> Pipe:
    """Take stdin, stdout, SIGINT and SIGTERM, and give the pipe to the daemon.

    File descriptor 0 becomes the null device and 1 becomes stderr, so that neither a `print` nor a library, a
    subprocess or an `input()` can reach the daemon. Raises SetupError on a terminal, or without a pipe.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            raise SetupError(
                f"{name} is closed, which the daemon never does: start the program with all three"
            ) from None
    if os.isatty(0):
        program = os.path.basename(sys.argv[0]) or "this program"
        raise SetupError(
            f"{program} is a record processor, which the KCL's MultiLangDaemon starts, one a shard; name it as "
            "executableName in a properties file and run: kclpy-helper run FILE"
        )
    reader, writer = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.stdout = sys.stderr
    log.enable()
    handlers = _ignore_signals()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _give_back(reader, writer, handlers))
    return Pipe(
        os.fdopen(reader, "rb", buffering=0, closefd=False),
        os.fdopen(writer, "wb", buffering=0, closefd=False),
        max_line_bytes,
    )


def _ignore_signals() -> dict[signal.Signals, Handler]:
    """Ignore SIGINT and SIGTERM, which reach the whole process group; what was handled before, to be put back.

    Not with SIG_IGN, which the program's own subprocesses would inherit.
    """
    handlers: dict[signal.Signals, Handler] = {}
    for number, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        try:
            if signal.getsignal(number) is default:
                signal.signal(number, lambda *_: None)
                handlers[number] = default
        except ValueError:  # not in the main thread
            break
    return handlers


def _give_back(reader: int, writer: int, handlers: dict[signal.Signals, Handler]) -> None:
    """In a forked process: leave the pipe to the parent, and let signals end this one."""
    os.close(reader)
    os.close(writer)
    for number, handler in handlers.items():
        signal.signal(number, handler)
