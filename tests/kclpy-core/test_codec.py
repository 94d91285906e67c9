"""Lines and messages, in both directions; strict where a guess could lose data; alike with msgspec and without."""

import base64
import io
import json
import pickle
import sys
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kclpy import codec
from kclpy.codec import decode, decode_child, encode
from kclpy.errors import LINE_START, InvalidRecordDataError, MalformedMessageError
from kclpy.messages import (
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
from kclpy.runner import Pipe

RECORD = (
    b'{"data":"aMOpbGxv","partitionKey":"k","sequenceNumber":"49","approximateArrivalTimestamp":1700000000123,'
    b'"subSequenceNumber":0,"action":"record"}'
)

# Each line as the daemon writes it, and the message that it is.
FROM_DAEMON = {
    "initialize": (
        b'{"action":"initialize","shardId":"shardId-000000000000","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}',
        Initialize("shardId-000000000000", "TRIM_HORIZON", 0),
    ),
    "initialize, nulls": (
        b'{"action":"initialize","shardId":"shardId-000000000000","sequenceNumber":null,"subSequenceNumber":null}',
        Initialize("shardId-000000000000", None, None),
    ),
    "processRecords": (
        b'{"action":"processRecords","records":[' + RECORD + b'],"millisBehindLatest":42}',
        ProcessRecords([Record("49", "k", "aMOpbGxv", 0, 1_700_000_000_123)], 42),
    ),
    "processRecords, empty": (
        b'{"action":"processRecords","records":[],"millisBehindLatest":null}',
        ProcessRecords([], None),
    ),
    "processRecords, nulls": (
        (
            b'{"action":"processRecords","records":[{"data":null,"partitionKey":"k","sequenceNumber":"49",'
            b'"approximateArrivalTimestamp":null,"subSequenceNumber":null,"action":"record"}],"millisBehindLatest":0}'
        ),
        ProcessRecords([Record("49", "k", None, None, None)], 0),
    ),
    "processRecords, beyond ASCII": (
        '{"action":"processRecords","records":[{"data":"","partitionKey":"k\u00e9y-\u65e5\u672c-\U0001f426\\"\\n",'
        '"sequenceNumber":"1","approximateArrivalTimestamp":0,"subSequenceNumber":1,"action":"record"}],'
        '"millisBehindLatest":0}'.encode(),
        ProcessRecords([Record("1", 'k\u00e9y-\u65e5\u672c-\U0001f426"\n', "", 1, 0)], 0),
    ),
    "checkpoint": (
        b'{"action":"checkpoint","sequenceNumber":"49","subSequenceNumber":3,"error":null}',
        CheckpointReply("49", 3, None),
    ),
    "checkpoint, refused": (
        b'{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null,"error":"ThrottlingException"}',
        CheckpointReply(None, None, "ThrottlingException"),
    ),
    "shutdownRequested": (b'{"action":"shutdownRequested"}', ShutdownRequested()),
    "leaseLost": (b'{"action":"leaseLost"}', LeaseLost()),
    "shardEnded": (b'{"action":"shardEnded"}', ShardEnded()),
    "shutdown, terminate": (b'{"action":"shutdown","reason":"TERMINATE"}', Shutdown("TERMINATE")),
    "shutdown, zombie": (b'{"action":"shutdown","reason":"ZOMBIE"}', Shutdown("ZOMBIE")),
}

FROM_CHILD = {
    "status": (b'{"action":"status","responseFor":"processRecords"}', Status("processRecords")),
    "checkpoint": (b'{"action":"checkpoint","sequenceNumber":"49","subSequenceNumber":3}', Checkpoint("49", 3)),
    "checkpoint, all": (
        b'{"action":"checkpoint","sequenceNumber":null,"subSequenceNumber":null}',
        Checkpoint(None, None),
    ),
}

daemon_cases = pytest.mark.parametrize(("line", "message"), FROM_DAEMON.values(), ids=FROM_DAEMON)
child_cases = pytest.mark.parametrize(("line", "message"), FROM_CHILD.values(), ids=FROM_CHILD)


@contextmanager
def pure():
    """Decode without msgspec."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec", None)
        patch.setattr(codec, "_fast_decoders", {})
        yield


def result(line):
    """The message in `line`, or what the error says of it."""
    try:
        return decode(line)
    except MalformedMessageError as error:
        return error.place, error.reason, error.line


def both(line):
    """The result of `line` with msgspec, and without."""
    pytest.importorskip("msgspec")
    fast = result(line)
    with pure():
        return fast, result(line)


@daemon_cases
def test_the_daemons_line_is_its_message_and_back(line, message):
    """Every message of the protocol, byte for byte as Jackson writes it."""
    assert decode(line + b"\n") == message
    assert encode(message) == line + b"\n"


@child_cases
def test_the_childs_line_is_its_message_and_back(line, message):
    """The two messages of a child, read by the daemon's rules."""
    assert decode_child(line + b"\n") == message
    assert encode(message) == line + b"\n"


@daemon_cases
@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b" \t\r\n"], ids=repr)
def test_the_line_ending_does_not_matter(line, message, ending):
    """Daemons on Windows end their lines with two characters."""
    assert decode(line + ending) == message


