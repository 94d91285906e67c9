r"""One line of bytes from and to one message. Pure: no I/O, and no error but MalformedMessageError.

Tolerant where the daemon may grow (fields that are not known, `\r\n`, nullable fields left out), strict where a guess
could lose data (an action that is not known, a missing field, a wrong type).

With msgspec installed (the extra `speedups`) it decodes the batches of records; whatever it refuses is decoded again by
the pure code, whose word is final. So both give equal messages and equal errors.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from operator import itemgetter

from kclpy.errors import InvalidRecordDataError, MalformedMessageError
from kclpy.messages import (
    RECORD_FIELDS,
    Checkpoint,
    CheckpointReply,
    Initialize,
    LeaseLost,
    ProcessRecords,
    Record,
    ShardEnded,
    Shutdown,
    ShutdownRequested,
    Status,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kclpy.messages import FromChild, FromDaemon


_BATCH = b'{"action":"processRecords"'


def decode(line: bytes | memoryview, record_class: type[Record] = Record) -> FromDaemon:
    """The message that the daemon sent in `line` (with or without its line ending); records are `record_class`'s.

    Raises MalformedMessageError, with the place in the line, for anything else.
    """
    if line[: len(_BATCH)] == _BATCH:
        batch = _decode_batch_fast(line, record_class)
        if batch is not None:
            return batch
    fields = _Fields.of(line)
    action = fields.string("action")
    if action == "processRecords":
        return _process_records(fields, record_class)
    if action in _FROM_DAEMON:
        return _FROM_DAEMON[action](fields)
    raise fields.malformed("action", f"unknown action {action!r}")


def decode_child(line: bytes) -> FromChild:
    """The message that a child sent in `line`, by the daemon's own rules: a field too many is malformed as well.

    Raises MalformedMessageError for what the daemon skips ("Skipping unexpected line on STDOUT").
    """
    fields = _Fields.of(line)
    action = fields.string("action")
    if action == "status":
        fields.only("action", "responseFor")
        return Status(fields.string("responseFor"))
    if action == "checkpoint":
        fields.only("action", "sequenceNumber", "subSequenceNumber", "error")
        return Checkpoint(fields.optional_string("sequenceNumber"), fields.optional_integer("subSequenceNumber"))
    raise fields.malformed("action", f"unknown action {action!r}")


def encode(message: FromChild | FromDaemon) -> bytes:
    """The line for `message`, with its newline; the daemon's messages as the daemon writes them."""
    fields: dict[str, Any] = {"action": message.action}
    if isinstance(message, ProcessRecords):
        fields["records"] = [{name: record[name] for name in RECORD_FIELDS} for record in message.records]
        fields["millisBehindLatest"] = message.millis_behind_latest
    else:
        for name in message.__slots__:
            head, *tail = name.split("_")
            fields[head + "".join(word.capitalize() for word in tail)] = getattr(message, name)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


_FROM_DAEMON: dict[str, Callable[[_Fields], FromDaemon]] = {
    "initialize": lambda fields: Initialize(
        fields.string("shardId"),
        fields.optional_string("sequenceNumber"),
        fields.optional_integer("subSequenceNumber"),
    ),
    "checkpoint": lambda fields: CheckpointReply(
        fields.optional_string("sequenceNumber"),
        fields.optional_integer("subSequenceNumber"),
        fields.optional_string("error"),
    ),
    "shutdownRequested": lambda _: ShutdownRequested(),
    "leaseLost": lambda _: LeaseLost(),
    "shardEnded": lambda _: ShardEnded(),
    "shutdown": lambda fields: Shutdown(fields.one_of("reason", "TERMINATE", "ZOMBIE")),
}


def _process_records(fields: _Fields, record_class: type[Record]) -> ProcessRecords:
    records = []
    take = itemgetter("sequenceNumber", "partitionKey", "data", "subSequenceNumber", "approximateArrivalTimestamp")
    for index, item in enumerate(fields.list("records")):
        try:
            sequence_number, partition_key, data, sub_sequence_number, millis = take(item)
        except (KeyError, TypeError):
            sequence_number = None
        if not (
            type(sequence_number) is str
            and type(partition_key) is str
            and type(data) is str
            and type(sub_sequence_number) is int
            and type(millis) is int
        ):
            item_fields = fields.object(item, f"records[{index}]")
            sequence_number = item_fields.string("sequenceNumber")
            partition_key = item_fields.string("partitionKey")
            data = item_fields.optional_string("data")
            sub_sequence_number = item_fields.optional_integer("subSequenceNumber")
            millis = item_fields.optional_integer("approximateArrivalTimestamp")
        record = record_class(sequence_number, partition_key, data, sub_sequence_number, millis)
        # Base64 with padding whose unused bits are not zero, which no encoder writes and msgspec forgets.
        if (
            data
            and data[-1] == "="
            and len(data) > 3
            and not (data[-3] in "AQgw" if data[-2] == "=" else data[-2] in "AEIMQUYcgkosw048")
        ):
            try:
                data = _in_base64(record.binary_data)
            except InvalidRecordDataError:
                pass  # for whoever asks for it
            else:
                record = record_class(sequence_number, partition_key, data, sub_sequence_number, millis)
        records.append(record)
    return ProcessRecords(records, fields.optional_integer("millisBehindLatest"))


