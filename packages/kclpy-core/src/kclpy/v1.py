"""The v1 contract: methods that take the parts of an input as arguments (KCL 1.x, IRecordProcessor)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kclpy.processors import LeaseLostCheckpointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from kclpy.checkpointer import Checkpointer
    from kclpy.messages import Record

__all__ = ["LeaseLostCheckpointer", "RecordProcessorBase"]


class RecordProcessorBase(ABC):
    """Processes one shard: `initialize` once, `process_records` for every batch, `shutdown` at the end."""

    version = 1

    @abstractmethod
    def initialize(self, shard_id: str) -> Awaitable[None] | None:
        """Prepare for the shard `shard_id`."""
        raise NotImplementedError

    @abstractmethod
    def process_records(self, records: Sequence[Record], checkpointer: Checkpointer) -> Awaitable[None] | None:
        """Process a batch, and checkpoint when it suits."""
        raise NotImplementedError

    @abstractmethod
    def shutdown(self, checkpointer: Checkpointer | LeaseLostCheckpointer, reason: str) -> Awaitable[None] | None:
        """End: `reason` is `TERMINATE` (the shard ended: checkpoint now) or `ZOMBIE` (the lease is lost: do not)."""
        raise NotImplementedError

    def shutdown_requested(self, checkpointer: Checkpointer) -> Awaitable[None] | None:  # noqa: B027
        """Checkpoint, if it suits, before the worker stops."""
