"""The drop-in: every public name of amazon_kclpy 3.2.0, and old programs unchanged."""

import copy
import gc
import importlib
import io
import json
import os
import pickle
import sys
import time
import weakref
from datetime import datetime

import amazon_kclpy.v2.processor as v2
import amazon_kclpy.v3.processor as v3
import kclpy
import pytest
from amazon_kclpy import checkpoint_error, dispatch, kcl, messages
from kclpy import codec
from kclpy.codec import encode
from kclpy.errors import SetupError
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

NAMES = {
    "amazon_kclpy.kcl": ["CheckpointError", "Checkpointer", "KCLProcess", "RecordProcessorBase"],
    "amazon_kclpy.checkpoint_error": ["CheckpointError"],
    "amazon_kclpy.dispatch": ["MalformedAction", "message_decode"],
    "amazon_kclpy.messages": [
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
    ],
    "amazon_kclpy.v2.processor": ["RecordProcessorBase", "V1toV2Processor"],
    "amazon_kclpy.v3.processor": ["RecordProcessorBase", "V2toV3Processor"],
}

RECORD = {
    "action": "record",
    "data": "bWVvdw==",
    "partitionKey": "cat",
    "sequenceNumber": "456",
    "subSequenceNumber": 0,
    "approximateArrivalTimestamp": 1476889707000,
}


@pytest.mark.parametrize("module", NAMES)
def test_every_public_name_is_there(module):
    """What amazon_kclpy 3.2.0 defines, and what `*` gives."""
    imported = importlib.import_module(module)
    assert sorted(imported.__all__) == NAMES[module]
    for name in NAMES[module]:
        assert isinstance(getattr(imported, name), type) or callable(getattr(imported, name))


def test_there_is_one_checkpoint_error():
    """Caught by any of its names, with the Java exception's name."""
    assert kcl.CheckpointError is checkpoint_error.CheckpointError is kclpy.CheckpointError
    assert kcl.CheckpointError("ThrottlingException").value == "ThrottlingException"


def as_text(*items):
    """A text file with these messages, each on a line."""
    return io.StringIO("".join(encode(item).decode() for item in items))


def run_text(processor, *items):
    """Let a processor answer messages over text files; what it sent, and its error file."""
    output, error = io.StringIO(), io.StringIO()
    kcl.KCLProcess(processor, as_text(*items), output, error).run()
    return [json.loads(line) for line in output.getvalue().splitlines() if line], error.getvalue()


BATCH = ProcessRecords([Record("456", "cat", "bWVvdw==", 0, 1476889707000)], 42)
DONE = CheckpointReply("456", 0, None)


class V1(kcl.RecordProcessorBase):
    """A v1 processor as the tutorials have it."""

    def __init__(self):
        self.calls = []

    def initialize(self, shard_id):
        self.calls.append(("initialize", shard_id))

    def process_records(self, records, checkpointer):
        self.calls.append(("process_records", [record.get("sequenceNumber") for record in records]))
        checkpointer.checkpoint(records[-1]["sequenceNumber"])

    def shutdown(self, checkpointer, reason):
        self.calls.append(("shutdown", reason))
        if reason == "TERMINATE":
            checkpointer.checkpoint()


class V2(v2.RecordProcessorBase):
    """A v2 processor."""

    def __init__(self):
        self.calls = []

    def initialize(self, initialize_input):
        self.calls.append(("initialize", initialize_input.shard_id))

    def process_records(self, process_records_input):
        self.calls.append(("process_records", [r.sequence_number for r in process_records_input.records]))
        process_records_input.checkpointer.checkpoint(process_records_input.records[-1].sequence_number)

    def shutdown(self, shutdown_input):
        self.calls.append(("shutdown", shutdown_input.reason))
        if shutdown_input.reason == "TERMINATE":
            shutdown_input.checkpointer.checkpoint()


class V3(v3.RecordProcessorBase):
    """A v3 processor."""

    def __init__(self):
        self.calls = []

    def initialize(self, initialize_input):
        self.calls.append(("initialize", initialize_input.shard_id))

    def process_records(self, process_records_input):
        self.calls.append(("process_records", [r.sequence_number for r in process_records_input.records]))
        process_records_input.checkpointer.checkpoint(process_records_input.records[-1].sequence_number)

    def lease_lost(self, lease_lost_input):
        self.calls.append(("shutdown", "ZOMBIE"))

    def shard_ended(self, shard_ended_input):
        self.calls.append(("shutdown", "TERMINATE"))
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        pass


@pytest.mark.parametrize(
    ("end", "reason", "answer"),
    [
        (ShardEnded(), "TERMINATE", "shardEnded"),
        (LeaseLost(), "ZOMBIE", "leaseLost"),
        (Shutdown("TERMINATE"), "TERMINATE", "shutdown"),
        (Shutdown("ZOMBIE"), "ZOMBIE", "shutdown"),
    ],
    ids=["shardEnded", "leaseLost", "shutdown TERMINATE", "shutdown ZOMBIE"],
)
@pytest.mark.parametrize("kind", [V1, V2, V3])
def test_processors_of_every_version_live_a_whole_life(kind, end, reason, answer):
    """Over text files, as the tests of old programs run them, to each of the ends."""
    processor = kind()
    last = [DONE] if reason == "TERMINATE" else []
    sent, errors = run_text(processor, Initialize("shardId-0", "1", 0), BATCH, DONE, ShutdownRequested(), end, *last)
    assert processor.calls == [("initialize", "shardId-0"), ("process_records", ["456"]), ("shutdown", reason)]
    checkpoint = {"action": "checkpoint", "sequenceNumber": None, "subSequenceNumber": None}
    assert sent == [
        {"action": "status", "responseFor": "initialize"},
        {**checkpoint, "sequenceNumber": "456"},
        {"action": "status", "responseFor": "processRecords"},
        {"action": "status", "responseFor": "shutdownRequested"},
        *([checkpoint] if reason == "TERMINATE" else []),
        {"action": "status", "responseFor": answer},
    ]
    assert errors == ""