def _in_base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


class _Fields:
    """A JSON object of a line, whose fields are taken out with their types checked."""

    def __init__(self, line: bytes | memoryview, values: dict[str, Any], place: str = "") -> None:
        self.line = line
        self.values = values
        self.place = place

    @classmethod
    def of(cls, line: bytes | memoryview) -> _Fields:
        whole = cls(line, {})
        try:
            return whole.object(json.loads(str(line, "utf-8")))
        except UnicodeDecodeError as error:
            raise whole.malformed("", f"no UTF-8 at byte {error.start}") from None
        except RecursionError:
            raise whole.malformed("", "nested too deeply") from None
        except ValueError as error:
            raise whole.malformed("", f"no JSON: {error}") from None

    def object(self, value: object, place: str = "") -> _Fields:
        if type(value) is not dict:
            raise self.malformed(place, f"{_name(value)} where an object belongs")
        return _Fields(self.line, value, f"{place}." if place else "")

    def malformed(self, name: str, reason: str) -> MalformedMessageError:
        return MalformedMessageError(self.place + name, reason, self.line)

    def only(self, *known: str) -> None:
        for name in self.values:
            if name not in known:
                raise self.malformed(name, "unknown field")

    def _take(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        if value is not None and type(value) is not kind:
            raise self.malformed(name, f"{_name(value)} where {_JSON_NAMES[kind]} belongs")
        return value

    def _require(self, name: str, kind: type) -> Any:
        value = self._take(name, kind)
        if value is None:
            raise self.malformed(name, "null" if name in self.values else "missing")
        return value

    def string(self, name: str) -> str:
        value: str = self._require(name, str)
        return value

    def list(self, name: str) -> list[Any]:
        value: list[Any] = self._require(name, list)
        return value

    def optional_string(self, name: str) -> str | None:
        value: str | None = self._take(name, str)
        return value

    def optional_integer(self, name: str) -> int | None:
        value: int | None = self._take(name, int)
        return value

    def one_of(self, name: str, *allowed: str) -> str:
        value = self.string(name)
        if value not in allowed:
            raise self.malformed(name, f"{value!r} where {' or '.join(allowed)} belongs")
        return value


_JSON_NAMES: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a number that is no integer",
    bool: "a boolean",
    list: "a list",
    dict: "an object",
}


def _name(value: object) -> str:
    return "null" if value is None else _JSON_NAMES[type(value)]


_fast_decoders: dict[type[Record], Any] = {}


def _decode_batch_fast(line: bytes | memoryview, record_class: type[Record]) -> ProcessRecords | None:
    """The batch in `line` if msgspec is installed and takes it; None leaves the line to the pure code.

    msgspec is imported here, at the first batch: it takes longer to import than the rest of kclpy, and an idle shard's
    process has no use for it.
    """
    if record_class not in _fast_decoders:
        _fast_decoders[record_class] = _make_fast_decoder(record_class)
    decoder = _fast_decoders[record_class]
    if decoder is None:
        return None
    try:
        batch = decoder.decode(line)
    except Exception:  # noqa: BLE001 - msgspec's errors have no root that its versions share
        return None
    return ProcessRecords(batch.records, batch.millisBehindLatest)


def _make_fast_decoder(record_class: type[Record]) -> Any:
    """A decoder whose records are made by msgspec itself, their data decoded; None without msgspec.

    To `isinstance` they are of `record_class`, and they compare equal to its own. A field that is not known, or another
    action, is left to the pure code: msgspec would skip over it without a look at its encoding.

    They take attributes, weak references and a cycle through them if those of `record_class` do.
    """
    try:
        import msgspec
    except ImportError:
        return None
    takes_attributes = record_class.__dictoffset__ != 0
    fast_record = msgspec.defstruct(
        record_class.__name__,
        [
            ("sequence_number", str),
            ("partition_key", str),
            ("binary_data", bytes),
            ("sub_sequence_number", int | None, None),
            ("timestamp_millis", int | None, None),
        ],
        bases=(record_class.methods, msgspec.Struct),
        namespace={
            "data": property(
                lambda record: _in_base64(record.binary_data),
                lambda record, data: setattr(record, "binary_data", a2b_base64(data)),
            )
        },
        rename={
            "sequence_number": "sequenceNumber",
            "partition_key": "partitionKey",
            "binary_data": "data",
            "sub_sequence_number": "subSequenceNumber",
            "timestamp_millis": "approximateArrivalTimestamp",
        },
        tag_field="action",
        tag="record",
        forbid_unknown_fields=True,
        frozen=not takes_attributes,
        dict=takes_attributes,
        weakref=record_class.__weakrefoffset__ != 0,
        gc=takes_attributes,
    )
    record_class.register(fast_record)
    fast_batch = msgspec.defstruct(
        "ProcessRecords",
        [("records", list[fast_record]), ("millisBehindLatest", int | None, None)],  # type: ignore[valid-type]
        tag_field="action",
        tag="processRecords",
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(fast_batch)
