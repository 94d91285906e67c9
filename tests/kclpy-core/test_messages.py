"""Messages and records: immutable values."""

import base64
import pickle
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kclpy.errors import InvalidRecordDataError
from kclpy.messages import (
    Checkpoint,
    CheckpointReply,
    Initialize,
    LeaseLost,
    Message,
    ProcessRecords,
    Record,
    ShardEnded,
    Shutdown,
    ShutdownRequested,
    Status,
)

RECORD = Record("49", "k", "aMOpbGxv", 3, 1_700_000_000_123)

MESSAGES = [
    Initialize("shardId-0", "49", 0),
    ProcessRecords([RECORD], 42),
    CheckpointReply("49", 3, "ThrottlingException"),
    ShutdownRequested(),
    LeaseLost(),
    ShardEnded(),
    Shutdown("ZOMBIE"),
    Status("initialize"),
    Checkpoint("49", 3),
]


def test_every_message_is_tried_here():
    """The list above covers the module."""
    assert {type(message) for message in MESSAGES} == set(Message.__subclasses__())


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_message_is_immutable(message):
    """No field can be set, and none added."""
    for field in (*message.__slots__, "another"):
        with pytest.raises(AttributeError, match=f"{type(message).__name__} is immutable"):
            setattr(message, field, "x")


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_message_equals_its_copy_and_no_other_message(message):
    """Equality is by class and fields, across pickling too."""
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - our own bytes
    assert [other for other in MESSAGES if other == message] == [message]
    assert message != message.action


def test_messages_with_equal_fields_of_another_class_differ():
    """A status for an action is no shutdown with the same word in it."""
    assert Status("TERMINATE") != Shutdown("TERMINATE")
    assert LeaseLost() != ShardEnded()
    assert len({LeaseLost(), ShardEnded(), LeaseLost()}) == 2


@pytest.mark.parametrize("message", [m for m in MESSAGES if not isinstance(m, ProcessRecords)], ids=repr)
def test_equal_messages_have_equal_hashes(message):
    """Messages can be keys; but not a batch, whose records are a list."""
    assert hash(pickle.loads(pickle.dumps(message))) == hash(message)  # noqa: S301 - our own bytes


def test_the_repr_of_a_message_names_its_fields():
    """What is logged of a message can be read, and typed in again."""
    assert repr(Initialize("shardId-0")) == (
        "Initialize(shard_id='shardId-0', sequence_number=None, sub_sequence_number=None)"
    )
    assert repr(LeaseLost()) == "LeaseLost()"


def test_a_record_has_its_fields_by_the_names_of_python_and_of_the_wire():
    """Old programs subscript records and call `get`."""
    assert (RECORD.sequence_number, RECORD["sequenceNumber"], RECORD.get("sequenceNumber")) == ("49",) * 3
    assert (RECORD.partition_key, RECORD["partitionKey"]) == ("k", "k")
    assert (RECORD.sub_sequence_number, RECORD["subSequenceNumber"]) == (3, 3)
    assert (RECORD.timestamp_millis, RECORD["approximateArrivalTimestamp"]) == (1_700_000_000_123,) * 2
    assert (RECORD.data, RECORD["data"]) == ("aMOpbGxv", "aMOpbGxv")
    assert (RECORD.action, RECORD["action"]) == ("record", "record")


def test_an_unknown_field_of_a_record_is_a_key_error_or_the_default():
    """As with a dict."""
    with pytest.raises(KeyError, match="explicitHashKey"):
        RECORD["explicitHashKey"]
    assert RECORD.get("explicitHashKey") is None
    assert RECORD.get("explicitHashKey", "0") == "0"


def test_a_record_has_room_for_nothing_else():
    """A batch may have 500,000 of them: no dictionary each."""
    with pytest.raises(AttributeError):
        RECORD.another = "x"
    assert not hasattr(RECORD, "__dict__")


def test_binary_data_is_decoded_once():
    """The second access gives the same object."""
    record = Record("1", "k", "aMOpbGxv")
    assert record.binary_data == "h\u00e9llo".encode()
    assert record.binary_data is record.binary_data


def test_a_record_without_data_has_empty_binary_data():
    """The daemon sends null for a record without a buffer."""
    assert Record("1", "k", None).binary_data == b""


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256)), b"\xff" * 1_000_000])
def test_what_was_encoded_is_decoded(data):
    """Every length of padding, every byte, and a record of Kinesis's old size limit."""
    assert Record("1", "k", base64.b64encode(data).decode()).binary_data == data


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "YQ",
        "YQ=",
        "YQ===",
        "=YQ=",
        "====",
        "Y=Q=",
        "YQ==YQ==",
        "YQ==\n",
        "Y Q==",
        "YQ--",
        "a*bc",
        "a*==",
        "\u00e9" * 4,
    ],
)
def test_data_that_is_no_base64_is_an_error_that_names_the_record(text):
    """Wrong lengths, padding in the wrong place, characters of no alphabet: nothing is skipped over, at any access."""
    record = Record("49", "k", text)
    for _ in range(2):
        with pytest.raises(InvalidRecordDataError, match="the data of record 49 is no base64") as caught:
            _ = record.binary_data
        assert caught.value.sequence_number == "49"


def test_the_timestamp_of_a_record_is_aware_and_to_the_millisecond():
    """UTC, whatever the machine's time zone."""
    assert RECORD.approximate_arrival_timestamp == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=timezone.utc)
    assert RECORD.approximate_arrival_timestamp.utcoffset() == timedelta(0)
    assert Record("1", "k", None).approximate_arrival_timestamp is None
    assert Record("1", "k", None, 0, 2**63 - 1).approximate_arrival_timestamp is None


@given(st.integers(min_value=-62_135_596_800_000, max_value=253_402_300_799_999))
def test_every_millisecond_of_the_calendar_keeps_its_value(millis):
    """No rounding through floats, before 1970 neither."""
    moment = Record("1", "k", None, 0, millis).approximate_arrival_timestamp
    assert (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1) == millis


def test_records_are_equal_when_every_field_is():
    """By value, for tests and for sets; decoding the data makes no difference."""
    same = Record("49", "k", "aMOpbGxv", 3, 1_700_000_000_123)
    assert same.binary_data
    assert same == RECORD
    assert hash(same) == hash(RECORD)
    assert pickle.loads(pickle.dumps(same)) == RECORD  # noqa: S301 - our own bytes
    assert Record("49", "k", "aMOpbGxv", 4, 1_700_000_000_123) != RECORD
    assert RECORD != "49"


@pytest.mark.parametrize(("data", "shown"), [(None, "None"), ("YQ==", "'YQ=='"), ("A" * 44, f"'{'A' * 40}...'")])
def test_the_repr_of_a_record_shows_the_beginning_of_its_data(data, shown):
    """A record of 1 MB does not fill the log."""
    assert f"data={shown}, sub_sequence_number=0" in repr(Record("1", "k", data))