PROGRAM = """
from amazon_kclpy import kcl

class RecordProcessor(kcl.RecordProcessorBase):
    def initialize(self, shard_id):
        print("initialize", shard_id)

    def process_records(self, records, checkpointer):
        for record in records:
            print(record.binary_data, record["data"], record.get("partitionKey"))
        {process}
        checkpointer.checkpoint()

    def shutdown(self, checkpointer, reason):
        print(reason)
        checkpointer.checkpoint()

if __name__ == "__main__":
    kcl.KCLProcess(RecordProcessor()).run()
"""


def test_the_seeds_program_runs_over_real_pipes(run_child):
    """To KCL 1.x's end, its prints on stderr."""
    finished = run_child(PROGRAM.format(process=""), Initialize("shardId-0"), BATCH, DONE, Shutdown("TERMINATE"), DONE)
    assert finished.sent == [
        Status("initialize"),
        Checkpoint(),
        Status("processRecords"),
        Checkpoint(),
        Status("shutdown"),
    ]
    assert finished.stderr == "initialize shardId-0\nb'meow' bWVvdw== cat\nTERMINATE\n"
    assert finished.exit_code == 0


def test_an_exception_is_acknowledged_with_a_warning_that_names_the_variable(run_child):
    """As it always was, after one attempt; the traceback is on stderr."""
    finished = run_child(PROGRAM.format(process="raise LookupError('db down')"), Initialize("shardId-0"), BATCH)
    assert (finished.sent, finished.exit_code) == ([Status("initialize"), Status("processRecords")], 0)
    assert finished.stderr.count("Caught exception from action dispatch: db down") == 1
    assert "Traceback" in finished.stderr
    assert "LookupError: db down" in finished.stderr
    assert "process_records failed and is acknowledged all the same" in finished.stderr
    assert "set KCLPY_ON_ERROR=stop" in finished.stderr


def test_a_program_that_starts_while_the_daemon_stops_processes_nothing(run_child, tmp_path):
    """It acknowledges, and checkpoints nothing."""
    (tmp_path / "stopping").touch()
    finished = run_child(
        PROGRAM.format(process="print('processed')"),
        *(Initialize("shardId-0"), BATCH, ShutdownRequested(), LeaseLost()),
        environment={"KCLPY_STOPPING": str(tmp_path / "stopping")},
    )
    answered = ("initialize", "processRecords", "shutdownRequested", "leaseLost")
    assert (finished.sent, finished.exit_code) == ([Status(action) for action in answered], 0)
    assert "the daemon is being stopped: this shard is not initialized" in finished.stderr
    assert "processed\n" not in finished.stderr


@pytest.mark.parametrize("action", ["initialize", "shutdown"])
def test_exceptions_at_the_start_and_at_the_end_are_acknowledged_too(action):
    """Also a shard's end without a checkpoint, about which nothing can be done any more."""

    class Failing(V1):
        pass

    def fail(*_):
        raise ValueError("boom")

    setattr(Failing, action, fail)
    last = [DONE] if action == "initialize" else []
    sent, errors = run_text(Failing(), Initialize("shardId-0"), ShardEnded(), *last)
    assert [message["responseFor"] for message in sent if "responseFor" in message] == ["initialize", "shardEnded"]
    assert "boom" in errors
    assert "KCLPY_ON_ERROR" in errors


@pytest.mark.parametrize(
    ("value", "sent", "exit_code", "text"),
    [
        ("stop", [Status("initialize")], 1, "failed at process_records 5 times"),
        ("skip", [Status("initialize"), Status("processRecords")], 0, "skipped process_records 1 records"),
        ("ignore", [], 2, "KCLPY_ON_ERROR is 'stop' or 'skip', not 'ignore'"),
    ],
)
def test_the_variable_changes_what_an_exception_does(run_child, value, sent, exit_code, text):
    """The waits of the default are cut to nothing, which a program cannot do from outside."""
    quick = "import kclpy.failure\nkclpy.failure.Backoff.delays = lambda self: iter([0.0] * (self.attempts - 1))\n"
    finished = run_child(
        quick + PROGRAM.format(process="raise LookupError('db down')"),
        Initialize("shardId-0"),
        BATCH,
        environment={"KCLPY_ON_ERROR": value},
    )
    assert (finished.sent, finished.exit_code) == (sent, exit_code)
    assert text in finished.stderr


def test_over_text_files_errors_are_exceptions(monkeypatch):
    """A test of a program's own is not exited."""
    with pytest.raises(dispatch.MalformedAction, match="no JSON"):
        kcl.KCLProcess(V1(), io.StringIO("nonsense\n"), io.StringIO(), io.StringIO()).run()
    monkeypatch.setenv("KCLPY_ON_ERROR", "nonsense")
    with pytest.raises(SetupError):
        run_text(V1(), Initialize("shardId-0"))


def test_one_text_file_is_enough(capsys, monkeypatch):
    """The other two are the program's streams."""
    kcl.KCLProcess(V1(), as_text(Initialize("shardId-0"))).run()
    assert capsys.readouterr().out == '{"action":"status","responseFor":"initialize"}\n'
    output = io.StringIO()
    monkeypatch.setattr("sys.stdin", as_text(Initialize("shardId-0")))
    kcl.KCLProcess(V1(), output_file=output).run()
    assert output.getvalue() == '{"action":"status","responseFor":"initialize"}\n'


