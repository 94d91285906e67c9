"""What a processor is given to checkpoint with, and when kclpy checkpoints on its behalf."""

from __future__ import annotations

from time import monotonic, sleep

from kclpy.errors import DependencyError, ThrottlingError
from kclpy.failure import Backoff
from kclpy.messages import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHECKPOINT_BACKOFF = Backoff(attempts=5, base=0.5, cap=4.0)
"""How a throttled checkpoint is tried again: at most 7.5 s of waiting."""


class Checkpointer:
    """Records how far a shard was processed, in the lease table (KCL: RecordProcessorCheckpointer).

    A checkpointer is good until the method that it was given to has returned. In the processor's own thread one that was
    kept is good again whenever another method has been called, as the checkpointer of that call.
    """

    def __init__(
        self,
        ask: Callable[[Checkpointer, str | None, int | None], None],
        backoff: Backoff = CHECKPOINT_BACKOFF,
    ) -> None:
        self._ask = ask
        self._backoff = backoff
        self._checkpointed = False

    @property
    def checkpointed(self) -> bool:
        """Whether a checkpoint of this checkpointer succeeded."""
        return self._checkpointed

    def take_note(self) -> None:
        """Take note of a checkpoint that succeeded."""
        self._checkpointed = True

    def checkpoint(self, sequence_number: str | Record | None = None, sub_sequence_number: int | None = None) -> None:
        """Checkpoint at a record or a sequence number; without arguments, after all that was delivered.

        Without arguments in `shard_ended` it marks the shard as processed to its end. Throttling and failures of the
        lease table are tried again with backoff.

        Raises a CheckpointError: ThrottlingError or DependencyError when that did not help, ShutdownError (the lease
        is gone), InvalidSequenceNumberError, InvalidStateError (used while no method is called, in a forked process, or
        by another thread after its method returned), or CheckpointError itself for any other exception of the daemon.
        """
        if isinstance(sequence_number, Record):
            sub_sequence_number = sequence_number.sub_sequence_number
            sequence_number = sequence_number.sequence_number
        number = None if sequence_number is None else str(sequence_number)
        sub_number = None if sub_sequence_number is None else int(sub_sequence_number)
        delays = self._backoff.delays()
        while True:
            try:
                self._ask(self, number, sub_number)
            except (ThrottlingError, DependencyError):
                delay = next(delays, None)
                if delay is None:
                    raise
                sleep(delay)
            else:
                self.take_note()
                return


class CheckpointEvery:
    """Checkpoint after a batch once `records` records or `seconds` seconds have come since the last checkpoint.

    With neither, after every batch. And always at the end of the shard and at a requested shutdown.
    """

    def __init__(self, *, records: int | None = None, seconds: float | None = None) -> None:
        self.records = records
        self.seconds = seconds
        self.reset()

    def __repr__(self) -> str:
        return f"CheckpointEvery(records={self.records!r}, seconds={self.seconds!r})"

    def due(self, processed: int) -> bool:
        """Whether to checkpoint now that `processed` more records were processed."""
        self._count += processed
        if not self._count:
            return False
        if self.records is None and self.seconds is None:
            return True
        enough = self.records is not None and self._count >= self.records
        return enough or (self.seconds is not None and monotonic() - self._since >= self.seconds)

    def reset(self) -> None:
        """Take note of a checkpoint."""
        self._count = 0
        self._since = monotonic()
