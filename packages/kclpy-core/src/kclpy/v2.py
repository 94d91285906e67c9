"""The v2 contract: methods that take an input, and one `shutdown` for both ends of a lease (v2.IRecordProcessor)."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kclpy.processors import (
    InitializeInput,
    ProcessRecordsInput,
    ShutdownInput,
    ShutdownRequestedInput,
    V1toV2Processor,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = [
    "InitializeInput",
    "ProcessRecordsInput",
    "RecordProcessorBase",
    "ShutdownInput",
    "ShutdownRequestedInput",
    "V1toV2Processor",
]


class RecordProcessorBase(ABC):
    """Processes one shard: `initialize` once, `process_records` for every batch, `shutdown` at the end."""

    version = 2

    @abstractmethod
    def initialize(self, initialize_input: InitializeInput) -> Awaitable[None] | None:
        """Prepare for the shard `initialize_input.shard_id`."""
        raise NotImplementedError

    @abstractmethod
    def process_records(self, process_records_input: ProcessRecordsInput) -> Awaitable[None] | None:
        """Process a batch, and checkpoint when it suits."""
        raise NotImplementedError

    @abstractmethod
    def shutdown(self, shutdown_input: ShutdownInput) -> Awaitable[None] | None:
        """End: `shutdown_input.reason` is `TERMINATE` (checkpoint now) or `ZOMBIE` (the lease is lost: do not)."""
        raise NotImplementedError

    def shutdown_requested(  # noqa: B027
        self, shutdown_requested_input: ShutdownRequestedInput
    ) -> Awaitable[None] | None:
        """Checkpoint, if it suits, before the worker stops."""