def test_text_files_keep_what_is_not_ascii():
    """Both ways."""
    seen = []

    class Keys(V1):
        def process_records(self, records, checkpointer):
            seen.extend(record.partition_key for record in records)
            checkpointer.checkpoint("\u00e9")

    sent, _ = run_text(Keys(), Initialize("s"), ProcessRecords([Record("1", "k\u00e9y-\u65e5\u672c", None)]), DONE)
    assert seen == ["k\u00e9y-\u65e5\u672c"]
    assert sent[1]["sequenceNumber"] == "\u00e9"


def test_a_throttled_checkpoint_is_the_programs_own_to_retry():
    """Old programs have their own loops; kclpy does not wait in them."""
    tries = []

    class Retrying(V1):
        def process_records(self, records, checkpointer):
            for _ in range(3):
                try:
                    checkpointer.checkpoint()
                except kcl.CheckpointError as error:
                    tries.append(error.value)

    throttled = CheckpointReply(None, None, "ThrottlingException")
    sent, errors = run_text(Retrying(), Initialize("s"), BATCH, throttled, CheckpointReply(None, None, "Other"), DONE)
    assert (tries, errors) == (["ThrottlingException", "Other"], "")
    assert len(sent) == 5


@pytest.mark.parametrize("base", [kcl.RecordProcessorBase, v2.RecordProcessorBase, v3.RecordProcessorBase])
def test_a_class_that_lacks_a_method_can_be_made(base):
    """As ever: it is found when the method is called, and acknowledged."""

    class Lacking(base):
        def initialize(self, given):
            """Start."""

    sent, errors = run_text(Lacking(), Initialize("s"), BATCH)
    assert [message["responseFor"] for message in sent] == ["initialize", "processRecords"]
    assert "NotImplementedError" in errors


def test_an_async_method_is_awaited():
    """Which amazon_kclpy did not do."""
    awaited = []

    class Async(V3):
        async def process_records(self, process_records_input):
            awaited.append(process_records_input.millis_behind_latest)

    run_text(Async(), Initialize("s"), BATCH)
    assert awaited == [42]


@pytest.fixture
def kathmandu(monkeypatch):
    """A time zone that no one mistakes for UTC: 5:45 h ahead."""
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be set here")
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("kathmandu")
def test_timestamps_are_naive_and_local():
    """As programs for amazon_kclpy expect; an unknown one is None, which was a crash."""
    seen = []

    class Times(V3):
        def process_records(self, process_records_input):
            seen.extend(r.approximate_arrival_timestamp for r in process_records_input.records)

    unknown = Record("457", "cat", None)
    run_text(Times(), Initialize("s"), ProcessRecords([*BATCH.records, unknown]), ProcessRecords(BATCH.records))
    local = datetime(2016, 10, 19, 20, 53, 27)  # noqa: DTZ001 - naive is the point
    assert seen == [local, None, local]
    assert messages.Record(RECORD).approximate_arrival_timestamp == local


def test_a_record_is_made_of_its_json():
    """With the properties and the subscripts that programs use."""
    record = messages.Record(RECORD)
    assert (record.binary_data, record.data, record.partition_key) == (b"meow", "bWVvdw==", "cat")
    assert (record.sequence_number, record.sub_sequence_number) == ("456", 0)
    assert record.timestamp_millis == 1476889707000
    assert {name: record[name] for name in RECORD} == RECORD == {name: record.get(name) for name in RECORD}
    assert isinstance(record, Record)


@pytest.mark.parametrize("field", ["data", "partitionKey", "sequenceNumber", "subSequenceNumber"])
def test_a_record_needs_its_fields(field):
    """A KeyError, as ever."""
    with pytest.raises(KeyError, match=field):
        messages.Record({name: value for name, value in RECORD.items() if name != field})


def test_records_delivered_are_records_of_the_drop_in():
    """To `isinstance`, whichever decoder made them."""
    kinds = []

    class Kinds(V3):
        def process_records(self, process_records_input):
            kinds.extend(isinstance(record, messages.Record) for record in process_records_input.records)
            kinds.append(isinstance(process_records_input, messages.ProcessRecordsInput))

    run_text(Kinds(), Initialize("s"), BATCH)
    assert kinds == [True, True]


