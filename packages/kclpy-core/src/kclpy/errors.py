"""The exceptions of kclpy, each of which says whose fault it is.

::

    KclpyError
    ├── SetupError                      the environment's or the operator's: how the program was started
    │   └── InvalidProcessorError       the processor cannot be driven (a missing or misspelt method)
    ├── ProcessorFailedError            the processor's: it raised, and the failure policy gave up
    ├── ShardEndNotCheckpointedError    the processor's: it let a shard end without a checkpoint
    ├── InvalidRecordDataError          the record's: its data is no base64
    ├── CheckpointError                 what the daemon answered to a checkpoint; `.value` is the Java exception's name
    │   ├── ThrottlingError             retry with backoff
    │   ├── DependencyError             retry with backoff
    │   ├── ShutdownError               the lease is gone: do not retry
    │   ├── InvalidStateError           no checkpoint is possible here: do not retry
    │   └── InvalidSequenceNumberError  the sequence number is not one of this shard: do not retry
    └── ProtocolError                   the daemon's, or whatever stands at the other end of the pipe
        ├── MalformedMessageError       a line that is no message; `.place` says where in it
        ├── LineTooLongError            a line past the maximum size
        ├── UnexpectedMessageError      a message that may not come in this state
        └── EndOfStreamError            the pipe ended where it may not

The exit codes of a program under `kclpy.run` follow from them: `EXIT_PROCESSOR_FAILED`, `EXIT_SETUP` and
`EXIT_PROTOCOL`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

EXIT_PROCESSOR_FAILED: Final = 1
"""The processor raised and the failure policy gave up: nothing was acknowledged."""
EXIT_SETUP: Final = 2
"""The program was started wrongly: not by the daemon, or with a processor that cannot be driven."""
EXIT_PROTOCOL: Final = 3
"""The other end of the pipe broke the protocol, or went away in the middle of an action."""


class KclpyError(Exception):
    """The root of all that kclpy raises on its own account."""

    exit_code = EXIT_PROCESSOR_FAILED


class SetupError(KclpyError):
    """The program was started in a way that cannot work; the text says what to do."""

    exit_code = EXIT_SETUP


class InvalidProcessorError(SetupError):
    """A processor that cannot be driven, found before the first message.

    `processor` is the name of the offending class or function, `problems` one sentence each.
    """

    def __init__(self, processor: str, problems: tuple[str, ...]) -> None:
        super().__init__(processor, problems)
        self.processor = processor
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.processor} is no record processor: {'; '.join(self.problems)}"


class ProcessorFailedError(KclpyError):
    """The processor raised at `action`, `attempts` times; its own exception is the `__cause__`."""

    def __init__(self, action: str, attempts: int) -> None:
        super().__init__(action, attempts)
        self.action = action
        self.attempts = attempts

    def __str__(self) -> str:
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"the record processor failed at {self.action} {times}; the daemon was not told it succeeded"


class ShardEndNotCheckpointedError(KclpyError):
    """`shard_ended` (in v1 and v2: `shutdown` with TERMINATE) returned without a successful checkpoint.

    Acknowledged, it would keep the KCL from starting the shard's children (ShutdownTask, "Application didn't
    checkpoint at end of shard").
    """

    def __str__(self) -> str:
        return "the shard ended and the record processor did not checkpoint: call checkpointer.checkpoint() there"


class InvalidRecordDataError(KclpyError):
    """The `data` of the record `sequence_number` is no base64."""

    def __init__(self, sequence_number: str, reason: str) -> None:
        super().__init__(sequence_number, reason)
        self.sequence_number = sequence_number
        self.reason = reason

    def __str__(self) -> str:
        return f"the data of record {self.sequence_number} is no base64: {self.reason}"


class CheckpointError(KclpyError):
    """A checkpoint was refused. `value` is the simple name of the Java exception (MultiLangProtocol.checkpoint)."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value

    def __str__(self) -> str:
        return repr(self.value)

    @staticmethod
    def of(value: str) -> CheckpointError:
        """The error for a Java exception's name: the subclass that stands for it, or `CheckpointError` itself."""
        return _CHECKPOINT_ERRORS.get(value, CheckpointError)(value)


class ThrottlingError(CheckpointError):
    """The lease table is over its capacity (ThrottlingException): try again later."""


class DependencyError(CheckpointError):
    """The lease table could not be reached (KinesisClientLibDependencyException): try again later."""


class ShutdownError(CheckpointError):
    """The lease of this shard is gone (ShutdownException): another worker has it. Do not retry."""


class InvalidStateError(CheckpointError):
    """No checkpoint is possible here (InvalidStateException). Do not retry.

    kclpy raises it too, without asking the daemon, when a checkpointer is used outside its window.
    """

    def __init__(self, value: str = "InvalidStateException", reason: str = "") -> None:
        super().__init__(value)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.value!r}: {self.reason}" if self.reason else super().__str__()


class InvalidSequenceNumberError(CheckpointError):
    """The sequence number is malformed, or out of the range that was delivered (IllegalArgumentException)."""


_CHECKPOINT_ERRORS = {
    "ThrottlingException": ThrottlingError,
    "KinesisClientLibDependencyException": DependencyError,
    "ShutdownException": ShutdownError,
    "InvalidStateException": InvalidStateError,
    "IllegalArgumentException": InvalidSequenceNumberError,
}


class ProtocolError(KclpyError):
    """The other end of the pipe broke the protocol, or went away."""

    exit_code = EXIT_PROTOCOL


LINE_START = 80
"""How much of a line an error shows."""


class MalformedMessageError(ProtocolError):
    """A line that is no message. `place` is where in it (`records[3].data`; empty for the line itself).

    `line` is its beginning, of at most `LINE_START` bytes.
    """

    def __init__(self, place: str, reason: str, line: bytes | memoryview = b"") -> None:
        self.place = place
        self.reason = reason
        self.line = bytes(line[:LINE_START])
        super().__init__(place, reason, self.line)

    def __str__(self) -> str:
        start = self.line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        more = "..." if len(self.line) == LINE_START else ""
        at = f" at {self.place}" if self.place else ""
        return f"malformed message from the daemon{at}: {self.reason} (the line: {start!r}{more})"


class LineTooLongError(ProtocolError):
    """A line from the daemon has more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"a line from the daemon is longer than {self.limit:,} bytes; max_line_bytes raises the limit"


class UnexpectedMessageError(ProtocolError):
    """The message `action` came in the state `state`, where only `expected` may come."""

    def __init__(self, action: str, state: str, expected: tuple[str, ...]) -> None:
        super().__init__(action, state, expected)
        self.action = action
        self.state = state
        self.expected = expected

    def __str__(self) -> str:
        expected = " or ".join(self.expected) or "the end of the stream"
        return f"unexpected message {self.action!r} from the daemon {self.state}; expected {expected}"


class EndOfStreamError(ProtocolError):
    """The pipe to the daemon ended `where`."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where

    def __str__(self) -> str:
        return f"the daemon closed the pipe {self.where}"
