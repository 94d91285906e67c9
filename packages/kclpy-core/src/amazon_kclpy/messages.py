"""`amazon_kclpy.messages`: the inputs as they are made from the JSON of a message, and the record.

They differ from kclpy's in the constructors, which take a `dict`, in the naive local timestamps, and in the names with an
underscore, of which programs make use.
"""

from __future__ import annotations

from functools import cached_property
from operator import attrgetter

import kclpy.messages
import kclpy.processors
from kclpy.messages import RECORD_FIELDS
from kclpy.processors import LeaseLostCheckpointer

from amazon_kclpy.checkpoint_error import CheckpointError  # noqa: F401 - programs find it here

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


def kept_as(name: str) -> Any:
    """A property whose value is in the attribute `name`, where programs and their tests find it and set it."""
    return property(attrgetter(name), lambda self, value: setattr(self, name, value))


class MessageDispatcher:
    """An input that knows which method of a v3 processor it is for."""

    action = kept_as("_action")
    method = ""

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        """Call that method with this input."""
        raise NotImplementedError


class InitializeInput(MessageDispatcher, kclpy.processors.InitializeInput):
    """`initialize`: shardId, sequenceNumber, subSequenceNumber."""

    method = "initialize"
    shard_id = kept_as("_shard_id")
    sequence_number = kept_as("_sequence_number")
    sub_sequence_number = kept_as("_sub_sequence_number")

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(json_dict["shardId"], json_dict["sequenceNumber"], json_dict["subSequenceNumber"])
        self._action = json_dict["action"]

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        return record_processor.initialize(self)


class WithCheckpointer(MessageDispatcher):
    """An input whose method may checkpoint."""

    checkpointer = kept_as("_checkpointer")

    def __init__(self, json_dict: dict[str, Any]) -> None:
        self._checkpointer: Any = None
        self._action = json_dict["action"]

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        self._checkpointer = checkpointer
        return getattr(record_processor, self.method)(self)


class ProcessRecordsInput(WithCheckpointer, kclpy.processors.ProcessRecordsInput):
    """`processRecords`: records, which are `Record`s already, and millisBehindLatest."""

    method = "process_records"
    records = kept_as("_records")
    millis_behind_latest = kept_as("_millis_behind_latest")

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(json_dict)
        self._records = json_dict["records"]
        self._millis_behind_latest = json_dict["millisBehindLatest"]


class LeaseLostInput(MessageDispatcher, kclpy.processors.LeaseLostInput):
    """`leaseLost`."""

    method = "lease_lost"

    def __init__(self, json_dict: dict[str, Any]) -> None:
        self._action = json_dict["action"]

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        return record_processor.lease_lost(self)


class ShardEndedInput(WithCheckpointer, kclpy.processors.ShardEndedInput):
    """`shardEnded`."""

    method = "shard_ended"


class ShutdownRequestedInput(WithCheckpointer, kclpy.processors.ShutdownRequestedInput):
    """`shutdownRequested`."""

    method = "shutdown_requested"


class ShutdownInput(MessageDispatcher, kclpy.processors.ShutdownInput):
    """The end of a lease for v1 and v2 processors, of its reason or of the JSON of KCL 1.x's `shutdown`."""

    reason = kept_as("_reason")
    checkpointer = kept_as("_checkpointer")
    method = "shutdown"

    def __init__(self, reason: str | dict[str, Any], checkpointer: Any = None) -> None:
        super().__init__(reason["reason"] if isinstance(reason, dict) else reason, checkpointer)
        self._action = "shutdown"

    def dispatch(self, checkpointer: Any, record_processor: Any) -> Any:
        self._checkpointer = checkpointer
        if hasattr(record_processor, "shutdown"):
            return record_processor.shutdown(self)
        if self.reason == "TERMINATE":
            return ShardEndedInput({"action": "shardEnded"}).dispatch(checkpointer, record_processor)
        return LeaseLostInput({"action": "leaseLost"}).dispatch(checkpointer, record_processor)


class CheckpointInput:
    """The reply to a checkpoint: sequenceNumber, subSequenceNumber, and error if there was one."""

    sequence_number = kept_as("_sequence_number")
    sub_sequence_number = kept_as("_sub_sequence_number")
    error = kept_as("_error")

    def __init__(self, json_dict: dict[str, Any]) -> None:
        self._sequence_number = json_dict["sequenceNumber"]
        self._sub_sequence_number = json_dict["subSequenceNumber"]
        self._error = json_dict.get("error")


class RecordMethods(kclpy.messages.RecordMethods):
    """`approximate_arrival_timestamp` is naive and in local time, as it always was."""

    __slots__ = ()
    _sequence_number = kept_as("sequence_number")
    _sub_sequence_number = kept_as("sub_sequence_number")
    _timestamp_millis = kept_as("timestamp_millis")
    _partition_key = kept_as("partition_key")
    _data = kept_as("data")

    @cached_property
    def _json_dict(self) -> dict[str, Any]:
        """The record as it is on the wire."""
        return {name: getattr(self, attribute) for name, attribute in RECORD_FIELDS.items()}

    @property
    def approximate_arrival_timestamp(self) -> datetime | None:
        """When Kinesis took the record, as a naive datetime in local time; None if it is not known or no such time."""
        if self.timestamp_millis is None:
            return None
        from datetime import datetime

        try:
            return datetime.fromtimestamp(self.timestamp_millis / 1000)  # noqa: DTZ006
        except (OverflowError, ValueError, OSError):
            return None

    _approximate_arrival_timestamp = approximate_arrival_timestamp

    def __getitem__(self, field: str) -> Any:
        return super().__getitem__(field) if field in RECORD_FIELDS else self._json_dict[field]

    def get(self, field: str, default: Any = None) -> Any:
        """The field with the wire's name `field` (`sequenceNumber`, `data`, ...), or `default`."""
        return super().get(field) if field in RECORD_FIELDS else self._json_dict.get(field, default)

    def __reduce__(self) -> tuple[Any, ...]:
        return *super().__reduce__(), vars(self)

    def __copy__(self) -> DeliveredRecord:
        copied: DeliveredRecord = DeliveredRecord(*self._values())
        vars(copied).update(vars(self))
        return copied


class Record(RecordMethods, kclpy.messages.Record):
    """A record, made from the JSON of a message. It takes attributes of the program's own."""

    __slots__ = ("__dict__", "__weakref__")
    methods = RecordMethods

    def __init__(self, json_dict: dict[str, Any]) -> None:
        super().__init__(
            json_dict["sequenceNumber"],
            json_dict["partitionKey"],
            json_dict["data"],
            json_dict["subSequenceNumber"],
            json_dict["approximateArrivalTimestamp"],
        )
        self._json_dict = json_dict

    def _set_data(self, data: str | None) -> None:
        self.data = data
        self._binary_data = None

    _data = property(attrgetter("data"), _set_data)


class DeliveredRecord(Record):
    """A `Record` as the codec makes it, from its fields."""

    __slots__ = ()
    __init__ = kclpy.messages.Record.__init__


RecordMethods.pickled_as = DeliveredRecord