class Called:
    """Takes note of the method and of what it was given."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda given: self.calls.append((name, given))


@pytest.mark.parametrize(
    ("fields", "kind", "method", "has_checkpointer"),
    [
        (
            {"action": "initialize", "shardId": "s", "sequenceNumber": "1", "subSequenceNumber": 2},
            messages.InitializeInput,
            "initialize",
            False,
        ),
        (
            {"action": "processRecords", "records": [RECORD], "millisBehindLatest": 42},
            messages.ProcessRecordsInput,
            "process_records",
            True,
        ),
        ({"action": "leaseLost"}, messages.LeaseLostInput, "lease_lost", False),
        ({"action": "shardEnded"}, messages.ShardEndedInput, "shard_ended", True),
        ({"action": "shutdownRequested"}, messages.ShutdownRequestedInput, "shutdown_requested", True),
    ],
    ids=["initialize", "processRecords", "leaseLost", "shardEnded", "shutdownRequested"],
)
def test_a_message_decodes_to_an_input_that_dispatches_itself(fields, kind, method, has_checkpointer):
    """`json.loads` with `message_decode` as its hook, as the integration tests of programs do."""
    given = json.loads(json.dumps(fields), object_hook=dispatch.message_decode)
    assert type(given) is kind
    assert isinstance(given, messages.MessageDispatcher)
    assert given.action == fields["action"]
    if has_checkpointer:
        assert given.checkpointer is None
    processor, checkpointer = Called(), object()
    given.dispatch(checkpointer, processor)
    assert processor.calls == [(method, given)]
    if has_checkpointer:
        assert given.checkpointer is checkpointer


def test_the_fields_of_inputs_are_those_of_the_message():
    """By the names that programs know."""
    start = dispatch.message_decode(
        {"action": "initialize", "shardId": "s", "sequenceNumber": "1", "subSequenceNumber": 2}
    )
    assert (start.shard_id, start.sequence_number, start.sub_sequence_number) == ("s", "1", 2)
    batch = json.loads(
        json.dumps({"action": "processRecords", "records": [RECORD], "millisBehindLatest": 42}),
        object_hook=dispatch.message_decode,
    )
    assert (batch.millis_behind_latest, batch.records[0].binary_data) == (42, b"meow")


@pytest.mark.parametrize(("error", "fields"), [("Boom", {"error": "Boom"}), (None, {"error": None}), (None, {})])
def test_the_reply_to_a_checkpoint_decodes(error, fields):
    """With its error, which may be left out."""
    reply = dispatch.message_decode({"action": "checkpoint", "sequenceNumber": "1", "subSequenceNumber": 2, **fields})
    assert type(reply) is messages.CheckpointInput
    assert (reply.sequence_number, reply.sub_sequence_number, reply.error) == ("1", 2, error)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"shardId": "s"}, "was expected to have key 'action'"),
        ({"action": "explode"}, "Action was 'explode' -- Allowed \"initialize\", "),
    ],
)
def test_what_is_no_message_is_a_malformed_action(fields, text):
    """With the text that programs know."""
    with pytest.raises(dispatch.MalformedAction, match=text):
        dispatch.message_decode(fields)


def test_the_base_of_inputs_dispatches_nothing():
    """It is a contract."""
    with pytest.raises(NotImplementedError):
        messages.MessageDispatcher().dispatch(None, None)


def test_the_older_shutdown_inputs():
    """For tests of v1 and v2 processors."""
    zombie = messages.ShutdownInput.zombie()
    assert (zombie.reason, zombie.action) == ("ZOMBIE", "shutdown")
    assert isinstance(zombie.checkpointer, messages.LeaseLostCheckpointer)
    with pytest.raises(kcl.CheckpointError):
        zombie.checkpointer.checkpoint()
    checkpointer = object()
    assert messages.ShutdownInput.terminate(checkpointer).checkpointer is checkpointer
    assert messages.ShutdownInput("TERMINATE", checkpointer).reason == "TERMINATE"


def test_the_adapters_pass_on_to_their_delegates():
    """Used by themselves, as the tests of programs do."""
    delegate = Called()
    adapter = v3.V2toV3Processor(delegate)
    adapter.shard_ended(messages.ShardEndedInput({"action": "shardEnded"}))
    assert [(name, given.reason, given.checkpointer) for name, given in delegate.calls] == [
        ("shutdown", "TERMINATE", None)
    ]
    assert v2.V1toV2Processor(delegate).delegate is delegate


LIBRARY = """
import logging
from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

log = logging.getLogger(__name__)