@daemon_cases
def test_the_order_of_fields_and_whitespace_between_them_do_not_matter(line, message):
    """Neither is promised by the daemon."""
    fields = json.loads(line)
    assert decode(json.dumps(dict(reversed(fields.items())), indent=1).encode()) == message


@daemon_cases
def test_fields_that_are_not_known_are_passed_over(line, message):
    """A newer daemon may say more, in a message and in a record."""
    fields = json.loads(line)
    fields["new"] = {"action": "nested", "list": [1, 2.5, None, True]}
    for record in fields.get("records", ()):
        record["explicitHashKey"] = {"another": "object"}
    assert decode(json.dumps(fields).encode()) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"action":"initialize","shardId":"s"}', Initialize("s")),
        (b'{"action":"checkpoint"}', CheckpointReply()),
        (b'{"action":"processRecords","records":[]}', ProcessRecords([])),
        (
            b'{"action":"processRecords","records":[{"partitionKey":"k","sequenceNumber":"1"}]}',
            ProcessRecords([Record("1", "k", None, None, None)]),
        ),
    ],
)
def test_a_nullable_field_that_is_left_out_is_null(line, message):
    """KCL 1.x left some out."""
    assert decode(line) == message
    with pure():
        assert decode(line) == message


class OneByteAtATime(io.RawIOBase):
    """A stream that gives a byte a read, as the slowest of pipes."""

    def __init__(self, content):
        self.content = content
        self.position = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        buffer[:1] = self.content[self.position : self.position + 1] or b"\0"
        self.position += 1
        return int(self.position <= len(self.content))


@daemon_cases
def test_a_line_is_read_byte_by_byte_and_what_follows_is_the_next_line(line, message):
    """However the bytes arrive, and with the blank lines before them that the runner skips."""
    content = b"\n\r\n" + line + b"\n" + line + b"\r\n"
    pipe = Pipe(OneByteAtATime(content), io.BytesIO())
    lines = [bytes(pipe.read_line()) for _ in range(5)]
    assert lines == [b"\n", b"\r\n", line + b"\n", line + b"\r\n", b""]
    assert [decode(line) for line in lines[2:4]] == [message, message]


BATCH = b'{"action":"processRecords","records":['

