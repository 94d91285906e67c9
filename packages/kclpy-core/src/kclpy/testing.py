"""Test a record processor without a daemon: the same code as in production, with a `FakeDaemon` at the other end.

::

    from kclpy.testing import FakeDaemon, records

    def test_it_checkpoints_each_batch():
        with FakeDaemon(WordCount) as daemon:
            batch = records("cat", "dog")
            daemon.process_records(batch)
            assert daemon.checkpoints == [batch[-1].sequence_number]

Every message passes through the codec and the protocol as bytes, both ways. Nothing waits, and nothing leaves the
process. With pytest installed there is a fixture `fake_daemon` as well, which closes the daemons that it made.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections import deque
from itertools import count

from kclpy.child import Child
from kclpy.codec import decode_child, encode
from kclpy.failure import Backoff, Stop
from kclpy.messages import (
    Checkpoint,
    CheckpointReply,
    Initialize,
    LeaseLost,
    ProcessRecords,
    Record,
    ShardEnded,
    Shutdown,
    ShutdownRequested,
)
from kclpy.processors import checked, method_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self

    from kclpy.checkpointer import CheckpointEvery
    from kclpy.failure import FailurePolicy
    from kclpy.messages import FromDaemon
    from kclpy.processors import Processor

SHARD_END = "SHARD_END"
"""What a checkpoint without arguments records at the end of a shard (KCL: ExtendedSequenceNumber.SHARD_END)."""

_sequence_numbers = count(49590338271490256608559692538361571095921575989136588898, 2)


def record(
    data: bytes | str = b"",
    *,
    partition_key: str = "partition-key",
    sequence_number: str | None = None,
    sub_sequence_number: int = 0,
    timestamp_millis: int | None = 1_700_000_000_000,
) -> Record:
    """A record with `data` (text is encoded as UTF-8), by default with the next of ever growing sequence numbers."""
    payload = data.encode() if isinstance(data, str) else data
    return Record(
        sequence_number if sequence_number is not None else str(next(_sequence_numbers)),
        partition_key,
        b2a_base64(payload, newline=False).decode(),
        sub_sequence_number,
        timestamp_millis,
    )


def records(*data: bytes | str) -> list[Record]:
    """A batch: one record for each of `data`."""
    return [record(payload) for payload in data]


class FakeDaemon:
    """Drives `processor` (anything that `kclpy.run` takes) through the life of one shard's lease.

    Each verb is a message of the daemon's; it returns when the processor has acknowledged it. `initialize` is sent
    by the first verb if it was not sent before. A processor that raises makes the verb raise ProcessorFailedError
    from the processor's exception, at once by default: `on_error` is `Stop(attempts=1)`.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        shard_id: str = "shardId-000000000000",
        sequence_number: str | None = "TRIM_HORIZON",
        on_error: FailurePolicy | None = None,
        checkpoint: CheckpointEvery | None = None,
    ) -> None:
        self._processor = processor
        self._child = Child(
            self,
            checked(processor),
            on_error or Stop(attempts=1),
            checkpoint,
            backoff=Backoff(attempts=5, base=0, cap=0),
        )
        self.closed = False
        """Whether the stream has ended, by `close` or because the processor failed."""
        self._initialize = Initialize(shard_id, sequence_number, 0)
        self._to_child: deque[bytes] = deque()
        self._errors: deque[str] = deque()
        self._action: FromDaemon = self._initialize
        self._delivered = self._checkpointed = (0, 0)
        self.checkpoints: list[str] = []
        """The sequence numbers checkpointed so far, `SHARD_END` for the end of the shard."""
        self.acknowledged: list[str] = []
        """The actions acknowledged so far, by the wire's names."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def initialize(self) -> None:
        """Start the lease."""
        self._send(self._initialize)

    def process_records(self, batch: Iterable[Record | bytes | str], millis_behind_latest: int | None = 0) -> None:
        """Deliver a batch of records, or of their data."""
        delivered = [item if isinstance(item, Record) else record(item) for item in batch]
        for item in delivered:
            self._delivered = max(self._delivered, (int(item.sequence_number), item.sub_sequence_number or 0))
        self._send(ProcessRecords(delivered, millis_behind_latest))

    def shutdown_requested(self) -> None:
        """Say that the worker is about to stop."""
        self._send(ShutdownRequested())

    def lease_lost(self) -> None:
        """Take the lease away."""
        self._send(LeaseLost())

    def shard_ended(self) -> None:
        """End the shard."""
        self._send(ShardEnded())

    def shutdown(self, reason: str) -> None:
        """End as KCL 1.x does: `reason` is `TERMINATE` or `ZOMBIE`."""
        self._send(Shutdown(reason))

    def reshard(self, *shard_ids: str) -> list[FakeDaemon]:
        """End the shard, and start the leases of its children; the processor must be a class, factory or function."""
        self.shard_ended()
        return [FakeDaemon(self._processor, shard_id=shard_id) for shard_id in shard_ids]

    def fail_checkpoints(self, *errors: str) -> None:
        """Answer the next checkpoints with `errors`, names of Java exceptions such as `ThrottlingException`."""
        self._errors.extend(errors)

    def close(self) -> None:
        """End the stream, as the daemon does when the lease has ended or the worker stops."""
        if not self.closed:
            self.closed = True
            self._child.step()
            self._child.close()

    def _send(self, message: FromDaemon) -> None:
        if not isinstance(message, Initialize) and "initialize" not in self.acknowledged:
            self.initialize()
        self._action = message
        self._to_child.append(encode(message))
        try:
            self._child.step()
        except BaseException:
            self.closed = True
            self._child.close()
            raise

    def read_line(self) -> bytes:
        """The child's next line."""
        return self._to_child.popleft() if self._to_child else b""

    def write_line(self, line: bytes) -> None:
        """Take the child's answer, as strictly as the daemon does."""
        message = decode_child(line)
        if isinstance(message, Checkpoint):
            self._to_child.append(encode(self._answer(message)))
        else:
            self.acknowledged.append(message.response_for)

    def _answer(self, request: Checkpoint) -> CheckpointReply:
        error = self._errors.popleft() if self._errors else self._refusal(request)
        if error is None:
            self._checkpointed = self._position(request)
            self.checkpoints.append(self._name(request))
        return CheckpointReply(request.sequence_number, request.sub_sequence_number, error)

    def _refusal(self, request: Checkpoint) -> str | None:
        """Why the KCL would refuse `request`, if it would (KCL: ShardRecordProcessorCheckpointer.checkpoint)."""
        if request.sequence_number is not None and not request.sequence_number.isdecimal():
            return "IllegalArgumentException"
        if not self._checkpointed <= self._position(request) <= self._delivered:
            return "IllegalArgumentException"
        return None

    def _position(self, request: Checkpoint) -> tuple[int, int]:
        if request.sequence_number is None:
            return self._delivered
        return int(request.sequence_number), request.sub_sequence_number or 0

    def _name(self, request: Checkpoint) -> str:
        if request.sequence_number is not None:
            return request.sequence_number
        if method_of(self._action) == "shard_ended":
            return SHARD_END
        return str(self._delivered[0]) if self._delivered[0] else str(self._initialize.sequence_number)