class PerRecord(processor.RecordProcessorBase):
    '''A library's base class on amazon_kclpy, in the shape of those that are published.'''

    def __init__(self, **options):
        self.retries = options.get("retries", 3)
        self.largest = (None, None)

    def initialize(self, initialize_input):
        self.shard_id = initialize_input.shard_id.replace("shardId-", "")
        log.info("start %s", self.shard_id)

    def process_records(self, process_records_input):
        for record in process_records_input.records:
            place = (int(record.sequence_number), record.sub_sequence_number)
            try:
                self.process_record(
                    record.binary_data, record.partition_key, *place, record.approximate_arrival_timestamp
                )
                if self.largest == (None, None) or place > self.largest:
                    self.largest = place
            except Exception as error:
                log.exception("skipping: %s", error)
        self.checkpoint(process_records_input.checkpointer, str(self.largest[0]), self.largest[1])

    def checkpoint(self, checkpointer, sequence_number=None, sub_sequence_number=None):
        for attempt in range(self.retries):
            try:
                checkpointer.checkpoint(sequence_number, sub_sequence_number)
                return
            except kcl.CheckpointError as error:
                if error.value == "ShutdownException":
                    return
                if error.value == "ThrottlingException":
                    log.error("throttled")

    def lease_lost(self, lease_lost_input):
        log.warning("lost")

    def shard_ended(self, shard_ended_input):
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()
"""


def test_a_library_on_top_of_amazon_kclpy_runs_unchanged(run_child, tmp_path):
    """Per record, with skipping, retries and logging of its own."""
    (tmp_path / "per_record.py").write_text(LIBRARY, "utf-8")
    finished = run_child(
        "from amazon_kclpy import kcl\nimport per_record\n"
        "class App(per_record.PerRecord):\n"
        "    def process_record(self, data, key, number, sub_number, timestamp):\n"
        "        if data == b'bad': raise ValueError('bad')\n"
        "        print(data, key, number, sub_number, timestamp.tzinfo)\n"
        "kcl.KCLProcess(App()).run()\n",
        Initialize("shardId-0"),
        ProcessRecords([Record("49", "k", "Z29vZA==", 3, 1), Record("50", "k", "YmFk", 0, 1)], 0),
        CheckpointReply(None, None, "ThrottlingException"),
        DONE,
        ShutdownRequested(),
        DONE,
        LeaseLost(),
    )
    assert finished.sent == [
        Status("initialize"),
        Checkpoint("49", 3),
        Checkpoint("49", 3),
        Status("processRecords"),
        Checkpoint(),
        Status("shutdownRequested"),
        Status("leaseLost"),
    ]
    lines = finished.stderr.splitlines()
    assert [line.split(": ", 1)[-1] for line in lines if "[shardId-0]" in line][0::2] == ["start 0", "throttled"]
    assert "b'good' k 49 3 None" in lines
    assert finished.exit_code == 0


def test_a_record_that_went_through_pickle_keeps_its_naive_timestamp():
    """Records that are handed to worker processes are still those of `amazon_kclpy`."""
    seen = []

    class Keeps(V1):
        def process_records(self, records, checkpointer):
            seen.extend(records)

    run_text(Keeps(), Initialize("s"), ProcessRecords([Record("1", "k", "YQ==", 0, 1_700_000_000_123)]))
    copied = pickle.loads(pickle.dumps(seen[0]))  # noqa: S301 - our own bytes
    assert copied == seen[0]
    assert isinstance(copied, messages.Record)
    assert copied.approximate_arrival_timestamp == seen[0].approximate_arrival_timestamp
    assert copied.approximate_arrival_timestamp.tzinfo is None


def test_importing_kcl_makes_the_submodules_available(run_child):
    """As it did: programs import one name and use the others."""
    finished = run_child(
        "import amazon_kclpy.kcl as kcl, amazon_kclpy\n"
        "amazon_kclpy.messages.Record, amazon_kclpy.dispatch.message_decode, amazon_kclpy.checkpoint_error\n"
        "amazon_kclpy.v2.processor.RecordProcessorBase, amazon_kclpy.v3.processor.RecordProcessorBase\n"
        "assert kcl.messages is amazon_kclpy.messages and kcl.dispatch is amazon_kclpy.dispatch\n"
        "assert kcl.MalformedAction is kcl.dispatch.MalformedAction\n"
        "assert kcl.v2processor is amazon_kclpy.v2.processor and kcl.v3processor is amazon_kclpy.v3.processor\n"
        "assert amazon_kclpy.messages.CheckpointError is kcl.CheckpointError\n"
    )
    assert (finished.stderr, finished.exit_code) == ("", 0)


@pytest.fixture(params=["msgspec", "pure"])
def deliver(request, monkeypatch):
    """Deliver a record over text files, by either decoder, to a function."""
    if request.param == "msgspec":
        pytest.importorskip("msgspec")
    else:
        monkeypatch.setitem(sys.modules, "msgspec", None)
        monkeypatch.setattr(codec, "_fast_decoders", {})

    def run(process, *records):
        class Given(V1):
            def process_records(self, records, checkpointer):
                process(*records)

        records = records or (Record("456", "cat", "bWVvdw==", 0, 1476889707000),)
        sent, errors = run_text(Given(), Initialize("s"), ProcessRecords(records))
        assert (sent[-1], errors) == ({"action": "status", "responseFor": "processRecords"}, "")

    return run


def test_a_delivered_record_has_its_json(deliver):
    """`_json_dict`, with all six fields in the order of the wire, and always the same dict."""

    def forward(record):
        assert json.loads(json.dumps(record._json_dict)) == RECORD
        assert list(record._json_dict) == list(
            json.loads(encode(ProcessRecords([record])))["records"][0],
        )
        record._json_dict["shard"] = "s"
        assert record._json_dict == {**RECORD, "shard": "s"}
        assert record["shard"] == record.get("shard") == "s"
        with pytest.raises(KeyError):
            record["none"]
        assert record.get("none", 7) == 7

    deliver(forward)


def test_a_delivered_record_has_its_private_names(deliver):
    """The attributes behind the properties of amazon_kclpy, to be read and set."""

    def private(record):
        assert (record._sequence_number, record._sub_sequence_number) == ("456", 0)
        assert (record._partition_key, record._data) == ("cat", "bWVvdw==")
        assert record._timestamp_millis == 1476889707000
        assert record._approximate_arrival_timestamp == record.approximate_arrival_timestamp
        assert record.binary_data == b"meow"
        record._partition_key, record._data = "dog", "d29vZg=="
        assert (record.partition_key, record.data, record.binary_data) == ("dog", "d29vZg==", b"woof")

    deliver(private)


def test_a_delivered_record_takes_attributes(deliver):
    """Whatever the program calls them; they go with its copies, through pickle too."""

    def annotate(record):
        record.payload = {"decoded": True}
        record._json_dict["shard"] = "s"
        assert vars(record)["payload"] is record.payload
        for copied in (
            copy.copy(record),
            copy.deepcopy(record),
            pickle.loads(pickle.dumps(record)),  # noqa: S301 - our own bytes
        ):
            assert copied == record
            assert (copied.payload, copied["shard"]) == ({"decoded": True}, "s")
        assert copy.copy(record).payload is record.payload
        assert weakref.ref(record)() is record
        assert {record: 1}[record] == 1

    deliver(annotate)


def test_a_delivered_record_in_a_cycle_is_collected(deliver):
    """What a program hangs onto a record may know the record."""

    class Payload:
        pass

    payloads = []

    def close_the_circle(record):
        record.payload = Payload()
        record.payload.record = record
        payloads.append(weakref.ref(record.payload))

    deliver(close_the_circle)
    gc.collect()
    assert payloads[0]() is None


def test_kclpys_own_records_stay_lean(converse):
    """They take no attributes, from either decoder."""
    refused = []

    class Setting(kclpy.RecordProcessor):
        def process_records(self, process_records_input):
            with pytest.raises(AttributeError):
                process_records_input.records[0].payload = 1
            refused.append(process_records_input)

    converse(Setting(), Initialize("s"), BATCH)
    assert len(refused) == 1


@pytest.mark.parametrize("millis", [2**63 - 1, -(2**63), 10**30])
def test_a_time_outside_of_the_calendar_is_none(deliver, millis):
    """And does not fail the batch."""

    def look(record):
        assert record.approximate_arrival_timestamp is record._approximate_arrival_timestamp is None
        assert record.timestamp_millis == millis

    deliver(look, Record("1", "k", "", 0, millis))


def test_a_record_of_a_test_has_the_dict_that_it_was_made_of():
    """The very same, with fields that only the test knows."""
    fields = {**RECORD, "extra": 1}
    record = messages.Record(fields)
    assert record._json_dict is fields
    assert record["extra"] == record.get("extra") == 1
    record._data = None
    assert (record.data, record.binary_data) == (None, b"")


def test_the_private_names_of_inputs_are_theirs():
    """To be read, and set, as the tests of programs do."""
    start = messages.InitializeInput({**START, "action": "initialize"})
    assert (start._shard_id, start._sequence_number, start._sub_sequence_number) == ("s", "1", 2)
    assert vars(start) == {
        "_shard_id": "s",
        "_sequence_number": "1",
        "_sub_sequence_number": 2,
        "_action": "initialize",
    }
    batch = messages.ProcessRecordsInput({"action": "processRecords", "records": [], "millisBehindLatest": 42})
    batch._records, batch._checkpointer = [1], "c"
    assert (batch.records, batch.checkpointer, batch._millis_behind_latest) == ([1], "c", 42)
    for kind, action in (
        (messages.ShardEndedInput, "shardEnded"),
        (messages.ShutdownRequestedInput, "shutdownRequested"),
    ):
        given = kind({"action": action})
        given._checkpointer = "c"
        assert (given.checkpointer, given._action, given.action) == ("c", action, action)
    assert messages.LeaseLostInput({"action": "leaseLost"})._action == "leaseLost"
    end = messages.ShutdownInput("TERMINATE", "c")
    assert (end._reason, end._checkpointer, end._action) == ("TERMINATE", "c", "shutdown")
    reply = messages.CheckpointInput({"sequenceNumber": "1", "subSequenceNumber": 2, "error": "E"})
    assert (reply._sequence_number, reply._sub_sequence_number, reply._error) == ("1", 2, "E")


START = {"shardId": "s", "sequenceNumber": "1", "subSequenceNumber": 2}


def test_delivered_shutdown_inputs_are_those_of_the_drop_in():
    """Which v2 processors look into."""
    seen = []

    class Looks(V2):
        def shutdown(self, shutdown_input):
            seen.append((type(shutdown_input), shutdown_input._reason))

    run_text(Looks(), Initialize("s"), LeaseLost())
    run_text(Looks(), Initialize("s"), ShardEnded())
    assert seen == [(messages.ShutdownInput, "ZOMBIE"), (messages.ShutdownInput, "TERMINATE")]


@pytest.mark.parametrize("reason", ["TERMINATE", "ZOMBIE"])
@pytest.mark.parametrize("kind", [V2, V3])
def test_the_shutdown_of_kcl_1_dispatches_itself(kind, reason):
    """To a v2 processor, or to the one of the two methods of v3."""
    given = dispatch.message_decode({"action": "shutdown", "reason": reason})
    assert (type(given), given.reason, given.action) == (messages.ShutdownInput, reason, "shutdown")
    processor, asked = kind(), Asked()
    given.dispatch(asked, processor)
    assert processor.calls == [("shutdown", reason)]
    assert asked.count == (reason == "TERMINATE")


class Asked:
    """Counts checkpoints."""

    count = 0

    def checkpoint(self):
        self.count += 1


@pytest.mark.parametrize("error", ["ThrottlingException", "ThisIsATestException"])
def test_a_checkpointer_over_an_io_handler_raises_the_error_of_its_reply(error):
    """As the unit tests of programs make it: over files, or anything with the same methods."""
    files = io.StringIO(json.dumps({**REPLY, "error": error}) + "\n"), io.StringIO(), io.StringIO()
    checkpointer = kcl.Checkpointer(kcl._IOHandler(*files))
    with pytest.raises(kcl.CheckpointError) as caught:
        checkpointer.checkpoint("456", 3)
    assert (caught.value.value, str(caught.value)) == (error, repr(error))
    assert files[1].getvalue() == '\n{"action": "checkpoint", "sequenceNumber": "456", "subSequenceNumber": 3}\n'


REPLY = {"action": "checkpoint", "sequenceNumber": "456", "subSequenceNumber": 3}


def test_a_checkpointer_over_an_io_handler_takes_a_good_reply_and_no_other_message():
    """Another message is an InvalidStateException, and the end of the file not JSON."""
    files = io.StringIO(f"{json.dumps(REPLY)}\n{json.dumps({**START, 'action': 'initialize'})}\n"), io.StringIO()
    checkpointer = kcl.Checkpointer(kcl._IOHandler(*files, io.StringIO()))
    checkpointer.checkpoint()
    with pytest.raises(kcl.CheckpointError) as caught:
        checkpointer.checkpoint()
    assert caught.value.value == "InvalidStateException"
    with pytest.raises(ValueError, match="Expecting value"):
        checkpointer.checkpoint()


def test_an_io_handler_writes_errors_to_the_error_file():
    """A line each."""
    process = kcl.KCLProcess(V1(), io.StringIO(), io.StringIO(), io.StringIO())
    process.io_handler.write_error("the disk is full")
    assert process.io_handler.error_file.getvalue() == "the disk is full\n"


class Hooked(kcl.KCLProcess):
    """Takes note of each hook, and passes on to what it overrides."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seen = []

    def _handle_a_line(self, line):
        self.seen.append(json.loads(line)["action"])
        super()._handle_a_line(line)

    def _perform_action(self, action):
        self.seen.append(type(action))
        super()._perform_action(action)

    def _report_done(self, response_for=None):
        self.seen.append(response_for)
        super()._report_done(response_for)