# What is no message: the line, the place that the error names, and its reason.
MALFORMED = [
    (b"", "", "no JSON: "),
    (b"hello", "", "no JSON: "),
    (b'{"action":"leaseLost"', "", "no JSON: "),
    (b'{"action":"leaseLost"} x', "", "no JSON: Extra data"),
    (b'{"action":"leaseLost"}{"action":"leaseLost"}', "", "no JSON: Extra data"),
    (b'\xef\xbb\xbf{"action":"leaseLost"}', "", "no JSON: "),
    (b"\xff\xfe", "", "no UTF-8 at byte 0"),
    (b'{"action":"lease\xc3"}', "", "no UTF-8 at byte 16"),
    (b"[" * 200_000, "", "nested too deeply"),
    (b"null", "", "null where an object belongs"),
    (b"1", "", "an integer where an object belongs"),
    (b"1.5", "", "a number that is no integer where an object belongs"),
    (b"true", "", "a boolean where an object belongs"),
    (b'"leaseLost"', "", "a string where an object belongs"),
    (b"[]", "", "a list where an object belongs"),
    (b"{}", "action", "missing"),
    (b'{"action":null}', "action", "null"),
    (b'{"action":7}', "action", "an integer where a string belongs"),
    (b'{"action":"explode"}', "action", "unknown action 'explode'"),
    (b'{"action":"status","responseFor":"initialize"}', "action", "unknown action 'status'"),
    (b'{"action":"initialize"}', "shardId", "missing"),
    (b'{"action":"initialize","shardId":7}', "shardId", "an integer where a string belongs"),
    (
        b'{"action":"initialize","shardId":"s","sequenceNumber":49}',
        "sequenceNumber",
        "an integer where a string belongs",
    ),
    (
        b'{"action":"initialize","shardId":"s","subSequenceNumber":true}',
        "subSequenceNumber",
        "a boolean where an integer belongs",
    ),
    (b'{"action":"checkpoint","error":{}}', "error", "an object where a string belongs"),
    (b'{"action":"shutdown"}', "reason", "missing"),
    (b'{"action":"shutdown","reason":"LEASE"}', "reason", "'LEASE' where TERMINATE or ZOMBIE belongs"),
    (b'{"action":"processRecords"}', "records", "missing"),
    (b'{"action":"processRecords","records":null}', "records", "null"),
    (b'{"action":"processRecords","records":{}}', "records", "an object where a list belongs"),
    (
        b'{"action":"processRecords","records":[],"millisBehindLatest":1.0}',
        "millisBehindLatest",
        "a number that is no integer where an integer belongs",
    ),
    (
        b'{"action":"processRecords","records":[],"millisBehindLatest":NaN}',
        "millisBehindLatest",
        "a number that is no integer where an integer belongs",
    ),
    (BATCH + b"null]}", "records[0]", "null where an object belongs"),
    (BATCH + b'"action"]}', "records[0]", "a string where an object belongs"),
    (BATCH + b"[]]}", "records[0]", "a list where an object belongs"),
    (BATCH + b"{}]}", "records[0].sequenceNumber", "missing"),
    (BATCH + RECORD + b"," + RECORD + b',{"sequenceNumber":"1"}]}', "records[2].partitionKey", "missing"),
    (
        BATCH + RECORD.replace(b'"49"', b"49") + b"]}",
        "records[0].sequenceNumber",
        "an integer where a string belongs",
    ),
    (BATCH + RECORD.replace(b'"k"', b"null") + b"]}", "records[0].partitionKey", "null"),
    (BATCH + RECORD.replace(b'"aMOpbGxv"', b"[]") + b"]}", "records[0].data", "a list where a string belongs"),
    (
        BATCH + RECORD + b"," + RECORD.replace(b"1700000000123", b'"2023"') + b"]}",
        "records[1].approximateArrivalTimestamp",
        "a string where an integer belongs",
    ),
    (
        BATCH + RECORD.replace(b'Number":0', b'Number":false') + b"]}",
        "records[0].subSequenceNumber",
        "a boolean where an integer belongs",
    ),
]


