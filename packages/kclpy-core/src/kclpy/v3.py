"""The v3 contract of `amazon_kclpy`: that of `kclpy.RecordProcessor`, with every method to be written out."""

from __future__ import annotations

from abc import abstractmethod

from kclpy.processors import (
    InitializeInput,
    LeaseLostInput,
    ProcessRecordsInput,
    RecordProcessor,
    ShardEndedInput,
    ShutdownRequestedInput,
    V2toV3Processor,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = [
    "InitializeInput",
    "LeaseLostInput",
    "ProcessRecordsInput",
    "RecordProcessorBase",
    "ShardEndedInput",
    "ShutdownRequestedInput",
    "V2toV3Processor",
]


class RecordProcessorBase(RecordProcessor):
    """Processes one shard, as `kclpy.RecordProcessor` does, but inherits nothing."""

    @abstractmethod
    def initialize(self, initialize_input: InitializeInput) -> Awaitable[None] | None:
        """Prepare for the shard `initialize_input.shard_id`."""
        raise NotImplementedError

    @abstractmethod
    def process_records(self, process_records_input: ProcessRecordsInput) -> Awaitable[None] | None:
        """Process a batch, and checkpoint when it suits."""
        raise NotImplementedError

    @abstractmethod
    def lease_lost(self, lease_lost_input: LeaseLostInput) -> Awaitable[None] | None:
        """Clean up: no checkpoint is possible any more."""
        raise NotImplementedError

    @abstractmethod
    def shard_ended(self, shard_ended_input: ShardEndedInput) -> Awaitable[None] | None:
        """Checkpoint the end of the shard."""
        raise NotImplementedError

    @abstractmethod
    def shutdown_requested(self, shutdown_requested_input: ShutdownRequestedInput) -> Awaitable[None] | None:
        """Checkpoint before the worker stops."""
        raise NotImplementedError