@pytest.mark.parametrize("kind", [V1, V2, V3])
def test_overridden_hooks_are_called_for_each_message(kind):
    """With a line, an input and an action, through the whole life of a shard."""
    processor, output = kind(), io.StringIO()
    given = as_text(Initialize("shardId-0", "1", 0), BATCH, DONE, ShutdownRequested(), Shutdown("TERMINATE"), DONE)
    process = Hooked(processor, given, output, io.StringIO())
    process.run()
    assert processor.calls == [("initialize", "shardId-0"), ("process_records", ["456"]), ("shutdown", "TERMINATE")]
    assert process.seen == [
        *("initialize", messages.InitializeInput, "initialize"),
        *("processRecords", messages.ProcessRecordsInput, "processRecords"),
        *("shutdownRequested", messages.ShutdownRequestedInput, "shutdownRequested"),
        *("shutdown", messages.ShutdownInput, "shutdown"),
    ]
    answers = [json.loads(line) for line in output.getvalue().splitlines() if line]
    assert [answer.get("responseFor", answer.get("sequenceNumber")) for answer in answers] == [
        *("initialize", "456", "processRecords", "shutdownRequested", None, "shutdown")
    ]


def test_a_hook_that_ends_the_process_leaves_the_batch_unacknowledged(run_child):
    """A published program ends so that the batch comes again."""
    finished = run_child(
        PROGRAM.format(process="raise LookupError('db down')").split("if __name__")[0] + "import os, sys\n"
        "class Process(kcl.KCLProcess):\n"
        "    def _perform_action(self, action):\n"
        "        try:\n"
        "            action.dispatch(self.checkpointer, self.processor)\n"
        "        except Exception as error:\n"
        "            print('reported', error)\n"
        "            sys.exit(42)\n"
        "Process(RecordProcessor()).run()\n",
        Initialize("shardId-0"),
        BATCH,
    )
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 42)
    assert finished.stderr.endswith("reported db down\n")


