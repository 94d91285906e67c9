"""The child's side of the conversation: receive an action, call the processor, send the status.

No streams and no signals: lines come from and go to whatever has `read_line` and `write_line` (the runner's pipe, or the
FakeDaemon of `kclpy.testing`).
"""

from __future__ import annotations

from _thread import allocate_lock
from time import sleep

from kclpy.checkpointer import CHECKPOINT_BACKOFF, Checkpointer, CheckpointEvery
from kclpy.codec import decode, encode
from kclpy.errors import (
    CheckpointError,
    InvalidStateError,
    ProcessorFailedError,
    ProtocolError,
    ShardEndNotCheckpointedError,
    ShutdownError,
)
from kclpy.log import logger, set_shard_id
from kclpy.messages import CheckpointReply, Initialize, ProcessRecords, Record
from kclpy.processors import FunctionProcessor, call, method_of
from kclpy.protocol import Protocol
from kclpy.stopping import is_stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import typing
    from collections.abc import Awaitable

    from kclpy.failure import Backoff, FailurePolicy
    from kclpy.messages import FromDaemon
    from kclpy.processors import Driven

    class Lines(typing.Protocol):
        """Where lines come from and go to."""

        def read_line(self) -> bytes | memoryview:
            """The next line, empty at the end of the stream; a view is good until the next call."""

        def write_line(self, line: bytes) -> None:
            """Send `line`, which ends in a newline."""


class Child:
    """Drives one processor through the life of one shard's lease."""

    def __init__(
        self,
        lines: Lines,
        processor: Driven,
        on_error: FailurePolicy,
        checkpoint: CheckpointEvery | None = None,
        *,
        backoff: Backoff = CHECKPOINT_BACKOFF,
        record_class: type[Record] = Record,
    ) -> None:
        self._lines = lines
        self._processor = processor
        self._on_error = on_error
        if checkpoint is None and isinstance(processor, FunctionProcessor):
            checkpoint = CheckpointEvery()
        self._checkpoint_policy = checkpoint
        self._backoff = backoff
        self._record_class = record_class
        self._protocol = Protocol()
        self._lock = allocate_lock()
        self._window: Checkpointer | None = None
        self._broken: ProtocolError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refused = False

    def step(self) -> FromDaemon | None:
        """Receive an action, perform it and send its status; the action, or None at the end of the stream.

        Raises ProtocolError, and ProcessorFailedError when the failure policy gave up. No status was sent then.
        """
        message = self._receive()
        if message is not None:
            if isinstance(message, Initialize):
                set_shard_id(message.shard_id)
            if not self._refused:
                self._perform(message)
            with self._lock:
                self._lines.write_line(encode(self._protocol.done()))
        return message

    def close(self) -> None:
        """Close the event loop, if an `async def` method made one necessary."""
        if self._loop is not None:
            self._loop.close()

    def _receive(self) -> FromDaemon | None:
        while line := self._lines.read_line():
            if line[0] not in b"\t\n\r " or bytes(line).strip():
                message = decode(line, self._record_class)
                self._protocol.receive(message)
                return message
        self._protocol.end_of_stream()
        return None

    def _perform(self, message: FromDaemon) -> None:
        if isinstance(message, ProcessRecords) and message.records and self._on_error.per == "record":
            for record in message.records:
                if not self._attempt(ProcessRecords([record], message.millis_behind_latest), record):
                    return
        else:
            self._attempt(message)

    def _attempt(self, message: FromDaemon, delivered: Record | None = None) -> bool:
        """Call the processor until it succeeds or the policy gives up; False if the lease turned out to be lost.

        `delivered` is the record to checkpoint at where the batch on the wire is longer than `message`.
        """
        method = method_of(message)
        delays = self._on_error.backoff.delays()
        attempts = 0
        checkpointed = False
        while True:
            if method == "initialize" and is_stopping():
                self._refuse()
                return True
            attempts += 1
            checkpointer = Checkpointer(self._ask, self._backoff, delivered)
            self._window = checkpointer
            try:
                self._call(message, method, checkpointer)
                if method == "shard_ended" and not (checkpointed or checkpointer.checkpointed):
                    raise ShardEndNotCheckpointedError
            except Exception as error:  # noqa: BLE001 - it is the user's, and the policy says what becomes of it
                failure = error
            else:
                return True
            finally:
                with self._lock:
                    self._window = None
                if self._broken is not None:
                    raise self._broken
            checkpointed = checkpointed or checkpointer.checkpointed
            if isinstance(failure, ShutdownError):
                logger().warning("%s met a lost lease; another worker goes on from the last checkpoint", method)
                return False
            delay = None if isinstance(failure, ShardEndNotCheckpointedError) else next(delays, None)
            if delay is None:
                records = message.records if isinstance(message, ProcessRecords) else ()
                if self._on_error.give_up(method, records, failure):
                    return True
                raise ProcessorFailedError(method, attempts) from failure
            logger().warning("%s failed; again in %.1f s: %r", method, delay, failure)
            sleep(delay)

    def _refuse(self) -> None:
        """Acknowledge from now on without calling the processor, so that nothing of this lease is checkpointed.

        A daemon that is being stopped takes shards up again that have made their last checkpoint
        (KCL 3: DynamoDBLeaseCoordinator.stopLeaseTaker), and does not ask them for another one.
        """
        self._refused = True
        logger().info(
            "the daemon is being stopped: this shard is not initialized, its records are neither processed nor "
            "checkpointed, and the next worker goes on from the last checkpoint"
        )

    def _call(self, message: FromDaemon, method: str, checkpointer: Checkpointer) -> None:
        result = call(self._processor, message, checkpointer)
        if hasattr(result, "__await__"):
            self._await(result)
        policy = self._checkpoint_policy
        if policy is not None:
            if isinstance(message, ProcessRecords):
                due = policy.due(len(message.records))
            else:
                due = method in ("shard_ended", "shutdown_requested")
            if due and not checkpointer.checkpointed:
                checkpointer.checkpoint()
            if checkpointer.checkpointed:
                policy.reset()

    def _await(self, result: Awaitable[object]) -> None:
        import asyncio

        async def wait() -> None:
            await result

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(wait())

    def _ask(self, checkpointer: Checkpointer, sequence_number: str | None, sub_sequence_number: int | None) -> None:
        """Send a checkpoint request and take its reply. Raises a CheckpointError, or a ProtocolError.

        A ProtocolError is kept as well: the pipe is of no use after it, even if the processor swallows it.
        """
        if not self._lock.acquire(blocking=False):
            raise InvalidStateError(reason="another thread awaits the reply to its checkpoint")
        try:
            if checkpointer is not self._window:
                raise InvalidStateError(reason="the method that the checkpointer was given to has returned")
            request = self._protocol.request(sequence_number, sub_sequence_number)
            try:
                self._lines.write_line(encode(request))
                reply = self._receive()
            except ProtocolError as error:
                self._broken = error
                raise
        finally:
            self._lock.release()
        if isinstance(reply, CheckpointReply) and reply.error is not None:
            raise CheckpointError.of(reply.error)
