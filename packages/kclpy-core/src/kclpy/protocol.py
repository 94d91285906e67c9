"""The state machine of a shard's process, as a table. No I/O: bytes are the runner's, lines the codec's.

The daemon and the child take turns: one action from the daemon, any number of checkpoints (each with its reply), one
status from the child. (KCL: MultiLangProtocol.waitForStatusMessage.)

    state            the daemon may send              the child may send
    ---------------  -------------------------------  -----------------------------------
    NEW              initialize -> WORKING
    READY            an action  -> WORKING
    WORKING                                           checkpoint -> CHECKPOINTING
                                                      status     -> READY, or ENDED
    CHECKPOINTING    checkpoint -> WORKING
    ENDED

The daemon may end the stream in NEW, READY and ENDED.
"""

from __future__ import annotations

from enum import Enum

from kclpy.errors import EndOfStreamError, InvalidStateError, UnexpectedMessageError
from kclpy.messages import (
    Checkpoint,
    CheckpointReply,
    Initialize,
    LeaseLost,
    ProcessRecords,
    ShardEnded,
    Shutdown,
    ShutdownRequested,
    Status,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kclpy.messages import FromDaemon


class State(Enum):
    """Where a shard's process stands; the value completes the sentence 'the message came ...'."""

    NEW = "before initialize"
    READY = "between two actions"
    WORKING = "in the middle of an action"
    CHECKPOINTING = "in the middle of a checkpoint"
    ENDED = "after the end of the lease"


_RECEIVE: dict[State, dict[type[FromDaemon], State]] = {
    State.NEW: {Initialize: State.WORKING},
    State.READY: {
        ProcessRecords: State.WORKING,
        ShutdownRequested: State.WORKING,
        LeaseLost: State.WORKING,
        ShardEnded: State.WORKING,
        Shutdown: State.WORKING,
    },
    State.WORKING: {},
    State.CHECKPOINTING: {CheckpointReply: State.WORKING},
    State.ENDED: {},
}

_AFTER_STATUS = {
    Initialize: State.READY,
    ProcessRecords: State.READY,
    ShutdownRequested: State.READY,
    LeaseLost: State.ENDED,
    ShardEnded: State.ENDED,
    Shutdown: State.ENDED,
}

_MAY_END = (State.NEW, State.READY, State.ENDED)


class Protocol:
    """One shard's conversation with the daemon, seen from the child."""

    def __init__(self) -> None:
        self.state = State.NEW
        self._working_on: type[FromDaemon] | None = None

    def receive(self, message: FromDaemon) -> None:
        """Take a message from the daemon. Raises UnexpectedMessageError if it may not come now."""
        allowed = _RECEIVE[self.state]
        if type(message) not in allowed:
            raise UnexpectedMessageError(
                message.action, self.state.value, tuple(expected.action for expected in allowed)
            )
        self.state = allowed[type(message)]
        if not isinstance(message, CheckpointReply):
            self._working_on = type(message)

    def request(self, sequence_number: str | None, sub_sequence_number: int | None) -> Checkpoint:
        """The checkpoint request to send. Raises InvalidStateError if no checkpoint may be asked for now."""
        if self.state is not State.WORKING:
            raise InvalidStateError(reason=f"a checkpoint was asked for {self.state.value}")
        self.state = State.CHECKPOINTING
        return Checkpoint(sequence_number, sub_sequence_number)

    def done(self) -> Status:
        """The status to send for the action that was received last. Raises InvalidStateError out of turn."""
        if self.state is not State.WORKING or self._working_on is None:
            raise InvalidStateError(reason=f"a status was to be sent {self.state.value}")
        self.state = _AFTER_STATUS[self._working_on]
        return Status(self._working_on.action)

    def end_of_stream(self) -> None:
        """Take the end of the stream from the daemon. Raises EndOfStreamError if it may not end now."""
        if self.state not in _MAY_END:
            raise EndOfStreamError(self.state.value)