HOOKS = {
    "a subclass": (
        "class Process(kcl.KCLProcess):\n    def _report_done(self, response_for=None):\n"
        "        print('hook'); super()._report_done(response_for)\nprocess = Process(RecordProcessor())\n"
    ),
    "an attribute": (
        "process = kcl.KCLProcess(RecordProcessor())\nperform = process._perform_action\n"
        "process._perform_action = lambda action: (print('hook'), perform(action))\n"
    ),
    "a patched class": (
        "handle = kcl.KCLProcess._handle_a_line\n"
        "kcl.KCLProcess._handle_a_line = lambda self, line: (print('hook'), handle(self, line))\n"
        "process = kcl.KCLProcess(RecordProcessor())\n"
    ),
    "an io_handler": (
        "process = kcl.KCLProcess(RecordProcessor())\nwrite = process.io_handler.write_action\n"
        "process.io_handler.write_action = lambda response: (print('hook'), write(response))\n"
    ),
    "a class of io_handler": (
        "import sys\nclass Own(kcl._IOHandler):\n    def write_line(self, line):\n"
        "        print('hook'); super().write_line(line)\n"
        "class Process(kcl.KCLProcess):\n    def __init__(self, processor):\n"
        "        self.io_handler = Own(sys.stdin, sys.stdout, sys.stderr)\n"
        "        self.checkpointer = kcl.Checkpointer(self.io_handler)\n"
        "        self.processor = kcl.v3processor.V2toV3Processor(kcl.v2processor.V1toV2Processor(processor))\n"
        "process = Process(RecordProcessor())\n"
    ),
    "a checkpointer": (
        "process = kcl.KCLProcess(RecordProcessor())\nask = process.checkpointer.checkpoint\n"
        "process.checkpointer.checkpoint = lambda: (print('hook'), ask())\n"
    ),
}


@pytest.mark.parametrize("text", HOOKS.values(), ids=HOOKS)
def test_whatever_a_program_replaces_is_used_over_real_pipes(run_child, text):
    """And what it prints stays off the pipe; the daemon reads no empty lines."""
    program = PROGRAM.format(process="").split("if __name__")[0] + text + "process.run()\n"
    finished = run_child(program, Initialize("shardId-0"), BATCH, DONE, b"\n", Shutdown("TERMINATE"), DONE)
    assert finished.sent == [
        *(Status("initialize"), Checkpoint(), Status("processRecords"), Checkpoint(), Status("shutdown"))
    ]
    assert finished.exit_code == 0
    assert "hook\n" in finished.stderr
    assert finished.stderr.replace("hook\n", "") == "initialize shardId-0\nb'meow' bWVvdw== cat\nTERMINATE\n"


