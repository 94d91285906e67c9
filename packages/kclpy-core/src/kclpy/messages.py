"""The messages of the MultiLangDaemon protocol, and the record.

One class a message, immutable and compared by value. What the daemon sends and the child answers, with the source of
each field: docs/protocol.md (KCL: package `software.amazon.kinesis.multilang.messages`).

They are not dataclasses: `dataclasses` alone takes longer to import than all of kclpy, in every shard's process.
"""

from __future__ import annotations

from abc import ABCMeta
from binascii import a2b_base64

from kclpy.errors import InvalidRecordDataError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any, ClassVar, TypeAlias


class Message:
    """The base of all messages: immutable, equal when the class and every field are."""

    __slots__: ClassVar[tuple[str, ...]] = ()
    action: ClassVar[str]

    def _set(self, *values: object) -> None:
        for field, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, field, value)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self.__slots__)

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((self.action, self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{f}={v!r}" for f, v in zip(self.__slots__, self._values(), strict=True))
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()


class Initialize(Message):
    """The first message: the shard of this process, and where its lease starts.

    `sequence_number` is decimal, or `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP` on a fresh lease, or None.
    """

    __slots__ = ("shard_id", "sequence_number", "sub_sequence_number")
    action = "initialize"
    shard_id: str
    sequence_number: str | None
    sub_sequence_number: int | None

    def __init__(
        self, shard_id: str, sequence_number: str | None = None, sub_sequence_number: int | None = None
    ) -> None:
        self._set(shard_id, sequence_number, sub_sequence_number)


class ProcessRecords(Message):
    """A batch of records; `millis_behind_latest` is how far it lies behind the tip of the shard, if known."""

    __slots__ = ("records", "millis_behind_latest")
    action = "processRecords"
    records: Sequence[Record]
    millis_behind_latest: int | None

    def __init__(self, records: Sequence[Record], millis_behind_latest: int | None = None) -> None:
        self._set(records, millis_behind_latest)


class CheckpointReply(Message):
    """The daemon's answer to `Checkpoint`, whose numbers it repeats; `error` is None, or a Java exception's name."""

    __slots__ = ("sequence_number", "sub_sequence_number", "error")
    action = "checkpoint"
    sequence_number: str | None
    sub_sequence_number: int | None
    error: str | None

    def __init__(
        self,
        sequence_number: str | None = None,
        sub_sequence_number: int | None = None,
        error: str | None = None,
    ) -> None:
        self._set(sequence_number, sub_sequence_number, error)


class ShutdownRequested(Message):
    """The worker is about to stop, or to hand the lease over: the last chance to checkpoint."""

    __slots__ = ()
    action = "shutdownRequested"


class LeaseLost(Message):
    """Another worker has the lease (KCL 2.x and 3.x): no checkpoint is possible any more."""

    __slots__ = ()
    action = "leaseLost"


class ShardEnded(Message):
    """The shard was split or merged and all its records were delivered (KCL 2.x and 3.x): checkpoint now."""

    __slots__ = ()
    action = "shardEnded"


class Shutdown(Message):
    """KCL 1.x's only end: `reason` is `TERMINATE` (the shard ended: checkpoint now) or `ZOMBIE` (the lease is lost)."""

    __slots__ = ("reason",)
    action = "shutdown"
    reason: str

    def __init__(self, reason: str) -> None:
        self._set(reason)


class Status(Message):
    """The child's word that it is done with the action `response_for`."""

    __slots__ = ("response_for",)
    action = "status"
    response_for: str

    def __init__(self, response_for: str) -> None:
        self._set(response_for)


class Checkpoint(Message):
    """The child's request to checkpoint: at the last record delivered if `sequence_number` is None."""

    __slots__ = ("sequence_number", "sub_sequence_number")
    action = "checkpoint"
    sequence_number: str | None
    sub_sequence_number: int | None

    def __init__(self, sequence_number: str | None = None, sub_sequence_number: int | None = None) -> None:
        self._set(sequence_number, sub_sequence_number)


if TYPE_CHECKING:
    FromDaemon: TypeAlias = (
        Initialize | ProcessRecords | CheckpointReply | ShutdownRequested | LeaseLost | ShardEnded | Shutdown
    )
    FromChild: TypeAlias = Status | Checkpoint


class RecordMethods:
    """What a record can do, whichever way its fields are kept."""

    __slots__ = ()
    action = "record"

    if TYPE_CHECKING:  # msgspec, which takes annotations for fields, is not to see these
        pickled_as: ClassVar[type[Record]]
        """The class that unpickling makes of a record: the one that does not need msgspec."""
        sequence_number: str
        partition_key: str
        data: str | None
        sub_sequence_number: int | None
        timestamp_millis: int | None

    @property
    def approximate_arrival_timestamp(self) -> datetime | None:
        """When Kinesis took the record, as an aware datetime in UTC, to the millisecond.

        None if it is not known, or outside of the years 1 to 9999.
        """
        if self.timestamp_millis is None:
            return None
        from datetime import datetime, timedelta, timezone

        try:
            return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=self.timestamp_millis)
        except OverflowError:
            return None

    def __getitem__(self, field: str) -> Any:
        return getattr(self, RECORD_FIELDS[field])

    def get(self, field: str, default: Any = None) -> Any:
        """The field with the wire's name `field` (`sequenceNumber`, `data`, ...), or `default`."""
        return self[field] if field in RECORD_FIELDS else default

    def _values(self) -> tuple[str, str, str | None, int | None, int | None]:
        return self.sequence_number, self.partition_key, self.data, self.sub_sequence_number, self.timestamp_millis

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, RecordMethods) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        data = self.data if self.data is None or len(self.data) <= 40 else f"{self.data[:40]}..."
        return (
            f"Record(sequence_number={self.sequence_number!r}, partition_key={self.partition_key!r}, data={data!r}, "
            f"sub_sequence_number={self.sub_sequence_number!r}, timestamp_millis={self.timestamp_millis!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return self.pickled_as, self._values()


class Record(RecordMethods, metaclass=ABCMeta):
    """One record of a stream, as Kinesis returned it or as the daemon took it out of a KPL aggregate.

    Not to be changed. A record can be subscripted too, with the names of the wire (`record["sequenceNumber"]`).
    """

    __slots__ = (
        "_binary_data",
        "data",
        "partition_key",
        "sequence_number",
        "sub_sequence_number",
        "timestamp_millis",
    )
    methods: ClassVar[type[RecordMethods]] = RecordMethods

    sequence_number: str
    """The sequence number, decimal. The records of one aggregate share it."""
    partition_key: str
    """The partition key, which the producer chose."""
    data: str | None
    """The data in base64, as the daemon sent it, with unused bits zero; None if the record has no data buffer."""
    sub_sequence_number: int | None
    """The place in a KPL aggregate, from 0; 0 too where there is none (None from some KCL 1.x)."""
    timestamp_millis: int | None
    """When Kinesis took the record, in milliseconds since 1970 (UTC); None if the daemon does not know."""

    def __init__(
        self,
        sequence_number: str,
        partition_key: str,
        data: str | None,
        sub_sequence_number: int | None = 0,
        timestamp_millis: int | None = None,
    ) -> None:
        self.sequence_number = sequence_number
        self.partition_key = partition_key
        self.data = data
        self.sub_sequence_number = sub_sequence_number
        self.timestamp_millis = timestamp_millis
        self._binary_data: bytes | None = b"" if data is None else None

    @property
    def binary_data(self) -> bytes:
        """The data, decoded at the first use; empty if the record has none.

        Raises InvalidRecordDataError if it is no base64 (RFC 4648, with padding): nothing is skipped over.
        """
        binary_data = self._binary_data
        if binary_data is None:
            text = self.data or ""
            try:
                binary_data = a2b_base64(text)
            except ValueError as error:
                raise InvalidRecordDataError(self.sequence_number, str(error)) from None
            # binascii skips over what is no base64, so that less comes out; and over padding that more text follows.
            if len(text) != (len(binary_data) + 2) // 3 * 4 or text.find("=", 0, -2) >= 0:
                raise InvalidRecordDataError(self.sequence_number, "a character that does not belong there")
            self._binary_data = binary_data
        return binary_data


RecordMethods.pickled_as = Record

RECORD_FIELDS = {
    "data": "data",
    "partitionKey": "partition_key",
    "sequenceNumber": "sequence_number",
    "approximateArrivalTimestamp": "timestamp_millis",
    "subSequenceNumber": "sub_sequence_number",
    "action": "action",
}
"""The fields of a record on the wire, in its order, and the attributes that hold them."""