def replay(transcript: str | Iterable[str], processor: Processor, *, on_error: FailurePolicy | None = None) -> None:
    """Feed `processor` what a daemon once sent, and compare each answer with what was answered then.

    Lines of `transcript` that begin with `> ` came from the daemon, those with `< ` from the child; others are remarks.
    Raises TranscriptError at the first difference, and what `kclpy.run` would exit for.
    """
    lines = transcript.splitlines() if isinstance(transcript, str) else [line.rstrip("\n") for line in transcript]
    peer = _Replay(lines)
    child = Child(peer, checked(processor), on_error or Stop(attempts=1), backoff=Backoff(attempts=5, base=0, cap=0))
    try:
        while child.step() is not None:
            pass
    except Exception:
        if peer.difference is None:
            raise
    finally:
        child.close()
    if peer.difference is not None:
        raise peer.difference


class TranscriptError(AssertionError):
    """At `line` of a transcript (from 1) the child did `found` where `expected` was recorded."""

    def __init__(self, line: int, expected: str, found: str) -> None:
        super().__init__(line, expected, found)
        self.line = line
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"line {self.line} of the transcript: expected {self.expected}, but the child {self.found}"


class _Replay:
    """The daemon's side of a transcript."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = deque((number, line) for number, line in enumerate(lines, 1) if line[:2] in ("> ", "< "))
        self._end = len(lines) + 1
        self.difference: TranscriptError | None = None

    def _next(self, side: str, found: str) -> str:
        if self.difference is None and self._lines and self._lines[0][1].startswith(side):
            return self._lines.popleft()[1][2:]
        number, expected = self._lines[0] if self._lines else (self._end, "the end")
        self.difference = self.difference or TranscriptError(number, expected, found)
        raise self.difference

    def read_line(self) -> bytes:
        if self.difference is None and not self._lines:
            return b""
        return self._next("> ", "waited for the daemon").encode()

    def write_line(self, line: bytes) -> None:
        found = f"sent {line.decode().rstrip()}"
        number = self._lines[0][0] if self._lines else self._end
        expected = self._next("< ", found)
        if decode_child(line) != decode_child(expected.encode()):
            self.difference = TranscriptError(number, expected, found)
            raise self.difference