def test_text_that_is_written_in_pieces_arrives_whole(run_child):
    """By a program that writes to the file of its io_handler itself."""
    finished = run_child(
        PROGRAM.format(process="").split("if __name__")[0]
        + "import json\nclass Process(kcl.KCLProcess):\n    def _report_done(self, response_for=None):\n"
        "        file = self.io_handler.output_file\n"
        "        file.write(json.dumps({'action': 'status', 'responseFor': response_for}))\n"
        "        file.write('\\n')\n        file.flush()\n"
        "Process(RecordProcessor()).run()\n",
        Initialize("shardId-0"),
    )
    assert (finished.sent, finished.exit_code) == ([Status("initialize")], 0)


@pytest.mark.parametrize(
    ("value", "sent", "exit_code", "text"),
    [
        ("", [Status("initialize"), Status("processRecords")], 0, "process_records failed and is acknowledged all"),
        ("stop", [Status("initialize")], 1, "the record processor failed at process_records once"),
        ("skip", [Status("initialize"), Status("processRecords")], 0, "skipped process_records 1 records"),
        ("ignore", [], 2, "KCLPY_ON_ERROR is 'stop' or 'skip', not 'ignore'"),
    ],
)
def test_the_variable_holds_with_hooks_as_well(run_child, value, sent, exit_code, text):
    """With one attempt; a wrong value is found before the first message."""
    finished = run_child(
        PROGRAM.format(process="raise LookupError('db down')").split("if __name__")[0]
        + HOOKS["a subclass"]
        + "process.run()\n",
        Initialize("shardId-0"),
        BATCH,
        environment={"KCLPY_ON_ERROR": value},
    )
    assert (finished.sent, finished.exit_code) == (sent, exit_code)
    assert text in finished.stderr


def test_hooks_can_be_called_by_themselves():
    """As the unit tests of programs do, without `run`; what is not an action is printed as a failure."""
    processor, files = V1(), (io.StringIO(), io.StringIO(), io.StringIO())
    process = kcl.KCLProcess(processor, *files)
    process._perform_action(dispatch.message_decode({**START, "action": "initialize"}))
    process._perform_action(None)
    process._report_done("initialize")
    assert processor.calls == [("initialize", "s")]
    assert "AttributeError" in files[2].getvalue()
    assert files[1].getvalue() == '\n{"action": "status", "responseFor": "initialize"}\n'


def test_an_io_handler_without_files_is_enough():
    """Anything that reads and writes messages."""

    class Own:
        def __init__(self):
            self.lines = [encode(Initialize("s")).decode()]
            self.written = []

        def read_line(self):
            return self.lines.pop() if self.lines else ""

        def load_action(self, line):
            return json.loads(line, object_hook=dispatch.message_decode)

        def write_action(self, response):
            self.written.append(response)

    process = kcl.KCLProcess(V1())
    process.io_handler = Own()
    process.run()
    assert process.io_handler.written == [{"action": "status", "responseFor": "initialize"}]


def test_the_checkpointer_that_is_delivered_is_one_of_the_drop_in():
    """With the io_handler of its process, whose own checkpointer is good in a call as well."""
    processor, seen = V1(), []

    def process_records(records, checkpointer):
        seen.append((isinstance(checkpointer, kcl.Checkpointer), checkpointer.io_handler is process.io_handler))
        checkpointer.io_handler.write_error("said")
        checkpointer.checkpoint(records[0])
        process.checkpointer.checkpoint()

    processor.process_records = process_records
    output, error = io.StringIO(), io.StringIO()
    process = kcl.KCLProcess(processor, as_text(Initialize("s"), BATCH, DONE, DONE), output, error)
    process.run()
    assert (seen, error.getvalue()) == ([(True, True)], "said\n")
    sent = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [message.get("sequenceNumber", "-") for message in sent] == ["-", "456", None, "-"]


@pytest.mark.parametrize("hooked", [False, True], ids=["delivered", "hooked"])
def test_a_forked_process_cannot_checkpoint(run_child, hooked):
    """Neither on the pipe, nor into a file that has been opened under the pipe's number since."""
    if not hasattr(os, "fork"):
        pytest.skip("there are no forks here")
    program = PROGRAM.format(
        process="import os\n"
        "        pid = os.fork()\n"
        "        if not pid:\n"
        "            files = [open('victim', 'w') for _ in range(20)]\n"
        "            try: checkpointer.checkpoint()\n"
        "            except Exception as error: print(type(error).__name__, flush=True)\n"
        "            os._exit(0)\n"
        "        os.waitpid(pid, 0)\n"
        "        print(os.path.getsize('victim'))"
    )
    if hooked:
        program = (
            program.split("if __name__")[0] + HOOKS["a subclass"].replace("print('hook'); ", "") + "process.run()\n"
        )
    finished = run_child(program, Initialize("shardId-0"), BATCH, DONE)
    assert finished.sent == [Status("initialize"), Checkpoint(), Status("processRecords")]
    raised = "EndOfStreamError" if hooked else "InvalidStateError"
    assert finished.stderr.splitlines()[2:] == [raised, "0"]


def test_hooks_are_not_called_for_a_shard_that_is_initialized_while_the_daemon_is_being_stopped(run_child, tmp_path):
    """Its messages are acknowledged, and nothing is processed or checkpointed."""
    (tmp_path / "stopping").touch()
    finished = run_child(
        PROGRAM.format(process="").split("if __name__")[0] + HOOKS["a subclass"] + "process.run()\n",
        Initialize("shardId-0"),
        BATCH,
        LeaseLost(),
        environment={"KCLPY_STOPPING": str(tmp_path / "stopping")},
    )
    assert finished.sent == [Status("initialize"), Status("processRecords"), Status("leaseLost")]
    assert finished.exit_code == 0
    (line,) = finished.stderr.splitlines()
    assert "the daemon is being stopped: this shard is not initialized" in line