@pytest.mark.parametrize(("line", "place", "reason"), MALFORMED, ids=lambda value: repr(value)[:40])
def test_what_is_no_message_is_an_error_that_names_the_place(line, place, reason):
    """The same one with msgspec and without."""
    with pytest.raises(MalformedMessageError) as caught, pure():
        decode(line)
    assert (caught.value.place, caught.value.line) == (place, line[:LINE_START])
    assert caught.value.reason.startswith(reason)
    if "msgspec" in sys.modules:
        fast, slow = both(line)
        assert fast == slow


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        (b"null", "", "null where an object belongs"),
        (b"{}", "action", "missing"),
        (b'{"action":"initialize","shardId":"s"}', "action", "unknown action 'initialize'"),
        (b'{"action":"status"}', "responseFor", "missing"),
        (b'{"action":"status","responseFor":"initialize","version":1}', "version", "unknown field"),
        (b'{"action":"checkpoint","checkpoint":"49"}', "checkpoint", "unknown field"),
        (b'{"action":"checkpoint","sequenceNumber":49}', "sequenceNumber", "an integer where a string belongs"),
    ],
)
def test_what_the_daemon_would_skip_is_malformed_from_a_child(line, place, reason):
    """Jackson fails on a field that it does not know, and the daemon goes on waiting."""
    with pytest.raises(MalformedMessageError) as caught:
        decode_child(line)
    assert (caught.value.place, caught.value.reason) == (place, reason)


# Lines that msgspec by itself would take, or read differently.
TREACHEROUS = {
    "a second action": BATCH + b'],"action":"leaseLost"}',
    "a second action, null": BATCH + b'],"action":null}',
    "a second list": BATCH + RECORD + b'],"records":[]}',
    "a second value of a wrong type before": b'{"action":"processRecords","records":7,"records":[]}',
    "no UTF-8 in an unknown field": BATCH + b'],"new":"\xff"}',
    "no UTF-8 in an unknown field's name": BATCH + b'],"\xff":1}',
    "no UTF-8 in a record's unknown field": BATCH + RECORD[:-1] + b',"new":"\xff"}]}',
    "a surrogate as raw bytes": BATCH + RECORD.replace(b'"k"', b'"\xed\xa0\x80"') + b"]}",
    "an overlong form": BATCH + RECORD.replace(b'"k"', b'"\xc0\x80"') + b"]}",
    "a lone surrogate": BATCH + RECORD.replace(b'"k"', b'"\\ud800"') + b"]}",
    "a pair of surrogates": BATCH + RECORD.replace(b'"k"', b'"\\ud83d\\ude00"') + b"]}",
    "a control character": BATCH + RECORD.replace(b'"k"', b'"\t"') + b"]}",
    "a number of 5,000 digits in an unknown field": BATCH + b'],"new":' + b"9" * 5000 + b"}",
    "a lag of 100 digits": BATCH + b'],"millisBehindLatest":' + b"9" * 100 + b"}",
    "a lag of 5,000 digits": BATCH + b'],"millisBehindLatest":' + b"9" * 5000 + b"}",
    "an integral float": BATCH + RECORD.replace(b"1700000000123", b"1.7e12") + b"]}",
    "minus zero": BATCH + b'],"millisBehindLatest":-0}',
    "a leading zero": BATCH + b'],"millisBehindLatest":01}',
    "NaN in an unknown field": BATCH + b'],"new":NaN}',
    "deep nesting in an unknown field": BATCH + b'],"new":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "too deep nesting in an unknown field": BATCH + b'],"new":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a record of another action": BATCH + RECORD.replace(b'"record"', b'"other"') + b"]}",
    "a record whose action is no string": BATCH + RECORD.replace(b'"record"', b"[1]") + b"]}",
    "a field's name in escapes": BATCH + b'],"\\u0072ecords":[' + RECORD + b"]}",
    "a NUL after the line": BATCH + b"]}\0",
    "a comma too many": BATCH + b"],}",
}


