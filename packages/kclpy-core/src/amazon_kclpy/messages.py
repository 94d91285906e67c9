"""`amazon_kclpy.messages`: the inputs as they are made from the JSON of a message, and the record.

They differ from kclpy's in the constructors, which take a `dict`, and in the naive local timestamps.
"""

from __future__ import annotations

import kclpy.messages
import kclpy.processors
from kclpy.processors import LeaseLostCheckpointer, ShutdownInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

__all__ = [
    "CheckpointInput",
    "InitializeInput",
    "LeaseLostCheckpointer",
    "LeaseLostInput",
    "MessageDispatcher",
    "ProcessRecordsInput",
    "Record",
    "ShardEndedInput",
    "ShutdownInput",
    "ShutdownRequestedInput",
]


class MessageDispatcher:
    """An input that knows which method of a v3 processor it is for."""

    action: Any

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        """Call that method with this input."""
        raise NotImplementedError


class InitializeInput(kclpy.processors.InitializeInput, MessageDispatcher):
    """`initialize`: shardId, sequenceNumber, subSequenceNumber."""

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(json_dict["shardId"], json_dict["sequenceNumber"], json_dict["subSequenceNumber"])

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        return record_processor.initialize(self)


class ProcessRecordsInput(kclpy.processors.ProcessRecordsInput, MessageDispatcher):
    """`processRecords`: records, which are `Record`s already, and millisBehindLatest."""

    checkpointer: Any = None

    def __init__(self, json_dict: dict[str, Any]) -> None:
        self.records = json_dict["records"]
        self.millis_behind_latest = json_dict["millisBehindLatest"]

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        self.checkpointer = checkpointer
        return record_processor.process_records(self)


class LeaseLostInput(kclpy.processors.LeaseLostInput, MessageDispatcher):
    """`leaseLost`."""

    def __init__(self, json_dict: dict[str, Any]) -> None:
        pass

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        return record_processor.lease_lost(self)


class ShardEndedInput(kclpy.processors.ShardEndedInput, MessageDispatcher):
    """`shardEnded`."""

    checkpointer: Any = None

    def __init__(self, json_dict: dict[str, Any]) -> None:
        pass

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        self.checkpointer = checkpointer
        return record_processor.shard_ended(self)


class ShutdownRequestedInput(kclpy.processors.ShutdownRequestedInput, MessageDispatcher):
    """`shutdownRequested`."""

    checkpointer: Any = None

    def __init__(self, json_dict: dict[str, Any]) -> None:
        pass

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        self.checkpointer = checkpointer
        return record_processor.shutdown_requested(self)


class CheckpointInput(kclpy.messages.CheckpointReply):
    """The reply to a checkpoint: sequenceNumber, subSequenceNumber, and error if there was one."""

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(json_dict["sequenceNumber"], json_dict["subSequenceNumber"], json_dict.get("error"))


class RecordMethods(kclpy.messages.RecordMethods):
    """`approximate_arrival_timestamp` is naive and in local time, as it always was."""

    __slots__ = ()

    @property
    def approximate_arrival_timestamp(self) -> datetime | None:
        """When Kinesis took the record, as a naive datetime in local time; None if it is not known."""
        if self.timestamp_millis is None:
            return None
        from datetime import datetime

        return datetime.fromtimestamp(self.timestamp_millis / 1000)  # noqa: DTZ006


class Record(RecordMethods, kclpy.messages.Record):
    """A record, made from the JSON of a message."""

    __slots__ = ()
    methods = RecordMethods

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(
            json_dict["sequenceNumber"],
            json_dict["partitionKey"],
            json_dict["data"],
            json_dict["subSequenceNumber"],
            json_dict["approximateArrivalTimestamp"],
        )


class DeliveredRecord(Record):
    """A `Record` as the codec makes it, from its fields."""

    __slots__ = ()
    __init__ = kclpy.messages.Record.__init__


RecordMethods.pickled_as = DeliveredRecord