@pytest.mark.parametrize("line", TREACHEROUS.values(), ids=TREACHEROUS)
def test_msgspec_takes_nothing_that_the_pure_code_refuses_or_reads_otherwise(line):
    """What a decoder that skips over the unknown might let pass is decided by the pure code."""
    fast, slow = both(line)
    assert fast == slow


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3))
records = st.builds(
    Record,
    st.text(),
    st.text(),
    st.none() | st.text(),
    st.none() | st.integers(),
    st.none() | st.integers(),
)
messages = st.one_of(
    st.builds(Initialize, st.text(), st.none() | st.text(), st.none() | st.integers()),
    st.builds(ProcessRecords, st.lists(records, max_size=4), st.none() | st.integers()),
    st.builds(CheckpointReply, st.none() | st.text(), st.none() | st.integers(), st.none() | st.text()),
    st.builds(Shutdown, st.sampled_from(["TERMINATE", "ZOMBIE"])),
    st.sampled_from([ShutdownRequested(), LeaseLost(), ShardEnded()]),
)
answers = st.one_of(
    st.builds(Status, st.text()),
    st.builds(Checkpoint, st.none() | st.text(), st.none() | st.integers()),
)
near_misses = st.fixed_dictionaries(
    {"action": st.sampled_from([line.split(b'"')[3].decode() for line, _ in FROM_DAEMON.values()])},
    optional={
        name: st.one_of(
            values,
            st.lists(st.dictionaries(st.sampled_from(["sequenceNumber", "partitionKey", "data", "action"]), values)),
        )
        for name in (
            "shardId",
            "sequenceNumber",
            "subSequenceNumber",
            "records",
            "millisBehindLatest",
            "error",
            "reason",
        )
    },
).map(lambda fields: json.dumps(fields, separators=(",", ":")).encode())
mutated = st.builds(
    lambda line, start, length, patch: line[: start % len(line)] + patch + line[start % len(line) + length :],
    st.sampled_from([line for line, _ in FROM_DAEMON.values()]),
    st.integers(min_value=0),
    st.integers(min_value=0, max_value=6),
    st.binary(max_size=4) | st.sampled_from([b"", b'"', b"1.0", b"null", b"{", b'"\\ud800"', b"1e5", b",", b"\\u00e9"]),
)
lines = st.one_of(
    st.binary(),
    values.map(lambda value: json.dumps(value).encode()),
    near_misses,
    mutated,
)


@given(messages)
def test_every_message_of_the_daemons_survives_the_wire(message):
    """decode(encode(message)) == message, on one line."""
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message
    with pure():
        assert decode(line) == message


@given(answers)
def test_every_answer_of_the_childs_survives_the_wire(message):
    """decode_child(encode(message)) == message, on one line."""
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode_child(line) == message


def test_a_lone_surrogate_survives_the_wire():
    """JSON can escape what UTF-8 cannot hold."""
    message = ProcessRecords([Record("1", "a\ud800\u00e9", None)])
    assert encode(message).count(b'"a\\ud800\xc3\xa9"') == 1
    assert decode(encode(message)) == message


def fields_of(record):
    """All that can be seen of a record, its data decoded or what is wrong with it."""
    try:
        data = record.binary_data
    except InvalidRecordDataError as error:
        data = type(error)
    return (
        data,
        record.data,
        record["data"],
        record.sequence_number,
        record.partition_key,
        record.sub_sequence_number,
        record.timestamp_millis,
        record.approximate_arrival_timestamp,
        [record[name] for name in ("action", "partitionKey", "sequenceNumber", "subSequenceNumber")],
        record["approximateArrivalTimestamp"],
    )


def both_records(text):
    """A record with this text for its data, from either decoder."""
    pytest.importorskip("msgspec")
    line = encode(ProcessRecords([Record("49", "k", text, 0, 1_700_000_000_123)]))
    with pure():
        slow = decode(line)
    return decode(line).records[0], slow.records[0]


@given(st.text(alphabet="AQgwYZ+/-_=\n \u00e9", max_size=12) | st.none())
@example("QR==")
@example("QUJ=")
@example("Q===")
@example("QR==QR==")
@example("=")
def test_the_data_of_a_record_decodes_alike_either_way(text):
    """The same bytes and text, or for both not base64, which is an error only when it is asked for."""
    fast, slow = both_records(text)
    assert fields_of(fast) == fields_of(slow)


@pytest.mark.parametrize(("text", "same"), [("QR==", "QQ=="), ("QUJ=", "QUI="), ("QQ==", "QQ=="), ("Q===", "Q===")])
def test_unused_bits_of_base64_are_zero(text, same):
    """They belong to no byte, and msgspec does not keep them; what is not base64 stays as it is."""
    assert [record.data for record in both_records(text)] == [same, same]


@given(st.integers(min_value=-(2**64), max_value=2**64))
@example(2**63 - 1)
@example(-(2**63))
def test_any_timestamp_is_a_time_or_none_either_way(millis):
    """What lies outside of the calendar does not fail."""
    pytest.importorskip("msgspec")
    line = encode(ProcessRecords([Record("49", "k", "", 0, millis)]))
    with pure():
        slow = decode(line)
    for message in (decode(line), slow):
        time = message.records[0].approximate_arrival_timestamp
        assert message.records[0].timestamp_millis == millis
        assert (time is None) == (not -62_135_596_800_000 <= millis < 253_402_300_800_000)


@given(st.binary())
def test_a_record_is_the_same_either_way(data):
    """To `==`, `hash`, `repr`, `isinstance`, `pickle` and its text of base64."""
    text = base64.b64encode(data).decode()
    fast, slow = both_records(text)
    assert (fast.binary_data, fast.data, fast["data"]) == (data, text, text)
    assert fields_of(fast) == fields_of(slow)
    assert (fast, hash(fast), repr(fast)) == (slow, hash(slow), repr(slow))
    assert isinstance(fast, Record)
    assert pickle.loads(pickle.dumps(fast)) == slow  # noqa: S301 - our own bytes


@settings(max_examples=400)
@given(lines)
@example(b'{"action":"processRecords","records":[],"millisBehindLatest":1.0}')
def test_any_line_is_a_message_or_malformed_with_msgspec_and_without(line):
    """No input makes anything but a message or a MalformedMessageError, and both ways the same."""
    fast, slow = both(line)
    assert type(fast) is type(slow)
    assert fast == slow
    if not isinstance(fast, tuple):
        again = decode(encode(fast))
        assert again == fast


@given(lines)
def test_any_line_from_a_child_is_an_answer_or_malformed(line):
    """The daemon's rules are total as well."""
    try:
        message = decode_child(line)
    except MalformedMessageError:
        return
    assert isinstance(message, (Status, Checkpoint))


def test_records_are_of_the_class_that_is_asked_for():
    """The drop-in has records of its own, from either decoder."""

    class Own(Record):
        __slots__ = ()

    line, message = FROM_DAEMON["processRecords"]
    with pure():
        slow = decode(line, Own)
    for decoded in (decode(line, Own), slow):
        assert decoded == message
        assert [isinstance(record, Own) for record in decoded.records] == [True]


def test_a_record_that_msgspec_made_is_immutable():
    """As long as its class takes no attributes, which the drop-in's does."""
    pytest.importorskip("msgspec")
    line, _ = FROM_DAEMON["processRecords"]
    with pytest.raises(AttributeError, match="immutable"):
        decode(line).records[0].sequence_number = "1"


def test_without_msgspec_the_same_batch_is_processed(run_child, initialize, batch):
    """In a process where msgspec cannot be imported."""
    finished = run_child(
        """
import sys
sys.modules["msgspec"] = None
import kclpy
kclpy.run(lambda records: print([record.binary_data for record in records]))
""",
        initialize,
        batch(1, 2),
        encode(CheckpointReply("2", 0)),
    )
    assert finished.sent == [Status("initialize"), Checkpoint(None, None), Status("processRecords")]
    assert (finished.stderr, finished.exit_code) == ("[b'a', b'a']\n", 0)


def test_with_msgspec_the_batch_is_decoded_by_it(run_child, initialize, batch):
    """The speedup is really used: it is loaded with the first batch, and not before."""
    pytest.importorskip("msgspec")
    finished = run_child(
        """
import sys
import kclpy
class Watch(kclpy.RecordProcessor):
    def initialize(self, initialize_input):
        print("msgspec" in sys.modules)
    def process_records(self, batch):
        from kclpy import codec
        print("msgspec" in sys.modules, [type(decoder).__name__ for decoder in codec._fast_decoders.values()])
kclpy.run(Watch)
""",
        initialize,
        batch(1),
    )
    assert (finished.stderr, finished.exit_code) == ("False\nTrue ['Decoder']\n", 0)
